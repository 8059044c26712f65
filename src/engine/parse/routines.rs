//! Statements about functions and procedures.

use sqlparser::ast::DataType;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::cursor::Cursor;
use super::{roles, session};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Parallel, ParameterMode, Volatility};
use crate::engine::command::Command;
use crate::engine::routine_definition::{
    AlterRoutine, BodyDefinition, CreateRoutine, ParameterDefinition, ReturnsClause, RoutineAction,
    RoutineKind, RoutineOption, RoutineSpec,
};

/// Parameters of one function, as in PostgreSQL.
const PARAMETERS_MAX: usize = 100;

/// `FUNCTION`, `PROCEDURE` or `ROUTINE`, if it comes next.
pub(super) fn kind(cursor: &mut Cursor) -> Option<RoutineKind> {
    [
        RoutineKind::Function,
        RoutineKind::Procedure,
        RoutineKind::Routine,
    ]
    .into_iter()
    .find(|kind| cursor.accept(kind.keyword()))
}

/// `CREATE [OR REPLACE] FUNCTION`, after OR REPLACE.
pub(super) fn create(cursor: &mut Cursor, or_replace: bool) -> Result<Command> {
    let procedure = kind(cursor) == Some(RoutineKind::Procedure);
    let name = cursor.object_name()?;
    let mut parameters = parameters(cursor)?;
    let returns = if !procedure && cursor.accept("RETURNS") {
        Some(returns(cursor, &mut parameters)?)
    } else {
        None
    };
    if parameters.len() > PARAMETERS_MAX {
        return Err(Error::new(
            SqlState::TOO_MANY_ARGUMENTS,
            format!("functions cannot have more than {PARAMETERS_MAX} arguments"),
        ));
    }
    let mut create = CreateRoutine {
        procedure,
        name,
        or_replace,
        parameters,
        returns,
        language: None,
        body: BodyDefinition::Text(String::new()),
        options: Vec::new(),
    };
    let mut has_body = false;
    while !cursor.at_end() {
        let position = cursor.position();
        if cursor.accept("LANGUAGE") {
            once(create.language.is_some(), position)?;
            create.language = Some(match cursor.sees_string() {
                true => cursor.string()?.to_lowercase(),
                false => cursor.any_word()?,
            });
        } else if cursor.accept("AS") {
            once(has_body, position)?;
            has_body = true;
            create.body = BodyDefinition::Text(cursor.string()?);
            if cursor.accept_token(&Token::Comma) {
                return Err(Error::unsupported("a function in an object file"));
            }
        } else if cursor.accept("RETURN") {
            once(has_body, position)?;
            has_body = true;
            let start = cursor.position();
            cursor.expression()?;
            create.body = BodyDefinition::Return(cursor.text_since(start));
        } else if cursor.accept("BEGIN ATOMIC") {
            once(has_body, position)?;
            has_body = true;
            create.body = BodyDefinition::Atomic(atomic(cursor)?);
        } else if matches!(
            cursor.word().as_deref(),
            Some("WINDOW" | "TRANSFORM" | "SUPPORT")
        ) {
            let word = cursor.word().unwrap_or_default();
            return Err(Error::unsupported(format!("CREATE FUNCTION … {word}")));
        } else {
            let option = option(cursor, true)?;
            once(
                create.options.iter().any(|other| same(other, &option)),
                position,
            )?;
            create.options.push(option);
        }
    }
    if !has_body {
        return Err(Error::new(
            SqlState::INVALID_FUNCTION_DEFINITION,
            "no function body specified",
        ));
    }
    Ok(Command::CreateRoutine(Box::new(create)))
}

/// `DO`: a body and its language, in either order.
pub(super) fn inline(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("DO")?;
    let (mut body, mut language) = (None, None);
    loop {
        let position = cursor.position();
        if cursor.accept("LANGUAGE") {
            once(language.is_some(), position)?;
            language = Some(match cursor.sees_string() {
                true => cursor.string()?.to_lowercase(),
                false => cursor.any_word()?,
            });
        } else if cursor.sees_string() {
            once(body.is_some(), position)?;
            body = Some(cursor.string()?);
        } else {
            break;
        }
    }
    if body.is_none() && !cursor.at_end() {
        return Err(cursor.syntax_error());
    }
    let body =
        body.ok_or_else(|| Error::new(SqlState::SYNTAX_ERROR, "no inline code specified"))?;
    Ok(Command::Do {
        body,
        language: language.unwrap_or_else(|| "plpgsql".to_owned()),
    })
}

/// The statements of `BEGIN ATOMIC`, up to its END.
fn atomic(cursor: &mut Cursor) -> Result<String> {
    let start = cursor.position();
    let mut depth = 1usize;
    let mut text = String::new();
    while depth > 0 {
        if cursor.at_end() {
            return Err(cursor.syntax_error());
        }
        match cursor.word().as_deref() {
            Some("CASE") => depth += 1,
            Some("END") => depth -= 1,
            _ => {}
        }
        if depth > 0 {
            cursor.skip();
            text = cursor.text_since(start);
        }
    }
    cursor.expect("END")?;
    Ok(text)
}

fn once(again: bool, position: usize) -> Result<()> {
    if again {
        return Err(
            Error::new(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(position),
        );
    }
    Ok(())
}

/// Whether two options are about the same attribute. SET may be said of several settings.
fn same(a: &RoutineOption, b: &RoutineOption) -> bool {
    !matches!(a, RoutineOption::Set(..) | RoutineOption::Reset(_))
        && std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// `(parameter, …)`
fn parameters(cursor: &mut Cursor) -> Result<Vec<ParameterDefinition>> {
    cursor.expect_token(&Token::LParen)?;
    if cursor.accept_token(&Token::RParen) {
        return Ok(Vec::new());
    }
    let list = cursor.list(|cursor| parameter(cursor, true))?;
    cursor.expect_token(&Token::RParen)?;
    Ok(list)
}

fn mode(cursor: &mut Cursor) -> Option<ParameterMode> {
    // A type or name may be called so too; then something else follows than a name.
    let ends = [Token::Comma, Token::RParen];
    if ends.iter().any(|sign| cursor.sees_after_word(sign)) {
        return None;
    }
    if cursor.accept("IN") {
        return Some(match cursor.accept("OUT") {
            true => ParameterMode::InOut,
            false => ParameterMode::In,
        });
    }
    [
        ("OUT", ParameterMode::Out),
        ("INOUT", ParameterMode::InOut),
        ("VARIADIC", ParameterMode::Variadic),
    ]
    .into_iter()
    .find_map(|(word, mode)| cursor.accept(word).then_some(mode))
}

/// Types of more than one word, by their first two.
const TWO_WORDS: &[(&str, &[&str])] = &[
    ("DOUBLE", &["PRECISION"]),
    ("CHARACTER", &["VARYING"]),
    ("CHAR", &["VARYING"]),
    ("BIT", &["VARYING"]),
    ("NATIONAL", &["CHARACTER", "CHAR"]),
    ("TIMESTAMP", &["WITH", "WITHOUT"]),
    ("TIME", &["WITH", "WITHOUT"]),
    (
        "INTERVAL",
        &["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"],
    ),
];

/// The modifier, which no client can write, of a name that is not a type's but a column's.
pub const TYPE_OF: &str = "\0%TYPE";

/// Whether a name comes next, and then a type.
fn names_first(cursor: &Cursor) -> bool {
    let signs = [
        Token::Comma,
        Token::RParen,
        Token::LParen,
        Token::LBracket,
        Token::Eq,
        Token::Period,
        Token::Mod,
        Token::EOF,
    ];
    if signs.iter().any(|sign| cursor.sees_after_word(sign)) {
        return false;
    }
    if cursor.sees_quoted_word() {
        return !matches!(cursor.second_word().as_deref(), Some("DEFAULT" | "ORDER"));
    }
    let (first, second) = (cursor.word(), cursor.second_word());
    let ends = matches!(second.as_deref(), Some("DEFAULT" | "ORDER"));
    if ends || first.as_deref() == Some("SETOF") {
        return false;
    }
    let (first, second) = (first.unwrap_or_default(), second.unwrap_or_default());
    !TWO_WORDS
        .iter()
        .any(|(a, b)| *a == first && b.contains(&second.as_str()))
}

/// A parameter; of aggregates, none has a default.
pub(super) fn parameter(cursor: &mut Cursor, defaults: bool) -> Result<ParameterDefinition> {
    let mut given = mode(cursor);
    let name = match names_first(cursor) {
        true => parameter_name(cursor)?,
        false => String::new(),
    };
    if given.is_none() {
        given = mode(cursor);
    }
    let set = cursor.accept("SETOF");
    let ty = data_type(cursor)?;
    let default = if defaults && (cursor.accept("DEFAULT") || cursor.accept_token(&Token::Eq)) {
        let start = cursor.position();
        cursor.expression()?;
        Some(cursor.text_since(start))
    } else {
        None
    };
    Ok(ParameterDefinition {
        name,
        mode: given.unwrap_or(ParameterMode::In),
        ty,
        set,
        default,
    })
}

/// The name of a parameter: many words may be one that may not be other names.
fn parameter_name(cursor: &mut Cursor) -> Result<String> {
    let word = cursor.any_word()?;
    Ok(crate::base::name::truncate(&word).to_owned())
}

/// A type, or that of a column: `table.column%TYPE`, whose name stands in the place of a type's.
fn data_type(cursor: &mut Cursor) -> Result<DataType> {
    let ty = cursor.data_type()?;
    if !cursor.sees(&Token::Mod) {
        return Ok(ty);
    }
    match ty {
        DataType::Custom(name, modifiers)
            if name.0.len() > 1
                && modifiers.is_empty()
                && cursor.second_word().as_deref() == Some("TYPE") =>
        {
            cursor.skip();
            cursor.skip();
            Ok(DataType::Custom(name, vec![TYPE_OF.to_owned()]))
        }
        _ => Err(cursor.syntax_error()),
    }
}

fn returns(
    cursor: &mut Cursor,
    parameters: &mut Vec<ParameterDefinition>,
) -> Result<ReturnsClause> {
    if cursor.accept("TABLE") {
        let columns = cursor.parenthesised(|cursor| {
            Ok(ParameterDefinition {
                name: parameter_name(cursor)?,
                mode: ParameterMode::Table,
                ty: data_type(cursor)?,
                set: false,
                default: None,
            })
        })?;
        let outputs =
            |p: &ParameterDefinition| matches!(p.mode, ParameterMode::Out | ParameterMode::InOut);
        if parameters.iter().any(outputs) {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "OUT and INOUT arguments aren't allowed in TABLE functions",
            ));
        }
        parameters.extend(columns);
        return Ok(ReturnsClause::Table);
    }
    let set = cursor.accept("SETOF");
    Ok(ReturnsClause::Type {
        ty: data_type(cursor)?,
        set,
    })
}

/// What PARALLEL says.
pub(super) fn parallel(word: &str) -> Result<Parallel> {
    Ok(match word {
        "safe" => Parallel::Safe,
        "restricted" => Parallel::Restricted,
        "unsafe" => Parallel::Unsafe,
        _ => {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "parameter \"parallel\" must be SAFE, RESTRICTED, or UNSAFE",
            ));
        }
    })
}

/// One attribute.
fn option(cursor: &mut Cursor, creating: bool) -> Result<RoutineOption> {
    for (words, option) in [
        (
            "IMMUTABLE",
            RoutineOption::Volatility(Volatility::Immutable),
        ),
        ("STABLE", RoutineOption::Volatility(Volatility::Stable)),
        ("VOLATILE", RoutineOption::Volatility(Volatility::Volatile)),
        ("STRICT", RoutineOption::Strict(true)),
        ("RETURNS NULL ON NULL INPUT", RoutineOption::Strict(true)),
        ("CALLED ON NULL INPUT", RoutineOption::Strict(false)),
        (
            "EXTERNAL SECURITY DEFINER",
            RoutineOption::SecurityDefiner(true),
        ),
        (
            "EXTERNAL SECURITY INVOKER",
            RoutineOption::SecurityDefiner(false),
        ),
        ("SECURITY DEFINER", RoutineOption::SecurityDefiner(true)),
        ("SECURITY INVOKER", RoutineOption::SecurityDefiner(false)),
        ("NOT LEAKPROOF", RoutineOption::Leakproof(false)),
        ("LEAKPROOF", RoutineOption::Leakproof(true)),
    ] {
        if cursor.accept(words) {
            return Ok(option);
        }
    }
    if cursor.accept("PARALLEL") {
        return parallel(&cursor.any_word()?).map(RoutineOption::Parallel);
    }
    for (word, option) in [
        ("COST", RoutineOption::Cost as fn(f32) -> RoutineOption),
        ("ROWS", RoutineOption::Rows),
    ] {
        if cursor.accept(word) {
            let text = cursor.number()?;
            let number = text.parse::<f32>().ok().filter(|number| *number > 0.0);
            return number.map(option).ok_or_else(|| {
                Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("{word} must be positive"),
                )
            });
        }
    }
    if cursor.accept("SET") {
        let (name, value) = session::set_value(cursor)?;
        return Ok(RoutineOption::Set(name, value));
    }
    if !creating && cursor.accept("RESET") {
        return Ok(RoutineOption::Reset(match cursor.accept("ALL") {
            true => None,
            false => Some(session::setting_name(cursor)?),
        }));
    }
    if cursor.word().as_deref() == Some("SUPPORT") {
        return Err(Error::unsupported("SUPPORT of a function"));
    }
    Err(cursor.syntax_error())
}

/// `name [(types)]`
pub(super) fn spec(cursor: &mut Cursor, kind: RoutineKind) -> Result<RoutineSpec> {
    let name = cursor.object_name()?;
    let types = match cursor.sees(&Token::LParen) {
        true => Some(
            parameters(cursor)?
                .into_iter()
                .map(|parameter| (parameter.mode, parameter.ty))
                .collect(),
        ),
        false => None,
    };
    Ok(RoutineSpec { kind, name, types })
}

/// `ALTER FUNCTION`, after the kind.
pub(super) fn alter(cursor: &mut Cursor, kind: RoutineKind) -> Result<Command> {
    let routine = spec(cursor, kind)?;
    let action = if cursor.accept("RENAME TO") {
        RoutineAction::Rename(cursor.name()?)
    } else if cursor.accept("OWNER TO") {
        RoutineAction::OwnerTo(roles::role(cursor)?)
    } else if cursor.accept("SET SCHEMA") {
        RoutineAction::SetSchema(cursor.name()?)
    } else if cursor.accept("DEPENDS ON EXTENSION") || cursor.accept("NO DEPENDS ON EXTENSION") {
        return Err(Error::unsupported("DEPENDS ON EXTENSION"));
    } else {
        let mut options: Vec<RoutineOption> = Vec::new();
        loop {
            let position = cursor.position();
            let option = option(cursor, false)?;
            once(options.iter().any(|other| same(other, &option)), position)?;
            options.push(option);
            cursor.accept("RESTRICT");
            if cursor.at_end() {
                break;
            }
        }
        RoutineAction::Options(options)
    };
    Ok(Command::AlterRoutine(Box::new(AlterRoutine {
        routine,
        action,
    })))
}

/// `DROP FUNCTION`, after the kind.
pub(super) fn drop(cursor: &mut Cursor, kind: RoutineKind) -> Result<Command> {
    let if_exists = cursor.if_exists();
    let routines = cursor.list(|cursor| spec(cursor, kind))?;
    Ok(Command::DropRoutines {
        routines,
        if_exists,
        cascade: cursor.cascade(),
    })
}

/// `CALL name(…)`
pub(super) fn call(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("CALL")?;
    let expression = cursor.expression()?;
    match expression {
        sqlparser::ast::Expr::Function(call) => Ok(Command::Call(Box::new(call))),
        _ => Err(cursor.syntax_error()),
    }
}

/// Whether a statement names functions rather than calls them.
pub(super) fn names_routine(tokens: &[TokenWithSpan]) -> bool {
    tokens.iter().take(5).any(|token| {
        matches!(&token.token, Token::Word(Word { value, quote_style: None, .. })
            if ["FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE"]
                .iter()
                .any(|word| value.eq_ignore_ascii_case(word)))
    })
}
