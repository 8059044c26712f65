//! Now, and arithmetic on dates and times that DataFusion lacks.

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike, Utc};

use super::call::short::{DATE, INT, INTERVAL, TEXT, TIMESTAMP, TIMESTAMPTZ};
use super::call::{Call, functions};
use super::resolve::Param;
use super::timetz::TIMETZ;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::{PgType, Zone, text};

functions! { pub(super) LIST:
    "now" Stable { () -> PgType::TIMESTAMPTZ, strict, transaction; }
    "transaction_timestamp" Stable { () -> PgType::TIMESTAMPTZ, strict, transaction; }
    "current_timestamp" Stable {
        () -> PgType::TIMESTAMPTZ, strict, transaction;
        (INT) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            Ok(Value::Time(rounded(call.context.transaction_time, call.int(0, row))))
        };
    }
    "statement_timestamp" Stable {
        () -> PgType::TIMESTAMPTZ, strict, |call, _| Ok(Value::Time(call.context.statement_time));
    }
    "clock_timestamp" Volatile {
        () -> PgType::TIMESTAMPTZ, strict, |_, _| Ok(Value::Time(Utc::now().timestamp_micros()));
    }
    "timeofday" Volatile {
        () -> PgType::TEXT, strict, |call, _| {
            let (now, zone) = (Utc::now(), call.context.style.time_zone);
            let micros = now.timestamp_micros();
            let local = now.naive_utc() + TimeDelta::seconds(zone.offset(micros));
            let shown = local.format("%a %b %d %H:%M:%S%.6f %Y");
            Ok(format!("{shown} {}", zone.abbreviation(micros)).into())
        };
    }
    "localtimestamp" Stable {
        () -> PgType::TIMESTAMP, strict, |call, _| Ok(Value::Time(local_now(call)));
        (INT) -> PgType::TIMESTAMP, strict, |call, row| {
            Ok(Value::Time(rounded(local_now(call), call.int(0, row))))
        };
    }
    "localtime" Stable {
        () -> PgType::TIME, strict, |call, _| Ok(Value::Time(local_now(call).rem_euclid(DAY)));
        (INT) -> PgType::TIME, strict, |call, row| {
            Ok(Value::Time(rounded(local_now(call), call.int(0, row)).rem_euclid(DAY)))
        };
    }
    "current_date" Stable {
        () -> PgType::DATE, strict, |call, _| Ok(local_now(call).div_euclid(DAY).into());
    }

    "age" Stable {
        (TIMESTAMP, TIMESTAMP) -> PgType::INTERVAL, strict, |call, row| {
            age(call.time(0, row).unwrap_or(0), call.time(1, row).unwrap_or(0))
        };
        (TIMESTAMPTZ, TIMESTAMPTZ) -> PgType::INTERVAL, strict, |call, row| {
            let zone = call.context.style.time_zone;
            age(local(zone, call.time(0, row).unwrap_or(0))?, local(zone, call.time(1, row).unwrap_or(0))?)
        };
        (TIMESTAMP) -> PgType::INTERVAL, strict, |call, row| {
            age(midnight(local_now(call)), call.time(0, row).unwrap_or(0))
        };
        (TIMESTAMPTZ) -> PgType::INTERVAL, strict, |call, row| {
            let then = local(call.context.style.time_zone, call.time(0, row).unwrap_or(0))?;
            age(midnight(local_now(call)), then)
        };
        // Of a transaction: the versions of the catalog since.
        (Param::Is(PgType::XID)) -> PgType::INT4, strict, |call, row| {
            let then = call.int(0, row).unwrap_or(0);
            // As PostgreSQL's own, those below are of no transaction and as old as can be.
            if then < FIRST_TRANSACTION {
                return Ok(i32::MAX.into());
            }
            let now = i64::try_from(call.context.snapshot.version().0).unwrap_or(i64::MAX);
            Ok(i32::try_from(now - then).unwrap_or(i32::MAX).into())
        };
    }
    "isfinite" Immutable {
        (DATE) -> PgType::BOOL, strict, |call, row| {
            Ok((!matches!(call.date(0, row), Some(i32::MAX | i32::MIN))).into())
        };
        (TIMESTAMP) -> PgType::BOOL, strict, is_finite;
        (TIMESTAMPTZ) -> PgType::BOOL, strict, is_finite;
        (INTERVAL) -> PgType::BOOL, strict, |_, _| Ok(true.into());
    }
    "timezone" Stable {
        (TEXT, TIMESTAMPTZ) -> PgType::TIMESTAMP, strict, |call, row| {
            shown_in(zone(call.must_text(0, row))?, call.time(1, row).unwrap_or(0))
        };
        (TEXT, TIMESTAMP) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            meant_in(zone(call.must_text(0, row))?, call.time(1, row).unwrap_or(0))
        };
        (INTERVAL, TIMESTAMPTZ) -> PgType::TIMESTAMP, strict, |call, row| {
            shown_in(by(call, row)?, call.time(1, row).unwrap_or(0))
        };
        (INTERVAL, TIMESTAMP) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            meant_in(by(call, row)?, call.time(1, row).unwrap_or(0))
        };
        (TEXT, TIMETZ) -> PgType::TIMETZ, strict, super::timetz::in_zone;
        (INTERVAL, TIMETZ) -> PgType::TIMETZ, strict, super::timetz::in_offset;
    }
    "justify_hours" Immutable {
        (INTERVAL) -> PgType::INTERVAL, strict, |call, row| Ok(justify(call, row, true, false));
    }
    "justify_days" Immutable {
        (INTERVAL) -> PgType::INTERVAL, strict, |call, row| Ok(justify(call, row, false, true));
    }
    "justify_interval" Immutable {
        (INTERVAL) -> PgType::INTERVAL, strict, |call, row| Ok(justify(call, row, true, true));
    }
}

fn is_finite(call: &Call<'_>, row: usize) -> Result<Value> {
    Ok((!matches!(call.time(0, row), Some(i64::MAX | i64::MIN))).into())
}

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// The lowest number of a transaction, as in PostgreSQL.
const FIRST_TRANSACTION: i64 = 3;

fn transaction(call: &Call<'_>, _: usize) -> Result<Value> {
    Ok(Value::Time(call.context.transaction_time))
}

/// Microseconds rounded to `digits` of a second.
pub(super) fn rounded(micros: i64, digits: Option<i64>) -> i64 {
    let digits = u32::try_from(digits.unwrap_or(6).clamp(0, 6)).unwrap_or(6);
    let unit = 10_i64.pow(6 - digits);
    (micros + unit / 2).div_euclid(unit) * unit
}

/// The transaction's time on the session's clock.
fn local_now(call: &Call<'_>) -> i64 {
    let time = call.context.transaction_time;
    local(call.context.style.time_zone, time).unwrap_or(time)
}

fn midnight(micros: i64) -> i64 {
    micros.div_euclid(DAY) * DAY
}

fn out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range")
}

/// What a clock in `zone` shows at an instant.
pub(super) fn local(zone: Zone, micros: i64) -> Result<i64> {
    naive(micros)?;
    let shift = zone.offset(micros) * 1_000_000;
    micros.checked_add(shift).ok_or_else(out_of_range)
}

fn naive(micros: i64) -> Result<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros)
        .map(|time| time.naive_utc())
        .ok_or_else(out_of_range)
}

/// A zone by abbreviation, by name, or in POSIX form.
pub(super) fn zone(name: &str) -> Result<Zone> {
    text::zone(name).ok_or_else(|| {
        Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("time zone \"{name}\" not recognized"),
        )
    })
}

/// The zone an interval names: so much east of UTC.
pub(super) fn by(call: &Call<'_>, row: usize) -> Result<Zone> {
    let (months, days, micros) = call.interval(0, row).unwrap_or_default();
    if months != 0 || days != 0 {
        return Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "interval time zone must not include months or days",
        ));
    }
    Ok(Zone::east(micros / 1_000_000))
}

fn shown_in(zone: Zone, micros: i64) -> Result<Value> {
    if matches!(micros, i64::MAX | i64::MIN) {
        return Ok(Value::Time(micros));
    }
    let shift = zone.offset(micros) * 1_000_000;
    super::temporal::checked(micros.checked_add(shift)).map(Value::Time)
}

fn meant_in(zone: Zone, local: i64) -> Result<Value> {
    if matches!(local, i64::MAX | i64::MIN) {
        return Ok(Value::Time(local));
    }
    let shift = zone.local_offset(local) * 1_000_000;
    super::temporal::checked(local.checked_sub(shift)).map(Value::Time)
}

/// The difference in calendar fields: years and months first, then days and time, each borrowing
/// from the next as one does on paper. Days borrowed are those of the earlier date's month.
fn age(later: i64, earlier: i64) -> Result<Value> {
    if later < earlier {
        return Ok(match age(earlier, later)? {
            Value::Interval(months, days, micros) => Value::Interval(-months, -days, -micros),
            other => other,
        });
    }
    let (a, b) = (naive(later)?, naive(earlier)?);
    let time = |t: NaiveDateTime| {
        i64::from(t.num_seconds_from_midnight()) * 1_000_000 + i64::from(t.nanosecond() / 1000)
    };
    let mut micros = time(a) - time(b);
    let mut days = i64::from(a.day()) - i64::from(b.day());
    let mut months = (i64::from(a.year()) - i64::from(b.year())) * 12 + i64::from(a.month())
        - i64::from(b.month());
    if micros < 0 {
        micros += DAY;
        days -= 1;
    }
    if days < 0 {
        days += i64::from(b.num_days_in_month());
        months -= 1;
    }
    let (Ok(months), Ok(days)) = (i32::try_from(months), i32::try_from(days)) else {
        return Err(out_of_range());
    };
    Ok(Value::Interval(months, days, micros))
}

/// `to_timestamp(seconds)`
#[allow(clippy::cast_possible_truncation)] // bounds are checked first
pub(super) fn from_epoch(call: &Call<'_>, row: usize) -> Result<Value> {
    let seconds = call.float(0, row).unwrap_or(0.0);
    if seconds.is_infinite() {
        return Ok(Value::Time(if seconds > 0.0 { i64::MAX } else { i64::MIN }));
    }
    let micros = seconds * 1e6;
    if !micros.is_finite() || micros.abs() > 9.2e18 {
        return Err(out_of_range());
    }
    Ok(Value::Time(micros.round() as i64))
}

/// Whole days out of hours, whole months (of 30 days) out of days; signs made to agree.
fn justify(call: &Call<'_>, row: usize, hours: bool, days_too: bool) -> Value {
    let Some((months, days, micros)) = call.interval(0, row) else {
        return Value::Null;
    };
    let (mut months, mut days, mut micros) = (i64::from(months), i64::from(days), micros);
    if hours {
        days += micros / DAY;
        micros %= DAY;
    }
    if days_too {
        months += days / 30;
        days %= 30;
        if months > 0 && (days < 0 || (days == 0 && micros < 0)) {
            days += 30;
            months -= 1;
        } else if months < 0 && (days > 0 || (days == 0 && micros > 0)) {
            days -= 30;
            months += 1;
        }
    }
    if hours {
        if days > 0 && micros < 0 {
            micros += DAY;
            days -= 1;
        } else if days < 0 && micros > 0 {
            micros -= DAY;
            days += 1;
        }
    }
    match (i32::try_from(months), i32::try_from(days)) {
        (Ok(months), Ok(days)) => Value::Interval(months, days, micros),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_borrows_as_postgresql() {
        let at = |text: &str| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
                .unwrap()
                .and_utc()
                .timestamp_micros()
        };
        // Checked against PostgreSQL 15.
        for (a, b, months, days, hours) in [
            (
                "2001-04-10 00:00:00",
                "1957-06-13 00:00:00",
                43 * 12 + 9,
                27,
                0,
            ),
            ("2024-03-01 00:00:00", "2024-01-31 12:00:00", 1, 0, 12),
            ("2024-01-31 12:00:00", "2024-03-01 00:00:00", -1, 0, -12),
        ] {
            assert_eq!(
                age(at(a), at(b)).unwrap(),
                Value::Interval(months, days, hours * 3_600_000_000),
                "{a} {b}"
            );
        }
    }
}
