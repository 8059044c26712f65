//! What becomes of the rows that an UPDATE changes: as the table stores them, and where they go if
//! they are no longer for the partition that had them.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;

use super::destinations::{Destinations, Sending};
use super::fire::{Told, sees_rows};
use super::returning::{joined_batch, joined_schema};
use super::rewrite::{Rewrite, sides};
use super::route::{Router, holds, shaped, taken};
use super::work::Work;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Column, Relation, RelationKind, Segment, TriggerEvent};
use crate::engine::{Bound, Engine};
use crate::observe::Interrupt;
use crate::statement::StatementContext;

impl Engine {
    /// The rows RETURNING reads: the target's columns and those of the others.
    pub(super) fn returned_rows(
        self: &Arc<Self>,
        relation: &Relation,
        rewrite: &Rewrite,
        rows: &RecordBatch,
        others: Option<Vec<ArrayRef>>,
    ) -> Result<RecordBatch> {
        let Some(others) = others else {
            return Ok(rows.clone());
        };
        let mut arrays = rows.columns().to_vec();
        arrays.extend(others);
        let schema = joined_schema(&sides(relation, &rewrite.alias, &rewrite.others));
        joined_batch(&schema, arrays, rows.num_rows())
    }

    /// The new rows that stay in their partition, and those that do not.
    pub(super) async fn parting(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Relation,
        rewrite: &Rewrite,
        new: RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<(RecordBatch, Option<RecordBatch>)> {
        let stays = self
            .staying(context, relation, rewrite, &new, interrupt)
            .await?;
        if stays.iter().all(|stays| *stays) {
            return Ok((new, None));
        }
        let (here, away): (Vec<usize>, Vec<usize>) =
            (0..new.num_rows()).partition(|row| stays[*row]);
        Ok((taken(&new, &here)?, Some(taken(&new, &away)?)))
    }

    /// Which new rows stay in their partition.
    pub(super) async fn staying(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Relation,
        rewrite: &Rewrite,
        new: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<Vec<bool>> {
        let bound = rewrite.moves.as_ref().map(|(_, bound)| bound);
        self.within(context, relation, bound, new, interrupt).await
    }

    /// Which rows a bound lets be in their partition; all, where there is none.
    pub(super) async fn within(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Relation,
        bound: Option<&Bound>,
        rows: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<Vec<bool>> {
        let Some(bound) = bound else {
            return Ok(vec![true; rows.num_rows()]);
        };
        let answer = self.examine(context, relation, bound, rows, interrupt);
        let answer = answer.await?;
        Ok((0..rows.num_rows())
            .map(|row| holds(&answer[0], row))
            .collect())
    }

    /// Where rows of a partition go that its bound no longer lets stay.
    pub(super) async fn ways_out(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        rewrite: &Rewrite,
    ) -> Result<Option<WaysOut>> {
        let Some((table, _)) = &rewrite.moves else {
            return Ok(None);
        };
        Ok(Some(WaysOut {
            router: self.bind_router(context, table).await?,
            into: Destinations::default(),
            told: Told::of(table, TriggerEvent::Update),
        }))
    }
}

/// Where rows of a partition go that its bound no longer lets stay.
pub(super) struct WaysOut {
    router: Router,
    into: Destinations,
    told: Told,
}

impl WaysOut {
    /// Whether triggers look at each row that goes: then one goes after the other.
    pub(super) fn are_watched(&self, relation: &Relation) -> bool {
        let mut leaves = self.router.leaves.iter();
        sees_rows(relation, TriggerEvent::Delete)
            || leaves.any(|leaf| sees_rows(leaf, TriggerEvent::Insert))
    }

    /// Rows of `relation` go where they are for; gives which of them came there.
    pub(super) async fn take(
        &mut self,
        engine: &Arc<Engine>,
        context: &Arc<StatementContext>,
        (relation, rewrite): (&Relation, &Rewrite),
        work: &mut Work,
        rows: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<Vec<usize>> {
        let sending = Sending {
            router: &self.router,
            asked: (relation, &rewrite.rules),
            told: self.told,
        };
        let rows = shaped(rows, relation, &self.router.table)?;
        let taken = self
            .into
            .take(engine, context, &sending, work, &rows, interrupt);
        let came = taken.await?;
        Ok(came.into_iter().flat_map(|of| of.numbers).collect())
    }

    /// The end. Gives the rows, by partition.
    pub(super) async fn finish(self, work: &mut Work) -> Result<Vec<Arc<Relation>>> {
        self.into.finish(work).await
    }
}

/// Whether changes of these columns may take rows of a partition to another.
pub(super) fn touches_key(
    context: &StatementContext,
    partition: &Relation,
    changed: &[i16],
) -> bool {
    let changed: Vec<&str> = partition
        .columns
        .iter()
        .filter(|column| changed.contains(&column.attnum))
        .map(|column| column.name.as_str())
        .collect();
    let above = context.snapshot.partition_ancestors(partition);
    above.iter().any(|table| {
        let key = table.family.key_columns();
        let mut columns = table.columns.iter();
        columns.any(|of| key.contains(&of.attnum) && changed.contains(&of.name.as_str()))
    })
}

/// The target as this statement sees it; its columns must still be those it was bound with.
///
/// # Errors
/// `42P01` dropped meanwhile; `0A000` altered meanwhile.
pub(super) fn current(context: &StatementContext, bound: &Arc<Relation>) -> Result<Arc<Relation>> {
    let Some(relation) = context.snapshot.relation(bound.oid) else {
        return Err(Error::new(
            SqlState::UNDEFINED_TABLE,
            format!("relation \"{}\" does not exist", bound.name),
        ));
    };
    let same = |a: &Column, b: &Column| a.attnum == b.attnum && a.name == b.name && a.ty == b.ty;
    if relation.columns.len() != bound.columns.len()
        || !relation
            .columns
            .iter()
            .zip(&bound.columns)
            .all(|(a, b)| same(a, b))
    {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("table \"{}\" was altered meanwhile", relation.name),
        )
        .hint("Run the statement again."));
    }
    Ok(relation.clone())
}

/// The relation with other rows: for reading back what was written.
pub(super) fn with_segments(relation: &Relation, segments: &[Arc<Segment>]) -> Relation {
    Relation {
        kind: RelationKind::Table {
            segments: segments.into(),
        },
        ..relation.clone()
    }
}
