//! COPY: rows as text, CSV, PostgreSQL's binary, Arrow streams and Parquet files, both ways.
//!
//! In: bytes → [`text`] ([`lines`]: where a row ends; [`fields`]: what is in it) or [`binary`] make
//! batches of values, which [`values`] reads column by column on threads of their own; [`stream`]
//! (Arrow) and [`spool`] (Parquet) have columns already, which [`adopt`] makes columns of the
//! table's types. Either way [`target`] fills, checks and stores the rows in the order they came;
//! where triggers look at them they wait for the end, and are [`loaded`].
//! [`receive`] is the asynchronous side, [`file`] has the server's files.
//!
//! Out: [`writer`], with [`offer`] for what PostgreSQL's types are in Arrow.

mod adopt;
mod binary;
#[cfg(test)]
mod cases;
mod exact;
mod fields;
mod file;
mod filter;
mod lines;
mod loaded;
mod matched;
mod offer;
mod packed;
mod partitions;
mod receive;
mod spool;
mod stream;
mod target;
#[cfg(test)]
mod tests;
mod text;
mod values;
mod writer;

use crate::types::Encoding;

pub(super) use file::server_files;
pub use file::{NewFile, load_file, write_file};
pub use loaded::{CopiedRows, Loaded};
pub use packed::PackedWriter;
pub use receive::{CopyFill, CopyIn};
pub use writer::{CopyWriter, Envelope, PreparedRows, RowWriter};

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
    /// ENCODING, of text and of texts in binary.
    pub encoding: &'static Encoding,
    /// COMPRESSION
    pub compression: Compression,
    /// NUMERIC: whether numerics without a scale of their own are given to Arrow as floats, not as
    /// text.
    pub numeric_as_float: bool,
    /// MATCH: whether columns of Arrow and Parquet are matched by position, not by name.
    pub by_position: bool,
}

impl CopyOptions {
    /// What holds for a format unless something else is said.
    pub fn of(format: CopyFormat) -> Self {
        let csv = format == CopyFormat::Csv;
        Self {
            format,
            delimiter: if csv { b',' } else { b'\t' },
            null: if csv { "" } else { "\\N" }.to_owned(),
            header: Header::Off,
            quote: b'"',
            escape: b'"',
            force_quote: Vec::new(),
            force_not_null: Vec::new(),
            force_null: Vec::new(),
            encoding: Encoding::UTF8,
            compression: match format {
                CopyFormat::Parquet => Compression::Zstd,
                _ => Compression::None,
            },
            numeric_as_float: false,
            by_position: false,
        }
    }
}

/// FORMAT
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    /// Tab-separated with backslash escapes.
    Text,
    /// CSV
    Csv,
    /// Each value as `typsend` gives it.
    Binary,
    /// An Arrow IPC stream.
    Arrow,
    /// A Parquet file.
    Parquet,
}

impl CopyFormat {
    /// Whether rows are lines of text.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Csv)
    }

    /// Whether columns come with names and types.
    pub fn has_schema(self) -> bool {
        matches!(self, Self::Arrow | Self::Parquet)
    }

    /// As it is said in errors.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Csv => "CSV",
            Self::Binary => "BINARY",
            Self::Arrow => "ARROW",
            Self::Parquet => "PARQUET",
        }
    }
}

/// COMPRESSION of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// None.
    None,
    /// LZ4: of frames in Arrow, raw in Parquet.
    Lz4,
    /// Zstandard.
    Zstd,
    /// Snappy, in Parquet.
    Snappy,
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
