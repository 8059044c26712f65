//! The functions that write and read times by a template, and `to_char` of all types.

use std::rc::Rc;

use super::Last;
use super::number::{FLOAT_DIGITS, REAL, REAL_DIGITS, of_bigint, of_float, of_int, of_numeric};
use super::read_fields::Read;
use super::read_time::read;
use super::time_fields::Moment;
use super::time_template::{self, Piece};
use super::write_time::write;
use crate::base::Result;
use crate::functions::call::short::{
    BIGINT, FLOAT, INT, INTERVAL, NUMERIC, SMALL, TEXT, TIMESTAMP, TIMESTAMPTZ,
};
use crate::functions::call::{Call, functions};
use crate::functions::time::from_epoch;
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::precision::rounded_moment;

functions! { pub(in crate::functions) LIST:
    "to_char" Stable {
        (TIMESTAMP, TEXT) -> PgType::TEXT, strict, |call, row| {
            of_time(call, row, |_, micros| Moment::naive(micros))
        };
        (TIMESTAMPTZ, TEXT) -> PgType::TEXT, strict, |call, row| {
            of_time(call, row, |call, micros| Moment::zoned(micros, call.context.style.time_zone))
        };
        (INTERVAL, TEXT) -> PgType::TEXT, strict, |call, row| {
            written(&Moment::interval(call.interval(0, row).unwrap_or_default()), call, row)
        };
        (FLOAT, TEXT) -> PgType::TEXT, strict, |call, row| {
            let number = call.float(0, row).unwrap_or_default();
            of_float(number, FLOAT_DIGITS, call.must_text(1, row)).map(Value::from)
        };
        (REAL, TEXT) -> PgType::TEXT, strict, |call, row| {
            let number = call.float(0, row).unwrap_or_default();
            of_float(number, REAL_DIGITS, call.must_text(1, row)).map(Value::from)
        };
        // PostgreSQL has none of its own for these, and prefers this.
        (SMALL, TEXT) -> PgType::TEXT, strict, |call, row| {
            let number = i16::try_from(call.int(0, row).unwrap_or_default()).unwrap_or_default();
            of_float(number.into(), FLOAT_DIGITS, call.must_text(1, row)).map(Value::from)
        };
        (NUMERIC, TEXT) -> PgType::TEXT, extended, |call, row| {
            of_numeric(&call.must_extended(0, row), call.must_text(1, row)).map(Value::from)
        };
        (BIGINT, TEXT) -> PgType::TEXT, strict, |call, row| {
            of_bigint(call.int(0, row).unwrap_or_default(), call.must_text(1, row)).map(Value::from)
        };
        (INT, TEXT) -> PgType::TEXT, strict, |call, row| {
            let number = i32::try_from(call.int(0, row).unwrap_or_default()).unwrap_or_default();
            of_int(number, call.must_text(1, row)).map(Value::from)
        };
    }
    "to_date" Stable {
        (TEXT, TEXT) -> PgType::DATE, strict, |call, row| {
            let text = call.must_text(0, row);
            Ok(fields(call, row)?.found(text)?.date(text)?.into())
        };
    }
    "to_timestamp" Stable {
        (TEXT, TEXT) -> PgType::TIMESTAMPTZ, strict, |call, row| {
            let read = fields(call, row)?;
            let found = read.found(call.must_text(0, row))?;
            let instant = found.instant(call.context.style.time_zone)?;
            Ok(Value::Time(match read.digits {
                Some(digits) => rounded_moment(instant, digits),
                None => instant,
            }))
        };
        (FLOAT) -> PgType::TIMESTAMPTZ, strict, from_epoch;
    }
}

thread_local! {
    static LAST: Last<Vec<Piece>> = const { Last::new() };
}

fn parse(template: &str) -> Result<Rc<Vec<Piece>>> {
    LAST.with(|last| last.parsed(template, |text| Ok(time_template::parse(text))))
}

/// A moment by the template; an empty one makes NULL.
fn written(moment: &Moment, call: &Call<'_>, row: usize) -> Result<Value> {
    match call.must_text(1, row) {
        "" => Ok(Value::Null),
        template => write(moment, &parse(template)?).map(Value::from),
    }
}

fn of_time(call: &Call<'_>, row: usize, moment: fn(&Call<'_>, i64) -> Moment) -> Result<Value> {
    match call.time(0, row).unwrap_or_default() {
        // Infinity has no fields.
        i64::MAX | i64::MIN => Ok(Value::Null),
        micros => written(&moment(call, micros), call, row),
    }
}

fn fields(call: &Call<'_>, row: usize) -> Result<Read> {
    read(call.must_text(0, row), &parse(call.must_text(1, row))?)
}
