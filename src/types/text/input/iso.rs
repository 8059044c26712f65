//! ISO 8601's usual forms, read by hand without allocating: COPY is full of them.
//!
//! Anything doubtful is `None`; the general reader then reads it or words the error.

use crate::types::calendar;

fn two(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] => Some(((a - b'0') * 10 + (b - b'0'), rest)),
        _ => None,
    }
}

/// `YYYY-MM-DD` at the start, and what follows.
#[inline]
pub(super) fn iso_date(text: &[u8]) -> Option<(i64, &[u8])> {
    let (century, rest) = two(text)?;
    let (year, rest) = two(rest)?;
    let (month, rest) = two(rest.strip_prefix(b"-")?)?;
    let (day, rest) = two(rest.strip_prefix(b"-")?)?;
    let year = i64::from(century) * 100 + i64::from(year);
    let valid = year > 0
        && (1..=12).contains(&month)
        && day > 0
        && day <= calendar::month_days(year, month)
        && !rest.first().is_some_and(u8::is_ascii_digit);
    valid.then(|| (calendar::days(year, month, day), rest))
}

/// `HH:MM[:SS[.ffffff]]` at the start.
#[inline]
pub(super) fn iso_time(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, rest) = two(text)?;
    let (minute, rest) = two(rest.strip_prefix(b":")?)?;
    let (second, rest) = match rest.strip_prefix(b":") {
        Some(rest) => two(rest)?,
        None => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (micros, rest) = match rest.strip_prefix(b".") {
        Some(rest) => {
            let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=6).contains(&count) {
                return None;
            }
            let digits = rest[..count].iter();
            let value = digits.fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
            let unit = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1][count];
            (value * unit, &rest[count..])
        }
        None => (0, rest),
    };
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    let ends = !rest
        .first()
        .is_some_and(|byte| byte.is_ascii_digit() || *byte == b':');
    ends.then_some((seconds * 1_000_000 + micros, rest))
}

/// `YYYY-MM-DD[( |T)HH:MM[:SS[.f]][Z|±hh[:mm]]]`: days, time, offset.
#[inline]
pub(super) fn iso_timestamp(text: &[u8]) -> Option<(i64, i64, Option<i64>)> {
    let (days, rest) = iso_date(text)?;
    if rest.is_empty() {
        return Some((days, 0, None));
    }
    let rest = match rest {
        [b' ' | b'T', rest @ ..] => rest,
        _ => return None,
    };
    let (time, rest) = iso_time(rest)?;
    let offset = match rest {
        [] => None,
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, rest) = two(rest)?;
            let (minutes, rest) = match rest.strip_prefix(b":") {
                Some(rest) => two(rest)?,
                None => (0, rest),
            };
            if !rest.is_empty() || hours > 15 || minutes > 59 {
                return None;
            }
            let seconds = (i64::from(hours) * 60 + i64::from(minutes)) * 60;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => return None,
    };
    Some((days, time, offset))
}
