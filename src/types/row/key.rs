//! The part of a row that compares as rows do.

use arrow::array::{Array, BooleanArray};
use arrow::buffer::NullBuffer;

use crate::base::{Error, Result};
use crate::types::cells::{
    Blobs, Cells, Dates, Floats, Intervals, Ints, Ranges, Stamps, Texts, Times,
};
use crate::types::numerics::NumericColumn;
use crate::types::shaped::Arrays;
use crate::types::{PgType, json_tree, range};

/// Before a value, before NULL, and behind the last element of an array.
const VALUE: u8 = 1;
const NULL: u8 = 2;
const END: u8 = 0;

const MONTH: i128 = 30 * DAY;
const DAY: i128 = 86_400_000_000;

/// A column of fields, ready to write keys of.
pub(super) struct KeyColumn<'a> {
    nulls: Option<NullBuffer>,
    cells: Keyed<'a>,
}

enum Keyed<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int(Ints<'a>),
    Float(Floats<'a>),
    Number(NumericColumn<'a>),
    Text(Texts<'a>),
    /// Without the blanks at the end.
    Padded(Texts<'a>),
    Jsonb(Texts<'a>),
    Bytes(Blobs<'a>),
    /// Ranges and multiranges that have keys.
    Spans(Blobs<'a>),
    /// Rows.
    Row(Blobs<'a>),
    Date(Dates<'a>),
    Time(Times<'a>),
    Timestamp(Stamps<'a>),
    Interval(Intervals<'a>),
    List(Ranges<'a>, Box<KeyColumn<'a>>),
    Shaped(Arrays<'a>, Box<KeyColumn<'a>>),
    Indexed(Vec<usize>, Box<KeyColumn<'a>>),
}

impl<'a> KeyColumn<'a> {
    pub(super) fn new(array: &'a dyn Array, ty: PgType) -> Result<Self> {
        let cells = match Cells::of(array) {
            Cells::Null => Keyed::Null,
            _ if ty.is(PgType::NUMERIC) => match NumericColumn::new(array) {
                Some(numbers) => Keyed::Number(numbers),
                None => return Err(unknown(array)),
            },
            Cells::Bool(values) => Keyed::Bool(values),
            Cells::Int(values) => Keyed::Int(values),
            Cells::Float(values) => Keyed::Float(values),
            Cells::Text(values) if ty.is(PgType::BPCHAR) => Keyed::Padded(values),
            Cells::Text(values) if ty.is(PgType::JSONB) => Keyed::Jsonb(values),
            Cells::Text(values) => Keyed::Text(values),
            Cells::Bytes(values) if ty.is_composite() => Keyed::Row(values),
            Cells::Bytes(values) if ty.has_keyed_bounds() => Keyed::Spans(values),
            Cells::Bytes(values) => Keyed::Bytes(values),
            Cells::Date(values) => Keyed::Date(values),
            Cells::Time(values) => Keyed::Time(values),
            Cells::Timestamp(values) => Keyed::Timestamp(values),
            Cells::Interval(values) => Keyed::Interval(values),
            Cells::List(ranges, values) => {
                // Arrays in an array are of its type.
                let element = match Arrays::of(values) {
                    Some(_) => ty,
                    None => ty.element().unwrap_or(ty),
                };
                Keyed::List(ranges, Box::new(Self::new(values, element)?))
            }
            Cells::Indexed(rows, values) => Keyed::Indexed(rows, Box::new(Self::new(values, ty)?)),
            Cells::Shaped(arrays) => {
                let element = ty.element().unwrap_or(ty);
                let values = Box::new(Self::new(arrays.values(), element)?);
                Keyed::Shaped(arrays, values)
            }
            Cells::Decimal(..) | Cells::Struct(_) | Cells::Map(..) | Cells::Other => {
                return Err(unknown(array));
            }
        };
        let nulls = match &cells {
            Keyed::Null => None,
            _ => array.logical_nulls(),
        };
        Ok(Self { nulls, cells })
    }

    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        let is_null = self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        if is_null || matches!(self.cells, Keyed::Null) {
            out.push(NULL);
            return Ok(());
        }
        if let Keyed::Indexed(rows, values) = &self.cells {
            return values.write(rows[row], out);
        }
        out.push(VALUE);
        match &self.cells {
            Keyed::Null | Keyed::Indexed(..) => {}
            Keyed::Bool(values) => out.push(u8::from(values.value(row))),
            Keyed::Int(values) => int(values.get(row).unwrap_or(i64::MAX), out),
            Keyed::Float(values) => float(values.double(row), out),
            Keyed::Number(values) => {
                let mut key = String::new();
                if let Some(value) = values.get(row) {
                    value.key(&mut key);
                }
                out.extend_from_slice(key.as_bytes());
            }
            Keyed::Text(values) => bytes(values.get(row).as_bytes(), out),
            Keyed::Padded(values) => bytes(values.get(row).trim_end_matches(' ').as_bytes(), out),
            Keyed::Jsonb(values) => bytes(json_tree::key(values.get(row))?.as_bytes(), out),
            Keyed::Bytes(values) => bytes(values.get(row), out),
            Keyed::Spans(values) => bytes(range::key(values.get(row)), out),
            Keyed::Row(values) => bytes(super::key(values.get(row))?, out),
            Keyed::Date(values) => int(values.get(row).unwrap_or(i32::MAX).into(), out),
            Keyed::Time(values) => int(values.get(row), out),
            Keyed::Timestamp(values) => int(values.get(row).unwrap_or(i64::MAX), out),
            Keyed::Interval(values) => {
                if let Some(span) = values.get(row) {
                    let micros = i128::from(span.months) * MONTH
                        + i128::from(span.days) * DAY
                        + i128::from(span.micros);
                    out.extend_from_slice(&(micros ^ i128::MIN).to_be_bytes());
                }
            }
            Keyed::List(ranges, values) => {
                for row in ranges.get(row) {
                    values.write(row, out)?;
                }
                out.push(END);
            }
            Keyed::Shaped(arrays, values) => {
                for place in arrays.places(row) {
                    values.write(place, out)?;
                }
                out.push(END);
                let extent = arrays.extent(row);
                for (size, lower) in extent.sizes.iter().zip(&extent.lower) {
                    int(i64::try_from(*size).unwrap_or(i64::MAX), out);
                    int((*lower).into(), out);
                }
            }
        }
        Ok(())
    }
}

fn unknown(array: &dyn Array) -> Error {
    Error::internal("comparing rows", array.data_type())
}

fn int(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&(value ^ i64::MIN).to_be_bytes());
}

/// All NaN are one, above everything; both zeros are one.
fn float(value: f64, out: &mut Vec<u8>) {
    let value = match value.is_nan() {
        true => f64::NAN.abs(),
        false => value + 0.0,
    };
    let bits = value.to_bits();
    let negative = bits >> 63 == 1;
    let ordered = if negative { !bits } else { bits | 1 << 63 };
    out.extend_from_slice(&ordered.to_be_bytes());
}

/// Bytes of any length: none that follow can make a shorter text the greater one.
pub(in crate::types) fn bytes(value: &[u8], out: &mut Vec<u8>) {
    for byte in value {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

/// How much of what begins with what [`bytes`] wrote that is; `None` if it does not end.
pub(in crate::types) fn bytes_end(written: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += written.get(at..)?.iter().position(|byte| *byte == 0)? + 2;
        match written.get(at - 1)? {
            0xff => {}
            _ => return Some(at),
        }
    }
}

/// What [`bytes`] wrote.
pub(in crate::types) fn read_bytes(written: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(written.len());
    let mut rest = written.iter();
    while let Some(byte) = rest.next() {
        if *byte == 0 && rest.next() != Some(&0xff) {
            break;
        }
        value.push(*byte);
    }
    value
}
