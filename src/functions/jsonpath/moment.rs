//! `datetime()`: dates and times in ISO 8601, with or without a zone.

use std::cmp::Ordering;
use std::fmt::{Display, Formatter};

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

/// A date, a time, or both; with the zone that was written, in seconds east of UTC.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Moment {
    Date(NaiveDate),
    Time(NaiveTime),
    ZonedTime(NaiveTime, i32),
    Both(NaiveDateTime),
    ZonedBoth(NaiveDateTime, i32),
}

impl Moment {
    /// Reads what `datetime()` without a template takes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let date = |text: &str| {
            let mut parts = text.split('-');
            let year = parts.next()?.parse().ok()?;
            let month = parts.next()?.parse().ok()?;
            let day = parts.next()?.parse().ok()?;
            match parts.next() {
                None => NaiveDate::from_ymd_opt(year, month, day),
                Some(_) => None,
            }
        };
        if let Some((day, time)) = text.split_once([' ', 'T']) {
            let day = date(day)?;
            let (time, zone) = time_and_zone(time)?;
            let both = day.and_time(time);
            return Some(match zone {
                Some(zone) => Self::ZonedBoth(both, zone),
                None => Self::Both(both),
            });
        }
        if text.contains(':') {
            let (time, zone) = time_and_zone(text)?;
            return Some(match zone {
                Some(zone) => Self::ZonedTime(time, zone),
                None => Self::Time(time),
            });
        }
        date(text).map(Self::Date)
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Date(_) => "date",
            Self::Time(_) => "time without time zone",
            Self::ZonedTime(..) => "time with time zone",
            Self::Both(_) => "timestamp without time zone",
            Self::ZonedBoth(..) => "timestamp with time zone",
        }
    }

    /// Compares two moments. What has no zone is of the session's where `local` gives its offset
    /// from UTC at a local time.
    ///
    /// # Errors
    /// The names of the types, where only a zone could tell and there is none; `Ok(None)` if they
    /// do not compare.
    pub(super) fn order(
        &self,
        other: &Self,
        local: Option<&dyn Fn(NaiveDateTime) -> i32>,
    ) -> Result<Option<Ordering>, (&'static str, &'static str)> {
        let seconds = |zone: &i32| Duration::seconds(i64::from(*zone));
        let whole = |moment: &Self| match moment {
            Self::Date(date) => Some(date.and_time(NaiveTime::MIN)),
            Self::Both(both) => Some(*both),
            _ => None,
        };
        if let (Some(a), Some(b)) = (whole(self), whole(other)) {
            return Ok(Some(a.cmp(&b)));
        }
        let utc = |moment: &Self, other: &Self| match moment {
            Self::ZonedBoth(both, zone) => Ok(Some(*both - seconds(zone))),
            moment => match (whole(moment), local) {
                (Some(both), Some(local)) => Ok(Some(both - seconds(&local(both)))),
                (Some(_), None) => Err((moment.short_name(), other.short_name())),
                (None, _) => Ok(None),
            },
        };
        if matches!(self, Self::ZonedBoth(..)) || matches!(other, Self::ZonedBoth(..)) {
            let (a, b) = (utc(self, other)?, utc(other, self)?);
            return Ok(a.zip(b).map(|(a, b)| a.cmp(&b)));
        }
        let since = |time: &NaiveTime| i64::from(time.num_seconds_from_midnight());
        let clock = |moment: &Self, other: &Self| match moment {
            Self::ZonedTime(time, zone) => {
                let key = (since(time) - i64::from(*zone), time.nanosecond());
                Ok(Some((key, -zone)))
            }
            Self::Time(_) if local.is_none() => Err((moment.short_name(), other.short_name())),
            Self::Time(time) => {
                let today = DateTime::UNIX_EPOCH.naive_utc().date().and_time(*time);
                let zone = local.map_or(0, |local| local(today));
                let key = (since(time) - i64::from(zone), time.nanosecond());
                Ok(Some((key, -zone)))
            }
            _ => Ok(None),
        };
        match (self, other) {
            (Self::Time(a), Self::Time(b)) => Ok(Some(a.cmp(b))),
            (Self::Time(_) | Self::ZonedTime(..), Self::Time(_) | Self::ZonedTime(..)) => {
                let (a, b) = (clock(self, other)?, clock(other, self)?);
                Ok(a.zip(b).map(|(a, b)| a.cmp(&b)))
            }
            _ => Ok(None),
        }
    }

    fn short_name(&self) -> &'static str {
        match self {
            Self::Date(_) => "date",
            Self::Time(_) => "time",
            Self::ZonedTime(..) => "timetz",
            Self::Both(_) => "timestamp",
            Self::ZonedBoth(..) => "timestamptz",
        }
    }
}

/// `HH:MM:SS[.f]`, and what zone is behind it.
fn time_and_zone(text: &str) -> Option<(NaiveTime, Option<i32>)> {
    let place = text.find(['+', '-']);
    let (time, zone) = match place {
        Some(place) => (text[..place].trim_end(), Some(&text[place..])),
        None => (text, None),
    };
    let mut parts = time.split(':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let (second, fraction) = match parts.next()?.split_once('.') {
        Some((second, fraction)) => (second, fraction),
        None => (time.rsplit(':').next()?, ""),
    };
    if parts.next().is_some() || fraction.bytes().any(|byte| !byte.is_ascii_digit()) {
        return None;
    }
    let micros: u32 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let time = NaiveTime::from_hms_micro_opt(hour, minute, second.parse().ok()?, micros)?;
    let zone = match zone {
        None => None,
        Some(zone) => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = zone[1..].split_once(':').unwrap_or((&zone[1..], "0"));
            let hours: i32 = hours
                .parse()
                .ok()
                .filter(|hours| (0..=15).contains(hours))?;
            let minutes: i32 = minutes.parse().ok().filter(|m| (0..=59).contains(m))?;
            Some(sign * (hours * 3_600 + minutes * 60))
        }
    };
    Some((time, zone))
}

struct Clock(NaiveTime);

impl Display for Clock {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let time = self.0;
        write!(
            f,
            "{:02}:{:02}:{:02}",
            time.hour(),
            time.minute(),
            time.second()
        )?;
        match time.nanosecond() / 1_000 {
            0 => Ok(()),
            micros => f.write_str(format!(".{micros:06}").trim_end_matches('0')),
        }
    }
}

struct Zone(i32);

impl Display for Zone {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        let minutes = self.0.abs() / 60;
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl Display for Moment {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let date = |f: &mut Formatter<'_>, date: NaiveDate| {
            write!(
                f,
                "{:04}-{:02}-{:02}",
                date.year(),
                date.month(),
                date.day()
            )
        };
        match self {
            Self::Date(day) => date(f, *day),
            Self::Time(time) => write!(f, "{}", Clock(*time)),
            Self::ZonedTime(time, zone) => write!(f, "{}{}", Clock(*time), Zone(*zone)),
            Self::Both(both) => {
                date(f, both.date())?;
                write!(f, "T{}", Clock(both.time()))
            }
            Self::ZonedBoth(both, zone) => {
                date(f, both.date())?;
                write!(f, "T{}{}", Clock(both.time()), Zone(*zone))
            }
        }
    }
}
