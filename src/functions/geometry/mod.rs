//! Geometric types: their operators and functions. They come as the bytes they are sent as.

mod make;
mod measure;
mod place;

use super::call::Call;
use super::resolve::Param;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::geometry::{Circle, Figure, Line, Path, Point, Polygon, Rectangle, Segment};

pub(super) use make::LIST as MAKE;
pub(super) use measure::LIST as MEASURE;
pub(super) use place::LIST as PLACE;

const POINT: Param = Param::Is(PgType::POINT);
const LSEG: Param = Param::Is(PgType::LSEG);
const PATH: Param = Param::Is(PgType::PATH);
const BOX: Param = Param::Is(PgType::BOX);
const POLYGON: Param = Param::Is(PgType::POLYGON);
const LINE: Param = Param::Is(PgType::LINE);
const CIRCLE: Param = Param::Is(PgType::CIRCLE);

/// An argument of a strict overload.
fn figure<F: Figure>(call: &Call<'_>, arg: usize, row: usize) -> Result<F> {
    F::unpack(call.bytes(arg, row))
        .ok_or_else(|| Error::internal("reading a geometric value", F::TYPE))
}

/// What a function gives, as a value.
trait Answer {
    fn value(self) -> Result<Value>;
}

macro_rules! answers {
    ($($plain:ty)*; $($figure:ty)*) => {
        $(impl Answer for $plain {
            fn value(self) -> Result<Value> {
                Ok(self.into())
            }
        })*
        $(impl Answer for $figure {
            fn value(self) -> Result<Value> {
                Ok(Value::Bytes(self.pack()))
            }
        })*
    };
}
answers!(bool f64 i32; Point Segment Path Rectangle Polygon Line Circle);

impl<A: Answer> Answer for Option<A> {
    fn value(self) -> Result<Value> {
        self.map_or(Ok(Value::Null), Answer::value)
    }
}

impl<A: Answer> Answer for Result<A> {
    fn value(self) -> Result<Value> {
        self.and_then(Answer::value)
    }
}

/// The body of a function of geometric values: `of!(|a: Point, b: Line| …)`.
macro_rules! of {
    (|$a:ident: $A:ty| $answer:expr) => {
        |call, row| {
            let $a = $crate::functions::geometry::figure::<$A>(call, 0, row)?;
            $crate::functions::geometry::Answer::value($answer)
        }
    };
    (|$a:ident: $A:ty, $b:ident: $B:ty| $answer:expr) => {
        |call, row| {
            let $a = $crate::functions::geometry::figure::<$A>(call, 0, row)?;
            let $b = $crate::functions::geometry::figure::<$B>(call, 1, row)?;
            $crate::functions::geometry::Answer::value($answer)
        }
    };
}
use of;

/// A value with a part of it replaced; as it is if there is no value or nothing to put into it.
fn replaced(call: &Call<'_>, row: usize) -> Result<Value> {
    if call.null(0, row) {
        return Ok(Value::Null);
    }
    let whole = call.bytes(0, row).to_vec();
    let part = match call.float(2, row) {
        _ if call.null(2, row) => return Ok(Value::Bytes(whole)),
        Some(number) => number.to_be_bytes().to_vec(),
        None => call.bytes(2, row).to_vec(),
    };
    let Some(at) = call.int(1, row) else {
        return Err(Error::new(
            SqlState::NULL_VALUE_NOT_ALLOWED,
            "array subscript in assignment must not be null",
        ));
    };
    let at = usize::try_from(at).ok();
    let range = at.map(|at| at.saturating_mul(part.len())..at.saturating_add(1) * part.len());
    let mut whole = whole;
    match range.and_then(|range| whole.get_mut(range)) {
        Some(place) => place.copy_from_slice(&part),
        None => {
            return Err(Error::new(
                SqlState::ARRAY_SUBSCRIPT_ERROR,
                "array subscript out of range",
            ));
        }
    }
    Ok(Value::Bytes(whole))
}

/// A point's, line's, line segment's or box's parts, by subscripts from 0.
pub(super) fn part<F: Figure>(call: &Call<'_>, row: usize, size: usize) -> Result<Value> {
    let numbers = figure::<F>(call, 0, row)?.numbers();
    let at = call.int(1, row).and_then(|at| usize::try_from(at).ok());
    let part = at.and_then(|at| numbers.chunks(size).nth(at));
    Ok(match part {
        None => Value::Null,
        Some([number]) => (*number).into(),
        Some(several) => Value::Bytes(several.iter().flat_map(|one| one.to_be_bytes()).collect()),
    })
}
