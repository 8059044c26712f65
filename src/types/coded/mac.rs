//! Hardware addresses, `macaddr` and `macaddr8`, as numbers.

use super::{signed, unsigned};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::text::invalid;

/// The code of six octets.
pub fn code(octets: [u8; 6]) -> i64 {
    octets
        .iter()
        .fold(0, |code, octet| code << 8 | i64::from(*octet))
}

/// The octets of a code.
pub const fn octets(code: i64) -> [u8; 6] {
    let [_, _, a, b, c, d, e, f] = code.to_be_bytes();
    [a, b, c, d, e, f]
}

/// The code of eight octets.
pub const fn code_long(octets: [u8; 8]) -> i64 {
    signed(u64::from_be_bytes(octets))
}

/// The eight octets of a code.
pub const fn octets_long(code: i64) -> [u8; 8] {
    unsigned(code).to_be_bytes()
}

fn octet_out_of_range(text: &str) -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("invalid octet value in \"macaddr\" value: \"{text}\""),
    )
}

/// Reads six octets: two digits or fewer each with `:` or `-` between, or in two or three groups.
pub(super) fn parse(text: &str) -> Result<i64> {
    let wrong = || invalid(PgType::MACADDR, text);
    let trimmed = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    for separator in [':', '-'] {
        let parts: Vec<_> = trimmed.split(separator).collect();
        if let Ok(parts) = <[&str; 6]>::try_from(parts.as_slice()) {
            let mut octets = [0; 6];
            for (octet, part) in octets.iter_mut().zip(parts) {
                if part.is_empty() || !is_hex(part) {
                    return Err(wrong());
                }
                *octet = u8::from_str_radix(part, 16).map_err(|_| octet_out_of_range(text))?;
            }
            return Ok(code(octets));
        }
    }
    // Groups of two digits each.
    let groups = |separator: char, length: usize| {
        let parts: Vec<_> = trimmed.split(separator).collect();
        let even = parts.len() * length == 12
            && parts
                .iter()
                .all(|part| part.len() == length && is_hex(part));
        even.then(|| parts.concat())
    };
    let digits = [(':', 6), ('-', 6), ('.', 4), ('-', 4), (':', 12)]
        .into_iter()
        .find_map(|(separator, length)| groups(separator, length));
    let digits = digits.ok_or_else(wrong)?;
    i64::from_str_radix(&digits, 16).map_err(|_| wrong())
}

/// Reads eight octets, or six that `ff:fe` stands between: two digits each, and one kind of
/// separator or none behind some of them.
pub(super) fn parse_long(text: &str) -> Result<i64> {
    let wrong = || invalid(PgType::MACADDR8, text);
    let trimmed = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let bytes = trimmed.as_bytes();
    let mut octets = Vec::with_capacity(8);
    let mut separator = None;
    let mut at = 0;
    while at < bytes.len() {
        let digit = |at: usize| {
            let digit = bytes
                .get(at)
                .and_then(|byte| char::from(*byte).to_digit(16));
            digit
                .and_then(|digit| u8::try_from(digit).ok())
                .ok_or_else(wrong)
        };
        if octets.len() == 8 {
            return Err(wrong());
        }
        octets.push(digit(at)? << 4 | digit(at + 1)?);
        at += 2;
        if let Some(byte @ (b':' | b'-' | b'.')) = bytes.get(at) {
            if *separator.get_or_insert(*byte) != *byte || at + 1 == bytes.len() {
                return Err(wrong());
            }
            at += 1;
        }
    }
    match *octets.as_slice() {
        [a, b, c, d, e, f] => Ok(code_long([a, b, c, 0xff, 0xfe, d, e, f])),
        [a, b, c, d, e, f, g, h] => Ok(code_long([a, b, c, d, e, f, g, h])),
        _ => Err(wrong()),
    }
}

fn join(octets: &[u8], out: &mut Vec<u8>) {
    for (at, octet) in octets.iter().enumerate() {
        if at > 0 {
            out.push(b':');
        }
        out.extend_from_slice(format!("{octet:02x}").as_bytes());
    }
}

pub(super) fn write(code: i64, out: &mut Vec<u8>) {
    join(&octets(code), out);
}

pub(super) fn write_long(code: i64, out: &mut Vec<u8>) {
    join(&octets_long(code), out);
}

/// Six octets as eight.
pub fn lengthened(code: i64) -> i64 {
    let [a, b, c, d, e, f] = octets(code);
    code_long([a, b, c, 0xff, 0xfe, d, e, f])
}

/// Eight octets as six, if they were six.
///
/// # Errors
/// `22003`
pub fn shortened(long: i64) -> Result<i64> {
    match octets_long(long) {
        [a, b, c, 0xff, 0xfe, d, e, f] => Ok(code([a, b, c, d, e, f])),
        _ => Err(Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "macaddr8 data out of range to convert to macaddr",
        )
        .hint(
            "Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, \
             for example xx:xx:xx:ff:fe:xx:xx:xx, are eligible to be converted from macaddr8 to \
             macaddr.",
        )),
    }
}
