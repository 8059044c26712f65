//! Bit strings: their operators and functions. They come as texts of `0` and `1`.

use super::call::short::{BIGINT, BOOL, INT};
use super::call::{Call, functions};
use super::gather::{Gathered, Gives, Group};
use super::resolve::Param;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::coded::bits;

const BIT: Param = Param::Is(PgType::BIT);
const VARBIT: Param = Param::Is(PgType::VARBIT);

functions! { pub(super) LIST:
    // Casts: to a length, and whether it was asked for.
    "bit bit" Immutable {
        (BIT, INT, BOOL) -> PgType::BIT, strict, |call, row| Ok(fitted(call, row, PgType::BIT));
        (VARBIT, INT, BOOL) -> PgType::BIT, strict, |call, row| Ok(fitted(call, row, PgType::BIT));
    }
    "varbit bit" Immutable {
        (VARBIT, INT, BOOL) -> PgType::VARBIT, strict, |call, row| Ok(fitted(call, row, PgType::VARBIT));
        (BIT, INT, BOOL) -> PgType::VARBIT, strict, |call, row| Ok(fitted(call, row, PgType::VARBIT));
    }
    "bit int4" Immutable {
        (INT, INT) -> PgType::BIT, strict, |call, row| Ok(of_integer(call, row, 32));
    }
    "bit int8" Immutable {
        (BIGINT, INT) -> PgType::BIT, strict, |call, row| Ok(of_integer(call, row, 64));
    }
    "int4 bit" Immutable {
        (BIT) -> PgType::INT4, strict, |call, row| {
            let bits = number(call, row, 32, "integer")?;
            Ok(u32::try_from(bits).unwrap_or(0).cast_signed().into())
        };
    }
    "int8 bit" Immutable {
        (BIT) -> PgType::INT8, strict, |call, row| Ok(number(call, row, 64, "bigint")?.cast_signed().into());
    }

    "& bit" Immutable {
        (BIT, BIT) -> PgType::BIT, strict, |call, row| paired(call, row, "AND", |a, b| a && b);
    }
    "| bit" Immutable {
        (BIT, BIT) -> PgType::BIT, strict, |call, row| paired(call, row, "OR", |a, b| a || b);
    }
    "# bit" Immutable {
        (BIT, BIT) -> PgType::BIT, strict, |call, row| paired(call, row, "XOR", |a, b| a != b);
    }
    "~ bit" Immutable {
        (BIT) -> PgType::BIT, strict, |call, row| {
            let turned = |bit| if bit == '0' { '1' } else { '0' };
            Ok(call.must_text(0, row).chars().map(turned).collect::<String>().into())
        };
    }
    "<< bit" Immutable {
        (BIT, INT) -> PgType::BIT, strict, |call, row| {
            Ok(shifted(call.must_text(0, row), call.int(1, row).unwrap_or(0)).into())
        };
    }
    ">> bit" Immutable {
        (BIT, INT) -> PgType::BIT, strict, |call, row| {
            Ok(shifted(call.must_text(0, row), -call.int(1, row).unwrap_or(0)).into())
        };
    }
    "|| bit" Immutable {
        (VARBIT, VARBIT) -> PgType::VARBIT, strict, |call, row| {
            Ok(format!("{}{}", call.must_text(0, row), call.must_text(1, row)).into())
        };
    }

    "length bit" Immutable { (BIT) -> PgType::INT4, strict, length; }
    "bit_length bit" Immutable { (BIT) -> PgType::INT4, strict, length; }
    "octet_length bit" Immutable {
        (BIT) -> PgType::INT4, strict, |call, row| Ok(count(call.must_text(0, row).len().div_ceil(8)));
    }
    "bit_count bit" Immutable {
        (BIT) -> PgType::INT8, strict, |call, row| {
            Ok(count(call.must_text(0, row).bytes().filter(|bit| *bit == b'1').count()))
        };
    }
    "substring bit" Immutable {
        (BIT, INT) -> PgType::BIT, strict, |call, row| {
            let bits = part(call.must_text(0, row), call.int(1, row).unwrap_or(1), None)?;
            Ok(bits.to_owned().into())
        };
        (BIT, INT, INT) -> PgType::BIT, strict, |call, row| {
            let from = call.int(1, row).unwrap_or(1);
            Ok(part(call.must_text(0, row), from, call.int(2, row))?.to_owned().into())
        };
    }
    "overlay bit" Immutable {
        (BIT, BIT, INT) -> PgType::BIT, strict, overlay;
        (BIT, BIT, INT, INT) -> PgType::BIT, strict, overlay;
    }
    // The whole comes first.
    "position bit" Immutable {
        (BIT, BIT) -> PgType::INT4, strict, |call, row| {
            let found = call.must_text(0, row).find(call.must_text(1, row));
            Ok(count(found.map_or(0, |at| at + 1)))
        };
    }
    "get_bit bit" Immutable {
        (BIT, INT) -> PgType::INT4, strict, |call, row| {
            let bits = call.must_text(0, row);
            let at = index(bits, call.int(1, row))?;
            Ok(i64::from(bits.as_bytes()[at] == b'1').into())
        };
    }
    "set_bit bit" Immutable {
        (BIT, INT, INT) -> PgType::BIT, strict, |call, row| {
            let bits = call.must_text(0, row);
            let at = index(bits, call.int(1, row))?;
            let bit = match call.int(2, row) {
                Some(0) => "0",
                Some(1) => "1",
                _ => {
                    return Err(Error::new(
                        SqlState::INVALID_PARAMETER_VALUE,
                        "new bit must be 0 or 1",
                    ));
                }
            };
            Ok(format!("{}{bit}{}", &bits[..at], &bits[at + 1..]).into())
        };
    }
}

/// The aggregates.
pub(super) static ALL: [Gathered; 3] = [
    Gathered {
        name: "bit_and bit",
        types: |types| Some((types.to_vec(), PgType::BIT)),
        gives: Gives::Said,
        within_group: false,
        finish: |group| together(group, "AND", |a, b| a && b),
    },
    Gathered {
        name: "bit_or bit",
        types: |types| Some((types.to_vec(), PgType::BIT)),
        gives: Gives::Said,
        within_group: false,
        finish: |group| together(group, "OR", |a, b| a || b),
    },
    Gathered {
        name: "bit_xor bit",
        types: |types| Some((types.to_vec(), PgType::BIT)),
        gives: Gives::Said,
        within_group: false,
        finish: |group| together(group, "XOR", |a, b| a != b),
    },
];

fn together(group: &Group<'_>, word: &str, join: fn(bool, bool) -> bool) -> Result<Value> {
    use arrow::array::AsArray;
    let Some(column) = group.columns.first() else {
        return Ok(Value::Null);
    };
    let mut joined: Option<String> = None;
    for bits in column.as_string_view().iter().flatten() {
        joined = Some(match joined {
            None => bits.to_owned(),
            Some(so_far) => join_bits(&so_far, bits, word, join)?,
        });
    }
    Ok(joined.into())
}

fn count(number: usize) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

fn length(call: &Call<'_>, row: usize) -> Result<Value> {
    Ok(count(call.must_text(0, row).len()))
}

fn fitted(call: &Call<'_>, row: usize, ty: PgType) -> Value {
    let length = call
        .int(1, row)
        .and_then(|length| i32::try_from(length).ok());
    let ty = ty.with_typmod(length.unwrap_or(-1));
    bits::fitted(ty, call.must_text(0, row)).into()
}

/// The lowest bits of a number of so many bits, or the number with its sign further to the left.
fn of_integer(call: &Call<'_>, row: usize, size: usize) -> Value {
    let number = call.int(0, row).unwrap_or(0);
    let length = call
        .int(1, row)
        .and_then(|length| usize::try_from(length).ok());
    let length = length.unwrap_or(1).max(1);
    let digits = format!("{number:064b}");
    let digits = &digits[64 - size..];
    let bits = match length.checked_sub(size) {
        Some(more) => {
            let sign = if number < 0 { "1" } else { "0" };
            format!("{}{digits}", sign.repeat(more))
        }
        None => digits[size - length..].to_owned(),
    };
    bits.into()
}

fn number(call: &Call<'_>, row: usize, size: usize, name: &str) -> Result<u64> {
    let bits = call.must_text(0, row);
    let out_of_range = || {
        Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("{name} out of range"),
        )
    };
    match bits.len() {
        0 => Ok(0),
        length if length <= size => u64::from_str_radix(bits, 2).map_err(|_| out_of_range()),
        _ => Err(out_of_range()),
    }
}

fn paired(call: &Call<'_>, row: usize, word: &str, join: fn(bool, bool) -> bool) -> Result<Value> {
    join_bits(call.must_text(0, row), call.must_text(1, row), word, join).map(Value::from)
}

fn join_bits(a: &str, b: &str, word: &str, join: fn(bool, bool) -> bool) -> Result<String> {
    if a.len() != b.len() {
        return Err(Error::new(
            SqlState::STRING_DATA_LENGTH_MISMATCH,
            format!("cannot {word} bit strings of different sizes"),
        ));
    }
    let pairs = a.bytes().zip(b.bytes());
    Ok(pairs
        .map(|(a, b)| if join(a == b'1', b == b'1') { '1' } else { '0' })
        .collect())
}

/// Shifted to the left, or for a number below zero to the right.
fn shifted(bits: &str, by: i64) -> String {
    let length = bits.len();
    let places = usize::try_from(by.unsigned_abs())
        .unwrap_or(length)
        .min(length);
    let zeros = "0".repeat(places);
    match by < 0 {
        true => format!("{zeros}{}", &bits[..length - places]),
        false => format!("{}{zeros}", &bits[places..]),
    }
}

fn negative_length() -> Error {
    Error::new(
        SqlState::SUBSTRING_ERROR,
        "negative substring length not allowed",
    )
}

/// So many bits, or all, from a place that counts from 1 and may be before the first.
fn part(bits: &str, from: i64, many: Option<i64>) -> Result<&str> {
    let length = i64::try_from(bits.len()).unwrap_or(i64::MAX);
    let end = match many {
        Some(..0) => return Err(negative_length()),
        Some(many) => from.saturating_add(many).min(length + 1),
        None => length + 1,
    };
    let place = |at: i64| usize::try_from(at - 1).unwrap_or(0);
    let (from, end) = (from.max(1), end.max(1));
    Ok(bits.get(place(from)..place(end)).unwrap_or_default())
}

fn overlay(call: &Call<'_>, row: usize) -> Result<Value> {
    let (bits, other) = (call.must_text(0, row), call.must_text(1, row));
    let from = call.int(2, row).unwrap_or(1);
    let many = match call.int(3, row) {
        Some(many) => many,
        None => i64::try_from(other.len()).unwrap_or(i64::MAX),
    };
    if from <= 0 {
        return Err(negative_length());
    }
    let before = part(bits, 1, Some(from - 1))?;
    let after = part(bits, from.saturating_add(many), None)?;
    Ok(format!("{before}{other}{after}").into())
}

fn index(bits: &str, at: Option<i64>) -> Result<usize> {
    let at = at.unwrap_or(0);
    let found = usize::try_from(at).ok().filter(|at| *at < bits.len());
    found.ok_or_else(|| {
        let last = i64::try_from(bits.len()).unwrap_or(i64::MAX) - 1;
        Error::new(
            SqlState::ARRAY_SUBSCRIPT_ERROR,
            format!("bit index {at} out of valid range (0..{last})"),
        )
    })
}
