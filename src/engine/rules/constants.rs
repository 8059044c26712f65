//! Constants that cannot be computed: PostgreSQL computes them when it plans, and so raises their
//! error though no row may need them.

use std::sync::Arc;

use arrow::array::RecordBatchOptions;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::physical_expr::create_physical_expr;

/// Raises the error of a constant in an optimised plan. The optimizer has put values in the place
/// of all that have one, and left out the arms of CASE that no value gets to: what is in others
/// counts, as in PostgreSQL.
///
/// # Errors
/// The constant's.
pub(in crate::engine) fn check_constants(plan: &LogicalPlan, state: &SessionState) -> Result<()> {
    plan.apply_with_subqueries(|plan| {
        plan.apply_expressions(|expr| {
            expr.apply(|part| {
                if matches!(part, Expr::Literal(..)) || !is_constant(part) {
                    return Ok(TreeNodeRecursion::Continue);
                }
                compute(part, state)?;
                Ok(TreeNodeRecursion::Jump)
            })
        })
    })
    .map(|_| ())
}

/// Whether an expression is a constant of functions that depend on nothing but their arguments.
fn is_constant(expr: &Expr) -> bool {
    let varies = expr.exists(|part| {
        Ok(match part {
            Expr::Literal(..)
            | Expr::BinaryExpr(_)
            | Expr::Case(_)
            | Expr::Cast(_)
            | Expr::TryCast(_)
            | Expr::Not(_)
            | Expr::Negative(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::Between(_)
            | Expr::InList(_)
            | Expr::Like(_)
            | Expr::SimilarTo(_) => false,
            Expr::ScalarFunction(call) => call.func.signature().volatility != Volatility::Immutable,
            _ => true,
        })
    });
    !varies.unwrap_or(true)
}

fn compute(expr: &Expr, state: &SessionState) -> Result<()> {
    let planning = PhysicalPlanningContext::default();
    let schema = DFSchema::empty();
    let expr = create_physical_expr(expr, &schema, state.execution_props(), &planning)?;
    let one_row = RecordBatchOptions::new().with_row_count(Some(1));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &one_row)?;
    expr.evaluate(&batch).map(|_| ())
}
