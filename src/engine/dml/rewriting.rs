//! UPDATE and DELETE, run: which rows go, what comes in their place, and what triggers leave of it.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;

use super::rewrite::{Rewrite, TARGET, current, target_rows};
use super::rows;
use super::sink::Sink;
use super::work::Work;
use crate::base::Result;
use crate::catalog::{Relation, Segment};
use crate::engine::Engine;
use crate::observe::Interrupt;
use crate::statement::StatementContext;

/// What a rewrite did.
pub(super) struct Rewritten {
    pub(super) rows: u64,
    /// UPDATE: the segments of new rows.
    pub(super) written: Vec<Arc<Segment>>,
    /// Rows that RETURNING reads from memory: the target's columns, then those of the others.
    pub(super) returned: Vec<RecordBatch>,
    /// New rows that went to other partitions.
    pub(super) moved: Vec<Arc<Relation>>,
}

impl Engine {
    /// Runs it.
    pub(super) async fn execute_rewrite(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        rewrite: &Rewrite,
        work: &mut Work,
        parameters: &[ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<Rewritten> {
        let relation = current(context, &rewrite.relation)?;
        let own = work.on(&relation, rewrite.kind());
        let Some(query) = &rewrite.query else {
            return Ok(Rewritten {
                rows: own.hits.add_all(),
                written: Vec::new(),
                returned: Vec::new(),
                moved: Vec::new(),
            });
        };
        own.changed.extend(&rewrite.changed);
        let before = own.hits.count;
        let keyed_by = match rewrite.has_old {
            true => own.current(context, interrupt).await?,
            false => relation.clone(),
        };
        let rows = target_rows(context, &relation, rewrite.through.as_ref());
        let query = query.clone().with_rows(TARGET, rows)?;
        let passed = &parameters[..query.parameters.len().min(parameters.len())];
        let mut answer = self.run(context, query, passed, interrupt).await?;

        let width = relation.columns.len();
        let store = context.database.store().clone();
        let mut sink = Sink::new(store.clone(), relation.clone());
        let mut returned = Vec::new();
        let mut keyed = Vec::new();
        let mut moving = Vec::new();
        while let Some(batch) = answer.next().await? {
            let Some(batch) = own.hits.add(&batch)? else {
                continue;
            };
            if batch.num_columns() == 2 {
                continue;
            }
            // They stand after the two columns of the address.
            let given = &batch.columns()[2..];
            let count = batch.num_rows();
            let mut new = rows::held(context, &relation, given, &rewrite.types, count)?;
            let mut batch = batch;
            if !rewrite.writes {
                let noted = (&mut *own, rewrite.told());
                let left = self.before_delete(context, &relation, noted, batch, new);
                (batch, new) = left.await?;
            }
            let others = if rewrite.others.is_empty() {
                None
            } else {
                let after = 2 + width + if rewrite.has_old { width } else { 0 };
                Some(batch.columns()[after..].to_vec())
            };
            if rewrite.has_old {
                keyed.push((batch, new, others));
                continue;
            }
            let new = match rewrite.writes {
                true => {
                    let rules = &rewrite.rules;
                    let new = self
                        .generate(context, &relation, rules, new, interrupt)
                        .await?;
                    let (new, away) = self
                        .parting(context, &relation, rewrite, new, interrupt)
                        .await?;
                    moving.extend(away);
                    let broken = self.check_rows(context, &relation, rules, &new, interrupt);
                    if let Some((_, error)) = broken.await? {
                        return Err(error);
                    }
                    sink.write(new.clone()).await?;
                    new
                }
                false => new,
            };
            if !rewrite.writes && rewrite.referenced {
                own.note_gone(new.clone(), None);
            }
            if !rewrite.writes || others.is_some() {
                returned.push(self.returned_rows(&relation, rewrite, &new, others)?);
            }
        }
        let mut ways_out = match moving.is_empty() && keyed.is_empty() {
            true => None,
            false => self.ways_out(context, rewrite).await?,
        };
        let mut lost = 0;
        if !keyed.is_empty() {
            let rows = self
                .rewrite_keys(
                    context,
                    &keyed_by,
                    rewrite,
                    keyed,
                    (&mut *work, &mut ways_out),
                    interrupt,
                )
                .await?;
            let own = work.on(&relation, rewrite.kind());
            own.hits.remove(&rows.skipped);
            lost = rows.lost;
            if rewrite.referenced {
                own.note_gone(rows.old, Some(rows.new.clone()));
                for (old, new) in rows.moved {
                    own.note_gone(old, new);
                }
            }
            sink.write(rows.new).await?;
            returned.extend(rows.returned);
        }
        let parted = (&*relation, rewrite);
        if let Some(ways_out) = &mut ways_out {
            for rows in &moving {
                ways_out
                    .take(self, context, parted, work, rows, interrupt)
                    .await?;
            }
        }

        let written = sink.finish().await?;
        let own = work.on(&relation, rewrite.kind());
        own.written.extend(written.iter().cloned());
        let rows = own.hits.count - before - lost;
        let moved = match ways_out {
            Some(ways_out) => ways_out.finish(work).await?,
            None => Vec::new(),
        };
        Ok(Rewritten {
            rows,
            written,
            returned,
            moved,
        })
    }
}
