//! Pending changes over a base: a private view of the catalog.
//!
//! `view` = `base` + the session's temporary objects + the pending changes, in this order. A
//! pending change has been applied once already, so applying it again on a newer base fails only
//! through what others committed: that is `40001`.
//!
//! A transaction keeps its base alive, and with it every file its view can name. Files it wrote
//! itself belong to nobody once their segments are dropped; [`Store`](crate::storage::Store)
//! notices that and removes them.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::large_objects::{LargeObjectView, LargeObjects};
use super::locks::Holder;
use super::pending::Pending;
use super::temporary::{self, Temporary};
use super::{Database, LockMode};
use crate::base::{Error, Oid, Result, SessionId, SqlState};
use crate::catalog::{Change, Relation, Snapshot};
use crate::observe::Interrupt;
use crate::privileges::Authorized;

/// How a transaction sees what others commit meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Each statement sees what is committed when it starts.
    ReadCommitted,
    /// All statements see what was committed when the first one started.
    RepeatableRead,
    /// REPEATABLE READ, and what is committed is what the same transactions would have done one
    /// after the other, in the order of their commits: a transaction that changed something must
    /// have read what is there when it commits. PostgreSQL follows dependencies between rows; here
    /// they are followed between tables, so more transactions have to be tried again. One that only
    /// reads never has to.
    Serializable,
}

/// The tables a SERIALIZABLE transaction has read, noted by its statements as they start.
#[derive(Debug, Default)]
pub struct ReadSet {
    /// A plain mutex: held to note and to look, never over an await.
    tables: Mutex<BTreeSet<Oid>>,
}

impl ReadSet {
    /// A statement reads this table.
    pub fn note(&self, table: Oid) {
        self.lock().insert(table);
    }

    /// That each of them is in `tip` what it was in `base`.
    ///
    /// # Errors
    /// `40001`
    pub(super) fn check(&self, base: &Snapshot, tip: &Snapshot) -> Result<()> {
        for table in self.lock().iter() {
            // Made by the transaction itself, if it was not there.
            let Some(seen) = base.relation(*table) else {
                continue;
            };
            if !tip
                .relation(*table)
                .is_some_and(|now| Arc::ptr_eq(seen, now))
            {
                return Err(Error::new(
                    SqlState::SERIALIZATION_FAILURE,
                    "could not serialize access due to read/write dependencies among transactions",
                )
                .detail(format!(
                    "The transaction read table \"{}\", which another one has changed since.",
                    seen.name
                ))
                .hint("The transaction might succeed if retried."));
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Oid>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pending changes. Dropping it rolls back: locks are released, its files removed.
#[derive(Debug)]
pub struct Transaction {
    pub(super) database: Arc<Database>,
    isolation: Isolation,
    pub(super) role: Oid,
    pub(super) session: SessionId,
    /// What is committed, as far as this transaction knows.
    pub(super) base: Arc<Snapshot>,
    /// Whether the first statement has started.
    started: bool,
    /// The view that has the session's temporary objects.
    carried: Option<Arc<Snapshot>>,
    pub(super) temporary: Temporary,
    pub(super) view: Arc<Snapshot>,
    pub(super) pending: Pending,
    pub(super) notifies: Notifies,
    savepoints: Vec<Savepoint>,
    locks: Holder,
    pub(super) large_objects: Arc<LargeObjects>,
    pub(super) reads: Arc<ReadSet>,
}

/// Queued NOTIFYs: channel and payload, in order, each pair once.
#[derive(Debug, Default, Clone)]
pub(super) struct Notifies {
    pub(super) list: Vec<(String, String)>,
    seen: HashSet<(String, String)>,
}

#[derive(Debug)]
struct Savepoint {
    name: String,
    pending: Pending,
    notifies: usize,
    large_objects: Arc<u64>,
    base: Arc<Snapshot>,
    view: Arc<Snapshot>,
}

/// What is committed, with the session's temporary objects of the view that has them.
fn with_temporary(base: &Arc<Snapshot>, carried: Option<&Arc<Snapshot>>) -> Arc<Snapshot> {
    match carried {
        Some(carried) => temporary::carry(base, carried),
        None => Arc::clone(base),
    }
}

impl Transaction {
    /// Begins. `temporary` is the session's temporary objects: the view its last commit left
    /// ([`super::Committed::view`]), from which the schema `temp_schema` is carried over.
    pub fn begin(
        database: &Arc<Database>,
        isolation: Isolation,
        role: Oid,
        session: SessionId,
        temporary: Option<(Oid, Arc<Snapshot>)>,
    ) -> Self {
        let base = database.snapshot();
        let carried = temporary.map(|(_, view)| view);
        let view = with_temporary(&base, carried.as_ref());
        Self {
            database: Arc::clone(database),
            isolation,
            role,
            session,
            started: false,
            temporary: match carried {
                Some(_) => Temporary::of(&view),
                None => Temporary::default(),
            },
            base,
            carried,
            view,
            pending: Pending::default(),
            notifies: Notifies::default(),
            savepoints: Vec::new(),
            locks: Holder::new(database.locks(), session),
            large_objects: LargeObjects::new(database),
            reads: Arc::default(),
        }
    }

    /// The isolation level.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Where statements note what they read; `None` if nobody asks.
    pub fn reads(&self) -> Option<Arc<ReadSet>> {
        (self.isolation == Isolation::Serializable).then(|| Arc::clone(&self.reads))
    }

    /// Changes the level; allowed before the first statement.
    pub fn set_isolation(&mut self, isolation: Isolation) {
        self.isolation = isolation;
    }

    /// That a table is as it was when the transaction began.
    ///
    /// # Errors
    /// `40001` if others changed it since.
    pub fn must_be_current(&self, table: Oid) -> Result<()> {
        let now = self.database.snapshot();
        let same = match (self.base.relation(table), now.relation(table)) {
            (Some(then), Some(now)) => {
                then.segments().len() == now.segments().len()
                    && then
                        .segments()
                        .iter()
                        .zip(now.segments())
                        .all(|(then, now)| Arc::ptr_eq(then, now) || then == now)
            }
            (None, None) => true,
            _ => false,
        };
        match same {
            true => Ok(()),
            false => Err(concurrent("update")),
        }
    }

    /// Called at the start of every statement: under READ COMMITTED moves the base to the newest
    /// snapshot and applies the pending changes again; else pins the base at the first call.
    ///
    /// # Errors
    /// `40001` if the pending changes no longer apply.
    pub fn refresh(&mut self) -> Result<()> {
        match self.isolation {
            Isolation::RepeatableRead | Isolation::Serializable if self.started => Ok(()),
            Isolation::RepeatableRead | Isolation::Serializable | Isolation::ReadCommitted => {
                self.started = true;
                self.rebase(self.database.snapshot())
            }
        }
    }

    /// Moves the base to `newest`.
    fn rebase(&mut self, newest: Arc<Snapshot>) -> Result<()> {
        if Arc::ptr_eq(&newest, &self.base) {
            return Ok(());
        }
        let view = self.view_on(&newest).map_err(conflict)?;
        self.view = view;
        self.base = newest;
        Ok(())
    }

    fn view_on(&self, base: &Arc<Snapshot>) -> Result<Arc<Snapshot>> {
        let view = with_temporary(base, self.carried.as_ref());
        if self.pending.is_empty() {
            return Ok(view);
        }
        Ok(Arc::new(view.apply(self.pending.changes())?))
    }

    /// What this transaction sees.
    pub fn view(&self) -> &Arc<Snapshot> {
        &self.view
    }

    /// What it would see had it changed nothing.
    pub fn unchanged(&self) -> Arc<Snapshot> {
        with_temporary(&self.base, self.carried.as_ref())
    }

    /// TRUNCATE took away every row of the tables.
    pub fn note_emptied(&mut self, tables: Vec<Oid>) {
        self.pending.note_emptied(tables);
    }

    /// Whether this transaction made or truncated the table: nobody else sees its rows.
    pub fn is_fresh(&self, table: Oid) -> bool {
        let carried = self.carried.as_ref();
        let was_there = self.base.relation(table).is_some()
            || carried.is_some_and(|view| view.relation(table).is_some());
        !was_there || self.pending.is_emptied(table)
    }

    /// Makes changes, to the private view at once. Consecutive small [`Change::AddSegments`] in
    /// memory are merged, so that ten thousand one-row INSERTs are one segment.
    ///
    /// # Errors
    /// As [`Snapshot::apply`].
    pub fn push(&mut self, changes: Authorized<Vec<Change>>) -> Result<()> {
        self.push_own(changes.into_inner())
    }

    /// [`Transaction::push`] for changes the database makes of itself, which nobody has to permit.
    pub(super) fn push_own(&mut self, changes: Vec<Change>) -> Result<()> {
        let mut view = self.view.apply(&changes)?;
        // Worked on a copy, so that a failure half-way leaves nothing behind.
        let mut pending = self.pending.clone();
        for change in changes {
            self.temporary.has(&change);
            if let Some(joined) = pending.push(change, self.database.store(), &view)? {
                view = view.apply(&joined.changes())?;
            }
        }
        self.pending = pending;
        self.view = Arc::new(view);
        Ok(())
    }

    /// Large objects as a statement that starts now sees them.
    pub fn large_objects(&self) -> LargeObjectView {
        self.large_objects.view(&self.base)
    }

    /// Makes the changes that functions made of large objects. Whether they might was asked when
    /// they did.
    ///
    /// # Errors
    /// `40001` if another transaction wrote one meanwhile; as [`Snapshot::apply`].
    pub fn settle(&mut self) -> Result<bool> {
        let changes = self.large_objects.take_changes();
        if changes.is_empty() {
            return Ok(false);
        }
        self.push_own(changes)?;
        Ok(true)
    }

    /// Forgets what functions did to large objects: their statement failed.
    pub fn unsettle(&self) {
        self.large_objects.take_changes();
    }

    /// Queues a NOTIFY for the commit. An equal one already queued is dropped, as in PostgreSQL.
    pub fn notify(&mut self, channel: String, payload: String) {
        self.notifies.push(channel, payload);
    }

    /// Takes a table lock until the end of the transaction, waiting for others; the interrupt ends
    /// the wait. Under READ COMMITTED the view is refreshed once the lock is held, so take it
    /// before reading what is to be changed; else a table that others rewrote meanwhile is `40001`.
    ///
    /// # Errors
    /// `40P01` deadlock, `40001`, or the interrupt's error.
    pub async fn lock(&mut self, table: Oid, mode: LockMode, interrupt: &Interrupt) -> Result<()> {
        self.locks.lock(table, mode, interrupt).await?;
        if self.isolation == Isolation::Serializable && mode != LockMode::Append {
            self.reads.note(table);
        }
        let newest = self.database.snapshot();
        match self.isolation {
            Isolation::ReadCommitted => self.rebase(newest),
            Isolation::RepeatableRead | Isolation::Serializable if !self.started => {
                self.started = true;
                self.rebase(newest)
            }
            Isolation::RepeatableRead | Isolation::Serializable => {
                self.check_unchanged(table, mode, &newest)
            }
        }
    }

    /// With one base for all statements: nobody did to the table what this transaction, blind to
    /// it, would undo.
    fn check_unchanged(&self, table: Oid, mode: LockMode, newest: &Snapshot) -> Result<()> {
        let Some(seen) = self.base.relation(table) else {
            // Made by this transaction.
            return Ok(());
        };
        let Some(now) = newest.relation(table) else {
            return Err(concurrent("delete"));
        };
        let unchanged = match mode {
            LockMode::Append => true,
            // Keys are compared with what is seen, so all there is must be seen.
            LockMode::Share | LockMode::Rewrite if mode == LockMode::Share || now.has_unique() => {
                let ids = |relation: &Relation| -> HashSet<_> {
                    relation.segments().iter().map(|s| s.id).collect()
                };
                ids(seen) == ids(now)
            }
            LockMode::Share | LockMode::Rewrite => {
                let live: HashSet<_> = now.segments().iter().map(|s| s.id).collect();
                seen.segments().iter().all(|s| live.contains(&s.id))
            }
            LockMode::Exclusive => Arc::ptr_eq(seen, now),
        };
        if unchanged {
            Ok(())
        } else {
            Err(concurrent("update"))
        }
    }

    /// Takes the lock if it is free at once.
    pub(super) fn try_lock(&mut self, table: Oid, mode: LockMode) -> bool {
        self.locks.try_lock(table, mode)
    }

    /// SAVEPOINT
    pub fn savepoint(&mut self, name: &str) {
        self.savepoints.push(Savepoint {
            name: name.to_owned(),
            pending: self.pending.clone(),
            notifies: self.notifies.list.len(),
            large_objects: self.large_objects.mark(),
            base: Arc::clone(&self.base),
            view: Arc::clone(&self.view),
        });
    }

    /// ROLLBACK TO SAVEPOINT. Locks taken since are kept: releasing them early could only surprise.
    ///
    /// # Errors
    /// `3B001` no such savepoint; `40001` if what was pending then no longer applies.
    pub fn rollback_to(&mut self, name: &str) -> Result<()> {
        let at = self.savepoint_named(name)?;
        self.savepoints.truncate(at + 1);
        let Some(savepoint) = self.savepoints.last() else {
            return Ok(());
        };
        self.pending = savepoint.pending.clone();
        self.notifies.truncate(savepoint.notifies);
        self.large_objects.rewind(*savepoint.large_objects);
        if Arc::ptr_eq(&savepoint.base, &self.base) {
            self.view = Arc::clone(&savepoint.view);
        } else {
            self.view = self.view_on(&self.base).map_err(conflict)?;
        }
        Ok(())
    }

    /// RELEASE SAVEPOINT
    ///
    /// # Errors
    /// `3B001` no such savepoint.
    pub fn release(&mut self, name: &str) -> Result<()> {
        let at = self.savepoint_named(name)?;
        self.savepoints.truncate(at);
        Ok(())
    }

    fn savepoint_named(&self, name: &str) -> Result<usize> {
        self.savepoints
            .iter()
            .rposition(|savepoint| savepoint.name == name)
            .ok_or_else(|| {
                Error::new(
                    SqlState::INVALID_SAVEPOINT_SPECIFICATION,
                    format!("savepoint \"{name}\" does not exist"),
                )
            })
    }

    /// Whether it has anything to commit.
    pub fn is_read_only_so_far(&self) -> bool {
        self.pending.is_empty() && self.notifies.list.is_empty()
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // What it wrote and did not commit has no other owner, unless a statement still reads it:
        // then the next sweep finds it.
        self.pending = Pending::default();
        self.savepoints.clear();
        self.large_objects.forget();
        self.view = Arc::clone(&self.base);
        self.database.store().discard();
    }
}

impl Notifies {
    fn push(&mut self, channel: String, payload: String) {
        let notify = (channel, payload);
        if self.seen.insert(notify.clone()) {
            self.list.push(notify);
        }
    }

    fn truncate(&mut self, len: usize) {
        for gone in self.list.drain(len..) {
            self.seen.remove(&gone);
        }
    }
}

/// The error of changes that applied once and no longer do: because of what others committed.
pub(super) fn conflict(error: Error) -> Error {
    let state = error.state();
    // A conflict already, or trouble of our own.
    if ["40", "53", "58", "XX"]
        .iter()
        .any(|class| state.code().starts_with(class))
    {
        error
    } else {
        concurrent("update").detail(format!("{}.", error.message()))
    }
}

fn concurrent(what: &str) -> Error {
    Error::new(
        SqlState::SERIALIZATION_FAILURE,
        format!("could not serialize access due to concurrent {what}"),
    )
}
