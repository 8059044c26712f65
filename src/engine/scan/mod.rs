//! Tables as DataFusion sees them: a stock Parquet scan over an explicit list of files, with exact
//! statistics from the catalog, beside the rows still in memory.
//!
//! * Files are never listed and their footers never asked for statistics at planning: the catalog
//!   knows both.
//! * Inside files columns have their stored names. The scan reads those and renames them in its
//!   projection, so ALTER TABLE … RENAME COLUMN breaks neither old files nor pruning; a column
//!   younger than a file reads as NULL.
//! * Filters are inexact: they only decide which segments, row groups and pages are opened.
//! * What is read again and again is kept decoded ([`crate::cache`]), within memory that no query
//!   asks for.
//! * A segment with NaN in a column is never skipped for that column: its bounds leave NaN out,
//!   while to PostgreSQL it is the greatest value.

mod bounds;
mod decoded;
mod family;
mod parquet;
mod restored;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use datafusion::catalog::memory::{DataSourceExec, MemorySourceConfig};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::Operator;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::object_store::ObjectMeta;
use datafusion::parquet::arrow::RowNumber;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column as StoredColumn, lit};
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;

use crate::base::{Error, Oid};
use crate::catalog::{Column, Location, Relation, Segment};
use crate::engine::memory::ServerPool;
use crate::storage::stored_type;
use crate::types::coded::tid;
use crate::types::{PgType, shaped};
use bounds::Bounds;
use decoded::Wanted;
use restored::Restored;

pub(super) use decoded::DecodedScan;
pub(super) use family::{
    TABLE_COLUMN, addressed_family_provider, family_provider, family_schema, kept_family_provider,
    members_provider, with_place,
};
pub(super) use parquet::ParquetScan;

/// Hidden column of an addressed scan: index of the row's segment in the relation. The NUL keeps it
/// apart from every column a client can name.
pub(super) const SEGMENT_COLUMN: &str = "\0segment";
/// Hidden column of an addressed scan: number of the row in its segment, from 0, in stored order.
pub(super) const ROW_COLUMN: &str = "\0row";

/// Hidden column: where a row is, as a `tid` that no other row of the table has in the snapshot.
pub(super) const PLACE_COLUMN: &str = "\0ctid";
/// Hidden column of rows that a statement leaves: the transaction that locked the row that each was
/// before, 0 if it was none.
pub(super) const XMAX_COLUMN: &str = "\0xmax";

/// Inside of scans: the place before the first row of the segment.
const FIRST_COLUMN: &str = "\0first";

/// The rows of a table under the data directory `root`.
pub(super) fn table_provider(root: &Path, relation: &Relation) -> Arc<dyn TableProvider> {
    Arc::new(TableRows::new(root, relation, &[]))
}

/// The rows of a table, whose columns may be kept decoded in the memory of `pool`; `placed`, with
/// [`PLACE_COLUMN`].
pub(super) fn kept_provider(
    root: &Path,
    relation: &Relation,
    placed: bool,
    pool: &Arc<ServerPool>,
) -> Arc<dyn TableProvider> {
    let rows = TableRows::new(root, relation, hidden(placed));
    Arc::new(TableRows {
        pool: Some(pool.clone()),
        ..rows
    })
}

/// The rows of a table with more columns, [`SEGMENT_COLUMN`], [`ROW_COLUMN`] and [`PLACE_COLUMN`],
/// that say where each row is.
pub(super) fn addressed_provider(root: &Path, relation: &Relation) -> Arc<dyn TableProvider> {
    Arc::new(TableRows::new(root, relation, ADDRESS))
}

/// The hidden columns that say where each row is.
const ADDRESS: &[&str] = &[SEGMENT_COLUMN, ROW_COLUMN, PLACE_COLUMN];

/// The field of a hidden column.
fn hidden_field(name: &str) -> Field {
    match name {
        SEGMENT_COLUMN => segment_field(),
        ROW_COLUMN => row_field(),
        _ => place_field(),
    }
}

/// The hidden columns of a table whose rows say where they are, or do not.
const fn hidden(placed: bool) -> &'static [&'static str] {
    match placed {
        true => &[PLACE_COLUMN],
        false => &[],
    }
}

/// The rows of one table in one snapshot.
#[derive(Debug)]
struct TableRows {
    oid: Oid,
    root: PathBuf,
    /// Columns by their names, the hidden ones last.
    schema: SchemaRef,
    columns: Vec<Column>,
    segments: Arc<[Arc<Segment>]>,
    /// The hidden columns.
    hidden: &'static [&'static str],
    /// Where decoded columns are kept, if they are.
    pool: Option<Arc<ServerPool>>,
}

impl TableRows {
    fn new(root: &Path, relation: &Relation, hidden: &'static [&'static str]) -> Self {
        let mut fields: Vec<Field> = relation
            .columns
            .iter()
            .map(|column| column.ty.field(&column.name, !column.not_null))
            .collect();
        fields.extend(hidden.iter().map(|name| hidden_field(name)));
        Self {
            oid: relation.oid,
            root: std::path::absolute(root).unwrap_or_else(|_| root.to_owned()),
            schema: Arc::new(Schema::new(fields)),
            columns: relation.columns.clone(),
            segments: relation.segments().into(),
            hidden,
            pool: None,
        }
    }

    /// The hidden column at a place of the schema, if there is one.
    fn hidden_at(&self, index: usize) -> Option<&'static str> {
        let after = index.checked_sub(self.columns.len())?;
        self.hidden.get(after).copied()
    }

    /// The columns as files name them, in the layout the Parquet source wants: file, partition,
    /// virtual columns.
    fn stored_schema(&self, addressed: bool) -> TableSchema {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|column| {
                let field = column.ty.field(&column.stored_name, !column.not_null);
                let data_type = stored_type(column.ty);
                field.with_data_type(data_type)
            })
            .collect();
        let builder = TableSchema::builder(Arc::new(Schema::new(fields)));
        if addressed {
            let first = Field::new(FIRST_COLUMN, DataType::Int64, false);
            builder
                .with_table_partition_cols(vec![Arc::new(segment_field()), Arc::new(first)])
                .with_virtual_columns(vec![Arc::new(row_field())])
                .build()
        } else {
            builder.build()
        }
    }

    /// The files among `kept` as one stock Parquet scan of the columns `projection`.
    fn file_scan(
        &self,
        state: &dyn Session,
        projection: &[usize],
        kept: &[usize],
        bounds: &Bounds,
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let placed = |index: &usize| self.hidden_at(*index) == Some(PLACE_COLUMN);
        let placed = projection.iter().any(placed);
        let addressed = projection
            .iter()
            .any(|index| self.hidden_at(*index).is_some());
        let stored = self.stored_schema(addressed);
        let width = stored.table_schema().fields().len();
        let mut files = Vec::new();
        let mut in_files = Vec::new();
        for &index in kept {
            let segment = &self.segments[index];
            let Location::File { path, footer_bytes } = &segment.location else {
                continue;
            };
            let mut file = PartitionedFile::new_from_meta(ObjectMeta {
                location: datafusion::object_store::path::Path::from_absolute_path(
                    self.root.join(path),
                )
                .map_err(|error| DataFusionError::ObjectStore(Box::new(error.into())))?,
                // Constant: files are immutable, and the metadata cache compares it.
                last_modified: chrono::DateTime::UNIX_EPOCH,
                size: segment.bytes,
                e_tag: None,
                version: None,
            })
            // Footer, its length and magic, and a guess at the page index before it.
            .with_metadata_size_hint(usize::try_from(footer_bytes * 2 + 8).unwrap_or(usize::MAX));
            if addressed {
                let first = match placed {
                    true => first_place(index, segment)?,
                    false => 0,
                };
                let index = i32::try_from(index).map_err(|_| {
                    DataFusionError::ResourcesExhausted("too many segments".to_owned())
                })?;
                file = file.with_partition_values(vec![
                    ScalarValue::Int32(Some(index)),
                    ScalarValue::Int64(Some(first)),
                ]);
            }
            if !addressed && let Some(statistics) = bounds.of_segment(index, width) {
                file = file.with_statistics(Arc::new(statistics));
            }
            files.push(file);
            in_files.push(index);
        }
        if files.is_empty() {
            return Ok(None);
        }

        let own = |index: usize| -> Arc<dyn PhysicalExpr> {
            let name = stored.table_schema().field(index).name();
            Arc::new(StoredColumn::new(name, index))
        };
        // After the columns of the file come the segment, its first place, and the row.
        let [segment, first, row] = [0, 1, 2].map(|place| self.columns.len() + place);
        let columns = projection.iter().map(|&index| {
            let read = match self.hidden_at(index) {
                Some(SEGMENT_COLUMN) => own(segment),
                Some(ROW_COLUMN) => own(row),
                Some(_) => place_of(own(first), &own(row)),
                None => own(index),
            };
            let field = &self.schema.fields()[index];
            let expr = match self.columns.get(index) {
                Some(column) if stored_type(column.ty) != column.ty.data_type() => {
                    Arc::new(Restored::new(read, column.ty, field.clone()))
                }
                _ => read,
            };
            ProjectionExpr::new(expr, field.name())
        });
        let columns = columns.collect();
        let scan = ParquetScan {
            files,
            statistics: bounds.of_segments(&in_files, width),
            stored,
            columns,
            limit,
            // Segments have no bounds of float columns, which would leave NaN out.
            prune: true,
        };
        Ok(Some(scan.plan(state)?))
    }

    /// The rows in memory among `kept`.
    fn memory_scan(
        &self,
        projection: &[usize],
        kept: &[usize],
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let schema = Arc::new(self.schema.project(projection)?);
        let batches = self.memory_batches(&schema, projection, kept)?;
        if batches.is_empty() {
            return Ok(None);
        }
        let source = MemorySourceConfig::try_new(&[batches], schema, None)?.with_limit(limit);
        Ok(Some(DataSourceExec::from_data_source(source)))
    }

    fn memory_batches(
        &self,
        schema: &SchemaRef,
        projection: &[usize],
        kept: &[usize],
    ) -> Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        for &index in kept {
            let Location::Memory(stored) = &self.segments[index].location else {
                continue;
            };
            let mut first_row = 0;
            for batch in stored {
                batches.push(self.project_memory(schema, projection, batch, index, first_row)?);
                first_row += batch.num_rows() as i64;
            }
        }
        Ok(batches)
    }

    /// The rows of `kept`, if what of them is in files is kept decoded.
    fn decoded_scan(
        &self,
        state: &dyn Session,
        projection: &[usize],
        filters: &[Expr],
        kept: &[usize],
        bounds: &Bounds,
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(pool) = &self.pool else {
            return Ok(None);
        };
        if projection
            .iter()
            .any(|index| self.hidden_at(*index).is_some())
        {
            return Ok(None);
        }
        let in_file =
            |&&index: &&usize| matches!(self.segments[index].location, Location::File { .. });
        let in_files: Vec<usize> = kept.iter().filter(in_file).copied().collect();
        let estimate = bounds.of_segments(&in_files, self.columns.len());
        let wanted = Wanted {
            columns: projection
                .iter()
                .map(|&index| &self.columns[index])
                .collect(),
            segments: in_files
                .iter()
                .map(|&index| &self.segments[index])
                .collect(),
            bytes: estimate.total_byte_size.get_value().copied().unwrap_or(0),
        };
        let Some(decoded) = wanted.read(&self.root, pool) else {
            return Ok(None);
        };
        let schema = Arc::new(self.schema.project(projection)?);
        let keep = bounds::passing(&decoded, state, &self.schema, filters);
        let memory = self.memory_batches(&schema, projection, kept)?;
        let statistics = bounds
            .of_segments(kept, self.columns.len())
            .project(Some(&projection.to_vec()));
        decoded
            .plan(self.oid, schema, &keep, memory, statistics, limit)
            .map(Some)
    }

    fn project_memory(
        &self,
        schema: &SchemaRef,
        projection: &[usize],
        batch: &RecordBatch,
        segment: usize,
        first_row: i64,
    ) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let arrays = projection
            .iter()
            .map(|&index| -> Result<ArrayRef> {
                let Some(column) = self.columns.get(index) else {
                    let numbers = first_row..first_row + rows as i64;
                    return Ok(match self.hidden_at(index) {
                        Some(SEGMENT_COLUMN) => {
                            let segment = i32::try_from(segment).unwrap_or(i32::MAX);
                            Arc::new(Int32Array::from(vec![segment; rows]))
                        }
                        Some(ROW_COLUMN) => Arc::new(Int64Array::from_iter_values(numbers)),
                        _ => {
                            let first = first_place(segment, &self.segments[segment])?;
                            let places = numbers.map(|row| first + tid::after(row));
                            Arc::new(Int64Array::from_iter_values(places))
                        }
                    });
                };
                let data_type = column.ty.data_type();
                Ok(match batch.column_by_name(&column.stored_name) {
                    Some(array) if array.data_type() == &data_type => array.clone(),
                    Some(array) if column.ty.has_any_dimensions() => {
                        shaped::converted(array, &data_type)
                            .map_err(|error| DataFusionError::External(Box::new(error)))?
                    }
                    Some(array) => arrow::compute::cast(array, &data_type)?,
                    None => new_null_array(&data_type, rows),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(
            schema.clone(),
            arrays,
            &options,
        )?)
    }
}

#[async_trait]
impl TableProvider for TableRows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let projection = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let wanted = bounds::columns_of(&self.schema, &projection, filters);
        let bounds = Bounds::new(&self.columns, &self.segments, &wanted);
        let mut kept = bounds.prune(state, &self.schema, filters);
        if filters.is_empty()
            && let Some(limit) = limit
        {
            // Enough segments for the limit.
            let mut rows = 0;
            kept.retain(|&index| {
                let needed = rows < limit as u64;
                rows += self.segments[index].rows;
                needed
            });
        }
        // A limit beside filters would cut rows before the filters see them.
        let limit = limit.filter(|_| filters.is_empty());
        let decoded = self.decoded_scan(state, &projection, filters, &kept, &bounds, limit)?;
        if let Some(plan) = decoded {
            return Ok(plan);
        }
        let files = self.file_scan(state, &projection, &kept, &bounds, limit)?;
        let memory = self.memory_scan(&projection, &kept, limit)?;
        match (files, memory) {
            (Some(files), Some(memory)) => UnionExec::try_new(vec![files, memory]),
            (Some(plan), None) | (None, Some(plan)) => Ok(plan),
            (None, None) => {
                let schema = Arc::new(self.schema.project(&projection)?);
                Ok(decoded::no_rows(self.oid, schema))
            }
        }
    }
}

/// The place before the first row of a segment, which is the table's `index`th.
fn first_place(index: usize, segment: &Segment) -> Result<i64> {
    tid::before(index, segment.rows).ok_or_else(|| {
        let error = Error::unsupported("system column \"ctid\" of so many rows");
        DataFusionError::External(Box::new(error))
    })
}

/// The place of a row, as [`tid::after`] has it.
fn place_of(first: Arc<dyn PhysicalExpr>, row: &Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
    let both =
        |left, op, right| -> Arc<dyn PhysicalExpr> { Arc::new(BinaryExpr::new(left, op, right)) };
    let number = |value| lit(ScalarValue::Int64(Some(value)));
    let blocks = both(Arc::clone(row), Operator::Divide, number(tid::BLOCK_ROWS));
    let rows = both(Arc::clone(row), Operator::Plus, blocks);
    let after = both(rows, Operator::Plus, number(1));
    both(first, Operator::Plus, after)
}

/// [`PLACE_COLUMN`]
pub(super) fn place_field() -> Field {
    PgType::TID.field(PLACE_COLUMN, false)
}

fn segment_field() -> Field {
    Field::new(SEGMENT_COLUMN, DataType::Int32, false)
}

fn row_field() -> Field {
    Field::new(ROW_COLUMN, DataType::Int64, false).with_extension_type(RowNumber)
}
