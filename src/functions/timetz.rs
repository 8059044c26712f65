//! Times with a zone. Their zones are offsets; where one is needed and none is said, it is the
//! session's at the start of the transaction.

use super::call::short::{INT, TIME, TIMESTAMPTZ};
use super::call::{Call, functions};
use super::resolve::Param;
use crate::base::Result;
use crate::pg_catalog::Value;
use crate::types::calendar::DAY;
use crate::types::{PgType, TimeTz};

pub(super) const TIMETZ: Param = Param::Is(PgType::TIMETZ);

functions! { pub(super) LIST:
    "timetz" Stable {
        (TIME) -> PgType::TIMETZ, strict, |call, row| {
            let time = call.clock(0, row).unwrap_or(0);
            let start = call.context.transaction_time;
            let zone = call.context.style.time_zone;
            let today = (start + zone.offset(start) * 1_000_000).div_euclid(DAY);
            let east = zone.local_offset(today * DAY + time);
            Ok(shown(TimeTz { time, east }))
        };
        (TIMESTAMPTZ) -> PgType::TIMETZ, strict, |call, row| {
            Ok(match call.time(0, row) {
                Some(i64::MAX | i64::MIN) | None => Value::Null,
                Some(micros) => shown(at(call, micros)),
            })
        };
        (TIMETZ, INT) -> PgType::TIMETZ, strict, |call, row| {
            let given = value(call, 0, row);
            let time = super::time::rounded(given.time, call.int(1, row));
            Ok(shown(TimeTz { time, ..given }))
        };
    }
    "\0time" Immutable {
        (TIMETZ) -> PgType::TIME, strict, |call, row| Ok(Value::Time(value(call, 0, row).time));
    }
    "current_time" Stable {
        () -> PgType::TIMETZ, strict, |call, _| Ok(shown(at(call, call.context.transaction_time)));
        (INT) -> PgType::TIMETZ, strict, |call, row| {
            let now = at(call, call.context.transaction_time);
            let time = super::time::rounded(now.time, call.int(0, row));
            Ok(shown(TimeTz { time, ..now }))
        };
    }
}

/// The time of day of a moment, in the session's zone.
fn at(call: &Call<'_>, micros: i64) -> TimeTz {
    let east = call.context.style.time_zone.offset(micros);
    let time = (micros + east * 1_000_000).rem_euclid(DAY);
    TimeTz { time, east }
}

pub(super) fn value(call: &Call<'_>, arg: usize, row: usize) -> TimeTz {
    TimeTz::unpack(call.int(arg, row).unwrap_or_default())
}

pub(super) fn shown(value: TimeTz) -> Value {
    Value::Int(value.pack())
}

/// A time some interval later; months and days are of no consequence.
pub(super) fn later(call: &Call<'_>, arg: usize, row: usize, micros: i64) -> Result<Value> {
    Ok(shown(value(call, arg, row).later(micros)))
}

/// The moment that a date and a time with a zone say.
pub(super) fn moment(date: Option<i32>, time: TimeTz) -> Result<Value> {
    match date {
        None => Ok(Value::Null),
        Some(i32::MAX) => Ok(Value::Time(i64::MAX)),
        Some(i32::MIN) => Ok(Value::Time(i64::MIN)),
        Some(days) => {
            let micros = i64::from(days)
                .checked_mul(DAY)
                .and_then(|start| start.checked_add(time.time - time.east * 1_000_000));
            super::temporal::checked(micros).map(Value::Time)
        }
    }
}

/// A time in the zone of a name, as that is when the transaction began.
pub(super) fn in_zone(call: &Call<'_>, row: usize) -> Result<Value> {
    let start = call.context.transaction_time;
    let east = super::time::zone(call.must_text(0, row))?.offset(start);
    Ok(shown(value(call, 1, row).moved(east)))
}

/// A time in the zone an interval is.
pub(super) fn in_offset(call: &Call<'_>, row: usize) -> Result<Value> {
    let east = super::time::by(call, row)?.offset(0);
    Ok(shown(value(call, 1, row).moved(east)))
}
