//! Dates, times and timestamps from text.
//!
//! [`super::iso`] reads what COPY is full of; everything else goes through [`super::tokens`] and
//! [`super::fields`], which fills in fields as PostgreSQL does.

use super::fields::Fields;
use super::iso::{iso_date, iso_time, iso_timestamp};
use super::tokens::split;
use super::{Input, trim};
use crate::base::{Error, Result, SqlState};
use crate::types::calendar::{DATE_MAX, DATE_MIN, DAY, TIMESTAMP_MIN};
use crate::types::precision::{rounded, rounded_moment};
use crate::types::{PgType, TimeTz, Zone};

/// Why a value is refused.
pub(super) enum Refusal {
    /// Not a date/time at all.
    Syntax,
    /// A field has a value it cannot have.
    Field,
    /// A month or day has; another DateStyle may read it.
    Order,
    /// An offset is too far from UTC.
    Offset,
    /// There is no such zone.
    Zone(String),
}

pub(super) type Read<T> = Result<T, Refusal>;

fn refuse(refusal: Refusal, text: &str, ty: PgType) -> Error {
    let field = |state| {
        Error::new(
            state,
            format!("date/time field value out of range: \"{text}\""),
        )
    };
    match refusal {
        Refusal::Syntax => {
            // PostgreSQL names the types shorter here than format_type does.
            let name = match ty.oid {
                oid if oid == PgType::TIME.oid => "time",
                oid if oid == PgType::TIMESTAMP.oid => "timestamp",
                _ => ty.info().sql_name,
            };
            Error::new(
                SqlState::INVALID_DATETIME_FORMAT,
                format!("invalid input syntax for type {name}: \"{text}\""),
            )
        }
        Refusal::Field => field(SqlState::DATETIME_FIELD_OVERFLOW),
        Refusal::Order => field(SqlState::DATETIME_FIELD_OVERFLOW)
            .hint("Perhaps you need a different \"datestyle\" setting."),
        Refusal::Offset => Error::new(
            SqlState::INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
            format!("time zone displacement out of range: \"{text}\""),
        ),
        Refusal::Zone(name) => Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("time zone \"{name}\" not recognized"),
        ),
    }
}

fn out_of_range(what: &str, text: &str) -> Error {
    Error::new(
        SqlState::DATETIME_FIELD_OVERFLOW,
        format!("{what} out of range: \"{text}\""),
    )
}

/// A date/time read: what the fields say.
pub(super) enum Value {
    Infinity,
    NegativeInfinity,
    /// Local date (days since 1970-01-01), time of day, and the zone if one was named.
    Fields(i64, i64, Option<Zone>),
}

pub(super) fn date(text: &str, input: &Input<'_>) -> Result<i32> {
    let value = match iso_date(text.as_bytes()) {
        Some((days, [])) => Value::Fields(days, 0, None),
        _ => general(text, input)?,
    };
    match value {
        Value::Infinity => Ok(i32::MAX),
        Value::NegativeInfinity => Ok(i32::MIN),
        Value::Fields(days, _, _) => match i32::try_from(days) {
            Ok(days @ DATE_MIN..=DATE_MAX) => Ok(days),
            _ => Err(out_of_range("date", text)),
        },
    }
}

pub(super) fn time(text: &str, input: &Input<'_>) -> Result<i64> {
    let micros = match iso_time(text.as_bytes()) {
        Some((micros, [])) => micros,
        _ => time_only(text, input).map_err(|refusal| refuse(refusal, text, input.ty))?,
    };
    Ok(rounded(micros, input.ty.typmod))
}

pub(super) fn timetz(text: &str, input: &Input<'_>) -> Result<i64> {
    let read = || -> Read<i64> {
        let tokens = split(trim(text)).ok_or(Refusal::Syntax)?;
        let mut fields = Fields::new(input);
        fields.time_only = true;
        fields.read(&tokens)?;
        let (date, time, zone) = match fields.fixed.take() {
            Some(Value::Fields(days, time, zone)) => (Some(days), time, zone),
            Some(_) => return Err(Refusal::Syntax),
            None => {
                let time = fields.time_of_day()?.ok_or(Refusal::Syntax)?;
                (fields.date_beside()?, time, fields.zone)
            }
        };
        let zone = match (zone, date) {
            // What it is east of UTC depends on the day.
            (Some(Zone::Named(_) | Zone::Rule(_)), None) => return Err(Refusal::Syntax),
            (zone, _) => zone.unwrap_or(input.style.time_zone),
        };
        let today = || {
            let here = input.style.time_zone;
            (input.now + here.offset(input.now) * 1_000_000).div_euclid(DAY)
        };
        let local = date.unwrap_or_else(today) * DAY + time;
        let time = rounded(time, input.ty.typmod);
        let east = zone.local_offset(local);
        Ok(TimeTz { time, east }.pack())
    };
    read().map_err(|refusal| refuse(refusal, text, input.ty))
}

pub(super) fn timestamp(text: &str, input: &Input<'_>) -> Result<i64> {
    let value = match iso_timestamp(text.as_bytes()) {
        // An offset is read and ignored, as the SQL standard wants.
        Some((days, time, _)) => Value::Fields(days, time, None),
        None => general(text, input)?,
    };
    instant(value, text, input, |_, _| 0)
}

pub(super) fn timestamptz(text: &str, input: &Input<'_>) -> Result<i64> {
    let value = match iso_timestamp(text.as_bytes()) {
        Some((days, time, offset)) => Value::Fields(days, time, offset.map(Zone::east)),
        None => general(text, input)?,
    };
    let session = input.style.time_zone;
    instant(value, text, input, |zone, local| {
        zone.unwrap_or(session).local_offset(local)
    })
}

fn instant(
    value: Value,
    text: &str,
    input: &Input<'_>,
    offset: impl Fn(Option<Zone>, i64) -> i64,
) -> Result<i64> {
    let (days, time, zone) = match value {
        Value::Infinity => return Ok(i64::MAX),
        Value::NegativeInfinity => return Ok(i64::MIN),
        Value::Fields(days, time, zone) => (days, time, zone),
    };
    let fail = || out_of_range("timestamp", text);
    let local = days.checked_mul(DAY).and_then(|day| day.checked_add(time));
    let local = local.ok_or_else(fail)?;
    let micros = local.checked_sub(offset(zone, local) * 1_000_000);
    match micros.map(|micros| rounded_moment(micros, input.ty.typmod)) {
        Some(micros) if (TIMESTAMP_MIN..i64::MAX).contains(&micros) => Ok(micros),
        _ => Err(fail()),
    }
}

fn general(text: &str, input: &Input<'_>) -> Result<Value> {
    let read = || -> Read<Value> {
        let tokens = split(trim(text)).ok_or(Refusal::Syntax)?;
        let mut fields = Fields::new(input);
        fields.read(&tokens)?;
        fields.date_time()
    };
    read().map_err(|refusal| refuse(refusal, text, input.ty))
}

fn time_only(text: &str, input: &Input<'_>) -> Read<i64> {
    let tokens = split(trim(text)).ok_or(Refusal::Syntax)?;
    let mut fields = Fields::new(input);
    fields.time_only = true;
    fields.read(&tokens)?;
    match fields.fixed {
        Some(Value::Fields(_, time, _)) => Ok(time),
        Some(_) => Err(Refusal::Syntax),
        None => {
            let time = fields.time_of_day()?.ok_or(Refusal::Syntax)?;
            // What a named zone is east of UTC depends on the day.
            let dated = fields.date_beside()?.is_some();
            match fields.zone {
                Some(Zone::Named(_) | Zone::Rule(_)) if !dated => Err(Refusal::Syntax),
                _ => Ok(time),
            }
        }
    }
}

/// `ss[.f]` in microseconds, rounded.
pub(super) fn seconds_micros(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !whole
        .bytes()
        .chain(fraction.bytes())
        .all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let whole = match whole {
        "" => 0,
        whole => whole.parse::<i64>().ok()?,
    };
    let micros = match fraction.len() {
        0 => 0,
        // As PostgreSQL: of what is beyond a microsecond a half goes to the even one.
        #[expect(clippy::cast_possible_truncation, reason = "at most a million")]
        _ => {
            let part: f64 = format!("0.{fraction}").parse().ok()?;
            (part * 1e6).round_ties_even() as i64
        }
    };
    whole.checked_mul(1_000_000)?.checked_add(micros)
}
