//! Operators over numerics without declared scale, as functions: DataFusion knows no such type.
//!
//! Arithmetic takes numbers of any exact type and gives such a numeric. Comparing, grouping and
//! sorting go through [`key`], whose text DataFusion compares as it compares any other.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::scope::external;
use crate::base::{Error, Result};
use crate::functions::evaluated;
use crate::types::Extended;
use crate::types::numerics::{NumericColumn, column, keys};

/// What one of the functions does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Plus,
    Minus,
    Times,
    Over,
    Remainder,
    /// The other sign.
    Negated,
    /// Without zeros at the end: equal values have equal text.
    Trimmed,
    /// [`Extended::key`]
    Key,
    /// The greatest of those that are not NULL.
    Greatest,
    /// The least of those that are not NULL.
    Least,
}

/// `left op right`; `None` if the operator is none of numerics.
pub(super) fn binary(left: Expr, op: Operator, right: Expr) -> Option<Expr> {
    let what = match op {
        Operator::Plus => What::Plus,
        Operator::Minus => What::Minus,
        Operator::Multiply => What::Times,
        Operator::Divide => What::Over,
        Operator::Modulo => What::Remainder,
        _ => return None,
    };
    Some(call(what, vec![left, right]))
}

/// `-value`
pub(super) fn negated(value: Expr) -> Expr {
    call(What::Negated, vec![value])
}

/// The value without zeros at the end.
pub(super) fn trimmed(value: Expr) -> Expr {
    call(What::Trimmed, vec![value])
}

/// The greatest or the least of values.
pub(super) fn extreme(greatest: bool, values: Vec<Expr>) -> Expr {
    call(
        if greatest {
            What::Greatest
        } else {
            What::Least
        },
        values,
    )
}

/// Text that compares as the value does.
pub(super) fn key(value: Expr) -> Expr {
    call(What::Key, vec![value])
}

fn call(what: What, arguments: Vec<Expr>) -> Expr {
    let function = NumericFunction {
        what,
        signature: Signature::any(arguments.len(), Volatility::Immutable),
    };
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(function)),
        arguments,
    ))
}

/// One function.
#[derive(Debug, PartialEq, Eq, Hash)]
struct NumericFunction {
    what: What,
    signature: Signature,
}

impl NumericFunction {
    fn compute(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let columns = arguments
            .iter()
            .map(|array| {
                NumericColumn::new(array.as_ref())
                    .ok_or_else(|| Error::internal("computing with numerics", array.data_type()))
            })
            .collect::<Result<Vec<_>>>()?;
        let one = |compute: fn(&Extended) -> Extended| {
            let values = columns[0].iter();
            column(values.map(|value| Ok(value.as_ref().map(compute))))
        };
        let two = |compute: fn(&Extended, &Extended) -> Result<Extended>| {
            let pairs = columns[0].iter().zip(columns[1].iter());
            column(pairs.map(|pair| match pair {
                (Some(left), Some(right)) => compute(&left, &right).map(Some),
                (None, _) | (_, None) => Ok(None),
            }))
        };
        let text = match self.what {
            What::Plus => two(|a, b| Ok(a.plus(b))),
            What::Minus => two(|a, b| Ok(a.minus(b))),
            What::Times => two(|a, b| Ok(a.times(b))),
            What::Over => two(Extended::over),
            What::Remainder => two(Extended::remainder),
            What::Negated => one(Extended::negated),
            What::Trimmed => one(Extended::trimmed),
            What::Greatest | What::Least => {
                let greatest = self.what == What::Greatest;
                column((0..columns[0].len()).map(|row| {
                    let values = columns.iter().filter_map(|column| column.get(row));
                    // Of equal ones the first.
                    Ok(if greatest {
                        values.rev().max()
                    } else {
                        values.min()
                    })
                }))
            }
            What::Key => return Ok(Arc::new(keys(arguments[0].as_ref())?)),
        };
        Ok(Arc::new(text?))
    }
}

impl ScalarUDFImpl for NumericFunction {
    fn name(&self) -> &str {
        match self.what {
            What::Plus => "numeric_add",
            What::Minus => "numeric_sub",
            What::Times => "numeric_mul",
            What::Over => "numeric_div",
            What::Remainder => "numeric_mod",
            What::Negated => "numeric_uminus",
            What::Trimmed => "trim_scale",
            What::Key => "numeric_key",
            What::Greatest => "greatest",
            What::Least => "least",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn display_name(&self, arguments: &[Expr]) -> Result<String, DataFusionError> {
        let sign = match self.what {
            What::Plus => "+",
            What::Minus => "-",
            What::Times => "*",
            What::Over => "/",
            What::Remainder => "%",
            What::Negated | What::Trimmed | What::Key | What::Greatest | What::Least => "",
        };
        Ok(match (self.what, arguments) {
            (What::Negated, [value]) => format!("(- {value})"),
            (What::Key, [value]) => value.to_string(),
            (What::Trimmed, [value]) => format!("trim_scale({value})"),
            (What::Greatest | What::Least, _) => self.name().to_owned(),
            (_, [left, right]) => format!("({left} {sign} {right})"),
            _ => self.name().to_owned(),
        })
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(match self.what {
            What::Key => DataType::Utf8,
            _ => DataType::LargeUtf8,
        })
    }

    fn is_strict(&self) -> bool {
        !matches!(self.what, What::Greatest | What::Least)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        evaluated(&args, |arrays, _| self.compute(arrays).map_err(external))
    }
}
