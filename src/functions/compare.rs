//! Values as others that Arrow compares the way PostgreSQL compares the first.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BinaryArray, Decimal128Array, DynComparator, Float32Array, Float64Array,
    make_comparator,
};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Float32Type, Float64Type, IntervalMonthDayNanoType};

use super::array_key::has_array_key;
use crate::base::{Error, Result};
use crate::types::calendar::DAY;
use crate::types::search::Query;
use crate::types::{PgType, numerics, range, row};

fn failed(error: arrow::error::ArrowError) -> Error {
    Error::internal("comparing", error)
}

/// Compares a row of `a` with a row of `b`, which are of type `ty`; NULLs are last.
pub(super) fn comparator(a: &ArrayRef, b: &ArrayRef, ty: PgType) -> Result<DynComparator> {
    let (a, b) = both_comparable(a, b, ty)?;
    let options = SortOptions {
        descending: false,
        nulls_first: false,
    };
    make_comparator(&a, &b, options).map_err(failed)
}

/// Two columns of type `ty` as values of one type that compare as PostgreSQL's do.
pub(super) fn both_comparable(
    a: &ArrayRef,
    b: &ArrayRef,
    ty: PgType,
) -> Result<(ArrayRef, ArrayRef)> {
    let open = [a.data_type(), b.data_type()].contains(&&DataType::LargeUtf8);
    let b = match open || a.data_type() == b.data_type() {
        true => b.clone(),
        false => arrow::compute::cast(b, a.data_type()).map_err(failed)?,
    };
    if open {
        return Ok((numeric_keys(a)?, numeric_keys(&b)?));
    }
    Ok((comparable(a, ty)?, comparable(&b, ty)?))
}

/// The type of what [`comparable`] makes of values of type `ty` in arrays of the type `held`.
pub(crate) fn comparable_type(held: &DataType, ty: PgType) -> DataType {
    match held {
        DataType::LargeUtf8 | DataType::Decimal256(..) => DataType::Utf8,
        DataType::Interval(_) => PgType::numeric(38, 0).data_type(),
        DataType::LargeBinary => DataType::Binary,
        array if has_array_key(array) => DataType::Binary,
        _ if ty.oid == PgType::JSONB.oid => PgType::TEXT.data_type(),
        held => held.clone(),
    }
}

/// Values of type `ty` as such that are equal, and in order, where theirs are: zero has one sign
/// and NaN one pattern, numerics have no zeros at the end, a month has 30 days of 24 hours, and
/// jsonb, ranges of numerics, and arrays have keys.
///
/// # Errors
/// `XX000` if they are no values of the type.
pub(crate) fn comparable(array: &ArrayRef, ty: PgType) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Binary if ty.is_composite() => Ok(Arc::new(row::keys(array.as_ref())?)),
        DataType::Binary if ty.oid == PgType::TSQUERY.oid => Ok(query_keys(array)),
        DataType::LargeUtf8 | DataType::Decimal256(..) => numeric_keys(array),
        DataType::Interval(_) => interval_keys(array),
        DataType::Float32 => {
            let floats = array.as_primitive::<Float32Type>();
            let plain: Float32Array = floats.unary(|value| match value.is_nan() {
                true => f32::NAN,
                false => value + 0.0,
            });
            Ok(Arc::new(plain))
        }
        DataType::Float64 => {
            let floats = array.as_primitive::<Float64Type>();
            let plain: Float64Array = floats.unary(|value| match value.is_nan() {
                true => f64::NAN,
                false => value + 0.0,
            });
            Ok(Arc::new(plain))
        }
        DataType::LargeBinary => Ok(range_keys(array)),
        held if has_array_key(held) => super::array_key::keys(array, ty.element()),
        _ if ty.oid == PgType::JSONB.oid => super::jsonb::keys(array),
        _ => Ok(Arc::clone(array)),
    }
}

/// Text that compares as numerics do.
pub(super) fn numeric_keys(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(Arc::new(numerics::keys(array)?))
}

/// Bytes that compare as ranges and multiranges of numerics do.
pub(crate) fn range_keys(array: &ArrayRef) -> ArrayRef {
    match array.as_binary_opt::<i64>() {
        Some(values) => {
            let keys = values.iter().map(|value| value.map(range::key));
            Arc::new(keys.collect::<BinaryArray>())
        }
        None => Arc::clone(array),
    }
}

/// What queries are compared by.
pub(crate) fn query_keys(array: &ArrayRef) -> ArrayRef {
    match array.as_binary_opt::<i32>() {
        Some(values) => {
            let keys = values.iter().map(|value| value.map(Query::key));
            Arc::new(keys.collect::<BinaryArray>())
        }
        None => Arc::clone(array),
    }
}

/// Intervals as the numbers of microseconds PostgreSQL compares them by.
pub(crate) fn interval_keys(array: &ArrayRef) -> Result<ArrayRef> {
    let keys: Decimal128Array = array
        .as_primitive::<IntervalMonthDayNanoType>()
        .iter()
        .map(|interval| {
            let interval = interval?;
            let days = i128::from(interval.months) * 30 + i128::from(interval.days);
            Some(days * i128::from(DAY) + i128::from(interval.nanoseconds / 1_000))
        })
        .collect();
    let keys = keys.with_precision_and_scale(38, 0).map_err(failed)?;
    Ok(Arc::new(keys))
}
