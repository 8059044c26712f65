//! RAISE, and the names of errors.

use sqlparser::tokenizer::Token;

use super::conditions;
use super::reader::Reader;
use crate::base::error::Level;
use crate::base::{Error, Result, SqlState};
use crate::engine::plpgsql::{Action, Raise, RaiseOption, Raised};

/// What ends an expression of RAISE.
const ENDS: [Token; 1] = [Token::SemiColon];

/// After RAISE.
pub(super) fn raise(reader: &mut Reader) -> Result<Action> {
    let levels = [
        ("DEBUG", Some(Level::Debug)),
        ("LOG", Some(Level::Log)),
        ("INFO", Some(Level::Info)),
        ("NOTICE", Some(Level::Notice)),
        ("WARNING", Some(Level::Warning)),
        ("EXCEPTION", None),
    ];
    let named = levels.iter().find(|(word, _)| reader.accept(word));
    let level = named.and_then(|(_, level)| *level);
    if named.is_none() && reader.accept_token(&Token::SemiColon) {
        return Ok(Action::Raise(Box::new(Raise {
            level: None,
            what: None,
            options: Vec::new(),
        })));
    }
    let what = if let Some(format) = reader.string() {
        let mut values = Vec::new();
        while reader.accept_token(&Token::Comma) {
            let ends = [Token::Comma, Token::SemiColon];
            values.push(reader.expression(&["USING"], &ends)?);
        }
        let places = places(&format);
        if values.len() != places {
            let which = if values.len() < places { "few" } else { "many" };
            let message = format!("too {which} parameters specified for RAISE");
            return Err(reader.wrong_here(message));
        }
        Raised::Format(format, values)
    } else if reader.accept("SQLSTATE") {
        let state = state(reader)?;
        Raised::Condition(state, state.code().to_owned())
    } else if reader.word(0).as_deref() == Some("USING") {
        Raised::Options
    } else {
        let name = reader.name()?;
        let state = conditions::named(&name).first().copied();
        Raised::Condition(state.ok_or_else(|| unrecognized(&name))?, name)
    };
    let mut options = Vec::new();
    if reader.accept("USING") {
        loop {
            let option = option(reader)?;
            if !reader.accept_token(&Token::Assignment) {
                reader.expect_token(&Token::Eq)?;
            }
            let ends = [Token::Comma, Token::SemiColon];
            options.push((option, reader.expression(&[], &ends)?));
            if !reader.accept_token(&Token::Comma) {
                break;
            }
        }
    }
    reader.expect_token(&ENDS[0])?;
    Ok(Action::Raise(Box::new(Raise {
        level,
        what: Some(what),
        options,
    })))
}

/// How many values a format takes.
fn places(format: &str) -> usize {
    format.replace("%%", "").matches('%').count()
}

fn option(reader: &mut Reader) -> Result<RaiseOption> {
    let options = [
        ("ERRCODE", RaiseOption::State),
        ("MESSAGE", RaiseOption::Message),
        ("DETAIL", RaiseOption::Detail),
        ("HINT", RaiseOption::Hint),
        ("COLUMN", RaiseOption::Column),
        ("CONSTRAINT", RaiseOption::Constraint),
        ("DATATYPE", RaiseOption::DataType),
        ("TABLE", RaiseOption::Table),
        ("SCHEMA", RaiseOption::Schema),
    ];
    let found = options.into_iter().find(|(word, _)| reader.accept(word));
    match found {
        Some((_, option)) => Ok(option),
        None => Err(reader.wrong("unrecognized RAISE statement option")),
    }
}

/// The code after SQLSTATE.
pub(super) fn state(reader: &mut Reader) -> Result<SqlState> {
    let code = reader.string().ok_or_else(|| reader.syntax_error())?;
    SqlState::of(&code).ok_or_else(|| reader.wrong("invalid SQLSTATE code"))
}

/// `42704` for a name that no error has.
pub(super) fn unrecognized(name: &str) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("unrecognized exception condition \"{name}\""),
    )
    .without_position()
}

/// What a text says that USING ERRCODE gives.
///
/// # Errors
/// `42704` if it is neither a code nor a name.
pub fn condition(text: &str) -> Result<SqlState> {
    let named = || conditions::named(text).first().copied();
    SqlState::of(text)
        .or_else(named)
        .ok_or_else(|| unrecognized(text))
}
