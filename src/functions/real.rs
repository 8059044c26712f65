//! Powers, roots, logarithms and trigonometry: of floats with PostgreSQL's checks, of numerics to
//! its digits.

use super::call::short::{FLOAT, NUMERIC};
use super::call::{Call, functions};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::{Numeric, PgType};

functions! { pub(super) LIST:
    "sqrt" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, square_root;
        (NUMERIC) -> PgType::NUMERIC, strict, |call, row| Ok(call.must_numeric(0, row).sqrt()?.into());
    }
    "dsqrt" Immutable { (FLOAT) -> PgType::FLOAT8, strict, square_root; }
    "|/" Immutable { (FLOAT) -> PgType::FLOAT8, strict, square_root; }
    "cbrt" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| of(call, row, f64::cbrt); }
    "||/" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| of(call, row, f64::cbrt); }
    "exp" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| {
            let x = float(call, 0, row);
            let result = x.exp();
            if result.is_infinite() && x.is_finite() {
                return Err(overflow());
            }
            if result == 0.0 && x.is_finite() {
                return Err(underflow());
            }
            Ok(Value::Float(result))
        };
        (NUMERIC) -> PgType::NUMERIC, strict, |call, row| Ok(call.must_numeric(0, row).exp()?.into());
    }
    "ln" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| logarithm(float(call, 0, row), f64::ln);
        (NUMERIC) -> PgType::NUMERIC, strict, |call, row| Ok(call.must_numeric(0, row).ln()?.into());
    }
    "log" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| logarithm(float(call, 0, row), f64::log10);
        (NUMERIC) -> PgType::NUMERIC, strict, log10;
        (NUMERIC, NUMERIC) -> PgType::NUMERIC, strict, |call, row| {
            Ok(call.must_numeric(1, row).log(&call.must_numeric(0, row))?.into())
        };
    }
    "log10" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| logarithm(float(call, 0, row), f64::log10);
        (NUMERIC) -> PgType::NUMERIC, strict, log10;
    }
    "power" Immutable {
        (FLOAT, FLOAT) -> PgType::FLOAT8, strict, power;
        (NUMERIC, NUMERIC) -> PgType::NUMERIC, strict, numeric_power;
    }
    "pow" Immutable {
        (FLOAT, FLOAT) -> PgType::FLOAT8, strict, power;
        (NUMERIC, NUMERIC) -> PgType::NUMERIC, strict, numeric_power;
    }
    "^" Immutable {
        (FLOAT, FLOAT) -> PgType::FLOAT8, strict, power;
        (NUMERIC, NUMERIC) -> PgType::NUMERIC, strict, numeric_power;
    }
    "random" Volatile {
        () -> PgType::FLOAT8, strict, |call, _| Ok(Value::Float(call.context.random.next()));
    }
    "setseed" Volatile {
        (FLOAT) -> PgType::VOID, strict, |call, row| {
            let seed = float(call, 0, row);
            if !(-1.0..=1.0).contains(&seed) {
                return Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!(
                        "setseed parameter {} is out of allowed range [-1,1]",
                        seed
                    ),
                ));
            }
            call.context.random.seed(seed);
            Ok(Value::Null)
        };
    }
    "pi" Immutable { () -> PgType::FLOAT8, strict, |_, _| Ok(Value::Float(std::f64::consts::PI)); }
    "degrees" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| {
            finite(float(call, 0, row) / RADIANS_PER_DEGREE, call, row)
        };
    }
    "radians" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| {
            finite(float(call, 0, row) * RADIANS_PER_DEGREE, call, row)
        };
    }

    "sin" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| angle(call, row, f64::sin); }
    "cos" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| angle(call, row, f64::cos); }
    "tan" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| angle(call, row, f64::tan); }
    "cot" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| angle(call, row, |x| 1.0 / x.tan()); }
    "asin" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| within_one(call, row, f64::asin); }
    "acos" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| within_one(call, row, f64::acos); }
    "atan" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| of(call, row, f64::atan); }
    "atan2" Immutable {
        (FLOAT, FLOAT) -> PgType::FLOAT8, strict, |call, row| {
            Ok(Value::Float(float(call, 0, row).atan2(float(call, 1, row))))
        };
    }
    "sinh" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| of(call, row, f64::sinh); }
    "cosh" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| of(call, row, f64::cosh); }
    "tanh" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| of(call, row, f64::tanh); }
    "asinh" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| of(call, row, libm::asinh); }
    "acosh" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| {
            if float(call, 0, row) < 1.0 {
                return Err(input_out_of_range());
            }
            of(call, row, libm::acosh)
        };
    }
    "atanh" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| within_one(call, row, libm::atanh);
    }
    "sind" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| angle(call, row, sin_degrees); }
    "cosd" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| angle(call, row, cos_degrees); }
    "tand" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| angle(call, row, tan_degrees); }
    "cotd" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| angle(call, row, cot_degrees); }
    "asind" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| within_one(call, row, asin_degrees); }
    "acosd" Immutable { (FLOAT) -> PgType::FLOAT8, strict, |call, row| within_one(call, row, acos_degrees); }
    "atand" Immutable {
        (FLOAT) -> PgType::FLOAT8, strict, |call, row| of(call, row, |x| x.atan() / 1f64.atan() * 45.0);
    }
    "atan2d" Immutable {
        (FLOAT, FLOAT) -> PgType::FLOAT8, strict, |call, row| {
            let angle = float(call, 0, row).atan2(float(call, 1, row));
            Ok(Value::Float(angle / 1f64.atan() * 45.0))
        };
    }
}

const RADIANS_PER_DEGREE: f64 = 0.017_453_292_519_943_295;

fn float(call: &Call<'_>, arg: usize, row: usize) -> f64 {
    call.float(arg, row).unwrap_or(0.0)
}

fn input_out_of_range() -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "input is out of range",
    )
}

fn overflow() -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "value out of range: overflow",
    )
}

fn underflow() -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "value out of range: underflow",
    )
}

/// A function of one float that may overflow.
fn of(call: &Call<'_>, row: usize, function: fn(f64) -> f64) -> Result<Value> {
    Ok(Value::Float(function(float(call, 0, row))))
}

fn finite(result: f64, call: &Call<'_>, row: usize) -> Result<Value> {
    if result.is_infinite() && float(call, 0, row).is_finite() {
        return Err(overflow());
    }
    Ok(Value::Float(result))
}

/// A function of an angle, which infinity is none.
fn angle(call: &Call<'_>, row: usize, function: fn(f64) -> f64) -> Result<Value> {
    let x = float(call, 0, row);
    if x.is_infinite() {
        return Err(input_out_of_range());
    }
    Ok(Value::Float(function(x)))
}

fn within_one(call: &Call<'_>, row: usize, function: fn(f64) -> f64) -> Result<Value> {
    let x = float(call, 0, row);
    if !x.is_nan() && x.abs() > 1.0 {
        return Err(input_out_of_range());
    }
    Ok(Value::Float(function(x)))
}

fn square_root(call: &Call<'_>, row: usize) -> Result<Value> {
    let x = float(call, 0, row);
    if x < 0.0 {
        return Err(Error::new(
            SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
            "cannot take square root of a negative number",
        ));
    }
    Ok(Value::Float(x.sqrt()))
}

fn logarithm(x: f64, function: fn(f64) -> f64) -> Result<Value> {
    let what = if x == 0.0 {
        "cannot take logarithm of zero"
    } else if x < 0.0 {
        "cannot take logarithm of a negative number"
    } else {
        return Ok(Value::Float(function(x)));
    };
    Err(Error::new(SqlState::INVALID_ARGUMENT_FOR_LOGARITHM, what))
}

fn log10(call: &Call<'_>, row: usize) -> Result<Value> {
    Ok(call.must_numeric(0, row).log(&Numeric::from(10))?.into())
}

fn numeric_power(call: &Call<'_>, row: usize) -> Result<Value> {
    Ok(call
        .must_numeric(0, row)
        .power(&call.must_numeric(1, row))?
        .into())
}

fn power(call: &Call<'_>, row: usize) -> Result<Value> {
    let (x, y) = (float(call, 0, row), float(call, 1, row));
    let wrong = |what| {
        Err(Error::new(
            SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
            what,
        ))
    };
    if x == 0.0 && y < 0.0 {
        return wrong("zero raised to a negative power is undefined");
    }
    if x < 0.0 && y.is_finite() && y.fract() != 0.0 {
        return wrong("a negative number raised to a non-integer power yields a complex result");
    }
    let result = x.powf(y);
    if x.is_finite() && y.is_finite() {
        if result.is_infinite() {
            return Err(overflow());
        }
        if result == 0.0 && x != 0.0 {
            return Err(underflow());
        }
    }
    Ok(Value::Float(result))
}

/// sin of 0 to 90 degrees, exact at 0, 30 and 90.
fn sin_quadrant(x: f64) -> f64 {
    if x <= 30.0 {
        (x * RADIANS_PER_DEGREE).sin() / (30.0 * RADIANS_PER_DEGREE).sin() / 2.0
    } else {
        cos_below_60(90.0 - x)
    }
}

/// cos of 0 to 60 degrees, exact at both ends.
fn cos_below_60(x: f64) -> f64 {
    let one_minus = 1.0 - (60.0 * RADIANS_PER_DEGREE).cos();
    1.0 - (1.0 - (x * RADIANS_PER_DEGREE).cos()) / one_minus / 2.0
}

fn cos_quadrant(x: f64) -> f64 {
    if x <= 60.0 {
        cos_below_60(x)
    } else {
        let y = 90.0 - x;
        (y * RADIANS_PER_DEGREE).sin() / (30.0 * RADIANS_PER_DEGREE).sin() / 2.0
    }
}

/// The angle between 0 and 90, and the signs sin and cos have there.
fn quadrant(x: f64) -> (f64, f64, f64) {
    let mut x = x % 360.0;
    let (mut sin, mut cos) = (1.0, 1.0);
    if x < 0.0 {
        x = -x;
        sin = -sin;
    }
    if x > 180.0 {
        x = 360.0 - x;
        sin = -sin;
    }
    if x > 90.0 {
        x = 180.0 - x;
        cos = -cos;
    }
    (x, sin, cos)
}

fn sin_degrees(x: f64) -> f64 {
    let (x, sign, _) = quadrant(x);
    sign * sin_quadrant(x)
}

fn cos_degrees(x: f64) -> f64 {
    let (x, _, sign) = quadrant(x);
    sign * cos_quadrant(x)
}

fn tan_degrees(x: f64) -> f64 {
    let (x, sin, cos) = quadrant(x);
    let at_45 = sin_quadrant(45.0) / cos_quadrant(45.0);
    let tan = sin * cos * ((sin_quadrant(x) / cos_quadrant(x)) / at_45);
    // No negative zero.
    if tan == 0.0 { 0.0 } else { tan }
}

fn cot_degrees(x: f64) -> f64 {
    let (x, sin, cos) = quadrant(x);
    let at_45 = cos_quadrant(45.0) / sin_quadrant(45.0);
    let cot = sin * cos * ((cos_quadrant(x) / sin_quadrant(x)) / at_45);
    if cot == 0.0 { 0.0 } else { cot }
}

fn asin_quadrant(x: f64) -> f64 {
    if x <= 0.5 {
        x.asin() / 0.5f64.asin() * 30.0
    } else {
        90.0 - x.acos() / 0.5f64.acos() * 60.0
    }
}

fn acos_quadrant(x: f64) -> f64 {
    if x <= 0.5 {
        90.0 - x.asin() / 0.5f64.asin() * 30.0
    } else {
        x.acos() / 0.5f64.acos() * 60.0
    }
}

fn asin_degrees(x: f64) -> f64 {
    if x >= 0.0 {
        asin_quadrant(x)
    } else {
        -asin_quadrant(-x)
    }
}

fn acos_degrees(x: f64) -> f64 {
    if x >= 0.0 {
        acos_quadrant(x)
    } else {
        90.0 + asin_quadrant(-x)
    }
}
