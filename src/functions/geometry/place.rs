//! Where geometric values are: what contains, overlaps or crosses what, and what is beside it.

use super::{BOX, CIRCLE, LINE, LSEG, PATH, POINT, POLYGON, of};
use crate::functions::call::functions;
use crate::types::PgType;
use crate::types::geometry::{Circle, Line, Path, Point, Polygon, Rectangle, Segment};

const BOOL: PgType = PgType::BOOL;

functions! { pub(in crate::functions) LIST:
    "~= geometry" Immutable {
        (POINT, POINT) -> BOOL, strict, of!(|a: Point, b: Point| a.same(b));
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.same(b));
        (POLYGON, POLYGON) -> BOOL, strict, of!(|a: Polygon, b: Polygon| a.same(&b));
        (CIRCLE, CIRCLE) -> BOOL, strict, of!(|a: Circle, b: Circle| a.same(b));
    }
    "&& geometry" Immutable {
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.overlaps(b));
        (POLYGON, POLYGON) -> BOOL, strict, of!(|a: Polygon, b: Polygon| a.overlaps(&b));
        (CIRCLE, CIRCLE) -> BOOL, strict, of!(|a: Circle, b: Circle| a.overlaps(b));
    }
    "@> geometry" Immutable {
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.contains(b));
        (BOX, POINT) -> BOOL, strict, of!(|a: Rectangle, b: Point| a.holds(b));
        (PATH, POINT) -> BOOL, strict, of!(|a: Path, b: Point| a.holds(b));
        (POLYGON, POLYGON) -> BOOL, strict, of!(|a: Polygon, b: Polygon| a.contains(&b));
        (POLYGON, POINT) -> BOOL, strict, of!(|a: Polygon, b: Point| a.holds(b));
        (CIRCLE, CIRCLE) -> BOOL, strict, of!(|a: Circle, b: Circle| a.contains(b));
        (CIRCLE, POINT) -> BOOL, strict, of!(|a: Circle, b: Point| a.holds(b));
    }
    "<@ geometry" Immutable {
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| b.contains(a));
        (POINT, BOX) -> BOOL, strict, of!(|a: Point, b: Rectangle| b.holds(a));
        (POINT, PATH) -> BOOL, strict, of!(|a: Point, b: Path| b.holds(a));
        (POINT, LSEG) -> BOOL, strict, of!(|a: Point, b: Segment| b.holds(a));
        (POINT, LINE) -> BOOL, strict, of!(|a: Point, b: Line| b.holds(a));
        (POINT, POLYGON) -> BOOL, strict, of!(|a: Point, b: Polygon| b.holds(a));
        (POINT, CIRCLE) -> BOOL, strict, of!(|a: Point, b: Circle| b.holds(a));
        (LSEG, BOX) -> BOOL, strict, of!(|a: Segment, b: Rectangle| b.holds_segment(a));
        (LSEG, LINE) -> BOOL, strict, of!(|a: Segment, b: Line| b.holds_segment(a));
        (POLYGON, POLYGON) -> BOOL, strict, of!(|a: Polygon, b: Polygon| b.contains(&a));
        (CIRCLE, CIRCLE) -> BOOL, strict, of!(|a: Circle, b: Circle| b.contains(a));
    }

    "<< geometry" Immutable {
        (POINT, POINT) -> BOOL, strict, of!(|a: Point, b: Point| a.left(b));
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.left(b));
        (POLYGON, POLYGON) -> BOOL, strict, of!(|a: Polygon, b: Polygon| a.right_end() < b.left_end());
        (CIRCLE, CIRCLE) -> BOOL, strict, of!(|a: Circle, b: Circle| a.left(b));
    }
    ">> geometry" Immutable {
        (POINT, POINT) -> BOOL, strict, of!(|a: Point, b: Point| a.right(b));
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.right(b));
        (POLYGON, POLYGON) -> BOOL, strict, of!(|a: Polygon, b: Polygon| a.left_end() > b.right_end());
        (CIRCLE, CIRCLE) -> BOOL, strict, of!(|a: Circle, b: Circle| a.right(b));
    }
    "&< geometry" Immutable {
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.not_right(b));
        (POLYGON, POLYGON) -> BOOL, strict, of!(|a: Polygon, b: Polygon| a.right_end() <= b.right_end());
        (CIRCLE, CIRCLE) -> BOOL, strict, of!(|a: Circle, b: Circle| a.not_right(b));
    }
    "&> geometry" Immutable {
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.not_left(b));
        (POLYGON, POLYGON) -> BOOL, strict, of!(|a: Polygon, b: Polygon| a.left_end() >= b.left_end());
        (CIRCLE, CIRCLE) -> BOOL, strict, of!(|a: Circle, b: Circle| a.not_left(b));
    }
    "<<| geometry" Immutable {
        (POINT, POINT) -> BOOL, strict, of!(|a: Point, b: Point| a.below(b));
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.below(b));
        (POLYGON, POLYGON) -> BOOL, strict, of!(|a: Polygon, b: Polygon| a.top() < b.bottom());
        (CIRCLE, CIRCLE) -> BOOL, strict, of!(|a: Circle, b: Circle| a.below(b));
    }
    "|>> geometry" Immutable {
        (POINT, POINT) -> BOOL, strict, of!(|a: Point, b: Point| a.above(b));
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.above(b));
        (POLYGON, POLYGON) -> BOOL, strict, of!(|a: Polygon, b: Polygon| a.bottom() > b.top());
        (CIRCLE, CIRCLE) -> BOOL, strict, of!(|a: Circle, b: Circle| a.above(b));
    }
    "&<| geometry" Immutable {
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.not_above(b));
        (POLYGON, POLYGON) -> BOOL, strict, of!(|a: Polygon, b: Polygon| a.top() <= b.top());
        (CIRCLE, CIRCLE) -> BOOL, strict, of!(|a: Circle, b: Circle| a.not_above(b));
    }
    "|&> geometry" Immutable {
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.not_below(b));
        (POLYGON, POLYGON) -> BOOL, strict, of!(|a: Polygon, b: Polygon| a.bottom() >= b.bottom());
        (CIRCLE, CIRCLE) -> BOOL, strict, of!(|a: Circle, b: Circle| a.not_below(b));
    }
    "<^ geometry" Immutable {
        (POINT, POINT) -> BOOL, strict, of!(|a: Point, b: Point| a.below(b));
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.up_to(b));
    }
    ">^ geometry" Immutable {
        (POINT, POINT) -> BOOL, strict, of!(|a: Point, b: Point| a.above(b));
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.down_to(b));
    }

    "?# geometry" Immutable {
        (LSEG, LSEG) -> BOOL, strict, of!(|a: Segment, b: Segment| a.crossing(b).map(|at| at.is_some()));
        (LSEG, BOX) -> BOOL, strict, of!(|a: Segment, b: Rectangle| a.crosses_box(b));
        (LSEG, LINE) -> BOOL, strict, of!(|a: Segment, b: Line| a.crossing_line(b).map(|at| at.is_some()));
        (PATH, PATH) -> BOOL, strict, of!(|a: Path, b: Path| a.crosses(&b));
        (BOX, BOX) -> BOOL, strict, of!(|a: Rectangle, b: Rectangle| a.overlaps(b));
        (LINE, BOX) -> BOOL, strict, of!(|a: Line, b: Rectangle| a.crosses_box(b));
        (LINE, LINE) -> BOOL, strict, of!(|a: Line, b: Line| a.crossing(b).map(|at| at.is_some()));
    }
    "?- geometry" Immutable {
        (LSEG) -> BOOL, strict, of!(|a: Segment| a.horizontal());
        (LINE) -> BOOL, strict, of!(|a: Line| a.horizontal());
        (POINT, POINT) -> BOOL, strict, of!(|a: Point, b: Point| a.horizontal(b));
    }
    "ishorizontal geometry" Immutable {
        (LSEG) -> BOOL, strict, of!(|a: Segment| a.horizontal());
        (LINE) -> BOOL, strict, of!(|a: Line| a.horizontal());
        (POINT, POINT) -> BOOL, strict, of!(|a: Point, b: Point| a.horizontal(b));
    }
    "?| geometry" Immutable {
        (LSEG) -> BOOL, strict, of!(|a: Segment| a.vertical());
        (LINE) -> BOOL, strict, of!(|a: Line| a.vertical());
        (POINT, POINT) -> BOOL, strict, of!(|a: Point, b: Point| a.vertical(b));
    }
    "isvertical geometry" Immutable {
        (LSEG) -> BOOL, strict, of!(|a: Segment| a.vertical());
        (LINE) -> BOOL, strict, of!(|a: Line| a.vertical());
        (POINT, POINT) -> BOOL, strict, of!(|a: Point, b: Point| a.vertical(b));
    }
    "?-| geometry" Immutable {
        (LSEG, LSEG) -> BOOL, strict, of!(|a: Segment, b: Segment| a.perpendicular(b));
        (LINE, LINE) -> BOOL, strict, of!(|a: Line, b: Line| a.perpendicular(b));
    }
    "isperp geometry" Immutable {
        (LSEG, LSEG) -> BOOL, strict, of!(|a: Segment, b: Segment| a.perpendicular(b));
        (LINE, LINE) -> BOOL, strict, of!(|a: Line, b: Line| a.perpendicular(b));
    }
    "?|| geometry" Immutable {
        (LSEG, LSEG) -> BOOL, strict, of!(|a: Segment, b: Segment| a.parallel(b));
        (LINE, LINE) -> BOOL, strict, of!(|a: Line, b: Line| a.crossing(b).map(|at| at.is_none()));
    }
    "isparallel geometry" Immutable {
        (LSEG, LSEG) -> BOOL, strict, of!(|a: Segment, b: Segment| a.parallel(b));
        (LINE, LINE) -> BOOL, strict, of!(|a: Line, b: Line| a.crossing(b).map(|at| at.is_none()));
    }
    "isclosed geometry" Immutable { (PATH) -> BOOL, strict, of!(|a: Path| a.closed); }
    "isopen geometry" Immutable { (PATH) -> BOOL, strict, of!(|a: Path| !a.closed); }
}
