//! Dates, times and timestamps from text.
//!
//! ISO 8601's usual forms are read by hand, without allocating, since COPY is full of them; everything else
//! goes through [`super::tokens`] and a reader that fills in fields as PostgreSQL does.

use super::tokens::{Shape, Token, Word, month, split, word};
use super::zone::{self, BadOffset, Zone};
use super::{Input, trim};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::calendar::{
    self, DATE_MAX, DATE_MIN, DAY, EPOCH_2000_MICROS, EPOCH_JULIAN, TIMESTAMP_MIN,
};
use crate::types::text::DateOrder;

/// Why a value is refused.
enum Refusal {
    /// Not a date/time at all.
    Syntax,
    /// A field has a value it cannot have.
    Field,
    /// A month or day has; another DateStyle may read it.
    Order,
    /// An offset is too far from UTC.
    Offset,
    /// There is no such zone.
    Zone(String),
}

type Read<T> = Result<T, Refusal>;

fn refuse(refusal: Refusal, text: &str, ty: PgType) -> Error {
    let field = |state| {
        Error::new(
            state,
            format!("date/time field value out of range: \"{text}\""),
        )
    };
    match refusal {
        Refusal::Syntax => {
            // PostgreSQL names the types shorter here than format_type does.
            let name = match ty.oid {
                oid if oid == PgType::TIME.oid => "time",
                oid if oid == PgType::TIMESTAMP.oid => "timestamp",
                _ => ty.info().sql_name,
            };
            Error::new(
                SqlState::INVALID_DATETIME_FORMAT,
                format!("invalid input syntax for type {name}: \"{text}\""),
            )
        }
        Refusal::Field => field(SqlState::DATETIME_FIELD_OVERFLOW),
        Refusal::Order => field(SqlState::DATETIME_FIELD_OVERFLOW)
            .hint("Perhaps you need a different \"datestyle\" setting."),
        Refusal::Offset => Error::new(
            SqlState::INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
            format!("time zone displacement out of range: \"{text}\""),
        ),
        Refusal::Zone(name) => Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("time zone \"{name}\" not recognized"),
        ),
    }
}

fn out_of_range(what: &str, text: &str) -> Error {
    Error::new(
        SqlState::DATETIME_FIELD_OVERFLOW,
        format!("{what} out of range: \"{text}\""),
    )
}

/// A date/time read: what the fields say.
enum Value {
    Infinity,
    NegativeInfinity,
    /// Local date (days since 1970-01-01), time of day, and the zone if one was named.
    Fields(i64, i64, Option<Zone>),
}

pub(super) fn date(text: &str, input: &Input<'_>) -> Result<i32> {
    let value = match iso_date(text.as_bytes()) {
        Some((days, [])) => Value::Fields(days, 0, None),
        _ => general(text, input)?,
    };
    match value {
        Value::Infinity => Ok(i32::MAX),
        Value::NegativeInfinity => Ok(i32::MIN),
        Value::Fields(days, _, _) => match i32::try_from(days) {
            Ok(days @ DATE_MIN..=DATE_MAX) => Ok(days),
            _ => Err(out_of_range("date", text)),
        },
    }
}

pub(super) fn time(text: &str, input: &Input<'_>) -> Result<i64> {
    let micros = match iso_time(text.as_bytes()) {
        Some((micros, [])) => micros,
        _ => time_only(text, input).map_err(|refusal| refuse(refusal, text, input.ty))?,
    };
    Ok(rounded(micros, input.ty.typmod))
}

pub(super) fn timestamp(text: &str, input: &Input<'_>) -> Result<i64> {
    let value = match iso_timestamp(text.as_bytes()) {
        // An offset is read and ignored, as the SQL standard wants.
        Some((days, time, _)) => Value::Fields(days, time, None),
        None => general(text, input)?,
    };
    instant(value, text, input, |_, _| 0)
}

pub(super) fn timestamptz(text: &str, input: &Input<'_>) -> Result<i64> {
    let value = match iso_timestamp(text.as_bytes()) {
        Some((days, time, offset)) => Value::Fields(days, time, offset.map(Zone::Fixed)),
        None => general(text, input)?,
    };
    let session = Zone::Named(input.style.time_zone);
    instant(value, text, input, |zone, local| {
        zone.unwrap_or(session).offset(local)
    })
}

fn instant(
    value: Value,
    text: &str,
    input: &Input<'_>,
    offset: impl Fn(Option<Zone>, i64) -> i64,
) -> Result<i64> {
    let (days, time, zone) = match value {
        Value::Infinity => return Ok(i64::MAX),
        Value::NegativeInfinity => return Ok(i64::MIN),
        Value::Fields(days, time, zone) => (days, time, zone),
    };
    let fail = || out_of_range("timestamp", text);
    let local = days.checked_mul(DAY).and_then(|day| day.checked_add(time));
    let local = local.ok_or_else(fail)?;
    let micros = local.checked_sub(offset(zone, local) * 1_000_000);
    match micros.map(|micros| rounded_instant(micros, input.ty.typmod)) {
        Some(micros) if (TIMESTAMP_MIN..i64::MAX).contains(&micros) => Ok(micros),
        _ => Err(fail()),
    }
}

/// Rounds half away from 2000-01-01, where PostgreSQL's timestamps are zero.
fn rounded_instant(micros: i64, typmod: i32) -> i64 {
    let since = micros.saturating_sub(EPOCH_2000_MICROS);
    rounded(since, typmod).saturating_add(EPOCH_2000_MICROS)
}

/// Rounds to the digits of `time(n)`, half away from zero.
fn rounded(micros: i64, typmod: i32) -> i64 {
    let Ok(digits @ 0..=5) = u32::try_from(typmod) else {
        return micros;
    };
    let unit = 10_i64.pow(6 - digits);
    let half = if micros < 0 { -unit / 2 } else { unit / 2 };
    micros.saturating_add(half) / unit * unit
}

fn two(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] => Some(((a - b'0') * 10 + (b - b'0'), rest)),
        _ => None,
    }
}

/// `YYYY-MM-DD` at the start, and what follows. Anything doubtful is `None`: the general reader words errors.
#[inline]
fn iso_date(text: &[u8]) -> Option<(i64, &[u8])> {
    let (century, rest) = two(text)?;
    let (year, rest) = two(rest)?;
    let (month, rest) = two(rest.strip_prefix(b"-")?)?;
    let (day, rest) = two(rest.strip_prefix(b"-")?)?;
    let year = i64::from(century) * 100 + i64::from(year);
    let valid = year > 0
        && (1..=12).contains(&month)
        && day > 0
        && day <= calendar::month_days(year, month)
        && !rest.first().is_some_and(u8::is_ascii_digit);
    valid.then(|| (calendar::days(year, month, day), rest))
}

/// `HH:MM[:SS[.ffffff]]` at the start.
#[inline]
fn iso_time(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, rest) = two(text)?;
    let (minute, rest) = two(rest.strip_prefix(b":")?)?;
    let (second, rest) = match rest.strip_prefix(b":") {
        Some(rest) => two(rest)?,
        None => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (micros, rest) = match rest.strip_prefix(b".") {
        Some(rest) => {
            let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=6).contains(&count) {
                return None;
            }
            let digits = rest[..count].iter();
            let value = digits.fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
            let unit = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1][count];
            (value * unit, &rest[count..])
        }
        None => (0, rest),
    };
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    let ends = !rest
        .first()
        .is_some_and(|byte| byte.is_ascii_digit() || *byte == b':');
    ends.then_some((seconds * 1_000_000 + micros, rest))
}

/// `YYYY-MM-DD[( |T)HH:MM[:SS[.f]][Z|±hh[:mm]]]`: days, time, offset.
#[inline]
fn iso_timestamp(text: &[u8]) -> Option<(i64, i64, Option<i64>)> {
    let (days, rest) = iso_date(text)?;
    if rest.is_empty() {
        return Some((days, 0, None));
    }
    let rest = match rest {
        [b' ' | b'T', rest @ ..] => rest,
        _ => return None,
    };
    let (time, rest) = iso_time(rest)?;
    let offset = match rest {
        [] => None,
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, rest) = two(rest)?;
            let (minutes, rest) = match rest.strip_prefix(b":") {
                Some(rest) => two(rest)?,
                None => (0, rest),
            };
            if !rest.is_empty() || hours > 15 || minutes > 59 {
                return None;
            }
            let seconds = (i64::from(hours) * 60 + i64::from(minutes)) * 60;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => return None,
    };
    Some((days, time, offset))
}

fn general(text: &str, input: &Input<'_>) -> Result<Value> {
    let read = || -> Read<Value> {
        let tokens = split(trim(text)).ok_or(Refusal::Syntax)?;
        let mut fields = Fields::new(input);
        fields.read(&tokens)?;
        fields.date_time()
    };
    read().map_err(|refusal| refuse(refusal, text, input.ty))
}

fn time_only(text: &str, input: &Input<'_>) -> Read<i64> {
    let tokens = split(trim(text)).ok_or(Refusal::Syntax)?;
    let mut fields = Fields::new(input);
    fields.time_only = true;
    fields.read(&tokens)?;
    match fields.fixed {
        Some(Value::Fields(_, time, _)) => Ok(time),
        Some(_) => Err(Refusal::Syntax),
        None => fields.time_of_day()?.ok_or(Refusal::Syntax),
    }
}

/// What was read so far.
struct Fields<'a> {
    input: &'a Input<'a>,
    /// A `time` value: bare numbers are times.
    time_only: bool,
    year: Option<i64>,
    month: Option<u8>,
    day: Option<u8>,
    /// Whether the month was a name: then the day may come before or after it.
    month_name: bool,
    day_of_year: Option<i64>,
    two_digit_year: bool,
    julian: Option<i64>,
    /// Hour, minute, microseconds of the minute.
    time: Option<(i64, i64, i64)>,
    afternoon: Option<bool>,
    bc: bool,
    zone: Option<Zone>,
    /// A word said it all.
    fixed: Option<Value>,
    weekday: bool,
}

impl<'a> Fields<'a> {
    fn new(input: &'a Input<'a>) -> Self {
        Self {
            input,
            time_only: false,
            year: None,
            month: None,
            day: None,
            month_name: false,
            day_of_year: None,
            two_digit_year: false,
            julian: None,
            time: None,
            afternoon: None,
            bc: false,
            zone: None,
            fixed: None,
            weekday: false,
        }
    }

    fn has_date(&self) -> bool {
        self.julian.is_some()
            || self.day_of_year.is_some()
            || (self.year.is_some() && self.month.is_some() && self.day.is_some())
    }

    fn read(&mut self, tokens: &[Token]) -> Read<()> {
        let mut expects_time = false;
        let mut expects_julian = false;
        if tokens.is_empty() {
            return Err(Refusal::Syntax);
        }
        for token in tokens {
            let text = token.text.as_str();
            let after_time_mark = std::mem::take(&mut expects_time);
            let after_julian_mark = std::mem::take(&mut expects_julian);
            if after_time_mark && !matches!(token.shape, Shape::Time | Shape::Number) {
                return Err(Refusal::Syntax);
            }
            match token.shape {
                Shape::Number if after_julian_mark => {
                    let (day, fraction) = text.split_once('.').unwrap_or((text, ""));
                    self.julian = Some(day.parse().map_err(|_| Refusal::Field)?);
                    if !fraction.is_empty() {
                        let part: f64 = format!("0.{fraction}")
                            .parse()
                            .map_err(|_| Refusal::Syntax)?;
                        #[expect(clippy::cast_possible_truncation, reason = "below a day")]
                        let micros = (part * 86_400e6).round() as i64;
                        self.set_time(
                            micros / 3_600_000_000,
                            micros / 60_000_000 % 60,
                            micros % 60_000_000,
                        )?;
                    }
                }
                Shape::Number if after_time_mark => self.packed_time(text)?,
                Shape::Number => self.number(text)?,
                Shape::Time => self.clock(text)?,
                Shape::Date => self.date(text)?,
                Shape::Offset => {
                    let offset = zone::offset(text).map_err(|bad| match bad {
                        BadOffset::Syntax => Refusal::Syntax,
                        BadOffset::Range => Refusal::Offset,
                    })?;
                    // `EST+3` does not exist, `GMT+3` is one word; a second zone is a mistake.
                    if self.zone.replace(Zone::Fixed(offset)).is_some() {
                        return Err(Refusal::Syntax);
                    }
                }
                Shape::Signed => match text {
                    "-infinity" => self.fixed = Some(Value::NegativeInfinity),
                    _ => return Err(Refusal::Syntax),
                },
                Shape::Word => match word(text) {
                    Some(Word::IsoTime) => expects_time = true,
                    Some(Word::Julian) => expects_julian = true,
                    Some(meaning) => self.word(meaning)?,
                    None => {
                        let zone = zone::abbreviation(text).or_else(|| zone::named(text));
                        let zone = zone.ok_or(Refusal::Syntax)?;
                        if self.zone.replace(zone).is_some() {
                            return Err(Refusal::Syntax);
                        }
                    }
                },
            }
        }
        if expects_time || expects_julian {
            return Err(Refusal::Syntax);
        }
        Ok(())
    }

    fn word(&mut self, meaning: Word) -> Read<()> {
        let now = || {
            let offset = calendar::offset(self.input.style.time_zone, self.input.now);
            let local = self.input.now + offset * 1_000_000;
            (local.div_euclid(DAY), local.rem_euclid(DAY), offset)
        };
        let mut day = |days: i64| {
            let date = calendar::civil(days);
            (self.year, self.month, self.day) = (Some(date.year), Some(date.month), Some(date.day));
        };
        match meaning {
            Word::Month(month) => {
                // A number that was taken for the month was the day.
                if let (Some(number), None, false) = (self.month, self.day, self.month_name) {
                    self.day = Some(number);
                } else if self.month.is_some() {
                    return Err(Refusal::Syntax);
                }
                self.month = Some(month);
                self.month_name = true;
            }
            Word::Weekday => {
                if std::mem::replace(&mut self.weekday, true) {
                    return Err(Refusal::Syntax);
                }
            }
            Word::Am => self.afternoon = Some(false),
            Word::Pm => self.afternoon = Some(true),
            Word::Bc => self.bc = true,
            Word::Noise | Word::Ad | Word::Daylight => {}
            Word::Now => {
                let (days, time, offset) = now();
                self.fixed = Some(Value::Fields(days, time, Some(Zone::Fixed(offset))));
            }
            Word::Today => day(now().0),
            Word::Tomorrow => day(now().0 + 1),
            Word::Yesterday => day(now().0 - 1),
            Word::Epoch => self.fixed = Some(Value::Fields(0, 0, Some(Zone::Fixed(0)))),
            Word::Infinity => self.fixed = Some(Value::Infinity),
            Word::Allballs => {
                self.set_time(0, 0, 0)?;
                self.zone = Some(Zone::Fixed(0));
            }
            Word::Zulu => self.zone = Some(Zone::Fixed(0)),
            // The caller handles the marks.
            Word::IsoTime | Word::Julian => {}
        }
        Ok(())
    }

    fn set_time(&mut self, hour: i64, minute: i64, micros: i64) -> Read<()> {
        match self.time.replace((hour, minute, micros)) {
            None => Ok(()),
            Some(_) => Err(Refusal::Syntax),
        }
    }

    /// `hh:mm[:ss[.f]]`
    fn clock(&mut self, text: &str) -> Read<()> {
        let number = |text: &str| text.parse::<i64>().map_err(|_| Refusal::Syntax);
        let parts: Vec<_> = text.split(':').collect();
        let (hour, minute, seconds) = match parts.as_slice() {
            // `mm:ss.f` has no hour.
            [minute, seconds] if seconds.contains('.') => ("0", *minute, *seconds),
            [hour, minute] => (*hour, *minute, "0"),
            [hour, minute, seconds] => (*hour, *minute, *seconds),
            _ => return Err(Refusal::Syntax),
        };
        let micros = seconds_micros(seconds).ok_or(Refusal::Syntax)?;
        self.set_time(number(hour)?, number(minute)?, micros)
    }

    /// `hhmm`, `hhmmss`, `hhmmss.f`
    fn packed_time(&mut self, text: &str) -> Read<()> {
        let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
        let number = |range: std::ops::Range<usize>| {
            let part = digits.get(range).unwrap_or_default();
            part.parse::<i64>().map_err(|_| Refusal::Syntax)
        };
        let seconds = match digits.len() {
            6 => number(4..6)?,
            4 if fraction.is_empty() => 0,
            2 if fraction.is_empty() => return self.set_time(number(0..2)?, 0, 0),
            _ => return Err(Refusal::Syntax),
        };
        let micros = seconds_micros(&format!("{seconds}.{fraction}")).ok_or(Refusal::Syntax)?;
        self.set_time(number(0..2)?, number(2..4)?, micros)
    }

    /// `YYYYMMDD`, `YYMMDD`
    fn packed_date(&mut self, text: &str) -> Read<()> {
        let year = text.len() - 4;
        let number = |text: &str| text.parse::<u8>().map_err(|_| Refusal::Syntax);
        self.day = Some(number(&text[year + 2..])?);
        self.month = Some(number(&text[year..year + 2])?);
        self.year = Some(text[..year].parse().map_err(|_| Refusal::Field)?);
        self.two_digit_year = year == 2;
        Ok(())
    }

    /// Bare digits, perhaps with a point: what they are depends on what is missing.
    fn number(&mut self, text: &str) -> Read<()> {
        if self.time_only {
            return self.packed_time(text);
        }
        let no_date = self.year.is_none() && self.month.is_none() && self.day.is_none();
        match text.split_once('.') {
            // Year and day of the year.
            Some((year, day)) if no_date && self.julian.is_none() && day.len() == 3 => {
                self.year = Some(year.parse().map_err(|_| Refusal::Field)?);
                self.two_digit_year = year.len() <= 2;
                self.day_of_year = Some(day.parse().map_err(|_| Refusal::Syntax)?);
                Ok(())
            }
            Some((whole, _)) if whole.len() > 2 => self.packed_time(text),
            Some(_) => Err(Refusal::Syntax),
            None if text.len() >= 6 && !self.has_date() && no_date => self.packed_date(text),
            None if text.len() >= 4 && self.has_date() && self.time.is_none() => {
                self.packed_time(text)
            }
            None => self.part(text),
        }
    }

    /// A number that is a year, a month or a day, by DateStyle and what is already there.
    fn part(&mut self, text: &str) -> Read<()> {
        let value: i64 = text.parse().map_err(|_| Refusal::Field)?;
        let small = || u8::try_from(value).map_err(|_| Refusal::Order);
        let order = self.input.style.date_order;
        if text.len() == 3
            && (1..=366).contains(&value)
            && self.year.is_some()
            && self.month.is_none()
            && self.day.is_none()
        {
            self.day_of_year = Some(value);
            return Ok(());
        }
        let is_year = text.len() >= 3 || order == DateOrder::Ymd;
        match (self.year, self.month, self.day) {
            (None, None, None) if is_year => self.set_year(text, value),
            (None, None, None) if order == DateOrder::Dmy => self.day = Some(small()?),
            (None, None, None) => self.month = Some(small()?),
            (Some(_), None, None) => self.month = Some(small()?),
            (None, Some(_), None) if self.month_name && is_year => self.set_year(text, value),
            (None, Some(_), None) => self.day = Some(small()?),
            (Some(year), Some(_), None)
                if self.month_name && text.len() >= 3 && self.two_digit_year =>
            {
                // The first number was the day after all.
                self.day = Some(u8::try_from(year).map_err(|_| Refusal::Order)?);
                self.set_year(text, value);
            }
            (Some(_), Some(_), None) => self.day = Some(small()?),
            (None, None, Some(_)) => self.month = Some(small()?),
            (None, Some(_), Some(_)) => self.set_year(text, value),
            _ => return Err(Refusal::Syntax),
        }
        Ok(())
    }

    fn set_year(&mut self, text: &str, value: i64) {
        self.year = Some(value);
        self.two_digit_year = text.len() <= 2;
    }

    /// A field with separators: a date, a packed time with a zone, or a zone's name.
    fn date(&mut self, text: &str) -> Read<()> {
        if self.has_date() || (self.time_only && !text.starts_with(|c: char| c.is_ascii_digit())) {
            if text.starts_with(|c: char| c.is_ascii_digit()) {
                // `hhmmss-07`
                let at = text.find(['-', '+']).ok_or(Refusal::Syntax)?;
                self.packed_time(&text[..at])?;
                let offset = zone::offset(&text[at..]).map_err(|_| Refusal::Syntax)?;
                self.zone = Some(Zone::Fixed(offset));
                return Ok(());
            }
            let zone = zone::named(text).ok_or_else(|| Refusal::Zone(text.to_owned()))?;
            if self.zone.replace(zone).is_some() {
                return Err(Refusal::Syntax);
            }
            return Ok(());
        }
        if let Some(days) = text.strip_prefix('j')
            && days.bytes().all(|byte| byte.is_ascii_digit())
        {
            self.julian = Some(days.parse().map_err(|_| Refusal::Field)?);
            return Ok(());
        }
        let parts: Vec<_> = text
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|part| !part.is_empty())
            .collect();
        if parts.len() > 3 {
            return Err(Refusal::Syntax);
        }
        // A name settles what the numbers can be, wherever it stands.
        for part in &parts {
            if part.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let month = month(part).ok_or_else(|| match zone::named(text) {
                    Some(_) => Refusal::Syntax,
                    None if text.contains('/') => Refusal::Zone(text.to_owned()),
                    None => Refusal::Syntax,
                })?;
                self.word(Word::Month(month))?;
            }
        }
        for part in &parts {
            if part.starts_with(|c: char| c.is_ascii_digit()) {
                if !part.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(Refusal::Syntax);
                }
                self.part(part)?;
            }
        }
        match self.has_date() || self.month_name {
            true => Ok(()),
            false => Err(Refusal::Syntax),
        }
    }

    /// Checks and combines the date.
    fn days(&self) -> Read<i64> {
        if let Some(julian) = self.julian {
            return Ok(julian - EPOCH_JULIAN);
        }
        let year = match self.year {
            Some(year) if self.bc && year > 0 => 1 - year,
            Some(year) if self.bc || (year <= 0 && !self.two_digit_year) => {
                return match year {
                    0 => Err(Refusal::Field),
                    // Set by a word, from today's date.
                    _ => Err(Refusal::Syntax),
                };
            }
            Some(year) if self.two_digit_year => year + if year < 70 { 2_000 } else { 1_900 },
            Some(year) => year,
            None => return Err(Refusal::Syntax),
        };
        if let Some(day) = self.day_of_year {
            let length = if calendar::is_leap(year) { 366 } else { 365 };
            return match (1..=length).contains(&day) {
                true => Ok(calendar::days(year, 1, 1) + day - 1),
                // PostgreSQL lets 366 run into the next year.
                false if day == 366 => Ok(calendar::days(year + 1, 1, 1)),
                false => Err(Refusal::Field),
            };
        }
        let (Some(month), Some(day)) = (self.month, self.day) else {
            return Err(Refusal::Syntax);
        };
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return Err(Refusal::Order);
        }
        if day > calendar::month_days(year, month) {
            return Err(Refusal::Field);
        }
        if year.abs() > 6_000_000 {
            // Beyond every type; whoever asked says which.
            return Ok(i64::from(i32::MAX) * year.signum());
        }
        Ok(calendar::days(year, month, day))
    }

    /// Checks and combines the time.
    fn time_of_day(&self) -> Read<Option<i64>> {
        let Some((hour, minute, micros)) = self.time else {
            return match self.afternoon {
                Some(_) => Err(Refusal::Syntax),
                None => Ok(None),
            };
        };
        let hour = match self.afternoon {
            Some(_) if hour > 12 => return Err(Refusal::Field),
            Some(true) if hour != 12 => hour + 12,
            Some(false) if hour == 12 => 0,
            _ => hour,
        };
        // A minute may have 60 seconds, and a day may end with 24:00.
        let total = (hour * 60 + minute) * 60_000_000 + micros;
        if hour > 24 || minute > 59 || micros > 60_000_000 || total > DAY {
            return Err(Refusal::Field);
        }
        Ok(Some(total))
    }

    fn date_time(mut self) -> Read<Value> {
        match self.fixed.take() {
            Some(Value::Fields(days, time, zone)) => {
                // `epoch` and `now` may not be combined with more.
                match self.time.is_some() || self.year.is_some() {
                    true => Err(Refusal::Syntax),
                    false => Ok(Value::Fields(days, time, zone)),
                }
            }
            Some(infinite) => Ok(infinite),
            None => {
                let time = self.time_of_day()?;
                Ok(Value::Fields(self.days()?, time.unwrap_or(0), self.zone))
            }
        }
    }
}

/// `ss[.f]` in microseconds, rounded.
pub(super) fn seconds_micros(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !whole
        .bytes()
        .chain(fraction.bytes())
        .all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let whole = match whole {
        "" => 0,
        whole => whole.parse::<i64>().ok()?,
    };
    let mut micros = 0;
    let mut unit = 100_000;
    for digit in fraction.bytes().take(6) {
        micros += i64::from(digit - b'0') * unit;
        unit /= 10;
    }
    let up = fraction.bytes().nth(6).is_some_and(|digit| digit >= b'5');
    whole
        .checked_mul(1_000_000)?
        .checked_add(micros + i64::from(up))
}
