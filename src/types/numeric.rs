//! Exact decimal numbers of any length, with the digits PostgreSQL shows: what numeric operators
//! and functions compute with, one value at a time.
//!
//! Columns hold numerics in Arrow's decimals, whose scale is the column's. Here every number has
//! its own. NaN and infinity have no place in those decimals, so there are none here either.

use std::cmp::Ordering;
use std::fmt;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, i256};
use num_bigint::{BigInt, Sign};

use crate::base::{Error, Result, SqlState};

/// Significant digits PostgreSQL aims at where a result has no end.
pub(super) const SIGNIFICANT: i64 = 16;
/// Digits after the point at most.
pub(super) const SCALE_MAX: i64 = 1000;
/// Digits after the point at most where one asks for them.
const ROUNDED_MAX: i64 = 16_383;
/// Digits Arrow's widest decimal holds.
const WIDE_MAX: usize = 76;

/// `unscaled` × 10^-`scale`, shown with `scale` digits after the point.
#[derive(Debug, Clone)]
pub struct Numeric {
    pub(super) unscaled: BigInt,
    pub(super) scale: u32,
}

/// 10^`n`
pub(super) fn ten(n: u32) -> BigInt {
    BigInt::from(10).pow(n)
}

/// The quotient, rounded half away from zero.
pub(super) fn divide_rounding(a: &BigInt, b: &BigInt) -> BigInt {
    let doubled: BigInt = a.magnitude().clone().into();
    let divisor: BigInt = b.magnitude().clone().into();
    let quotient: BigInt = (doubled * 2_u32 + &divisor) / (divisor * 2_u32);
    if (a.sign() == Sign::Minus) == (b.sign() == Sign::Minus) {
        quotient
    } else {
        -quotient
    }
}

fn division_by_zero() -> Error {
    Error::new(SqlState::DIVISION_BY_ZERO, "division by zero")
}

impl Numeric {
    /// Zero.
    pub fn zero() -> Self {
        Self::from(0)
    }

    /// A decimal as Arrow has it.
    pub fn new(unscaled: BigInt, scale: i64) -> Self {
        match u32::try_from(scale) {
            Ok(scale) => Self { unscaled, scale },
            Err(_) => Self {
                unscaled: unscaled * ten(u32::try_from(-scale).unwrap_or(0)),
                scale: 0,
            },
        }
    }

    /// A 256-bit decimal.
    pub fn wide(unscaled: i256, scale: i8) -> Self {
        Self::new(
            BigInt::from_signed_bytes_le(&unscaled.to_le_bytes()),
            scale.into(),
        )
    }

    /// A decimal number as it is written, with or without exponent; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        if exponent.abs() > 20_000 {
            return None;
        }
        let (negative, digits) = match mantissa.as_bytes().first()? {
            b'-' => (true, &mantissa[1..]),
            b'+' => (false, &mantissa[1..]),
            _ => (false, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let magnitude: BigInt = digits.parse().ok()?;
        let scale = i64::try_from(fraction.len()).ok()? - i64::from(exponent);
        let number = Self::new(if negative { -magnitude } else { magnitude }, scale);
        Some(number)
    }

    /// A float as PostgreSQL makes a numeric of it: `digits` significant digits.
    pub fn of_float(value: f64, digits: usize) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let written = format!("{value:.*e}", digits - 1);
        let number = Self::parse(&written)?;
        Some(number.trimmed())
    }

    /// The nearest float.
    pub fn to_f64(&self) -> f64 {
        format!("{}e-{}", self.unscaled, self.scale)
            .parse()
            .unwrap_or(f64::NAN)
    }

    /// Digits after the point.
    pub fn scale(&self) -> u32 {
        self.scale
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        self.unscaled.sign() == Sign::NoSign
    }

    /// Whether it is below 0.
    pub fn is_negative(&self) -> bool {
        self.unscaled.sign() == Sign::Minus
    }

    /// -1, 0 or 1.
    pub fn signum(&self) -> Self {
        Self::from(match self.unscaled.sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        })
    }

    /// Without its sign.
    pub fn abs(&self) -> Self {
        Self {
            unscaled: self.unscaled.magnitude().clone().into(),
            scale: self.scale,
        }
    }

    /// With the other sign.
    pub fn negated(&self) -> Self {
        Self {
            unscaled: -&self.unscaled,
            scale: self.scale,
        }
    }

    /// The integer, if it is one.
    pub fn to_integer(&self) -> Option<BigInt> {
        let whole = self.truncated(0);
        (whole.cmp(self) == Ordering::Equal).then_some(whole.unscaled)
    }

    /// The unscaled value at another scale; digits that go are rounded away.
    fn unscaled_at(&self, scale: u32) -> BigInt {
        match scale.checked_sub(self.scale) {
            Some(more) => &self.unscaled * ten(more),
            None => divide_rounding(&self.unscaled, &ten(self.scale - scale)),
        }
    }

    /// So many digits, but no more than a numeric has after the point, or this one before it.
    fn within(&self, digits: i64) -> i64 {
        // A digit is more than three bits.
        let before = i64::try_from(self.unscaled.bits() / 3).unwrap_or(i64::MAX - 1);
        digits.clamp(-before - 1, ROUNDED_MAX)
    }

    /// Rounded to `digits` after the point, or before it if negative.
    pub fn rounded(&self, digits: i64) -> Self {
        let digits = self.within(digits);
        match u32::try_from(digits) {
            Ok(scale) => Self {
                unscaled: self.unscaled_at(scale),
                scale,
            },
            Err(_) => {
                let unit = ten(u32::try_from(-digits).unwrap_or(0));
                let divisor = &unit * ten(self.scale);
                Self {
                    unscaled: divide_rounding(&self.unscaled, &divisor) * unit,
                    scale: 0,
                }
            }
        }
    }

    /// Cut to `digits` after the point, or before it if negative.
    pub fn truncated(&self, digits: i64) -> Self {
        let digits = self.within(digits);
        match u32::try_from(digits) {
            Ok(scale) if scale >= self.scale => self.rounded(digits),
            Ok(scale) => Self {
                unscaled: &self.unscaled / ten(self.scale - scale),
                scale,
            },
            Err(_) => {
                let unit = ten(u32::try_from(-digits).unwrap_or(0));
                let divisor = &unit * ten(self.scale);
                Self {
                    unscaled: &self.unscaled / divisor * unit,
                    scale: 0,
                }
            }
        }
    }

    /// The greatest integer not above it.
    pub fn floor(&self) -> Self {
        let whole = self.truncated(0);
        if whole.cmp(self) == Ordering::Greater {
            Self {
                unscaled: whole.unscaled - 1,
                scale: 0,
            }
        } else {
            whole
        }
    }

    /// The smallest integer not below it.
    pub fn ceil(&self) -> Self {
        self.negated().floor().negated()
    }

    /// The square root, rounded to so many digits after the point; of a number below zero, zero.
    pub fn sqrt_at(&self, digits: u32) -> Self {
        if self.is_negative() {
            return Self::zero();
        }
        let shifted = BigInt::from(10_u8).pow(2 * digits);
        let square = self.times(&Self::new(shifted, 0)).truncated(0);
        let square = square.to_integer().unwrap_or_default();
        let root = square.sqrt();
        let up = square > &root * &root + &root;
        Self::new(root + i32::from(up), digits.into())
    }

    /// Without zeros at the end.
    pub fn trimmed(&self) -> Self {
        let (mut unscaled, mut scale) = (self.unscaled.clone(), self.scale);
        while scale > 0 && (&unscaled % 10_u32) == BigInt::ZERO {
            unscaled /= 10_u32;
            scale -= 1;
        }
        Self { unscaled, scale }
    }

    /// The sum.
    pub fn plus(&self, other: &Self) -> Self {
        let scale = self.scale.max(other.scale);
        Self {
            unscaled: self.unscaled_at(scale) + other.unscaled_at(scale),
            scale,
        }
    }

    /// The product.
    pub fn times(&self, other: &Self) -> Self {
        Self {
            unscaled: &self.unscaled * &other.unscaled,
            scale: self.scale + other.scale,
        }
    }

    /// With the point so many places further right, or left if negative.
    pub fn shifted(&self, places: i64) -> Self {
        Self::new(self.unscaled.clone(), i64::from(self.scale) - places)
    }

    /// The quotient with `scale` digits after the point.
    pub(super) fn over_at(&self, other: &Self, scale: u32) -> Result<Self> {
        if other.is_zero() {
            return Err(division_by_zero());
        }
        let numerator = &self.unscaled * ten(scale + other.scale);
        let denominator = &other.unscaled * ten(self.scale);
        Ok(Self {
            unscaled: divide_rounding(&numerator, &denominator),
            scale,
        })
    }

    /// The quotient, with as many digits as PostgreSQL gives it.
    ///
    /// # Errors
    /// `22012`
    pub fn over(&self, other: &Self) -> Result<Self> {
        let (weight, first) = self.head();
        let (other_weight, other_first) = other.head();
        let mut weight = weight - other_weight;
        if first <= other_first {
            weight -= 1;
        }
        let scale = (SIGNIFICANT - weight * 4)
            .max(self.scale.into())
            .max(other.scale.into())
            .clamp(0, SCALE_MAX);
        self.over_at(other, u32::try_from(scale).unwrap_or(0))
    }

    /// The quotient without its fraction.
    ///
    /// # Errors
    /// `22012`
    pub fn whole_quotient(&self, other: &Self) -> Result<Self> {
        if other.is_zero() {
            return Err(division_by_zero());
        }
        let scale = self.scale.max(other.scale);
        Ok(Self {
            unscaled: self.unscaled_at(scale) / other.unscaled_at(scale),
            scale: 0,
        })
    }

    /// What remains of a division.
    ///
    /// # Errors
    /// `22012`
    pub fn remainder(&self, other: &Self) -> Result<Self> {
        if other.is_zero() {
            return Err(division_by_zero());
        }
        let scale = self.scale.max(other.scale);
        Ok(Self {
            unscaled: self.unscaled_at(scale) % other.unscaled_at(scale),
            scale,
        })
    }

    /// The greatest common divisor.
    pub fn gcd(&self, other: &Self) -> Self {
        let scale = self.scale.max(other.scale);
        let (mut a, mut b) = (self.unscaled_at(scale), other.unscaled_at(scale));
        while b.sign() != Sign::NoSign {
            (a, b) = (b.clone(), a % b);
        }
        Self { unscaled: a, scale }.abs()
    }

    /// The least common multiple.
    pub fn lcm(&self, other: &Self) -> Self {
        let scale = self.scale.max(other.scale);
        if self.is_zero() || other.is_zero() {
            return Self {
                unscaled: BigInt::ZERO,
                scale,
            };
        }
        let gcd = self.gcd(other);
        let (a, b) = (self.unscaled_at(scale), other.unscaled_at(scale));
        Self {
            unscaled: a / gcd.unscaled * b,
            scale,
        }
        .abs()
    }

    /// The digits of its magnitude, without the point, and how many of them are after it.
    pub(super) fn digits(&self) -> (String, u32) {
        (self.unscaled.magnitude().to_string(), self.scale)
    }

    /// The unscaled value at `scale` digits after the point, if 128 bits hold it.
    pub(super) fn unscaled_i128(&self, scale: i8) -> Option<i128> {
        let unscaled = self.unscaled_at(u32::try_from(scale).ok()?);
        i128::try_from(unscaled).ok()
    }

    /// Bytes of memory it takes beside itself.
    pub fn bytes(&self) -> usize {
        usize::try_from(self.unscaled.bits() / 8).unwrap_or(0)
    }

    /// How many digits are before the point; none if it is below 1.
    pub fn whole_digits(&self) -> usize {
        let scale = usize::try_from(self.scale).unwrap_or(usize::MAX);
        self.all_digits().saturating_sub(scale)
    }

    /// How many digits the number without its point has; zero has none.
    pub fn all_digits(&self) -> usize {
        if self.is_zero() {
            return 0;
        }
        self.unscaled.magnitude().to_string().len()
    }

    /// In base 10000 as PostgreSQL stores it: the place of the first digit that is not 0, and that
    /// digit.
    pub(super) fn head(&self) -> (i64, u32) {
        if self.is_zero() {
            return (0, 0);
        }
        let digits = self.unscaled.magnitude().to_string();
        let before = i64::try_from(digits.len()).unwrap_or(0) - i64::from(self.scale);
        let weight = (before - 1).div_euclid(4);
        let taken = usize::try_from(before - weight * 4).unwrap_or(4);
        let mut first: String = digits.chars().take(taken).collect();
        while first.len() < taken {
            first.push('0');
        }
        (weight, first.parse().unwrap_or(0))
    }

    /// All digits in base 10000 from the first that is not 0, at most `count`.
    pub(super) fn heads(&self, count: usize) -> Vec<u32> {
        if self.is_zero() {
            return Vec::new();
        }
        let digits = self.trimmed().unscaled.magnitude().to_string();
        let before = i64::try_from(digits.len()).unwrap_or(0) - i64::from(self.trimmed().scale);
        let weight = (before - 1).div_euclid(4);
        let lead = 4 - usize::try_from(before - weight * 4).unwrap_or(4);
        let mut text = "0".repeat(lead) + &digits;
        while !text.len().is_multiple_of(4) {
            text.push('0');
        }
        text.as_bytes()
            .chunks(4)
            .take(count)
            .map(|chunk| {
                chunk
                    .iter()
                    .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
            })
            .collect()
    }

    /// The Arrow type that holds this number with its scale.
    ///
    /// # Errors
    /// `0A000` beyond 76 digits.
    pub fn data_type(&self) -> Result<DataType> {
        let digits = self.unscaled.magnitude().to_string().len();
        let precision = digits.max(usize::try_from(self.scale).unwrap_or(0)).max(1);
        if precision > WIDE_MAX {
            return Err(too_long());
        }
        let scale = i8::try_from(self.scale).map_err(|_| too_long())?;
        let precision = u8::try_from(precision).map_err(|_| too_long())?;
        Ok(if precision < DECIMAL128_MAX_PRECISION {
            DataType::Decimal128(precision, scale)
        } else {
            // 38 digits stand for a numeric that declares no scale.
            DataType::Decimal256(precision.max(DECIMAL128_MAX_PRECISION + 1), scale)
        })
    }

    /// The value as a 256-bit decimal of `precision` digits, `scale` of them after the point.
    ///
    /// # Errors
    /// `22003` if it has more digits.
    pub fn to_wide(&self, precision: u8, scale: i8) -> Result<i256> {
        let unscaled = match u32::try_from(scale) {
            Ok(scale) => self.unscaled_at(scale),
            Err(_) => self.rounded(scale.into()).unscaled / ten(scale.unsigned_abs().into()),
        };
        let digits = unscaled.magnitude().to_string().len();
        if digits > usize::from(precision) && unscaled.sign() != Sign::NoSign {
            return Err(Error::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                "numeric field overflow",
            ));
        }
        let mut bytes = [if unscaled.sign() == Sign::Minus {
            0xff
        } else {
            0
        }; 32];
        let signed = unscaled.to_signed_bytes_le();
        let length = signed.len().min(32);
        bytes[..length].copy_from_slice(&signed[..length]);
        Ok(i256::from_le_bytes(bytes))
    }
}

fn too_long() -> Error {
    Error::unsupported("a numeric of more than 76 digits")
}

impl From<i64> for Numeric {
    fn from(value: i64) -> Self {
        Self {
            unscaled: value.into(),
            scale: 0,
        }
    }
}

impl From<BigInt> for Numeric {
    fn from(unscaled: BigInt) -> Self {
        Self { unscaled, scale: 0 }
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Numeric {}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Numeric {
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        self.unscaled_at(scale).cmp(&other.unscaled_at(scale))
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negative() {
            f.write_str("-")?;
        }
        let digits = self.unscaled.magnitude().to_string();
        let scale = usize::try_from(self.scale).unwrap_or(0);
        if scale == 0 {
            return f.write_str(&digits);
        }
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        write!(f, "{whole}.{fraction}")
    }
}
