//! Values as PostgreSQL's binary: what `typsend` writes and `typreceive` reads.

mod column;
mod input;
mod record;

pub use column::BinaryColumn;
pub(super) use column::{length, too_long, write_record};
pub use input::parse_column;
pub(super) use input::{bad, counted, insufficient, take};
pub(crate) use input::{invalid_sequence, utf8};
