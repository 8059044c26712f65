//! The one shared mutable thing: the current snapshot, the only writer, transactions.

mod commit;
mod locks;
mod merge;
mod transaction;

use std::path::Path;
use std::sync::Arc;

use crate::base::{Oid, Result, Version};
use crate::catalog::Snapshot;
use crate::notify::Hub;
use crate::storage::Store;

pub use locks::{LockMode, Locks};
pub use transaction::{Isolation, Transaction};

/// The shared handle. Readers take no lock: they clone the current [`Arc<Snapshot>`].
#[derive(Debug)]
pub struct Database {
    _private: (),
}

/// What a successful commit gives back.
#[derive(Debug)]
pub struct Committed {
    /// The version that has it, or the current one if nothing durable changed.
    pub version: Version,
    /// The catalog after it, temporary objects included: the session keeps those
    /// ([`Transaction`] is begun with them).
    pub view: Arc<Snapshot>,
}

impl Database {
    /// Opens the data directory and recovers. Blocking. Second value: whether this was the first start.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(root: &Path) -> Result<(Arc<Self>, bool)> {
        let _ = root;
        todo!()
    }

    /// The current catalog.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        todo!()
    }

    /// A fresh OID.
    pub fn new_oid(&self) -> Oid {
        todo!()
    }

    /// Where bytes rest.
    pub fn store(&self) -> &Arc<Store> {
        todo!()
    }

    /// Who listens.
    pub fn hub(&self) -> &Arc<Hub> {
        todo!()
    }

    /// Table locks.
    pub fn locks(&self) -> &Arc<Locks> {
        todo!()
    }

    /// Commits: rebase → apply to a copy → seal segments and fsync → one SQLite transaction → swap → notify. Not
    /// cancel-safe in the sense of undoing: it runs to its end even if the caller goes away.
    ///
    /// # Errors
    /// `40001` conflict; `58030`/`53100` storage. On error nothing changed and the transaction is gone.
    pub async fn commit(self: &Arc<Self>, transaction: Transaction) -> Result<Committed> {
        let _ = transaction;
        todo!()
    }

    /// Starts background work (merging small segments, sweeping files) until `stop` is cancelled.
    pub fn start_background(self: &Arc<Self>, stop: tokio_util::sync::CancellationToken) {
        let _ = stop;
        todo!()
    }
}
