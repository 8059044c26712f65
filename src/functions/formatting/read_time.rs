//! `to_date` and `to_timestamp`: a text read by a template, into fields as they stand there. What
//! date and time they make is another file's matter.

use super::read_fields::Read;
use super::time_template::{
    DAYS, Field, MONTHS, Piece, ROMAN, Spelled, is_separator_byte, is_space_byte,
};
use crate::base::{Error, Result, SqlState};

/// Reads a text, as leniently as PostgreSQL: separators match any separator or none, blanks are
/// skipped, and text beyond the template (or template beyond the text) does not matter.
///
/// # Errors
/// `22007` where a field's text is none of it, or contradicts another field.
pub(super) fn read(text: &str, template: &[Piece]) -> Result<Read> {
    let mut reader = Reader {
        text,
        at: 0,
        exact: false,
        extra: 0,
        read: Read::default(),
    };
    for (index, piece) in template.iter().enumerate() {
        if reader.rest().is_empty() {
            break;
        }
        if !reader.exact
            && (index == 0 || matches!(piece, Piece::Field(_)))
            && *piece != Piece::Exact
        {
            reader.skip_spaces();
        }
        match piece {
            Piece::Separator(_) | Piece::Text(_) if reader.exact => reader.skip(),
            Piece::Separator(_) => reader.separator(),
            // Blanks skipped before may have been what this stands for.
            Piece::Text(_) if reader.extra > 0 => reader.extra -= 1,
            Piece::Text(_) => reader.skip(),
            Piece::Exact => reader.exact = true,
            Piece::Field(spelled) => {
                // A number that something else than a digit ends may be of any length.
                let ended = spelled.bare
                    || spelled.ordinal.is_some()
                    || match template.get(index + 1) {
                        Some(Piece::Field(next)) => !next.is_digits(),
                        Some(Piece::Text(c) | Piece::Separator(c)) => !c.is_ascii_digit(),
                        Some(Piece::Exact) | None => true,
                    };
                reader.field(&Place { spelled, ended })?;
                if !reader.exact {
                    reader.extra = 0;
                    reader.skip_spaces();
                }
            }
        }
    }
    Ok(reader.read)
}

/// A field where the template has it.
struct Place<'t> {
    spelled: &'t Spelled,
    ended: bool,
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// `FX`
    exact: bool,
    /// Characters skipped beyond those the template has.
    extra: i32,
    read: Read,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest().bytes().next()
    }

    fn skip(&mut self) {
        self.at += self.rest().chars().next().map_or(0, char::len_utf8);
    }

    fn skip_spaces(&mut self) {
        let spaces = spaces(self.rest());
        self.at += spaces;
        self.extra = self
            .extra
            .saturating_add(i32::try_from(spaces).unwrap_or(i32::MAX));
    }

    fn separator(&mut self) {
        if self.peek().is_some_and(is_separator_byte) {
            self.at += 1;
        } else {
            self.extra -= 1;
        }
    }

    fn field(&mut self, place: &Place<'_>) -> Result<()> {
        let spelled = place.spelled;
        let field = spelled.field;
        if let Some(iso) = calendar_of(field)
            && *self.read.iso.get_or_insert(iso) != iso
        {
            return Err(wrong("invalid combination of date conventions").hint(
                "Do not mix Gregorian and ISO week date conventions in a formatting template.",
            ));
        }
        let slot = |read: &mut Read, value: i32, get: fn(&mut Read) -> &mut i32| {
            set(get(read), value, spelled)
        };
        match field {
            Field::Meridiem(points) => {
                let words = if points {
                    ["a.m.", "p.m."]
                } else {
                    ["am", "pm"]
                };
                let index = self.name(&words, spelled)?;
                slot(&mut self.read, index, |read| &mut read.afternoon)?;
                self.read.half_day = true;
                return Ok(());
            }
            Field::Era(points) => {
                let words = if points {
                    ["a.d.", "b.c."]
                } else {
                    ["ad", "bc"]
                };
                let index = self.name(&words, spelled)?;
                return slot(&mut self.read, index, |read| &mut read.before_christ);
            }
            Field::MonthName => {
                let index = self.name(&MONTHS, spelled)?;
                return slot(&mut self.read, index + 1, |read| &mut read.month);
            }
            Field::MonthShort => {
                let index = self.name(&MONTHS.map(short), spelled)?;
                return slot(&mut self.read, index + 1, |read| &mut read.month);
            }
            Field::MonthRoman => {
                // Backwards: no numeral is the beginning of one before it.
                let mut numerals = ROMAN;
                numerals.reverse();
                let index = self.name(&numerals, spelled)?;
                return slot(&mut self.read, 12 - index, |read| &mut read.month);
            }
            Field::DayName | Field::DayShort => {
                let index = match field {
                    Field::DayName => self.name(&DAYS, spelled)?,
                    _ => self.name(&DAYS.map(short), spelled)?,
                };
                // What it contradicts is the day counted from 0.
                slot(&mut self.read, index, |read| &mut read.day_of_week)?;
                self.read.day_of_week += 1;
                return Ok(());
            }
            Field::Zone | Field::Offset => {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!(
                        "formatting field \"{}\" is only supported in to_char",
                        spelled.shown()
                    ),
                ));
            }
            Field::ZoneHours => return self.zone_hours(place),
            Field::ZoneMinutes => {
                if self.read.zone_sign == 0 {
                    self.read.zone_sign = 1;
                }
                return self
                    .number(place, 2, |read| &mut read.zone_minutes)
                    .map(|_| ());
            }
            Field::YearComma => self.year_comma(spelled)?,
            Field::Quarter => {
                // Which day of a quarter is meant nobody knows.
                self.integer(place, 1)?;
            }
            Field::Fraction(digits) => {
                self.read.digits = i32::try_from(digits).ok();
                let width = usize::try_from(digits).unwrap_or(6);
                let length = self.number(place, width, |read| &mut read.microsecond)?;
                self.scale(length, 6, |read| &mut read.microsecond);
            }
            Field::Microsecond => {
                let length = self.number(place, 6, |read| &mut read.microsecond)?;
                self.scale(length, 6, |read| &mut read.microsecond);
            }
            Field::Millisecond => {
                let length = self.number(place, 3, |read| &mut read.millisecond)?;
                self.scale(length, 3, |read| &mut read.millisecond);
            }
            Field::Year(digits) | Field::IsoYear(digits) => {
                let width = usize::try_from(digits).unwrap_or(4);
                let length = self.number(place, width, |read| &mut read.year)?;
                if digits < 4 && length < 4 {
                    self.read.year = near_2020(self.read.year);
                }
                self.read.year_digits = digits;
            }
            Field::IsoDayOfWeek => {
                self.number(place, 1, |read| &mut read.day_of_week)?;
                self.read.day_of_week = match self.read.day_of_week.saturating_add(1) {
                    8.. => 1,
                    day => day,
                };
            }
            Field::Hour12 => {
                self.number(place, 2, |read| &mut read.hour)?;
                self.read.half_day = true;
            }
            Field::Hour24 => _ = self.number(place, 2, |read| &mut read.hour)?,
            Field::Minute => _ = self.number(place, 2, |read| &mut read.minute)?,
            Field::Second => _ = self.number(place, 2, |read| &mut read.second)?,
            Field::SecondOfDay => {
                let width = spelled.name.len();
                self.number(place, width, |read| &mut read.second_of_day)?;
            }
            Field::Month => _ = self.number(place, 2, |read| &mut read.month)?,
            Field::Day => _ = self.number(place, 2, |read| &mut read.day)?,
            Field::DayOfYear | Field::IsoDayOfYear => {
                self.number(place, 3, |read| &mut read.day_of_year)?;
            }
            Field::DayOfWeek => _ = self.number(place, 1, |read| &mut read.day_of_week)?,
            Field::WeekOfMonth => _ = self.number(place, 1, |read| &mut read.week_of_month)?,
            Field::WeekOfYear | Field::IsoWeek => {
                self.number(place, 2, |read| &mut read.week)?;
            }
            Field::Century => _ = self.number(place, 2, |read| &mut read.century)?,
            Field::Julian => _ = self.number(place, 1, |read| &mut read.julian)?,
        }
        // What TH stands for may be any two characters.
        if spelled.ordinal.is_some() {
            self.skip();
            self.skip();
        }
        Ok(())
    }

    /// Reads a number into a field, and says how many characters it had.
    fn number(
        &mut self,
        place: &Place<'_>,
        width: usize,
        get: fn(&mut Read) -> &mut i32,
    ) -> Result<usize> {
        let (value, length) = self.integer(place, width)?;
        set(get(&mut self.read), value, place.spelled)?;
        Ok(length)
    }

    /// So many digits of a fraction are of that many: `5` is 500 of three.
    fn scale(&mut self, read: usize, digits: usize, get: fn(&mut Read) -> &mut i32) {
        let missing = u32::try_from(digits.saturating_sub(read)).unwrap_or(0);
        let value = get(&mut self.read);
        *value = value.saturating_mul(10_i32.saturating_pow(missing));
    }

    /// An integer with its sign, and how many characters it has with blanks before it.
    fn integer(&mut self, place: &Place<'_>, width: usize) -> Result<(i32, usize)> {
        let name = || place.spelled.shown();
        let from = self.at;
        self.at += spaces(self.rest());
        let rest = self.rest();
        let mut end = width.min(rest.len());
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let taken = &rest[..end];
        let loose = "If your source string is not fixed-width, try using the \"FM\" modifier.";
        let (value, length) = if place.ended {
            leading(rest)
        } else {
            if rest.len() < width {
                return Err(wrong(&format!(
                    "source string too short for \"{}\" formatting field",
                    name()
                ))
                .detail(format!(
                    "Field requires {width} characters, but only {} remain.",
                    rest.len()
                ))
                .hint(loose));
            }
            let (value, length) = leading(taken);
            if length > 0 && length < width {
                return Err(invalid(taken, place.spelled)
                    .detail(format!(
                        "Field requires {width} characters, but only {length} could be parsed."
                    ))
                    .hint(loose));
            }
            (value, length)
        };
        let value = match length {
            0 if place.ended || self.at == from => {
                return Err(invalid(taken, place.spelled).detail("Value must be an integer."));
            }
            // With FX, blanks pass for a number of a fixed width.
            0 => Some(0),
            _ => value,
        };
        self.at += length;
        let value = value.ok_or_else(|| {
            Error::new(
                SqlState::DATETIME_FIELD_OVERFLOW,
                format!("value for \"{}\" in source string is out of range", name()),
            )
            .detail("Value must be in the range -2147483648 to 2147483647.")
        })?;
        Ok((value, self.at - from))
    }

    fn zone_hours(&mut self, place: &Place<'_>) -> Result<()> {
        let before = self.text.as_bytes().get(self.at.wrapping_sub(1));
        self.read.zone_sign = match self.peek() {
            Some(sign @ (b'+' | b'-' | b' ')) => {
                self.at += 1;
                if sign == b'-' { -1 } else { 1 }
            }
            // The minus may have been taken for a separator.
            _ if self.extra > 0 && before == Some(&b'-') => -1,
            _ => 1,
        };
        self.number(place, 2, |read| &mut read.zone_hours)?;
        Ok(())
    }

    /// `Y,YYY`: thousands, a comma, and at most three characters more.
    fn year_comma(&mut self, spelled: &Spelled) -> Result<()> {
        let rest = self.rest();
        let parts = || {
            let (thousands, length) = spaced(rest);
            let after = rest
                .get(length..)?
                .strip_prefix(',')
                .filter(|_| length > 0)?;
            let ones = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
            let end = ones
                .char_indices()
                .nth(3)
                .map_or(ones.len(), |(end, _)| end);
            let (ones_value, ones_length) = leading(&ones[..end]);
            let taken = rest.len() - ones.len() + ones_length;
            (ones_length > 0).then_some((thousands, ones_value, taken))
        };
        let (thousands, ones, length) =
            parts().ok_or_else(|| wrong("invalid input string for \"Y,YYY\""))?;
        // What does not fit wraps around in PostgreSQL: it is no year either way.
        let year = thousands.unwrap_or(-1).wrapping_mul(1000);
        set(
            &mut self.read.year,
            year.wrapping_add(ones.unwrap_or(0)),
            spelled,
        )?;
        self.read.year_digits = 4;
        self.at += length;
        Ok(())
    }

    /// Which of some names comes next, in any case.
    fn name(&mut self, names: &[&str], spelled: &Spelled) -> Result<i32> {
        let rest = self.rest();
        let begins = |name: &&str| {
            let start = rest.as_bytes().get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        };
        let Some(index) = names.iter().position(begins) else {
            let end = rest.bytes().position(is_space_byte).unwrap_or(rest.len());
            return Err(invalid(&rest[..end], spelled).detail(
                "The given value did not match any of the allowed values for this field.",
            ));
        };
        self.at += names[index].len();
        Ok(i32::try_from(index).unwrap_or(0))
    }
}

fn wrong(message: &str) -> Error {
    Error::new(SqlState::INVALID_DATETIME_FORMAT, message)
}

fn invalid(text: &str, spelled: &Spelled) -> Error {
    wrong(&format!(
        "invalid value \"{text}\" for \"{}\"",
        spelled.shown()
    ))
}

fn short(name: &'static str) -> &'static str {
    name.get(..3).unwrap_or(name)
}

/// Sets a field, unless another place of the template has set it to something else. 0 is not set.
fn set(slot: &mut i32, value: i32, spelled: &Spelled) -> Result<()> {
    if *slot != 0 && *slot != value {
        return Err(wrong(&format!(
            "conflicting values for \"{}\" field in formatting string",
            spelled.shown()
        ))
        .detail("This value contradicts a previous setting for the same field type."));
    }
    *slot = value;
    Ok(())
}

/// The year nearest to 2020 with the digits of a short one.
fn near_2020(year: i32) -> i32 {
    match year {
        ..70 => year.saturating_add(2000),
        70..100 => year + 1900,
        100..520 => year + 2000,
        520..1000 => year + 1000,
        _ => year,
    }
}

fn spaces(text: &str) -> usize {
    text.bytes().take_while(|byte| is_space_byte(*byte)).count()
}

/// The integer a text begins with, `None` if it does not fit; and how long it is.
fn leading(text: &str) -> (Option<i32>, usize) {
    let signed = usize::from(text.starts_with(['+', '-']));
    let digits = text[signed..]
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count();
    if digits == 0 {
        return (None, 0);
    }
    let length = signed + digits;
    (text[..length].parse().ok(), length)
}

/// The same behind blanks.
fn spaced(text: &str) -> (Option<i32>, usize) {
    let blanks = spaces(text);
    let (value, length) = leading(&text[blanks..]);
    (value, if length == 0 { 0 } else { blanks + length })
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
