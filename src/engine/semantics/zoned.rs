//! Casts of timestamps: between local time and UTC, to dates and times of day.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{
    DataType, Date32Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};

use super::Result;
use super::casts::cast;
use crate::base::{Error, SqlState};
use crate::engine::scope::external;
use crate::types::Zone;
use crate::types::calendar::DAY;

fn is_absolute(ty: &DataType) -> bool {
    matches!(ty, DataType::Timestamp(_, Some(_)))
}

/// Microseconds since 1970 of dates and timestamps, local or UTC as they are.
fn micros(array: &ArrayRef) -> Result<TimestampMicrosecondArray> {
    if let Some(dates) = array.as_primitive_opt::<Date32Type>() {
        return dates.try_unary(|day| match day {
            i32::MAX => Ok(i64::MAX),
            i32::MIN => Ok(i64::MIN),
            day => i64::from(day).checked_mul(DAY).ok_or_else(|| {
                external(Error::new(
                    SqlState::DATETIME_FIELD_OVERFLOW,
                    "date out of range for timestamp",
                ))
            }),
        });
    }
    // Dropping a zone keeps the number.
    let zone = is_absolute(array.data_type()).then(|| Arc::from("UTC"));
    let values = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
    let values = values.as_primitive::<TimestampMicrosecondType>();
    Ok(values.clone().with_timezone_opt(None::<Arc<str>>))
}

fn is_infinite(micros: i64) -> bool {
    matches!(micros, i64::MAX | i64::MIN)
}

/// The microseconds of a moment in a zone's local time.
fn local(zone: Zone, micros: i64) -> i64 {
    micros.saturating_add(zone.offset(micros) * 1_000_000)
}

/// Timestamps as dates or times of day. The date infinity is of is infinity; it has no time of day.
pub(super) fn part(zone: Zone, array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let absolute = is_absolute(array.data_type());
    let local = |micros: i64| match absolute {
        true => local(zone, micros),
        false => micros,
    };
    let micros = micros(array)?;
    let parts: ArrayRef = match to {
        DataType::Date32 => Arc::new(micros.unary::<_, Date32Type>(|micros| match micros {
            i64::MAX => i32::MAX,
            i64::MIN => i32::MIN,
            // At most 109 million days.
            micros => i32::try_from(local(micros).div_euclid(DAY)).unwrap_or(i32::MAX),
        })),
        _ => Arc::new(micros.unary_opt::<_, Time64MicrosecondType>(|micros| {
            (!is_infinite(micros)).then(|| local(micros).rem_euclid(DAY))
        })),
    };
    cast(&parts, to)
}

/// Dates and timestamps as timestamps, local or of a moment.
pub(super) fn zone(zone: Zone, array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let (from_moment, to_moment) = (is_absolute(array.data_type()), is_absolute(to));
    let shifted: TimestampMicrosecondArray =
        micros(array)?.unary(|micros| match (from_moment, to_moment) {
            _ if is_infinite(micros) => micros,
            (true, false) => local(zone, micros),
            (false, true) => micros.saturating_sub(zone.local_offset(micros) * 1_000_000),
            _ => micros,
        });
    let shifted: ArrayRef = match to_moment {
        true => Arc::new(shifted.with_timezone("UTC")),
        false => Arc::new(shifted),
    };
    cast(&shifted, to)
}
