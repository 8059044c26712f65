//! Columns of Parquet segments, decoded, kept in memory that nobody else asks for.
//!
//! Segments never change, so what is here is never wrong; it is only sometimes not here. A scan's
//! columns are kept together or not at all: half of them would save little. They are decoded the
//! second time they are read, and displace only what was not read since they were first asked for,
//! so that a working set larger than the cache does not chase itself through it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arrow::array::{Array, ArrayRef};

use crate::base::SegmentId;
use crate::catalog::Segment;
use crate::types::PgType;

/// Columns whose first reading is remembered; then all are forgotten.
const READ_MAX: usize = 100_000;

/// A column of a segment, as values of a type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ColumnKey {
    /// The segment.
    pub segment: SegmentId,
    /// The column's name in its file.
    pub stored_name: String,
    /// The type it is read as.
    pub ty: PgType,
}

/// The values of a column of a segment, in stored order.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedColumn {
    /// The values. All columns of a segment are cut at the same rows.
    pub chunks: Vec<ArrayRef>,
    /// The smallest and the largest value of each chunk (NULL: unknown), of types whose order is
    /// that of Arrow.
    pub bounds: Option<(ArrayRef, ArrayRef)>,
}

/// Decoded columns, within a bound.
#[derive(Debug)]
pub struct ColumnCache {
    bytes_max: usize,
    /// Held to look and to insert.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: HashMap<ColumnKey, Kept>,
    bytes: usize,
    /// Counts scans.
    now: u64,
    /// When columns that are not kept were first read.
    read: HashMap<ColumnKey, u64>,
    /// Columns for which there was no room, until there is more.
    refused: HashSet<ColumnKey>,
    /// Whether somebody decodes: one does at a time.
    loading: bool,
}

#[derive(Debug)]
struct Kept {
    column: Arc<DecodedColumn>,
    bytes: usize,
    last_read: u64,
    /// Gone when no snapshot has the segment any more.
    segment: Weak<Segment>,
}

/// The right to decode, until it is dropped.
#[derive(Debug)]
pub struct Loading {
    cache: Arc<ColumnCache>,
    /// When what is decoded was first asked for.
    since: u64,
}

impl ColumnCache {
    /// A cache of at most `bytes_max` bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            state: Mutex::default(),
        }
    }

    /// Bytes kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.state().bytes
    }

    /// The columns `keys`, if all of them are here; counts as reading them.
    #[must_use]
    pub fn read(&self, keys: &[ColumnKey]) -> Option<Vec<Arc<DecodedColumn>>> {
        let mut state = self.state();
        state.now += 1;
        let now = state.now;
        if !keys.iter().all(|key| state.kept.contains_key(key)) {
            return None;
        }
        let read = |key| {
            let kept = state.kept.get_mut(key)?;
            kept.last_read = now;
            Some(Arc::clone(&kept.column))
        };
        keys.iter().map(read).collect()
    }

    /// Notes that `keys`, about `bytes` large when decoded, are read from files. Some if they
    /// should be decoded now: they were read before, they may have room, and nobody else decodes.
    #[must_use]
    pub fn wish(self: &Arc<Self>, keys: &[ColumnKey], bytes: usize) -> Option<Loading> {
        if bytes > self.bytes_max {
            return None;
        }
        let mut state = self.state();
        if state.read.len() + keys.len() > READ_MAX {
            state.read.clear();
        }
        let now = state.now;
        let mut since = now;
        let mut is_second = true;
        for key in keys {
            if state.kept.contains_key(key) {
                continue;
            }
            let first = *state.read.entry(key.clone()).or_insert(now);
            is_second &= first < now;
            since = since.min(first);
        }
        if !is_second || state.loading || keys.iter().any(|key| state.refused.contains(key)) {
            return None;
        }
        state.loading = true;
        Some(Loading {
            cache: Arc::clone(self),
            since,
        })
    }

    /// Gives up columns, those least recently read first, until `bytes` less are kept.
    pub fn give_up(&self, bytes: usize) {
        let mut state = self.state();
        let goal = state.bytes.saturating_sub(bytes);
        state.forget_dropped();
        while state.bytes > goal && state.forget_oldest(u64::MAX) {}
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loading {
    /// Whether a column of `segment` is still to be decoded.
    #[must_use]
    pub fn lacks(&self, key: &ColumnKey) -> bool {
        !self.cache.state().kept.contains_key(key)
    }

    /// Keeps a column of `segment`; `free` is how many bytes the cache may have more than it has
    /// now. False if there is no room for it.
    #[must_use]
    pub fn keep(
        &self,
        segment: &Arc<Segment>,
        key: ColumnKey,
        column: DecodedColumn,
        free: usize,
    ) -> bool {
        let bytes = bytes_of(&column.chunks);
        let mut state = self.cache.state();
        let bytes_max = self.cache.bytes_max.min(state.bytes.saturating_add(free));
        state.forget_dropped();
        while state.bytes + bytes > bytes_max && state.forget_oldest(self.since) {}
        if state.bytes + bytes > bytes_max {
            state.refused.insert(key);
            return false;
        }
        state.read.remove(&key);
        state.bytes += bytes;
        let last_read = state.now;
        let kept = Kept {
            column: Arc::new(column),
            bytes,
            last_read,
            segment: Arc::downgrade(segment),
        };
        if let Some(before) = state.kept.insert(key, kept) {
            state.bytes -= before.bytes;
        }
        true
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        self.cache.state().loading = false;
    }
}

impl State {
    /// Forgets the columns of segments that no snapshot has any more.
    fn forget_dropped(&mut self) {
        let before = self.kept.len();
        let bytes = &mut self.bytes;
        self.kept.retain(|_, kept| {
            let lives = kept.segment.strong_count() > 0;
            if !lives {
                *bytes -= kept.bytes;
            }
            lives
        });
        if self.kept.len() < before {
            self.refused.clear();
        }
    }

    /// Forgets the column least recently read, if that was before `since`.
    fn forget_oldest(&mut self, since: u64) -> bool {
        let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.last_read);
        let Some((key, _)) = oldest.filter(|(_, kept)| kept.last_read < since) else {
            return false;
        };
        let key = key.clone();
        if let Some(kept) = self.kept.remove(&key) {
            self.bytes -= kept.bytes;
        }
        self.refused.clear();
        true
    }
}

/// Bytes of the buffers of `chunks`, those that several share once.
fn bytes_of(chunks: &[ArrayRef]) -> usize {
    let mut seen = HashSet::new();
    let mut bytes = 0;
    let mut waiting: Vec<_> = chunks.iter().map(|chunk| chunk.to_data()).collect();
    while let Some(data) = waiting.pop() {
        let nulls = data.nulls().map(|nulls| nulls.buffer());
        for buffer in data.buffers().iter().chain(nulls) {
            // Slices of one allocation share its start.
            if seen.insert(buffer.data_ptr()) {
                bytes += buffer.capacity();
            }
        }
        waiting.extend(data.child_data().iter().cloned());
    }
    bytes
}
