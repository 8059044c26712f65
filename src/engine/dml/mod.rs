//! INSERT, UPDATE, DELETE planned as queries: the target's rows are addressed by (segment, row),
//! the engine answers which rows go and which come, and storage writes segments. DataFusion's own
//! DML hooks are never used: they lose subquery filters and then hit every row.
//!
//! [`insert`] (with [`conflict`]) and [`rewrite`] bind and execute; [`feeds`] has what fills the
//! columns of new rows, [`rules`] and [`keys`] what they are checked against; [`values`] evaluates
//! literals without a plan; [`assign`] has PostgreSQL's assignment casts; [`sink`] writes.

mod assign;
mod conflict;
mod feeds;
mod hits;
mod insert;
mod intake;
mod keys;
mod references;
mod rekey;
mod returning;
mod rewrite;
mod rows;
mod rules;
mod set;
mod sink;
mod target;
#[cfg(test)]
mod tests;
mod values;

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use sqlparser::ast::{self, SelectItem};

use super::command::Dml;
use super::local::LocalRelation;
use super::scan::table_provider;
use super::{Bound, Engine, ExplainOptions, Explanation, OutputColumn, Rows};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, Version};
use crate::catalog::{Change, Privilege, Relation, Segment};
use crate::observe::Interrupt;
use crate::privileges::{Authorized, Need};
use crate::statement::StatementContext;
use crate::types::PgType;
use insert::Insert;
use returning::{Side, joined_schema};
use rewrite::Rewrite;
use values::Parameters;

pub(super) use feeds::Feeds;
pub(super) use keys::{KeyCache, Keys};
pub(super) use rows::check_not_null;
pub(super) use sink::Sink;

pub use assign::check_assignable;
pub use references::{Orphan, orphan_condition};
pub use values::is_literal;

/// The rows RETURNING reads, in its generated query.
const RETURNED: &str = "\0returned";

/// A bound INSERT, UPDATE or DELETE.
#[derive(Debug, Clone)]
pub struct BoundDml {
    /// The table changed.
    pub target: Oid,
    /// What it does; decides the lock it needs.
    pub kind: DmlKind,
    /// Whether an INSERT may change rows that are there.
    pub upserts: bool,
    /// What it needs, the source's needs included.
    pub needs: Vec<Need>,
    /// Types of $1, $2, …
    pub parameters: Vec<PgType>,
    /// What RETURNING answers, if there is one.
    pub columns: Option<Arc<[OutputColumn]>>,
    /// The catalog it was bound in; another version means: bind again (waiting for the lock may
    /// have moved it).
    pub version: Version,
    body: Body,
    returning: Option<Bound>,
}

/// What is to be done.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "one per statement, and never kept in numbers"
)]
enum Body {
    Insert(Insert),
    Rewrite(Rewrite),
}

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DmlKind {
    /// INSERT
    Insert,
    /// UPDATE
    Update,
    /// DELETE
    Delete,
}

/// What a DML statement did: changes for the transaction (not yet pushed), how many rows, and
/// RETURNING's rows.
#[derive(Debug)]
pub struct DmlResult {
    /// To be authorised and pushed.
    pub changes: Vec<Change>,
    /// Rows inserted, updated or deleted.
    pub rows: u64,
    /// RETURNING.
    pub returning: Option<Rows>,
}

impl Engine {
    /// Binds `INSERT`, `UPDATE` or `DELETE`.
    ///
    /// # Errors
    /// As [`Engine::bind`]; `55000` for a view, `0A000` for a foreign table.
    pub async fn bind_dml(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        dml: &Dml,
        declared: &[Option<PgType>],
    ) -> Result<BoundDml> {
        let mut parameters = Parameters::new(declared);
        let mut with = dml.with.clone();
        let (kind, body, mut needs, returning, alias) = match &dml.statement {
            ast::Statement::Insert(insert) => {
                if with.is_some() {
                    return Err(Error::unsupported("WITH before an INSERT that has one"));
                }
                let (bound, needs) = self
                    .bind_insert(context, insert, dml.overriding, &mut parameters)
                    .await?;
                let alias = insert.table_alias.as_ref();
                let alias = alias.map_or_else(
                    || bound.relation.name.clone(),
                    |alias| target::fold(&alias.alias),
                );
                let returning = insert.returning.clone();
                with = insert
                    .source
                    .as_ref()
                    .and_then(|source| source.with.clone());
                let body = Body::Insert(bound);
                (DmlKind::Insert, body, needs, returning, alias)
            }
            ast::Statement::Update(update) => {
                let (bound, needs) = self
                    .bind_update(context, update, with.clone(), &mut parameters)
                    .await?;
                let alias = bound.alias.clone();
                let returning = update.returning.clone();
                let body = Body::Rewrite(bound);
                (DmlKind::Update, body, needs, returning, alias)
            }
            ast::Statement::Delete(delete) => {
                let (bound, needs) = self
                    .bind_delete(context, delete, with.clone(), &mut parameters)
                    .await?;
                let alias = bound.alias.clone();
                let returning = delete.returning.clone();
                let body = Body::Rewrite(bound);
                (DmlKind::Delete, body, needs, returning, alias)
            }
            other => {
                return Err(Error::internal(
                    "binding a statement that changes rows",
                    format!("{other} is none"),
                ));
            }
        };
        let relation = body.relation().clone();
        let others = match &body {
            Body::Rewrite(rewrite) => rewrite.others.clone(),
            Body::Insert(_) => Vec::new(),
        };
        let returning = match returning {
            None => None,
            Some(items) => Some(
                self.bind_returning(
                    context,
                    &relation,
                    rewrite::sides(&relation, &alias, &others),
                    items,
                    with,
                    &mut parameters,
                    &mut needs,
                )
                .await?,
            ),
        };
        Ok(BoundDml {
            target: relation.oid,
            kind,
            upserts: match &body {
                Body::Insert(insert) => insert.conflict.is_some(),
                Body::Rewrite(_) => false,
            },
            needs,
            parameters: parameters.finish()?,
            columns: returning.as_ref().map(|bound| bound.columns.clone().into()),
            version: context.snapshot.version(),
            body,
            returning,
        })
    }

    /// RETURNING as a query over the rows the statement leaves (or, for DELETE, takes).
    #[expect(clippy::too_many_arguments, reason = "the parts of one query")]
    async fn bind_returning(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        sides: Vec<Side>,
        mut items: Vec<SelectItem>,
        with: Option<ast::With>,
        parameters: &mut Parameters,
        needs: &mut Vec<Need>,
    ) -> Result<Bound> {
        let reads = items.iter().any(|item| match item {
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => true,
            item => target::names_columns(item),
        });
        if reads {
            needs.push(target::needs(context, relation, Privilege::Select));
        }
        let schema = context.snapshot.schema(relation.schema);
        for item in &mut items {
            target::unqualify(item, schema.map_or("", |s| s.name.as_str()), &relation.name);
        }
        let bound = if sides.len() == 1 {
            let mut query = select_from(items, RETURNED, Some(&sides[0].alias));
            query.with = with;
            let local = LocalRelation {
                name: RETURNED.to_owned(),
                relation: relation.oid,
                provider: table_provider(
                    context.database.store().root(),
                    &rewrite::with_segments(relation, &[]),
                ),
            };
            let bound = self
                .bind_with(context, &query, parameters.known(), &[local])
                .await?;
            insert::settle_used(parameters, &query, &bound);
            bound
        } else {
            self.bind_over(context, items, &sides, None, with, RETURNED, parameters)
                .await?
        };
        needs.extend(bound.needs.iter().cloned());
        Ok(bound)
    }

    /// Runs it: rows are computed and written as segments of the transaction. The table lock must
    /// be held.
    ///
    /// # Errors
    /// As [`Engine::execute`]; `23502` NULL in a NOT NULL column, `22001`, `22003` values that do
    /// not fit.
    pub async fn execute_dml(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        statement: Authorized<BoundDml>,
        parameters: &[ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<DmlResult> {
        let statement = statement.into_inner();
        let root = context.database.store().root();
        let (changes, rows, returned) = match &statement.body {
            Body::Insert(insert) => {
                let types = &statement.parameters;
                let written = self
                    .execute_insert(context, insert, types, parameters, interrupt)
                    .await?;
                (written.changes, written.rows, written.returned)
            }
            Body::Rewrite(rewrite) => {
                let done = self
                    .execute_rewrite(context, rewrite, parameters, interrupt)
                    .await?;
                let returned = if !rewrite.others.is_empty() {
                    let sides = rewrite::sides(&rewrite.relation, &rewrite.alias, &rewrite.others);
                    rows::in_memory(joined_schema(&sides), done.returned)?
                } else if statement.kind == DmlKind::Update {
                    let relation = rewrite::with_segments(&rewrite.relation, &done.written);
                    table_provider(root, &relation)
                } else {
                    rows::in_memory(rows::schema(&rewrite.relation), done.returned)?
                };
                (done.changes, done.rows, returned)
            }
        };
        let returning = match statement.returning {
            None => None,
            Some(query) => {
                let query = query.with_rows(RETURNED, returned)?;
                let passed = &parameters[..query.parameters.len().min(parameters.len())];
                Some(self.run(context, query, passed, interrupt).await?)
            }
        };
        Ok(DmlResult {
            changes,
            rows,
            returning,
        })
    }

    /// EXPLAIN of INSERT, UPDATE or DELETE: the plan of its source under a node naming what it
    /// does. Changes nothing.
    ///
    /// # Errors
    /// As [`Engine::explain`]; `0A000` for EXPLAIN ANALYZE.
    pub async fn explain_dml(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        statement: Authorized<BoundDml>,
        parameters: &[ArrayRef],
        options: &ExplainOptions,
        interrupt: &Interrupt,
    ) -> Result<Explanation> {
        interrupt.check()?;
        let statement = statement.into_inner();
        if options.analyze {
            return Err(Error::unsupported(
                "EXPLAIN ANALYZE of a statement that changes rows",
            ));
        }
        let (word, query) = match &statement.body {
            Body::Insert(insert) => ("Insert", insert.query()),
            Body::Rewrite(rewrite) if statement.kind == DmlKind::Update => {
                ("Update", rewrite.query())
            }
            Body::Rewrite(rewrite) => ("Delete", rewrite.query()),
        };
        let table = quote(&statement.body.relation().name);
        let Some(query) = query else {
            return Ok(Explanation::change(word, &table));
        };
        let passed = &parameters[..query.parameters.len().min(parameters.len())];
        let source = self
            .explanation(context, query.clone(), passed, options, interrupt)
            .await?;
        Ok(source.changing(word, &table))
    }

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
pub(super) fn stored_batch(
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
pub(super) fn added(relation: &Relation, segments: Vec<Arc<Segment>>) -> Vec<Change> {
    if segments.is_empty() {
        return Vec::new();
    }
    vec![Change::AddSegments {
        relation: relation.oid,
        segments,
    }]
}

/// `SELECT items FROM relation AS alias`, of a local relation.
pub(super) fn select_from(
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

impl Body {
    fn relation(&self) -> &Arc<Relation> {
        match self {
            Self::Insert(insert) => &insert.relation,
            Self::Rewrite(rewrite) => &rewrite.relation,
        }
    }
}
