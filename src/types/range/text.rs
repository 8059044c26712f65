//! `[1,5)`, `empty`, `{[1,5),[7,9)}`: reading and writing.

use std::ops::Range;

use arrow::array::ArrayRef;

use super::outline::{self, Outline};
use super::{Bound, Point, Span, values};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::text::{
    ParseError, RegNames, Style, TextColumn, is_space, parse_column, quote, write_date, write_int,
    write_timestamp,
};

/// An empty range.
const EMPTY: &str = "empty";

/// Reads a column of literals of type `ty`.
///
/// # Errors
/// `22P02`, and what reading bounds and bringing them together may fail with.
pub(in crate::types) fn parse(
    values: &[Option<&str>],
    ty: PgType,
    style: &Style,
    now: i64,
) -> Result<ArrayRef, ParseError> {
    let outlined = |text, bounds: &mut Vec<String>| match ty.is_multirange() {
        true => many(text, bounds),
        false => one(text, bounds).map(|span| span.into_iter().collect()),
    };
    outline::parse(values, ty, outlined, |bounds, subtype| {
        let texts: Vec<Option<&str>> = bounds.iter().map(|text| Some(text.as_str())).collect();
        parse_column(&texts, subtype, style, now)
    })
}

fn malformed(what: &str, text: &str, detail: &str) -> Error {
    Error::new(
        SqlState::INVALID_TEXT_REPRESENTATION,
        format!("malformed {what} literal: \"{text}\""),
    )
    .detail(detail)
}

fn skip(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| is_space(*byte)) {
        at += 1;
    }
    at
}

fn is_empty_at(bytes: &[u8], at: usize) -> bool {
    let word = bytes.get(at..at + EMPTY.len());
    word.is_some_and(|word| word.eq_ignore_ascii_case(EMPTY.as_bytes()))
}

/// A range; `None` if it is the word for an empty one.
fn one(text: &str, bounds: &mut Vec<String>) -> Result<Option<Outline>> {
    let fail = |detail| Err(malformed("range", text, detail));
    let bytes = text.as_bytes();
    let mut at = skip(bytes, 0);
    if is_empty_at(bytes, at) {
        return match skip(bytes, at + EMPTY.len()) == bytes.len() {
            true => Ok(None),
            false => fail("Junk after \"empty\" key word."),
        };
    }
    let from = match bytes.get(at) {
        Some(b'[') => true,
        Some(b'(') => false,
        _ => return fail("Missing left parenthesis or bracket."),
    };
    at += 1;
    let lower = bound(text, &mut at, bounds)?;
    if bytes.get(at) != Some(&b',') {
        return fail("Missing comma after lower bound.");
    }
    at += 1;
    let upper = bound(text, &mut at, bounds)?;
    let to = match bytes.get(at) {
        Some(b']') => true,
        Some(b')') => false,
        _ => return fail("Too many commas."),
    };
    if skip(bytes, at + 1) < bytes.len() {
        return fail("Junk after right parenthesis or bracket.");
    }
    Ok(Some(Outline {
        lower,
        upper,
        inclusive: [from, to],
    }))
}

/// A bound's text, which is not written where there is no bound.
fn bound(text: &str, at: &mut usize, bounds: &mut Vec<String>) -> Result<Option<usize>> {
    let bytes = text.as_bytes();
    let ends = |byte: Option<&u8>| matches!(byte, Some(b',' | b')' | b']'));
    if ends(bytes.get(*at)) {
        return Ok(None);
    }
    let mut value = Vec::new();
    let mut quoted = false;
    while quoted || !ends(bytes.get(*at)) {
        let unexpected = || malformed("range", text, "Unexpected end of input.");
        let byte = *bytes.get(*at).ok_or_else(unexpected)?;
        *at += 1;
        match byte {
            b'\\' => {
                value.push(*bytes.get(*at).ok_or_else(unexpected)?);
                *at += 1;
            }
            b'"' if !quoted => quoted = true,
            b'"' if bytes.get(*at) == Some(&b'"') => {
                value.push(b'"');
                *at += 1;
            }
            b'"' => quoted = false,
            byte => value.push(byte),
        }
    }
    bounds.push(String::from_utf8_lossy(&value).into_owned());
    Ok(Some(bounds.len() - 1))
}

/// The ranges of a multirange.
fn many(text: &str, bounds: &mut Vec<String>) -> Result<Vec<Outline>> {
    let fail = |detail| malformed("multirange", text, detail);
    let bytes = text.as_bytes();
    let next = |at: usize| {
        let at = skip(bytes, at);
        match bytes.get(at) {
            Some(byte) => Ok((at, *byte)),
            None => Err(fail("Unexpected end of input.")),
        }
    };
    let mut at = skip(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return Err(fail("Missing left brace."));
    }
    at += 1;
    let mut ranges = Vec::new();
    let mut seen = false;
    loop {
        let (start, byte) = next(at)?;
        match byte {
            b'[' | b'(' => {
                let range = range(bytes, start).ok_or_else(|| fail("Unexpected end of input."))?;
                at = range.end;
                ranges.extend(one(&text[range], bounds)?);
            }
            b'}' if !seen => {
                at = start + 1;
                break;
            }
            _ if is_empty_at(bytes, start) => at = start + EMPTY.len(),
            _ => return Err(fail("Expected range start.")),
        }
        seen = true;
        let (end, byte) = next(at)?;
        at = end + 1;
        match byte {
            b',' => {}
            b'}' => break,
            _ => return Err(fail("Expected comma or end of multirange.")),
        }
    }
    match skip(bytes, at) == bytes.len() {
        true => Ok(ranges),
        false => Err(fail("Junk after closing right brace.")),
    }
}

/// From an opening parenthesis or bracket to the closing one that is not quoted.
fn range(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let mut quoted = false;
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 1,
            b'"' if quoted && bytes.get(at + 1) == Some(&b'"') => at += 1,
            b'"' => quoted = !quoted,
            b']' | b')' if !quoted => return Some(start..at + 1),
            _ => {}
        }
        at += 1;
    }
}

/// What bounds are written as.
#[derive(Clone, Copy)]
struct To<'a> {
    subtype: PgType,
    style: &'a Style,
    names: &'a dyn RegNames,
}

/// Appends a value of type `ty`.
///
/// # Errors
/// `22008` for dates PostgreSQL does not have.
pub(in crate::types) fn write(
    spans: &[Span],
    ty: PgType,
    style: &Style,
    names: &dyn RegNames,
    out: &mut Vec<u8>,
) -> Result<()> {
    let to = To {
        subtype: ty.subtype().unwrap_or(PgType::INT8),
        style,
        names,
    };
    if !ty.is_multirange() {
        return match spans.first() {
            Some(span) => write_span(span, to, out),
            None => {
                out.extend_from_slice(EMPTY.as_bytes());
                Ok(())
            }
        };
    }
    out.push(b'{');
    for (place, span) in spans.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_span(span, to, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_span(span: &Span, to: To<'_>, out: &mut Vec<u8>) -> Result<()> {
    out.push(if span.lower.inclusive { b'[' } else { b'(' });
    write_bound(&span.lower, to, out)?;
    out.push(b',');
    write_bound(&span.upper, to, out)?;
    out.push(if span.upper.inclusive { b']' } else { b')' });
    Ok(())
}

fn write_bound(bound: &Bound, to: To<'_>, out: &mut Vec<u8>) -> Result<()> {
    let at = out.len();
    let (subtype, style) = (to.subtype, to.style);
    match &bound.point {
        None => return Ok(()),
        Some(point @ Point::Row(_)) => {
            let value = values(&[Some(point.clone())], subtype)?;
            TextColumn::new(value.as_ref(), subtype, style, to.names)?.write(0, out)?;
        }
        Some(Point::Numeric(digits)) => out.extend_from_slice(digits.text.as_bytes()),
        Some(Point::Number(value)) if subtype.oid == PgType::DATE.oid => {
            write_date(i32::try_from(*value).unwrap_or(i32::MAX), style, out)?;
        }
        Some(Point::Number(value)) if subtype.oid == PgType::TIMESTAMP.oid => {
            write_timestamp(*value, None, style, out)?;
        }
        Some(Point::Number(value)) if subtype.oid == PgType::TIMESTAMPTZ.oid => {
            write_timestamp(*value, Some(style.time_zone), style, out)?;
        }
        Some(Point::Number(value)) => write_int(*value, out),
    }
    let special = |byte: &u8| b"\"\\()[],".contains(byte) || is_space(*byte);
    // An empty text would be no bound.
    if out.len() == at || out[at..].iter().any(special) {
        quote(at, out, b"\"\\", 0);
    }
    Ok(())
}
