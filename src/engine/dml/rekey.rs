//! UPDATE of columns that unique indexes are over.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices};
use arrow::record_batch::RecordBatch;

use super::intake::with_keys;
use super::keys::{Keys, chosen};
use super::moved::WaysOut;
use super::rewrite::Rewrite;
use super::route::taken;
use super::rows;
use super::work::Work;
use crate::base::{Error, Result};
use crate::catalog::{Firing, Generation, Index, Relation, TriggerEvent};
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
    /// Rows that left for other partitions: what they were, and what they are, unless triggers
    /// there took none of them.
    pub(super) moved: Vec<(RecordBatch, Option<RecordBatch>)>,
    /// How many triggers there did not take.
    pub(super) lost: u64,
}

/// What became of rows of one table.
#[derive(Default)]
struct Sorted {
    /// The places of those that stay, among the rows found.
    stay: Vec<u64>,
    new: Vec<RecordBatch>,
    skipped: Vec<u64>,
    moved: Vec<(RecordBatch, Option<RecordBatch>)>,
    lost: u64,
}

impl Engine {
    /// Rows whose keys may change, or that triggers look at, one after the other in the table's
    /// order: a key must be free at the moment a row takes it, as PostgreSQL has it. Gives the new
    /// rows, and those RETURNING reads if it reads others beside them.
    pub(super) async fn rewrite_keys(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        rewrite: &Rewrite,
        parts: Vec<(RecordBatch, RecordBatch, Option<Vec<ArrayRef>>)>,
        (work, ways_out): (&mut Work, &mut Option<WaysOut>),
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
        let was = RecordBatch::try_new(
            schema.clone(),
            found.columns()[2 + width..2 + 2 * width].to_vec(),
        )
        .map_err(failed)?;
        let rules = &rewrite.rules;
        // Where triggers look at rows that go, each row is done with before the next one.
        let watched = ways_out.as_ref().is_some_and(|of| of.are_watched(relation));
        let step = if watched { 1 } else { was.num_rows().max(1) };
        let mut sorted = Sorted::default();
        for start in (0..was.num_rows()).step_by(step) {
            let count = step.min(was.num_rows() - start);
            let pair = (was.slice(start, count), new.slice(start, count));
            let ways = (&mut *work, ways_out.as_mut());
            let sorting = self.sort_rows(
                context,
                (relation, rewrite),
                (start, pair),
                ways,
                &mut sorted,
                interrupt,
            );
            sorting.await?;
        }
        let old = chosen(&was, &sorted.stay)?;
        let new = concat_batches(&schema, &sorted.new).map_err(failed)?;
        let broken = self
            .check_rows(context, relation, rules, &new, interrupt)
            .await?;
        let sound = broken.as_ref().map_or(new.num_rows(), |(row, _)| *row);
        // A trigger may have changed other columns than the statement names.
        let any = relation.may_rewrite(TriggerEvent::Update);
        let minds = |index: &Index| any || index.depends_on(&rewrite.changed);
        if let Some(keys) = Keys::open(self, context, relation, interrupt, minds).await? {
            let (before, after) = (old.slice(0, sound), new.slice(0, sound));
            let left: Vec<_> = sorted.moved.iter().map(|(old, _)| old.clone()).collect();
            with_keys(keys, move |keys| {
                for left in left {
                    let gone = keys.of(&left)?;
                    (0..left.num_rows()).for_each(|row| keys.remove(&gone, row));
                }
                keys.replace(&before, &after)?;
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
            let others = chosen(&found, &sorted.stay)?.columns()[2 + 2 * width..].to_vec();
            Some(self.returned_rows(relation, rewrite, &new, Some(others))?)
        };
        Ok(Rekeyed {
            old,
            new,
            skipped: chosen(&found, &sorted.skipped)?,
            returned,
            moved: sorted.moved,
            lost: sorted.lost,
        })
    }

    /// Shows rows to triggers, and finds out which of them stay in their partition; those that do
    /// not go. `start` is the place of the first among the rows found.
    async fn sort_rows(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        (relation, rewrite): (&Arc<Relation>, &Rewrite),
        (start, (old, new)): (usize, (RecordBatch, RecordBatch)),
        (work, ways_out): (&mut Work, Option<&mut WaysOut>),
        sorted: &mut Sorted,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let mut places: Vec<u64> = (start as u64..(start + old.num_rows()) as u64).collect();
        let (event, changed) = (TriggerEvent::Update, &rewrite.changed);
        let pair = (Some(&old), Some(&new));
        let shown = self.before_rows(context, relation, event, changed, pair);
        let (old, new) = match shown.await? {
            None => (old, new),
            Some(shown) => {
                sorted.skipped.extend(shown.left_out(&places));
                places = shown.left(&places);
                (shown.of(&old)?, shown.new.unwrap_or(new))
            }
        };
        let new = self
            .generate(context, relation, &rewrite.rules, new, interrupt)
            .await?;
        let stays = self
            .staying(context, relation, rewrite, &new, interrupt)
            .await?;
        let (here, away): (Vec<usize>, Vec<usize>) =
            (0..new.num_rows()).partition(|row| stays[*row]);
        let told = rewrite.told();
        let (still, made) = match away.is_empty() {
            true => (old.clone(), new.clone()),
            false => (taken(&old, &here)?, taken(&new, &here)?),
        };
        let own = work.on(relation, rewrite.kind());
        own.note_seen(told, event, Some(still), Some(made.clone()));
        sorted.stay.extend(here.iter().map(|row| places[*row]));
        sorted.new.push(made);
        let Some(ways_out) = ways_out.filter(|_| !away.is_empty()) else {
            return Ok(());
        };
        let mut leaving: Vec<u64> = away.iter().map(|row| places[*row]).collect();
        let (mut gone, mut come) = (taken(&old, &away)?, taken(&new, &away)?);
        let rows = (Some(&gone), None);
        let shown = self.before_rows(context, relation, TriggerEvent::Delete, &[], rows);
        if let Some(shown) = shown.await? {
            sorted.skipped.extend(shown.left_out(&leaving));
            leaving = shown.left(&leaving);
            (gone, come) = (shown.of(&gone)?, shown.of(&come)?);
        }
        if leaving.is_empty() {
            return Ok(());
        }
        let own = work.on(relation, rewrite.kind());
        own.note_seen(told, TriggerEvent::Delete, Some(gone.clone()), None);
        let parted = (&**relation, rewrite);
        let came = ways_out.take(self, context, parted, work, &come, interrupt);
        let came = came.await?;
        sorted.lost += (come.num_rows() - came.len()) as u64;
        let mut there = vec![false; come.num_rows()];
        came.iter().for_each(|row| there[*row] = true);
        let lost: Vec<usize> = (0..there.len()).filter(|row| !there[*row]).collect();
        if !lost.is_empty() {
            sorted.moved.push((taken(&gone, &lost)?, None));
        }
        let (gone, come) = (taken(&gone, &came)?, taken(&come, &came)?);
        sorted.moved.push((gone, Some(come)));
        Ok(())
    }
}

/// The columns assigned, and those generated from them; all generated ones, where triggers may
/// assign to others before.
pub(super) fn changed_columns(
    relation: &Relation,
    assigned: impl Iterator<Item = usize>,
) -> Vec<i16> {
    let mut changed: Vec<i16> = assigned.map(|i| relation.columns[i].attnum).collect();
    let mut triggers = relation.triggers.iter();
    let any = triggers.any(|of| of.is_for(Firing::Before, TriggerEvent::Update, true));
    for column in &relation.columns {
        if let Some(Generation::Stored { columns, .. }) = &column.generation
            && (any || columns.iter().any(|read| changed.contains(read)))
        {
            changed.push(column.attnum);
        }
    }
    changed
}
