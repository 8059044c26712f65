//! Calls that come to something else each time are no constants: `nextval('s')` differs from row to
//! row.
//!
//! DataFusion takes an expression for a constant if all it is computed from are literals, whatever
//! it does with them, and orders nothing by it. What such a call is given is therefore written as
//! what is computed from nothing.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The plan with no volatile call over literals alone.
pub(super) fn anew(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        let mut found = false;
        plan.apply_expressions(|expr| {
            found |= expr.exists(|part| Ok(is_fixed(part)))?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        if !found || matches!(plan, LogicalPlan::TableScan(_)) {
            return Ok(Transformed::no(plan));
        }
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let expr = expr.transform_up(|part| match (is_fixed(&part), part) {
                (true, Expr::ScalarFunction(call)) => {
                    let args = call.args.into_iter().map(held).collect::<Result<_>>()?;
                    let call = ScalarFunction::new_udf(call.func, args);
                    Ok(Transformed::yes(Expr::ScalarFunction(call)))
                }
                (_, part) => Ok(Transformed::no(part)),
            })?;
            Ok(Transformed::yes(name.restore(expr.data)))
        })
    })
    .map(|transformed| transformed.data)
}

/// Whether an expression is a volatile call over literals alone.
fn is_fixed(expr: &Expr) -> bool {
    let Expr::ScalarFunction(call) = expr else {
        return false;
    };
    let literal = |arg: &Expr| matches!(arg, Expr::Literal(..));
    call.func.signature().volatility == Volatility::Volatile
        && !call.args.is_empty()
        && call.args.iter().all(literal)
}

fn held(literal: Expr) -> Result<Expr> {
    let (_, field) = literal.to_field(&DFSchema::empty())?;
    let Expr::Literal(value, _) = literal else {
        return Ok(literal);
    };
    let function = ScalarUDF::new_from_impl(Held {
        value,
        field,
        signature: Signature::nullary(Volatility::Volatile),
    });
    let call = ScalarFunction::new_udf(Arc::new(function), Vec::new());
    Ok(Expr::ScalarFunction(call))
}

/// A value, as a function of nothing.
#[derive(Debug)]
struct Held {
    value: ScalarValue,
    field: FieldRef,
    signature: Signature,
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value && self.field == other.field
    }
}

impl Eq for Held {}

impl Hash for Held {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl ScalarUDFImpl for Held {
    fn name(&self) -> &str {
        "held"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.field.data_type().clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::clone(&self.field))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}
