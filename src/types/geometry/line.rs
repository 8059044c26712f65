//! Lines and line segments.

use super::real::{add, div, eq, mul, sub, zero};
use super::{Figure, Point, Rectangle, invalid, of_points, points, real};
use crate::base::Result;
use crate::types::PgType;

pub(super) const NOT_BOTH_ZERO: &str = "invalid line specification: A and B cannot both be zero";
pub(super) const NOT_DISTINCT: &str = "invalid line specification: must be two distinct points";

/// A `line`: the points where `a x + b y + c` is zero.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// What x is multiplied with.
    pub a: f64,
    /// What y is multiplied with.
    pub b: f64,
    /// What is added.
    pub c: f64,
}

impl Figure for Line {
    const TYPE: PgType = PgType::LINE;

    fn numbers(&self) -> Vec<f64> {
        vec![self.a, self.b, self.c]
    }

    fn of_numbers(numbers: &[f64]) -> Option<Self> {
        match numbers {
            [a, b, c] => Some(Self {
                a: *a,
                b: *b,
                c: *c,
            }),
            _ => None,
        }
    }
}

/// Zero without a sign.
fn unsigned(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value }
}

impl Line {
    /// The line through a point with a slope.
    pub(super) fn through(point: Point, slope: f64) -> Result<Self> {
        Ok(if slope.is_infinite() {
            Self {
                a: -1.0,
                b: 0.0,
                c: point.x,
            }
        } else if slope == 0.0 {
            Self {
                a: 0.0,
                b: -1.0,
                c: point.y,
            }
        } else {
            Self {
                a: slope,
                b: -1.0,
                c: unsigned(sub(point.y, mul(slope, point.x)?)?),
            }
        })
    }

    /// The line through two points.
    ///
    /// # Errors
    /// `22023` they are the same.
    pub fn of(a: Point, b: Point) -> Result<Self> {
        if a.same(b) {
            return Err(invalid(NOT_DISTINCT));
        }
        Self::through(a, a.slope(b)?)
    }

    /// Its slope.
    pub(super) fn slope(self) -> Result<f64> {
        if zero(self.a) {
            return Ok(0.0);
        }
        if zero(self.b) {
            return Ok(f64::INFINITY);
        }
        div(self.a, -self.b)
    }

    /// The slope of lines perpendicular to it.
    pub(super) fn across(self) -> Result<f64> {
        if zero(self.a) {
            return Ok(f64::INFINITY);
        }
        if zero(self.b) {
            return Ok(0.0);
        }
        div(self.b, self.a)
    }

    /// `=`
    ///
    /// # Errors
    /// `22003`, as all that computes.
    pub fn same(self, other: Self) -> Result<bool> {
        let (ours, theirs) = (self.numbers(), other.numbers());
        if ours.iter().chain(&theirs).any(|n| n.is_nan()) {
            return Ok(ours
                .iter()
                .zip(&theirs)
                .all(|(a, b)| real::order(*a, *b).is_eq()));
        }
        let ratio = match ours.iter().zip(&theirs).find(|(_, other)| !zero(**other)) {
            Some((a, b)) => div(*a, *b)?,
            None => 1.0,
        };
        for (a, b) in ours.iter().zip(&theirs) {
            if !eq(*a, mul(ratio, *b)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether it goes up and down.
    pub fn vertical(self) -> bool {
        zero(self.b)
    }

    /// Whether it goes left and right.
    pub fn horizontal(self) -> bool {
        zero(self.a)
    }

    /// `?-|`
    ///
    /// # Errors
    /// `22003`
    pub fn perpendicular(self, other: Self) -> Result<bool> {
        if zero(self.a) {
            return Ok(zero(other.b));
        }
        if zero(other.a) {
            return Ok(zero(self.b));
        }
        if zero(self.b) {
            return Ok(zero(other.a));
        }
        if zero(other.b) {
            return Ok(zero(self.a));
        }
        let slopes = div(mul(self.a, other.a)?, mul(self.b, other.b)?)?;
        Ok(eq(slopes, -1.0))
    }

    /// Where two lines cross; `None` if they do not.
    ///
    /// # Errors
    /// `22003`
    pub fn crossing(self, other: Self) -> Result<Option<Point>> {
        let (one, two) = if !zero(self.b) {
            (self, other)
        } else if !zero(other.b) {
            (other, self)
        } else {
            return Ok(None);
        };
        if eq(two.a, mul(one.a, div(two.b, one.b)?)?) {
            return Ok(None);
        }
        let x = div(
            sub(mul(one.b, two.c)?, mul(two.b, one.c)?)?,
            sub(mul(one.a, two.b)?, mul(two.a, one.b)?)?,
        )?;
        let y = div(-add(mul(one.a, x)?, one.c)?, one.b)?;
        Ok(Some(Point {
            x: unsigned(x),
            y: unsigned(y),
        }))
    }

    /// Whether a point is on it.
    ///
    /// # Errors
    /// `22003`
    pub fn holds(self, point: Point) -> Result<bool> {
        let off = add(add(mul(self.a, point.x)?, mul(self.b, point.y)?)?, self.c)?;
        Ok(zero(off))
    }

    /// Whether both ends of a line segment are on it.
    ///
    /// # Errors
    /// `22003`
    pub fn holds_segment(self, segment: Segment) -> Result<bool> {
        Ok(self.holds(segment.start)? && self.holds(segment.end)?)
    }

    /// How far two parallel lines are apart; others are not.
    ///
    /// # Errors
    /// `22003`
    pub fn distance(self, other: Self) -> Result<f64> {
        if self.crossing(other)?.is_some() {
            return Ok(0.0);
        }
        let known = |a: f64, b: f64| !zero(a) && !a.is_nan() && !zero(b) && !b.is_nan();
        let ratio = if known(self.a, other.a) {
            div(self.a, other.a)?
        } else if known(self.b, other.b) {
            div(self.b, other.b)?
        } else {
            1.0
        };
        let apart = sub(self.c, mul(ratio, other.c)?)?.abs();
        div(apart, real::hypot(self.a, self.b)?)
    }

    /// Whether it goes through a box.
    ///
    /// # Errors
    /// `22003`
    pub fn crosses_box(self, rectangle: Rectangle) -> Result<bool> {
        for side in rectangle.round() {
            if side.crossing_line(self)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// An `lseg`.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    /// Where it starts.
    pub start: Point,
    /// Where it ends.
    pub end: Point,
}

impl Figure for Segment {
    const TYPE: PgType = PgType::LSEG;

    fn numbers(&self) -> Vec<f64> {
        of_points(&[self.start, self.end])
    }

    fn of_numbers(numbers: &[f64]) -> Option<Self> {
        match points(numbers)[..] {
            [start, end] => Some(Self { start, end }),
            _ => None,
        }
    }
}

impl Segment {
    /// Its length.
    ///
    /// # Errors
    /// `22003`, as all that computes.
    pub fn length(self) -> Result<f64> {
        self.start.distance(self.end)
    }

    pub(super) fn slope(self) -> Result<f64> {
        self.start.slope(self.end)
    }

    pub(super) fn across(self) -> Result<f64> {
        self.start.across(self.end)
    }

    /// The line it is on.
    fn line(self) -> Result<Line> {
        Line::through(self.start, self.slope()?)
    }

    /// `=`
    pub fn same(self, other: Self) -> bool {
        self.start.same(other.start) && self.end.same(other.end)
    }

    /// Whether it goes up and down.
    pub fn vertical(self) -> bool {
        self.start.vertical(self.end)
    }

    /// Whether it goes left and right.
    pub fn horizontal(self) -> bool {
        self.start.horizontal(self.end)
    }

    /// `?||`
    ///
    /// # Errors
    /// `22003`
    pub fn parallel(self, other: Self) -> Result<bool> {
        Ok(eq(self.slope()?, other.slope()?))
    }

    /// `?-|`
    ///
    /// # Errors
    /// `22003`
    pub fn perpendicular(self, other: Self) -> Result<bool> {
        Ok(eq(self.slope()?, other.across()?))
    }

    /// The point in its middle.
    ///
    /// # Errors
    /// `22003`
    pub fn center(self) -> Result<Point> {
        self.start.middle(self.end)
    }

    /// Whether a point is on it: no way is longer that leads over it.
    ///
    /// # Errors
    /// `22003`
    pub fn holds(self, point: Point) -> Result<bool> {
        let over = point.distance(self.start)? + point.distance(self.end)?;
        Ok(eq(over, self.length()?))
    }

    /// Where it crosses a line.
    ///
    /// # Errors
    /// `22003`
    pub fn crossing_line(self, line: Line) -> Result<Option<Point>> {
        let Some(point) = self.line()?.crossing(line)? else {
            return Ok(None);
        };
        if !self.holds(point)? {
            return Ok(None);
        }
        // At an end, that end, without what rounding has added.
        let mut ends = [self.start, self.end].into_iter();
        let end = ends.find(|end| end.same(point));
        Ok(Some(end.unwrap_or(point)))
    }

    /// Where it crosses another.
    ///
    /// # Errors
    /// `22003`
    pub fn crossing(self, other: Self) -> Result<Option<Point>> {
        match self.crossing_line(other.line()?)? {
            Some(point) if other.holds(point)? => Ok(Some(point)),
            _ => Ok(None),
        }
    }

    /// Whether it goes through a box or is in it.
    ///
    /// # Errors
    /// `22003`
    pub fn crosses_box(self, rectangle: Rectangle) -> Result<bool> {
        let around = Rectangle {
            high: Point {
                x: real::max(self.start.x, self.end.x),
                y: real::max(self.start.y, self.end.y),
            },
            low: Point {
                x: real::min(self.start.x, self.end.x),
                y: real::min(self.start.y, self.end.y),
            },
        };
        if !around.overlaps(rectangle) {
            return Ok(false);
        }
        if rectangle.holds(self.start) || rectangle.holds(self.end) {
            return Ok(true);
        }
        for side in rectangle.sides() {
            if side.crossing(self)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
