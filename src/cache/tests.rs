//! What is kept, what displaces what, and who decodes.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};

use super::{ColumnCache, ColumnKey, DecodedColumn};
use crate::base::SegmentId;
use crate::catalog::{Location, Segment};
use crate::types::PgType;

const COLUMN_BYTES: usize = 8 * 1024;

fn segment() -> Arc<Segment> {
    Arc::new(Segment {
        id: SegmentId(uuid::Uuid::now_v7()),
        rows: 1024,
        bytes: 0,
        location: Location::Memory(Vec::new()),
        columns: Vec::new(),
    })
}

fn key(segment: &Segment, name: &str) -> ColumnKey {
    ColumnKey {
        segment: segment.id,
        stored_name: name.to_owned(),
        ty: PgType::INT8,
    }
}

fn column() -> DecodedColumn {
    let chunk: ArrayRef = Arc::new(Int64Array::from(vec![7; 1024]));
    DecodedColumn {
        chunks: vec![chunk],
        bounds: None,
    }
}

/// Reads a column as a scan does; true if it was there.
fn scan(cache: &Arc<ColumnCache>, segment: &Arc<Segment>, name: &str) -> bool {
    let keys = [key(segment, name)];
    if cache.read(&keys).is_some() {
        return true;
    }
    if let Some(loading) = cache.wish(&keys, COLUMN_BYTES) {
        let [key] = keys;
        let _kept = loading.keep(segment, key, column(), usize::MAX);
    }
    false
}

#[test]
fn a_column_is_kept_when_it_is_read_again() {
    let cache = Arc::new(ColumnCache::new(10 * COLUMN_BYTES));
    let segment = segment();
    let seen: Vec<bool> = (0..4).map(|_| scan(&cache, &segment, "a")).collect();
    assert_eq!(seen, [false, false, true, true]);
    assert!(cache.bytes() >= COLUMN_BYTES);
}

#[test]
fn a_working_set_too_large_does_not_displace_itself() {
    let cache = Arc::new(ColumnCache::new(2 * COLUMN_BYTES + COLUMN_BYTES / 2));
    let segment = segment();
    let mut hits = 0;
    for round in 0..10 {
        for name in ["a", "b", "c", "d"] {
            hits += usize::from(scan(&cache, &segment, name) && round >= 2);
        }
    }
    assert_eq!(hits, 2 * 8, "two columns stay");
}

#[test]
fn what_is_read_displaces_what_is_not() {
    let cache = Arc::new(ColumnCache::new(COLUMN_BYTES + COLUMN_BYTES / 2));
    let segment = segment();
    for _ in 0..3 {
        scan(&cache, &segment, "a");
    }
    for _ in 0..2 {
        scan(&cache, &segment, "b");
    }
    assert!(scan(&cache, &segment, "b"));
    assert!(!scan(&cache, &segment, "a"));
}

#[test]
fn columns_go_with_their_segments_and_on_demand() {
    let cache = Arc::new(ColumnCache::new(10 * COLUMN_BYTES));
    let (first, second) = (segment(), segment());
    for segment in [&first, &second] {
        for name in ["a", "b"] {
            for _ in 0..2 {
                scan(&cache, segment, name);
            }
        }
    }
    let full = cache.bytes();
    drop(first);
    cache.give_up(1);
    assert_eq!(cache.bytes(), full / 2);
    cache.give_up(1);
    assert_eq!(cache.bytes(), full / 4);
    cache.give_up(full);
    assert_eq!(cache.bytes(), 0);
}

#[test]
fn one_decodes_at_a_time() {
    let cache = Arc::new(ColumnCache::new(10 * COLUMN_BYTES));
    let segment = segment();
    let keys = [key(&segment, "a")];
    assert!(cache.read(&keys).is_none());
    assert!(cache.wish(&keys, COLUMN_BYTES).is_none());
    assert!(cache.read(&keys).is_none());
    let loading = cache.wish(&keys, COLUMN_BYTES);
    assert!(loading.is_some());
    assert!(cache.wish(&keys, COLUMN_BYTES).is_none());
    drop(loading);
    assert!(cache.wish(&keys, COLUMN_BYTES).is_some());
    assert!(cache.wish(&keys, 11 * COLUMN_BYTES).is_none(), "too large");
}
