//! What is known of a segment's columns, as text.
//!
//! Bounds are exact or absent: readers outside answer `min()` from them, so a truncated string
//! would be a wrong answer. Types without one proven total order (JSON, bytes, intervals, padded
//! characters, lists) have none.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::{SortOptions, sort_to_indices};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, Schema, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::file::metadata::ParquetMetaData;

use crate::base::{Error, Result};
use crate::catalog::{Column, ColumnStatistics};
use crate::types::PgType;

/// What the writer counts itself, because Parquet's statistics say it of leaves (lists) or had
/// better not say it: readers leave out row groups by a float column's bounds, and then miss its
/// NaNs, so files have no statistics of floats.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    nulls: u64,
    has_nan: bool,
    /// Smallest and largest float that is not NaN.
    floats: Option<(f64, f64)>,
}

impl Counts {
    pub(super) fn add(&mut self, array: &ArrayRef) {
        self.nulls += array.null_count() as u64;
        // A NULL slot may hold anything, so only values that are there count.
        match array.data_type() {
            DataType::Float32 => array
                .as_primitive::<Float32Type>()
                .iter()
                .flatten()
                .for_each(|value| self.add_float(f64::from(value))),
            DataType::Float64 => array
                .as_primitive::<Float64Type>()
                .iter()
                .flatten()
                .for_each(|value| self.add_float(value)),
            _ => {}
        }
    }

    fn add_float(&mut self, value: f64) {
        if value.is_nan() {
            self.has_nan = true;
        } else {
            let (min, max) = self.floats.unwrap_or((value, value));
            self.floats = Some((min.min(value), max.max(value)));
        }
    }

    /// The bounds of the floats as text. A zero is widened to the side it bounds: readers may order
    /// -0 before 0.
    fn float_bounds(&self, single: bool) -> (Option<String>, Option<String>) {
        let text = |value: f64| {
            // A float4 is told as what it is, not as the float8 it was compared as.
            #[allow(clippy::cast_possible_truncation)]
            let text = if single {
                format!("{:e}", value as f32)
            } else {
                format!("{value:e}")
            };
            value.is_finite().then_some(text)
        };
        let Some((min, max)) = self.floats else {
            return (None, None);
        };
        (
            text(if min == 0.0 { -0.0 } else { min }),
            text(if max == 0.0 { 0.0 } else { max }),
        )
    }
}

/// The statistics of a finished file, by attnum. `schema` is the file's Arrow schema, one field per
/// column.
pub(super) fn collect(
    file: &ParquetMetaData,
    schema: &Schema,
    columns: &[Column],
    counts: &[Counts],
) -> Result<Vec<ColumnStatistics>> {
    let bytes = bytes_by_column(file, columns.len());
    columns
        .iter()
        .zip(counts)
        .zip(bytes)
        .map(|((column, counts), bytes)| {
            let is_float = is_float(&column.ty.data_type());
            let (min, max) = if is_float {
                counts.float_bounds(column.ty.data_type() == DataType::Float32)
            } else {
                bounds(file, schema, column)?
            };
            Ok(ColumnStatistics {
                attnum: column.attnum,
                bytes,
                nulls: counts.nulls,
                min,
                max,
                contains_nan: is_float.then_some(counts.has_nan),
            })
        })
        .collect()
}

/// Compressed bytes of each top-level column over all row groups.
fn bytes_by_column(file: &ParquetMetaData, columns: usize) -> Vec<u64> {
    let mut bytes = vec![0; columns];
    let schema = file.file_metadata().schema_descr();
    for group in file.row_groups() {
        for (leaf, chunk) in group.columns().iter().enumerate() {
            if let Some(sum) = bytes.get_mut(schema.get_column_root_idx(leaf)) {
                *sum += u64::try_from(chunk.compressed_size()).unwrap_or(0);
            }
        }
    }
    bytes
}

/// Whether values may be NaN.
pub(super) fn is_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float32 | DataType::Float64)
}

fn has_bounds(ty: PgType) -> bool {
    match ty.data_type() {
        DataType::Boolean
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt32
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _)
        | DataType::Date32
        | DataType::Time64(_)
        | DataType::Timestamp(_, _)
        | DataType::FixedSizeBinary(_) => true,
        DataType::Utf8View => {
            [PgType::TEXT.oid, PgType::VARCHAR.oid, PgType::NAME.oid].contains(&ty.oid)
        }
        _ => false,
    }
}

fn bounds(
    file: &ParquetMetaData,
    schema: &Schema,
    column: &Column,
) -> Result<(Option<String>, Option<String>)> {
    if !has_bounds(column.ty) {
        return Ok((None, None));
    }
    let failed = |error| Error::internal("reading a new segment's statistics", error);
    let converter = StatisticsConverter::try_new(
        &column.stored_name,
        schema,
        file.file_metadata().schema_descr(),
    )
    .map_err(failed)?;
    let groups = || file.row_groups().iter();
    let min = extreme(
        &converter.row_group_mins(groups()).map_err(failed)?,
        &converter
            .row_group_is_min_value_exact(groups())
            .map_err(failed)?,
        false,
    );
    let max = extreme(
        &converter.row_group_maxes(groups()).map_err(failed)?,
        &converter
            .row_group_is_max_value_exact(groups())
            .map_err(failed)?,
        true,
    );
    Ok((min, max))
}

/// The smallest or largest of the row groups' bounds, as text. A row group without one has no
/// values (all NULL or NaN).
fn extreme(bounds: &ArrayRef, exact: &BooleanArray, largest: bool) -> Option<String> {
    let inexact = (0..bounds.len())
        .any(|group| bounds.is_valid(group) && !(exact.is_valid(group) && exact.value(group)));
    if inexact {
        return None;
    }
    let options = SortOptions {
        descending: largest,
        nulls_first: false,
    };
    let first = sort_to_indices(bounds, Some(options), Some(1)).ok()?;
    let at = usize::try_from(first.values().first().copied()?).ok()?;
    text_of(bounds, at)
}

/// One value as PostgreSQL's text in ISO style; `None` for NULL and for values outside what text of
/// every reader can say (infinities, years beyond 9999).
fn text_of(array: &ArrayRef, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    let text = match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::Decimal128(_, _) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Decimal256(_, _) => array.as_primitive::<Decimal256Type>().value_as_string(row),
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            let date = NaiveDate::from_ymd_opt(1970, 1, 1)?
                .checked_add_signed(TimeDelta::try_days(i64::from(days))?)?;
            in_range(date)?.to_string()
        }
        DataType::Time64(_) => {
            let micros = array.as_primitive::<Time64MicrosecondType>().value(row);
            let time = NaiveTime::MIN.overflowing_add_signed(TimeDelta::microseconds(micros));
            // 24:00:00 is a time of day in PostgreSQL and not in chrono.
            (time.1 == 0).then(|| time.0.format("%H:%M:%S%.f").to_string())?
        }
        DataType::Timestamp(_, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let time = DateTime::from_timestamp_micros(micros)?.naive_utc();
            in_range(time.date())?;
            let zone = if zone.is_some() { "+00" } else { "" };
            format!("{}{zone}", time.format("%Y-%m-%d %H:%M:%S%.f"))
        }
        DataType::FixedSizeBinary(16) => {
            uuid::Uuid::from_slice(array.as_fixed_size_binary().value(row))
                .ok()?
                .to_string()
        }
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        _ => return None,
    };
    Some(text)
}

fn in_range(date: NaiveDate) -> Option<NaiveDate> {
    (1..=9999).contains(&date.year()).then_some(date)
}
