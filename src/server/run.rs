//! A running server: open the database, start the engine, listen, stop in reverse order.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use super::bootstrap::{self, Administrator};
use super::config::Config;
use super::{admin, listener};
use crate::base::name::quote;
use crate::base::{Error, Result, SqlState};
use crate::database::Database;
use crate::engine::{self, Engine};
use crate::observe::Sessions;
use crate::session::Shared;
use crate::settings::Settings;
use crate::wire;

/// A server that takes connections.
#[derive(Debug)]
pub struct Server {
    /// What its sessions share.
    pub shared: Arc<Shared>,
    /// Where it listens: the port is the real one if 0 was asked for.
    pub address: SocketAddr,
    /// Where the admin endpoint listens.
    pub admin_address: Option<SocketAddr>,
    /// The superuser's password, if this start made one up.
    pub new_password: Option<String>,
    accepting: JoinHandle<()>,
}

/// Opens everything and starts to listen.
///
/// `password` is the superuser's on first start (`COMMONS_PASSWORD`); without one a random one is
/// made.
///
/// # Errors
/// Whatever keeps it from serving; nothing listens then.
pub async fn start(config: &Config, password: Option<String>) -> Result<Server> {
    if config.tls.is_none() && !config.listen.ip().is_loopback() && !config.insecure {
        return Err(Error::new(
            SqlState::CONFIG_FILE_ERROR,
            format!("will not listen on {} without TLS", config.listen),
        )
        .hint("Configure [tls], listen on 127.0.0.1, or type --insecure."));
    }
    let (tls, certificate) = match &config.tls {
        Some((certificate, key)) => {
            let (tls, certificate) = wire::tls::load(certificate, key)?;
            (Some(tls), Some(certificate))
        }
        None => (None, None),
    };
    let root = config.data_dir.clone();
    let (database, first_start) = tokio::task::spawn_blocking(move || Database::open(&root))
        .await
        .map_err(|error| Error::internal("opening the data directory", error))??;
    // Bind before anything else is made: a taken port should leave no trace.
    let socket = TcpListener::bind(config.listen).await.map_err(|error| {
        Error::new(
            SqlState::IO_ERROR,
            format!("could not listen on {}: {error}", config.listen),
        )
        .hint("Is another server running on that port? Choose another one with --listen.")
    })?;
    let address = socket
        .local_addr()
        .map_err(|error| Error::internal("reading the listening address", error))?;
    // No roots: any file the server's user may read. With roots, what the operator typed counts
    // too.
    let mut file_roots = config.file_roots.clone();
    if !file_roots.is_empty() {
        file_roots.extend(config.tables.iter().map(|(_, path)| path.clone()));
    }
    let engine = Engine::new(
        database.clone(),
        engine::Options {
            memory_bytes: config.memory_bytes,
            threads: config.threads,
            temp_dir: config.data_dir.join("tmp"),
            file_roots,
            copy_roots: config.copy_roots.clone(),
        },
    )?;
    let sessions = Arc::new(Sessions::new(chrono::Utc::now().timestamp_micros()));
    let shared = Arc::new(Shared {
        database,
        engine,
        sessions,
        settings: facts(config, address),
    });
    let new_password = if first_start {
        let made_up = password.is_none().then(bootstrap::random_password);
        let chosen = password.or_else(|| made_up.clone()).unwrap_or_default();
        bootstrap::set_password(&shared, &chosen).await?;
        made_up
    } else {
        None
    };
    register_files(&shared, config).await?;
    let admin_address = match config.admin_listen {
        Some(address) => Some(admin::start(address, shared.clone()).await?),
        None => None,
    };
    let stop = shared.sessions.shutdown.clone();
    shared.database.start_background(stop);
    let options = Arc::new(wire::Options {
        tls,
        certificate,
        require_tls: !config.insecure,
        connections_max: config.connections_max,
        login_timeout_ms: u64::try_from(config.login_timeout.as_millis()).unwrap_or(u64::MAX),
        frame_bytes_max: config.message_bytes_max,
    });
    let timeout = config.shutdown_timeout;
    let accepting = tokio::spawn(listener::accept(socket, shared.clone(), options, timeout));
    tracing::info!(%address, data_dir = %config.data_dir.display(), "ready for connections");
    Ok(Server {
        shared,
        address,
        admin_address,
        new_password,
        accepting,
    })
}

/// The settings that say how this server was started.
fn facts(config: &Config, address: SocketAddr) -> Settings {
    let mut settings = Settings::new();
    settings.set_internal("listen_addresses", &address.ip().to_string());
    settings.set_internal("port", &address.port().to_string());
    settings.set_internal("max_connections", &config.connections_max.to_string());
    settings.set_internal("ssl", if config.tls.is_some() { "on" } else { "off" });
    settings
}

impl Server {
    /// Asks it to stop: no new connections, idle ones end, running statements have the configured
    /// time.
    pub fn stop(&self) {
        self.shared.sessions.shutdown.cancel();
    }

    /// Waits until it has stopped.
    pub async fn stopped(self) {
        if let Err(error) = self.accepting.await {
            tracing::error!(%error, "the listener ended badly");
        }
    }

    /// Waits for Ctrl-C, SIGTERM or `commons.shutdown()`, then stops. A second signal stops at
    /// once.
    pub async fn run_until_signal(self, signals: Signals) {
        let Signals {
            mut interrupt,
            mut terminate,
        } = signals;
        tokio::select! {
            _ = interrupt.recv() => tracing::info!("stopping on SIGINT"),
            _ = terminate.recv() => tracing::info!("stopping on SIGTERM"),
            () = self.shared.sessions.shutdown.cancelled() => tracing::info!("stopping on request"),
        }
        self.stop();
        let stopped = self.stopped();
        tokio::select! {
            () = stopped => {}
            _ = interrupt.recv() => tracing::warn!("stopping at once on a second signal"),
            _ = terminate.recv() => tracing::warn!("stopping at once on a second signal"),
        }
    }
}

/// Ctrl-C and SIGTERM, watched from before the server says that it is there: whoever reads that may
/// send one at once.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Watches from now on.
    ///
    /// # Errors
    /// `XX000` if signals cannot be watched.
    pub fn watch() -> Result<Self> {
        let watch = |kind| signal(kind).map_err(|error| Error::internal("watching signals", error));
        Ok(Self {
            interrupt: watch(SignalKind::interrupt())?,
            terminate: watch(SignalKind::terminate())?,
        })
    }
}

/// Makes the files named on the command line foreign tables of `public`, readable by all.
async fn register_files(shared: &Arc<Shared>, config: &Config) -> Result<()> {
    if config.tables.is_empty() {
        return Ok(());
    }
    let mut administrator = Administrator::open(shared).await?;
    for (name, path) in &config.tables {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let table = format!("public.{}", quote(name));
        let literal = crate::base::name::quote_literal(&path.to_string_lossy());
        let known = shared
            .database
            .snapshot()
            .relation_named(crate::base::Oid::PUBLIC_SCHEMA, name)
            .map(|relation| relation.relkind());
        match known {
            Some('f') => {
                administrator
                    .run(&format!("DROP FOREIGN TABLE {table}"))
                    .await?
            }
            Some(_) => {
                return Err(Error::new(
                    SqlState::DUPLICATE_TABLE,
                    format!("--table {name}: {table} exists already and is not a foreign table"),
                ));
            }
            None => {}
        }
        administrator
            .run(&format!(
                "CREATE FOREIGN TABLE {table} () SERVER files OPTIONS (path {literal}); \
                 GRANT SELECT ON {table} TO PUBLIC"
            ))
            .await
            .map_err(|error| error.context(format!("--table {name}={}", path.display())))?;
        tracing::info!(table, path = %path.display(), "serving a file");
    }
    Ok(())
}
