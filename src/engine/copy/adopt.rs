//! Columns of Arrow's types as columns of PostgreSQL's: what a value is in both is taken, what only
//! looks like one, or would lose something, is an error.
//!
//! [`Adoption::of`] decides by types alone, before any row is looked at.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, new_null_array};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal128Type, Float32Type, Float64Type,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use arrow::util::display::array_value_to_string;

use super::exact::{Exact, exactly};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::names::parse_reg;
use crate::statement::StatementContext;
use crate::types::calendar::{DATE_MAX, DATE_MIN, DAY, TIMESTAMP_MIN};
use crate::types::coded::Code;
use crate::types::text::{PLAIN, ParseError, TextColumn, UNNAMED, parse_column};
use crate::types::{PgType, Style, dimensions, is_rectangular, ragged, shaped};

/// How a column of an Arrow type becomes one of a PostgreSQL type.
#[derive(Debug, Clone)]
pub(super) enum Adoption {
    /// Lists, of a column that holds arrays of any dimensions.
    Shaped(PgType, Box<Adoption>),
    /// Every value is NULL.
    Null,
    /// Behind an index: of the values' type first.
    Unpacked(DataType, Box<Adoption>),
    /// As it is.
    Same,
    /// As it is, a decimal of the column's scale, if it has no more digits than the column.
    Decimal(u8),
    /// By a cast of Arrow's whose failures are values out of range.
    Cast,
    /// By a cast that must lead back to the same values.
    Exact(Exact),
    /// To float4, which rounds.
    Single,
    /// Through PostgreSQL's text of it.
    Text,
    /// Text that is read as the type's input is.
    Read,
    /// Text that names an object.
    Name,
    /// Sixteen bytes.
    Uuid,
    /// Dates within PostgreSQL's.
    Date,
    /// Microseconds within PostgreSQL's, from this unit.
    Stamp(TimeUnit),
    /// The beginning of a day.
    Midnight,
    /// Microseconds of a day.
    Time,
    /// Intervals without nanoseconds.
    Interval,
    /// Lists, by their elements.
    List(Box<Adoption>),
}

impl Adoption {
    /// How values of `from` become values of `ty`; `None` if they are not values of it.
    pub(super) fn of(from: &DataType, ty: PgType) -> Option<Self> {
        match from {
            DataType::Null => return Some(Self::Null),
            DataType::Dictionary(_, values) => {
                let inner = Self::of(values, ty)?;
                return Some(Self::Unpacked((**values).clone(), Box::new(inner)));
            }
            DataType::RunEndEncoded(_, values) => {
                let inner = Self::of(values.data_type(), ty)?;
                return Some(Self::Unpacked(values.data_type().clone(), Box::new(inner)));
            }
            _ => {}
        }
        let is_text = matches!(
            from,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        );
        let to = ty.data_type();
        if ty.is_reg() && is_text {
            return Some(Self::Name);
        }
        if ty.is_enum() || ty.is_composite() || Code::of(ty).is_some() || ty.has_bounds() {
            return is_text.then_some(Self::Read);
        }
        if ty.has_any_dimensions() {
            let lists = ty.with_dimensions(dimensions(from).max(1));
            let inner = Self::of(from, lists)?;
            return Some(Self::Shaped(lists, Box::new(inner)));
        }
        match &to {
            DataType::Boolean => (*from == to).then_some(Self::Same),
            DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::UInt32 => {
                if *from == to {
                    Some(Self::Same)
                } else if from.is_integer() {
                    Some(Self::Cast)
                } else if from.is_floating() {
                    Some(Self::Exact(Exact::Whole))
                } else {
                    None
                }
            }
            DataType::Float64 => match from {
                DataType::Float64 => Some(Self::Same),
                DataType::Float16 | DataType::Float32 => Some(Self::Cast),
                from if from.is_integer() => Some(Self::Exact(Exact::Digits)),
                _ => None,
            },
            DataType::Float32 => match from {
                DataType::Float32 => Some(Self::Same),
                DataType::Float16 => Some(Self::Cast),
                DataType::Float64 => Some(Self::Single),
                from if from.is_integer() => Some(Self::Exact(Exact::Digits)),
                _ => None,
            },
            DataType::Decimal128(precision, scale) => match from {
                DataType::Decimal128(_, of) if of == scale => Some(Self::Decimal(*precision)),
                from if is_number(from) => Some(Self::Text),
                _ if is_text => Some(Self::Read),
                _ => None,
            },
            DataType::LargeUtf8 if ty.oid == PgType::NUMERIC.oid => match from {
                from if is_number(from) => Some(Self::Text),
                _ if is_text => Some(Self::Read),
                _ => None,
            },
            DataType::Binary => match from {
                DataType::Binary => Some(Self::Same),
                DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                    Some(Self::Cast)
                }
                _ => None,
            },
            DataType::FixedSizeBinary(16) => match from {
                DataType::FixedSizeBinary(16) => Some(Self::Same),
                DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Some(Self::Uuid),
                _ if is_text => Some(Self::Read),
                _ => None,
            },
            DataType::Date32 => {
                matches!(from, DataType::Date32 | DataType::Date64).then_some(Self::Date)
            }
            DataType::Time64(_) => {
                matches!(from, DataType::Time32(_) | DataType::Time64(_)).then_some(Self::Time)
            }
            DataType::Timestamp(_, zone) => match from {
                DataType::Timestamp(unit, of) if of.is_some() == zone.is_some() => {
                    Some(Self::Stamp(*unit))
                }
                DataType::Date32 | DataType::Date64 if zone.is_none() => Some(Self::Midnight),
                _ => None,
            },
            DataType::Interval(_) => match from {
                DataType::Interval(_) | DataType::Duration(_) => Some(Self::Interval),
                _ if is_text => Some(Self::Read),
                _ => None,
            },
            DataType::List(_) => {
                let values = match from {
                    DataType::List(field)
                    | DataType::LargeList(field)
                    | DataType::FixedSizeList(field, _)
                    | DataType::ListView(field)
                    | DataType::LargeListView(field) => field.data_type(),
                    _ => return None,
                };
                let inner = Self::of(values, ty.item()?)?;
                Some(Self::List(Box::new(inner)))
            }
            DataType::Utf8View => {
                let json = ty.oid == PgType::JSON.oid || ty.oid == PgType::JSONB.oid;
                match from {
                    DataType::Struct(_) | DataType::Map(_, _) if json => Some(Self::Text),
                    _ if is_text => Some(Self::Read),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The values as an array of `ty.data_type()`.
    ///
    /// # Errors
    /// For the first value that the type does not have, in PostgreSQL's words where it has any.
    pub(super) fn adopt(
        &self,
        context: &StatementContext,
        array: &ArrayRef,
        ty: PgType,
    ) -> Result<ArrayRef, ParseError> {
        let to = ty.data_type();
        match self {
            Self::Null => Ok(new_null_array(&to, array.len())),
            Self::Unpacked(values, inner) => inner.adopt(context, &plain(array, values)?, ty),
            Self::Same => Ok(Arc::clone(array)),
            Self::Shaped(lists, inner) => {
                let lists = inner.adopt(context, array, *lists)?;
                let converted = shaped::converted(&lists, &to);
                converted.map_err(|error| ParseError { row: 0, error })
            }
            Self::Decimal(precision) => {
                let decimals = array.as_primitive::<Decimal128Type>();
                // What a stream says of its precision nobody has checked.
                let bound = 10_u128.pow(u32::from(*precision));
                let fits = |value: Option<i128>| value.is_none_or(|v| v.unsigned_abs() < bound);
                match first_wrong(decimals.iter().map(fits)) {
                    None => Ok(Arc::new(decimals.clone().with_data_type(to))),
                    // PostgreSQL's words, from reading it as text.
                    Some(row) => Self::Text
                        .adopt(context, &array.slice(row, 1), ty)
                        .map_err(|fault| ParseError { row, ..fault }),
                }
            }
            Self::Cast => checked(array, &to, |row| out_of_range(array, row, ty)),
            Self::Exact(how) => exactly(array, &to, *how, |row| out_of_range(array, row, ty)),
            Self::Single => single(array, ty),
            Self::Text => through_text(array, |texts| {
                parse_column(texts, ty, PLAIN, context.transaction_time)
            }),
            Self::Read => {
                let style = neutral(context);
                with_texts(array, |texts| {
                    parse_column(texts, ty, &style, context.transaction_time)
                })
            }
            Self::Name => with_texts(array, |texts| {
                let oids = texts.iter().enumerate().map(|(row, text)| {
                    let oid = text.map(|text| parse_reg(context, ty, text)).transpose();
                    oid.map(|oid| oid.map(|oid| oid.0))
                        .map_err(|error| ParseError { row, error })
                });
                let oids: arrow::array::UInt32Array = oids.collect::<Result<_, _>>()?;
                Ok(Arc::new(oids))
            }),
            Self::Uuid => checked(array, &to, |_| {
                Error::new(
                    SqlState::INVALID_BINARY_REPRESENTATION,
                    "a uuid must have 16 bytes",
                )
            }),
            Self::Date => dates(array),
            Self::Stamp(unit) => stamps(array, *unit, ty),
            Self::Midnight => {
                let dates = dates(array)?;
                let dates = dates.as_primitive::<Date32Type>();
                let stamps = dates.unary::<_, TimestampMicrosecondType>(|day| i64::from(day) * DAY);
                in_range(Arc::new(stamps))
            }
            Self::Time => {
                let times = exactly(array, &to, Exact::Unit, |_| finer("time"))?;
                let times = times.as_primitive::<Time64MicrosecondType>();
                first_wrong(
                    times
                        .iter()
                        .map(|time| time.is_none_or(|micros| (0..=DAY).contains(&micros))),
                )
                .map_or(Ok(()), |row| {
                    let error = Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "time out of range");
                    Err(ParseError { row, error })
                })?;
                Ok(Arc::new(times.clone()))
            }
            Self::Interval => super::exact::intervals(array),
            Self::List(inner) => lists(context, array, inner, ty),
        }
    }
}

/// No setting of the session's says how data from outside are read; the types it has do.
pub(super) fn neutral(context: &StatementContext) -> Style {
    Style {
        enums: context.style.enums.clone(),
        ..PLAIN.clone()
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_integer()
        || data_type.is_floating()
        || matches!(
            data_type,
            DataType::Decimal32(..)
                | DataType::Decimal64(..)
                | DataType::Decimal128(..)
                | DataType::Decimal256(..)
        )
}

fn failed(error: impl std::fmt::Display) -> ParseError {
    ParseError {
        row: 0,
        error: Error::internal("reading Arrow data", error),
    }
}

/// A cast that cannot fail.
pub(super) fn plain(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ParseError> {
    cast(array, to).map_err(failed)
}

/// A cast whose failures, which Arrow makes NULL, are errors.
pub(super) fn checked(
    array: &ArrayRef,
    to: &DataType,
    error: impl Fn(usize) -> Error,
) -> Result<ArrayRef, ParseError> {
    let lenient = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    let values = cast_with_options(array, to, &lenient).map_err(failed)?;
    if values.null_count() > array.null_count()
        && let Some(row) = (0..array.len()).find(|row| array.is_valid(*row) && values.is_null(*row))
    {
        return Err(ParseError {
            row,
            error: error(row),
        });
    }
    Ok(values)
}

/// The row of the first value that is not right.
pub(super) fn first_wrong(right: impl Iterator<Item = bool>) -> Option<usize> {
    right
        .enumerate()
        .find(|(_, right)| !right)
        .map(|(row, _)| row)
}

/// A value, for an error.
fn shown(array: &ArrayRef, row: usize) -> String {
    array_value_to_string(array, row).unwrap_or_default()
}

/// `22003`
fn out_of_range(array: &ArrayRef, row: usize, ty: PgType) -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!(
            "value \"{}\" is out of range for type {}",
            shown(array, row),
            ty.info().sql_name
        ),
    )
}

/// `22008`: a unit smaller than microseconds has digits PostgreSQL's types do not keep.
pub(super) fn finer(what: &str) -> Error {
    Error::new(
        SqlState::DATETIME_FIELD_OVERFLOW,
        format!("a {what} with nanoseconds cannot be kept: the finest unit is the microsecond"),
    )
    .hint("Round it to microseconds before it is sent.")
}

fn single(array: &ArrayRef, ty: PgType) -> Result<ArrayRef, ParseError> {
    let values = plain(array, &DataType::Float32)?;
    let doubles = array.as_primitive::<Float64Type>();
    let singles = values.as_primitive::<Float32Type>();
    let right = doubles.iter().zip(singles.iter()).map(|pair| match pair {
        (Some(double), Some(single)) => {
            single.is_infinite() == double.is_infinite() && (single == 0.0) == (double == 0.0)
        }
        _ => true,
    });
    match first_wrong(right) {
        Some(row) => Err(ParseError {
            row,
            error: out_of_range(array, row, ty),
        }),
        None => Ok(values),
    }
}

/// Reads the array's text.
fn with_texts(
    array: &ArrayRef,
    read: impl Fn(&[Option<&str>]) -> Result<ArrayRef, ParseError>,
) -> Result<ArrayRef, ParseError> {
    let texts: Vec<Option<&str>> = match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().collect(),
        _ => array.as_string_view().iter().collect(),
    };
    // PostgreSQL's text has no NUL.
    let right = texts
        .iter()
        .map(|text| text.is_none_or(|text| memchr::memchr(0, text.as_bytes()).is_none()));
    if let Some(row) = first_wrong(right) {
        let error = crate::types::binary::invalid_sequence(&[0]);
        return Err(ParseError { row, error });
    }
    read(&texts)
}

/// Reads PostgreSQL's text of the array.
fn through_text(
    array: &ArrayRef,
    read: impl Fn(&[Option<&str>]) -> Result<ArrayRef, ParseError>,
) -> Result<ArrayRef, ParseError> {
    let ty = PgType::of_data_type(array.data_type());
    let column = TextColumn::new(array.as_ref(), ty, PLAIN, UNNAMED)
        .map_err(|error| ParseError { row: 0, error })?;
    let mut bytes = Vec::new();
    let mut ends = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        let there = column
            .write(row, &mut bytes)
            .map_err(|error| ParseError { row, error })?;
        ends.push((bytes.len(), there));
    }
    let text = std::str::from_utf8(&bytes).map_err(failed)?;
    let mut start = 0;
    let texts: Vec<_> = ends
        .iter()
        .map(|(end, there)| {
            let value = &text[start..*end];
            start = *end;
            there.then_some(value)
        })
        .collect();
    read(&texts)
}

fn dates(array: &ArrayRef) -> Result<ArrayRef, ParseError> {
    let wrong = |row, message: &str| ParseError {
        row,
        error: Error::new(SqlState::DATETIME_FIELD_OVERFLOW, message),
    };
    if let Some(millis) = array.as_primitive_opt::<Date64Type>() {
        let whole = millis
            .iter()
            .map(|value| value.is_none_or(|millis| millis % (DAY / 1_000) == 0));
        if let Some(row) = first_wrong(whole) {
            return Err(wrong(row, "a date with a time of day cannot be kept"));
        }
    }
    let days = checked(array, &DataType::Date32, |_| {
        Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range")
    })?;
    let right = days.as_primitive::<Date32Type>().iter();
    let right = right.map(|day| day.is_none_or(|day| (DATE_MIN..=DATE_MAX).contains(&day)));
    match first_wrong(right) {
        Some(row) => Err(wrong(row, "date out of range")),
        None => Ok(days),
    }
}

fn stamps(array: &ArrayRef, unit: TimeUnit, ty: PgType) -> Result<ArrayRef, ParseError> {
    // Instants are counted in UTC whatever zone the type has; only its name goes.
    let plain = DataType::Timestamp(unit, None);
    let bare = arrow::array::make_array(
        array
            .to_data()
            .into_builder()
            .data_type(plain)
            .build()
            .map_err(failed)?,
    );
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let values = match unit {
        TimeUnit::Nanosecond => exactly(&bare, &micros, Exact::Unit, |_| finer("timestamp"))?,
        TimeUnit::Microsecond => bare,
        TimeUnit::Second | TimeUnit::Millisecond => {
            checked(&bare, &micros, |_| timestamp_out_of_range())?
        }
    };
    let zone = (ty.oid == PgType::TIMESTAMPTZ.oid).then_some("UTC");
    let values = values
        .as_primitive::<TimestampMicrosecondType>()
        .clone()
        .with_timezone_opt(zone);
    in_range(Arc::new(values))
}

fn in_range(values: ArrayRef) -> Result<ArrayRef, ParseError> {
    let right = values
        .as_primitive::<TimestampMicrosecondType>()
        .iter()
        .map(|value| value.is_none_or(|micros| (TIMESTAMP_MIN..i64::MAX).contains(&micros)));
    match first_wrong(right) {
        Some(row) => Err(ParseError {
            row,
            error: timestamp_out_of_range(),
        }),
        None => Ok(values),
    }
}

fn timestamp_out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range")
}

fn lists(
    context: &StatementContext,
    array: &ArrayRef,
    inner: &Adoption,
    ty: PgType,
) -> Result<ArrayRef, ParseError> {
    let (DataType::List(field), Some(item)) = (ty.data_type(), ty.item()) else {
        return Err(failed(format!("{ty} is no array")));
    };
    let from = match array.data_type() {
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::ListView(field)
        | DataType::LargeListView(field) => Arc::clone(field),
        other => return Err(failed(format!("{other} is no list"))),
    };
    let array = plain(array, &DataType::List(from))?;
    let list = array.as_list::<i32>();
    let offsets = list.offsets();
    let index = |offset: i32| usize::try_from(offset).unwrap_or(0);
    let (first, last) = (index(offsets[0]), index(offsets[list.len()]));
    let values = list.values().slice(first, last - first);
    let values = inner.adopt(context, &values, item).map_err(|fault| {
        let place = first + fault.row;
        let row = (0..list.len())
            .find(|row| place < index(offsets[row + 1]))
            .unwrap_or(0);
        ParseError { row, ..fault }
    })?;
    let moved = offsets.iter().map(|offset| offset - offsets[0]);
    let offsets = arrow::buffer::OffsetBuffer::new(moved.collect());
    let list = ListArray::try_new(field, offsets, values, list.nulls().cloned()).map_err(failed)?;
    match (0..list.len()).find(|row| !is_rectangular(&list, *row)) {
        Some(row) => Err(ParseError {
            row,
            error: ragged(),
        }),
        None => Ok(Arc::new(list)),
    }
}
