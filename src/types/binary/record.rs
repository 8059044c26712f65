//! Rows as `record_recv` reads them: how many fields, and each with its type and its length.

use arrow::array::ArrayRef;

use super::input::{bad, counted, parse_column, take};
use crate::base::{Error, Result, SqlState};
use crate::types::text::{ParseError, Style};
use crate::types::{PgType, row};

/// Reads a column of rows.
pub(super) fn parse(
    values: &[Option<&[u8]>],
    ty: PgType,
    style: &Style,
) -> Result<ArrayRef, ParseError> {
    row::parse(values, ty, fields, |column, ty| {
        parse_column(column, ty, style)
    })
}

/// Takes one row apart.
fn fields<'a>(
    bytes: &'a [u8],
    types: &[PgType],
    columns: &mut [Vec<Option<&'a [u8]>>],
) -> Result<()> {
    let mut rest = bytes;
    let count = i32::from_be_bytes(take(&mut rest)?);
    if usize::try_from(count) != Ok(types.len()) {
        return Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!("wrong number of columns: {count}, expected {}", types.len()),
        ));
    }
    for (index, (column, ty)) in columns.iter_mut().zip(types).enumerate() {
        let oid = u32::from_be_bytes(take(&mut rest)?);
        let wanted = ty.declared();
        if oid != wanted.0 {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "binary data has type {oid} ({}) instead of expected {wanted} ({ty}) in \
                     record column {}",
                    PgType::of(oid),
                    index + 1
                ),
            ));
        }
        column.push(counted(&mut rest)?);
    }
    match rest {
        [] => Ok(()),
        _ => Err(bad("incorrect binary data format")),
    }
}
