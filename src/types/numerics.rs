//! Columns of numerics: read in any Arrow type they come in, made in the one they travel in when no
//! scale is declared, and converted to and from the other number types as PostgreSQL's casts do.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Decimal128Array, Float32Array, Float64Array, Int16Array, Int32Array,
    Int64Array, LargeStringArray, LargeStringBuilder, StringArray, StringBuilder,
};
use arrow::datatypes::DataType;

use super::cells::{Cells, Decimals, Floats, Ints, Texts};
use super::text::fit;
use super::{Extended, Numeric, PgType};
use crate::base::{Error, Result, SqlState};

/// Significant digits of a float that its cast to numeric keeps (C's DBL_DIG and FLT_DIG).
const DOUBLE_DIGITS: usize = 15;
const SINGLE_DIGITS: usize = 6;

/// A column of numbers, read as numerics.
pub struct NumericColumn<'a> {
    array: &'a dyn Array,
    source: Source<'a>,
}

enum Source<'a> {
    Text(Texts<'a>),
    Decimal(Decimals<'a>, i8),
    Int(Ints<'a>),
    Float(Floats<'a>, usize),
    Null,
}

impl<'a> NumericColumn<'a> {
    /// The numbers in `array`; `None` if they are none.
    pub fn new(array: &'a dyn Array) -> Option<Self> {
        let source = match Cells::of(array) {
            Cells::Text(texts @ Texts::Large(_)) => Source::Text(texts),
            Cells::Decimal(values, scale) => Source::Decimal(values, scale),
            Cells::Int(values) => Source::Int(values),
            Cells::Float(values @ Floats::F64(_)) => Source::Float(values, DOUBLE_DIGITS),
            Cells::Float(values) => Source::Float(values, SINGLE_DIGITS),
            Cells::Null => Source::Null,
            _ => return None,
        };
        Some(Self { array, source })
    }

    /// The value of a row; `None` is NULL.
    pub fn get(&self, row: usize) -> Option<Extended> {
        if self.array.is_null(row) {
            return None;
        }
        Some(match &self.source {
            Source::Null => return None,
            // Only text that was read as a numeric gets into such a column.
            Source::Text(texts) => Extended::parse(texts.get(row)).unwrap_or(Extended::NaN),
            Source::Decimal(values, scale) => Extended::Finite(match values.get(row) {
                Ok(value) => Numeric::new(value.into(), (*scale).into()),
                Err(value) => Numeric::wide(value, *scale),
            }),
            Source::Int(values) => Extended::Finite(Numeric::new(values.wide(row).into(), 0)),
            Source::Float(values, digits) => Extended::of_float(values.double(row), *digits),
        })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.array.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.array.is_empty()
    }

    /// The values, row by row.
    pub fn iter(&self) -> impl Iterator<Item = Option<Extended>> + '_ {
        (0..self.len()).map(|row| self.get(row))
    }
}

/// Values as a column of numerics without declared scale.
///
/// # Errors
/// Those of the values.
pub fn column(values: impl Iterator<Item = Result<Option<Extended>>>) -> Result<LargeStringArray> {
    let mut builder = LargeStringBuilder::new();
    for value in values {
        match value? {
            Some(value) => builder.append_value(value.to_string()),
            None => builder.append_null(),
        }
    }
    Ok(builder.finish())
}

/// Text that compares as the numbers do ([`Extended::key`]).
///
/// # Errors
/// `XX000` if they are no numbers.
pub fn keys(array: &dyn Array) -> Result<StringArray> {
    let numbers = must(array)?;
    let mut builder = StringBuilder::new();
    let mut key = String::new();
    for value in numbers.iter() {
        match value {
            Some(value) => {
                key.clear();
                value.key(&mut key);
                builder.append_value(&key);
            }
            None => builder.append_null(),
        }
    }
    Ok(builder.finish())
}

/// Numbers as numerics of type `to`, rounded to its scale if it declares one.
///
/// # Errors
/// `22003`
pub fn to_numeric(array: &dyn Array, to: PgType) -> Result<ArrayRef> {
    let numbers = must(array)?;
    let fitted = numbers
        .iter()
        .map(|value| value.map(|value| fit(value, to)).transpose());
    match to.data_type() {
        DataType::Decimal128(precision, scale) => {
            let unscaled = fitted
                .map(|value| match value? {
                    None => Ok(None),
                    Some(value) => match value.finite().and_then(|it| it.unscaled_i128(scale)) {
                        Some(unscaled) => Ok(Some(unscaled)),
                        None => Err(Error::unsupported(format!(
                            "{value} as a value of type {to}"
                        ))),
                    },
                })
                .collect::<Result<Vec<_>>>()?;
            Decimal128Array::from(unscaled)
                .with_precision_and_scale(precision, scale)
                .map(|array| Arc::new(array) as ArrayRef)
                .map_err(|error| Error::internal("making numerics", error))
        }
        _ => Ok(Arc::new(column(fitted)?)),
    }
}

/// Numerics as integers or floats of type `to`, rounded half away from zero.
///
/// # Errors
/// `22003`; `0A000` for NaN and infinity as an integer, in PostgreSQL's words.
pub fn from_numeric(array: &dyn Array, to: PgType) -> Result<ArrayRef> {
    let numbers = must(array)?;
    let floats = || {
        numbers
            .iter()
            .map(|value| value.map(|value| value.to_f64()))
    };
    let integers = |min: i64, max: i64| {
        numbers
            .iter()
            .map(move |value| value.map(|value| integer(&value, to, min, max)).transpose())
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within the bounds asked for"
    )]
    Ok(match to.data_type() {
        DataType::Int16 => Arc::new(
            integers(i16::MIN.into(), i16::MAX.into())
                .map(|value| value.map(|value| value.map(|value| value as i16)))
                .collect::<Result<Int16Array>>()?,
        ),
        DataType::Int32 => Arc::new(
            integers(i32::MIN.into(), i32::MAX.into())
                .map(|value| value.map(|value| value.map(|value| value as i32)))
                .collect::<Result<Int32Array>>()?,
        ),
        DataType::Int64 => Arc::new(integers(i64::MIN, i64::MAX).collect::<Result<Int64Array>>()?),
        DataType::Float32 => Arc::new(
            floats()
                .map(|value| value.map(|value| single(value, to)).transpose())
                .collect::<Result<Float32Array>>()?,
        ),
        DataType::Float64 => {
            let doubles = numbers.iter().map(|value| {
                let value = value.as_ref();
                value.map(|value| double(value, to)).transpose()
            });
            Arc::new(doubles.collect::<Result<Float64Array>>()?)
        }
        other => {
            return Err(Error::internal(
                "converting numerics",
                format!("{other} is no type of numbers"),
            ));
        }
    })
}

/// A numeric as a double, which holds neither the largest nor the smallest of them.
fn double(value: &Extended, to: PgType) -> Result<f64> {
    let double = value.to_f64();
    match value {
        Extended::Finite(number) if double.is_infinite() || double == 0.0 && !number.is_zero() => {
            Err(Error::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                format!("\"{number}\" is out of range for type {to}"),
            ))
        }
        _ => Ok(double),
    }
}

/// Doubles as floats of half their size.
///
/// # Errors
/// `22003` for what gets too large, or 0.
pub fn narrowed(doubles: &Float64Array) -> Result<Float32Array> {
    #[expect(clippy::cast_possible_truncation, reason = "what is lost is looked at")]
    doubles.try_unary(|wide| {
        let narrow = wide as f32;
        let lost = match wide {
            wide if wide.is_finite() && narrow.is_infinite() => "overflow",
            wide if wide != 0.0 && narrow == 0.0 => "underflow",
            _ => return Ok(narrow),
        };
        Err(Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("value out of range: {lost}"),
        ))
    })
}

fn integer(value: &Extended, to: PgType, min: i64, max: i64) -> Result<i64> {
    let cannot = |what| {
        Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("cannot convert {what} to {to}"),
        )
    };
    let number = match value {
        Extended::Finite(number) => number,
        Extended::NaN => return Err(cannot("NaN")),
        Extended::Infinity | Extended::NegativeInfinity => return Err(cannot("infinity")),
    };
    number
        .rounded(0)
        .unscaled_i128(0)
        .and_then(|value| i64::try_from(value).ok())
        .filter(|value| (min..=max).contains(value))
        .ok_or_else(|| out_of_range(to))
}

fn single(value: f64, to: PgType) -> Result<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "a float4 rounds")]
    let narrow = value as f32;
    if narrow.is_infinite() && value.is_finite() {
        return Err(out_of_range(to));
    }
    Ok(narrow)
}

fn out_of_range(to: PgType) -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("{to} out of range"),
    )
}

fn must(array: &dyn Array) -> Result<NumericColumn<'_>> {
    NumericColumn::new(array).ok_or_else(|| {
        Error::internal(
            "reading numerics",
            format!("{} holds none", array.data_type()),
        )
    })
}
