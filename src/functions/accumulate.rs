//! The steps of PostgreSQL's own aggregates that users make aggregates of, too: sums kept in an
//! array, and what is made of them.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::call::short::{BIGINT, BOOL, FLOAT, INT, SMALL};
use super::call::{Call, functions};
use super::resolve::Param;
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
            Ok(combined(floats(call, 0, row)?, floats(call, 1, row)?)?.value())
        };
    }
    "float8_avg" Immutable {
        (FLOATS) -> PgType::FLOAT8, strict, |call, row| {
            Ok(floats(call, 0, row)?.over(0.0, |sums| sums.sum))
        };
    }
    "float8_var_pop" Immutable {
        (FLOATS) -> PgType::FLOAT8, strict, |call, row| {
            Ok(floats(call, 0, row)?.over(0.0, |sums| sums.squares))
        };
    }
    "float8_var_samp" Immutable {
        (FLOATS) -> PgType::FLOAT8, strict, |call, row| {
            Ok(floats(call, 0, row)?.over(1.0, |sums| sums.squares))
        };
    }
    "float8_stddev_pop" Immutable {
        (FLOATS) -> PgType::FLOAT8, strict, |call, row| {
            Ok(root(floats(call, 0, row)?.over(0.0, |sums| sums.squares)))
        };
    }
    "float8_stddev_samp" Immutable {
        (FLOATS) -> PgType::FLOAT8, strict, |call, row| {
            Ok(root(floats(call, 0, row)?.over(1.0, |sums| sums.squares)))
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

/// How many values there were, their sum, and the sum of the squares of their distances from the
/// mean, by Youngs and Cramer.
#[derive(Debug, Clone, Copy)]
struct Sums {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Sums {
    fn value(self) -> Value {
        let parts = [self.count, self.sum, self.squares];
        Value::List(parts.into_iter().map(Value::Float).collect())
    }

    /// Something divided by all values but so many; NULL if those are all.
    fn over(self, but: f64, what: impl Fn(Self) -> f64) -> Value {
        match self.count > but {
            true => Value::Float(what(self) / (self.count - but)),
            false => Value::Null,
        }
    }
}

fn root(value: Value) -> Value {
    match value {
        Value::Float(value) => Value::Float(value.sqrt()),
        other => other,
    }
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
    let before = floats(call, 0, row)?;
    let new = call.float(1, row).unwrap_or(f64::NAN);
    let mut sums = Sums {
        count: before.count + 1.0,
        sum: before.sum + new,
        squares: before.squares,
    };
    if before.count > 0.0 {
        let distance = new * sums.count - sums.sum;
        sums.squares += distance * distance / (sums.count * before.count);
        if sums.sum.is_infinite() || sums.squares.is_infinite() {
            if !before.sum.is_infinite() && !new.is_infinite() {
                return Err(overflow());
            }
            sums.squares = f64::NAN;
        }
    } else if !new.is_finite() {
        sums.squares = f64::NAN;
    }
    Ok(sums.value())
}

fn combined(a: Sums, b: Sums) -> Result<Sums> {
    if a.count == 0.0 {
        return Ok(b);
    }
    if b.count == 0.0 {
        return Ok(a);
    }
    let count = a.count + b.count;
    let sum = a.sum + b.sum;
    let distance = a.sum / a.count - b.sum / b.count;
    let squares = a.squares + b.squares + a.count * b.count * distance * distance / count;
    let new =
        |value: f64, x: f64, y: f64| value.is_infinite() && !x.is_infinite() && !y.is_infinite();
    if new(sum, a.sum, b.sum) || new(squares, a.squares, b.squares) {
        return Err(overflow());
    }
    Ok(Sums {
        count,
        sum,
        squares,
    })
}

fn overflow() -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "value out of range: overflow",
    )
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
