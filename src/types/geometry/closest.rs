//! The points of figures that are closest to others, and how far they are.

use super::real::{less, sub};
use super::{Circle, Line, Path, Point, Polygon, Rectangle, Segment};
use crate::base::Result;

/// The point of a figure that is closest to another figure.
#[derive(Debug, Clone, Copy)]
pub struct Closest {
    /// How far it is; NaN if it could not be found.
    pub distance: f64,
    /// The point.
    pub point: Point,
}

impl Closest {
    /// The point, if it could be found.
    pub fn found(self) -> Option<Point> {
        (!self.distance.is_nan()).then_some(self.point)
    }

    /// This, or the other if that is closer.
    fn or_closer(self, other: Self) -> Self {
        match less(other.distance, self.distance) {
            true => other,
            false => self,
        }
    }
}

/// The least of distances; `None` if there are none.
fn least(so_far: Option<f64>, distance: f64) -> Option<f64> {
    match so_far {
        Some(least) if !less(distance, least) => Some(least),
        _ => Some(distance),
    }
}

/// A distance less a radius, within which there is none.
fn beyond(distance: f64, radius: f64) -> Result<f64> {
    let rest = sub(distance, radius)?;
    Ok(if rest < 0.0 { 0.0 } else { rest })
}

impl Line {
    /// Its point closest to a point.
    ///
    /// # Errors
    /// `22003`, as all that computes.
    pub fn closest(self, point: Point) -> Result<Closest> {
        let perpendicular = Self::through(point, self.across()?)?;
        Ok(match perpendicular.crossing(self)? {
            Some(foot) => Closest {
                distance: foot.distance(point)?,
                point: foot,
            },
            None => Closest {
                distance: f64::NAN,
                point,
            },
        })
    }
}

impl Segment {
    /// Its point closest to a point.
    ///
    /// # Errors
    /// `22003`, as all that computes.
    pub fn closest(self, point: Point) -> Result<Closest> {
        let perpendicular = Line::through(point, self.across()?)?;
        let closest = self.closest_to_line(perpendicular)?.point;
        Ok(Closest {
            distance: closest.distance(point)?,
            point: closest,
        })
    }

    /// Its point closest to a line.
    ///
    /// # Errors
    /// `22003`
    pub fn closest_to_line(self, line: Line) -> Result<Closest> {
        if let Some(point) = self.crossing_line(line)? {
            return Ok(Closest {
                distance: 0.0,
                point,
            });
        }
        let start = line.closest(self.start)?.distance;
        let end = line.closest(self.end)?.distance;
        let (distance, point) = match start < end {
            true => (start, self.start),
            false => (end, self.end),
        };
        Ok(Closest { distance, point })
    }

    /// Its point closest to another line segment.
    ///
    /// # Errors
    /// `22003`
    pub fn closest_to_segment(self, other: Self) -> Result<Closest> {
        if let Some(point) = self.crossing(other)? {
            return Ok(Closest {
                distance: 0.0,
                point,
            });
        }
        // An end of one of them is closest to the other.
        let mut closest = self
            .closest(other.start)?
            .or_closer(self.closest(other.end)?);
        for end in [self.start, self.end] {
            closest = closest.or_closer(Closest {
                distance: other.closest(end)?.distance,
                point: end,
            });
        }
        Ok(closest)
    }

    /// The point `##` gives; `None` if both go the same way.
    ///
    /// # Errors
    /// `22003`
    #[expect(clippy::float_cmp, reason = "exactly parallel ones alone have none")]
    pub fn closest_of(self, other: Self) -> Result<Option<Point>> {
        if self.slope()? == other.slope()? {
            return Ok(None);
        }
        Ok(self.closest_to_segment(other)?.found())
    }

    /// The point `##` gives for a line; `None` if both go the same way.
    ///
    /// # Errors
    /// `22003`
    #[expect(clippy::float_cmp, reason = "exactly parallel ones alone have none")]
    pub fn closest_of_line(self, line: Line) -> Result<Option<Point>> {
        if self.slope()? == line.slope()? {
            return Ok(None);
        }
        Ok(self.closest_to_line(line)?.found())
    }
}

impl Rectangle {
    /// Its point closest to a point.
    ///
    /// # Errors
    /// `22003`, as all that computes.
    pub fn closest(self, point: Point) -> Result<Closest> {
        if self.holds(point) {
            return Ok(Closest {
                distance: 0.0,
                point,
            });
        }
        let [first, others @ ..] = self.sides();
        let mut closest = first.closest(point)?;
        for side in others {
            closest = closest.or_closer(side.closest(point)?);
        }
        Ok(closest)
    }

    /// Its point closest to a line segment; of one that goes through it, the point of the segment
    /// closest to its center.
    ///
    /// # Errors
    /// `22003`
    pub fn closest_to_segment(self, segment: Segment) -> Result<Closest> {
        if segment.crosses_box(self)? {
            let point = segment.closest(self.center()?)?.point;
            return Ok(Closest {
                distance: 0.0,
                point,
            });
        }
        let [first, others @ ..] = self.sides();
        let mut closest = first.closest_to_segment(segment)?;
        for side in others {
            closest = closest.or_closer(side.closest_to_segment(segment)?);
        }
        Ok(closest)
    }
}

impl Path {
    /// How far a point is from it.
    ///
    /// # Errors
    /// `22003`, as all that computes.
    pub fn distance_to(&self, point: Point) -> Result<f64> {
        let mut result = None;
        for segment in self.segments() {
            result = least(result, segment.closest(point)?.distance);
        }
        Ok(result.unwrap_or(0.0))
    }

    /// How far another path is from it; `None` if one of them has no line segment.
    ///
    /// # Errors
    /// `22003`
    pub fn distance(&self, other: &Self) -> Result<Option<f64>> {
        let mut result = None;
        for ours in self.segments() {
            for theirs in other.segments() {
                result = least(result, ours.closest_to_segment(theirs)?.distance);
            }
        }
        Ok(result)
    }
}

impl Polygon {
    /// How far a point is from it; none that is in it.
    ///
    /// # Errors
    /// `22003`, as all that computes.
    pub fn distance_to(&self, point: Point) -> Result<f64> {
        if self.holds(point)? {
            return Ok(0.0);
        }
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return Ok(0.0);
        };
        let around = Segment {
            start: *first,
            end: *last,
        };
        let mut result = around.closest(point)?.distance;
        for pair in self.points.windows(2) {
            let side = Segment {
                start: pair[0],
                end: pair[1],
            };
            let distance = side.closest(point)?.distance;
            if less(distance, result) {
                result = distance;
            }
        }
        Ok(result)
    }

    /// How far another polygon is from it.
    ///
    /// # Errors
    /// `22003`
    pub fn distance(&self, other: &Self) -> Result<Option<f64>> {
        if self.overlaps(other)? {
            return Ok(Some(0.0));
        }
        let outline = |polygon: &Self| Path {
            closed: true,
            points: polygon.points.clone(),
        };
        outline(self).distance(&outline(other))
    }
}

impl Circle {
    /// How far a point is from it; none that is in it.
    ///
    /// # Errors
    /// `22003`, as all that computes.
    pub fn distance_to(self, point: Point) -> Result<f64> {
        beyond(point.distance(self.center)?, self.radius)
    }

    /// How far another circle is from it.
    ///
    /// # Errors
    /// `22003`
    pub fn distance(self, other: Self) -> Result<f64> {
        let radii = super::real::add(self.radius, other.radius)?;
        beyond(self.center.distance(other.center)?, radii)
    }

    /// How far a polygon is from it.
    ///
    /// # Errors
    /// `22003`
    pub fn distance_to_polygon(self, polygon: &Polygon) -> Result<f64> {
        beyond(polygon.distance_to(self.center)?, self.radius)
    }
}
