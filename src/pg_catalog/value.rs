//! Loose values and the Arrow arrays they become: how system relations and system functions are
//! filled.
//!
//! Speed is not the point here (a system relation has thousands of rows, not millions); one way to
//! say a value is.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Array,
    Decimal256Array, FixedSizeBinaryArray, Float32Builder, Float64Builder, Int16Builder,
    Int32Builder, Int64Builder, IntervalMonthDayNanoBuilder, LargeBinaryBuilder, LargeStringArray,
    ListArray, StringViewBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
    UInt32Builder, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimeUnit};

use crate::base::{Error, Oid, Result};
use crate::types::coded::Address;
use crate::types::{Numeric, PgType, shaped};

/// One value, to be read as whatever PostgreSQL type its place has.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL
    Null,
    /// bool
    Bool(bool),
    /// int2, int4, int8, oid and the reg types; date: days since 1970-01-01.
    Int(i64),
    /// float4, float8
    Float(f64),
    /// text and every type that travels as text ("char", name, aclitem, …).
    Text(Cow<'static, str>),
    /// bytea, uuid
    Bytes(Vec<u8>),
    /// timestamp and timestamptz: microseconds since 1970-01-01; time: since midnight.
    Time(i64),
    /// interval: months, days, microseconds.
    Interval(i32, i32, i64),
    /// An array, int2vector or oidvector.
    List(Vec<Value>),
    /// numeric
    Numeric(Numeric),
    /// A value that is in an array already: its only one.
    Raw(ArrayRef),
}

impl Value {
    /// The value a NOT NULL column has where commons has nothing to say: false, zero, empty.
    pub fn zero(ty: PgType) -> Self {
        match ty.data_type() {
            DataType::Boolean => Self::Bool(false),
            DataType::Float32 | DataType::Float64 => Self::Float(0.0),
            DataType::Timestamp(_, _) => Self::Time(0),
            DataType::Interval(_) => Self::Interval(0, 0, 0),
            DataType::List(_) => Self::List(Vec::new()),
            DataType::Utf8View => Self::Text(Cow::Borrowed("")),
            // Integers of every width; other Arrow types hold no system column.
            _ => Self::Int(0),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Oid> for Value {
    fn from(value: Oid) -> Self {
        Self::Int(value.0.into())
    }
}

impl From<Numeric> for Value {
    fn from(value: Numeric) -> Self {
        Self::Numeric(value)
    }
}

macro_rules! from_int {
    ($($ty:ty),*) => {
        $(impl From<$ty> for Value {
            fn from(value: $ty) -> Self {
                Self::Int(value.into())
            }
        })*
    };
}
from_int!(i16, i32, i64, u32);

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<IpAddr> for Value {
    /// An inet of one host.
    fn from(host: IpAddr) -> Self {
        let address = match host {
            IpAddr::V4(host) => Address::of_host(false, host.to_bits().into()),
            IpAddr::V6(host) => Address::of_host(true, host.to_bits()),
        };
        Self::Bytes(address.pack())
    }
}

impl From<char> for Value {
    fn from(value: char) -> Self {
        Self::Text(Cow::Owned(value.to_string()))
    }
}

impl From<&'static str> for Value {
    fn from(value: &'static str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Cow::Owned(value.clone()))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(value: Vec<T>) -> Self {
        Self::List(value.into_iter().map(Into::into).collect())
    }
}

/// The values as one array of type `ty.data_type()`.
///
/// # Errors
/// `XX000` if a value does not fit its column's type: a mistake in the code that made it.
pub fn array(ty: PgType, values: &[Value]) -> Result<ArrayRef> {
    array_of(&ty.data_type(), values)
}

/// Fills one of Arrow's primitive builders.
macro_rules! primitive {
    ($builder:expr, $values:expr, $($pattern:pat => $value:expr),+) => {{
        let mut builder = $builder;
        for value in $values {
            match value {
                Value::Null => builder.append_null(),
                $($pattern => builder.append_value($value),)+
                other => return Err(misfit(other)),
            }
        }
        Ok(Arc::new(builder.finish()) as ArrayRef)
    }};
}

/// The values as one array of an Arrow type.
///
/// # Errors
/// As of [`array()`]; `22003` for a numeric that has more digits than the type.
#[allow(clippy::cast_possible_truncation)] // float4 columns are estimates
pub fn array_of(data_type: &DataType, values: &[Value]) -> Result<ArrayRef> {
    if values.iter().any(|value| matches!(value, Value::Raw(_))) {
        return raw(data_type, values);
    }
    match data_type {
        DataType::Boolean => primitive!(BooleanBuilder::new(), values, Value::Bool(v) => *v),
        DataType::Int16 => {
            primitive!(Int16Builder::new(), values, Value::Int(v) => narrow(*v)?)
        }
        DataType::Int32 => {
            primitive!(Int32Builder::new(), values, Value::Int(v) => narrow(*v)?)
        }
        DataType::Int64 => primitive!(Int64Builder::new(), values, Value::Int(v) => *v),
        DataType::UInt32 => {
            primitive!(UInt32Builder::new(), values, Value::Int(v) => narrow(*v)?)
        }
        DataType::Float32 => {
            primitive!(Float32Builder::new(), values, Value::Float(v) => *v as f32)
        }
        DataType::Float64 => primitive!(Float64Builder::new(), values, Value::Float(v) => *v),
        DataType::Utf8View => {
            primitive!(StringViewBuilder::new(), values, Value::Text(v) => v.as_ref())
        }
        // numeric
        DataType::LargeUtf8 => {
            let texts = values.iter().map(|value| match value {
                Value::Null => Ok(None),
                Value::Int(number) => Ok(Some(number.to_string())),
                Value::Text(text) => Ok(Some(text.to_string())),
                Value::Numeric(number) => Ok(Some(number.to_string())),
                other => Err(misfit(other)),
            });
            Ok(Arc::new(texts.collect::<Result<LargeStringArray>>()?) as ArrayRef)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => primitive!(
            TimestampMicrosecondBuilder::new().with_data_type(data_type.clone()),
            values,
            Value::Time(v) => *v
        ),
        DataType::Date32 => primitive!(Date32Builder::new(), values, Value::Int(v) => narrow(*v)?),
        DataType::Time64(TimeUnit::Microsecond) => {
            primitive!(Time64MicrosecondBuilder::new(), values, Value::Time(v) => *v)
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => primitive!(
            IntervalMonthDayNanoBuilder::new(),
            values,
            Value::Interval(months, days, micros) =>
                IntervalMonthDayNano::new(*months, *days, micros.saturating_mul(1000))
        ),
        DataType::Decimal128(precision, scale) => {
            let numbers = values
                .iter()
                .map(|value| match value {
                    Value::Null => Ok(None),
                    Value::Numeric(number) => narrow_decimal(number, *precision, *scale),
                    Value::Int(v) => narrow_decimal(&Numeric::from(*v), *precision, *scale),
                    other => Err(misfit(other)),
                })
                .collect::<Result<Vec<_>>>()?;
            Decimal128Array::from(numbers)
                .with_precision_and_scale(*precision, *scale)
                .map(|array| Arc::new(array) as ArrayRef)
                .map_err(|error| Error::internal("building a system relation", error))
        }
        DataType::Decimal256(precision, scale) => {
            let numbers = values
                .iter()
                .map(|value| match value {
                    Value::Null => Ok(None),
                    Value::Numeric(number) => number.to_wide(*precision, *scale).map(Some),
                    Value::Int(v) => Numeric::from(*v).to_wide(*precision, *scale).map(Some),
                    other => Err(misfit(other)),
                })
                .collect::<Result<Vec<_>>>()?;
            Decimal256Array::from(numbers)
                .with_precision_and_scale(*precision, *scale)
                .map(|array| Arc::new(array) as ArrayRef)
                .map_err(|error| Error::internal("building a system relation", error))
        }
        DataType::Binary => {
            primitive!(BinaryBuilder::new(), values, Value::Bytes(v) => v)
        }
        DataType::LargeBinary => {
            primitive!(LargeBinaryBuilder::new(), values, Value::Bytes(v) => v)
        }
        DataType::FixedSizeBinary(width) => {
            let bytes = values.iter().map(|value| match value {
                Value::Bytes(bytes) => Some(bytes),
                _ => None,
            });
            FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes, *width)
                .map(|array| Arc::new(array) as ArrayRef)
                .map_err(|error| Error::internal("building a system relation", error))
        }
        pairs if let Some(lists) = shaped::elements_type(pairs) => {
            shaped::converted(&array_of(lists, values)?, pairs)
        }
        DataType::List(field) => {
            let mut items = Vec::new();
            let mut lengths = Vec::with_capacity(values.len());
            for value in values {
                match value {
                    Value::Null => lengths.push(0),
                    Value::List(list) => {
                        lengths.push(list.len());
                        items.extend(list.iter().cloned());
                    }
                    other => return Err(misfit(other)),
                }
            }
            let nulls = NullBuffer::from_iter(values.iter().map(|value| *value != Value::Null));
            ListArray::try_new(
                field.clone(),
                OffsetBuffer::from_lengths(lengths),
                array_of(field.data_type(), &items)?,
                Some(nulls),
            )
            .map(|array| Arc::new(array) as ArrayRef)
            .map_err(|error| Error::internal("building a system relation", error))
        }
        other => match values.iter().find(|value| **value != Value::Null) {
            None => Ok(new_null_array(other, values.len())),
            Some(value) => Err(misfit(value)),
        },
    }
}

fn narrow_decimal(number: &Numeric, precision: u8, scale: i8) -> Result<Option<i128>> {
    let wide = number.to_wide(precision, scale)?;
    Ok(wide.to_i128())
}

/// Values some of which are in arrays already.
fn raw(data_type: &DataType, values: &[Value]) -> Result<ArrayRef> {
    let failed = |error| Error::internal("putting values together", error);
    let parts = values
        .iter()
        .map(|value| match value {
            Value::Raw(array) if array.data_type() == data_type => Ok(array.clone()),
            Value::Raw(array) if shaped::innermost(data_type).is_some() => {
                shaped::converted(array, data_type)
            }
            Value::Raw(array) => arrow::compute::cast(array, data_type).map_err(failed),
            other => array_of(data_type, std::slice::from_ref(other)),
        })
        .collect::<Result<Vec<_>>>()?;
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    arrow::compute::concat(&parts).map_err(failed)
}

fn narrow<T: TryFrom<i64>>(value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| misfit(&Value::Int(value)))
}

fn misfit(value: &Value) -> Error {
    Error::internal(
        "building a system relation",
        format!("{value:?} does not fit its column"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_takes_its_zero_and_null() {
        for info in crate::types::pgtype::all() {
            let ty = PgType::of(info.oid.0);
            let array = array(ty, &[Value::Null, Value::Null]).unwrap();
            assert_eq!(array.data_type(), &ty.data_type(), "{}", info.name);
            assert_eq!(array.logical_null_count(), 2, "{}", info.name);
        }
        for ty in [
            PgType::BOOL,
            PgType::CHAR,
            PgType::OIDVECTOR,
            PgType::NUMERIC,
        ] {
            assert_eq!(array(ty, &[Value::zero(ty)]).unwrap().null_count(), 0);
        }
    }
}
