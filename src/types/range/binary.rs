//! Ranges and multiranges in binary: what `range_send` and `multirange_send` write.

use arrow::array::ArrayRef;

use super::outline::{self, Outline};
use super::{Point, Span, values};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::binary::{BinaryColumn, counted, insufficient, length, parse_column, take};
use crate::types::text::{ParseError, Style};

const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

/// Reads a column of values of type `ty`.
///
/// # Errors
/// `08P01` for what ends early, and what reading bounds and bringing them together may fail with.
pub(in crate::types) fn parse(
    values: &[Option<&[u8]>],
    ty: PgType,
    style: &Style,
) -> Result<ArrayRef, ParseError> {
    let outlined = |bytes, bounds: &mut Vec<Option<_>>| match ty.is_multirange() {
        true => many(bytes, bounds),
        false => one(bytes, bounds).map(|span| span.into_iter().collect()),
    };
    outline::parse(values, ty, outlined, |bounds, subtype| {
        parse_column(bounds, subtype, style)
    })
}

/// What has a length before it, and is there.
fn sized<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
    counted(bytes)?.ok_or_else(insufficient)
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

fn one<'a>(bytes: &'a [u8], bounds: &mut Vec<Option<&'a [u8]>>) -> Result<Option<Outline>> {
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
    let inclusive = [LOWER_INCLUSIVE, UPPER_INCLUSIVE].map(|flag| flags & flag != 0);
    let outline = Outline {
        lower,
        upper,
        inclusive,
    };
    Ok((flags & EMPTY == 0).then_some(outline))
}

fn many<'a>(bytes: &'a [u8], bounds: &mut Vec<Option<&'a [u8]>>) -> Result<Vec<Outline>> {
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
pub(in crate::types) fn write(
    spans: &[Span],
    ty: PgType,
    style: &Style,
    out: &mut Vec<u8>,
) -> Result<()> {
    let to = To {
        subtype: ty.subtype().unwrap_or(PgType::INT8),
        style,
    };
    if !ty.is_multirange() {
        return write_one(spans.first(), to, out);
    }
    out.extend_from_slice(&length(spans.len())?);
    for span in spans {
        write_counted(out, |out| write_one(Some(span), to, out))?;
    }
    Ok(())
}

/// What bounds are written as.
#[derive(Clone, Copy)]
struct To<'a> {
    subtype: PgType,
    style: &'a Style,
}

fn write_one(span: Option<&Span>, to: To<'_>, out: &mut Vec<u8>) -> Result<()> {
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
        write_counted(out, |out| write_point(point, to, out))?;
    }
    Ok(())
}

fn write_point(point: &Point, to: To<'_>, out: &mut Vec<u8>) -> Result<()> {
    let value = values(&[Some(point.clone())], to.subtype)?;
    BinaryColumn::new(value.as_ref(), to.subtype, to.style)?.write(0, out)?;
    Ok(())
}

/// Appends what `write` writes, with its length before it.
fn write_counted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out)?;
    let bytes = length(out.len() - at - 4)?;
    out[at..at + 4].copy_from_slice(&bytes);
    Ok(())
}
