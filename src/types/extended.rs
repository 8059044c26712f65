//! Numerics with the values beyond the finite ones that PostgreSQL has since 14: NaN, which equals
//! itself and is above everything, and the infinities.

use std::cmp::Ordering;
use std::fmt;

use super::Numeric;
use crate::base::{Error, Result, SqlState};

/// A value of type numeric.
#[derive(Debug, Clone)]
pub enum Extended {
    /// `-Infinity`
    NegativeInfinity,
    /// A number.
    Finite(Numeric),
    /// `Infinity`
    Infinity,
    /// `NaN`
    NaN,
}

use Extended::{Finite, Infinity, NaN, NegativeInfinity};

impl Extended {
    /// A value from its text, as PostgreSQL writes it or a person does; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
        let (negative, bare) = match word.as_bytes().first() {
            Some(b'-') => (true, &word[1..]),
            Some(b'+') => (false, &word[1..]),
            _ => (false, word),
        };
        let is = |name: &str| bare.eq_ignore_ascii_case(name);
        if is("inf") || is("infinity") {
            return Some(if negative { NegativeInfinity } else { Infinity });
        }
        // PostgreSQL takes no sign before NaN.
        if word.eq_ignore_ascii_case("nan") {
            return Some(NaN);
        }
        Numeric::parse(word).map(Finite)
    }

    /// A float as PostgreSQL's cast makes a numeric of it: of `digits` significant digits.
    pub fn of_float(value: f64, digits: usize) -> Self {
        if value == f64::INFINITY {
            Infinity
        } else if value == f64::NEG_INFINITY {
            NegativeInfinity
        } else {
            Numeric::of_float(value, digits).map_or(NaN, Finite)
        }
    }

    /// The nearest float.
    pub fn to_f64(&self) -> f64 {
        match self {
            Finite(number) => number.to_f64(),
            Infinity => f64::INFINITY,
            NegativeInfinity => f64::NEG_INFINITY,
            NaN => f64::NAN,
        }
    }

    /// The number, if it is one.
    pub fn finite(&self) -> Option<&Numeric> {
        match self {
            Finite(number) => Some(number),
            Infinity | NegativeInfinity | NaN => None,
        }
    }

    /// -1, 0 or 1; NaN has no sign and counts as 1 here.
    fn sign(&self) -> i32 {
        match self {
            Finite(number) if number.is_zero() => 0,
            Finite(number) if number.is_negative() => -1,
            NegativeInfinity => -1,
            Finite(_) | Infinity | NaN => 1,
        }
    }

    /// With the other sign.
    pub fn negated(&self) -> Self {
        match self {
            Finite(number) => Finite(number.negated()),
            Infinity => NegativeInfinity,
            NegativeInfinity => Infinity,
            NaN => NaN,
        }
    }

    /// Without zeros at the end: equal values then have equal text.
    pub fn trimmed(&self) -> Self {
        match self {
            Finite(number) => Finite(number.trimmed()),
            Infinity | NegativeInfinity | NaN => self.clone(),
        }
    }

    /// The sum.
    pub fn plus(&self, other: &Self) -> Self {
        match (self, other) {
            (Finite(a), Finite(b)) => Finite(a.plus(b)),
            (NaN, _) | (_, NaN) => NaN,
            (Infinity, NegativeInfinity) | (NegativeInfinity, Infinity) => NaN,
            (Infinity, _) | (_, Infinity) => Infinity,
            (NegativeInfinity, _) | (_, NegativeInfinity) => NegativeInfinity,
        }
    }

    /// The difference.
    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    /// The product.
    pub fn times(&self, other: &Self) -> Self {
        match (self, other) {
            (Finite(a), Finite(b)) => Finite(a.times(b)),
            (NaN, _) | (_, NaN) => NaN,
            _ => Self::infinite(self.sign() * other.sign()),
        }
    }

    /// The quotient, with as many digits as PostgreSQL gives it.
    ///
    /// # Errors
    /// `22012`
    pub fn over(&self, other: &Self) -> Result<Self> {
        Ok(match (self, other) {
            (Finite(a), Finite(b)) => Finite(a.over(b)?),
            (NaN, _) | (_, NaN) => NaN,
            (Infinity | NegativeInfinity, Finite(b)) if b.is_zero() => {
                return Err(division_by_zero());
            }
            (Infinity | NegativeInfinity, Finite(_)) => Self::infinite(self.sign() * other.sign()),
            (Infinity | NegativeInfinity, _) => NaN,
            (Finite(_), _) => Finite(Numeric::zero()),
        })
    }

    /// What remains of a division.
    ///
    /// # Errors
    /// `22012`
    pub fn remainder(&self, other: &Self) -> Result<Self> {
        Ok(match (self, other) {
            (Finite(a), Finite(b)) => Finite(a.remainder(b)?),
            (NaN, _) | (_, NaN) => NaN,
            (Infinity | NegativeInfinity, Finite(b)) if b.is_zero() => {
                return Err(division_by_zero());
            }
            (Infinity | NegativeInfinity, _) => NaN,
            (Finite(a), _) => Finite(a.clone()),
        })
    }

    /// Infinity of a sign; of none, NaN.
    fn infinite(sign: i32) -> Self {
        match sign.cmp(&0) {
            Ordering::Less => NegativeInfinity,
            Ordering::Equal => NaN,
            Ordering::Greater => Infinity,
        }
    }

    /// Text that compares as the values do, equal ones being equal whatever zeros they show.
    ///
    /// A character for the kind; for numbers the place of the first digit, then digits two by two,
    /// the last followed by a zero. Below zero all that is complemented. Everything is ASCII.
    pub fn key(&self, out: &mut String) {
        let number = match self {
            NegativeInfinity => return out.push('0'),
            Infinity => return out.push('4'),
            NaN => return out.push('5'),
            Finite(number) if number.is_zero() => return out.push('2'),
            Finite(number) => number,
        };
        out.push(if number.is_negative() { '1' } else { '3' });
        let mut push = |seven_bits: u8| {
            let complement = 0x7f * u8::from(number.is_negative());
            out.push(char::from(seven_bits ^ complement));
        };
        let (digits, scale) = number.digits();
        let whole = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        // Digits before the point and after it are bounded; 21 bits hold their difference.
        let place = (whole - i64::from(scale) + (1 << 20)).clamp(0, (1 << 21) - 1);
        for shift in [14, 7, 0] {
            push(u8::try_from((place >> shift) & 0x7f).unwrap_or(0));
        }
        for pair in digits.trim_end_matches('0').as_bytes().chunks(2) {
            let tens = 10 * (pair[0] - b'0');
            push(1 + tens + pair.get(1).map_or(0, |digit| digit - b'0'));
        }
        push(0);
    }
}

fn division_by_zero() -> Error {
    Error::new(SqlState::DIVISION_BY_ZERO, "division by zero")
}

impl From<Numeric> for Extended {
    fn from(number: Numeric) -> Self {
        Finite(number)
    }
}

impl PartialEq for Extended {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Extended {}

impl PartialOrd for Extended {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Extended {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |value: &Self| match value {
            NegativeInfinity => 0,
            Finite(_) => 1,
            Infinity => 2,
            NaN => 3,
        };
        match (self, other) {
            (Finite(a), Finite(b)) => a.cmp(b),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

impl fmt::Display for Extended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finite(number) => number.fmt(f),
            Infinity => f.write_str("Infinity"),
            NegativeInfinity => f.write_str("-Infinity"),
            NaN => f.write_str("NaN"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_compare_as_values_do() {
        let ordered = [
            "-Infinity",
            "-1000",
            "-100.5",
            "-100",
            "-99.99",
            "-1.5",
            "-1",
            "-0.01",
            "-0.001",
            "0",
            "0.001",
            "0.0015",
            "0.01",
            "1",
            "1.05",
            "1.5",
            "9",
            "10",
            "11",
            "99.99",
            "100",
            "1000000000000000000000000000000000000000000",
            "Infinity",
            "NaN",
        ];
        let values: Vec<Extended> = ordered
            .iter()
            .map(|text| Extended::parse(text).expect("a numeric"))
            .collect();
        let key = |value: &Extended| {
            let mut text = String::new();
            value.key(&mut text);
            text
        };
        for pair in values.windows(2) {
            assert!(pair[0] < pair[1], "{} {}", pair[0], pair[1]);
            assert!(key(&pair[0]) < key(&pair[1]), "{} {}", pair[0], pair[1]);
        }
        for (a, b) in [
            ("1.50", "1.5"),
            ("100", "100.000"),
            ("-0.0", "0"),
            ("-20", "-20.0"),
        ] {
            let (a, b) = (Extended::parse(a).unwrap(), Extended::parse(b).unwrap());
            assert_eq!(key(&a), key(&b), "{a} {b}");
        }
    }
}
