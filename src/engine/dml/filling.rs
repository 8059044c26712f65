//! A query's rows, as a table stores them.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use sqlparser::ast::{self, SelectItem};

use super::sink::Sink;
use super::{assign, rows, target};
use crate::base::{Error, Result};
use crate::catalog::{Change, Relation, Segment};
use crate::engine::{Bound, Engine};
use crate::observe::Interrupt;
use crate::privileges::Authorized;
use crate::statement::StatementContext;
use crate::types::PgType;

impl Engine {
    /// CREATE TABLE AS: runs the query into segments of `relation`, which is not in the catalog yet
    /// and has the query's columns.
    ///
    /// # Errors
    /// As [`Engine::execute`].
    pub async fn fill(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        query: Authorized<Bound>,
        parameters: &[ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<(Vec<Change>, u64)> {
        let types: Vec<PgType> = query.value().columns.iter().map(|c| c.ty).collect();
        let mut answer = self.execute(context, query, parameters, interrupt).await?;
        let mut sink = Sink::new(context.database.store().clone(), relation.clone());
        while let Some(batch) = answer.next().await? {
            sink.write(stored_batch(context, relation, &types, &batch)?)
                .await?;
        }
        let rows = sink.rows();
        Ok((added(relation, sink.finish().await?), rows))
    }
}

/// A query's rows as `relation` stores them: its columns at the same places, assigned.
pub(in crate::engine) fn stored_batch(
    context: &Arc<StatementContext>,
    relation: &Relation,
    types: &[PgType],
    batch: &RecordBatch,
) -> Result<RecordBatch> {
    let arrays = relation
        .columns
        .iter()
        .zip(types)
        .zip(batch.columns())
        .map(|((column, from), array)| assign::assign(context, array, *from, column.ty))
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(rows::schema(relation), arrays, &options)
        .map_err(|error| Error::internal("building rows", error))
}

/// The change that adds segments; none if there are none.
pub(in crate::engine) fn added(relation: &Relation, segments: Vec<Arc<Segment>>) -> Vec<Change> {
    if segments.is_empty() {
        return Vec::new();
    }
    vec![Change::AddSegments {
        relation: relation.oid,
        segments,
    }]
}

/// `SELECT items FROM relation AS alias`, of a local relation.
pub(in crate::engine) fn select_from(
    items: Vec<SelectItem>,
    relation: &str,
    alias: Option<&str>,
) -> ast::Query {
    let from = ast::TableWithJoins {
        relation: target::table(relation, alias),
        joins: Vec::new(),
    };
    target::select(items, vec![from], None)
}
