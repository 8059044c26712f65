//! What a statement answers with.

use std::sync::Arc;

use crate::engine::Rows;
use crate::engine::copy::{CopyIn, CopyWriter};
use crate::observe::Transfer;
use crate::pg_catalog::names::Names;
use crate::types::Style;

/// What a statement answers with.
#[derive(Debug)]
pub enum Response {
    /// Rows, then a tag.
    Rows(RowsResponse),
    /// Only a tag.
    Done(CommandTag),
    /// COPY … FROM STDIN: the client sends rows now.
    CopyIn(CopyInResponse),
    /// COPY … TO STDOUT: rows for the client.
    CopyOut(Box<CopyOutResponse>),
    /// An empty query string.
    Empty,
}

/// Rows and how to write them.
#[derive(Debug)]
pub struct RowsResponse {
    /// The rows.
    pub rows: Rows,
    /// How values are written.
    pub style: Arc<Style>,
    /// Names of reg* values.
    pub names: Names,
    /// Format of each column: false text, true binary.
    pub binary: Vec<bool>,
    /// Tag at the end.
    pub tag: RowsTag,
}

/// The tag after rows.
#[derive(Debug, Clone)]
pub enum RowsTag {
    /// `SELECT n`, with the number of rows sent (`FETCH n` and the like too).
    Counted(&'static str),
    /// A tag known beforehand (`INSERT 0 3` with RETURNING, `EXPLAIN`, `SHOW`).
    Fixed(CommandTag),
}

/// CommandComplete's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandTag(pub String);

/// COPY … FROM STDIN in progress.
#[derive(Debug)]
pub struct CopyInResponse {
    /// Takes the rows.
    pub copy: CopyIn,
    /// The table the rows go to.
    pub(super) table: crate::base::Oid,
    /// What was asked for, to begin anew.
    pub(super) asked: Box<crate::engine::command::Copy>,
}

/// COPY … TO STDOUT.
pub struct CopyOutResponse {
    /// The rows.
    pub rows: Rows,
    /// Writes them.
    pub writer: CopyWriter,
    /// Counts them.
    pub transfer: Arc<Transfer>,
}

impl std::fmt::Debug for CopyOutResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyOutResponse")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}
