//! Bytes: single bytes and bits, encodings of text, digests, Unicode escapes and forms.

use std::borrow::Cow;

use sha2::Digest;
use unicode_normalization::UnicodeNormalization;

use super::call::short::{ANY, BIGINT, BYTEA, INT, TEXT};
use super::call::{Call, functions};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::binary::BinaryColumn;
use crate::types::surrogates::{Halves, Misread};
use crate::types::{Encoding, PgType};

functions! { pub(super) LIST:
    "binary send" Stable {
        (ANY) -> PgType::BYTEA, strict, |call, row| sent(call, row).map(Value::Bytes);
    }
    "get_byte" Immutable {
        (BYTEA, INT) -> PgType::INT4, strict, |call, row| {
            let bytes = call.bytes(0, row);
            let at = index(call.int(1, row), bytes.len())?;
            Ok(i64::from(bytes[at]).into())
        };
    }
    "set_byte" Immutable {
        (BYTEA, INT, INT) -> PgType::BYTEA, strict, |call, row| {
            let mut bytes = call.bytes(0, row).to_vec();
            let at = index(call.int(1, row), bytes.len())?;
            bytes[at] = u8::try_from(call.int(2, row).unwrap_or(0) & 0xff).unwrap_or(0);
            Ok(Value::Bytes(bytes))
        };
    }
    "get_bit" Immutable {
        (BYTEA, BIGINT) -> PgType::INT4, strict, |call, row| {
            let bytes = call.bytes(0, row);
            let at = index(call.int(1, row), bytes.len() * 8)?;
            Ok(i64::from(bytes[at / 8] >> (at % 8) & 1).into())
        };
    }
    "set_bit" Immutable { (BYTEA, BIGINT, INT) -> PgType::BYTEA, strict, set_bit; }
    "sha224" Immutable { (BYTEA) -> PgType::BYTEA, strict, digest::<sha2::Sha224>; }
    "sha256" Immutable { (BYTEA) -> PgType::BYTEA, strict, digest::<sha2::Sha256>; }
    "sha384" Immutable { (BYTEA) -> PgType::BYTEA, strict, digest::<sha2::Sha384>; }
    "sha512" Immutable { (BYTEA) -> PgType::BYTEA, strict, digest::<sha2::Sha512>; }
    "convert_to" Stable {
        (TEXT, TEXT) -> PgType::BYTEA, strict, |call, row| {
            let encoding = encoding(call.must_text(1, row), "destination")?;
            encoding.encode(call.must_text(0, row)).map(|bytes| Value::Bytes(bytes.into_owned()))
        };
    }
    "convert_from" Stable {
        (BYTEA, TEXT) -> PgType::TEXT, strict, |call, row| {
            let encoding = encoding(call.must_text(1, row), "source")?;
            decoded(encoding, call.bytes(0, row)).map(Value::from)
        };
    }
    "convert" Stable {
        (BYTEA, TEXT, TEXT) -> PgType::BYTEA, strict, |call, row| {
            let from = encoding(call.must_text(1, row), "source")?;
            let to = encoding(call.must_text(2, row), "destination")?;
            let text = decoded(from, call.bytes(0, row))?;
            to.encode(&text).map(|bytes| Value::Bytes(bytes.into_owned()))
        };
    }
    "unistr" Immutable { (TEXT) -> PgType::TEXT, strict, |call, row| unistr(call.must_text(0, row)); }
    "normalize" Immutable {
        (TEXT) -> PgType::TEXT, strict, |call, row| normalized(call.must_text(0, row), "NFC").map(Value::from);
        (TEXT, TEXT) -> PgType::TEXT, strict, |call, row| {
            normalized(call.must_text(0, row), call.must_text(1, row)).map(Value::from)
        };
    }
    "is_normalized" Immutable {
        (TEXT) -> PgType::BOOL, strict, |call, row| {
            let text = call.must_text(0, row);
            Ok((normalized(text, "NFC")? == text).into())
        };
        (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| {
            let text = call.must_text(0, row);
            Ok((normalized(text, call.must_text(1, row))? == text).into())
        };
    }
}

/// A value as its type's `typsend` writes it.
pub(super) fn sent(call: &Call<'_>, row: usize) -> Result<Vec<u8>> {
    let (Some(array), Some(ty)) = (call.raw(0), call.ty(0)) else {
        return Err(Error::unsupported("this value as binary"));
    };
    let value = array.slice(row, 1);
    let column = BinaryColumn::new(value.as_ref(), ty, &call.context.style)?;
    let mut out = Vec::new();
    column.write(0, &mut out)?;
    Ok(out)
}

/// A position that is one of `length`.
fn index(at: Option<i64>, length: usize) -> Result<usize> {
    let at = at.unwrap_or(0);
    usize::try_from(at)
        .ok()
        .filter(|at| *at < length)
        .ok_or_else(|| {
            let last = i64::try_from(length).unwrap_or(i64::MAX) - 1;
            Error::new(
                SqlState::ARRAY_SUBSCRIPT_ERROR,
                format!("index {at} out of valid range, 0..{last}"),
            )
        })
}

fn set_bit(call: &Call<'_>, row: usize) -> Result<Value> {
    let mut bytes = call.bytes(0, row).to_vec();
    let at = index(call.int(1, row), bytes.len() * 8)?;
    let mask = 1 << (at % 8);
    match call.int(2, row) {
        Some(0) => bytes[at / 8] &= !mask,
        Some(1) => bytes[at / 8] |= mask,
        _ => {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                "new bit must be 0 or 1",
            ));
        }
    }
    Ok(Value::Bytes(bytes))
}

fn digest<D: Digest>(call: &Call<'_>, row: usize) -> Result<Value> {
    Ok(Value::Bytes(D::digest(call.bytes(0, row)).to_vec()))
}

fn encoding(name: &str, which: &str) -> Result<&'static Encoding> {
    Encoding::named(name).ok_or_else(|| {
        Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("invalid {which} encoding name \"{name}\""),
        )
    })
}

/// How many characters bytes are in an encoding.
pub(super) fn characters(call: &Call<'_>, row: usize) -> Result<Value> {
    let name = call.must_text(1, row);
    let encoding = Encoding::named(name).ok_or_else(|| {
        Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("invalid encoding name \"{name}\""),
        )
    })?;
    let text = decoded(encoding, call.bytes(0, row))?;
    Ok(i32::try_from(text.chars().count())
        .unwrap_or(i32::MAX)
        .into())
}

/// Bytes in an encoding as text, which has no NUL.
fn decoded(encoding: &Encoding, bytes: &[u8]) -> Result<String> {
    if bytes.contains(&0) {
        return Err(Error::new(
            SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            format!(
                "invalid byte sequence for encoding \"{}\": 0x00",
                encoding.name
            ),
        ));
    }
    encoding.decode(bytes).map(Cow::into_owned)
}

/// `\XXXX`, `\+XXXXXX`, `\uXXXX`, `\UXXXXXXXX` to characters.
fn unistr(text: &str) -> Result<Value> {
    let wrong = || {
        Error::new(SqlState::SYNTAX_ERROR, "invalid Unicode escape")
            .hint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.")
    };
    let mut out = String::new();
    let mut halves = Halves::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c != '\\' {
            if halves.is_open() {
                return Err(bad_pair());
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let after = &rest[1..];
        if let Some(more) = after.strip_prefix('\\') {
            if halves.is_open() {
                return Err(bad_pair());
            }
            out.push('\\');
            rest = more;
            continue;
        }
        let (skip, digits) = match after.chars().next() {
            Some('+') => (1, 6),
            Some('u') => (1, 4),
            Some('U') => (1, 8),
            _ => (0, 4),
        };
        let code = after
            .get(skip..skip + digits)
            .filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|code| u32::from_str_radix(code, 16).ok())
            .ok_or_else(wrong)?;
        rest = &after[skip + digits..];
        match halves.take(code) {
            Ok(character) => out.extend(character),
            Err(Misread::Half) => return Err(bad_pair()),
            Err(Misread::Number) => {
                return Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("invalid Unicode code point: {code:04X}"),
                ));
            }
        }
    }
    match halves.is_open() {
        true => Err(bad_pair()),
        false => Ok(out.into()),
    }
}

fn bad_pair() -> Error {
    Error::new(SqlState::SYNTAX_ERROR, "invalid Unicode surrogate pair")
}

fn normalized(text: &str, form: &str) -> Result<String> {
    Ok(match form.to_ascii_uppercase().as_str() {
        "NFC" => text.nfc().collect(),
        "NFD" => text.nfd().collect(),
        "NFKC" => text.nfkc().collect(),
        "NFKD" => text.nfkd().collect(),
        _ => {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("invalid normalization form: {form}"),
            ));
        }
    })
}
