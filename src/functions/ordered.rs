//! Aggregates that depend on order: strung together (`string_agg`, the JSON ones), ordered sets
//! (`percentile_cont`, `mode`), ranks a value would have.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, make_comparator, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{SortOptions, concat};
use arrow::datatypes::{DataType, Field, Float64Type, IntervalMonthDayNanoType};

use super::gather::{Gathered, Gives, Group, Taken};
use super::json_tree::{Tree, insert};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

/// The first value of a group, also an array that says what its elements are.
pub(crate) const FIRST: &str = "\0first";

/// `array_agg` with ORDER BY or DISTINCT.
pub(crate) const IN_ORDER: &str = "array_agg in order";

pub(super) static LIST: &[Gathered] = &[
    plain("string_agg", strings, string_agg),
    plain("json_agg", one_text_json, |group| {
        Ok(items(group, "[", "]"))
    }),
    plain("jsonb_agg", one_text_jsonb, jsonb_agg),
    plain("json_object_agg", two_texts_json, object_agg),
    plain("jsonb_object_agg", two_texts_jsonb, jsonb_object_agg),
    // DataFusion's own tells values apart as they are held, and asks for its order of all of the
    // rows.
    Gathered {
        name: IN_ORDER,
        types: |types| (types.len() == 1).then(|| (types.to_vec(), PgType::TEXT)),
        gives: Gives::ArrayOfFirst,
        within_group: false,
        finish: |group| {
            let Some(values) = group.columns.first().filter(|values| !values.is_empty()) else {
                return Ok(Value::Null);
            };
            let DataType::List(item) = group.data_type else {
                return Err(Error::internal("collecting values", group.data_type));
            };
            let offsets = OffsetBuffer::from_lengths([values.len()]);
            let list = ListArray::try_new(Arc::clone(item), offsets, Arc::clone(values), None);
            let list = list.map_err(|error| Error::internal("collecting values", error))?;
            Ok(Value::Raw(Arc::new(list)))
        },
    },
    // What a group shows of arrays: DataFusion's own forgets what their elements' field says.
    Gathered {
        name: FIRST,
        types: |types| (types.len() == 1).then(|| (types.to_vec(), PgType::TEXT)),
        gives: Gives::LikeFirst,
        within_group: false,
        finish: |group| {
            let first = group.columns.first().filter(|values| !values.is_empty());
            Ok(first.map_or(Value::Null, |values| Value::Raw(values.slice(0, 1))))
        },
    },
    // A value, and what it is compared by.
    within(
        "mode",
        |types| (types.len() == 2).then(|| (types.to_vec(), PgType::TEXT)),
        mode,
    ),
    within("percentile_disc", percentile_disc_types, percentile_disc),
    Gathered {
        name: "percentile_cont",
        types: percentile_cont_types,
        gives: Gives::LikeFirst,
        within_group: true,
        finish: percentile_cont,
    },
    rank("rank within group", whole_rank, |group| {
        Ok((rank_of(group)?.before + 1).into())
    }),
    rank("dense_rank within group", whole_rank, |group| {
        Ok((rank_of(group)?.distinct_before + 1).into())
    }),
    rank("percent_rank within group", part_rank, |group| {
        let rank = rank_of(group)?;
        Ok(Value::Float(if rank.count == 0 {
            0.0
        } else {
            ratio(rank.before, rank.count)
        }))
    }),
    rank("cume_dist within group", part_rank, |group| {
        let rank = rank_of(group)?;
        Ok(Value::Float(ratio(
            rank.before + rank.equal + 1,
            rank.count + 1,
        )))
    }),
];

const fn plain(
    name: &'static str,
    types: fn(&[DataType]) -> Taken,
    finish: fn(&Group<'_>) -> Result<Value>,
) -> Gathered {
    Gathered {
        name,
        types,
        gives: Gives::Said,
        within_group: false,
        finish,
    }
}

const fn within(
    name: &'static str,
    types: fn(&[DataType]) -> Taken,
    finish: fn(&Group<'_>) -> Result<Value>,
) -> Gathered {
    Gathered {
        name,
        types,
        gives: Gives::LikeFirst,
        within_group: true,
        finish,
    }
}

const fn rank(
    name: &'static str,
    types: fn(&[DataType]) -> Taken,
    finish: fn(&Group<'_>) -> Result<Value>,
) -> Gathered {
    Gathered {
        name,
        types,
        gives: Gives::Said,
        within_group: true,
        finish,
    }
}

/// What rows are compared by, and behind it the row whose rank is asked for.
fn whole_rank(types: &[DataType]) -> Taken {
    types
        .len()
        .is_multiple_of(2)
        .then(|| (types.to_vec(), PgType::INT8))
}

fn part_rank(types: &[DataType]) -> Taken {
    whole_rank(types).map(|(types, _)| (types, PgType::FLOAT8))
}

fn is_text(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8 | DataType::Utf8View | DataType::Null)
}

fn is_bytes(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary
    )
}

fn strings(types: &[DataType]) -> Taken {
    match types {
        [a, b] if is_bytes(a) && (is_bytes(b) || is_text(b)) => {
            Some((vec![DataType::Binary; 2], PgType::BYTEA))
        }
        [a, b] if is_text(a) && is_text(b) => Some((vec![DataType::Utf8View; 2], PgType::TEXT)),
        _ => None,
    }
}

fn texts(types: &[DataType], count: usize, ty: PgType) -> Taken {
    (types.len() == count && types.iter().all(is_text))
        .then(|| (vec![DataType::Utf8View; count], ty))
}

fn one_text_json(types: &[DataType]) -> Taken {
    texts(types, 1, PgType::JSON)
}

fn one_text_jsonb(types: &[DataType]) -> Taken {
    texts(types, 1, PgType::JSONB)
}

fn two_texts_json(types: &[DataType]) -> Taken {
    texts(types, 2, PgType::JSON)
}

fn two_texts_jsonb(types: &[DataType]) -> Taken {
    texts(types, 2, PgType::JSONB)
}

fn percentile_disc_types(types: &[DataType]) -> Taken {
    let [value, fraction] = types else {
        return None;
    };
    Some((vec![value.clone(), fractions(fraction)], PgType::TEXT))
}

fn percentile_cont_types(types: &[DataType]) -> Taken {
    let [value, fraction] = types else {
        return None;
    };
    let value = match value {
        DataType::Interval(_) => value.clone(),
        value if value.is_numeric() || value.is_null() => DataType::Float64,
        _ => return None,
    };
    Some((vec![value, fractions(fraction)], PgType::TEXT))
}

/// A fraction, or an array of them.
fn fractions(ty: &DataType) -> DataType {
    match ty {
        DataType::List(_) => DataType::new_list(DataType::Float64, true),
        _ => DataType::Float64,
    }
}

fn failed(error: arrow::error::ArrowError) -> Error {
    Error::internal("aggregating", error)
}

/// Values with the delimiter of each but the first before it; NULLs are left out.
fn string_agg(group: &Group<'_>) -> Result<Value> {
    let [values, delimiters] = group.columns else {
        return Ok(Value::Null);
    };
    if let Some(values) = values.as_binary_opt::<i32>() {
        let delimiters = delimiters.as_binary::<i32>();
        let mut out: Option<Vec<u8>> = None;
        for (value, delimiter) in values.iter().zip(delimiters.iter()) {
            match (value, &mut out) {
                (None, _) => {}
                (Some(value), None) => out = Some(value.to_vec()),
                (Some(value), Some(out)) => {
                    out.extend_from_slice(delimiter.unwrap_or_default());
                    out.extend_from_slice(value);
                }
            }
        }
        return Ok(out.map_or(Value::Null, Value::Bytes));
    }
    let (values, delimiters) = (values.as_string_view(), delimiters.as_string_view());
    let mut out: Option<String> = None;
    for (value, delimiter) in values.iter().zip(delimiters.iter()) {
        match (value, &mut out) {
            (None, _) => {}
            (Some(value), None) => out = Some(value.to_owned()),
            (Some(value), Some(out)) => {
                out.push_str(delimiter.unwrap_or_default());
                out.push_str(value);
            }
        }
    }
    Ok(out.into())
}

/// JSON values in brackets. One that is to stand on a line of its own starts with a line break,
/// which the first does without.
fn items(group: &Group<'_>, open: &str, close: &str) -> Value {
    let Some(values) = group.columns.first().map(|values| values.as_string_view()) else {
        return Value::Null;
    };
    if values.is_empty() {
        return Value::Null;
    }
    let mut out = String::from(open);
    for (index, value) in values.iter().enumerate() {
        let value = value.unwrap_or("null");
        if index > 0 {
            out.push_str(", ");
            out.push_str(value);
        } else {
            out.push_str(value.trim_start_matches(['\n', ' ']));
        }
    }
    out.push_str(close);
    out.into()
}

fn jsonb_agg(group: &Group<'_>) -> Result<Value> {
    match items(group, "[", "]") {
        Value::Text(text) => {
            let mut out = String::new();
            Tree::parse(&text)?.write(&mut out);
            Ok(out.into())
        }
        other => Ok(other),
    }
}

fn fields<'a>(group: &'a Group<'_>) -> Result<Vec<(&'a str, &'a str)>> {
    let [keys, values] = group.columns else {
        return Ok(Vec::new());
    };
    keys.as_string_view()
        .iter()
        .zip(values.as_string_view().iter())
        .map(|(key, value)| match key {
            Some(key) => Ok((key, value.unwrap_or("null"))),
            None => Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                "field name must not be null",
            )),
        })
        .collect()
}

fn object_agg(group: &Group<'_>) -> Result<Value> {
    let fields = fields(group)?;
    if fields.is_empty() {
        return Ok(Value::Null);
    }
    let mut out = String::from("{ ");
    for (index, (key, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        super::json_tree::quoted(key, &mut out);
        out.push_str(" : ");
        out.push_str(value);
    }
    out.push_str(" }");
    Ok(out.into())
}

fn jsonb_object_agg(group: &Group<'_>) -> Result<Value> {
    let fields = fields(group)?;
    if fields.is_empty() {
        return Ok(Value::Null);
    }
    let mut object = Vec::new();
    for (key, value) in fields {
        insert(&mut object, key, Tree::parse(value)?);
    }
    let mut out = String::new();
    Tree::Object(object).write(&mut out);
    Ok(out.into())
}

/// The rows of an ordered set that are not NULL, in order.
fn present(values: &ArrayRef) -> Result<Option<ArrayRef>> {
    let kept = arrow::compute::is_not_null(values).map_err(failed)?;
    let values = arrow::compute::filter(values, &kept).map_err(failed)?;
    Ok((!values.is_empty()).then_some(values))
}

/// The value that is there most often; of several the first in order.
fn mode(group: &Group<'_>) -> Result<Value> {
    let [values, keys] = group.columns else {
        return Ok(Value::Null);
    };
    let (Some(values), Some(keys)) = (present(values)?, present(keys)?) else {
        return Ok(Value::Null);
    };
    let ranges = arrow::compute::partition(std::slice::from_ref(&keys))
        .map_err(failed)?
        .ranges();
    let most = ranges
        .iter()
        .rev()
        .max_by_key(|range| range.len())
        .map_or(0, |range| range.start);
    Ok(Value::Raw(values.slice(most, 1)))
}

/// The fractions asked for, and whether they came as an array.
fn asked(group: &Group<'_>) -> Result<(Vec<Option<f64>>, bool)> {
    let Some(column) = group.columns.get(1).filter(|column| !column.is_empty()) else {
        return Ok((Vec::new(), false));
    };
    let (values, is_array) = match column.as_list_opt::<i32>() {
        Some(lists) if lists.is_null(0) => return Ok((Vec::new(), true)),
        Some(lists) => (lists.value(0), true),
        None => (column.slice(0, 1), false),
    };
    let fractions: Vec<Option<f64>> = values.as_primitive::<Float64Type>().iter().collect();
    for fraction in fractions.iter().flatten() {
        if !(0.0..=1.0).contains(fraction) {
            return Err(Error::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                format!("percentile value {fraction} is not between 0 and 1"),
            ));
        }
    }
    Ok((fractions, is_array))
}

/// One result for each fraction.
fn percentiles(
    group: &Group<'_>,
    one: impl Fn(&ArrayRef, f64) -> Result<ArrayRef>,
) -> Result<Value> {
    let (fractions, is_array) = asked(group)?;
    let values = group.columns.first().map(present).transpose()?.flatten();
    let (Some(values), false) = (values, fractions.is_empty()) else {
        return Ok(Value::Null);
    };
    let results = fractions
        .iter()
        .map(|fraction| match fraction {
            Some(fraction) => one(&values, *fraction),
            None => Ok(new_null_array(values.data_type(), 1)),
        })
        .collect::<Result<Vec<_>>>()?;
    if !is_array {
        return Ok(results
            .first()
            .map_or(Value::Null, |one| Value::Raw(one.clone())));
    }
    let results: Vec<&dyn Array> = results.iter().map(AsRef::as_ref).collect();
    let all = concat(&results).map_err(failed)?;
    let field = match group.data_type {
        DataType::List(field) => field.clone(),
        _ => Arc::new(Field::new("item", all.data_type().clone(), true)),
    };
    let list = ListArray::try_new(field, OffsetBuffer::from_lengths([all.len()]), all, None)
        .map_err(failed)?;
    Ok(Value::Raw(Arc::new(list)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a row's number"
)]
fn percentile_disc(group: &Group<'_>) -> Result<Value> {
    percentiles(group, |values, fraction| {
        let row = (fraction * values.len() as f64).ceil() as usize;
        Ok(values.slice(row.max(1) - 1, 1))
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a row's number"
)]
fn percentile_cont(group: &Group<'_>) -> Result<Value> {
    percentiles(group, |values, fraction| {
        let place = fraction * (values.len() - 1) as f64;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        if below == above {
            return Ok(values.slice(below, 1));
        }
        let part = place - below as f64;
        if let Some(floats) = values.as_primitive_opt::<Float64Type>() {
            let (low, high) = (floats.value(below), floats.value(above));
            let between = arrow::array::Float64Array::from(vec![low + part * (high - low)]);
            return Ok(Arc::new(between));
        }
        let spans = values.as_primitive::<IntervalMonthDayNanoType>();
        let span = |row: usize| {
            let value = spans.value(row);
            (value.months, value.days, value.nanoseconds / 1000)
        };
        let (low, high) = (span(below), span(above));
        let distance = super::temporal::sum(high, super::temporal::negated(low)?)?;
        let between = super::temporal::scaled(distance, |value| value * part)?;
        let (months, days, micros) = super::temporal::sum(low, between)?;
        crate::pg_catalog::value::array(PgType::INTERVAL, &[Value::Interval(months, days, micros)])
    })
}

/// Where a value would stand among the others.
struct Rank {
    count: i64,
    before: i64,
    equal: i64,
    distinct_before: i64,
}

fn rank_of(group: &Group<'_>) -> Result<Rank> {
    let mut rank = Rank {
        count: 0,
        before: 0,
        equal: 0,
        distinct_before: 0,
    };
    let (values, asked) = group.columns.split_at(group.columns.len() / 2);
    let rows = values.first().map_or(0, |column| column.len());
    if rows == 0 {
        return Ok(rank);
    }
    let compare = compared(values, asked, group.orders)?;
    let among = compared(values, values, group.orders)?;
    rank.count = i64::try_from(rows).unwrap_or(i64::MAX);
    for row in 0..rows {
        match compare(row, 0) {
            Ordering::Less => {
                rank.before += 1;
                if row == 0 || among(row - 1, row).is_ne() {
                    rank.distinct_before += 1;
                }
            }
            Ordering::Equal => rank.equal += 1,
            Ordering::Greater => {}
        }
    }
    Ok(rank)
}

/// How rows of some columns compare with rows of others.
fn compared(
    rows: &[ArrayRef],
    with: &[ArrayRef],
    orders: &[SortOptions],
) -> Result<impl Fn(usize, usize) -> Ordering> {
    let columns = rows.iter().zip(with).zip(orders);
    let columns = columns.map(|((a, b), options)| make_comparator(a, b, *options));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    Ok(move |a, b| {
        let mut compared = columns.iter().map(|compare| compare(a, b));
        compared
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    })
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
fn ratio(part: i64, all: i64) -> f64 {
    part as f64 / all as f64
}
