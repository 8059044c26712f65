//! PostgreSQL's `typinput`: text to Arrow arrays, a column at a time.

mod array;
mod bytes;
mod datetime;
mod fields;
mod interval;
mod iso;
mod json;
mod number;
mod record;
#[cfg(test)]
mod tests;
mod tokens;
mod zone;

use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder, LargeStringBuilder, NullArray,
    PrimitiveArray, StringViewBuilder,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type,
    Float64Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType,
    TimestampMicrosecondType, UInt32Type,
};

use super::Style;
use crate::base::name::truncate;
use crate::base::{Error, Result, SqlState};
use crate::types::coded::{self, Address, Code, bits};
use crate::types::enums::no_label;
use crate::types::jsonpath::Path;
use crate::types::shaped::Extent;
use crate::types::{PgType, geometry, one_byte, range, search};

pub(in crate::types) use array::build as build_array;
pub use interval::interval_parts;
pub(in crate::types) use json::check_escapes;
pub(in crate::types) use number::{fit, read_float8, strtoul};
pub use record::{field_texts, refuse_domains};
pub use zone::{BadOffset, offset, zone, zone_abbreviations};

/// A value that could not be read.
#[derive(Debug)]
pub struct ParseError {
    /// Index into the values.
    pub row: usize,
    /// What is wrong with it.
    pub error: Error,
}

impl ParseError {
    /// The same of whole values, where it was parts of them that were read as one column: `owners`
    /// has the value each part is of.
    pub(in crate::types) fn of_owner(self, owners: &[usize]) -> Self {
        Self {
            row: owners.get(self.row).copied().unwrap_or(0),
            ..self
        }
    }
}

/// Reads text values into an Arrow array of `ty.data_type()`; `None` is NULL. This is PostgreSQL's
/// `typinput`, with the length coercion of `varchar(n)`, `numeric(p,s)` and their like. Values of
/// an array type with more than one dimension become lists of lists; all values of a call must then
/// have as many.
///
/// `now`, `today` and their like are the time `now`: microseconds since 1970-01-01 UTC, the
/// transaction's within
/// one.
///
/// # Errors
/// PostgreSQL's: `22P02` invalid input syntax, `22003` out of range, `22007`/`22008` dates; the row
/// at fault is given so that callers can say which line it was.
pub fn parse_column(
    values: &[Option<&str>],
    ty: PgType,
    style: &Style,
    now: i64,
) -> Result<ArrayRef, ParseError> {
    let ty = ty.undomained();
    let input = Input { ty, style, now };
    Ok(match ty.oid {
        _ if ty.is_composite() => record::parse(values, &input)?,
        _ if ty.is_enum() => {
            let labels = style.enums.labels(ty);
            primitive::<Int64Type>(values, |text| match labels.named(text) {
                Some(label) => Ok(label.position),
                None => Err(no_label(ty, text)),
            })?
        }
        oid if oid == PgType::BOOL.oid => booleans(values)?,
        oid if oid == PgType::INT2.oid => primitive::<Int16Type>(values, number::int2)?,
        oid if oid == PgType::INT4.oid => primitive::<Int32Type>(values, number::int4)?,
        oid if oid == PgType::INT8.oid => primitive::<Int64Type>(values, number::int8)?,
        oid if oid == PgType::FLOAT4.oid => primitive::<Float32Type>(values, number::float4)?,
        oid if oid == PgType::FLOAT8.oid => primitive::<Float64Type>(values, number::float8)?,
        oid if oid == PgType::NUMERIC.oid => numerics(values, ty)?,
        oid if oid == PgType::DATE.oid => {
            primitive::<Date32Type>(values, |text| datetime::date(text, &input))?
        }
        oid if oid == PgType::TIME.oid => {
            primitive::<Time64MicrosecondType>(values, |text| datetime::time(text, &input))?
        }
        oid if oid == PgType::TIMETZ.oid => {
            primitive::<Int64Type>(values, |text| datetime::timetz(text, &input))?
        }
        _ if Code::of(ty) == Some(Code::Number) => {
            primitive::<Int64Type>(values, |text| coded::read_number(ty, text))?
        }
        _ if Code::of(ty) == Some(Code::Bytes) => {
            let mut builder = BinaryBuilder::with_capacity(values.len(), 0);
            for (row, value) in values.iter().enumerate() {
                let address = value.map(|text| Address::parse(ty, text)).transpose();
                let address = address.map_err(|error| ParseError { row, error })?;
                builder.append_option(address.map(Address::pack));
            }
            Arc::new(builder.finish())
        }
        _ if Code::of(ty) == Some(Code::Figure) => {
            let mut builder = BinaryBuilder::with_capacity(values.len(), 0);
            for (row, value) in values.iter().enumerate() {
                let figure = value.map(|text| geometry::parse(ty, text)).transpose();
                builder.append_option(figure.map_err(|error| ParseError { row, error })?);
            }
            Arc::new(builder.finish())
        }
        _ if Code::of(ty) == Some(Code::Search) => {
            let mut builder = BinaryBuilder::with_capacity(values.len(), 0);
            for (row, value) in values.iter().enumerate() {
                let code = value.map(|text| search::parse(ty, text)).transpose();
                builder.append_option(code.map_err(|error| ParseError { row, error })?);
            }
            Arc::new(builder.finish())
        }
        oid if oid == PgType::TIMESTAMP.oid => {
            primitive::<TimestampMicrosecondType>(values, |text| datetime::timestamp(text, &input))?
        }
        oid if oid == PgType::TIMESTAMPTZ.oid => {
            let parse = |text: &str| datetime::timestamptz(text, &input);
            let array = column::<TimestampMicrosecondType>(values, parse)?;
            Arc::new(array.with_timezone("UTC"))
        }
        oid if oid == PgType::INTERVAL.oid => {
            primitive::<IntervalMonthDayNanoType>(values, |text| interval::interval(text, &input))?
        }
        oid if oid == PgType::BYTEA.oid => byteas(values)?,
        oid if oid == PgType::UUID.oid => uuids(values)?,
        oid if oid == PgType::OID.oid => {
            primitive::<UInt32Type>(values, |text| number::oid(text, ty))?
        }
        oid if [PgType::XID.oid, PgType::CID.oid].contains(&oid) => {
            primitive::<UInt32Type>(values, |text| Ok(number::xid(text)))?
        }
        _ if ty.is_reg() => primitive::<UInt32Type>(values, |text| number::reg(text, ty))?,
        oid if oid == PgType::VOID.oid => Arc::new(NullArray::new(values.len())),
        _ if ty.has_bounds() => range::parse_text(values, ty, style, now)?,
        _ if ty.element().is_some() => array::parse(values, &input)?,
        _ => texts(values, &input)?,
    })
}

/// Reads one literal: an array of one row.
///
/// # Errors
/// As [`parse_column`].
pub fn parse_value(text: &str, ty: PgType, style: &Style, now: i64) -> Result<ArrayRef> {
    parse_column(&[Some(text)], ty, style, now).map_err(|failure| failure.error)
}

/// Arrays over `elements`: one per entry of `rows`.
///
/// # Errors
/// `54000` if they are too large together.
pub fn build_list(
    elements: ArrayRef,
    rows: &[Option<Extent>],
    element: PgType,
) -> Result<ArrayRef> {
    array::build(elements, rows, element).map_err(|failure| failure.error)
}

/// What reading a value depends on.
struct Input<'a> {
    ty: PgType,
    style: &'a Style,
    now: i64,
}

/// PostgreSQL's isspace.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Without the white space that most types allow around a value.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| u8::try_from(c).is_ok_and(is_space))
}

/// `22P02` in PostgreSQL's words.
pub(in crate::types) fn invalid(ty: PgType, text: &str) -> Error {
    Error::new(
        SqlState::INVALID_TEXT_REPRESENTATION,
        format!(
            "invalid input syntax for type {}: \"{text}\"",
            ty.info().sql_name
        ),
    )
}

fn column<T: ArrowPrimitiveType>(
    values: &[Option<&str>],
    parse: impl Fn(&str) -> Result<T::Native>,
) -> Result<PrimitiveArray<T>, ParseError> {
    let mut natives = Vec::with_capacity(values.len());
    let mut nulls = NullBufferBuilder::new(values.len());
    for (row, value) in values.iter().enumerate() {
        match value {
            Some(text) => {
                natives.push(parse(text).map_err(|error| ParseError { row, error })?);
                nulls.append_non_null();
            }
            None => {
                natives.push(T::Native::default());
                nulls.append_null();
            }
        }
    }
    Ok(PrimitiveArray::new(natives.into(), nulls.finish()))
}

fn primitive<T: ArrowPrimitiveType>(
    values: &[Option<&str>],
    parse: impl Fn(&str) -> Result<T::Native>,
) -> Result<ArrayRef, ParseError> {
    Ok(Arc::new(column::<T>(values, parse)?))
}

fn numerics(values: &[Option<&str>], ty: PgType) -> Result<ArrayRef, ParseError> {
    let data_type = ty.data_type();
    Ok(match data_type {
        DataType::Decimal256(precision, scale) => {
            let parse = |text: &str| number::decimal256(text, ty, precision, scale);
            Arc::new(column::<Decimal256Type>(values, parse)?.with_data_type(data_type))
        }
        DataType::Decimal128(precision, scale) => {
            let parse = |text: &str| number::decimal128(text, ty, precision, scale);
            Arc::new(column::<Decimal128Type>(values, parse)?.with_data_type(data_type))
        }
        // PgType::data_type maps numeric to these three.
        _ => {
            let mut builder = LargeStringBuilder::with_capacity(values.len(), 0);
            for (row, value) in values.iter().enumerate() {
                let number = value.map(|text| number::extended(text, ty)).transpose();
                match number.map_err(|error| ParseError { row, error })? {
                    Some(number) => builder.append_value(number.to_string()),
                    None => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
    })
}

fn booleans(values: &[Option<&str>]) -> Result<ArrayRef, ParseError> {
    let mut builder = BooleanBuilder::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let value = value.map(boolean).transpose();
        builder.append_option(value.map_err(|error| ParseError { row, error })?);
    }
    Ok(Arc::new(builder.finish()))
}

/// PostgreSQL takes any unambiguous beginning of its words.
fn boolean(text: &str) -> Result<bool> {
    let word = trim(text);
    let starts = |full: &str, least: usize| {
        (least..=full.len()).contains(&word.len())
            && word.eq_ignore_ascii_case(full.get(..word.len()).unwrap_or_default())
    };
    if word == "1" || starts("true", 1) || starts("yes", 1) || starts("on", 2) {
        Ok(true)
    } else if word == "0" || starts("false", 1) || starts("no", 1) || starts("off", 2) {
        Ok(false)
    } else {
        Err(invalid(PgType::BOOL, text))
    }
}

fn byteas(values: &[Option<&str>]) -> Result<ArrayRef, ParseError> {
    let mut builder = BinaryBuilder::with_capacity(values.len(), 0);
    let mut buffer = Vec::new();
    for (row, value) in values.iter().enumerate() {
        match value {
            Some(text) => {
                buffer.clear();
                bytes::bytea(text, &mut buffer).map_err(|error| ParseError { row, error })?;
                builder.append_value(&buffer);
            }
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn uuids(values: &[Option<&str>]) -> Result<ArrayRef, ParseError> {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(values.len(), 16);
    for (row, value) in values.iter().enumerate() {
        match value {
            Some(text) => {
                let bytes = bytes::uuid(text).map_err(|error| ParseError { row, error })?;
                builder.append_value(bytes).map_err(|error| ParseError {
                    row,
                    error: Error::internal("reading a uuid", error),
                })?;
            }
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Types whose values are text: kept as it is, cut, or checked.
fn texts(values: &[Option<&str>], input: &Input<'_>) -> Result<ArrayRef, ParseError> {
    let mut builder = StringViewBuilder::with_capacity(values.len());
    let ty = input.ty;
    let limit = ty.char_length();
    let mut buffer = Vec::new();
    for (row, value) in values.iter().enumerate() {
        let fail = |error| ParseError { row, error };
        let Some(text) = value else {
            builder.append_null();
            continue;
        };
        match ty.oid {
            oid if oid == PgType::VARCHAR.oid || oid == PgType::BPCHAR.oid => {
                let text = match limit {
                    Some(limit) => shortened(text, limit, ty).map_err(fail)?,
                    None => text,
                };
                // Trailing blanks of char(n) are not part of the value; output pads again.
                let padded = oid == PgType::BPCHAR.oid && limit.is_some();
                builder.append_value(if padded {
                    text.trim_end_matches(' ')
                } else {
                    text
                });
            }
            oid if oid == PgType::NAME.oid => builder.append_value(truncate(text)),
            oid if oid == PgType::CHAR.oid => builder.append_value(one_byte::held(text)),
            _ if bits::is(ty) => builder.append_value(bits::parse(ty, text).map_err(fail)?),
            oid if oid == PgType::JSON.oid => {
                json::check(text).map_err(fail)?;
                builder.append_value(text);
            }
            oid if oid == PgType::JSONB.oid => {
                buffer.clear();
                json::normalise(text, &mut buffer).map_err(fail)?;
                builder.append_value(String::from_utf8_lossy(&buffer));
            }
            oid if oid == PgType::JSONPATH.oid => {
                let path = Path::parse(text).map_err(fail)?;
                builder.append_value(path.to_string());
            }
            _ => builder.append_value(text),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// At most `limit` characters: what is beyond may only be blanks, as the SQL standard asks.
///
/// # Errors
/// `22001`
pub(crate) fn shortened(text: &str, limit: usize, ty: PgType) -> Result<&str> {
    if text.len() <= limit {
        return Ok(text);
    }
    match text.char_indices().nth(limit) {
        None => Ok(text),
        Some((end, _)) if text[end..].bytes().all(|byte| byte == b' ') => Ok(&text[..end]),
        Some(_) => Err(Error::new(
            SqlState::STRING_DATA_RIGHT_TRUNCATION,
            format!("value too long for type {ty}"),
        )),
    }
}
