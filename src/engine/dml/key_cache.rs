//! Hashes of the keys of segments, remembered: segments never change, so neither do those.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arrow::array::{Array, ArrayRef};

use crate::base::SegmentId;

/// Hashes kept at most, of all tables together: 8 bytes each.
const HASHES_MAX: usize = 32 * 1024 * 1024;
/// Batches in memory whose hashes are kept at most; those that are gone make room first.
const BATCHES_MAX: usize = 1024;

/// Sorted hashes of the keys of whole segments, by segment and columns.
#[derive(Debug, Default)]
pub(in crate::engine) struct KeyCache {
    /// A plain mutex, held to look and to insert.
    hashes: Mutex<Cached>,
}

#[derive(Debug, Default)]
struct Cached {
    by_segment: HashMap<(SegmentId, Vec<i16>), Arc<[u64]>>,
    count: usize,
    /// Of batches in memory, by the addresses of their columns: rows that a transaction adds one
    /// by one join the same segment, but most of its batches stay what they are.
    by_batch: HashMap<(Vec<usize>, Vec<i16>), Batch>,
}

/// Columns in memory with the hashes of their rows.
type Batch = (Vec<Weak<dyn Array>>, Arc<[u64]>);

impl KeyCache {
    pub(super) fn get(&self, segment: SegmentId, columns: &[i16]) -> Option<Arc<[u64]>> {
        let cached = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        cached.by_segment.get(&(segment, columns.to_vec())).cloned()
    }

    pub(super) fn keep(&self, segment: SegmentId, columns: &[i16], hashes: &Arc<[u64]>) {
        let mut cached = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.count + hashes.len() > HASHES_MAX {
            *cached = Cached::default();
        }
        cached.count += hashes.len();
        let key = (segment, columns.to_vec());
        cached.by_segment.insert(key, Arc::clone(hashes));
    }

    pub(super) fn get_batch(&self, arrays: &[ArrayRef], columns: &[i16]) -> Option<Arc<[u64]>> {
        let cached = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (addresses(arrays), columns.to_vec());
        cached
            .by_batch
            .get(&key)
            .map(|(_, hashes)| Arc::clone(hashes))
    }

    pub(super) fn keep_batch(&self, arrays: &[ArrayRef], columns: &[i16], hashes: &Arc<[u64]>) {
        let mut cached = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.by_batch.len() >= BATCHES_MAX {
            let lives = |arrays: &[Weak<dyn Array>]| arrays.iter().all(|a| a.strong_count() > 0);
            cached.by_batch.retain(|_, (arrays, _)| lives(arrays));
            if cached.by_batch.len() >= BATCHES_MAX / 2 {
                cached.by_batch.clear();
            }
        }
        let key = (addresses(arrays), columns.to_vec());
        // As long as the weak references are here, no other columns have these addresses.
        let arrays = arrays.iter().map(Arc::downgrade).collect();
        cached.by_batch.insert(key, (arrays, Arc::clone(hashes)));
    }
}

fn addresses(arrays: &[ArrayRef]) -> Vec<usize> {
    let address = |array: &ArrayRef| Arc::as_ptr(array).cast::<()>() as usize;
    arrays.iter().map(address).collect()
}
