//! Storage parameters, `WITH (fillfactor = 70)`: how PostgreSQL lays out pages and cleans them.
//!
//! There are no pages here, so they change nothing; they are read as PostgreSQL reads them and
//! kept, and whoever sets one is told.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Parameters, Tuned, check_parameter, is_true};

/// `WITH (name [= value], …)` or `WITHOUT OIDS`, if it comes next.
///
/// # Errors
/// `22023` no such parameter, or a value out of bounds.
pub(super) fn of_table(cursor: &mut Cursor) -> Result<Parameters> {
    if cursor.accept("WITHOUT OIDS") {
        return Ok(Vec::new());
    }
    let mut parameters = with(cursor, |name, value| match name {
        "oids" => match is_true(value) {
            true => Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "tables declared WITH OIDS are not supported",
            )),
            false => Ok(()),
        },
        _ => check_parameter(Tuned::Table, name, value),
    })?;
    parameters.retain(|(name, _)| name != "oids");
    Ok(parameters)
}

/// `TABLESPACE name`, if it comes next. There is one for what is in a database.
///
/// # Errors
/// `42704` no such tablespace; `22023` for that of what databases share.
pub(super) fn tablespace(cursor: &mut Cursor) -> Result<bool> {
    if !cursor.accept("TABLESPACE") {
        return Ok(false);
    }
    match cursor.name()?.as_str() {
        "pg_default" => Ok(true),
        "pg_global" => Err(invalid(
            "only shared relations can be placed in pg_global tablespace".to_owned(),
        )),
        name => Err(Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("tablespace \"{name}\" does not exist"),
        )),
    }
}

/// `USING name` of a table, if it comes next: there is one access method for tables.
///
/// # Errors
/// As [`check_access_method`].
pub(super) fn access_method(cursor: &mut Cursor) -> Result<()> {
    match cursor.accept("USING") {
        true => check_access_method(&cursor.name()?),
        false => Ok(()),
    }
}

/// That rows of tables can be reached so: PostgreSQL's default.
///
/// # Errors
/// `42704` no such access method; `55000` for one of indexes.
pub(super) fn check_access_method(name: &str) -> Result<()> {
    match name {
        "heap" => Ok(()),
        "brin" | "btree" | "gin" | "gist" | "hash" | "spgist" => Err(Error::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("access method \"{name}\" is not of type TABLE"),
        )),
        _ => Err(Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("access method \"{name}\" does not exist"),
        )),
    }
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
