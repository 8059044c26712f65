//! Rows of a partitioned table on their way to the partitions they are for.
//!
//! A row is looked at with the conditions of all partitions that have rows, in one query over rows
//! of the table; exactly one holds. Each partition takes its rows as any table does, checked
//! against its own rules and keys.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array, new_null_array};
use arrow::compute::take_record_batch;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::keys::describe_values;
use super::rows;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{PartitionBound, Relation};
use crate::engine::{Bound, Engine};
use crate::observe::Interrupt;
use crate::pg_catalog::family;
use crate::statement::StatementContext;

/// Which rows of a partitioned table are for which partitions.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Router {
    /// The table.
    pub(in crate::engine) table: Arc<Relation>,
    /// The partitions under it that have rows.
    pub(in crate::engine) leaves: Vec<Arc<Relation>>,
    /// The condition of each; `None` without partitions.
    query: Option<Bound>,
    /// What the table's own rows must meet, if it is a partition itself.
    own: Option<Bound>,
}

/// Rows sent to one partition: their numbers, and themselves in the partition's shape.
pub(in crate::engine) struct Sent {
    pub(in crate::engine) leaf: Arc<Relation>,
    pub(in crate::engine) numbers: Vec<usize>,
    pub(in crate::engine) rows: RecordBatch,
}

impl Sent {
    /// All rows of a table that takes them itself.
    pub(super) fn all(table: &Arc<Relation>, rows: RecordBatch) -> Self {
        Self {
            leaf: Arc::clone(table),
            numbers: (0..rows.num_rows()).collect(),
            rows,
        }
    }

    fn of(
        router: &Router,
        leaf: &Arc<Relation>,
        batch: &RecordBatch,
        numbers: Vec<usize>,
    ) -> Result<Self> {
        let rows = taken(batch, &numbers)?;
        Ok(Self {
            leaf: Arc::clone(leaf),
            rows: shaped(&rows, &router.table, leaf)?,
            numbers,
        })
    }
}

impl Engine {
    /// What sends rows of `table` to its partitions.
    pub(in crate::engine) async fn bind_router(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        table: &Arc<Relation>,
    ) -> Result<Router> {
        let below = context.snapshot.descendants(table.oid);
        let leaves: Vec<_> = below
            .into_iter()
            .filter(|of| !of.is_partitioned())
            .collect();
        let above: Vec<Oid> = std::iter::once(table.oid)
            .chain(
                context
                    .snapshot
                    .partition_ancestors(table)
                    .iter()
                    .map(|of| of.oid),
            )
            .collect();
        let conditions: Vec<String> = leaves
            .iter()
            .map(|leaf| within(context, leaf, &above))
            .collect();
        let query = match conditions.is_empty() {
            true => None,
            false => {
                let conditions = conditions.iter().map(String::as_str);
                Some(self.bind_kept_rule(context, table, conditions).await?)
            }
        };
        let own = match family::condition(context, table) {
            Some(condition) => {
                let conditions = std::iter::once(condition.as_str());
                Some(self.bind_kept_rule(context, table, conditions).await?)
            }
            None => None,
        };
        Ok(Router {
            table: Arc::clone(table),
            leaves,
            query,
            own,
        })
    }

    /// Sends rows of the table to its partitions. The error is of the first row that no partition
    /// is for; rows before it are sent.
    pub(in crate::engine) async fn route(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        router: &Router,
        batch: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<(Vec<Sent>, Option<(usize, Error)>)> {
        let (homes, lost) = self.homes(context, router, batch, interrupt).await?;
        let mut sent = Vec::new();
        for (place, leaf) in router.leaves.iter().enumerate() {
            let numbers: Vec<usize> = (0..homes.len())
                .filter(|row| homes[*row] == place)
                .collect();
            if !numbers.is_empty() {
                sent.push(Sent::of(router, leaf, batch, numbers)?);
            }
        }
        Ok((sent, lost))
    }

    /// As [`Engine::route`], in the order of the rows: a piece ends where the partition is another.
    pub(super) async fn route_in_order(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        router: &Router,
        batch: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<(Vec<Sent>, Option<(usize, Error)>)> {
        let (homes, lost) = self.homes(context, router, batch, interrupt).await?;
        let mut sent = Vec::new();
        let mut row = 0;
        for run in homes.chunk_by(|one, next| one == next) {
            let numbers = (row..row + run.len()).collect();
            sent.push(Sent::of(router, &router.leaves[run[0]], batch, numbers)?);
            row += run.len();
        }
        Ok((sent, lost))
    }

    /// The partition that each row is for, by its place in the router, up to the first row that is
    /// for none.
    async fn homes(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        router: &Router,
        batch: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<(Vec<usize>, Option<(usize, Error)>)> {
        let table = &router.table;
        if let Some(own) = &router.own {
            let answer = self.examine(context, table, own, batch, interrupt).await?;
            let outside = (0..batch.num_rows()).find(|row| !holds(&answer[0], *row));
            if let Some(row) = outside {
                let error = outside_bound(context, table, &Default::default(), batch, row)?;
                return Ok((Vec::new(), Some((row, error))));
            }
        }
        let mut homes: Vec<Option<usize>> = vec![None; batch.num_rows()];
        if let Some(query) = &router.query {
            let answer = self.examine(context, table, query, batch, interrupt);
            for (leaf, verdicts) in answer.await?.iter().enumerate() {
                for (row, home) in homes.iter_mut().enumerate() {
                    if holds(verdicts, row) {
                        *home = Some(leaf);
                    }
                }
            }
        }
        let found: Vec<usize> = homes.iter().copied().map_while(|home| home).collect();
        let error = match found.len() == homes.len() {
            true => None,
            false => {
                let alone = batch.slice(found.len(), 1);
                let work = Box::pin(self.homeless(context, table, &alone, interrupt));
                Some((found.len(), work.await?))
            }
        };
        Ok((found, error))
    }

    /// Whether a row of a partition is for it.
    ///
    /// # Errors
    /// As [`Engine::execute`].
    pub async fn is_for_partition(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        partition: &Arc<Relation>,
        row: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<bool> {
        let Some(condition) = family::condition(context, partition) else {
            return Ok(true);
        };
        let conditions = std::iter::once(condition.as_str());
        let bound = self.bind_kept_rule(context, partition, conditions).await?;
        let answer = self.examine(context, partition, &bound, row, interrupt);
        Ok(holds(&answer.await?[0], 0))
    }

    /// `23514` for a row that no partition is for, of the table where it got lost.
    async fn homeless(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        table: &Arc<Relation>,
        row: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<Error> {
        for child in context.snapshot.children(table.oid) {
            let Some(bound) = child
                .family
                .bound
                .as_ref()
                .filter(|_| child.is_partitioned())
            else {
                continue;
            };
            let fits = match family::own_condition(context, table, child.oid, bound) {
                None => true,
                Some(condition) => {
                    let conditions = std::iter::once(condition.as_str());
                    let query = self.bind_kept_rule(context, table, conditions).await?;
                    let answer = self.examine(context, table, &query, row, interrupt).await?;
                    holds(&answer[0], 0)
                }
            };
            if fits {
                let row = shaped(row, table, &child)?;
                let deeper = Box::pin(self.homeless(context, &child, &row, interrupt));
                return deeper.await;
            }
        }
        let error = Error::new(
            SqlState::CHECK_VIOLATION,
            format!("no partition of relation \"{}\" found for row", table.name),
        );
        let place = context.snapshot.qualified_name(table);
        let error = error.table(place.schema, place.name);
        let Some(key) = &table.family.key else {
            return Ok(error);
        };
        let (parts, types) = (family::key_parts(table, key), family::key_types(table, key));
        let expressions = parts.iter().map(String::as_str);
        let query = self.bind_kept_rule(context, table, expressions).await?;
        let values = self.examine(context, table, &query, row, interrupt).await?;
        let shown = describe_values(context, &types, |index| &values[index], 0)?;
        Ok(error.detail(format!(
            "Partition key of the failing row contains ({}) = ({shown}).",
            parts.join(", ")
        )))
    }
}

/// The condition of a partition in a table above it: its own bounds and those between.
fn within(context: &StatementContext, leaf: &Relation, above: &[Oid]) -> String {
    let mut chain = vec![leaf.clone()];
    let ancestors = context.snapshot.partition_ancestors(leaf);
    chain.extend(ancestors.iter().map(|of| Relation::clone(of)));
    let mut conditions = Vec::new();
    for (partition, table) in chain.iter().zip(&chain[1..]) {
        if above.contains(&partition.oid) {
            break;
        }
        let bound = partition.family.bound.as_ref();
        conditions.extend(bound.and_then(|of: &PartitionBound| {
            family::own_condition(context, table, partition.oid, of)
        }));
    }
    match conditions.is_empty() {
        true => "true".to_owned(),
        false => conditions.join(" AND "),
    }
}

/// `23514` for a row that is not for the partition it was given to.
pub(super) fn outside_bound(
    context: &Arc<StatementContext>,
    partition: &Relation,
    given: &std::collections::BTreeSet<i16>,
    batch: &RecordBatch,
    row: usize,
) -> Result<Error> {
    let place = context.snapshot.qualified_name(partition);
    let error = Error::new(
        SqlState::CHECK_VIOLATION,
        format!(
            "new row for relation \"{}\" violates partition constraint",
            partition.name
        ),
    )
    .table(place.schema, place.name);
    rows::with_row(context, partition, given, error, batch, row)
}

/// These rows of a batch.
pub(super) fn taken(batch: &RecordBatch, numbers: &[usize]) -> Result<RecordBatch> {
    let indexes = UInt64Array::from_iter_values(numbers.iter().map(|row| *row as u64));
    take_record_batch(batch, &indexes).map_err(|error| Error::internal("choosing rows", error))
}

/// Rows of one table as rows of another, by the columns' names.
///
/// # Errors
/// `XX000` in practice never.
pub fn shaped(batch: &RecordBatch, from: &Relation, to: &Relation) -> Result<RecordBatch> {
    let place = |name: &str| from.columns.iter().position(|column| column.name == name);
    let columns = to.columns.iter().map(|column| -> ArrayRef {
        match place(&column.name) {
            Some(index) => Arc::clone(batch.column(index)),
            None => new_null_array(&column.ty.data_type(), batch.num_rows()),
        }
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(rows::schema(to), columns.collect(), &options)
        .map_err(|error| Error::internal("giving rows to a partition", error))
}

/// Whether a verdict is true.
pub(super) fn holds(array: &ArrayRef, row: usize) -> bool {
    match array.as_boolean_opt() {
        Some(verdicts) => verdicts.is_valid(row) && verdicts.value(row),
        None => false,
    }
}
