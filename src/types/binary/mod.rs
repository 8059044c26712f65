//! Values as PostgreSQL's binary: what `typsend` writes and `typreceive` reads.

mod column;

use arrow::array::ArrayRef;

use super::PgType;

pub use column::BinaryColumn;

/// Reads binary values into an Arrow array of `ty.data_type()`; `None` is NULL. This is PostgreSQL's `typreceive`.
///
/// # Errors
/// `22P03` for bytes that are not a value of `ty`, `22021` for text that is not UTF-8.
pub fn parse_column(
    values: &[Option<&[u8]>],
    ty: PgType,
) -> Result<ArrayRef, super::text::ParseError> {
    let _ = (values, ty);
    todo!()
}
