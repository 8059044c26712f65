//! Coordinates: double precision arithmetic that fails where PostgreSQL's does, and comparisons
//! that take numbers for equal that differ by no more than [`EPSILON`], as PostgreSQL documents of
//! its geometric types.

use std::cmp::Ordering;

use crate::base::{Error, Result, SqlState};

/// How far apart equal coordinates may be.
const EPSILON: f64 = 1e-6;

pub(super) fn zero(a: f64) -> bool {
    a.abs() <= EPSILON
}

/// `=`
pub fn eq(a: f64, b: f64) -> bool {
    // Infinities are equal, and have no difference.
    a == b || (a - b).abs() <= EPSILON
}

/// `<>`
pub fn ne(a: f64, b: f64) -> bool {
    // NaN neither equals a number nor differs from it.
    (a - b).abs() > EPSILON
}

/// `<`
pub fn lt(a: f64, b: f64) -> bool {
    a + EPSILON < b
}

/// `<=`
pub fn le(a: f64, b: f64) -> bool {
    a <= b + EPSILON
}

/// `>`
pub fn gt(a: f64, b: f64) -> bool {
    a > b + EPSILON
}

/// `>=`
pub fn ge(a: f64, b: f64) -> bool {
    a + EPSILON >= b
}

/// Two numbers in the order of double precision, where NaN is the greatest and equal to itself.
pub(super) fn order(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (a, b) => a.cmp(&b),
    }
}

pub(super) fn less(a: f64, b: f64) -> bool {
    order(a, b).is_lt()
}

/// The lesser in [`order`].
pub(super) fn min(a: f64, b: f64) -> f64 {
    if less(a, b) { a } else { b }
}

/// The greater in [`order`].
pub(super) fn max(a: f64, b: f64) -> f64 {
    if order(a, b).is_gt() { a } else { b }
}

fn out_of_range(how: &str) -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("value out of range: {how}"),
    )
}

/// A result that is infinite only if an operand is.
fn bounded(result: f64, infinite: bool) -> Result<f64> {
    match result.is_infinite() && !infinite {
        true => Err(out_of_range("overflow")),
        false => Ok(result),
    }
}

pub(super) fn add(a: f64, b: f64) -> Result<f64> {
    bounded(a + b, a.is_infinite() || b.is_infinite())
}

pub(super) fn sub(a: f64, b: f64) -> Result<f64> {
    bounded(a - b, a.is_infinite() || b.is_infinite())
}

pub(super) fn mul(a: f64, b: f64) -> Result<f64> {
    let product = bounded(a * b, a.is_infinite() || b.is_infinite())?;
    match product == 0.0 && a != 0.0 && b != 0.0 {
        true => Err(out_of_range("underflow")),
        false => Ok(product),
    }
}

pub(super) fn div(a: f64, b: f64) -> Result<f64> {
    if b == 0.0 && !a.is_nan() {
        return Err(Error::new(SqlState::DIVISION_BY_ZERO, "division by zero"));
    }
    let quotient = bounded(a / b, a.is_infinite())?;
    match quotient == 0.0 && a != 0.0 && !b.is_infinite() {
        true => Err(out_of_range("underflow")),
        false => Ok(quotient),
    }
}

/// The length of the diagonal of a rectangle with these sides.
pub(super) fn hypot(a: f64, b: f64) -> Result<f64> {
    if a.is_infinite() || b.is_infinite() {
        return Ok(f64::INFINITY);
    }
    if a.is_nan() || b.is_nan() {
        return Ok(f64::NAN);
    }
    let (a, b) = (a.abs(), b.abs());
    let (long, short) = if a < b { (b, a) } else { (a, b) };
    if short == 0.0 {
        return Ok(long);
    }
    let ratio = short / long;
    let length = long * (1.0 + ratio * ratio).sqrt();
    if length.is_infinite() {
        return Err(out_of_range("overflow"));
    }
    if length == 0.0 {
        return Err(out_of_range("underflow"));
    }
    Ok(length)
}
