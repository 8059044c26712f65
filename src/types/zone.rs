//! Time zones: where a clock is read.
//!
//! chrono-tz says what the offset from UTC is at an instant; beyond 2037 its last rules are
//! continued by years of the same shape.

mod posix;

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{OffsetName, TZ_VARIANTS, Tz};

use posix::Rule;

use super::calendar::{DAY, civil, days, weekday};
use super::text::write_offset;

/// A time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// One of the IANA database, with its rules.
    Named(Tz),
    /// So many seconds east of UTC, whatever the season.
    Fixed(i64, Abbreviation),
    /// In POSIX notation, with daylight saving time.
    Rule(Rule),
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

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl fmt::Debug for Abbreviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
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

    /// A zone in POSIX notation, in which west is positive: `ABC+5`, `<+03>-03`, `-02:00`,
    /// `EST5EDT,M3.2.0,M11.1.0`.
    pub fn posix(text: &str) -> Option<Self> {
        Some(match posix::parse(text)? {
            ((name, east), None) => Self::Fixed(east, name),
            (_, Some(rule)) => Self::Rule(rule),
        })
    }

    /// The zone a value of TimeZone says, as SHOW prints it.
    pub fn shown(text: &str) -> Option<Self> {
        Self::named(text).or_else(|| Self::posix(text))
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
            Self::Rule(rule) => rule.at(micros.div_euclid(1_000_000)).1,
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
                out.extend_from_slice(name.as_str().as_bytes());
                true
            }
            Self::Rule(rule) => {
                let (name, _) = rule.at(micros.div_euclid(1_000_000));
                out.extend_from_slice(name.as_str().as_bytes());
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

/// The same moment in a year whose rules chrono-tz knows: itself, or beyond 2037 one of the last
/// years it knows, in which days of the month are the same days of the week. They are so from March
/// on, or before it.
fn known(micros: i64) -> NaiveDateTime {
    /// 2038-01-01
    const END: i64 = 2_145_916_800;
    let mut seconds = micros.div_euclid(1_000_000);
    if seconds < END {
        // Long before any zone's first rule.
        seconds = seconds.max(-99_999_999_999);
    } else {
        let date = civil(seconds.div_euclid(86_400));
        let month = if date.month < 3 { 1 } else { 3 };
        let start = days(date.year, month, 1);
        let alike = |year: &i64| weekday(days(*year, month, 1)) == weekday(start);
        let like = (2027..2038).rev().find(alike).unwrap_or(2037);
        seconds -= (start - days(like, month, 1)) * 86_400;
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
    fn last_rules_go_on() {
        let at = |y, m, d| days(y, m, d) * DAY;
        for (zone, year, month, east) in [
            (Tz::America__Mexico_City, 2038, 7, -21_600),
            (Tz::America__Sao_Paulo, 2038, 12, -10_800),
            (Tz::Europe__Moscow, 2044, 2, 10_800),
            (Tz::Africa__Cairo, 2044, 7, 10_800),
            (Tz::Europe__Berlin, 2044, 3, 3_600),
        ] {
            assert_eq!(Zone::Named(zone).offset(at(year, month, 1)), east, "{zone}");
        }
    }
}
