//! `to_char` of dates, times and intervals; `to_date` and `to_timestamp`, the other way, read in
//! [`super::from_char`].

use std::fmt::Write;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};

use super::call::short::{BIGINT, FLOAT, INTERVAL, NUMERIC as EXACT, TEXT, TIMESTAMP, TIMESTAMPTZ};
use super::call::{Call, functions};
use super::from_char::read;
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
        let offset = zone.offset(micros);
        let local = DateTime::from_timestamp_micros(micros)
            .and_then(|utc| utc.checked_add_signed(TimeDelta::seconds(offset)))
            .ok_or_else(out_of_range)?;
        Ok(Self {
            zone: Some((zone.abbreviation(micros), offset)),
            ..Self::of(local.naive_utc())
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
