//! Tables as DataFusion sees them: a stock Parquet scan over an explicit list of files, with exact statistics.

use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::TableProvider;

use crate::catalog::Relation;

/// The rows of a table under the data directory `root`.
pub(super) fn table_provider(root: &Path, relation: &Relation) -> Arc<dyn TableProvider> {
    let _ = (root, relation);
    todo!()
}
