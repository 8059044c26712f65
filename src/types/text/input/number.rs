//! Numbers from text.

use arrow::datatypes::i256;

use super::{invalid, is_space, trim};
use crate::base::{Error, Result, SqlState};
use crate::types::{Extended, PgType};

fn int_out_of_range(ty: PgType, text: &str) -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!(
            "value \"{text}\" is out of range for type {}",
            ty.info().sql_name
        ),
    )
}

/// An integer between `min` and `max`. As PostgreSQL, too large is said before what follows is
/// looked at.
#[inline]
fn integer(text: &str, ty: PgType, min: i64, max: i64) -> Result<i64> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() && is_space(bytes[at]) {
        at += 1;
    }
    let negative = bytes.get(at) == Some(&b'-');
    if negative || bytes.get(at) == Some(&b'+') {
        at += 1;
    }
    let start = at;
    // Negative numbers reach further.
    let mut value = 0_i64;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        let next = value
            .checked_mul(10)
            .and_then(|value| value.checked_sub(i64::from(digit - b'0')));
        value = next.ok_or_else(|| int_out_of_range(ty, text))?;
        at += 1;
    }
    if at == start {
        return Err(invalid(ty, text));
    }
    let value = if negative {
        Some(value)
    } else {
        value.checked_neg()
    };
    let value = match value {
        Some(value) if min <= value && value <= max => value,
        _ => return Err(int_out_of_range(ty, text)),
    };
    match bytes[at..].iter().all(|byte| is_space(*byte)) {
        true => Ok(value),
        false => Err(invalid(ty, text)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "bounded")]
#[inline]
pub(super) fn int2(text: &str) -> Result<i16> {
    let (min, max) = (i64::from(i16::MIN), i64::from(i16::MAX));
    Ok(integer(text, PgType::INT2, min, max)? as i16)
}

#[expect(clippy::cast_possible_truncation, reason = "bounded")]
#[inline]
pub(super) fn int4(text: &str) -> Result<i32> {
    let (min, max) = (i64::from(i32::MIN), i64::from(i32::MAX));
    Ok(integer(text, PgType::INT4, min, max)? as i32)
}

#[inline]
pub(super) fn int8(text: &str) -> Result<i64> {
    integer(text, PgType::INT8, i64::MIN, i64::MAX)
}

/// OIDs are unsigned, but PostgreSQL reads negative numbers as their two's complement.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded, and meant"
)]
pub(super) fn oid(text: &str, ty: PgType) -> Result<u32> {
    let (min, max) = (i64::from(i32::MIN), i64::from(u32::MAX));
    Ok(integer(text, ty, min, max)? as u32)
}

/// C's `strtoul` of base 0, by which PostgreSQL reads the numbers of transactions: what a text
/// begins with, decimal, octal after `0`, hexadecimal after `0x`. Nothing is 0, too much the most
/// there is.
pub(in crate::types) fn strtoul(text: &str) -> u64 {
    let text = text.trim_start_matches(|c: char| u8::try_from(c).is_ok_and(is_space));
    let (negative, text) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (radix, digits) = match hex {
        Some(hex) if hex.starts_with(|c: char| c.is_ascii_hexdigit()) => (16, hex),
        _ if text.starts_with('0') => (8, text),
        _ => (10, text),
    };
    let mut digits = digits.chars().map_while(|c| c.to_digit(radix));
    let value = digits.try_fold(0_u64, |value, digit| {
        let more = value.checked_mul(radix.into())?;
        more.checked_add(digit.into())
    });
    match value {
        None => u64::MAX,
        Some(value) if negative => value.wrapping_neg(),
        Some(value) => value,
    }
}

/// The number of a transaction, or of a command in one: the low bits of what is read.
#[expect(clippy::cast_possible_truncation, reason = "meant")]
pub(super) fn xid(text: &str) -> u32 {
    strtoul(text) as u32
}

/// A reg* value by number. Names depend on the catalog: the engine resolves literals before they
/// get here.
pub(super) fn reg(text: &str, ty: PgType) -> Result<u32> {
    match trim(text) {
        "-" => Ok(0),
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => oid(number, ty),
        _ => Err(Error::unsupported(format!(
            "a name where a value of type {ty} is read"
        ))),
    }
}

fn float_out_of_range(ty: PgType, text: &str) -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("\"{text}\" is out of range for type {}", ty.info().sql_name),
    )
}

/// Whether the digits before the exponent are all zero.
fn is_zero(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    !mantissa.bytes().any(|byte| (b'1'..=b'9').contains(&byte))
}

#[inline]
pub(super) fn float8(text: &str) -> Result<f64> {
    read_float8(trim(text)).unwrap_or_else(|| Err(invalid(PgType::FLOAT8, text)))
}

/// A float8 that is a part of a value, without white space around it; `None` if it is none.
#[inline]
pub(in crate::types) fn read_float8(number: &str) -> Option<Result<f64>> {
    let value = number.parse::<f64>().ok()?;
    let has_digits = || number.bytes().any(|byte| byte.is_ascii_digit());
    if (value.is_infinite() && has_digits()) || (value == 0.0 && !is_zero(number)) {
        return Some(Err(float_out_of_range(PgType::FLOAT8, number)));
    }
    Some(Ok(value))
}

#[inline]
pub(super) fn float4(text: &str) -> Result<f32> {
    let number = trim(text);
    let value = number
        .parse::<f32>()
        .map_err(|_| invalid(PgType::FLOAT4, text))?;
    let has_digits = || number.bytes().any(|byte| byte.is_ascii_digit());
    if (value.is_infinite() && has_digits()) || (value == 0.0 && !is_zero(number)) {
        return Err(float_out_of_range(PgType::FLOAT4, number));
    }
    Ok(value)
}

/// A decimal as its digits: `whole` and `fraction`, times 10^`exponent`.
struct Parts<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

/// Splits PostgreSQL's numeric syntax; `None` if it is not a number.
#[inline]
fn split(text: &[u8]) -> Option<Parts<'_>> {
    fn digits(text: &[u8]) -> (&[u8], &[u8]) {
        let end = text.iter().position(|byte| !byte.is_ascii_digit());
        text.split_at(end.unwrap_or(text.len()))
    }
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (whole, rest) = digits(rest);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => digits(rest),
        rest => (&rest[..0], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let exponent = match rest {
        [] => 0,
        [b'e' | b'E', rest @ ..] => {
            let (negative, rest) = match rest {
                [b'-', rest @ ..] => (true, rest),
                [b'+', rest @ ..] => (false, rest),
                rest => (false, rest),
            };
            let (digits, rest) = digits(rest);
            if digits.is_empty() || !rest.is_empty() {
                return None;
            }
            let value = digits.iter().fold(0_i64, |value, digit| {
                (value * 10 + i64::from(digit - b'0')).min(1_000_000)
            });
            if negative { -value } else { value }
        }
        _ => return None,
    };
    Some(Parts {
        negative,
        whole,
        fraction,
        exponent,
    })
}

/// What a number is that is not finite.
fn special(text: &str, number: &str, ty: PgType) -> Error {
    let word = number.strip_prefix(['+', '-']).unwrap_or(number);
    let infinite = ["inf", "infinity"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name));
    match ty.precision_scale() {
        Some((precision, scale)) if infinite => overflow().detail(format!(
            "A field with precision {precision}, scale {scale} cannot hold an infinite value."
        )),
        _ if number.eq_ignore_ascii_case("nan") => {
            Error::unsupported(format!("NaN as a value of type {ty}"))
        }
        _ => invalid(PgType::NUMERIC, text),
    }
}

fn overflow() -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "numeric field overflow",
    )
}

/// The number has more digits than its type.
fn too_large(ty: PgType, precision: u16, scale: i16) -> Error {
    let digits = i32::from(precision) - i32::from(scale);
    match ty.precision_scale() {
        Some((precision, scale)) => {
            let bound = match digits {
                0 => "1".to_owned(),
                digits => format!("10^{digits}"),
            };
            overflow().detail(format!(
                "A field with precision {precision}, scale {scale} must round to an absolute value \
                 less than {bound}."
            ))
        }
        None => overflow().detail(format!(
            "A numeric without declared precision must have an absolute value less than 10^{digits}."
        )),
    }
}

/// Feeds the digits of a number scaled to an integer to `push`, and says whether to round up.
/// `None`: too many.
fn scaled(
    parts: &Parts<'_>,
    precision: u8,
    scale: i8,
    mut push: impl FnMut(u8) -> Option<()>,
) -> Option<bool> {
    let digits = || parts.whole.iter().chain(parts.fraction);
    let whole = i64::try_from(parts.whole.len()).ok()?;
    // How many digits, counted from the first, stand before the last place kept.
    let kept = whole + parts.exponent + i64::from(scale);
    let zeros = digits().take_while(|digit| **digit == b'0').count();
    let count = parts.whole.len() + parts.fraction.len();
    if zeros == count || kept < 0 {
        return Some(false);
    }
    let significant = kept - i64::try_from(zeros).ok()?;
    if significant > i64::from(precision) {
        return None;
    }
    let kept = usize::try_from(kept).ok()?;
    for digit in digits().take(kept).skip(zeros.min(kept)) {
        push(digit - b'0')?;
    }
    for _ in count.min(kept)..kept {
        push(0)?;
    }
    Some(digits().nth(kept).is_some_and(|digit| *digit >= b'5'))
}

/// Digits before the point, and after it, of a numeric at most, as in PostgreSQL.
const WHOLE_DIGITS_MAX: usize = 131_072;
const FRACTION_DIGITS_MAX: u32 = 16_383;

/// A numeric of any size, rounded to its declared scale if it has one.
pub(super) fn extended(text: &str, ty: PgType) -> Result<Extended> {
    let number = Extended::parse(text).ok_or_else(|| match split(trim(text).as_bytes()) {
        // A number, with more digits than there can be.
        Some(_) => beyond_format(),
        None => invalid(PgType::NUMERIC, text),
    })?;
    fit(number, ty)
}

fn beyond_format() -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "value overflows numeric format",
    )
}

/// A value as a numeric of type `ty` holds it: rounded to the declared scale, within the bounds.
pub(in crate::types) fn fit(number: Extended, ty: PgType) -> Result<Extended> {
    let Some(finite) = number.finite() else {
        return match (&number, ty.precision_scale()) {
            (Extended::NaN, _) | (_, None) => Ok(number),
            (_, Some((precision, scale))) => Err(overflow().detail(format!(
                "A field with precision {precision}, scale {scale} cannot hold an infinite value."
            ))),
        };
    };
    let finite = match ty.precision_scale() {
        None => finite.clone(),
        Some((precision, scale)) => {
            let whole = i32::from(precision) - i32::from(scale);
            let rounded = finite.rounded(scale.into());
            let beyond = match scale {
                0.. => rounded.all_digits() > usize::from(precision),
                _ => rounded.whole_digits() > usize::try_from(whole).unwrap_or(0),
            };
            if beyond {
                return Err(too_large(ty, precision, scale));
            }
            rounded
        }
    };
    if finite.whole_digits() > WHOLE_DIGITS_MAX || finite.scale() > FRACTION_DIGITS_MAX {
        return Err(beyond_format());
    }
    Ok(Extended::Finite(finite))
}

/// A numeric as the unscaled value of a 128-bit decimal.
#[inline]
pub(super) fn decimal128(text: &str, ty: PgType, precision: u8, scale: i8) -> Result<i128> {
    let number = trim(text);
    let parts = split(number.as_bytes()).ok_or_else(|| special(text, number, ty))?;
    // At most 38 digits: they always fit 128 bits, and 18 fit 64.
    let (mut low, mut value, mut count) = (0_u64, 0_i128, 0_u8);
    let up = scaled(&parts, precision, scale, |digit| {
        if count < 18 {
            low = low * 10 + u64::from(digit);
            value = i128::from(low);
        } else {
            value = value * 10 + i128::from(digit);
        }
        count += 1;
        Some(())
    });
    let value = match up {
        Some(up) => value + i128::from(up),
        None => return Err(too_large(ty, precision.into(), scale.into())),
    };
    // Rounding up may have made one digit more.
    if value >= 10_i128.pow(u32::from(precision.min(38))) {
        return Err(too_large(ty, precision.into(), scale.into()));
    }
    Ok(if parts.negative { -value } else { value })
}

/// A numeric as the unscaled value of a 256-bit decimal.
pub(super) fn decimal256(text: &str, ty: PgType, precision: u8, scale: i8) -> Result<i256> {
    let number = trim(text);
    let parts = split(number.as_bytes()).ok_or_else(|| special(text, number, ty))?;
    let ten = i256::from_i128(10);
    let mut value = i256::ZERO;
    let up = scaled(&parts, precision, scale, |digit| {
        value = value
            .checked_mul(ten)?
            .checked_add(i256::from_i128(i128::from(digit)))?;
        Some(())
    });
    let value = match up {
        Some(true) => value.checked_add(i256::ONE),
        Some(false) => Some(value),
        None => None,
    };
    let bound = ten.checked_pow(u32::from(precision)).unwrap_or(i256::MAX);
    match value {
        Some(value) if value < bound => Ok(if parts.negative {
            value.wrapping_neg()
        } else {
            value
        }),
        _ => Err(too_large(ty, precision.into(), scale.into())),
    }
}
