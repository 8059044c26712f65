//! Statements about operators.

use sqlparser::tokenizer::Token;

use super::aggregates::{any_operator, boolean, function, operator, skip_value, valued};
use super::cursor::Cursor;
use super::roles;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{Command, ObjectName};
use crate::engine::value_definition::{
    CreateOperator, Operand, OperatorAction, OperatorAttributes, OperatorSpec, OperatorStatement,
};

fn done(statement: OperatorStatement) -> Result<Command> {
    Ok(Command::Operator(Box::new(statement)))
}

/// The name of an operator; `!=` is another spelling of `<>`.
fn name(cursor: &mut Cursor) -> Result<ObjectName> {
    let mut name = any_operator(cursor)?;
    if name.name == "!=" {
        "<>".clone_into(&mut name.name);
    }
    Ok(name)
}

/// `CREATE OPERATOR`
pub(super) fn create(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("OPERATOR")?;
    if matches!(cursor.word().as_deref(), Some("CLASS" | "FAMILY")) {
        let word = cursor.word().unwrap_or_default();
        return Err(Error::unsupported(format!("CREATE OPERATOR {word}")));
    }
    let name = name(cursor)?;
    let mut create = CreateOperator::default();
    cursor.parenthesised(|cursor| {
        let word = cursor.any_word()?;
        if !attribute(cursor, &word, &mut create.attributes)? {
            skip_value(cursor)?;
            create.unknown.push(word);
        }
        match cursor.sees(&Token::Comma) || cursor.sees(&Token::RParen) {
            true => Ok(()),
            false => Err(cursor.syntax_error()),
        }
    })?;
    done(OperatorStatement::Create(name, Box::new(create)))
}

/// Reads the value of an attribute; whether there is an attribute of the name.
fn attribute(cursor: &mut Cursor, name: &str, of: &mut OperatorAttributes) -> Result<bool> {
    match name {
        "leftarg" => of.left = Some(operand(cursor, name)?),
        "rightarg" => of.right = Some(operand(cursor, name)?),
        "function" | "procedure" => of.function = Some(function(cursor, name)?),
        "restrict" => of.restrict = Some(function(cursor, name)?),
        "join" => of.join = Some(function(cursor, name)?),
        "commutator" => {
            valued(cursor, name)?;
            of.commutator = Some(operator(cursor)?);
        }
        "negator" => {
            valued(cursor, name)?;
            of.negator = Some(operator(cursor)?);
        }
        "hashes" => of.hashes = boolean(cursor, name)?,
        "merges" => of.merges = boolean(cursor, name)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn operand(cursor: &mut Cursor, name: &str) -> Result<Operand> {
    valued(cursor, name)?;
    Ok(Operand {
        set: cursor.accept("SETOF"),
        ty: cursor.data_type()?,
    })
}

/// `name (left, right)`
pub(super) fn spec(cursor: &mut Cursor) -> Result<OperatorSpec> {
    let name = name(cursor)?;
    cursor.expect_token(&Token::LParen)?;
    let left = match cursor.accept("NONE") {
        true => None,
        false => Some(cursor.data_type()?),
    };
    let position = cursor.position();
    if cursor.sees(&Token::RParen) {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "missing argument")
            .at(position)
            .hint("Use NONE to denote the missing argument of a unary operator."));
    }
    cursor.expect_token(&Token::Comma)?;
    if cursor.accept("NONE") {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "postfix operators are not supported",
        ));
    }
    let right = cursor.data_type()?;
    cursor.expect_token(&Token::RParen)?;
    Ok(OperatorSpec { name, left, right })
}

/// `ALTER OPERATOR`
pub(super) fn alter(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("OPERATOR")?;
    if matches!(cursor.word().as_deref(), Some("CLASS" | "FAMILY")) {
        let word = cursor.word().unwrap_or_default();
        return Err(Error::unsupported(format!("ALTER OPERATOR {word}")));
    }
    let spec = spec(cursor)?;
    let action = if cursor.accept("OWNER TO") {
        OperatorAction::OwnerTo(roles::role(cursor)?)
    } else if cursor.accept("SET SCHEMA") {
        OperatorAction::SetSchema(cursor.name()?)
    } else {
        cursor.expect("SET")?;
        let (mut restrict, mut join) = (None, None);
        cursor.parenthesised(|cursor| {
            let word = cursor.any_word()?;
            let place = match word.as_str() {
                "restrict" => &mut restrict,
                "join" => &mut join,
                "leftarg" | "rightarg" | "function" | "procedure" | "commutator" | "negator"
                | "hashes" | "merges" => {
                    return Err(Error::new(
                        SqlState::SYNTAX_ERROR,
                        format!("operator attribute \"{word}\" cannot be changed"),
                    ));
                }
                _ => {
                    return Err(Error::new(
                        SqlState::SYNTAX_ERROR,
                        format!("operator attribute \"{word}\" not recognized"),
                    ));
                }
            };
            valued(cursor, &word)?;
            *place = Some(match cursor.accept("NONE") {
                true => None,
                false => Some(cursor.object_name()?),
            });
            Ok(())
        })?;
        OperatorAction::Set { restrict, join }
    };
    done(OperatorStatement::Alter(spec, action))
}

/// `DROP OPERATOR`
pub(super) fn drop(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("OPERATOR")?;
    if matches!(cursor.word().as_deref(), Some("CLASS" | "FAMILY")) {
        let word = cursor.word().unwrap_or_default();
        return Err(Error::unsupported(format!("DROP OPERATOR {word}")));
    }
    let if_exists = cursor.if_exists();
    let operators = cursor.list(spec)?;
    done(OperatorStatement::Drop {
        operators,
        if_exists,
        cascade: cursor.cascade(),
    })
}
