//! DateStyle and TimeZone: their texts, and what they mean.

use super::Setting;
use super::number::invalid;
use crate::base::{Error, Result, SqlState};
use crate::types::Zone;
use crate::types::calendar::EPOCH_2000_MICROS;
use crate::types::text::{DateOrder, DateStyle, IntervalStyle, interval_parts};

/// A DateStyle as SHOW prints it. What the text leaves open, format or order, stays as it is in
/// `current`.
///
/// # Errors
/// `22023` for unknown or contradicting words.
pub(super) fn date_style(
    setting: &Setting,
    text: &str,
    current: (DateStyle, DateOrder),
) -> Result<String> {
    let (mut style, mut order) = (None, None);
    let mut conflict = false;
    let mut german = false;
    for word in text.split(',') {
        let word = word.trim().trim_matches('"').to_ascii_lowercase();
        let new_style = match word.as_str() {
            "" if text.trim().is_empty() => None,
            "iso" => Some(DateStyle::Iso),
            "sql" => Some(DateStyle::Sql),
            "german" => Some(DateStyle::German),
            _ if word.starts_with("postgres") => Some(DateStyle::Postgres),
            _ => None,
        };
        let new_order = match word.as_str() {
            "ymd" => Some(DateOrder::Ymd),
            "dmy" => Some(DateOrder::Dmy),
            "mdy" | "us" => Some(DateOrder::Mdy),
            _ if word.starts_with("euro") => Some(DateOrder::Dmy),
            _ if word.starts_with("noneuro") => Some(DateOrder::Mdy),
            _ => None,
        };
        match (new_style, new_order, word.as_str()) {
            (Some(new), _, _) => {
                conflict |= style.is_some_and(|old| old != new);
                german |= new == DateStyle::German;
                style = Some(new);
            }
            (None, Some(new), _) => {
                conflict |= order.is_some_and(|old| old != new);
                order = Some(new);
            }
            (None, None, "default") => {
                style = style.or(Some(DateStyle::Iso));
                order = order.or(Some(DateOrder::Mdy));
            }
            (None, None, "") if text.trim().is_empty() => {}
            (None, None, _) => {
                return Err(
                    invalid(setting, text).detail(format!("Unrecognized key word: \"{word}\"."))
                );
            }
        }
    }
    if conflict {
        return Err(invalid(setting, text).detail("Conflicting \"datestyle\" specifications."));
    }
    if german {
        order = order.or(Some(DateOrder::Dmy));
    }
    let style = match style.unwrap_or(current.0) {
        DateStyle::Iso => "ISO",
        DateStyle::Postgres => "Postgres",
        DateStyle::Sql => "SQL",
        DateStyle::German => "German",
    };
    let order = match order.unwrap_or(current.1) {
        DateOrder::Mdy => "MDY",
        DateOrder::Dmy => "DMY",
        DateOrder::Ymd => "YMD",
    };
    Ok(format!("{style}, {order}"))
}

/// What [`date_style`] printed, read back.
pub(super) fn read_date_style(shown: &str) -> (DateStyle, DateOrder) {
    let (style, order) = shown.split_once(", ").unwrap_or((shown, "MDY"));
    let style = match style {
        "Postgres" => DateStyle::Postgres,
        "SQL" => DateStyle::Sql,
        "German" => DateStyle::German,
        _ => DateStyle::Iso,
    };
    let order = match order {
        "DMY" => DateOrder::Dmy,
        "YMD" => DateOrder::Ymd,
        _ => DateOrder::Mdy,
    };
    (style, order)
}

/// The value of IntervalStyle, read back.
pub(super) fn read_interval_style(shown: &str) -> IntervalStyle {
    match shown {
        "postgres_verbose" => IntervalStyle::PostgresVerbose,
        "sql_standard" => IntervalStyle::SqlStandard,
        "iso_8601" => IntervalStyle::Iso8601,
        _ => IntervalStyle::Postgres,
    }
}

/// A time zone as SHOW prints it: a name of the IANA database in its own spelling, or a zone in
/// POSIX notation, in which east is negative.
///
/// # Errors
/// `22023` for what is none.
pub(super) fn time_zone(setting: &Setting, text: &str) -> Result<String> {
    if let Some(Zone::Named(zone)) = Zone::named(text) {
        return Ok(zone.name().to_owned());
    }
    if let Some((word, rest)) = text.split_at_checked(8)
        && word.eq_ignore_ascii_case("interval")
    {
        return interval_zone(setting, text, rest);
    }
    if let Ok(hours) = text.trim().parse::<f64>() {
        // Hours east of UTC, cut to seconds.
        return east(setting, text, (hours * 3_600.0) as i64);
    }
    // PostgreSQL looks for names in capitals, and keeps what it made of this one.
    let shown = text.to_uppercase();
    match Zone::posix(&shown) {
        Some(zone) if zone.offset(EPOCH_2000_MICROS) % 60 != 0 => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("time zone \"{text}\" appears to use leap seconds"),
        )
        .detail("PostgreSQL does not support leap seconds.")),
        Some(_) => Ok(shown),
        None => Err(invalid(setting, text)),
    }
}

/// A time zone said as how far it is east of UTC: `INTERVAL '2:30'`, of which `rest` is what
/// follows the word.
fn interval_zone(setting: &Setting, text: &str, rest: &str) -> Result<String> {
    let quoted = rest.trim_start().strip_prefix('\'');
    let quoted = quoted.and_then(|rest| rest.strip_suffix('\''));
    let quoted = quoted.ok_or_else(|| invalid(setting, text))?;
    let refused = |what: &str| {
        let detail = format!("Cannot specify {what} in time zone interval.");
        Err(invalid(setting, text).detail(detail))
    };
    match interval_parts(quoted)? {
        (months, ..) if months != 0 => refused("months"),
        (_, days, _) if days != 0 => refused("days"),
        (.., micros) => east(setting, text, micros / 1_000_000),
    }
}

/// The POSIX zone so many seconds east of UTC: less than a week.
fn east(setting: &Setting, text: &str, seconds: i64) -> Result<String> {
    if seconds.unsigned_abs() >= 168 * 3_600 {
        return Err(invalid(setting, text).detail("UTC timezone offset is out of range."));
    }
    let (sign, opposite) = if seconds < 0 { ('-', '+') } else { ('+', '-') };
    let seconds = seconds.unsigned_abs();
    let mut offset = format!("{:02}", seconds / 3_600);
    if !seconds.is_multiple_of(3_600) {
        offset += &format!(":{:02}", seconds / 60 % 60);
    }
    if !seconds.is_multiple_of(60) {
        offset += &format!(":{:02}", seconds % 60);
    }
    Ok(format!("<{sign}{offset}>{opposite}{offset}"))
}

/// What [`time_zone`] printed, read back.
pub(super) fn read_time_zone(shown: &str) -> Zone {
    Zone::shown(shown).unwrap_or(Zone::UTC)
}
