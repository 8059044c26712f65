//! What a domain forbids: a function of the verdict on a value, which fails where it is against it.
//! No query can say its name.

use arrow::array::AsArray;

use super::call::short::{BIGINT, BOOL, TEXT, TEXTS};
use super::call::{Call, functions};
use super::resolve::Returns;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Snapshot;
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::text::shortened;

functions! { pub(super) LIST:
    "\0in domain" Stable {
        (BOOL, BIGINT) -> PgType::BOOL, loose, pass;
        (BOOL, BIGINT, TEXT) -> PgType::BOOL, loose, pass;
    }
    "\0in length" Immutable {
        (TEXT, BIGINT, BIGINT) -> PgType::TEXT, strict, in_length;
        (TEXTS, BIGINT, BIGINT) => Returns::Like(0), strict, in_lengths;
    }
}

/// A type by its OID and modifier.
fn type_said(call: &Call<'_>, row: usize) -> PgType {
    let number = |index: usize| call.int(index, row).unwrap_or(-1);
    let oid = u32::try_from(number(1)).unwrap_or_default();
    PgType::of(oid).with_typmod(i32::try_from(number(2)).unwrap_or(-1))
}

/// An array whose texts the elements of a type hold.
fn in_lengths(call: &Call<'_>, row: usize) -> Result<Value> {
    let element = type_said(call, row).element().unwrap_or(PgType::TEXT);
    if let Some(limit) = element.char_length()
        && let Some((texts, _)) = call.array(0, row)
        && let Some(texts) = texts.as_string_view_opt()
    {
        for text in texts.iter().flatten() {
            shortened(text, limit, element)?;
        }
    }
    let array = call.raw(0);
    Ok(array.map_or(Value::Null, |array| Value::Raw(array.slice(row, 1))))
}

/// A text that a type of a declared length holds.
fn in_length(call: &Call<'_>, row: usize) -> Result<Value> {
    let ty = type_said(call, row);
    let text = call.text(0, row).unwrap_or_default();
    let text = match ty.char_length() {
        Some(limit) => shortened(text, limit, ty)?,
        None => text,
    };
    Ok(text.to_owned().into())
}

/// True, also where the verdict is NULL; an error where it is false.
fn pass(call: &Call<'_>, row: usize) -> Result<Value> {
    match call.bool(0, row) {
        Some(false) => {
            let domain = call.int(1, row).and_then(|oid| u32::try_from(oid).ok());
            let domain = domain.map_or(Oid::INVALID, Oid);
            Err(violation(&call.context.snapshot, domain, call.text(2, row)))
        }
        Some(true) | None => Ok(true.into()),
    }
}

/// `23514`, or `23502` where no check is named, in PostgreSQL's words.
pub(crate) fn violation(snapshot: &Snapshot, oid: Oid, check: Option<&str>) -> Error {
    let domain = PgType::TEXT.in_domain(oid);
    let error = match check {
        Some(check) => Error::new(
            SqlState::CHECK_VIOLATION,
            format!("value for domain {domain} violates check constraint \"{check}\""),
        )
        .constraint(check),
        None => Error::new(
            SqlState::NOT_NULL_VIOLATION,
            format!("domain {domain} does not allow null values"),
        ),
    };
    let Some(of) = snapshot.user_type(oid) else {
        return error;
    };
    let schema = snapshot.schema(of.schema);
    error
        .of_table(schema.map(|schema| schema.name.clone()), None)
        .data_type(&of.name)
}
