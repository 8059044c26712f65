//! Arrays: sizes, elements, slices, searching, changing, comparing.
//!
//! An array is a list, of lists where it has several dimensions, or tells its dimensions beside its
//! elements (see [`crate::types::shaped`]); here it is its elements and its [`Extent`].

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, ListArray, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{concat, filter, kernels::cmp, not, take};
use arrow::datatypes::{DataType, Field};

use super::array_part;
use super::call::short::{ANYARRAY, ELEMENT, INT, INTS};
use super::call::{Call, functions};
use super::compare::{both_comparable, comparator};
use super::resolve::Returns;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::shaped::{self, ELEMENTS_MAX, Extent, collected, too_large};

const SAME: Returns = Returns::Like(0);

functions! { pub(super) LIST:
    "array_length" Immutable { (ANYARRAY, INT) -> PgType::INT4, strict, length; }
    "array_upper" Immutable {
        (ANYARRAY, INT) -> PgType::INT4, strict, |call, row| {
            Ok(dimension(call, row, Extent::upper))
        };
    }
    "array_lower" Immutable {
        (ANYARRAY, INT) -> PgType::INT4, strict, |call, row| {
            Ok(dimension(call, row, |extent, at| extent.lower[at].into()))
        };
    }
    "cardinality" Immutable {
        (ANYARRAY) -> PgType::INT4, strict, |call, row| {
            Ok(int(flat(call, 0, row).map_or(0, |all| all.len())))
        };
    }
    "array_ndims" Immutable {
        (ANYARRAY) -> PgType::INT4, strict, |call, row| {
            Ok(match extent(call, 0, row).sizes.len() {
                0 => Value::Null,
                count => int(count),
            })
        };
    }
    "array_dims" Immutable {
        (ANYARRAY) -> PgType::TEXT, strict, |call, row| {
            let extent = extent(call, 0, row);
            Ok(match extent.sizes.is_empty() {
                true => Value::Null,
                false => extent.shown().into(),
            })
        };
    }
    "array_append" Immutable {
        (ANYARRAY, ELEMENT) => SAME, loose, |call, row| appended(call, row, 0, 1, false);
    }
    "array_prepend" Immutable {
        (ELEMENT, ANYARRAY) => Returns::Like(1), loose, |call, row| appended(call, row, 1, 0, true);
    }
    "array_cat" Immutable { (ANYARRAY, ANYARRAY) => Returns::Deepest, loose, super::array_join::joined; }
    "array_position" Immutable {
        (ANYARRAY, ELEMENT) -> PgType::INT4, loose, position;
        (ANYARRAY, ELEMENT, INT) -> PgType::INT4, loose, position;
    }
    "array_positions" Immutable {
        (ANYARRAY, ELEMENT) -> PgType::of(1007), loose, |call, row| {
            if call.null(0, row) {
                return Ok(Value::Null);
            }
            Ok(Value::List(positions(call, row)?.into_iter().map(Value::Int).collect()))
        };
    }
    "array_remove" Immutable { (ANYARRAY, ELEMENT) => SAME, loose, removed; }
    "array_replace" Immutable { (ANYARRAY, ELEMENT, ELEMENT) => SAME, loose, replaced; }
    "trim_array" Immutable { (ANYARRAY, INT) => SAME, strict, array_part::trimmed; }
    "array_fill" Immutable {
        (ELEMENT, INTS) => Returns::AnyArrayOf(0), loose, filled;
        (ELEMENT, INTS, INTS) => Returns::AnyArrayOf(0), loose, filled;
    }
    "subscript" Immutable {
        (ANYARRAY, INT) variadic => Returns::ElementOf(0), strict, array_part::subscripted;
    }
    "greatest array" Immutable {
        (ANYARRAY) variadic => SAME, loose, |call, row| super::array_order::furthest(call, row, true);
    }
    "least array" Immutable {
        (ANYARRAY) variadic => SAME, loose, |call, row| super::array_order::furthest(call, row, false);
    }
    "slice" Immutable { (ANYARRAY, INT) variadic => SAME, strict, array_part::sliced; }
    "@>" Immutable {
        (ANYARRAY, ANYARRAY) -> PgType::BOOL, strict, |call, row| contains(call, row, 0, 1);
        (super::call::short::JSONB, super::call::short::JSONB) -> PgType::BOOL, strict, |call, row| {
            super::jsonb::contains(call, row, 0, 1)
        };
    }
    "<@" Immutable {
        (ANYARRAY, ANYARRAY) -> PgType::BOOL, strict, |call, row| contains(call, row, 1, 0);
        (super::call::short::JSONB, super::call::short::JSONB) -> PgType::BOOL, strict, |call, row| {
            super::jsonb::contains(call, row, 1, 0)
        };
    }
    "&&" Immutable {
        (ANYARRAY, ANYARRAY) -> PgType::BOOL, strict, |call, row| {
            let (Some(a), Some(b)) = (flat(call, 0, row), flat(call, 1, row)) else {
                return Ok(false.into());
            };
            let compare = comparator(&a, &b, element_type(call, 0))?;
            let found = (0..a.len()).any(|i| {
                a.is_valid(i) && (0..b.len()).any(|j| b.is_valid(j) && compare(i, j).is_eq())
            });
            Ok(found.into())
        };
    }
}

pub(super) fn int(value: usize) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

pub(super) fn failed(error: arrow::error::ArrowError) -> Error {
    Error::internal("working on an array", error)
}

pub(super) fn subscript_error(what: impl Into<String>) -> Error {
    Error::new(SqlState::ARRAY_SUBSCRIPT_ERROR, what.into())
}

/// The dimensions of an argument; none if it is NULL.
pub(super) fn extent(call: &Call<'_>, arg: usize, row: usize) -> Extent {
    let mut extent = call
        .array(arg, row)
        .map_or_else(Extent::default, |one| one.1);
    // Vectors of system relations count from 0.
    let vectors = [PgType::INT2VECTOR.oid, PgType::OIDVECTOR.oid];
    if call.ty(arg).is_some_and(|ty| vectors.contains(&ty.oid)) {
        extent.lower.fill(0);
    }
    extent
}

/// What is to be said of the dimension of the first argument that the second names.
fn dimension(call: &Call<'_>, row: usize, say: fn(&Extent, usize) -> i64) -> Value {
    let dimension = call.int(1, row).and_then(|n| usize::try_from(n - 1).ok());
    let extent = extent(call, 0, row);
    match dimension.filter(|at| *at < extent.sizes.len()) {
        Some(at) => Value::Int(say(&extent, at)),
        None => Value::Null,
    }
}

fn length(call: &Call<'_>, row: usize) -> Result<Value> {
    let size = |extent: &Extent, at: usize| i64::try_from(extent.sizes[at]).unwrap_or(i64::MAX);
    Ok(dimension(call, row, size))
}

/// The places of the dimension of the first argument that the second names.
pub(super) fn places(call: &Call<'_>, row: usize) -> std::ops::Range<i64> {
    match (
        dimension(call, row, |extent, at| extent.lower[at].into()),
        dimension(call, row, Extent::upper),
    ) {
        (Value::Int(lower), Value::Int(upper)) => lower..upper + 1,
        _ => 0..0,
    }
}

/// The elements of all dimensions.
pub(super) fn flat(call: &Call<'_>, arg: usize, row: usize) -> Option<ArrayRef> {
    call.array(arg, row).map(|one| one.0)
}

/// A list of these elements as a value.
pub(super) fn list(elements: ArrayRef) -> Result<Value> {
    if elements.len() > ELEMENTS_MAX {
        return Err(too_large());
    }
    let field = Field::new("item", elements.data_type().clone(), true);
    let offsets = OffsetBuffer::from_lengths([elements.len()]);
    let list = ListArray::try_new(field.into(), offsets, elements, None).map_err(failed)?;
    Ok(Value::Raw(Arc::new(list)))
}

/// An array of these elements with these dimensions.
pub(super) fn made(elements: ArrayRef, extent: Extent) -> Result<Value> {
    if extent.sizes.len() <= 1 && extent.starts_at_one() {
        return list(elements);
    }
    extent.elements()?;
    let field = Field::new("item", elements.data_type().clone(), true).into();
    collected(&field, &[Some((elements, extent))]).map(Value::Raw)
}

/// The only value of an element argument.
fn element(call: &Call<'_>, arg: usize, row: usize, like: &DataType) -> Result<ArrayRef> {
    match call.raw(arg) {
        Some(array) if !call.null(arg, row) => {
            let value = array.slice(row, 1);
            match value.data_type() == like {
                true => Ok(value),
                false => arrow::compute::cast(&value, like).map_err(failed),
            }
        }
        _ => Ok(new_null_array(like, 1)),
    }
}

fn out_of_range() -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range")
}

pub(super) fn appended(
    call: &Call<'_>,
    row: usize,
    array: usize,
    value: usize,
    before: bool,
) -> Result<Value> {
    let elements = call.array(array, row);
    let item = call
        .raw(array)
        .and_then(|array| shaped::innermost(array.data_type()));
    let ty = item.map_or(DataType::Utf8View, |item| item.data_type().clone());
    let added = element(call, value, row, &ty)?;
    let Some((elements, _)) = elements.filter(|(elements, _)| !elements.is_empty()) else {
        return list(added);
    };
    let mut extent = extent(call, array, row);
    if extent.sizes.len() > 1 {
        return Err(Error::new(
            SqlState::DATA_EXCEPTION,
            "argument must be empty or one-dimensional array",
        ));
    }
    let beyond = match before {
        true => extent.lower[0] == i32::MIN,
        false => extent.upper(0) == i64::from(i32::MAX),
    };
    if beyond {
        return Err(out_of_range());
    }
    extent.sizes[0] += 1;
    let parts: [&dyn Array; 2] = match before {
        true => [&added, &elements],
        false => [&elements, &added],
    };
    made(concat(&parts).map_err(failed)?, extent)
}

fn one_dimension(extent: &Extent, what: &str) -> Result<()> {
    if extent.sizes.len() > 1 {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("{what} multidimensional arrays is not supported"),
        ));
    }
    Ok(())
}

/// The type of the elements of an argument.
pub(super) fn element_type(call: &Call<'_>, arg: usize) -> PgType {
    let element = call.ty(arg).and_then(PgType::element);
    element.unwrap_or(PgType::TEXT)
}

/// Which elements are a value of type `ty`; NULL is NULL.
fn same(elements: &ArrayRef, value: ArrayRef, ty: PgType) -> Result<BooleanArray> {
    let (elements, value) = both_comparable(elements, &value, ty)?;
    let value = arrow::array::Scalar::new(value);
    cmp::not_distinct(&elements, &value).map_err(failed)
}

/// Places of the second argument in the first.
fn positions(call: &Call<'_>, row: usize) -> Result<Vec<i64>> {
    let Some(elements) = flat(call, 0, row) else {
        return Ok(Vec::new());
    };
    let extent = extent(call, 0, row);
    one_dimension(&extent, "searching for elements in")?;
    let Some(first) = extent.lower.first() else {
        return Ok(Vec::new());
    };
    let same = same(
        &elements,
        element(call, 1, row, elements.data_type())?,
        element_type(call, 0),
    )?;
    Ok((i64::from(*first)..)
        .zip(0..same.len())
        .filter(|(_, index)| same.value(*index))
        .map(|(place, _)| place)
        .collect())
}

fn position(call: &Call<'_>, row: usize) -> Result<Value> {
    if call.null(0, row) {
        return Ok(Value::Null);
    }
    let places = positions(call, row)?;
    if call.null(1, row) && places.is_empty() {
        return Ok(Value::Null);
    }
    if call.len() > 2 && call.null(2, row) && !extent(call, 0, row).sizes.is_empty() {
        return Err(Error::new(
            SqlState::NULL_VALUE_NOT_ALLOWED,
            "initial position must not be null",
        ));
    }
    let from = call.int(2, row).unwrap_or(i64::MIN);
    let found = places.into_iter().find(|at| *at >= from);
    Ok(found.map_or(Value::Null, Value::Int))
}

fn removed(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(elements) = flat(call, 0, row) else {
        return Ok(Value::Null);
    };
    let mut extent = extent(call, 0, row);
    one_dimension(&extent, "removing elements from")?;
    if elements.is_empty() {
        return list(elements);
    }
    let same = same(
        &elements,
        element(call, 1, row, elements.data_type())?,
        element_type(call, 0),
    )?;
    let kept = filter(&elements, &not(&same).map_err(failed)?).map_err(failed)?;
    extent.sizes[0] = kept.len();
    match kept.len() {
        0 => list(kept),
        _ => made(kept, extent),
    }
}

fn replaced(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(all) = flat(call, 0, row) else {
        return Ok(Value::Null);
    };
    if all.is_empty() {
        return list(all);
    }
    let same = same(
        &all,
        element(call, 1, row, all.data_type())?,
        element_type(call, 0),
    )?;
    let new = element(call, 2, row, all.data_type())?;
    let both = concat(&[&all, &new]).map_err(failed)?;
    let last = u64::try_from(all.len()).unwrap_or(0);
    let indices: arrow::array::UInt64Array = (0..last)
        .zip(same.iter())
        .map(|(index, same)| if same == Some(true) { last } else { index })
        .collect::<Vec<_>>()
        .into();
    made(
        take(&both, &indices, None).map_err(failed)?,
        extent(call, 0, row),
    )
}

fn filled(call: &Call<'_>, row: usize) -> Result<Value> {
    if call.null(1, row) || (call.len() > 2 && call.null(2, row)) {
        return Err(Error::new(
            SqlState::NULL_VALUE_NOT_ALLOWED,
            "dimension array or low bound array cannot be null",
        ));
    }
    let sizes = numbers(call, 1, row)?;
    if sizes.len() > shaped::DIMENSIONS_MAX {
        return Err(Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!(
                "number of array dimensions ({}) exceeds the maximum allowed ({})",
                sizes.len(),
                shaped::DIMENSIONS_MAX
            ),
        ));
    }
    let lower = match call.len() > 2 {
        true => numbers(call, 2, row)?,
        false => vec![1; sizes.len()],
    };
    if sizes.len() != lower.len() {
        return Err(subscript_error("wrong number of array subscripts")
            .detail("Low bound array has different size than dimensions array."));
    }
    let sizes = sizes
        .iter()
        .map(|size| usize::try_from(*size).map_err(|_| too_large()))
        .collect::<Result<Vec<_>>>()?;
    let mut extent = Extent { lower, sizes };
    let total = extent.elements()?;
    if total == 0 {
        extent = Extent::default();
    }
    let ty = call
        .raw(0)
        .map_or(DataType::Utf8View, |array| array.data_type().clone());
    let ty = if ty.is_null() { DataType::Utf8View } else { ty };
    let value = element(call, 0, row, &ty)?;
    let indices = arrow::array::UInt64Array::from(vec![0; total]);
    made(take(&value, &indices, None).map_err(failed)?, extent)
}

/// An argument that is a list of numbers, none of them NULL.
fn numbers(call: &Call<'_>, arg: usize, row: usize) -> Result<Vec<i32>> {
    let Some(list) = flat(call, arg, row) else {
        return Ok(Vec::new());
    };
    if extent(call, arg, row).sizes.len() > 1 {
        return Err(subscript_error("wrong number of array subscripts")
            .detail("Dimension array must be one dimensional."));
    }
    let list = arrow::compute::cast(&list, &DataType::Int32).map_err(failed)?;
    let list = arrow::array::AsArray::as_primitive::<arrow::datatypes::Int32Type>(&list);
    if list.null_count() > 0 {
        return Err(Error::new(
            SqlState::NULL_VALUE_NOT_ALLOWED,
            "dimension values cannot be null",
        ));
    }
    Ok(list.values().to_vec())
}

/// `width_bucket(value, thresholds)`: how many of the thresholds are not above the value.
pub(super) fn bucket(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some((thresholds, extent)) = call.array(1, row) else {
        return Ok(Value::Null);
    };
    if extent.sizes.len() > 1 {
        return Err(subscript_error("thresholds must be one-dimensional array"));
    }
    if thresholds.null_count() > 0 {
        return Err(Error::new(
            SqlState::NULL_VALUE_NOT_ALLOWED,
            "thresholds array must not contain NULLs",
        ));
    }
    let value = element(call, 0, row, thresholds.data_type())?;
    let compare = comparator(&thresholds, &value, element_type(call, 1))?;
    Ok(int((0..thresholds.len())
        .filter(|index| compare(*index, 0).is_le())
        .count()))
}

/// Whether every element of one array is in the other.
fn contains(call: &Call<'_>, row: usize, outer: usize, inner: usize) -> Result<Value> {
    let (Some(a), Some(b)) = (flat(call, outer, row), flat(call, inner, row)) else {
        return Ok(false.into());
    };
    if b.is_empty() {
        return Ok(true.into());
    }
    if a.is_empty() {
        return Ok(false.into());
    }
    let compare = comparator(&a, &b, element_type(call, outer))?;
    let all = (0..b.len())
        .all(|j| b.is_valid(j) && (0..a.len()).any(|i| a.is_valid(i) && compare(i, j).is_eq()));
    Ok(all.into())
}
