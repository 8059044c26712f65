//! One socket: framing, TLS, login, the two query protocols, COPY, cancellation. `pgwire::` appears
//! only here.
//!
//! ```text
//! startup ─▶ connection ─┬─ frame      bytes to frames, checked
//!                        ├─ message    frames to messages, checked
//!                        ├─ simple     Query
//!                        ├─ extended   Parse Bind Describe Execute Close Sync Flush
//!                        ├─ copy       COPY both ways
//!                        ├─ encode     batches to DataRows
//!                        └─ output     one buffer to the socket
//! ```

mod auth;
mod cancel;
mod connection;
mod copy;
mod encode;
mod error;
mod extended;
mod frame;
mod function_call;
mod message;
mod output;
mod scram;
mod simple;
mod spoken;
mod startup;
pub mod tls;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tokio::net::TcpStream;

use crate::session::Shared;

/// How connections are taken.
#[derive(Debug, Clone)]
pub struct Options {
    /// TLS, if configured.
    pub tls: Option<Arc<tokio_rustls::rustls::ServerConfig>>,
    /// DER of the server's certificate, for SCRAM channel binding.
    pub certificate: Option<Vec<u8>>,
    /// Refuse logins that are neither on loopback nor encrypted.
    pub require_tls: bool,
    /// Connections at once; superusers have three more.
    pub connections_max: usize,
    /// Time a client has to log in, milliseconds.
    pub login_timeout_ms: u64,
    /// Bytes of one frame after login.
    pub frame_bytes_max: usize,
}

/// Serves one accepted connection to its end. Ends early when
/// [`crate::observe::Activity::terminate`] is cancelled, and as soon as it is idle when
/// [`crate::observe::Sessions::shutdown`] is. A panic ends this connection and no other.
pub async fn serve(
    socket: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    options: Arc<Options>,
) {
    let served = AssertUnwindSafe(connection::serve(socket, peer, shared, options)).catch_unwind();
    if served.await.is_err() {
        tracing::error!(%peer, "connection ended by a panic");
    }
}
