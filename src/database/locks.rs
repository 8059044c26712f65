//! Table locks: few modes, held to the end of the transaction, with deadlock detection over the
//! wait-for graph.
//!
//! Waiters are served first come, first served: a request waits behind every earlier waiter it
//! conflicts with, so a stream of appends cannot starve a rewrite. A transaction that already holds
//! a lock on the table may pass the queue, because those behind it wait for it anyway. Whoever
//! would close a circle of waits is refused at once.
//!
//! One plain mutex guards everything and is never held over an await.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::base::{Error, Oid, Result, SessionId, SqlState};
use crate::observe::Interrupt;

/// How a transaction holds a table. Reading takes no lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    /// INSERT and COPY: share with one another and with [`LockMode::Rewrite`].
    Append,
    /// What must stay as it is while a foreign key looks at it.
    Share,
    /// UPDATE, DELETE: one at a time, appends go on.
    Rewrite,
    /// TRUNCATE, ALTER, DROP, LOCK TABLE: alone.
    Exclusive,
}

impl LockMode {
    /// Whether two transactions cannot hold these at once.
    fn conflicts(self, other: Self) -> bool {
        match (self, other) {
            (Self::Append, Self::Append | Self::Share | Self::Rewrite)
            | (Self::Share, Self::Append | Self::Share)
            | (Self::Rewrite, Self::Append) => false,
            (Self::Rewrite, Self::Rewrite | Self::Share)
            | (Self::Share, Self::Rewrite)
            | (Self::Exclusive, _)
            | (_, Self::Exclusive) => true,
        }
    }

    /// The PostgreSQL mode that behaves so, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Append => "RowExclusiveLock",
            Self::Share => "ShareLock",
            Self::Rewrite => "ShareRowExclusiveLock",
            Self::Exclusive => "AccessExclusiveLock",
        }
    }
}

/// Who holds what, who waits for whom.
#[derive(Debug, Default)]
pub struct Locks {
    tables: Mutex<HashMap<Oid, Table>>,
    next_owner: AtomicU64,
}

/// A lock that is held or waited for.
#[derive(Debug, Clone, Copy)]
pub struct Lock {
    /// The table.
    pub table: Oid,
    /// Whose it is.
    pub session: SessionId,
    /// The number of its transaction among all that ever took a lock.
    pub transaction: u64,
    /// How it is held, or asked for.
    pub mode: LockMode,
    /// Whether it is held.
    pub granted: bool,
}

/// Identity of a lock-holding transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Owner {
    number: u64,
    session: SessionId,
}

#[derive(Debug, Default)]
struct Table {
    /// At most one entry per owner: the strongest mode it has.
    held: Vec<(Owner, LockMode)>,
    queue: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    owner: Owner,
    mode: LockMode,
    granted: oneshot::Sender<()>,
}

/// The locks of one transaction; dropping it releases them all.
#[derive(Debug)]
pub(super) struct Holder {
    locks: Arc<Locks>,
    owner: Owner,
    tables: HashSet<Oid>,
}

impl Holder {
    pub(super) fn new(locks: &Arc<Locks>, session: SessionId) -> Self {
        Self {
            owner: Owner {
                number: locks.next_owner.fetch_add(1, Ordering::Relaxed),
                session,
            },
            locks: Arc::clone(locks),
            tables: HashSet::new(),
        }
    }

    /// Takes the lock if it is free; false if it is not.
    pub(super) fn try_lock(&mut self, table: Oid, mode: LockMode) -> bool {
        let taken = self
            .locks
            .lock()
            .entry(table)
            .or_default()
            .take(self.owner, mode);
        if taken {
            self.tables.insert(table);
        }
        taken
    }

    /// Takes the lock, waiting for others. Cancel-safe: a dropped wait leaves the queue.
    ///
    /// # Errors
    /// `40P01`, or the interrupt's error.
    pub(super) async fn lock(
        &mut self,
        table: Oid,
        mode: LockMode,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let granted = {
            let mut tables = self.locks.lock();
            let entry = tables.entry(table).or_default();
            // Noted before it is held: a wait that is dropped just after it was granted is released
            // all the same.
            self.tables.insert(table);
            if entry.take(self.owner, mode) {
                return Ok(());
            }
            let (sender, granted) = oneshot::channel();
            entry.queue.push_back(Waiter {
                owner: self.owner,
                mode,
                granted: sender,
            });
            if let Some(circle) = find_circle(&tables, self.owner) {
                leave_queue(&mut tables, table, self.owner);
                return Err(deadlock(&circle));
            }
            granted
        };
        let waiting = Waiting {
            locks: &self.locks,
            owner: self.owner,
            table,
        };
        let outcome = tokio::select! {
            biased;
            error = interrupt.interrupted() => Err(error),
            // The sender is dropped only together with its queue entry, which only `waiting`
            // removes.
            _ = granted => Ok(()),
        };
        drop(waiting);
        outcome
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let mut tables = self.locks.lock();
        for table in &self.tables {
            if let Some(entry) = tables.get_mut(table) {
                entry.held.retain(|(owner, _)| *owner != self.owner);
                entry.serve();
                if entry.held.is_empty() && entry.queue.is_empty() {
                    tables.remove(table);
                }
            }
        }
    }
}

/// A place in a queue; dropping it gives the place up (granted or not).
struct Waiting<'a> {
    locks: &'a Locks,
    owner: Owner,
    table: Oid,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        leave_queue(&mut self.locks.lock(), self.table, self.owner);
    }
}

fn leave_queue(tables: &mut HashMap<Oid, Table>, table: Oid, owner: Owner) {
    if let Some(entry) = tables.get_mut(&table) {
        let before = entry.queue.len();
        entry.queue.retain(|waiter| waiter.owner != owner);
        if entry.queue.len() != before {
            // Those behind may have waited for this one only.
            entry.serve();
        }
    }
}

impl Locks {
    /// Every lock held or waited for, by table.
    pub fn all(&self) -> Vec<Lock> {
        let mut found = Vec::new();
        for (table, locks) in self.lock().iter() {
            let held = locks.held.iter().map(|(owner, mode)| (*owner, *mode, true));
            let waiting = locks.queue.iter().map(|w| (w.owner, w.mode, false));
            found.extend(held.chain(waiting).map(|(owner, mode, granted)| Lock {
                table: *table,
                session: owner.session,
                transaction: owner.number,
                mode,
                granted,
            }));
        }
        found.sort_by_key(|lock| (lock.table, lock.transaction));
        found
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Oid, Table>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn held_by(&self, owner: Owner) -> Option<LockMode> {
        self.held
            .iter()
            .find(|(other, _)| *other == owner)
            .map(|(_, mode)| *mode)
    }

    /// Takes the lock if nothing is in the way.
    fn take(&mut self, owner: Owner, mode: LockMode) -> bool {
        let has = self.held_by(owner);
        if has.is_some_and(|has| has >= mode) {
            return true;
        }
        let free = self.compatible(owner, mode)
            && (has.is_some() || !self.queue.iter().any(|waiter| waiter.mode.conflicts(mode)));
        if free {
            self.grant(owner, mode);
        }
        free
    }

    fn compatible(&self, owner: Owner, mode: LockMode) -> bool {
        self.held
            .iter()
            .all(|(other, held)| *other == owner || !held.conflicts(mode))
    }

    fn grant(&mut self, owner: Owner, mode: LockMode) {
        match self.held.iter_mut().find(|(other, _)| *other == owner) {
            Some((_, held)) => *held = (*held).max(mode),
            None => self.held.push((owner, mode)),
        }
    }

    /// Grants what can be granted, in order.
    fn serve(&mut self) {
        let mut still: VecDeque<Waiter> = VecDeque::with_capacity(self.queue.len());
        for waiter in std::mem::take(&mut self.queue) {
            let behind = still.iter().any(|ahead| ahead.mode.conflicts(waiter.mode));
            let upgrades = self.held_by(waiter.owner).is_some();
            if self.compatible(waiter.owner, waiter.mode) && (upgrades || !behind) {
                self.grant(waiter.owner, waiter.mode);
                // A receiver that is gone holds the lock until its transaction ends, which releases
                // it.
                let _ = waiter.granted.send(());
            } else {
                still.push_back(waiter);
            }
        }
        self.queue = still;
    }
}

/// One edge of the wait-for graph.
#[derive(Debug, Clone, Copy)]
struct Wait {
    owner: Owner,
    table: Oid,
    mode: LockMode,
    blocker: Owner,
}

/// Whom `owner` waits for: conflicting holders, and conflicting waiters ahead of it.
fn waits(tables: &HashMap<Oid, Table>, owner: Owner) -> Vec<Wait> {
    let mut waits = Vec::new();
    for (&table, entry) in tables {
        let Some(position) = entry.queue.iter().position(|w| w.owner == owner) else {
            continue;
        };
        let mode = entry.queue[position].mode;
        let upgrades = entry.held_by(owner).is_some();
        let holders = entry.held.iter().map(|(o, m)| (*o, *m));
        let ahead = entry
            .queue
            .iter()
            .take(if upgrades { 0 } else { position })
            .map(|w| (w.owner, w.mode));
        waits.extend(
            holders
                .chain(ahead)
                .filter(|(other, held)| *other != owner && held.conflicts(mode))
                .map(|(blocker, _)| Wait {
                    owner,
                    table,
                    mode,
                    blocker,
                }),
        );
    }
    waits
}

/// The circle of waits through `start`, if there is one.
fn find_circle(tables: &HashMap<Oid, Table>, start: Owner) -> Option<Vec<Wait>> {
    let mut path: Vec<Wait> = Vec::new();
    // Depth first with the alternatives of each step kept, so that deep graphs do not use the call
    // stack.
    let mut open: Vec<Vec<Wait>> = vec![waits(tables, start)];
    let mut seen = HashSet::from([start]);
    while let Some(choices) = open.last_mut() {
        let Some(step) = choices.pop() else {
            open.pop();
            path.pop();
            continue;
        };
        if step.blocker == start {
            path.push(step);
            return Some(path);
        }
        if seen.insert(step.blocker) {
            path.push(step);
            open.push(waits(tables, step.blocker));
        }
    }
    None
}

fn deadlock(circle: &[Wait]) -> Error {
    let lines: Vec<String> = circle
        .iter()
        .map(|wait| {
            format!(
                "Process {} waits for {} on relation {} of database {}; blocked by process {}.",
                wait.owner.session,
                wait.mode.name(),
                wait.table,
                Oid::DATABASE,
                wait.blocker.session,
            )
        })
        .collect();
    Error::new(SqlState::DEADLOCK_DETECTED, "deadlock detected")
        .detail(lines.join("\n"))
        .hint("See server log for query details.")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const T: Oid = Oid(16384);
    const U: Oid = Oid(16385);

    fn holder(locks: &Arc<Locks>, session: i32) -> Holder {
        Holder::new(locks, SessionId(session))
    }

    async fn waits_for_ever(future: impl Future) -> bool {
        tokio::time::timeout(Duration::from_millis(20), future)
            .await
            .is_err()
    }

    #[tokio::test]
    async fn modes_conflict_as_documented() {
        let locks = Arc::new(Locks::default());
        let (mut a, mut b, mut c) = (holder(&locks, 1), holder(&locks, 2), holder(&locks, 3));
        assert!(a.try_lock(T, LockMode::Append));
        assert!(b.try_lock(T, LockMode::Rewrite));
        assert!(c.try_lock(T, LockMode::Append));
        assert!(!c.try_lock(T, LockMode::Rewrite));
        assert!(!a.try_lock(T, LockMode::Exclusive));
        drop((b, c));
        assert!(a.try_lock(T, LockMode::Exclusive));
        assert!(!holder(&locks, 4).try_lock(T, LockMode::Append));
    }

    #[tokio::test]
    async fn appends_do_not_starve_an_exclusive_lock() {
        let locks = Arc::new(Locks::default());
        let interrupt = Interrupt::new();
        let mut a = holder(&locks, 1);
        assert!(a.try_lock(T, LockMode::Append));
        let mut b = holder(&locks, 2);
        let task = {
            let interrupt = interrupt.clone();
            tokio::spawn(async move {
                let outcome = b.lock(T, LockMode::Exclusive, &interrupt).await;
                (b, outcome)
            })
        };
        tokio::time::sleep(Duration::from_millis(10)).await;
        let mut c = holder(&locks, 3);
        assert!(
            !c.try_lock(T, LockMode::Append),
            "it waits behind the exclusive lock"
        );
        assert!(
            a.try_lock(T, LockMode::Rewrite),
            "a holder passes the queue"
        );
        drop(a);
        let (b, outcome) = task.await.expect("no panic");
        outcome.expect("granted");
        drop(b);
        assert!(c.try_lock(T, LockMode::Append));
    }

    #[tokio::test]
    async fn whoever_closes_the_circle_is_refused() {
        let locks = Arc::new(Locks::default());
        let interrupt = Interrupt::new();
        let (mut a, mut b) = (holder(&locks, 1), holder(&locks, 2));
        assert!(a.try_lock(T, LockMode::Exclusive));
        assert!(b.try_lock(U, LockMode::Exclusive));
        let task = {
            let interrupt = interrupt.clone();
            tokio::spawn(async move {
                let outcome = a.lock(U, LockMode::Append, &interrupt).await;
                (a, outcome)
            })
        };
        tokio::time::sleep(Duration::from_millis(10)).await;
        let error = b
            .lock(T, LockMode::Append, &interrupt)
            .await
            .expect_err("a circle");
        assert_eq!(error.state(), SqlState::DEADLOCK_DETECTED);
        drop(b);
        let (_a, outcome) = task.await.expect("no panic");
        outcome.expect("the other one goes on");
    }

    #[tokio::test]
    async fn an_interrupted_or_dropped_wait_leaves_no_trace() {
        let locks = Arc::new(Locks::default());
        let interrupt = Interrupt::new();
        let (mut a, mut b, mut c) = (holder(&locks, 1), holder(&locks, 2), holder(&locks, 3));
        assert!(a.try_lock(T, LockMode::Rewrite));
        assert!(waits_for_ever(b.lock(T, LockMode::Exclusive, &interrupt)).await);
        assert!(c.try_lock(T, LockMode::Append), "nobody waits any more");
        interrupt.interrupt(Error::new(SqlState::QUERY_CANCELED, "stop"));
        let error = b
            .lock(T, LockMode::Exclusive, &interrupt)
            .await
            .expect_err("interrupted");
        assert_eq!(error.state(), SqlState::QUERY_CANCELED);
        drop((a, b, c));
        assert!(locks.lock().is_empty());
    }
}
