//! Circles.

use std::f64::consts::{PI, SQRT_2};

use super::real::{add, div, eq, ge, gt, le, lt, mul, sub, zero};
use super::{Figure, Move, Point, Polygon, Rectangle, invalid};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;

/// A `circle`.
#[derive(Debug, Clone, Copy)]
pub struct Circle {
    /// Its center.
    pub center: Point,
    /// Its radius.
    pub radius: f64,
}

impl Figure for Circle {
    const TYPE: PgType = PgType::CIRCLE;

    fn numbers(&self) -> Vec<f64> {
        vec![self.center.x, self.center.y, self.radius]
    }

    fn of_numbers(numbers: &[f64]) -> Option<Self> {
        match numbers {
            [x, y, radius] => Some(Self {
                center: Point { x: *x, y: *y },
                radius: *radius,
            }),
            _ => None,
        }
    }
}

impl Circle {
    /// `~=`
    pub fn same(self, other: Self) -> bool {
        let radii = self.radius.is_nan() && other.radius.is_nan() || eq(self.radius, other.radius);
        radii && self.center.same(other.center)
    }

    /// `&&`
    ///
    /// # Errors
    /// `22003`, as all that computes.
    pub fn overlaps(self, other: Self) -> Result<bool> {
        let apart = self.center.distance(other.center)?;
        Ok(le(apart, add(self.radius, other.radius)?))
    }

    /// `@>`
    ///
    /// # Errors
    /// `22003`
    pub fn contains(self, other: Self) -> Result<bool> {
        let apart = self.center.distance(other.center)?;
        Ok(le(apart, sub(self.radius, other.radius)?))
    }

    /// Whether a point is in it, exactly.
    ///
    /// # Errors
    /// `22003`
    pub fn holds(self, point: Point) -> Result<bool> {
        Ok(self.center.distance(point)? <= self.radius)
    }

    fn leftmost(self) -> Result<f64> {
        sub(self.center.x, self.radius)
    }

    fn rightmost(self) -> Result<f64> {
        add(self.center.x, self.radius)
    }

    fn top(self) -> Result<f64> {
        add(self.center.y, self.radius)
    }

    fn bottom(self) -> Result<f64> {
        sub(self.center.y, self.radius)
    }

    /// `<<`
    ///
    /// # Errors
    /// `22003`
    pub fn left(self, other: Self) -> Result<bool> {
        Ok(lt(self.rightmost()?, other.leftmost()?))
    }

    /// `&<`
    ///
    /// # Errors
    /// `22003`
    pub fn not_right(self, other: Self) -> Result<bool> {
        Ok(le(self.rightmost()?, other.rightmost()?))
    }

    /// `&>`
    ///
    /// # Errors
    /// `22003`
    pub fn not_left(self, other: Self) -> Result<bool> {
        Ok(ge(self.leftmost()?, other.leftmost()?))
    }

    /// `>>`
    ///
    /// # Errors
    /// `22003`
    pub fn right(self, other: Self) -> Result<bool> {
        Ok(gt(self.leftmost()?, other.rightmost()?))
    }

    /// `<<|`
    ///
    /// # Errors
    /// `22003`
    pub fn below(self, other: Self) -> Result<bool> {
        Ok(lt(self.top()?, other.bottom()?))
    }

    /// `&<|`
    ///
    /// # Errors
    /// `22003`
    pub fn not_above(self, other: Self) -> Result<bool> {
        Ok(le(self.top()?, other.top()?))
    }

    /// `|&>`
    ///
    /// # Errors
    /// `22003`
    pub fn not_below(self, other: Self) -> Result<bool> {
        Ok(ge(self.bottom()?, other.bottom()?))
    }

    /// `|>>`
    ///
    /// # Errors
    /// `22003`
    pub fn above(self, other: Self) -> Result<bool> {
        Ok(gt(self.bottom()?, other.top()?))
    }

    /// Its area.
    ///
    /// # Errors
    /// `22003`
    pub fn area(self) -> Result<f64> {
        mul(mul(self.radius, self.radius)?, PI)
    }

    /// Twice the radius.
    ///
    /// # Errors
    /// `22003`
    pub fn diameter(self) -> Result<f64> {
        mul(self.radius, 2.0)
    }

    /// Moved, turned and scaled by a point.
    ///
    /// # Errors
    /// `22003`, `22012`
    pub fn moved(self, how: Move, by: Point) -> Result<Self> {
        Ok(Self {
            center: how.point(self.center, by)?,
            radius: how.length(self.radius, by)?,
        })
    }

    /// The greatest box in it.
    ///
    /// # Errors
    /// `22003`
    pub fn rectangle(self) -> Result<Rectangle> {
        let half = div(self.radius, SQRT_2)?;
        Ok(Rectangle {
            high: Point {
                x: add(self.center.x, half)?,
                y: add(self.center.y, half)?,
            },
            low: Point {
                x: sub(self.center.x, half)?,
                y: sub(self.center.y, half)?,
            },
        })
    }

    /// The one around a box.
    ///
    /// # Errors
    /// `22003`
    pub fn around(rectangle: Rectangle) -> Result<Self> {
        let center = rectangle.center()?;
        Ok(Self {
            center,
            radius: center.distance(rectangle.high)?,
        })
    }

    /// So many points on it.
    ///
    /// # Errors
    /// `0A000` it has no radius; `22023` fewer than two points; `22003`
    pub fn polygon(self, count: i32) -> Result<Polygon> {
        if zero(self.radius) {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "cannot convert circle with radius zero to polygon",
            ));
        }
        if count < 2 {
            return Err(invalid("must request at least 2 points"));
        }
        let step = div(2.0 * PI, count.into())?;
        let points = (0..count).map(|at| {
            let angle = mul(step, at.into())?;
            Ok(Point {
                x: sub(self.center.x, mul(self.radius, angle.cos())?)?,
                y: add(self.center.y, mul(self.radius, angle.sin())?)?,
            })
        });
        Ok(Polygon {
            points: points.collect::<Result<_>>()?,
        })
    }
}
