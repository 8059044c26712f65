//! Integer `+`, `-` and `*` that raise `22003` where DataFusion's wrap around, and exact quotients
//! with enough digits.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Datum};
use arrow::compute::kernels::numeric;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{BinaryExpr, Cast, ScalarFunction};
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
            let integer = |expression: &Expr| {
                expression
                    .get_type(schema)
                    .ok()
                    .filter(|ty| matches!(ty, DataType::Int16 | DataType::Int32 | DataType::Int64))
            };
            match (integer(&left), integer(&right)) {
                (Some(a), Some(b)) if a == b => {
                    Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(
                        Arc::new(ScalarUDF::new_from_impl(Checked::new(op))),
                        vec![*left, *right],
                    )))
                }
                _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
            }
        }
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Divide,
            right,
        }) => match (left.get_type(schema), right.get_type(schema)) {
            (
                Ok(DataType::Decimal128(precision, scale)),
                Ok(DataType::Decimal128(_, divisor_scale)),
            ) => Transformed::yes(divide(*left, *right, (precision, scale), divisor_scale)),
            _ => Transformed::no(Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::Divide,
                right,
            })),
        },
        expression => Transformed::no(expression),
    })
}

/// A quotient with as many digits after the point as PostgreSQL's smallest number of them. Arrow's
/// has four more than the dividend, so the dividend gets the others.
fn divide(left: Expr, right: Expr, (precision, scale): (u8, i8), divisor_scale: i8) -> Expr {
    let wanted = QUOTIENT_SCALE.max(scale).max(divisor_scale);
    let dividend_scale = wanted - ARROW_ADDS;
    let integer_digits = i32::from(precision) - i32::from(scale);
    let digits = integer_digits + i32::from(wanted) + i32::from(divisor_scale);
    let cast = |expression: Expr, data_type| Expr::Cast(Cast::new(Box::new(expression), data_type));
    let (left, right) = if digits <= 38 {
        let precision = u8::try_from(integer_digits + i32::from(dividend_scale)).unwrap_or(38);
        let dividend = DataType::Decimal128(precision.clamp(1, 38), dividend_scale);
        (cast(left, dividend), right)
    } else {
        (
            cast(left, DataType::Decimal256(76, dividend_scale)),
            cast(right, DataType::Decimal256(76, divisor_scale)),
        )
    };
    Expr::BinaryExpr(BinaryExpr::new(
        Box::new(left),
        Operator::Divide,
        Box::new(right),
    ))
}

/// Digits after the point of a quotient, at least.
const QUOTIENT_SCALE: i8 = 16;
/// Digits after the point that Arrow gives a quotient beyond the dividend's.
const ARROW_ADDS: i8 = 4;

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
        matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply)
    }

    fn compute(
        &self,
        left: &dyn Datum,
        right: &dyn Datum,
    ) -> std::result::Result<ArrayRef, ArrowError> {
        match self.op {
            Operator::Plus => numeric::add(left, right),
            Operator::Minus => numeric::sub(left, right),
            _ => numeric::mul(left, right),
        }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.op {
            Operator::Plus => "+",
            Operator::Minus => "-",
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
        let result = self
            .compute(datum(left)?.as_ref(), datum(right)?.as_ref())
            .map_err(wrong)?;
        Ok(match (left, right) {
            (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)) if result.len() == 1 => {
                ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?)
            }
            _ => ColumnarValue::Array(result),
        })
    }

    fn evaluate_bounds(&self, inputs: &[&Interval]) -> Result<Interval> {
        match inputs {
            [left, right] => apply_operator(&self.op, left, right),
            _ => Interval::make_unbounded(&DataType::Null),
        }
    }
}
