//! Values as PostgreSQL's binary: what `typsend` writes and `typreceive` reads.

mod column;
mod input;

pub use column::BinaryColumn;
pub(crate) use input::invalid_sequence;
pub use input::parse_column;
