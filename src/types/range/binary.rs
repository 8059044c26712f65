//! Ranges and multiranges in binary: what `range_send` and `multirange_send` write.

use arrow::array::ArrayRef;

use super::{Bound, Point, Span, encode, points, united, values};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::binary::{BinaryColumn, insufficient, parse_column, take};
use crate::types::text::{PLAIN, ParseError, Style};

const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

/// A span as received: where its bounds' bytes are, and whether their values are within.
struct Received {
    lower: Option<usize>,
    upper: Option<usize>,
    flags: u8,
}

/// Reads a column of values of type `ty`.
///
/// # Errors
/// `08P01` for what ends early, and what reading bounds and bringing them together may fail with.
pub(in crate::types) fn parse(
    values: &[Option<&[u8]>],
    ty: PgType,
    style: &Style,
) -> Result<ArrayRef, ParseError> {
    let subtype = ty.subtype().unwrap_or(PgType::INT8);
    let mut bounds: Vec<Option<&[u8]>> = Vec::new();
    let mut owners = Vec::new();
    let mut rows = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let read = value.map(|bytes| match ty.is_multirange() {
            true => many(bytes, &mut bounds),
            false => one(bytes, &mut bounds).map(|span| span.into_iter().collect()),
        });
        rows.push(
            read.transpose()
                .map_err(|error| ParseError { row, error })?,
        );
        owners.resize(bounds.len(), row);
    }
    let read = parse_column(&bounds, subtype, style).map_err(|failure| ParseError {
        row: owners.get(failure.row).copied().unwrap_or(0),
        error: failure.error,
    })?;
    let points = points(read.as_ref()).map_err(|error| ParseError { row: 0, error })?;
    let mut encoded = Vec::with_capacity(rows.len());
    for (row, received) in rows.into_iter().enumerate() {
        let received: Option<Vec<Received>> = received;
        let spans = received.map(|received| {
            let bound = |at: Option<usize>, inclusive| Bound {
                point: at.and_then(|at| points.get(at).cloned().flatten()),
                inclusive,
            };
            let spans = received.into_iter().filter_map(|span| {
                let lower = bound(span.lower, span.flags & LOWER_INCLUSIVE != 0);
                let upper = bound(span.upper, span.flags & UPPER_INCLUSIVE != 0);
                Span::of(lower, upper, subtype).transpose()
            });
            spans.collect::<Result<Vec<Span>>>().map(united)
        });
        let spans = spans
            .transpose()
            .map_err(|error| ParseError { row, error })?;
        encoded.push(spans.map(|spans| encode(&spans)));
    }
    Ok(super::column(&encoded, ty))
}

fn sized<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = i32::from_be_bytes(take(bytes)?);
    let length = usize::try_from(length).map_err(|_| insufficient())?;
    let (value, rest) = bytes.split_at_checked(length).ok_or_else(insufficient)?;
    *bytes = rest;
    Ok(value)
}

fn finished(rest: &[u8]) -> Result<()> {
    match rest {
        [] => Ok(()),
        _ => Err(Error::new(
            SqlState::PROTOCOL_VIOLATION,
            "invalid message format",
        )),
    }
}

fn one<'a>(bytes: &'a [u8], bounds: &mut Vec<Option<&'a [u8]>>) -> Result<Option<Received>> {
    let mut rest = bytes;
    let [flags] = take(&mut rest)?;
    let mut bound = |infinite: u8| {
        if flags & (EMPTY | infinite) != 0 {
            return Ok(None);
        }
        bounds.push(Some(sized(&mut rest)?));
        Ok(Some(bounds.len() - 1))
    };
    let (lower, upper) = (bound(LOWER_INFINITE)?, bound(UPPER_INFINITE)?);
    finished(rest)?;
    let received = Received {
        lower,
        upper,
        flags,
    };
    Ok((flags & EMPTY == 0).then_some(received))
}

fn many<'a>(bytes: &'a [u8], bounds: &mut Vec<Option<&'a [u8]>>) -> Result<Vec<Received>> {
    let mut rest = bytes;
    let count = u32::from_be_bytes(take(&mut rest)?);
    let mut ranges = Vec::new();
    for _ in 0..count {
        ranges.extend(one(sized(&mut rest)?, bounds)?);
    }
    finished(rest)?;
    Ok(ranges)
}

/// Appends a value of type `ty`.
///
/// # Errors
/// `22008` for dates PostgreSQL does not have.
pub(in crate::types) fn write(spans: &[Span], ty: PgType, out: &mut Vec<u8>) -> Result<()> {
    let subtype = ty.subtype().unwrap_or(PgType::INT8);
    if !ty.is_multirange() {
        return write_one(spans.first(), subtype, out);
    }
    out.extend_from_slice(&length(spans.len())?);
    for span in spans {
        counted(out, |out| write_one(Some(span), subtype, out))?;
    }
    Ok(())
}

fn write_one(span: Option<&Span>, subtype: PgType, out: &mut Vec<u8>) -> Result<()> {
    let Some(span) = span else {
        out.push(EMPTY);
        return Ok(());
    };
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    out.push(
        flag(span.lower.inclusive, LOWER_INCLUSIVE)
            | flag(span.upper.inclusive, UPPER_INCLUSIVE)
            | flag(span.lower.point.is_none(), LOWER_INFINITE)
            | flag(span.upper.point.is_none(), UPPER_INFINITE),
    );
    for point in [&span.lower.point, &span.upper.point].into_iter().flatten() {
        counted(out, |out| write_point(point, subtype, out))?;
    }
    Ok(())
}

fn write_point(point: &Point, subtype: PgType, out: &mut Vec<u8>) -> Result<()> {
    let value = values(&[Some(point.clone())], subtype);
    BinaryColumn::new(value.as_ref(), subtype, PLAIN)?.write(0, out)?;
    Ok(())
}

/// Appends what `write` writes, with its length before it.
fn counted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out)?;
    let bytes = length(out.len() - at - 4)?;
    out[at..at + 4].copy_from_slice(&bytes);
    Ok(())
}

fn length(count: usize) -> Result<[u8; 4]> {
    let count = i32::try_from(count).map_err(|_| {
        Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            "value exceeds the maximum size of 2147483647 bytes",
        )
    })?;
    Ok(count.to_be_bytes())
}
