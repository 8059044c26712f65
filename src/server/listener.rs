//! Accepting connections, and letting them go.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::session::Shared;
use crate::wire;

/// Time an accept loop rests after an error such as "too many open files".
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Accepts until shutdown, then drains: idle connections end by themselves (57P01), running
/// statements and open transactions may finish within `timeout` and are ended after it.
pub(super) async fn accept(
    socket: TcpListener,
    shared: Arc<Shared>,
    options: Arc<wire::Options>,
    timeout: Duration,
) {
    let stop = shared.sessions.shutdown.clone();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next() => log_panic(ended),
            accepted = socket.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(wire::serve(stream, peer, shared.clone(), options.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            },
        }
    }
    drop(socket);
    drain(&shared, &mut connections, timeout).await;
}

async fn drain(shared: &Shared, connections: &mut JoinSet<()>, timeout: Duration) {
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            log_panic(ended);
        }
    };
    if tokio::time::timeout(timeout, all_ended).await.is_err() {
        tracing::warn!(connections = connections.len(), "ending what still runs");
        for activity in shared.sessions.all() {
            activity.terminate.cancel();
        }
        let _ = tokio::time::timeout(Duration::from_secs(2), async {
            while connections.join_next().await.is_some() {}
        })
        .await;
    }
}

/// A panic ends its own connection and no other; here it is written down.
fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked");
    }
}
