//! Storage parameters, `WITH (fillfactor = 70)`: how PostgreSQL lays out pages and cleans them.
//!
//! There are no pages here, so they change nothing; they are read as PostgreSQL reads them, and
//! whoever sets one is told.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use crate::base::{Error, Result, SqlState};

/// Those of tables, without the ones of autovacuum.
const OF_TABLES: &[&str] = &[
    "fillfactor",
    "toast_tuple_target",
    "parallel_workers",
    "user_catalog_table",
    "vacuum_index_cleanup",
    "vacuum_truncate",
    "log_autovacuum_min_duration",
];

/// `WITH (name [= value], …)` or `WITHOUT OIDS`, if it comes next; the names.
///
/// # Errors
/// `22023` no such parameter, or a value out of bounds.
pub(super) fn of_table(cursor: &mut Cursor) -> Result<Vec<String>> {
    if cursor.accept("WITHOUT OIDS") || !cursor.accept("WITH") {
        return Ok(Vec::new());
    }
    cursor.parenthesised(parameter)
}

fn parameter(cursor: &mut Cursor) -> Result<String> {
    let first = cursor.any_word()?;
    let (of_toast, name) = if cursor.accept_token(&Token::Period) {
        let name = cursor.any_word()?;
        if first != "toast" {
            return Err(invalid(format!(
                "unrecognized parameter namespace \"{first}\""
            )));
        }
        (true, name)
    } else {
        (false, first)
    };
    let value = if cursor.accept_token(&Token::Eq) {
        value(cursor)?
    } else {
        "true".to_owned()
    };
    let known = OF_TABLES.contains(&name.as_str()) || name.starts_with("autovacuum_");
    if !known || (of_toast && name == "fillfactor") {
        return Err(invalid(format!("unrecognized parameter \"{name}\"")));
    }
    if name == "fillfactor" {
        let number: i64 = value.parse().map_err(|_| {
            invalid(format!(
                "invalid value for integer option \"{name}\": {value}"
            ))
        })?;
        if !(10..=100).contains(&number) {
            return Err(
                invalid(format!("value {value} out of bounds for option \"{name}\""))
                    .detail("Valid values are between \"10\" and \"100\"."),
            );
        }
    }
    Ok(if of_toast {
        format!("toast.{name}")
    } else {
        name
    })
}

fn value(cursor: &mut Cursor) -> Result<String> {
    if cursor.sees_string() {
        cursor.string()
    } else if cursor.word().is_some() {
        cursor.any_word()
    } else {
        cursor.number()
    }
}

fn invalid(message: String) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}
