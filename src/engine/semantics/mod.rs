//! PostgreSQL's rules where DataFusion has others: literals and casts ([`literals`], [`casts`]),
//! arithmetic that must not wrap ([`arithmetic`]), dates and times ([`clock`]), subqueries that
//! must give one row ([`single`]) or that DataFusion cannot unnest ([`apply`]).
//!
//! Rules over expressions go through [`map_expressions`], which keeps every column's name, because
//! the nodes above refer to columns by name.

mod apply;
mod arithmetic;
mod array_key;
mod casts;
mod clock;
mod composite;
mod computed;
mod keys;
mod literals;
mod operated;
mod pulled;
mod quantified;
mod rows;
mod scalars;
mod series;
mod shown;
mod single;
mod subscript;
mod zoned;

use std::cell::Cell;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, DataFusionError};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection, ScalarUDF};
use datafusion::optimizer::Analyzer;

use super::dependent;
use super::fold;
use super::planning::Watch;
use super::scope::Scope;
use crate::statement::StatementContext;

pub(super) use apply::safe_memberships;
pub(super) use array_key::array_key;
pub(super) use casts::{converted, flattened, is_cast, precise, reshaped};
pub(super) use clock::interval_key;
pub(super) use composite::{field, fields_of_elements, is_made, make, null_test, row_key};
pub(super) use computed::computed;
pub(super) use keys::{bpchar_key, jsonb_key, key_of, query_key, range_key};
pub(super) use literals::read;
pub(super) use operated::{Operated, quantifier};
pub(super) use pulled::is_of_found_last;
pub(super) use quantified::Quantified;
pub(super) use rows::{OPAQUE, is_volatile, opaque, with_effects};
pub(super) use shown::shown_as;
pub(super) use single::{guarded, is_one_row};

type Result<T> = std::result::Result<T, DataFusionError>;

/// What must happen before types are coerced: subqueries get their check.
pub(super) fn before_coercion(plan: LogicalPlan, watch: &Watch) -> Result<LogicalPlan> {
    let plan = single::check(plan)?;
    let plan = apply::unnest(plan, watch)?;
    keys::rewrite(plan)
}

/// Type coercion, then what depends on the types found: casts and arithmetic.
pub(super) fn coerce(scope: &Scope<'_>, plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = Analyzer::new().execute_and_check(plan, scope.state.config_options(), |_, _| {})?;
    let plan = casts::rewrite(scope.context, plan)?;
    arithmetic::check(plan)
}

/// The plan with its functions called by `context`'s statement: for a plan that was bound earlier.
pub(super) fn rebind(context: &Arc<StatementContext>, plan: LogicalPlan) -> Result<LogicalPlan> {
    map_expressions(plan, &|expression, _| {
        let Expr::ScalarFunction(mut call) = expression else {
            return Ok(match fold::rebind(context, &expression)? {
                Some(rebound) => Transformed::yes(rebound),
                None => Transformed::no(expression),
            });
        };
        Ok(match rebound(context, &call.func) {
            Some(function) => {
                call.func = function;
                Transformed::yes(Expr::ScalarFunction(call))
            }
            None => Transformed::no(Expr::ScalarFunction(call)),
        })
    })
}

/// A function as `context`'s statement calls it; `None` if who calls it does not matter.
pub(super) fn rebound(
    context: &Arc<StatementContext>,
    function: &ScalarUDF,
) -> Option<Arc<ScalarUDF>> {
    crate::functions::rebind(context, function).or_else(|| casts::rebind(context, function))
}

/// The plan with every volatile subquery an expression is unlike any other: of two that are alike
/// DataFusion computes one. Views must be open, for what is in them counts.
pub(super) fn unlike(plan: LogicalPlan) -> Result<LogicalPlan> {
    let number = Cell::new(0);
    map_expressions(plan, &|expression, _| {
        let Expr::ScalarSubquery(mut subquery) = expression else {
            return Ok(Transformed::no(expression));
        };
        if !dependent::is_volatile(&subquery.subquery)? {
            return Ok(Transformed::no(Expr::ScalarSubquery(subquery)));
        }
        number.set(number.get() + 1);
        let inner = subquery.subquery;
        let value = Expr::from(inner.schema().qualified_field(0));
        let value = value.alias(format!("\0once{}", number.get()));
        let named = Projection::try_new(vec![value], inner)?;
        subquery.subquery = Arc::new(LogicalPlan::Projection(named));
        Ok(Transformed::yes(Expr::ScalarSubquery(subquery)))
    })
}

/// Applies a rule to every expression of a plan and of its subqueries, from the leaves up, with the
/// schema the expression is evaluated over.
pub(super) fn map_expressions(
    plan: LogicalPlan,
    rule: &dyn Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        map_node(plan, &|expression, schema| {
            expression.transform_up(|expression| rule(expression, schema))
        })
    })
    .map(|transformed| transformed.data)
}

/// Applies a rule to the expressions of one node.
fn map_node(
    plan: LogicalPlan,
    rule: &dyn Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        schema.merge(&DFSchema::try_from_qualified_schema(
            scan.table_name.clone(),
            &scan.source.schema(),
        )?);
    }
    let names = NamePreserver::new(&plan);
    let mapped = plan.map_expressions(|expression| {
        let name = names.save(&expression);
        Ok(rule(expression, &schema)?.update_data(|expression| name.restore(expression)))
    })?;
    // Children may have changed their types even where the node's own expressions did not.
    mapped.map_data(|plan| match plan {
        // DataFusion keeps the schema of VALUES whatever becomes of the values.
        LogicalPlan::Values(values) if mapped_values(&values) => {
            LogicalPlanBuilder::values(values.values)?.build()
        }
        LogicalPlan::Union(union) => Ok(LogicalPlan::Union(retype(union)?)),
        plan => plan.recompute_schema(),
    })
}

/// Whether some row of VALUES no longer has its schema's types.
fn mapped_values(values: &datafusion::logical_expr::Values) -> bool {
    use datafusion::logical_expr::ExprSchemable;
    let empty = DFSchema::empty();
    values.values.iter().any(|row| {
        row.iter()
            .zip(values.schema.fields())
            .any(|(value, field)| {
                value
                    .get_type(&empty)
                    .is_ok_and(|ty| ty != *field.data_type() && !ty.is_null())
            })
    })
}

/// The union with the types its inputs have now.
fn retype(union: datafusion::logical_expr::Union) -> Result<datafusion::logical_expr::Union> {
    let schema = union.schema.clone();
    let retyped = datafusion::logical_expr::Union::try_new_with_loose_types(union.inputs)?;
    // Names and qualifiers are those the nodes above know.
    let fields = schema
        .iter()
        .zip(retyped.schema.fields())
        .map(|((qualifier, old), new)| {
            (
                qualifier.cloned(),
                Arc::new(new.as_ref().clone().with_name(old.name())),
            )
        })
        .collect();
    Ok(datafusion::logical_expr::Union {
        inputs: retyped.inputs,
        schema: Arc::new(DFSchema::new_with_metadata(
            fields,
            schema.metadata().clone(),
        )?),
    })
}
