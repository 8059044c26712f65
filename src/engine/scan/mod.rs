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
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::object_store::ObjectMeta;
use datafusion::parquet::arrow::RowNumber;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column as StoredColumn;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;

use crate::base::Oid;
use crate::catalog::{Column, Location, Relation, Segment};
use crate::engine::memory::ServerPool;
use crate::storage::stored_type;
use crate::types::shaped;
use bounds::Bounds;
use decoded::Wanted;
use restored::Restored;

pub(super) use decoded::DecodedScan;
pub(super) use family::{TABLE_COLUMN, family_provider, family_schema, members_provider};
pub(super) use parquet::ParquetScan;

/// Hidden column of an addressed scan: index of the row's segment in the relation. The NUL keeps it
/// apart from every column a client can name.
pub(super) const SEGMENT_COLUMN: &str = "\0segment";
/// Hidden column of an addressed scan: number of the row in its segment, from 0, in stored order.
pub(super) const ROW_COLUMN: &str = "\0row";

/// The rows of a table under the data directory `root`.
pub(super) fn table_provider(root: &Path, relation: &Relation) -> Arc<dyn TableProvider> {
    Arc::new(TableRows::new(root, relation, false))
}

/// The rows of a table, whose columns may be kept decoded in the memory of `pool`.
pub(super) fn kept_provider(
    root: &Path,
    relation: &Relation,
    pool: &Arc<ServerPool>,
) -> Arc<dyn TableProvider> {
    let rows = TableRows::new(root, relation, false);
    Arc::new(TableRows {
        pool: Some(pool.clone()),
        ..rows
    })
}

/// The rows of a table with two more columns, [`SEGMENT_COLUMN`] and [`ROW_COLUMN`], that say where
/// each row is.
pub(super) fn addressed_provider(root: &Path, relation: &Relation) -> Arc<dyn TableProvider> {
    Arc::new(TableRows::new(root, relation, true))
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
    addressed: bool,
    /// Where decoded columns are kept, if they are.
    pool: Option<Arc<ServerPool>>,
}

impl TableRows {
    fn new(root: &Path, relation: &Relation, addressed: bool) -> Self {
        let mut fields: Vec<Field> = relation
            .columns
            .iter()
            .map(|column| column.ty.field(&column.name, !column.not_null))
            .collect();
        if addressed {
            fields.push(segment_field());
            fields.push(row_field());
        }
        Self {
            oid: relation.oid,
            root: std::path::absolute(root).unwrap_or_else(|_| root.to_owned()),
            schema: Arc::new(Schema::new(fields)),
            columns: relation.columns.clone(),
            segments: relation.segments().into(),
            addressed,
            pool: None,
        }
    }

    /// The columns as files name them, in the layout the Parquet source wants: file, partition,
    /// virtual columns.
    fn stored_schema(&self) -> TableSchema {
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
        if self.addressed {
            builder
                .with_table_partition_cols(vec![Arc::new(segment_field())])
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
        let stored = self.stored_schema();
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
            if self.addressed {
                let index = i32::try_from(index).map_err(|_| {
                    DataFusionError::ResourcesExhausted("too many segments".to_owned())
                })?;
                file = file.with_partition_values(vec![ScalarValue::Int32(Some(index))]);
            }
            if !self.addressed
                && let Some(statistics) = bounds.of_segment(index, width)
            {
                file = file.with_statistics(Arc::new(statistics));
            }
            files.push(file);
            in_files.push(index);
        }
        if files.is_empty() {
            return Ok(None);
        }

        let columns = projection.iter().map(|&index| {
            let read: Arc<dyn PhysicalExpr> = Arc::new(StoredColumn::new(
                stored.table_schema().field(index).name(),
                index,
            ));
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
                    return Ok(if index == self.columns.len() {
                        let segment = i32::try_from(segment).unwrap_or(i32::MAX);
                        Arc::new(Int32Array::from(vec![segment; rows]))
                    } else {
                        Arc::new(Int64Array::from_iter_values(
                            first_row..first_row + rows as i64,
                        ))
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

fn segment_field() -> Field {
    Field::new(SEGMENT_COLUMN, DataType::Int32, false)
}

fn row_field() -> Field {
    Field::new(ROW_COLUMN, DataType::Int64, false).with_extension_type(RowNumber)
}
