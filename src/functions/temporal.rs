//! Operators on dates, times and intervals. Days and months are those of the calendar, in the
//! session's time zone where there is one; infinity stays infinity.

use super::call::short::{
    DATE, FLOAT, INT, INTERVAL, JSONB, TEXT, TEXTS, TIME, TIMESTAMP, TIMESTAMPTZ,
};
use super::call::{Call, functions};
use super::timetz::{self, TIMETZ};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::calendar::{self, DATE_MAX, DATE_MIN, TIMESTAMP_MIN};
use crate::types::{PgType, Zone};

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;

/// Months, days, microseconds.
pub(super) type Interval = (i32, i32, i64);

functions! { pub(super) LIST:
    "+" Stable {
        (DATE, INT) -> PgType::DATE, strict, |call, row| later_date(date(call, 0, row), call.int(1, row));
        (INT, DATE) -> PgType::DATE, strict, |call, row| later_date(date(call, 1, row), call.int(0, row));
        (INTERVAL, INTERVAL) -> PgType::INTERVAL, strict, |call, row| {
            sum(interval(call, 0, row), interval(call, 1, row)).map(shown)
        };
        (DATE, INTERVAL) -> PgType::TIMESTAMP, strict, |call, row| {
            plus(midnight(date(call, 0, row))?, interval(call, 1, row)).map(Value::Time)
        };
        (INTERVAL, DATE) -> PgType::TIMESTAMP, strict, |call, row| {
            plus(midnight(date(call, 1, row))?, interval(call, 0, row)).map(Value::Time)
        };
        (TIMESTAMP, INTERVAL) -> PgType::TIMESTAMP, strict, |call, row| {
            plus(time(call, 0, row), interval(call, 1, row)).map(Value::Time)
        };
        (INTERVAL, TIMESTAMP) -> PgType::TIMESTAMP, strict, |call, row| {
            plus(time(call, 1, row), interval(call, 0, row)).map(Value::Time)
        };
        (TIMESTAMPTZ, INTERVAL) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            plus_zoned(call, time(call, 0, row), interval(call, 1, row)).map(Value::Time)
        };
        (INTERVAL, TIMESTAMPTZ) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            plus_zoned(call, time(call, 1, row), interval(call, 0, row)).map(Value::Time)
        };
        (DATE, TIME) -> PgType::TIMESTAMP, strict, |call, row| at(date(call, 0, row), clock(call, 1, row));
        (TIME, DATE) -> PgType::TIMESTAMP, strict, |call, row| at(date(call, 1, row), clock(call, 0, row));
        (TIME, INTERVAL) -> PgType::TIME, strict, |call, row| {
            Ok(turned(clock(call, 0, row), interval(call, 1, row).2))
        };
        (INTERVAL, TIME) -> PgType::TIME, strict, |call, row| {
            Ok(turned(clock(call, 1, row), interval(call, 0, row).2))
        };
        (TIMETZ, INTERVAL) -> PgType::TIMETZ, strict, |call, row| {
            timetz::later(call, 0, row, interval(call, 1, row).2)
        };
        (INTERVAL, TIMETZ) -> PgType::TIMETZ, strict, |call, row| {
            timetz::later(call, 1, row, interval(call, 0, row).2)
        };
        (DATE, TIMETZ) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            timetz::moment(call.date(0, row), timetz::value(call, 1, row))
        };
        (TIMETZ, DATE) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            timetz::moment(call.date(1, row), timetz::value(call, 0, row))
        };
    }
    "-" Stable {
        (DATE, DATE) -> PgType::INT4, strict, days_between;
        (DATE, INT) -> PgType::DATE, strict, |call, row| {
            later_date(date(call, 0, row), call.int(1, row).map(|days| -days))
        };
        (INTERVAL, INTERVAL) -> PgType::INTERVAL, strict, |call, row| {
            sum(interval(call, 0, row), negated(interval(call, 1, row))?).map(shown)
        };
        (TIMESTAMP, TIMESTAMP) -> PgType::INTERVAL, strict, between;
        (TIMESTAMPTZ, TIMESTAMPTZ) -> PgType::INTERVAL, strict, between;
        (DATE, INTERVAL) -> PgType::TIMESTAMP, strict, |call, row| {
            plus(midnight(date(call, 0, row))?, negated(interval(call, 1, row))?).map(Value::Time)
        };
        (TIMESTAMP, INTERVAL) -> PgType::TIMESTAMP, strict, |call, row| {
            plus(time(call, 0, row), negated(interval(call, 1, row))?).map(Value::Time)
        };
        (TIMESTAMPTZ, INTERVAL) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            plus_zoned(call, time(call, 0, row), negated(interval(call, 1, row))?).map(Value::Time)
        };
        (TIME, TIME) -> PgType::INTERVAL, strict, |call, row| {
            Ok(Value::Interval(0, 0, clock(call, 0, row) - clock(call, 1, row)))
        };
        (TIME, INTERVAL) -> PgType::TIME, strict, |call, row| {
            Ok(turned(clock(call, 0, row), interval(call, 1, row).2.wrapping_neg()))
        };
        (TIMETZ, INTERVAL) -> PgType::TIMETZ, strict, |call, row| {
            timetz::later(call, 0, row, interval(call, 1, row).2.wrapping_neg())
        };
        (JSONB, TEXT) -> PgType::JSONB, strict, super::jsonb::without_name;
        (JSONB, TEXTS) -> PgType::JSONB, strict, super::jsonb::without_names;
        (JSONB, INT) -> PgType::JSONB, strict, super::jsonb::without_item;
    }
    "*" Immutable {
        (INTERVAL, FLOAT) -> PgType::INTERVAL, strict, |call, row| {
            times(interval(call, 0, row), call.float(1, row).unwrap_or(0.0)).map(shown)
        };
        (FLOAT, INTERVAL) -> PgType::INTERVAL, strict, |call, row| {
            times(interval(call, 1, row), call.float(0, row).unwrap_or(0.0)).map(shown)
        };
    }
    "/" Immutable {
        (INTERVAL, FLOAT) -> PgType::INTERVAL, strict, |call, row| {
            let divisor = call.float(1, row).unwrap_or(0.0);
            if divisor == 0.0 {
                return Err(Error::new(SqlState::DIVISION_BY_ZERO, "division by zero"));
            }
            scaled(interval(call, 0, row), |value| value / divisor).map(shown)
        };
    }
    "overlaps" Stable {
        (TIMESTAMP, TIMESTAMP, TIMESTAMP, TIMESTAMP) -> PgType::BOOL, loose, overlaps;
        (TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ) -> PgType::BOOL, loose, overlaps;
        (TIMESTAMP, INTERVAL, TIMESTAMP, INTERVAL) -> PgType::BOOL, loose, overlaps;
        (TIMESTAMP, INTERVAL, TIMESTAMP, TIMESTAMP) -> PgType::BOOL, loose, overlaps;
        (TIMESTAMP, TIMESTAMP, TIMESTAMP, INTERVAL) -> PgType::BOOL, loose, overlaps;
        (TIMESTAMPTZ, INTERVAL, TIMESTAMPTZ, INTERVAL) -> PgType::BOOL, loose, overlaps;
        (TIMESTAMPTZ, INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ) -> PgType::BOOL, loose, overlaps;
        (TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ, INTERVAL) -> PgType::BOOL, loose, overlaps;
        (TIME, TIME, TIME, TIME) -> PgType::BOOL, loose, overlaps;
        (TIME, INTERVAL, TIME, INTERVAL) -> PgType::BOOL, loose, overlaps;
        (TIME, INTERVAL, TIME, TIME) -> PgType::BOOL, loose, overlaps;
        (TIME, TIME, TIME, INTERVAL) -> PgType::BOOL, loose, overlaps;
    }
}

fn date(call: &Call<'_>, arg: usize, row: usize) -> i32 {
    call.date(arg, row).unwrap_or(0)
}

fn time(call: &Call<'_>, arg: usize, row: usize) -> i64 {
    call.time(arg, row).unwrap_or(0)
}

fn clock(call: &Call<'_>, arg: usize, row: usize) -> i64 {
    call.clock(arg, row).unwrap_or(0)
}

fn interval(call: &Call<'_>, arg: usize, row: usize) -> Interval {
    call.interval(arg, row).unwrap_or_default()
}

fn shown((months, days, micros): Interval) -> Value {
    Value::Interval(months, days, micros)
}

fn overflow(what: &'static str) -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, what)
}

fn is_infinite(micros: i64) -> bool {
    micros == i64::MAX || micros == i64::MIN
}

/// A timestamp, if it is one.
pub(super) fn checked(micros: Option<i64>) -> Result<i64> {
    micros
        .filter(|micros| (TIMESTAMP_MIN..i64::MAX).contains(micros))
        .ok_or_else(|| overflow("timestamp out of range"))
}

fn later_date(date: i32, days: Option<i64>) -> Result<Value> {
    if date == i32::MAX || date == i32::MIN {
        return Ok(date.into());
    }
    let day = i64::from(date) + days.unwrap_or(0);
    if !(i64::from(DATE_MIN)..=i64::from(DATE_MAX)).contains(&day) {
        return Err(overflow("date out of range"));
    }
    Ok(day.into())
}

fn days_between(call: &Call<'_>, row: usize) -> Result<Value> {
    let (a, b) = (date(call, 0, row), date(call, 1, row));
    if [a, b]
        .iter()
        .any(|day| *day == i32::MAX || *day == i32::MIN)
    {
        return Err(overflow("cannot subtract infinite dates"));
    }
    Ok((i64::from(a) - i64::from(b)).into())
}

/// The start of a day.
pub(super) fn midnight(date: i32) -> Result<i64> {
    match date {
        i32::MAX => Ok(i64::MAX),
        i32::MIN => Ok(i64::MIN),
        date => checked(i64::from(date).checked_mul(DAY))
            .map_err(|_| overflow("date out of range for timestamp")),
    }
}

fn at(date: i32, clock: i64) -> Result<Value> {
    let start = midnight(date)?;
    match is_infinite(start) {
        true => Ok(Value::Time(start)),
        false => checked(start.checked_add(clock)).map(Value::Time),
    }
}

fn turned(clock: i64, by: i64) -> Value {
    Value::Time((clock + by % DAY).rem_euclid(DAY))
}

fn between(call: &Call<'_>, row: usize) -> Result<Value> {
    let (a, b) = (time(call, 0, row), time(call, 1, row));
    if is_infinite(a) || is_infinite(b) {
        return Err(overflow("cannot subtract infinite timestamps"));
    }
    let micros = a
        .checked_sub(b)
        .ok_or_else(|| overflow("interval out of range"))?;
    let days = i32::try_from(micros / DAY).unwrap_or(i32::MAX);
    Ok(Value::Interval(0, days, micros % DAY))
}

/// A local time some months later: the same day, or the month's last if it is shorter.
fn plus_months(micros: i64, months: i32) -> Result<i64> {
    if months == 0 {
        return Ok(micros);
    }
    let civil = calendar::civil(micros.div_euclid(DAY));
    let month = civil.year * 12 + i64::from(civil.month) - 1 + i64::from(months);
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    let month = u8::try_from(month).unwrap_or(1);
    if !(-4800..=300_000).contains(&year) {
        return Err(overflow("timestamp out of range"));
    }
    let day = civil.day.min(calendar::month_days(year, month));
    let days = calendar::days(year, month, day);
    days.checked_mul(DAY)
        .and_then(|start| start.checked_add(micros.rem_euclid(DAY)))
        .ok_or_else(|| overflow("timestamp out of range"))
}

/// A local time and an interval: months first, then days, then the rest.
pub(super) fn plus(micros: i64, (months, days, rest): Interval) -> Result<i64> {
    if is_infinite(micros) {
        return Ok(micros);
    }
    let shifted = plus_months(micros, months)?;
    checked(
        i64::from(days)
            .checked_mul(DAY)
            .and_then(|days| shifted.checked_add(days))
            .and_then(|shifted| shifted.checked_add(rest)),
    )
}

/// An instant and an interval: months and days on the session's clock, the rest as time that goes
/// by.
pub(super) fn plus_zoned(call: &Call<'_>, micros: i64, interval: Interval) -> Result<i64> {
    plus_in(call.context.style.time_zone, micros, interval)
}

/// As [`plus_zoned`], on a zone's clock.
pub(super) fn plus_in(zone: Zone, micros: i64, (months, days, rest): Interval) -> Result<i64> {
    if is_infinite(micros) {
        return Ok(micros);
    }
    let mut instant = micros;
    if months != 0 || days != 0 {
        let local = micros + zone.offset(micros) * 1_000_000;
        let shifted = plus_months(local, months)? + i64::from(days) * DAY;
        instant = shifted - zone.local_offset(shifted) * 1_000_000;
    }
    checked(instant.checked_add(rest))
}

fn out_of_range() -> Error {
    overflow("interval out of range")
}

pub(super) fn sum(a: Interval, b: Interval) -> Result<Interval> {
    match (
        a.0.checked_add(b.0),
        a.1.checked_add(b.1),
        a.2.checked_add(b.2),
    ) {
        (Some(months), Some(days), Some(micros)) => Ok((months, days, micros)),
        _ => Err(out_of_range()),
    }
}

pub(super) fn negated((months, days, micros): Interval) -> Result<Interval> {
    match (
        months.checked_neg(),
        days.checked_neg(),
        micros.checked_neg(),
    ) {
        (Some(months), Some(days), Some(micros)) => Ok((months, days, micros)),
        _ => Err(out_of_range()),
    }
}

fn times(interval: Interval, factor: f64) -> Result<Interval> {
    scaled(interval, |value| value * factor)
}

/// An interval with every field scaled; what is left of a month goes to the days (30 a month),
/// what is left of a day to the time.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "as PostgreSQL reckons, and bounds are checked"
)]
pub(super) fn scaled(
    (months, days, micros): Interval,
    scale: impl Fn(f64) -> f64,
) -> Result<Interval> {
    let whole = |value: f64| -> Result<i32> {
        if value.is_nan() || value < f64::from(i32::MIN) || value > f64::from(i32::MAX) {
            return Err(out_of_range());
        }
        Ok(value as i32)
    };
    let micro = |value: f64| (value * 1e6).round_ties_even() / 1e6;
    let exact_months = scale(f64::from(months));
    let exact_days = scale(f64::from(days));
    let new_months = whole(exact_months)?;
    let mut new_days = whole(exact_days)?;
    let days_left = micro((exact_months - f64::from(new_months)) * 30.0);
    let mut seconds_left =
        micro((exact_days - f64::from(new_days) + days_left - days_left.trunc()) * 86_400.0);
    if seconds_left.abs() >= 86_400.0 {
        let more = (seconds_left / 86_400.0).trunc();
        new_days = new_days.checked_add(more as i32).ok_or_else(out_of_range)?;
        seconds_left -= more * 86_400.0;
    }
    new_days = new_days
        .checked_add(days_left as i32)
        .ok_or_else(out_of_range)?;
    let time = (scale(micros as f64) + seconds_left * 1e6).round_ties_even();
    if time.is_nan() || time.abs() >= 9.223_372_036_854_775e18 {
        return Err(out_of_range());
    }
    Ok((new_months, new_days, time as i64))
}

/// `(a, b) OVERLAPS (c, d)`: with either end of a span first; one end may be unknown.
fn overlaps(call: &Call<'_>, row: usize) -> Result<Value> {
    let given = |arg| call.time(arg, row).or_else(|| call.clock(arg, row));
    // The end of a span may be said by its length.
    let mut points = [given(0), given(1), given(2), given(3)];
    for end in [1, 3] {
        if let (Some(start), Some(length)) = (points[end - 1], call.interval(end, row)) {
            points[end] = Some(match call.wanted(end - 1).oid {
                oid if oid == PgType::TIMESTAMPTZ.oid => plus_zoned(call, start, length)?,
                oid if oid == PgType::TIME.oid => (start + length.2 % DAY).rem_euclid(DAY),
                _ => plus(start, length)?,
            });
        }
    }
    let point = |arg: usize| points[arg];
    let span = |a: Option<i64>, b: Option<i64>| match (a, b) {
        (Some(a), Some(b)) if a > b => (Some(b), Some(a)),
        (None, b) => (b, None),
        other => other,
    };
    let (a, b) = span(point(0), point(1));
    let (c, d) = span(point(2), point(3));
    let (Some(a), Some(c)) = (a, c) else {
        return Ok(Value::Null);
    };
    // The later start must come before the other's end.
    let (start, other_end) = match a.cmp(&c) {
        std::cmp::Ordering::Greater => (a, d),
        std::cmp::Ordering::Less => (c, b),
        std::cmp::Ordering::Equal => {
            return Ok(match (b, d) {
                (None, _) | (_, None) => Value::Null,
                _ => true.into(),
            });
        }
    };
    Ok(match other_end {
        None => Value::Null,
        Some(end) if start < end => true.into(),
        Some(_) => match (b, d) {
            (Some(_), Some(_)) => false.into(),
            _ => Value::Null,
        },
    })
}
