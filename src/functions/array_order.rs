//! The order of arrays.

use std::cmp::Ordering;

use arrow::array::Array;

use super::arrays::{dimensions, element_type, flat, list};
use super::call::Call;
use super::compare::comparator;
use crate::base::Result;
use crate::pg_catalog::Value;

/// The smallest or greatest of several arrays.
pub(super) fn furthest(call: &Call<'_>, row: usize, greatest: bool) -> Result<Value> {
    let mut found: Option<usize> = None;
    for arg in (0..call.len()).filter(|arg| call.list(*arg, row).is_some()) {
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
    match found.and_then(|found| call.list(found, row)) {
        Some(elements) => list(elements),
        None => Ok(Value::Null),
    }
}

/// Arrays in order: by elements, then by their number, then by dimensions.
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
    let shape = |arg| dimensions(call.list(arg, row));
    let (x, y) = (shape(x), shape(y));
    Ok(a.len()
        .cmp(&b.len())
        .then_with(|| x.len().cmp(&y.len()))
        .then_with(|| x.cmp(&y)))
}
