//! `SELECT … FOR UPDATE` and its kin: the rows a query gives stay as they are until the
//! transaction is over.
//!
//! What is locked is the table: FOR UPDATE keeps other transactions from changing and deleting any
//! of its rows and from locking them so, FOR SHARE from changing and deleting. The locks are taken
//! before the statement's view is pinned, so the rows it gives are the newest. Where somebody else
//! holds a table, SKIP LOCKED takes all of its rows for locked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::ObjectId;
use crate::database::{Isolation, LockMode};
use crate::observe::Interrupt;
use crate::privileges::{self, LockStrength, LockWait, Need, RowLock};
use crate::session::Session;
use crate::statement::StatementContext;

/// What a statement has locked so far.
#[derive(Debug, Default)]
pub(super) struct RowLocks {
    held: BTreeSet<(Oid, LockMode)>,
    /// What it locks for itself, once it has these.
    own: BTreeSet<(Oid, LockMode)>,
    skipped: Arc<BTreeSet<Oid>>,
}

impl RowLocks {
    /// Tables that the statement locks for itself, and waits for: there is nothing to skip.
    pub(super) fn hold(&mut self, tables: impl IntoIterator<Item = (Oid, LockMode)>) {
        for (table, mode) in tables {
            let modes = [LockMode::Share, LockMode::Rewrite].into_iter();
            let covered = modes.filter(|covered| *covered <= mode);
            self.own.extend(covered.map(|covered| (table, covered)));
        }
    }
}

impl Session {
    /// Takes the locks of rows that a statement needs and does not have. Gives what the statement
    /// is to be bound in anew, if anything moved meanwhile.
    ///
    /// # Errors
    /// `42501` where rows may not be locked, `55P03` where NOWAIT finds somebody else's lock,
    /// `40001` under REPEATABLE READ if a table changed since the transaction began, `25006` in a
    /// transaction that only reads.
    pub(super) async fn lock_rows(
        &mut self,
        context: &Arc<StatementContext>,
        needs: &[Need],
        locks: &mut RowLocks,
        interrupt: &Interrupt,
    ) -> Result<Option<Arc<StatementContext>>> {
        let wanted = wanted(context, needs, locks);
        let Some((_, first)) = wanted.first() else {
            return Ok(None);
        };
        // Whoever may not read a table does not get to lock it.
        privileges::authorize(&context.snapshot, needs, ())?;
        let doing = match first.strength {
            LockStrength::Update => "SELECT FOR UPDATE",
            LockStrength::Share => "SELECT FOR SHARE",
        };
        let is_lasting = |table: Oid| !context.snapshot.is_temporary(ObjectId::Relation(table));
        if wanted.iter().any(|(table, _)| is_lasting(*table)) {
            self.refuse_if_read_only(doing)?;
        }
        if self.pinned.is_some() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("{doing} is not allowed in a non-volatile function"),
            ));
        }
        for (table, lock) in wanted {
            if self.lock_rows_of(context, table, lock, interrupt).await? {
                locks.held.insert((table, mode(lock)));
            } else {
                Arc::make_mut(&mut locks.skipped).insert(table);
            }
        }
        let now = self.context_skipping(&locks.skipped)?;
        let moved = self.basis(&now) != self.basis(context) || now.skipped != context.skipped;
        Ok(moved.then_some(now))
    }

    /// What the statement sees as of now, but for the rows of tables that it skips.
    pub(super) fn context_skipping(
        &mut self,
        skipped: &Arc<BTreeSet<Oid>>,
    ) -> Result<Arc<StatementContext>> {
        let now = self.context()?;
        if skipped.is_empty() {
            return Ok(now);
        }
        let mut skipping = StatementContext::clone(&now);
        skipping.skipped = Arc::clone(skipped);
        Ok(Arc::new(skipping))
    }

    /// Takes one of the locks; `false` where SKIP LOCKED finds somebody else's.
    async fn lock_rows_of(
        &mut self,
        context: &StatementContext,
        table: Oid,
        lock: RowLock,
        interrupt: &Interrupt,
    ) -> Result<bool> {
        let mode = mode(lock);
        if lock.wait == LockWait::Block {
            self.lock(table, mode, interrupt).await?;
        } else {
            let name = context.snapshot.relation(table).map(|of| of.name.as_str());
            let given_up = format!(
                "could not obtain lock on row in relation \"{}\"",
                name.unwrap_or_default()
            );
            let taken = self
                .lock_within(Duration::ZERO, &given_up, table, mode, interrupt)
                .await;
            match taken {
                Err(error)
                    if lock.wait == LockWait::Skip
                        && error.state() == SqlState::LOCK_NOT_AVAILABLE =>
                {
                    return Ok(false);
                }
                taken => taken?,
            }
        }
        let transaction = self.transaction()?;
        if transaction.isolation() != Isolation::ReadCommitted {
            transaction.must_be_current(table)?;
        }
        Ok(true)
    }
}

/// Refuses locks of rows where they would be asked for later, or again and again.
pub(super) fn refuse_row_locks(needs: &[Need], within: &str) -> Result<()> {
    match locks_rows(needs) {
        true => Err(Error::unsupported(format!(
            "FOR UPDATE and FOR SHARE in {within}"
        ))),
        false => Ok(()),
    }
}

/// Whether a statement locks rows.
pub(super) fn locks_rows(needs: &[Need]) -> bool {
    needs
        .iter()
        .any(|need| matches!(need, Need::RowLock { .. }))
}

/// How a table is held for its rows to be locked.
fn mode(lock: RowLock) -> LockMode {
    match lock.strength {
        LockStrength::Update => LockMode::Rewrite,
        LockStrength::Share => LockMode::Share,
    }
}

/// The tables to lock that are neither held nor skipped, with all that stand under them.
fn wanted(context: &StatementContext, needs: &[Need], locks: &RowLocks) -> Vec<(Oid, RowLock)> {
    let mut wanted = Vec::new();
    for need in needs {
        if let Need::RowLock { relation, lock, .. } = need {
            let tables = context.snapshot.meant(*relation, lock.only).into_iter();
            wanted.extend(tables.map(|table| (table, *lock)));
        }
    }
    wanted.retain(|(table, lock)| {
        let lockable = (*table, mode(*lock));
        let skips = lock.wait == LockWait::Skip;
        let skipped = skips && (locks.skipped.contains(table) || locks.own.contains(&lockable));
        !skipped && !locks.held.contains(&lockable)
    });
    wanted
}
