//! The steps of PostgreSQL's own aggregates that users make aggregates of, too: sums kept in an
//! array, and what is made of them.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::call::short::{BIGINT, BOOL, FLOAT, INT, SMALL};
use super::call::{Call, functions};
use super::resolve::Param;
use super::youngs_cramer::Sums;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::{Numeric, PgType};

/// `double precision[]`
const FLOATS_TYPE: PgType = PgType::of(1022);
/// `bigint[]`
const BIGINTS_TYPE: PgType = PgType::of(1016);
const FLOATS: Param = Param::Is(FLOATS_TYPE);
const BIGINTS: Param = Param::Is(BIGINTS_TYPE);
const FLOAT4: Param = Param::Is(PgType::FLOAT4);

functions! { pub(super) LIST:
    "float8_accum" Immutable {
        (FLOATS, FLOAT) -> FLOATS_TYPE, strict, add_float;
    }
    "float4_accum" Immutable {
        (FLOATS, FLOAT4) -> FLOATS_TYPE, strict, add_float;
    }
    "float8_combine" Immutable {
        (FLOATS, FLOATS) -> FLOATS_TYPE, strict, |call, row| {
            floats(call, 0, row)?.and(floats(call, 1, row)?).map(value)
        };
    }
    "float8_avg" Immutable {
        (FLOATS) -> PgType::FLOAT8, strict, |call, row| {
            Ok(floats(call, 0, row)?.mean().into())
        };
    }
    "float8_var_pop" Immutable {
        (FLOATS) -> PgType::FLOAT8, strict, |call, row| {
            Ok(floats(call, 0, row)?.variance(false).into())
        };
    }
    "float8_var_samp" Immutable {
        (FLOATS) -> PgType::FLOAT8, strict, |call, row| {
            Ok(floats(call, 0, row)?.variance(true).into())
        };
    }
    "float8_stddev_pop" Immutable {
        (FLOATS) -> PgType::FLOAT8, strict, |call, row| {
            Ok(floats(call, 0, row)?.variance(false).map(f64::sqrt).into())
        };
    }
    "float8_stddev_samp" Immutable {
        (FLOATS) -> PgType::FLOAT8, strict, |call, row| {
            Ok(floats(call, 0, row)?.variance(true).map(f64::sqrt).into())
        };
    }
    "int2_avg_accum" Immutable {
        (BIGINTS, SMALL) -> BIGINTS_TYPE, strict, add_integer;
    }
    "int4_avg_accum" Immutable {
        (BIGINTS, INT) -> BIGINTS_TYPE, strict, add_integer;
    }
    "int8_avg" Immutable {
        (BIGINTS) -> PgType::NUMERIC, strict, |call, row| {
            let (count, sum) = integers(call, 0, row)?;
            match count {
                0 => Ok(Value::Null),
                count => Ok(Numeric::from(sum).over(&Numeric::from(count))?.into()),
            }
        };
    }
    "int4inc" Immutable {
        (INT) -> PgType::INT4, strict, |call, row| {
            let more = i32::try_from(call.int(0, row).unwrap_or(0) + 1);
            more.map(|more| Value::Int(more.into())).map_err(|_| {
                Error::new(
                    SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                    "integer out of range",
                )
            })
        };
    }
    "int2_sum" Immutable {
        (BIGINT, SMALL) -> PgType::INT8, loose, sum;
    }
    "int4_sum" Immutable {
        (BIGINT, INT) -> PgType::INT8, loose, sum;
    }
    "booland_statefunc" Immutable {
        (BOOL, BOOL) -> PgType::BOOL, strict, |call, row| {
            Ok((call.bool(0, row) == Some(true) && call.bool(1, row) == Some(true)).into())
        };
    }
    "boolor_statefunc" Immutable {
        (BOOL, BOOL) -> PgType::BOOL, strict, |call, row| {
            Ok((call.bool(0, row) == Some(true) || call.bool(1, row) == Some(true)).into())
        };
    }
}

fn value(sums: Sums) -> Value {
    let parts = [sums.count, sums.sum, sums.squares];
    Value::List(parts.into_iter().map(Value::Float).collect())
}

fn floats(call: &Call<'_>, arg: usize, row: usize) -> Result<Sums> {
    let elements = call.array(arg, row).map(|(elements, _)| elements);
    let elements = elements
        .as_ref()
        .and_then(|of| of.as_primitive_opt::<Float64Type>());
    match elements.filter(|of| of.len() == 3 && of.null_count() == 0) {
        Some(of) => Ok(Sums {
            count: of.value(0),
            sum: of.value(1),
            squares: of.value(2),
        }),
        None => Err(Error::new(
            SqlState::INTERNAL_ERROR,
            format!("{}: expected 3-element float8 array", call.name()),
        )),
    }
}

fn add_float(call: &Call<'_>, row: usize) -> Result<Value> {
    let new = call.float(1, row).unwrap_or(f64::NAN);
    floats(call, 0, row)?.with(new).map(value)
}

/// A count and a sum.
fn integers(call: &Call<'_>, arg: usize, row: usize) -> Result<(i64, i64)> {
    let elements = call.array(arg, row).map(|(elements, _)| elements);
    let elements = elements.filter(|of| *of.data_type() == DataType::Int64);
    match elements.filter(|of| of.len() == 2 && of.null_count() == 0) {
        Some(of) => {
            let of = of.as_primitive::<Int64Type>();
            Ok((of.value(0), of.value(1)))
        }
        None => Err(Error::new(
            SqlState::INTERNAL_ERROR,
            "expected 2-element int8 array",
        )),
    }
}

fn pair(count: i64, sum: i64) -> Value {
    Value::List(vec![Value::Int(count), Value::Int(sum)])
}

fn add_integer(call: &Call<'_>, row: usize) -> Result<Value> {
    let (count, sum) = integers(call, 0, row)?;
    let new = call.int(1, row).unwrap_or(0);
    Ok(pair(count.wrapping_add(1), sum.wrapping_add(new)))
}

/// The sum of what is not NULL.
fn sum(call: &Call<'_>, row: usize) -> Result<Value> {
    Ok(match (call.int(0, row), call.int(1, row)) {
        (None, None) => Value::Null,
        (None, Some(only)) | (Some(only), None) => Value::Int(only),
        (Some(sum), Some(new)) => Value::Int(sum.wrapping_add(new)),
    })
}
