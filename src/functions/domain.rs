//! What a domain forbids: a function of the verdict on a value, which fails where it is against it.
//! No query can say its name.

use super::call::short::{BOOL, TEXT};
use super::call::{Call, functions};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

functions! { pub(super) LIST:
    "\0in domain" Stable {
        (BOOL, TEXT) -> PgType::BOOL, loose, pass;
        (BOOL, TEXT, TEXT) -> PgType::BOOL, loose, pass;
    }
}

/// True, also where the verdict is NULL; an error where it is false.
fn pass(call: &Call<'_>, row: usize) -> Result<Value> {
    match call.bool(0, row) {
        Some(false) => Err(violation(call.must_text(1, row), call.text(2, row))),
        Some(true) | None => Ok(true.into()),
    }
}

/// `23514`, or `23502` where no check is named, in PostgreSQL's words.
pub(crate) fn violation(domain: &str, check: Option<&str>) -> Error {
    match check {
        Some(check) => Error::new(
            SqlState::CHECK_VIOLATION,
            format!("value for domain {domain} violates check constraint \"{check}\""),
        )
        .constraint(check),
        None => Error::new(
            SqlState::NOT_NULL_VIOLATION,
            format!("domain {domain} does not allow null values"),
        ),
    }
}
