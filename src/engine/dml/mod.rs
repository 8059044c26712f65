//! INSERT, UPDATE, DELETE planned as queries: the target's rows are addressed by (segment, row),
//! the engine answers which rows go and which come, and storage writes segments. DataFusion's own
//! DML hooks are never used: they lose subquery filters and then hit every row.
//!
//! [`steps`] puts the changes of WITH before that of the statement itself; [`insert`] (with
//! [`conflict`]), [`rewrite`] and [`merge`] (with [`merging`]) bind and execute one; [`work`] sums
//! up; [`feeds`] has what fills the columns of new rows, [`rules`] and [`keys`] what they are
//! checked against; [`values`] evaluates literals without a plan; [`assign`] has PostgreSQL's
//! assignment casts; [`sink`] writes.

mod arbiter;
mod assign;
mod condition;
mod conflict;
mod explain;
mod feeds;
mod fields;
mod fire;
mod hits;
mod insert;
mod intake;
mod kept;
mod key_cache;
mod key_set;
mod keys;
mod merge;
mod merging;
mod names;
mod places;
mod recode;
mod references;
mod rekey;
mod returning;
mod rewrite;
mod rows;
mod rules;
mod security;
mod set;
mod simple_view;
mod sink;
mod steps;
mod target;
#[cfg(test)]
mod tests;
mod through;
mod values;
mod work;

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use sqlparser::ast::{self, SelectItem};

use super::command::{Dml, DmlAction};
use super::local::{LocalRelation, LocalRows};
use super::scan::table_provider;
use super::{Bound, Engine, OutputColumn, Rows};
use crate::base::{Error, Oid, Result, Version};
use crate::catalog::{Change, Relation, Segment};
use crate::observe::Interrupt;
use crate::privileges::{Authorized, Need};
use crate::statement::StatementContext;
use crate::types::PgType;
use insert::Insert;
use names::Names;
use returning::{Side, joined_schema};
use rewrite::Rewrite;
use steps::{Found, Given, Step, put_rows};
use through::{THROUGH, Through};
use values::Parameters;
use work::Work;

pub(super) use feeds::Feeds;
pub(super) use kept::{custom, full_name, replaced};
pub(super) use key_cache::KeyCache;
pub(super) use keys::Keys;
pub(super) use rows::check_not_null;
pub(super) use security::{and_all, guarded_query, or_all};
pub(super) use sink::Sink;

pub use assign::{assigned, check_assignable, is_assignable};
pub use condition::reworded_condition;
pub use fields::assign_to;
pub use fire::ChangedRows;
pub use references::Orphan;
pub use values::is_literal;
pub use work::{Gone, Touched};

/// The rows RETURNING reads, in its generated query.
const RETURNED: &str = "\0returned";

/// A bound statement that changes rows.
#[derive(Debug, Clone)]
pub struct BoundDml {
    /// What kind it is; `None` for a query whose WITH changes rows.
    pub kind: Option<DmlKind>,
    /// The tables it changes, and how; decides the locks it needs.
    pub targets: Vec<(Oid, DmlKind)>,
    /// What it needs, the source's needs included.
    pub needs: Vec<Need>,
    /// Types of $1, $2, …
    pub parameters: Vec<PgType>,
    /// What it answers, if it answers rows.
    pub columns: Option<Arc<[OutputColumn]>>,
    /// The catalog it was bound in; another version means: bind again (waiting for the lock may
    /// have moved it).
    pub version: Version,
    /// The queries of WITH that run by themselves, in order.
    steps: Vec<Step>,
    body: Body,
}

/// One change with its RETURNING.
#[derive(Debug, Clone)]
struct Part {
    change: PartBody,
    returning: Option<Bound>,
}

/// What is to be done at last.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "one per statement, and never kept in numbers"
)]
enum Body {
    Change(Part),
    Query(Bound),
}

/// What a part of a statement does.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "one per statement, and never kept in numbers"
)]
enum PartBody {
    Insert(Insert),
    Rewrite(Rewrite),
    Merge(merge::BoundMerge),
}

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DmlKind {
    /// INSERT
    Insert,
    /// UPDATE
    Update,
    /// DELETE
    Delete,
    /// MERGE
    Merge,
}

/// What a DML statement did: changes for the transaction (not yet pushed), how many rows, and
/// the rows it answers.
#[derive(Debug)]
pub struct DmlResult {
    /// To be authorised and pushed.
    pub changes: Vec<Change>,
    /// What they are to.
    pub touched: Vec<Touched>,
    /// Rows inserted, updated or deleted by the statement itself.
    pub rows: u64,
    /// RETURNING, or the query's own.
    pub returning: Option<Rows>,
}

impl Engine {
    /// Binds a statement that changes rows.
    ///
    /// # Errors
    /// As [`Engine::bind`]; `55000` for a view, `0A000` for a foreign table.
    pub async fn bind_dml(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        dml: &Dml,
        declared: &[Option<PgType>],
    ) -> Result<BoundDml> {
        self.bind_dml_over(context, dml, declared, Vec::new()).await
    }

    /// As [`Engine::bind_dml`], with relations of the statement's own.
    async fn bind_dml_over(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        dml: &Dml,
        declared: &[Option<PgType>],
        locals: Vec<LocalRelation>,
    ) -> Result<BoundDml> {
        let mut parameters = Parameters::new(declared);
        let mut needs = Vec::new();
        let mut targets = Vec::new();
        let (mut names, steps) = self
            .bind_steps(context, dml, &mut parameters, &mut needs, &mut targets)
            .await?;
        names.locals.extend(locals);
        let (kind, body, columns) = match &dml.action {
            DmlAction::Query(query) => {
                let query = names.around(ast::Query::clone(query));
                let bound = self
                    .bind_with(context, &query, parameters.known(), &names.locals)
                    .await?;
                values::settle_used(&mut parameters, &query, &bound);
                needs.extend(bound.needs.iter().cloned());
                let columns = Some(bound.columns.clone().into());
                (None, Body::Query(bound), columns)
            }
            action => {
                let part = self
                    .bind_part(context, action, names, &mut parameters, &mut needs)
                    .await?;
                targets.extend(part.targets());
                let columns = part.returning.as_ref();
                let columns = columns.map(|bound| bound.columns.clone().into());
                (Some(part.kind()), Body::Change(part), columns)
            }
        };
        Ok(BoundDml {
            kind,
            targets,
            needs,
            parameters: parameters.finish()?,
            columns,
            version: context.snapshot.version(),
            steps,
            body,
        })
    }

    /// Binds one change with its RETURNING.
    async fn bind_part(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        action: &DmlAction,
        names: Names,
        parameters: &mut Parameters,
        needs: &mut Vec<Need>,
    ) -> Result<Part> {
        places::check(context, action)?;
        let of = names.clone();
        let (mut change, needed, returning, alias) = match action {
            DmlAction::Insert {
                insert,
                overriding,
                inference,
            } => {
                let target = (*overriding, inference.as_deref());
                let (bound, needed) = self
                    .bind_insert(context, insert, target, &names, parameters)
                    .await?;
                let alias = insert.table_alias.as_ref();
                let alias = alias.map_or_else(
                    || bound.named().name.clone(),
                    |alias| target::fold(&alias.alias),
                );
                let returning = insert.returning.clone();
                (PartBody::Insert(bound), needed, returning, alias)
            }
            DmlAction::Update(update) => {
                let (bound, needed) = self.bind_update(context, update, names, parameters).await?;
                let alias = bound.alias.clone();
                let returning = update.returning.clone();
                (PartBody::Rewrite(bound), needed, returning, alias)
            }
            DmlAction::Delete(delete) => {
                let (bound, needed) = self.bind_delete(context, delete, names, parameters).await?;
                let alias = bound.alias.clone();
                let returning = delete.returning.clone();
                (PartBody::Rewrite(bound), needed, returning, alias)
            }
            DmlAction::Merge(statement) => {
                let (bound, needed) = self
                    .bind_merge(context, statement, &names, parameters)
                    .await?;
                (PartBody::Merge(bound), needed, None, String::new())
            }
            DmlAction::Query(_) => {
                return Err(Error::internal("binding a change", "it is a query"));
            }
        };
        let relation = change.relation().clone();
        let named = change
            .through()
            .map_or(relation.oid, |through| through.view.oid);
        // Of an INSERT what its source reads is none of the target's.
        let mut reads = match &change {
            PartBody::Insert(insert) => insert.reads_target,
            PartBody::Rewrite(_) | PartBody::Merge(_) => security::reads(&needed, named),
        };
        needs.extend(needed);
        let others = match &change {
            PartBody::Rewrite(rewrite) => rewrite.others.clone(),
            PartBody::Insert(_) | PartBody::Merge(_) => Vec::new(),
        };
        let returning = match returning {
            None => None,
            Some(items) => {
                let sides = rewrite::sides(&relation, &alias, &others);
                let through = change.through();
                Some(
                    self.bind_returning(
                        context, &relation, through, sides, items, &of, parameters, needs,
                    )
                    .await?,
                )
            }
        };
        reads |= returning
            .as_ref()
            .is_some_and(|returning| security::reads(&returning.needs, named));
        // By itself: it is part of every statement, and big.
        Box::pin(self.secure(context, &mut change, reads, needs)).await?;
        Ok(Part { change, returning })
    }

    /// RETURNING as a query over the rows the statement leaves (or, for DELETE, takes).
    #[expect(clippy::too_many_arguments, reason = "the parts of one query")]
    async fn bind_returning(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        through: Option<&Through>,
        sides: Vec<Side>,
        mut items: Vec<SelectItem>,
        names: &Names,
        parameters: &mut Parameters,
        needs: &mut Vec<Need>,
    ) -> Result<Bound> {
        let named = through.map_or(relation, |through| &through.view);
        let schema = context.snapshot.schema(named.schema);
        for item in &mut items {
            target::unqualify(item, schema.map_or("", |s| s.name.as_str()), &named.name);
        }
        let bound = if sides.len() == 1 {
            let mut locals = names.beside(&[LocalRelation {
                name: RETURNED.to_owned(),
                relation: relation.oid,
                origins: target::origins_of(relation),
                rows: LocalRows::Provider(table_provider(
                    context.database.store().root(),
                    &rewrite::with_segments(relation, &[]),
                )),
            }]);
            let returned = match through {
                None => RETURNED,
                Some(through) => {
                    // A row that the view no longer shows is returned all the same.
                    locals.extend(through.locals(RETURNED, &[], false));
                    THROUGH
                }
            };
            let from = ast::TableWithJoins {
                relation: target::table(returned, Some(&sides[0].alias)),
                joins: Vec::new(),
            };
            let query = names.around(target::select(items, vec![from], None));
            let bound = self
                .bind_with(context, &query, parameters.known(), &locals)
                .await?;
            values::settle_used(parameters, &query, &bound);
            needs.extend(through.iter().flat_map(|it| it.read_by(&bound.needs)));
            bound
        } else {
            self.bind_over(context, items, &sides, None, names, RETURNED, parameters)
                .await?
        };
        needs.extend(bound.needs.iter().cloned());
        Ok(bound)
    }

    /// Runs it: rows are computed and written as segments of the transaction. The table locks must
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
        let mut statement = statement.into_inner();
        let inputs = Given {
            context,
            types: &statement.parameters,
            parameters,
            interrupt,
        };
        let mut work = Work::default();
        let mut found = Vec::new();
        let (first, last): (Vec<Step>, Vec<Step>) = std::mem::take(&mut statement.steps)
            .into_iter()
            .partition(|step| step.is_read);
        self.execute_steps(&inputs, first, &mut found, &mut work)
            .await?;
        let (rows, returning) = match statement.body {
            Body::Change(mut part) => {
                part.put_rows(&found)?;
                self.execute_part(&inputs, part, &mut work).await?
            }
            Body::Query(mut query) => {
                put_rows(&mut query, &found)?;
                let passed = &parameters[..query.parameters.len().min(parameters.len())];
                (0, Some(self.run(context, query, passed, interrupt).await?))
            }
        };
        self.execute_steps(&inputs, last, &mut found, &mut work)
            .await?;
        let (changes, touched) = work.finish(context, interrupt).await?;
        Ok(DmlResult {
            changes,
            touched,
            rows,
            returning,
        })
    }

    /// Runs one change: how many rows, and RETURNING's.
    async fn execute_part(
        self: &Arc<Self>,
        given: &Given<'_>,
        part: Part,
        work: &mut Work,
    ) -> Result<(u64, Option<Rows>)> {
        let Given {
            context,
            types,
            parameters,
            interrupt,
        } = *given;
        let root = context.database.store().root();
        let (rows, returned) = match &part.change {
            PartBody::Insert(insert) => {
                let written = self
                    .execute_insert(context, insert, work, types, parameters, interrupt)
                    .await?;
                (written.rows, written.returned)
            }
            PartBody::Rewrite(rewrite) => {
                let done = self
                    .execute_rewrite(context, rewrite, work, parameters, interrupt)
                    .await?;
                let returned = if !rewrite.others.is_empty() {
                    let sides = rewrite::sides(&rewrite.relation, &rewrite.alias, &rewrite.others);
                    rows::in_memory(joined_schema(&sides), done.returned)?
                } else if part.kind() == DmlKind::Update {
                    let relation = rewrite::with_segments(&rewrite.relation, &done.written);
                    table_provider(root, &relation)
                } else {
                    rows::in_memory(rows::schema(&rewrite.relation), done.returned)?
                };
                (done.rows, returned)
            }
            PartBody::Merge(merge) => {
                let rows = self.execute_merge(given, merge, work).await?;
                return Ok((rows, None));
            }
        };
        let returning = match part.returning {
            None => None,
            Some(query) => {
                let query = query.with_rows(RETURNED, returned)?;
                let passed = &parameters[..query.parameters.len().min(parameters.len())];
                Some(self.run(context, query, passed, interrupt).await?)
            }
        };
        Ok((rows, returning))
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

impl Part {
    fn kind(&self) -> DmlKind {
        match &self.change {
            PartBody::Insert(_) => DmlKind::Insert,
            PartBody::Rewrite(rewrite) => rewrite.kind(),
            PartBody::Merge(_) => DmlKind::Merge,
        }
    }

    /// The table it changes, in which ways.
    fn targets(&self) -> Vec<(Oid, DmlKind)> {
        let table = self.change.relation().oid;
        match &self.change {
            PartBody::Insert(insert) if insert.updates() => {
                vec![(table, DmlKind::Insert), (table, DmlKind::Update)]
            }
            PartBody::Insert(_) | PartBody::Rewrite(_) => vec![(table, self.kind())],
            PartBody::Merge(merge) => merge.kinds().map(|kind| (table, kind)).collect(),
        }
    }

    /// Puts rows in place of names of WITH.
    fn put_rows(&mut self, found: &[Found]) -> Result<()> {
        let queries: Box<dyn Iterator<Item = &mut Bound>> = match &mut self.change {
            PartBody::Insert(insert) => Box::new(insert.queries()),
            PartBody::Rewrite(rewrite) => Box::new(rewrite.queries()),
            PartBody::Merge(merge) => Box::new(merge.queries()),
        };
        for query in queries.chain(self.returning.iter_mut()) {
            put_rows(query, found)?;
        }
        Ok(())
    }
}

impl PartBody {
    /// The view it was named by.
    fn through(&self) -> Option<&Through> {
        match self {
            Self::Insert(insert) => insert.through.as_ref(),
            Self::Rewrite(rewrite) => rewrite.through.as_ref(),
            Self::Merge(_) => None,
        }
    }

    fn relation(&self) -> &Arc<Relation> {
        match self {
            Self::Insert(insert) => &insert.relation,
            Self::Rewrite(rewrite) => &rewrite.relation,
            Self::Merge(merge) => &merge.relation,
        }
    }
}
