//! Arithmetic on times, dates and intervals that Arrow does not have.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int32Array, IntervalMonthDayNanoArray,
    Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int32Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::Expr;

use super::Result;
use super::computed::Computed;
use crate::base::{Error, SqlState};
use crate::engine::scope::external;
use crate::types::PgType;
use crate::types::calendar::{DATE_MAX, DATE_MIN};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

pub(super) const LIST: &[Computed] = &[
    Computed {
        name: "timestamp_mi",
        returns: Some(PgType::INTERVAL),
        body: timestamp_mi,
    },
    Computed {
        name: "date_pli",
        returns: Some(PgType::DATE),
        body: |args| days_moved(args, 1),
    },
    Computed {
        name: "date_mii",
        returns: Some(PgType::DATE),
        body: |args| days_moved(args, -1),
    },
    Computed {
        name: "date_mi",
        returns: Some(PgType::INT4),
        body: date_mi,
    },
    Computed {
        name: "datetime_pl",
        returns: Some(PgType::TIMESTAMP),
        body: datetime_pl,
    },
    Computed {
        name: "time_pl_interval",
        returns: Some(PgType::TIME),
        body: |args| time_and_interval(args, 1),
    },
    Computed {
        name: "time_mi_interval",
        returns: Some(PgType::TIME),
        body: |args| time_and_interval(args, -1),
    },
    Computed {
        name: "time_mi_time",
        returns: Some(PgType::INTERVAL),
        body: time_mi_time,
    },
    Computed {
        name: "interval_mul",
        returns: Some(PgType::INTERVAL),
        body: |args| scaled(args, false),
    },
    Computed {
        name: "interval_div",
        returns: Some(PgType::INTERVAL),
        body: |args| scaled(args, true),
    },
    Computed {
        name: "interval_key",
        returns: Some(PgType::numeric(38, 0)),
        body: key,
    },
];

/// An interval as the number of microseconds PostgreSQL compares it by.
pub(in crate::engine) fn interval_key(interval: Expr) -> Expr {
    match super::computed("interval_key") {
        Some(function) => function.call(vec![interval]),
        None => interval,
    }
}

fn out_of_range(what: &str) -> DataFusionError {
    external(Error::new(
        SqlState::DATETIME_FIELD_OVERFLOW,
        format!("{what} out of range"),
    ))
}

fn micros(array: &ArrayRef) -> Result<TimestampMicrosecondArray> {
    let zone = match array.data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let array = arrow::compute::cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
    Ok(array.as_primitive::<TimestampMicrosecondType>().clone())
}

/// Whole days, and the rest as a time.
fn timestamp_mi(args: &[ArrayRef]) -> Result<ArrayRef> {
    let (left, right) = (micros(&args[0])?, micros(&args[1])?);
    let difference = left
        .iter()
        .zip(right.iter())
        .map(|(left, right)| {
            let (Some(left), Some(right)) = (left, right) else {
                return Ok(None);
            };
            if [left, right]
                .iter()
                .any(|side| matches!(*side, i64::MAX | i64::MIN))
            {
                return Err(external(Error::new(
                    SqlState::DATETIME_FIELD_OVERFLOW,
                    "cannot subtract infinite timestamps",
                )));
            }
            let micros = left
                .checked_sub(right)
                .ok_or_else(|| out_of_range("interval"))?;
            let days = i32::try_from(micros / DAY).map_err(|_| out_of_range("interval"))?;
            Ok(Some(IntervalMonthDayNano::new(
                0,
                days,
                (micros % DAY) * 1_000,
            )))
        })
        .collect::<Result<IntervalMonthDayNanoArray>>()?;
    Ok(Arc::new(difference))
}

/// Dates so many days later (or earlier); what is infinite stays so.
fn days_moved(args: &[ArrayRef], sign: i64) -> Result<ArrayRef> {
    let dates = args[0].as_primitive::<Date32Type>();
    let days = args[1].as_primitive::<Int32Type>();
    let moved = dates.iter().zip(days.iter()).map(|(date, days)| {
        let (Some(date), Some(days)) = (date, days) else {
            return Ok(None);
        };
        if is_infinite(date) {
            return Ok(Some(date));
        }
        let moved = i32::try_from(i64::from(date) + sign * i64::from(days));
        let moved = moved
            .ok()
            .filter(|date| (DATE_MIN..=DATE_MAX).contains(date));
        moved.map(Some).ok_or_else(|| out_of_range("date"))
    });
    Ok(Arc::new(moved.collect::<Result<Date32Array>>()?))
}

/// Days from one date to another.
fn date_mi(args: &[ArrayRef]) -> Result<ArrayRef> {
    let left = args[0].as_primitive::<Date32Type>();
    let right = args[1].as_primitive::<Date32Type>();
    let between = left.iter().zip(right.iter()).map(|(left, right)| {
        let (Some(left), Some(right)) = (left, right) else {
            return Ok(None);
        };
        if is_infinite(left) || is_infinite(right) {
            return Err(external(Error::new(
                SqlState::DATETIME_FIELD_OVERFLOW,
                "cannot subtract infinite dates",
            )));
        }
        Ok(Some(left - right))
    });
    Ok(Arc::new(between.collect::<Result<Int32Array>>()?))
}

/// Whether a date is before or after all others.
fn is_infinite(date: i32) -> bool {
    matches!(date, i32::MIN | i32::MAX)
}

fn datetime_pl(args: &[ArrayRef]) -> Result<ArrayRef> {
    let dates = args[0].as_primitive::<Date32Type>();
    let times = args[1].as_primitive::<Time64MicrosecondType>();
    let sums: TimestampMicrosecondArray = dates
        .iter()
        .zip(times.iter())
        .map(|(date, time)| Some(i64::from(date?) * DAY + time?))
        .collect();
    Ok(Arc::new(sums))
}

fn time_and_interval(args: &[ArrayRef], sign: i64) -> Result<ArrayRef> {
    let times = args[0].as_primitive::<Time64MicrosecondType>();
    let intervals = args[1].as_primitive::<IntervalMonthDayNanoType>();
    let sums: Time64MicrosecondArray = times
        .iter()
        .zip(intervals.iter())
        .map(|(time, interval)| {
            let moved = time? + sign * (interval?.nanoseconds / 1_000 % DAY);
            Some(moved.rem_euclid(DAY))
        })
        .collect();
    Ok(Arc::new(sums))
}

fn time_mi_time(args: &[ArrayRef]) -> Result<ArrayRef> {
    let left = args[0].as_primitive::<Time64MicrosecondType>();
    let right = args[1].as_primitive::<Time64MicrosecondType>();
    let differences: IntervalMonthDayNanoArray = left
        .iter()
        .zip(right.iter())
        .map(|(left, right)| Some(IntervalMonthDayNano::new(0, 0, (left? - right?) * 1_000)))
        .collect();
    Ok(Arc::new(differences))
}

/// An interval times or by a number. What is left of a month goes to days, of a day to the time.
fn scaled(args: &[ArrayRef], divide: bool) -> Result<ArrayRef> {
    let intervals = args[0].as_primitive::<IntervalMonthDayNanoType>();
    let factors = args[1].as_primitive::<Float64Type>();
    let products = intervals
        .iter()
        .zip(factors.iter())
        .map(|(interval, factor)| match (interval, factor) {
            (Some(interval), Some(factor)) => scale(interval, factor, divide).map(Some),
            _ => Ok(None),
        })
        .collect::<Result<IntervalMonthDayNanoArray>>()?;
    Ok(Arc::new(products))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "PostgreSQL computes in double precision and checks the range"
)]
fn scale(
    interval: IntervalMonthDayNano,
    factor: f64,
    divide: bool,
) -> Result<IntervalMonthDayNano> {
    if divide && factor == 0.0 {
        return Err(external(Error::new(
            SqlState::DIVISION_BY_ZERO,
            "division by zero",
        )));
    }
    let apply = |value: f64| {
        if divide {
            value / factor
        } else {
            value * factor
        }
    };
    let whole = |value: f64| -> Result<i32> {
        if value.is_nan() || value < f64::from(i32::MIN) || value > f64::from(i32::MAX) {
            return Err(out_of_range("interval"));
        }
        Ok(value as i32)
    };
    // Rounded to microseconds, so that what a double cannot hold exactly does not show.
    let rounded = |value: f64| (value * 1_000_000.0).round() / 1_000_000.0;
    let months_exact = apply(f64::from(interval.months));
    let months = whole(months_exact)?;
    let days_exact = apply(f64::from(interval.days));
    let mut days = whole(days_exact)?;
    let month_days = rounded((months_exact - f64::from(months)) * 30.0);
    let more_days = month_days as i32;
    let mut seconds =
        rounded((days_exact - f64::from(days) + month_days - f64::from(more_days)) * 86_400.0);
    if seconds.abs() >= 86_400.0 {
        let extra = (seconds / 86_400.0) as i32;
        days = days
            .checked_add(extra)
            .ok_or_else(|| out_of_range("interval"))?;
        seconds -= f64::from(extra) * 86_400.0;
    }
    let days = days
        .checked_add(more_days)
        .ok_or_else(|| out_of_range("interval"))?;
    let time = (apply((interval.nanoseconds / 1_000) as f64) + seconds * 1_000_000.0).round();
    if time.is_nan() || time.abs() > 9.2e15 {
        return Err(out_of_range("interval"));
    }
    Ok(IntervalMonthDayNano::new(months, days, time as i64 * 1_000))
}

pub(super) fn key(args: &[ArrayRef]) -> Result<ArrayRef> {
    crate::functions::interval_keys(&args[0]).map_err(external)
}
