//! `generate_series` as arrays.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, PrimitiveArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Int32Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, TimestampMicrosecondType,
};
use chrono::{DateTime, Months, TimeDelta};

use super::Result;
use super::computed::Computed;
use crate::base::{Error, SqlState};
use crate::engine::scope::external;
use crate::types::numerics::{NumericColumn, column};
use crate::types::{Extended, Numeric, PgType, Zone};

/// Elements one call may give: they are in memory at once.
const ELEMENTS_MAX: usize = 50_000_000;

pub(super) const LIST: &[Computed] = &[
    Computed {
        name: "generate_series_int4",
        returns: Some(PgType::of(1007)),
        body: |args| integers::<Int32Type>(args),
    },
    Computed {
        name: "generate_series_int8",
        returns: Some(PgType::of(1016)),
        body: |args| integers::<Int64Type>(args),
    },
    Computed {
        name: "generate_series_numeric",
        returns: Some(PgType::of(1231)),
        body: numerics,
    },
    Computed {
        name: "generate_series_timestamp",
        returns: Some(PgType::of(1115)),
        body: |args| times(args, None),
    },
    Computed {
        name: "generate_series_timestamptz",
        returns: Some(PgType::of(1185)),
        body: |args| times(args, Some("UTC")),
    },
];

fn zero_step() -> datafusion::common::DataFusionError {
    external(Error::new(
        SqlState::INVALID_PARAMETER_VALUE,
        "step size cannot equal zero",
    ))
}

fn too_many() -> datafusion::common::DataFusionError {
    external(
        Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            "generate_series gives too many rows",
        )
        .detail(format!("One call may give {ELEMENTS_MAX} rows.")),
    )
}

/// Lists of values of `element`, one for each row; `None` is NULL.
fn lists<T: ArrowPrimitiveType>(
    rows: Vec<Option<Vec<T::Native>>>,
    element: Field,
) -> Result<ArrayRef> {
    let lengths = rows.iter().map(|row| row.as_ref().map_or(0, Vec::len));
    let offsets = OffsetBuffer::from_lengths(lengths);
    let nulls: NullBuffer = rows.iter().map(Option::is_some).collect();
    let values: Vec<T::Native> = rows.into_iter().flatten().flatten().collect();
    let values =
        PrimitiveArray::<T>::new(values.into(), None).with_data_type(element.data_type().clone());
    Ok(Arc::new(ListArray::try_new(
        Arc::new(element),
        offsets,
        Arc::new(values),
        Some(nulls),
    )?))
}

fn integers<T>(args: &[ArrayRef]) -> Result<ArrayRef>
where
    T: ArrowPrimitiveType,
    T::Native: Into<i64> + TryFrom<i64>,
{
    let [from, to, step] = [0, 1, 2].map(|index| args[index].as_primitive::<T>());
    let mut total = 0usize;
    let rows = (0..from.len())
        .map(|row| {
            if from.is_null(row) || to.is_null(row) || step.is_null(row) {
                return Ok(None);
            }
            let (mut value, last, step): (i64, i64, i64) = (
                from.value(row).into(),
                to.value(row).into(),
                step.value(row).into(),
            );
            if step == 0 {
                return Err(zero_step());
            }
            let mut values = Vec::new();
            while if step > 0 {
                value <= last
            } else {
                value >= last
            } {
                total += 1;
                if total > ELEMENTS_MAX {
                    return Err(too_many());
                }
                let Ok(native) = T::Native::try_from(value) else {
                    break;
                };
                values.push(native);
                match value.checked_add(step) {
                    Some(next) => value = next,
                    None => break,
                }
            }
            Ok(Some(values))
        })
        .collect::<Result<Vec<_>>>()?;
    lists::<T>(rows, Field::new("item", T::DATA_TYPE, true))
}

/// Of numerics: each value with as many digits as the arguments have.
fn numerics(args: &[ArrayRef]) -> Result<ArrayRef> {
    let failed = |array: &ArrayRef| external(Error::internal("making a series", array.data_type()));
    let columns = args
        .iter()
        .map(|array| NumericColumn::new(array.as_ref()).ok_or_else(|| failed(array)))
        .collect::<Result<Vec<_>>>()?;
    let mut total = 0usize;
    let mut lengths = Vec::with_capacity(columns[0].len());
    let mut nulls = Vec::with_capacity(columns[0].len());
    let mut values = Vec::new();
    for row in 0..columns[0].len() {
        let before = values.len();
        let (from, to, step) = (
            columns[0].get(row),
            columns[1].get(row),
            columns[2].get(row),
        );
        nulls.push(from.is_some() && to.is_some() && step.is_some());
        if let (Some(from), Some(to), Some(step)) = (from, to, step) {
            for (value, what) in [(&from, "start"), (&to, "stop"), (&step, "step size")] {
                if value.finite().is_none() {
                    let word = if matches!(value, Extended::NaN) {
                        "NaN"
                    } else {
                        "infinity"
                    };
                    return Err(external(Error::new(
                        SqlState::INVALID_PARAMETER_VALUE,
                        format!("{what} value cannot be {word}"),
                    )));
                }
            }
            let zero = Extended::Finite(Numeric::zero());
            if step == zero {
                return Err(zero_step());
            }
            let mut value = from;
            while if step > zero {
                value <= to
            } else {
                value >= to
            } {
                total += 1;
                if total > ELEMENTS_MAX {
                    return Err(too_many());
                }
                let next = value.plus(&step);
                values.push(Ok(Some(value)));
                value = next;
            }
        }
        lengths.push(values.len() - before);
    }
    let items = column(values.into_iter()).map_err(external)?;
    let field = Arc::new(PgType::NUMERIC.field("item", true));
    Ok(Arc::new(ListArray::try_new(
        field,
        OffsetBuffer::from_lengths(lengths),
        Arc::new(items),
        Some(nulls.into()),
    )?))
}

fn times(args: &[ArrayRef], zone: Option<&str>) -> Result<ArrayRef> {
    let micros = |array: &ArrayRef| -> Result<TimestampMicrosecondArray> {
        let ty = DataType::Timestamp(
            arrow::datatypes::TimeUnit::Microsecond,
            zone.map(Into::into),
        );
        Ok(arrow::compute::cast(array, &ty)?
            .as_primitive::<TimestampMicrosecondType>()
            .clone())
    };
    let (from, to) = (micros(&args[0])?, micros(&args[1])?);
    let clock = match args.get(3) {
        Some(named) => clock(named)?,
        None => None,
    };
    let steps = args[2].as_primitive::<IntervalMonthDayNanoType>();
    let mut total = 0usize;
    let rows = (0..from.len())
        .map(|row| {
            if from.is_null(row) || to.is_null(row) || steps.is_null(row) {
                return Ok(None);
            }
            let (mut value, last, step) = (from.value(row), to.value(row), steps.value(row));
            let length = i128::from(step.months) * 30 * 86_400_000_000
                + i128::from(step.days) * 86_400_000_000
                + i128::from(step.nanoseconds / 1_000);
            if length == 0 {
                return Err(zero_step());
            }
            let mut values = Vec::new();
            while if length > 0 {
                value <= last
            } else {
                value >= last
            } {
                total += 1;
                if total > ELEMENTS_MAX {
                    return Err(too_many());
                }
                values.push(value);
                let next = match clock {
                    Some(zone) => moved_on(zone, value, step),
                    None => moved(value, step),
                };
                value = next.ok_or_else(|| {
                    external(Error::new(
                        SqlState::DATETIME_FIELD_OVERFLOW,
                        "timestamp out of range",
                    ))
                })?;
            }
            Ok(Some(values))
        })
        .collect::<Result<Vec<_>>>()?;
    let ty = if zone.is_some() {
        PgType::TIMESTAMPTZ
    } else {
        PgType::TIMESTAMP
    };
    lists::<TimestampMicrosecondType>(rows, ty.field("item", true))
}

/// The time zone that an argument says.
fn clock(named: &ArrayRef) -> Result<Option<Zone>> {
    let named = arrow::compute::cast(named, &DataType::Utf8View)?;
    let name = named.as_string_view().iter().flatten().next();
    Ok(name.and_then(Zone::shown))
}

/// A moment moved by an interval: months and days on a clock, the rest as time that goes by.
fn moved_on(zone: Zone, micros: i64, step: IntervalMonthDayNano) -> Option<i64> {
    let (rest, mut instant) = (step.nanoseconds / 1_000, micros);
    if step.months != 0 || step.days != 0 {
        let local = micros.checked_add(zone.offset(micros) * 1_000_000)?;
        let days = IntervalMonthDayNano::new(step.months, step.days, 0);
        let shifted = moved(local, days)?;
        instant = shifted.checked_sub(zone.local_offset(shifted) * 1_000_000)?;
    }
    instant.checked_add(rest)
}

/// A moment moved by an interval: months first, then days, then the time.
fn moved(micros: i64, step: IntervalMonthDayNano) -> Option<i64> {
    let time = DateTime::from_timestamp_micros(micros)?.naive_utc();
    let months = Months::new(step.months.unsigned_abs());
    let time = if step.months >= 0 {
        time.checked_add_months(months)?
    } else {
        time.checked_sub_months(months)?
    };
    let time = time.checked_add_signed(TimeDelta::try_days(i64::from(step.days))?)?;
    let time = time.checked_add_signed(TimeDelta::microseconds(step.nanoseconds / 1_000))?;
    Some(time.and_utc().timestamp_micros())
}
