//! Answers as Arrow arrays others understand: the types a data scientist expects for PostgreSQL's,
//! whatever the engine happened to compute with.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, ByteView, Float64Array, ListArray,
    PrimitiveArray, StringArray, StringViewArray, new_null_array,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Field, IntervalUnit, Schema, TimeUnit, TimestampMicrosecondType,
};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::{CopyFormat, CopyOptions};
use crate::base::{Error, Result, SqlState};
use crate::engine::OutputColumn;
use crate::pg_catalog::names::Names;
use crate::types::coded::Code;
use crate::types::shaped::{is_shaped, narrowed};
use crate::types::text::{PLAIN, TextColumn, parse_column};
use crate::types::{PgType, Style, dimensions};

/// Says in a field's metadata what PostgreSQL calls its type.
const TYPE_KEY: &str = "postgresql.type";
/// Arrow's own names of types that travel as others.
const EXTENSION_KEY: &str = "ARROW:extension:name";
const EXTENSION_METADATA_KEY: &str = "ARROW:extension:metadata";
/// Bytes of text that stand in a view itself, after its length.
const VIEW_INLINE_BYTES: usize = 12;

/// The columns as Arrow has them.
pub(super) fn schema(columns: &[OutputColumn], options: &CopyOptions) -> Schema {
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| field(&column.name, column.ty, options))
        .collect();
    Schema::new(fields)
}

fn field(name: &str, ty: PgType, options: &CopyOptions) -> Field {
    let mut metadata = HashMap::new();
    if !ty.is_made() {
        metadata.insert(TYPE_KEY.to_owned(), ty.to_string());
    }
    let extension = match ty.oid {
        oid if oid == PgType::UUID.oid => Some("arrow.uuid"),
        oid if oid == PgType::JSON.oid || oid == PgType::JSONB.oid => Some("arrow.json"),
        _ => None,
    };
    if let Some(extension) = extension {
        metadata.insert(EXTENSION_KEY.to_owned(), extension.to_owned());
        metadata.insert(EXTENSION_METADATA_KEY.to_owned(), String::new());
    }
    Field::new(name, data_type(ty, options), true).with_metadata(metadata)
}

/// The Arrow type offered for a PostgreSQL type.
fn data_type(ty: PgType, options: &CopyOptions) -> DataType {
    if ty.is_reg() || ty.is_enum() || ty.is_composite() || Code::of(ty).is_some() || ty.has_bounds()
    {
        return DataType::Utf8;
    }
    let is_parquet = options.format == CopyFormat::Parquet;
    match ty.data_type() {
        // Parquet has no type for them.
        DataType::Interval(_) if is_parquet => DataType::Utf8,
        DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
        DataType::List(_) => {
            let element = ty.element().unwrap_or(PgType::TEXT);
            let dimensions = dimensions(&ty.data_type());
            (0..dimensions).fold(data_type(element, options), |inner, _| {
                DataType::List(Arc::new(Field::new("item", inner, true)))
            })
        }
        pairs if is_shaped(&pairs) => {
            // As declared: what is otherwise has no type in Arrow.
            let declared = usize::from(ty.declared_dimensions());
            data_type(ty.with_dimensions(declared), options)
        }
        DataType::LargeUtf8 if options.numeric_as_float => DataType::Float64,
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
        other => other,
    }
}

/// A batch with the columns of `schema`.
///
/// # Errors
/// `22008` for infinite dates and timestamps, which Arrow does not have.
pub(super) fn offer(
    batch: &RecordBatch,
    columns: &[OutputColumn],
    schema: &Arc<Schema>,
    (style, names): (&Style, &Names),
) -> Result<RecordBatch> {
    let mut arrays = Vec::with_capacity(columns.len());
    for ((array, column), field) in batch.columns().iter().zip(columns).zip(schema.fields()) {
        let array = convert(array, column.ty, field.data_type(), (style, names))
            .map_err(|error| error.context(format!("column {}", column.name)))?;
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::internal("writing Arrow data", error)
}

fn convert(
    array: &ArrayRef,
    ty: PgType,
    to: &DataType,
    looks: (&Style, &Names),
) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Null => return Ok(new_null_array(to, array.len())),
        DataType::Dictionary(_, values) => {
            return convert(&cast(array, values).map_err(failed)?, ty, to, looks);
        }
        DataType::RunEndEncoded(_, values) => {
            let plain = cast(array, values.data_type()).map_err(failed)?;
            return convert(&plain, ty, to, looks);
        }
        pairs if is_shaped(pairs) => {
            let declared = dimensions(to);
            let lists = narrowed(array, declared).map_err(|(_, error)| error)?;
            return convert(&lists, ty.with_dimensions(declared), to, looks);
        }
        _ => {}
    }
    let is_padded = ty.oid == PgType::BPCHAR.oid && ty.char_length().is_some();
    match (array.data_type(), to) {
        (DataType::Utf8View, DataType::Utf8) if !is_padded => texts(array.as_string_view()),
        (DataType::LargeUtf8, DataType::Utf8) if !is_padded => cast(array, to).map_err(failed),
        (DataType::Date32 | DataType::Date64, DataType::Date32) => {
            let dates = cast(array, to).map_err(failed)?;
            finite(dates.as_primitive::<Date32Type>(), [i32::MIN, i32::MAX], ty)?;
            Ok(dates)
        }
        (DataType::Timestamp(TimeUnit::Microsecond, _), DataType::Timestamp(_, zone)) => {
            let stamps = array.as_primitive::<TimestampMicrosecondType>();
            finite(stamps, [i64::MIN, i64::MAX], ty)?;
            Ok(Arc::new(stamps.clone().with_timezone_opt(zone.clone())))
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let inner = ty.item().unwrap_or(PgType::TEXT);
            let values = convert(list.values(), inner, item.data_type(), looks)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            ListArray::try_new(Arc::clone(item), offsets, values, nulls)
                .map(|list| Arc::new(list) as ArrayRef)
                .map_err(failed)
        }
        (from, to) if from == to && !is_padded => Ok(Arc::clone(array)),
        (_, DataType::Utf8) => text_of(array, ty, looks).map(|array| Arc::new(array) as ArrayRef),
        (_, DataType::Float64) if ty.oid == PgType::NUMERIC.oid => {
            let texts = text_of(array, ty, looks)?;
            let floats = texts.iter().map(|text| text?.parse::<f64>().ok());
            Ok(Arc::new(floats.collect::<Float64Array>()))
        }
        // The engine's decimal has another scale than the type: as PostgreSQL shows it.
        (_, DataType::Decimal128(..)) => {
            let texts = text_of(array, ty, looks)?;
            let texts: Vec<_> = texts.iter().collect();
            parse_column(&texts, ty, PLAIN, 0).map_err(|failure| failure.error)
        }
        (_, to) => {
            let strict = arrow::compute::CastOptions {
                safe: false,
                ..Default::default()
            };
            arrow::compute::cast_with_options(array, to, &strict).map_err(|error| {
                Error::new(
                    SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                    format!("{} out of range", ty.info().sql_name),
                )
                .detail(error.to_string())
            })
        }
    }
}

/// Refuses the values PostgreSQL has for infinity.
fn finite<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    infinite: [T::Native; 2],
    ty: PgType,
) -> Result<()> {
    // Without asking which are NULL first: that goes over many values at a time.
    let [past, future] = infinite;
    let suspicious = array.values().iter().fold(false, |found, value| {
        found | (*value == past) | (*value == future)
    });
    if !suspicious
        || !array
            .iter()
            .flatten()
            .any(|value| infinite.contains(&value))
    {
        return Ok(());
    }
    Err(Error::new(
        SqlState::DATETIME_FIELD_OVERFLOW,
        format!("an infinite {} has no place in Arrow", ty.info().name),
    )
    .hint("Leave such rows out, or cast the column to text."))
}

/// Text in one buffer.
fn texts(array: &StringViewArray) -> Result<ArrayRef> {
    let bytes = array.lengths().map(|length| length as usize).sum::<usize>();
    // Room for the bytes that a short text's copy has too many.
    let mut values = Vec::with_capacity(bytes + VIEW_INLINE_BYTES);
    let mut ends = Vec::with_capacity(array.len() + 1);
    ends.push(0);
    for (row, view) in array.views().iter().enumerate() {
        if array.is_valid(row) {
            append(*view, array, &mut values);
        }
        ends.push(end(values.len())?);
    }
    string_array(values, ends, array.nulls().cloned()).map(|array| Arc::new(array) as ArrayRef)
}

/// Appends a view's text. Most are short and stand in the view: a copy whose length is known when
/// this is compiled, cut afterwards, takes a fraction of one whose length is not.
#[inline]
fn append(view: u128, array: &StringViewArray, values: &mut Vec<u8>) {
    let length = view as u32 as usize;
    if length <= VIEW_INLINE_BYTES {
        let bytes: [u8; 16] = view.to_le_bytes();
        let end = values.len() + length;
        values.extend_from_slice(&bytes[16 - VIEW_INLINE_BYTES..]);
        values.truncate(end);
    } else {
        let view = ByteView::from(view);
        let start = view.offset as usize;
        let buffer = &array.data_buffers()[view.buffer_index as usize];
        values.extend_from_slice(&buffer[start..start + length]);
    }
}

/// PostgreSQL's text of the values.
fn text_of(array: &ArrayRef, ty: PgType, (style, names): (&Style, &Names)) -> Result<StringArray> {
    let column = TextColumn::new(array.as_ref(), ty, style, names)?;
    let mut values = Vec::new();
    let mut ends = Vec::with_capacity(array.len() + 1);
    let mut there = Vec::with_capacity(array.len());
    ends.push(0);
    for row in 0..array.len() {
        there.push(column.write(row, &mut values)?);
        ends.push(end(values.len())?);
    }
    string_array(values, ends, Some(there.into()))
}

fn end(length: usize) -> Result<i32> {
    i32::try_from(length).map_err(|_| {
        Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            "a batch has more text than an Arrow array of text holds",
        )
    })
}

fn string_array(
    values: Vec<u8>,
    ends: Vec<i32>,
    nulls: Option<arrow::buffer::NullBuffer>,
) -> Result<StringArray> {
    let offsets = OffsetBuffer::new(ends.into());
    StringArray::try_new(offsets, Buffer::from_vec(values), nulls).map_err(failed)
}
