//! Arithmetic on integers and floats: PostgreSQL's overloads, rounding and errors.

use super::call::short::{ANYARRAY, BIGINT, ELEMENT, FLOAT, INT, NUMERIC, SMALL};
use super::call::{Call, functions};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::{Numeric, PgType};

functions! { pub(super) LIST:
    "abs" Immutable {
        (SMALL) -> PgType::INT2, strict, |call, row| narrow(int(call, 0, row).checked_abs(), PgType::INT2);
        (INT) -> PgType::INT4, strict, |call, row| narrow(int(call, 0, row).checked_abs(), PgType::INT4);
        (BIGINT) -> PgType::INT8, strict, |call, row| narrow(int(call, 0, row).checked_abs(), PgType::INT8);
        (FLOAT4) -> PgType::FLOAT4, strict, |call, row| Ok(Value::Float(float(call, 0, row).abs()));
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| Ok(Value::Float(float(call, 0, row).abs()));
        (NUMERIC) -> PgType::NUMERIC, strict, |call, row| Ok(call.must_numeric(0, row).abs().into());
    }
    "mod" Immutable {
        (SMALL, SMALL) -> PgType::INT2, strict, remainder;
        (INT, INT) -> PgType::INT4, strict, remainder;
        (BIGINT, BIGINT) -> PgType::INT8, strict, remainder;
        (NUMERIC, NUMERIC) -> PgType::NUMERIC, strict, |call, row| {
            Ok(call.must_numeric(0, row).remainder(&call.must_numeric(1, row))?.into())
        };
    }
    "div" Immutable {
        (NUMERIC, NUMERIC) -> PgType::NUMERIC, strict, |call, row| {
            Ok(call.must_numeric(0, row).whole_quotient(&call.must_numeric(1, row))?.into())
        };
    }
    "gcd" Immutable {
        (INT, INT) -> PgType::INT4, strict, |call, row| gcd(call, row, PgType::INT4);
        (BIGINT, BIGINT) -> PgType::INT8, strict, |call, row| gcd(call, row, PgType::INT8);
        (NUMERIC, NUMERIC) -> PgType::NUMERIC, strict, |call, row| {
            Ok(call.must_numeric(0, row).gcd(&call.must_numeric(1, row)).into())
        };
    }
    "lcm" Immutable {
        (INT, INT) -> PgType::INT4, strict, |call, row| lcm(call, row, PgType::INT4);
        (BIGINT, BIGINT) -> PgType::INT8, strict, |call, row| lcm(call, row, PgType::INT8);
        (NUMERIC, NUMERIC) -> PgType::NUMERIC, strict, |call, row| {
            Ok(call.must_numeric(0, row).lcm(&call.must_numeric(1, row)).into())
        };
    }
    "factorial" Immutable {
        (BIGINT) -> PgType::NUMERIC, strict, |call, row| factorial(int(call, 0, row));
    }
    "sign" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| {
            let x = float(call, 0, row);
            // NaN is neither above nor below zero.
            Ok(Value::Float(if x == 0.0 || x.is_nan() { 0.0 } else { x.signum() }))
        };
        (NUMERIC) -> PgType::NUMERIC, strict, |call, row| Ok(call.must_numeric(0, row).signum().into());
    }
    "ceil" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| Ok(Value::Float(float(call, 0, row).ceil()));
        (NUMERIC) -> PgType::NUMERIC, strict, |call, row| Ok(call.must_numeric(0, row).ceil().into());
    }
    "ceiling" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| Ok(Value::Float(float(call, 0, row).ceil()));
        (NUMERIC) -> PgType::NUMERIC, strict, |call, row| Ok(call.must_numeric(0, row).ceil().into());
    }
    "floor" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| Ok(Value::Float(float(call, 0, row).floor()));
        (NUMERIC) -> PgType::NUMERIC, strict, |call, row| Ok(call.must_numeric(0, row).floor().into());
    }
    "round" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| {
            Ok(Value::Float(float(call, 0, row).round_ties_even()))
        };
        (NUMERIC) -> PgType::NUMERIC, strict, |call, row| Ok(call.must_numeric(0, row).rounded(0).into());
        (NUMERIC, INT) -> PgType::NUMERIC, strict, |call, row| {
            Ok(call.must_numeric(0, row).rounded(int(call, 1, row)).into())
        };
    }
    "trunc" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| Ok(Value::Float(float(call, 0, row).trunc()));
        (NUMERIC) -> PgType::NUMERIC, strict, |call, row| Ok(call.must_numeric(0, row).truncated(0).into());
        (NUMERIC, INT) -> PgType::NUMERIC, strict, |call, row| {
            Ok(call.must_numeric(0, row).truncated(int(call, 1, row)).into())
        };
    }
    "width_bucket" Immutable {
        (FLOAT, FLOAT, FLOAT, INT) -> PgType::INT4, strict, |call, row| {
            let value = |arg| float(call, arg, row);
            bucket(value(0), value(1), value(2), int(call, 3, row))
        };
        (NUMERIC, NUMERIC, NUMERIC, INT) -> PgType::INT4, strict, numeric_bucket;
        (ELEMENT, ANYARRAY) -> PgType::INT4, strict, super::arrays::bucket;
    }
    "scale" Immutable {
        (NUMERIC) -> PgType::INT4, strict, |call, row| Ok(call.must_numeric(0, row).scale().into());
    }
    "min_scale" Immutable {
        (NUMERIC) -> PgType::INT4, strict, |call, row| {
            Ok(call.must_numeric(0, row).trimmed().scale().into())
        };
    }
    "trim_scale" Immutable {
        (NUMERIC) -> PgType::NUMERIC, strict, |call, row| {
            Ok(call.must_numeric(0, row).trimmed().into())
        };
    }
    "bit_count" Immutable {
        (super::call::short::BYTEA) -> PgType::INT8, strict, |call, row| {
            let ones: u32 = call.bytes(0, row).iter().map(|byte| byte.count_ones()).sum();
            Ok(ones.into())
        };
    }

    "&" Immutable {
        (SMALL, SMALL) -> PgType::INT2, strict, |call, row| bits(call, row, |a, b| a & b);
        (INT, INT) -> PgType::INT4, strict, |call, row| bits(call, row, |a, b| a & b);
        (BIGINT, BIGINT) -> PgType::INT8, strict, |call, row| bits(call, row, |a, b| a & b);
    }
    "|" Immutable {
        (SMALL, SMALL) -> PgType::INT2, strict, |call, row| bits(call, row, |a, b| a | b);
        (INT, INT) -> PgType::INT4, strict, |call, row| bits(call, row, |a, b| a | b);
        (BIGINT, BIGINT) -> PgType::INT8, strict, |call, row| bits(call, row, |a, b| a | b);
    }
    "#" Immutable {
        (SMALL, SMALL) -> PgType::INT2, strict, |call, row| bits(call, row, |a, b| a ^ b);
        (INT, INT) -> PgType::INT4, strict, |call, row| bits(call, row, |a, b| a ^ b);
        (BIGINT, BIGINT) -> PgType::INT8, strict, |call, row| bits(call, row, |a, b| a ^ b);
    }
    "<<" Immutable {
        (SMALL, INT) -> PgType::INT2, strict, |call, row| shift(call, row, 16, true);
        (INT, INT) -> PgType::INT4, strict, |call, row| shift(call, row, 32, true);
        (BIGINT, INT) -> PgType::INT8, strict, |call, row| shift(call, row, 64, true);
    }
    ">>" Immutable {
        (SMALL, INT) -> PgType::INT2, strict, |call, row| shift(call, row, 16, false);
        (INT, INT) -> PgType::INT4, strict, |call, row| shift(call, row, 32, false);
        (BIGINT, INT) -> PgType::INT8, strict, |call, row| shift(call, row, 64, false);
    }
}

const FLOAT4: super::resolve::Param = super::resolve::Param::Is(PgType::FLOAT4);

fn int(call: &Call<'_>, arg: usize, row: usize) -> i64 {
    call.int(arg, row).unwrap_or(0)
}

fn float(call: &Call<'_>, arg: usize, row: usize) -> f64 {
    call.float(arg, row).unwrap_or(0.0)
}

pub(super) fn out_of_range(ty: PgType) -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("{ty} out of range"),
    )
}

/// An integer of one of the integer types.
fn narrow(value: Option<i64>, ty: PgType) -> Result<Value> {
    let fits = |value: &i64| match ty.oid {
        oid if oid == PgType::INT2.oid => i16::try_from(*value).is_ok(),
        oid if oid == PgType::INT4.oid => i32::try_from(*value).is_ok(),
        _ => true,
    };
    value
        .filter(fits)
        .map(Value::Int)
        .ok_or_else(|| out_of_range(ty))
}

fn remainder(call: &Call<'_>, row: usize) -> Result<Value> {
    match (int(call, 0, row), int(call, 1, row)) {
        (_, 0) => Err(Error::new(SqlState::DIVISION_BY_ZERO, "division by zero")),
        // The one quotient that overflows has remainder 0.
        (a, b) => Ok(a.checked_rem(b).unwrap_or(0).into()),
    }
}

fn gcd_of(a: i64, b: i64) -> i128 {
    let (mut a, mut b) = (i128::from(a).abs(), i128::from(b).abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn gcd(call: &Call<'_>, row: usize, ty: PgType) -> Result<Value> {
    narrow(
        i64::try_from(gcd_of(int(call, 0, row), int(call, 1, row))).ok(),
        ty,
    )
}

fn lcm(call: &Call<'_>, row: usize, ty: PgType) -> Result<Value> {
    let (a, b) = (int(call, 0, row), int(call, 1, row));
    if a == 0 || b == 0 {
        return Ok(0.into());
    }
    let lcm = (i128::from(a) / gcd_of(a, b))
        .checked_mul(b.into())
        .map(i128::abs);
    narrow(lcm.and_then(|lcm| i64::try_from(lcm).ok()), ty)
}

fn factorial(n: i64) -> Result<Value> {
    if n < 0 {
        return Err(Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "factorial of a negative number is undefined",
        ));
    }
    if n > 32_177 {
        return Err(Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "value overflows numeric format",
        ));
    }
    if n > 57 {
        return Err(Error::unsupported("a numeric of more than 76 digits"));
    }
    let product = (2..=n).fold(Numeric::from(1), |product, n| {
        product.times(&Numeric::from(n))
    });
    Ok(product.into())
}

fn bits(call: &Call<'_>, row: usize, operator: fn(i64, i64) -> i64) -> Result<Value> {
    Ok(operator(int(call, 0, row), int(call, 1, row)).into())
}

/// Shifts as the machine does: by the count modulo the width, what leaves is lost.
fn shift(call: &Call<'_>, row: usize, width: u32, left: bool) -> Result<Value> {
    let value = int(call, 0, row);
    // Integers narrower than 32 bits are shifted as 32-bit ones.
    let by = int(call, 1, row) & i64::from(width.max(32) - 1);
    if !left {
        return Ok((value >> by).into());
    }
    let drop = 64 - width;
    let shifted = if by >= 64 { 0 } else { value << by };
    Ok(((shifted << drop) >> drop).into())
}

fn bucket_error(what: &'static str) -> Error {
    Error::new(SqlState::INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION, what)
}

/// Which of `count` equal buckets between two bounds; 0 below, `count` + 1 from the upper bound on.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // between 1 and count, an int4
fn bucket(x: f64, low: f64, high: f64, count: i64) -> Result<Value> {
    if count <= 0 {
        return Err(bucket_error("count must be greater than zero"));
    }
    if x.is_nan() || low.is_nan() || high.is_nan() {
        return Err(bucket_error(
            "operand, lower bound, and upper bound cannot be NaN",
        ));
    }
    if !low.is_finite() || !high.is_finite() {
        return Err(bucket_error("lower and upper bounds must be finite"));
    }
    if low == high {
        return Err(bucket_error("lower bound cannot equal upper bound"));
    }
    // A reversed range counts from the other end.
    let (x, low, high) = if low < high {
        (x, low, high)
    } else {
        (-x, -low, -high)
    };
    let bucket = if x < low {
        0
    } else if x >= high {
        count + 1
    } else {
        let part = (x - low) / (high - low) * count as f64;
        (part as i64).min(count - 1) + 1
    };
    int4_bucket(bucket)
}

fn int4_bucket(bucket: i64) -> Result<Value> {
    narrow(Some(bucket), PgType::INT4)
}

fn numeric_bucket(call: &Call<'_>, row: usize) -> Result<Value> {
    let value = |arg| call.must_numeric(arg, row);
    let (mut x, mut low, mut high) = (value(0), value(1), value(2));
    let count = int(call, 3, row);
    if count <= 0 {
        return Err(bucket_error("count must be greater than zero"));
    }
    if low == high {
        return Err(bucket_error("lower bound cannot equal upper bound"));
    }
    if low > high {
        (x, low, high) = (x.negated(), low.negated(), high.negated());
    }
    let bucket = if x < low {
        0
    } else if x >= high {
        count + 1
    } else {
        let from = x.plus(&low.negated()).times(&Numeric::from(count));
        let whole = from.whole_quotient(&high.plus(&low.negated()))?;
        let whole = whole
            .to_integer()
            .and_then(|whole| i64::try_from(whole).ok());
        whole.unwrap_or(0) + 1
    };
    int4_bucket(bucket)
}
