//! Paths.

use super::real::{add, div, eq, mul, sub};
use super::{Figure, Move, Point, Polygon, Rectangle, Segment, count, invalid, of_points, points};
use crate::base::Result;
use crate::types::PgType;

/// A `path`.
#[derive(Debug, Clone)]
pub struct Path {
    /// Whether it ends where it starts.
    pub closed: bool,
    /// Its points.
    pub points: Vec<Point>,
}

impl Figure for Path {
    const TYPE: PgType = PgType::PATH;

    fn numbers(&self) -> Vec<f64> {
        of_points(&self.points)
    }

    fn of_numbers(numbers: &[f64]) -> Option<Self> {
        Some(Self {
            closed: true,
            points: points(numbers),
        })
    }

    fn head(&self) -> Vec<u8> {
        let mut head = vec![u8::from(self.closed)];
        head.extend_from_slice(&count(&self.points));
        head
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<5>()?;
        Some(Self {
            closed: head[0] != 0,
            ..Self::of_numbers(&super::numbers(rest)?)?
        })
    }
}

impl Path {
    /// Its line segments; of a closed one, first the one from the last point to the first.
    pub(super) fn segments(&self) -> impl Iterator<Item = Segment> {
        let around = match (self.closed, self.points.first(), self.points.last()) {
            (true, Some(first), Some(last)) => Some(Segment {
                start: *last,
                end: *first,
            }),
            _ => None,
        };
        let between = self.points.windows(2).map(|pair| Segment {
            start: pair[0],
            end: pair[1],
        });
        around.into_iter().chain(between)
    }

    /// How long it is.
    ///
    /// # Errors
    /// `22003`, as all that computes.
    pub fn length(&self) -> Result<f64> {
        self.segments()
            .try_fold(0.0, |sum, segment| add(sum, segment.length()?))
    }

    /// The area in it; an open one has none.
    ///
    /// # Errors
    /// `22003`
    pub fn area(&self) -> Result<Option<f64>> {
        if !self.closed {
            return Ok(None);
        }
        let mut area = 0.0;
        let next = self.points.iter().cycle().skip(1);
        for (a, b) in self.points.iter().zip(next) {
            area = add(area, mul(a.x, b.y)?)?;
            area = sub(area, mul(a.y, b.x)?)?;
        }
        div(area.abs(), 2.0).map(Some)
    }

    /// `?#`
    ///
    /// # Errors
    /// `22003`
    pub fn crosses(&self, other: &Self) -> Result<bool> {
        if !Rectangle::around(&self.points).overlaps(Rectangle::around(&other.points)) {
            return Ok(false);
        }
        for ours in self.segments() {
            for theirs in other.segments() {
                if ours.crossing(theirs)?.is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether a point is on it; of a closed one, or in it.
    ///
    /// # Errors
    /// `22003`
    pub fn holds(&self, point: Point) -> Result<bool> {
        if self.closed {
            let points = self.points.clone();
            return Polygon { points }.holds(point);
        }
        let Some(first) = self.points.first() else {
            return Ok(false);
        };
        let mut before = point.distance(*first)?;
        for pair in self.points.windows(2) {
            let after = point.distance(pair[1])?;
            if eq(add(before, after)?, pair[0].distance(pair[1])?) {
                return Ok(true);
            }
            before = after;
        }
        Ok(false)
    }

    /// Both, one after the other, if both are open.
    pub fn joined(&self, other: &Self) -> Option<Self> {
        (!self.closed && !other.closed).then(|| Self {
            closed: false,
            points: [self.points.as_slice(), other.points.as_slice()].concat(),
        })
    }

    /// Moved, turned and scaled by a point.
    ///
    /// # Errors
    /// `22003`, `22012`
    pub fn moved(&self, how: Move, by: Point) -> Result<Self> {
        let points = self.points.iter().map(|point| how.point(*point, by));
        Ok(Self {
            closed: self.closed,
            points: points.collect::<Result<_>>()?,
        })
    }

    /// The polygon it is around.
    ///
    /// # Errors
    /// `22023` it is open.
    pub fn polygon(self) -> Result<Polygon> {
        match self.closed {
            true => Ok(Polygon {
                points: self.points,
            }),
            false => Err(invalid("open path cannot be converted to polygon")),
        }
    }
}
