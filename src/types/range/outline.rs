//! Values whose bounds are yet to be read. Text and binary say where the bounds of each are; all of
//! a column are then read as one column of their own, and brought together.

use arrow::array::ArrayRef;

use super::{Bound, Span, column, encode, points, united};
use crate::base::Result;
use crate::types::PgType;
use crate::types::text::ParseError;

/// A span as it came: which of the bounds are its own, and whether their values are within.
pub(super) struct Outline {
    pub(super) lower: Option<usize>,
    pub(super) upper: Option<usize>,
    pub(super) inclusive: [bool; 2],
}

/// Reads a column of values of type `ty`: `outlined` says which spans a value has and appends the
/// bounds it came with, and `read` reads these as values of the type the ranges are over.
///
/// # Errors
/// Those of both, and what bringing the bounds together may fail with.
pub(super) fn parse<V: Copy, B>(
    values: &[Option<V>],
    ty: PgType,
    outlined: impl Fn(V, &mut Vec<B>) -> Result<Vec<Outline>>,
    read: impl FnOnce(&[B], PgType) -> Result<ArrayRef, ParseError>,
) -> Result<ArrayRef, ParseError> {
    let subtype = ty.subtype().unwrap_or(PgType::INT8);
    let (mut bounds, mut owners) = (Vec::new(), Vec::new());
    let mut rows = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let outlines = value.map(|value| outlined(value, &mut bounds)).transpose();
        rows.push(outlines.map_err(|error| ParseError { row, error })?);
        owners.resize(bounds.len(), row);
    }
    let read = read(&bounds, subtype).map_err(|failure| failure.of_owner(&owners))?;
    let points = points(&read, ty).map_err(|error| ParseError { row: 0, error })?;
    let bound = |at: Option<usize>, inclusive| Bound {
        point: at.and_then(|at| points.get(at).cloned().flatten()),
        inclusive,
    };
    let mut encoded = Vec::with_capacity(rows.len());
    for (row, outlines) in rows.into_iter().enumerate() {
        let spans = outlines.map(|outlines| {
            let spans = outlines.into_iter().filter_map(|outline| {
                let [from, to] = outline.inclusive;
                let (lower, upper) = (bound(outline.lower, from), bound(outline.upper, to));
                Span::of(lower, upper, subtype).transpose()
            });
            spans.collect::<Result<Vec<Span>>>().map(united)
        });
        let spans = spans
            .transpose()
            .map_err(|error| ParseError { row, error })?;
        encoded.push(spans.map(|spans| encode(&spans)));
    }
    Ok(column(&encoded, ty))
}
