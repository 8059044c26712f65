//! INSERT, UPDATE, DELETE planned as queries: the target's rows are addressed by (segment, row),
//! the engine answers which rows go and which come, and storage writes segments. DataFusion's own
//! DML hooks are never used: they lose subquery filters and then hit every row.
//!
//! [`steps`] puts the changes of WITH before that of the statement itself; [`insert`] (with
//! [`inserting`] and [`conflict`]), [`rewrite`] (with [`rewriting`]), [`merge`] (with [`merging`])
//! and [`instead`] bind and execute one; [`work`] sums up; [`feeds`] has what fills the columns of
//! new rows, [`rules`] and [`keys`] what they are checked against; [`fire`] and [`when`] ask
//! triggers; [`values`] evaluates literals without a plan; [`assign`] has PostgreSQL's assignment
//! casts; [`sink`] writes.

mod arbiter;
mod assign;
mod condition;
mod conflict;
mod destinations;
mod domains;
mod explain;
mod feeds;
mod fields;
mod filling;
mod fire;
mod hits;
mod insert;
mod inserting;
mod instead;
mod intake;
mod items;
mod kept;
mod key_cache;
mod key_set;
mod keys;
mod merge;
mod merged;
mod merging;
mod met;
mod moved;
mod names;
mod parts;
mod places;
mod recode;
mod references;
mod rekey;
mod resolving;
mod returning;
mod rewrite;
mod rewriting;
mod route;
mod rows;
mod rules;
mod security;
mod set;
mod simple_view;
mod sink;
mod spread;
mod steps;
mod target;
#[cfg(test)]
mod tests;
mod through;
mod updatable;
mod values;
mod when;
mod work;

use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::catalog::TableProvider;
use sqlparser::ast::{self, SelectItem};

use super::analyze::TABLEOID;
use super::command::{Dml, DmlAction};
use super::local::{LocalRelation, LocalRows};
use super::{Bound, Engine, OutputColumn, Rows};
use crate::base::{Error, Oid, Result, Version};
use crate::catalog::{Change, Relation};
use crate::observe::Interrupt;
use crate::privileges::{Authorized, Need};
use crate::statement::StatementContext;
use crate::types::PgType;
use insert::Insert;
pub(super) use insert::arrives_whole;
use instead::Instead;
use names::Names;
use resolving::met_provider;
use returning::{Side, changed_provider, joined_schema, returned_provider};
use rewrite::Rewrite;
use steps::{Given, Step, put_rows};
use through::{THROUGH, Through};
use values::Parameters;
use work::Work;

pub(super) use feeds::Feeds;
use filling::{added, select_from};
pub use kept::typed_default;
pub(super) use kept::{custom, full_name};
pub(super) use key_cache::KeyCache;
pub(super) use keys::Keys;
pub(super) use route::{Router, Sent};
pub(super) use rows::check_not_null;
pub(super) use rules::Rules;
pub(super) use security::{and_all, guarded_query, or_all};
pub use updatable::view_base;

pub use assign::{assigned, check_assignable, is_assignable};
pub use condition::reworded_condition;
pub use fields::assign_to;
pub use fire::{AfterEvent, ChangedRows, NamedTable};
pub use references::Orphan;
pub use route::shaped;
pub use values::is_literal;
pub use when::Asked;
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
    /// The same for the tables that stand under the one it names.
    below: Vec<Part>,
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
    Instead(Instead),
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
    /// What triggers are told of.
    pub events: Vec<AfterEvent>,
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

    /// Binds one change with its RETURNING; UPDATE and DELETE also for each table that stands under
    /// the one they name.
    async fn bind_part(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        action: &DmlAction,
        names: Names,
        parameters: &mut Parameters,
        needs: &mut Vec<Need>,
    ) -> Result<Part> {
        let again = names.clone();
        let part = self.bind_one(context, action, names, None, parameters, needs);
        let mut part = Box::pin(part).await?;
        if let PartBody::Rewrite(rewrite) = &part.change
            && !rewrite.only
        {
            for member in context.snapshot.descendants(rewrite.relation.oid) {
                if member.is_partitioned() {
                    continue;
                }
                let names = again.clone();
                let below = self.bind_one(context, action, names, Some(&member), parameters, needs);
                part.below.push(Box::pin(below).await?);
            }
        }
        Ok(part)
    }

    /// As [`Engine::bind_part`], for one table: `member`, which stands under the one named, if any
    /// is given.
    async fn bind_one(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        action: &DmlAction,
        names: Names,
        member: Option<&Arc<Relation>>,
        parameters: &mut Parameters,
        needs: &mut Vec<Need>,
    ) -> Result<Part> {
        let unclear = places::check(context, action)?;
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
                let bound = self.bind_update(context, update, names, member, parameters);
                let (bound, needed) = bound.await?;
                let alias = bound.alias();
                let returning = update.returning.clone();
                (bound, needed, returning, alias)
            }
            DmlAction::Delete(delete) => {
                let bound = self.bind_delete(context, delete, names, member, parameters);
                let (bound, needed) = bound.await?;
                let alias = bound.alias();
                let returning = delete.returning.clone();
                (bound, needed, returning, alias)
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
            PartBody::Rewrite(_) | PartBody::Instead(_) | PartBody::Merge(_) => {
                security::reads(&needed, named)
            }
        };
        needs.extend(needed);
        let others = match &change {
            PartBody::Rewrite(rewrite) => rewrite.others.clone(),
            PartBody::Instead(instead) => instead.others.clone(),
            PartBody::Insert(_) | PartBody::Merge(_) => Vec::new(),
        };
        let returning = match returning {
            None => None,
            Some(items) => {
                let sides = rewrite::sides(&relation, &alias, &others);
                let through = change.through();
                let rows = match &change {
                    PartBody::Insert(insert) if insert.conflict.is_some() => {
                        met_provider(&relation, Vec::new())?
                    }
                    _ => returned_provider(context, &relation),
                };
                let read = (sides, rows);
                Some(
                    self.bind_returning(
                        context, &relation, through, read, items, &of, parameters, needs,
                    )
                    .await?,
                )
            }
        };
        if let Some(place) = unclear {
            for query in change.queries().map(|query| &*query).chain(&returning) {
                places::check_plan(query, place)?;
            }
        }
        reads |= returning
            .as_ref()
            .is_some_and(|returning| security::reads(&returning.needs, named));
        // By itself: it is part of every statement, and big.
        Box::pin(self.secure(context, &mut change, reads, needs)).await?;
        Ok(Part {
            change,
            returning,
            below: Vec::new(),
        })
    }

    /// RETURNING as a query over the rows the statement leaves (or, for DELETE, takes).
    #[expect(clippy::too_many_arguments, reason = "the parts of one query")]
    async fn bind_returning(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        through: Option<&Through>,
        (sides, rows): (Vec<Side>, Arc<dyn TableProvider>),
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
                rows: LocalRows::Provider(rows),
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
        let (changes, touched, events) = work.finish(context, interrupt).await?;
        Ok(DmlResult {
            changes,
            touched,
            events,
            rows,
            returning,
        })
    }

    /// Runs one change: how many rows, and RETURNING's.
    async fn execute_part(
        self: &Arc<Self>,
        given: &Given<'_>,
        mut part: Part,
        work: &mut Work,
    ) -> Result<(u64, Option<Rows>)> {
        let named = part.named();
        let below = std::mem::take(&mut part.below);
        // On the heap: what a change waits in is large.
        let (mut rows, mut returned) = Box::pin(self.execute_one(given, part, work)).await?;
        for part in below {
            let (more, others) = Box::pin(self.execute_one(given, part, work)).await?;
            rows += more;
            returned = match (returned, others) {
                (Some(returned), Some(others)) => Some(returned.then(others)),
                (returned, others) => returned.or(others),
            };
        }
        for named in named.into_iter().rev() {
            work.note_done(named);
        }
        Ok((rows, returned))
    }

    async fn execute_one(
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
                let written =
                    self.execute_insert(context, insert, work, types, parameters, interrupt);
                let written = Box::pin(written).await?;
                (written.rows, written.returned)
            }
            PartBody::Rewrite(rewrite) => {
                let done = self.execute_rewrite(context, rewrite, work, parameters, interrupt);
                let done = Box::pin(done).await?;
                let named = |of: &(Oid, i16)| of.1 == TABLEOID;
                if !done.moved.is_empty()
                    && part
                        .returning
                        .as_ref()
                        .is_some_and(|of| of.names.iter().any(named))
                {
                    return Err(Error::unsupported(
                        "RETURNING tableoid of rows that go to another partition",
                    ));
                }
                let returned = if rewrite.relation.is_partitioned() && rewrite.others.is_empty() {
                    // All its rows are its partitions'.
                    returned_provider(context, &rewrite.relation)
                } else if !rewrite.others.is_empty() {
                    let sides = rewrite::sides(&rewrite.relation, &rewrite.alias, &rewrite.others);
                    rows::in_memory(joined_schema(&sides), done.returned)?
                } else if part.kind() == DmlKind::Update {
                    let relation = rewrite::with_segments(&rewrite.relation, &done.written);
                    changed_provider(root, relation, done.moved)
                } else {
                    rows::in_memory(rows::schema(&rewrite.relation), done.returned)?
                };
                (done.rows, returned)
            }
            PartBody::Instead(instead) => {
                let done = self.execute_instead(context, instead, parameters, interrupt);
                let done = Box::pin(done).await?;
                (done.rows, done.returned)
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
}
