//! Arrays with elements of theirs replaced: `UPDATE t SET a[1] = 2, b[1:2] = '{1,2}'`.
//!
//! An array starts at 1 here. PostgreSQL would start a new array at the first place something is
//! put in, or move the start of one that is there; that is refused.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, concat, interleave};
use arrow::datatypes::{DataType, FieldRef, Int32Type};
use datafusion::common::DataFusionError;

use super::Result;
use super::computed::Computed;
use crate::base::{Error, SqlState};
use crate::engine::scope::external;

pub(super) const LIST: &[Computed] = &[
    // array, value, subscripts…
    Computed {
        name: "array_set_element",
        returns: None,
        body: |args| rows(args, element),
    },
    // array, values, from, to: NULL where it was not written
    Computed {
        name: "array_set_slice",
        returns: None,
        body: |args| rows(args, slice),
    },
];

/// Elements an array may be made longer to have: each place between is filled.
const ELEMENTS_MAX: i64 = 1_000_000;

/// The elements of one row, what is put in, and where.
type One = fn(&ArrayRef, &ArrayRef, &[Option<i64>]) -> Result<ArrayRef>;

fn wrong(state: SqlState, message: &str) -> DataFusionError {
    external(Error::new(state, message))
}

fn rows(args: &[ArrayRef], one: One) -> Result<ArrayRef> {
    let DataType::List(item) = args[0].data_type() else {
        return Ok(args[0].clone());
    };
    let lists = args[0].as_list::<i32>();
    let subscripts = args[2..]
        .iter()
        .map(|array| cast(array, &DataType::Int32))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let mut made = Vec::with_capacity(lists.len());
    for row in 0..lists.len() {
        let elements = match lists.is_valid(row) {
            true => lists.value(row),
            false => arrow::array::new_empty_array(item.data_type()),
        };
        let places: Vec<Option<i64>> = subscripts
            .iter()
            .map(|array| {
                let array = array.as_primitive::<Int32Type>();
                array.is_valid(row).then(|| array.value(row).into())
            })
            .collect();
        made.push(one(&elements, &args[1].slice(row, 1), &places)?);
    }
    list_of(item, &made)
}

fn list_of(item: &FieldRef, parts: &[ArrayRef]) -> Result<ArrayRef> {
    let lengths = OffsetBuffer::from_lengths(parts.iter().map(|part| part.len()));
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    let values = match parts.is_empty() {
        true => arrow::array::new_empty_array(item.data_type()),
        false => concat(&parts)?,
    };
    let values = match values.data_type() == item.data_type() {
        true => values,
        false => cast(&values, item.data_type())?,
    };
    Ok(Arc::new(ListArray::try_new(
        item.clone(),
        lengths,
        values,
        None,
    )?))
}

/// A place from 0, within an array or behind it.
fn place(subscript: i64) -> Result<usize> {
    if subscript < 1 {
        return Err(external(Error::unsupported(
            "an array whose lower bound is not 1",
        )));
    }
    if subscript > ELEMENTS_MAX {
        return Err(wrong(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            "array size exceeds the maximum allowed (1000000)",
        ));
    }
    Ok(usize::try_from(subscript - 1).unwrap_or(usize::MAX))
}

/// `elements` with `values` from `at` on; what lies between is NULL.
fn put(elements: &ArrayRef, at: usize, values: &ArrayRef) -> Result<ArrayRef> {
    let values = cast(values, elements.data_type())?;
    if elements.is_empty() && at > 0 {
        return Err(external(Error::unsupported(
            "an array whose lower bound is not 1",
        )));
    }
    let nothing = new_null_array(elements.data_type(), 1);
    let length = elements.len().max(at + values.len());
    let indices: Vec<(usize, usize)> = (0..length)
        .map(|index| {
            if (at..at + values.len()).contains(&index) {
                (1, index - at)
            } else if index < elements.len() {
                (0, index)
            } else {
                (2, 0)
            }
        })
        .collect();
    let sources: [&dyn Array; 3] = [elements.as_ref(), values.as_ref(), nothing.as_ref()];
    Ok(interleave(&sources, &indices)?)
}

fn element(elements: &ArrayRef, value: &ArrayRef, places: &[Option<i64>]) -> Result<ArrayRef> {
    let places = places
        .iter()
        .map(|place| {
            place.ok_or_else(|| {
                wrong(
                    SqlState::NULL_VALUE_NOT_ALLOWED,
                    "array subscript in assignment must not be null",
                )
            })
        })
        .collect::<Result<Vec<i64>>>()?;
    within(elements, value, &places)
}

fn within(elements: &ArrayRef, value: &ArrayRef, places: &[i64]) -> Result<ArrayRef> {
    let wrong_number = || {
        wrong(
            SqlState::ARRAY_SUBSCRIPT_ERROR,
            "wrong number of array subscripts",
        )
    };
    let (first, rest) = match places {
        [] => return Err(wrong_number()),
        [first] => (*first, &places[1..]),
        [first, rest @ ..] => (*first, rest),
    };
    let nested = elements.as_list_opt::<i32>();
    if rest.is_empty() {
        // An element of several dimensions is no element.
        return match nested {
            Some(_) => Err(wrong_number()),
            None => put(elements, place(first)?, value),
        };
    }
    let (Some(lists), DataType::List(item)) = (nested, elements.data_type()) else {
        if elements.is_empty() {
            return Err(external(Error::unsupported(
                "assigning to an element of an empty array of several dimensions",
            )));
        }
        return Err(wrong_number());
    };
    let at = usize::try_from(first - 1)
        .ok()
        .filter(|at| *at < lists.len());
    let Some(at) = at else {
        return Err(wrong(
            SqlState::ARRAY_SUBSCRIPT_ERROR,
            "array subscript out of range",
        ));
    };
    let inner = lists.value(at);
    let last = rest.len() == 1;
    if last && (rest[0] < 1 || usize::try_from(rest[0]).is_ok_and(|to| to > inner.len())) {
        return Err(wrong(
            SqlState::ARRAY_SUBSCRIPT_ERROR,
            "array subscript out of range",
        ));
    }
    let changed = within(&inner, value, rest)?;
    let changed = list_of(item, &[changed])?;
    let sources: [&dyn Array; 2] = [elements.as_ref(), changed.as_ref()];
    let indices: Vec<(usize, usize)> = (0..lists.len())
        .map(|index| if index == at { (1, 0) } else { (0, index) })
        .collect();
    Ok(interleave(&sources, &indices)?)
}

fn slice(elements: &ArrayRef, values: &ArrayRef, places: &[Option<i64>]) -> Result<ArrayRef> {
    if values.is_null(0) {
        return Ok(elements.clone());
    }
    let [from, to] = places else {
        return Err(external(Error::unsupported(
            "assigning to a slice of several dimensions",
        )));
    };
    if elements.is_empty() && (from.is_none() || to.is_none()) {
        return Err(wrong(
            SqlState::ARRAY_SUBSCRIPT_ERROR,
            "array slice subscript must provide both boundaries",
        ));
    }
    if elements.as_list_opt::<i32>().is_some() {
        return Err(external(Error::unsupported(
            "assigning to a slice of an array of several dimensions",
        )));
    }
    let length = i64::try_from(elements.len()).unwrap_or(i64::MAX);
    let (from, to) = (from.unwrap_or(1), to.unwrap_or(length));
    if from > to {
        return Err(wrong(
            SqlState::ARRAY_SUBSCRIPT_ERROR,
            "upper bound cannot be less than lower bound",
        ));
    }
    let source = values.as_list::<i32>().value(0);
    let wanted = usize::try_from(to - from + 1).unwrap_or(usize::MAX);
    if source.len() < wanted {
        return Err(wrong(
            SqlState::ARRAY_SUBSCRIPT_ERROR,
            "source array too small",
        ));
    }
    put(elements, place(from)?, &source.slice(0, wanted))
}
