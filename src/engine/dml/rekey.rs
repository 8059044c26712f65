//! UPDATE of columns that unique indexes are over.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices};
use arrow::record_batch::RecordBatch;

use super::intake::with_keys;
use super::keys::{Keys, chosen};
use super::rewrite::Rewrite;
use super::route::taken;
use super::rows;
use crate::base::{Error, Result};
use crate::catalog::{Generation, Index, Relation, TriggerEvent};
use crate::engine::Engine;
use crate::observe::Interrupt;
use crate::statement::StatementContext;

/// Rows that got other keys.
pub(super) struct Rekeyed {
    pub(super) old: RecordBatch,
    pub(super) new: RecordBatch,
    /// The addresses of those that triggers left alone.
    pub(super) skipped: RecordBatch,
    /// What RETURNING reads, if it reads others beside them.
    pub(super) returned: Option<RecordBatch>,
    /// Rows that are for other partitions now: what they were, and what they are.
    pub(super) moved: Option<(RecordBatch, RecordBatch)>,
}

impl Engine {
    /// Rows whose keys may change, one after the other in the table's order: a key must be free at
    /// the moment a row takes it, as PostgreSQL has it. Gives the new rows, and those RETURNING
    /// reads if it reads others beside them.
    pub(super) async fn rewrite_keys(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        rewrite: &Rewrite,
        parts: Vec<(RecordBatch, RecordBatch, Option<Vec<ArrayRef>>)>,
        interrupt: &Interrupt,
    ) -> Result<Rekeyed> {
        let failed = |error| Error::internal("ordering rows", error);
        let schema = rows::schema(relation);
        let found: Vec<_> = parts.iter().map(|(batch, _, _)| batch.clone()).collect();
        let new: Vec<_> = parts.iter().map(|(_, new, _)| new.clone()).collect();
        let found = concat_batches(&found[0].schema(), &found).map_err(failed)?;
        let new = concat_batches(&schema, &new).map_err(failed)?;
        let sort = |array: &ArrayRef| SortColumn {
            values: Arc::clone(array),
            options: None,
        };
        let order = lexsort_to_indices(&[sort(found.column(0)), sort(found.column(1))], None)
            .map_err(failed)?;
        let order: Vec<u64> = order.values().iter().map(|row| u64::from(*row)).collect();
        let (found, new) = (chosen(&found, &order)?, chosen(&new, &order)?);
        let width = relation.columns.len();
        let old = RecordBatch::try_new(schema, found.columns()[2 + width..2 + 2 * width].to_vec())
            .map_err(failed)?;
        let rules = &rewrite.rules;
        let rows = (Some(&old), Some(&new));
        let (event, changed) = (TriggerEvent::Update, &rewrite.changed);
        let shown = self.before_rows(context, relation, event, changed, rows);
        let (found, old, new, skipped) = match shown.await? {
            None => {
                let skipped = found.slice(0, 0);
                (found, old, new, skipped)
            }
            Some(shown) => {
                let skipped = shown.skipped(&found)?;
                let kept = (shown.of(&found)?, shown.of(&old)?);
                (kept.0, kept.1, shown.new.unwrap_or(new), skipped)
            }
        };
        let new = self
            .generate(context, relation, rules, new, interrupt)
            .await?;
        let stays = self
            .staying(context, relation, rewrite, &new, interrupt)
            .await?;
        let (here, away): (Vec<usize>, Vec<usize>) =
            (0..new.num_rows()).partition(|row| stays[*row]);
        let moved = match away.is_empty() {
            true => None,
            false => Some((taken(&old, &away)?, taken(&new, &away)?)),
        };
        let (old, new) = match away.is_empty() {
            true => (old, new),
            false => (taken(&old, &here)?, taken(&new, &here)?),
        };
        let broken = self
            .check_rows(context, relation, rules, &new, interrupt)
            .await?;
        let sound = broken.as_ref().map_or(new.num_rows(), |(row, _)| *row);
        // A trigger may have changed other columns than the statement names.
        let any = relation.may_rewrite(TriggerEvent::Update);
        let minds = |index: &Index| any || index.depends_on(&rewrite.changed);
        if let Some(keys) = Keys::open(self, context, relation, interrupt, minds).await? {
            let (before, after) = (old.slice(0, sound), new.slice(0, sound));
            let left = moved.as_ref().map(|(old, _)| old.clone());
            with_keys(keys, move |keys| {
                if let Some(left) = left {
                    let gone = keys.of(&left)?;
                    (0..left.num_rows()).for_each(|row| keys.remove(&gone, row));
                }
                let (gone, come) = (keys.of(&before)?, keys.of(&after)?);
                for row in 0..after.num_rows() {
                    keys.remove(&gone, row);
                    keys.take(&after, &come, row, 0)?;
                }
                keys.settle()
            })
            .await?;
        }
        if let Some((_, error)) = broken {
            return Err(error);
        }
        let returned = if rewrite.others.is_empty() {
            None
        } else {
            let others = found.columns()[2 + 2 * width..].to_vec();
            Some(self.returned_rows(relation, rewrite, &new, Some(others))?)
        };
        Ok(Rekeyed {
            old,
            new,
            skipped,
            returned,
            moved,
        })
    }
}

/// The columns assigned, and those generated from them.
pub(super) fn changed_columns(
    relation: &Relation,
    assigned: impl Iterator<Item = usize>,
) -> Vec<i16> {
    let mut changed: Vec<i16> = assigned.map(|i| relation.columns[i].attnum).collect();
    for column in &relation.columns {
        if let Some(Generation::Stored { columns, .. }) = &column.generation
            && columns.iter().any(|read| changed.contains(read))
        {
            changed.push(column.attnum);
        }
    }
    changed
}
