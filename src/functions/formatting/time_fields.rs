//! Times and intervals taken apart into the fields of a template, and the arithmetic of calendars
//! behind them.

use crate::types::Zone;
use crate::types::calendar::{self, EPOCH_JULIAN};

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// A point in time on a clock and a calendar, or an interval.
#[derive(Debug, Default)]
pub(super) struct Moment {
    /// Astronomical: 0 is 1 BC. Of an interval, its years.
    pub(super) year: i64,
    /// From 1; of an interval, from -11.
    pub(super) month: i64,
    pub(super) day: i64,
    /// From 1; of an interval, about how many days it has.
    pub(super) day_of_year: i64,
    /// 0 is Sunday.
    pub(super) weekday: i64,
    /// May exceed 24 in an interval.
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) micros: i64,
    pub(super) is_interval: bool,
    /// The zone's abbreviation; empty without one.
    pub(super) zone: String,
    /// Seconds east of UTC.
    pub(super) offset: i64,
}

impl Moment {
    /// What a clock shows, in microseconds since 1970-01-01.
    pub(super) fn naive(micros: i64) -> Self {
        let days = micros.div_euclid(calendar::DAY);
        let of_day = micros.rem_euclid(calendar::DAY);
        let date = calendar::civil(days);
        Self {
            year: date.year,
            month: date.month.into(),
            day: date.day.into(),
            day_of_year: days - calendar::days(date.year, 1, 1) + 1,
            weekday: weekday(days),
            ..Self::clock(of_day)
        }
    }

    /// An instant, in microseconds since 1970-01-01 UTC, in a zone.
    pub(super) fn zoned(micros: i64, zone: Zone) -> Self {
        let offset = zone.offset(micros);
        Self {
            zone: zone.abbreviation(micros),
            offset,
            ..Self::naive(micros.saturating_add(offset * SECOND))
        }
    }

    /// An interval.
    pub(super) fn interval((months, days, micros): (i32, i32, i64)) -> Self {
        Self {
            year: i64::from(months / 12),
            month: i64::from(months % 12),
            day: days.into(),
            day_of_year: i64::from(months) * 30 + i64::from(days),
            is_interval: true,
            ..Self::clock(micros)
        }
    }

    fn clock(micros: i64) -> Self {
        let seconds = micros / SECOND;
        Self {
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            micros: micros % SECOND,
            ..Self::default()
        }
    }

    /// A year as it is shown. Years before Christ have no zero: 1 BC is the year 0.
    pub(super) fn shown_year(&self, year: i64) -> i64 {
        match year {
            ..=0 if !self.is_interval => 1 - year,
            year => year,
        }
    }

    pub(super) fn century(&self) -> i64 {
        match self.year {
            year if self.is_interval => year / 100,
            year @ 1.. => (year - 1) / 100 + 1,
            year => year / 100 - 1,
        }
    }

    /// The month's index among Roman numerals; `None` for an interval without years and months.
    pub(super) fn roman_month(&self) -> Option<usize> {
        let index = match self.month {
            0 if self.year == 0 => return None,
            // Whole years end in December, and begin in January if they go back.
            0 if self.year > 0 => 11,
            0 => 0,
            month @ 1.. => month - 1,
            month => 12 + month,
        };
        usize::try_from(index).ok()
    }

    /// Julian day.
    pub(super) fn julian(&self) -> i64 {
        julian(self.year, self.month, self.day)
    }

    pub(super) fn iso_week(&self) -> i64 {
        (self.julian() - iso_start(self.iso_year())) / 7 + 1
    }

    /// The year whose weeks the day is of.
    pub(super) fn iso_year(&self) -> i64 {
        let day = self.julian();
        if day < iso_start(self.year) {
            self.year - 1
        } else if day >= iso_start(self.year + 1) {
            self.year + 1
        } else {
            self.year
        }
    }

    pub(super) fn iso_day_of_year(&self) -> i64 {
        self.julian() - iso_start(self.iso_year()) + 1
    }
}

/// Day of the week of a day counted from 1970-01-01; 0 is Sunday.
fn weekday(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}

/// Julian day of a date. Months and days outside their range count on into others, as far as
/// PostgreSQL lets them: a month below 1 is one of the year before.
pub(super) fn julian(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last.
    let (year, month) = match month {
        3.. => (year + 4800, month + 1),
        _ => (year + 4799, month + 13),
    };
    let century = year / 100;
    let leap_days = year / 4 - century + century / 4;
    year * 365 - 32_167 + leap_days + 7834 * month / 256 + day
}

/// Julian day of the Monday that begins an ISO year: that of the week of 4 January.
pub(super) fn iso_start(year: i64) -> i64 {
    let fourth = julian(year, 1, 4);
    fourth - weekday(fourth - 1 - EPOCH_JULIAN)
}
