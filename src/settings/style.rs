//! DateStyle and TimeZone: their texts, and what they mean.

use chrono_tz::Tz;

use super::Setting;
use super::number::invalid;
use crate::base::{Error, Result};
use crate::types::text::{DateOrder, DateStyle, IntervalStyle};

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

/// A time zone as SHOW prints it: a name of the IANA database in its own spelling, or a fixed
/// offset in POSIX notation, in which east is negative.
///
/// # Errors
/// `22023` for unknown names and for offsets that are not whole hours between -12 and +14: the
/// zones values are shown in are those of the IANA database.
pub(super) fn time_zone(setting: &Setting, text: &str) -> Result<String> {
    let text = text.trim();
    if let Some(zone) = chrono_tz::TZ_VARIANTS
        .iter()
        .find(|zone| zone.name().eq_ignore_ascii_case(text))
    {
        return Ok(zone.name().to_owned());
    }
    if let Ok(hours) = text.parse::<f64>() {
        if !(-168.0..=168.0).contains(&hours) {
            return Err(invalid(setting, text).detail("UTC timezone offset is out of range."));
        }
        let zone = (hours.fract() == 0.0)
            .then(|| fixed(-(hours as i32)))
            .flatten();
        if zone.is_none() {
            return Err(unrepresentable(setting, text));
        }
        let (sign, opposite) = if hours < 0.0 { ('-', '+') } else { ('+', '-') };
        let hours = hours.abs() as u32;
        return Ok(format!("<{sign}{hours:02}>{opposite}{hours:02}"));
    }
    match posix_hours(text) {
        Some(Some(west)) if fixed(west).is_some() => Ok(text.to_owned()),
        Some(_) => Err(unrepresentable(setting, text)),
        None => Err(invalid(setting, text)),
    }
}

fn unrepresentable(setting: &Setting, text: &str) -> Error {
    invalid(setting, text)
        .detail("Fixed offsets are supported in whole hours from -12 to +14.")
        .hint("Use the name of a time zone, for example \"Asia/Kolkata\".")
}

/// What [`time_zone`] printed, read back.
pub(super) fn read_time_zone(shown: &str) -> Tz {
    shown
        .parse()
        .ok()
        .or_else(|| posix_hours(shown).flatten().and_then(fixed))
        .unwrap_or(Tz::UTC)
}

/// Hours west of Greenwich of a POSIX zone without daylight saving, `ABC+5` or `<+03>-03`. `None`:
/// not of that form; `Some(None)`: not whole hours.
fn posix_hours(text: &str) -> Option<Option<i32>> {
    let offset = match text.strip_prefix('<') {
        Some(rest) => rest.split_once('>')?.1,
        None => {
            let end = text.find(|c: char| !c.is_ascii_alphabetic())?;
            (end >= 3).then(|| &text[end..])?
        }
    };
    let digits = offset.trim_start_matches(['+', '-']);
    if digits.is_empty() || offset.len() - digits.len() > 1 {
        return None;
    }
    let mut parts = digits.split(':');
    let hours: i32 = parts.next()?.parse().ok()?;
    let mut whole = true;
    for part in parts {
        whole &= part.parse::<u32>().ok()? == 0;
    }
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    Some(whole.then_some(sign * hours))
}

/// The zone so many hours west of Greenwich. Its name in the database has the same, POSIX, sign.
fn fixed(west: i32) -> Option<Tz> {
    let name = match west {
        0 => "UTC".to_owned(),
        west => format!("Etc/GMT{west:+}"),
    };
    name.parse().ok()
}
