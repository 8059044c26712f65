//! `E'…'`, as PostgreSQL's lexer reads it: escapes may be the bytes of a character, or its halves.
//!
//! sqlparser takes each escape for a character and gives up a string where one is none. Such a
//! string is read here.

use super::split::slice;
use crate::base::{Error, Result, SqlState};
use crate::types::binary::utf8;
use crate::types::surrogates::{Halves, Misread};

/// Where the string ends that begins at a character of a text with `E'`: behind its last quote.
/// `None` if it does not begin so, or does not end.
pub(super) fn end(characters: &[char], start: usize) -> Option<usize> {
    let opening = characters.get(start..start + 2)?;
    if !matches!(opening, ['e' | 'E', '\'']) {
        return None;
    }
    let mut at = start + 2;
    loop {
        at += match (characters.get(at)?, characters.get(at + 1)) {
            ('\\', _) | ('\'', Some('\'')) => 2,
            ('\'', _) => return Some(at + 1),
            _ => 1,
        };
    }
}

/// What such a string says; it is at characters `start..end` of the query.
///
/// # Errors
/// `42601`, `22025`, `22021` for escapes that make no character.
pub(super) fn read(sql: &str, start: usize, end: usize) -> Result<String> {
    let characters: Vec<char> = slice(sql, start, end).chars().collect();
    let inside = &characters[..characters.len().saturating_sub(1)];
    let mut made: Vec<u8> = Vec::with_capacity(inside.len());
    let mut halves = Halves::default();
    let mut at = 2;
    let wrong = |what: &str, from: usize, to: usize| {
        let near = slice(sql, start + from, start + to);
        let message = format!("{what} at or near \"{near}\"");
        Error::new(SqlState::SYNTAX_ERROR, message).at(start + from + 1)
    };
    let pair = |from: usize, to: usize| wrong("invalid Unicode surrogate pair", from, to);
    while let Some(&next) = inside.get(at) {
        let escaped = inside.get(at + 1).copied().filter(|_| next == '\\');
        if let Some(kind @ ('u' | 'U')) = escaped {
            let count = if kind == 'u' { 4 } else { 8 };
            let behind = at + 2 + count;
            let Some(code) = number(inside, at + 2, count, 16).filter(|(_, read)| *read == count)
            else {
                let error = Error::new(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid Unicode escape");
                let hint = "Unicode escapes must be \\uXXXX or \\UXXXXXXXX.";
                return Err(error.at(start + at + 1).hint(hint));
            };
            let character = halves.take(code.0).map_err(|misread| match misread {
                Misread::Half => pair(at, behind),
                Misread::Number => wrong("invalid Unicode escape value", at, behind),
            })?;
            made.extend(character.into_iter().collect::<String>().bytes());
            at = behind;
            continue;
        }
        if halves.is_open() {
            return Err(pair(at, at + 1));
        }
        let digits = |from: usize, most: usize, radix: u32| {
            let (code, read) = number(inside, from, most, radix)?;
            // Three octal digits may say more than a byte holds.
            Some((u8::try_from(code & 0xff).ok()?, read))
        };
        let byte = match escaped {
            Some('x') => digits(at + 2, 2, 16).map(|(byte, read)| (byte, 2 + read)),
            Some('0'..='7') => digits(at + 1, 3, 8).map(|(byte, read)| (byte, 1 + read)),
            Some('b') => Some((8, 2)),
            Some('f') => Some((12, 2)),
            Some('n') => Some((b'\n', 2)),
            Some('r') => Some((b'\r', 2)),
            Some('t') => Some((b'\t', 2)),
            _ => None,
        };
        if let Some((byte, length)) = byte {
            made.push(byte);
            at += length;
            continue;
        }
        // A quote is written twice; any other character is itself behind a backslash, too.
        let doubled = next == '\'' && inside.get(at + 1) == Some(&'\'');
        let (character, length) = match escaped {
            Some(escaped) => (escaped, 2),
            None => (next, if doubled { 2 } else { 1 }),
        };
        made.extend(character.encode_utf8(&mut [0; 4]).bytes());
        at += length;
    }
    if halves.is_open() {
        return Err(pair(at, at + 1));
    }
    utf8(&made).map(str::to_owned)
}

/// What up to `most` digits say, and how many there are; `None` without one.
fn number(characters: &[char], from: usize, most: usize, radix: u32) -> Option<(u32, usize)> {
    let digits = characters.iter().skip(from).take(most);
    let digits: Vec<u32> = digits.map_while(|digit| digit.to_digit(radix)).collect();
    let value = digits.iter().try_fold(0_u32, |value, digit| {
        value.checked_mul(radix)?.checked_add(*digit)
    })?;
    (!digits.is_empty()).then_some((value, digits.len()))
}
