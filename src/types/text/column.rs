//! A column of values as PostgreSQL's text.
//!
//! What a value looks like follows from its PostgreSQL type, how it is read from its Arrow type;
//! [`TextColumn::new`] brings the two together once, and [`TextColumn::write`] only appends.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray};
use arrow::buffer::NullBuffer;

use super::date::{self, date_out_of_range, timestamp_out_of_range};
use super::{RegNames, Style, interval, nested, number};
use crate::base::{Error, Oid, Result, SqlState};
use crate::types::cells::{
    Blobs, Cells, Dates, Floats, Intervals, Ints, Ranges, Stamps, Texts, Times,
};
use crate::types::coded::{self, Address, Code};
use crate::types::decimal::{Numerics, Scratch};
use crate::types::enums::{Labels, lost};
use crate::types::row::{self, Rows};
use crate::types::shaped::Arrays;
use crate::types::{PgType, TimeTz, Zone, geometry, range, search};

/// One column, ready to write values of as text: all downcasts and settings resolved once per
/// batch.
pub struct TextColumn<'a> {
    nulls: Option<NullBuffer>,
    cells: Written<'a>,
}

/// Cells by the way they are written.
enum Written<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int(Ints<'a>, Width),
    Reg(Ints<'a>, PgType, &'a dyn RegNames),
    Enum(Ints<'a>, PgType, Arc<Labels>),
    Float4(Numbers<'a>, i32),
    Float8(Numbers<'a>, i32),
    Numeric(Numerics<'a>),
    Text(Texts<'a>),
    /// `char(n)`: padded to so many characters.
    Padded(Texts<'a>, usize),
    Hex(Blobs<'a>),
    Escape(Blobs<'a>),
    Uuid(Blobs<'a>),
    Date(Dates<'a>, &'a Style),
    Time(Times<'a>),
    TimeTz(Ints<'a>),
    /// Codes that are numbers.
    Number(Ints<'a>, PgType),
    Address(Blobs<'a>, PgType),
    Figure(Blobs<'a>, PgType, i32),
    Search(Blobs<'a>, PgType),
    Timestamp(Stamps<'a>, Option<Zone>, &'a Style),
    /// A date shown as a timestamp.
    Midnight(Dates<'a>, Option<Zone>, &'a Style),
    Interval(Intervals<'a>, &'a Style),
    Range(range::Column<'a>, PgType, &'a Style, &'a dyn RegNames),
    /// With what is between elements.
    Array(Ranges<'a>, Box<TextColumn<'a>>, u8),
    /// Arrays that tell their dimensions.
    Shaped(Arrays<'a>, Box<TextColumn<'a>>, u8),
    /// `int2vector` and `oidvector`
    Vector(Ranges<'a>, Box<TextColumn<'a>>),
    Record(Vec<TextColumn<'a>>),
    /// Rows of a type that has a name.
    Rows(Rows),
    Json(Box<nested::JsonColumn<'a>>),
    Indexed(Vec<usize>, Box<TextColumn<'a>>),
}

/// Numbers shown as floating point.
#[derive(Clone, Copy)]
pub(in crate::types) enum Numbers<'a> {
    Float(Floats<'a>),
    Int(Ints<'a>),
}

impl Numbers<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a float column rounds")]
    #[inline]
    pub(in crate::types) fn double(&self, row: usize) -> f64 {
        match self {
            Self::Float(values) => values.double(row),
            Self::Int(values) => values.wide(row) as f64,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a float column rounds")]
    #[inline]
    pub(in crate::types) fn single(&self, row: usize) -> f32 {
        match self {
            Self::Float(values) => values.single(row),
            Self::Int(values) => values.wide(row) as f32,
        }
    }
}

/// What an integer type can hold.
#[derive(Clone, Copy)]
pub(in crate::types) struct Width {
    min: i64,
    max: i64,
    name: &'static str,
}

impl Width {
    /// The width of integer type `ty`, or `None` if it is not one.
    pub(in crate::types) fn of(ty: PgType) -> Option<Self> {
        let (min, max) = match ty.oid {
            oid if oid == PgType::INT2.oid => (i64::from(i16::MIN), i64::from(i16::MAX)),
            oid if oid == PgType::INT4.oid => (i64::from(i32::MIN), i64::from(i32::MAX)),
            oid if oid == PgType::INT8.oid => (i64::MIN, i64::MAX),
            oid if [PgType::OID.oid, PgType::XID.oid, PgType::CID.oid].contains(&oid) => {
                (0, i64::from(u32::MAX))
            }
            _ if ty.is_reg() => (0, i64::from(u32::MAX)),
            _ => return None,
        };
        Some(Self {
            min,
            max,
            name: ty.info().sql_name,
        })
    }

    /// The value, if the type has it.
    #[inline]
    pub(in crate::types) fn check(self, value: Option<i64>) -> Result<i64> {
        match value {
            Some(value) if self.min <= value && value <= self.max => Ok(value),
            _ => Err(Error::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                format!("{} out of range", self.name),
            )),
        }
    }
}

/// `XX000`: the planner said `ty`, the executor made something else.
pub(in crate::types) fn cannot_hold(array: &dyn Array, ty: PgType) -> Error {
    Error::internal(
        "writing a column",
        format!("{} cannot hold {ty}", array.data_type()),
    )
}

/// Whether values of the type are shown as the text they are.
pub(in crate::types) fn is_text(ty: PgType) -> bool {
    ty.data_type() == arrow::datatypes::DataType::Utf8View
}

impl<'a> TextColumn<'a> {
    /// Prepares `array`, whose values are of PostgreSQL type `ty`.
    ///
    /// # Errors
    /// `XX000` if the Arrow type cannot hold values of `ty`.
    pub fn new(
        array: &'a dyn Array,
        ty: PgType,
        style: &'a Style,
        names: &'a dyn RegNames,
    ) -> Result<Self> {
        let child = |array: &'a dyn Array, ty| Self::new(array, ty, style, names).map(Box::new);
        let zone = (ty.oid == PgType::TIMESTAMPTZ.oid).then_some(style.time_zone);
        let extra = style.extra_float_digits;
        let cells = match (ty.oid, Cells::of(array)) {
            (_, Cells::Null) => Written::Null,
            (_, Cells::Indexed(rows, values)) => Written::Indexed(rows, child(values, ty)?),
            (oid, Cells::List(ranges, values))
                if [PgType::INT2VECTOR.oid, PgType::OIDVECTOR.oid].contains(&oid) =>
            {
                let element = ty.element().unwrap_or(PgType::INT2);
                Written::Vector(ranges, child(values, element)?)
            }
            (_, Cells::List(ranges, values)) => {
                let of = element_of(values, ty);
                let delimiter = of.element().unwrap_or(of).delimiter();
                Written::Array(ranges, child(values, of)?, delimiter)
            }
            (_, Cells::Shaped(arrays)) => {
                let of = element_of(arrays.values(), ty);
                let values = child(arrays.values(), of)?;
                Written::Shaped(arrays, values, of.delimiter())
            }
            (oid, Cells::Struct(fields)) if oid == PgType::RECORD.oid => {
                let fields = fields.into_iter().map(|(_, column)| {
                    let ty = PgType::of_data_type(column.data_type());
                    Self::new(column, ty, style, names)
                });
                Written::Record(fields.collect::<Result<_>>()?)
            }
            (_, Cells::Bytes(_)) if let Some(shape) = ty.shape() => {
                Written::Rows(row::texts(array, shape, style, names)?)
            }
            (_, Cells::Struct(_) | Cells::Map(..)) => {
                Written::Json(Box::new(nested::JsonColumn::new(array, style, names)?))
            }
            // Numbers that became text for display only have no type of their own left.
            (_, cells) if is_text(ty) && !matches!(cells, Cells::Text(_) | Cells::Other) => {
                return Self::new(array, PgType::of_data_type(array.data_type()), style, names);
            }
            (oid, Cells::Text(texts)) if oid == PgType::BPCHAR.oid => match ty.char_length() {
                Some(length) => Written::Padded(texts, length),
                None => Written::Text(texts),
            },
            // Text already is what every type is shown as.
            (_, Cells::Text(texts)) => Written::Text(texts),
            (oid, Cells::Bool(array)) if oid == PgType::BOOL.oid => Written::Bool(array),
            (_, Cells::Int(ints)) if ty.is_reg() => Written::Reg(ints, ty, names),
            (oid, Cells::Int(ints)) if oid == PgType::TIMETZ.oid => Written::TimeTz(ints),
            (_, Cells::Int(ints)) if Code::of(ty) == Some(Code::Number) => {
                Written::Number(ints, ty)
            }
            (_, Cells::Bytes(bytes)) if Code::of(ty) == Some(Code::Bytes) => {
                Written::Address(bytes, ty)
            }
            (_, Cells::Bytes(bytes)) if Code::of(ty) == Some(Code::Figure) => {
                Written::Figure(bytes, ty, extra)
            }
            (_, Cells::Bytes(bytes)) if Code::of(ty) == Some(Code::Search) => {
                Written::Search(bytes, ty)
            }
            (_, Cells::Int(ints)) if ty.is_enum() => {
                Written::Enum(ints, ty, style.enums.labels(ty))
            }
            (oid, Cells::Int(ints)) if oid == PgType::FLOAT4.oid => {
                Written::Float4(Numbers::Int(ints), extra)
            }
            (oid, Cells::Int(ints)) if oid == PgType::FLOAT8.oid => {
                Written::Float8(Numbers::Int(ints), extra)
            }
            (oid, Cells::Float(floats)) if oid == PgType::FLOAT4.oid => {
                Written::Float4(Numbers::Float(floats), extra)
            }
            (oid, Cells::Float(floats)) if oid == PgType::FLOAT8.oid => {
                Written::Float8(Numbers::Float(floats), extra)
            }
            (oid, cells) if oid == PgType::NUMERIC.oid => match Numerics::new(&cells, ty) {
                Some(numerics) => Written::Numeric(numerics),
                None => return Err(cannot_hold(array, ty)),
            },
            (_, Cells::Int(ints)) => match Width::of(ty) {
                Some(width) => Written::Int(ints, width),
                None => return Err(cannot_hold(array, ty)),
            },
            (oid, Cells::Bytes(Blobs::Fixed(blobs)))
                if oid == PgType::UUID.oid && blobs.value_length() == 16 =>
            {
                Written::Uuid(Blobs::Fixed(blobs))
            }
            (oid, Cells::Bytes(blobs)) if oid == PgType::BYTEA.oid => match style.bytea_hex {
                true => Written::Hex(blobs),
                false => Written::Escape(blobs),
            },
            (_, Cells::Bytes(_)) if ty.has_bounds() => {
                Written::Range(range::Column::new(array), ty, style, names)
            }
            (oid, Cells::Date(dates)) if oid == PgType::DATE.oid => Written::Date(dates, style),
            (oid, Cells::Date(dates))
                if oid == PgType::TIMESTAMP.oid || oid == PgType::TIMESTAMPTZ.oid =>
            {
                Written::Midnight(dates, zone, style)
            }
            (oid, Cells::Time(times)) if oid == PgType::TIME.oid => Written::Time(times),
            (oid, Cells::Timestamp(stamps))
                if oid == PgType::TIMESTAMP.oid || oid == PgType::TIMESTAMPTZ.oid =>
            {
                Written::Timestamp(stamps, zone, style)
            }
            (oid, Cells::Interval(intervals)) if oid == PgType::INTERVAL.oid => {
                Written::Interval(intervals, style)
            }
            _ => return Err(cannot_hold(array, ty)),
        };
        let nulls = match &cells {
            Written::Null => None,
            _ => array.logical_nulls(),
        };
        Ok(Self { nulls, cells })
    }

    /// Appends the text of row `row` to `out`; returns false, appending nothing, if it is NULL.
    ///
    /// # Errors
    /// `22003`/`22008` for a value PostgreSQL's type cannot represent.
    #[inline]
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<bool> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(false);
        }
        match &self.cells {
            Written::Null => return Ok(false),
            Written::Bool(values) => out.push(if values.value(row) { b't' } else { b'f' }),
            Written::Int(values, width) => number::write_int(width.check(values.get(row))?, out),
            Written::Reg(values, ty, names) => write_reg(values.get(row), *ty, *names, out)?,
            Written::Enum(values, ty, labels) => {
                let position = values.get(row).unwrap_or_default();
                let label = labels.at(position).ok_or_else(|| lost(*ty, position))?;
                out.extend_from_slice(label.name.as_bytes());
            }
            Written::Float4(values, extra) => number::write_float4(values.single(row), *extra, out),
            Written::Float8(values, extra) => number::write_float8(values.double(row), *extra, out),
            Written::Numeric(values) => values.get(row, &mut Scratch::new()).write_text(out),
            Written::Text(values) => out.extend_from_slice(values.get(row).as_bytes()),
            Written::Padded(values, length) => write_padded(values.get(row), *length, out),
            Written::Hex(values) => {
                out.extend_from_slice(b"\\x");
                write_hex(values.get(row), out);
            }
            Written::Escape(values) => write_escape(values.get(row), out),
            Written::Uuid(values) => write_uuid(values.get(row), out),
            Written::Date(values, style) => {
                let days = values.get(row).ok_or_else(date_out_of_range)?;
                date::write_date(days, style, out)?;
            }
            Written::Time(values) => date::write_time(values.get(row), out),
            Written::TimeTz(values) => {
                TimeTz::unpack(values.get(row).unwrap_or_default()).write(out);
            }
            Written::Number(values, ty) => {
                coded::write_number(*ty, values.get(row).unwrap_or_default(), out);
            }
            Written::Address(values, ty) => {
                let address = Address::unpack(values.get(row));
                out.extend_from_slice(address.shown(*ty).as_bytes());
            }
            Written::Figure(values, ty, extra) => {
                geometry::write(*ty, values.get(row), *extra, out);
            }
            Written::Search(values, ty) => search::write(*ty, values.get(row), out),
            Written::Timestamp(values, zone, style) => {
                let micros = values.get(row).ok_or_else(timestamp_out_of_range)?;
                date::write_timestamp(micros, *zone, style, out)?;
            }
            Written::Midnight(values, zone, style) => {
                let days = values.get(row).ok_or_else(timestamp_out_of_range)?;
                date::write_timestamp(midnight(days)?, *zone, style, out)?;
            }
            Written::Interval(values, style) => {
                let span = values.get(row).ok_or_else(interval_out_of_range)?;
                interval::write_interval(span, style.interval_style, out);
            }
            Written::Range(values, ty, style, names) => {
                range::write_text(
                    &values.get(row).unwrap_or_default(),
                    *ty,
                    style,
                    *names,
                    out,
                )?;
            }
            Written::Array(ranges, values, delimiter) => {
                nested::write_array(ranges.get(row), values, *delimiter, out)?;
            }
            Written::Shaped(arrays, values, delimiter) => {
                nested::write_shaped(arrays, row, values, *delimiter, out)?;
            }
            Written::Vector(ranges, values) => {
                for (place, row) in ranges.get(row).enumerate() {
                    if place > 0 {
                        out.push(b' ');
                    }
                    values.write(row, out)?;
                }
            }
            Written::Record(fields) => nested::write_record(row, fields, out)?,
            Written::Rows(rows) => out.extend_from_slice(rows.get(row)),
            Written::Json(column) => column.write(row, out)?,
            Written::Indexed(rows, values) => return values.write(rows[row], out),
        }
        Ok(true)
    }

    /// Whether the values are themselves arrays: the next dimension of the array they are in.
    pub(super) fn is_array(&self) -> bool {
        match &self.cells {
            Written::Array(..) => true,
            Written::Indexed(_, values) => values.is_array(),
            _ => false,
        }
    }
}

/// Type of the elements of a list that is a PostgreSQL array of type `ty`: the same array type if
/// they are lists too (another dimension).
pub(in crate::types) fn element_of(values: &dyn Array, ty: PgType) -> PgType {
    let natural = PgType::of_data_type(values.data_type());
    match ty.element() {
        Some(_) if natural.element().is_some() => ty,
        Some(element) => element,
        None => natural,
    }
}

/// Microseconds since 1970-01-01 at the start of a day.
pub(in crate::types) fn midnight(days: i32) -> Result<i64> {
    match days {
        i32::MAX => Ok(i64::MAX),
        i32::MIN => Ok(i64::MIN),
        days => i64::from(days)
            .checked_mul(crate::types::calendar::DAY)
            .ok_or_else(timestamp_out_of_range),
    }
}

/// `22008` for intervals beyond PostgreSQL's.
pub(in crate::types) fn interval_out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range")
}

fn write_reg(
    value: Option<i64>,
    ty: PgType,
    names: &dyn RegNames,
    out: &mut Vec<u8>,
) -> Result<()> {
    let oid = value.and_then(|value| u32::try_from(value).ok());
    let oid =
        oid.ok_or_else(|| Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "OID out of range"))?;
    if oid == 0 {
        out.push(b'-');
    } else if let Some(name) = names.name(ty, Oid(oid)) {
        out.extend_from_slice(name.as_bytes());
    } else {
        number::write_int(i64::from(oid), out);
    }
    Ok(())
}

/// Appends `text` and spaces up to `length` characters.
pub(in crate::types) fn write_padded(text: &str, length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
    let characters = match text.is_ascii() {
        true => text.len(),
        false => text.chars().count(),
    };
    out.resize(out.len() + length.saturating_sub(characters), b' ');
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

/// bytea_output = escape: printable ASCII as it is, backslash doubled, the rest in octal.
fn write_escape(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x20..=0x7e => out.push(*byte),
            _ => {
                out.push(b'\\');
                out.extend([6, 3, 0].map(|shift| b'0' + (byte >> shift & 7)));
            }
        }
    }
}

fn write_uuid(bytes: &[u8], out: &mut Vec<u8>) {
    let mut start = 0;
    for end in [4, 6, 8, 10, 16] {
        if start > 0 {
            out.push(b'-');
        }
        write_hex(&bytes[start..end], out);
        start = end;
    }
}
