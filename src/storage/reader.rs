//! Reading one segment whole, batch by batch, in row order.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::new_null_array;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::memory::BATCH_ROWS;
use super::writer::parquet_error;
use super::{files, form};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Column, Location, Segment};

/// The rows of a segment as batches of `columns` (named by [`Column::name`], typed by
/// `ty.data_type()`), in stored order; a column added after the segment was written reads as NULL.
///
/// # Errors
/// `58030`/`XX001` if the file is missing, short or not what the catalog says.
pub fn read_segment(
    root: &Path,
    segment: &Segment,
    columns: &[Column],
) -> Result<Box<dyn Iterator<Item = Result<RecordBatch>> + Send>> {
    let columns = columns.to_vec();
    let schema = schema_of(&columns);
    match &segment.location {
        Location::Memory(batches) => {
            let batches = batches.clone();
            Ok(Box::new(
                batches
                    .into_iter()
                    .map(move |batch| project(&batch, &columns, &schema)),
            ))
        }
        Location::File { path, .. } => {
            let path = path.clone();
            let file = File::open(root.join(&path))
                .map_err(|error| files::io_error("open", &path, &error))?;
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)
                .map_err(|error| parquet_error("read", &path, error))?;
            let held = builder.metadata().file_metadata().num_rows();
            if u64::try_from(held) != Ok(segment.rows) {
                return Err(Error::new(
                    SqlState::DATA_CORRUPTED,
                    format!("file \"{}\" is not what the catalog says", path.display()),
                )
                .detail(format!("It has {held} rows; {} were stored.", segment.rows)));
            }
            let wanted: Vec<usize> = builder
                .schema()
                .fields()
                .iter()
                .enumerate()
                .filter(|(_, field)| columns.iter().any(|c| c.stored_name == *field.name()))
                .map(|(index, _)| index)
                .collect();
            let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
            let reader = builder
                .with_projection(mask)
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(|error| parquet_error("read", &path, error))?;
            Ok(Box::new(reader.map(move |batch| {
                let batch = batch.map_err(|error| {
                    Error::new(
                        SqlState::DATA_CORRUPTED,
                        format!("could not read file \"{}\": {error}", path.display()),
                    )
                })?;
                project(&batch, &columns, &schema)
            })))
        }
    }
}

fn schema_of(columns: &[Column]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| column.ty.field(&column.name, true))
        .collect();
    Arc::new(Schema::new(fields))
}

fn project(batch: &RecordBatch, columns: &[Column], schema: &SchemaRef) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let arrays = columns
        .iter()
        .map(|column| match batch.column_by_name(&column.stored_name) {
            Some(array) => form::restore(array, column.ty),
            None => Ok(new_null_array(&column.ty.data_type(), rows)),
        })
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)
        .map_err(|error| Error::internal("reading stored rows", error))
}
