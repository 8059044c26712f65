//! Ranges and multiranges: sets of values of an ordered type, as spans between bounds.
//!
//! A value travels in bytes that compare as PostgreSQL compares them, an empty range being the
//! smallest. Its spans stand one behind the other, each the lower bound and then the upper:
//!
//! * lower: 1 if there is none; or 2, the point, and 0 if the point is within, 1 if not;
//! * upper: 2 if there is none; or 1, the point, and 0 if the point is not within, 1 if it is.
//!
//! A range has at most one span, a multirange any number, which do not touch each other, in order.
//! A point is a number in eight bytes, or a key: a numeric's, or behind a byte of its own that of a
//! row with the value as its one field, which every type that users make ranges over has. What is
//! equal may look different: what it looks like follows at the end, behind a 0, and is no part of
//! the key ([`key`]). So the Arrow type alone, which values with keys have for themselves, says how
//! to read bytes.

mod algebra;
mod binary;
mod bytes;
mod outline;
mod text;

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Date32Array, Int32Array, Int64Array, LargeBinaryArray,
    LargeStringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type, TimestampMicrosecondType};

pub use algebra::{
    adjacent, before, contains, contains_point, follows, hull, joined, left_out, minus, over_left,
    over_right, overlaps, shared, united,
};
pub(super) use binary::{parse as parse_binary, write as write_binary};
pub use bytes::{decode, encode, key};
pub(super) use text::{parse as parse_text, write as write_text};

use super::calendar::DATE_MAX;
use super::cells::Blobs;
use super::numerics::NumericColumn;
use super::text::date_out_of_range;
use super::{Extended, PgType, row};
use crate::base::{Error, Result, SqlState};

/// A numeric: what it compares by, and what it shows.
#[derive(Debug, Clone)]
pub struct Digits {
    key: String,
    text: String,
}

impl Ord for Digits {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl PartialOrd for Digits {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Digits {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Digits {}

/// A row of one field: the key, and the field as it is.
#[derive(Debug, Clone)]
pub struct Single {
    key: Vec<u8>,
    field: Vec<u8>,
}

impl Ord for Single {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl PartialOrd for Single {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Single {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Single {}

/// A value that bounds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// An integer, a date's days, a timestamp's microseconds.
    Number(i64),
    /// A numeric.
    Numeric(Digits),
    /// A bound of a range of a type that users made.
    Row(Single),
}

/// One end of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// `None` where there is no end.
    pub point: Option<Point>,
    /// Whether the point is within.
    pub inclusive: bool,
}

/// Where a bound is: before every value, at one (just below, on, just above it), or behind all.
type Place<'a> = (i8, Option<&'a Point>, i8);

/// What is between two bounds: never nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub lower: Bound,
    /// Where it ends.
    pub upper: Bound,
}

impl Bound {
    /// No end.
    pub const NONE: Self = Self {
        point: None,
        inclusive: false,
    };

    /// The bound that begins where this ends, or ends where this begins.
    fn flipped(&self) -> Self {
        Self {
            point: self.point.clone(),
            inclusive: !self.inclusive,
        }
    }
}

impl Span {
    /// What is between two bounds, as the type's values are written; `None` if nothing is.
    ///
    /// # Errors
    /// `22000` if the lower bound is above the upper; `22003`, `22008` where the bound that an
    /// integer or a date is written with is none of the type.
    pub fn of(lower: Bound, upper: Bound, subtype: PgType) -> Result<Option<Self>> {
        let Some(mut span) = Self::between(lower, upper)? else {
            return Ok(None);
        };
        // `[1,3]` is `[1,4)`.
        if !span.lower.inclusive && canonical(&mut span.lower, subtype)? {
            span.lower.inclusive = true;
        }
        if span.upper.inclusive && canonical(&mut span.upper, subtype)? {
            span.upper.inclusive = false;
        }
        Self::between(span.lower, span.upper)
    }

    fn between(lower: Bound, upper: Bound) -> Result<Option<Self>> {
        if let (Some(from), Some(to)) = (&lower.point, &upper.point) {
            match from.cmp(to) {
                Ordering::Less => {}
                Ordering::Equal if lower.inclusive && upper.inclusive => {}
                Ordering::Equal => return Ok(None),
                Ordering::Greater => {
                    return Err(Error::new(
                        SqlState::DATA_EXCEPTION,
                        "range lower bound must be less than or equal to range upper bound",
                    ));
                }
            }
        }
        // A bound that is not there is not within.
        let open = |bound: Bound| match bound.point {
            None => Bound::NONE,
            Some(_) => bound,
        };
        Ok(Some(Self {
            lower: open(lower),
            upper: open(upper),
        }))
    }

    fn begin(&self) -> Place<'_> {
        match &self.lower.point {
            None => (-1, None, 0),
            Some(point) => (0, Some(point), i8::from(!self.lower.inclusive)),
        }
    }

    fn end(&self) -> Place<'_> {
        match &self.upper.point {
            None => (1, None, 0),
            Some(point) => (0, Some(point), i8::from(self.upper.inclusive) - 1),
        }
    }
}

/// Moves a bound of a discrete type by one; false of what stays as it is.
fn canonical(bound: &mut Bound, subtype: PgType) -> Result<bool> {
    let out_of_range = || {
        Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("{} out of range", subtype.info().sql_name),
        )
    };
    let is = |ty: PgType| subtype.oid == ty.oid;
    let Some(Point::Number(value)) = &mut bound.point else {
        return Ok(false);
    };
    if is(PgType::DATE) {
        if [i64::from(i32::MIN), i64::from(i32::MAX)].contains(value) {
            return Ok(false);
        }
        if *value >= i64::from(DATE_MAX) {
            return Err(date_out_of_range());
        }
    } else if is(PgType::INT4) {
        if *value >= i64::from(i32::MAX) {
            return Err(out_of_range());
        }
    } else if !is(PgType::INT8) {
        return Ok(false);
    }
    *value = value.checked_add(1).ok_or_else(out_of_range)?;
    Ok(true)
}

/// A column of ranges or multiranges.
pub struct Column<'a> {
    array: &'a dyn Array,
    blobs: Option<Blobs<'a>>,
    keyed: bool,
}

impl<'a> Column<'a> {
    /// The values in `array`.
    pub fn new(array: &'a dyn Array) -> Self {
        let blobs = match array.data_type() {
            DataType::Binary => Some(Blobs::Small(array.as_binary())),
            DataType::LargeBinary => Some(Blobs::Large(array.as_binary())),
            _ => None,
        };
        Self {
            array,
            blobs,
            keyed: *array.data_type() == DataType::LargeBinary,
        }
    }

    /// The value of a row; `None` is NULL.
    pub fn get(&self, row: usize) -> Option<Vec<Span>> {
        let blobs = self.blobs.as_ref().filter(|_| self.array.is_valid(row))?;
        Some(decode(blobs.get(row), self.keyed))
    }
}

/// Values as a column of a range or multirange type.
pub fn column(values: &[Option<Vec<u8>>], ty: PgType) -> ArrayRef {
    let values = values.iter().map(Option::as_deref);
    match ty.data_type() {
        DataType::LargeBinary => Arc::new(values.collect::<LargeBinaryArray>()),
        _ => Arc::new(values.collect::<BinaryArray>()),
    }
}

/// Values as bounds of ranges or multiranges of type `ty`.
///
/// # Errors
/// `XX000` if they are not of the type that those are over.
pub fn points(array: &ArrayRef, ty: PgType) -> Result<Vec<Option<Point>>> {
    if let Some(family) = ty.range_family() {
        let types = family.subtype.types();
        let nulls = array.logical_nulls();
        let columns = std::slice::from_ref(array);
        let rows = row::build(columns, &types, array.len(), nulls.as_ref())?;
        let row = |value: &[u8]| {
            let (key, field) = row::parts(value)?;
            let (key, field) = (key.to_vec(), field.to_vec());
            Ok(Point::Row(Single { key, field }))
        };
        let rows = row::values(rows.as_ref())?.into_iter();
        return rows.map(|value| value.map(row).transpose()).collect();
    }
    let number = |value: i64| Point::Number(value);
    Ok(match array.data_type() {
        DataType::Int32 => {
            let values = array.as_primitive::<Int32Type>().iter();
            values
                .map(|value| value.map(|value| number(value.into())))
                .collect()
        }
        DataType::Int64 => {
            let values = array.as_primitive::<Int64Type>().iter();
            values.map(|value| value.map(number)).collect()
        }
        DataType::Date32 => {
            let values = array.as_primitive::<Date32Type>().iter();
            values
                .map(|value| value.map(|value| number(value.into())))
                .collect()
        }
        DataType::Timestamp(..) => {
            let values = array.as_primitive::<TimestampMicrosecondType>().iter();
            values.map(|value| value.map(number)).collect()
        }
        data_type => {
            let numbers = NumericColumn::new(array.as_ref())
                .ok_or_else(|| Error::internal("bounding a range", data_type.to_string()))?;
            numbers.iter().map(|value| value.map(numeric)).collect()
        }
    })
}

fn numeric(value: Extended) -> Point {
    let mut key = String::new();
    value.key(&mut key);
    let text = value.to_string();
    Point::Numeric(Digits { key, text })
}

/// Points as values of the type they are of.
///
/// # Errors
/// `XX000` if they are not.
pub fn values(points: &[Option<Point>], subtype: PgType) -> Result<ArrayRef> {
    let is_row = |point: &Option<Point>| matches!(point, Some(Point::Row(_)));
    if points.iter().any(is_row) {
        let rows = points.iter().map(|point| match point {
            Some(Point::Row(row)) => Some(row::whole(&row.key, &row.field)),
            Some(_) | None => None,
        });
        let rows: Vec<_> = rows.collect();
        let rows: Vec<_> = rows.iter().map(Option::as_deref).collect();
        return row::field(&rows, &[subtype], 0);
    }
    let numbers = points.iter().map(|point| match point {
        Some(Point::Number(value)) => Some(*value),
        Some(Point::Numeric(_) | Point::Row(_)) | None => None,
    });
    // What was made of 32 bits fits into them.
    let small = |value: i64| i32::try_from(value).unwrap_or(i32::MAX);
    Ok(match subtype.data_type() {
        DataType::Int32 => Arc::new(
            numbers
                .map(|value| value.map(small))
                .collect::<Int32Array>(),
        ),
        DataType::Date32 => Arc::new(
            numbers
                .map(|value| value.map(small))
                .collect::<Date32Array>(),
        ),
        DataType::Timestamp(_, zone) => {
            let stamps = numbers.collect::<TimestampMicrosecondArray>();
            Arc::new(stamps.with_timezone_opt(zone))
        }
        DataType::LargeUtf8 => {
            let texts = points.iter().map(|point| match point {
                Some(Point::Numeric(digits)) => Some(digits.text.as_str()),
                Some(Point::Number(_) | Point::Row(_)) | None => None,
            });
            Arc::new(texts.collect::<LargeStringArray>())
        }
        DataType::Int64 => Arc::new(numbers.collect::<Int64Array>()),
        // No point is there, or each would be a row.
        other => new_null_array(&other, points.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::text::{PLAIN, UNNAMED, parse_value};

    fn bytes(text: &str, ty: PgType) -> Vec<u8> {
        let array = parse_value(text, ty, PLAIN, 0).unwrap();
        match array.data_type() {
            DataType::LargeBinary => array.as_binary::<i64>().value(0).to_vec(),
            _ => array.as_binary::<i32>().value(0).to_vec(),
        }
    }

    #[test]
    fn bytes_order_as_values() {
        let ordered = [
            "empty", "(,-5)", "(,1)", "(,)", "[-7,-5)", "[-7,3)", "[1,2)", "[1,)", "[2,3)",
        ];
        for pair in ordered.windows(2) {
            let [a, b] = [
                bytes(pair[0], PgType::INT8RANGE),
                bytes(pair[1], PgType::INT8RANGE),
            ];
            assert!(a < b, "{pair:?}");
        }
        let ordered = [
            "empty",
            "(,1.5)",
            "(,1.5]",
            "(,)",
            "[-Infinity,0)",
            "[-10.5,-1)",
            "(-10.5,-1)",
            "[-2,1)",
            "[0,1)",
            "[0,1]",
            "[0,10)",
            "(0,1)",
            "[0.001,)",
            "[100,NaN)",
        ];
        for pair in ordered.windows(2) {
            let [a, b] = [
                bytes(pair[0], PgType::NUMRANGE),
                bytes(pair[1], PgType::NUMRANGE),
            ];
            assert!(key(&a) < key(&b), "{pair:?}");
        }
        let [a, b] = ["[1.0,2)", "[1,2.00)"].map(|text| bytes(text, PgType::NUMRANGE));
        assert_eq!(key(&a), key(&b));
        assert_eq!(decode(&a, true), decode(&b, true));
        let text = "{(,-1.50),[1.0,2.00),(3,)}";
        let value = decode(&bytes(text, PgType::NUMMULTIRANGE), true);
        let mut out = Vec::new();
        write_text(&value, PgType::NUMMULTIRANGE, PLAIN, UNNAMED, &mut out).unwrap();
        assert_eq!(String::from_utf8_lossy(&out), text);
    }
}
