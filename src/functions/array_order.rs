//! The order of arrays.

use std::cmp::Ordering;

use arrow::array::Array;

use super::arrays::{element_type, extent, flat};
use super::call::Call;
use super::compare::comparator;
use crate::base::Result;
use crate::pg_catalog::Value;

/// The smallest or greatest of several arrays.
pub(super) fn furthest(call: &Call<'_>, row: usize, greatest: bool) -> Result<Value> {
    let mut found: Option<usize> = None;
    for arg in (0..call.len()).filter(|arg| call.array(*arg, row).is_some()) {
        let further = match found {
            None => true,
            Some(found) => match order_of(call, row, arg, found)? {
                Ordering::Greater => greatest,
                Ordering::Less => !greatest,
                Ordering::Equal => false,
            },
        };
        if further {
            found = Some(arg);
        }
    }
    let found = found.and_then(|found| call.raw(found));
    Ok(found.map_or(Value::Null, |arrays| Value::Raw(arrays.slice(row, 1))))
}

/// Arrays in order: by elements, then by their number, then by dimensions and where they start.
pub(super) fn order(call: &Call<'_>, row: usize) -> Result<Ordering> {
    order_of(call, row, 0, 1)
}

/// The order of two arguments.
fn order_of(call: &Call<'_>, row: usize, x: usize, y: usize) -> Result<Ordering> {
    let (Some(a), Some(b)) = (flat(call, x, row), flat(call, y, row)) else {
        return Ok(Ordering::Equal);
    };
    if !a.is_empty() && !b.is_empty() {
        let compare = comparator(&a, &b, element_type(call, x))?;
        for index in 0..a.len().min(b.len()) {
            match compare(index, index) {
                Ordering::Equal => {}
                other => return Ok(other),
            }
        }
    }
    let (x, y) = (extent(call, x, row), extent(call, y, row));
    Ok(a.len()
        .cmp(&b.len())
        .then_with(|| x.sizes.len().cmp(&y.sizes.len()))
        .then_with(|| x.sizes.cmp(&y.sizes))
        .then_with(|| x.lower.cmp(&y.lower)))
}
