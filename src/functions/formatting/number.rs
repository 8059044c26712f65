//! The functions that write and read numbers by a template: what each type's digits are.

use std::rc::Rc;

use super::Last;
use super::number_template::{self, Template};
use super::read_number::read;
use super::write_number::{Digits, no_exponent, roman, write};
use crate::base::{Error, Result, SqlState};
use crate::functions::call::functions;
use crate::functions::call::short::TEXT;
use crate::functions::resolve::Param;
use crate::pg_catalog::Value;
use crate::types::{Extended, Numeric, PgType};

/// float4
pub(super) const REAL: Param = Param::Is(PgType::FLOAT4);
/// Digits a float4 is sure of, and a float8.
pub(super) const REAL_DIGITS: usize = 6;
/// See [`REAL_DIGITS`].
pub(super) const FLOAT_DIGITS: usize = 15;

functions! { pub(in crate::functions) LIST:
    "to_number" Immutable {
        (TEXT, TEXT) -> PgType::NUMERIC, strict, |call, row| {
            match call.must_text(1, row) {
                "" => Ok(Value::Null),
                template => {
                    let template = parse(template)?;
                    read(&template, call.must_text(0, row)).map(Value::from)
                }
            }
        };
    }
}

thread_local! {
    static LAST: Last<Template> = const { Last::new() };
}

fn parse(template: &str) -> Result<Rc<Template>> {
    LAST.with(|last| last.parsed(template, number_template::parse))
}

/// `to_char` of an int4.
pub(super) fn of_int(number: i32, template: &str) -> Result<String> {
    let template = parse(template)?;
    if template.exponent {
        return Ok(scientific(number.into(), template.fraction));
    }
    if template.roman {
        return Ok(roman(&template, number));
    }
    // PostgreSQL's product wraps around.
    let shift = u32::try_from(template.shift).unwrap_or(u32::MAX);
    let unit = 10_i32.checked_pow(shift).unwrap_or(i32::MIN);
    whole(&template, &number.wrapping_mul(unit).to_string())
}

/// `to_char` of an int8.
pub(super) fn of_bigint(number: i64, template: &str) -> Result<String> {
    let template = parse(template)?;
    if template.exponent {
        let number = Numeric::from(number);
        return Ok(exact_scientific(&number, template.fraction));
    }
    if template.roman {
        return Ok(roman(
            &template,
            i32::try_from(number).map_err(|_| int_out_of_range())?,
        ));
    }
    let shift = u32::try_from(template.shift).unwrap_or(u32::MAX);
    let product = 10_i64
        .checked_pow(shift)
        .and_then(|unit| number.checked_mul(unit));
    let product = product
        .ok_or_else(|| Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range"))?;
    whole(&template, &product.to_string())
}

fn int_out_of_range() -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range")
}

/// A whole number, with zeros behind the point.
fn whole(template: &Template, number: &str) -> Result<String> {
    let fraction = template.fraction;
    let text = match fraction {
        0 => number.to_owned(),
        fraction => format!("{number}.{}", "0".repeat(fraction)),
    };
    write(template, Digits::new(&text, fraction))
}

/// `to_char` of a float4 (`digits` 6) or a float8 (15).
pub(super) fn of_float(number: f64, digits: usize, template: &str) -> Result<String> {
    let template = parse(template)?;
    if template.exponent {
        return Ok(match number.is_finite() {
            true => scientific(number, template.fraction),
            false => no_exponent(&template),
        });
    }
    if template.roman {
        let whole = spelled(number.round_ties_even(), 0).parse();
        return Ok(roman(&template, whole.unwrap_or(0)));
    }
    let number = match template.shift {
        0 => number,
        shift => {
            let unit: f64 = format!("1e{shift}").parse().unwrap_or(f64::INFINITY);
            match digits {
                REAL_DIGITS => (single(number) * single(unit)).into(),
                _ => number * unit,
            }
        }
    };
    let sure = digits.saturating_sub(spelled(number.abs(), 0).len());
    let fraction = template.fraction.min(sure);
    write(&template, Digits::new(&spelled(number, fraction), fraction))
}

#[expect(clippy::cast_possible_truncation, reason = "single precision is meant")]
fn single(number: f64) -> f32 {
    number as f32
}

fn spelled(number: f64, fraction: usize) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        let sign = if number < 0.0 { "-" } else { "" };
        format!("{sign}Infinity")
    } else {
        format!("{number:.fraction$}")
    }
}

/// `to_char` of a numeric.
pub(super) fn of_numeric(number: &Extended, template: &str) -> Result<String> {
    let template = parse(template)?;
    if template.exponent {
        return Ok(match number.finite() {
            Some(number) => exact_scientific(number, template.fraction),
            None => no_exponent(&template),
        });
    }
    if template.roman {
        let Some(finite) = number.finite() else {
            let what = if *number == Extended::NaN {
                "NaN"
            } else {
                "infinity"
            };
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("cannot convert {what} to integer"),
            ));
        };
        let whole = finite.rounded(0).to_string().parse();
        return Ok(roman(&template, whole.map_err(|_| int_out_of_range())?));
    }
    let Some(finite) = number.finite() else {
        return write(
            &template,
            Digits::new(&number.to_string(), template.fraction),
        );
    };
    let shift = i64::try_from(template.shift).unwrap_or(i64::MAX);
    if shift > SHIFT_MAX {
        return Err(Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "value overflows numeric format",
        ));
    }
    let fraction = i64::try_from(template.fraction).unwrap_or(i64::MAX);
    let text = finite.shifted(shift).rounded(fraction).to_string();
    write(&template, Digits::new(&text, template.fraction))
}

/// The greatest power of ten that is a numeric.
const SHIFT_MAX: i64 = 131_071;

/// Digits a float can have in all; those behind are zeros.
const FLOAT_PRECISION: usize = 1100;

/// ` 1.23e+03`, with a blank where a minus would be.
fn scientific(number: f64, fraction: usize) -> String {
    let shown = fraction.min(FLOAT_PRECISION);
    let text = format!("{number:.shown$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let zeros = "0".repeat(fraction - shown);
    signed(mantissa, &zeros, exponent.parse().unwrap_or(0))
}

/// The same of an exact number. Its exponent is that of the number before it is rounded.
fn exact_scientific(number: &Numeric, fraction: usize) -> String {
    let digits = number.abs().to_string();
    let point = digits.find('.').unwrap_or(digits.len());
    let place = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let exponent = match digits.find(|c: char| ('1'..='9').contains(&c)) {
        None => 0,
        Some(first) if first < point => place(point - first) - 1,
        Some(first) => place(point) - place(first),
    };
    let mantissa = number.shifted(-exponent).rounded(place(fraction));
    let shown = usize::try_from(mantissa.scale()).unwrap_or(fraction);
    let zeros = "0".repeat(fraction.saturating_sub(shown));
    signed(&mantissa.to_string(), &zeros, exponent)
}

fn signed(mantissa: &str, zeros: &str, exponent: i64) -> String {
    let room = if mantissa.starts_with('-') { "" } else { " " };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{room}{mantissa}{zeros}e{sign}{:02}", exponent.abs())
}
