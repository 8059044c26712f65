//! bytea and uuid from text.

use super::invalid;
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;

fn nibble(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

fn bad_hex(message: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// Appends the bytes that hex (`\x…`) or escape format stand for.
pub(super) fn bytea(text: &str, out: &mut Vec<u8>) -> Result<()> {
    match text.strip_prefix("\\x") {
        Some(digits) => hex(digits, out),
        None => escaped(text, out),
    }
}

/// White space may stand between pairs of digits.
fn hex(text: &str, out: &mut Vec<u8>) -> Result<()> {
    let mut rest = text.chars();
    while let Some(first) = rest.next() {
        if matches!(first, ' ' | '\n' | '\t' | '\r') {
            continue;
        }
        let digit = |c: char| {
            u8::try_from(c)
                .ok()
                .and_then(nibble)
                .ok_or_else(|| bad_hex(format!("invalid hexadecimal digit: \"{c}\"")))
        };
        let high = digit(first)?;
        let Some(second) = rest.next() else {
            return Err(bad_hex("invalid hexadecimal data: odd number of digits"));
        };
        out.push(high << 4 | digit(second)?);
    }
    Ok(())
}

fn escaped(text: &str, out: &mut Vec<u8>) -> Result<()> {
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return Ok(()),
            [b'\\', b'\\', rest @ ..] => {
                out.push(b'\\');
                rest
            }
            [
                b'\\',
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                rest @ ..,
            ] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest
            }
            [b'\\', ..] => {
                return Err(Error::new(
                    SqlState::INVALID_TEXT_REPRESENTATION,
                    "invalid input syntax for type bytea",
                ));
            }
            [byte, rest @ ..] => {
                out.push(*byte);
                rest
            }
        };
    }
}

/// Hyphens may stand after every second byte, braces around the whole.
pub(super) fn uuid(text: &str) -> Result<[u8; 16]> {
    let fail = || invalid(PgType::UUID, text);
    let inner = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}').ok_or_else(fail)?,
        None => text,
    };
    let mut bytes = [0; 16];
    let mut rest = inner.as_bytes();
    for (place, byte) in bytes.iter_mut().enumerate() {
        let [high, low, after @ ..] = rest else {
            return Err(fail());
        };
        *byte = nibble(*high).ok_or_else(fail)? << 4 | nibble(*low).ok_or_else(fail)?;
        rest = match after {
            [b'-', after @ ..] if place % 2 == 1 && place < 15 => after,
            after => after,
        };
    }
    match rest {
        [] => Ok(bytes),
        _ => Err(fail()),
    }
}
