//! Relations that only one statement can name: the addressed target of an UPDATE, the rows of a
//! RETURNING. They are passed to the binder beside the catalog; their names hold a NUL, which no
//! client can send, so nobody else reaches them.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, TableScan, TableSource};
use sqlparser::ast;

use super::bind::{bind, check_determined};
use super::expression_kind::ExpressionKind;
use super::guard::Guard;
use super::planning::Watch;
use super::scope::{Inside, Scope};
use super::source::{RelationBody, RelationSource};
use super::{Bound, Engine, Options, Rows};
use crate::base::{Error, Oid, Result};
use crate::catalog::{Relation, SearchPath, View};
use crate::observe::Interrupt;
use crate::statement::StatementContext;
use crate::types::PgType;

/// A relation beside the catalog, for one statement.
#[derive(Debug, Clone)]
pub(super) struct LocalRelation {
    /// What the statement's AST calls it: one unqualified identifier starting with a NUL. The
    /// plan's `TableScan` of it is named exactly so (bare), which is how its rows are put in place
    /// at execution.
    pub(super) name: String,
    /// The catalog relation whose columns it has, for [`super::OutputColumn::table`]; it is not
    /// among [`Bound::reads`].
    pub(super) relation: Oid,
    /// Which column of the catalog each of its columns is: who names it must be allowed to read
    /// that. Of those that are missing nobody asks.
    pub(super) origins: Vec<Option<(Oid, i16)>>,
    /// Its rows and columns.
    pub(super) rows: LocalRows,
}

/// Where the rows of a [`LocalRelation`] come from.
#[derive(Debug, Clone)]
pub(super) enum LocalRows {
    /// From here.
    Provider(Arc<dyn TableProvider>),
    /// From here, without those that are hidden.
    Guarded(Arc<dyn TableProvider>, Guard),
    /// They are a view's. That its reader may read it is not asked; of the columns it names it is,
    /// by [`LocalRelation::origins`].
    View(Arc<Relation>),
    /// They are what a query over other local relations answers; what that names its readers need
    /// not be allowed to read.
    Query {
        /// The query.
        query: Box<ast::Query>,
        /// Whether nothing may be evaluated for rows that are none of its answer.
        barrier: bool,
        /// The table that its rows are of, where they stand for those of another.
        table: Option<Oid>,
    },
}

/// In front of an alias in a generated query: what follows, a column or `*`, is of the engine's own
/// making, so that the user of the statement has named nothing. No client can send the NUL.
pub(super) const OWN: &str = "\0own";

/// `alias.*`, of the engine's own making.
pub(super) fn own_star(alias: &ast::Ident) -> ast::SelectItem {
    let own = ast::Ident::with_quote('"', OWN);
    let name = ast::ObjectName::from(vec![own, alias.clone()]);
    ast::SelectItem::QualifiedWildcard(
        ast::SelectItemQualifiedWildcardKind::ObjectName(name),
        ast::WildcardAdditionalOptions::default(),
    )
}

/// `alias.column`, of the engine's own making.
pub(super) fn own_column(alias: &str, column: &str) -> ast::Expr {
    let parts = [OWN, alias, column].map(|part| ast::Ident::with_quote('"', part));
    ast::Expr::CompoundIdentifier(parts.to_vec())
}

impl LocalRelation {
    /// Its rows and columns; none, if it is a query.
    pub(super) fn provider(&self) -> Arc<dyn TableProvider> {
        match &self.rows {
            LocalRows::Provider(provider) | LocalRows::Guarded(provider, _) => Arc::clone(provider),
            LocalRows::View(view) => {
                let columns = view.columns.iter();
                let fields = columns.map(|column| column.ty.field(&column.name, true));
                let schema = Schema::new(fields.collect::<Vec<_>>());
                Arc::new(EmptyTable::new(Arc::new(schema)))
            }
            LocalRows::Query { .. } => Arc::new(EmptyTable::new(Arc::new(Schema::empty()))),
        }
    }
}

/// The columns of `relation` that columns of these names are, as [`LocalRelation::origins`].
pub(super) fn origins<'n>(
    relation: &Relation,
    names: impl Iterator<Item = &'n str>,
) -> Vec<Option<(Oid, i16)>> {
    names
        .map(|name| Some((relation.oid, relation.column(name)?.attnum)))
        .collect()
}

impl Bound {
    /// The same query with `provider`'s rows in place of the local relation `name`.
    ///
    /// # Errors
    /// `XX000` if the plan cannot be rebuilt.
    pub(super) fn with_rows(
        mut self,
        name: &str,
        provider: Arc<dyn TableProvider>,
    ) -> Result<Self> {
        let source = provider_as_source(Arc::clone(&provider));
        let replaced = self.plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::TableScan(mut scan) if scan.table_name.table() == name => {
                scan.source = match guarded(&scan, &provider) {
                    // Other rows are as hidden as those before.
                    Some(guarded) => guarded,
                    None => source.clone(),
                };
                Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
            }
            plan => Ok(Transformed::no(plan)),
        });
        self.plan = replaced
            .map_err(|error| Error::internal("putting rows into a plan", error))?
            .data;
        Ok(self)
    }
}

/// The rows of `provider` behind the guard of what `scan` reads, if that has one.
fn guarded(scan: &TableScan, provider: &Arc<dyn TableProvider>) -> Option<Arc<dyn TableSource>> {
    let source = scan.source.downcast_ref::<RelationSource>()?;
    let RelationBody::Local(local) = &source.body else {
        return None;
    };
    let LocalRows::Guarded(_, guard) = &local.rows else {
        return None;
    };
    let local = LocalRelation {
        rows: LocalRows::Guarded(Arc::clone(provider), guard.clone()),
        ..local.clone()
    };
    Some(Arc::new(RelationSource::new(
        RelationBody::Local(local),
        false,
    )))
}

impl Engine {
    /// What is remembered of keys.
    pub(super) fn keys(&self) -> &Arc<super::dml::KeyCache> {
        &self.keys
    }

    /// What it was started with.
    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// As [`Engine::bind`], with more relations to name.
    pub(super) async fn bind_with(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: &ast::Query,
        declared: &[Option<PgType>],
        local: &[LocalRelation],
    ) -> Result<Bound> {
        let engine = self.clone();
        let context = context.clone();
        let query = query.clone();
        let declared = declared.to_vec();
        let local = local.to_vec();
        let interrupt = context.interrupt.clone();
        self.on_runtime(Some(&interrupt), async move {
            engine.bind_now(&context, &query, &declared, &local)
        })
        .await
    }

    /// As [`Engine::bind`], for a query made of expressions that stand elsewhere.
    ///
    /// # Errors
    /// As [`Engine::bind`], with PostgreSQL's words for expressions that stand there.
    pub async fn bind_expressions_of(
        self: &Arc<Self>,
        kind: ExpressionKind,
        context: &Arc<StatementContext>,
        query: &ast::Query,
    ) -> Result<Bound> {
        let bound = self.bind_as(kind, context, query, &[]).await?;
        check_determined(&bound)?;
        Ok(bound)
    }

    /// As [`Engine::bind_with`], for a query made of expressions of a kind.
    pub(super) async fn bind_as(
        self: &Arc<Self>,
        kind: ExpressionKind,
        context: &Arc<StatementContext>,
        query: &ast::Query,
        local: &[LocalRelation],
    ) -> Result<Bound> {
        let (engine, context) = (self.clone(), context.clone());
        let (query, local) = (query.clone(), local.to_vec());
        let interrupt = context.interrupt.clone();
        self.on_runtime(Some(&interrupt), async move {
            let watch = Watch::new(context.interrupt.clone());
            let scope = Scope {
                local: &local,
                kind: Some(kind),
                ..engine.scope(&context, &watch)
            };
            bind(&scope, &query, &[])
        })
        .await
    }

    /// As [`Engine::bind_with`], for expressions that were kept with their names found.
    pub(super) async fn bind_kept(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: &ast::Query,
        local: &[LocalRelation],
    ) -> Result<Bound> {
        let (engine, context) = (self.clone(), context.outside());
        let (query, local) = (query.clone(), local.to_vec());
        self.on_runtime(None, async move {
            let watch = Watch::new(context.interrupt.clone());
            let scope = Scope {
                context: &context,
                role: context.role,
                path: &SearchPath::only_system(),
                local: &local,
                view: None,
                state: &engine.template,
                watch: &watch,
                inside: Some(Inside { bound: true }),
                kind: None,
            };
            bind(&scope, &query, &[])
        })
        .await
    }

    /// As [`Engine::bind_with`], on the caller's thread.
    pub(super) fn bind_now(
        &self,
        context: &Arc<StatementContext>,
        query: &ast::Query,
        declared: &[Option<PgType>],
        local: &[LocalRelation],
    ) -> Result<Bound> {
        let watch = Watch::new(context.interrupt.clone());
        let scope = Scope {
            local,
            ..self.scope(context, &watch)
        };
        bind(&scope, query, declared)
    }

    /// Binds the body of a view as the context's role: its names mean what they meant when it was
    /// made.
    ///
    /// # Errors
    /// As [`Engine::bind`].
    pub async fn bind_view(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: &ast::Query,
        view: &View,
    ) -> Result<Bound> {
        let (engine, context) = (self.clone(), context.clone());
        let (query, view) = (query.clone(), view.clone());
        let interrupt = context.interrupt.clone();
        self.on_runtime(Some(&interrupt), async move {
            let state = engine.state(&context);
            let watch = Watch::new(context.interrupt.clone());
            let scope = Scope {
                context: &context,
                role: context.role,
                path: &context.search_path,
                local: &[],
                view: Some(&view),
                state: &state,
                watch: &watch,
                inside: None,
                kind: None,
            };
            bind(&scope, &query, &[])
        })
        .await
    }

    /// As [`Engine::execute`], for a query that is part of a statement already authorised.
    pub(super) async fn run(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: Bound,
        parameters: &[arrow::array::ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<Rows> {
        self.start(context, query, parameters, interrupt).await
    }
}
