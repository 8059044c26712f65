//! Keys of arrays that Arrow does not compare as PostgreSQL does: those whose elements need keys of
//! their own, and those of several dimensions.
//!
//! PostgreSQL compares arrays by their elements in turn, a NULL after every other; then by how many
//! there are, by the number of dimensions, and by their lengths.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder};
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};

use super::compare::{comparable, numeric_keys};
use crate::base::{Error, Result};
use crate::types::{PgType, held};

/// What comes before an element that is there, before one that is NULL, and after the last.
const END: u8 = 0;
const VALUE: u8 = 1;
const NULL: u8 = 2;

/// Whether arrays of this type are compared by keys.
pub(crate) fn has_array_key(array: &DataType) -> bool {
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
            element.oid == PgType::JSONB.oid || element.is_composite()
        }
    }
}

/// Bytes that compare as the arrays do, of elements of a type that the arrays may not say.
pub(crate) fn keys(arrays: &ArrayRef, element: Option<PgType>) -> Result<ArrayRef> {
    let arrays = arrays.as_list::<i32>();
    let mut levels = vec![arrays];
    while let Some(inner) = levels.last().and_then(|last| last.values().as_list_opt()) {
        levels.push(inner);
    }
    let innermost = levels.last().copied().unwrap_or(arrays);
    let element = match (element, innermost.data_type()) {
        (Some(element), _) => element,
        (None, DataType::List(item)) => PgType::of_field(item),
        (None, _) => PgType::TEXT,
    };
    let elements = match innermost.value_type() {
        // Arrays of other scales may be compared with these.
        DataType::Decimal128(..) => numeric_keys(innermost.values())?,
        _ => comparable(innermost.values(), element)?,
    };
    let options = SortOptions::default().asc();
    let field = SortField::new_with_options(elements.data_type().clone(), options);
    let rows = RowConverter::new(vec![field])
        .and_then(|converter| converter.convert_columns(std::slice::from_ref(&elements)))
        .map_err(|error| Error::internal("comparing arrays", error))?;
    let mut builder = BinaryBuilder::with_capacity(arrays.len(), elements.len() * 8);
    let mut key = Vec::new();
    for row in 0..arrays.len() {
        if arrays.is_null(row) {
            builder.append_null();
            continue;
        }
        key.clear();
        let mut inside = row..row + 1;
        let mut sizes: Vec<usize> = Vec::with_capacity(levels.len());
        for lists in &levels {
            let parents = inside.len();
            inside = held(lists, inside);
            sizes.push(inside.len() / parents.max(1));
        }
        for element in inside.clone() {
            if elements.is_null(element) {
                key.push(NULL);
            } else {
                key.push(VALUE);
                key.extend_from_slice(rows.row(element).as_ref());
            }
        }
        key.push(END);
        // An array without elements has no dimensions.
        if !inside.is_empty() {
            key.push(u8::try_from(sizes.len()).unwrap_or(u8::MAX));
            for size in sizes {
                key.extend_from_slice(&(size as u64).to_be_bytes());
            }
        }
        builder.append_value(&key);
    }
    Ok(Arc::new(builder.finish()))
}
