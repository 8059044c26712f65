//! Statements about objects that users cannot make: DROP, and CREATE EXTENSION.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use crate::base::Result;
use crate::engine::command::{BuiltInKind, BuiltInName, Command, DropBuiltIn, ObjectName};

/// DROP of such objects, from their kind on; `None` if it is of another kind.
pub(super) fn drop(cursor: &mut Cursor) -> Result<Option<Command>> {
    cursor.accept("PROCEDURAL");
    let mut kinds = BuiltInKind::ALL.into_iter();
    let Some(kind) = kinds.find(|kind| cursor.accept(kind.words())) else {
        return Ok(None);
    };
    let if_exists = cursor.if_exists();
    let objects = match kind {
        BuiltInKind::Rule => {
            let name = plain(cursor)?;
            cursor.expect("ON")?;
            vec![BuiltInName {
                name,
                of: Some(cursor.object_name()?),
            }]
        }
        BuiltInKind::OperatorClass | BuiltInKind::OperatorFamily => {
            let name = cursor.object_name()?;
            cursor.expect("USING")?;
            vec![BuiltInName {
                name,
                of: Some(plain(cursor)?),
            }]
        }
        // One at a time.
        BuiltInKind::Database | BuiltInKind::Subscription | BuiltInKind::Tablespace => {
            vec![of_nothing(cursor, kind)?]
        }
        _ => cursor.list(|cursor| of_nothing(cursor, kind))?,
    };
    match kind {
        BuiltInKind::Database => {
            let with = cursor.accept("WITH");
            if with || cursor.sees(&Token::LParen) {
                cursor.parenthesised(|cursor| cursor.expect("FORCE"))?;
            }
        }
        BuiltInKind::Tablespace => {}
        _ => {
            cursor.cascade();
        }
    }
    Ok(Some(Command::DropBuiltIn(DropBuiltIn {
        kind,
        objects,
        if_exists,
    })))
}

fn of_nothing(cursor: &mut Cursor, kind: BuiltInKind) -> Result<BuiltInName> {
    let name = match kind.has_schema() {
        true => cursor.object_name()?,
        false => plain(cursor)?,
    };
    Ok(BuiltInName { name, of: None })
}

/// A name that no schema qualifies.
fn plain(cursor: &mut Cursor) -> Result<ObjectName> {
    let name = cursor.name()?;
    Ok(ObjectName { schema: None, name })
}

/// CREATE EXTENSION
pub(super) fn create_extension(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("EXTENSION")?;
    let if_not_exists = cursor.if_not_exists();
    let name = cursor.name()?;
    cursor.accept("WITH");
    // What there may be is there already: where and how it was made cannot be said any more.
    loop {
        if cursor.accept("SCHEMA") {
            cursor.name()?;
        } else if cursor.accept("VERSION") {
            match cursor.sees_string() {
                true => cursor.string()?,
                false => cursor.name()?,
            };
        } else if !cursor.accept("CASCADE") {
            break;
        }
    }
    Ok(Command::CreateExtension {
        name,
        if_not_exists,
    })
}
