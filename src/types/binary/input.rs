//! PostgreSQL's `typreceive`: binary to Arrow arrays, a column at a time.

use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{
    ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder, PrimitiveArray,
    StringViewBuilder,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, Time64MicrosecondType,
    TimestampMicrosecondType, UInt32Type,
};

use crate::base::{Error, Result, SqlState};
use crate::types::calendar::{
    DATE_MAX, DATE_MIN, DAY, EPOCH_2000_DAYS, EPOCH_2000_MICROS, TIMESTAMP_MIN,
};
use crate::types::coded::{self, Address, Code, bits};
use crate::types::precision::precisely;
use crate::types::shaped::{Extent, too_large};
use crate::types::text::{
    PLAIN, ParseError, Style, build_array, date_out_of_range, interval_out_of_range,
    timestamp_out_of_range,
};
use crate::types::{PgType, TimeTz, geometry, one_byte, range, search};

/// Reads binary values into an Arrow array of `ty.data_type()`; `None` is NULL. This is
/// PostgreSQL's `typreceive`. Arrays as in [`crate::types::text::parse_column`].
///
/// # Errors
/// `22P03` for bytes that are not a value of `ty`, `22021` for text that is not UTF-8.
pub fn parse_column(
    values: &[Option<&[u8]>],
    ty: PgType,
    style: &Style,
) -> Result<ArrayRef, ParseError> {
    let ty = ty.undomained();
    let plain = plain(values, ty, style)?;
    Ok(match ty.element() {
        // Elements are read as columns of their own.
        Some(_) => plain,
        None => precisely(&plain, ty),
    })
}

/// The values as they were sent, however exact the type is.
fn plain(values: &[Option<&[u8]>], ty: PgType, style: &Style) -> Result<ArrayRef, ParseError> {
    Ok(match ty.oid {
        _ if ty.is_composite() => super::record::parse(values, ty, style)?,
        _ if ty.is_enum() => read_text(values, ty, style, |bytes| utf8(bytes).map(str::to_owned))?,
        oid if oid == PgType::BOOL.oid => {
            let mut builder = BooleanBuilder::with_capacity(values.len());
            for (row, value) in values.iter().enumerate() {
                let value = value.map(|bytes| fixed::<1>(bytes).map(|[byte]| byte != 0));
                builder.append_option(
                    value
                        .transpose()
                        .map_err(|error| ParseError { row, error })?,
                );
            }
            Arc::new(builder.finish())
        }
        oid if oid == PgType::INT2.oid => {
            primitive::<Int16Type>(values, |bytes| Ok(i16::from_be_bytes(fixed(bytes)?)))?
        }
        oid if oid == PgType::INT4.oid => {
            primitive::<Int32Type>(values, |bytes| Ok(i32::from_be_bytes(fixed(bytes)?)))?
        }
        oid if oid == PgType::INT8.oid => {
            primitive::<Int64Type>(values, |bytes| Ok(i64::from_be_bytes(fixed(bytes)?)))?
        }
        oid if oid == PgType::FLOAT4.oid => {
            primitive::<Float32Type>(values, |bytes| Ok(f32::from_be_bytes(fixed(bytes)?)))?
        }
        oid if oid == PgType::FLOAT8.oid => {
            primitive::<Float64Type>(values, |bytes| Ok(f64::from_be_bytes(fixed(bytes)?)))?
        }
        oid if [PgType::OID.oid, PgType::XID.oid, PgType::CID.oid].contains(&oid)
            || ty.is_reg() =>
        {
            primitive::<UInt32Type>(values, |bytes| Ok(u32::from_be_bytes(fixed(bytes)?)))?
        }
        oid if oid == PgType::DATE.oid => primitive::<Date32Type>(values, date)?,
        oid if oid == PgType::TIME.oid => primitive::<Time64MicrosecondType>(values, time)?,
        oid if oid == PgType::TIMETZ.oid => primitive::<Int64Type>(values, timetz)?,
        oid if oid == PgType::TIMESTAMP.oid => {
            primitive::<TimestampMicrosecondType>(values, timestamp)?
        }
        oid if oid == PgType::TIMESTAMPTZ.oid => {
            let array = column::<TimestampMicrosecondType>(values, timestamp)?;
            Arc::new(array.with_timezone("UTC"))
        }
        oid if oid == PgType::INTERVAL.oid => {
            primitive::<IntervalMonthDayNanoType>(values, interval)?
        }
        oid if oid == PgType::BYTEA.oid => {
            let mut builder = BinaryBuilder::with_capacity(values.len(), 0);
            values
                .iter()
                .for_each(|value| builder.append_option(*value));
            Arc::new(builder.finish())
        }
        oid if oid == PgType::UUID.oid => {
            let mut builder = FixedSizeBinaryBuilder::with_capacity(values.len(), 16);
            for (row, value) in values.iter().enumerate() {
                match value.map(fixed::<16>).transpose() {
                    Ok(None) => builder.append_null(),
                    Ok(Some(bytes)) => builder.append_value(bytes).map_err(|error| ParseError {
                        row,
                        error: Error::internal("reading a uuid", error),
                    })?,
                    Err(error) => return Err(ParseError { row, error }),
                }
            }
            Arc::new(builder.finish())
        }
        oid if oid == PgType::NUMERIC.oid => match ty.data_type() {
            DataType::Decimal128(precision, scale) => decimals(values, ty, precision, scale)?,
            _ => through_text(values, ty, numeric)?,
        },
        oid if oid == PgType::JSONB.oid || oid == PgType::JSONPATH.oid => {
            through_text(values, ty, |bytes| match bytes {
                [1, text @ ..] => utf8(text).map(str::to_owned),
                [version, ..] => Err(Error::new(
                    SqlState::INTERNAL_ERROR,
                    format!("unsupported {ty} version number {version}"),
                )),
                [] => Err(insufficient()),
            })?
        }
        oid if oid == PgType::CHAR.oid => through_text(values, ty, |bytes| {
            fixed(bytes).map(|[byte]| one_byte::shown(byte))
        })?,
        _ if Code::of(ty) == Some(Code::Number) => {
            let read = |bytes: &[u8]| {
                coded::receive_number(ty, bytes).ok_or_else(|| match fixed::<8>(bytes) {
                    Err(error) => error,
                    Ok(_) => bad("incorrect binary data format"),
                })
            };
            primitive::<Int64Type>(values, read)?
        }
        _ if Code::of(ty) == Some(Code::Bytes) => {
            let mut builder = BinaryBuilder::with_capacity(values.len(), 0);
            for (row, value) in values.iter().enumerate() {
                let address = value.map(|bytes| Address::receive(ty, bytes)).transpose();
                let address = address.map_err(|error| ParseError { row, error })?;
                builder.append_option(address.map(Address::pack));
            }
            Arc::new(builder.finish())
        }
        _ if Code::of(ty) == Some(Code::Figure) => {
            let mut builder = BinaryBuilder::with_capacity(values.len(), 0);
            for (row, value) in values.iter().enumerate() {
                let figure = value.map(|bytes| geometry::receive(ty, bytes)).transpose();
                builder.append_option(figure.map_err(|error| ParseError { row, error })?);
            }
            Arc::new(builder.finish())
        }
        _ if Code::of(ty) == Some(Code::Search) => {
            let mut builder = BinaryBuilder::with_capacity(values.len(), 0);
            for (row, value) in values.iter().enumerate() {
                let code = value.map(|bytes| search::receive(ty, bytes)).transpose();
                builder.append_option(code.map_err(|error| ParseError { row, error })?);
            }
            Arc::new(builder.finish())
        }
        _ if bits::is(ty) => {
            let mut builder = StringViewBuilder::with_capacity(values.len());
            for (row, value) in values.iter().enumerate() {
                let read = value.map(|bytes| {
                    let bits = bits::receive(ty, bytes);
                    bits.unwrap_or_else(|| Err(bad("invalid length in external bit string")))
                });
                let read = read.transpose();
                builder.append_option(read.map_err(|error| ParseError { row, error })?);
            }
            Arc::new(builder.finish())
        }
        _ if ty.has_bounds() => range::parse_binary(values, ty, style)?,
        _ if ty.element().is_some() => arrays(values, ty, style)?,
        _ => {
            let mut texts = Vec::with_capacity(values.len());
            for (row, value) in values.iter().enumerate() {
                let text = value.map(utf8).transpose();
                texts.push(text.map_err(|error| ParseError { row, error })?);
            }
            crate::types::text::parse_column(&texts, ty, PLAIN, 0)?
        }
    })
}

pub(in crate::types) fn bad(message: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_BINARY_REPRESENTATION, message)
}

pub(in crate::types) fn insufficient() -> Error {
    Error::new(
        SqlState::PROTOCOL_VIOLATION,
        "insufficient data left in message",
    )
}

/// Exactly `N` bytes.
fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| match bytes.len() < N {
        true => insufficient(),
        false => bad("incorrect binary data format"),
    })
}

/// Takes `N` bytes from the front.
pub(in crate::types) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>().ok_or_else(insufficient)?;
    *bytes = rest;
    Ok(*head)
}

/// Text as the client sent it: UTF-8, without NUL.
///
/// # Errors
/// `22021`, naming the first bytes that are not.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if memchr::memchr(0, bytes).is_none() => Ok(text),
        Ok(_) => Err(invalid_sequence(&[0])),
        Err(error) => {
            let rest = &bytes[error.valid_up_to()..];
            // PostgreSQL shows as many bytes as the first one announces.
            let announced = match rest.first() {
                Some(0xc0..=0xdf) => 2,
                Some(0xe0..=0xef) => 3,
                Some(0xf0..=0xf7) => 4,
                _ => 1,
            };
            Err(invalid_sequence(&rest[..rest.len().min(announced)]))
        }
    }
}

/// `22021` in PostgreSQL's words.
pub(crate) fn invalid_sequence(bytes: &[u8]) -> Error {
    let shown: Vec<_> = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect();
    Error::new(
        SqlState::CHARACTER_NOT_IN_REPERTOIRE,
        format!(
            "invalid byte sequence for encoding \"UTF8\": {}",
            shown.join(" ")
        ),
    )
}

fn column<T: ArrowPrimitiveType>(
    values: &[Option<&[u8]>],
    parse: impl Fn(&[u8]) -> Result<T::Native>,
) -> Result<PrimitiveArray<T>, ParseError> {
    let mut natives = Vec::with_capacity(values.len());
    let mut nulls = NullBufferBuilder::new(values.len());
    for (row, value) in values.iter().enumerate() {
        match value {
            Some(bytes) => {
                natives.push(parse(bytes).map_err(|error| ParseError { row, error })?);
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
    values: &[Option<&[u8]>],
    parse: impl Fn(&[u8]) -> Result<T::Native>,
) -> Result<ArrayRef, ParseError> {
    Ok(Arc::new(column::<T>(values, parse)?))
}

/// For types whose binary form is text in disguise: the text reader checks and coerces.
fn through_text(
    values: &[Option<&[u8]>],
    ty: PgType,
    text: impl Fn(&[u8]) -> Result<String>,
) -> Result<ArrayRef, ParseError> {
    read_text(values, ty, PLAIN, text)
}

fn read_text(
    values: &[Option<&[u8]>],
    ty: PgType,
    style: &Style,
    text: impl Fn(&[u8]) -> Result<String>,
) -> Result<ArrayRef, ParseError> {
    let mut texts = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let text = value.map(&text).transpose();
        texts.push(text.map_err(|error| ParseError { row, error })?);
    }
    let texts: Vec<_> = texts.iter().map(Option::as_deref).collect();
    // None of these types has values that depend on the time.
    crate::types::text::parse_column(&texts, ty, style, 0)
}

fn date(bytes: &[u8]) -> Result<i32> {
    match i32::from_be_bytes(fixed(bytes)?) {
        infinite @ (i32::MAX | i32::MIN) => Ok(infinite),
        days => match days.checked_add(EPOCH_2000_DAYS) {
            Some(days @ DATE_MIN..=DATE_MAX) => Ok(days),
            _ => Err(date_out_of_range()),
        },
    }
}

fn timetz(bytes: &[u8]) -> Result<i64> {
    let bytes = fixed::<12>(bytes)?;
    let (clock, zone) = bytes.split_at(8);
    let time = time(clock)?;
    match i32::from_be_bytes(fixed(zone)?) {
        // Less than 16 hours, in seconds west of UTC.
        west @ -57_599..=57_599 => Ok(TimeTz {
            time,
            east: -i64::from(west),
        }
        .pack()),
        _ => Err(Error::new(
            SqlState::INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
            "time zone displacement out of range",
        )),
    }
}

fn time(bytes: &[u8]) -> Result<i64> {
    match i64::from_be_bytes(fixed(bytes)?) {
        micros @ 0..=DAY => Ok(micros),
        _ => Err(Error::new(
            SqlState::DATETIME_FIELD_OVERFLOW,
            "time out of range",
        )),
    }
}

fn timestamp(bytes: &[u8]) -> Result<i64> {
    match i64::from_be_bytes(fixed(bytes)?) {
        infinite @ (i64::MAX | i64::MIN) => Ok(infinite),
        micros => match micros.checked_add(EPOCH_2000_MICROS) {
            Some(micros) if (TIMESTAMP_MIN..i64::MAX).contains(&micros) => Ok(micros),
            _ => Err(timestamp_out_of_range()),
        },
    }
}

fn interval(bytes: &[u8]) -> Result<IntervalMonthDayNano> {
    let mut rest = bytes;
    let micros = i64::from_be_bytes(take(&mut rest)?);
    let days = i32::from_be_bytes(take(&mut rest)?);
    let months = i32::from_be_bytes(fixed(rest)?);
    Ok(IntervalMonthDayNano {
        months,
        days,
        nanoseconds: micros
            .checked_mul(1_000)
            .ok_or_else(interval_out_of_range)?,
    })
}

/// Numerics as 128-bit decimals. Those that have to be rounded, or are wrong, go through text.
fn decimals(
    values: &[Option<&[u8]>],
    ty: PgType,
    precision: u8,
    scale: i8,
) -> Result<ArrayRef, ParseError> {
    let bound = 10_u128.pow(u32::from(precision));
    let parse = |bytes: &[u8]| match unscaled(bytes, i32::from(scale)) {
        Some(value) if value.unsigned_abs() < bound => Ok(value),
        _ => {
            let text = numeric(bytes)?;
            let array = crate::types::text::parse_value(&text, ty, PLAIN, 0)?;
            Ok(array.as_primitive::<Decimal128Type>().value(0))
        }
    };
    let array = column::<Decimal128Type>(values, parse)?;
    Ok(Arc::new(array.with_data_type(ty.data_type())))
}

/// A numeric times 10^`scale`, if that is an integer of at most 128 bits.
fn unscaled(bytes: &[u8], scale: i32) -> Option<i128> {
    let (head, digits) = bytes.split_first_chunk::<8>()?;
    let part = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let (count, sign, shown) = (part(0), part(4), part(6));
    let weight = i32::from(i16::from_be_bytes([head[2], head[3]]));
    let right = digits.len() == usize::from(count) * 2
        && matches!(sign, 0 | 0x4000)
        // PostgreSQL cuts digits beyond those shown; that is for the text reader.
        && i32::from(shown) <= scale
        && i32::from(count) - 1 - weight <= (i32::from(shown) + 3) / 4;
    if !right {
        return None;
    }
    let mut value = 0_i128;
    let mut exponent = 4 * weight + scale;
    for pair in digits.chunks_exact(2) {
        let digit = i128::from(u16::from_be_bytes([pair[0], pair[1]]));
        if digit >= 10_000 {
            return None;
        }
        let part = match u32::try_from(exponent) {
            Ok(power) => digit.checked_mul(10_i128.checked_pow(power)?)?,
            Err(_) => {
                let divisor = 10_i128.checked_pow(exponent.unsigned_abs())?;
                if digit % divisor != 0 {
                    return None;
                }
                digit / divisor
            }
        };
        value = value.checked_add(part)?;
        exponent -= 4;
    }
    Some(if sign == 0 { value } else { -value })
}

/// A numeric as text: base-10000 digits around a point.
fn numeric(bytes: &[u8]) -> Result<String> {
    let mut rest = bytes;
    let count = u16::from_be_bytes(take(&mut rest)?);
    let weight = i32::from(i16::from_be_bytes(take(&mut rest)?));
    let sign = u16::from_be_bytes(take(&mut rest)?);
    let scale = u16::from_be_bytes(take(&mut rest)?);
    let negative = match sign {
        0 => false,
        0x4000 => true,
        0xC000 => return Ok("NaN".to_owned()),
        0xD000 => return Ok("Infinity".to_owned()),
        0xF000 => return Ok("-Infinity".to_owned()),
        _ => return Err(bad("invalid sign in external \"numeric\" value")),
    };
    if scale > 0x3fff {
        return Err(bad("invalid scale in external \"numeric\" value"));
    }
    let mut digits = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        match u16::from_be_bytes(take(&mut rest)?) {
            digit @ 0..10_000 => digits.push(digit),
            _ => return Err(bad("invalid digit in external \"numeric\" value")),
        }
    }
    if !rest.is_empty() {
        return Err(bad("incorrect binary data format"));
    }
    // With as many digits after the point as the scale says; the text reader rounds, if it has to.
    let groups = i32::from(count);
    let mut text = String::from(if negative { "-0" } else { "0" });
    let group = |index: i32| {
        let digit = usize::try_from(index).ok().and_then(|at| digits.get(at));
        digit.copied().unwrap_or(0)
    };
    for index in 0..=weight {
        text.push_str(&format!("{:04}", group(index)));
    }
    text.push('.');
    let scale = usize::from(scale);
    let start = text.len();
    let zeros = usize::try_from(-1 - weight).unwrap_or(0) * 4;
    text.extend(std::iter::repeat_n('0', zeros.min(scale)));
    let mut index = (weight + 1).max(0);
    while index < groups && text.len() - start < scale {
        text.push_str(&format!("{:04}", group(index)));
        index += 1;
    }
    let missing = (start + scale).saturating_sub(text.len());
    text.extend(std::iter::repeat_n('0', missing));
    text.truncate(start + scale);
    if scale == 0 {
        text.pop();
    }
    Ok(text)
}

/// Arrays of any dimensions: their elements are read as one column.
fn arrays(values: &[Option<&[u8]>], ty: PgType, style: &Style) -> Result<ArrayRef, ParseError> {
    let element = ty.element().unwrap_or(PgType::TEXT);
    // They count from 0, which goes without saying.
    let vector = [PgType::INT2VECTOR.oid, PgType::OIDVECTOR.oid].contains(&ty.oid);
    let mut rows = Vec::with_capacity(values.len());
    let mut elements = Vec::new();
    let mut owners = Vec::new();
    for (row, value) in values.iter().enumerate() {
        let extent = match value {
            None => None,
            Some(bytes) => {
                let extent = array(bytes, element, &mut elements);
                owners.resize(elements.len(), row);
                let mut extent = extent.map_err(|error| ParseError { row, error })?;
                if vector {
                    extent.lower.fill(1);
                }
                Some(extent)
            }
        };
        rows.push(extent);
    }
    let children =
        parse_column(&elements, element, style).map_err(|failure| failure.of_owner(&owners))?;
    build_array(children, &rows, element)
}

/// A value with its length before it, off the front; `None` is NULL.
pub(in crate::types) fn counted<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>> {
    let length = i32::from_be_bytes(take(rest)?);
    if length == -1 {
        return Ok(None);
    }
    let length = usize::try_from(length).map_err(|_| insufficient())?;
    let (value, after) = rest.split_at_checked(length).ok_or_else(insufficient)?;
    *rest = after;
    Ok(Some(value))
}

/// Appends the elements of one array; returns its dimensions.
fn array<'a>(
    bytes: &'a [u8],
    element: PgType,
    elements: &mut Vec<Option<&'a [u8]>>,
) -> Result<Extent> {
    let mut rest = bytes;
    let dimensions = i32::from_be_bytes(take(&mut rest)?);
    if usize::try_from(dimensions).is_err() {
        return Err(bad(format!("invalid number of dimensions: {dimensions}")));
    }
    let flags = i32::from_be_bytes(take(&mut rest)?);
    if !(0..=1).contains(&flags) {
        return Err(bad("invalid array flags"));
    }
    let oid = u32::from_be_bytes(take(&mut rest)?);
    if oid != element.oid.0 {
        return Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "binary data has array element type {oid} ({}) instead of expected {} ({element})",
                PgType::of(oid),
                element.oid,
            ),
        ));
    }
    let mut extent = Extent::default();
    for _ in 0..dimensions {
        let size = i32::from_be_bytes(take(&mut rest)?);
        extent.lower.push(i32::from_be_bytes(take(&mut rest)?));
        let size = usize::try_from(size).map_err(|_| too_large())?;
        extent.sizes.push(size);
    }
    // Every element has at least its length: a bound on what may be claimed.
    let count = match extent.elements()? {
        count if count <= rest.len() / 4 => count,
        _ => return Err(insufficient()),
    };
    for _ in 0..count {
        elements.push(counted(&mut rest)?);
    }
    match rest {
        [] if count == 0 => Ok(Extent::default()),
        [] => Ok(extent),
        _ => Err(bad("incorrect binary data format")),
    }
}
