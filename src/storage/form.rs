//! The form a column has at rest: its Parquet type, its DuckLake type, and the way there and back.
//!
//! Arrow's Parquet writer cannot store intervals of months, days and nanoseconds, so those are kept
//! as sixteen bytes (months, days, nanoseconds, little endian). Arrays that tell their dimensions
//! are kept as PostgreSQL's binary form of them. Everything else is stored as the Arrow type that
//! holds it in memory.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryBuilder, IntervalMonthDayNanoArray, ListArray,
    new_null_array,
};
use arrow::datatypes::{
    DataType, Field, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, Schema,
    SchemaRef,
};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

use crate::base::{Error, Result};
use crate::catalog::Column;
use crate::types::shaped::is_shaped;
use crate::types::{PgType, dimensions, row};

/// Bytes of a stored interval.
const INTERVAL_BYTES: i32 = 16;
/// DuckLake wants an identifier for the elements of a list column too; this far above any attnum is
/// free.
const ELEMENT_ID_OFFSET: i64 = 1 << 16;

/// The Arrow type that a column of type `ty` has in a Parquet segment. Differs from
/// [`PgType::data_type`] for intervals and arrays that tell their dimensions; [`restore`] undoes
/// it.
pub fn stored_type(ty: PgType) -> DataType {
    stored_data_type(&ty.data_type())
}

fn stored_data_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Interval(IntervalUnit::MonthDayNano) => DataType::FixedSizeBinary(INTERVAL_BYTES),
        DataType::List(item) => DataType::List(Arc::new(Field::new(
            item.name(),
            stored_data_type(item.data_type()),
            true,
        ))),
        pairs if is_shaped(pairs) => DataType::Binary,
        other => other.clone(),
    }
}

/// DuckLake's `column_id` of a column's values: the column's own, or for lists their innermost
/// element's.
pub(super) fn leaf_id(column: &Column) -> i64 {
    let depth = dimensions(&stored_type(column.ty));
    element_id(column.attnum.into(), depth)
}

/// DuckLake's `column_id` of what is `depth` lists deep in the column `id`.
pub(super) fn element_id(id: i64, depth: usize) -> i64 {
    id + ELEMENT_ID_OFFSET * i64::try_from(depth).unwrap_or(0)
}

/// The attnum behind a [`leaf_id`].
pub(super) fn attnum_of(leaf: i64) -> Option<i16> {
    i16::try_from(leaf % ELEMENT_ID_OFFSET).ok()
}

/// The schema of a segment's file: stored names, stored types, DuckLake's field ids. Every field
/// may be NULL: NOT NULL is checked where rows are made, and files outlive the constraint.
pub(super) fn file_schema(columns: &[Column]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| {
            let id = i64::from(column.attnum);
            let data_type = with_element_ids(stored_type(column.ty), id);
            with_id(Field::new(&column.stored_name, data_type, true), id)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// A list type whose elements, and theirs, have DuckLake's field ids.
fn with_element_ids(data_type: DataType, id: i64) -> DataType {
    let DataType::List(item) = data_type else {
        return data_type;
    };
    let id = element_id(id, 1);
    let inner = with_element_ids(item.data_type().clone(), id);
    DataType::List(Arc::new(with_id(Field::new(item.name(), inner, true), id)))
}

fn with_id(field: Field, id: i64) -> Field {
    field.with_metadata(HashMap::from([(
        PARQUET_FIELD_ID_META_KEY.to_owned(),
        id.to_string(),
    )]))
}

/// The schema of rows in memory: stored names, the types values have in memory.
pub(super) fn memory_schema(columns: &[Column]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| Field::new(&column.stored_name, column.ty.data_type(), true))
        .collect();
    Arc::new(Schema::new(fields))
}

/// `array` in the form it is stored in, of type `to` (a field type of [`file_schema`]).
pub(super) fn store(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    match (array.data_type(), to) {
        (DataType::Interval(IntervalUnit::MonthDayNano), DataType::FixedSizeBinary(_)) => {
            store_intervals(array)
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let values = store(list.values(), item.data_type())?;
            rebuild_list(list, item, values)
        }
        (pairs, DataType::Binary) if is_shaped(pairs) => row::packed_arrays(array),
        (from, to) if from == to => Ok(Arc::clone(array)),
        _ => arrow::compute::cast(array, to)
            .map_err(|error| Error::internal("preparing rows for storage", error)),
    }
}

/// `array`, read from a segment, as an array of `ty.data_type()`: undoes what [`stored_type`] says.
///
/// # Errors
/// `XX000` if the array cannot hold stored values of `ty`.
pub fn restore(array: &ArrayRef, ty: PgType) -> Result<ArrayRef> {
    if ty.has_any_dimensions() {
        return row::unpacked_arrays(array, ty);
    }
    restore_as(array, &ty.data_type())
}

fn restore_as(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    match (array.data_type(), to) {
        (from, to) if from == to => Ok(Arc::clone(array)),
        (
            DataType::FixedSizeBinary(INTERVAL_BYTES),
            DataType::Interval(IntervalUnit::MonthDayNano),
        ) => restore_intervals(array),
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let values = restore_as(list.values(), item.data_type())?;
            rebuild_list(list, item, values)
        }
        (DataType::Null, to) => Ok(new_null_array(to, array.len())),
        _ => arrow::compute::cast(array, to)
            .map_err(|error| Error::internal("reading stored rows", error)),
    }
}

fn rebuild_list(list: &ListArray, item: &Arc<Field>, values: ArrayRef) -> Result<ArrayRef> {
    ListArray::try_new(
        Arc::clone(item),
        list.offsets().clone(),
        values,
        list.nulls().cloned(),
    )
    .map(|list| Arc::new(list) as ArrayRef)
    .map_err(|error| Error::internal("converting a stored array", error))
}

fn store_intervals(array: &ArrayRef) -> Result<ArrayRef> {
    let intervals = array.as_primitive::<IntervalMonthDayNanoType>();
    let mut stored = FixedSizeBinaryBuilder::with_capacity(intervals.len(), INTERVAL_BYTES);
    for interval in intervals {
        match interval {
            Some(interval) => {
                let mut bytes = [0; INTERVAL_BYTES as usize];
                bytes[..4].copy_from_slice(&interval.months.to_le_bytes());
                bytes[4..8].copy_from_slice(&interval.days.to_le_bytes());
                bytes[8..].copy_from_slice(&interval.nanoseconds.to_le_bytes());
                stored
                    .append_value(bytes)
                    .map_err(|error| Error::internal("storing an interval", error))?;
            }
            None => stored.append_null(),
        }
    }
    Ok(Arc::new(stored.finish()))
}

fn restore_intervals(array: &ArrayRef) -> Result<ArrayRef> {
    let stored = array.as_fixed_size_binary();
    let corrupt = || Error::internal("reading a stored interval", "not sixteen bytes");
    let intervals: IntervalMonthDayNanoArray = (0..stored.len())
        .map(|row| {
            if stored.is_null(row) {
                return Ok(None);
            }
            let bytes: &[u8; INTERVAL_BYTES as usize] =
                stored.value(row).try_into().map_err(|_| corrupt())?;
            let (months, rest) = bytes.split_first_chunk::<4>().ok_or_else(corrupt)?;
            let (days, rest) = rest.split_first_chunk::<4>().ok_or_else(corrupt)?;
            let (nanos, _) = rest.split_first_chunk::<8>().ok_or_else(corrupt)?;
            Ok(Some(IntervalMonthDayNano {
                months: i32::from_le_bytes(*months),
                days: i32::from_le_bytes(*days),
                nanoseconds: i64::from_le_bytes(*nanos),
            }))
        })
        .collect::<Result<_>>()?;
    Ok(Arc::new(intervals))
}

/// DuckLake's name of a type. What DuckDB has no type for is declared as the plain type its Parquet
/// form has, so that other columns of the table stay readable.
pub(super) fn lake_type(ty: PgType) -> String {
    if ty.oid == PgType::JSON.oid || ty.oid == PgType::JSONB.oid {
        return "json".to_owned();
    }
    match ty.data_type() {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int16 => "int16".to_owned(),
        DataType::Int32 => "int32".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::UInt32 => "uint32".to_owned(),
        DataType::Float32 => "float32".to_owned(),
        DataType::Float64 => "float64".to_owned(),
        DataType::Decimal128(precision, scale) if scale >= 0 => {
            format!("decimal({precision},{scale})")
        }
        DataType::Date32 => "date".to_owned(),
        DataType::Time64(_) => "time".to_owned(),
        DataType::Timestamp(_, None) => "timestamp".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamptz".to_owned(),
        DataType::FixedSizeBinary(_) => "uuid".to_owned(),
        DataType::List(_) => "list".to_owned(),
        // Numerics without declared scale are stored as PostgreSQL's text of them.
        DataType::Utf8View | DataType::LargeUtf8 => "varchar".to_owned(),
        // bytea, intervals, and arrays that tell their dimensions.
        _ => "blob".to_owned(),
    }
}

/// DuckLake's name of the elements' type of a list column. Parquet's UUID mark is only on plain
/// columns.
pub(super) fn lake_element_type(element: PgType) -> String {
    match lake_type(element) {
        uuid if uuid == "uuid" => "blob".to_owned(),
        other => other,
    }
}
