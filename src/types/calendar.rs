//! The proleptic Gregorian calendar, over PostgreSQL's whole range of years (4713 BC to 5874897).
//!
//! chrono's own dates end at year 262143, so days and years are counted here.

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;
/// Days from 1970-01-01 to 2000-01-01, the epoch of PostgreSQL's binary formats.
pub const EPOCH_2000_DAYS: i32 = 10_957;
/// Microseconds from 1970-01-01 to 2000-01-01.
pub const EPOCH_2000_MICROS: i64 = EPOCH_2000_DAYS as i64 * DAY;
/// Julian day number of 1970-01-01.
pub const EPOCH_JULIAN: i64 = 2_440_588;
/// First and last date, in days since 1970-01-01: 4714-11-24 BC and 5874897-12-31.
pub const DATE_MIN: i32 = -2_440_588;
/// See [`DATE_MIN`].
pub const DATE_MAX: i32 = 2_147_483_493 - 2_440_588;
/// First timestamp, in microseconds since 1970-01-01. The last is what 64 bits hold (year 294247),
/// short of infinity.
pub const TIMESTAMP_MIN: i64 = DATE_MIN as i64 * DAY;

/// Year, month, day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// Astronomical: 0 is 1 BC.
    pub year: i64,
    /// From 1.
    pub month: u8,
    /// From 1.
    pub day: u8,
}

/// The date of a day counted from 1970-01-01 (Howard Hinnant's algorithm: eras of 400 years, years
/// from March).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "months and days"
)]
#[inline]
pub fn civil(days: i64) -> Civil {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    Civil {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month: month as u8,
        day: (day_of_year - (153 * march_month + 2) / 5 + 1) as u8,
    }
}

/// Days from 1970-01-01 to a date; month and day must be in range.
#[inline]
pub fn days(year: i64, month: u8, day: u8) -> i64 {
    let (month, day) = (i64::from(month), i64::from(day));
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Whether `year` has a 29 February.
pub fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a month.
pub fn month_days(year: i64, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Day of the week, 0 is Sunday.
pub fn weekday(days: i64) -> usize {
    // From 0 to 6, so it converts.
    usize::try_from((days + 4).rem_euclid(7)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for day in (-3_000_000..3_000_000).step_by(37) {
            let date = civil(day);
            assert_eq!(days(date.year, date.month, date.day), day);
        }
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 1, 1), i64::from(EPOCH_2000_DAYS));
        assert_eq!(days(-4713, 11, 24), i64::from(DATE_MIN));
        assert_eq!(days(5_874_897, 12, 31), i64::from(DATE_MAX));
    }
}
