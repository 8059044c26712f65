//! What PostgreSQL's operators say of spans. A range has one span at most and a multirange any
//! number in order, so that most of them are the same for both.

use super::{Bound, Place, Point, Span};
use crate::base::{Error, Result, SqlState};

/// Whether there is a value in both.
pub fn overlaps(a: &[Span], b: &[Span]) -> bool {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        if meet(x, y) {
            return true;
        }
        // The one that ends first meets nothing that is still to come.
        match x.end() < y.end() {
            true => a.next(),
            false => b.next(),
        };
    }
    false
}

fn meet(a: &Span, b: &Span) -> bool {
    a.begin() <= b.end() && b.begin() <= a.end()
}

/// The first of the spans that does not end before a place.
fn reaching<'a>(spans: &'a [Span], place: &Place<'_>) -> Option<&'a Span> {
    spans.get(spans.partition_point(|span| span.end() < *place))
}

/// Whether all of `b` is in `a`.
pub fn contains(a: &[Span], b: &[Span]) -> bool {
    b.iter().all(|b| {
        reaching(a, &b.begin()).is_some_and(|a| a.begin() <= b.begin() && b.end() <= a.end())
    })
}

/// Whether a value is in `a`.
pub fn contains_point(a: &[Span], point: &Point) -> bool {
    let at = (0, Some(point), 0);
    reaching(a, &at).is_some_and(|a| a.begin() <= at)
}

/// Whether all of `a` is before all of `b`.
pub fn before(a: &[Span], b: &[Span]) -> bool {
    matches!((a.last(), b.first()), (Some(a), Some(b)) if a.end() < b.begin())
}

/// Whether `a` does not go on behind `b`.
pub fn over_left(a: &[Span], b: &[Span]) -> bool {
    matches!((a.last(), b.last()), (Some(a), Some(b)) if a.end() <= b.end())
}

/// Whether `a` does not begin before `b`.
pub fn over_right(a: &[Span], b: &[Span]) -> bool {
    matches!((a.first(), b.first()), (Some(a), Some(b)) if a.begin() >= b.begin())
}

/// Whether one begins where the other ends, with nothing between them and nothing in both.
pub fn adjacent(a: &[Span], b: &[Span]) -> bool {
    let touch = |a: &[Span], b: &[Span]| matches!((a.last(), b.first()), (Some(a), Some(b)) if touch(&a.upper, &b.lower));
    touch(a, b) || touch(b, a)
}

/// Bounds of discrete types are written so that neighbours have the same point.
fn touch(upper: &Bound, lower: &Bound) -> bool {
    upper.point.is_some() && upper.point == lower.point && upper.inclusive != lower.inclusive
}

/// What is in either of two spans, and between them. Of bounds that are equal the second's is
/// shown.
fn spanned(a: Span, b: Span) -> Span {
    let lower = if a.begin() < b.begin() { &a } else { &b }.lower.clone();
    let upper = if a.end() > b.end() { a.upper } else { b.upper };
    Span { lower, upper }
}

fn meet_or_touch(a: &Span, b: &Span) -> bool {
    meet(a, b) || touch(&a.upper, &b.lower) || touch(&b.upper, &a.lower)
}

/// Whether `a` is greater than `b`: the first spans that differ decide, where they begin and then
/// where they end.
pub fn follows(a: &[Span], b: &[Span]) -> bool {
    let places = |spans: &[Span]| {
        let spans = spans.iter().flat_map(|span| [span.begin(), span.end()]);
        spans
            .map(|(far, point, side)| (far, point.cloned(), side))
            .collect::<Vec<_>>()
    };
    places(a) > places(b)
}

/// What is in any of the spans: in order, none touching another.
pub fn united(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by(|a, b| a.begin().cmp(&b.begin()).then(a.end().cmp(&b.end())));
    let mut united: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match united.pop() {
            Some(last) if meet_or_touch(&last, &span) => united.push(spanned(last, span)),
            Some(last) => united.extend([last, span]),
            None => united.push(span),
        }
    }
    united
}

/// The smallest range with all of the spans in it.
pub fn hull(spans: Vec<Span>) -> Vec<Span> {
    spans.into_iter().reduce(spanned).into_iter().collect()
}

/// What is in either of two ranges.
///
/// # Errors
/// `22000` if that is no range.
pub fn joined(a: Vec<Span>, b: Vec<Span>) -> Result<Vec<Span>> {
    let both = [a, b].concat();
    match both.as_slice() {
        [a, b] if !meet_or_touch(a, b) => contiguous(both, "union"),
        _ => Ok(hull(both)),
    }
}

/// What is in one range and not in another.
///
/// # Errors
/// `22000` if that is no range.
pub fn left_out(a: &[Span], b: &[Span]) -> Result<Vec<Span>> {
    contiguous(minus(a, b), "difference")
}

fn contiguous(spans: Vec<Span>, what: &str) -> Result<Vec<Span>> {
    match spans.len() {
        0 | 1 => Ok(spans),
        _ => Err(Error::new(
            SqlState::DATA_EXCEPTION,
            format!("result of range {what} would not be contiguous"),
        )),
    }
}

/// What is in `a` and not in `b`.
pub fn minus(a: &[Span], b: &[Span]) -> Vec<Span> {
    let mut left = Vec::with_capacity(a.len());
    let mut without = b.iter().peekable();
    for span in a {
        let mut rest = Some(span.clone());
        while let (Some(span), Some(next)) = (&mut rest, without.peek()) {
            if span.end() < next.begin() {
                break;
            }
            if next.end() < span.begin() {
                without.next();
                continue;
            }
            if span.begin() < next.begin() {
                left.push(Span {
                    lower: span.lower.clone(),
                    upper: next.lower.flipped(),
                });
            }
            match next.end() < span.end() {
                true => span.lower = next.upper.flipped(),
                // It may go on in the next.
                false => rest = None,
            }
        }
        left.extend(rest);
    }
    left
}

/// What is in both.
pub fn shared(a: &[Span], b: &[Span]) -> Vec<Span> {
    let mut shared = Vec::new();
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        if meet(x, y) {
            let lower = if x.begin() < y.begin() { y } else { x };
            let upper = if y.end() < x.end() { y } else { x };
            shared.push(Span {
                lower: lower.lower.clone(),
                upper: upper.upper.clone(),
            });
        }
        match x.end() < y.end() {
            true => a.next(),
            false => b.next(),
        };
    }
    shared
}
