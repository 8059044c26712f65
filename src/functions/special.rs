//! What functions of numerics give for NaN and infinity, which their bodies do not see.

use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::{Extended, Numeric};

use Extended::{Finite, Infinity, NaN, NegativeInfinity};

/// The result of a function of this name. `numeric` is whether that is a numeric.
pub(super) fn result(name: &str, numeric: bool, args: &[Extended]) -> Result<Value> {
    let give = |value: Extended| Ok(Value::Text(value.to_string().into()));
    let refused = || {
        let shown = args.iter().find(|arg| !matches!(arg, Finite(_)));
        let shown = shown.map(ToString::to_string).unwrap_or_default();
        Err(Error::unsupported(format!(
            "{shown} as an argument of {name}"
        )))
    };
    let any_nan = args.contains(&NaN);
    match (name, args) {
        ("power" | "pow" | "^", [base, exponent]) => give(power(base, exponent)?),
        ("width_bucket", [value, low, high, ..]) => bucket(value, low, high, args),
        _ if any_nan && numeric => give(NaN),
        ("scale" | "min_scale", _) => Ok(Value::Null),
        ("sign", [value]) => Ok(Value::Int(sign(value))),
        ("abs", _) => give(Infinity),
        ("ceil" | "ceiling" | "floor" | "round" | "trunc" | "trim_scale", [value, ..]) => {
            give(value.clone())
        }
        ("sqrt", [NegativeInfinity]) => Err(Error::new(
            SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
            "cannot take square root of a negative number",
        )),
        ("ln" | "log" | "log10", [NegativeInfinity]) => Err(negative_logarithm()),
        ("sqrt" | "ln" | "log" | "log10" | "exp", [Infinity]) => give(Infinity),
        ("exp", [NegativeInfinity]) => give(Extended::from(Numeric::zero())),
        ("log", [base, value]) => give(logarithm(base, value)?),
        ("div", [left, right]) => give(match (left, right) {
            (Finite(_), _) => Extended::from(Numeric::zero()),
            (_, Finite(_)) if sign(right) == 0 => return Err(division_by_zero()),
            (left, Finite(_)) if sign(right) < 0 => left.negated(),
            (left, Finite(_)) => left.clone(),
            _ => NaN,
        }),
        ("mod", [left, right]) => give(match (left, right) {
            (Finite(_), _) => left.clone(),
            (_, Finite(_)) if sign(right) == 0 => return Err(division_by_zero()),
            _ => NaN,
        }),
        ("gcd" | "lcm", _) => give(NaN),
        _ => refused(),
    }
}

fn sign(value: &Extended) -> i64 {
    let zero = Extended::from(Numeric::zero());
    match value.cmp(&zero) {
        std::cmp::Ordering::Less => -1,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => 1,
    }
}

fn division_by_zero() -> Error {
    Error::new(SqlState::DIVISION_BY_ZERO, "division by zero")
}

fn negative_logarithm() -> Error {
    Error::new(
        SqlState::INVALID_ARGUMENT_FOR_LOGARITHM,
        "cannot take logarithm of a negative number",
    )
}

fn logarithm(base: &Extended, value: &Extended) -> Result<Extended> {
    if sign(base) < 0 || sign(value) < 0 {
        return Err(negative_logarithm());
    }
    if sign(base) == 0 || sign(value) == 0 {
        return Err(Error::new(
            SqlState::INVALID_ARGUMENT_FOR_LOGARITHM,
            "cannot take logarithm of zero",
        ));
    }
    Ok(match (base, value) {
        (Infinity, Infinity) => NaN,
        (Infinity, _) => Extended::from(Numeric::zero()),
        _ => Infinity,
    })
}

fn power(base: &Extended, exponent: &Extended) -> Result<Extended> {
    let one = Extended::from(Numeric::from(1));
    let zero = Extended::from(Numeric::zero());
    if *base == NaN {
        return Ok(if *exponent == zero { one } else { NaN });
    }
    if *exponent == NaN {
        return Ok(if *base == one { one } else { NaN });
    }
    let wrong = |what: &str| {
        Err(Error::new(
            SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
            what,
        ))
    };
    let (base_sign, exponent_sign) = (sign(base), sign(exponent));
    if base_sign == 0 && exponent_sign < 0 {
        return wrong("zero raised to a negative power is undefined");
    }
    let whole = match exponent {
        Finite(number) => number.truncated(0) == *number,
        _ => true,
    };
    if base_sign < 0 && !whole {
        return wrong("a negative number raised to a non-integer power yields a complex result");
    }
    if *base == one || exponent_sign == 0 {
        return Ok(one);
    }
    if base_sign == 0 {
        return Ok(zero);
    }
    let Finite(number) = exponent else {
        let beyond_one = match base {
            Finite(base) => {
                let size = Extended::from(base.abs());
                if size == one {
                    return Ok(one);
                }
                size > one
            }
            _ => true,
        };
        return Ok(if beyond_one == (exponent_sign > 0) {
            Infinity
        } else {
            zero
        });
    };
    let odd = || {
        number
            .truncated(0)
            .remainder(&Numeric::from(2))
            .is_ok_and(|rest| !rest.is_zero())
    };
    Ok(match base {
        _ if exponent_sign < 0 => zero,
        NegativeInfinity if odd() => NegativeInfinity,
        _ => Infinity,
    })
}

fn bucket(value: &Extended, low: &Extended, high: &Extended, args: &[Extended]) -> Result<Value> {
    let wrong = |what: &str| {
        Err(Error::new(
            SqlState::INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION,
            what,
        ))
    };
    let count = match args.get(3) {
        Some(Finite(count)) => count.to_string().parse::<i64>().unwrap_or(0),
        _ => 0,
    };
    if count <= 0 {
        return wrong("count must be greater than zero");
    }
    if [value, low, high].contains(&&NaN) {
        return wrong("operand, lower bound, and upper bound cannot be NaN");
    }
    if !matches!((low, high), (Finite(_), Finite(_))) {
        return wrong("lower and upper bounds must be finite");
    }
    let above = match low.cmp(high) {
        std::cmp::Ordering::Equal => return wrong("lower bound cannot equal upper bound"),
        std::cmp::Ordering::Less => sign(value) > 0,
        std::cmp::Ordering::Greater => sign(value) < 0,
    };
    Ok(Value::Int(if above { count + 1 } else { 0 }))
}
