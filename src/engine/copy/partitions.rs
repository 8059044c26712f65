//! Rows of COPY on their way into the partitions of a table. Everything here blocks.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::loaded::Loaded;
use super::target::Fill;
use crate::base::{Error, Result};
use crate::catalog::{Change, Relation};
use crate::engine::dml::{Keys, Router, Rules, Sent};
use crate::observe::Interrupt;
use crate::statement::StatementContext;
use crate::storage::SegmentWriter;

/// The partitions that got rows so far.
#[derive(Default)]
pub(super) struct Partitions {
    open: Vec<Open>,
}

/// A partition, being filled.
struct Open {
    relation: Arc<Relation>,
    rules: Rules,
    keys: Option<Keys>,
    writer: SegmentWriter,
}

/// A row that cannot be taken.
pub(super) struct Lost {
    /// Its number in the batch.
    pub(super) row: usize,
    pub(super) error: Error,
    /// Whether the message shows its line.
    pub(super) with_line: bool,
}

impl Partitions {
    /// Takes rows of the partitioned table; gives one that cannot be taken, if there is one.
    pub(super) fn take(
        &mut self,
        context: &Arc<StatementContext>,
        fill: &Fill,
        router: &Router,
        batch: &RecordBatch,
    ) -> Result<Option<Lost>> {
        let interrupt = Interrupt::new();
        let work = fill.engine.route(context, router, batch, &interrupt);
        let (sent, lost) = fill.runtime.block_on(work)?;
        for part in sent {
            let open = self.opened(context, fill, &part.leaf)?;
            if let Some(lost) = open.take(context, fill, part)? {
                return Ok(Some(lost));
            }
        }
        Ok(lost.map(|(row, error)| Lost {
            row,
            error,
            with_line: true,
        }))
    }

    fn opened(
        &mut self,
        context: &Arc<StatementContext>,
        fill: &Fill,
        leaf: &Arc<Relation>,
    ) -> Result<&mut Open> {
        let found = self.open.iter().position(|of| of.relation.oid == leaf.oid);
        let place = match found {
            Some(place) => place,
            None => {
                let interrupt = Interrupt::new();
                let bind = fill.engine.bind_rules(context, leaf);
                let mut rules = fill.runtime.block_on(bind)?;
                // It was chosen by its bound.
                rules.bound = None;
                rules.given = leaf.columns.iter().map(|column| column.attnum).collect();
                let keys = Keys::open(&fill.engine, context, leaf, &interrupt, |_| true);
                let store = Arc::clone(context.database.store());
                self.open.push(Open {
                    rules,
                    keys: fill.runtime.block_on(keys)?,
                    writer: SegmentWriter::new(store, Arc::clone(leaf)),
                    relation: Arc::clone(leaf),
                });
                self.open.len() - 1
            }
        };
        Ok(&mut self.open[place])
    }

    /// The rows, as segments.
    pub(super) fn finish(self) -> Result<Loaded> {
        let (mut changes, mut rows) = (Vec::new(), 0);
        for mut open in self.open {
            if let Some(keys) = &mut open.keys {
                keys.settle()?;
            }
            rows += open.writer.rows();
            let segments = open.writer.finish()?;
            if !segments.is_empty() {
                changes.push(Change::AddSegments {
                    relation: open.relation.oid,
                    segments,
                });
            }
        }
        Ok(Loaded {
            changes,
            rows,
            watched: None,
        })
    }
}

impl Open {
    fn take(
        &mut self,
        context: &Arc<StatementContext>,
        fill: &Fill,
        part: Sent,
    ) -> Result<Option<Lost>> {
        let Sent { numbers, rows, .. } = part;
        let interrupt = Interrupt::new();
        let check = fill
            .engine
            .check_rows(context, &self.relation, &self.rules, &rows, &interrupt);
        let broken = fill.runtime.block_on(check)?;
        let sound = broken.as_ref().map_or(rows.num_rows(), |(row, _)| *row);
        if let Some(keys) = &mut self.keys {
            let of = keys.of(&rows)?;
            for (row, number) in numbers.iter().enumerate().take(sound) {
                if let Err(error) = keys.take(&rows, &of, row, 0) {
                    return Ok(Some(Lost {
                        row: *number,
                        error,
                        with_line: false,
                    }));
                }
            }
        }
        if let Some((row, error)) = broken {
            return Ok(Some(Lost {
                row: numbers[row],
                error,
                with_line: true,
            }));
        }
        self.writer.write(&rows)?;
        Ok(None)
    }
}
