//! Time zones: where a clock is read.
//!
//! chrono-tz says what the offset from UTC is at an instant; beyond 2037 its rules are continued by
//! a year of the same shape.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{OffsetName, TZ_VARIANTS, Tz};

use super::calendar::{DAY, civil, days, is_leap, weekday};
use super::text::write_offset;

/// A time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// One of the IANA database, with its rules.
    Named(Tz),
    /// So many seconds east of UTC, whatever the season.
    Fixed(i64, Abbreviation),
}

/// What a zone is called beside a time, at most [`Abbreviation::MAX`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Abbreviation {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Abbreviation {
    const MAX: usize = 15;
    const NONE: Self = Self {
        bytes: [0; Self::MAX],
        len: 0,
    };

    fn new(name: &str) -> Option<Self> {
        let mut bytes = [0; Self::MAX];
        bytes
            .get_mut(..name.len())?
            .copy_from_slice(name.as_bytes());
        let len = name.len();
        Some(Self { bytes, len })
    }
}

impl fmt::Debug for Abbreviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.bytes[..self.len]), f)
    }
}

impl Zone {
    /// Greenwich.
    pub const UTC: Self = Self::Named(Tz::UTC);

    /// So many seconds east of UTC, without a name.
    pub const fn east(seconds: i64) -> Self {
        Self::Fixed(seconds, Abbreviation::NONE)
    }

    /// A zone of the IANA database, by its name in any case.
    pub fn named(name: &str) -> Option<Self> {
        let mut zones = TZ_VARIANTS.iter();
        let zone = zones.find(|zone| zone.name().eq_ignore_ascii_case(name))?;
        Some(Self::Named(*zone))
    }

    /// A zone in POSIX notation, in which west is positive: `ABC+5`, `<+03>-03`, `-02:00`; and what
    /// follows it, which would be the rules of daylight saving time.
    pub fn posix(text: &str) -> Option<(Self, &str)> {
        let (name, rest) = match text.strip_prefix('<') {
            Some(rest) => rest.split_once('>')?,
            None => {
                let starts = |c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | '+');
                text.split_at(text.find(starts)?)
            }
        };
        let (sign, rest) = match rest.strip_prefix('-') {
            Some(rest) => (1, rest),
            None => (-1, rest.strip_prefix('+').unwrap_or(rest)),
        };
        let (hours, mut rest) = number(rest, 167)?;
        let mut seconds = hours * 3_600;
        for unit in [60, 1] {
            let Some(part) = rest.strip_prefix(':') else {
                break;
            };
            let (count, after) = number(part, 59)?;
            seconds += count * unit;
            rest = after;
        }
        Some((Self::Fixed(sign * seconds, Abbreviation::new(name)?), rest))
    }

    /// Seconds east of UTC at an instant (microseconds since 1970-01-01 UTC).
    #[inline]
    pub fn offset(self, micros: i64) -> i64 {
        match self {
            Self::Named(Tz::UTC) => 0,
            Self::Named(zone) => i64::from(
                zone.offset_from_utc_datetime(&known(micros))
                    .fix()
                    .local_minus_utc(),
            ),
            Self::Fixed(east, _) => east,
        }
    }

    /// Appends the abbreviation at an instant (`CET`); false if it has none.
    pub fn write_abbreviation(self, micros: i64, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Named(zone) => {
                let offset = zone.offset_from_utc_datetime(&known(micros));
                let name = offset.abbreviation();
                out.extend_from_slice(name.unwrap_or_default().as_bytes());
                name.is_some()
            }
            Self::Fixed(_, name) => {
                out.extend_from_slice(&name.bytes[..name.len]);
                true
            }
        }
    }

    /// The abbreviation at an instant; the offset if there is none.
    pub fn abbreviation(self, micros: i64) -> String {
        let mut out = Vec::new();
        if !self.write_abbreviation(micros, &mut out) {
            write_offset(self.offset(micros), &mut out);
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Seconds east of UTC that local time `micros` has. As PostgreSQL: a time that happens twice
    /// is the standard (second) one, a time in a gap is read with the offset before the gap.
    pub fn local_offset(self, micros: i64) -> i64 {
        if let Self::Fixed(offset, _) = self {
            return offset;
        }
        if self == Self::UTC {
            return 0;
        }
        let before = self.offset(micros.saturating_sub(DAY));
        let after = self.offset(micros.saturating_add(DAY));
        let fits = |candidate: i64| self.offset(micros - candidate * 1_000_000) == candidate;
        if before == after {
            // Perhaps two changes within two days: the offset in force at that time, if it is
            // consistent.
            let between = self.offset(micros - before * 1_000_000);
            return if between == before || !fits(between) {
                before
            } else {
                between
            };
        }
        match (fits(before), fits(after)) {
            (true, false) => before,
            (_, true) => after,
            (false, false) => before,
        }
    }
}

/// The number `text` begins with, at most `max`, and what follows.
fn number(text: &str, max: i64) -> Option<(i64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    let number = digits.parse().ok().filter(|number| *number <= max)?;
    Some((number, rest))
}

/// The same moment in a year whose rules chrono-tz knows: itself, or beyond 2037 a year of the same
/// shape.
fn known(micros: i64) -> NaiveDateTime {
    /// 2038-01-01
    const END: i64 = 2_145_916_800;
    let mut seconds = micros.div_euclid(1_000_000);
    if seconds < END {
        // Long before any zone's first rule.
        seconds = seconds.max(-99_999_999_999);
    } else {
        let date = civil(seconds.div_euclid(86_400));
        let start = days(date.year, 1, 1);
        let like = (2010..2038)
            .find(|year| {
                is_leap(*year) == is_leap(date.year) && weekday(days(*year, 1, 1)) == weekday(start)
            })
            .unwrap_or(2037);
        seconds -= (start - days(like, 1, 1)) * 86_400;
    }
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or(DateTime::UNIX_EPOCH)
        .naive_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets() {
        let berlin = Zone::Named(Tz::Europe__Berlin);
        let at = |y, m, d, h: i64| days(y, m, d) * DAY + h * 3_600_000_000;
        assert_eq!(berlin.offset(at(2024, 7, 1, 0)), 7_200);
        assert_eq!(berlin.offset(at(2150, 7, 1, 0)), 7_200);
        assert_eq!(berlin.offset(at(250_000, 1, 1, 0)), 3_600);
        // 02:30 on 2024-10-27 happens twice, on 2024-03-31 never.
        assert_eq!(berlin.local_offset(at(2024, 10, 27, 2)), 3_600);
        assert_eq!(berlin.local_offset(at(2024, 3, 31, 2)), 3_600);
        assert_eq!(berlin.local_offset(at(2024, 3, 31, 3)), 7_200);
    }

    #[test]
    fn posix_zones_count_west() {
        for (text, east, name, rest) in [
            ("+02:00", -7_200, "", ""),
            ("-07:08", 25_680, "", ""),
            ("ABC5", -18_000, "ABC", ""),
            ("<+03:30>-03:30", 12_600, "+03:30", ""),
            ("UTC+167:59:59", -604_799, "UTC", ""),
            ("CET-1CEST,M3.5.0", 3_600, "CET", "CEST,M3.5.0"),
        ] {
            let name = Abbreviation::new(name).unwrap();
            assert_eq!(Zone::posix(text), Some((Zone::Fixed(east, name), rest)));
        }
        for text in [
            "",
            "z",
            "A",
            "+",
            "5:",
            "5:60",
            "168",
            "<A",
            "sixteen letters 5",
        ] {
            assert_eq!(Zone::posix(text), None, "{text}");
        }
    }
}
