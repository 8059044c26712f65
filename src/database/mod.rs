//! The one shared mutable thing: the current snapshot, the only writer, transactions.

mod advisory;
mod commit;
mod large_objects;
mod locks;
mod merge;
mod pending;
mod sequences;
mod temporary;
#[cfg(test)]
mod tests;
mod transaction;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::watch;

use crate::base::{Error, Oid, Result, Version};
use crate::catalog::Snapshot;
use crate::notify::Hub;
use crate::storage::Store;

pub use advisory::{
    Advisory, AdvisoryKey, AdvisoryLock, AdvisoryMode, AdvisoryScope,
    mode_name as advisory_mode_name,
};
pub use large_objects::{Extent, LargeObjectView};
pub use locks::{Lock, LockMode, Locks};
pub use sequences::Sequences;
pub use transaction::{Isolation, ReadSet, Transaction};

/// The shared handle. Readers take no lock: they clone the current [`Arc<Snapshot>`].
#[derive(Debug)]
pub struct Database {
    store: Arc<Store>,
    hub: Arc<Hub>,
    locks: Arc<Locks>,
    advisory: Arc<Advisory>,
    sequences: Sequences,
    current: watch::Sender<Arc<Snapshot>>,
    /// Every committed version somebody may still hold. A plain mutex, held to look and to insert.
    live: Mutex<BTreeMap<Version, Weak<Snapshot>>>,
    next_oid: AtomicU32,
    next_stamp: AtomicU64,
    /// Held by the one who makes commits durable; the only lock held over an await.
    writer: tokio::sync::Mutex<()>,
    /// Commits that wait for the writer. A plain mutex, held to push and to drain.
    queued: Mutex<Vec<commit::Request>>,
}

/// What a successful commit gives back.
#[derive(Debug)]
pub struct Committed {
    /// The version that has it, or the current one if nothing durable changed.
    pub version: Version,
    /// The catalog after it, temporary objects included: the session keeps those ([`Transaction`]
    /// is begun with them). Keeping it keeps no file alive, so do not read rows through it: begin a
    /// transaction.
    pub view: Arc<Snapshot>,
}

impl Database {
    /// Opens the data directory and recovers. Blocking. Second value: whether this was the first
    /// start.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(root: &Path) -> Result<(Arc<Self>, bool)> {
        let (store, recovered) = Store::open(root)?;
        let snapshot = Arc::new(recovered.snapshot);
        let next_stamp = AtomicU64::new(first_stamp(&snapshot));
        let live = BTreeMap::from([(snapshot.version(), Arc::downgrade(&snapshot))]);
        let store = Arc::new(store);
        let database = Self {
            sequences: Sequences::new(Arc::clone(&store), recovered.sequences),
            store,
            hub: Arc::new(Hub::new()),
            locks: Arc::new(Locks::default()),
            advisory: Arc::default(),
            current: watch::Sender::new(snapshot),
            live: Mutex::new(live),
            next_oid: AtomicU32::new(recovered.next_oid.0),
            next_stamp,
            writer: tokio::sync::Mutex::default(),
            queued: Mutex::default(),
        };
        Ok((Arc::new(database), recovered.first_start))
    }

    /// The current catalog.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.borrow())
    }

    /// A fresh OID. One that no commit uses is lost, or given again after a restart.
    pub fn new_oid(&self) -> Oid {
        Oid(self.next_oid.fetch_add(1, Ordering::Relaxed))
    }

    /// A number that no large object has as its body's or its stamp.
    fn new_stamp(&self) -> u64 {
        self.next_stamp.fetch_add(1, Ordering::Relaxed)
    }

    /// The first OID not given yet.
    fn next_oid(&self) -> Oid {
        Oid(self.next_oid.load(Ordering::Relaxed))
    }

    /// Where bytes rest.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Who listens.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Where sequences stand.
    pub fn sequences(&self) -> &Sequences {
        &self.sequences
    }

    /// Advisory locks.
    pub fn advisory(&self) -> &Arc<Advisory> {
        &self.advisory
    }

    /// Table locks.
    pub fn locks(&self) -> &Arc<Locks> {
        &self.locks
    }

    /// Commits: seal segments and fsync → rebase: apply to a copy → one SQLite transaction → swap →
    /// notify. Not cancel-safe in the sense of undoing: it runs to its end even if the caller goes
    /// away.
    ///
    /// # Errors
    /// `40001` conflict; `58030`/`53100` storage. On error nothing changed and the transaction is
    /// gone.
    pub async fn commit(self: &Arc<Self>, transaction: Transaction) -> Result<Committed> {
        if transaction.is_read_only_so_far() {
            // The usual end of a query: nothing to write, nobody to tell.
            let view = Arc::new(Snapshot::clone(transaction.view()));
            let version = view.version();
            return Ok(Committed { version, view });
        }
        let database = Arc::clone(self);
        tokio::spawn(async move { database.commit_now(transaction).await })
            .await
            .map_err(|error| Error::internal("committing", error))?
    }

    /// Starts background work (merging small segments, sweeping files) until `stop` is cancelled.
    pub fn start_background(self: &Arc<Self>, stop: tokio_util::sync::CancellationToken) {
        tokio::spawn(Arc::clone(self).work_in_background(stop));
    }

    /// Makes `after`, durable by now, the current catalog.
    fn advance(&self, after: &Arc<Snapshot>) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.insert(after.version(), Arc::downgrade(after));
        self.current.send_replace(Arc::clone(after));
    }

    /// The oldest version somebody still holds; at most the current one.
    fn oldest_in_use(&self) -> Version {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|_, snapshot| snapshot.strong_count() > 0);
        live.keys()
            .next()
            .copied()
            .unwrap_or_else(|| self.current.borrow().version())
    }
}

/// More than every number a large object has or had. The clock sees to those that are gone: nobody
/// takes numbers faster than it counts microseconds.
fn first_stamp(snapshot: &Snapshot) -> u64 {
    let now = u64::try_from(chrono::Utc::now().timestamp_micros()).unwrap_or(0);
    let objects = snapshot.large_objects();
    let taken = objects.map(|of| of.body.max(of.stamp)).max();
    now.max(taken.unwrap_or(0) + 1)
}
