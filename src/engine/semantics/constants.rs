//! Exact arithmetic on numeric constants: a result has the digits PostgreSQL gives it, which a
//! column's type cannot say but a literal's can.

use arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{BinaryExpr, Cast};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    Volatility,
};

use super::{Result, map_expressions};
use crate::types::{Numeric, PgType};

/// Replaces operators and functions over numeric literals by what they give. Before coercion, which
/// would make the operands' digits alike.
pub(super) fn fold(plan: LogicalPlan) -> Result<LogicalPlan> {
    if is_recursive(&plan)? {
        return Ok(plan);
    }
    map_expressions(plan, &|expression, _| {
        Ok(match folded(&expression) {
            Some(literal) => Transformed::yes(literal),
            None => match expression {
                Expr::Cast(Cast { expr, field }) if keeps_digits(&expr, &field) => {
                    Transformed::yes(*expr)
                }
                expression => Transformed::no(expression),
            },
        })
    })
}

/// Whether a recursive query is part of it, whose columns are those of its first term as it was.
fn is_recursive(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|plan| {
        found |= matches!(plan, LogicalPlan::RecursiveQuery(_));
        Ok(if found {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    })?;
    Ok(found)
}

/// Holds functions to the type of numeric they give now: the optimizer may make constants of their
/// arguments, and a constant's digits would be another type.
pub(super) fn settle(plan: LogicalPlan) -> Result<LogicalPlan> {
    map_expressions(plan, &|expression, schema| {
        let Expr::ScalarFunction(mut call) = expression else {
            return Ok(Transformed::no(expression));
        };
        if !crate::functions::is_ours(&call.func) {
            return Ok(Transformed::no(Expr::ScalarFunction(call)));
        }
        let data_type = Expr::ScalarFunction(call.clone()).get_type(schema)?;
        Ok(match crate::functions::settle(&call.func, &data_type) {
            Some(function) => {
                call.func = function;
                Transformed::yes(Expr::ScalarFunction(call))
            }
            None => Transformed::no(Expr::ScalarFunction(call)),
        })
    })
}

/// A literal to numeric without precision is the number as it is.
fn keeps_digits(operand: &Expr, to: &Field) -> bool {
    let decimal = matches!(
        operand,
        Expr::Literal(
            ScalarValue::Decimal128(Some(_), ..) | ScalarValue::Decimal256(Some(_), ..),
            _
        )
    );
    decimal && is_open(to)
}

fn is_open(to: &Field) -> bool {
    let ty = PgType::of_field(to);
    // What a cast to numeric is analysed as: with room for anything, or for an integer's digits.
    let usual = matches!(
        to.data_type(),
        DataType::Decimal128(38, 10) | DataType::Decimal128(5 | 10 | 19, 0)
    );
    ty.oid == PgType::NUMERIC.oid && ty.typmod < 0 && usual
}

/// A numeric or integer literal, and whether it is a numeric.
fn number(expression: &Expr) -> Option<(Numeric, bool)> {
    let Expr::Literal(value, _) = expression else {
        return None;
    };
    Some(match value {
        ScalarValue::Int16(Some(value)) => (Numeric::from(i64::from(*value)), false),
        ScalarValue::Int32(Some(value)) => (Numeric::from(i64::from(*value)), false),
        ScalarValue::Int64(Some(value)) => (Numeric::from(*value), false),
        ScalarValue::Decimal128(Some(value), _, scale) => {
            (Numeric::new((*value).into(), (*scale).into()), true)
        }
        ScalarValue::Decimal256(Some(value), _, scale) => (Numeric::wide(*value, *scale), true),
        _ => return None,
    })
}

/// `None` if it is not of constants, or has no value: then it fails where it is evaluated.
fn folded(expression: &Expr) -> Option<Expr> {
    let value = match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let ((a, x), (b, y)) = (number(left)?, number(right)?);
            if !x && !y {
                return None;
            }
            match op {
                Operator::Plus => a.plus(&b),
                Operator::Minus => a.plus(&b.negated()),
                Operator::Multiply => a.times(&b),
                Operator::Divide => a.over(&b).ok()?,
                Operator::Modulo => a.remainder(&b).ok()?,
                _ => return None,
            }
        }
        Expr::Negative(operand) => match number(operand)? {
            (value, true) => value.negated(),
            _ => return None,
        },
        Expr::Cast(Cast { expr, field }) if is_open(field) => match expr.as_ref() {
            Expr::Literal(ScalarValue::Float64(Some(value)), _) => Numeric::of_float(*value, 15)?,
            Expr::Literal(ScalarValue::Float32(Some(value)), _) => {
                Numeric::of_float(f64::from(*value), 6)?
            }
            literal => match number(literal)? {
                (value, false) => value,
                _ => return None,
            },
        },
        Expr::ScalarFunction(call) => return called(call),
        _ => return None,
    };
    literal(&value)
}

/// A numeric literal with exactly these digits.
pub(super) fn literal(value: &Numeric) -> Option<Expr> {
    let scalar = match value.data_type().ok()? {
        DataType::Decimal128(precision, scale) => {
            let unscaled = value.to_wide(precision, scale).ok()?.to_i128()?;
            ScalarValue::Decimal128(Some(unscaled), precision, scale)
        }
        DataType::Decimal256(precision, scale) => {
            let unscaled = value.to_wide(precision, scale).ok()?;
            ScalarValue::Decimal256(Some(unscaled), precision, scale)
        }
        _ => return None,
    };
    Some(Expr::Literal(scalar, None))
}

/// A function of ours over numbers that gives a numeric.
fn called(call: &datafusion::logical_expr::expr::ScalarFunction) -> Option<Expr> {
    let immutable = call.func.signature().volatility == Volatility::Immutable;
    if !immutable || !crate::functions::is_ours(&call.func) {
        return None;
    }
    let scalars = call
        .args
        .iter()
        .map(|arg| match (arg, number(arg)) {
            (Expr::Literal(value, _), Some(_)) => Some(value.clone()),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()?;
    let types: Vec<DataType> = scalars.iter().map(ScalarValue::data_type).collect();
    // Only what needs no conversion but to a wider integer: the rest is coercion's.
    let wanted = call.func.coerce_types(&types).ok()?;
    let scalars = scalars
        .into_iter()
        .zip(&wanted)
        .map(|(scalar, wanted)| match scalar.data_type() {
            ty if ty == *wanted => Some(scalar),
            ty if ty.is_integer() && wanted.is_integer() => scalar.cast_to(wanted).ok(),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()?;
    let types = wanted;
    let fields: Vec<_> = types
        .iter()
        .map(|ty| Field::new("", ty.clone(), true).into())
        .collect();
    let field = call
        .func
        .return_field_from_args(ReturnFieldArgs {
            arg_fields: &fields,
            scalar_arguments: &scalars.iter().map(Some).collect::<Vec<_>>(),
        })
        .ok()?;
    if !matches!(
        field.data_type(),
        DataType::Decimal128(..) | DataType::Decimal256(..)
    ) {
        return None;
    }
    let value = call
        .func
        .invoke_with_args(ScalarFunctionArgs {
            args: scalars.into_iter().map(ColumnarValue::Scalar).collect(),
            arg_fields: fields,
            number_rows: 1,
            return_field: field,
            config_options: std::sync::Arc::new(ConfigOptions::default()),
        })
        .ok()?;
    match value {
        ColumnarValue::Scalar(value) => Some(Expr::Literal(value, None)),
        ColumnarValue::Array(_) => None,
    }
}
