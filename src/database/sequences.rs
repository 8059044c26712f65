//! Where sequences stand: the one thing that moves outside of transactions.
//!
//! A value given is never given again, whether its transaction commits or not, and whether the
//! server is killed or not. So that not every value costs a write, a run of them is reserved on
//! disk at once; a crash skips what is left of the run.
//!
//! A sequence is known here by its OID and generation: a statement that sets it to another place
//! and may be rolled back (ALTER SEQUENCE RESTART) begins a new generation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Persistence, Relation, Sequence, Standing};
use crate::storage::{SequenceState, Store};

/// Values reserved beyond what was asked for (PostgreSQL's SEQ_LOG_VALS).
const AHEAD: i64 = 32;

/// Every sequence somebody asked a value of since the start.
#[derive(Debug)]
pub struct Sequences {
    store: Arc<Store>,
    /// A plain mutex, held over the write of a reservation: whoever comes second needs it too.
    states: Mutex<HashMap<(Oid, u64), State>>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    standing: Standing,
    /// Values that can be given before the next write.
    left: i64,
}

impl Sequences {
    pub(super) fn new(store: Arc<Store>, stored: Vec<SequenceState>) -> Self {
        let states = stored.into_iter().map(|stored| {
            let state = State {
                standing: stored.standing,
                left: 0,
            };
            ((stored.oid, stored.generation), state)
        });
        Self {
            states: Mutex::new(states.collect()),
            store,
        }
    }

    fn states(&self) -> MutexGuard<'_, HashMap<(Oid, u64), State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a sequence stands, and how many values are reserved.
    pub fn standing(&self, relation: &Relation, sequence: &Sequence) -> (Standing, i64) {
        let state = self
            .states()
            .get(&(relation.oid, sequence.generation))
            .copied();
        match state {
            Some(state) => (state.standing, state.left),
            None => (sequence.origin, 0),
        }
    }

    /// Gives the next `count` values.
    ///
    /// # Errors
    /// `2200H` at the end of the sequence; `58030`/`53100` storage.
    pub fn next(&self, relation: &Relation, sequence: &Sequence, count: usize) -> Result<Vec<i64>> {
        let key = (relation.oid, sequence.generation);
        let mut states = self.states();
        let mut state = states.get(&key).copied().unwrap_or(State {
            standing: sequence.origin,
            left: 0,
        });
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            let fresh = !state.standing.is_called;
            let Some(value) = sequence.after(state.standing) else {
                // What was given before the end is given.
                states.insert(key, state);
                return Err(exhausted(relation, sequence));
            };
            state.standing = Standing {
                last: value,
                is_called: true,
            };
            values.push(value);
            if state.left > 0 && !fresh {
                state.left -= 1;
                continue;
            }
            let more = i64::try_from(count - values.len()).unwrap_or(0);
            state.left = self.reserve(relation, sequence, state.standing, AHEAD + more)?;
        }
        states.insert(key, state);
        Ok(values)
    }

    /// setval(): not undone by anything.
    ///
    /// # Errors
    /// `22003` out of the sequence's bounds; `58030`/`53100` storage.
    pub fn set(&self, relation: &Relation, sequence: &Sequence, standing: Standing) -> Result<()> {
        if standing.last < sequence.min || standing.last > sequence.max {
            return Err(Error::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                format!(
                    "setval: value {} is out of bounds for sequence \"{}\" ({}..{})",
                    standing.last, relation.name, sequence.min, sequence.max
                ),
            ));
        }
        let mut states = self.states();
        self.keep(relation, sequence, standing)?;
        let state = State { standing, left: 0 };
        states.insert((relation.oid, sequence.generation), state);
        Ok(())
    }

    /// Writes down that up to `ahead` values after `standing` may have been given; says how many.
    fn reserve(
        &self,
        relation: &Relation,
        sequence: &Sequence,
        standing: Standing,
        ahead: i64,
    ) -> Result<i64> {
        let mut reserved = standing;
        let mut left = 0;
        while left < ahead {
            // A sequence that starts over is not run ahead of: the run would end below its start.
            let next = reserved.last.checked_add(sequence.increment);
            let Some(next) = next.filter(|n| (sequence.min..=sequence.max).contains(n)) else {
                break;
            };
            reserved.last = next;
            left += 1;
        }
        self.keep(relation, sequence, reserved)?;
        Ok(left)
    }

    fn keep(&self, relation: &Relation, sequence: &Sequence, standing: Standing) -> Result<()> {
        if relation.persistence == Persistence::Temporary {
            return Ok(());
        }
        self.store.keep_sequence(SequenceState {
            oid: relation.oid,
            generation: sequence.generation,
            standing,
        })
    }
}

fn exhausted(relation: &Relation, sequence: &Sequence) -> Error {
    let (word, bound) = if sequence.increment > 0 {
        ("maximum", sequence.max)
    } else {
        ("minimum", sequence.min)
    };
    Error::new(
        SqlState::SEQUENCE_GENERATOR_LIMIT_EXCEEDED,
        format!(
            "nextval: reached {word} value of sequence \"{}\" ({bound})",
            relation.name
        ),
    )
}
