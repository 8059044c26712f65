//! `money` in hundredths, as the locale "C" writes it: `-$1,234.50`.

use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::text::invalid;

/// Digits behind the point.
const DIGITS: u32 = 2;

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Reads an amount: a sign, a parenthesis or nothing, digits with commas anywhere between, and `$`
/// before or behind.
pub(super) fn parse(text: &str) -> Result<i64> {
    let out_of_range = || {
        Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("value \"{text}\" is out of range for type money"),
        )
    };
    let mut rest = text.as_bytes();
    let mut negative = false;
    let symbol = |rest: &mut &[u8]| {
        *rest = rest.trim_ascii_start();
        *rest = rest.strip_prefix(b"$").unwrap_or(rest);
        *rest = rest.trim_ascii_start();
    };
    symbol(&mut rest);
    if let [sign @ (b'-' | b'(' | b'+'), after @ ..] = rest {
        negative = *sign != b'+';
        rest = after;
    }
    symbol(&mut rest);
    // Below zero there is one value more.
    let mut value = 0_i64;
    let less = |value: i64, digit: u8| value.checked_sub(i64::from(digit));
    let mut behind = None;
    while let [byte, after @ ..] = rest {
        match (byte, behind) {
            (b'0'..=b'9', None | Some(..DIGITS)) => {
                let tens = value
                    .checked_mul(10)
                    .and_then(|tens| less(tens, byte - b'0'));
                value = tens.ok_or_else(out_of_range)?;
                behind = behind.map(|count| count + 1);
            }
            (b'.', None) => behind = Some(0),
            (b',', _) => {}
            _ => break,
        }
        rest = after;
    }
    if rest
        .first()
        .is_some_and(|byte| (b'5'..=b'9').contains(byte))
    {
        value = less(value, 1).ok_or_else(out_of_range)?;
    }
    for _ in behind.unwrap_or(0)..DIGITS {
        value = value.checked_mul(10).ok_or_else(out_of_range)?;
    }
    while let [b'0'..=b'9', after @ ..] = rest {
        rest = after;
    }
    for byte in rest {
        match byte {
            b'-' => negative = true,
            b')' | b'+' | b'$' => {}
            byte if is_space(*byte) => {}
            _ => return Err(invalid(PgType::MONEY, text)),
        }
    }
    match negative {
        true => Ok(value),
        false => value.checked_neg().ok_or_else(out_of_range),
    }
}

pub(super) fn write(amount: i64, out: &mut Vec<u8>) {
    let cents = amount.unsigned_abs();
    let whole = (cents / 100).to_string();
    let sign = if amount < 0 { "-" } else { "" };
    out.extend_from_slice(sign.as_bytes());
    out.push(b'$');
    for (at, digit) in whole.bytes().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(b',');
        }
        out.push(digit);
    }
    out.extend_from_slice(format!(".{:02}", cents % 100).as_bytes());
}

const SMALL: [&str; 21] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];
const TENS: [&str; 10] = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];
/// What groups of three digits are called, from the highest.
const GROUPS: [(u64, &str); 6] = [
    (1_000_000_000_000_000, "quadrillion"),
    (1_000_000_000_000, "trillion"),
    (1_000_000_000, "billion"),
    (1_000_000, "million"),
    (1_000, "thousand"),
    (1, ""),
];

/// A number below a thousand.
fn words(number: usize) -> String {
    let (hundreds, rest) = (number / 100, number % 100);
    let below = match rest {
        0..=20 => SMALL[rest].to_owned(),
        rest if rest.is_multiple_of(10) => TENS[rest / 10].to_owned(),
        rest => format!("{} {}", TENS[rest / 10], SMALL[rest % 10]),
    };
    match (hundreds, rest) {
        (0, _) => below,
        (hundreds, 0) => format!("{} hundred", SMALL[hundreds]),
        (hundreds, 1..20) => format!("{} hundred and {below}", SMALL[hundreds]),
        (hundreds, _) => format!("{} hundred {below}", SMALL[hundreds]),
    }
}

/// An amount in words, spaces as PostgreSQL leaves them.
pub fn spelled(amount: i64) -> String {
    let cents = amount.unsigned_abs();
    let (dollars, cents) = (cents / 100, cents % 100);
    let mut out = String::new();
    if amount < 0 {
        out.push_str("minus ");
    }
    let index = |number: u64| usize::try_from(number).unwrap_or(0);
    for (unit, name) in GROUPS {
        let group = dollars / unit % 1_000;
        if group > 0 {
            out.push_str(&words(index(group)));
            if unit > 1 {
                out.push_str(&format!(" {name} "));
            }
        }
    }
    if dollars == 0 {
        out.push_str("zero");
    }
    out.push_str(if dollars == 1 {
        " dollar and "
    } else {
        " dollars and "
    });
    out.push_str(&words(index(cents)));
    out.push_str(if cents == 1 { " cent" } else { " cents" });
    let (first, rest) = out.split_at(1);
    format!("{}{rest}", first.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_spelled() {
        for (text, amount) in [
            ("12.345", 1235),
            ("($5.5)", -550),
            (" $ 5 ", 500),
            ("5-", -500),
            ("", 0),
            ("-92233720368547758.08", i64::MIN),
        ] {
            assert_eq!(parse(text).expect("reads"), amount, "{text}");
        }
        assert!(parse("92233720368547758.08").is_err());
        assert!(parse("1e3").is_err());
        assert_eq!(spelled(-1), "Minus zero dollars and one cent");
        assert_eq!(spelled(100_000), "One thousand  dollars and zero cents");
    }
}
