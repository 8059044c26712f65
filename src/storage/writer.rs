//! Writing rows as segments.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::Store;
use crate::base::Result;
use crate::catalog::{Relation, Segment};

/// Takes batches of one relation's rows and makes segments of them: small totals stay in memory, larger ones become
/// Parquet files (not yet fsynced; [`seal`] does that at commit). Dropping an unfinished writer removes its files.
#[derive(Debug)]
pub struct SegmentWriter {
    _private: (),
}

impl SegmentWriter {
    /// A writer for rows of `relation`: batches must have its columns, in order, typed by `ty.data_type()`.
    pub fn new(store: Arc<Store>, relation: Arc<Relation>) -> Self {
        let _ = (store, relation);
        Self { _private: () }
    }

    /// Adds rows. Blocking.
    ///
    /// # Errors
    /// `58030` I/O, `53100` disk full.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let _ = batch;
        todo!()
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        todo!()
    }

    /// The segments, for [`crate::catalog::Change::AddSegments`].
    ///
    /// # Errors
    /// As [`SegmentWriter::write`].
    pub fn finish(self) -> Result<Vec<Arc<Segment>>> {
        todo!()
    }
}

/// Makes `segments` (in memory or files) durable files of `relation`: in-memory ones are merged into as few files as
/// possible, every file and every directory touched is fsynced. Order is kept.
///
/// # Errors
/// `58030` I/O, `53100` disk full.
pub fn seal(
    store: &Store,
    relation: &Relation,
    segments: &[Arc<Segment>],
) -> Result<Vec<Arc<Segment>>> {
    let _ = (store, relation, segments);
    todo!()
}
