//! What need not be computed again: columns of files, decoded ([`ColumnCache`]).

mod columns;
#[cfg(test)]
mod tests;

pub use columns::{ColumnCache, ColumnKey, DecodedColumn, Loading};
