//! Polygons.

use super::real::{add, div, ge, gt, le, lt, mul, sub, zero};
use super::{Circle, Figure, Move, Path, Point, Rectangle, Segment, count, of_points, points};
use crate::base::Result;
use crate::types::PgType;

/// A `polygon`.
#[derive(Debug, Clone)]
pub struct Polygon {
    /// Its corners.
    pub points: Vec<Point>,
}

impl Figure for Polygon {
    const TYPE: PgType = PgType::POLYGON;

    fn numbers(&self) -> Vec<f64> {
        of_points(&self.points)
    }

    fn of_numbers(numbers: &[f64]) -> Option<Self> {
        Some(Self {
            points: points(numbers),
        })
    }

    fn head(&self) -> Vec<u8> {
        count(&self.points).to_vec()
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        let (_, rest) = bytes.split_first_chunk::<4>()?;
        Self::of_numbers(&super::numbers(rest)?)
    }
}

/// Where a way round a polygon goes around the origin.
enum Crossing {
    /// It goes through the origin.
    Through,
    /// How it crosses the axis to the right: 2 upwards, 1 half of it, less than 0 downwards.
    By(i32),
}

/// How the way from a point to another crosses the positive X axis.
fn crossing(from: Point, to: Point) -> Result<Crossing> {
    let (x, y) = (to.x, to.y);
    let by = |by| Ok(Crossing::By(by));
    if zero(y) {
        if zero(x) {
            return Ok(Crossing::Through);
        }
        if gt(x, 0.0) {
            if zero(from.y) {
                return match gt(from.x, 0.0) {
                    true => by(0),
                    false => Ok(Crossing::Through),
                };
            }
            return by(if lt(from.y, 0.0) { 1 } else { -1 });
        }
        if zero(from.y) && !lt(from.x, 0.0) {
            return Ok(Crossing::Through);
        }
        return by(0);
    }
    let sign = if gt(y, 0.0) { 1 } else { -1 };
    if zero(from.y) {
        return by(if lt(from.x, 0.0) { 0 } else { sign });
    }
    let same_side = |value: f64| sign < 0 && lt(value, 0.0) || sign > 0 && gt(value, 0.0);
    if same_side(from.y) {
        return by(0);
    }
    if ge(x, 0.0) && gt(from.x, 0.0) {
        return by(2 * sign);
    }
    if lt(x, 0.0) && le(from.x, 0.0) {
        return by(0);
    }
    let turn = sub(mul(sub(x, from.x)?, y)?, mul(sub(y, from.y)?, x)?)?;
    if zero(turn) {
        return Ok(Crossing::Through);
    }
    by(if same_side(turn) { 0 } else { 2 * sign })
}

impl Polygon {
    /// The least box around it.
    pub fn bounds(&self) -> Rectangle {
        Rectangle::around(&self.points)
    }

    /// How far to the left it goes. Unlike those of boxes, its ends are compared exactly.
    pub fn left_end(&self) -> f64 {
        self.bounds().low.x
    }

    /// How far to the right it goes.
    pub fn right_end(&self) -> f64 {
        self.bounds().high.x
    }

    /// How far up it goes.
    pub fn top(&self) -> f64 {
        self.bounds().high.y
    }

    /// How far down it goes.
    pub fn bottom(&self) -> f64 {
        self.bounds().low.y
    }

    /// Whether a point is in it or on its edge.
    ///
    /// # Errors
    /// `22003`, as all that computes.
    pub fn holds(&self, point: Point) -> Result<bool> {
        let seen = |corner: &Point| Move::Subtract.point(*corner, point);
        let Some(first) = self.points.first() else {
            return Ok(false);
        };
        let first = seen(first)?;
        let (mut before, mut total) = (first, 0);
        for corner in self.points.iter().skip(1) {
            let corner = seen(corner)?;
            match crossing(before, corner)? {
                Crossing::Through => return Ok(true),
                Crossing::By(by) => total += by,
            }
            before = corner;
        }
        match crossing(before, first)? {
            Crossing::Through => Ok(true),
            Crossing::By(by) => Ok(total + by != 0),
        }
    }

    /// Its sides; first the one from the last corner to the first.
    fn sides(&self) -> Vec<Segment> {
        let from = self.points.last().into_iter().chain(&self.points);
        let sides = from.zip(&self.points).map(|(start, end)| Segment {
            start: *start,
            end: *end,
        });
        sides.collect()
    }

    /// `&&`
    ///
    /// # Errors
    /// `22003`
    pub fn overlaps(&self, other: &Self) -> Result<bool> {
        if !self.bounds().overlaps(other.bounds()) {
            return Ok(false);
        }
        let theirs = other.sides();
        for ours in self.sides() {
            for theirs in &theirs {
                if ours.crossing(*theirs)?.is_some() {
                    return Ok(true);
                }
            }
        }
        // No side crosses another: one is in the other, or neither.
        let (Some(one), Some(two)) = (self.points.first(), other.points.first()) else {
            return Ok(false);
        };
        Ok(other.holds(*one)? || self.holds(*two)?)
    }

    /// `@>`
    ///
    /// # Errors
    /// `22003`
    pub fn contains(&self, other: &Self) -> Result<bool> {
        if !self.bounds().contains(other.bounds()) {
            return Ok(false);
        }
        for side in other.sides() {
            if !self.contains_segment(side, 0)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a line segment is in it; the sides before `first` do not cross it.
    fn contains_segment(&self, segment: Segment, first: usize) -> Result<bool> {
        let mut crossed = false;
        for (at, side) in self.sides().into_iter().enumerate().skip(first) {
            let rest = at + 1;
            let starts = side.holds(segment.start)?;
            let within = if starts && side.holds(segment.end)? {
                return Ok(true);
            } else if starts {
                self.contains_from(segment, side, rest)?
            } else if side.holds(segment.end)? {
                let back = Segment {
                    start: segment.end,
                    end: segment.start,
                };
                self.contains_from(back, side, rest)?
            } else if let Some(point) = segment.crossing(side)? {
                crossed = true;
                let part = |start| Segment { start, end: point };
                self.contains_segment(part(segment.start), rest)?
                    && self.contains_segment(part(segment.end), rest)?
            } else {
                true
            };
            if !within {
                return Ok(false);
            }
        }
        match crossed {
            // Its parts have been looked at.
            true => Ok(true),
            false => self.holds(segment.center()?),
        }
    }

    /// As [`Self::contains_segment`], of one that starts on a side. Where nothing is left that is
    /// not on that side, its middle tells later.
    fn contains_from(&self, segment: Segment, side: Segment, first: usize) -> Result<bool> {
        let over = if segment.start.same(side.start) {
            segment.holds(side.end)?.then_some(side.end)
        } else if segment.start.same(side.end) {
            segment.holds(side.start)?.then_some(side.start)
        } else if segment.holds(side.start)? {
            Some(side.start)
        } else if segment.holds(side.end)? {
            Some(side.end)
        } else {
            None
        };
        match over {
            Some(corner) => {
                let rest = Segment {
                    start: segment.end,
                    end: corner,
                };
                self.contains_segment(rest, first)
            }
            None => Ok(true),
        }
    }

    /// `~=`: the same corners, from whichever on, either way round.
    pub fn same(&self, other: &Self) -> bool {
        let count = self.points.len();
        if count != other.points.len() {
            return false;
        }
        let at = |index: usize| other.points[index % count];
        (0..count).any(|from| {
            let all = |to: &dyn Fn(usize) -> usize| {
                let ours = self.points.iter().enumerate();
                ours.into_iter()
                    .all(|(index, point)| at(to(index)).same(*point))
            };
            all(&|index| from + index) || all(&|index| from + count - index)
        })
    }

    /// Its corners as a closed path.
    pub fn path(self) -> Path {
        Path {
            closed: true,
            points: self.points,
        }
    }

    /// The circle around the mean of its corners with their mean distance from it.
    ///
    /// # Errors
    /// `22003`
    pub fn circle(&self) -> Result<Circle> {
        let origin = Point { x: 0.0, y: 0.0 };
        let mut points = self.points.iter();
        let sum = points.try_fold(origin, |sum, point| Move::Add.point(sum, *point))?;
        let count = f64::from(u32::try_from(self.points.len()).unwrap_or(u32::MAX));
        let center = Point {
            x: div(sum.x, count)?,
            y: div(sum.y, count)?,
        };
        let distances = self.points.iter();
        let sum = distances
            .map(|point| point.distance(center))
            .try_fold(0.0, |sum, distance| add(sum, distance?))?;
        Ok(Circle {
            center,
            radius: div(sum, count)?,
        })
    }
}
