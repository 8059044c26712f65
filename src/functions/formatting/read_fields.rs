//! What the fields read by a template make together: a date and a time.

use super::time_fields::{iso_start, julian};
use crate::base::{Error, Result, SqlState};
use crate::types::Zone;
use crate::types::calendar::{self, DATE_MAX, DATE_MIN, EPOCH_JULIAN};

/// Fields as they stand in a text. 0 is not given.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) year: i32,
    /// How many digits the year was to have.
    pub(super) year_digits: u32,
    pub(super) century: i32,
    pub(super) before_christ: i32,
    pub(super) month: i32,
    pub(super) day: i32,
    pub(super) day_of_year: i32,
    pub(super) week: i32,
    pub(super) week_of_month: i32,
    /// 1 is Sunday.
    pub(super) day_of_week: i32,
    pub(super) julian: i32,
    /// Which calendar the fields are of: that of ISO weeks, or the usual one.
    pub(super) iso: Option<bool>,
    pub(super) hour: i32,
    pub(super) half_day: bool,
    pub(super) afternoon: i32,
    pub(super) minute: i32,
    pub(super) second: i32,
    pub(super) second_of_day: i32,
    pub(super) millisecond: i32,
    pub(super) microsecond: i32,
    /// To how many digits of a second the time is rounded.
    pub(super) digits: Option<i32>,
    /// 0 without a zone.
    pub(super) zone_sign: i64,
    pub(super) zone_hours: i32,
    pub(super) zone_minutes: i32,
}

/// A date and a time that are in their ranges, but for the year.
#[derive(Debug)]
pub(super) struct Found {
    /// Days since 1970-01-01.
    days: i64,
    /// Microseconds since midnight.
    time: i64,
    /// Seconds east of UTC, where the text says.
    offset: Option<i64>,
}

/// The parts of a date; whether they have been given.
#[derive(Debug)]
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    has_year: bool,
    has_month: bool,
    has_day: bool,
}

impl Read {
    /// The date and time the fields of `text` make.
    ///
    /// # Errors
    /// `22007` and `22008` where they make none, `22009` for a zone that cannot be.
    pub(super) fn found(&self, text: &str) -> Result<Found> {
        let wrong = || {
            Error::new(
                SqlState::DATETIME_FIELD_OVERFLOW,
                format!("date/time field value out of range: \"{text}\""),
            )
        };
        let (hour, minute, second) = self.clock()?;
        let parts = self.parts()?;
        if !parts.are_in_range() {
            return Err(wrong());
        }
        let micros = i64::from(self.millisecond) * 1000 + i64::from(self.microsecond);
        let in_range = (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && (0..1_000_000).contains(&micros);
        if !in_range {
            return Err(wrong());
        }
        Ok(Found {
            days: julian(parts.year, parts.month, parts.day) - EPOCH_JULIAN,
            time: ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros,
            offset: self.offset(text)?,
        })
    }

    fn clock(&self) -> Result<(i64, i64, i64)> {
        let given =
            |field: i32, otherwise: i32| i64::from(if field == 0 { otherwise } else { field });
        let seconds = self.second_of_day;
        let mut hour = given(self.hour, seconds / 3600);
        if self.half_day {
            if !(1..=12).contains(&hour) {
                return Err(Error::new(
                    SqlState::INVALID_DATETIME_FORMAT,
                    format!("hour \"{hour}\" is invalid for the 12-hour clock"),
                )
                .hint("Use the 24-hour clock, or give an hour between 1 and 12."));
            }
            hour = hour % 12 + if self.afternoon == 0 { 0 } else { 12 };
        }
        Ok((
            hour,
            given(self.minute, seconds / 60 % 60),
            given(self.second, seconds % 60),
        ))
    }

    fn offset(&self, text: &str) -> Result<Option<i64>> {
        if self.zone_sign == 0 {
            return Ok(None);
        }
        if !(0..16).contains(&self.zone_hours) || !(0..60).contains(&self.zone_minutes) {
            return Err(Error::new(
                SqlState::INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
                format!("time zone displacement out of range: \"{text}\""),
            ));
        }
        let minutes = self.zone_hours * 60 + self.zone_minutes;
        Ok(Some(self.zone_sign * i64::from(minutes) * 60))
    }

    /// The year before which there is a year 0; `None` if nothing says.
    fn whole_year(&self) -> Option<i64> {
        let before_christ = self.before_christ != 0;
        let signed = |value: i32| match before_christ {
            true => -i64::from(value),
            false => i64::from(value),
        };
        let century = signed(self.century);
        if self.year == 0 {
            // The first year of the century.
            return (self.century != 0).then_some(match century {
                0.. => (century - 1) * 100 + 1,
                _ => century * 100 + 1,
            });
        }
        if self.century != 0 && self.year_digits <= 2 {
            // Two digits are those of a year of the century, whose last ends in 00.
            return Some(match i64::from(self.year % 100) {
                0 if century >= 0 => century * 100,
                0 => century * 100 + 1,
                year if century >= 0 => (century - 1) * 100 + year,
                year => (century + 1) * 100 - year + 1,
            });
        }
        Some(match signed(self.year) {
            year @ ..0 => year + 1,
            year => year,
        })
    }

    fn parts(&self) -> Result<Parts> {
        let year = self.whole_year();
        let mut parts = Parts {
            year: year.unwrap_or(0),
            month: 1,
            day: 1,
            has_year: year.is_some(),
            has_month: false,
            has_day: false,
        };
        let mut day_of_year = i64::from(self.day_of_year);
        if self.julian != 0 {
            parts.set(i64::from(self.julian));
        }
        if self.week != 0 {
            let days = (i64::from(self.week) - 1) * 7;
            if self.iso == Some(true) {
                // Without a day of the week, its Monday.
                let weekday = match i64::from(self.day_of_week) {
                    0 => 0,
                    day if day > 1 => day - 2,
                    _ => 6,
                };
                parts.set(iso_start(parts.year) + days + weekday);
            } else {
                day_of_year = days + 1;
            }
        }
        let day = match i64::from(self.week_of_month) {
            0 => i64::from(self.day),
            week => (week - 1) * 7 + 1,
        };
        if day != 0 {
            (parts.day, parts.has_day) = (day, true);
        }
        if self.month != 0 {
            (parts.month, parts.has_month) = (self.month.into(), true);
        }
        if day_of_year != 0 && (parts.month <= 1 || parts.day <= 1) {
            if parts.year == 0 && self.before_christ == 0 {
                return Err(Error::new(
                    SqlState::INVALID_DATETIME_FORMAT,
                    "cannot calculate day of year without year information",
                ));
            }
            match self.iso {
                Some(true) => parts.set(iso_start(parts.year) + day_of_year - 1),
                _ => parts.set_day_of_year(day_of_year),
            }
        }
        Ok(parts)
    }
}

impl Parts {
    /// The date of a Julian day.
    fn set(&mut self, julian: i64) {
        let date = calendar::civil(julian - EPOCH_JULIAN);
        *self = Self {
            year: date.year,
            month: date.month.into(),
            day: date.day.into(),
            has_year: true,
            has_month: true,
            has_day: true,
        };
    }

    /// Month and day by the day of the year, each where it is not given or the first.
    fn set_day_of_year(&mut self, day_of_year: i64) {
        let mut month: u8 = 1;
        let mut left = day_of_year;
        while month <= 12 {
            let length = i64::from(calendar::month_days(self.year, month));
            if left <= length {
                break;
            }
            left -= length;
            month += 1;
        }
        if self.month <= 1 {
            self.month = month.into();
        }
        if self.day <= 1 {
            self.day = left;
        }
        (self.has_month, self.has_day) = (true, true);
    }

    /// Whether there is such a date, as far as is known: without a year, any month may have 31
    /// days.
    fn are_in_range(&self) -> bool {
        let month = u8::try_from(self.month)
            .ok()
            .filter(|month| (1..=12).contains(month));
        if self.has_month && month.is_none() {
            return false;
        }
        let length = match month {
            Some(month) if self.has_year && self.has_month && self.has_day => {
                calendar::month_days(self.year, month)
            }
            _ => 31,
        };
        !self.has_day || (1..=i64::from(length)).contains(&self.day)
    }
}

impl Found {
    /// The date, in days since 1970-01-01.
    ///
    /// # Errors
    /// `22008`
    pub(super) fn date(&self, text: &str) -> Result<i64> {
        match self.days >= DATE_MIN.into() && self.days <= DATE_MAX.into() {
            true => Ok(self.days),
            false => Err(Error::new(
                SqlState::DATETIME_FIELD_OVERFLOW,
                format!("date out of range: \"{text}\""),
            )),
        }
    }

    /// The instant, in microseconds since 1970-01-01 UTC, if `zone` is where no other is said.
    ///
    /// # Errors
    /// `22008`
    pub(super) fn instant(&self, zone: Zone) -> Result<i64> {
        let local = self
            .days
            .checked_mul(calendar::DAY)
            .and_then(|midnight| midnight.checked_add(self.time));
        let instant = local.and_then(|local| {
            let offset = match self.offset {
                Some(offset) => offset,
                None => zone.local_offset(local),
            };
            local.checked_sub(offset * 1_000_000)
        });
        crate::functions::temporal::checked(instant)
    }
}
