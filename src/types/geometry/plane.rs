//! Points and boxes.

use super::real::{self, add, div, eq, ge, gt, hypot, le, less, lt, max, min, mul, order, sub};
use super::{Figure, Polygon, Segment, of_points, points};
use crate::base::Result;
use crate::types::PgType;

/// A `point`.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
}

impl Figure for Point {
    const TYPE: PgType = PgType::POINT;

    fn numbers(&self) -> Vec<f64> {
        vec![self.x, self.y]
    }

    fn of_numbers(numbers: &[f64]) -> Option<Self> {
        match numbers {
            [x, y] => Some(Self { x: *x, y: *y }),
            _ => None,
        }
    }
}

impl Point {
    /// Whether they are the same; of NaN, whether it is in the same place.
    pub fn same(self, other: Self) -> bool {
        if [self.x, self.y, other.x, other.y]
            .iter()
            .any(|n| n.is_nan())
        {
            return order(self.x, other.x).is_eq() && order(self.y, other.y).is_eq();
        }
        eq(self.x, other.x) && eq(self.y, other.y)
    }

    /// Whether one is above the other.
    pub fn vertical(self, other: Self) -> bool {
        eq(self.x, other.x)
    }

    /// Whether one is beside the other.
    pub fn horizontal(self, other: Self) -> bool {
        eq(self.y, other.y)
    }

    /// `<<`
    pub fn left(self, other: Self) -> bool {
        lt(self.x, other.x)
    }

    /// `>>`
    pub fn right(self, other: Self) -> bool {
        gt(self.x, other.x)
    }

    /// `<<|`
    pub fn below(self, other: Self) -> bool {
        lt(self.y, other.y)
    }

    /// `|>>`
    pub fn above(self, other: Self) -> bool {
        gt(self.y, other.y)
    }

    /// How far it is to another.
    ///
    /// # Errors
    /// `22003`, as all that computes.
    pub fn distance(self, other: Self) -> Result<f64> {
        hypot(sub(self.x, other.x)?, sub(self.y, other.y)?)
    }

    /// How far it is to the origin.
    pub(super) fn length(self) -> Result<f64> {
        hypot(self.x, self.y)
    }

    /// The slope of the line through both.
    ///
    /// # Errors
    /// `22003`
    pub fn slope(self, other: Self) -> Result<f64> {
        if eq(self.x, other.x) {
            return Ok(f64::INFINITY);
        }
        if eq(self.y, other.y) {
            return Ok(0.0);
        }
        div(sub(self.y, other.y)?, sub(self.x, other.x)?)
    }

    /// The slope of the lines that are perpendicular to the one through both.
    pub(super) fn across(self, other: Self) -> Result<f64> {
        if eq(self.x, other.x) {
            return Ok(0.0);
        }
        if eq(self.y, other.y) {
            return Ok(f64::INFINITY);
        }
        div(sub(self.x, other.x)?, sub(other.y, self.y)?)
    }

    /// Half way to another.
    pub(super) fn middle(self, other: Self) -> Result<Self> {
        Ok(Self {
            x: div(add(self.x, other.x)?, 2.0)?,
            y: div(add(self.y, other.y)?, 2.0)?,
        })
    }
}

/// What a point does to points: `+` and `-` move them, `*` and `/` turn and scale them, as complex
/// numbers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

impl Move {
    /// A point moved by another.
    ///
    /// # Errors
    /// `22003`, `22012`
    pub fn point(self, a: Point, b: Point) -> Result<Point> {
        Ok(match self {
            Self::Add => Point {
                x: add(a.x, b.x)?,
                y: add(a.y, b.y)?,
            },
            Self::Subtract => Point {
                x: sub(a.x, b.x)?,
                y: sub(a.y, b.y)?,
            },
            Self::Multiply => Point {
                x: sub(mul(a.x, b.x)?, mul(a.y, b.y)?)?,
                y: add(mul(a.x, b.y)?, mul(a.y, b.x)?)?,
            },
            Self::Divide => {
                let by = add(mul(b.x, b.x)?, mul(b.y, b.y)?)?;
                Point {
                    x: div(add(mul(a.x, b.x)?, mul(a.y, b.y)?)?, by)?,
                    y: div(sub(mul(a.y, b.x)?, mul(a.x, b.y)?)?, by)?,
                }
            }
        })
    }

    /// A length as it is after the move.
    ///
    /// # Errors
    /// `22003`, `22012`
    pub(super) fn length(self, length: f64, by: Point) -> Result<f64> {
        match self {
            Self::Add | Self::Subtract => Ok(length),
            Self::Multiply => mul(length, by.length()?),
            Self::Divide => div(length, by.length()?),
        }
    }

    /// A box with both corners moved.
    ///
    /// # Errors
    /// As [`Self::point`].
    pub fn rectangle(self, a: Rectangle, by: Point) -> Result<Rectangle> {
        let (high, low) = (self.point(a.high, by)?, self.point(a.low, by)?);
        Ok(match self {
            Self::Add | Self::Subtract => Rectangle { high, low },
            Self::Multiply | Self::Divide => Rectangle::of(high, low),
        })
    }
}

/// A `box`.
#[derive(Debug, Clone, Copy)]
pub struct Rectangle {
    /// The upper right corner.
    pub high: Point,
    /// The lower left corner.
    pub low: Point,
}

impl Figure for Rectangle {
    const TYPE: PgType = PgType::BOX;

    fn numbers(&self) -> Vec<f64> {
        of_points(&[self.high, self.low])
    }

    fn of_numbers(numbers: &[f64]) -> Option<Self> {
        match points(numbers)[..] {
            [high, low] => Some(Self { high, low }),
            _ => None,
        }
    }
}

impl Rectangle {
    /// The one with these opposite corners.
    pub fn of(a: Point, b: Point) -> Self {
        let ordered = |a: f64, b: f64| {
            if real::order(a, b).is_gt() {
                (a, b)
            } else {
                (b, a)
            }
        };
        let ((right, left), (top, bottom)) = (ordered(a.x, b.x), ordered(a.y, b.y));
        Self {
            high: Point { x: right, y: top },
            low: Point { x: left, y: bottom },
        }
    }

    /// The least one around points.
    pub(super) fn around(points: &[Point]) -> Self {
        let first = points.first().copied().unwrap_or(Point { x: 0.0, y: 0.0 });
        let (mut high, mut low) = (first, first);
        for point in points {
            high = Point {
                x: max(point.x, high.x),
                y: max(point.y, high.y),
            };
            low = Point {
                x: min(point.x, low.x),
                y: min(point.y, low.y),
            };
        }
        Self { high, low }
    }

    /// `~=`
    pub fn same(self, other: Self) -> bool {
        self.high.same(other.high) && self.low.same(other.low)
    }

    /// `&&`
    pub fn overlaps(self, other: Self) -> bool {
        le(self.low.x, other.high.x)
            && le(other.low.x, self.high.x)
            && le(self.low.y, other.high.y)
            && le(other.low.y, self.high.y)
    }

    /// `<<`
    pub fn left(self, other: Self) -> bool {
        lt(self.high.x, other.low.x)
    }

    /// `&<`
    pub fn not_right(self, other: Self) -> bool {
        le(self.high.x, other.high.x)
    }

    /// `&>`
    pub fn not_left(self, other: Self) -> bool {
        ge(self.low.x, other.low.x)
    }

    /// `<<|`
    pub fn below(self, other: Self) -> bool {
        lt(self.high.y, other.low.y)
    }

    /// `&<|`
    pub fn not_above(self, other: Self) -> bool {
        le(self.high.y, other.high.y)
    }

    /// `|&>`
    pub fn not_below(self, other: Self) -> bool {
        ge(self.low.y, other.low.y)
    }

    /// `<^`, which may touch.
    pub fn up_to(self, other: Self) -> bool {
        le(self.high.y, other.low.y)
    }

    /// `>>`
    pub fn right(self, other: Self) -> bool {
        gt(self.low.x, other.high.x)
    }

    /// `|>>`
    pub fn above(self, other: Self) -> bool {
        gt(self.low.y, other.high.y)
    }

    /// `>^`, which may touch.
    pub fn down_to(self, other: Self) -> bool {
        ge(self.low.y, other.high.y)
    }

    /// `@>`
    pub fn contains(self, other: Self) -> bool {
        ge(self.high.x, other.high.x)
            && le(self.low.x, other.low.x)
            && ge(self.high.y, other.high.y)
            && le(self.low.y, other.low.y)
    }

    /// Whether a point is in it or on its edge, exactly.
    pub fn holds(self, point: Point) -> bool {
        self.high.x >= point.x
            && self.low.x <= point.x
            && self.high.y >= point.y
            && self.low.y <= point.y
    }

    /// Whether both ends of a line segment are in it.
    pub fn holds_segment(self, segment: Segment) -> bool {
        self.holds(segment.start) && self.holds(segment.end)
    }

    /// From left to right.
    ///
    /// # Errors
    /// `22003`, as all that computes.
    pub fn width(self) -> Result<f64> {
        sub(self.high.x, self.low.x)
    }

    /// From bottom to top.
    ///
    /// # Errors
    /// `22003`
    pub fn height(self) -> Result<f64> {
        sub(self.high.y, self.low.y)
    }

    /// Its area.
    ///
    /// # Errors
    /// `22003`
    pub fn area(self) -> Result<f64> {
        mul(self.width()?, self.height()?)
    }

    /// Its center.
    ///
    /// # Errors
    /// `22003`
    pub fn center(self) -> Result<Point> {
        self.high.middle(self.low)
    }

    /// From center to center.
    ///
    /// # Errors
    /// `22003`
    pub fn distance(self, other: Self) -> Result<f64> {
        self.center()?.distance(other.center()?)
    }

    /// What both have in common, if they overlap.
    pub fn intersection(self, other: Self) -> Option<Self> {
        self.overlaps(other).then(|| Self {
            high: Point {
                x: min(self.high.x, other.high.x),
                y: min(self.high.y, other.high.y),
            },
            low: Point {
                x: max(self.low.x, other.low.x),
                y: max(self.low.y, other.low.y),
            },
        })
    }

    /// The least one around both.
    #[must_use]
    pub fn bound(self, other: Self) -> Self {
        Self {
            high: Point {
                x: max(self.high.x, other.high.x),
                y: max(self.high.y, other.high.y),
            },
            low: Point {
                x: min(self.low.x, other.low.x),
                y: min(self.low.y, other.low.y),
            },
        }
    }

    /// From the upper right corner to the lower left one.
    pub fn diagonal(self) -> Segment {
        Segment {
            start: self.high,
            end: self.low,
        }
    }

    fn upper_left(self) -> Point {
        Point {
            x: self.low.x,
            y: self.high.y,
        }
    }

    fn lower_right(self) -> Point {
        Point {
            x: self.high.x,
            y: self.low.y,
        }
    }

    /// Its corners, from the lower left one round.
    pub fn polygon(self) -> Polygon {
        Polygon {
            points: vec![self.low, self.upper_left(), self.high, self.lower_right()],
        }
    }

    /// Its sides, each from the upper right or lower left corner.
    pub(super) fn sides(self) -> [Segment; 4] {
        let from = |start: Point, end: Point| Segment { start, end };
        [
            from(self.low, self.upper_left()),
            from(self.high, self.upper_left()),
            from(self.low, self.lower_right()),
            from(self.high, self.lower_right()),
        ]
    }

    /// Its sides, one after the other.
    pub(super) fn round(self) -> [Segment; 4] {
        let corners = [self.low, self.upper_left(), self.high, self.lower_right()];
        std::array::from_fn(|at| Segment {
            start: corners[at],
            end: corners[(at + 1) % 4],
        })
    }

    /// As [`Self::of`], where of two zeros each stays at its corner: what input functions read.
    pub(super) fn read(a: Point, b: Point) -> Self {
        let ordered = |a: f64, b: f64| if less(a, b) { (b, a) } else { (a, b) };
        let ((right, left), (top, bottom)) = (ordered(a.x, b.x), ordered(a.y, b.y));
        Self {
            high: Point { x: right, y: top },
            low: Point { x: left, y: bottom },
        }
    }
}
