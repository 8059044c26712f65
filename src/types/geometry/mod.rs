//! Geometric types: points, lines, line segments, boxes, paths, polygons and circles.
//!
//! A value travels as the bytes that PostgreSQL sends it as. They say nothing of an order: there is
//! none, and what equals what is for the operators to say, which look away from small differences.
//! What operators and functions give is in PostgreSQL's documentation (Geometric Functions and
//! Operators); where that says no more than a name, it is as PostgreSQL 15 answers.

mod circle;
mod closest;
mod line;
mod path;
mod plane;
mod polygon;
mod real;
mod text;

/// Comparisons of numbers that look away from small differences.
pub mod fuzzy {
    pub use super::real::{eq, ge, gt, le, lt, ne};
}

use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::binary::{bad, insufficient};

pub use circle::Circle;
pub use closest::Closest;
pub use line::{Line, Segment};
pub use path::Path;
pub use plane::{Move, Point, Rectangle};
pub use polygon::Polygon;
pub(in crate::types) use text::{parse, write};

/// A geometric type.
pub trait Figure: Sized {
    /// The type.
    const TYPE: PgType;

    /// The coordinates, in the order they are sent.
    fn numbers(&self) -> Vec<f64>;

    /// What has these coordinates; `None` if it is not as many as needed.
    fn of_numbers(numbers: &[f64]) -> Option<Self>;

    /// What is sent before the coordinates.
    fn head(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The bytes a value travels as.
    fn pack(&self) -> Vec<u8> {
        let mut bytes = self.head();
        for number in self.numbers() {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    /// The value that travels as these bytes; `None` if they are none.
    fn unpack(bytes: &[u8]) -> Option<Self> {
        Self::of_numbers(&numbers(bytes)?)
    }
}

/// Coordinates as they are sent.
fn numbers(bytes: &[u8]) -> Option<Vec<f64>> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    rest.is_empty()
        .then(|| numbers.iter().map(|one| f64::from_be_bytes(*one)).collect())
}

/// Points of these coordinates.
fn points(numbers: &[f64]) -> Vec<Point> {
    let (pairs, _) = numbers.as_chunks::<2>();
    pairs.iter().map(|[x, y]| Point { x: *x, y: *y }).collect()
}

/// The coordinates of points.
fn of_points(points: &[Point]) -> Vec<f64> {
    points.iter().flat_map(|point| [point.x, point.y]).collect()
}

/// A count of points as it is sent.
fn count(points: &[Point]) -> [u8; 4] {
    i32::try_from(points.len())
        .unwrap_or(i32::MAX)
        .to_be_bytes()
}

/// Takes a count of points off sent bytes, and checks that so many follow.
fn counted(ty: PgType, bytes: &[u8]) -> Result<Vec<Point>> {
    let (count, rest) = bytes.split_first_chunk::<4>().ok_or_else(insufficient)?;
    let count = usize::try_from(i32::from_be_bytes(*count)).unwrap_or(0);
    if count == 0 {
        return Err(bad(format!(
            "invalid number of points in external \"{}\" value",
            ty.info().name
        )));
    }
    let numbers = exactly(rest, count.saturating_mul(2))?;
    Ok(points(&numbers))
}

/// So many coordinates and nothing else.
fn exactly(bytes: &[u8], count: usize) -> Result<Vec<f64>> {
    match numbers(bytes) {
        Some(numbers) if numbers.len() == count => Ok(numbers),
        _ if bytes.len() / 8 < count => Err(insufficient()),
        _ => Err(bad("incorrect binary data format")),
    }
}

/// Reads a value as it is sent; gives the bytes it travels as.
///
/// # Errors
/// `08P01`, `22P03`
pub(in crate::types) fn receive(ty: PgType, bytes: &[u8]) -> Result<Vec<u8>> {
    Ok(match ty.plain() {
        PgType::POINT => exactly(bytes, 2).map(|_| bytes.to_vec())?,
        PgType::LSEG => exactly(bytes, 4).map(|_| bytes.to_vec())?,
        PgType::BOX => {
            let corners = points(&exactly(bytes, 4)?);
            Rectangle::read(corners[0], corners[1]).pack()
        }
        PgType::LINE => {
            let numbers = exactly(bytes, 3)?;
            if real::zero(numbers[0]) && real::zero(numbers[1]) {
                return Err(bad(line::NOT_BOTH_ZERO));
            }
            bytes.to_vec()
        }
        PgType::CIRCLE => {
            if exactly(bytes, 3)?[2] < 0.0 {
                return Err(bad("invalid radius in external \"circle\" value"));
            }
            bytes.to_vec()
        }
        PgType::PATH => {
            let (closed, rest) = bytes.split_first().ok_or_else(insufficient)?;
            let points = counted(ty, rest)?;
            Path {
                closed: *closed != 0,
                points,
            }
            .pack()
        }
        _ => counted(ty, bytes).map(|_| bytes.to_vec())?,
    })
}

/// `22023`
fn invalid(message: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

#[cfg(test)]
mod tests;
