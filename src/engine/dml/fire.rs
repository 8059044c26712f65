//! Triggers of rows: those that fire before a change are shown what it makes, those that fire after
//! it are told of it by the session.

use std::sync::Arc;

use arrow::array::{BooleanArray, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::insert::Insert;
use super::work::TableWork;
use crate::base::{Error, Result};
use crate::calls::RowsRequest;
use crate::catalog::{Firing, Relation, TriggerEvent};
use crate::engine::Engine;
use crate::observe::Interrupt;
use crate::statement::StatementContext;

/// Rows that were changed.
#[derive(Debug, Clone)]
pub struct ChangedRows {
    /// How.
    pub event: TriggerEvent,
    /// What they were.
    pub old: Option<RecordBatch>,
    /// What they are.
    pub new: Option<RecordBatch>,
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

    /// Those that are not.
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

/// Whether the session is to be told of rows that were changed.
pub(super) fn sees_after(relation: &Relation, event: TriggerEvent) -> bool {
    let mut triggers = relation.triggers.iter();
    triggers.any(|of| of.when == Firing::After && of.sees_rows(event))
}

impl Engine {
    /// Shows rows to the triggers that fire before they are changed; `None` if there are none.
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
        let mut triggers = relation.triggers.iter();
        if rows == 0 || !triggers.any(|of| of.when == Firing::Before && of.sees_rows(event)) {
            return Ok(None);
        }
        let Some(calls) = &context.calls else {
            return Err(Error::unsupported(format!(
                "changing table \"{}\" in this place, which has triggers,",
                relation.name
            )));
        };
        let shown = calls.show(|reply| RowsRequest {
            relation: Arc::clone(relation),
            event,
            changed: changed.to_vec(),
            old: old.cloned(),
            new: new.cloned(),
            reply,
        });
        let (kept, new) = shown.await?;
        Ok(Some(Shown { kept, new }))
    }

    /// Rows about to be added, as triggers leave them.
    pub(super) async fn before_insert(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        insert: &Insert,
        batch: RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<RecordBatch> {
        let (relation, rules) = (&insert.relation, &insert.feeds.rules);
        let event = TriggerEvent::Insert;
        let mut triggers = relation.triggers.iter();
        if !triggers.any(|of| of.when == Firing::Before && of.sees_rows(event)) {
            return Ok(batch);
        }
        let bare = ungenerated(relation, &batch)?;
        let rows = (None, Some(&bare));
        match self
            .before_rows(context, relation, event, &[], rows)
            .await?
        {
            None => Ok(batch),
            Some(shown) => {
                let new = shown.new.unwrap_or(bare);
                self.generate(context, relation, rules, new, interrupt)
                    .await
            }
        }
    }

    /// Rows about to go, with their addresses, without those that triggers keep.
    pub(super) async fn before_delete(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        work: &mut TableWork,
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
        work.note_seen(event, Some(old.clone()), None);
        Ok((batch, old))
    }
}

/// Rows whose generated columns are not made yet.
pub(super) fn ungenerated(relation: &Relation, batch: &RecordBatch) -> Result<RecordBatch> {
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
