//! How well documents match.

use super::{QUERY, VECTOR, query, vector};
use crate::base::{Error, Result, SqlState};
use crate::functions::call::short::INT;
use crate::functions::call::{Call, functions};
use crate::functions::resolve::Param;
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::search::{Query, Vector, WEIGHTS, Weights, rank, rank_by_cover};

/// `real[]`
const REALS: Param = Param::Is(PgType::of(1021));

macro_rules! ranks {
    ($($name:literal $rank:expr;)*) => {
        functions! { pub(in crate::functions) LIST: $($name Immutable {
            (VECTOR, QUERY) -> PgType::FLOAT4, strict, |call, row| ranked(call, row, 0, $rank);
            (VECTOR, QUERY, INT) -> PgType::FLOAT4, strict, |call, row| ranked(call, row, 0, $rank);
            (REALS, VECTOR, QUERY) -> PgType::FLOAT4, strict, |call, row| ranked(call, row, 1, $rank);
            (REALS, VECTOR, QUERY, INT) -> PgType::FLOAT4, strict, |call, row| ranked(call, row, 1, $rank);
        })* }
    };
}

ranks! {
    "ts_rank search" rank;
    "ts_rank_cd search" rank_by_cover;
}

fn ranked(
    call: &Call<'_>,
    row: usize,
    document: usize,
    rank: fn(&Weights, &Vector, &Query, i64) -> f32,
) -> Result<Value> {
    let weights = match document {
        0 => WEIGHTS,
        _ => weights(call, row)?,
    };
    let method = call.int(document + 2, row).unwrap_or(0);
    let rank = rank(
        &weights,
        &vector(call, document, row),
        &query(call, document + 1, row),
        method,
    );
    Ok(f64::from(rank).into())
}

/// What weights count, by an array; of what is below zero, what it does if nothing is said.
fn weights(call: &Call<'_>, row: usize) -> Result<Weights> {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{DataType, Float64Type};
    let list = call.list(0, row);
    let list = list.ok_or_else(|| Error::internal("reading weights", "no array"))?;
    if list.data_type().is_nested() || list.is_empty() {
        return Err(Error::new(
            SqlState::ARRAY_SUBSCRIPT_ERROR,
            "array of weight must be one-dimensional",
        ));
    }
    if list.len() < WEIGHTS.len() {
        return Err(Error::new(
            SqlState::ARRAY_SUBSCRIPT_ERROR,
            "array of weight is too short",
        ));
    }
    if list.null_count() > 0 {
        return Err(Error::new(
            SqlState::NULL_VALUE_NOT_ALLOWED,
            "array of weight must not contain nulls",
        ));
    }
    let list = arrow::compute::cast(&list, &DataType::Float64)
        .map_err(|error| Error::internal("reading weights", error))?;
    let given = list.as_primitive::<Float64Type>();
    let mut weights = WEIGHTS;
    for (weight, given) in weights.iter_mut().zip(given.values()) {
        if *given >= 0.0 {
            #[expect(clippy::cast_possible_truncation, reason = "they were single")]
            let given = *given as f32;
            *weight = given;
        }
        if *weight > 1.0 {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                "weight out of range",
            ));
        }
    }
    Ok(weights)
}
