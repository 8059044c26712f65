//! Pending changes over a base: a private view of the catalog.

use std::sync::Arc;

use super::Database;
use crate::base::{Oid, Result, SessionId};
use crate::catalog::{Change, Snapshot};
use crate::privileges::Authorized;

/// How a transaction sees what others commit meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Each statement sees what is committed when it starts.
    ReadCommitted,
    /// All statements see what was committed when the first one started. SERIALIZABLE is answered with an error: snapshot
    /// isolation is not serializable.
    RepeatableRead,
}

/// Pending changes. Dropping it rolls back: locks are released, its files removed.
#[derive(Debug)]
pub struct Transaction {
    _private: (),
}

impl Transaction {
    /// Begins. `temporary` is the session's temporary objects: the view its last commit left ([`super::Committed::view`]),
    /// from which the schema `temp_schema` is carried over.
    pub fn begin(
        database: &Arc<Database>,
        isolation: Isolation,
        role: Oid,
        session: SessionId,
        temporary: Option<(Oid, Arc<Snapshot>)>,
    ) -> Self {
        let _ = (database, isolation, role, session, temporary);
        todo!()
    }

    /// The isolation level.
    pub fn isolation(&self) -> Isolation {
        todo!()
    }

    /// Changes the level; allowed before the first statement.
    pub fn set_isolation(&mut self, isolation: Isolation) {
        let _ = isolation;
        todo!()
    }

    /// Called at the start of every statement: under READ COMMITTED moves the base to the newest snapshot and applies
    /// the pending changes again; under REPEATABLE READ pins the base at the first call.
    ///
    /// # Errors
    /// `40001` if the pending changes no longer apply.
    pub fn refresh(&mut self) -> Result<()> {
        todo!()
    }

    /// What this transaction sees.
    pub fn view(&self) -> &Arc<Snapshot> {
        todo!()
    }

    /// Makes changes, to the private view at once. Consecutive small [`Change::AddSegments`] in memory are merged, so that
    /// ten thousand one-row INSERTs are one segment.
    ///
    /// # Errors
    /// As [`Snapshot::apply`].
    pub fn push(&mut self, changes: Authorized<Vec<Change>>) -> Result<()> {
        let _ = changes;
        todo!()
    }

    /// Queues a NOTIFY for the commit. An equal one already queued is dropped, as in PostgreSQL.
    pub fn notify(&mut self, channel: String, payload: String) {
        let _ = (channel, payload);
        todo!()
    }

    /// Takes a table lock until the end of the transaction, waiting for others; the interrupt ends the wait.
    /// After a wait under READ COMMITTED the view is refreshed; under REPEATABLE READ a table changed meanwhile is `40001`.
    ///
    /// # Errors
    /// `40P01` deadlock, `40001`, or the interrupt's error.
    pub async fn lock(
        &mut self,
        table: Oid,
        mode: super::LockMode,
        interrupt: &crate::observe::Interrupt,
    ) -> Result<()> {
        let _ = (table, mode, interrupt);
        todo!()
    }

    /// SAVEPOINT
    pub fn savepoint(&mut self, name: &str) {
        let _ = name;
        todo!()
    }

    /// ROLLBACK TO SAVEPOINT
    ///
    /// # Errors
    /// `3B001` no such savepoint.
    pub fn rollback_to(&mut self, name: &str) -> Result<()> {
        let _ = name;
        todo!()
    }

    /// RELEASE SAVEPOINT
    ///
    /// # Errors
    /// `3B001` no such savepoint.
    pub fn release(&mut self, name: &str) -> Result<()> {
        let _ = name;
        todo!()
    }

    /// Whether it has anything to commit.
    pub fn is_read_only_so_far(&self) -> bool {
        todo!()
    }
}
