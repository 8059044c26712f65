//! Which table a scan reads: the one whose segments its files or rows are.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::Array;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSource;

use crate::catalog::{Location, Relation, Segment, Snapshot};
use crate::engine::scan::DecodedScan;

/// The tables of a snapshot.
pub(super) struct Tables<'a> {
    snapshot: &'a Snapshot,
    root: PathBuf,
    /// Whether names are shown with their schemas.
    verbose: bool,
}

impl<'a> Tables<'a> {
    /// The tables under the data directory `root`.
    pub(super) fn new(snapshot: &'a Snapshot, root: &Path, verbose: bool) -> Self {
        Self {
            snapshot,
            root: std::path::absolute(root).unwrap_or_else(|_| root.to_owned()),
            verbose,
        }
    }

    /// The name of the table whose rows `source` reads, after that of its schema if that is shown.
    pub(super) fn name(&self, source: &dyn DataSource) -> Option<(Option<String>, String)> {
        let source: &dyn Any = source;
        if let Some(scan) = source.downcast_ref::<FileScanConfig>() {
            let file = scan
                .file_groups
                .iter()
                .flat_map(|group| group.iter())
                .next()?;
            let read = Path::new("/").join(file.object_meta.location.as_ref());
            return self.with_segment(|segment| match &segment.location {
                Location::File { path, .. } => self.root.join(path) == read,
                Location::Memory(_) => false,
            });
        }
        if let Some(scan) = source.downcast_ref::<DecodedScan>() {
            return self.snapshot.relation(scan.table()).map(|r| self.shown(r));
        }
        let memory = source.downcast_ref::<MemorySourceConfig>()?;
        let mut batches = memory.partitions().iter().flatten();
        let read = batches.find_map(|batch| batch.columns().first())?.to_data();
        self.with_segment(|segment| match &segment.location {
            Location::Memory(batches) => batches
                .iter()
                .flat_map(|batch| batch.columns())
                .any(|column| column.to_data().ptr_eq(&read)),
            Location::File { .. } => false,
        })
    }

    fn with_segment(&self, is_read: impl Fn(&Segment) -> bool) -> Option<(Option<String>, String)> {
        let relation = self
            .snapshot
            .relations()
            .find(|relation| relation.segments().iter().any(|segment| is_read(segment)))?;
        Some(self.shown(relation))
    }

    fn shown(&self, relation: &Arc<Relation>) -> (Option<String>, String) {
        let schema = self.snapshot.schema(relation.schema);
        let schema = schema.filter(|_| self.verbose);
        let schema = schema.map(|schema| schema.name.to_string());
        (schema, relation.name.to_string())
    }
}
