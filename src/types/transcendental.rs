//! Roots, exponentials and logarithms of exact numbers, to as many digits as PostgreSQL shows.
//!
//! Computed in fixed point with digits to spare, then rounded once.

use num_bigint::BigInt;

use super::numeric::{Numeric, SCALE_MAX, SIGNIFICANT, divide_rounding, ten};
use crate::base::{Error, Result, SqlState};

/// Digits computed beyond those shown.
const SPARE: u32 = 12;
/// log10(e)
const LOG10_E: f64 = std::f64::consts::LOG10_E;

fn overflow() -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "value overflows numeric format",
    )
}

fn scale_of(wanted: i64) -> u32 {
    u32::try_from(wanted.clamp(0, SCALE_MAX)).unwrap_or(0)
}

#[expect(clippy::cast_possible_truncation, reason = "estimates of a few digits")]
fn whole(value: f64) -> i64 {
    value as i64
}

/// exp of a fixed-point number with `digits` after the point.
fn exp_fixed(x: &BigInt, digits: u32) -> BigInt {
    // Halved until small, so that few terms are needed; squared as often afterwards.
    let halvings = x.bits().saturating_sub(ten(digits).bits()) + 8;
    let halvings = u32::try_from(halvings).unwrap_or(64);
    let work = digits + halvings / 2 + 10;
    let one = ten(work);
    let x = (x * ten(work - digits)) >> halvings;
    let (mut sum, mut term, mut n) = (one.clone(), one.clone(), 1_u32);
    loop {
        term = &term * &x / (&one * n);
        if term == BigInt::ZERO {
            break;
        }
        sum += &term;
        n += 1;
    }
    for _ in 0..halvings {
        sum = &sum * &sum / &one;
    }
    divide_rounding(&sum, &ten(work - digits))
}

/// ln of a positive fixed-point number with `digits` after the point.
fn ln_fixed(x: &BigInt, digits: u32) -> BigInt {
    let work = digits + 30;
    let one = ten(work);
    let mut m = x * ten(work - digits);
    // Roots until it is near 1: each halves the logarithm.
    let mut roots = 0_u32;
    let near = &one / 50_u32;
    while (&m - &one).magnitude() > near.magnitude() && roots < 60 {
        m = (&m * &one).sqrt();
        roots += 1;
    }
    // ln m = 2 atanh((m - 1) / (m + 1))
    let z = (&m - &one) * &one / (&m + &one);
    let square = &z * &z / &one;
    let (mut sum, mut power, mut n) = (BigInt::ZERO, z, 1_u32);
    while power != BigInt::ZERO {
        sum += &power / n;
        power = &power * &square / &one;
        n += 2;
    }
    let ln: BigInt = (sum * 2_u32) << roots;
    divide_rounding(&ln, &ten(work - digits))
}

impl Numeric {
    fn fixed(&self, digits: u32) -> BigInt {
        self.rounded(digits.into()).unscaled
    }

    /// Where the first digit of its logarithm stands, about.
    fn ln_weight(&self) -> i64 {
        let nine = Self::new(9.into(), 1);
        let eleven = Self::new(11.into(), 1);
        if *self >= nine && *self <= eleven {
            let x = self.plus(&Self::from(-1));
            if x.is_zero() {
                return 0;
            }
            let (weight, first) = x.head();
            return weight * 4 + whole(f64::from(first).log10());
        }
        let heads = self.heads(2);
        let (mut weight, _) = self.head();
        let mut digits = f64::from(heads.first().copied().unwrap_or(1));
        if let Some(second) = heads.get(1) {
            digits = digits * 10_000.0 + f64::from(*second);
            weight -= 1;
        }
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let ln = digits.ln() + (weight * 4) as f64 * std::f64::consts::LN_10;
        whole(ln.abs().log10())
    }

    fn ln_at(&self, scale: u32) -> Self {
        let digits = scale + SPARE + self.scale;
        let fixed = ln_fixed(&self.fixed(digits), digits);
        Self::new(fixed, digits.into()).rounded(scale.into())
    }

    fn check_logarithm(&self) -> Result<()> {
        let state = SqlState::INVALID_ARGUMENT_FOR_LOGARITHM;
        if self.is_zero() {
            return Err(Error::new(state, "cannot take logarithm of zero"));
        }
        if self.is_negative() {
            return Err(Error::new(
                state,
                "cannot take logarithm of a negative number",
            ));
        }
        Ok(())
    }

    /// The square root.
    ///
    /// # Errors
    /// `2201F` of a negative number.
    pub fn sqrt(&self) -> Result<Self> {
        if self.is_negative() {
            return Err(Error::new(
                SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                "cannot take square root of a negative number",
            ));
        }
        let (weight, _) = self.head();
        let place = (weight + 1) * 4 / 2 - 1;
        let scale = scale_of((SIGNIFICANT - place).max(self.scale.into()));
        let digits = scale + 2;
        let shifted = Self::new(self.unscaled.clone(), self.scale.into()).fixed(digits * 2);
        Ok(Self::new(shifted.sqrt(), digits.into()).rounded(scale.into()))
    }

    /// e to its power.
    ///
    /// # Errors
    /// `22003`
    pub fn exp(&self) -> Result<Self> {
        let value = (self.to_f64() * LOG10_E).clamp(-2000.0, 2000.0);
        if self.to_f64() > 6000.0 {
            return Err(overflow());
        }
        let scale = scale_of((SIGNIFICANT - whole(value)).max(self.scale.into()));
        if self.to_f64() < -6000.0 {
            return Ok(Self::new(BigInt::ZERO, scale.into()));
        }
        Ok(self.exp_at(scale, value))
    }

    fn exp_at(&self, scale: u32, weight: f64) -> Self {
        let digits = scale + SPARE + u32::try_from(whole(weight.max(0.0))).unwrap_or(0) + 4;
        let fixed = exp_fixed(&self.fixed(digits), digits);
        Self::new(fixed, digits.into()).rounded(scale.into())
    }

    /// The natural logarithm.
    ///
    /// # Errors
    /// `2201E`
    pub fn ln(&self) -> Result<Self> {
        self.check_logarithm()?;
        let scale = scale_of((SIGNIFICANT - self.ln_weight()).max(self.scale.into()));
        Ok(self.ln_at(scale))
    }

    /// The logarithm to a base.
    ///
    /// # Errors
    /// `2201E`; `22012` for base 1.
    pub fn log(&self, base: &Self) -> Result<Self> {
        base.check_logarithm()?;
        self.check_logarithm()?;
        let weight = self.ln_weight() - base.ln_weight();
        let scale = scale_of(
            (SIGNIFICANT - weight)
                .max(base.scale.into())
                .max(self.scale.into()),
        );
        let work = scale + SPARE + scale_of(base.ln_weight().abs() + self.ln_weight().abs());
        self.ln_at(work).over_at(&base.ln_at(work), scale)
    }

    /// Raised to a power.
    ///
    /// # Errors
    /// `2201F` for what has no answer, `22003` beyond what fits.
    pub fn power(&self, exponent: &Self) -> Result<Self> {
        let wrong = |what| {
            Err(Error::new(
                SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                what,
            ))
        };
        if self.is_zero() && exponent.is_negative() {
            return wrong("zero raised to a negative power is undefined");
        }
        let integer = exponent.to_integer();
        if self.is_negative() && integer.is_none() {
            return wrong(
                "a negative number raised to a non-integer power yields a complex result",
            );
        }
        if let Some(exponent_value) = integer.as_ref().and_then(|n| i32::try_from(n).ok()) {
            return self.power_integer(exponent_value, exponent.scale);
        }
        if self.is_zero() {
            return Ok(Self::new(BigInt::ZERO, SIGNIFICANT));
        }
        let value = self.abs().to_f64().ln() * exponent.to_f64();
        if value.abs() > 6020.0 {
            return match value > 0.0 {
                true => Err(overflow()),
                false => Ok(Self::new(BigInt::ZERO, SCALE_MAX)),
            };
        }
        let weight = value * LOG10_E;
        let scale = scale_of(
            (SIGNIFICANT - whole(weight))
                .max(self.scale.into())
                .max(exponent.scale.into()),
        );
        let work = scale + SPARE + scale_of(whole(weight.abs()) + 20);
        let product = self.abs().ln_at(work).times(exponent);
        Ok(product.exp_at(scale, weight))
    }

    fn power_integer(&self, exponent: i32, exponent_scale: u32) -> Result<Self> {
        let weight = if self.is_zero() {
            0.0
        } else {
            let heads = self.heads(4);
            let (first, _) = self.head();
            let digits = heads
                .iter()
                .fold(0.0, |value, head| value * 10_000.0 + f64::from(*head));
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let places = (first * 4) as f64 - 4.0 * (heads.len() - 1) as f64;
            f64::from(exponent) * (digits.log10() + places)
        };
        if weight > 131_072.0 {
            return Err(overflow());
        }
        // A whole power has no fewer digits after the point than any result.
        let scale = scale_of(
            SIGNIFICANT
                .max(self.scale.into())
                .max(exponent_scale.into()),
        );
        if weight + 1.0 < -1000.0 {
            return Ok(Self::new(BigInt::ZERO, scale.into()));
        }
        if weight > 200.0 {
            return Err(Error::unsupported("a numeric of more than 76 digits"));
        }
        // A base with very many digits and a high power would be a number as long as both: digits
        // beyond those shown are dropped on the way.
        let work = i64::from(scale) + whole(weight.abs()) + 40;
        let mut result = Self::from(1);
        let mut base = self.clone();
        let mut left = exponent.unsigned_abs();
        if exponent < 0 {
            base = Self::from(1).over_at(&base, scale_of(work + i64::from(self.scale)))?;
        }
        while left > 0 {
            if left & 1 == 1 {
                result = result.times(&base);
                if i64::from(result.scale) > work {
                    result = result.rounded(work);
                }
            }
            left >>= 1;
            if left > 0 {
                base = base.times(&base);
                if i64::from(base.scale) > work {
                    base = base.rounded(work);
                }
            }
        }
        Ok(result.rounded(scale.into()))
    }
}
