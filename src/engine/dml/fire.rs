//! Triggers of rows: those that fire before a change are shown what it makes, those that fire after
//! it are told of it by the session.

use std::sync::Arc;

use arrow::array::{BooleanArray, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::rules::Rules;
use super::work::TableWork;
use crate::base::{Error, Oid, Result};
use crate::calls::RowsRequest;
use crate::catalog::{Firing, Relation, TriggerEvent};
use crate::engine::Engine;
use crate::observe::Interrupt;
use crate::statement::StatementContext;

/// What triggers are told of once a statement is done, in the order it happened.
#[derive(Debug, Clone)]
pub enum AfterEvent {
    /// Rows were changed.
    Rows(ChangedRows),
    /// All that a part of the statement does is done.
    Statement(NamedTable),
}

/// A table or view that a statement names, and what it does there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedTable {
    /// Which.
    pub table: Oid,
    /// What is done.
    pub event: TriggerEvent,
    /// The columns of it that UPDATE assigns to.
    pub changed: Vec<i16>,
}

/// Rows that were changed.
#[derive(Debug, Clone)]
pub struct ChangedRows {
    /// Their table.
    pub table: Oid,
    /// The table that the statement names.
    pub named: Oid,
    /// What the triggers of each row fire on.
    pub event: TriggerEvent,
    /// What the statement does: a row that UPDATE takes to another partition is deleted from its
    /// own and inserted there.
    pub by: TriggerEvent,
    /// The columns of the table that UPDATE assigns to.
    pub changed: Vec<i16>,
    /// What they were.
    pub old: Option<RecordBatch>,
    /// What they are.
    pub new: Option<RecordBatch>,
}

impl ChangedRows {
    /// How many.
    pub fn count(&self) -> usize {
        let rows = self.old.as_ref().or(self.new.as_ref());
        rows.map_or(0, RecordBatch::num_rows)
    }
}

/// What triggers left of rows.
pub(super) struct Shown {
    /// Which of them are changed.
    pub(super) kept: BooleanArray,
    /// What those become.
    pub(super) new: Option<RecordBatch>,
}

impl Shown {
    /// Those of rows beside them that are changed.
    pub(super) fn of(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        filtered(rows, &self.kept)
    }

    /// Those of things beside them that are changed.
    pub(super) fn left(&self, of: &[u64]) -> Vec<u64> {
        self.those(of, true)
    }

    /// Those that are not.
    pub(super) fn left_out(&self, of: &[u64]) -> Vec<u64> {
        self.those(of, false)
    }

    fn those(&self, of: &[u64], kept: bool) -> Vec<u64> {
        let both = of.iter().zip(self.kept.values());
        both.filter(|(_, of)| *of == kept)
            .map(|(of, _)| *of)
            .collect()
    }

    /// Rows beside them that are not.
    pub(super) fn skipped(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let skipped = arrow::compute::not(&self.kept);
        let skipped = skipped.map_err(|error| Error::internal("firing triggers", error))?;
        filtered(rows, &skipped)
    }
}

fn filtered(rows: &RecordBatch, kept: &BooleanArray) -> Result<RecordBatch> {
    filter_record_batch(rows, kept).map_err(|error| Error::internal("firing triggers", error))
}

/// Whether a trigger looks at the rows of a table that are changed so.
pub(super) fn sees_rows(relation: &Relation, event: TriggerEvent) -> bool {
    relation.triggers.iter().any(|of| of.sees_rows(event))
}

/// Whether a trigger looks at each row of a table after it was changed so.
pub(super) fn sees_after(relation: &Relation, event: TriggerEvent) -> bool {
    let mut triggers = relation.triggers.iter();
    triggers.any(|of| of.when == Firing::After && of.row && of.sees_rows(event))
}

/// Whether a trigger gives a name to all rows that a statement which names the table changes so.
pub(super) fn tells(relation: &Relation, event: TriggerEvent) -> bool {
    let mut triggers = relation.triggers.iter();
    triggers.any(|of| of.has_tables() && of.sees_rows(event))
}

/// For whom rows are noted beside the triggers of each of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// The table that the statement names.
    pub(super) named: Oid,
    /// What it does.
    pub(super) by: TriggerEvent,
    /// Whether a trigger of that table gives a name to all of them.
    pub(super) all: bool,
}

impl Told {
    /// For a statement that names a table.
    pub(super) fn of(named: &Relation, by: TriggerEvent) -> Self {
        Self {
            named: named.oid,
            by,
            all: tells(named, by),
        }
    }
}

impl Engine {
    /// Shows rows to the triggers that fire before they are changed, or instead; `None` if there
    /// are none. Generated columns of what comes back are still to be made.
    ///
    /// # Errors
    /// What a trigger's function fails with; `0A000` where none can be called.
    pub(super) async fn before_rows(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        event: TriggerEvent,
        changed: &[i16],
        (old, new): (Option<&RecordBatch>, Option<&RecordBatch>),
    ) -> Result<Option<Shown>> {
        let rows = old.or(new).map_or(0, RecordBatch::num_rows);
        if rows == 0 || !relation.may_rewrite(event) {
            return Ok(None);
        }
        let Some(calls) = &context.calls else {
            return Err(Error::unsupported(format!(
                "changing table \"{}\" in this place, which has triggers,",
                relation.name
            )));
        };
        let new = new.map(|new| ungenerated(relation, new)).transpose()?;
        let shown = calls.show(|reply| RowsRequest {
            relation: Arc::clone(relation),
            event,
            changed: changed.to_vec(),
            old: old.cloned(),
            new,
            reply,
        });
        let (kept, new) = shown.await?;
        Ok(Some(Shown { kept, new }))
    }

    /// Rows about to be added, as triggers leave them; which of them those are, unless it is all.
    pub(super) async fn before_insert(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        rules: &Rules,
        batch: RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<(RecordBatch, Option<BooleanArray>)> {
        let event = TriggerEvent::Insert;
        if !relation.may_rewrite(event) {
            return Ok((batch, None));
        }
        let rows = (None, Some(&batch));
        let shown = self.before_rows(context, relation, event, &[], rows);
        let Some(shown) = shown.await? else {
            return Ok((batch, None));
        };
        let new = shown.new.unwrap_or(batch);
        let made = self.generate(context, relation, rules, new, interrupt);
        Ok((made.await?, Some(shown.kept)))
    }

    /// Rows about to go, with their addresses, without those that triggers keep.
    pub(super) async fn before_delete(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        (work, told): (&mut TableWork, Told),
        batch: RecordBatch,
        old: RecordBatch,
    ) -> Result<(RecordBatch, RecordBatch)> {
        let event = TriggerEvent::Delete;
        let rows = (Some(&old), None);
        let shown = self.before_rows(context, relation, event, &[], rows);
        let (batch, old) = match shown.await? {
            None => (batch, old),
            Some(shown) => {
                work.hits.remove(&shown.skipped(&batch)?);
                (shown.of(&batch)?, shown.of(&old)?)
            }
        };
        work.note_seen(told, event, Some(old.clone()), None);
        Ok((batch, old))
    }
}

/// Leaves of things beside rows those whose rows triggers left.
pub(super) fn retain<T>(things: &mut Vec<T>, kept: Option<&BooleanArray>) {
    if let Some(kept) = kept {
        let mut kept = kept.values().iter();
        things.retain(|_| kept.next().unwrap_or(true));
    }
}

/// Rows whose generated columns are not made yet.
fn ungenerated(relation: &Relation, batch: &RecordBatch) -> Result<RecordBatch> {
    let arrays = relation
        .columns
        .iter()
        .zip(batch.columns())
        .map(|(column, array)| match column.expression() {
            Some(_) => new_null_array(array.data_type(), array.len()),
            None => Arc::clone(array),
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), arrays, &options)
        .map_err(|error| Error::internal("firing triggers", error))
}
