//! Zones in POSIX notation, in which west is positive: `ABC+5`, `<+03>-03`,
//! `EST5EDT,M3.2.0,M11.1.0`.

use super::Abbreviation;
use crate::types::calendar::{civil, days, is_leap, month_days, weekday};

/// When there is daylight saving time where a zone does not say: as in the United States.
const USUAL: &str = ",M3.2.0,M11.1.0";
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// What a zone is called, and how many seconds east of UTC it is.
pub(super) type Clock = (Abbreviation, i64);

/// A zone that has daylight saving time by one rule for all years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule {
    standard: Clock,
    summer: Clock,
    begins: Change,
    ends: Change,
}

/// A day of a year, and the second of it, on the clock that is in force until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Change {
    day: Day,
    second: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Day {
    /// `Jn`, from 1: the 29th of February is not counted.
    Julian(i64),
    /// `n`, from 0.
    OfYear(i64),
    /// `Mm.w.d`: a day of the week, in that week of the month of which the fifth is the last.
    OfWeek(u8, i64, i64),
}

/// A zone, and its rule if it has daylight saving time; `None` if the text is none.
pub(super) fn parse(text: &str) -> Option<(Clock, Option<Rule>)> {
    let (name, rest) = name(text)?;
    let (west, rest) = offset(rest)?;
    let standard = (name, -west);
    if rest.is_empty() {
        return Some((standard, None));
    }
    let (name, rest) = self::name(rest)?;
    let (east, rest) = match rest.is_empty() || rest.starts_with(',') {
        true => (standard.1 + HOUR, rest),
        false => offset(rest).map(|(west, rest)| (-west, rest))?,
    };
    let rest = if rest.is_empty() { USUAL } else { rest };
    let (begins, rest) = change(rest.strip_prefix(',')?)?;
    let (ends, rest) = change(rest.strip_prefix(',')?)?;
    let rule = Rule {
        standard,
        summer: (name, east),
        begins,
        ends,
    };
    rest.is_empty().then_some((standard, Some(rule)))
}

impl Rule {
    /// The clock in force at a second since 1970-01-01 UTC.
    pub(super) fn at(&self, seconds: i64) -> Clock {
        let year = civil((seconds + self.standard.1).div_euclid(DAY)).year;
        let begins = self.begins.seconds(year) - self.standard.1;
        let ends = self.ends.seconds(year) - self.summer.1;
        let summer = match begins <= ends {
            true => (begins..ends).contains(&seconds),
            false => !(ends..begins).contains(&seconds),
        };
        if summer { self.summer } else { self.standard }
    }
}

impl Change {
    /// Seconds from 1970-01-01 to the change in a year, on the clock that shows it.
    fn seconds(self, year: i64) -> i64 {
        let first = days(year, 1, 1);
        let day = match self.day {
            Day::OfYear(day) => first + day,
            Day::Julian(day) => first + day - i64::from(day < 60 || !is_leap(year)),
            Day::OfWeek(month, week, day) => {
                let first = days(year, month, 1);
                let weekday = i64::try_from(weekday(first)).unwrap_or(0);
                let day = (day - weekday).rem_euclid(7) + (week - 1) * 7;
                let last = i64::from(month_days(year, month));
                first + if day < last { day } else { day - 7 }
            }
        };
        day * DAY + self.second
    }
}

/// The name at the head of a text: in angle brackets, or all that begins no number.
fn name(text: &str) -> Option<(Abbreviation, &str)> {
    let (name, rest) = match text.strip_prefix('<') {
        Some(rest) => rest.split_once('>')?,
        None => {
            let follows = |c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | '+');
            text.split_at(text.find(follows).unwrap_or(text.len()))
        }
    };
    Some((Abbreviation::new(name)?, rest))
}

/// Seconds west of UTC.
fn offset(text: &str) -> Option<(i64, &str)> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, mut rest) = number(rest, 167)?;
    let mut seconds = hours * HOUR;
    for unit in [60, 1] {
        let Some(part) = rest.strip_prefix(':') else {
            break;
        };
        let (count, after) = number(part, 59)?;
        seconds += count * unit;
        rest = after;
    }
    Some((sign * seconds, rest))
}

/// A day and, after a slash, the time: 2 o'clock if there is none.
fn change(text: &str) -> Option<(Change, &str)> {
    let (day, rest) = if let Some(rest) = text.strip_prefix('J') {
        let (day, rest) = number(rest, 365)?;
        ((day > 0).then_some(Day::Julian(day))?, rest)
    } else if let Some(rest) = text.strip_prefix('M') {
        let (month, rest) = number(rest, 12)?;
        let (week, rest) = number(rest.strip_prefix('.')?, 5)?;
        let (day, rest) = number(rest.strip_prefix('.')?, 6)?;
        let month = u8::try_from(month).ok()?;
        (
            (month > 0 && week > 0).then_some(Day::OfWeek(month, week, day))?,
            rest,
        )
    } else {
        let (day, rest) = number(text, 365)?;
        (Day::OfYear(day), rest)
    };
    let (second, rest) = match rest.strip_prefix('/') {
        Some(time) => offset(time)?,
        None => (2 * HOUR, rest),
    };
    Some((Change { day, second }, rest))
}

/// The number `text` begins with, at most `max`, and what follows.
fn number(text: &str, max: i64) -> Option<(i64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    let number = digits.parse().ok().filter(|number| *number <= max)?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(text: &str) -> Option<(String, i64)> {
        let ((name, east), _) = parse(text)?;
        Some((name.as_str().to_owned(), east))
    }

    #[test]
    fn zones_count_west() {
        for (text, east, name) in [
            ("+02:00", -7_200, ""),
            ("-07:08", 25_680, ""),
            ("ABC5", -18_000, "ABC"),
            ("<+03:30>-03:30", 12_600, "+03:30"),
            ("UTC+167:59:59", -604_799, "UTC"),
            ("CET-1CEST,M3.5.0,M10.5.0/3", 3_600, "CET"),
        ] {
            assert_eq!(clock(text), Some((name.to_owned(), east)), "{text}");
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
            "EST5EDT,M13.1.0,M2.1.0",
            "EST5EDT,M3.2.0",
            "EST5EDT,M3.2.0,M11.1.0x",
            "EST5EDT,J0,J2",
        ] {
            assert_eq!(clock(text), None, "{text}");
        }
    }

    #[test]
    fn rules_are_for_every_year() {
        let at = |zone: &str, (year, month, day, hour): (i64, u8, u8, i64)| {
            let (_, rule) = parse(zone).unwrap();
            let seconds = days(year, month, day) * DAY + hour * HOUR;
            rule.unwrap().at(seconds).1
        };
        let york = "EST5EDT,M3.2.0,M11.1.0";
        assert_eq!(at(york, (2024, 3, 10, 6)), -18_000);
        assert_eq!(at(york, (2024, 3, 10, 7)), -14_400);
        assert_eq!(at(york, (2024, 11, 3, 5)), -14_400);
        assert_eq!(at(york, (2024, 11, 3, 6)), -18_000);
        let south = "NZST-12NZDT,M9.5.0,M4.1.0/3";
        assert_eq!(at(south, (2024, 1, 1, 12)), 46_800);
        assert_eq!(at(south, (2024, 7, 1, 12)), 43_200);
        let days_counted = "ABC-3DEF-5,J60/0,300/-1";
        assert_eq!(at(days_counted, (2024, 2, 29, 12)), 10_800);
        assert_eq!(at(days_counted, (2024, 10, 27, 12)), 10_800);
    }
}
