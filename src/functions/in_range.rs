//! Whether a value is within an offset of another: what RANGE frames ask, under PostgreSQL's name
//! `in_range(value, base, offset, sub, less)`.
//!
//! Of numbers and times of day no sum is out of range: it is only compared with. Other types add
//! and subtract as values do, and ask here only whether the offset is one.

use super::call::short::{BIGINT, BOOL, FLOAT, INTERVAL, TIME};
use super::call::{Call, functions};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

functions! { pub(super) LIST:
    "in_range number" Immutable {
        (BIGINT, BIGINT, BIGINT, BOOL, BOOL) -> PgType::BOOL, strict, |call, row| {
            let number = |arg| i128::from(call.int(arg, row).unwrap_or_default());
            exactly(call, row, number(0), number(1), number(2))
        };
        (TIME, TIME, INTERVAL, BOOL, BOOL) -> PgType::BOOL, strict, |call, row| {
            let clock = |arg| i128::from(call.clock(arg, row).unwrap_or_default());
            // Months and days of an interval do not move a time of day.
            let (_, _, offset) = call.interval(2, row).unwrap_or_default();
            exactly(call, row, clock(0), clock(1), offset.into())
        };
        (FLOAT, FLOAT, FLOAT, BOOL, BOOL) -> PgType::BOOL, strict, |call, row| {
            let number = |arg| call.float(arg, row).unwrap_or_default();
            let (value, base, offset) = (number(0), number(1), number(2));
            let (sub, less) = (flag(call, 3, row), flag(call, 4, row));
            if offset.is_nan() || offset < 0.0 {
                return Err(not_an_offset());
            }
            // NaN is the greatest number, and near to none but itself.
            if value.is_nan() {
                return Ok((base.is_nan() || !less).into());
            }
            if base.is_nan() {
                return Ok(less.into());
            }
            let away = if sub { base > 0.0 } else { base < 0.0 };
            if offset.is_infinite() && base.is_infinite() && away {
                return Ok(true.into());
            }
            let sum = if sub { base - offset } else { base + offset };
            Ok(if less { value <= sum } else { value >= sum }.into())
        };
    }
    "in_range offset" Immutable {
        (BOOL) -> PgType::BOOL, strict, |call, row| match flag(call, 0, row) {
            true => Err(not_an_offset()),
            false => Ok(false.into()),
        };
    }
}

fn flag(call: &Call<'_>, arg: usize, row: usize) -> bool {
    call.bool(arg, row).unwrap_or_default()
}

fn exactly(call: &Call<'_>, row: usize, value: i128, base: i128, offset: i128) -> Result<Value> {
    if offset < 0 {
        return Err(not_an_offset());
    }
    let sum = match flag(call, 3, row) {
        true => base - offset,
        false => base + offset,
    };
    Ok(match flag(call, 4, row) {
        true => value <= sum,
        false => value >= sum,
    }
    .into())
}

fn not_an_offset() -> Error {
    Error::new(
        SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
        "invalid preceding or following size in window function",
    )
}
