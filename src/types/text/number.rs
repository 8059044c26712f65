//! Integers and floating point as PostgreSQL's text.

use std::io::Write;

/// Appends an integer.
#[inline]
pub(in crate::types) fn write_int(value: i64, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    out.extend_from_slice(buffer.format(value).as_bytes());
}

/// Appends a float8: shortest text that reads back, or rounded to 15 + `extra` digits if `extra` <=
/// 0.
#[inline]
pub(in crate::types) fn write_float8(value: f64, extra: i32, out: &mut Vec<u8>) {
    if !value.is_finite() {
        return write_special(value, out);
    }
    if extra <= 0 {
        return write_rounded(value, (15 + extra).max(1), out);
    }
    let mut buffer = ryu::Buffer::new();
    write_shortest(buffer.format_finite(value), 15, out);
}

/// Appends a float4, likewise with 6 digits.
#[inline]
pub(super) fn write_float4(value: f32, extra: i32, out: &mut Vec<u8>) {
    if !value.is_finite() {
        return write_special(f64::from(value), out);
    }
    if extra <= 0 {
        return write_rounded(f64::from(value), (6 + extra).max(1), out);
    }
    let mut buffer = ryu::Buffer::new();
    write_shortest(buffer.format_finite(value), 6, out);
}

fn write_special(value: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(match (value.is_nan(), value > 0.0) {
        (true, _) => b"NaN",
        (false, true) => b"Infinity",
        (false, false) => b"-Infinity",
    });
}

/// `%.*g`, as C prints it.
fn write_rounded(value: f64, precision: i32, out: &mut Vec<u8>) {
    let mut text = [0; 64];
    let mut rest = &mut text[..];
    let fraction = usize::try_from(precision - 1).unwrap_or(0);
    let length = match write!(rest, "{value:.fraction$e}") {
        Ok(()) => 64 - rest.len(),
        Err(_) => 64,
    };
    let text = std::str::from_utf8(&text[..length]).unwrap_or("0");
    write_shortest(text, precision, out);
}

/// Lays out the digits of `text` (any decimal notation) as PostgreSQL does: with an exponent of at
/// least two digits if it is below -4 or reaches `precision`.
fn write_shortest(text: &str, precision: i32, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let (negative, bytes) = match bytes.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, bytes),
    };
    let mut digits = [0_u8; 32];
    let mut count = 0;
    // Digits before the point, minus zeros after it in front of the first digit.
    let mut point = 0_i32;
    let mut exponent = 0_i32;
    let mut fraction = false;
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'.' => fraction = true,
            b'e' | b'E' => {
                let negative = rest.as_slice().first() == Some(&b'-');
                for digit in rest.by_ref().filter(|byte| byte.is_ascii_digit()) {
                    exponent = exponent * 10 + i32::from(digit - b'0');
                }
                exponent = if negative { -exponent } else { exponent };
            }
            b'0' if count == 0 => point -= i32::from(fraction),
            digit => {
                point += i32::from(!fraction);
                if count < digits.len() {
                    digits[count] = *digit;
                    count += 1;
                }
            }
        }
    }
    while count > 0 && digits[count - 1] == b'0' {
        count -= 1;
    }
    if negative {
        out.push(b'-');
    }
    let digits = &digits[..count];
    let Some((first, others)) = digits.split_first() else {
        out.push(b'0');
        return;
    };
    let exponent = exponent + point - 1;
    if exponent < -4 || exponent >= precision {
        out.push(*first);
        if !others.is_empty() {
            out.push(b'.');
            out.extend_from_slice(others);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            out.push(b'0');
        }
        write_int(i64::from(exponent.abs()), out);
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        out.resize(out.len() + zeros, b'0');
        out.extend_from_slice(digits);
    } else {
        let whole = usize::try_from(exponent + 1).unwrap_or(0);
        if whole >= digits.len() {
            out.extend_from_slice(digits);
            out.resize(out.len() + whole - digits.len(), b'0');
        } else {
            out.extend_from_slice(&digits[..whole]);
            out.push(b'.');
            out.extend_from_slice(&digits[whole..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float8(value: f64, extra: i32) -> String {
        let mut out = Vec::new();
        write_float8(value, extra, &mut out);
        String::from_utf8(out).expect("digits are UTF-8")
    }

    fn float4(value: f32, extra: i32) -> String {
        let mut out = Vec::new();
        write_float4(value, extra, &mut out);
        String::from_utf8(out).expect("digits are UTF-8")
    }

    #[test]
    fn shortest_float8() {
        for (value, want) in [
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (123456789012345.0, "123456789012345"),
            (1234567890123456.0, "1.234567890123456e+15"),
            (1e16, "1e+16"),
            (1e20, "1e+20"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e-7, "1e-07"),
            (0.000123, "0.000123"),
            (123456.789, "123456.789"),
            (1e300, "1e+300"),
            (5e-324, "5e-324"),
            (0.1, "0.1"),
            (42.0, "42"),
            (-0.0, "-0"),
            (0.0, "0"),
            (12345678901234567.0, "1.2345678901234568e+16"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(float8(value, 1), want);
        }
    }

    #[test]
    fn shortest_float4() {
        for (value, want) in [
            (1e5, "100000"),
            (1e6, "1e+06"),
            (123456.0, "123456"),
            (1234567.0, "1.234567e+06"),
            (12345678.0, "1.2345678e+07"),
            (16777216.0, "1.6777216e+07"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.1, "0.1"),
            (3.4e38, "3.4e+38"),
            (1e-45, "1e-45"),
        ] {
            assert_eq!(float4(value, 1), want);
        }
    }

    #[test]
    fn rounded() {
        for (value, extra, want) in [
            (1234567890123456.0, 0, "1.23456789012346e+15"),
            (5e-324, 0, "4.94065645841247e-324"),
            (1.0 / 3.0, 0, "0.333333333333333"),
            (123456789012345.0, -10, "1.2346e+14"),
            (2.5, -10, "2.5"),
            (1.0 / 3.0, -10, "0.33333"),
        ] {
            assert_eq!(float8(value, extra), want);
        }
        for (value, want) in [
            (123456.0, "1e+05"),
            (1.5, "2"),
            (2.5, "2"),
            (1.0 / 3.0, "0.3"),
        ] {
            assert_eq!(float4(value, -10), want);
        }
    }
}
