//! Parts of arrays: elements and slices.

use arrow::array::{Array, UInt64Array};
use arrow::compute::take;

use super::arrays::{extent, failed, flat, list, made, subscript_error};
use super::call::Call;
use crate::base::Result;
use crate::pg_catalog::Value;
use crate::types::shaped::Extent;

/// `array[i][j]`: NULL where there is no such element, or another number of dimensions.
pub(super) fn subscripted(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(elements) = flat(call, 0, row) else {
        return Ok(Value::Null);
    };
    let places: Option<Vec<i64>> = (1..call.len()).map(|arg| call.int(arg, row)).collect();
    let at = places.and_then(|places| extent(call, 0, row).offset(&places));
    Ok(match at {
        Some(at) if elements.is_valid(at) => Value::Raw(elements.slice(at, 1)),
        _ => Value::Null,
    })
}

/// `array[from:to][from:to]`: dimensions without a subscript stay whole.
pub(super) fn sliced(call: &Call<'_>, row: usize) -> Result<Value> {
    let bounds: Vec<(i64, i64)> = (1..call.len())
        .step_by(2)
        .map(|arg| {
            let (from, to) = (call.int(arg, row), call.int(arg + 1, row));
            (from.unwrap_or(1), to.unwrap_or(0))
        })
        .collect();
    slice(call, row, &bounds)
}

/// The array without so many of its last elements, or last arrays.
pub(super) fn trimmed(call: &Call<'_>, row: usize) -> Result<Value> {
    let extent = extent(call, 0, row);
    let count = extent.sizes.first().copied().unwrap_or(0);
    match usize::try_from(call.int(1, row).unwrap_or(0)) {
        Ok(n) if n <= count => {
            let cut = i64::try_from(n).unwrap_or(i64::MAX);
            let upper = match count {
                0 => return slice(call, row, &[]),
                _ => extent.upper(0) - cut,
            };
            slice(call, row, &[(extent.lower[0].into(), upper)])
        }
        _ => Err(subscript_error(format!(
            "number of elements to trim must be between 0 and {count}"
        ))),
    }
}

fn slice(call: &Call<'_>, row: usize, bounds: &[(i64, i64)]) -> Result<Value> {
    let Some(elements) = flat(call, 0, row) else {
        return Ok(Value::Null);
    };
    let extent = extent(call, 0, row);
    let Some(places) = within(&extent, bounds) else {
        return list(elements.slice(0, 0));
    };
    let sizes = places.iter().map(ExactSizeIterator::len).collect();
    let mut indices: Vec<u64> = vec![0];
    for (places, size) in places.into_iter().zip(&extent.sizes) {
        let size = u64::try_from(*size).unwrap_or(u64::MAX);
        indices = indices
            .iter()
            .flat_map(|index| places.clone().map(move |at| index * size + at as u64))
            .collect();
    }
    let part = take(&elements, &UInt64Array::from(indices), None).map_err(failed)?;
    made(part, Extent::from_one(sizes))
}

/// Which places of each dimension, counted from 0, are within bounds; `None` if there are none.
pub(super) fn within(
    extent: &Extent,
    bounds: &[(i64, i64)],
) -> Option<Vec<std::ops::Range<usize>>> {
    if extent.sizes.is_empty() || bounds.len() > extent.sizes.len() {
        return None;
    }
    (0..extent.sizes.len())
        .map(|dimension| {
            let lower = i64::from(extent.lower[dimension]);
            let (from, to) = match bounds.get(dimension) {
                Some((from, to)) => ((*from).max(lower), (*to).min(extent.upper(dimension))),
                None => (lower, extent.upper(dimension)),
            };
            let start = usize::try_from(from - lower).ok()?;
            let end = usize::try_from(to - lower + 1).ok()?;
            (start < end).then_some(start..end)
        })
        .collect()
}
