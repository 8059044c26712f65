//! Decimal numbers as runs of ASCII digits with a scale: the form from which both PostgreSQL's text
//! and its base-10000 binary are made.

use std::io::Write;

use arrow::datatypes::i256;

use super::cells::{Cells, Decimals, Floats, Ints, Texts};
use super::pgtype::PgType;

/// Digits that fit a [`Number`]: 77 of 256 bits, shifted by a scale of at most 128 either way.
const DIGITS_MAX: usize = 400;

/// A finite decimal: `digits` × 10^-scale. Digits are ASCII without leading zeros, `0` for zero.
pub(super) struct Number<'b> {
    pub(super) negative: bool,
    pub(super) digits: &'b [u8],
    pub(super) scale: i32,
}

/// A numeric that may not be finite.
pub(super) enum Value<'b> {
    Finite(Number<'b>),
    NaN,
    Infinity,
    NegativeInfinity,
}

/// Scratch space for the digits of one number. Only the rare ones (beyond 128 bits, or of another
/// scale than their type's) allocate.
pub(super) struct Scratch {
    integer: itoa::Buffer,
    wide: Vec<u8>,
    /// Where a number is put whose scale changes.
    rescaled: Vec<u8>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self {
            integer: itoa::Buffer::new(),
            wide: Vec::new(),
            rescaled: Vec::new(),
        }
    }
}

/// How many digits after the point are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// As many as the array's scale has.
    All,
    /// Exactly so many: the declared scale, where the array has another.
    Exactly(i32),
}

/// A column of numerics.
pub(super) struct Numerics<'a> {
    source: Source<'a>,
    shown: Shown,
}

enum Source<'a> {
    Decimal(Decimals<'a>, i32),
    Int(Ints<'a>),
    Float(Floats<'a>),
    /// PostgreSQL's text, see [`PgType::data_type`].
    Text(Texts<'a>),
}

impl<'a> Numerics<'a> {
    /// Numerics of type `ty` in `cells`, or `None` if they are not numbers.
    pub(super) fn new(cells: &Cells<'a>, ty: PgType) -> Option<Self> {
        let (source, natural) = match cells {
            Cells::Decimal(values, scale) => {
                (Source::Decimal(*values, i32::from(*scale)), Shown::All)
            }
            Cells::Int(values) => (Source::Int(*values), Shown::All),
            Cells::Float(values) => (Source::Float(*values), Shown::All),
            Cells::Text(texts @ Texts::Large(_)) => (Source::Text(*texts), Shown::All),
            _ => return None,
        };
        let shown = match (ty.precision_scale(), &source) {
            (Some((_, scale)), Source::Decimal(_, has)) if i32::from(scale) == *has => Shown::All,
            // Rounded when it was made.
            (Some(_), Source::Text(_)) => Shown::All,
            (Some((_, scale)), _) => Shown::Exactly(i32::from(scale)),
            (None, _) => natural,
        };
        Some(Self { source, shown })
    }

    /// The value of a row that is not NULL.
    pub(super) fn get<'b>(&self, row: usize, scratch: &'b mut Scratch) -> Value<'b> {
        let (unscaled, scale) = match &self.source {
            Source::Decimal(values, scale) => (values.get(row), *scale),
            Source::Int(values) => (Ok(values.wide(row)), 0),
            Source::Float(values) => return self.float(values.double(row), scratch),
            Source::Text(texts) => return from_text(texts.get(row), &mut scratch.wide),
        };
        let number = match unscaled {
            Ok(value) => {
                let digits = match u64::try_from(value.unsigned_abs()) {
                    // Most are small, and 64-bit division is much cheaper.
                    Ok(small) => scratch.integer.format(small),
                    Err(_) => scratch.integer.format(value.unsigned_abs()),
                };
                Number {
                    negative: value < 0,
                    digits: digits.as_bytes(),
                    scale,
                }
            }
            Err(value) => from_wide(value, scale, &mut scratch.wide),
        };
        match self.shown {
            Shown::All => Value::Finite(number),
            Shown::Exactly(scale) => Value::Finite(number.rescaled(scale, &mut scratch.rescaled)),
        }
    }

    /// Appends PostgreSQL's binary of a row that is not NULL.
    #[inline]
    pub(super) fn write_binary(&self, row: usize, out: &mut Vec<u8>) {
        if let (Source::Decimal(values, scale), Shown::All) = (&self.source, self.shown)
            && let Ok(value) = values.get(row)
            && let Ok(small) = u64::try_from(value.unsigned_abs())
            && write_small(value < 0, small, *scale, out)
        {
            return;
        }
        self.get(row, &mut Scratch::new()).write_binary(out);
    }

    fn float<'b>(&self, value: f64, scratch: &'b mut Scratch) -> Value<'b> {
        if value.is_nan() {
            return Value::NaN;
        }
        if value.is_infinite() {
            return match value > 0.0 {
                true => Value::Infinity,
                false => Value::NegativeInfinity,
            };
        }
        // Rust prints the shortest digits that read back, never with an exponent.
        let mut text = [0; DIGITS_MAX];
        let mut rest = &mut text[..];
        let written = match write!(rest, "{}", value.abs()) {
            Ok(()) => DIGITS_MAX - rest.len(),
            Err(_) => DIGITS_MAX,
        };
        let text = &text[..written];
        let point = text.iter().position(|byte| *byte == b'.');
        let scale = point.map_or(0, |at| text.len() - at - 1);
        scratch.wide.resize(DIGITS_MAX, 0);
        let mut length = 0;
        for digit in text.iter().filter(|byte| **byte != b'.') {
            if length > 0 || *digit != b'0' {
                scratch.wide[length] = *digit;
                length += 1;
            }
        }
        if length == 0 {
            scratch.wide[0] = b'0';
            length = 1;
        }
        let number = Number {
            negative: value < 0.0,
            digits: &scratch.wide[..length],
            scale: i32::try_from(scale).unwrap_or(0),
        };
        Value::Finite(match self.shown {
            Shown::Exactly(scale) => number.rescaled(scale, &mut scratch.rescaled),
            Shown::All => number,
        })
    }
}

/// Appends the binary of a number of 64 bits, if with its scale it stays one; says whether it did.
#[expect(
    clippy::cast_possible_truncation,
    reason = "digits are below 10000, the scale is small"
)]
#[inline]
fn write_small(negative: bool, value: u64, scale: i32, out: &mut Vec<u8>) -> bool {
    if !(0..=16).contains(&scale) {
        return false;
    }
    // Aligned at the point.
    let padding = [0, 3, 2, 1][(scale % 4) as usize];
    let Some(mut rest) = value.checked_mul([1, 10, 100, 1_000][padding]) else {
        return false;
    };
    // Counts and sign, then at most five digits, written from the back.
    let mut bytes = [0_u8; 18];
    let mut at = bytes.len();
    let (mut groups, mut trailing) = (0_i32, 0_i32);
    while rest > 0 {
        let digit = (rest % 10_000) as u16;
        rest /= 10_000;
        groups += 1;
        if digit == 0 && trailing == groups - 1 {
            // Zeros at the end are not sent.
            trailing += 1;
            continue;
        }
        at -= 2;
        bytes[at..at + 2].copy_from_slice(&digit.to_be_bytes());
    }
    let weight = match groups {
        0 => 0,
        groups => groups - 1 - (scale + 3) / 4,
    };
    at -= 8;
    let sign = if negative { 0x4000_u16 } else { 0 };
    bytes[at..at + 2].copy_from_slice(&((groups - trailing) as u16).to_be_bytes());
    bytes[at + 2..at + 4].copy_from_slice(&(weight as i16).to_be_bytes());
    bytes[at + 4..at + 6].copy_from_slice(&sign.to_be_bytes());
    bytes[at + 6..at + 8].copy_from_slice(&(scale as u16).to_be_bytes());
    out.extend_from_slice(&bytes[at..]);
    true
}

/// A numeric from PostgreSQL's own text of it.
fn from_text<'b>(text: &str, buffer: &'b mut Vec<u8>) -> Value<'b> {
    let (negative, bare) = match text.strip_prefix('-') {
        Some(bare) => (true, bare),
        None => (false, text),
    };
    match (bare, negative) {
        ("NaN", _) => return Value::NaN,
        ("Infinity", false) => return Value::Infinity,
        ("Infinity", true) => return Value::NegativeInfinity,
        _ => {}
    }
    let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
    buffer.clear();
    let all = whole.bytes().chain(fraction.bytes());
    buffer.extend(all.skip_while(|digit| *digit == b'0'));
    if buffer.is_empty() {
        buffer.push(b'0');
    }
    Value::Finite(Number {
        negative,
        digits: buffer,
        scale: i32::try_from(fraction.len()).unwrap_or(i32::MAX),
    })
}

fn from_wide(value: i256, scale: i32, buffer: &mut Vec<u8>) -> Number<'_> {
    buffer.resize(DIGITS_MAX, 0);
    let mut rest = &mut buffer[..];
    // 77 digits and a sign always fit.
    let length = match write!(rest, "{value}") {
        Ok(()) => DIGITS_MAX - rest.len(),
        Err(_) => DIGITS_MAX,
    };
    let negative = buffer[0] == b'-';
    Number {
        negative,
        digits: &buffer[usize::from(negative)..length],
        scale,
    }
}

impl<'b> Number<'b> {
    fn is_zero(&self) -> bool {
        self.digits == b"0"
    }

    /// Digits after the point that are shown (PostgreSQL's dscale).
    pub(super) fn display_scale(&self) -> i32 {
        self.scale.max(0)
    }

    /// The same number with `scale` digits after the point, half away from zero.
    fn rescaled<'c>(&self, scale: i32, buffer: &'c mut Vec<u8>) -> Number<'c> {
        buffer.resize(DIGITS_MAX, 0);
        let count = self.digits.len();
        let length = if scale >= self.scale {
            let zeros = match self.is_zero() {
                true => 0,
                false => usize::try_from(scale - self.scale).unwrap_or(0),
            };
            let length = (count + zeros).min(DIGITS_MAX);
            buffer[..count].copy_from_slice(self.digits);
            buffer[count..length].fill(b'0');
            length
        } else {
            // Room for a carry in front.
            let dropped = usize::try_from(self.scale - scale).unwrap_or(0);
            let kept = count.saturating_sub(dropped);
            buffer[0] = b'0';
            buffer[1..=kept].copy_from_slice(&self.digits[..kept]);
            let up = dropped <= count && self.digits.get(kept).is_some_and(|d| *d >= b'5');
            let mut at = kept;
            if up {
                while buffer[at] == b'9' {
                    buffer[at] = b'0';
                    at -= 1;
                }
                buffer[at] += 1;
            }
            kept + 1
        };
        let zeros = buffer[..length]
            .iter()
            .take_while(|digit| **digit == b'0')
            .count()
            .min(length - 1);
        Number {
            negative: self.negative,
            digits: &buffer[zeros..length],
            scale,
        }
    }

    /// Appends PostgreSQL's text.
    #[inline]
    pub(super) fn write_text(&self, out: &mut Vec<u8>) {
        if self.negative && !self.is_zero() {
            out.push(b'-');
        }
        let Ok(scale @ 1..) = usize::try_from(self.scale) else {
            out.extend_from_slice(self.digits);
            if !self.is_zero() {
                let zeros = usize::try_from(-self.scale).unwrap_or(0);
                out.resize(out.len() + zeros, b'0');
            }
            return;
        };
        match self.digits.len().checked_sub(scale) {
            None | Some(0) => {
                out.extend_from_slice(b"0.");
                out.resize(out.len() + scale - self.digits.len(), b'0');
                out.extend_from_slice(self.digits);
            }
            Some(whole) => {
                out.extend_from_slice(&self.digits[..whole]);
                out.push(b'.');
                out.extend_from_slice(&self.digits[whole..]);
            }
        }
    }

    /// Appends PostgreSQL's binary: counts, then digits in base 10000 aligned at the point.
    #[expect(clippy::cast_possible_truncation, reason = "at most 400 digits")]
    pub(super) fn write_binary(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0, 0, 0, 0]);
        let sign: u16 = match self.negative && !self.is_zero() {
            true => 0x4000,
            false => 0,
        };
        out.extend_from_slice(&sign.to_be_bytes());
        out.extend_from_slice(&(self.display_scale() as u16).to_be_bytes());
        // Position of the first digit: 10^top is its value's place.
        let top = self.digits.len() as i32 - self.scale - 1;
        let weight = top.div_euclid(4);
        let mut groups = 0_u16;
        let mut zeros = 0_u16;
        if !self.is_zero() {
            let mut group = 0_u16;
            let mut place = top;
            let mut push = |group: u16, groups: &mut u16| {
                out.extend_from_slice(&group.to_be_bytes());
                *groups += 1;
                zeros = if group == 0 { zeros + 1 } else { 0 };
            };
            for digit in self.digits {
                group = group * 10 + u16::from(digit - b'0');
                if place.rem_euclid(4) == 0 {
                    push(group, &mut groups);
                    group = 0;
                }
                place -= 1;
            }
            let left = (place + 1).rem_euclid(4);
            if left != 0 {
                push(group * 10_u16.pow(left as u32), &mut groups);
            }
            // Trailing zero groups are not sent.
            groups -= zeros;
            out.truncate(out.len() - 2 * usize::from(zeros));
        }
        out[start..start + 2].copy_from_slice(&groups.to_be_bytes());
        let weight = if groups == 0 { 0 } else { weight as i16 };
        out[start + 2..start + 4].copy_from_slice(&weight.to_be_bytes());
    }
}

impl Value<'_> {
    /// Appends PostgreSQL's text.
    #[inline]
    pub(super) fn write_text(&self, out: &mut Vec<u8>) {
        match self {
            Self::Finite(number) => number.write_text(out),
            Self::NaN => out.extend_from_slice(b"NaN"),
            Self::Infinity => out.extend_from_slice(b"Infinity"),
            Self::NegativeInfinity => out.extend_from_slice(b"-Infinity"),
        }
    }

    /// Appends PostgreSQL's binary.
    pub(super) fn write_binary(&self, out: &mut Vec<u8>) {
        let sign: u16 = match self {
            Self::Finite(number) => return number.write_binary(out),
            Self::NaN => 0xC000,
            Self::Infinity => 0xD000,
            Self::NegativeInfinity => 0xF000,
        };
        out.extend_from_slice(&[0, 0, 0, 0]);
        out.extend_from_slice(&sign.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(digits: &str, scale: i32) -> String {
        let mut out = Vec::new();
        let number = Number {
            negative: digits.starts_with('-'),
            digits: digits.trim_start_matches('-').as_bytes(),
            scale,
        };
        number.write_text(&mut out);
        String::from_utf8(out).expect("digits are UTF-8")
    }

    fn hex(digits: &str, scale: i32) -> String {
        let mut out = Vec::new();
        let number = Number {
            negative: digits.starts_with('-'),
            digits: digits.trim_start_matches('-').as_bytes(),
            scale,
        };
        number.write_binary(&mut out);
        out.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn text_keeps_the_scale() {
        assert_eq!(text("0", 2), "0.00");
        assert_eq!(text("-5", 2), "-0.05");
        assert_eq!(text("12345", 2), "123.45");
        assert_eq!(text("123", -3), "123000");
        assert_eq!(text("0", -3), "0");
    }

    #[test]
    fn rescaling_rounds_half_away() {
        let mut buffer = Vec::new();
        for (digits, from, to, want) in [
            ("995", 2, 1, "10.0"),
            ("994", 2, 1, "9.9"),
            ("4", 1, 0, "0"),
            ("5", 1, 0, "1"),
            ("5", 2, 0, "0"),
            ("15", 1, 3, "1.500"),
            ("0", 0, 2, "0.00"),
            ("1250", 0, -2, "1300"),
        ] {
            let number = Number {
                negative: false,
                digits: digits.as_bytes(),
                scale: from,
            };
            let mut out = Vec::new();
            number.rescaled(to, &mut buffer).write_text(&mut out);
            assert_eq!(String::from_utf8_lossy(&out), want, "{digits} {from} {to}");
        }
    }

    #[test]
    fn small_numbers_are_written_alike() {
        for value in [
            0,
            1,
            9,
            99,
            10_000,
            12_345_678,
            100_000_000,
            1_500,
            u64::MAX / 1_000,
        ] {
            for scale in [0, 1, 2, 3, 4, 5, 8, 15, 16] {
                for negative in [false, true] {
                    let digits = value.to_string();
                    let number = Number {
                        negative,
                        digits: digits.as_bytes(),
                        scale,
                    };
                    let (mut one, mut other) = (Vec::new(), Vec::new());
                    number.write_binary(&mut one);
                    assert!(write_small(negative && value > 0, value, scale, &mut other));
                    assert_eq!(one, other, "{value} {scale} {negative}");
                }
            }
        }
    }

    #[test]
    fn binary_is_numeric_send() {
        assert_eq!(hex("0", 0), "0000000000000000");
        assert_eq!(hex("0", 2), "0000000000000002");
        assert_eq!(hex("1", 0), "00010000000000000001");
        assert_eq!(hex("-1", 0), "00010000400000000001");
        assert_eq!(hex("10000", 0), "00010001000000000001");
        assert_eq!(hex("1", 4), "0001ffff000000040001");
        assert_eq!(hex("12345678", 3), "0003000100000003000109291a7c");
        assert_eq!(hex("100000000", 0), "00010002000000000001");
        assert_eq!(hex("1", 8), "0001fffe000000080001");
        assert_eq!(hex("150", 2), "000200000000000200011388");
    }
}
