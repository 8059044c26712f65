//! Who is connected and what they run: the data of `pg_stat_activity`, and the handles to interrupt
//! it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use dashmap::DashMap;
use tokio_util::sync::CancellationToken;

use super::Transfer;
use crate::base::{Error, Oid, SessionId, SqlState};

/// Stops one statement, and remembers why so that the client is told the truth.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    token: CancellationToken,
    reason: Arc<OnceLock<Error>>,
}

impl Interrupt {
    /// Nothing interrupted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Interrupts; the first reason stands.
    pub fn interrupt(&self, reason: Error) {
        let _ = self.reason.set(reason);
        self.token.cancel();
    }

    /// The error to answer with once interrupted.
    pub fn error(&self) -> Error {
        self.reason.get().cloned().unwrap_or_else(|| {
            Error::new(
                SqlState::QUERY_CANCELED,
                "canceling statement due to user request",
            )
        })
    }

    /// `Err` if interrupted.
    pub fn check(&self) -> Result<(), Error> {
        if self.token.is_cancelled() {
            Err(self.error())
        } else {
            Ok(())
        }
    }

    /// Completes when interrupted. Cancel-safe.
    pub async fn interrupted(&self) -> Error {
        self.token.cancelled().await;
        self.error()
    }
}

/// What a session is doing (`pg_stat_activity.state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waiting for a command.
    Idle,
    /// Running one.
    Active,
    /// Waiting, in a transaction block.
    IdleInTransaction,
    /// Waiting, in a failed transaction block.
    IdleInTransactionAborted,
}

impl State {
    /// PostgreSQL's words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Active => "active",
            Self::IdleInTransaction => "idle in transaction",
            Self::IdleInTransactionAborted => "idle in transaction (aborted)",
        }
    }
}

/// What changes while a session lives. Times are microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone)]
pub struct Doing {
    /// What it is doing.
    pub state: State,
    /// Since when.
    pub state_change: i64,
    /// The statement running, or the last one.
    pub query: String,
    /// When it started.
    pub query_start: Option<i64>,
    /// When the transaction started.
    pub xact_start: Option<i64>,
    /// `application_name`
    pub application_name: String,
    /// What it waits for (`Lock`, `Client`, …), if it waits.
    pub wait_event: Option<&'static str>,
    /// Stops the running statement, if one runs.
    pub interrupt: Option<Interrupt>,
    /// The bulk transfer it is in, if it is in one; of several the last begun.
    pub transfer: Option<Arc<Transfer>>,
    /// The roles that its temporary objects belong or are granted to, each with what messages say
    /// of that: they cannot be dropped meanwhile, and no catalog that others see has the objects.
    pub temporary: Arc<[(Oid, String)]>,
}

/// One session, as others may see and interrupt it.
#[derive(Debug)]
pub struct Activity {
    /// Process id, as clients know it.
    pub id: SessionId,
    /// Login role.
    pub role: Oid,
    /// Login role's name.
    pub role_name: String,
    /// Peer.
    pub client: Option<SocketAddr>,
    /// What the peer is connected to.
    pub server: Option<SocketAddr>,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Secret of CancelRequest.
    pub cancel_secret: Vec<u8>,
    /// When it connected.
    pub backend_start: i64,
    /// Ends the connection (57P01); set by `pg_terminate_backend` and shutdown.
    pub terminate: CancellationToken,
    /// A plain mutex: held for copies only, never over an await.
    doing: Mutex<Doing>,
}

impl Activity {
    /// A session that has just connected.
    pub fn new(
        id: SessionId,
        role: Oid,
        role_name: String,
        client: Option<SocketAddr>,
        tls: bool,
        cancel_secret: Vec<u8>,
        now: i64,
    ) -> Self {
        Self {
            id,
            role,
            role_name,
            client,
            server: None,
            tls,
            cancel_secret,
            backend_start: now,
            terminate: CancellationToken::new(),
            doing: Mutex::new(Doing {
                state: State::Idle,
                state_change: now,
                query: String::new(),
                query_start: None,
                xact_start: None,
                application_name: String::new(),
                wait_event: None,
                interrupt: None,
                transfer: None,
                temporary: Arc::from([]),
            }),
        }
    }

    /// The same, connected to an address.
    #[must_use]
    pub fn connected_to(self, server: Option<SocketAddr>) -> Self {
        Self { server, ..self }
    }

    /// A copy of what it is doing.
    pub fn doing(&self) -> Doing {
        self.lock().clone()
    }

    /// Changes what it is doing.
    pub fn update(&self, change: impl FnOnce(&mut Doing)) {
        change(&mut self.lock());
    }

    /// Stops the running statement, if one runs.
    pub fn interrupt(&self, reason: Error) {
        if let Some(interrupt) = &self.lock().interrupt {
            interrupt.interrupt(reason);
        }
    }

    /// A bulk transfer begins; it is shown until the statement is over.
    pub fn begin_transfer(&self, transfer: &Arc<Transfer>) {
        self.lock().transfer = Some(transfer.clone());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Doing> {
        self.doing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Every session of the server.
#[derive(Debug)]
pub struct Sessions {
    by_id: DashMap<SessionId, Arc<Activity>>,
    next: AtomicI32,
    /// Cancelled when the server is asked to stop (`commons.shutdown()`, signals).
    pub shutdown: CancellationToken,
    /// When the server started, microseconds since 1970-01-01 UTC.
    pub started: i64,
}

impl Sessions {
    /// No sessions yet.
    pub fn new(started: i64) -> Self {
        Self {
            by_id: DashMap::new(),
            // Clients print it as a process id; starting high keeps it apart from real ones in
            // logs.
            next: AtomicI32::new(100_001),
            shutdown: CancellationToken::new(),
            started,
        }
    }

    /// A fresh identifier.
    pub fn new_id(&self) -> SessionId {
        SessionId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Registers a session.
    pub fn insert(&self, activity: Arc<Activity>) {
        self.by_id.insert(activity.id, activity);
    }

    /// Forgets a session.
    pub fn remove(&self, id: SessionId) {
        self.by_id.remove(&id);
    }

    /// Session by id.
    pub fn find(&self, id: SessionId) -> Option<Arc<Activity>> {
        self.by_id.get(&id).map(|entry| entry.value().clone())
    }

    /// How many sessions there are.
    pub fn count(&self) -> usize {
        self.by_id.len()
    }

    /// All sessions, in no order.
    pub fn all(&self) -> Vec<Arc<Activity>> {
        self.by_id
            .iter()
            .map(|entry| entry.value().clone())
            .collect()
    }
}
