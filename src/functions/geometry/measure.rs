//! Distances, lengths and areas of geometric values, and their comparisons by these.

use super::{BOX, CIRCLE, LINE, LSEG, PATH, POINT, POLYGON, of};
use crate::base::Result;
use crate::functions::call::functions;
use crate::types::PgType;
use crate::types::geometry::{Circle, Line, Path, Point, Polygon, Rectangle, Segment, fuzzy};

functions! { pub(in crate::functions) LIST:
    "<-> geometry" Immutable {
        (POINT, POINT) -> PgType::FLOAT8, strict, of!(|a: Point, b: Point| a.distance(b));
        (POINT, LINE) -> PgType::FLOAT8, strict, of!(|a: Point, b: Line| far(b.closest(a)));
        (LINE, POINT) -> PgType::FLOAT8, strict, of!(|a: Line, b: Point| far(a.closest(b)));
        (POINT, LSEG) -> PgType::FLOAT8, strict, of!(|a: Point, b: Segment| far(b.closest(a)));
        (LSEG, POINT) -> PgType::FLOAT8, strict, of!(|a: Segment, b: Point| far(a.closest(b)));
        (POINT, BOX) -> PgType::FLOAT8, strict, of!(|a: Point, b: Rectangle| far(b.closest(a)));
        (BOX, POINT) -> PgType::FLOAT8, strict, of!(|a: Rectangle, b: Point| far(a.closest(b)));
        (POINT, PATH) -> PgType::FLOAT8, strict, of!(|a: Point, b: Path| b.distance_to(a));
        (PATH, POINT) -> PgType::FLOAT8, strict, of!(|a: Path, b: Point| a.distance_to(b));
        (POINT, POLYGON) -> PgType::FLOAT8, strict, of!(|a: Point, b: Polygon| b.distance_to(a));
        (POLYGON, POINT) -> PgType::FLOAT8, strict, of!(|a: Polygon, b: Point| a.distance_to(b));
        (POINT, CIRCLE) -> PgType::FLOAT8, strict, of!(|a: Point, b: Circle| b.distance_to(a));
        (CIRCLE, POINT) -> PgType::FLOAT8, strict, of!(|a: Circle, b: Point| a.distance_to(b));
        (LSEG, LSEG) -> PgType::FLOAT8, strict, of!(|a: Segment, b: Segment| far(a.closest_to_segment(b)));
        (LSEG, LINE) -> PgType::FLOAT8, strict, of!(|a: Segment, b: Line| far(a.closest_to_line(b)));
        (LINE, LSEG) -> PgType::FLOAT8, strict, of!(|a: Line, b: Segment| far(b.closest_to_line(a)));
        (LSEG, BOX) -> PgType::FLOAT8, strict, of!(|a: Segment, b: Rectangle| far(b.closest_to_segment(a)));
        (BOX, LSEG) -> PgType::FLOAT8, strict, of!(|a: Rectangle, b: Segment| far(a.closest_to_segment(b)));
        (LINE, LINE) -> PgType::FLOAT8, strict, of!(|a: Line, b: Line| a.distance(b));
        (BOX, BOX) -> PgType::FLOAT8, strict, of!(|a: Rectangle, b: Rectangle| a.distance(b));
        (PATH, PATH) -> PgType::FLOAT8, strict, of!(|a: Path, b: Path| a.distance(&b));
        (POLYGON, POLYGON) -> PgType::FLOAT8, strict, of!(|a: Polygon, b: Polygon| a.distance(&b));
        (CIRCLE, CIRCLE) -> PgType::FLOAT8, strict, of!(|a: Circle, b: Circle| a.distance(b));
        (CIRCLE, POLYGON) -> PgType::FLOAT8, strict, of!(|a: Circle, b: Polygon| a.distance_to_polygon(&b));
        (POLYGON, CIRCLE) -> PgType::FLOAT8, strict, of!(|a: Polygon, b: Circle| b.distance_to_polygon(&a));
    }
    "area geometry" Immutable {
        (BOX) -> PgType::FLOAT8, strict, of!(|a: Rectangle| a.area());
        (CIRCLE) -> PgType::FLOAT8, strict, of!(|a: Circle| a.area());
        (PATH) -> PgType::FLOAT8, strict, of!(|a: Path| a.area());
    }
    "height geometry" Immutable {
        (BOX) -> PgType::FLOAT8, strict, of!(|a: Rectangle| a.height());
    }
    "width geometry" Immutable {
        (BOX) -> PgType::FLOAT8, strict, of!(|a: Rectangle| a.width());
    }
    "diameter geometry" Immutable {
        (CIRCLE) -> PgType::FLOAT8, strict, of!(|a: Circle| a.diameter());
    }
    "radius geometry" Immutable {
        (CIRCLE) -> PgType::FLOAT8, strict, of!(|a: Circle| a.radius);
    }
    "length geometry" Immutable {
        (LSEG) -> PgType::FLOAT8, strict, of!(|a: Segment| a.length());
        (PATH) -> PgType::FLOAT8, strict, of!(|a: Path| a.length());
    }
    "@-@ geometry" Immutable {
        (LSEG) -> PgType::FLOAT8, strict, of!(|a: Segment| a.length());
        (PATH) -> PgType::FLOAT8, strict, of!(|a: Path| a.length());
    }
    "slope geometry" Immutable {
        (POINT, POINT) -> PgType::FLOAT8, strict, of!(|a: Point, b: Point| a.slope(b));
    }

    "= geometry" Immutable {
        (LSEG, LSEG) -> PgType::BOOL, strict, of!(|a: Segment, b: Segment| a.same(b));
        (LINE, LINE) -> PgType::BOOL, strict, of!(|a: Line, b: Line| a.same(b));
        (BOX, BOX) -> PgType::BOOL, strict, of!(|a: Rectangle, b: Rectangle| boxes(a, b, fuzzy::eq));
        (PATH, PATH) -> PgType::BOOL, strict, of!(|a: Path, b: Path| a.points.len() == b.points.len());
        (CIRCLE, CIRCLE) -> PgType::BOOL, strict, of!(|a: Circle, b: Circle| circles(a, b, fuzzy::eq));
    }
    "<> geometry" Immutable {
        (POINT, POINT) -> PgType::BOOL, strict, of!(|a: Point, b: Point| !a.same(b));
        (LSEG, LSEG) -> PgType::BOOL, strict, of!(|a: Segment, b: Segment| !a.same(b));
        (CIRCLE, CIRCLE) -> PgType::BOOL, strict, of!(|a: Circle, b: Circle| circles(a, b, fuzzy::ne));
    }
    "< geometry" Immutable {
        (LSEG, LSEG) -> PgType::BOOL, strict, of!(|a: Segment, b: Segment| segments(a, b, fuzzy::lt));
        (BOX, BOX) -> PgType::BOOL, strict, of!(|a: Rectangle, b: Rectangle| boxes(a, b, fuzzy::lt));
        (PATH, PATH) -> PgType::BOOL, strict, of!(|a: Path, b: Path| a.points.len() < b.points.len());
        (CIRCLE, CIRCLE) -> PgType::BOOL, strict, of!(|a: Circle, b: Circle| circles(a, b, fuzzy::lt));
    }
    "<= geometry" Immutable {
        (LSEG, LSEG) -> PgType::BOOL, strict, of!(|a: Segment, b: Segment| segments(a, b, fuzzy::le));
        (BOX, BOX) -> PgType::BOOL, strict, of!(|a: Rectangle, b: Rectangle| boxes(a, b, fuzzy::le));
        (PATH, PATH) -> PgType::BOOL, strict, of!(|a: Path, b: Path| a.points.len() <= b.points.len());
        (CIRCLE, CIRCLE) -> PgType::BOOL, strict, of!(|a: Circle, b: Circle| circles(a, b, fuzzy::le));
    }
    "> geometry" Immutable {
        (LSEG, LSEG) -> PgType::BOOL, strict, of!(|a: Segment, b: Segment| segments(a, b, fuzzy::gt));
        (BOX, BOX) -> PgType::BOOL, strict, of!(|a: Rectangle, b: Rectangle| boxes(a, b, fuzzy::gt));
        (PATH, PATH) -> PgType::BOOL, strict, of!(|a: Path, b: Path| a.points.len() > b.points.len());
        (CIRCLE, CIRCLE) -> PgType::BOOL, strict, of!(|a: Circle, b: Circle| circles(a, b, fuzzy::gt));
    }
    ">= geometry" Immutable {
        (LSEG, LSEG) -> PgType::BOOL, strict, of!(|a: Segment, b: Segment| segments(a, b, fuzzy::ge));
        (BOX, BOX) -> PgType::BOOL, strict, of!(|a: Rectangle, b: Rectangle| boxes(a, b, fuzzy::ge));
        (PATH, PATH) -> PgType::BOOL, strict, of!(|a: Path, b: Path| a.points.len() >= b.points.len());
        (CIRCLE, CIRCLE) -> PgType::BOOL, strict, of!(|a: Circle, b: Circle| circles(a, b, fuzzy::ge));
    }
}

fn far(closest: Result<crate::types::geometry::Closest>) -> Result<f64> {
    closest.map(|closest| closest.distance)
}

/// Line segments compare by their lengths, boxes and circles by their areas, paths by how many
/// points they have.
type Compare = fn(f64, f64) -> bool;

fn segments(a: Segment, b: Segment, compare: Compare) -> Result<bool> {
    Ok(compare(a.length()?, b.length()?))
}

fn boxes(a: Rectangle, b: Rectangle, compare: Compare) -> Result<bool> {
    Ok(compare(a.area()?, b.area()?))
}

fn circles(a: Circle, b: Circle, compare: Compare) -> Result<bool> {
    Ok(compare(a.area()?, b.area()?))
}
