//! Dates, times and timestamps as PostgreSQL's text, in all four DateStyles.

use super::{DateOrder, DateStyle, Style};
use crate::base::{Error, Result, SqlState};
use crate::types::Zone;
use crate::types::calendar::{self, Civil, DAY};

const WEEKDAYS: [&[u8]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];
const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Appends `value` with two digits.
#[inline]
fn two(value: u8, out: &mut Vec<u8>) {
    out.push(b'0' + value / 10 % 10);
    out.push(b'0' + value % 10);
}

/// Appends the year, at least four digits, without its era.
#[inline]
fn write_year(year: i64, out: &mut Vec<u8>) {
    let year = if year > 0 { year } else { 1 - year };
    if let Ok(year @ 0..10_000) = u16::try_from(year) {
        #[expect(clippy::cast_possible_truncation, reason = "below 100")]
        let (high, low) = ((year / 100) as u8, (year % 100) as u8);
        two(high, out);
        two(low, out);
    } else {
        super::number::write_int(year, out);
    }
}

/// Appends ` BC` where it is due.
#[inline]
fn write_era(date: Civil, out: &mut Vec<u8>) {
    if date.year <= 0 {
        out.extend_from_slice(b" BC");
    }
}

/// Appends the date's numbers, as `date` shows them.
#[inline]
fn write_numbers(date: Civil, style: &Style, out: &mut Vec<u8>) {
    let (first, second) = match style.date_order {
        DateOrder::Dmy => (date.day, date.month),
        DateOrder::Mdy | DateOrder::Ymd => (date.month, date.day),
    };
    match style.date_style {
        DateStyle::Iso => write_iso(date, out),
        DateStyle::Sql => {
            two(first, out);
            out.push(b'/');
            two(second, out);
            out.push(b'/');
            write_year(date.year, out);
        }
        DateStyle::Postgres => {
            two(first, out);
            out.push(b'-');
            two(second, out);
            out.push(b'-');
            write_year(date.year, out);
        }
        DateStyle::German => {
            two(date.day, out);
            out.push(b'.');
            two(date.month, out);
            out.push(b'.');
            write_year(date.year, out);
        }
    }
}

/// Appends `2024-02-01`. Almost every date written is one of these, so it is appended at once.
#[inline]
fn write_iso(date: Civil, out: &mut Vec<u8>) {
    let Ok(year @ 1..10_000) = u16::try_from(date.year) else {
        write_year(date.year, out);
        out.push(b'-');
        two(date.month, out);
        out.push(b'-');
        return two(date.day, out);
    };
    let mut text = *b"0000-00-00";
    let mut put = |at: usize, value: u16| {
        #[expect(clippy::cast_possible_truncation, reason = "below 100")]
        let value = value as u8;
        text[at] += value / 10;
        text[at + 1] += value % 10;
    };
    put(0, year / 100);
    put(2, year % 100);
    put(5, date.month.into());
    put(8, date.day.into());
    out.extend_from_slice(&text);
}

/// Appends a date, in days since 1970-01-01.
#[inline]
pub(in crate::types) fn write_date(days: i32, style: &Style, out: &mut Vec<u8>) -> Result<()> {
    match days {
        i32::MAX => out.extend_from_slice(b"infinity"),
        i32::MIN => out.extend_from_slice(b"-infinity"),
        calendar::DATE_MIN..=calendar::DATE_MAX => {
            let date = calendar::civil(i64::from(days));
            write_numbers(date, style, out);
            write_era(date, out);
        }
        _ => return Err(date_out_of_range()),
    }
    Ok(())
}

/// `22008` for dates beyond PostgreSQL's.
pub(in crate::types) fn date_out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range")
}

/// `22008` for timestamps beyond PostgreSQL's.
pub(in crate::types) fn timestamp_out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range")
}

/// Appends a time of day; 24:00:00 is one.
#[inline]
pub(in crate::types) fn write_time(micros: i64, out: &mut Vec<u8>) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "below 61"
    )]
    let field = |value: i64| value as u8;
    let seconds = micros / 1_000_000;
    let mut text = *b"00:00:00";
    for (at, value) in [
        (0, field(seconds / 3_600)),
        (3, field(seconds / 60 % 60)),
        (6, field(seconds % 60)),
    ] {
        text[at] += value / 10;
        text[at + 1] += value % 10;
    }
    out.extend_from_slice(&text);
    write_fraction(micros % 1_000_000, out);
}

/// Appends `.` and up to six digits without trailing zeros; nothing for zero.
#[inline]
pub(super) fn write_fraction(micros: i64, out: &mut Vec<u8>) {
    if micros == 0 {
        return;
    }
    out.push(b'.');
    let mut divisor = 100_000;
    let mut rest = micros;
    while rest != 0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a digit"
        )]
        out.push(b'0' + (rest / divisor) as u8);
        rest %= divisor;
        divisor /= 10;
    }
}

/// Appends a timestamp in microseconds since 1970-01-01; with a zone it is an instant, shown there.
#[inline]
pub(in crate::types) fn write_timestamp(
    micros: i64,
    zone: Option<Zone>,
    style: &Style,
    out: &mut Vec<u8>,
) -> Result<()> {
    match micros {
        i64::MAX => out.extend_from_slice(b"infinity"),
        i64::MIN => out.extend_from_slice(b"-infinity"),
        calendar::TIMESTAMP_MIN.. => {
            let offset = zone.map(|zone| zone.offset(micros));
            let local = i128::from(micros) + i128::from(offset.unwrap_or(0)) * 1_000_000;
            let days = local.div_euclid(i128::from(DAY));
            let time = local.rem_euclid(i128::from(DAY));
            let (days, time) = (
                i64::try_from(days).unwrap_or(0),
                i64::try_from(time).unwrap_or(0),
            );
            write_fields(days, time, style, out);
            if let (Some(zone), Some(offset)) = (zone, offset) {
                write_zone(zone, micros, offset, style, out);
            }
            write_era(calendar::civil(days), out);
        }
        _ => return Err(timestamp_out_of_range()),
    }
    Ok(())
}

/// Appends date and time of day.
#[inline]
fn write_fields(days: i64, time: i64, style: &Style, out: &mut Vec<u8>) {
    let date = calendar::civil(days);
    match style.date_style {
        DateStyle::Iso | DateStyle::Sql | DateStyle::German => {
            write_numbers(date, style, out);
            out.push(b' ');
            write_time(time, out);
        }
        DateStyle::Postgres => {
            let month = MONTHS[usize::from(date.month) - 1];
            out.extend_from_slice(WEEKDAYS[calendar::weekday(days)]);
            out.push(b' ');
            if style.date_order == DateOrder::Dmy {
                two(date.day, out);
                out.push(b' ');
                out.extend_from_slice(month);
            } else {
                out.extend_from_slice(month);
                out.push(b' ');
                two(date.day, out);
            }
            out.push(b' ');
            write_time(time, out);
            out.push(b' ');
            write_year(date.year, out);
        }
    }
}

/// Appends the zone: its offset in ISO style, else its abbreviation if it has one.
#[inline]
fn write_zone(zone: Zone, micros: i64, offset: i64, style: &Style, out: &mut Vec<u8>) {
    if style.date_style != DateStyle::Iso {
        out.push(b' ');
        if zone.write_abbreviation(micros, out) {
            return;
        }
    }
    write_offset(offset, out);
}

/// Appends an offset in seconds: `+02`, `+05:30`, `+00:53:28`.
#[inline]
pub(in crate::types) fn write_offset(offset: i64, out: &mut Vec<u8>) {
    out.push(if offset < 0 { b'-' } else { b'+' });
    let offset = offset.unsigned_abs();
    #[expect(clippy::cast_possible_truncation, reason = "below 60")]
    let field = |value: u64| value as u8;
    two(field(offset / 3_600), out);
    if !offset.is_multiple_of(3_600) {
        out.push(b':');
        two(field(offset / 60 % 60), out);
        if !offset.is_multiple_of(60) {
            out.push(b':');
            two(field(offset % 60), out);
        }
    }
}
