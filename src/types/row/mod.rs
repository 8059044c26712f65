//! Rows of a type that has a name, as values: bytes in three parts.
//!
//! First the key, which compares byte by byte as PostgreSQL compares rows: field by field, NULL
//! behind everything, and the same for fields that are equal though they look different (`1.0` and
//! `1.00`). Then the fields as they are, each with its length, in the binary form of a type that
//! does not depend on the catalog. Last the key's length, in four bytes.
//!
//! The bytes say nothing of the types: whoever has a row has its type, and a type does not change
//! its fields while there are rows of it.

mod key;
#[cfg(test)]
mod tests;
mod written;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, LargeBinaryArray, ListArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;

use super::cells::Cells;
use super::coded::Code;
use super::pgtype::Made;
use super::text::{PLAIN, ParseError, refuse_domains};
use super::{PgType, binary, fitted, shaped};
use crate::base::{Error, Result};

pub(super) use key::{bytes as write_bytes, bytes_end, read_bytes};
pub(super) use written::{Rows, binaries, texts};

/// Bytes that say how long the key is.
const LENGTH_BYTES: usize = 4;

/// What a field's bytes are of: a built-in type of the same Arrow type that tells all of the value.
fn raw(ty: PgType) -> PgType {
    if ty.is_composite() || ty.is_made() && ty.has_bounds() {
        return PgType::BYTEA;
    }
    if let Some(element) = ty.element()
        && ty.data_type().is_nested()
    {
        let bare = raw(element).array().unwrap_or(ty);
        return PgType {
            more_dimensions: ty.more_dimensions,
            ..bare
        };
    }
    if let Some(code) = Code::of(ty) {
        return code.at_rest();
    }
    match ty.data_type() {
        DataType::Utf8View => PgType::TEXT,
        DataType::Int64 if matches!(ty.made, Made::Enum { .. }) => PgType::INT8,
        DataType::UInt32 => PgType::OID,
        _ => ty.undomained(),
    }
}

/// Reads a column of rows: `part` takes each apart into the columns of its fields, which `read`
/// then reads.
pub(super) fn parse<V: Copy, F: Clone>(
    values: &[Option<V>],
    ty: PgType,
    part: impl Fn(V, &[PgType], &mut [Vec<Option<F>>]) -> Result<()>,
    read: impl Fn(&[Option<F>], PgType) -> Result<ArrayRef, ParseError>,
) -> Result<ArrayRef, ParseError> {
    let types = ty.shape().map(|shape| shape.types()).unwrap_or_default();
    let mut columns: Vec<Vec<Option<F>>> = vec![Vec::new(); types.len()];
    for (row, value) in values.iter().enumerate() {
        match value {
            Some(value) => {
                let parted = refuse_domains(ty).and_then(|()| part(*value, &types, &mut columns));
                parted.map_err(|error| ParseError { row, error })?;
            }
            None => columns.iter_mut().for_each(|column| column.push(None)),
        }
    }
    let columns: Vec<_> = columns
        .iter()
        .zip(types.iter())
        .map(|(column, ty)| {
            fitted(read(column, *ty)?, *ty).map_err(|(row, error)| ParseError { row, error })
        })
        .collect::<Result<_, _>>()?;
    let nulls: NullBuffer = values.iter().map(Option::is_some).collect();
    build(&columns, &types, values.len(), Some(&nulls))
        .map_err(|error| ParseError { row: 0, error })
}

/// Rows of these columns, NULL where `nulls` says so.
///
/// # Errors
/// `XX000` if a column is not of its type; `54000` for a row that is too long.
pub fn build(
    columns: &[ArrayRef],
    types: &[PgType],
    rows: usize,
    nulls: Option<&NullBuffer>,
) -> Result<ArrayRef> {
    let keys: Vec<_> = columns
        .iter()
        .zip(types)
        .map(|(column, ty)| key::KeyColumn::new(column.as_ref(), *ty))
        .collect::<Result<_>>()?;
    let fields: Vec<_> = columns
        .iter()
        .zip(types)
        .map(|(column, ty)| binary::BinaryColumn::new(column.as_ref(), raw(*ty), PLAIN))
        .collect::<Result<_>>()?;
    let mut builder = BinaryBuilder::with_capacity(rows, 0);
    let mut value = Vec::new();
    for row in 0..rows {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            builder.append_null();
            continue;
        }
        value.clear();
        for key in &keys {
            key.write(row, &mut value)?;
        }
        let length = u32::try_from(value.len()).map_err(|_| binary::too_long())?;
        for field in &fields {
            field.write_counted(row, &mut value)?;
        }
        value.extend_from_slice(&length.to_be_bytes());
        builder.append_value(&value);
    }
    Ok(Arc::new(builder.finish()))
}

fn corrupt() -> Error {
    Error::internal("reading a row", "bytes that are none")
}

/// A row of its parts.
pub(super) fn whole(key: &[u8], fields: &[u8]) -> Vec<u8> {
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    [key, fields, &length.to_be_bytes()].concat()
}

/// The key of a row, and its fields.
pub(super) fn parts(value: &[u8]) -> Result<(&[u8], &[u8])> {
    let (rest, length) = value
        .split_last_chunk::<LENGTH_BYTES>()
        .ok_or_else(corrupt)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| corrupt())?;
    rest.split_at_checked(length).ok_or_else(corrupt)
}

/// What of a row compares as the row does.
pub fn key(value: &[u8]) -> Result<&[u8]> {
    parts(value).map(|(key, _)| key)
}

/// Takes the bytes of a field from the front; `None` is NULL.
fn take<'a>(fields: &mut &'a [u8]) -> Result<Option<&'a [u8]>> {
    let (length, rest) = fields.split_first_chunk::<4>().ok_or_else(corrupt)?;
    let length = i32::from_be_bytes(*length);
    if length == -1 {
        *fields = rest;
        return Ok(None);
    }
    let length = usize::try_from(length).map_err(|_| corrupt())?;
    let (field, rest) = rest.split_at_checked(length).ok_or_else(corrupt)?;
    *fields = rest;
    Ok(Some(field))
}

/// The values of a column of rows; `None` is NULL.
///
/// # Errors
/// `XX000` if it is no column of bytes.
pub fn values(array: &dyn Array) -> Result<Vec<Option<&[u8]>>> {
    match Cells::of(array) {
        Cells::Bytes(blobs) => Ok((0..array.len())
            .map(|row| array.is_valid(row).then(|| blobs.get(row)))
            .collect()),
        Cells::Null => Ok(vec![None; array.len()]),
        _ => Err(Error::internal("reading rows", array.data_type())),
    }
}

/// One field of rows, as a column; of a row that is NULL, NULL.
///
/// # Errors
/// `XX000` if they are no rows of such fields.
pub fn field(rows: &[Option<&[u8]>], types: &[PgType], index: usize) -> Result<ArrayRef> {
    let Some(ty) = types.get(index) else {
        return Err(corrupt());
    };
    let mut values = Vec::with_capacity(rows.len());
    for row in rows {
        let mut value = None;
        if let Some(row) = row {
            let (_, mut fields) = parts(row)?;
            for _ in 0..=index {
                value = take(&mut fields)?;
            }
        }
        values.push(value);
    }
    column(&values, *ty)
}

/// All fields of rows, as columns.
///
/// # Errors
/// As [`field`].
pub fn fields(rows: &[Option<&[u8]>], types: &[PgType]) -> Result<Vec<ArrayRef>> {
    let mut values: Vec<Vec<Option<&[u8]>>> = vec![Vec::with_capacity(rows.len()); types.len()];
    for row in rows {
        let mut fields = match row {
            Some(row) => Some(parts(row)?.1),
            None => None,
        };
        for column in &mut values {
            column.push(match &mut fields {
                Some(fields) => take(fields)?,
                None => None,
            });
        }
    }
    values
        .iter()
        .zip(types)
        .map(|(values, ty)| column(values, *ty))
        .collect()
}

fn column(values: &[Option<&[u8]>], ty: PgType) -> Result<ArrayRef> {
    let raw = binary::parse_column(values, raw(ty), PLAIN).map_err(|failure| failure.error)?;
    let raw = fitted(raw, ty).map_err(|(_, error)| error)?;
    said(raw, &ty.data_type())
}

/// Arrays that tell their dimensions, as bytes.
///
/// # Errors
/// `54000` for one that is too long.
pub fn packed_arrays(array: &ArrayRef) -> Result<ArrayRef> {
    let ty = PgType::of_data_type(array.data_type());
    let column = binary::BinaryColumn::new(array.as_ref(), raw(ty), PLAIN)?;
    let mut builder = BinaryBuilder::with_capacity(array.len(), 0);
    let mut value = Vec::new();
    for row in 0..array.len() {
        value.clear();
        match column.write(row, &mut value)? {
            true => builder.append_value(&value),
            false => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// What [`packed_arrays`] packed, of type `ty`.
///
/// # Errors
/// `XX000` if it is something else.
pub fn unpacked_arrays(array: &ArrayRef, ty: PgType) -> Result<ArrayRef> {
    // Rows in memory are as they are.
    if shaped::Arrays::of(array.as_ref()).is_some() {
        return shaped::converted(array, &ty.data_type());
    }
    let column = column(&values(array.as_ref())?, ty)?;
    shaped::converted(&column, &ty.data_type())
}

/// Arrays whose elements say of which type they are, and bytes as they are kept.
fn said(array: ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    if *wanted == DataType::LargeBinary && *array.data_type() == DataType::Binary {
        let values = array.as_binary::<i32>().iter();
        return Ok(Arc::new(values.collect::<LargeBinaryArray>()));
    }
    if let Some(lists) = shaped::elements_type(wanted) {
        let pairs = shaped::widened(&array).map_err(|(_, error)| error)?;
        let elements = said(shaped::flat(&pairs), lists)?;
        return shaped::with_elements(pairs.as_struct(), elements);
    }
    let DataType::List(item) = wanted else {
        return Ok(array);
    };
    let Some(list) = array
        .as_list_opt::<i32>()
        .filter(|_| array.data_type() != wanted)
    else {
        return Ok(array);
    };
    let (_, offsets, elements, nulls) = list.clone().into_parts();
    let elements = said(elements, item.data_type())?;
    ListArray::try_new(item.clone(), offsets, elements, nulls)
        .map(|list| Arc::new(list) as ArrayRef)
        .map_err(|error| Error::internal("reading a row", error))
}

/// How many of a row's fields are NULL.
///
/// # Errors
/// `XX000` if it is no row of so many fields.
pub fn nulls(row: &[u8], fields: usize) -> Result<usize> {
    let (_, mut rest) = parts(row)?;
    let mut nulls = 0;
    for _ in 0..fields {
        nulls += usize::from(take(&mut rest)?.is_none());
    }
    Ok(nulls)
}

/// What of each row compares as the row does.
///
/// # Errors
/// `XX000` if they are no rows.
pub fn keys(array: &dyn Array) -> Result<BinaryArray> {
    values(array)?
        .into_iter()
        .map(|row| row.map(key).transpose())
        .collect()
}
