//! Columns of rows as clients get them: written at once, because their fields are columns only
//! while they are being written.

use arrow::array::Array;

use crate::base::Result;
use crate::types::binary::{BinaryColumn, write_record as write_binary};
use crate::types::pgtype::Shape;
use crate::types::text::{RegNames, Style, TextColumn, write_record};

/// The written rows of a column, one behind the other.
pub(in crate::types) struct Rows {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Rows {
    fn written(
        rows: usize,
        mut write: impl FnMut(usize, &mut Vec<u8>) -> Result<()>,
    ) -> Result<Self> {
        let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(rows));
        for row in 0..rows {
            write(row, &mut bytes)?;
            ends.push(bytes.len());
        }
        Ok(Self { bytes, ends })
    }

    /// What was written of a row.
    pub(in crate::types) fn get(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[row]]
    }
}

/// `(…)` for each row.
pub(in crate::types) fn texts(
    array: &dyn Array,
    shape: Shape,
    style: &Style,
    names: &dyn RegNames,
) -> Result<Rows> {
    let types = shape.types();
    let values = super::values(array)?;
    let fields = super::fields(&values, &types)?;
    let columns: Vec<_> = fields
        .iter()
        .zip(types.iter())
        .map(|(field, ty)| TextColumn::new(field.as_ref(), *ty, style, names))
        .collect::<Result<_>>()?;
    Rows::written(values.len(), |row, out| match values[row] {
        Some(_) => write_record(row, &columns, out),
        None => Ok(()),
    })
}

/// What `record_send` makes of each row.
pub(in crate::types) fn binaries(array: &dyn Array, shape: Shape, style: &Style) -> Result<Rows> {
    let types = shape.types();
    let values = super::values(array)?;
    let fields = super::fields(&values, &types)?;
    let columns: Vec<_> = fields
        .iter()
        .zip(types.iter())
        .map(|(field, ty)| {
            let column = BinaryColumn::new(field.as_ref(), *ty, style)?;
            Ok((ty.declared(), column))
        })
        .collect::<Result<_>>()?;
    Rows::written(values.len(), |row, out| match values[row] {
        Some(_) => write_binary(row, &columns, out),
        None => Ok(()),
    })
}
