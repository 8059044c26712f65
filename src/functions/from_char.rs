//! Dates and times by a template: what `to_date` and `to_timestamp` read.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};

use super::pattern::{DAYS, Field, MONTHS, Piece, ROMAN};
use crate::base::{Error, Result, SqlState};
use crate::types::calendar;

/// What a template reads from a text.
pub(super) struct Parsed {
    pub(super) time: NaiveDateTime,
    /// Seconds east of UTC, if the text said.
    pub(super) offset: Option<i64>,
}

/// Fields collected while reading.
#[derive(Default)]
struct Fields {
    year: Option<i64>,
    /// How many digits the year was to have.
    year_digits: usize,
    century: Option<i64>,
    julian: Option<i64>,
    week: Option<i64>,
    week_of_month: Option<i64>,
    /// 1 is Monday.
    weekday: Option<i64>,
    /// Which calendar the fields are of: that of ISO weeks, or the usual one.
    iso: Option<bool>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    half_day: bool,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    micros: i64,
    second_of_day: Option<i64>,
    before_christ: bool,
    zone_hours: Option<i64>,
    zone_minutes: Option<i64>,
}

/// Reads a text by a template, as leniently as PostgreSQL: separators match any separator, spaces
/// are skipped.
pub(super) fn read(text: &str, pieces: &[Piece]) -> Result<Parsed> {
    let mut fields = Fields::default();
    let mut rest = text.trim_start();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Text(separators) => {
                for c in separators.chars() {
                    let separator = |c: char| c.is_whitespace() || c.is_ascii_punctuation();
                    if separator(c) {
                        rest = rest.trim_start();
                        let next = rest.chars().next();
                        if next.is_some_and(|next| {
                            next == c || (separator(next) && !"+-".contains(next))
                        }) {
                            rest = &rest[next.map_or(0, char::len_utf8)..];
                        }
                    } else if let Some(next) = rest.chars().next() {
                        rest = &rest[next.len_utf8()..];
                    }
                }
            }
            Piece::Field { field, bare, .. } => {
                rest = rest.trim_start();
                if rest.is_empty() {
                    break;
                }
                let fixed = !bare && matches!(pieces.get(index + 1), Some(Piece::Field { .. }));
                rest = fields.read(*field, rest, fixed)?;
            }
        }
    }
    fields.finish(text)
}

impl Fields {
    /// Takes one field off the front of `text`; at most the field's width of digits if another
    /// field follows directly.
    fn read<'t>(&mut self, field: Field, text: &'t str, fixed: bool) -> Result<&'t str> {
        let number = |width: usize| digits(text, if fixed { width } else { 18 });
        if let Some(iso) = calendar_of(field) {
            if self.iso.is_some_and(|other| other != iso) {
                return Err(Error::new(
                    SqlState::INVALID_DATETIME_FORMAT,
                    "invalid combination of date conventions",
                )
                .hint(
                    "Do not mix Gregorian and ISO week date conventions in a formatting template.",
                ));
            }
            self.iso = Some(iso);
        }
        let rest;
        match field {
            Field::Year(count) | Field::IsoYear(count) => {
                self.year_digits = count;
                let (value, after, width) = number(count)?;
                // Fewer than four digits mean the year nearest to 2020.
                self.year = Some(match (count, width) {
                    (4, _) => value,
                    _ if width <= 2 && value < 70 => 2000 + value,
                    _ if width <= 2 => 1900 + value,
                    (3, _) if value < 520 => 2000 + value,
                    (3, _) => 1000 + value,
                    _ => value,
                });
                rest = after;
            }
            Field::Month => (self.month, rest) = some(number(2)?),
            Field::Day => (self.day, rest) = some(number(2)?),
            Field::DayOfYear | Field::IsoDayOfYear => {
                (self.day_of_year, rest) = some(number(3)?);
            }
            Field::YearComma => {
                let (thousands, after, _) = number(18)?;
                let after = after.strip_prefix(',').unwrap_or(after);
                let (ones, after, _) = digits(after, 3)?;
                self.year_digits = 4;
                self.year = Some(thousands * 1_000 + ones);
                rest = after;
            }
            Field::MonthRoman => {
                let lower = text.to_lowercase();
                // Longest first.
                let found = (0..12)
                    .rev()
                    .filter(|month| lower.starts_with(&ROMAN[*month].to_lowercase()))
                    .max_by_key(|month| ROMAN[*month].len());
                let Some(month) = found else {
                    return name(text, &[]).map(|(_, rest)| rest);
                };
                self.month = i64::try_from(month + 1).ok();
                rest = text.get(ROMAN[month].len()..).unwrap_or("");
            }
            Field::DayOfWeek => {
                let (value, after, _) = number(1)?;
                self.weekday = Some((value + 5) % 7 + 1);
                rest = after;
            }
            Field::IsoDayOfWeek => (self.weekday, rest) = some(number(1)?),
            Field::WeekOfMonth => (self.week_of_month, rest) = some(number(1)?),
            Field::WeekOfYear | Field::IsoWeek => (self.week, rest) = some(number(2)?),
            Field::Century => (self.century, rest) = some(number(2)?),
            Field::Julian => (self.julian, rest) = some(number(18)?),
            // Which day of a quarter is meant nobody knows.
            Field::Quarter => rest = number(1)?.1,
            Field::Hour24 => (self.hour, rest) = some(number(2)?),
            Field::Hour12 => {
                self.half_day = true;
                (self.hour, rest) = some(number(2)?);
            }
            Field::Minute => (self.minute, rest) = plain(number(2)?),
            Field::Second => (self.second, rest) = plain(number(2)?),
            Field::SecondOfDay => (self.second_of_day, rest) = some(number(5)?),
            Field::Millisecond | Field::Microsecond | Field::Fraction(_) => {
                let width = match field {
                    Field::Millisecond => 3,
                    Field::Fraction(digits) => digits,
                    _ => 6,
                };
                let (value, after, read) = digits(text, usize::try_from(width).unwrap_or(6))?;
                let read = u32::try_from(read).unwrap_or(6);
                self.micros = value * 10_i64.pow(6_u32.saturating_sub(read));
                rest = after;
            }
            Field::MonthName | Field::MonthShort => {
                let (index, after) = name(text, &MONTHS)?;
                self.month = Some(index + 1);
                rest = after;
            }
            Field::DayName | Field::DayShort => rest = name(text, &DAYS)?.1,
            Field::Meridiem(_) => {
                let (word, after) = word(text);
                self.afternoon = Some(word.starts_with(['p', 'P']));
                rest = after;
            }
            Field::Era(_) => {
                let (word, after) = word(text);
                self.before_christ = word.starts_with(['b', 'B']);
                rest = after;
            }
            Field::ZoneHours => {
                let (negative, unsigned) = match text.strip_prefix('-') {
                    Some(unsigned) => (true, unsigned),
                    None => (false, text.strip_prefix('+').unwrap_or(text)),
                };
                let (value, after, _) = digits(unsigned, 2)?;
                self.zone_hours = Some(if negative { -value } else { value });
                rest = after;
            }
            Field::ZoneMinutes => (self.zone_minutes, rest) = some(number(2)?),
            Field::Zone | Field::Offset => {
                let name = if field == Field::Zone { "TZ" } else { "OF" };
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!("formatting field \"{name}\" is only supported in to_char"),
                ));
            }
        }
        Ok(rest)
    }

    fn finish(self, text: &str) -> Result<Parsed> {
        let wrong = || {
            Error::new(
                SqlState::DATETIME_FIELD_OVERFLOW,
                format!("date/time field value out of range: \"{text}\""),
            )
        };
        let part = |value: i64| u32::try_from(value).map_err(|_| wrong());
        let date = self.date().ok_or_else(wrong)?;
        let mut hour = self.hour.unwrap_or(0);
        if self.half_day {
            if !(1..=12).contains(&hour) {
                return Err(Error::new(
                    SqlState::INVALID_DATETIME_FORMAT,
                    format!("hour \"{hour}\" is invalid for the 12-hour clock"),
                )
                .hint("Use the 24-hour clock, or give an hour between 1 and 12."));
            }
            match self.afternoon {
                Some(true) if hour < 12 => hour += 12,
                Some(false) | None if hour == 12 => hour = 0,
                _ => {}
            }
        }
        let time = match self.second_of_day {
            Some(seconds) => NaiveTime::from_num_seconds_from_midnight_opt(part(seconds)?, 0),
            None => NaiveTime::from_hms_micro_opt(
                part(hour)?,
                part(self.minute)?,
                part(self.second)?,
                part(self.micros)?,
            ),
        }
        .ok_or_else(wrong)?;
        Ok(Parsed {
            time: date.and_time(time),
            offset: match (self.zone_hours, self.zone_minutes) {
                (None, None) => None,
                (hours, minutes) => {
                    let hours = hours.unwrap_or(0);
                    let sign = if hours < 0 { -60 } else { 60 };
                    Some(hours * 3600 + minutes.unwrap_or(0) * sign)
                }
            },
        })
    }

    /// The year before which there is a year 0.
    fn whole_year(&self) -> i64 {
        let of_century = |century: i64| match century {
            0.. => (century - 1) * 100,
            _ => (century + 1) * 100,
        };
        let century = self.century.map(|century| match self.before_christ {
            true => -century,
            false => century,
        });
        match (self.year, century) {
            // Two digits are those of a year of the century, whose last ends in 00.
            (Some(year), Some(century)) if self.year_digits <= 2 => match year % 100 {
                0 if century >= 0 => century * 100,
                0 => century * 100 + 1,
                year => of_century(century) + year,
            },
            (Some(year), _) if self.before_christ => 1 - year,
            (Some(year), _) => year,
            (None, Some(century)) if century >= 0 => (century - 1) * 100 + 1,
            (None, Some(century)) => century * 100 + 1,
            (None, None) => i64::from(self.before_christ),
        }
    }

    fn date(&self) -> Option<NaiveDate> {
        let small = |value: i64| u32::try_from(value).ok();
        if let Some(julian) = self.julian {
            let days = i32::try_from(julian - calendar::EPOCH_JULIAN).ok()?;
            return NaiveDate::from_epoch_days(days);
        }
        let year = i32::try_from(self.whole_year()).ok()?;
        let first_of_iso = || NaiveDate::from_isoywd_opt(year, 1, Weekday::Mon);
        let after =
            |date: NaiveDate, days: i64| date.checked_add_signed(TimeDelta::try_days(days)?);
        let (mut day_of_year, mut day) = (self.day_of_year, self.day);
        if let Some(week) = self.week {
            if self.iso == Some(true) {
                let days = (week - 1) * 7 + self.weekday.unwrap_or(1) - 1;
                return after(first_of_iso()?, days);
            }
            day_of_year = Some((week - 1) * 7 + 1);
        }
        if let Some(week) = self.week_of_month {
            day = Some((week - 1) * 7 + 1);
        }
        match day_of_year {
            Some(day) if self.month.is_none_or(|month| month <= 1) => match self.iso {
                Some(true) => after(first_of_iso()?, day - 1),
                _ => NaiveDate::from_yo_opt(year, small(day)?),
            },
            _ => NaiveDate::from_ymd_opt(
                year,
                small(self.month.filter(|month| *month != 0).unwrap_or(1))?,
                small(day.filter(|day| *day != 0).unwrap_or(1))?,
            ),
        }
    }
}

/// Whether a field is of the calendar of ISO weeks; `None` for fields of neither.
fn calendar_of(field: Field) -> Option<bool> {
    match field {
        Field::IsoYear(_) | Field::IsoWeek | Field::IsoDayOfYear | Field::IsoDayOfWeek => {
            Some(true)
        }
        Field::Year(_)
        | Field::YearComma
        | Field::Month
        | Field::MonthName
        | Field::MonthShort
        | Field::MonthRoman
        | Field::Day
        | Field::DayOfYear
        | Field::DayOfWeek
        | Field::WeekOfMonth
        | Field::WeekOfYear => Some(false),
        _ => None,
    }
}

fn some((value, rest, _): (i64, &str, usize)) -> (Option<i64>, &str) {
    (Some(value), rest)
}

fn plain((value, rest, _): (i64, &str, usize)) -> (i64, &str) {
    (value, rest)
}

/// At most `width` digits off the front: their value, what follows, how many there were.
fn digits(text: &str, width: usize) -> Result<(i64, &str, usize)> {
    let length = text
        .bytes()
        .take(width)
        .take_while(u8::is_ascii_digit)
        .count();
    match text[..length].parse() {
        Ok(value) => Ok((value, &text[length..], length)),
        Err(_) => {
            let shown: String = text.chars().take(width.min(4)).collect();
            Err(Error::new(
                SqlState::INVALID_DATETIME_FORMAT,
                format!("invalid value \"{shown}\" for a field of the format"),
            )
            .detail("Value must be an integer."))
        }
    }
}

/// Letters and points off the front.
fn word(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_alphabetic() && c != '.')
        .unwrap_or(text.len());
    text.split_at(end)
}

/// A full or three-letter name off the front, in any case.
fn name<'t>(text: &'t str, names: &[&str]) -> Result<(i64, &'t str)> {
    let lower = text.to_lowercase();
    for full in [true, false] {
        for (index, name) in (0_i64..).zip(names) {
            let name = if full { name } else { &name[..3] };
            if lower.starts_with(&name.to_lowercase()) {
                return Ok((index, text.get(name.len()..).unwrap_or("")));
            }
        }
    }
    let (word, _) = word(text);
    Err(Error::new(
        SqlState::INVALID_DATETIME_FORMAT,
        format!("invalid value \"{word}\" for a field of the format"),
    )
    .detail("The given value did not match any of the allowed values for this field."))
}
