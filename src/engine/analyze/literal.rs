//! Literals.

use arrow::datatypes::DECIMAL128_MAX_PRECISION;
use datafusion::common::ScalarValue;
use sqlparser::ast::{self, DateTimeField, Value, ValueWithSpan};

use super::level::Level;
use super::typed::{self, Typed};
use super::{Analyst, at};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse;
use crate::types::PgType;
use crate::types::coded::bits;
use crate::types::precision::Fields;

impl Analyst<'_> {
    pub(super) fn literal(&self, level: &Level<'_>, value: &ValueWithSpan) -> Result<Typed> {
        if let Value::SingleQuotedString(text) = &value.value {
            self.shared
                .literals
                .borrow_mut()
                .entry(text.clone())
                .and_modify(|place| *place = None)
                .or_insert(Some(value.span));
        }
        Ok(match &value.value {
            Value::Number(text, _) => number(text, false).map_err(|error| at(error, value.span))?,
            Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text) => typed::unknown(Some(text)),
            Value::DollarQuotedString(text) => typed::unknown(Some(&text.value)),
            Value::Boolean(value) => Typed::bool(typed::boolean(Some(*value))),
            Value::Null => typed::unknown(None),
            Value::Placeholder(id) => self
                .placeholder(level, id)
                .map_err(|error| at(error, value.span))?,
            Value::HexStringLiteral(digits) => {
                bit_string(bits::of_hex(digits).map_err(|error| at(error, value.span))?)
            }
            Value::SingleQuotedByteStringLiteral(digits) => {
                bit_string(bits::of_binary(digits).map_err(|error| at(error, value.span))?)
            }
            other => {
                return Err(at(
                    Error::new(
                        SqlState::SYNTAX_ERROR,
                        format!("syntax error at or near \"{other}\""),
                    ),
                    value.span,
                ));
            }
        })
    }

    /// `type 'text'`
    pub(super) fn typed_string(&self, typed: &ast::TypedString) -> Result<Typed> {
        let ty = match &typed.data_type {
            // As long as it is written, where `bit` elsewhere is one bit.
            ast::DataType::Bit(None) => PgType::BIT,
            ty => self.resolve_type(ty)?,
        };
        let text = match &typed.value.value {
            Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text) => text,
            Value::DollarQuotedString(text) => &text.value,
            other => {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!("syntax error at or near \"{other}\""),
                ));
            }
        };
        self.read(text, ty)
            .map_err(|error| at(error, typed.value.span))
    }

    /// `INTERVAL '…' [fields]`
    pub(super) fn interval(
        &self,
        level: &super::level::Level<'_>,
        interval: &ast::Interval,
    ) -> Result<Typed> {
        let value = self.expression(level, &interval.value)?;
        let Some(text) = value.unknown_text().map(str::to_owned) else {
            return self.cast(value, PgType::INTERVAL);
        };
        let second = interval.leading_field == Some(DateTimeField::Second);
        let digits = match interval.leading_precision {
            Some(digits) if second => Some(digits),
            // Only of seconds there are parts; what sqlparser takes beyond is not PostgreSQL's.
            Some(_) => {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    "syntax error at or near \"(\"",
                ));
            }
            None => interval.fractional_seconds_precision,
        };
        let fields = match (&interval.leading_field, &interval.last_field) {
            (None, _) => None,
            (Some(first), None) => Some(first.to_string().to_lowercase()),
            (Some(first), Some(last)) => Some(format!("{first} to {last}").to_lowercase()),
        };
        let fields = match fields {
            Some(name) => Some(Fields::named(&name).ok_or_else(|| {
                let last = name.rsplit(' ').next().unwrap_or_default();
                Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!("syntax error at or near \"{last}\""),
                )
            })?),
            None => None,
        };
        let ty = parse::interval(fields, digits)?;
        self.read(&text, ty)
            .map_err(|error| error.or_at(value.place))
    }
}

fn bit_string(bits: String) -> Typed {
    typed::literal(ScalarValue::Utf8View(Some(bits)), PgType::BIT)
}

/// A number as written: `integer` if it fits, then `bigint`, then `numeric`.
pub(super) fn number(text: &str, negative: bool) -> Result<Typed> {
    let text: String = text.chars().filter(|c| *c != '_').collect();
    let signed = if negative {
        format!("-{text}")
    } else {
        text.clone()
    };
    if text.bytes().all(|b| b.is_ascii_digit()) {
        // The sign before a number is part of it.
        if let Ok(value) = signed.parse::<i32>() {
            return Ok(typed::int4(value));
        }
        if let Ok(value) = signed.parse::<i64>() {
            return Ok(typed::int8(value));
        }
    }
    numeric(&signed)
}

/// A numeric with as many digits as are written.
fn numeric(text: &str) -> Result<Typed> {
    let invalid = || {
        Error::new(
            SqlState::SYNTAX_ERROR,
            format!("trailing junk after numeric literal at or near \"{text}\""),
        )
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (
            &text[..at],
            text[at + 1..].parse::<i32>().map_err(|_| invalid())?,
        ),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{whole}{fraction}");
    let mut scale = i32::try_from(fraction.len()).unwrap_or(i32::MAX) - exponent;
    if scale < 0 {
        if scale < -80 {
            return super::numeric::long_literal(text).ok_or_else(invalid);
        }
        digits.extend(std::iter::repeat_n('0', scale.unsigned_abs() as usize));
        scale = 0;
    }
    let significant = digits
        .trim_start_matches(['-', '0'])
        .len()
        .max(usize::try_from(scale).unwrap_or(0))
        .max(1);
    let value = match (u8::try_from(significant), i8::try_from(scale)) {
        (Ok(precision @ ..=DECIMAL128_MAX_PRECISION), Ok(scale)) => {
            let value = digits.parse().map_err(|_| invalid())?;
            ScalarValue::Decimal128(Some(value), precision, scale)
        }
        _ => return super::numeric::long_literal(text).ok_or_else(invalid),
    };
    Ok(Typed::new(
        datafusion::logical_expr::Expr::Literal(value, None),
        PgType::NUMERIC,
    ))
}

/// A number with signs before it, as written: PostgreSQL takes each minus for a part of it, so that
/// two of them say nothing.
pub(super) fn signed(expression: &ast::Expr) -> Option<(&str, bool)> {
    match super::expression::strip(expression) {
        ast::Expr::UnaryOp {
            op: ast::UnaryOperator::Minus,
            expr,
        } => signed(expr).map(|(text, negative)| (text, !negative)),
        ast::Expr::Value(ast::ValueWithSpan {
            value: ast::Value::Number(text, _),
            ..
        }) => Some((text, false)),
        _ => None,
    }
}

/// `-5` under a cast is the number itself; `(-5)` too, but `-5::int` is `-(5::int)`.
pub(super) fn negative_literal(expression: &ast::Expr) -> Option<Result<Typed>> {
    let (text, negative) = signed(expression)?;
    negative.then(|| number(text, true))
}
