//! Rows as `record_recv` reads them: how many fields, and each with its type and its length.

use arrow::array::ArrayRef;
use arrow::buffer::NullBuffer;

use super::input::{bad, insufficient, parse_column, take};
use crate::base::{Error, Result, SqlState};
use crate::types::text::{ParseError, Style, refuse_domains};
use crate::types::{PgType, fitted, row};

/// Reads a column of rows.
pub(super) fn parse(
    values: &[Option<&[u8]>],
    ty: PgType,
    style: &Style,
) -> Result<ArrayRef, ParseError> {
    let types = ty.shape().map(|shape| shape.types()).unwrap_or_default();
    let mut columns: Vec<Vec<Option<&[u8]>>> = vec![Vec::new(); types.len()];
    for (row, value) in values.iter().enumerate() {
        match value {
            Some(bytes) => {
                let read = refuse_domains(ty).and_then(|()| fields(bytes, &types, &mut columns));
                read.map_err(|error| ParseError { row, error })?;
            }
            None => columns.iter_mut().for_each(|column| column.push(None)),
        }
    }
    let columns: Vec<_> = columns
        .iter()
        .zip(types.iter())
        .map(|(column, ty)| {
            let array = parse_column(column, *ty, style)?;
            fitted(array, *ty).map_err(|(row, error)| ParseError { row, error })
        })
        .collect::<Result<_, _>>()?;
    let nulls: NullBuffer = values.iter().map(Option::is_some).collect();
    row::build(&columns, &types, values.len(), Some(&nulls))
        .map_err(|error| ParseError { row: 0, error })
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
        let length = i32::from_be_bytes(take(&mut rest)?);
        column.push(match usize::try_from(length) {
            Ok(length) => {
                let (value, after) = rest.split_at_checked(length).ok_or_else(insufficient)?;
                rest = after;
                Some(value)
            }
            Err(_) if length == -1 => None,
            Err(_) => return Err(insufficient()),
        });
    }
    match rest {
        [] => Ok(()),
        _ => Err(bad("incorrect binary data format")),
    }
}
