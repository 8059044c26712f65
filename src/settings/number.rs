//! Numbers with units: `30s`, `64MB`, `0.5`, and back.

use super::{Kind, Setting};
use crate::base::{Error, Result, SqlState};

/// A unit and how many of the smallest unit of its family it is.
type Unit = (&'static str, f64);

/// Largest first, because values are shown in the largest unit that divides them.
const TIME: &[Unit] = &[
    ("d", 86_400_000.0),
    ("h", 3_600_000.0),
    ("min", 60_000.0),
    ("s", 1_000.0),
    ("ms", 1.0),
    ("us", 0.001),
];
const MEMORY: &[Unit] = &[
    ("TB", 1_099_511_627_776.0),
    ("GB", 1_073_741_824.0),
    ("MB", 1_048_576.0),
    ("kB", 1_024.0),
    ("B", 1.0),
];

/// The units a setting in `base` may be written in, and how many of them make one base unit.
fn family(base: &str) -> Option<(&'static [Unit], f64, &'static str)> {
    let time =
        "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".";
    let memory = "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".";
    Some(match base {
        "ms" => (TIME, 1.0, time),
        "s" => (TIME, 1_000.0, time),
        "min" => (TIME, 60_000.0, time),
        "B" => (MEMORY, 1.0, memory),
        "kB" => (MEMORY, 1_024.0, memory),
        "8kB" => (MEMORY, 8_192.0, memory),
        "MB" => (MEMORY, 1_048_576.0, memory),
        _ => return None,
    })
}

/// Reads an integer setting; the result is as SHOW prints it.
///
/// # Errors
/// `22023`, with PostgreSQL's hints on units and range.
pub(super) fn integer(
    setting: &Setting,
    min: i64,
    max: i64,
    unit: &str,
    text: &str,
) -> Result<String> {
    let (number, suffix) = split(setting, text)?;
    let value = match (suffix, family(unit)) {
        ("", _) => number.round_ties_even(),
        (_, None) => return Err(invalid(setting, text)),
        (suffix, Some((units, base, hint))) => {
            let Some(at) = units.iter().position(|(name, _)| *name == suffix) else {
                return Err(invalid(setting, text).hint(hint));
            };
            let in_base = number * units[at].1 / base;
            // A fraction of a large unit is rounded to the next smaller one: 30.1GB is a whole
            // number of megabytes.
            match units.get(at + 1) {
                Some((_, smaller)) if number.fract() != 0.0 && *smaller > base => {
                    let step = smaller / base;
                    (in_base / step).round_ties_even() * step
                }
                Some(_) | None => in_base.round_ties_even(),
            }
        }
    };
    if !(f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&value) {
        return Err(invalid(setting, text).hint("Value exceeds integer range."));
    }
    // In range, so nothing is cut off.
    let value = value as i64;
    if value < min || value > max {
        let space = if unit.is_empty() { "" } else { " " };
        return Err(out_of_range(
            setting,
            &format!("{value}{space}{unit}"),
            &min.to_string(),
            &max.to_string(),
        ));
    }
    Ok(show(value, unit))
}

/// An integer in the largest unit that divides it.
pub(super) fn show(value: i64, unit: &str) -> String {
    let Some((units, base, _)) = family(unit).filter(|_| value > 0) else {
        return value.to_string();
    };
    let total = value as f64 * base;
    units
        .iter()
        .find(|(_, size)| total % size == 0.0)
        .map_or_else(
            || format!("{value}{unit}"),
            |(name, size)| format!("{}{name}", total / size),
        )
}

/// The value of an integer setting in its base unit, from what [`show`] printed.
pub(super) fn in_base_unit(shown: &str, unit: &str) -> i64 {
    let digits = shown.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().unwrap_or(0.0);
    let suffix = &shown[digits.len()..];
    let factor = family(unit)
        .and_then(|(units, base, _)| {
            units
                .iter()
                .find(|(name, _)| *name == suffix)
                .map(|(_, size)| size / base)
        })
        .unwrap_or(1.0);
    (number * factor) as i64
}

/// Reads a floating-point setting; the result is as SHOW prints it.
///
/// # Errors
/// `22023`, with PostgreSQL's hints on units and range.
pub(super) fn real(
    setting: &Setting,
    (min, max): (f64, f64),
    unit: &str,
    text: &str,
) -> Result<String> {
    let (number, suffix) = split(setting, text)?;
    let value = match (suffix, family(unit)) {
        ("", _) => number,
        (_, None) => return Err(invalid(setting, text)),
        (suffix, Some((units, base, hint))) => {
            match units.iter().find(|(name, _)| *name == suffix) {
                Some((_, size)) => number * size / base,
                None => return Err(invalid(setting, text).hint(hint)),
            }
        }
    };
    if !(min..=max).contains(&value) {
        let space = if unit.is_empty() { "" } else { " " };
        return Err(out_of_range(
            setting,
            &format!("{}{space}{unit}", general(value)),
            &general(min),
            &general(max),
        ));
    }
    Ok(show_real(value, unit))
}

/// A number in the largest unit in which it has no fraction.
fn show_real(value: f64, unit: &str) -> String {
    let Some((units, base, _)) = family(unit).filter(|_| value > 0.0) else {
        return general(value);
    };
    let whole = |size: &f64| {
        let number = value * base / size;
        (number.round_ties_even() / number - 1.0).abs() <= 1e-8
    };
    let fits = units.iter().find(|(_, size)| whole(size));
    match fits.or(units.last()) {
        Some((name, size)) => format!("{}{name}", general(value * base / size)),
        None => general(value),
    }
}

/// A number as C's `%g` writes it: six digits, with an exponent where there would be more.
pub fn general(value: f64) -> String {
    let scientific = format!("{value:.5e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    match exponent {
        -4..6 => {
            let decimals = usize::try_from(5 - exponent).unwrap_or(0);
            trimmed(&format!("{value:.decimals$}"))
        }
        _ => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
        }
    }
}

/// Number and unit.
fn split<'a>(setting: &Setting, text: &'a str) -> Result<(f64, &'a str)> {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let unsigned = text.trim_start_matches(['+', '-']);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    if text.len() - unsigned.len() > 1 {
        return Err(invalid(setting, text));
    }
    if let Some(hex) = unsigned.strip_prefix("0x").or(unsigned.strip_prefix("0X")) {
        let end = hex
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(hex.len());
        let value = i64::from_str_radix(&hex[..end], 16).map_err(|_| invalid(setting, text))?;
        return Ok((sign * value as f64, hex[end..].trim_start()));
    }
    let mut end = 0;
    let bytes = unsigned.as_bytes();
    while end < bytes.len() && (bytes[end].is_ascii_digit() || bytes[end] == b'.') {
        end += 1;
    }
    // An exponent, unless the letter begins a unit.
    if end < bytes.len() && (bytes[end] | 0x20) == b'e' {
        let mut exponent = end + 1;
        if exponent < bytes.len() && matches!(bytes[exponent], b'+' | b'-') {
            exponent += 1;
        }
        if exponent < bytes.len() && bytes[exponent].is_ascii_digit() {
            while exponent < bytes.len() && bytes[exponent].is_ascii_digit() {
                exponent += 1;
            }
            end = exponent;
        }
    }
    let value: f64 = unsigned[..end]
        .parse()
        .map_err(|_| invalid(setting, text))?;
    Ok((sign * value, unsigned[end..].trim_start()))
}

/// `22023 invalid value for parameter "x": "y"`
pub(super) fn invalid(setting: &Setting, text: &str) -> Error {
    Error::new(
        SqlState::INVALID_PARAMETER_VALUE,
        format!(
            "invalid value for parameter \"{}\": \"{text}\"",
            setting.name
        ),
    )
}

fn out_of_range(setting: &Setting, value: &str, min: &str, max: &str) -> Error {
    Error::new(
        SqlState::INVALID_PARAMETER_VALUE,
        format!(
            "{value} is outside the valid range for parameter \"{}\" ({min} .. {max})",
            setting.name
        ),
    )
}

/// Milliseconds of a setting in ms.
pub(super) fn milliseconds(setting: &Setting, shown: &str) -> u64 {
    let Kind::Integer { unit, .. } = setting.kind else {
        return 0;
    };
    u64::try_from(in_base_unit(shown, unit)).unwrap_or(0)
}
