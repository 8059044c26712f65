//! Casts between exact numbers and floats, and of scalars out of jsonb. PostgreSQL goes by the
//! digits: a float gives as many as its type is sure of, an exact number gives the float nearest to
//! it.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Decimal256Array, Float32Array, Float64Array,
};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, Float32Type, Float64Type};

use super::Result;
use crate::base::{Error, SqlState};
use crate::engine::scope::external;
use crate::types::text::parse_column;
use crate::types::{Numeric, PgType};

/// Digits a float8 and a float4 are sure of.
const SURE: (usize, usize) = (15, 6);

/// The array with its numbers in another type.
pub(super) fn convert(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    match to {
        DataType::Float32 | DataType::Float64 => to_float(array, to),
        _ => to_decimal(array, to),
    }
}

/// Numbers and booleans out of jsonb.
pub(super) fn scalars(array: &ArrayRef, ty: PgType, to: &DataType) -> Result<ArrayRef> {
    let text = arrow::compute::cast(array, &DataType::Utf8View)?;
    let plain = text
        .as_string_view()
        .iter()
        .map(|text| {
            let Some(text) = text else { return Ok(None) };
            let kind = match text.as_bytes().first() {
                Some(b'"') => "string",
                Some(b'[') => "array",
                Some(b'{') => "object",
                Some(b't' | b'f') => "boolean",
                Some(b'n') => "null",
                _ => "numeric",
            };
            let fits = match kind {
                "boolean" => ty.oid == PgType::BOOL.oid,
                "numeric" => ty.info().category == 'N',
                _ => false,
            };
            if !fits {
                return Err(external(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("cannot cast jsonb {kind} to type {}", PgType::of(ty.oid.0)),
                )));
            }
            let whole = to.is_integer().then(|| Numeric::parse(text)).flatten();
            Ok(Some(match whole {
                Some(number) => number.rounded(0).to_string(),
                None => text.to_owned(),
            }))
        })
        .collect::<Result<Vec<Option<String>>>>()?;
    let plain: Vec<Option<&str>> = plain.iter().map(Option::as_deref).collect();
    let read = parse_column(&plain, ty, &crate::types::Style::default(), 0)
        .map_err(|failed| external(failed.error))?;
    Ok(arrow::compute::cast(&read, to)?)
}

fn to_float(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let numbers: Vec<Option<Numeric>> = match array.data_type() {
        DataType::Decimal128(_, scale) => array
            .as_primitive::<Decimal128Type>()
            .iter()
            .map(|value| value.map(|value| Numeric::new(value.into(), (*scale).into())))
            .collect(),
        DataType::Decimal256(_, scale) => array
            .as_primitive::<Decimal256Type>()
            .iter()
            .map(|value| value.map(|value| Numeric::wide(value, *scale)))
            .collect(),
        _ => return Ok(arrow::compute::cast(array, to)?),
    };
    if *to == DataType::Float64 {
        let floats: Float64Array = numbers
            .iter()
            .map(|number| number.as_ref().map(Numeric::to_f64))
            .collect();
        return Ok(Arc::new(floats));
    }
    let floats = numbers
        .iter()
        .map(|number| match number {
            None => Ok(None),
            Some(number) => match number.to_string().parse::<f32>() {
                Ok(float) if float.is_finite() => Ok(Some(float)),
                _ => Err(external(Error::new(
                    SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                    format!("\"{number}\" is out of range for type real"),
                ))),
            },
        })
        .collect::<Result<Float32Array>>()?;
    Ok(Arc::new(floats))
}

fn to_decimal(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let floats: Vec<Option<(f64, usize)>> = match array.data_type() {
        DataType::Float32 => array
            .as_primitive::<Float32Type>()
            .iter()
            .map(|value| value.map(|value| (f64::from(value), SURE.1)))
            .collect(),
        _ => {
            let wide = arrow::compute::cast(array, &DataType::Float64)?;
            wide.as_primitive::<Float64Type>()
                .iter()
                .map(|value| value.map(|value| (value, SURE.0)))
                .collect()
        }
    };
    let number = |(value, digits): (f64, usize)| {
        Numeric::of_float(value, digits).ok_or_else(|| {
            external(Error::unsupported(format!(
                "{value} as a value of type numeric"
            )))
        })
    };
    Ok(match to {
        DataType::Decimal128(precision, scale) => {
            let values = floats
                .into_iter()
                .map(|value| match value {
                    None => Ok(None),
                    Some(value) => Ok(number(value)?
                        .to_wide(*precision, *scale)
                        .map_err(external)?
                        .to_i128()),
                })
                .collect::<Result<Decimal128Array>>()?;
            Arc::new(values.with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Decimal256(precision, scale) => {
            let values = floats
                .into_iter()
                .map(|value| match value {
                    None => Ok(None),
                    Some(value) => number(value)?
                        .to_wide(*precision, *scale)
                        .map(Some)
                        .map_err(external),
                })
                .collect::<Result<Decimal256Array>>()?;
            Arc::new(values.with_precision_and_scale(*precision, *scale)?)
        }
        other => arrow::compute::cast(array, other)?,
    })
}
