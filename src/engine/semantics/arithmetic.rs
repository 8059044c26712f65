//! Integer `+`, `-` and `*` that raise `22003` where DataFusion's wrap around, floating point that
//! raises where DataFusion's gives infinity.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Datum};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float32Type, Float64Type};
use arrow::error::ArrowError;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{BinaryExpr, ScalarFunction};
use datafusion::logical_expr::interval_arithmetic::{Interval, apply_operator};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};

use super::{Result, map_expressions};
use crate::base::{Error, SqlState};
use crate::engine::scope::external;
use crate::types::PgType;

/// Replaces the operators by checked ones. Types must have been coerced.
pub(super) fn check(plan: LogicalPlan) -> Result<LogicalPlan> {
    map_expressions(plan, &check_one)
}

fn check_one(expression: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if Checked::can(op) => {
            let number = |expression: &Expr| {
                expression.get_type(schema).ok().filter(|ty| {
                    let integer = matches!(ty, DataType::Int16 | DataType::Int32 | DataType::Int64);
                    let float = matches!(ty, DataType::Float32 | DataType::Float64);
                    integer && op != Operator::Divide || float
                })
            };
            match (number(&left), number(&right)) {
                (Some(a), Some(b)) if a == b => {
                    Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(
                        Arc::new(ScalarUDF::new_from_impl(Checked::new(op))),
                        vec![*left, *right],
                    )))
                }
                _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
            }
        }
        // The smallest integer has no opposite.
        Expr::Negative(inner) => match inner.get_type(schema) {
            Ok(ty @ (DataType::Int16 | DataType::Int32 | DataType::Int64)) => {
                Transformed::yes(from(ScalarValue::new_zero(&ty)?, *inner))
            }
            // NaN has no opposite, and zero has one.
            Ok(DataType::Float32) => Transformed::yes(from((-0.0_f32).into(), *inner)),
            Ok(DataType::Float64) => Transformed::yes(from((-0.0_f64).into(), *inner)),
            _ => Transformed::no(Expr::Negative(inner)),
        },
        expression => Transformed::no(expression),
    })
}

/// A value from a constant.
fn from(constant: ScalarValue, value: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(Checked::new(Operator::Minus))),
        vec![Expr::Literal(constant, None), value],
    ))
}

/// One checked operator.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    op: Operator,
    signature: Signature,
}

impl Checked {
    fn new(op: Operator) -> Self {
        Self {
            op,
            signature: Signature::any(2, Volatility::Immutable),
        }
    }

    fn can(op: Operator) -> bool {
        matches!(
            op,
            Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide
        )
    }

    fn compute(
        &self,
        left: &dyn Datum,
        right: &dyn Datum,
    ) -> std::result::Result<ArrayRef, ArrowError> {
        match self.op {
            Operator::Plus => numeric::add(left, right),
            Operator::Minus => numeric::sub(left, right),
            Operator::Divide => numeric::div(left, right),
            _ => numeric::mul(left, right),
        }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.op {
            Operator::Plus => "+",
            Operator::Minus => "-",
            Operator::Divide => "/",
            _ => "*",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [left, right] => Ok(format!("({left} {} {right})", self.op)),
            _ => Ok(self.name().to_owned()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ty = PgType::of_data_type(args.return_field.data_type());
        let wrong = |error: ArrowError| match error {
            ArrowError::ArithmeticOverflow(_) => external(Error::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                format!("{ty} out of range"),
            )),
            other => other.into(),
        };
        let datum = |value: &ColumnarValue| -> Result<Box<dyn Datum>> {
            Ok(match value {
                ColumnarValue::Array(array) => Box::new(array.clone()),
                ColumnarValue::Scalar(scalar) => Box::new(scalar.to_scalar()?),
            })
        };
        let (left, right) = (&args.args[0], &args.args[1]);
        let (a, b) = (datum(left)?, datum(right)?);
        let result = self.compute(a.as_ref(), b.as_ref()).map_err(wrong)?;
        let (a, b) = (a.as_ref(), b.as_ref());
        let result = match result.data_type() {
            DataType::Float32 => finite::<Float32Type>(self.op, a, b, result)?,
            DataType::Float64 => finite::<Float64Type>(self.op, a, b, result)?,
            _ => result,
        };
        Ok(match (left, right) {
            (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)) if result.len() == 1 => {
                ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?)
            }
            _ => ColumnarValue::Array(result),
        })
    }

    fn evaluate_bounds(&self, inputs: &[&Interval]) -> Result<Interval> {
        match inputs {
            [left, _] if left.data_type().is_floating() => {
                Interval::make_unbounded(&left.data_type())
            }
            [left, right] => apply_operator(&self.op, left, right),
            _ => Interval::make_unbounded(&DataType::Null),
        }
    }
}

/// Raises PostgreSQL's errors for floating point: a division by zero, a result too large or too
/// small for its operands. Gives the result with all NaN alike: Arrow takes one with a sign for
/// another value, smaller than any.
fn finite<T>(
    op: Operator,
    left: &dyn Datum,
    right: &dyn Datum,
    result: ArrayRef,
) -> Result<ArrayRef>
where
    T: ArrowPrimitiveType,
    T::Native: Into<f64> + From<f32>,
{
    let (left, left_once) = left.get();
    let (right, right_once) = right.get();
    let at = |array: &dyn Array, once: bool, row: usize| -> f64 {
        array
            .as_primitive::<T>()
            .value(if once { 0 } else { row })
            .into()
    };
    let failed = |state, message: &str| Err(external(Error::new(state, message)));
    let mut signed = false;
    for row in 0..result.len() {
        if result.is_null(row) {
            continue;
        }
        let value: f64 = at(&result, false, row);
        signed |= value.is_nan() && value.is_sign_negative();
        let suspicious = !value.is_finite() || value == 0.0;
        if !suspicious && op != Operator::Divide {
            continue;
        }
        let (a, b) = (at(left, left_once, row), at(right, right_once, row));
        if op == Operator::Divide && b == 0.0 && !a.is_nan() {
            return failed(SqlState::DIVISION_BY_ZERO, "division by zero");
        }
        if value.is_infinite() && a.is_finite() && b.is_finite() {
            return failed(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                "value out of range: overflow",
            );
        }
        let vanished = match op {
            Operator::Multiply => a != 0.0 && b != 0.0,
            Operator::Divide => a != 0.0 && b.is_finite(),
            _ => false,
        };
        if value == 0.0 && vanished {
            return failed(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                "value out of range: underflow",
            );
        }
    }
    if !signed {
        return Ok(result);
    }
    let alike = |value: T::Native| match value.into().is_nan() {
        true => T::Native::from(f32::NAN),
        false => value,
    };
    Ok(Arc::new(result.as_primitive::<T>().unary::<_, T>(alike)))
}
