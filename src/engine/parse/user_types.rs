//! CREATE TYPE and ALTER TYPE.

use sqlparser::tokenizer::Token;

use super::TypeName;
use super::cursor::Cursor;
use super::roles;
use super::types::{bare, written};
use crate::base::limits::NAME_BYTES_MAX;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{
    AlterType, AttributeAction, Command, CreateType, NewRange, NewType, ObjectName, TypeAction,
};
use crate::types::enums::Place;

/// CREATE TYPE
pub(super) fn create(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("TYPE")?;
    let name = cursor.object_name()?;
    if cursor.accept("AS ENUM") {
        let kind = NewType::Enum(cursor.parenthesised_or_none(label)?);
        return Ok(Command::CreateType(CreateType { name, kind }));
    }
    if cursor.accept("AS RANGE") {
        let kind = NewType::Range(Box::new(range(cursor)?));
        return Ok(Command::CreateType(CreateType { name, kind }));
    }
    if cursor.accept("AS") {
        let kind = NewType::Composite(cursor.parenthesised_or_none(field)?);
        return Ok(Command::CreateType(CreateType { name, kind }));
    }
    Err(Error::unsupported("CREATE TYPE without AS"))
}

/// `(subtype = …, …)`
fn range(cursor: &mut Cursor) -> Result<NewRange> {
    let mut range = NewRange::default();
    let mut seen: Vec<String> = Vec::new();
    cursor.parenthesised(|cursor| {
        let position = cursor.position();
        let option = cursor.any_word()?;
        if seen.contains(&option) {
            let twice = Error::new(SqlState::SYNTAX_ERROR, "conflicting or redundant options");
            return Err(twice.at(position));
        }
        let valued = cursor.accept_token(&Token::Eq);
        let place = match option.as_str() {
            "subtype" if valued => {
                range.subtype = Some(match cursor.sees_string() {
                    true => bare(&cursor.string()?)?,
                    false => written(cursor)?,
                });
                seen.push(option);
                return Ok(());
            }
            "subtype" => return Err(requires_parameter(&option)),
            "subtype_opclass" => &mut range.operator_class,
            "collation" => &mut range.collation,
            "canonical" => &mut range.canonical,
            "subtype_diff" => &mut range.subtype_diff,
            "multirange_type_name" => &mut range.multirange,
            _ => {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!("type attribute \"{option}\" not recognized"),
                ));
            }
        };
        if !valued {
            return Err(requires_parameter(&option));
        }
        *place = Some(match cursor.sees_string() {
            true => ObjectName {
                schema: None,
                name: cursor.string()?,
            },
            false => cursor.object_name()?,
        });
        seen.push(option);
        Ok(())
    })?;
    Ok(range)
}

fn requires_parameter(option: &str) -> Error {
    Error::new(
        SqlState::SYNTAX_ERROR,
        format!("{option} requires a parameter"),
    )
}

/// `name type`
fn field(cursor: &mut Cursor) -> Result<(String, TypeName)> {
    let name = cursor.name()?;
    let ty = written(cursor)?;
    if cursor.word().as_deref() == Some("COLLATE") {
        return Err(Error::unsupported("COLLATE of a field of a type"));
    }
    Ok((name, ty))
}

/// ADD, DROP, ALTER ATTRIBUTE; `None` if it is none of them.
fn attribute(cursor: &mut Cursor) -> Result<Option<AttributeAction>> {
    let action = if cursor.accept("ADD ATTRIBUTE") {
        let (name, ty) = field(cursor)?;
        AttributeAction::Add(name, ty)
    } else if cursor.accept("DROP ATTRIBUTE") {
        let if_exists = cursor.if_exists();
        let name = cursor.name()?;
        AttributeAction::Drop { name, if_exists }
    } else if cursor.accept("ALTER ATTRIBUTE") {
        let name = cursor.name()?;
        cursor.accept("SET DATA");
        cursor.expect("TYPE")?;
        let ty = written(cursor)?;
        if cursor.word().as_deref() == Some("COLLATE") {
            return Err(Error::unsupported("COLLATE of a field of a type"));
        }
        AttributeAction::SetType(name, ty)
    } else {
        return Ok(None);
    };
    // Nothing depends on a field.
    cursor.cascade();
    Ok(Some(action))
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
    } else if cursor.accept("RENAME ATTRIBUTE") {
        let from = cursor.name()?;
        cursor.expect("TO")?;
        let to = cursor.name()?;
        cursor.cascade();
        TypeAction::RenameAttribute { from, to }
    } else {
        let mut actions = Vec::new();
        while let Some(action) = attribute(cursor)? {
            actions.push(action);
            if !cursor.accept_token(&Token::Comma) {
                break;
            }
        }
        if actions.is_empty() {
            return Err(match cursor.word().as_deref() {
                Some("SET") => Error::unsupported("ALTER TYPE … SET (…)"),
                _ => cursor.syntax_error(),
            });
        }
        TypeAction::Attributes(actions)
    };
    Ok(Command::AlterType(AlterType { name, action }))
}
