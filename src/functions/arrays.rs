//! Arrays: sizes, elements, slices, searching, changing, comparing.
//!
//! An array of several dimensions is a list of lists. Subscripts start at 1 in every dimension
//! there is; an array that starts elsewhere is refused where it would be made.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{concat, filter, kernels::cmp, not, take};
use arrow::datatypes::{DataType, Field};

use super::call::short::{ANYARRAY, ELEMENT, INT, INTS};
use super::call::{Call, functions};
use super::compare::{both_comparable, comparator};
use super::resolve::Returns;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::{PgType, flattened};

/// Elements an array may have; PostgreSQL's bound.
const ELEMENTS_MAX: usize = 134_217_727;

const SAME: Returns = Returns::Like(0);

functions! { pub(super) LIST:
    "array_length" Immutable { (ANYARRAY, INT) -> PgType::INT4, strict, length; }
    "array_upper" Immutable {
        (ANYARRAY, INT) -> PgType::INT4, strict, |call, row| {
            Ok(match length(call, row)? {
                Value::Int(size) => (size - 1 + first(call)).into(),
                other => other,
            })
        };
    }
    "array_lower" Immutable {
        (ANYARRAY, INT) -> PgType::INT4, strict, |call, row| {
            Ok(match length(call, row)? {
                Value::Null => Value::Null,
                _ => first(call).into(),
            })
        };
    }
    "cardinality" Immutable {
        (ANYARRAY) -> PgType::INT4, strict, |call, row| {
            Ok(int(flat(call, 0, row).map_or(0, |all| all.len())))
        };
    }
    "array_ndims" Immutable {
        (ANYARRAY) -> PgType::INT4, strict, |call, row| {
            Ok(match dimensions(call.list(0, row)).len() {
                0 => Value::Null,
                count => int(count),
            })
        };
    }
    "array_dims" Immutable {
        (ANYARRAY) -> PgType::TEXT, strict, |call, row| {
            let dimensions = dimensions(call.list(0, row));
            if dimensions.is_empty() {
                return Ok(Value::Null);
            }
            Ok(dimensions.iter().map(|size| format!("[1:{size}]")).collect::<String>().into())
        };
    }
    "array_append" Immutable {
        (ANYARRAY, ELEMENT) => SAME, loose, |call, row| appended(call, row, 0, 1, false);
    }
    "array_prepend" Immutable {
        (ELEMENT, ANYARRAY) => Returns::Like(1), loose, |call, row| appended(call, row, 1, 0, true);
    }
    "array_cat" Immutable { (ANYARRAY, ANYARRAY) => Returns::Deepest, loose, joined; }
    "array_position" Immutable {
        (ANYARRAY, ELEMENT) -> PgType::INT4, loose, position;
        (ANYARRAY, ELEMENT, INT) -> PgType::INT4, loose, position;
    }
    "array_positions" Immutable {
        (ANYARRAY, ELEMENT) -> PgType::of(1007), loose, |call, row| {
            if call.null(0, row) {
                return Ok(Value::Null);
            }
            Ok(Value::List(positions(call, row)?.into_iter().map(int).collect()))
        };
    }
    "array_remove" Immutable { (ANYARRAY, ELEMENT) => SAME, loose, removed; }
    "array_replace" Immutable { (ANYARRAY, ELEMENT, ELEMENT) => SAME, loose, replaced; }
    "trim_array" Immutable { (ANYARRAY, INT) => SAME, strict, trimmed; }
    "array_fill" Immutable {
        (ELEMENT, INTS) => Returns::ArrayOf(0), loose, filled;
        (ELEMENT, INTS, INTS) => Returns::ArrayOf(0), loose, filled;
    }
    "subscript" Immutable { (ANYARRAY, INT) variadic => Returns::ElementOf(0), strict, subscripted; }
    "greatest array" Immutable {
        (ANYARRAY) variadic => SAME, loose, |call, row| super::array_order::furthest(call, row, true);
    }
    "least array" Immutable {
        (ANYARRAY) variadic => SAME, loose, |call, row| super::array_order::furthest(call, row, false);
    }
    "slice" Immutable { (ANYARRAY, INT) variadic => SAME, strict, sliced; }
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

fn failed(error: arrow::error::ArrowError) -> Error {
    Error::internal("working on an array", error)
}

fn subscript_error(what: impl Into<String>) -> Error {
    Error::new(SqlState::ARRAY_SUBSCRIPT_ERROR, what.into())
}

/// Sizes of the array's dimensions; none if it is empty.
pub(super) fn dimensions(array: Option<ArrayRef>) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut array = array;
    while let Some(list) = array {
        if list.is_empty() {
            return Vec::new();
        }
        sizes.push(list.len());
        array = list.as_list_opt::<i32>().map(|lists| lists.value(0));
    }
    sizes
}

/// Where the first argument's elements are counted from: vectors of system relations count from 0.
pub(super) fn first(call: &Call<'_>) -> i64 {
    let vectors = [PgType::INT2VECTOR.oid, PgType::OIDVECTOR.oid];
    let is_vector = call.ty(0).is_some_and(|ty| vectors.contains(&ty.oid));
    i64::from(!is_vector)
}

pub(super) fn length(call: &Call<'_>, row: usize) -> Result<Value> {
    let dimension = call.int(1, row).and_then(|n| usize::try_from(n - 1).ok());
    let dimensions = dimensions(call.list(0, row));
    let size = dimension.and_then(|index| dimensions.get(index).copied());
    Ok(size.map_or(Value::Null, int))
}

/// The elements of all dimensions.
pub(super) fn flat(call: &Call<'_>, arg: usize, row: usize) -> Option<ArrayRef> {
    call.list(arg, row).map(flattened)
}

/// An array of these elements as a value.
pub(super) fn list(elements: ArrayRef) -> Result<Value> {
    if elements.len() > ELEMENTS_MAX {
        return Err(Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("array size exceeds the maximum allowed ({ELEMENTS_MAX})"),
        ));
    }
    let field = Field::new("item", elements.data_type().clone(), true);
    let offsets = OffsetBuffer::from_lengths([elements.len()]);
    let list = ListArray::try_new(field.into(), offsets, elements, None).map_err(failed)?;
    Ok(Value::Raw(Arc::new(list)))
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

pub(super) fn appended(
    call: &Call<'_>,
    row: usize,
    array: usize,
    value: usize,
    before: bool,
) -> Result<Value> {
    let elements = call.list(array, row);
    let ty = match (&elements, call.raw(array).map(|array| array.data_type())) {
        (Some(elements), _) => elements.data_type().clone(),
        (None, Some(DataType::List(field))) => field.data_type().clone(),
        _ => DataType::Utf8View,
    };
    let added = element(call, value, row, &ty)?;
    let Some(elements) = elements.filter(|elements| !elements.is_empty()) else {
        return list(added);
    };
    if elements.data_type().is_nested() {
        return Err(Error::new(
            SqlState::DATA_EXCEPTION,
            "argument must be empty or one-dimensional array",
        ));
    }
    let parts: [&dyn Array; 2] = match before {
        true => [&added, &elements],
        false => [&elements, &added],
    };
    list(concat(&parts).map_err(failed)?)
}

/// The second array behind the first; one of a dimension less is an element of the other.
pub(super) fn joined(call: &Call<'_>, row: usize) -> Result<Value> {
    let (a, b) = match (call.list(0, row), call.list(1, row)) {
        (None, None) => return Ok(Value::Null),
        (Some(one), None) | (None, Some(one)) => return list(one),
        (Some(a), Some(b)) if a.is_empty() => {
            let _ = a;
            return list(b);
        }
        (Some(a), Some(b)) if b.is_empty() => return list(a),
        (Some(a), Some(b)) => (a, b),
    };
    let (x, y) = (dimensions(Some(a.clone())), dimensions(Some(b.clone())));
    let wrong = |detail: &str| {
        Err(subscript_error("cannot concatenate incompatible arrays").detail(detail.to_owned()))
    };
    let (a, b) = match (x.len(), y.len()) {
        (m, n) if m == n && x[1..] == y[1..] => (a, b),
        (m, n) if m == n => {
            return wrong(
                "Arrays with differing element dimensions are not compatible for concatenation.",
            );
        }
        (m, n) if m == n + 1 && x[1..] == y[..] => (a, wrapped(b)?),
        (m, n) if n == m + 1 && y[1..] == x[..] => (wrapped(a)?, b),
        (m, n) if m.abs_diff(n) == 1 => {
            return wrong("Arrays with differing dimensions are not compatible for concatenation.");
        }
        (m, n) => {
            return Err(
                subscript_error("cannot concatenate incompatible arrays").detail(format!(
                    "Arrays of {m} and {n} dimensions are not compatible for concatenation."
                )),
            );
        }
    };
    let b = match a.data_type() == b.data_type() {
        true => b,
        false => arrow::compute::cast(&b, a.data_type()).map_err(failed)?,
    };
    list(concat(&[&a, &b]).map_err(failed)?)
}

/// An array as the only element of one.
fn wrapped(elements: ArrayRef) -> Result<ArrayRef> {
    match list(elements)? {
        Value::Raw(array) => Ok(array),
        _ => Err(Error::internal("working on an array", "no array")),
    }
}

fn one_dimension(elements: &ArrayRef, what: &str) -> Result<()> {
    if elements.data_type().is_nested() && !elements.is_empty() {
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

/// Positions of the second argument in the first, counted from 1.
fn positions(call: &Call<'_>, row: usize) -> Result<Vec<usize>> {
    let Some(elements) = call.list(0, row) else {
        return Ok(Vec::new());
    };
    one_dimension(&elements, "searching for elements in")?;
    if elements.data_type().is_nested() {
        return Ok(Vec::new());
    }
    let same = same(
        &elements,
        element(call, 1, row, elements.data_type())?,
        element_type(call, 0),
    )?;
    Ok((0..same.len())
        .filter(|index| same.value(*index))
        .map(|index| index + 1)
        .collect())
}

fn position(call: &Call<'_>, row: usize) -> Result<Value> {
    if call.null(0, row) {
        return Ok(Value::Null);
    }
    if call.len() > 2 && call.null(2, row) {
        return Err(Error::new(
            SqlState::NULL_VALUE_NOT_ALLOWED,
            "initial position must not be null",
        ));
    }
    let from = usize::try_from(call.int(2, row).unwrap_or(1)).unwrap_or(0);
    let found = positions(call, row)?.into_iter().find(|at| *at >= from);
    Ok(found.map_or(Value::Null, |at| {
        Value::Int(i64::try_from(at).unwrap_or(i64::MAX) - 1 + first(call))
    }))
}

fn removed(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(elements) = call.list(0, row) else {
        return Ok(Value::Null);
    };
    one_dimension(&elements, "removing elements from")?;
    if elements.is_empty() {
        return list(elements);
    }
    let same = same(
        &elements,
        element(call, 1, row, elements.data_type())?,
        element_type(call, 0),
    )?;
    let kept = filter(&elements, &not(&same).map_err(failed)?).map_err(failed)?;
    list(kept)
}

fn replaced(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(elements) = call.list(0, row) else {
        return Ok(Value::Null);
    };
    let shape = dimensions(Some(elements.clone()));
    let Some(all) = flat(call, 0, row).filter(|all| !all.is_empty()) else {
        return list(elements);
    };
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
    shaped(take(&both, &indices, None).map_err(failed)?, &shape)
}

/// Elements in the shape of dimensions.
fn shaped(elements: ArrayRef, shape: &[usize]) -> Result<Value> {
    let mut array = elements;
    for size in shape.iter().skip(1).rev() {
        let count = array.len().checked_div(*size).unwrap_or(0);
        let field = Field::new("item", array.data_type().clone(), true);
        let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(*size, count));
        array = Arc::new(ListArray::try_new(field.into(), offsets, array, None).map_err(failed)?);
    }
    list(array)
}

fn trimmed(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(elements) = call.list(0, row) else {
        return Ok(Value::Null);
    };
    let count = elements.len();
    match usize::try_from(call.int(1, row).unwrap_or(0)) {
        Ok(n) if n <= count => list(elements.slice(0, count - n)),
        _ => Err(subscript_error(format!(
            "number of elements to trim must be between 0 and {count}"
        ))),
    }
}

fn filled(call: &Call<'_>, row: usize) -> Result<Value> {
    if call.null(1, row) || (call.len() > 2 && call.null(2, row)) {
        return Err(Error::new(
            SqlState::NULL_VALUE_NOT_ALLOWED,
            "dimension array or low bound array cannot be null",
        ));
    }
    let numbers = |arg: usize| -> Result<Vec<i64>> {
        let Some(list) = call.list(arg, row) else {
            return Ok(Vec::new());
        };
        let list = arrow::compute::cast(&list, &DataType::Int64).map_err(failed)?;
        let list = list.as_primitive::<arrow::datatypes::Int64Type>();
        if list.null_count() > 0 {
            return Err(Error::new(
                SqlState::NULL_VALUE_NOT_ALLOWED,
                "dimension values cannot be null",
            ));
        }
        Ok(list.values().to_vec())
    };
    let (sizes, bounds) = (numbers(1)?, numbers(2)?);
    if call.len() > 2 && sizes.len() != bounds.len() {
        return Err(subscript_error("wrong number of array subscripts")
            .detail("Low bound array has different size than dimensions array."));
    }
    let too_large = || {
        Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("array size exceeds the maximum allowed ({ELEMENTS_MAX})"),
        )
    };
    if sizes.len() > 1 {
        return Err(Error::unsupported(
            "array_fill() of more than one dimension",
        ));
    }
    let shape = sizes
        .iter()
        .map(|size| usize::try_from(*size).map_err(|_| too_large()))
        .collect::<Result<Vec<_>>>()?;
    let total = shape
        .iter()
        .try_fold(1_usize, |total, size| total.checked_mul(*size))
        .filter(|total| *total <= ELEMENTS_MAX)
        .ok_or_else(too_large)?;
    if bounds.iter().any(|bound| *bound != 1) && total > 0 {
        return Err(Error::unsupported("an array whose lower bound is not 1"));
    }
    let ty = call
        .raw(0)
        .map_or(DataType::Utf8View, |array| array.data_type().clone());
    let ty = if ty.is_null() { DataType::Utf8View } else { ty };
    let value = element(call, 0, row, &ty)?;
    let total = if shape.is_empty() { 0 } else { total };
    let indices = arrow::array::UInt64Array::from(vec![0; total]);
    let all = take(&value, &indices, None).map_err(failed)?;
    match total {
        0 => list(all),
        _ => list(all),
    }
}

/// `width_bucket(value, thresholds)`: how many of the thresholds are not above the value.
pub(super) fn bucket(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(thresholds) = call.list(1, row) else {
        return Ok(Value::Null);
    };
    if thresholds.data_type().is_nested() {
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

/// `array[i][j]`: NULL where there is no such element, or another number of dimensions.
fn subscripted(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(mut array) = call.list(0, row) else {
        return Ok(Value::Null);
    };
    let first = first(call);
    for arg in 1..call.len() {
        let at = call
            .int(arg, row)
            .and_then(|at| usize::try_from(at - first).ok());
        let Some(at) = at.filter(|at| *at < array.len()) else {
            return Ok(Value::Null);
        };
        if arg + 1 == call.len() {
            return Ok(match array.data_type().is_nested() || array.is_null(at) {
                true => Value::Null,
                false => Value::Raw(array.slice(at, 1)),
            });
        }
        let Some(inner) = array.as_list_opt::<i32>().map(|lists| lists.value(at)) else {
            return Ok(Value::Null);
        };
        array = inner;
    }
    Ok(Value::Null)
}

/// `array[from:to][from:to]`
fn sliced(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(array) = call.list(0, row) else {
        return Ok(Value::Null);
    };
    let bounds: Vec<(i64, i64)> = (1..call.len())
        .step_by(2)
        .map(|arg| {
            (
                call.int(arg, row).unwrap_or(1),
                call.int(arg + 1, row).unwrap_or(0),
            )
        })
        .collect();
    let empty = || list(array.slice(0, 0));
    if bounds.len() > dimensions(Some(array.clone())).len() {
        return empty();
    }
    match slice(&array, &bounds)? {
        Some(part) => list(part),
        None => empty(),
    }
}

/// `None` if nothing is left of some dimension.
fn slice(array: &ArrayRef, bounds: &[(i64, i64)]) -> Result<Option<ArrayRef>> {
    let Some(((from, to), rest)) = bounds.split_first() else {
        return Ok(Some(array.clone()));
    };
    let count = i64::try_from(array.len()).unwrap_or(i64::MAX);
    // Without an end it is all the rest.
    let to = if *to == i64::from(i32::MAX) {
        count
    } else {
        *to
    };
    let (first, last) = ((*from).max(1), to.min(count));
    if first > last {
        return Ok(None);
    }
    let (start, length) = (
        usize::try_from(first - 1).unwrap_or(0),
        usize::try_from(last - first + 1).unwrap_or(0),
    );
    let part = array.slice(start, length);
    if rest.is_empty() {
        return Ok(Some(part));
    }
    let Some(lists) = part.as_list_opt::<i32>() else {
        return Ok(None);
    };
    let mut parts = Vec::with_capacity(lists.len());
    for index in 0..lists.len() {
        match slice(&lists.value(index), rest)? {
            Some(part) => parts.push(wrapped(part)?),
            None => return Ok(None),
        }
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    Ok(Some(concat(&parts).map_err(failed)?))
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
