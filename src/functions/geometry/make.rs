//! Geometric values made of others: casts, constructors, and what moves and turns them.

use super::{BOX, CIRCLE, LINE, LSEG, PATH, POINT, POLYGON, figure, of, part, replaced};
use crate::functions::call::functions;
use crate::functions::call::short::{FLOAT, INT};
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::geometry::{
    Circle, Figure, Line, Move, Path, Point, Polygon, Rectangle, Segment,
};

functions! { pub(in crate::functions) LIST:
    "point geometry" Immutable {
        (FLOAT, FLOAT) -> PgType::POINT, strict, |call, row| {
            let number = |arg| call.float(arg, row).unwrap_or_default();
            Ok(Value::Bytes(Point { x: number(0), y: number(1) }.pack()))
        };
        (BOX) -> PgType::POINT, strict, of!(|a: Rectangle| a.center());
        (CIRCLE) -> PgType::POINT, strict, of!(|a: Circle| a.center);
        (LSEG) -> PgType::POINT, strict, of!(|a: Segment| a.center());
        (POLYGON) -> PgType::POINT, strict, of!(|a: Polygon| a.circle().map(|circle| circle.center));
    }
    "lseg geometry" Immutable {
        (POINT, POINT) -> PgType::LSEG, strict, of!(|start: Point, end: Point| Segment { start, end });
        (BOX) -> PgType::LSEG, strict, of!(|a: Rectangle| a.diagonal());
    }
    "diagonal geometry" Immutable {
        (BOX) -> PgType::LSEG, strict, of!(|a: Rectangle| a.diagonal());
    }
    "line geometry" Immutable {
        (POINT, POINT) -> PgType::LINE, strict, of!(|a: Point, b: Point| Line::of(a, b));
    }
    "box geometry" Immutable {
        (POINT, POINT) -> PgType::BOX, strict, of!(|a: Point, b: Point| Rectangle::of(a, b));
        (POINT) -> PgType::BOX, strict, of!(|a: Point| Rectangle { high: a, low: a });
        (POLYGON) -> PgType::BOX, strict, of!(|a: Polygon| a.bounds());
        (CIRCLE) -> PgType::BOX, strict, of!(|a: Circle| a.rectangle());
    }
    "bound_box geometry" Immutable {
        (BOX, BOX) -> PgType::BOX, strict, of!(|a: Rectangle, b: Rectangle| a.bound(b));
    }
    "path geometry" Immutable { (POLYGON) -> PgType::PATH, strict, of!(|a: Polygon| a.path()); }
    "pclose geometry" Immutable {
        (PATH) -> PgType::PATH, strict, of!(|a: Path| Path { closed: true, ..a });
    }
    "popen geometry" Immutable {
        (PATH) -> PgType::PATH, strict, of!(|a: Path| Path { closed: false, ..a });
    }
    "polygon geometry" Immutable {
        (PATH) -> PgType::POLYGON, strict, of!(|a: Path| a.polygon());
        (BOX) -> PgType::POLYGON, strict, of!(|a: Rectangle| a.polygon());
        (CIRCLE) -> PgType::POLYGON, strict, of!(|a: Circle| a.polygon(12));
        (INT, CIRCLE) -> PgType::POLYGON, strict, |call, row| {
            let count = call.int(0, row).and_then(|count| i32::try_from(count).ok());
            let polygon = figure::<Circle>(call, 1, row)?.polygon(count.unwrap_or(0))?;
            Ok(Value::Bytes(polygon.pack()))
        };
    }
    "circle geometry" Immutable {
        (POINT, FLOAT) -> PgType::CIRCLE, strict, |call, row| {
            let radius = call.float(1, row).unwrap_or_default();
            Ok(Value::Bytes(Circle { center: figure(call, 0, row)?, radius }.pack()))
        };
        (BOX) -> PgType::CIRCLE, strict, of!(|a: Rectangle| Circle::around(a));
        (POLYGON) -> PgType::CIRCLE, strict, of!(|a: Polygon| a.circle());
    }

    "+ geometry" Immutable {
        (POINT, POINT) -> PgType::POINT, strict, of!(|a: Point, b: Point| Move::Add.point(a, b));
        (BOX, POINT) -> PgType::BOX, strict, of!(|a: Rectangle, b: Point| Move::Add.rectangle(a, b));
        (PATH, POINT) -> PgType::PATH, strict, of!(|a: Path, b: Point| a.moved(Move::Add, b));
        (CIRCLE, POINT) -> PgType::CIRCLE, strict, of!(|a: Circle, b: Point| a.moved(Move::Add, b));
        (PATH, PATH) -> PgType::PATH, strict, of!(|a: Path, b: Path| a.joined(&b));
    }
    "- geometry" Immutable {
        (POINT, POINT) -> PgType::POINT, strict, of!(|a: Point, b: Point| Move::Subtract.point(a, b));
        (BOX, POINT) -> PgType::BOX, strict, of!(|a: Rectangle, b: Point| Move::Subtract.rectangle(a, b));
        (PATH, POINT) -> PgType::PATH, strict, of!(|a: Path, b: Point| a.moved(Move::Subtract, b));
        (CIRCLE, POINT) -> PgType::CIRCLE, strict, of!(|a: Circle, b: Point| a.moved(Move::Subtract, b));
    }
    "* geometry" Immutable {
        (POINT, POINT) -> PgType::POINT, strict, of!(|a: Point, b: Point| Move::Multiply.point(a, b));
        (BOX, POINT) -> PgType::BOX, strict, of!(|a: Rectangle, b: Point| Move::Multiply.rectangle(a, b));
        (PATH, POINT) -> PgType::PATH, strict, of!(|a: Path, b: Point| a.moved(Move::Multiply, b));
        (CIRCLE, POINT) -> PgType::CIRCLE, strict, of!(|a: Circle, b: Point| a.moved(Move::Multiply, b));
    }
    "/ geometry" Immutable {
        (POINT, POINT) -> PgType::POINT, strict, of!(|a: Point, b: Point| Move::Divide.point(a, b));
        (BOX, POINT) -> PgType::BOX, strict, of!(|a: Rectangle, b: Point| Move::Divide.rectangle(a, b));
        (PATH, POINT) -> PgType::PATH, strict, of!(|a: Path, b: Point| a.moved(Move::Divide, b));
        (CIRCLE, POINT) -> PgType::CIRCLE, strict, of!(|a: Circle, b: Point| a.moved(Move::Divide, b));
    }
    "@@ geometry" Immutable {
        (LSEG) -> PgType::POINT, strict, of!(|a: Segment| a.center());
        (BOX) -> PgType::POINT, strict, of!(|a: Rectangle| a.center());
        (POLYGON) -> PgType::POINT, strict, of!(|a: Polygon| a.circle().map(|circle| circle.center));
        (CIRCLE) -> PgType::POINT, strict, of!(|a: Circle| a.center);
    }
    "center geometry" Immutable {
        (BOX) -> PgType::POINT, strict, of!(|a: Rectangle| a.center());
        (CIRCLE) -> PgType::POINT, strict, of!(|a: Circle| a.center);
    }
    "# geometry" Immutable {
        (LSEG, LSEG) -> PgType::POINT, strict, of!(|a: Segment, b: Segment| a.crossing(b));
        (LINE, LINE) -> PgType::POINT, strict, of!(|a: Line, b: Line| a.crossing(b));
        (BOX, BOX) -> PgType::BOX, strict, of!(|a: Rectangle, b: Rectangle| a.intersection(b));
        (PATH) -> PgType::INT4, strict, of!(|a: Path| counted(&a.points));
        (POLYGON) -> PgType::INT4, strict, of!(|a: Polygon| counted(&a.points));
    }
    "npoints geometry" Immutable {
        (PATH) -> PgType::INT4, strict, of!(|a: Path| counted(&a.points));
        (POLYGON) -> PgType::INT4, strict, of!(|a: Polygon| counted(&a.points));
    }
    "## geometry" Immutable {
        (POINT, LINE) -> PgType::POINT, strict, of!(|a: Point, b: Line| b.closest(a).map(|one| one.found()));
        (POINT, LSEG) -> PgType::POINT, strict, of!(|a: Point, b: Segment| b.closest(a).map(|one| one.found()));
        (POINT, BOX) -> PgType::POINT, strict, of!(|a: Point, b: Rectangle| b.closest(a).map(|one| one.found()));
        (LSEG, LSEG) -> PgType::POINT, strict, of!(|a: Segment, b: Segment| b.closest_of(a));
        (LSEG, BOX) -> PgType::POINT, strict, of!(|a: Segment, b: Rectangle| {
            b.closest_to_segment(a).map(|one| one.found())
        });
        (LINE, LSEG) -> PgType::POINT, strict, of!(|a: Line, b: Segment| b.closest_of_line(a));
    }
    "[] geometry" Immutable {
        (POINT, INT) -> PgType::FLOAT8, strict, |call, row| part::<Point>(call, row, 1);
        (LINE, INT) -> PgType::FLOAT8, strict, |call, row| part::<Line>(call, row, 1);
        (LSEG, INT) -> PgType::POINT, strict, |call, row| part::<Segment>(call, row, 2);
        (BOX, INT) -> PgType::POINT, strict, |call, row| part::<Rectangle>(call, row, 2);
    }
    "[]= geometry" Immutable {
        (POINT, INT, FLOAT) -> PgType::POINT, loose, replaced;
        (LINE, INT, FLOAT) -> PgType::LINE, loose, replaced;
        (LSEG, INT, POINT) -> PgType::LSEG, loose, replaced;
        (BOX, INT, POINT) -> PgType::BOX, loose, replaced;
    }
}

fn counted(points: &[Point]) -> i32 {
    i32::try_from(points.len()).unwrap_or(i32::MAX)
}
