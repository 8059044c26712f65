//! One immutable run of rows of one table, as the catalog knows it: where it is and what is in it.

use std::path::PathBuf;

use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

use crate::base::SegmentId;

/// One immutable run of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Identity.
    pub id: SegmentId,
    /// Number of rows.
    pub rows: u64,
    /// Size: of the file, or of the arrays in memory.
    pub bytes: u64,
    /// Where the rows are.
    pub location: Location,
    /// Statistics by attnum.
    pub columns: Vec<ColumnStatistics>,
}

/// Where a segment's rows are.
#[derive(Debug, Clone, PartialEq)]
pub enum Location {
    /// A Parquet file, relative to the data directory.
    File {
        /// Path relative to the data directory.
        path: PathBuf,
        /// Bytes of the Thrift footer without its 8-byte trailer (DuckLake's `footer_size`).
        footer_bytes: u64,
    },
    /// Rows not yet committed, or of a temporary table. Columns are named by `stored_name`.
    Memory(Vec<RecordBatch>),
}

/// What is known of one column of one segment. Bounds are PostgreSQL text in ISO style, as in
/// DuckLake; absent where the type has no proven total order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnStatistics {
    /// Which column.
    pub attnum: i16,
    /// Compressed bytes in the file.
    pub bytes: u64,
    /// NULLs.
    pub nulls: u64,
    /// Smallest value.
    pub min: Option<String>,
    /// Largest value.
    pub max: Option<String>,
    /// Whether a float column has NaN; bounds do not cover it.
    pub contains_nan: Option<bool>,
}
