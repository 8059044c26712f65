//! Values as PostgreSQL's binary: what `typsend` writes and `typreceive` reads.

use arrow::array::{Array, ArrayRef};

use super::PgType;
use crate::base::Result;

/// One column, ready to write values of as binary.
pub struct BinaryColumn<'a> {
    array: &'a dyn Array,
    ty: PgType,
}

impl<'a> BinaryColumn<'a> {
    /// Prepares `array`, whose values are of PostgreSQL type `ty`.
    ///
    /// # Errors
    /// `XX000` if the Arrow type cannot hold values of `ty`.
    pub fn new(array: &'a dyn Array, ty: PgType) -> Result<Self> {
        Ok(Self { array, ty })
    }

    /// Appends the bytes of row `row` (without a length) to `out`; returns false, appending nothing, if NULL.
    ///
    /// # Errors
    /// `22003`/`22008` for a value PostgreSQL's type cannot represent.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<bool> {
        let _ = (self.array, self.ty, row, out);
        todo!()
    }
}

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
