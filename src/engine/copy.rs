//! COPY: rows as text or CSV, both ways.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use crate::base::Result;
use crate::catalog::{Change, Relation};
use crate::statement::StatementContext;

/// COPY's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOptions {
    /// FORMAT
    pub format: CopyFormat,
    /// DELIMITER
    pub delimiter: u8,
    /// NULL
    pub null: String,
    /// HEADER
    pub header: Header,
    /// QUOTE
    pub quote: u8,
    /// ESCAPE
    pub escape: u8,
    /// FORCE_QUOTE: indexes of the columns, or all.
    pub force_quote: Vec<usize>,
    /// FORCE_NOT_NULL: indexes of columns.
    pub force_not_null: Vec<usize>,
    /// FORCE_NULL: indexes of columns.
    pub force_null: Vec<usize>,
}

/// FORMAT
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    /// Tab-separated with backslash escapes.
    Text,
    /// CSV
    Csv,
}

/// HEADER
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// None.
    Off,
    /// Written, and skipped on input.
    On,
    /// Checked against the column names on input.
    Match,
}

/// COPY … FROM STDIN in progress: takes bytes as they come, in bounded memory. Dropping it loads nothing.
#[derive(Debug)]
pub struct CopyIn {
    _private: (),
}

impl CopyIn {
    /// Rows for `columns` (indexes into the relation's columns) of `relation`; the others get NULL or their default.
    pub fn new(
        context: Arc<StatementContext>,
        relation: Arc<Relation>,
        columns: Vec<usize>,
        options: CopyOptions,
    ) -> Self {
        let _ = (context, relation, columns, options);
        Self { _private: () }
    }

    /// Columns expected.
    pub fn column_count(&self) -> usize {
        todo!()
    }

    /// Takes the next bytes; lines may be cut anywhere.
    ///
    /// # Errors
    /// PostgreSQL's `22P04`, `22P02`, …, with CONTEXT `COPY table, line n, column c: "value"`.
    pub async fn write(&mut self, bytes: bytes::Bytes) -> Result<()> {
        let _ = bytes;
        todo!()
    }

    /// The end: what to push to the transaction, and how many rows.
    ///
    /// # Errors
    /// As [`CopyIn::write`].
    pub async fn finish(self) -> Result<(Vec<Change>, u64)> {
        todo!()
    }
}

/// Writes batches as COPY … TO STDOUT data.
pub struct CopyWriter {
    _private: (),
}

impl CopyWriter {
    /// A writer for an answer's columns.
    pub fn new(
        context: Arc<StatementContext>,
        columns: Arc<[super::OutputColumn]>,
        options: CopyOptions,
    ) -> Self {
        let _ = (context, columns, options);
        Self { _private: () }
    }

    /// The header line, if there is one.
    pub fn header(&self, out: &mut Vec<u8>) {
        let _ = out;
        todo!()
    }

    /// Appends rows `range` of a batch: whole lines. `ends` gets the length of `out` after each row, because clients
    /// expect one row per CopyData message and a quoted value may hold line ends.
    ///
    /// # Errors
    /// As the text encoders.
    pub fn write(
        &self,
        batch: &RecordBatch,
        range: std::ops::Range<usize>,
        out: &mut Vec<u8>,
        ends: &mut Vec<usize>,
    ) -> Result<()> {
        let _ = (batch, range, out, ends);
        todo!()
    }
}
