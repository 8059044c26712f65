//! Rows that a statement adds to a table one after the other: what looks at one of them sees those
//! before it.

use std::sync::Arc;

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
    /// In order, each of more rows than the next, so that few have to be looked at.
    runs: Vec<Run>,
}

#[derive(Debug, Clone)]
struct Run {
    rows: RecordBatch,
    /// What they are stored as, once somebody looks.
    segments: Option<Vec<Arc<Segment>>>,
}

impl Arrived {
    /// None yet.
    pub(super) fn none(table: Oid) -> Self {
        Self {
            table,
            runs: Vec::new(),
        }
    }

    /// Takes one more; whether there is room for it.
    pub(super) fn take(&mut self, row: RecordBatch) -> Result<bool> {
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
            segments: None,
        });
        let rows: usize = self.runs.iter().map(|run| run.rows.num_rows()).sum();
        Ok(rows <= ARRIVED_MAX)
    }

    /// The catalog with the rows in their table.
    fn in_view(&mut self, store: &Arc<Store>, view: &Arc<Snapshot>) -> Result<Arc<Snapshot>> {
        let Some(relation) = view.relation(self.table).filter(|_| !self.runs.is_empty()) else {
            return Ok(Arc::clone(view));
        };
        let mut segments = Vec::with_capacity(self.runs.len());
        for run in &mut self.runs {
            if run.segments.is_none() {
                let mut writer = SegmentWriter::new(Arc::clone(store), Arc::clone(relation));
                writer.write(&run.rows)?;
                run.segments = Some(writer.finish()?);
            }
            segments.extend(run.segments.iter().flatten().cloned());
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
    pub(super) fn with_arrived(&mut self, mut view: Arc<Snapshot>) -> Result<Arc<Snapshot>> {
        let store = self.shared.database.store();
        for changing in self.changing.iter_mut().filter(|of| of.looked_at) {
            if let Some(arrived) = &mut changing.arrived {
                view = arrived.in_view(store, &view)?;
            }
        }
        Ok(view)
    }
}
