//! The proleptic Gregorian calendar and time zones, over PostgreSQL's whole range of years (4713 BC
//! to 5874897).
//!
//! chrono's own dates end at year 262143, so days and years are counted here; chrono-tz only says
//! what the offset from UTC is at an instant. Beyond 2037 its rules are continued by a year of the
//! same shape.

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{OffsetName, Tz};

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

/// The same moment in a year whose rules chrono-tz knows: itself, or beyond 2037 a year of the same
/// shape.
fn known(seconds: i64) -> i64 {
    /// 2038-01-01
    const END: i64 = 2_145_916_800;
    if seconds < END {
        // Long before any zone's first rule.
        return seconds.max(-99_999_999_999);
    }
    let date = civil(seconds.div_euclid(86_400));
    let start = days(date.year, 1, 1);
    let like = (2010..2038)
        .find(|year| {
            is_leap(*year) == is_leap(date.year) && weekday(days(*year, 1, 1)) == weekday(start)
        })
        .unwrap_or(2037);
    seconds - (start - days(like, 1, 1)) * 86_400
}

fn utc(seconds: i64) -> NaiveDateTime {
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or(DateTime::UNIX_EPOCH)
        .naive_utc()
}

/// Seconds east of UTC in `zone` at an instant (microseconds since 1970-01-01 UTC).
#[inline]
pub fn offset(zone: Tz, micros: i64) -> i64 {
    if zone == Tz::UTC {
        return 0;
    }
    let instant = utc(known(micros.div_euclid(1_000_000)));
    i64::from(
        zone.offset_from_utc_datetime(&instant)
            .fix()
            .local_minus_utc(),
    )
}

/// Appends the abbreviation of `zone` at an instant (`CET`); false if it has none.
pub fn write_abbreviation(zone: Tz, micros: i64, out: &mut Vec<u8>) -> bool {
    let instant = utc(known(micros.div_euclid(1_000_000)));
    match zone.offset_from_utc_datetime(&instant).abbreviation() {
        Some(name) => {
            out.extend_from_slice(name.as_bytes());
            true
        }
        None => false,
    }
}

/// Seconds east of UTC that local time `micros` of `zone` has. As PostgreSQL: a time that happens
/// twice is the standard (second) one, a time in a gap is read with the offset before the gap.
pub fn local_offset(zone: Tz, micros: i64) -> i64 {
    if zone == Tz::UTC {
        return 0;
    }
    let before = offset(zone, micros.saturating_sub(DAY));
    let after = offset(zone, micros.saturating_add(DAY));
    let fits = |candidate: i64| offset(zone, micros - candidate * 1_000_000) == candidate;
    if before == after {
        // Perhaps two changes within two days: the offset in force at that time, if it is
        // consistent.
        let between = offset(zone, micros - before * 1_000_000);
        return if between == before || !fits(between) {
            before
        } else {
            between
        };
    }
    match (fits(before), fits(after)) {
        (true, false) => before,
        (_, true) => after,
        (false, false) => before,
    }
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

    #[test]
    fn offsets() {
        let berlin = Tz::Europe__Berlin;
        let at = |y, m, d, h: i64| days(y, m, d) * DAY + h * 3_600_000_000;
        assert_eq!(offset(berlin, at(2024, 7, 1, 0)), 7_200);
        assert_eq!(offset(berlin, at(2150, 7, 1, 0)), 7_200);
        assert_eq!(offset(berlin, at(250_000, 1, 1, 0)), 3_600);
        // 02:30 on 2024-10-27 happens twice, on 2024-03-31 never.
        assert_eq!(local_offset(berlin, at(2024, 10, 27, 2)), 3_600);
        assert_eq!(local_offset(berlin, at(2024, 3, 31, 2)), 3_600);
        assert_eq!(local_offset(berlin, at(2024, 3, 31, 3)), 7_200);
    }
}
