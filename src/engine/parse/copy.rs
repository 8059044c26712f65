//! COPY, with its options in both syntaxes.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::session::value;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{Command, Copy, CopyDirection, CopyOptionValue, CopySource};

/// COPY
pub(super) fn copy(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("COPY")?;
    let mut options = Vec::new();
    // COPY BINARY t, as it was before PostgreSQL 7.3.
    if cursor.accept("BINARY") {
        options.push((
            "format".to_owned(),
            CopyOptionValue::Text("binary".to_owned()),
        ));
    }
    let source = if cursor.accept_token(&Token::LParen) {
        let source = match super::command(cursor)? {
            Command::Query(query) => CopySource::Query(query),
            Command::Dml(dml) => CopySource::Dml(dml),
            Command::CreateTableAs(_) => {
                return Err(Error::unsupported("COPY (SELECT INTO)"));
            }
            _ => return Err(cursor.syntax_error()),
        };
        cursor.expect_token(&Token::RParen)?;
        source
    } else {
        let name = cursor.object_name()?;
        let columns = if cursor.sees(&Token::LParen) {
            cursor.parenthesised(Cursor::name)?
        } else {
            Vec::new()
        };
        CopySource::Table { name, columns }
    };
    let is_query = !matches!(source, CopySource::Table { .. });
    let direction = if cursor.accept("TO") {
        CopyDirection::To
    } else if is_query {
        return Err(cursor.syntax_error());
    } else {
        cursor.expect("FROM")?;
        CopyDirection::From
    };
    let file = if cursor.accept("STDIN") || cursor.accept("STDOUT") {
        // As in PostgreSQL, either word stands for the client.
        None
    } else if cursor.sees_string() {
        Some(cursor.string()?)
    } else if cursor.word().as_deref() == Some("PROGRAM") {
        return Err(Error::unsupported("COPY … PROGRAM")
            .hint("Use COPY FROM STDIN or TO STDOUT, and run the program on the client's side."));
    } else {
        return Err(cursor.syntax_error());
    };
    if !is_query && (cursor.accept("USING DELIMITERS") || cursor.accept("DELIMITERS")) {
        let delimiter = CopyOptionValue::Text(cursor.string()?);
        options.push(("delimiter".to_owned(), delimiter));
    }
    cursor.accept("WITH");
    if cursor.sees(&Token::LParen) {
        options.extend(cursor.parenthesised(option)?);
    } else {
        legacy_options(cursor, &mut options)?;
    }
    let condition = if !is_query && cursor.word().as_deref() == Some("WHERE") {
        if direction == CopyDirection::To {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "WHERE clause not allowed with COPY TO",
            )
            .at(cursor.position()));
        }
        cursor.expect("WHERE")?;
        Some(Box::new(cursor.expression()?))
    } else {
        None
    };
    Ok(Command::Copy(Copy {
        source,
        direction,
        file,
        options,
        condition,
    }))
}

/// One option in parentheses; EXPLAIN has the same.
pub(super) fn option(cursor: &mut Cursor) -> Result<(String, CopyOptionValue)> {
    let name = cursor.any_word()?.to_lowercase();
    let value = if cursor.sees(&Token::Comma) || cursor.sees(&Token::RParen) {
        CopyOptionValue::None
    } else if cursor.accept_token(&Token::Mul) {
        CopyOptionValue::All
    } else if cursor.sees(&Token::LParen) {
        CopyOptionValue::Columns(cursor.parenthesised(Cursor::name)?)
    } else {
        CopyOptionValue::Text(value(cursor)?)
    };
    Ok((name, value))
}

/// The option syntax before PostgreSQL 9.0, which clients still send.
fn legacy_options(cursor: &mut Cursor, options: &mut Vec<(String, CopyOptionValue)>) -> Result<()> {
    let text = |text: &str| CopyOptionValue::Text(text.to_owned());
    while !cursor.at_end() && cursor.word().as_deref() != Some("WHERE") {
        let option = if cursor.accept("BINARY") {
            ("format", text("binary"))
        } else if cursor.accept("CSV") {
            ("format", text("csv"))
        } else if cursor.accept("HEADER") {
            ("header", CopyOptionValue::None)
        } else if cursor.accept("FREEZE") {
            ("freeze", CopyOptionValue::None)
        } else if cursor.accept("DELIMITER") {
            cursor.accept("AS");
            ("delimiter", CopyOptionValue::Text(cursor.string()?))
        } else if cursor.accept("NULL") {
            cursor.accept("AS");
            ("null", CopyOptionValue::Text(cursor.string()?))
        } else if cursor.accept("QUOTE") {
            cursor.accept("AS");
            ("quote", CopyOptionValue::Text(cursor.string()?))
        } else if cursor.accept("ESCAPE") {
            cursor.accept("AS");
            ("escape", CopyOptionValue::Text(cursor.string()?))
        } else if cursor.accept("ENCODING") {
            ("encoding", CopyOptionValue::Text(cursor.string()?))
        } else if cursor.accept("FORCE NOT NULL") {
            (
                "force_not_null",
                CopyOptionValue::Columns(cursor.list(Cursor::name)?),
            )
        } else if cursor.accept("FORCE NULL") {
            (
                "force_null",
                CopyOptionValue::Columns(cursor.list(Cursor::name)?),
            )
        } else if cursor.accept("FORCE QUOTE") {
            let value = if cursor.accept_token(&Token::Mul) {
                CopyOptionValue::All
            } else {
                CopyOptionValue::Columns(cursor.list(Cursor::name)?)
            };
            ("force_quote", value)
        } else {
            return Err(cursor.syntax_error());
        };
        options.push((option.0.to_owned(), option.1));
    }
    Ok(())
}
