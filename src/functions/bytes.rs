//! Bytes: `encode`, `decode`, `gen_random_uuid`.

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::call::short::TEXT;
use super::call::{Call, functions};
use super::like::like;
use super::resolve::Param;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

const BYTEA: Param = Param::Is(PgType::BYTEA);
/// Characters of a line of base64, as MIME and PostgreSQL break it.
const BASE64_LINE: usize = 76;

functions! { pub(super) LIST:
    "encode" Immutable { (BYTEA, TEXT) -> PgType::TEXT, strict, encode; }
    "decode" Immutable { (TEXT, TEXT) -> PgType::BYTEA, strict, decode; }
    "bytealike" Immutable { (BYTEA, BYTEA) -> PgType::BOOL, strict, |call, row| byte_like(call, row, true); }
    "byteanlike" Immutable { (BYTEA, BYTEA) -> PgType::BOOL, strict, |call, row| byte_like(call, row, false); }
    "gen_random_uuid" Volatile {
        () -> PgType::UUID, strict, |_, _| Ok(Value::Bytes(uuid::Uuid::new_v4().as_bytes().to_vec()));
    }
}

/// LIKE over bytes.
fn byte_like(call: &Call<'_>, row: usize, wanted: bool) -> Result<Value> {
    like(call.bytes(0, row), call.bytes(1, row), |of| of).map(|is| (is == wanted).into())
}

fn unrecognized(format: &str) -> Error {
    Error::new(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("unrecognized encoding: \"{format}\""),
    )
}

fn encode(call: &Call<'_>, row: usize) -> Result<Value> {
    let array = call
        .raw(0)
        .and_then(|array| arrow::compute::cast(array, &DataType::Binary).ok());
    let Some(array) = array else {
        return Ok(Value::Null);
    };
    let bytes = array.as_binary::<i32>().value(row);
    let format = call.must_text(1, row);
    Ok(match format.to_lowercase().as_str() {
        "hex" => hex(bytes).into(),
        "base64" => {
            let text = STANDARD.encode(bytes);
            let lines: Vec<&str> = text
                .as_bytes()
                .chunks(BASE64_LINE)
                .map(|line| std::str::from_utf8(line).unwrap_or_default())
                .collect();
            lines.join("\n").into()
        }
        "escape" => {
            let mut text = String::with_capacity(bytes.len());
            for byte in bytes {
                match byte {
                    b'\\' => text.push_str("\\\\"),
                    0 | 0x80.. => text.push_str(&format!("\\{byte:03o}")),
                    byte => text.push(char::from(*byte)),
                }
            }
            text.into()
        }
        _ => return Err(unrecognized(format)),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode(call: &Call<'_>, row: usize) -> Result<Value> {
    let text = call.must_text(0, row);
    let format = call.must_text(1, row);
    let invalid = |what: String| Error::new(SqlState::INVALID_PARAMETER_VALUE, what);
    Ok(Value::Bytes(match format.to_lowercase().as_str() {
        "hex" => {
            let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
            if digits.len() % 2 == 1 {
                return Err(invalid(
                    "invalid hexadecimal data: odd number of digits".into(),
                ));
            }
            let digit = |c: char| {
                c.to_digit(16)
                    .and_then(|digit| u8::try_from(digit).ok())
                    .ok_or_else(|| invalid(format!("invalid hexadecimal digit: \"{c}\"")))
            };
            digits
                .chunks(2)
                .map(|pair| match pair {
                    [high, low] => Ok(digit(*high)? << 4 | digit(*low)?),
                    _ => Ok(0),
                })
                .collect::<Result<Vec<u8>>>()?
        }
        "base64" => base64(text)?,
        "escape" => unescape(text).ok_or_else(|| {
            Error::new(
                SqlState::INVALID_TEXT_REPRESENTATION,
                "invalid input syntax for type bytea",
            )
        })?,
        _ => return Err(unrecognized(format)),
    }))
}

/// The bytes of base64, white space in it aside. As in PostgreSQL an end of `=` is looked at only
/// where it begins, and what follows counts as nothing.
///
/// # Errors
/// `22023`
fn base64(text: &str) -> Result<Vec<u8>> {
    let invalid = |what: String| Error::new(SqlState::INVALID_PARAMETER_VALUE, what);
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut count) = (0_u32, 0_u8);
    // How many bytes the last groups have.
    let mut kept = None;
    for c in text.chars() {
        let bits = match c {
            ' ' | '\t' | '\n' | '\r' => continue,
            '=' => {
                match (kept, count) {
                    (Some(_), _) => {}
                    (None, 2) => kept = Some(1),
                    (None, 3) => kept = Some(2),
                    (None, _) => {
                        let what = "unexpected \"=\" while decoding base64 sequence";
                        return Err(invalid(what.to_owned()));
                    }
                }
                0
            }
            'A'..='Z' => u32::from(c) - u32::from('A'),
            'a'..='z' => u32::from(c) - u32::from('a') + 26,
            '0'..='9' => u32::from(c) - u32::from('0') + 52,
            '+' => 62,
            '/' => 63,
            c => {
                return Err(invalid(format!(
                    "invalid symbol \"{c}\" found while decoding base64 sequence"
                )));
            }
        };
        group = group << 6 | bits;
        count += 1;
        if count == 4 {
            bytes.extend(&group.to_be_bytes()[1..][..kept.unwrap_or(3)]);
            (group, count) = (0, 0);
        }
    }
    match count {
        0 => Ok(bytes),
        _ => Err(invalid("invalid base64 end sequence".to_owned())
            .hint("Input data is missing padding, is truncated, or is otherwise corrupted.")),
    }
}

/// `\\` and `\ooo` to bytes.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        match rest {
            [] => return Some(bytes),
            [b'\\', b'\\', more @ ..] => {
                bytes.push(b'\\');
                rest = more;
            }
            [
                b'\\',
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                more @ ..,
            ] => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = more;
            }
            [b'\\', ..] => return None,
            [byte, more @ ..] => {
                bytes.push(*byte);
                rest = more;
            }
        }
    }
}
