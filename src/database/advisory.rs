//! Advisory locks: on numbers whose meaning is the application's.
//!
//! A session holds one until it gives it back or ends, a transaction until it is over; what a
//! session takes several times it gives back as often. Waiters are served first come, first
//! served. Whoever would close a circle of such waits is refused at once; a circle that goes
//! through a table's lock too is not seen, and ends by a timeout.
//!
//! One plain mutex guards everything and is never held over an await.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::base::{Error, Oid, Result, SessionId, SqlState};

/// What is locked, as `pg_locks` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AdvisoryKey {
    /// The upper half of a bigint, or the first of two integers.
    pub class: u32,
    /// The lower half, or the second.
    pub object: u32,
    /// 1 for a bigint, 2 for two integers: their locks have nothing to do with one another.
    pub kind: i16,
}

impl AdvisoryKey {
    /// A bigint.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // its bits
    pub fn of_bigint(key: i64) -> Self {
        Self {
            class: (key >> 32) as u32,
            object: key as u32,
            kind: 1,
        }
    }

    /// Two integers.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // their bits
    pub fn of_two(class: i64, object: i64) -> Self {
        Self {
            class: class as u32,
            object: object as u32,
            kind: 2,
        }
    }
}

/// How, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdvisoryMode {
    /// Alone, or with others that share it.
    pub exclusive: bool,
    /// Until the transaction is over, or until it is given back.
    pub transaction: bool,
}

/// One row of `pg_locks`.
#[derive(Debug, Clone, Copy)]
pub struct AdvisoryLock {
    /// What.
    pub key: AdvisoryKey,
    /// Whose.
    pub session: SessionId,
    /// How.
    pub exclusive: bool,
    /// Held, or waited for.
    pub granted: bool,
}

/// Who holds what, who waits for whom.
#[derive(Debug, Default)]
pub struct Advisory {
    keys: Mutex<HashMap<AdvisoryKey, Entry>>,
}

#[derive(Debug, Default)]
struct Entry {
    held: Vec<Hold>,
    queue: VecDeque<Waiter>,
}

/// What a session holds in one mode, and how often.
#[derive(Debug)]
struct Hold {
    session: SessionId,
    exclusive: bool,
    by_session: usize,
    by_transaction: usize,
}

#[derive(Debug)]
struct Waiter {
    session: SessionId,
    mode: AdvisoryMode,
    granted: oneshot::Sender<()>,
}

impl Entry {
    fn is_free(&self, session: SessionId, exclusive: bool) -> bool {
        self.held
            .iter()
            .all(|hold| hold.session == session || !hold.exclusive && !exclusive)
    }

    fn grant(&mut self, session: SessionId, mode: AdvisoryMode) {
        let same = |hold: &&mut Hold| hold.session == session && hold.exclusive == mode.exclusive;
        let (by_session, by_transaction) = match mode.transaction {
            true => (0, 1),
            false => (1, 0),
        };
        match self.held.iter_mut().find(same) {
            Some(hold) => {
                hold.by_session += by_session;
                hold.by_transaction += by_transaction;
            }
            None => self.held.push(Hold {
                session,
                exclusive: mode.exclusive,
                by_session,
                by_transaction,
            }),
        }
    }

    fn take(&mut self, session: SessionId, mode: AdvisoryMode) -> bool {
        let holds = self.held.iter().any(|hold| hold.session == session);
        let free = self.is_free(session, mode.exclusive)
            && (holds
                || !self
                    .queue
                    .iter()
                    .any(|waiter| waiter.mode.exclusive || mode.exclusive));
        if free {
            self.grant(session, mode);
        }
        free
    }

    /// Grants what can be granted, in order.
    fn serve(&mut self) {
        while let Some(waiter) = self.queue.pop_front() {
            if !self.is_free(waiter.session, waiter.mode.exclusive) {
                self.queue.push_front(waiter);
                return;
            }
            // One that is gone leaves the next its turn.
            if waiter.granted.send(()).is_ok() {
                self.grant(waiter.session, waiter.mode);
            }
        }
    }
}

impl Advisory {
    fn lock(&self) -> MutexGuard<'_, HashMap<AdvisoryKey, Entry>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock if it is free; false if it is not.
    pub fn try_take(&self, session: SessionId, key: AdvisoryKey, mode: AdvisoryMode) -> bool {
        let mut keys = self.lock();
        let entry = keys.entry(key).or_default();
        let taken = entry.take(session, mode);
        if entry.held.is_empty() && entry.queue.is_empty() {
            keys.remove(&key);
        }
        taken
    }

    /// Takes the lock, waiting for others. Cancel-safe: a dropped wait leaves the queue.
    ///
    /// # Errors
    /// `40P01`
    pub async fn take(
        &self,
        session: SessionId,
        key: AdvisoryKey,
        mode: AdvisoryMode,
    ) -> Result<()> {
        let granted = {
            let mut keys = self.lock();
            let entry = keys.entry(key).or_default();
            if entry.take(session, mode) {
                return Ok(());
            }
            let (sender, granted) = oneshot::channel();
            entry.queue.push_back(Waiter {
                session,
                mode,
                granted: sender,
            });
            if waits_for_itself(&keys, session) {
                leave(&mut keys, key, session);
                return Err(Error::new(SqlState::DEADLOCK_DETECTED, "deadlock detected")
                    .detail(format!(
                        "Process {session} waits for {} on advisory lock [{},{},{},{}].",
                        mode_name(mode.exclusive),
                        Oid::DATABASE,
                        key.class,
                        key.object,
                        key.kind,
                    ))
                    .hint("See server log for query details."));
            }
            granted
        };
        let mut waiting = Waiting {
            advisory: self,
            session,
            key,
            mode,
            granted,
            done: false,
        };
        // The sender is dropped only together with its queue entry, which only `waiting` removes.
        let _ = (&mut waiting.granted).await;
        waiting.done = true;
        Ok(())
    }

    /// Gives back what the session took; false if it holds none.
    pub fn release(&self, session: SessionId, key: AdvisoryKey, exclusive: bool) -> bool {
        self.change(Some(key), |hold| {
            let mine =
                hold.session == session && hold.exclusive == exclusive && hold.by_session > 0;
            if mine {
                hold.by_session -= 1;
            }
            mine
        })
    }

    /// Gives back everything the session took for itself.
    pub fn release_all(&self, session: SessionId) {
        self.change(None, |hold| {
            let mine = hold.session == session && hold.by_session > 0;
            if mine {
                hold.by_session = 0;
            }
            mine
        });
    }

    fn end_transaction(&self, session: SessionId) {
        self.change(None, |hold| {
            let mine = hold.session == session && hold.by_transaction > 0;
            if mine {
                hold.by_transaction = 0;
            }
            mine
        });
    }

    /// Changes what is held; says whether anything was.
    fn change(&self, key: Option<AdvisoryKey>, mut give: impl FnMut(&mut Hold) -> bool) -> bool {
        let mut keys = self.lock();
        let mut changed = false;
        let all: Vec<AdvisoryKey> = match key {
            Some(key) => vec![key],
            None => keys.keys().copied().collect(),
        };
        for key in all {
            let Some(entry) = keys.get_mut(&key) else {
                continue;
            };
            let mut here = false;
            for hold in &mut entry.held {
                here |= give(hold);
            }
            if here {
                changed = true;
                entry
                    .held
                    .retain(|hold| hold.by_session + hold.by_transaction > 0);
                entry.serve();
            }
            if entry.held.is_empty() && entry.queue.is_empty() {
                keys.remove(&key);
            }
        }
        changed
    }

    /// What is held and waited for.
    pub fn all(&self) -> Vec<AdvisoryLock> {
        let keys = self.lock();
        let mut all = Vec::new();
        for (key, entry) in keys.iter() {
            let held = entry
                .held
                .iter()
                .map(|hold| (hold.session, hold.exclusive, true));
            let waiting = entry
                .queue
                .iter()
                .map(|waiter| (waiter.session, waiter.mode.exclusive, false));
            all.extend(
                held.chain(waiting)
                    .map(|(session, exclusive, granted)| AdvisoryLock {
                        key: *key,
                        session,
                        exclusive,
                        granted,
                    }),
            );
        }
        all.sort_by_key(|lock| (lock.key, lock.session, lock.exclusive));
        all
    }
}

/// The mode's name in `pg_locks`.
pub fn mode_name(exclusive: bool) -> &'static str {
    if exclusive {
        "ExclusiveLock"
    } else {
        "ShareLock"
    }
}

fn leave(keys: &mut HashMap<AdvisoryKey, Entry>, key: AdvisoryKey, session: SessionId) {
    if let Some(entry) = keys.get_mut(&key) {
        entry.queue.retain(|waiter| waiter.session != session);
        // Those behind may have waited for this one only.
        entry.serve();
        if entry.held.is_empty() && entry.queue.is_empty() {
            keys.remove(&key);
        }
    }
}

/// Whether a session waits, at last, for itself.
fn waits_for_itself(keys: &HashMap<AdvisoryKey, Entry>, start: SessionId) -> bool {
    let blockers = |session: SessionId| {
        let mut blockers = Vec::new();
        for entry in keys.values() {
            let Some(place) = entry.queue.iter().position(|w| w.session == session) else {
                continue;
            };
            let exclusive = entry.queue[place].mode.exclusive;
            let held = entry.held.iter().map(|hold| (hold.session, hold.exclusive));
            let ahead = entry
                .queue
                .iter()
                .take(place)
                .map(|waiter| (waiter.session, waiter.mode.exclusive));
            blockers.extend(
                held.chain(ahead)
                    .filter(|(other, theirs)| *other != session && (*theirs || exclusive))
                    .map(|(other, _)| other),
            );
        }
        blockers
    };
    let mut open = blockers(start);
    let mut seen = HashSet::new();
    while let Some(session) = open.pop() {
        if session == start {
            return true;
        }
        if seen.insert(session) {
            open.extend(blockers(session));
        }
    }
    false
}

/// A place in a queue; dropping it before the end gives the place up (granted or not).
struct Waiting<'a> {
    advisory: &'a Advisory,
    session: SessionId,
    key: AdvisoryKey,
    mode: AdvisoryMode,
    granted: oneshot::Receiver<()>,
    done: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        // Granted just before the wait was dropped: nobody will give it back.
        if self.granted.try_recv().is_ok() {
            let (session, mode) = (self.session, self.mode);
            self.advisory.change(Some(self.key), |hold| {
                let mine = hold.session == session && hold.exclusive == mode.exclusive;
                let count = match mode.transaction {
                    true => &mut hold.by_transaction,
                    false => &mut hold.by_session,
                };
                if mine {
                    *count = count.saturating_sub(1);
                }
                mine
            });
            return;
        }
        leave(&mut self.advisory.lock(), self.key, self.session);
    }
}

/// Dropping it gives back what a transaction, or a whole session, holds.
#[derive(Debug)]
pub struct AdvisoryScope {
    advisory: Arc<Advisory>,
    session: SessionId,
    whole: bool,
}

impl AdvisoryScope {
    /// Of a session's transaction; or of the session as a whole.
    pub fn new(advisory: &Arc<Advisory>, session: SessionId, whole: bool) -> Self {
        Self {
            advisory: Arc::clone(advisory),
            session,
            whole,
        }
    }

    /// Gives it back now.
    pub fn end(&self) {
        self.advisory.end_transaction(self.session);
        if self.whole {
            self.advisory.release_all(self.session);
        }
    }
}

impl Drop for AdvisoryScope {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const KEEP: AdvisoryMode = AdvisoryMode {
        exclusive: true,
        transaction: false,
    };
    const SHARE: AdvisoryMode = AdvisoryMode {
        exclusive: false,
        transaction: false,
    };

    #[tokio::test]
    async fn a_lock_is_given_back_as_often_as_it_was_taken() {
        let advisory = Advisory::default();
        let (one, other) = (SessionId(1), SessionId(2));
        let key = AdvisoryKey::of_bigint(7);
        assert!(advisory.try_take(one, key, KEEP));
        assert!(advisory.try_take(one, key, KEEP));
        assert!(!advisory.try_take(other, key, SHARE));
        assert!(advisory.release(one, key, true));
        assert!(!advisory.try_take(other, key, SHARE));
        assert!(advisory.release(one, key, true));
        assert!(!advisory.release(one, key, true));
        assert!(advisory.try_take(other, key, SHARE));
        assert!(advisory.try_take(one, key, SHARE));
        advisory.release_all(one);
        advisory.release_all(other);
        assert!(advisory.all().is_empty());
    }

    #[tokio::test]
    async fn a_dropped_wait_leaves_no_trace_and_a_circle_is_refused() {
        let advisory = Arc::new(Advisory::default());
        let (one, other) = (SessionId(1), SessionId(2));
        let (a, b) = (AdvisoryKey::of_bigint(1), AdvisoryKey::of_two(1, 2));
        assert!(advisory.try_take(one, a, KEEP));
        assert!(advisory.try_take(other, b, KEEP));
        let waited = advisory.take(other, a, KEEP);
        assert!(
            tokio::time::timeout(Duration::from_millis(20), waited)
                .await
                .is_err()
        );
        assert_eq!(advisory.all().len(), 2);
        let task = {
            let advisory = Arc::clone(&advisory);
            tokio::spawn(async move { advisory.take(other, a, KEEP).await })
        };
        tokio::time::sleep(Duration::from_millis(10)).await;
        let error = advisory.take(one, b, KEEP).await.expect_err("a circle");
        assert_eq!(error.state(), SqlState::DEADLOCK_DETECTED);
        advisory.release_all(one);
        task.await.expect("no panic").expect("granted");
    }
}
