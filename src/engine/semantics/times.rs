//! Arithmetic on dates and times as PostgreSQL types it: a date and an interval make a timestamp,
//! the difference of two timestamps is an interval of days and a time.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::datatypes::{
    DataType, Field, FieldRef, IntervalMonthDayNano, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::expr::{BinaryExpr, Cast, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::{Result, map_expressions};
use crate::types::PgType;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Gives the operators PostgreSQL's types. Before coercion, which would give them others.
pub(super) fn rewrite(plan: LogicalPlan) -> Result<LogicalPlan> {
    map_expressions(plan, &|expression, schema| {
        let Expr::BinaryExpr(BinaryExpr {
            left,
            op: op @ (Operator::Plus | Operator::Minus),
            right,
        }) = expression
        else {
            return Ok(Transformed::no(expression));
        };
        let (a, b) = match (left.get_type(schema), right.get_type(schema)) {
            (Ok(a), Ok(b)) => (a, b),
            _ => {
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr::new(
                    left, op, right,
                ))));
            }
        };
        let again = |left: Expr, right: Expr| {
            Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
        };
        Ok(match (&a, &b) {
            (DataType::Date32, DataType::Interval(_)) => {
                Transformed::yes(again(to_timestamp(*left, None), *right))
            }
            (DataType::Interval(_), DataType::Date32) if op == Operator::Plus => {
                Transformed::yes(again(*left, to_timestamp(*right, None)))
            }
            (DataType::Timestamp(_, _) | DataType::Date32, DataType::Timestamp(_, _))
            | (DataType::Timestamp(_, _), DataType::Date32)
                if op == Operator::Minus =>
            {
                let utc = [&a, &b]
                    .iter()
                    .any(|ty| matches!(ty, DataType::Timestamp(_, Some(_))));
                let utc = utc.then_some("UTC");
                Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(
                    Arc::new(ScalarUDF::new_from_impl(Difference::new())),
                    vec![to_timestamp(*left, utc), to_timestamp(*right, utc)],
                )))
            }
            _ => Transformed::no(again(*left, *right)),
        })
    })
}

/// The expression as a timestamp with or without time zone.
fn to_timestamp(expression: Expr, zone: Option<&str>) -> Expr {
    let ty = match zone {
        Some(_) => PgType::TIMESTAMPTZ,
        None => PgType::TIMESTAMP,
    };
    Expr::Cast(Cast::new_from_field(
        Box::new(expression),
        Arc::new(ty.field("", true)),
    ))
}

/// The difference of two timestamps.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Difference {
    signature: Signature,
}

impl Difference {
    fn new() -> Self {
        Self {
            signature: Signature::any(2, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Difference {
    fn name(&self) -> &str {
        "timestamp_mi"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [left, right] => Ok(format!("({left} - {right})")),
            _ => Ok(self.name().to_owned()),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(PgType::INTERVAL.data_type())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(
            self.name(),
            PgType::INTERVAL.data_type(),
            true,
        )))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let micros = |value: &ColumnarValue| -> Result<ArrayRef> {
            let array = value.to_array(rows)?;
            let zone = match array.data_type() {
                DataType::Timestamp(_, zone) => zone.clone(),
                _ => None,
            };
            Ok(arrow::compute::cast(
                &array,
                &DataType::Timestamp(TimeUnit::Microsecond, zone),
            )?)
        };
        let (left, right) = (micros(&args.args[0])?, micros(&args.args[1])?);
        let left = left.as_primitive::<TimestampMicrosecondType>();
        let right = right.as_primitive::<TimestampMicrosecondType>();
        let difference: IntervalMonthDayNanoArray = left
            .iter()
            .zip(right.iter())
            .map(|(left, right)| Some(interval(left?.checked_sub(right?)?)))
            .collect();
        let all_scalar = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let array: ArrayRef = Arc::new(difference);
        Ok(if all_scalar && array.len() == 1 {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)
        } else {
            ColumnarValue::Array(array)
        })
    }
}

/// Whole days, and the rest as a time.
fn interval(micros: i64) -> IntervalMonthDayNano {
    let days = i32::try_from(micros / DAY).unwrap_or(i32::MAX);
    IntervalMonthDayNano::new(0, days, (micros % DAY) * 1_000)
}
