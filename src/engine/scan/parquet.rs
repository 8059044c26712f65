//! One stock Parquet scan over an explicit list of local files, its columns renamed in its
//! projection.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::catalog::memory::DataSourceExec;
use datafusion::common::config::TableParquetOptions;
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::physical_expr::projection::{ProjectionExpr, ProjectionExprs};
use datafusion::physical_plan::ExecutionPlan;

/// What is to be scanned.
pub(in crate::engine) struct ParquetScan {
    pub(in crate::engine) files: Vec<PartitionedFile>,
    /// Of all files together, for the columns of `stored`.
    pub(in crate::engine) statistics: Statistics,
    /// Columns by their names in the files.
    pub(in crate::engine) stored: TableSchema,
    /// What comes out: expressions over `stored`, with names.
    pub(in crate::engine) columns: Vec<ProjectionExpr>,
    pub(in crate::engine) limit: Option<usize>,
    /// Whether bounds of row groups and pages may be trusted.
    pub(in crate::engine) prune: bool,
}

impl ParquetScan {
    pub(in crate::engine) fn plan(self, state: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let runtime = state.runtime_env();
        let store = runtime.object_store(ObjectStoreUrl::local_filesystem())?;
        let readers = CachedParquetFileReaderFactory::new(
            store,
            runtime.cache_manager.get_file_metadata_cache(),
        );
        let mut options = TableParquetOptions {
            global: state.config_options().execution.parquet.clone(),
            ..Default::default()
        };
        options.global.pruning &= self.prune;
        options.global.enable_page_index &= self.prune;
        let columns = ProjectionExprs::new(self.columns);
        let source = ParquetSource::new(self.stored)
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(readers))
            .try_pushdown_projection(&columns)?
            .ok_or_else(|| DataFusionError::Internal("projection not pushed".to_owned()))?;
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            // One group keeps stored order where nobody asks for parallelism; whoever benefits from
            // it splits the group by byte ranges.
            .with_file_group(FileGroup::new(self.files))
            .with_statistics(self.statistics)
            .with_limit(self.limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
