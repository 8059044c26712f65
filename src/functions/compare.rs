//! Comparing the values of two columns as PostgreSQL does.

use std::sync::Arc;

use arrow::array::{ArrayRef, DynComparator, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;

use crate::base::{Error, Result};
use crate::types::numerics;

fn failed(error: arrow::error::ArrowError) -> Error {
    Error::internal("comparing", error)
}

/// Compares a row of `a` with a row of `b`; NULLs are last.
pub(super) fn comparator(a: &ArrayRef, b: &ArrayRef) -> Result<DynComparator> {
    let (a, b) = comparable(a, b)?;
    let options = SortOptions {
        descending: false,
        nulls_first: false,
    };
    make_comparator(&a, &b, options).map_err(failed)
}

/// Two columns as values of one type that compare as PostgreSQL's do.
pub(super) fn comparable(a: &ArrayRef, b: &ArrayRef) -> Result<(ArrayRef, ArrayRef)> {
    if [a.data_type(), b.data_type()].contains(&&DataType::LargeUtf8) {
        let (a, b) = (numerics::keys(a)?, numerics::keys(b)?);
        return Ok((Arc::new(a), Arc::new(b)));
    }
    let b = match a.data_type() == b.data_type() {
        true => b.clone(),
        false => arrow::compute::cast(b, a.data_type()).map_err(failed)?,
    };
    Ok((a.clone(), b))
}
