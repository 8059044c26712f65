//! PostgreSQL's functions that are short expressions over their arguments: those behind
//! aggregates, casts of two arguments and the like, which have names and may be called by them.

use super::Analyst;
use super::level::{Clause, Level, Named};
use super::typed::{self, Typed};
use crate::base::{Error, Result};
use crate::engine::parse::parse_expression;
use crate::types::PgType;

/// A function in terms of its arguments `a`, `b`, …; NULL if one of them is.
struct Expressed {
    name: &'static str,
    /// `None` takes anything.
    takes: &'static [Option<PgType>],
    is: &'static str,
}

/// Declares them: `name(types) "expression";`
macro_rules! expressed {
    ($($name:literal ($($ty:tt),*) $is:expr;)*) => {
        const EXPRESSED: &[Expressed] = &[$(Expressed {
            name: $name,
            takes: &[$(expressed!(@ty $ty)),*],
            is: $is,
        }),*];
    };
    (@ty ANY) => { None };
    (@ty $ty:ident) => { Some(PgType::$ty) };
}

/// Whether a value is within an offset of another, which values add and subtract.
const IN_RANGE: &str = "CASE WHEN e THEN a <= CASE WHEN d THEN b - c ELSE b + c END \
    ELSE a >= CASE WHEN d THEN b - c ELSE b + c END END";
/// The same of numerics, among which NaN is the greatest, and near to none but itself.
const IN_RANGE_NUMERIC: &str = "CASE WHEN a = 'NaN' THEN b = 'NaN' OR NOT e WHEN b = 'NaN' THEN e \
    WHEN c = 'Infinity' AND d AND b = 'Infinity' THEN true \
    WHEN c = 'Infinity' AND NOT d AND b = '-Infinity' THEN true \
    WHEN e THEN a <= CASE WHEN d THEN b - c ELSE b + c END \
    ELSE a >= CASE WHEN d THEN b - c ELSE b + c END END";
/// The same of what a function of ours compares with a sum that is never out of range.
const IN_RANGE_NUMBER: &str = "in_range number";

expressed! {
    "btcharcmp"(CHAR, CHAR) "(a::int4 & 255) - (b::int4 & 255)";
    "btint2cmp"(INT2, INT2) "a::int4 - b::int4";
    "daterange_canonical"(DATERANGE) "a";
    "daterange_subdiff"(DATE, DATE) "(a - b)::float8";
    "in_range"(DATE, DATE, INTERVAL, BOOL, BOOL) IN_RANGE;
    "in_range"(FLOAT4, FLOAT4, FLOAT8, BOOL, BOOL) IN_RANGE_NUMBER;
    "in_range"(FLOAT8, FLOAT8, FLOAT8, BOOL, BOOL) IN_RANGE_NUMBER;
    "in_range"(INT2, INT2, INT2, BOOL, BOOL) IN_RANGE_NUMBER;
    "in_range"(INT2, INT2, INT4, BOOL, BOOL) IN_RANGE_NUMBER;
    "in_range"(INT2, INT2, INT8, BOOL, BOOL) IN_RANGE_NUMBER;
    "in_range"(INT4, INT4, INT2, BOOL, BOOL) IN_RANGE_NUMBER;
    "in_range"(INT4, INT4, INT4, BOOL, BOOL) IN_RANGE_NUMBER;
    "in_range"(INT4, INT4, INT8, BOOL, BOOL) IN_RANGE_NUMBER;
    "in_range"(INT8, INT8, INT8, BOOL, BOOL) IN_RANGE_NUMBER;
    "in_range"(INTERVAL, INTERVAL, INTERVAL, BOOL, BOOL) IN_RANGE;
    "in_range"(NUMERIC, NUMERIC, NUMERIC, BOOL, BOOL) IN_RANGE_NUMERIC;
    "in_range"(TIME, TIME, INTERVAL, BOOL, BOOL) IN_RANGE_NUMBER;
    "in_range"(TIMESTAMP, TIMESTAMP, INTERVAL, BOOL, BOOL) IN_RANGE;
    "in_range"(TIMESTAMPTZ, TIMESTAMPTZ, INTERVAL, BOOL, BOOL) IN_RANGE;
    "int4range_canonical"(INT4RANGE) "a";
    "int4range_subdiff"(INT4, INT4) "a::float8 - b::float8";
    "int8dec"(INT8) "a - 1";
    "int8dec_any"(INT8, ANY) "a - 1";
    "int8inc"(INT8) "a + 1";
    "int8inc_any"(INT8, ANY) "a + 1";
    "int8inc_float8_float8"(INT8, FLOAT8, FLOAT8) "a + 1";
    "int8range_canonical"(INT8RANGE) "a";
    "int8range_subdiff"(INT8, INT8) "a::float8 - b::float8";
    "like"(BYTEA, BYTEA) "a LIKE b";
    "like"(NAME, TEXT) "a LIKE b";
    "like"(TEXT, TEXT) "a LIKE b";
    "notlike"(BYTEA, BYTEA) "a NOT LIKE b";
    "notlike"(NAME, TEXT) "a NOT LIKE b";
    "notlike"(TEXT, TEXT) "a NOT LIKE b";
    "numeric_div_trunc"(NUMERIC, NUMERIC) "div(a, b)";
    "numeric_inc"(NUMERIC) "a + 1";
    "numrange_subdiff"(NUMERIC, NUMERIC) "(a - b)::float8";
    "tidlarger"(TID, TID) "CASE WHEN a > b THEN a ELSE b END";
    "tidsmaller"(TID, TID) "CASE WHEN a < b THEN a ELSE b END";
    "timestamp"(DATE, TIME) "a + b";
    "timestamptz"(DATE, TIME) "(a + b)::timestamptz";
    "timestamptz"(DATE, TIMETZ) "a + b";
}

impl Analyst<'_> {
    /// What a call of one of these comes to; `None` if it is of none.
    pub(super) fn expressed(&self, name: &str, args: &[Typed]) -> Result<Option<Typed>> {
        let fits = |known: &&Expressed| {
            known.name == name
                && known.takes.len() == args.len()
                && known.takes.iter().zip(args).all(|(takes, arg)| {
                    takes.is_none_or(|takes| arg.is_unknown() || arg.ty.oid == takes.oid)
                })
        };
        let Some(known) = EXPRESSED.iter().find(fits) else {
            return Ok(None);
        };
        // An argument stands wherever it is named, and once more where it is looked at for NULL.
        if let Some(arg) = args.iter().find(|arg| arg.expr.is_volatile()) {
            let what = format!("a volatile argument of {name}, {}", arg.ty);
            return Err(Error::unsupported(what));
        }
        let level = Level::new(None, None);
        let mut values = Vec::with_capacity(args.len());
        for ((arg, takes), letter) in args.iter().zip(known.takes).zip('a'..) {
            let value = match takes {
                Some(ty) => self.coerced(arg.clone(), *ty)?,
                None => arg.clone(),
            };
            level.columns.borrow_mut().push(Named {
                name: letter.to_string(),
                value: value.clone(),
            });
            values.push(value);
        }
        if known.is == IN_RANGE_NUMBER {
            let values = values.into_iter().map(|value| self.said(value));
            let values = values.collect::<Result<Vec<_>>>()?;
            return self.native(IN_RANGE_NUMBER, values).map(Some);
        }
        let expression = |text| {
            let expression = parse_expression(text)?;
            level.within(Clause::Select, || self.expression(&level, &expression))
        };
        let mut value = expression(known.is)?;
        if let (IN_RANGE | IN_RANGE_NUMERIC, Some(offset)) = (known.is, values.get(2)) {
            let wrong = match offset.ty.oid == PgType::INTERVAL.oid {
                true => "c < interval '0'",
                false => "c = 'NaN' OR c < 0",
            };
            let wrong = self.native("in_range offset", vec![expression(wrong)?.expr])?;
            let null = typed::null(PgType::BOOL)?.expr;
            value = Typed::bool(typed::case(vec![(wrong.expr, null)], Some(value.expr)));
        }
        super::routine::unless_null(&values, value).map(Some)
    }

    /// Of two values less, equal or greater as -1, 0, 1.
    pub(super) fn sign_of(&self, left: &Typed, right: &Typed) -> Result<Typed> {
        let less = self.operate("<", left.clone(), right.clone())?;
        let equal = self.operate("=", left.clone(), right.clone())?;
        let branches = vec![
            (less.expr, typed::int4(-1).expr),
            (equal.expr, typed::int4(0).expr),
        ];
        let sign = typed::case(branches, Some(typed::int4(1).expr));
        let value = Typed::new(sign, PgType::INT4);
        super::routine::unless_null(&[left.clone(), right.clone()], value)
    }
}
