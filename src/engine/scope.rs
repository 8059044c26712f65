//! What names mean inside one query: the answers SqlToRel asks for, straight from the snapshot.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, FieldRef, SchemaRef, TimeUnit};
use datafusion::catalog::TableFunctionArgs;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DFSchema, DataFusionError, TableReference};
use datafusion::datasource::MemTable;
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::provider_as_source;
use datafusion::execution::{SessionState, SessionStateDefaults};
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use sqlparser::ast;

use super::local::LocalRelation;
use super::source::{RelationBody, RelationSource};
use crate::base::{Error, Oid, SqlState};
use crate::catalog::{SearchPath, View};
use crate::statement::StatementContext;
use crate::{functions, pg_catalog};

/// Who looks names up, and where.
pub(super) struct Scope<'a> {
    /// The statement: its snapshot, and what functions such as `current_user` answer.
    pub(super) context: &'a Arc<StatementContext>,
    /// Whose privileges count: the caller's, or inside a view its owner's.
    pub(super) role: Oid,
    /// Where unqualified names are looked up: the caller's path, or the one a view was made with.
    pub(super) path: &'a SearchPath,
    /// Relations of this statement alone.
    pub(super) local: &'a [LocalRelation],
    /// The view whose body this is: its names mean what it was made over. An object made later
    /// under the same name cannot take the place of it, nor is a column added later part of `*`.
    pub(super) view: Option<&'a View>,
    /// Configuration, and what table functions want to see of a session.
    pub(super) state: &'a SessionState,
}

static EXPR_PLANNERS: LazyLock<Vec<Arc<dyn ExprPlanner>>> =
    LazyLock::new(SessionStateDefaults::default_expr_planners);

impl Scope<'_> {
    /// The relation `schema.name` or `name` means.
    pub(super) fn find(&self, schema: Option<&str>, name: &str) -> Option<RelationSource> {
        let snapshot = &self.context.snapshot;
        if schema.is_none()
            && let Some(local) = self.local.iter().find(|local| local.name == name)
        {
            return Some(RelationSource::new(
                RelationBody::Local(local.clone()),
                false,
            ));
        }
        let within = |schema: Oid| {
            pg_catalog::find(schema, name).map_or_else(
                || {
                    snapshot
                        .relation_named(schema, name)
                        .and_then(|relation| match self.view {
                            Some(view) => view.sees(relation),
                            None => Some(relation.clone()),
                        })
                        .map(RelationBody::Stored)
                },
                |relation| Some(RelationBody::System(relation)),
            )
        };
        let body = match schema {
            None => self.path.lookup.iter().find_map(|schema| within(*schema)),
            Some("pg_temp") => self.path.temporary.and_then(within),
            Some(schema) => snapshot
                .schema_named(schema)
                .and_then(|schema| within(schema.oid)),
        };
        body.map(|body| RelationSource::new(body, schema.is_some()))
    }
}

impl ContextProvider for Scope<'_> {
    fn get_table_source(
        &self,
        name: TableReference,
    ) -> Result<Arc<dyn TableSource>, DataFusionError> {
        if let Some(catalog) = name.catalog()
            && catalog != super::DATABASE_NAME
        {
            return Err(external(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("cross-database references are not implemented: \"{name}\""),
            )));
        }
        match self.find(name.schema(), name.table()) {
            Some(source) => Ok(Arc::new(source)),
            None => {
                let shown = match name.schema() {
                    Some(schema) => format!("{schema}.{}", name.table()),
                    None => name.table().to_owned(),
                };
                Err(external(Error::new(
                    SqlState::UNDEFINED_TABLE,
                    format!("relation \"{shown}\" does not exist"),
                )))
            }
        }
    }

    fn get_table_function_source(
        &self,
        name: &str,
        args: Vec<Expr>,
    ) -> Result<Arc<dyn TableSource>, DataFusionError> {
        let simplifier = ExprSimplifier::new(
            SimplifyContext::builder()
                .with_config_options(self.state.config_options().clone())
                .build(),
        );
        let schema = DFSchema::empty();
        let args = args
            .into_iter()
            .map(|arg| {
                let arg = simplifier.coerce(arg, &schema)?;
                simplifier.simplify(arg)
            })
            .collect::<Result<Vec<_>, _>>()?;
        // The arguments belong to the name: two calls are the same scan only if they are the same
        // call.
        let source = |provider| {
            let body = RelationBody::Function(format!("{name}({args:?})"), provider);
            Ok(Arc::new(RelationSource::new(body, false)) as Arc<dyn TableSource>)
        };
        let constants: Option<Vec<_>> = args
            .iter()
            .map(|arg| match arg {
                Expr::Literal(value, _) => Some(value.clone()),
                _ => None,
            })
            .collect();
        if let Some(rows) = constants.and_then(|args| functions::table(name, &args)) {
            let rows = rows.map_err(external)?;
            let table = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
            return source(Arc::new(table));
        }
        let function = SessionStateDefaults::default_table_functions()
            .into_iter()
            .find(|function| function.name() == name && name != "range")
            .ok_or_else(|| {
                external(Error::new(
                    SqlState::UNDEFINED_FUNCTION,
                    format!("function {name} does not exist as a source of rows"),
                ))
            })?;
        let args = as_nanoseconds(args.clone())?;
        let provider =
            function.create_table_provider_with_args(TableFunctionArgs::new(&args, self.state))?;
        source(provider)
    }

    fn create_cte_work_table(
        &self,
        name: &str,
        schema: SchemaRef,
    ) -> Result<Arc<dyn TableSource>, DataFusionError> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(
            name, schema,
        ))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &EXPR_PLANNERS
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::new(Types))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        functions::scalar(self.context, name)
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        functions::higher_order(name)
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        functions::aggregate(name)
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        functions::window(name)
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        // For a suggestion that is not shown; DataFusion fails where there is nothing to suggest.
        vec!["count".to_owned()]
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The arguments of a series of timestamps as DataFusion's function takes them; quoted literals
/// beside a timestamp are timestamps.
fn as_nanoseconds(args: Vec<Expr>) -> Result<Vec<Expr>, DataFusionError> {
    let Some(Expr::Literal(first, _)) = args.first() else {
        return Ok(args);
    };
    let zone = match first.data_type() {
        DataType::Timestamp(_, zone) => zone,
        DataType::Date32 => None,
        _ => return Ok(args),
    };
    let nanoseconds = DataType::Timestamp(TimeUnit::Nanosecond, zone);
    args.into_iter()
        .map(|arg| match arg {
            Expr::Literal(value, metadata) => match value.data_type() {
                DataType::Timestamp(_, _)
                | DataType::Date32
                | DataType::Utf8
                | DataType::Utf8View => Ok(Expr::Literal(value.cast_to(&nanoseconds)?, metadata)),
                _ => Ok(Expr::Literal(value, metadata)),
            },
            arg => Ok(arg),
        })
        .collect()
}

/// PostgreSQL's types by their names.
#[derive(Debug)]
struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, ty: &ast::DataType) -> Result<Option<FieldRef>, DataFusionError> {
        let ty = super::resolve_type(ty).map_err(external)?;
        Ok(Some(Arc::new(ty.field("", true))))
    }
}

/// One of our errors on its way through DataFusion.
pub(super) fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
