//! LIKE, piece by piece: over bytes, and where a pattern may be wrong.

use super::call::short::TEXT;
use super::call::{Call, functions};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

functions! { pub(super) LIST:
    "textlike" Immutable { (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| text_like(call, row, true); }
    "textnlike" Immutable { (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| text_like(call, row, false); }
}

/// LIKE over text.
fn text_like(call: &Call<'_>, row: usize, wanted: bool) -> Result<Value> {
    let text: Vec<char> = call.must_text(0, row).chars().collect();
    let pattern: Vec<char> = call.must_text(1, row).chars().collect();
    like(&text, &pattern, char::from).map(|is| (is == wanted).into())
}

/// A part of a pattern.
enum Part<T> {
    One(T),
    AnyOne,
    Any,
    /// An escape character that nothing follows.
    Cut,
}

/// Whether text is like a pattern whose escape character is a backslash.
///
/// # Errors
/// `22025` where the text comes as far as an escape character that nothing follows.
pub(super) fn like<T: Copy + PartialEq>(
    text: &[T],
    pattern: &[T],
    sign: impl Fn(u8) -> T,
) -> Result<bool> {
    let mut parts = Vec::with_capacity(pattern.len());
    let mut rest = pattern.iter();
    while let Some(one) = rest.next() {
        parts.push(match *one {
            one if one == sign(b'%') => Part::Any,
            one if one == sign(b'_') => Part::AnyOne,
            one if one == sign(b'\\') => rest.next().map_or(Part::Cut, |one| Part::One(*one)),
            one => Part::One(one),
        });
    }
    // After a mismatch the last `%` takes one more.
    let (mut at, mut part) = (0, 0);
    let mut last: Option<(usize, usize)> = None;
    loop {
        let fits = match parts.get(part) {
            Some(Part::Any) => {
                part += 1;
                last = Some((at, part));
                continue;
            }
            Some(Part::Cut) if at < text.len() => {
                return Err(Error::new(
                    SqlState::INVALID_ESCAPE_SEQUENCE,
                    "LIKE pattern must not end with escape character",
                ));
            }
            None if at == text.len() => return Ok(true),
            Some(Part::One(one)) => text.get(at) == Some(one),
            Some(Part::AnyOne) => at < text.len(),
            Some(Part::Cut) | None => false,
        };
        match (fits, last) {
            (true, _) => (at, part) = (at + 1, part + 1),
            (false, Some((from, next))) if from < text.len() => {
                last = Some((from + 1, next));
                (at, part) = (from + 1, next);
            }
            (false, _) => return Ok(false),
        }
    }
}
