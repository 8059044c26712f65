//! Literals.

use arrow::datatypes::DECIMAL128_MAX_PRECISION;
use datafusion::common::ScalarValue;
use sqlparser::ast::{self, DateTimeField, Value, ValueWithSpan};

use super::level::Level;
use super::typed::{self, Typed};
use super::{Analyst, at};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;

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
            Value::HexStringLiteral(_) | Value::SingleQuotedByteStringLiteral(_) => {
                return Err(Error::unsupported("a bit string"));
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
        let ty = self.resolve_type(&typed.data_type)?;
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
        if interval.leading_precision.is_some() || interval.fractional_seconds_precision.is_some() {
            return Err(Error::unsupported("a precision of INTERVAL"));
        }
        let Some(leading) = &interval.leading_field else {
            return self
                .read(&text, PgType::INTERVAL)
                .map_err(|error| error.or_at(value.place));
        };
        let last = interval.last_field.as_ref().unwrap_or(leading);
        let text = with_units(&text, leading, last);
        let read = self
            .read(&text, PgType::INTERVAL)
            .map_err(|error| error.or_at(value.place))?;
        self.only_fields(read, last)
    }

    /// What is smaller than the last field is cut off.
    fn only_fields(&self, value: Typed, last: &DateTimeField) -> Result<Typed> {
        let Typed {
            expr: datafusion::logical_expr::Expr::Literal(literal, metadata),
            ty,
            row,
            place,
        } = value
        else {
            return Ok(value);
        };
        let ScalarValue::IntervalMonthDayNano(Some(mut parts)) = literal else {
            return Ok(Typed {
                expr: datafusion::logical_expr::Expr::Literal(literal, metadata),
                ty,
                row,
                place,
            });
        };
        let (minute, hour) = (60_000_000_000, 3_600_000_000_000);
        match last {
            DateTimeField::Year => {
                (parts.months, parts.days, parts.nanoseconds) = (parts.months / 12 * 12, 0, 0);
            }
            DateTimeField::Month => (parts.days, parts.nanoseconds) = (0, 0),
            DateTimeField::Day => parts.nanoseconds = 0,
            DateTimeField::Hour => parts.nanoseconds = parts.nanoseconds / hour * hour,
            DateTimeField::Minute => parts.nanoseconds = parts.nanoseconds / minute * minute,
            DateTimeField::Second => {}
            other => return Err(Error::unsupported(format!("INTERVAL … {other}"))),
        }
        Ok(Typed::new(
            datafusion::logical_expr::Expr::Literal(
                ScalarValue::IntervalMonthDayNano(Some(parts)),
                metadata,
            ),
            ty,
        ))
    }
}

/// A bare number counts the last field: `INTERVAL '5' MINUTE`, `INTERVAL '1-2' YEAR TO MONTH`.
fn with_units(text: &str, leading: &DateTimeField, last: &DateTimeField) -> String {
    let trimmed = text.trim();
    let bare = !trimmed.is_empty()
        && trimmed
            .trim_start_matches(['+', '-'])
            .chars()
            .all(|c| c.is_ascii_digit() || c == '.');
    if bare {
        return format!("{trimmed} {last}");
    }
    // `day to hour`: a day and a number of hours; `minute to second`: minutes and seconds.
    let clock = trimmed.rsplit(' ').next().unwrap_or_default();
    let colons = clock.matches(':').count();
    match (leading, last) {
        (_, DateTimeField::Hour) if trimmed.contains(' ') && colons == 0 => {
            let (days, hours) = trimmed.rsplit_once(' ').unwrap_or((trimmed, "0"));
            if hours.chars().all(|c| c.is_ascii_digit()) {
                return format!("{days} {hours}:00:00");
            }
            trimmed.to_owned()
        }
        (DateTimeField::Minute, DateTimeField::Second) if colons == 1 && !trimmed.contains(' ') => {
            match trimmed.strip_prefix('-') {
                Some(rest) => format!("-00:{rest}"),
                None => format!("00:{trimmed}"),
            }
        }
        _ => trimmed.to_owned(),
    }
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
