//! Storage parameters, `WITH (fillfactor = 70)`: how PostgreSQL lays out pages and cleans them.
//!
//! There are no pages here, so they change nothing; they are read as PostgreSQL reads them and
//! kept, and whoever sets one is told.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Parameters, Tuned, check_parameter};

/// `WITH (name [= value], …)` or `WITHOUT OIDS`, if it comes next.
///
/// # Errors
/// `22023` no such parameter, or a value out of bounds.
pub(super) fn of_table(cursor: &mut Cursor) -> Result<Parameters> {
    if cursor.accept("WITHOUT OIDS") {
        return Ok(Vec::new());
    }
    with(cursor, |name, value| {
        let own = name.strip_prefix("toast.").unwrap_or(name);
        if own != name && own == "fillfactor" {
            return Err(invalid(format!("unrecognized parameter \"{own}\"")));
        }
        check_parameter(Tuned::Table, own, value)
    })
}

/// `WITH (name [= value], …)` of an index, if it comes next.
///
/// # Errors
/// As [`of_table`].
pub(super) fn of_index(cursor: &mut Cursor, method: &str) -> Result<Parameters> {
    with(cursor, |name, value| {
        check_parameter(Tuned::Index(method), name, value)
    })
}

/// `WITH (name [= value], …)` of a view, if it comes next.
///
/// # Errors
/// As [`of_table`].
pub(super) fn of_view(cursor: &mut Cursor) -> Result<Parameters> {
    with(cursor, |name, value| {
        check_parameter(Tuned::View, name, value)
    })
}

/// Adds a parameter.
///
/// # Errors
/// `22023` if it is there.
pub(super) fn add(parameters: &mut Parameters, name: String, value: String) -> Result<()> {
    if parameters.iter().any(|(other, _)| *other == name) {
        return Err(invalid(format!(
            "parameter \"{name}\" specified more than once"
        )));
    }
    parameters.push((name, value));
    Ok(())
}

fn with(cursor: &mut Cursor, check: impl Fn(&str, &str) -> Result<()>) -> Result<Parameters> {
    if !cursor.accept("WITH") {
        return Ok(Vec::new());
    }
    let mut parameters = Parameters::new();
    cursor.parenthesised(|cursor| {
        let (name, value) = written(cursor)?;
        let value = value.unwrap_or_else(|| "true".to_owned());
        check(&name, &value)?;
        add(&mut parameters, name, value)
    })?;
    Ok(parameters)
}

/// `name [= value]`
pub(super) fn written(cursor: &mut Cursor) -> Result<(String, Option<String>)> {
    let mut name = cursor.any_word()?;
    if cursor.accept_token(&Token::Period) {
        let of = std::mem::replace(&mut name, cursor.any_word()?);
        if of != "toast" {
            return Err(invalid(format!(
                "unrecognized parameter namespace \"{of}\""
            )));
        }
        name = format!("toast.{name}");
    }
    let value = match cursor.accept_token(&Token::Eq) {
        true => Some(value(cursor)?),
        false => None,
    };
    Ok((name, value))
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
