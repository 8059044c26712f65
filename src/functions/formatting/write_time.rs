//! `to_char` of dates, times and intervals.

use std::fmt::Write;

use super::ordinal;
use super::time_fields::Moment;
use super::time_template::{Case, DAYS, Field, MONTHS, Piece, ROMAN, Spelled};
use crate::base::{Error, Result, SqlState};

/// A moment by a template.
///
/// # Errors
/// `22007` for fields of the calendar that an interval does not have.
pub(super) fn write(moment: &Moment, template: &[Piece]) -> Result<String> {
    let mut out = String::new();
    for piece in template {
        match piece {
            Piece::Text(c) | Piece::Separator(c) => out.push(*c),
            Piece::Exact => {}
            Piece::Field(spelled) => {
                let (text, is_number) = field(moment, spelled)?;
                out.push_str(&text);
                if let Some(upper) = spelled.ordinal.filter(|_| is_number) {
                    out.push_str(ordinal(&text, upper));
                }
            }
        }
    }
    Ok(out)
}

/// The text of a field, and whether it is a number, which may have an ordinal suffix.
fn field(moment: &Moment, spelled: &Spelled) -> Result<(String, bool)> {
    let field = spelled.field;
    if moment.is_interval && is_of_calendar(field) {
        return Err(Error::new(
            SqlState::INVALID_DATETIME_FORMAT,
            "invalid format specification for an interval value",
        )
        .hint("Intervals are not tied to specific calendar dates."));
    }
    Ok(match number(moment, field) {
        Some((value, width)) => (padded(value, if spelled.bare { 0 } else { width }), true),
        None => match fixed(moment, field) {
            Some(text) => (text, true),
            None => (word(moment, spelled), false),
        },
    })
}

/// Whether a field needs a date that an interval is not.
fn is_of_calendar(field: Field) -> bool {
    matches!(
        field,
        Field::Zone
            | Field::ZoneHours
            | Field::ZoneMinutes
            | Field::Offset
            | Field::Era(_)
            | Field::MonthName
            | Field::MonthShort
            | Field::DayName
            | Field::DayShort
            | Field::DayOfWeek
            | Field::IsoDayOfWeek
    )
}

/// With zeros, and a minus that has a place of its own where the width says so.
fn padded(value: i64, width: usize) -> String {
    format!("{value:0width$}")
}

/// A field that is a number, and how wide it is unless `FM` is before it.
fn number(moment: &Moment, field: Field) -> Option<(i64, usize)> {
    // A minus does not count among the digits.
    let signed = |value: i64, width: usize| (value, width + usize::from(value < 0));
    Some(match field {
        Field::Hour12 => {
            let hour = match moment.hour % 12 {
                0 => 12,
                hour => hour,
            };
            (hour, 2 + usize::from(moment.hour < 0))
        }
        Field::Hour24 => signed(moment.hour, 2),
        Field::Minute => signed(moment.minute, 2),
        Field::Second => signed(moment.second, 2),
        Field::Year(digits) => year(moment, moment.year, digits),
        Field::IsoYear(digits) => year(moment, moment.iso_year(), digits),
        Field::Month => signed(moment.month, 2),
        Field::DayOfYear => (moment.day_of_year, 3),
        Field::IsoDayOfYear => (moment.iso_day_of_year(), 3),
        Field::Day => (moment.day, 2),
        Field::WeekOfYear => ((moment.day_of_year - 1) / 7 + 1, 2),
        Field::IsoWeek => (moment.iso_week(), 2),
        Field::Century => match moment.century() {
            century @ -99..=99 => signed(century, 2),
            century => (century, 0),
        },
        _ => return None,
    })
}

/// The last digits of a year. Whether a minus has a place of its own depends on the calendar year.
fn year(moment: &Moment, year: i64, digits: u32) -> (i64, usize) {
    let shown = moment.shown_year(year);
    let negative = moment.shown_year(moment.year) < 0;
    let width = usize::try_from(digits).unwrap_or(0) + usize::from(negative);
    match digits {
        4 => (shown, width),
        1 => (shown % 10, 0),
        digits => (shown % 10_i64.pow(digits), width),
    }
}

/// A number that `FM` does not change.
fn fixed(moment: &Moment, field: Field) -> Option<String> {
    let fraction = |digits: u32| {
        let width = usize::try_from(digits).unwrap_or(6);
        padded(moment.micros / 10_i64.pow(6 - digits), width)
    };
    Some(match field {
        Field::Millisecond => fraction(3),
        Field::Microsecond => fraction(6),
        Field::Fraction(digits) => fraction(digits),
        Field::SecondOfDay => (moment.hour * 3600 + moment.minute * 60 + moment.second).to_string(),
        Field::YearComma => {
            let year = moment.shown_year(moment.year);
            format!("{},{:03}", year / 1000, year % 1000)
        }
        Field::DayOfWeek => (moment.weekday + 1).to_string(),
        Field::IsoDayOfWeek => ((moment.weekday + 6) % 7 + 1).to_string(),
        Field::WeekOfMonth => ((moment.day - 1) / 7 + 1).to_string(),
        Field::Julian => moment.julian().to_string(),
        Field::Quarter if moment.month != 0 => ((moment.month - 1) / 3 + 1).to_string(),
        _ => return None,
    })
}

fn word(moment: &Moment, spelled: &Spelled) -> String {
    let unpadded = spelled.bare || spelled.translated;
    let width = |width: usize| if unpadded { 0 } else { width };
    let named = |names: &[&'static str], index: i64| {
        let index = usize::try_from(index).ok();
        index
            .and_then(|index| names.get(index))
            .copied()
            .unwrap_or_default()
    };
    let capitals = |text: &str| match spelled.case {
        Case::Lower => text.to_ascii_lowercase(),
        Case::Upper | Case::Title => text.to_owned(),
    };
    let short = |name: &str| spelled.case.apply(name.get(..3).unwrap_or_default());
    let month = named(&MONTHS, moment.month - 1);
    let day = named(&DAYS, moment.weekday);
    match spelled.field {
        Field::MonthName => format!("{:1$}", spelled.case.apply(month), width(9)),
        Field::MonthShort => short(month),
        Field::DayName => format!("{:1$}", spelled.case.apply(day), width(9)),
        Field::DayShort => short(day),
        Field::MonthRoman => match moment.roman_month() {
            Some(index) => {
                let width = if spelled.bare { 0 } else { 4 };
                format!("{:width$}", capitals(ROMAN[index]))
            }
            None => String::new(),
        },
        Field::Meridiem(points) => {
            let afternoon = moment.hour % 24 >= 12;
            capitals(match (points, afternoon) {
                (true, true) => "P.M.",
                (true, false) => "A.M.",
                (false, true) => "PM",
                (false, false) => "AM",
            })
        }
        Field::Era(points) => capitals(match (points, moment.year <= 0) {
            (true, true) => "B.C.",
            (true, false) => "A.D.",
            (false, true) => "BC",
            (false, false) => "AD",
        }),
        Field::Zone => capitals(&moment.zone),
        Field::ZoneHours | Field::Offset => offset(moment.offset, spelled),
        Field::ZoneMinutes => padded(moment.offset.abs() / 60 % 60, 2),
        _ => String::new(),
    }
}

fn offset(seconds: i64, spelled: &Spelled) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let hours = seconds.abs() / 3600;
    if spelled.field == Field::ZoneHours {
        return format!("{sign}{hours:02}");
    }
    let width = if spelled.bare { 0 } else { 2 };
    let mut text = format!("{sign}{hours:0width$}");
    if seconds % 3600 != 0 {
        // Writing to a String does not fail.
        let _ = write!(text, ":{:02}", seconds.abs() / 60 % 60);
    }
    text
}
