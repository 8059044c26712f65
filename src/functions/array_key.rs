//! Keys of arrays that Arrow does not compare as PostgreSQL does: those whose elements need keys of
//! their own, and those of several dimensions.
//!
//! PostgreSQL compares arrays by their elements in turn, a NULL after every other; then by how many
//! there are, by the number of dimensions, by their lengths, and by where they start.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryBuilder};
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};

use super::compare::{comparable, numeric_keys};
use crate::base::{Error, Result};
use crate::types::PgType;
use crate::types::shaped::{Arrays, innermost, is_shaped};

/// What comes before an element that is there, before one that is NULL, and after the last.
const END: u8 = 0;
const VALUE: u8 = 1;
const NULL: u8 = 2;

/// Whether arrays of this type are compared by keys.
pub(crate) fn has_array_key(array: &DataType) -> bool {
    if is_shaped(array) {
        return true;
    }
    let DataType::List(item) = array else {
        return false;
    };
    match item.data_type() {
        DataType::List(_)
        | DataType::LargeUtf8
        | DataType::LargeBinary
        | DataType::Decimal256(..)
        | DataType::Interval(_)
        | DataType::Float32
        | DataType::Float64 => true,
        _ => {
            let element = PgType::of_field(item);
            [PgType::JSONB, PgType::TSQUERY].contains(&element) || element.is_composite()
        }
    }
}

/// Bytes that compare as the arrays do, of elements of a type that the arrays may not say.
pub(crate) fn keys(arrays: &ArrayRef, element: Option<PgType>) -> Result<ArrayRef> {
    let Some(lists) = Arrays::of(arrays.as_ref()) else {
        return Err(Error::internal("comparing arrays", arrays.data_type()));
    };
    let element = match (element, innermost(arrays.data_type())) {
        (Some(element), _) => element,
        (None, Some(item)) => PgType::of_field(item),
        (None, None) => PgType::TEXT,
    };
    let elements = match lists.values().data_type() {
        // Arrays of other scales may be compared with these.
        DataType::Decimal128(..) => numeric_keys(lists.values())?,
        _ => comparable(lists.values(), element)?,
    };
    let options = SortOptions::default().asc();
    let field = SortField::new_with_options(elements.data_type().clone(), options);
    let rows = RowConverter::new(vec![field])
        .and_then(|converter| converter.convert_columns(std::slice::from_ref(&elements)))
        .map_err(|error| Error::internal("comparing arrays", error))?;
    let mut builder = BinaryBuilder::with_capacity(arrays.len(), elements.len() * 8);
    let mut key = Vec::new();
    for row in 0..arrays.len() {
        if !lists.is_there(row) {
            builder.append_null();
            continue;
        }
        key.clear();
        for element in lists.places(row) {
            if elements.is_null(element) {
                key.push(NULL);
            } else {
                key.push(VALUE);
                key.extend_from_slice(rows.row(element).as_ref());
            }
        }
        key.push(END);
        // An array without elements has no dimensions.
        let extent = lists.extent(row);
        key.push(u8::try_from(extent.sizes.len()).unwrap_or(u8::MAX));
        for size in &extent.sizes {
            key.extend_from_slice(&(*size as u64).to_be_bytes());
        }
        for lower in &extent.lower {
            key.extend_from_slice(&(lower ^ i32::MIN).to_be_bytes());
        }
        builder.append_value(&key);
    }
    Ok(Arc::new(builder.finish()))
}
