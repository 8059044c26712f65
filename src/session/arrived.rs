//! Rows that a statement adds to a table one after the other: what looks at one of them sees those
//! before it.

use std::sync::{Arc, OnceLock};

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;

use super::Session;
use crate::base::{Error, Oid, Result};
use crate::catalog::{Change, Segment, Snapshot};
use crate::storage::{SegmentWriter, Store};

/// More rows are not kept beside those that the statement itself keeps.
const ARRIVED_MAX: usize = 100_000;

/// The rows so far.
#[derive(Debug, Clone)]
pub(super) struct Arrived {
    /// Their table.
    pub(super) table: Oid,
    rows: usize,
    /// In order, each of more rows than the next, so that few have to be looked at.
    runs: Vec<Run>,
}

#[derive(Debug, Clone)]
struct Run {
    rows: RecordBatch,
    segments: OnceLock<Vec<Arc<Segment>>>,
}

impl Arrived {
    /// None yet.
    pub(super) fn none(table: Oid) -> Self {
        Self {
            table,
            rows: 0,
            runs: Vec::new(),
        }
    }

    /// Takes one more; whether there is room for it.
    pub(super) fn take(&mut self, row: RecordBatch) -> Result<bool> {
        self.rows += row.num_rows();
        let mut rows = row;
        while let Some(last) = self
            .runs
            .pop_if(|run| run.rows.num_rows() <= rows.num_rows())
        {
            rows = concat_batches(&rows.schema(), [&last.rows, &rows])
                .map_err(|error| Error::internal("keeping rows that arrive", error))?;
        }
        self.runs.push(Run {
            rows,
            segments: OnceLock::new(),
        });
        Ok(self.rows <= ARRIVED_MAX)
    }

    /// The catalog with the rows in their table.
    fn in_view(&self, store: &Arc<Store>, view: &Arc<Snapshot>) -> Result<Arc<Snapshot>> {
        let Some(relation) = view.relation(self.table).filter(|_| self.rows > 0) else {
            return Ok(Arc::clone(view));
        };
        let mut segments = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            let known = match run.segments.get() {
                Some(known) => known,
                None => {
                    let mut writer = SegmentWriter::new(Arc::clone(store), Arc::clone(relation));
                    writer.write(&run.rows)?;
                    let made = writer.finish()?;
                    run.segments.get_or_init(|| made)
                }
            };
            segments.extend(known.iter().cloned());
        }
        let added = Change::AddSegments {
            relation: self.table,
            segments,
        };
        view.apply(&[added]).map(Arc::new)
    }
}

impl Session {
    /// What a function sees that is called by statements which add rows: those before it, too.
    pub(super) fn with_arrived(&self, mut view: Arc<Snapshot>) -> Result<Arc<Snapshot>> {
        let store = self.shared.database.store();
        for changing in self.changing.iter().filter(|changing| changing.looked_at) {
            if let Some(arrived) = &changing.arrived {
                view = arrived.in_view(store, &view)?;
            }
        }
        Ok(view)
    }
}
