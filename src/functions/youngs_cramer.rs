//! Running sums of floats and of the squares of their distances from the mean, by Youngs and
//! Cramer (1971), step by step as PostgreSQL's `float8_accum` and `float8_regr_accum` do, so that
//! the last digit is the same and what is out of range is found out at the same value.

use crate::base::{Error, Result, SqlState};

/// How many values there were, their sum, and the sum of the squares of their distances from the
/// mean.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) squares: f64,
}

impl Sums {
    /// With one more value.
    ///
    /// # Errors
    /// `22003` if finite values come to more than a float holds.
    pub(super) fn with(self, new: f64) -> Result<Self> {
        let mut sums = Self {
            count: self.count + 1.0,
            sum: self.sum + new,
            squares: self.squares,
        };
        if self.count > 0.0 {
            let distance = new * sums.count - sums.sum;
            sums.squares += distance * distance / (sums.count * self.count);
            if sums.sum.is_infinite() || sums.squares.is_infinite() {
                if !self.sum.is_infinite() && !new.is_infinite() {
                    return Err(overflow());
                }
                sums.squares = f64::NAN;
            }
        } else if !new.is_finite() {
            sums.squares = f64::NAN;
        }
        Ok(sums)
    }

    /// Both together.
    ///
    /// # Errors
    /// As [`Sums::with`].
    pub(super) fn and(self, other: Self) -> Result<Self> {
        if self.count == 0.0 {
            return Ok(other);
        }
        if other.count == 0.0 {
            return Ok(self);
        }
        let count = self.count + other.count;
        let distance = self.sum / self.count - other.sum / other.count;
        let between = self.count * other.count * distance * distance / count;
        let both = Self {
            count,
            sum: self.sum + other.sum,
            squares: self.squares + other.squares + between,
        };
        let new = |value: f64, x: f64, y: f64| {
            value.is_infinite() && !x.is_infinite() && !y.is_infinite()
        };
        if new(both.sum, self.sum, other.sum) || new(both.squares, self.squares, other.squares) {
            return Err(overflow());
        }
        Ok(both)
    }

    /// The mean.
    pub(super) fn mean(self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }

    /// The variance of all values or, from two on, of a sample.
    pub(super) fn variance(self, sample: bool) -> Option<f64> {
        let divisor = if sample { self.count - 1.0 } else { self.count };
        (divisor > 0.0).then(|| self.squares / divisor)
    }
}

/// What regression is reckoned from: as [`Sums`], of pairs, with the products of their distances.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PairSums {
    pub(super) n: f64,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) xx: f64,
    pub(super) yy: f64,
    pub(super) xy: f64,
}

impl PairSums {
    /// With one more pair.
    ///
    /// # Errors
    /// As [`Sums::with`].
    pub(super) fn with(self, y: f64, x: f64) -> Result<Self> {
        let mut sums = Self {
            n: self.n + 1.0,
            x: self.x + x,
            y: self.y + y,
            ..self
        };
        if self.n == 0.0 {
            if !x.is_finite() {
                (sums.xx, sums.xy) = (f64::NAN, f64::NAN);
            }
            if !y.is_finite() {
                (sums.yy, sums.xy) = (f64::NAN, f64::NAN);
            }
            return Ok(sums);
        }
        let (dx, dy) = (x * sums.n - sums.x, y * sums.n - sums.y);
        let scale = 1.0 / (sums.n * self.n);
        sums.xx += dx * dx * scale;
        sums.yy += dy * dy * scale;
        sums.xy += dx * dy * scale;
        let finite_x = !self.x.is_infinite() && !x.is_infinite();
        let finite_y = !self.y.is_infinite() && !y.is_infinite();
        let over_x = sums.x.is_infinite() || sums.xx.is_infinite();
        let over_y = sums.y.is_infinite() || sums.yy.is_infinite();
        let over_both = sums.xy.is_infinite();
        if over_x && finite_x || over_y && finite_y || over_both && finite_x && finite_y {
            return Err(overflow());
        }
        for squares in [&mut sums.xx, &mut sums.yy, &mut sums.xy] {
            if squares.is_infinite() {
                *squares = f64::NAN;
            }
        }
        Ok(sums)
    }
}

/// `22003`: finite values come to more than their type holds.
pub(super) fn overflow() -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "value out of range: overflow",
    )
}
