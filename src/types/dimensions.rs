//! Dimensions of arrays. PostgreSQL has one type for arrays however many they have, and each value
//! says for itself; Arrow's lists of lists have as many as their type. A column holds arrays of as
//! many dimensions as it was declared with, and empty ones, until it is given others: see
//! [`super::shaped`].

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, new_empty_array};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};

use super::PgType;
use super::shaped::{ANY_DIMENSIONS, is_shaped, refitted};
use crate::base::{Error, SqlState};

/// Dimensions of an Arrow array type; 0 for no array, [`ANY_DIMENSIONS`] where each value has its
/// own.
pub fn dimensions(data_type: &DataType) -> usize {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) => 1 + dimensions(item.data_type()),
        pairs if is_shaped(pairs) => ANY_DIMENSIONS,
        _ => 0,
    }
}

/// The type of lists, another dimension around `lists`.
pub(super) fn around(lists: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", lists, true)))
}

/// `array`, of lists of some dimensions or none, with as many as a column of type `to` holds.
///
/// # Errors
/// `0A000` for arrays that have more or fewer, `2202E` for such that hold arrays of different
/// lengths, with the row of the first of them.
pub fn fitted(array: ArrayRef, to: PgType) -> Result<ArrayRef, (usize, Error)> {
    let target = to.data_type();
    if is_shaped(array.data_type()) || is_shaped(&target) {
        return refitted(&array, &target).map_err(|(row, error)| {
            let beyond = error.fields().beyond_lists.is_some();
            (
                row,
                if beyond {
                    error.beyond_lists(to.oid)
                } else {
                    error
                },
            )
        });
    }
    let (found, wanted) = (dimensions(array.data_type()), dimensions(&target));
    let Some(lists) = array.as_list_opt::<i32>() else {
        return Ok(array);
    };
    if found == wanted {
        let wrong = (0..lists.len()).find(|row| !is_rectangular(lists, *row));
        return wrong.map_or(Ok(array.clone()), |row| Err((row, ragged())));
    }
    let DataType::List(item) = &target else {
        return Ok(array);
    };
    let filled = |row: &usize| lists.is_valid(*row) && lists.value_length(*row) > 0;
    if let Some(row) = (0..lists.len()).find(filled) {
        let brackets = "[]".repeat(found);
        let element = to.element().unwrap_or(to);
        let error = Error::unsupported(format!(
            "storing an array of {found} dimensions in a column declared with {wanted}"
        ))
        .hint(format!("Declare the column as {element}{brackets}."))
        .beyond_lists(to.oid);
        return Err((row, error));
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0; lists.len() + 1]));
    let values = new_empty_array(item.data_type());
    ListArray::try_new(Arc::clone(item), offsets, values, lists.nulls().cloned())
        .map(|list| Arc::new(list) as ArrayRef)
        .map_err(|error| (0, Error::internal("making empty arrays", error)))
}

/// Whether the arrays in an array are as long as each other, and none of them is NULL.
pub fn is_rectangular(lists: &ListArray, row: usize) -> bool {
    let Some(inner) = lists.values().as_list_opt::<i32>() else {
        return true;
    };
    let mut sizes = Vec::new();
    lists.is_null(row) || fill(inner, held(lists, row..row + 1), 0, &mut sizes)
}

/// What arrays in an array that are not as long as each other are refused with.
pub fn ragged() -> Error {
    Error::new(
        SqlState::ARRAY_SUBSCRIPT_ERROR,
        "multidimensional arrays must have array expressions with matching dimensions",
    )
}

/// What the lists of `rows`, which stand behind each other, hold together.
pub fn held(lists: &ListArray, rows: Range<usize>) -> Range<usize> {
    let offsets = lists.value_offsets();
    let index = |at: usize| usize::try_from(offsets[at]).unwrap_or(0);
    index(rows.start)..index(rows.end)
}

/// The elements of an array's elements and so on, whatever its dimensions.
pub fn flattened(mut array: ArrayRef) -> ArrayRef {
    while let Some(lists) = array.as_list_opt::<i32>() {
        let inside = held(lists, 0..lists.len());
        array = lists.values().slice(inside.start, inside.len());
    }
    array
}

/// Whether the lists of `rows` have the size found at their depth, which the first of them sets.
fn fill(lists: &ListArray, rows: Range<usize>, depth: usize, sizes: &mut Vec<usize>) -> bool {
    rows.into_iter().all(|row| {
        let inside = held(lists, row..row + 1);
        if sizes.len() == depth {
            sizes.push(inside.len());
        }
        lists.is_valid(row)
            && inside.len() == sizes[depth]
            && lists
                .values()
                .as_list_opt::<i32>()
                .is_none_or(|inner| fill(inner, inside, depth + 1, sizes))
    })
}
