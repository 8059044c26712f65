//! COMMENT ON.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::objects::{kind, name_of};
use super::ownership::large_object;
use super::{aggregates, casts, operators, routines};
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{Command, CommentTarget, ObjectName};

/// COMMENT ON
pub(super) fn comment(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("COMMENT ON")?;
    let word = cursor.word().ok_or_else(|| cursor.syntax_error())?;
    let on = if cursor.accept("COLUMN") {
        let position = cursor.position();
        let mut parts = vec![cursor.name()?];
        while cursor.accept_token(&Token::Period) {
            parts.push(cursor.name()?);
        }
        let column = parts.pop().unwrap_or_default();
        let relation = match (parts.pop(), parts.pop()) {
            (Some(name), schema) => ObjectName { schema, name },
            (None, _) => {
                return Err(
                    Error::new(SqlState::SYNTAX_ERROR, "column name must be qualified")
                        .at(position),
                );
            }
        };
        CommentTarget::Column { relation, column }
    } else if cursor.accept("CONSTRAINT") {
        let name = cursor.name()?;
        cursor.expect("ON")?;
        match cursor.accept("DOMAIN") {
            true => CommentTarget::DomainConstraint {
                name,
                domain: cursor.object_name()?,
            },
            false => CommentTarget::Constraint {
                name,
                table: cursor.object_name()?,
            },
        }
    } else if cursor.accept("POLICY") {
        let name = cursor.name()?;
        cursor.expect("ON")?;
        let table = cursor.object_name()?;
        CommentTarget::Policy { name, table }
    } else if cursor.accept("TRIGGER") {
        let name = cursor.name()?;
        cursor.expect("ON")?;
        let table = cursor.object_name()?;
        CommentTarget::Trigger { name, table }
    } else if cursor.accept("OPERATOR") {
        if matches!(cursor.word().as_deref(), Some("CLASS" | "FAMILY")) {
            let word = cursor.word().unwrap_or_default();
            return Err(Error::unsupported(format!("COMMENT ON OPERATOR {word}")));
        }
        CommentTarget::Operator(Box::new(operators::spec(cursor)?))
    } else if cursor.accept("STATISTICS") {
        CommentTarget::Statistics(cursor.object_name()?)
    } else if cursor.accept("CAST") {
        CommentTarget::Cast(Box::new(casts::spec(cursor)?))
    } else if cursor.accept("AGGREGATE") {
        CommentTarget::Routine(aggregates::spec(cursor)?)
    } else if let Some(kind) = routines::kind(cursor) {
        CommentTarget::Routine(routines::spec(cursor, kind)?)
    } else if cursor.accept("LARGE OBJECT") {
        CommentTarget::LargeObject(large_object(cursor)?)
    } else if cursor.accept("ROLE") {
        CommentTarget::Role(cursor.name()?)
    } else if let Some(kind) = kind(cursor) {
        CommentTarget::Object(kind, name_of(cursor, kind)?)
    } else {
        return Err(Error::unsupported(format!("COMMENT ON {word}")));
    };
    cursor.expect("IS")?;
    let text = if cursor.accept("NULL") {
        None
    } else {
        // PostgreSQL removes the comment when it is empty.
        Some(cursor.string()?).filter(|text| !text.is_empty())
    };
    Ok(Command::Comment { on, text })
}
