//! The fields of a date/time, filled in from tokens in whatever order they come.

use super::Input;
use super::datetime::{Read, Refusal, Value, seconds_micros};
use super::tokens::{Shape, Token, Word, month, word};
use super::zone::{self, BadOffset};
use crate::types::Zone;
use crate::types::calendar::{self, DAY, EPOCH_JULIAN};
use crate::types::text::DateOrder;

/// What was read so far.
pub(super) struct Fields<'a> {
    input: &'a Input<'a>,
    /// A `time` value: bare numbers are times.
    pub(super) time_only: bool,
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
    pub(super) zone: Option<Zone>,
    /// A word said it all.
    pub(super) fixed: Option<Value>,
    weekday: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn new(input: &'a Input<'a>) -> Self {
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

    pub(super) fn read(&mut self, tokens: &[Token]) -> Read<()> {
        let mut expects_time = false;
        let mut expects_julian = false;
        if tokens.is_empty() {
            return Err(Refusal::Syntax);
        }
        for (index, token) in tokens.iter().enumerate() {
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
                Shape::Date => {
                    // Of a time's text a date may be the beginning, where the time itself, or an
                    // offset at the end, tells that it is one.
                    let dated = !self.time_only
                        || index == 0
                            && tokens[1..].first().is_some_and(|next| {
                                next.shape == Shape::Time
                                    || tokens.last().map(|last| last.shape) == Some(Shape::Date)
                            });
                    self.date(text, dated)?;
                }
                Shape::Offset => {
                    let offset = zone::offset(text).map_err(|bad| match bad {
                        BadOffset::Syntax => Refusal::Syntax,
                        BadOffset::Range => Refusal::Offset,
                    })?;
                    // `EST+3` does not exist, `GMT+3` is one word; a second zone is a mistake.
                    if self.zone.replace(Zone::east(offset)).is_some() {
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
            let offset = self.input.style.time_zone.offset(self.input.now);
            let local = self.input.now + offset * 1_000_000;
            (local.div_euclid(DAY), local.rem_euclid(DAY), offset)
        };
        let mut day = |days: i64| {
            let date = calendar::civil(days);
            (self.year, self.month, self.day) = (Some(date.year), Some(date.month), Some(date.day));
        };
        let of_days = matches!(
            meaning,
            Word::Weekday
                | Word::Today
                | Word::Tomorrow
                | Word::Yesterday
                | Word::Epoch
                | Word::Infinity
        );
        if self.time_only && of_days {
            return Err(Refusal::Syntax);
        }
        match meaning {
            Word::Month(month) => {
                // A number that was taken for the month was the day.
                if let (Some(number @ 1..=31), None, false) =
                    (self.month, self.day, self.month_name)
                {
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
                self.fixed = Some(Value::Fields(days, time, Some(Zone::east(offset))));
            }
            Word::Today => day(now().0),
            Word::Tomorrow => day(now().0 + 1),
            Word::Yesterday => day(now().0 - 1),
            Word::Epoch => self.fixed = Some(Value::Fields(0, 0, Some(Zone::east(0)))),
            Word::Infinity => self.fixed = Some(Value::Infinity),
            Word::Allballs => {
                self.set_time(0, 0, 0)?;
                self.zone = Some(Zone::east(0));
            }
            Word::Zulu => self.zone = Some(Zone::east(0)),
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

    /// `hhmm`, `hhmmss`, `hhmmss.f`; hours alone are no time.
    fn packed_time(&mut self, text: &str) -> Read<()> {
        let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
        let number = |range: std::ops::Range<usize>| {
            let part = digits.get(range).unwrap_or_default();
            part.parse::<i64>().map_err(|_| Refusal::Syntax)
        };
        let seconds = match digits.len() {
            6 => number(4..6)?,
            4 if fraction.is_empty() => 0,
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
                self.part(year)?;
                self.part(day)?;
                self.has_date().then_some(()).ok_or(Refusal::Syntax)
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
        // No month and no day is as large: that is said once all fields are there.
        let small = || u8::try_from(value).unwrap_or(u8::MAX);
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
            (None, None, None) if order == DateOrder::Dmy => self.day = Some(small()),
            (None, None, None) => self.month = Some(small()),
            (Some(_), None, None) => self.month = Some(small()),
            (None, Some(_), None) if self.month_name && is_year => self.set_year(text, value),
            (None, Some(_), None) => self.day = Some(small()),
            (Some(year), Some(_), None)
                if self.month_name && text.len() >= 3 && self.two_digit_year =>
            {
                // The first number was the day after all.
                self.day = Some(u8::try_from(year).map_err(|_| Refusal::Order)?);
                self.set_year(text, value);
            }
            (Some(_), Some(_), None) => self.day = Some(small()),
            (None, None, Some(_)) => self.month = Some(small()),
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
    fn date(&mut self, text: &str, dated: bool) -> Read<()> {
        if !dated
            || self.has_date()
            || (self.time_only && !text.starts_with(|c: char| c.is_ascii_digit()))
        {
            if text.starts_with(|c: char| c.is_ascii_digit()) {
                if self.time_only && self.time.is_some() {
                    return Err(Refusal::Syntax);
                }
                // `hhmmss-07`
                let at = text.find(['-', '+']).ok_or(Refusal::Syntax)?;
                self.packed_time(&text[..at])?;
                let offset = zone::offset(&text[at..]).map_err(|_| Refusal::Syntax)?;
                self.zone = Some(Zone::east(offset));
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
    pub(super) fn time_of_day(&self) -> Read<Option<i64>> {
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

    /// The date beside a time, if there is one.
    pub(super) fn date_beside(&self) -> Read<Option<i64>> {
        self.has_date().then(|| self.days()).transpose()
    }

    pub(super) fn date_time(mut self) -> Read<Value> {
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
