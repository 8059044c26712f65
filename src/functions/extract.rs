//! `extract`, `date_part`, `date_trunc`, `date_bin`: fields of dates, times and intervals.

use super::call::short::{DATE, INTERVAL, TEXT, TIME, TIMESTAMP, TIMESTAMPTZ};
use super::call::{Call, functions};
use super::temporal::{DAY, checked, midnight};
use super::timetz::{self, TIMETZ};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::calendar::{self, EPOCH_JULIAN};
use crate::types::{Numeric, PgType, TimeTz, Zone};

functions! { pub(super) LIST:
    "extract" Stable {
        (TEXT, DATE) -> PgType::NUMERIC, strict, |call, row| field(call, row, true);
        (TEXT, TIME) -> PgType::NUMERIC, strict, |call, row| field(call, row, false);
        (TEXT, TIMETZ) -> PgType::NUMERIC, strict, |call, row| field(call, row, false);
        (TEXT, TIMESTAMP) -> PgType::NUMERIC, strict, |call, row| field(call, row, false);
        (TEXT, TIMESTAMPTZ) -> PgType::NUMERIC, strict, |call, row| field(call, row, false);
        (TEXT, INTERVAL) -> PgType::NUMERIC, strict, |call, row| field(call, row, false);
    }
    "date_part" Stable {
        (TEXT, DATE) -> PgType::FLOAT8, strict, part;
        (TEXT, TIME) -> PgType::FLOAT8, strict, part;
        (TEXT, TIMETZ) -> PgType::FLOAT8, strict, part;
        (TEXT, TIMESTAMP) -> PgType::FLOAT8, strict, part;
        (TEXT, TIMESTAMPTZ) -> PgType::FLOAT8, strict, part;
        (TEXT, INTERVAL) -> PgType::FLOAT8, strict, part;
    }
    "date_trunc" Stable {
        (TEXT, TIMESTAMPTZ) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            zoned(call, row, call.context.style.time_zone)
        };
        (TEXT, TIMESTAMP) -> PgType::TIMESTAMP, strict, |call, row| {
            let micros = call.time(1, row).unwrap_or(0);
            truncated(call.must_text(0, row), micros, "timestamp without time zone").map(Value::Time)
        };
        (TEXT, TIMESTAMPTZ, TEXT) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            zoned(call, row, super::time::zone(call.must_text(2, row))?)
        };
        (TEXT, INTERVAL) -> PgType::INTERVAL, strict, truncated_interval;
    }
    "date_bin" Immutable {
        (INTERVAL, TIMESTAMP, TIMESTAMP) -> PgType::TIMESTAMP, strict, binned;
        (INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ) -> PgType::TIMESTAMPTZ, strict, binned;
    }
}

/// The canonical name of a field.
pub(super) fn unit(name: &str) -> Option<&'static str> {
    let name = name.trim().to_lowercase();
    Some(match name.as_str() {
        "microsecond" | "microseconds" | "us" | "usec" | "usecs" | "usecond" | "useconds" => {
            "microseconds"
        }
        "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" | "msecond" | "mseconds" => {
            "milliseconds"
        }
        "second" | "seconds" | "s" | "sec" | "secs" => "second",
        "minute" | "minutes" | "m" | "min" | "mins" => "minute",
        "hour" | "hours" | "h" | "hr" | "hrs" => "hour",
        "day" | "days" | "d" => "day",
        "week" | "weeks" | "w" => "week",
        "month" | "months" | "mon" | "mons" => "month",
        "quarter" | "qtr" => "quarter",
        "year" | "years" | "y" | "yr" | "yrs" => "year",
        "decade" | "decades" | "dec" | "decs" => "decade",
        "century" | "centuries" | "c" | "cent" => "century",
        "millennium" | "millennia" | "mil" | "mils" => "millennium",
        "epoch" => "epoch",
        "julian" | "jd" | "j" => "julian",
        "dow" => "dow",
        "isodow" => "isodow",
        "doy" => "doy",
        "isoyear" => "isoyear",
        "timezone" => "timezone",
        "timezone_h" | "timezone_hour" => "timezone_hour",
        "timezone_m" | "timezone_minute" => "timezone_minute",
        _ => return None,
    })
}

fn not_supported(name: &str, ty: &str) -> Error {
    Error::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        format!("unit \"{name}\" not supported for type {ty}"),
    )
}

fn not_recognised(name: &str, ty: &str) -> Error {
    Error::new(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("unit \"{name}\" not recognized for type {ty}"),
    )
}

/// A number of microseconds in seconds.
fn seconds(micros: i128) -> Numeric {
    Numeric::new(micros.into(), 6)
}

fn whole(value: i64) -> Numeric {
    Numeric::from(value)
}

/// Fields of a time of day.
fn of_clock(unit: &str, micros: i64) -> Option<Numeric> {
    let in_minute = micros % 60_000_000;
    Some(match unit {
        "microseconds" => whole(in_minute),
        "milliseconds" => Numeric::new(in_minute.into(), 3),
        "second" => seconds(in_minute.into()),
        "minute" => whole(micros / 60_000_000 % 60),
        "hour" => whole(micros / 3_600_000_000),
        _ => return None,
    })
}

/// The year of a calendar without a year 0.
fn shown_year(year: i64) -> i64 {
    if year > 0 { year } else { year - 1 }
}

/// Years grouped by `size`, from year 1.
fn group(year: i64, size: i64) -> i64 {
    if year > 0 {
        (year + size - 1) / size
    } else {
        -((size - shown_year(year) - 1) / size)
    }
}

/// ISO week and the year it is counted in.
fn iso_week(days: i64) -> (i64, i64) {
    // The Thursday of a week is in its year.
    let thursday = days - (days + 3).rem_euclid(7) + 3;
    let year = calendar::civil(thursday).year;
    let week = (thursday - calendar::days(year, 1, 1)) / 7 + 1;
    (year, week)
}

/// Fields of a date.
fn of_date(unit: &str, days: i64) -> Option<Numeric> {
    let civil = calendar::civil(days);
    let year = civil.year;
    let value = match unit {
        "day" => civil.day.into(),
        "week" => iso_week(days).1,
        "month" => civil.month.into(),
        "quarter" => (i64::from(civil.month) - 1) / 3 + 1,
        "year" => shown_year(year),
        "decade" if year >= 0 => year / 10,
        "decade" => -((8 - (year - 1)) / 10),
        "century" => group(year, 100),
        "millennium" => group(year, 1000),
        "dow" => (days + 4).rem_euclid(7),
        "isodow" => (days + 3).rem_euclid(7) + 1,
        "doy" => days - calendar::days(year, 1, 1) + 1,
        "isoyear" => shown_year(iso_week(days).0),
        _ => return None,
    };
    Some(whole(value))
}

/// The other fields of an infinite date are none.
fn of_infinity(unit: &str, name: &str, ty: &str) -> Result<Option<Numeric>> {
    match unit {
        "microseconds" | "milliseconds" | "second" | "minute" | "hour" if ty == "date" => {
            Err(not_supported(name, ty))
        }
        "timezone" | "timezone_hour" | "timezone_minute" if ty != "timestamp with time zone" => {
            Err(not_supported(name, ty))
        }
        _ => Ok(None),
    }
}

fn field(call: &Call<'_>, row: usize, only_date: bool) -> Result<Value> {
    let name = call.must_text(0, row).to_lowercase();
    if let Some(infinite) = infinite_part(call, row, &name) {
        let text = if infinite < 0.0 {
            "-Infinity"
        } else {
            "Infinity"
        };
        return Ok(Value::Text(text.into()));
    }
    Ok(number(call, row, &name, only_date)?.into())
}

fn part(call: &Call<'_>, row: usize) -> Result<Value> {
    let name = call.must_text(0, row).to_lowercase();
    if let Some(infinite) = infinite_part(call, row, &name) {
        return Ok(Value::Float(infinite));
    }
    Ok(number(call, row, &name, false)?
        .map(|number| number.to_f64())
        .into())
}

/// Fields that grow for ever are infinite of an infinite date.
fn infinite_part(call: &Call<'_>, row: usize, name: &str) -> Option<f64> {
    let sign = match (call.date(1, row), call.time(1, row)) {
        (Some(i32::MAX), _) | (_, Some(i64::MAX)) => 1.0,
        (Some(i32::MIN), _) | (_, Some(i64::MIN)) => -1.0,
        _ => return None,
    };
    match unit(name)? {
        "year" | "decade" | "century" | "millennium" | "julian" | "isoyear" | "epoch" => {
            Some(sign * f64::INFINITY)
        }
        _ => None,
    }
}

fn number(call: &Call<'_>, row: usize, name: &str, only_date: bool) -> Result<Option<Numeric>> {
    let known = unit(name);
    if let Some((months, days, micros)) = call.interval(1, row) {
        let unit = known.ok_or_else(|| not_recognised(name, "interval"))?;
        return of_interval(unit, i64::from(months), i64::from(days), micros)
            .map(Some)
            .ok_or_else(|| not_supported(name, "interval"));
    }
    if let Some(clock) = call.clock(1, row) {
        let ty = "time without time zone";
        let unit = known.ok_or_else(|| not_recognised(name, ty))?;
        let value = match unit {
            "epoch" => Some(seconds(clock.into())),
            unit => of_clock(unit, clock),
        };
        return value.map(Some).ok_or_else(|| not_supported(name, ty));
    }
    if call.wanted(1).oid == PgType::TIMETZ.oid {
        let ty = "time with time zone";
        let unit = known.ok_or_else(|| not_recognised(name, ty))?;
        let value = of_timetz(unit, timetz::value(call, 1, row));
        return value.map(Some).ok_or_else(|| not_supported(name, ty));
    }
    if let Some(days) = call.date(1, row) {
        let ty = match only_date {
            true => "date",
            false => "timestamp without time zone",
        };
        let unit = known.ok_or_else(|| not_recognised(name, ty))?;
        if days == i32::MAX || days == i32::MIN {
            return of_infinity(unit, name, ty);
        }
        let days = i64::from(days);
        let value = match unit {
            "epoch" => Some(whole(days * 86_400)),
            "julian" => Some(whole(days + EPOCH_JULIAN)),
            unit if only_date => of_date(unit, days),
            unit => of_date(unit, days).or_else(|| of_clock(unit, 0)),
        };
        return value.map(Some).ok_or_else(|| not_supported(name, ty));
    }
    let micros = call.time(1, row).unwrap_or(0);
    let is_zoned = call.wanted(1).oid == PgType::TIMESTAMPTZ.oid;
    let ty = if is_zoned {
        "timestamp with time zone"
    } else {
        "timestamp without time zone"
    };
    let unit = known.ok_or_else(|| not_recognised(name, ty))?;
    if micros == i64::MAX || micros == i64::MIN {
        return of_infinity(unit, name, ty);
    }
    let offset = match is_zoned {
        true => call.context.style.time_zone.offset(micros),
        false => 0,
    };
    let local = micros + offset * 1_000_000;
    let (days, clock) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    let value = match unit {
        "epoch" => Some(seconds(micros.into())),
        "julian" => {
            let part = Numeric::from(clock).over(&Numeric::from(DAY))?;
            Some(whole(days + EPOCH_JULIAN).plus(&part))
        }
        "timezone" if is_zoned => Some(whole(offset)),
        "timezone_hour" if is_zoned => Some(whole(offset / 3600)),
        "timezone_minute" if is_zoned => Some(whole(offset / 60 % 60)),
        unit => of_clock(unit, clock).or_else(|| of_date(unit, days)),
    };
    value.map(Some).ok_or_else(|| not_supported(name, ty))
}

fn of_timetz(unit: &str, value: TimeTz) -> Option<Numeric> {
    Some(match unit {
        "epoch" => seconds((value.time - value.east * 1_000_000).into()),
        "timezone" => whole(value.east),
        "timezone_hour" => whole(value.east / 3600),
        "timezone_minute" => whole(value.east / 60 % 60),
        unit => return of_clock(unit, value.time),
    })
}

fn of_interval(unit: &str, months: i64, days: i64, micros: i64) -> Option<Numeric> {
    let year = months / 12;
    let value = match unit {
        "day" => days,
        "month" => months % 12,
        "quarter" => months % 12 / 3 + 1,
        "year" => year,
        "decade" => year / 10,
        "century" => year / 100,
        "millennium" => year / 1000,
        "epoch" => {
            // A year is 365.25 days, a month 30.
            let years = i128::from(year) * 31_557_600_000_000;
            let days = (i128::from(months % 12) * 30 + i128::from(days)) * i128::from(DAY);
            return Some(seconds(years + days + i128::from(micros)));
        }
        unit => return of_clock(unit, micros),
    };
    Some(whole(value))
}

fn zoned(call: &Call<'_>, row: usize, zone: Zone) -> Result<Value> {
    let micros = call.time(1, row).unwrap_or(0);
    if micros == i64::MAX || micros == i64::MIN {
        return Ok(Value::Time(micros));
    }
    let offset = zone.offset(micros);
    let local = micros + offset * 1_000_000;
    let name = call.must_text(0, row);
    let cut = truncated(name, local, "timestamp with time zone")?;
    // Within an hour the offset stays; midnight may have had another.
    let within_hour = matches!(
        unit(name),
        Some("microseconds" | "milliseconds" | "second" | "minute" | "hour")
    );
    let offset = match within_hour {
        true => offset,
        false => zone.local_offset(cut),
    };
    checked(cut.checked_sub(offset * 1_000_000)).map(Value::Time)
}

/// The unit of a name, as far as anything can be truncated to it.
fn to_truncate(name: &str, ty: &str) -> Result<&'static str> {
    match unit(name) {
        None | Some("epoch" | "julian" | "dow" | "isodow" | "doy" | "isoyear") => {
            Err(not_recognised(name, ty))
        }
        Some(unit) => Ok(unit),
    }
}

fn truncated(name: &str, micros: i64, ty: &str) -> Result<i64> {
    let name = name.to_lowercase();
    if micros == i64::MAX || micros == i64::MIN {
        return Ok(micros);
    }
    let unit = to_truncate(&name, ty)?;
    let day = micros.div_euclid(DAY);
    let civil = calendar::civil(day);
    let year_start = |year: i64| midnight(i32::try_from(calendar::days(year, 1, 1)).unwrap_or(0));
    let multiple = |unit: i64| Ok(micros.div_euclid(unit) * unit);
    match unit {
        "microseconds" => Ok(micros),
        "milliseconds" => multiple(1_000),
        "second" => multiple(1_000_000),
        "minute" => multiple(60_000_000),
        "hour" => multiple(3_600_000_000),
        "day" => multiple(DAY),
        "week" => checked((day - (day + 3).rem_euclid(7)).checked_mul(DAY)),
        "month" | "quarter" => {
            let month = match unit {
                "quarter" => (civil.month - 1) / 3 * 3 + 1,
                _ => civil.month,
            };
            checked(calendar::days(civil.year, month, 1).checked_mul(DAY))
        }
        "year" => year_start(civil.year),
        "decade" if civil.year > 0 => year_start(civil.year / 10 * 10),
        "decade" => year_start(-((8 - (civil.year - 1)) / 10) * 10),
        "century" if civil.year > 0 => year_start((civil.year + 99) / 100 * 100 - 99),
        "century" => year_start(-((99 - (civil.year - 1)) / 100) * 100 + 1),
        "millennium" if civil.year > 0 => year_start((civil.year + 999) / 1000 * 1000 - 999),
        "millennium" => year_start(-((999 - (civil.year - 1)) / 1000) * 1000 + 1),
        _ => Err(not_supported(&name, ty)),
    }
}

fn truncated_interval(call: &Call<'_>, row: usize) -> Result<Value> {
    let name = call.must_text(0, row).to_lowercase();
    let unit = to_truncate(&name, "interval")?;
    let (months, days, micros) = call.interval(1, row).unwrap_or_default();
    let years = |size: i32| Ok(Value::Interval(months / (12 * size) * 12 * size, 0, 0));
    let multiple = |unit: i64| Ok(Value::Interval(months, days, micros / unit * unit));
    match unit {
        "microseconds" => Ok(Value::Interval(months, days, micros)),
        "milliseconds" => multiple(1_000),
        "second" => multiple(1_000_000),
        "minute" => multiple(60_000_000),
        "hour" => multiple(3_600_000_000),
        "day" => Ok(Value::Interval(months, days, 0)),
        "month" => Ok(Value::Interval(months, 0, 0)),
        "quarter" => Ok(Value::Interval(months / 3 * 3, 0, 0)),
        "year" => years(1),
        "decade" => years(10),
        "century" => years(100),
        "millennium" => years(1000),
        "week" => {
            Err(not_supported(&name, "interval").detail("Months usually have fractional weeks."))
        }
        _ => Err(not_supported(&name, "interval")),
    }
}

fn binned(call: &Call<'_>, row: usize) -> Result<Value> {
    let (months, days, micros) = call.interval(0, row).unwrap_or_default();
    let (time, origin) = (
        call.time(1, row).unwrap_or(0),
        call.time(2, row).unwrap_or(0),
    );
    if time == i64::MAX || time == i64::MIN {
        return Ok(Value::Time(time));
    }
    if origin == i64::MAX || origin == i64::MIN {
        return Err(Error::new(
            SqlState::DATETIME_FIELD_OVERFLOW,
            "origin out of range",
        ));
    }
    if months != 0 {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "timestamps cannot be binned into intervals containing months or years",
        ));
    }
    let stride = i64::from(days)
        .checked_mul(DAY)
        .and_then(|days| days.checked_add(micros))
        .ok_or_else(|| Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range"))?;
    if stride <= 0 {
        return Err(Error::new(
            SqlState::DATETIME_FIELD_OVERFLOW,
            "stride must be greater than zero",
        ));
    }
    let since = time
        .checked_sub(origin)
        .ok_or_else(|| Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range"))?;
    checked(Some(origin + since.div_euclid(stride) * stride)).map(Value::Time)
}
