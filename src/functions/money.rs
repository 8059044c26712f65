//! Money, places in the log and transactions' numbers: their operators and functions. They come as
//! codes; money as hundredths.

use super::call::short::{BIGINT, FLOAT, INT, NUMERIC};
use super::call::{Call, functions};
use super::gather::{Gathered, Gives, Group};
use super::resolve::Param;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::coded::{money, signed, unsigned};
use crate::types::{Numeric, PgType};

const MONEY: Param = Param::Is(PgType::MONEY);
const PG_LSN: Param = Param::Is(PgType::PG_LSN);
const XID8: Param = Param::Is(PgType::XID8);
/// Hundredths of one.
const UNIT: i64 = 100;

functions! { pub(super) LIST:
    // Casts.
    "money int4" Immutable { (INT) -> PgType::MONEY, strict, of_integer; }
    "money int8" Immutable { (BIGINT) -> PgType::MONEY, strict, of_integer; }
    "money numeric" Immutable {
        (NUMERIC) -> PgType::MONEY, strict, |call, row| {
            let cents = call.must_numeric(0, row).rounded(2).to_wide(76, 2);
            let cents = cents.ok().and_then(|cents| cents.to_i128());
            match cents.and_then(|cents| i64::try_from(cents).ok()) {
                Some(cents) => Ok(cents.into()),
                None => Err(out_of_range("bigint")),
            }
        };
    }
    "numeric money" Immutable {
        (MONEY) -> PgType::NUMERIC, strict, |call, row| {
            Ok(Value::Numeric(Numeric::new(amount(call, 0, row).into(), 2)))
        };
    }

    "+ money" Immutable {
        (MONEY, MONEY) -> PgType::MONEY, strict, |call, row| {
            checked(amount(call, 0, row).checked_add(amount(call, 1, row)))
        };
    }
    "- money" Immutable {
        (MONEY, MONEY) -> PgType::MONEY, strict, |call, row| {
            checked(amount(call, 0, row).checked_sub(amount(call, 1, row)))
        };
    }
    "* money" Immutable {
        (MONEY, BIGINT) -> PgType::MONEY, strict, |call, row| {
            checked(amount(call, 0, row).checked_mul(amount(call, 1, row)))
        };
        (MONEY, FLOAT) -> PgType::MONEY, strict, |call, row| {
            rounded(wide(amount(call, 0, row)) * call.float(1, row).unwrap_or(0.0))
        };
    }
    "/ money" Immutable {
        (MONEY, BIGINT) -> PgType::MONEY, strict, |call, row| {
            match amount(call, 1, row) {
                0 => Err(division_by_zero()),
                by => checked(amount(call, 0, row).checked_div(by)),
            }
        };
        (MONEY, FLOAT) -> PgType::MONEY, strict, |call, row| {
            match call.float(1, row) {
                Some(0.0) | None => Err(division_by_zero()),
                Some(by) => rounded(wide(amount(call, 0, row)) / by),
            }
        };
        (MONEY, MONEY) -> PgType::FLOAT8, strict, |call, row| {
            match amount(call, 1, row) {
                0 => Err(division_by_zero()),
                by => Ok((wide(amount(call, 0, row)) / wide(by)).into()),
            }
        };
    }
    "cash_words money" Immutable {
        (MONEY) -> PgType::TEXT, strict, |call, row| Ok(money::spelled(amount(call, 0, row)).into());
    }

    "+ pg_lsn" Immutable {
        (PG_LSN, NUMERIC) -> PgType::PG_LSN, strict, |call, row| {
            lsn(unsigned(amount(call, 0, row)), call.must_numeric(1, row), false)
        };
    }
    "- pg_lsn" Immutable {
        (PG_LSN, PG_LSN) -> PgType::NUMERIC, strict, |call, row| {
            let place = |arg| i128::from(unsigned(amount(call, arg, row)));
            Ok(Value::Numeric(Numeric::new((place(0) - place(1)).into(), 0)))
        };
        (PG_LSN, NUMERIC) -> PgType::PG_LSN, strict, |call, row| {
            lsn(unsigned(amount(call, 0, row)), call.must_numeric(1, row), true)
        };
    }
    "xid xid8" Immutable {
        (XID8) -> PgType::XID, strict, |call, row| {
            Ok(Value::Int((unsigned(amount(call, 0, row)) & 0xffff_ffff).cast_signed()))
        };
    }
    // The versions of the catalog are the transactions there have been.
    "pg_current_xact_id" Stable {
        () -> PgType::XID8, strict, |call, _| Ok(signed(call.context.snapshot.version().0).into());
    }
    "pg_current_xact_id_if_assigned" Stable { () -> PgType::XID8, strict, |_, _| Ok(Value::Null); }
}

/// `sum(money)`
pub(super) static SUM: Gathered = Gathered {
    name: "sum money",
    types: |types| Some((types.to_vec(), PgType::MONEY)),
    gives: Gives::Said,
    within_group: false,
    finish: sum,
};

fn sum(group: &Group<'_>) -> Result<Value> {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    let Some(column) = group.columns.first() else {
        return Ok(Value::Null);
    };
    let mut sum: Option<i64> = None;
    for amount in column.as_primitive::<Int64Type>().iter().flatten() {
        let more = sum.unwrap_or(0).checked_add(amount);
        sum = Some(more.ok_or_else(|| out_of_range("money"))?);
    }
    Ok(sum.into())
}

fn amount(call: &Call<'_>, arg: usize, row: usize) -> i64 {
    call.int(arg, row).unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "as PostgreSQL computes")]
fn wide(amount: i64) -> f64 {
    amount as f64
}

fn out_of_range(what: &str) -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("{what} out of range"),
    )
}

fn division_by_zero() -> Error {
    Error::new(SqlState::DIVISION_BY_ZERO, "division by zero")
}

fn checked(amount: Option<i64>) -> Result<Value> {
    amount.map(Value::from).ok_or_else(|| out_of_range("money"))
}

#[expect(clippy::cast_possible_truncation, reason = "it is within the range")]
fn rounded(amount: f64) -> Result<Value> {
    // 2^63 is a float; 2^63 - 1 is not.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    match amount.round_ties_even() {
        amount if (-LIMIT..LIMIT).contains(&amount) => Ok((amount as i64).into()),
        _ => Err(out_of_range("money")),
    }
}

fn of_integer(call: &Call<'_>, row: usize) -> Result<Value> {
    match amount(call, 0, row).checked_mul(UNIT) {
        Some(cents) => Ok(cents.into()),
        None => Err(out_of_range("bigint")),
    }
}

/// A place so many bytes further, or before.
fn lsn(place: u64, bytes: Numeric, back: bool) -> Result<Value> {
    let bytes = bytes.rounded(0).to_wide(76, 0);
    let bytes = bytes.ok().and_then(|bytes| bytes.to_i128());
    let place = bytes.and_then(|bytes| {
        let bytes = if back { -bytes } else { bytes };
        u64::try_from(i128::from(place).checked_add(bytes)?).ok()
    });
    match place {
        Some(place) => Ok(signed(place).into()),
        None => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "pg_lsn out of range",
        )),
    }
}
