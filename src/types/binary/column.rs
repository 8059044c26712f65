//! A column of values as PostgreSQL's binary: network byte order, dates and times counted from
//! 2000-01-01.
//!
//! The width written follows the PostgreSQL type, never the Arrow type: a client decodes by the OID
//! it was told.

use std::ops::Range;

use arrow::array::{Array, BooleanArray};
use arrow::buffer::NullBuffer;

use crate::base::{Error, Oid, Result, SqlState};
use crate::types::calendar::{
    DATE_MAX, DATE_MIN, EPOCH_2000_DAYS, EPOCH_2000_MICROS, TIMESTAMP_MIN,
};
use crate::types::cells::{Blobs, Cells, Dates, Intervals, Ints, Ranges, Stamps, Texts, Times};
use crate::types::coded::{self, Address, Code, bits};
use crate::types::decimal::Numerics;
use crate::types::row::{self, Rows};
use crate::types::shaped::Arrays;
use crate::types::text::{
    Numbers, PLAIN, Style, TextColumn, UNNAMED, Width, cannot_hold, date_out_of_range, element_of,
    interval_out_of_range, is_text, midnight, timestamp_out_of_range, write_padded,
};
use crate::types::{PgType, TimeTz, one_byte, ragged, range, search};

/// One column, ready to write values of as binary.
pub struct BinaryColumn<'a> {
    nulls: Option<NullBuffer>,
    cells: Written<'a>,
}

/// Cells by the way they are written.
enum Written<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int2(Ints<'a>, Width),
    Int4(Ints<'a>, Width),
    /// OIDs and their like: 4 bytes, unsigned.
    Oid(Ints<'a>, Width),
    Int8(Ints<'a>, Width),
    Float4(Numbers<'a>),
    Float8(Numbers<'a>),
    Numeric(Numerics<'a>),
    Text(Texts<'a>),
    /// `char(n)`: padded to so many characters.
    Padded(Texts<'a>, usize),
    /// `"char"`: one byte.
    Char(Texts<'a>),
    /// jsonb: a version byte, then text.
    Jsonb(Box<BinaryColumn<'a>>),
    Address(Blobs<'a>, PgType),
    Search(Blobs<'a>, PgType),
    Bytes(Blobs<'a>),
    Date(Dates<'a>),
    Time(Times<'a>),
    TimeTz(Ints<'a>),
    /// Codes that are numbers.
    Number(Ints<'a>, PgType),
    Bits(Texts<'a>),
    Timestamp(Stamps<'a>),
    /// A date shown as a timestamp.
    Midnight(Dates<'a>),
    Interval(Intervals<'a>),
    Range(range::Column<'a>, PgType, &'a Style),
    Array(Lists<'a>),
    /// Arrays that tell their dimensions, and what their elements are of.
    Shaped(Arrays<'a>, Box<BinaryColumn<'a>>, Oid),
    Record(Vec<(Oid, BinaryColumn<'a>)>),
    /// Rows of a type that has a name.
    Rows(Rows),
    Indexed(Vec<usize>, Box<BinaryColumn<'a>>),
    /// Values without a binary form of their own, as text in the plain style.
    Shown(TextColumn<'a>),
}

/// Lists and what `array_send` says of them.
struct Lists<'a> {
    ranges: Ranges<'a>,
    values: Box<BinaryColumn<'a>>,
    element: Oid,
    /// 1, but 0 for int2vector and oidvector.
    lower_bound: i32,
}

impl<'a> BinaryColumn<'a> {
    /// Prepares `array`, whose values are of PostgreSQL type `ty`.
    ///
    /// # Errors
    /// `XX000` if the Arrow type cannot hold values of `ty`.
    pub fn new(array: &'a dyn Array, ty: PgType, style: &'a Style) -> Result<Self> {
        let cells = match (ty.oid, Cells::of(array)) {
            (_, Cells::Null) => Written::Null,
            (_, Cells::Int(_)) if ty.is_enum() => {
                Written::Shown(TextColumn::new(array, ty, style, UNNAMED)?)
            }
            (_, Cells::Indexed(rows, values)) => {
                Written::Indexed(rows, Box::new(Self::new(values, ty, style)?))
            }
            (oid, Cells::List(ranges, values)) if !is_text(ty) || oid == PgType::ANYARRAY.oid => {
                let vector = [PgType::INT2VECTOR.oid, PgType::OIDVECTOR.oid].contains(&oid);
                let inner = element_of(values, ty);
                let element = inner.element().unwrap_or(inner);
                Written::Array(Lists {
                    ranges,
                    values: Box::new(Self::new(values, inner, style)?),
                    element: element.oid,
                    lower_bound: i32::from(!vector),
                })
            }
            (_, Cells::Shaped(arrays)) if !is_text(ty) => {
                let element = element_of(arrays.values(), ty);
                let values = Box::new(Self::new(arrays.values(), element, style)?);
                Written::Shaped(arrays, values, element.oid)
            }
            (_, Cells::Bytes(_)) if let Some(shape) = ty.shape() => {
                Written::Rows(row::binaries(array, shape, style)?)
            }
            (oid, Cells::Struct(fields)) if oid == PgType::RECORD.oid => {
                let fields = fields.into_iter().map(|(_, column)| {
                    let ty = PgType::of_data_type(column.data_type());
                    Ok((ty.oid, Self::new(column, ty, style)?))
                });
                Written::Record(fields.collect::<Result<_>>()?)
            }
            (oid, Cells::Text(_)) if oid == PgType::RECORD.oid => {
                return Err(Error::unsupported("a row in binary format")
                    .hint("Ask for it in text format, or for its fields."));
            }
            (oid, Cells::Text(texts)) if oid == PgType::BPCHAR.oid => match ty.char_length() {
                Some(length) => Written::Padded(texts, length),
                None => Written::Text(texts),
            },
            (oid, Cells::Text(texts)) if oid == PgType::CHAR.oid => Written::Char(texts),
            (_, Cells::Text(texts)) if bits::is(ty) => Written::Bits(texts),
            (_, Cells::Bytes(bytes)) if Code::of(ty) == Some(Code::Bytes) => {
                Written::Address(bytes, ty)
            }
            (_, Cells::Bytes(bytes)) if Code::of(ty) == Some(Code::Search) => {
                Written::Search(bytes, ty)
            }
            (oid, _) if oid == PgType::JSONB.oid || oid == PgType::JSONPATH.oid => {
                Written::Jsonb(Box::new(Self::new(array, PgType::JSON, style)?))
            }
            (_, Cells::Text(texts)) if is_text(ty) => Written::Text(texts),
            (_, _) if is_text(ty) => Written::Shown(TextColumn::new(array, ty, PLAIN, UNNAMED)?),
            (oid, Cells::Bool(array)) if oid == PgType::BOOL.oid => Written::Bool(array),
            (oid, Cells::Int(ints)) if oid == PgType::FLOAT4.oid => {
                Written::Float4(Numbers::Int(ints))
            }
            (oid, Cells::Int(ints)) if oid == PgType::FLOAT8.oid => {
                Written::Float8(Numbers::Int(ints))
            }
            (oid, Cells::Float(floats)) if oid == PgType::FLOAT4.oid => {
                Written::Float4(Numbers::Float(floats))
            }
            (oid, Cells::Float(floats)) if oid == PgType::FLOAT8.oid => {
                Written::Float8(Numbers::Float(floats))
            }
            (oid, cells) if oid == PgType::NUMERIC.oid => match Numerics::new(&cells, ty) {
                Some(numerics) => Written::Numeric(numerics),
                None => return Err(cannot_hold(array, ty)),
            },
            (oid, Cells::Int(ints)) if oid == PgType::TIMETZ.oid => Written::TimeTz(ints),
            (_, Cells::Int(ints)) if Code::of(ty) == Some(Code::Number) => {
                Written::Number(ints, ty)
            }
            (_, Cells::Bytes(_)) if ty.has_bounds() => {
                Written::Range(range::Column::new(array), ty, style)
            }
            (oid, Cells::Int(ints)) => match Width::of(ty) {
                Some(width) if oid == PgType::INT2.oid => Written::Int2(ints, width),
                Some(width) if oid == PgType::INT4.oid => Written::Int4(ints, width),
                Some(width) if oid == PgType::INT8.oid => Written::Int8(ints, width),
                Some(width) => Written::Oid(ints, width),
                None => return Err(cannot_hold(array, ty)),
            },
            (oid, Cells::Bytes(Blobs::Fixed(blobs)))
                if oid == PgType::UUID.oid && blobs.value_length() == 16 =>
            {
                Written::Bytes(Blobs::Fixed(blobs))
            }
            (oid, Cells::Bytes(blobs))
                if oid == PgType::BYTEA.oid || Code::of(ty) == Some(Code::Figure) =>
            {
                Written::Bytes(blobs)
            }
            (oid, Cells::Date(dates)) if oid == PgType::DATE.oid => Written::Date(dates),
            (oid, Cells::Date(dates))
                if oid == PgType::TIMESTAMP.oid || oid == PgType::TIMESTAMPTZ.oid =>
            {
                Written::Midnight(dates)
            }
            (oid, Cells::Time(times)) if oid == PgType::TIME.oid => Written::Time(times),
            (oid, Cells::Timestamp(stamps))
                if oid == PgType::TIMESTAMP.oid || oid == PgType::TIMESTAMPTZ.oid =>
            {
                Written::Timestamp(stamps)
            }
            (oid, Cells::Interval(intervals)) if oid == PgType::INTERVAL.oid => {
                Written::Interval(intervals)
            }
            _ => return Err(cannot_hold(array, ty)),
        };
        let nulls = match &cells {
            Written::Null => None,
            _ => array.logical_nulls(),
        };
        Ok(Self { nulls, cells })
    }

    /// Appends the bytes of row `row` (without a length) to `out`; returns false, appending
    /// nothing, if NULL.
    ///
    /// # Errors
    /// `22003`/`22008` for a value PostgreSQL's type cannot represent.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "Width::check has bounded the integers"
    )]
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<bool> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(false);
        }
        match &self.cells {
            Written::Null => return Ok(false),
            Written::Bool(values) => out.push(u8::from(values.value(row))),
            Written::Int2(values, width) => {
                put(out, (width.check(values.get(row))? as i16).to_be_bytes());
            }
            Written::Int4(values, width) => {
                put(out, (width.check(values.get(row))? as i32).to_be_bytes());
            }
            Written::Oid(values, width) => {
                put(out, (width.check(values.get(row))? as u32).to_be_bytes());
            }
            Written::Int8(values, width) => {
                put(out, width.check(values.get(row))?.to_be_bytes());
            }
            Written::Float4(values) => put(out, values.single(row).to_be_bytes()),
            Written::Float8(values) => put(out, values.double(row).to_be_bytes()),
            Written::Numeric(values) => values.write_binary(row, out),
            Written::Text(values) => out.extend_from_slice(values.get(row).as_bytes()),
            Written::Padded(values, length) => write_padded(values.get(row), *length, out),
            Written::Char(values) => {
                out.push(one_byte::read(values.get(row)));
            }
            Written::Jsonb(values) => {
                out.push(1);
                values.write(row, out)?;
            }
            Written::Address(values, ty) => Address::unpack(values.get(row)).send(*ty, out),
            Written::Search(values, ty) => search::send(*ty, values.get(row), out),
            Written::Bits(values) => bits::send(values.get(row), out),
            Written::Number(values, ty) => {
                coded::send_number(*ty, values.get(row).unwrap_or_default(), out);
            }
            Written::Bytes(values) => out.extend_from_slice(values.get(row)),
            Written::Date(values) => {
                let days = values.get(row).ok_or_else(date_out_of_range)?;
                put(out, date(days)?.to_be_bytes());
            }
            Written::Time(values) => put(out, values.get(row).to_be_bytes()),
            Written::TimeTz(values) => {
                let value = TimeTz::unpack(values.get(row).unwrap_or_default());
                put(out, value.time.to_be_bytes());
                put(out, (-value.east as i32).to_be_bytes());
            }
            Written::Timestamp(values) => {
                let micros = values.get(row).ok_or_else(timestamp_out_of_range)?;
                put(out, timestamp(micros)?.to_be_bytes());
            }
            Written::Midnight(values) => {
                let days = values.get(row).ok_or_else(timestamp_out_of_range)?;
                put(out, timestamp(midnight(days)?)?.to_be_bytes());
            }
            Written::Interval(values) => {
                let span = values.get(row).ok_or_else(interval_out_of_range)?;
                put(out, span.micros.to_be_bytes());
                put(out, span.days.to_be_bytes());
                put(out, span.months.to_be_bytes());
            }
            Written::Range(values, ty, style) => {
                range::write_binary(&values.get(row).unwrap_or_default(), *ty, style, out)?;
            }
            Written::Array(array) => array.write(row, out)?,
            Written::Shaped(arrays, values, element) => {
                write_shaped(arrays, row, values, *element, out)?;
            }
            Written::Record(fields) => write_record(row, fields, out)?,
            Written::Rows(rows) => out.extend_from_slice(rows.get(row)),
            Written::Indexed(rows, values) => return values.write(rows[row], out),
            Written::Shown(column) => return column.write(row, out),
        }
        Ok(true)
    }

    /// Appends the length (-1 for NULL) and the bytes of row `row`; returns whether it is NULL.
    ///
    /// # Errors
    /// As [`BinaryColumn::write`]; `54000` for a value too long to be counted.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "Width::check has bounded it"
    )]
    #[inline]
    pub fn write_counted(&self, row: usize, out: &mut Vec<u8>) -> Result<bool> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            put(out, (-1_i32).to_be_bytes());
            return Ok(true);
        }
        // What bulk transfers are full of, without going back to the length.
        match &self.cells {
            Written::Int4(values, width) => {
                let value = width.check(values.get(row))? as i32;
                counted(out, value.to_be_bytes());
                return Ok(false);
            }
            Written::Int8(values, width) => {
                counted(out, width.check(values.get(row))?.to_be_bytes());
                return Ok(false);
            }
            Written::Float8(values) => {
                counted(out, values.double(row).to_be_bytes());
                return Ok(false);
            }
            Written::Date(values) => {
                let days = values.get(row).ok_or_else(date_out_of_range)?;
                counted(out, date(days)?.to_be_bytes());
                return Ok(false);
            }
            Written::Timestamp(values) => {
                let micros = values.get(row).ok_or_else(timestamp_out_of_range)?;
                counted(out, timestamp(micros)?.to_be_bytes());
                return Ok(false);
            }
            Written::Text(values) => {
                let text = values.get(row).as_bytes();
                put(out, length(text.len())?);
                out.extend_from_slice(text);
                return Ok(false);
            }
            _ => {}
        }
        let at = out.len();
        put(out, (-1_i32).to_be_bytes());
        if !self.write(row, out)? {
            return Ok(true);
        }
        let bytes = length(out.len() - at - 4)?;
        out[at..at + 4].copy_from_slice(&bytes);
        Ok(false)
    }

    /// The array this column's values are, if they are: another dimension of the array around them.
    fn array(&self) -> Option<&Lists<'a>> {
        match &self.cells {
            Written::Array(array) => Some(array),
            _ => None,
        }
    }
}

/// Appends an array that tells its dimensions.
fn write_shaped(
    arrays: &Arrays<'_>,
    row: usize,
    values: &BinaryColumn<'_>,
    element: Oid,
    out: &mut Vec<u8>,
) -> Result<()> {
    let extent = arrays.extent(row);
    put(out, length(extent.sizes.len())?);
    let flags = out.len();
    put(out, 0_i32.to_be_bytes());
    put(out, element.0.to_be_bytes());
    for (size, lower) in extent.sizes.iter().zip(&extent.lower) {
        put(out, length(*size)?);
        put(out, lower.to_be_bytes());
    }
    let mut has_null = false;
    for place in arrays.places(row) {
        has_null |= values.write_counted(place, out)?;
    }
    if has_null {
        out[flags..flags + 4].copy_from_slice(&1_i32.to_be_bytes());
    }
    Ok(())
}

impl Lists<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let mut dimensions = Vec::new();
        self.measure(self.ranges.get(row), 0, &mut dimensions)?;
        if dimensions.contains(&0) {
            dimensions.clear();
        }
        put(out, length(dimensions.len())?);
        put(out, 0_i32.to_be_bytes());
        put(out, self.element.0.to_be_bytes());
        for size in &dimensions {
            put(out, length(*size)?);
            put(out, self.lower_bound.to_be_bytes());
        }
        if !dimensions.is_empty() && self.write_elements(self.ranges.get(row), out)? {
            out[start + 4..start + 8].copy_from_slice(&1_i32.to_be_bytes());
        }
        Ok(())
    }

    /// Finds the size of each dimension; arrays in an array must agree.
    fn measure(&self, rows: Range<usize>, depth: usize, sizes: &mut Vec<usize>) -> Result<()> {
        match sizes.get(depth) {
            None => sizes.push(rows.len()),
            Some(size) if *size == rows.len() => {}
            Some(_) => return Err(ragged()),
        }
        if let Some(inner) = self.values.array() {
            for row in rows {
                // PostgreSQL has no NULL in the place of a row of elements.
                if self
                    .values
                    .nulls
                    .as_ref()
                    .is_some_and(|nulls| nulls.is_null(row))
                {
                    return Err(ragged());
                }
                inner.measure(inner.ranges.get(row), depth + 1, sizes)?;
            }
        }
        Ok(())
    }

    /// Appends the elements in row-major order; returns whether one is NULL.
    fn write_elements(&self, rows: Range<usize>, out: &mut Vec<u8>) -> Result<bool> {
        let mut has_null = false;
        for row in rows {
            has_null |= match self.values.array() {
                Some(inner) => inner.write_elements(inner.ranges.get(row), out)?,
                None => self.values.write_counted(row, out)?,
            };
        }
        Ok(has_null)
    }
}

/// Appends a row of fields, as `record_send`.
pub(in crate::types) fn write_record(
    row: usize,
    fields: &[(Oid, BinaryColumn<'_>)],
    out: &mut Vec<u8>,
) -> Result<()> {
    put(out, length(fields.len())?);
    for (oid, field) in fields {
        put(out, oid.0.to_be_bytes());
        field.write_counted(row, out)?;
    }
    Ok(())
}

#[inline]
fn put<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    out.extend_from_slice(&bytes);
}

/// A value of known length, with it, at once.
#[inline]
fn counted<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    let mut both = [0; 12];
    // No value written so is longer than 8 bytes.
    both[3] = N as u8;
    both[4..4 + N].copy_from_slice(&bytes);
    out.extend_from_slice(&both[..4 + N]);
}

/// A count as the protocol writes it.
///
/// # Errors
/// `54000`
pub(in crate::types) fn length(count: usize) -> Result<[u8; 4]> {
    let count = i32::try_from(count).map_err(|_| too_long())?;
    Ok(count.to_be_bytes())
}

/// `54000`
pub(in crate::types) fn too_long() -> Error {
    Error::new(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        "value exceeds the maximum size of 2147483647 bytes",
    )
}

/// Days since 2000-01-01.
fn date(days: i32) -> Result<i32> {
    match days {
        i32::MAX | i32::MIN => Ok(days),
        DATE_MIN..=DATE_MAX => Ok(days - EPOCH_2000_DAYS),
        _ => Err(date_out_of_range()),
    }
}

/// Microseconds since 2000-01-01.
fn timestamp(micros: i64) -> Result<i64> {
    match micros {
        i64::MAX | i64::MIN => Ok(micros),
        TIMESTAMP_MIN.. => Ok(micros - EPOCH_2000_MICROS),
        _ => Err(timestamp_out_of_range()),
    }
}
