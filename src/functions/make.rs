//! Dates, times and intervals made of numbers; counting NULLs.

use super::call::short::{ANY, FLOAT, INT, TEXT};
use super::call::{Call, functions};
use super::temporal::{DAY, checked};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::calendar::{self, DATE_MAX, DATE_MIN};
use crate::types::text::{BadOffset, offset};
use crate::types::{PgType, Zone};

functions! { pub(super) LIST:
    "make_date" Immutable {
        (INT, INT, INT) -> PgType::DATE, strict, |call, row| Ok(day(call, row)?.into());
    }
    "make_time" Immutable {
        (INT, INT, FLOAT) -> PgType::TIME, strict, |call, row| Ok(Value::Time(clock(call, row, 0)?));
    }
    "make_timestamp" Immutable {
        (INT, INT, INT, INT, INT, FLOAT) -> PgType::TIMESTAMP, strict, |call, row| {
            Ok(Value::Time(moment(call, row)?))
        };
    }
    "make_timestamptz" Stable {
        (INT, INT, INT, INT, INT, FLOAT) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            let local = moment(call, row)?;
            let offset = call.context.style.time_zone.local_offset(local);
            checked(local.checked_sub(offset * 1_000_000)).map(Value::Time)
        };
        (INT, INT, INT, INT, INT, FLOAT, TEXT) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            let local = moment(call, row)?;
            let zone = zone(call.must_text(6, row))?;
            checked(local.checked_sub(zone.local_offset(local) * 1_000_000)).map(Value::Time)
        };
    }
    "make_interval" Immutable {
        () -> PgType::INTERVAL, strict, interval;
        (INT) -> PgType::INTERVAL, strict, interval;
        (INT, INT) -> PgType::INTERVAL, strict, interval;
        (INT, INT, INT) -> PgType::INTERVAL, strict, interval;
        (INT, INT, INT, INT) -> PgType::INTERVAL, strict, interval;
        (INT, INT, INT, INT, INT) -> PgType::INTERVAL, strict, interval;
        (INT, INT, INT, INT, INT, INT) -> PgType::INTERVAL, strict, interval;
        (INT, INT, INT, INT, INT, INT, FLOAT) -> PgType::INTERVAL, strict, interval;
    }
    "num_nulls" Immutable {
        (ANY) variadic -> PgType::INT4, loose, |call, row| {
            Ok(super::arrays::int((0..call.len()).filter(|arg| call.null(*arg, row)).count()))
        };
    }
    "num_nonnulls" Immutable {
        (ANY) variadic -> PgType::INT4, loose, |call, row| {
            Ok(super::arrays::int((0..call.len()).filter(|arg| !call.null(*arg, row)).count()))
        };
    }
}

/// A zone by its name, or by what is added to UTC there.
fn zone(name: &str) -> Result<Zone> {
    let wrong = |what: String| Error::new(SqlState::INVALID_PARAMETER_VALUE, what);
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        let what = format!("invalid input syntax for type numeric time zone: \"{name}\"");
        let hint = "Numeric time zones must have \"-\" or \"+\" as first character.";
        return Err(wrong(what).hint(hint));
    }
    match offset(name) {
        Ok(seconds) => Ok(Zone::east(seconds)),
        Err(BadOffset::Range) => Err(wrong(format!("numeric time zone \"{name}\" out of range"))),
        Err(BadOffset::Syntax) => super::time::zone(name),
    }
}

fn field(call: &Call<'_>, arg: usize, row: usize) -> i64 {
    call.int(arg, row).unwrap_or(0)
}

fn wrong(what: String) -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, what)
}

/// Days since 1970 of year, month and day; a negative year is before Christ.
fn day(call: &Call<'_>, row: usize) -> Result<i64> {
    let (year, month, day) = (
        field(call, 0, row),
        field(call, 1, row),
        field(call, 2, row),
    );
    let out = || {
        wrong(format!(
            "date field value out of range: {year}-{month:02}-{day:02}"
        ))
    };
    let astronomical = match year {
        0 => return Err(out()),
        year if year < 0 => year + 1,
        year => year,
    };
    let (Ok(m), Ok(d)) = (u8::try_from(month), u8::try_from(day)) else {
        return Err(out());
    };
    if !(1..=12).contains(&m) || d < 1 || d > calendar::month_days(astronomical, m) {
        return Err(out());
    }
    let days = calendar::days(astronomical, m, d);
    match (i64::from(DATE_MIN)..=i64::from(DATE_MAX)).contains(&days) {
        true => Ok(days),
        false => Err(wrong(format!(
            "date out of range: {year}-{month:02}-{day:02}"
        ))),
    }
}

/// Microseconds since midnight of the hour, minute and second from argument `first` on.
#[expect(clippy::cast_possible_truncation, reason = "at most 60 seconds")]
fn clock(call: &Call<'_>, row: usize, first: usize) -> Result<i64> {
    let (hour, minute) = (field(call, first, row), field(call, first + 1, row));
    let second = call.float(first + 2, row).unwrap_or(0.0);
    let micros = (second * 1e6).round_ties_even();
    let fits = (0..=24).contains(&hour)
        && (0..60).contains(&minute)
        && (0.0..=60e6).contains(&micros)
        && (hour < 24 || minute == 0 && micros == 0.0);
    if !fits {
        return Err(wrong(format!(
            "time field value out of range: {hour}:{minute:02}:{second:02}"
        )));
    }
    Ok((hour * 60 + minute) * 60_000_000 + micros as i64)
}

fn moment(call: &Call<'_>, row: usize) -> Result<i64> {
    let start = day(call, row)?.checked_mul(DAY);
    let clock = clock(call, row, 3)?;
    checked(start.and_then(|start| start.checked_add(clock)))
}

#[expect(clippy::cast_possible_truncation, reason = "checked")]
fn interval(call: &Call<'_>, row: usize) -> Result<Value> {
    let seconds = call.float(6, row).unwrap_or(0.0);
    let out = || wrong("interval out of range".into());
    let micros = (seconds * 1e6).round_ties_even();
    if !micros.is_finite() || micros.abs() > 9.2e18 {
        return Err(out());
    }
    let months = field(call, 0, row) * 12 + field(call, 1, row);
    let days = field(call, 2, row) * 7 + field(call, 3, row);
    let minutes = field(call, 4, row) * 60 + field(call, 5, row);
    let time = minutes
        .checked_mul(60_000_000)
        .and_then(|time| time.checked_add(micros as i64))
        // Columns count nanoseconds.
        .filter(|time| time.checked_mul(1_000).is_some());
    match (i32::try_from(months), i32::try_from(days), time) {
        (Ok(months), Ok(days), Some(time)) => Ok(Value::Interval(months, days, time)),
        _ => Err(out()),
    }
}
