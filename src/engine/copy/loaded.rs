//! What COPY brought: segments of rows, or rows that triggers look at before they are stored.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Relation};
use crate::engine::dml::{Feeds, Router, arrives_whole};

/// What COPY loaded.
#[derive(Debug, Default)]
pub struct Loaded {
    /// To be pushed to the transaction.
    pub changes: Vec<Change>,
    /// How many rows.
    pub rows: u64,
    /// Rows that are not stored yet.
    pub watched: Option<CopiedRows>,
}

/// Rows for a table whose triggers look at each of them, or for a view.
#[derive(Debug)]
pub struct CopiedRows {
    pub(in crate::engine) relation: Arc<Relation>,
    pub(in crate::engine) feeds: Feeds,
    pub(in crate::engine) router: Option<Router>,
    pub(in crate::engine) batches: Vec<RecordBatch>,
}

impl CopiedRows {
    /// The table that they come to as triggers leave them.
    pub fn only_adds_to(&self) -> Option<Oid> {
        arrives_whole(&self.relation).filter(|_| self.router.is_none())
    }
}

/// Rows that wait, in memory.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) batches: Vec<RecordBatch>,
    pub(super) rows: u64,
    bytes: usize,
    bytes_max: usize,
}

impl Waiting {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            batches: Vec::new(),
            rows: 0,
            bytes: 0,
            bytes_max,
        }
    }

    /// # Errors
    /// `54000` if they are too many.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.bytes += batch.get_array_memory_size();
        if self.bytes > self.bytes_max {
            return Err(Error::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!(
                    "COPY FROM into a table with triggers takes at most {} bytes at once",
                    self.bytes_max
                ),
            )
            .hint(
                "Copy fewer rows at once, or into a table without triggers, and INSERT from it.",
            ));
        }
        self.batches.push(batch);
        Ok(())
    }
}
