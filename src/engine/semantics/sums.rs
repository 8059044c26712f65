//! `sum(smallint)` and `sum(integer)` are bigint, as in PostgreSQL: DataFusion's own `sum`, which
//! widens to bigint.
//!
//! Decided here, before coercion, and not in the function: coercion runs more than once over a
//! plan, and the second time it would take the widened argument for a bigint, whose sum is numeric.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, WindowFunctionDefinition};

use super::{Result, map_expressions};

/// Gives sums of small integers the function that adds them up as bigint.
pub(super) fn widen(plan: LogicalPlan) -> Result<LogicalPlan> {
    map_expressions(plan, &|expression, schema| match expression {
        Expr::AggregateFunction(AggregateFunction { mut func, params })
            if func.name() == "sum" && is_small(&params.args, schema) =>
        {
            if let Some(sum) = crate::functions::bigint_sum() {
                func = sum;
            }
            Ok(Transformed::yes(Expr::AggregateFunction(
                AggregateFunction { func, params },
            )))
        }
        Expr::WindowFunction(mut window)
            if window.fun.name() == "sum" && is_small(&window.params.args, schema) =>
        {
            if let Some(sum) = crate::functions::bigint_sum() {
                window.fun = WindowFunctionDefinition::AggregateUDF(sum);
            }
            Ok(Transformed::yes(Expr::WindowFunction(window)))
        }
        other => Ok(Transformed::no(other)),
    })
}

fn is_small(arguments: &[Expr], schema: &DFSchema) -> bool {
    let types = [DataType::Int8, DataType::Int16, DataType::Int32];
    arguments.first().is_some_and(|argument| {
        argument
            .get_type(schema)
            .is_ok_and(|ty| types.contains(&ty))
    })
}
