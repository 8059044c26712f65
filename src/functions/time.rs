//! Now, and arithmetic on dates and times that DataFusion lacks.

use chrono::{DateTime, Datelike, NaiveDateTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use super::call::short::{FLOAT, INT, INTERVAL, TEXT, TIMESTAMP, TIMESTAMPTZ};
use super::call::{Call, functions};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

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
            let now = Utc::now().with_timezone(&call.context.style.time_zone);
            Ok(now.format("%a %b %d %H:%M:%S%.6f %Y %Z").to_string().into())
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
    }
    "current_time" Stable {
        () -> PgType::TIME, strict, |call, _| Ok(Value::Time(local_now(call).rem_euclid(DAY)));
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
    }
    "isfinite" Immutable {
        (TIMESTAMP) -> PgType::BOOL, strict, |_, _| Ok(true.into());
        (TIMESTAMPTZ) -> PgType::BOOL, strict, |_, _| Ok(true.into());
        (INTERVAL) -> PgType::BOOL, strict, |_, _| Ok(true.into());
    }
    "make_timestamp" Immutable {
        (INT, INT, INT, INT, INT, FLOAT) -> PgType::TIMESTAMP, strict, make_timestamp;
    }
    "timezone" Stable {
        (TEXT, TIMESTAMPTZ) -> PgType::TIMESTAMP, strict, |call, row| {
            Ok(Value::Time(local(zone(call.must_text(0, row))?, call.time(1, row).unwrap_or(0))?))
        };
        (TEXT, TIMESTAMP) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            Ok(Value::Time(instant(zone(call.must_text(0, row))?, call.time(1, row).unwrap_or(0))?))
        };
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

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

fn transaction(call: &Call<'_>, _: usize) -> Result<Value> {
    Ok(Value::Time(call.context.transaction_time))
}

/// Microseconds rounded to `digits` of a second.
fn rounded(micros: i64, digits: Option<i64>) -> i64 {
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
pub(super) fn local(zone: Tz, micros: i64) -> Result<i64> {
    let instant = DateTime::from_timestamp_micros(micros).ok_or_else(out_of_range)?;
    let shown = instant.with_timezone(&zone).naive_local();
    Ok(shown.and_utc().timestamp_micros())
}

/// When a clock in `zone` shows this; the earlier of two where it is put back, the moment after a
/// gap.
pub(super) fn instant(zone: Tz, micros: i64) -> Result<i64> {
    let shown = naive(micros)?;
    let found = zone.from_local_datetime(&shown).earliest().or_else(|| {
        let later = shown + chrono::TimeDelta::hours(1);
        zone.from_local_datetime(&later).earliest()
    });
    found
        .map(|instant| instant.timestamp_micros())
        .ok_or_else(out_of_range)
}

fn naive(micros: i64) -> Result<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros)
        .map(|time| time.naive_utc())
        .ok_or_else(out_of_range)
}

fn zone(name: &str) -> Result<Tz> {
    chrono_tz::TZ_VARIANTS
        .iter()
        .find(|zone| zone.name().eq_ignore_ascii_case(name))
        .copied()
        .ok_or_else(|| {
            Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("time zone \"{name}\" not recognized"),
            )
        })
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
    let micros = call.float(0, row).unwrap_or(0.0) * 1e6;
    if !micros.is_finite() || micros.abs() > 9.2e18 {
        return Err(out_of_range());
    }
    Ok(Value::Time(micros.round() as i64))
}

fn make_timestamp(call: &Call<'_>, row: usize) -> Result<Value> {
    let field = |arg| call.int(arg, row).unwrap_or(0);
    let part = |arg| u32::try_from(field(arg)).ok();
    let seconds = call.float(5, row).unwrap_or(0.0);
    let date = i32::try_from(field(0))
        .ok()
        .zip(part(1).zip(part(2)))
        .and_then(|(year, (month, day))| chrono::NaiveDate::from_ymd_opt(year, month, day));
    let minutes = part(3)
        .zip(part(4))
        .filter(|(hour, minute)| *hour < 24 && *minute < 60 && (0.0..60.0).contains(&seconds));
    let (Some(date), Some((hour, minute))) = (date, minutes) else {
        return Err(Error::new(
            SqlState::DATETIME_FIELD_OVERFLOW,
            "date/time field value out of range",
        ));
    };
    let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc();
    #[allow(clippy::cast_possible_truncation)] // less than 60 seconds
    let micros = (seconds * 1e6).round() as i64;
    let minutes = i64::from(hour) * 60 + i64::from(minute);
    Ok(Value::Time(
        midnight.timestamp_micros() + minutes * 60_000_000 + micros,
    ))
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
