//! Operators that PostgreSQL has for several families of types: `||`, and comparison of what
//! DataFusion does not compare as PostgreSQL does.

use std::cmp::Ordering;

use super::call::short::{ANY, ANYARRAY, BYTEA, ELEMENT, INTERVAL, JSONB, TEXT};
use super::call::{Call, functions};
use super::resolve::Returns;
use super::text::worded;
use crate::base::Result;
use crate::pg_catalog::Value;
use crate::types::PgType;

functions! { pub(super) LIST:
    "||" Stable {
        (TEXT, TEXT) -> PgType::TEXT, strict, texts;
        (TEXT, ANY) -> PgType::TEXT, strict, texts;
        (ANY, TEXT) -> PgType::TEXT, strict, texts;
        (BYTEA, BYTEA) -> PgType::BYTEA, strict, |call, row| {
            Ok(Value::Bytes([call.bytes(0, row), call.bytes(1, row)].concat()))
        };
        (JSONB, JSONB) -> PgType::JSONB, strict, super::jsonb::joined;
        (ANYARRAY, ANYARRAY) => Returns::Deepest, loose, super::array_join::joined;
        (ANYARRAY, ELEMENT) => Returns::Like(0), loose, |call, row| {
            super::arrays::appended(call, row, 0, 1, false)
        };
        (ELEMENT, ANYARRAY) => Returns::Like(1), loose, |call, row| {
            super::arrays::appended(call, row, 1, 0, true)
        };
    }
    "byteacat" Immutable {
        (BYTEA, BYTEA) -> PgType::BYTEA, strict, |call, row| {
            Ok(Value::Bytes([call.bytes(0, row), call.bytes(1, row)].concat()))
        };
    }
    "greatest interval" Immutable {
        (INTERVAL) variadic -> PgType::INTERVAL, loose, |call, row| Ok(furthest(call, row, true));
    }
    "least interval" Immutable {
        (INTERVAL) variadic -> PgType::INTERVAL, loose, |call, row| Ok(furthest(call, row, false));
    }
    "=" Immutable {
        (ANYARRAY, ANYARRAY) -> PgType::BOOL, strict, |call, row| Ok(super::array_order::order(call, row)?.is_eq().into());
        (JSONB, JSONB) -> PgType::BOOL, strict, |call, row| Ok(super::jsonb::order(call, row)?.is_eq().into());
        (INTERVAL, INTERVAL) -> PgType::BOOL, strict, |call, row| Ok(spans(call, row).is_eq().into());
    }
    "<>" Immutable {
        (ANYARRAY, ANYARRAY) -> PgType::BOOL, strict, |call, row| Ok(super::array_order::order(call, row)?.is_ne().into());
        (JSONB, JSONB) -> PgType::BOOL, strict, |call, row| Ok(super::jsonb::order(call, row)?.is_ne().into());
        (INTERVAL, INTERVAL) -> PgType::BOOL, strict, |call, row| Ok(spans(call, row).is_ne().into());
    }
    "<" Immutable {
        (ANYARRAY, ANYARRAY) -> PgType::BOOL, strict, |call, row| Ok(super::array_order::order(call, row)?.is_lt().into());
        (JSONB, JSONB) -> PgType::BOOL, strict, |call, row| Ok(super::jsonb::order(call, row)?.is_lt().into());
        (INTERVAL, INTERVAL) -> PgType::BOOL, strict, |call, row| Ok(spans(call, row).is_lt().into());
    }
    "<=" Immutable {
        (ANYARRAY, ANYARRAY) -> PgType::BOOL, strict, |call, row| Ok(super::array_order::order(call, row)?.is_le().into());
        (JSONB, JSONB) -> PgType::BOOL, strict, |call, row| Ok(super::jsonb::order(call, row)?.is_le().into());
        (INTERVAL, INTERVAL) -> PgType::BOOL, strict, |call, row| Ok(spans(call, row).is_le().into());
    }
    ">" Immutable {
        (ANYARRAY, ANYARRAY) -> PgType::BOOL, strict, |call, row| Ok(super::array_order::order(call, row)?.is_gt().into());
        (JSONB, JSONB) -> PgType::BOOL, strict, |call, row| Ok(super::jsonb::order(call, row)?.is_gt().into());
        (INTERVAL, INTERVAL) -> PgType::BOOL, strict, |call, row| Ok(spans(call, row).is_gt().into());
    }
    ">=" Immutable {
        (ANYARRAY, ANYARRAY) -> PgType::BOOL, strict, |call, row| Ok(super::array_order::order(call, row)?.is_ge().into());
        (JSONB, JSONB) -> PgType::BOOL, strict, |call, row| Ok(super::jsonb::order(call, row)?.is_ge().into());
        (INTERVAL, INTERVAL) -> PgType::BOOL, strict, |call, row| Ok(spans(call, row).is_ge().into());
    }
}

fn texts(call: &Call<'_>, row: usize) -> Result<Value> {
    let text = worded(call, 0, row)? + &worded(call, 1, row)?;
    Ok(text.into())
}

/// An interval as one number: a month is 30 days, a day 24 hours.
pub(super) fn span((months, days, micros): (i32, i32, i64)) -> i128 {
    let days = i128::from(months) * 30 + i128::from(days);
    days * 86_400_000_000 + i128::from(micros)
}

/// The greatest or smallest of the arguments that are not NULL.
fn furthest(call: &Call<'_>, row: usize, greatest: bool) -> Value {
    let all = (0..call.len()).filter_map(|arg| call.interval(arg, row));
    let found = match greatest {
        // Of equal ones the first.
        true => all.rev().max_by_key(|one| span(*one)),
        false => all.min_by_key(|one| span(*one)),
    };
    found.map_or(Value::Null, |(months, days, micros)| {
        Value::Interval(months, days, micros)
    })
}

fn spans(call: &Call<'_>, row: usize) -> Ordering {
    let value = |arg| call.interval(arg, row).map(span);
    value(0).cmp(&value(1))
}
