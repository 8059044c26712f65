//! One socket: framing, TLS, login, the two query protocols, COPY, cancellation. `pgwire::` appears only here.

use std::sync::Arc;

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

/// Serves one accepted connection to its end.
pub async fn serve(
    socket: tokio::net::TcpStream,
    peer: std::net::SocketAddr,
    shared: Arc<Shared>,
    options: Arc<Options>,
) {
    let _ = (socket, peer, shared, options);
    todo!()
}
