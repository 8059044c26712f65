//! `to_char` of dates, times and intervals; `to_date` and `to_timestamp` the other way.

use std::fmt::Write;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Timelike};

use super::call::short::{BIGINT, FLOAT, INTERVAL, NUMERIC as EXACT, TEXT, TIMESTAMP, TIMESTAMPTZ};
use super::call::{Call, functions};
use super::pattern::{Case, DAYS, Field, MONTHS, Piece, ROMAN, split};
use super::to_char_number::Number;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

functions! { pub(super) LIST:
    "to_char" Stable {
        (TIMESTAMP, TEXT) -> PgType::TEXT, strict, |call, row| {
            let moment = Moment::naive(call.time(0, row).unwrap_or(0))?;
            Ok(moment.write(&split(call.must_text(1, row))).into())
        };
        (TIMESTAMPTZ, TEXT) -> PgType::TEXT, strict, |call, row| {
            let moment = Moment::zoned(call, call.time(0, row).unwrap_or(0))?;
            Ok(moment.write(&split(call.must_text(1, row))).into())
        };
        (INTERVAL, TEXT) -> PgType::TEXT, strict, |call, row| {
            let moment = Moment::interval(call.interval(0, row).unwrap_or_default());
            Ok(moment.write(&split(call.must_text(1, row))).into())
        };
        (FLOAT, TEXT) -> PgType::TEXT, strict, |call, row| {
            let number = Number::Float(call.float(0, row).unwrap_or(0.0));
            super::to_char_number::write(&number, call.must_text(1, row)).map(Value::from)
        };
        (EXACT, TEXT) -> PgType::TEXT, strict, |call, row| {
            let number = Number::Exact(call.must_numeric(0, row));
            super::to_char_number::write(&number, call.must_text(1, row)).map(Value::from)
        };
        (BIGINT, TEXT) -> PgType::TEXT, strict, |call, row| {
            let number = Number::Exact(call.must_numeric(0, row));
            super::to_char_number::write(&number, call.must_text(1, row)).map(Value::from)
        };
    }
    "to_date" Stable {
        (TEXT, TEXT) -> PgType::DATE, strict, |call, row| {
            let parsed = read(call.must_text(0, row), &split(call.must_text(1, row)))?;
            Ok((parsed.time.and_utc().timestamp().div_euclid(86_400)).into())
        };
    }
    "to_timestamp" Stable {
        (TEXT, TEXT) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            let parsed = read(call.must_text(0, row), &split(call.must_text(1, row)))?;
            let micros = parsed.time.and_utc().timestamp_micros();
            Ok(Value::Time(match parsed.offset {
                Some(seconds) => micros - seconds * 1_000_000,
                None => super::time::instant(call.context.style.time_zone, micros)?,
            }))
        };
        (FLOAT) -> PgType::TIMESTAMPTZ, strict, super::time::from_epoch;
    }
}

/// A point in time (or an interval), taken apart.
struct Moment {
    /// Calendar fields; for an interval, its fields where they exist.
    year: i64,
    month: i64,
    day: i64,
    /// Hours may exceed 24 in an interval.
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    date: Option<NaiveDate>,
    zone: Option<(String, i64)>,
}

impl Moment {
    fn of(time: NaiveDateTime) -> Self {
        Self {
            year: time.year().into(),
            month: time.month().into(),
            day: time.day().into(),
            hour: time.hour().into(),
            minute: time.minute().into(),
            second: time.second().into(),
            micros: i64::from(time.nanosecond() / 1000),
            date: Some(time.date()),
            zone: None,
        }
    }

    fn naive(micros: i64) -> Result<Self> {
        let time = DateTime::from_timestamp_micros(micros).ok_or_else(out_of_range)?;
        Ok(Self::of(time.naive_utc()))
    }

    fn zoned(call: &Call<'_>, micros: i64) -> Result<Self> {
        let zone = call.context.style.time_zone;
        let time = DateTime::from_timestamp_micros(micros)
            .ok_or_else(out_of_range)?
            .with_timezone(&zone);
        let offset = zone
            .offset_from_utc_datetime(&time.naive_utc())
            .fix()
            .local_minus_utc();
        Ok(Self {
            zone: Some((time.format("%Z").to_string(), offset.into())),
            ..Self::of(time.naive_local())
        })
    }

    fn interval((months, days, micros): (i32, i32, i64)) -> Self {
        let seconds = micros / 1_000_000;
        Self {
            year: i64::from(months / 12),
            month: i64::from(months % 12),
            day: days.into(),
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            micros: micros % 1_000_000,
            date: None,
            zone: None,
        }
    }

    fn write(&self, pieces: &[Piece]) -> String {
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Field {
                    field,
                    case,
                    bare,
                    ordinal,
                } => {
                    let text = self.field(*field, *case, *bare);
                    out.push_str(&text);
                    if let Some(upper) = ordinal {
                        let suffix = suffix(&text);
                        out.push_str(if *upper { suffix.1 } else { suffix.0 });
                    }
                }
            }
        }
        out
    }

    fn field(&self, field: Field, case: Case, bare: bool) -> String {
        let number = |value: i64, width: usize| {
            if bare {
                value.to_string()
            } else if value < 0 {
                format!("-{:0width$}", value.unsigned_abs())
            } else {
                format!("{value:0width$}")
            }
        };
        let word = |word: &str, width: usize| {
            let word = case.apply(word);
            if bare { word } else { format!("{word:width$}") }
        };
        let pick = |names: &[&'static str], index: i64| {
            let index = usize::try_from(index).ok();
            index
                .and_then(|index| names.get(index).copied())
                .unwrap_or("")
        };
        // Years before Christ have no zero: 1 BC is the year 0.
        let year = if self.year <= 0 && self.date.is_some() {
            1 - self.year
        } else {
            self.year
        };
        let last_digits = |year: i64, digits: usize| match digits {
            4 => number(year, 4),
            digits => {
                let unit = 10_i64.pow(u32::try_from(digits).unwrap_or(1));
                number(year % unit, digits)
            }
        };
        let weekday = self
            .date
            .map_or(0, |date| date.weekday().num_days_from_sunday());
        let iso = self.date.map(|date| date.iso_week());
        let ordinal_day = self.date.map_or(0, |date| i64::from(date.ordinal()));
        let dotted = |word: &str| {
            let spelled: String = word.chars().flat_map(|c| [c, '.']).collect();
            spelled
        };
        let (zone, offset) = match &self.zone {
            Some((zone, offset)) => (zone.as_str(), *offset),
            None => ("", 0),
        };
        match field {
            Field::Hour12 => number((self.hour + 11).rem_euclid(12) + 1, 2),
            Field::Hour24 => number(self.hour, 2),
            Field::Minute => number(self.minute, 2),
            Field::Second => number(self.second, 2),
            Field::Millisecond => number(self.micros / 1000, 3),
            Field::Microsecond => number(self.micros, 6),
            Field::Fraction(digits) => {
                let width = usize::try_from(digits).unwrap_or(6);
                format!("{:0width$}", self.micros / 10_i64.pow(6 - digits))
            }
            Field::SecondOfDay => (self.hour * 3600 + self.minute * 60 + self.second).to_string(),
            Field::Meridiem(points) => {
                let text = if self.hour.rem_euclid(24) < 12 {
                    "AM"
                } else {
                    "PM"
                };
                let text = if points {
                    dotted(text)
                } else {
                    text.to_owned()
                };
                case_pair(case, &text)
            }
            Field::YearComma => {
                let (thousands, rest) = (year / 1000, year % 1000);
                format!("{thousands},{rest:03}")
            }
            Field::Year(digits) => last_digits(year, digits),
            Field::IsoYear(digits) => {
                last_digits(iso.map_or(self.year, |week| week.year().into()), digits)
            }
            Field::Era(points) => {
                let text = if self.year <= 0 { "BC" } else { "AD" };
                let text = if points {
                    dotted(text)
                } else {
                    text.to_owned()
                };
                case_pair(case, &text)
            }
            Field::MonthName => word(pick(&MONTHS, self.month - 1), 9),
            Field::MonthShort => {
                let name = pick(&MONTHS, self.month - 1);
                case.apply(name.get(..3).unwrap_or(""))
            }
            Field::Month => number(self.month, 2),
            Field::MonthRoman => {
                let roman = pick(&ROMAN, self.month - 1);
                let roman = match case {
                    Case::Lower => roman.to_lowercase(),
                    Case::Upper | Case::Title => roman.to_owned(),
                };
                if bare { roman } else { format!("{roman:4}") }
            }
            Field::DayName => word(pick(&DAYS, weekday.into()), 9),
            Field::DayShort => {
                let name = pick(&DAYS, weekday.into());
                case.apply(name.get(..3).unwrap_or(""))
            }
            Field::DayOfYear => number(ordinal_day, 3),
            Field::IsoDayOfYear => {
                let week = iso.map_or(0, |week| i64::from(week.week()));
                let day = self
                    .date
                    .map_or(0, |date| i64::from(date.weekday().number_from_monday()));
                number((week - 1) * 7 + day, 3)
            }
            Field::Day => number(self.day, 2),
            Field::DayOfWeek => (weekday + 1).to_string(),
            Field::IsoDayOfWeek => {
                let day = self
                    .date
                    .map_or(0, |date| date.weekday().number_from_monday());
                day.to_string()
            }
            Field::WeekOfMonth => ((self.day - 1) / 7 + 1).to_string(),
            Field::WeekOfYear => number((ordinal_day - 1) / 7 + 1, 2),
            Field::IsoWeek => number(iso.map_or(0, |week| i64::from(week.week())), 2),
            Field::Century => {
                let century = if self.year > 0 {
                    (self.year + 99) / 100
                } else {
                    self.year / 100 - 1
                };
                number(century, 2)
            }
            Field::Julian => {
                // Day 0 of the common era is Julian day 1,721,425 minus one.
                let day = self
                    .date
                    .map_or(0, |date| i64::from(date.num_days_from_ce()));
                (day + 1_721_425).to_string()
            }
            Field::Quarter => ((self.month - 1) / 3 + 1).to_string(),
            Field::Zone => match case {
                Case::Lower => zone.to_lowercase(),
                Case::Upper | Case::Title => zone.to_owned(),
            },
            Field::ZoneHours => format!("{}{:02}", sign(offset), offset.abs() / 3600),
            Field::ZoneMinutes => format!("{:02}", offset.abs() / 60 % 60),
            Field::Offset => {
                let mut text = format!("{}{:02}", sign(offset), offset.abs() / 3600);
                if offset % 3600 != 0 {
                    // Writing to a String does not fail.
                    let _ = write!(text, ":{:02}", offset.abs() / 60 % 60);
                }
                text
            }
        }
    }
}

fn sign(offset: i64) -> char {
    if offset < 0 { '-' } else { '+' }
}

fn case_pair(case: Case, text: &str) -> String {
    match case {
        Case::Lower => text.to_lowercase(),
        Case::Upper | Case::Title => text.to_owned(),
    }
}

/// `st`, `nd`, `rd` or `th`, in both cases.
fn suffix(number: &str) -> (&'static str, &'static str) {
    let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).collect();
    let teen = digits.len() > 1 && digits[digits.len() - 2] == b'1';
    match digits.last() {
        Some(b'1') if !teen => ("st", "ST"),
        Some(b'2') if !teen => ("nd", "ND"),
        Some(b'3') if !teen => ("rd", "RD"),
        _ => ("th", "TH"),
    }
}

fn out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range")
}

/// What a template reads from a text.
struct Parsed {
    time: NaiveDateTime,
    /// Seconds east of UTC, if the text said.
    offset: Option<i64>,
}

/// Fields collected while reading.
#[derive(Default)]
struct Fields {
    year: Option<i64>,
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
    zone_minutes: i64,
}

/// Reads a text by a template, as leniently as PostgreSQL: separators match any separator, spaces
/// are skipped.
fn read(text: &str, pieces: &[Piece]) -> Result<Parsed> {
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
        let rest;
        match field {
            Field::Year(count) => {
                let (value, after, width) = number(count)?;
                // Two digits mean the year nearest to 2020.
                self.year = Some(match (count, width) {
                    (4, 3..) => value,
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
            Field::DayOfYear => (self.day_of_year, rest) = some(number(3)?),
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
            Field::ZoneMinutes => (self.zone_minutes, rest) = plain(number(2)?),
            Field::YearComma
            | Field::IsoYear(_)
            | Field::MonthRoman
            | Field::IsoDayOfYear
            | Field::DayOfWeek
            | Field::IsoDayOfWeek
            | Field::WeekOfMonth
            | Field::WeekOfYear
            | Field::IsoWeek
            | Field::Century
            | Field::Julian
            | Field::Quarter
            | Field::Zone
            | Field::Offset => {
                return Err(Error::unsupported(
                    "this formatting field in to_date() and to_timestamp()",
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
        let year = match (self.year.unwrap_or(0), self.before_christ) {
            (year, true) => 1 - year,
            (year, false) => year,
        };
        let year = i32::try_from(year).map_err(|_| wrong())?;
        let part = |value: i64| u32::try_from(value).map_err(|_| wrong());
        let date = match self.day_of_year {
            Some(day) if self.month.is_none() => NaiveDate::from_yo_opt(year, part(day)?),
            Some(_) | None => NaiveDate::from_ymd_opt(
                year,
                part(self.month.unwrap_or(1))?,
                part(self.day.unwrap_or(1))?,
            ),
        }
        .ok_or_else(wrong)?;
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
            offset: self.zone_hours.map(|hours| {
                let minutes = self.zone_minutes * if hours < 0 { -60 } else { 60 };
                hours * 3600 + minutes
            }),
        })
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
