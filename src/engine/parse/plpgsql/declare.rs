//! DECLARE.

use sqlparser::tokenizer::Token;

use super::cursors;
use super::reader::Reader;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::ObjectName;
use crate::engine::parse::cursor::Cursor;
use crate::engine::parse::{single, types};
use crate::engine::plpgsql::{Declaration, Declared, VariableType};

/// `name [CONSTANT] type [COLLATE …] [NOT NULL] [:= | = | DEFAULT value];`, `name ALIAS FOR other;`
pub(super) fn declaration(reader: &mut Reader) -> Result<Declaration> {
    let line = reader.line();
    let name = reader.name()?;
    if reader.accept("ALIAS FOR") {
        let declared = Declared::Alias(reader.names()?);
        reader.semicolon()?;
        return Ok(Declaration {
            name,
            line,
            declared,
        });
    }
    let constant = reader.accept("CONSTANT");
    if let Some(declared) = cursors::declared(reader)? {
        return Ok(Declaration {
            name,
            line,
            declared,
        });
    }
    let ends = [Token::Assignment, Token::Eq, Token::SemiColon];
    let end = reader
        .find(&["NOT", "DEFAULT", "COLLATE"], &ends)
        .ok_or_else(|| reader.wrong("incomplete data type declaration"))?;
    let ty = variable_type(reader, end)?;
    if reader.accept("COLLATE") {
        return Err(Error::unsupported("COLLATE of a variable"));
    }
    let not_null = reader.accept("NOT NULL");
    let assigned = reader.accept_token(&Token::Assignment)
        || reader.accept_token(&Token::Eq)
        || reader.accept("DEFAULT");
    let default = match assigned {
        true => Some(reader.last_expression()?),
        false => {
            reader.semicolon()?;
            None
        }
    };
    if not_null && default.is_none() {
        return Err(Error::new(
            SqlState::NULL_VALUE_NOT_ALLOWED,
            format!("variable \"{name}\" must have a default value, since it's declared NOT NULL"),
        )
        .without_position());
    }
    Ok(Declaration {
        name,
        line,
        declared: Declared::Variable {
            ty,
            constant,
            not_null,
            default,
        },
    })
}

/// The type that the tokens up to `end` are.
pub(super) fn variable_type(reader: &mut Reader, end: usize) -> Result<VariableType> {
    let start = reader.position();
    if end == start {
        return Err(reader.wrong("missing data type declaration"));
    }
    if reader.name_ahead(0).is_some() {
        let names = reader.names()?;
        if reader.accept_token(&Token::Mod) {
            let what = reader.word(0);
            reader.skip();
            if reader.position() != end {
                return Err(reader.syntax_error());
            }
            return match (what.as_deref(), names.as_slice()) {
                (Some("TYPE"), _) => Ok(VariableType::Like(names)),
                (Some("ROWTYPE"), [name]) => Ok(VariableType::Row(ObjectName {
                    schema: None,
                    name: name.clone(),
                })),
                (Some("ROWTYPE"), [schema, name]) => Ok(VariableType::Row(ObjectName {
                    schema: Some(schema.clone()),
                    name: name.clone(),
                })),
                _ => Err(reader.syntax_error()),
            };
        }
        if reader.position() == end && names == ["record"] {
            return Ok(VariableType::Record);
        }
        if reader.position() == end && names == ["refcursor"] {
            return Ok(VariableType::Cursor);
        }
    }
    let text = reader.text(start, end);
    let mut cursor = Cursor::new(single(&text)?);
    let ty = types::written_column_type(&mut cursor).map_err(Error::without_position)?;
    cursor.end().map_err(Error::without_position)?;
    reader.go_to(end);
    Ok(VariableType::Named(Box::new(ty)))
}
