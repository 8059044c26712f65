//! COPY: rows as text or CSV, both ways, and as binary out.
//!
//! In: bytes → [`lines`] (where a row ends) → [`fields`] (what is in it) → [`load`] (columns of
//! values, a batch at a time, into segments). Out: [`writer`].

#[cfg(test)]
mod cases;
mod fields;
mod lines;
mod load;
mod receive;
#[cfg(test)]
mod tests;
mod writer;

pub use receive::{CopyFill, CopyIn};
pub use writer::CopyWriter;

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
    /// Each value as `typsend` gives it; only out.
    Binary,
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
