//! Arrays with elements of theirs replaced: `UPDATE t SET a[1] = 2, b[1:2] = '{1,2}'`.
//!
//! An array grows where something is put outside of it, if it has one dimension, also to the left:
//! then it starts there. An empty one begins where the first thing is put.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::compute::{cast, interleave};
use arrow::datatypes::{DataType, Int32Type};
use datafusion::common::DataFusionError;

use super::Result;
use super::computed::Computed;
use crate::base::{Error, SqlState};
use crate::engine::scope::external;
use crate::types::shaped::{Arrays, ELEMENTS_MAX, Extent, collected, innermost, too_large};

pub(super) const LIST: &[Computed] = &[
    // array, value, subscripts…
    Computed {
        name: "array_set_element",
        returns: None,
        body: |args| rows(args, element),
    },
    // array, values, from, to: the least and the greatest integer where it was not written
    Computed {
        name: "array_set_slice",
        returns: None,
        body: |args| rows(args, slice),
    },
];

/// An array of one row.
type Array1 = (ArrayRef, Extent);

/// The array of one row, what is put in, and where; `None` is NULL.
type One = fn(Option<Array1>, &ArrayRef, &[i64], &DataType) -> Result<Option<Array1>>;

fn wrong(state: SqlState, message: &str) -> DataFusionError {
    external(Error::new(state, message))
}

fn subscript_error(message: &str) -> DataFusionError {
    wrong(SqlState::ARRAY_SUBSCRIPT_ERROR, message)
}

fn rows(args: &[ArrayRef], one: One) -> Result<ArrayRef> {
    let (Some(arrays), Some(item)) = (Arrays::of(args[0].as_ref()), innermost(args[0].data_type()))
    else {
        return Ok(args[0].clone());
    };
    let subscripts = args[2..]
        .iter()
        .map(|array| cast(array, &DataType::Int32))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let mut made = Vec::with_capacity(args[0].len());
    for row in 0..args[0].len() {
        let array = arrays
            .is_there(row)
            .then(|| (arrays.elements(row), arrays.extent(row)));
        let places = subscripts
            .iter()
            .map(|array| {
                let array = array.as_primitive::<Int32Type>();
                array.is_valid(row).then(|| array.value(row).into())
            })
            .collect::<Option<Vec<i64>>>();
        let Some(places) = places else {
            return Err(wrong(
                SqlState::NULL_VALUE_NOT_ALLOWED,
                "array subscript in assignment must not be null",
            ));
        };
        made.push(one(
            array,
            &args[1].slice(row, 1),
            &places,
            item.data_type(),
        )?);
    }
    collected(item, &made).map_err(external)
}

fn integer(place: i64) -> i32 {
    i32::try_from(place).unwrap_or(i32::MAX)
}

/// An array of one dimension made to reach over `from` to `to`: its elements are the first source,
/// NULL is the third.
fn grown(extent: &mut Extent, from: i64, to: i64) -> Result<Vec<(usize, usize)>> {
    let (lower, upper) = (i64::from(extent.lower[0]), extent.upper(0));
    let (first, last) = (from.min(lower), to.max(upper));
    let size = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
    if size > ELEMENTS_MAX {
        return Err(external(too_large()));
    }
    extent.lower[0] = integer(first);
    extent.sizes[0] = size;
    extent.elements().map_err(external)?;
    Ok((first..=last)
        .map(|place| match usize::try_from(place - lower) {
            Ok(at) if place <= upper => (0, at),
            _ => (2, 0),
        })
        .collect())
}

fn put(
    elements: &ArrayRef,
    values: &ArrayRef,
    indices: &[(usize, usize)],
    item: &DataType,
) -> Result<ArrayRef> {
    let values = cast(values, item)?;
    let nothing = new_null_array(item, 1);
    let sources: [&dyn Array; 3] = [elements.as_ref(), values.as_ref(), nothing.as_ref()];
    Ok(interleave(&sources, indices)?)
}

fn element(
    array: Option<Array1>,
    value: &ArrayRef,
    places: &[i64],
    item: &DataType,
) -> Result<Option<Array1>> {
    let (elements, mut extent) = match array {
        Some((elements, extent)) if !extent.sizes.is_empty() => (elements, extent),
        // One that begins, and ends, there.
        _ => {
            let extent = Extent {
                lower: places.iter().map(|place| integer(*place)).collect(),
                sizes: vec![1; places.len()],
            };
            extent.elements().map_err(external)?;
            return Ok(Some((cast(value, item)?, extent)));
        }
    };
    if extent.sizes.len() != places.len() {
        return Err(subscript_error("wrong number of array subscripts"));
    }
    let mut indices = match places {
        [place] => grown(&mut extent, *place, *place)?,
        _ => (0..elements.len()).map(|at| (0, at)).collect(),
    };
    let Some(at) = extent.offset(places) else {
        return Err(subscript_error("array subscript out of range"));
    };
    indices[at] = (1, 0);
    Ok(Some((put(&elements, value, &indices, item)?, extent)))
}

fn slice(
    array: Option<Array1>,
    values: &ArrayRef,
    places: &[i64],
    item: &DataType,
) -> Result<Option<Array1>> {
    let source = match Arrays::of(values.as_ref()) {
        Some(arrays) if arrays.is_there(0) => arrays.elements(0),
        // NULL changes nothing.
        _ => return Ok(array),
    };
    let written = |place: i64| place != i64::from(i32::MIN) && place != i64::from(i32::MAX);
    let mut bounds: Vec<(i64, i64)> = places.chunks(2).map(|pair| (pair[0], pair[1])).collect();
    let too_small = || subscript_error("source array too small");
    let (elements, mut extent) = match array {
        Some((elements, extent)) if !extent.sizes.is_empty() => (elements, extent),
        _ => {
            if !places.iter().all(|place| written(*place)) {
                return Err(external(
                    Error::new(
                        SqlState::ARRAY_SUBSCRIPT_ERROR,
                        "array slice subscript must provide both boundaries",
                    )
                    .detail(
                        "When assigning to a slice of an empty array value, slice boundaries must \
                         be fully specified.",
                    ),
                ));
            }
            return begun(&bounds, &source, item);
        }
    };
    if extent.sizes.len() < bounds.len() {
        return Err(subscript_error("wrong number of array subscripts"));
    }
    for dimension in 0..extent.sizes.len() {
        let (lower, upper) = (i64::from(extent.lower[dimension]), extent.upper(dimension));
        let Some((from, to)) = bounds.get_mut(dimension) else {
            bounds.push((lower, upper));
            continue;
        };
        if *from == i64::from(i32::MIN) {
            *from = lower;
        }
        if *to == i64::from(i32::MAX) {
            *to = upper;
        }
        if from > to {
            return Err(subscript_error(
                "upper bound cannot be less than lower bound",
            ));
        }
        if extent.sizes.len() > 1 && (*from < lower || *to > upper) {
            return Err(subscript_error("array subscript out of range"));
        }
    }
    let mut indices = match bounds.as_slice() {
        [(from, to)] => grown(&mut extent, *from, *to)?,
        _ => (0..elements.len()).map(|at| (0, at)).collect(),
    };
    let mut replaced: Vec<usize> = vec![0];
    for (dimension, (from, to)) in bounds.iter().enumerate() {
        let lower = i64::from(extent.lower[dimension]);
        let places = (*from..=*to).filter_map(|place| usize::try_from(place - lower).ok());
        let places: Vec<usize> = places.collect();
        let size = extent.sizes[dimension];
        replaced = replaced
            .iter()
            .flat_map(|at| places.iter().map(move |place| at * size + place))
            .collect();
    }
    if source.len() < replaced.len() {
        return Err(too_small());
    }
    for (from, at) in replaced.into_iter().enumerate() {
        indices[at] = (1, from);
    }
    Ok(Some((put(&elements, &source, &indices, item)?, extent)))
}

/// An array that was empty, from a slice of it on.
fn begun(bounds: &[(i64, i64)], source: &ArrayRef, item: &DataType) -> Result<Option<Array1>> {
    let mut extent = Extent::default();
    for (from, to) in bounds {
        extent.lower.push(integer(*from));
        let size = usize::try_from(to - from + 1).map_err(|_| external(too_large()))?;
        extent.sizes.push(size);
    }
    let wanted = extent.elements().map_err(external)?;
    if source.len() < wanted {
        return Err(subscript_error("source array too small"));
    }
    if wanted == 0 {
        extent = Extent::default();
    }
    let elements: ArrayRef = Arc::clone(source).slice(0, wanted);
    Ok(Some((cast(&elements, item)?, extent)))
}
