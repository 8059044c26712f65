//! Arrays put together: one behind another, and as the elements of one.

use arrow::array::{Array, ArrayRef, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::DataType;

use super::arrays::{extent, failed, made, subscript_error};
use super::call::Call;
use super::gather::{Gathered, Gives, Group};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::shaped::{Arrays, DIMENSIONS_MAX, Extent, is_shaped};

/// `array_agg` of arrays that tell their dimensions.
pub(crate) const OF_ARRAYS: &str = "array_agg of arrays";

pub(super) static AGGREGATES: &[Gathered] = &[Gathered {
    name: OF_ARRAYS,
    types: |types| match types {
        [pairs] if is_shaped(pairs) => Some((types.to_vec(), PgType::TEXT)),
        _ => None,
    },
    gives: Gives::LikeFirst,
    within_group: false,
    finish: accumulated,
}];

/// The second array behind the first; one of a dimension less is an element of the other.
pub(super) fn joined(call: &Call<'_>, row: usize) -> Result<Value> {
    let (a, b) = match (call.array(0, row), call.array(1, row)) {
        (None, None) => return Ok(Value::Null),
        (Some((one, _)), None) => return made(one, extent(call, 0, row)),
        (None, Some((one, _))) => return made(one, extent(call, 1, row)),
        (Some((a, _)), Some((b, _))) => (a, b),
    };
    let (x, y) = (extent(call, 0, row), extent(call, 1, row));
    if x.sizes.is_empty() && !y.sizes.is_empty() {
        return made(b, y);
    }
    if y.sizes.is_empty() {
        return made(a, x);
    }
    let (m, n) = (x.sizes.len(), y.sizes.len());
    let wrong = |detail: String| {
        Err(subscript_error("cannot concatenate incompatible arrays").detail(detail))
    };
    // What both have of the dimensions of the elements.
    let (inner, outer) = (m.min(n), m.max(n));
    let tail = |extent: &Extent, from: usize| {
        (extent.sizes[from..].to_vec(), extent.lower[from..].to_vec())
    };
    let same = match outer - inner {
        0 => tail(&x, 1) == tail(&y, 1),
        1 => tail(&x, m - inner) == tail(&y, n - inner),
        _ => {
            return wrong(format!(
                "Arrays of {m} and {n} dimensions are not compatible for concatenation."
            ));
        }
    };
    if !same {
        let what = if m == n {
            "element dimensions"
        } else {
            "dimensions"
        };
        return wrong(format!(
            "Arrays with differing {what} are not compatible for concatenation."
        ));
    }
    let extent = match m.cmp(&n) {
        std::cmp::Ordering::Less => added(y, 1)?,
        std::cmp::Ordering::Greater => added(x, 1)?,
        std::cmp::Ordering::Equal => added(x, y.sizes[0])?,
    };
    let b = match a.data_type() == b.data_type() {
        true => b,
        false => arrow::compute::cast(&b, a.data_type()).map_err(failed)?,
    };
    made(concat(&[&a, &b]).map_err(failed)?, extent)
}

/// An extent with more places in its first dimension.
fn added(mut extent: Extent, places: usize) -> Result<Extent> {
    extent.sizes[0] = extent.sizes[0].saturating_add(places);
    extent.elements()?;
    Ok(extent)
}

/// Arrays as the elements of one, which has a dimension more.
///
/// # Errors
/// `2202E` if they have other dimensions than each other.
pub(crate) fn together(
    parts: &[(ArrayRef, Extent)],
    item: &DataType,
) -> Result<(ArrayRef, Extent)> {
    let first = parts.first().map(|part| part.1.clone()).unwrap_or_default();
    if parts.iter().any(|(_, extent)| *extent != first) {
        return Err(crate::types::ragged());
    }
    if first.sizes.is_empty() {
        return Ok((new_empty_array(item), Extent::default()));
    }
    let mut extent = first;
    if extent.sizes.len() == DIMENSIONS_MAX {
        return Err(Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!(
                "number of array dimensions ({}) exceeds the maximum allowed ({DIMENSIONS_MAX})",
                DIMENSIONS_MAX + 1
            ),
        ));
    }
    extent.lower.insert(0, 1);
    extent.sizes.insert(0, parts.len());
    extent.elements()?;
    let parts: Vec<&dyn Array> = parts.iter().map(|part| part.0.as_ref()).collect();
    Ok((concat(&parts).map_err(failed)?, extent))
}

fn accumulated(group: &Group<'_>) -> Result<Value> {
    let Some(column) = group.columns.first().filter(|column| !column.is_empty()) else {
        return Ok(Value::Null);
    };
    let Some(arrays) = Arrays::of(column.as_ref()) else {
        return Err(Error::internal("collecting arrays", column.data_type()));
    };
    let mut parts = Vec::with_capacity(column.len());
    let mut first: Option<Extent> = None;
    for row in 0..column.len() {
        if !arrays.is_there(row) {
            return Err(Error::new(
                SqlState::NULL_VALUE_NOT_ALLOWED,
                "cannot accumulate null arrays",
            ));
        }
        let extent = arrays.extent(row);
        if first.is_none() && extent.sizes.is_empty() {
            return Err(subscript_error("cannot accumulate empty arrays"));
        }
        if first.get_or_insert_with(|| extent.clone()) != &extent {
            return Err(subscript_error(
                "cannot accumulate arrays of different dimensionality",
            ));
        }
        parts.push((arrays.elements(row), extent));
    }
    let (elements, extent) = together(&parts, arrays.values().data_type())?;
    made(elements, extent)
}
