//! CREATE TYPE and ALTER TYPE.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::roles;
use crate::base::limits::NAME_BYTES_MAX;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{AlterType, Command, CreateType, TypeAction};
use crate::types::enums::Place;

/// CREATE TYPE
pub(super) fn create(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("TYPE")?;
    let name = cursor.object_name()?;
    if cursor.accept("AS ENUM") {
        cursor.expect_token(&Token::LParen)?;
        let labels = if cursor.sees(&Token::RParen) {
            Vec::new()
        } else {
            cursor.list(label)?
        };
        cursor.expect_token(&Token::RParen)?;
        return Ok(Command::CreateType(CreateType { name, labels }));
    }
    Err(Error::unsupported(if cursor.accept("AS RANGE") {
        "CREATE TYPE … AS RANGE"
    } else if cursor.accept("AS") {
        "CREATE TYPE … AS (…)"
    } else {
        "CREATE TYPE without AS ENUM"
    }))
}

/// A label, which is no longer than a name.
fn label(cursor: &mut Cursor) -> Result<String> {
    let label = cursor.string()?;
    if label.len() > NAME_BYTES_MAX {
        return Err(Error::new(
            SqlState::INVALID_NAME,
            format!("invalid enum label \"{label}\""),
        )
        .detail(format!("Labels must be {NAME_BYTES_MAX} bytes or less.")));
    }
    Ok(label)
}

/// ALTER TYPE
pub(super) fn alter(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("TYPE")?;
    let name = cursor.object_name()?;
    let action = if cursor.accept("ADD VALUE") {
        let if_not_exists = cursor.if_not_exists();
        let value = label(cursor)?;
        let place = if cursor.accept("BEFORE") {
            Place::Before(cursor.string()?)
        } else if cursor.accept("AFTER") {
            Place::After(cursor.string()?)
        } else {
            Place::Last
        };
        TypeAction::AddValue {
            value,
            if_not_exists,
            place,
        }
    } else if cursor.accept("RENAME VALUE") {
        let from = cursor.string()?;
        cursor.expect("TO")?;
        TypeAction::RenameValue {
            from,
            to: label(cursor)?,
        }
    } else if cursor.accept("RENAME TO") {
        TypeAction::Rename(cursor.name()?)
    } else if cursor.accept("OWNER TO") {
        TypeAction::OwnerTo(roles::role(cursor)?)
    } else if cursor.accept("SET SCHEMA") {
        TypeAction::SetSchema(cursor.name()?)
    } else {
        return Err(match cursor.word().as_deref() {
            Some(word @ ("RENAME" | "ADD" | "DROP" | "ALTER" | "SET")) => {
                Error::unsupported(format!("ALTER TYPE … {word} ATTRIBUTE"))
            }
            _ => cursor.syntax_error(),
        });
    };
    Ok(Command::AlterType(AlterType { name, action }))
}
