//! Numerics in expressions. To PostgreSQL they are one type; here they travel in decimals of one
//! scale where that is known, and else in text that keeps each value's digits
//! ([`PgType::data_type`]), over which operators are functions of ours.

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};

use super::Analyst;
use super::typed::{self, Typed};
use crate::base::Result;
use crate::engine::{numeric, semantics};
use crate::functions;
use crate::types::{Extended, PgType};

impl Analyst<'_> {
    /// Whether a value is a numeric that keeps its own digits.
    pub(super) fn is_open(&self, value: &Typed) -> Result<bool> {
        if !value.is(PgType::NUMERIC) {
            return Ok(false);
        }
        let schema = self.schema_for(&[&value.expr])?;
        // Columns of a set operation are not known by name; taking them for such is never wrong.
        let ty = value.expr.get_type(&schema).unwrap_or(DataType::LargeUtf8);
        Ok(matches!(ty, DataType::LargeUtf8 | DataType::Decimal256(..)))
    }

    /// Whether a value is a numeric of so many digits that few of them add up to more than Arrow's
    /// decimals hold.
    pub(super) fn is_long(&self, value: &Typed) -> Result<bool> {
        if !value.is(PgType::NUMERIC) {
            return Ok(false);
        }
        let ty = value.expr.get_type(&self.schema_for(&[&value.expr])?);
        Ok(ty.is_ok_and(|ty| functions::is_long(&ty)))
    }

    /// `left op right` over numerics; `None` where Arrow's decimals give PostgreSQL's digits.
    pub(super) fn arithmetic(
        &self,
        op: Operator,
        left: &Typed,
        right: &Typed,
    ) -> Result<Option<Expr>> {
        // Only the values decide how many digits a quotient has; and DataFusion takes what is left
        // of 0.5 by 1.0 for 0, and a product with a constant 0 for that, whatever its scale.
        let open = match op {
            Operator::Divide | Operator::Modulo => true,
            Operator::Multiply => may_be_zero(&left.expr) || may_be_zero(&right.expr),
            _ => false,
        } || self.is_open(left)?
            || self.is_open(right)?
            || self.outgrows(op, left, right)?;
        if !open {
            return Ok(None);
        }
        Ok(numeric::binary(left.expr.clone(), op, right.expr.clone()))
    }

    /// Whether Arrow's decimals have not the digits for what an operator makes of two values, or
    /// for both of them in one type. A precision that leaves no digit says little of what values
    /// there are: that they have all of them is rare, and text is slow.
    fn outgrows(&self, op: Operator, left: &Typed, right: &Typed) -> Result<bool> {
        let written = is_written(&left.expr) || is_written(&right.expr);
        let (Some(left), Some(right)) = (self.digits(left)?, self.digits(right)?) else {
            return Ok(false);
        };
        if op == Operator::Multiply {
            return Ok(left.scale + right.scale > DECIMAL_DIGITS);
        }
        let carried = matches!(op, Operator::Plus | Operator::Minus);
        // A literal is compared with whatever values there are.
        let counts = left.is_known && right.is_known || written && !carried;
        let needed = left.before.max(right.before) + left.scale.max(right.scale);
        Ok(counts && needed + usize::from(carried) > DECIMAL_DIGITS)
    }

    /// How many digits values of an expression have, if it is of whole numbers or decimals.
    fn digits(&self, value: &Typed) -> Result<Option<Digits>> {
        let ty = value.expr.get_type(&self.schema_for(&[&value.expr])?);
        let whole = |digits| Digits {
            before: match &value.expr {
                Expr::Literal(number, _) => number.to_string().trim_start_matches('-').len(),
                _ => digits,
            },
            is_known: true,
            scale: 0,
        };
        Ok(match ty {
            Ok(DataType::Int16) => Some(whole(5)),
            Ok(DataType::Int32) => Some(whole(10)),
            Ok(DataType::Int64) => Some(whole(19)),
            Ok(DataType::Decimal128(precision, scale)) => {
                let precision = usize::from(precision);
                let is_known = precision < DECIMAL_DIGITS
                    || is_written(&value.expr)
                    || !functions::has_room(scale);
                let scale = scale.unsigned_abs().into();
                Some(Digits {
                    before: precision.saturating_sub(scale),
                    is_known,
                    scale,
                })
            }
            _ => None,
        })
    }

    /// Two numerics as values that compare as they do.
    pub(super) fn numeric_keys(&self, left: Typed, right: Typed) -> Result<(Expr, Expr)> {
        if self.is_open(&left)?
            || self.is_open(&right)?
            || self.outgrows(Operator::Eq, &left, &right)?
        {
            return Ok((numeric::key(left.expr), numeric::key(right.expr)));
        }
        Ok((left.expr, right.expr))
    }

    /// The key of what is shown of a value in a distinct list, where it can only be made of that.
    pub(super) fn key_of_shown(&self, value: &Typed, shown: Expr) -> Result<Expr> {
        Ok(if self.is_open(value)? {
            numeric::key(shown)
        } else if value.is(PgType::INTERVAL) {
            semantics::interval_key(shown)
        } else if value.is(PgType::JSONB) {
            semantics::jsonb_key(shown)
        } else if value.is(PgType::BPCHAR) && value.ty.char_length().is_none() {
            semantics::bpchar_key(shown)
        } else if value.ty.has_keyed_bounds() {
            semantics::range_key(shown)
        } else if value.is(PgType::TSQUERY) {
            semantics::query_key(shown)
        } else if self.has_array_key(value)? {
            semantics::array_key(shown, value.ty)
        } else if value.ty.is_composite() {
            semantics::row_key(shown)
        } else {
            shown
        })
    }

    /// Numerics as floats, for functions of DataFusion's that know no others.
    pub(super) fn unopened(&self, value: Typed) -> Result<Typed> {
        match self.is_open(&value)? {
            true => self.coerced(value, PgType::FLOAT8),
            false => Ok(value),
        }
    }
}

/// Digits that an Arrow decimal has at most.
const DECIMAL_DIGITS: usize = DECIMAL128_MAX_PRECISION as usize;

/// The digits of numbers of one type.
struct Digits {
    /// Before the point, at most.
    before: usize,
    /// Whether there may well be so many.
    is_known: bool,
    /// Behind it.
    scale: usize,
}

/// Whether a value stands in the statement itself.
fn is_written(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(..) => true,
        Expr::Negative(value) => is_written(value),
        _ => false,
    }
}

/// Whether an expression is, or may turn out to be, the constant 0.
fn may_be_zero(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(ScalarValue::Decimal128(value, ..), _) => *value == Some(0),
        Expr::Literal(..) => false,
        expr => expr.column_refs().is_empty() && !expr.contains_outer(),
    }
}

/// A numeric literal with more digits than a decimal holds.
pub(super) fn long_literal(text: &str) -> Option<Typed> {
    let value = Extended::parse(text)?;
    Some(typed::literal(
        ScalarValue::LargeUtf8(Some(value.to_string())),
        PgType::NUMERIC,
    ))
}
