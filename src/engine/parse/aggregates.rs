//! Statements about aggregates.

use sqlparser::ast::DataType;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::grammar::GRAMMAR;
use super::lexed::is_sign;
use super::roles;
use super::routines::{parallel, parameter};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Modify, ParameterMode};
use crate::engine::aggregate_definition::{
    AggregateArguments, AggregateAttributes, BaseType, CreateAggregate, TransitionAttributes,
};
use crate::engine::command::{Command, ObjectName};
use crate::engine::routine_definition::{
    AlterRoutine, ParameterDefinition, RoutineAction, RoutineKind, RoutineSpec,
};

/// `CREATE [OR REPLACE] AGGREGATE`, after OR REPLACE.
pub(super) fn create(cursor: &mut Cursor, or_replace: bool) -> Result<Command> {
    cursor.expect("AGGREGATE")?;
    let name = cursor.object_name()?;
    let arguments = match is_old(cursor) {
        true => None,
        false => Some(arguments(cursor)?),
    };
    let mut attributes = AggregateAttributes::default();
    let mut unknown = Vec::new();
    cursor.parenthesised(|cursor| {
        let name = cursor.any_word()?;
        match attribute(cursor, &name, &mut attributes)? {
            true => {}
            false => {
                skip_value(cursor)?;
                unknown.push(name);
            }
        }
        match cursor.sees(&Token::Comma) || cursor.sees(&Token::RParen) {
            true => Ok(()),
            false => Err(cursor.syntax_error()),
        }
    })?;
    Ok(Command::CreateAggregate(Box::new(CreateAggregate {
        name,
        or_replace,
        arguments,
        attributes,
        unknown,
    })))
}

/// Whether the parenthesis that follows is of attributes already.
fn is_old(cursor: &Cursor) -> bool {
    let token = |ahead| &cursor.parser.peek_nth_token_ref(ahead).token;
    *token(0) == Token::LParen && matches!(token(1), Token::Word(_)) && *token(2) == Token::Eq
}

/// `(*)`, `(a, b)`, `(a ORDER BY b)`
fn arguments(cursor: &mut Cursor) -> Result<AggregateArguments> {
    cursor.expect_token(&Token::LParen)?;
    let mut arguments = AggregateArguments::default();
    if cursor.accept_token(&Token::Mul) {
        cursor.expect_token(&Token::RParen)?;
        return Ok(arguments);
    }
    if !sees_order(cursor) {
        arguments.direct = cursor.list(argument)?;
    }
    if cursor.accept("ORDER BY") {
        arguments.sorted = Some(cursor.list(argument)?);
    }
    cursor.expect_token(&Token::RParen)?;
    Ok(arguments)
}

fn sees_order(cursor: &Cursor) -> bool {
    cursor.word().as_deref() == Some("ORDER") && cursor.second_word().as_deref() == Some("BY")
}

fn argument(cursor: &mut Cursor) -> Result<ParameterDefinition> {
    let position = cursor.position();
    let argument = parameter(cursor, false)?;
    if !matches!(argument.mode, ParameterMode::In | ParameterMode::Variadic) {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "aggregates cannot have output arguments",
        )
        .at(position));
    }
    Ok(argument)
}

/// Reads the value of an attribute; whether there is an attribute of the name.
fn attribute(cursor: &mut Cursor, name: &str, of: &mut AggregateAttributes) -> Result<bool> {
    let (own, short) = match name.strip_prefix('m') {
        Some(short) if is_transition(short) => (&mut of.moving, short),
        Some(_) | None => (&mut of.plain, name),
    };
    if transition(cursor, name, short, own)? {
        return Ok(true);
    }
    match name {
        "minvfunc" => of.inverse = Some(function(cursor, name)?),
        "combinefunc" => of.combine = Some(function(cursor, name)?),
        "serialfunc" => of.serialize = Some(function(cursor, name)?),
        "deserialfunc" => of.deserialize = Some(function(cursor, name)?),
        "sortop" => {
            valued(cursor, name)?;
            of.sort_operator = Some(operator(cursor)?);
        }
        "parallel" => {
            valued(cursor, name)?;
            of.parallel = Some(parallel(&word(cursor)?)?);
        }
        "hypothetical" => of.hypothetical = boolean(cursor, name)?,
        "basetype" => {
            valued(cursor, name)?;
            let text = match cursor.sees_string() {
                true => Some(cursor.string()?),
                false => None,
            };
            let is_any = |text: &str| text.eq_ignore_ascii_case("any");
            of.base = Some(match text {
                Some(text) if is_any(&text) => BaseType::Any,
                Some(text) => BaseType::Of(quoted(&text)?),
                None if cursor.accept("ANY") => BaseType::Any,
                None => BaseType::Of(cursor.data_type()?),
            });
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The attributes of moving aggregates, without their `m`.
fn is_transition(short: &str) -> bool {
    matches!(
        short,
        "sfunc"
            | "stype"
            | "sspace"
            | "finalfunc"
            | "finalfunc_extra"
            | "finalfunc_modify"
            | "initcond"
    )
}

fn transition(
    cursor: &mut Cursor,
    name: &str,
    short: &str,
    of: &mut TransitionAttributes,
) -> Result<bool> {
    match short {
        "sfunc" | "sfunc1" => of.function = Some(function(cursor, name)?),
        "finalfunc" => of.finish = Some(function(cursor, name)?),
        "stype" | "stype1" => {
            valued(cursor, name)?;
            of.state = Some(match cursor.sees_string() {
                true => quoted(&cursor.string()?)?,
                false => cursor.data_type()?,
            });
        }
        "sspace" => {
            valued(cursor, name)?;
            let text = cursor.number().ok();
            let space = text.and_then(|text| text.parse().ok()).ok_or_else(|| {
                Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!("{name} requires an integer value"),
                )
            })?;
            of.space = Some(space);
        }
        "initcond" | "initcond1" => {
            valued(cursor, name)?;
            of.initial = Some(word(cursor)?);
        }
        "finalfunc_extra" => of.extra = boolean(cursor, name)?,
        "finalfunc_modify" => {
            valued(cursor, name)?;
            of.modify = Some(match word(cursor)?.as_str() {
                "read_only" => Modify::ReadOnly,
                "shareable" => Modify::Shareable,
                "read_write" => Modify::ReadWrite,
                _ => {
                    return Err(Error::new(
                        SqlState::SYNTAX_ERROR,
                        format!("parameter \"{name}\" must be READ_ONLY, SHAREABLE, or READ_WRITE"),
                    ));
                }
            });
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// `=` before the value of an attribute.
pub(super) fn valued(cursor: &mut Cursor, name: &str) -> Result<()> {
    match cursor.accept_token(&Token::Eq) {
        true => Ok(()),
        false => Err(Error::new(
            SqlState::SYNTAX_ERROR,
            format!("{name} requires a parameter"),
        )),
    }
}

/// The function an attribute names.
pub(super) fn function(cursor: &mut Cursor, name: &str) -> Result<ObjectName> {
    valued(cursor, name)?;
    match cursor.sees_string() {
        true => Ok(ObjectName {
            schema: None,
            name: cursor.string()?,
        }),
        false => cursor.object_name(),
    }
}

/// A string, number or word, as its text.
fn word(cursor: &mut Cursor) -> Result<String> {
    if cursor.sees_string() {
        return cursor.string();
    }
    match cursor.word().is_some() || cursor.sees_quoted_word() {
        true => cursor.any_word(),
        false => cursor.number(),
    }
}

/// The value of an attribute that may be said without one.
pub(super) fn boolean(cursor: &mut Cursor, name: &str) -> Result<bool> {
    if !cursor.accept_token(&Token::Eq) {
        return Ok(true);
    }
    match word(cursor)?.to_lowercase().as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(Error::new(
            SqlState::SYNTAX_ERROR,
            format!("{name} requires a Boolean value"),
        )),
    }
}

/// The type a string names.
fn quoted(text: &str) -> Result<DataType> {
    let read = Parser::new(&GRAMMAR)
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_data_type());
    read.map_err(|_| {
        Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("type \"{text}\" does not exist"),
        )
    })
}

/// `<`, `OPERATOR(schema.<)`
pub(super) fn operator(cursor: &mut Cursor) -> Result<ObjectName> {
    if cursor.accept("OPERATOR") {
        cursor.expect_token(&Token::LParen)?;
        let operator = any_operator(cursor)?;
        cursor.expect_token(&Token::RParen)?;
        return Ok(operator);
    }
    any_operator(cursor)
}

/// `schema.<`
pub(super) fn any_operator(cursor: &mut Cursor) -> Result<ObjectName> {
    let mut schema = None;
    if cursor.word().is_some() || cursor.sees_quoted_word() {
        schema = Some(cursor.name()?);
        cursor.expect_token(&Token::Period)?;
    }
    let name = cursor.parser.peek_token_ref().token.to_string();
    if name.is_empty() || !name.chars().all(is_sign) {
        return Err(cursor.syntax_error());
    }
    cursor.skip();
    Ok(ObjectName { schema, name })
}

/// Passes by the value of an attribute there is none of.
pub(super) fn skip_value(cursor: &mut Cursor) -> Result<()> {
    let mut depth = 0usize;
    loop {
        if cursor.at_end() {
            return Err(cursor.syntax_error());
        }
        match cursor.parser.peek_token_ref().token {
            Token::RParen | Token::Comma if depth == 0 => return Ok(()),
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        cursor.skip();
    }
}

/// `name (arguments)`
pub(super) fn spec(cursor: &mut Cursor) -> Result<RoutineSpec> {
    let name = cursor.object_name()?;
    let arguments = arguments(cursor)?;
    let all = arguments.direct.into_iter();
    let all = all.chain(arguments.sorted.unwrap_or_default());
    let types = all.map(|argument| (argument.mode, argument.ty)).collect();
    Ok(RoutineSpec {
        kind: RoutineKind::Aggregate,
        name,
        types: Some(types),
    })
}

/// `ALTER AGGREGATE`
pub(super) fn alter(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("AGGREGATE")?;
    let routine = spec(cursor)?;
    let action = if cursor.accept("RENAME TO") {
        RoutineAction::Rename(cursor.name()?)
    } else if cursor.accept("OWNER TO") {
        RoutineAction::OwnerTo(roles::role(cursor)?)
    } else {
        cursor.expect("SET SCHEMA")?;
        RoutineAction::SetSchema(cursor.name()?)
    };
    Ok(Command::AlterRoutine(Box::new(AlterRoutine {
        routine,
        action,
    })))
}

/// `DROP AGGREGATE`
pub(super) fn drop(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("AGGREGATE")?;
    let if_exists = cursor.if_exists();
    let routines = cursor.list(spec)?;
    Ok(Command::DropRoutines {
        routines,
        if_exists,
        cascade: cursor.cascade(),
    })
}
