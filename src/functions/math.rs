//! Arithmetic DataFusion lacks or answers otherwise.

use super::call::short::{BIGINT, FLOAT};
use super::call::{Param, functions};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

const SMALL: Param = Param::Is(PgType::INT2);
const INT: Param = Param::Is(PgType::INT4);

functions! { pub(super) LIST:
    "mod" Immutable {
        (SMALL, SMALL) -> PgType::INT2, strict, |call, row| remainder(call.int(0, row), call.int(1, row));
        (INT, INT) -> PgType::INT4, strict, |call, row| remainder(call.int(0, row), call.int(1, row));
        (BIGINT, BIGINT) -> PgType::INT8, strict, |call, row| remainder(call.int(0, row), call.int(1, row));
    }
    "div" Immutable {
        (BIGINT, BIGINT) -> PgType::NUMERIC, strict, |call, row| {
            match (call.int(0, row), call.int(1, row)) {
                (_, Some(0)) => Err(division_by_zero()),
                (Some(a), Some(b)) => Ok(Value::Int(a.checked_div(b).ok_or_else(out_of_range)?)),
                _ => Ok(Value::Null),
            }
        };
    }
    "sign" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| {
            let x = call.float(0, row).unwrap_or(0.0);
            Ok(Value::Float(if x == 0.0 || x.is_nan() { x } else { x.signum() }))
        };
    }
    "width_bucket" Immutable {
        (FLOAT, FLOAT, FLOAT, INT) -> PgType::INT4, strict, |call, row| {
            let value = |arg| call.float(arg, row).unwrap_or(0.0);
            bucket(value(0), value(1), value(2), call.int(3, row).unwrap_or(0))
        };
    }
    "sind" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| degrees(call.float(0, row), f64::sin); }
    "cosd" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| degrees(call.float(0, row), f64::cos); }
    "tand" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| degrees(call.float(0, row), f64::tan); }
}

fn division_by_zero() -> Error {
    Error::new(SqlState::DIVISION_BY_ZERO, "division by zero")
}

fn out_of_range() -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range")
}

fn remainder(a: Option<i64>, b: Option<i64>) -> Result<Value> {
    match (a, b) {
        (_, Some(0)) => Err(division_by_zero()),
        // The one quotient that overflows has remainder 0.
        (Some(a), Some(b)) => Ok(a.checked_rem(b).unwrap_or(0).into()),
        _ => Ok(Value::Null),
    }
}

fn degrees(x: Option<f64>, function: fn(f64) -> f64) -> Result<Value> {
    Ok(x.map(|x| function(x.to_radians())).into())
}

/// Which of `count` equal buckets between two bounds; 0 below, `count` + 1 from the upper bound on.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // between 1 and count, an int4
fn bucket(x: f64, low: f64, high: f64, count: i64) -> Result<Value> {
    let wrong = |what| Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, what));
    if count <= 0 {
        return wrong("count must be greater than zero");
    }
    if x.is_nan() || low.is_nan() || high.is_nan() {
        return wrong("operand, lower bound, and upper bound cannot be NaN");
    }
    if !low.is_finite() || !high.is_finite() {
        return wrong("lower and upper bounds must be finite");
    }
    if low == high {
        return wrong("lower bound cannot equal upper bound");
    }
    // A reversed range counts from the other end.
    let (x, low, high) = if low < high {
        (x, low, high)
    } else {
        (-x, -low, -high)
    };
    Ok(if x < low {
        0
    } else if x >= high {
        count + 1
    } else {
        ((x - low) / (high - low) * count as f64) as i64 + 1
    }
    .into())
}
