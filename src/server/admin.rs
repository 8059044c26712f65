//! The admin endpoint: `/healthz` (alive), `/readyz` (taking connections), `/metrics` (Prometheus
//! text).

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

use crate::base::{Error, Result, SqlState};
use crate::observe::metrics as names;
use crate::session::Shared;

/// The process's recorder: metrics are process-wide by nature, and servers in one process (tests)
/// share it.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

#[derive(Clone)]
struct Endpoint {
    shared: Arc<Shared>,
    recorder: PrometheusHandle,
}

/// Starts to answer on `address`; gives the real address.
///
/// # Errors
/// `58030` if the address is taken.
pub(super) async fn start(address: SocketAddr, shared: Arc<Shared>) -> Result<SocketAddr> {
    let recorder = recorder()?;
    let socket = TcpListener::bind(address).await.map_err(|error| {
        Error::new(
            SqlState::IO_ERROR,
            format!("admin endpoint could not listen on {address}: {error}"),
        )
        .hint("Choose another address with --admin-listen, or \"off\".")
    })?;
    let local = socket
        .local_addr()
        .map_err(|error| Error::internal("reading the admin endpoint's address", error))?;
    let stop = shared.sessions.shutdown.clone();
    let routes = axum::Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Endpoint { shared, recorder });
    tokio::spawn(async move {
        let served = axum::serve(socket, routes)
            .with_graceful_shutdown(async move { stop.cancelled().await })
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "the admin endpoint ended");
        }
    });
    Ok(local)
}

fn recorder() -> Result<PrometheusHandle> {
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    match PrometheusBuilder::new().install_recorder() {
        Ok(handle) => {
            names::describe();
            Ok(RECORDER.get_or_init(|| handle).clone())
        }
        // Another server of this process was faster.
        Err(error) => RECORDER
            .get()
            .cloned()
            .ok_or_else(|| Error::internal("installing the metrics recorder", error)),
    }
}

async fn ready(State(endpoint): State<Endpoint>) -> (StatusCode, &'static str) {
    if endpoint.shared.sessions.shutdown.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn metrics(State(endpoint): State<Endpoint>) -> String {
    names::sample(
        endpoint.shared.sessions.all().len(),
        endpoint.shared.database.snapshot().version(),
    );
    endpoint.recorder.run_upkeep();
    endpoint.recorder.render()
}
