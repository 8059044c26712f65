//! A foreign table as DataFusion sees it.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DataFusionError, Result as PlanResult, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path as ObjectPath;
use datafusion::object_store::{ObjectMeta, ObjectStore};
use datafusion::physical_expr::expressions::Column as StoredColumn;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

use super::files::{self, File};
use super::options::{FileOptions, Format};
use super::text::TextFiles;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Column, Relation, RelationKind};
use crate::engine::scan::ParquetScan;
use crate::observe::{Transfer, TransferKind};
use crate::statement::StatementContext;
use crate::types::Style;

/// Files whose footers are read at planning, for statistics; with more of them planning would take
/// longer than it saves.
const STATISTICS_FILES_MAX: usize = 256;

/// The rows of the files a foreign table names. `roots`: the folders files may be in; empty means
/// anywhere.
///
/// # Errors
/// `42704`, `22023` if its OPTIONS mean nothing.
pub(in crate::engine) fn foreign_provider(
    relation: &Relation,
    roots: &[PathBuf],
    context: &StatementContext,
) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(ForeignRows::new(relation, roots, context)?))
}

/// The rows of some files.
#[derive(Debug)]
pub(super) struct ForeignRows {
    options: Arc<FileOptions>,
    roots: Vec<PathBuf>,
    columns: Arc<[Column]>,
    width: usize,
    schema: SchemaRef,
    style: Arc<Style>,
    transfer: Arc<Transfer>,
}

impl ForeignRows {
    fn new(relation: &Relation, roots: &[PathBuf], context: &StatementContext) -> Result<Self> {
        let RelationKind::Foreign { server, options } = &relation.kind else {
            return Err(Error::internal("reading files", "not a foreign table"));
        };
        if server != "files" {
            return Err(Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!("server \"{server}\" does not exist"),
            ));
        }
        let transfer = Arc::new(Transfer::new(TransferKind::Files, relation.oid));
        if let Some(activity) = context.sessions.find(context.session) {
            activity.begin_transfer(&transfer);
        }
        let fields: Vec<Field> = relation
            .columns
            .iter()
            // Checked as files are read.
            .map(|column| column.ty.field(&column.name, !column.not_null))
            .collect();
        Ok(Self {
            options: Arc::new(FileOptions::new(options)?),
            roots: roots.to_vec(),
            columns: relation.columns.clone().into(),
            width: usize::try_from(relation.next_attnum - 1).unwrap_or(0),
            schema: Arc::new(Schema::new(fields)),
            style: context.style.clone(),
            transfer,
        })
    }

    async fn files(&self) -> PlanResult<Vec<File>> {
        let options = self.options.clone();
        let roots = self.roots.clone();
        tokio::task::spawn_blocking(move || files::find(&options, &roots))
            .await
            .map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?
            .map_err(|error| DataFusionError::External(Box::new(error)))
    }

    async fn parquet(
        &self,
        state: &dyn Session,
        projection: &[usize],
        filters: &[Expr],
        limit: Option<usize>,
        files: Vec<File>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        // What the file has is read as it is; it holds neither codes nor times that are rounded.
        let foreign = |column: &&Column| column.ty.is_encoded() || column.ty.is_precise();
        let columns = projection.iter().filter_map(|&at| self.columns.get(at));
        if let Some(column) = columns.into_iter().find(foreign) {
            let what = format!(
                "column \"{}\" of type {} in a Parquet file",
                column.name, column.ty
            );
            return Err(DataFusionError::External(Box::new(Error::unsupported(
                what,
            ))));
        }
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|column| column.ty.field(&column.stored_name, !column.not_null))
            .collect();
        let stored: SchemaRef = Arc::new(Schema::new(fields));
        let known = files.len() <= STATISTICS_FILES_MAX;
        let mut together: Option<Statistics> = None;
        let mut listed = Vec::with_capacity(files.len());
        for file in &files {
            let meta = object_meta(file)?;
            let mut listed_file = PartitionedFile::new_from_meta(meta.clone());
            if known {
                let statistics = file_statistics(state, &meta, &stored).await?;
                together = Some(match together {
                    None => statistics.clone(),
                    Some(sum) => Statistics::try_merge_iter([&sum, &statistics], &stored)?,
                });
                listed_file = listed_file.with_statistics(Arc::new(statistics));
            }
            listed.push(listed_file);
        }
        let columns = projection
            .iter()
            .map(|&index| {
                let read = StoredColumn::new(stored.field(index).name(), index);
                ProjectionExpr::new(Arc::new(read), self.schema.field(index).name())
            })
            .collect();
        let scan = ParquetScan {
            files: listed,
            statistics: together.unwrap_or_else(|| Statistics::new_unknown(&stored)),
            stored: TableSchema::from(stored),
            columns,
            limit,
            // Parquet's bounds leave NaN out, and files of others do not say whether they hold any.
            prune: !filters.iter().any(|filter| self.filters_floats(filter)),
        };
        scan.plan(state)
    }

    fn filters_floats(&self, filter: &Expr) -> bool {
        filter.column_refs().iter().any(|column| {
            self.schema
                .field_with_name(&column.name)
                .is_ok_and(|field| is_float(field.data_type()))
        })
    }

    fn text(
        &self,
        projection: &[usize],
        limit: Option<usize>,
        files: Vec<File>,
        target_partitions: usize,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let schema: SchemaRef = Arc::new(self.schema.project(projection)?);
        self.transfer
            .expect_bytes(files.iter().map(|file| file.bytes).sum());
        let partitions = files.len().clamp(1, target_partitions.max(1));
        let mut groups: Vec<Vec<File>> = vec![Vec::new(); partitions];
        for (index, file) in files.into_iter().enumerate() {
            groups[index % partitions].push(file);
        }
        let streams = groups.into_iter().map(|files| {
            Arc::new(TextFiles {
                files,
                options: self.options.clone(),
                columns: self.columns.clone(),
                width: self.width,
                projection: projection.to_vec(),
                schema: schema.clone(),
                style: self.style.clone(),
                parallelism: target_partitions.div_ceil(partitions),
                transfer: self.transfer.clone(),
            }) as Arc<dyn PartitionStream>
        });
        Ok(Arc::new(StreamingTableExec::try_new(
            schema.clone(),
            streams.collect(),
            None,
            None,
            false,
            limit,
        )?))
    }
}

#[async_trait]
impl TableProvider for ForeignRows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> PlanResult<Vec<TableProviderFilterPushDown>> {
        // Text is not skipped by filters; Parquet's row groups and pages are.
        let support = match self.options.format {
            Format::Parquet => TableProviderFilterPushDown::Inexact,
            Format::Csv | Format::Json => TableProviderFilterPushDown::Unsupported,
        };
        Ok(vec![support; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let projection = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.columns.len()).collect(),
        };
        let files = self.files().await?;
        // A limit beside filters would cut rows before the filters see them.
        let limit = limit.filter(|_| filters.is_empty());
        match self.options.format {
            Format::Parquet => {
                self.parquet(state, &projection, filters, limit, files)
                    .await
            }
            Format::Csv | Format::Json => self.text(
                &projection,
                limit,
                files,
                state.config().target_partitions(),
            ),
        }
    }
}

/// The columns of a Parquet file.
///
/// # Errors
/// `22P04` if it is not Parquet.
pub(super) async fn parquet_schema(store: &LocalFileSystem, file: &File) -> Result<Schema> {
    let broken = |error: DataFusionError| {
        Error::new(
            SqlState::BAD_COPY_FILE_FORMAT,
            format!("\"{}\" is not a Parquet file", file.path.display()),
        )
        .detail(error.strip_backtrace())
    };
    let meta = object_meta(file).map_err(broken)?;
    DFParquetMetadata::new(store as &dyn ObjectStore, &meta)
        .fetch_schema()
        .await
        .map_err(broken)
}

/// A file's statistics from its footer, which the scan reads anyway and the cache keeps.
async fn file_statistics(
    state: &dyn Session,
    meta: &ObjectMeta,
    schema: &SchemaRef,
) -> PlanResult<Statistics> {
    let runtime = state.runtime_env();
    let store = LocalFileSystem::new();
    let mut statistics = DFParquetMetadata::new(&store as &dyn ObjectStore, meta)
        .with_file_metadata_cache(Some(runtime.cache_manager.get_file_metadata_cache()))
        .fetch_statistics(schema)
        .await?;
    for (field, column) in schema
        .fields()
        .iter()
        .zip(&mut statistics.column_statistics)
    {
        if is_float(field.data_type()) {
            // They leave NaN out.
            column.min_value = Precision::Absent;
            column.max_value = Precision::Absent;
        }
    }
    Ok(statistics)
}

fn object_meta(file: &File) -> PlanResult<ObjectMeta> {
    Ok(ObjectMeta {
        location: ObjectPath::from_absolute_path(&file.path)
            .map_err(|error| DataFusionError::ObjectStore(Box::new(error.into())))?,
        // With the size, what tells the metadata cache that a file was written anew.
        last_modified: file.modified.into(),
        size: file.bytes,
        e_tag: None,
        version: None,
    })
}

fn is_float(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Float16 | DataType::Float32 | DataType::Float64
    )
}
