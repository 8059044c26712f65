//! Bit strings, `bit(n)` and `bit varying(n)`, as texts of `0` and `1`: they order as PostgreSQL's
//! do, a string before those it begins.

use crate::base::{Error, Result, SqlState};
use crate::types::PgType;

/// Bits a string can have.
pub const BITS_MAX: u64 = 83_886_080;

/// Whether a type is one of bit strings.
pub const fn is(ty: PgType) -> bool {
    matches!(ty.oid.0, 1560 | 1562)
}

/// A declared length.
pub fn length(ty: PgType) -> Option<usize> {
    usize::try_from(ty.typmod).ok().filter(|_| is(ty))
}

/// Reads text: digits, after an `x` hexadecimal ones; as assignments do, if a length is declared it
/// must be kept.
pub(in crate::types) fn parse(ty: PgType, text: &str) -> Result<String> {
    let bits = match text.strip_prefix(['x', 'X']) {
        Some(digits) => of_hex(digits)?,
        None => of_binary(text.strip_prefix(['b', 'B']).unwrap_or(text))?,
    };
    check(ty, &bits)?;
    Ok(bits)
}

/// The bits that binary digits say.
pub fn of_binary(digits: &str) -> Result<String> {
    match digits.chars().find(|c| !matches!(c, '0' | '1')) {
        None => Ok(digits.to_owned()),
        Some(other) => Err(Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("\"{other}\" is not a valid binary digit"),
        )),
    }
}

/// The bits that hexadecimal digits say, four each.
pub fn of_hex(digits: &str) -> Result<String> {
    let mut bits = String::with_capacity(digits.len() * 4);
    for c in digits.chars() {
        let digit = c.to_digit(16).ok_or_else(|| {
            Error::new(
                SqlState::INVALID_TEXT_REPRESENTATION,
                format!("\"{c}\" is not a valid hexadecimal digit"),
            )
        })?;
        bits.push_str(&format!("{digit:04b}"));
    }
    Ok(bits)
}

/// Whether a string may be assigned to what has the type's length.
fn check(ty: PgType, bits: &str) -> Result<()> {
    match length(ty) {
        Some(length) if ty.oid == PgType::BIT.oid && bits.len() != length => Err(Error::new(
            SqlState::STRING_DATA_LENGTH_MISMATCH,
            format!(
                "bit string length {} does not match type bit({length})",
                bits.len()
            ),
        )),
        Some(length) if bits.len() > length => Err(Error::new(
            SqlState::STRING_DATA_RIGHT_TRUNCATION,
            format!("bit string too long for type bit varying({length})"),
        )),
        _ => Ok(()),
    }
}

/// A string as a cast to the type makes it: cut, and `bit(n)` filled with zeros.
pub fn fitted(ty: PgType, bits: &str) -> String {
    let Some(length) = length(ty) else {
        return bits.to_owned();
    };
    let mut fitted = bits.get(..length).unwrap_or(bits).to_owned();
    if ty.oid == PgType::BIT.oid {
        fitted.extend(std::iter::repeat_n('0', length - fitted.len()));
    }
    fitted
}

/// Bytes of eight bits, the last filled with zeros.
fn bytes(bits: &str) -> impl Iterator<Item = u8> {
    bits.as_bytes().chunks(8).map(|chunk| {
        let set = |byte: u8, (at, bit): (usize, &u8)| byte | u8::from(*bit == b'1') << (7 - at);
        chunk.iter().enumerate().fold(0, set)
    })
}

/// Appends PostgreSQL's binary form: the number of bits, and the bits.
pub(in crate::types) fn send(bits: &str, out: &mut Vec<u8>) {
    let count = i32::try_from(bits.len()).unwrap_or(i32::MAX);
    out.extend_from_slice(&count.to_be_bytes());
    out.extend(bytes(bits));
}

/// Reads the binary form; `None` if it is none.
pub(in crate::types) fn receive(ty: PgType, sent: &[u8]) -> Option<Result<String>> {
    let (count, data) = sent.split_first_chunk::<4>()?;
    let count = usize::try_from(i32::from_be_bytes(*count)).ok()?;
    if data.len() != count.div_ceil(8) {
        return None;
    }
    let mut bits = String::with_capacity(data.len() * 8);
    for byte in data {
        bits.push_str(&format!("{byte:08b}"));
    }
    bits.truncate(count);
    Some(check(ty, &bits).map(|()| bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_read_back() {
        for text in ["", "1", "10110111", "101101110"] {
            let mut sent = Vec::new();
            send(text, &mut sent);
            let read = receive(PgType::VARBIT, &sent).expect("is one");
            assert_eq!(read.expect("fits"), text);
        }
        assert_eq!(parse(PgType::BIT, "x1F").expect("reads"), "00011111");
        assert!(parse(PgType::BIT.with_typmod(3), "10").is_err());
        assert_eq!(fitted(PgType::BIT.with_typmod(3), "1"), "100");
        assert_eq!(fitted(PgType::VARBIT.with_typmod(2), "101"), "10");
    }
}
