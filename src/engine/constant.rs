//! Queries without FROM over plain values, answered where they are asked.
//!
//! `SELECT 1`, `SELECT $1`, `SELECT current_user`: drivers and pools ask these all day. Carrying
//! them to the engine's threads and back, through an optimizer that finds nothing, costs several
//! times what they cost. Only what cannot take long is answered here: literals, parameters, casts
//! of them, and functions without arguments, a bounded number of each. Everything else goes the
//! common way and gives the same answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use chrono::DateTime;
use datafusion::common::DFSchema;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_expr::create_physical_expr;
use sqlparser::ast;

use super::error::convert;
use super::execute::{panicked, with_parameters};
use super::parse::bare_select;
use super::{Bound, Engine, semantics};
use crate::base::Result;
use crate::statement::StatementContext;
use crate::types::PgType;

/// Values of one answer.
const VALUES_MAX: usize = 32;
/// Nodes of one value: an alias, a cast or two, a checked conversion.
const NODES_MAX: usize = 8;
/// Projections on top of each other: the query's own, and the output's casts.
const LAYERS_MAX: usize = 4;
/// Bytes of one literal or parameter: a cast reads all of it.
const VALUE_BYTES_MAX: usize = 64 * 1024;

impl Engine {
    /// The binding of a query that is plain as written; `None` for any other.
    pub(super) fn bind_constant(
        &self,
        context: &Arc<StatementContext>,
        query: &ast::Query,
        declared: &[Option<PgType>],
    ) -> Option<Result<Bound>> {
        // What users' functions do may be long.
        let users = context.snapshot.routines().next().is_some();
        is_plain(query, users).then(|| unwinding(|| self.bind_now(context, query, declared, &[])))
    }

    /// The one row of a query that is plain as bound; `None` for any other.
    pub(super) fn constant(
        &self,
        context: &Arc<StatementContext>,
        query: &Bound,
        parameters: &[ArrayRef],
    ) -> Option<Result<RecordBatch>> {
        let short = |value: &ArrayRef| value.get_array_memory_size() <= VALUE_BYTES_MAX;
        let plain = is_plain_plan(&query.plan) && parameters.iter().all(short);
        plain.then(|| {
            unwinding(|| {
                let plan = with_parameters(query.clone(), parameters)?;
                let plan = semantics::rebind(context, plan).map_err(convert)?;
                evaluate(context, &plan)
            })
        })
    }
}

/// Whether a query only lists literals, parameters, casts of them and calls without arguments.
fn is_plain(query: &ast::Query, users: bool) -> bool {
    let Some(select) = bare_select(query) else {
        return false;
    };
    // What matters here is that nothing of it can be long.
    select.from.is_empty()
        && select.projection.len() <= VALUES_MAX
        && select.projection.iter().all(|item| match item {
            ast::SelectItem::UnnamedExpr(value)
            | ast::SelectItem::ExprWithAlias { expr: value, .. } => is_plain_value(value, users),
            _ => false,
        })
}

fn is_plain_value(value: &ast::Expr, users: bool) -> bool {
    match value {
        ast::Expr::Value(_) => true,
        ast::Expr::Cast { expr, .. } => matches!(expr.as_ref(), ast::Expr::Value(_)),
        ast::Expr::Function(call) => match &call.args {
            ast::FunctionArguments::None => true,
            ast::FunctionArguments::List(list) => {
                !users && list.args.is_empty() && list.clauses.is_empty() && call.over.is_none()
            }
            ast::FunctionArguments::Subquery(_) => false,
        },
        _ => false,
    }
}

/// Whether a plan only projects light values over one row.
fn is_plain_plan(plan: &LogicalPlan) -> bool {
    let mut rest = plan;
    let mut layers = 0;
    loop {
        match rest {
            LogicalPlan::Projection(projection) => {
                layers += 1;
                let values = &projection.expr;
                if layers > LAYERS_MAX
                    || values.len() > VALUES_MAX
                    || !values.iter().all(|value| is_light(value, NODES_MAX))
                {
                    return false;
                }
                rest = &projection.input;
            }
            LogicalPlan::EmptyRelation(empty) => return empty.produce_one_row && layers > 0,
            _ => return false,
        }
    }
}

/// Whether a value is at most `nodes` deep and made without work.
fn is_light(value: &Expr, nodes: usize) -> bool {
    let Some(nodes) = nodes.checked_sub(1) else {
        return false;
    };
    match value {
        Expr::Literal(value, _) => value.size() <= VALUE_BYTES_MAX,
        Expr::Placeholder(_) | Expr::Column(_) => true,
        Expr::Alias(alias) => is_light(&alias.expr, nodes),
        Expr::Cast(cast) => is_light(&cast.expr, nodes),
        Expr::ScalarFunction(call) => match call.args.as_slice() {
            [] => !crate::functions::is_called(&call.func),
            // Casts PostgreSQL does otherwise than DataFusion are functions of one argument.
            [argument] => semantics::is_cast(&call.func) && is_light(argument, nodes),
            _ => false,
        },
        _ => false,
    }
}

/// Projects one row without columns through the projections, the innermost first.
fn evaluate(context: &StatementContext, plan: &LogicalPlan) -> Result<RecordBatch> {
    let mut props = ExecutionProps::new();
    props.query_execution_start_time = DateTime::from_timestamp_micros(context.transaction_time);
    let planning = PhysicalPlanningContext::default();
    let one_row = RecordBatchOptions::new().with_row_count(Some(1));
    let mut layers = Vec::new();
    let mut rest = plan;
    while let LogicalPlan::Projection(projection) = rest {
        layers.push(projection);
        rest = &projection.input;
    }
    let mut batch =
        RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &one_row)
            .map_err(|error| convert(error.into()))?;
    for projection in layers.into_iter().rev() {
        let schema: &DFSchema = projection.input.schema();
        let columns = projection
            .expr
            .iter()
            .map(|value| {
                let value = create_physical_expr(value, schema, &props, &planning)?;
                value.evaluate(&batch)?.into_array(1)
            })
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(convert)?;
        let fields: Vec<_> = projection
            .schema
            .fields()
            .iter()
            .zip(&columns)
            .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
            .collect();
        batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &one_row)
            .map_err(|error| convert(error.into()))?;
    }
    Ok(batch)
}

/// Does `work`; a panic is its error, as on the engine's threads.
fn unwinding<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
}
