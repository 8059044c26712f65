//! Leaves to rows: every relation of a permitted plan is replaced by what can be scanned, and every
//! view by its body, bound and permitted as the view's owner.
//!
//! A view can only name what existed when it was made, so views never stand on themselves; the
//! depth is limited all the same.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use arrow::array::{BooleanArray, Int64Array};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::memory::{DataSourceExec, MemorySourceConfig};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{MemTable, TableType, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, SubqueryAlias, TableScanBuilder,
};
use datafusion::physical_plan::ExecutionPlan;

use super::barrier::Barrier;
use super::bind::{bind, project_as};
use super::error::convert;
use super::local::LocalRows;
use super::planning::Watch;
use super::scope::{Scope, external};
use super::shared::{SharedRows, Slot};
use super::source::{RelationBody, RelationSource};
use super::{Engine, foreign, scan, semantics};
use crate::base::limits::VIEW_DEPTH_MAX;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Column, PolicyCommand, Relation, RelationKind, SearchPath, Standing, View};
use crate::pg_catalog::{self, SystemBody, SystemRelation};
use crate::privileges;
use crate::statement::StatementContext;
use crate::types::PgType;

/// Opens a plan's relations for one statement.
pub(super) struct Expander<'a> {
    /// Where rows are, and remembered parses.
    pub(super) engine: &'a Engine,
    /// The statement.
    pub(super) context: &'a Arc<StatementContext>,
    /// Configuration for binding view bodies.
    pub(super) state: &'a SessionState,
    /// Stops what takes too long.
    pub(super) watch: &'a Watch,
    /// For whom rows are hidden: the caller, or inside a view its owner.
    pub(super) role: Oid,
    /// The tables whose policies are being opened.
    pub(super) guarding: Rc<RefCell<Vec<Oid>>>,
    /// The shared queries met so far, by number.
    pub(super) slots: Rc<RefCell<HashMap<u64, Arc<Slot>>>>,
}

impl Expander<'_> {
    /// The plan over things that can be scanned.
    pub(super) fn expand(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        self.expand_at(plan, 0).map_err(convert)
    }

    pub(super) fn expand_at(
        &self,
        plan: LogicalPlan,
        depth: usize,
    ) -> std::result::Result<LogicalPlan, DataFusionError> {
        if depth > VIEW_DEPTH_MAX {
            return Err(external(
                Error::new(
                    SqlState::STATEMENT_TOO_COMPLEX,
                    "stack depth limit exceeded",
                )
                .detail(format!("Views may stand on views {VIEW_DEPTH_MAX} deep.")),
            ));
        }
        plan.transform_up_with_subqueries(|plan| {
            let LogicalPlan::TableScan(scan) = plan else {
                return Ok(Transformed::no(plan));
            };
            let Some(source) = scan.source.downcast_ref::<RelationSource>() else {
                return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
            };
            // Whoever the body of a function runs as reads what it reads, down to the functions in
            // the views.
            let inside = source.inside.as_ref();
            let context = inside.map(|inside| inside.called_by(self.context));
            let opener = Expander {
                context: context.as_ref().unwrap_or(self.context),
                engine: self.engine,
                state: self.state,
                watch: self.watch,
                role: match &context {
                    Some(context) => context.role,
                    None => self.role,
                },
                slots: Rc::clone(&self.slots),
                guarding: Rc::clone(&self.guarding),
            };
            let opened = match &source.body {
                RelationBody::Stored(relation) => opener.stored(relation, source, depth)?,
                RelationBody::System(relation) => opener.system(relation, depth)?,
                RelationBody::Local(local) => match &local.rows {
                    LocalRows::Guarded(rows, guard) => {
                        let commands = guard.commands.clone();
                        let guard = opener.guard(&guard.relation, guard.role, commands);
                        match guard.map_err(external)? {
                            Some(guard) => Opened::Plan(opener.guarded(&guard, rows, depth)?),
                            None => Opened::Rows(rows.clone()),
                        }
                    }
                    LocalRows::View(view) => opener.stored(view, source, depth)?,
                    LocalRows::Provider(_) | LocalRows::Query { .. } => {
                        Opened::Rows(local.provider())
                    }
                },
                RelationBody::Function(_, provider) => Opened::Rows(provider.clone()),
                RelationBody::Shared(shared) => {
                    let mut slots = self.slots.borrow_mut();
                    let slot = slots
                        .entry(shared.id)
                        .or_insert_with(|| Arc::new(Slot::new(shared.clone())));
                    Opened::Rows(Arc::new(SharedRows::new(slot.clone())))
                }
            };
            let plan = match opened {
                Opened::Rows(provider) => LogicalPlan::TableScan(
                    TableScanBuilder::new(scan.table_name, provider_as_source(provider))
                        .with_projection(scan.projection)
                        .with_filters(scan.filters)
                        .with_fetch(scan.fetch)
                        .build()?,
                ),
                Opened::Plan(plan) => LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(
                    Arc::new(plan),
                    scan.table_name,
                )?),
            };
            Ok(Transformed::yes(plan))
        })
        .map(|transformed| transformed.data)
    }

    fn stored(
        &self,
        relation: &Arc<Relation>,
        source: &RelationSource,
        depth: usize,
    ) -> std::result::Result<Opened, DataFusionError> {
        match &relation.kind {
            RelationKind::Table { .. }
            | RelationKind::Materialized {
                populated: true, ..
            } => {
                if let Some(reads) = &self.context.reads {
                    reads.note(relation.oid);
                    source.members.iter().for_each(|of| reads.note(of.oid));
                }
                let root = self.context.database.store().root();
                let pool = &self.engine.memory;
                let mut commands = vec![PolicyCommand::Select];
                commands.extend(source.lock.map(|_| PolicyCommand::Update));
                // A view does not see columns added later; policies do.
                let whole = self.context.snapshot.relation(relation.oid);
                let whole = whole.unwrap_or(relation);
                let guard = self.guard(whole, self.role, commands).map_err(external)?;
                let placed = source.is_placed();
                let rows = |relation: &Relation| match source.is_family() {
                    true => {
                        scan::kept_family_provider(root, relation, &source.members, placed, pool)
                    }
                    false => scan::kept_provider(root, relation, placed, pool),
                };
                let Some(guard) = guard else {
                    return Ok(Opened::Rows(rows(relation)));
                };
                let rows = self.guarded(&guard, &rows(whole), depth)?;
                let names = relation.columns.iter().map(|column| column.name.as_str());
                let table = source.is_family().then_some(scan::TABLE_COLUMN);
                let place = placed.then_some(scan::PLACE_COLUMN);
                only(rows, names.chain(table).chain(place)).map(Opened::Plan)
            }
            RelationKind::Foreign { .. } => {
                foreign::foreign_provider(relation, &self.engine.options().file_roots, self.context)
                    .map(Opened::Rows)
                    .map_err(external)
            }
            RelationKind::View(view) => self.view(relation, view, depth).map(Opened::Plan),
            RelationKind::Materialized {
                populated: false, ..
            } => Err(external(
                Error::new(
                    SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                    format!(
                        "materialized view \"{}\" has not been populated",
                        relation.name
                    ),
                )
                .hint("Use the REFRESH MATERIALIZED VIEW command."),
            )),
            RelationKind::Sequence(sequence) => {
                let standing = self
                    .context
                    .database
                    .sequences()
                    .standing(relation, sequence);
                standing_rows(relation, standing).map(Opened::Rows)
            }
        }
    }

    /// A view's body, with its owner's rights.
    fn view(
        &self,
        relation: &Arc<Relation>,
        view: &View,
        depth: usize,
    ) -> std::result::Result<LogicalPlan, DataFusionError> {
        let path = privileges::search_path(
            &self.context.snapshot,
            relation.owner,
            &view.search_path,
            self.context.search_path.temporary,
        );
        let scope = Scope {
            context: self.context,
            role: match relation.is_security_invoker() {
                true => self.context.role,
                false => relation.owner,
            },
            path: &path,
            local: &[],
            view: Some(view),
            state: self.state,
            watch: self.watch,
            inside: None,
            kind: None,
        };
        let opener = Expander {
            role: scope.role,
            slots: Rc::clone(&self.slots),
            guarding: Rc::clone(&self.guarding),
            ..*self
        };
        let rows = opener.body(&scope, &view.query, &relation.columns, depth)?;
        let rows = semantics::with_effects(rows)?;
        Ok(match relation.is_security_barrier() {
            true => Barrier::over(rows),
            false => rows,
        })
    }

    fn system(
        &self,
        relation: &'static SystemRelation,
        depth: usize,
    ) -> std::result::Result<Opened, DataFusionError> {
        match &relation.body {
            SystemBody::Base(_) => Ok(Opened::Rows(Arc::new(SystemRows {
                relation,
                schema: relation.arrow_schema(),
                context: self.context.clone(),
            }))),
            SystemBody::View(query) => {
                let path = SearchPath::only_system();
                let scope = Scope {
                    context: self.context,
                    role: Oid::SUPERUSER,
                    path: &path,
                    local: &[],
                    view: None,
                    state: self.state,
                    watch: self.watch,
                    inside: None,
                    kind: None,
                };
                self.body(&scope, query, &relation.columns, depth)
                    .map(Opened::Plan)
            }
        }
    }

    /// The body of a view as seen by `scope`, permitted, opened, and showing `columns`.
    fn body(
        &self,
        scope: &Scope<'_>,
        query: &str,
        columns: &[Column],
        depth: usize,
    ) -> std::result::Result<LogicalPlan, DataFusionError> {
        self.watch.check().map_err(external)?;
        // Positions in a view's body mean nothing to who reads the view.
        let hidden = |error: Error| external(error.without_position());
        let query = self.engine.parsed(query).map_err(hidden)?;
        let bound = bind(scope, &query, &[]).map_err(hidden)?;
        privileges::authorize(&self.context.snapshot, &bound.needs, ()).map_err(external)?;
        let plan = self.expand_at(bound.plan, depth + 1)?;
        let columns: Vec<(String, PgType)> = columns
            .iter()
            .map(|column| (column.name.clone(), column.ty))
            .collect();
        project_as(self.context, plan, &columns)
    }
}

/// The columns of a plan that are called so.
fn only<'n>(
    plan: LogicalPlan,
    names: impl Iterator<Item = &'n str>,
) -> std::result::Result<LogicalPlan, DataFusionError> {
    let columns: Vec<Expr> = names
        .map(|name| Expr::Column(datafusion::common::Column::new_unqualified(name)))
        .collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// The one row of a sequence.
fn standing_rows(
    relation: &Relation,
    (standing, left): (Standing, i64),
) -> std::result::Result<Arc<dyn TableProvider>, DataFusionError> {
    let schema = Arc::new(Schema::new(
        relation
            .columns
            .iter()
            .map(|column| column.ty.field(&column.name, true))
            .collect::<Vec<_>>(),
    ));
    let row = RecordBatch::try_new(
        schema.clone(),
        vec![
            Arc::new(Int64Array::from(vec![standing.last])),
            Arc::new(Int64Array::from(vec![left])),
            Arc::new(BooleanArray::from(vec![standing.is_called])),
        ],
    )?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![row]])?))
}

/// A relation opened.
enum Opened {
    /// Something to scan.
    Rows(Arc<dyn TableProvider>),
    /// A view's body.
    Plan(LogicalPlan),
}

/// A base relation of `pg_catalog`: its rows are made when it is scanned.
#[derive(Debug)]
struct SystemRows {
    relation: &'static SystemRelation,
    schema: SchemaRef,
    context: Arc<StatementContext>,
}

#[async_trait]
impl TableProvider for SystemRows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> std::result::Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let rows = pg_catalog::rows(self.relation, &self.context).map_err(external)?;
        let source =
            MemorySourceConfig::try_new(&[vec![rows]], self.schema.clone(), projection.cloned())?
                .with_limit(limit);
        Ok(DataSourceExec::from_data_source(source))
    }
}
