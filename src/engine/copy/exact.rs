//! Conversions of Arrow arrays that must lose nothing.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::compute::kernels::cmp::distinct;
use arrow::datatypes::{
    DataType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float64Type, IntervalDayTimeType, IntervalMonthDayNano,
    IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType, TimeUnit,
};

use super::adopt::{checked, finer, first_wrong, plain};
use crate::base::{Error, Result, SqlState};
use crate::types::text::ParseError;

/// Nanoseconds of a microsecond.
const MICRO: i64 = 1_000;

/// What must be the same afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exact {
    /// Floats that are whole numbers.
    Whole,
    /// Integers with no more digits than a float has.
    Digits,
    /// Times of a coarser or finer unit.
    Unit,
}

/// A cast that must lead back to the same values.
pub(super) fn exactly(
    array: &ArrayRef,
    to: &DataType,
    how: Exact,
    error: impl Fn(usize) -> Error,
) -> Result<ArrayRef, ParseError> {
    if how == Exact::Whole {
        // Arrow's cast cuts a fraction off.
        let doubles = plain(array, &DataType::Float64)?;
        let doubles = doubles.as_primitive::<Float64Type>().iter();
        let whole = doubles.map(|value| value.is_none_or(|value| value.fract() == 0.0));
        if let Some(row) = first_wrong(whole) {
            return Err(ParseError {
                row,
                error: Error::new(
                    SqlState::INVALID_TEXT_REPRESENTATION,
                    "a number with a fraction is no integer",
                ),
            });
        }
        return checked(array, to, error);
    }
    let values = checked(array, to, &error)?;
    let back = checked(&values, array.data_type(), &error)?;
    let differ = distinct(&back, array).map_err(|failure| ParseError {
        row: 0,
        error: Error::internal("reading Arrow data", failure),
    })?;
    match first_wrong(differ.values().iter().map(|differs| !differs)) {
        Some(row) => Err(ParseError {
            row,
            error: error(row),
        }),
        None => Ok(values),
    }
}

/// Intervals and durations of any unit as months, days and nanoseconds that are whole microseconds.
pub(super) fn intervals(array: &ArrayRef) -> Result<ArrayRef, ParseError> {
    let make = |months, days, nanoseconds| IntervalMonthDayNano {
        months,
        days,
        nanoseconds,
    };
    let scaled = |value: i64, unit: i64| value.checked_mul(unit).map(|nanos| make(0, 0, nanos));
    let values: Vec<Option<Option<IntervalMonthDayNano>>> = match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => array
            .as_primitive::<IntervalYearMonthType>()
            .iter()
            .map(|value| value.map(|months| Some(make(months, 0, 0))))
            .collect(),
        DataType::Interval(IntervalUnit::DayTime) => array
            .as_primitive::<IntervalDayTimeType>()
            .iter()
            .map(|value| {
                value.map(|value| {
                    let nanos = i64::from(value.milliseconds) * MICRO * 1_000;
                    Some(make(0, value.days, nanos))
                })
            })
            .collect(),
        DataType::Interval(IntervalUnit::MonthDayNano) => array
            .as_primitive::<IntervalMonthDayNanoType>()
            .iter()
            .map(|value| value.map(Some))
            .collect(),
        DataType::Duration(TimeUnit::Second) => array
            .as_primitive::<DurationSecondType>()
            .iter()
            .map(|value| value.map(|value| scaled(value, MICRO * 1_000_000)))
            .collect(),
        DataType::Duration(TimeUnit::Millisecond) => array
            .as_primitive::<DurationMillisecondType>()
            .iter()
            .map(|value| value.map(|value| scaled(value, MICRO * 1_000)))
            .collect(),
        DataType::Duration(TimeUnit::Microsecond) => array
            .as_primitive::<DurationMicrosecondType>()
            .iter()
            .map(|value| value.map(|value| scaled(value, MICRO)))
            .collect(),
        DataType::Duration(TimeUnit::Nanosecond) => array
            .as_primitive::<DurationNanosecondType>()
            .iter()
            .map(|value| value.map(|value| scaled(value, 1)))
            .collect(),
        other => {
            return Err(ParseError {
                row: 0,
                error: Error::internal("reading Arrow data", format!("{other} is no interval")),
            });
        }
    };
    let mut intervals = Vec::with_capacity(values.len());
    for (row, value) in values.into_iter().enumerate() {
        let interval = match value {
            None => None,
            Some(Some(value)) if value.nanoseconds % MICRO == 0 => Some(value),
            Some(Some(_)) => {
                let error = finer("interval");
                return Err(ParseError { row, error });
            }
            Some(None) => {
                let error = Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range");
                return Err(ParseError { row, error });
            }
        };
        intervals.push(interval);
    }
    Ok(Arc::new(IntervalMonthDayNanoArray::from(intervals)))
}
