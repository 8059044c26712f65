//! Text: lengths, parts, padding, trimming, replacing, letter case.
//!
//! Positions and lengths count characters; a `char(n)` is its text without the blanks at its end.

use std::fmt::Write;

use super::call::short::{ANY, BIGINT, BYTEA, INT, TEXT};
use super::call::{Call, functions};
use super::resolve::Param;
use super::text::any_text;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::{PgType, one_byte};

const NAME: Param = Param::Is(PgType::NAME);

/// Bytes a result may have; PostgreSQL's bound for one value.
const BYTES_MAX: usize = 0x3fff_ffff;

functions! { pub(super) LIST:
    "length" Immutable {
        (TEXT) -> PgType::INT4, strict, |call, row| Ok(size(call.must_text(0, row).chars().count()));
        (BYTEA) -> PgType::INT4, strict, |call, row| Ok(size(call.bytes(0, row).len()));
        (BYTEA, NAME) -> PgType::INT4, strict, super::bytea::characters;
    }
    "char_length" Immutable {
        (TEXT) -> PgType::INT4, strict, |call, row| Ok(size(call.must_text(0, row).chars().count()));
    }
    "character_length" Immutable {
        (TEXT) -> PgType::INT4, strict, |call, row| Ok(size(call.must_text(0, row).chars().count()));
    }
    "octet_length" Immutable {
        (TEXT) -> PgType::INT4, strict, |call, row| Ok(size(padded_length(call, row)));
        (BYTEA) -> PgType::INT4, strict, |call, row| Ok(size(call.bytes(0, row).len()));
    }
    "bit_length" Immutable {
        (TEXT) -> PgType::INT4, strict, |call, row| Ok(size(padded_length(call, row) * 8));
        (BYTEA) -> PgType::INT4, strict, |call, row| Ok(size(call.bytes(0, row).len() * 8));
    }
    "upper" Immutable {
        (TEXT) -> PgType::TEXT, strict, |call, row| {
            Ok(call.must_text(0, row).chars().map(upper).collect::<String>().into())
        };
    }
    "lower" Immutable {
        (TEXT) -> PgType::TEXT, strict, |call, row| {
            Ok(call.must_text(0, row).chars().map(lower).collect::<String>().into())
        };
    }
    "initcap" Immutable { (TEXT) -> PgType::TEXT, strict, initcap; }
    "lpad" Immutable {
        (TEXT, INT) -> PgType::TEXT, strict, |call, row| pad(call, row, true);
        (TEXT, INT, TEXT) -> PgType::TEXT, strict, |call, row| pad(call, row, true);
    }
    "rpad" Immutable {
        (TEXT, INT) -> PgType::TEXT, strict, |call, row| pad(call, row, false);
        (TEXT, INT, TEXT) -> PgType::TEXT, strict, |call, row| pad(call, row, false);
    }
    "left" Immutable {
        (TEXT, INT) -> PgType::TEXT, strict, |call, row| {
            let text = call.must_text(0, row);
            let keep = kept(text, call.int(1, row).unwrap_or(0));
            Ok(text.chars().take(keep).collect::<String>().into())
        };
    }
    "right" Immutable {
        (TEXT, INT) -> PgType::TEXT, strict, |call, row| {
            let text = call.must_text(0, row);
            let count = text.chars().count();
            let keep = match call.int(1, row).unwrap_or(0) {
                // PostgreSQL's number of characters to leave out, which has no positive, is none.
                least if least == i64::from(i32::MIN) => count,
                of => kept(text, of),
            };
            Ok(text.chars().skip(count - keep).collect::<String>().into())
        };
    }
    "btrim" Immutable {
        (TEXT) -> PgType::TEXT, strict, |call, row| Ok(trim(call, row, true, true));
        (TEXT, TEXT) -> PgType::TEXT, strict, |call, row| Ok(trim(call, row, true, true));
        (BYTEA, BYTEA) -> PgType::BYTEA, strict, |call, row| Ok(trim_bytes(call, row, true, true));
    }
    "ltrim" Immutable {
        (TEXT) -> PgType::TEXT, strict, |call, row| Ok(trim(call, row, true, false));
        (TEXT, TEXT) -> PgType::TEXT, strict, |call, row| Ok(trim(call, row, true, false));
        (BYTEA, BYTEA) -> PgType::BYTEA, strict, |call, row| Ok(trim_bytes(call, row, true, false));
    }
    "rtrim" Immutable {
        (TEXT) -> PgType::TEXT, strict, |call, row| Ok(trim(call, row, false, true));
        (TEXT, TEXT) -> PgType::TEXT, strict, |call, row| Ok(trim(call, row, false, true));
        (BYTEA, BYTEA) -> PgType::BYTEA, strict, |call, row| Ok(trim_bytes(call, row, false, true));
    }
    "strpos" Immutable {
        (TEXT, TEXT) -> PgType::INT4, strict, |call, row| {
            let text = call.must_text(0, row);
            Ok(match text.find(call.must_text(1, row)) {
                Some(byte) => size(text[..byte].chars().count() + 1),
                None => 0.into(),
            })
        };
        (BYTEA, BYTEA) -> PgType::INT4, strict, |call, row| {
            let (bytes, wanted) = (call.bytes(0, row), call.bytes(1, row));
            Ok(size(find_bytes(bytes, wanted).map_or(0, |at| at + 1)))
        };
    }
    "substring" Immutable {
        (TEXT, INT) -> PgType::TEXT, strict, substring;
        (TEXT, INT, INT) -> PgType::TEXT, strict, substring;
        (BYTEA, INT) -> PgType::BYTEA, strict, substring_bytes;
        (BYTEA, INT, INT) -> PgType::BYTEA, strict, substring_bytes;
        (TEXT, TEXT) -> PgType::TEXT, strict, |call, row| {
            super::regexp::substring(call.must_text(0, row), call.must_text(1, row))
        };
        (TEXT, TEXT, TEXT) -> PgType::TEXT, strict, |call, row| {
            let escape = call.must_text(2, row);
            super::regexp::substring_similar(call.must_text(0, row), call.must_text(1, row), escape)
        };
    }
    "substr" Immutable {
        (TEXT, INT) -> PgType::TEXT, strict, substring;
        (TEXT, INT, INT) -> PgType::TEXT, strict, substring;
        (BYTEA, INT) -> PgType::BYTEA, strict, substring_bytes;
        (BYTEA, INT, INT) -> PgType::BYTEA, strict, substring_bytes;
    }
    "overlay" Immutable {
        (TEXT, TEXT, INT) -> PgType::TEXT, strict, overlay;
        (TEXT, TEXT, INT, INT) -> PgType::TEXT, strict, overlay;
        (BYTEA, BYTEA, INT) -> PgType::BYTEA, strict, overlay_bytes;
        (BYTEA, BYTEA, INT, INT) -> PgType::BYTEA, strict, overlay_bytes;
    }
    "replace" Immutable {
        (TEXT, TEXT, TEXT) -> PgType::TEXT, strict, |call, row| {
            let (text, from) = (call.must_text(0, row), call.must_text(1, row));
            if from.is_empty() {
                return Ok(text.to_owned().into());
            }
            Ok(text.replace(from, call.must_text(2, row)).into())
        };
    }
    "translate" Immutable { (TEXT, TEXT, TEXT) -> PgType::TEXT, strict, translate; }
    "repeat" Immutable { (TEXT, INT) -> PgType::TEXT, strict, repeat; }
    "reverse" Immutable {
        (TEXT) -> PgType::TEXT, strict, |call, row| {
            Ok(call.must_text(0, row).chars().rev().collect::<String>().into())
        };
    }
    "split_part" Immutable { (TEXT, TEXT, INT) -> PgType::TEXT, strict, split_part; }
    "starts_with" Immutable {
        (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| {
            Ok(call.must_text(0, row).starts_with(call.must_text(1, row)).into())
        };
    }
    "^@" Immutable {
        (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| {
            Ok(call.must_text(0, row).starts_with(call.must_text(1, row)).into())
        };
    }
    "ascii" Immutable {
        (TEXT) -> PgType::INT4, strict, |call, row| {
            Ok(call.must_text(0, row).chars().next().map_or(0, u32::from).into())
        };
    }
    "chr" Immutable { (INT) -> PgType::TEXT, strict, |call, row| chr(call.int(0, row).unwrap_or(0)); }
    "\"char\" of int4" Immutable {
        (INT) -> PgType::CHAR, strict, |call, row| {
            match i8::try_from(call.int(0, row).unwrap_or(0)) {
                Ok(byte) => Ok(one_byte::shown(byte.cast_unsigned()).into()),
                Err(_) => Err(Error::new(
                    SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                    "\"char\" out of range",
                )),
            }
        };
    }
    "int4 of \"char\"" Immutable {
        (TEXT) -> PgType::INT4, strict, |call, row| {
            let byte = one_byte::read(call.must_text(0, row));
            Ok(i32::from(byte.cast_signed()).into())
        };
    }
    "to_hex" Immutable {
        (INT) -> PgType::TEXT, strict, |call, row| {
            let value = i32::try_from(call.int(0, row).unwrap_or(0)).unwrap_or(0);
            Ok(format!("{value:x}").into())
        };
        (BIGINT) -> PgType::TEXT, strict, |call, row| {
            Ok(format!("{:x}", call.int(0, row).unwrap_or(0)).into())
        };
    }
    "concat" Stable {
        (ANY) variadic -> PgType::TEXT, loose, |call, row| {
            let mut out = String::new();
            for arg in 0..call.len() {
                out.push_str(&shown(call, arg, row)?.unwrap_or_default());
            }
            Ok(out.into())
        };
    }
    "concat_ws" Stable {
        (TEXT, ANY) variadic -> PgType::TEXT, loose, |call, row| {
            let Some(separator) = call.text(0, row) else {
                return Ok(Value::Null);
            };
            let mut parts = Vec::new();
            for arg in 1..call.len() {
                parts.extend(shown(call, arg, row)?);
            }
            Ok(parts.join(separator).into())
        };
    }
}

/// Bytes of a text; of a `char(n)` also the blanks at its end, which may not be stored.
fn padded_length(call: &Call<'_>, row: usize) -> usize {
    let text = call.padded(0, row).unwrap_or("");
    let width = call
        .ty(0)
        .filter(|ty| ty.oid == PgType::BPCHAR.oid)
        .and_then(PgType::char_length)
        .unwrap_or(0);
    text.len() + width.saturating_sub(text.chars().count())
}

fn size(value: usize) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

/// Any argument as text; a `char(n)` with its blanks.
fn shown(call: &Call<'_>, arg: usize, row: usize) -> Result<Option<String>> {
    match call.padded(arg, row) {
        Some(text) => Ok(Some(text.to_owned())),
        None => any_text(call, arg, row),
    }
}

/// The capital of a letter, if that is one letter too.
pub(super) fn upper(c: char) -> char {
    let mut capital = c.to_uppercase();
    match (capital.next(), capital.next()) {
        (Some(capital), None) => capital,
        _ => c,
    }
}

pub(super) fn lower(c: char) -> char {
    let mut small = c.to_lowercase();
    match (small.next(), small.next()) {
        (Some(small), None) => small,
        _ => c,
    }
}

fn initcap(call: &Call<'_>, row: usize) -> Result<Value> {
    let mut inside = false;
    let text: String = call
        .must_text(0, row)
        .chars()
        .map(|c| {
            let cased = if inside { lower(c) } else { upper(c) };
            inside = c.is_alphanumeric();
            cased
        })
        .collect();
    Ok(text.into())
}

fn too_large() -> Error {
    Error::new(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        "requested length too large",
    )
}

fn pad(call: &Call<'_>, row: usize, before: bool) -> Result<Value> {
    let text = call.must_text(0, row);
    let fill = call.text(2, row).unwrap_or(" ");
    let wanted = usize::try_from(call.int(1, row).unwrap_or(0)).unwrap_or(0);
    if wanted > BYTES_MAX / 4 {
        return Err(too_large());
    }
    let count = text.chars().count();
    if wanted <= count || fill.is_empty() {
        return Ok(text.chars().take(wanted).collect::<String>().into());
    }
    let padding = fill.chars().cycle().take(wanted - count);
    Ok(if before {
        padding.chain(text.chars()).collect::<String>()
    } else {
        text.chars().chain(padding).collect()
    }
    .into())
}

/// How many characters `left(text, n)` keeps: all but `-n` if `n` is negative.
fn kept(text: &str, n: i64) -> usize {
    let count = text.chars().count();
    match usize::try_from(n) {
        Ok(n) => n.min(count),
        Err(_) => count.saturating_sub(usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX)),
    }
}

fn trim(call: &Call<'_>, row: usize, start: bool, end: bool) -> Value {
    let set: Vec<char> = call.text(1, row).unwrap_or(" ").chars().collect();
    let mut text = call.must_text(0, row);
    if start {
        text = text.trim_start_matches(set.as_slice());
    }
    if end {
        text = text.trim_end_matches(set.as_slice());
    }
    text.to_owned().into()
}

fn trim_bytes(call: &Call<'_>, row: usize, start: bool, end: bool) -> Value {
    let (mut bytes, set) = (call.bytes(0, row), call.bytes(1, row));
    while start
        && let Some((first, rest)) = bytes.split_first()
        && set.contains(first)
    {
        bytes = rest;
    }
    while end
        && let Some((last, rest)) = bytes.split_last()
        && set.contains(last)
    {
        bytes = rest;
    }
    Value::Bytes(bytes.to_vec())
}

fn find_bytes(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    if wanted.is_empty() {
        return Some(0);
    }
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn negative_length() -> Error {
    Error::new(
        SqlState::SUBSTRING_ERROR,
        "negative substring length not allowed",
    )
}

/// What `substring(… from start for length)` covers: how many to skip, how many to take.
fn range(call: &Call<'_>, row: usize) -> Result<(usize, usize)> {
    let start = call.int(1, row).unwrap_or(1);
    let end = match call.int(2, row) {
        Some(length) if length < 0 => return Err(negative_length()),
        Some(length) => start.saturating_add(length),
        None => i64::MAX,
    };
    let first = start.max(1);
    let count = end.saturating_sub(first).max(0);
    Ok((
        usize::try_from(first - 1).unwrap_or(usize::MAX),
        usize::try_from(count).unwrap_or(usize::MAX),
    ))
}

fn substring(call: &Call<'_>, row: usize) -> Result<Value> {
    let (skip, take) = range(call, row)?;
    let text = call.must_text(0, row).chars();
    Ok(text.skip(skip).take(take).collect::<String>().into())
}

fn substring_bytes(call: &Call<'_>, row: usize) -> Result<Value> {
    let (skip, take) = range(call, row)?;
    let bytes = call.bytes(0, row).iter();
    Ok(Value::Bytes(bytes.skip(skip).take(take).copied().collect()))
}

/// Where `overlay` starts and ends, counted from 0.
fn replaced(call: &Call<'_>, row: usize, length: usize) -> Result<(usize, usize)> {
    let start = call.int(2, row).unwrap_or(1);
    if start <= 0 {
        return Err(negative_length());
    }
    let length = call
        .int(3, row)
        .unwrap_or_else(|| i64::try_from(length).unwrap_or(0));
    let end = start.saturating_add(length) - 1;
    Ok((
        usize::try_from(start - 1).unwrap_or(usize::MAX),
        usize::try_from(end).unwrap_or(0),
    ))
}

fn overlay(call: &Call<'_>, row: usize) -> Result<Value> {
    let (text, new) = (call.must_text(0, row), call.must_text(1, row));
    let (start, end) = replaced(call, row, new.chars().count())?;
    let mut out: String = text.chars().take(start).collect();
    out.push_str(new);
    out.extend(text.chars().skip(end));
    Ok(out.into())
}

fn overlay_bytes(call: &Call<'_>, row: usize) -> Result<Value> {
    let (bytes, new) = (call.bytes(0, row), call.bytes(1, row));
    let (start, end) = replaced(call, row, new.len())?;
    let mut out: Vec<u8> = bytes.iter().take(start).copied().collect();
    out.extend_from_slice(new);
    out.extend(bytes.iter().skip(end));
    Ok(Value::Bytes(out))
}

fn translate(call: &Call<'_>, row: usize) -> Result<Value> {
    let from: Vec<char> = call.must_text(1, row).chars().collect();
    let to: Vec<char> = call.must_text(2, row).chars().collect();
    let text: String = call
        .must_text(0, row)
        .chars()
        .filter_map(|c| match from.iter().position(|one| *one == c) {
            Some(index) => to.get(index).copied(),
            None => Some(c),
        })
        .collect();
    Ok(text.into())
}

fn repeat(call: &Call<'_>, row: usize) -> Result<Value> {
    let text = call.must_text(0, row);
    let times = usize::try_from(call.int(1, row).unwrap_or(0)).unwrap_or(0);
    match text.len().checked_mul(times) {
        Some(length) if length <= BYTES_MAX => Ok(text.repeat(times).into()),
        _ => Err(too_large()),
    }
}

fn split_part(call: &Call<'_>, row: usize) -> Result<Value> {
    let (text, separator) = (call.must_text(0, row), call.must_text(1, row));
    let n = call.int(2, row).unwrap_or(0);
    if n == 0 {
        return Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "field position must not be zero",
        ));
    }
    let parts: Vec<&str> = match separator {
        "" => vec![text],
        separator => text.split(separator).collect(),
    };
    let count = i64::try_from(parts.len()).unwrap_or(i64::MAX);
    let index = if n > 0 { n - 1 } else { count + n };
    let part = usize::try_from(index)
        .ok()
        .and_then(|index| parts.get(index));
    Ok(part.copied().unwrap_or_default().to_owned().into())
}

fn chr(code: i64) -> Result<Value> {
    let too_large = |what: &str| {
        let mut message = String::from(what);
        // Writing to a String does not fail.
        let _ = write!(message, ": {code}");
        Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
    };
    match u32::try_from(code) {
        Err(_) => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "character number must be positive",
        )),
        Ok(0) => Err(Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            "null character not permitted",
        )),
        Ok(code) if code > 0x10_ffff => {
            Err(too_large("requested character too large for encoding"))
        }
        Ok(code) => match char::from_u32(code) {
            Some(c) => Ok(c.to_string().into()),
            None => Err(too_large("requested character not valid for encoding")),
        },
    }
}
