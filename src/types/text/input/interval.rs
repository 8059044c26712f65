//! Intervals from text: PostgreSQL's own form, SQL's and ISO 8601's.

use arrow::datatypes::IntervalMonthDayNano;

use super::datetime::seconds_micros;
use super::{Input, trim};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::precision::{Fields, within};
use crate::types::text::{IntervalStyle, PLAIN};

/// Why a value is refused.
enum Refusal {
    Syntax,
    Field,
    Range,
}

type Read<T> = Result<T, Refusal>;

pub(super) fn interval(text: &str, input: &Input<'_>) -> Result<IntervalMonthDayNano> {
    let read = || {
        let trimmed = trim(text);
        let sum = match trimmed.strip_prefix('P') {
            Some(rest) => iso(rest)?,
            None => words(
                trimmed,
                input.style.interval_style,
                Fields::of(input.ty.typmod),
            )?,
        };
        sum.finish(input.ty.typmod)
    };
    read().map_err(|refusal| match refusal {
        Refusal::Syntax => Error::new(
            SqlState::INVALID_DATETIME_FORMAT,
            format!("invalid input syntax for type interval: \"{text}\""),
        ),
        Refusal::Field => Error::new(
            SqlState::INTERVAL_FIELD_OVERFLOW,
            format!("interval field value out of range: \"{text}\""),
        ),
        Refusal::Range => crate::types::text::interval_out_of_range(),
    })
}

/// Months, days and microseconds of an interval in PostgreSQL's own form.
///
/// # Errors
/// As [`super::parse_value`].
pub fn interval_parts(text: &str) -> Result<(i32, i32, i64)> {
    let input = Input {
        ty: PgType::INTERVAL,
        style: PLAIN,
        now: 0,
    };
    let read = interval(text, &input)?;
    Ok((read.months, read.days, read.nanoseconds / 1_000))
}

/// The fields added up so far.
#[derive(Default)]
struct Sum {
    months: i64,
    days: i64,
    micros: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
    Decade,
    Century,
    Millennium,
}

impl Unit {
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "us" | "usec" | "usecs" | "useconds" | "microsecon" | "microsecond"
            | "microseconds" | "usecond" => Self::Microsecond,
            "ms" | "msec" | "msecs" | "mseconds" | "msecond" | "millisecon" | "millisecond"
            | "milliseconds" => Self::Millisecond,
            "s" | "sec" | "secs" | "second" | "seconds" => Self::Second,
            "m" | "min" | "mins" | "minute" | "minutes" => Self::Minute,
            "h" | "hr" | "hrs" | "hour" | "hours" => Self::Hour,
            "d" | "day" | "days" => Self::Day,
            "w" | "week" | "weeks" => Self::Week,
            "mon" | "mons" | "month" | "months" => Self::Month,
            "y" | "yr" | "yrs" | "year" | "years" => Self::Year,
            "dec" | "decs" | "decade" | "decades" => Self::Decade,
            "c" | "cent" | "century" | "centuries" => Self::Century,
            "mil" | "mils" | "mill" | "millennium" | "millennia" => Self::Millennium,
            _ => return None,
        })
    }

    /// Bits to notice a unit given twice.
    fn mask(self) -> u16 {
        1 << self as u16
    }
}

/// A number as text: sign, digits, fraction. The sign is kept apart, since `-0.5` has one and `0`
/// not.
#[derive(Clone, Copy)]
struct Number<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Number<'a> {
    fn read(text: &'a str) -> Read<Self> {
        let (negative, digits) = match text.strip_prefix(['-', '+']) {
            Some(rest) => (text.starts_with('-'), rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = whole
            .bytes()
            .chain(fraction.bytes())
            .all(|b| b.is_ascii_digit());
        match all_digits && !(whole.is_empty() && fraction.is_empty()) {
            true => Ok(Self {
                negative,
                whole,
                fraction,
            }),
            false => Err(Refusal::Syntax),
        }
    }

    /// As ISO 8601 has them: none has a plus sign.
    fn read_iso(text: &'a str) -> Read<Self> {
        match text.starts_with('+') {
            true => Err(Refusal::Syntax),
            false => Self::read(text),
        }
    }

    fn signed(&self, value: i64) -> i64 {
        if self.negative { -value } else { value }
    }

    fn whole(&self) -> Read<i64> {
        match self.whole {
            "" => Ok(0),
            // PostgreSQL reads 64 bits here and narrows later.
            whole => whole
                .parse()
                .map(|value| self.signed(value))
                .map_err(|_| Refusal::Field),
        }
    }

    fn fraction(&self) -> f64 {
        let value = format!("0.{}", self.fraction).parse().unwrap_or(0.0);
        if self.negative { -value } else { value }
    }
}

fn add(to: &mut i64, value: i64, times: i64) -> Read<()> {
    let sum = value
        .checked_mul(times)
        .and_then(|value| to.checked_add(value));
    *to = sum.ok_or(Refusal::Field)?;
    Ok(())
}

impl Sum {
    fn add(&mut self, number: Number<'_>, unit: Unit) -> Read<()> {
        let whole = number.whole()?;
        let fraction = number.fraction();
        match unit {
            Unit::Microsecond => {
                add(&mut self.micros, whole, 1)?;
                self.add_micros(fraction);
            }
            Unit::Millisecond => {
                add(&mut self.micros, whole, 1_000)?;
                self.add_micros(fraction * 1e3);
            }
            Unit::Second => {
                add(&mut self.micros, whole, 1_000_000)?;
                self.add_micros(fraction * 1e6);
            }
            Unit::Minute => {
                add(&mut self.micros, whole, 60_000_000)?;
                self.add_micros(fraction * 60e6);
            }
            Unit::Hour => {
                add(&mut self.micros, whole, 3_600_000_000)?;
                self.add_micros(fraction * 3_600e6);
            }
            Unit::Day => {
                add(&mut self.days, whole, 1)?;
                self.add_micros(fraction * 86_400e6);
            }
            Unit::Week => {
                add(&mut self.days, whole, 7)?;
                self.add_days(fraction * 7.0);
            }
            Unit::Month => {
                add(&mut self.months, whole, 1)?;
                self.add_days(fraction * 30.0);
            }
            // From years up, a fraction is rounded to months.
            Unit::Year => self.add_years(whole, fraction, 1)?,
            Unit::Decade => self.add_years(whole, fraction, 10)?,
            Unit::Century => self.add_years(whole, fraction, 100)?,
            Unit::Millennium => self.add_years(whole, fraction, 1_000)?,
        }
        // PostgreSQL keeps years, months and days in 32 bits while it reads.
        let years = i64::from(i32::MIN) * 12..=i64::from(i32::MAX) * 12;
        match years.contains(&self.months) && i32::try_from(self.days).is_ok() {
            true => Ok(()),
            false => Err(Refusal::Field),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "at most a thousand years in months"
    )]
    fn add_years(&mut self, whole: i64, fraction: f64, times: i64) -> Read<()> {
        add(&mut self.months, whole, 12 * times)?;
        let months = (fraction * (12 * times) as f64).round_ties_even() as i64;
        add(&mut self.months, months, 1)
    }

    #[expect(clippy::cast_possible_truncation, reason = "less than a month")]
    fn add_days(&mut self, days: f64) {
        self.days += days.trunc() as i64;
        self.add_micros(days.fract() * 86_400e6);
    }

    /// A half is rounded to zero.
    #[expect(clippy::cast_possible_truncation, reason = "less than a day")]
    fn add_micros(&mut self, micros: f64) {
        let (whole, rest) = (micros.trunc(), micros.fract());
        self.micros += whole as i64 + i64::from(rest > 0.5) - i64::from(rest < -0.5);
    }

    fn negate(&mut self) {
        self.months = -self.months;
        self.days = -self.days;
        self.micros = -self.micros;
    }

    fn finish(&self, typmod: i32) -> Read<IntervalMonthDayNano> {
        let (months, days, micros) = within(self.months, self.days, self.micros, typmod);
        Ok(IntervalMonthDayNano {
            months: i32::try_from(months).map_err(|_| Refusal::Range)?,
            days: i32::try_from(days).map_err(|_| Refusal::Range)?,
            nanoseconds: micros.checked_mul(1_000).ok_or(Refusal::Range)?,
        })
    }
}

/// `hh:mm`, `hh:mm:ss[.f]`, `mm:ss.f`, without sign, in microseconds. Of minutes and seconds alone
/// two numbers are these.
fn clock(text: &str, of: Option<Fields>) -> Read<i64> {
    let number = |text: &str| text.parse::<i64>().map_err(|_| Refusal::Syntax);
    let parts: Vec<_> = text.split(':').collect();
    let (hours, minutes, seconds) = match parts.as_slice() {
        [minutes, seconds] if seconds.contains('.') || of == Some(Fields::MinuteToSecond) => {
            (0, number(minutes)?, *seconds)
        }
        [hours, minutes] => (number(hours)?, number(minutes)?, "0"),
        [hours, minutes, seconds] => (number(hours)?, number(minutes)?, *seconds),
        _ => return Err(Refusal::Syntax),
    };
    let seconds = seconds_micros(seconds).ok_or(Refusal::Syntax)?;
    if minutes > 59 || seconds > 60_000_000 {
        return Err(Refusal::Field);
    }
    let hours = hours.checked_mul(3_600_000_000).ok_or(Refusal::Field)?;
    hours
        .checked_add(minutes * 60_000_000 + seconds)
        .ok_or(Refusal::Field)
}

/// `-1-2`: years and months.
fn years_months(text: &str) -> Read<Option<i64>> {
    let (negative, rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let Some((years, months)) = rest.split_once('-') else {
        return Ok(None);
    };
    let number = |text: &str| text.parse::<i64>().map_err(|_| Refusal::Syntax);
    let (years, months) = (number(years)?, number(months)?);
    if months > 11 || years > i64::from(i32::MAX) {
        return Err(Refusal::Field);
    }
    let total = years * 12 + months;
    Ok(Some(if negative { -total } else { total }))
}

/// Splits `1day -2:03 ago` into words: a sign belongs to the number after it, letters end a number.
fn fields(text: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    // Whether the field being read is letters; none after white space.
    let mut letters = None;
    for c in text.chars() {
        if c.is_ascii_whitespace() || c == ',' {
            // A sign waits for its number.
            if !matches!(fields.last().map(String::as_str), Some("-" | "+")) {
                letters = None;
            }
            continue;
        }
        let is_letter = c.is_ascii_alphabetic() || c == '@';
        let c = c.to_ascii_lowercase();
        match (letters, fields.last_mut()) {
            (Some(before), Some(field)) if before == is_letter => field.push(c),
            _ => fields.push(c.to_string()),
        }
        letters = Some(is_letter);
    }
    fields
}

/// The unit of a number without one.
fn last_unit(of: Option<Fields>) -> Unit {
    match of {
        Some(Fields::Year) => Unit::Year,
        Some(Fields::Month | Fields::YearToMonth) => Unit::Month,
        Some(Fields::Day) => Unit::Day,
        Some(Fields::Hour | Fields::DayToHour) => Unit::Hour,
        Some(Fields::Minute | Fields::DayToMinute | Fields::HourToMinute) => Unit::Minute,
        Some(
            Fields::Second | Fields::DayToSecond | Fields::HourToSecond | Fields::MinuteToSecond,
        )
        | None => Unit::Second,
    }
}

/// What a time has, and seconds with a fraction.
const SECONDS: [Unit; 3] = [Unit::Second, Unit::Millisecond, Unit::Microsecond];

/// PostgreSQL's and SQL's forms.
fn words(text: &str, style: IntervalStyle, of: Option<Fields>) -> Read<Sum> {
    let mut fields = fields(text);
    let ago = fields.iter().position(|field| field == "ago");
    // It follows a unit, or what says its own.
    if let Some(number) = ago.and_then(|ago| fields.get(ago.checked_sub(1)?))
        && Number::read(number).is_ok()
    {
        return Err(Refusal::Syntax);
    }
    // Only the end may say so, except for units without a number, which say nothing.
    fields.retain(|field| field != "ago" && field != "@");
    if fields.is_empty() {
        return Err(Refusal::Syntax);
    }
    // In SQL's form one leading minus is everything's, if nothing else has a sign.
    let signs = fields.iter().filter(|field| field.starts_with(['-', '+']));
    let all_negative =
        style == IntervalStyle::SqlStandard && signs.count() == 1 && fields[0].starts_with('-');
    let mut sum = Sum::default();
    let mut seen = 0_u16;
    let mut mark = |units: &[Unit]| {
        let mask = units.iter().fold(0, |mask, unit| mask | unit.mask());
        match seen & mask {
            0 => {
                seen |= mask;
                Ok(())
            }
            _ => Err(Refusal::Syntax),
        }
    };
    let mut at = 0;
    let mut any = false;
    while at < fields.len() {
        let field =
            if all_negative && at > 0 && fields[at].starts_with(|c: char| c.is_ascii_digit()) {
                format!("-{}", fields[at])
            } else {
                fields[at].clone()
            };
        at += 1;
        if field.starts_with(|c: char| c.is_ascii_alphabetic()) {
            // A unit without a number, after something else, is tolerated.
            if !any || Unit::named(&field).is_none() {
                return Err(Refusal::Syntax);
            }
            continue;
        }
        any = true;
        if field.contains(':') {
            mark(&[Unit::Hour, Unit::Minute])?;
            mark(&SECONDS)?;
            let micros = clock(field.trim_start_matches(['-', '+']), of)?;
            add(
                &mut sum.micros,
                if field.starts_with('-') {
                    -micros
                } else {
                    micros
                },
                1,
            )?;
            continue;
        }
        if let Some(months) = years_months(&field)? {
            mark(&[Unit::Year, Unit::Month])?;
            add(&mut sum.months, months, 1)?;
            continue;
        }
        let number = Number::read(&field)?;
        let unit = match fields.get(at).map(String::as_str) {
            Some(word) if word.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                at += 1;
                Unit::named(word).ok_or(Refusal::Syntax)?
            }
            // SQL's form: days before a time or hours, seconds at the end. Before any other unit
            // the same once more, which is an error.
            Some(next) if next.contains(':') => Unit::Day,
            Some(_) => match fields.get(at + 1) {
                Some(word) => match Unit::named(word).ok_or(Refusal::Syntax)? {
                    Unit::Hour => Unit::Day,
                    other => other,
                },
                None if last_unit(of) == Unit::Hour => Unit::Day,
                None => last_unit(of),
            },
            None => last_unit(of),
        };
        match unit {
            Unit::Second if number.fraction() != 0.0 => mark(&SECONDS)?,
            unit => mark(&[unit])?,
        }
        sum.add(number, unit)?;
    }
    if ago.is_some() {
        sum.negate();
    }
    Ok(sum)
}

/// ISO 8601, after the P: with designators, or `YYYY-MM-DDTHH:MM:SS` and its compact form.
fn iso(text: &str) -> Read<Sum> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut sum = Sum::default();
    if text.is_empty() {
        return Err(Refusal::Syntax);
    }
    let has_letters = |text: &str| text.contains(|c: char| c.is_ascii_alphabetic());
    if has_letters(date) || date.is_empty() {
        designated(date, &mut sum, |designator| match designator {
            'Y' => Some(Unit::Year),
            'M' => Some(Unit::Month),
            'W' => Some(Unit::Week),
            'D' => Some(Unit::Day),
            _ => None,
        })?;
    } else {
        let parts: Vec<_> = match date.contains('-') {
            true => date.split('-').collect(),
            false if date.len() == 8 && date.is_ascii() => {
                vec![&date[..4], &date[4..6], &date[6..]]
            }
            false => vec![date],
        };
        if parts.len() > 3 {
            return Err(Refusal::Syntax);
        }
        for (part, unit) in parts.into_iter().zip([Unit::Year, Unit::Month, Unit::Day]) {
            sum.add(Number::read_iso(part)?, unit)?;
        }
    }
    let Some(time) = time else { return Ok(sum) };
    if has_letters(time) || time.is_empty() {
        designated(time, &mut sum, |designator| match designator {
            'H' => Some(Unit::Hour),
            'M' => Some(Unit::Minute),
            'S' => Some(Unit::Second),
            _ => None,
        })?;
    } else {
        let parts: Vec<_> = match time.contains(':') {
            true => time.split(':').collect(),
            false if time.len() >= 6 && time.is_ascii() => {
                vec![&time[..2], &time[2..4], &time[4..]]
            }
            false => vec![time],
        };
        if parts.len() > 3 {
            return Err(Refusal::Syntax);
        }
        for (part, unit) in parts
            .into_iter()
            .zip([Unit::Hour, Unit::Minute, Unit::Second])
        {
            sum.add(Number::read_iso(part)?, unit)?;
        }
    }
    Ok(sum)
}

/// `1Y2M3D`
fn designated(text: &str, sum: &mut Sum, unit: impl Fn(char) -> Option<Unit>) -> Read<()> {
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| c.is_ascii_alphabetic())
            .ok_or(Refusal::Syntax)?;
        let number = Number::read_iso(&rest[..end])?;
        let designator = rest[end..].chars().next().unwrap_or_default();
        sum.add(number, unit(designator).ok_or(Refusal::Syntax)?)?;
        rest = &rest[end + 1..];
    }
    Ok(())
}
