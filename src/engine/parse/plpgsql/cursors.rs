//! Cursors: their declarations, OPEN, FETCH, MOVE, CLOSE.

use sqlparser::tokenizer::Token;

use super::declare::variable_type;
use super::reader::Reader;
use super::steps::{statement, targets, using};
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{Command, Direction, Scroll};
use crate::engine::parse::parse;
use crate::engine::plpgsql::{Action, CursorSource, Declared, Dynamic, Expression};

/// `[[NO] SCROLL] CURSOR [(argument type, …)] {FOR | IS} query;` of a variable, if it is one.
pub(super) fn declared(reader: &mut Reader) -> Result<Option<Declared>> {
    let start = reader.position();
    let scroll = scrolls(reader);
    if !reader.accept("CURSOR") {
        reader.go_to(start);
        return Ok(None);
    }
    let mut arguments = Vec::new();
    if reader.accept_token(&Token::LParen) {
        loop {
            let name = reader.name()?;
            let ends = [Token::Comma, Token::RParen];
            let end = reader.find(&[], &ends);
            let end = end.ok_or_else(|| reader.syntax_error_at_end())?;
            arguments.push((name, variable_type(reader, end)?));
            if !reader.accept_token(&Token::Comma) {
                break;
            }
        }
        reader.expect_token(&Token::RParen)?;
    }
    if !reader.accept("FOR") {
        reader.expect("IS")?;
    }
    let start = reader.position();
    let end = reader.find(&[], &[Token::SemiColon]);
    let end = end.ok_or_else(|| reader.syntax_error_at_end())?;
    let query = Box::new(statement(reader.text(start, end), reader)?);
    reader.go_to(end);
    reader.semicolon()?;
    Ok(Some(Declared::Cursor {
        scroll,
        arguments,
        query,
    }))
}

/// Whether it says NO SCROLL, or SCROLL.
fn scrolls(reader: &mut Reader) -> Scroll {
    if reader.accept("NO SCROLL") {
        Scroll::No
    } else if reader.accept("SCROLL") {
        Scroll::Yes
    } else {
        Scroll::Few
    }
}

/// After OPEN.
pub(super) fn open(reader: &mut Reader) -> Result<Action> {
    let cursor = reader.name()?;
    let start = reader.position();
    let scroll = scrolls(reader);
    if !reader.accept("FOR") {
        reader.go_to(start);
        let arguments = arguments(reader)?;
        reader.semicolon()?;
        let source = CursorSource::Declared(arguments);
        return Ok(Action::Open { cursor, source });
    }
    let source = if reader.accept("EXECUTE") {
        let text = reader.expression(&["USING"], &[Token::SemiColon])?;
        let using = using(reader, &[], &[Token::SemiColon])?;
        CursorSource::Dynamic(scroll, Dynamic { text, using })
    } else {
        let start = reader.position();
        let end = reader.find(&[], &[Token::SemiColon]);
        let end = end.ok_or_else(|| reader.syntax_error_at_end())?;
        let statement = statement(reader.text(start, end), reader)?;
        reader.go_to(end);
        CursorSource::Static(scroll, Box::new(statement))
    };
    reader.semicolon()?;
    Ok(Action::Open { cursor, source })
}

/// `(value, name := value, …)` behind a cursor's name; none without parentheses.
pub(super) fn arguments(reader: &mut Reader) -> Result<Vec<(Option<String>, Expression)>> {
    let mut found = Vec::new();
    if !reader.accept_token(&Token::LParen) {
        return Ok(found);
    }
    loop {
        let name = match reader.token(1) {
            Token::Assignment | Token::RArrow => {
                let name = reader.name()?;
                reader.skip();
                Some(name)
            }
            _ => None,
        };
        let ends = [Token::Comma, Token::RParen];
        found.push((name, reader.expression(&[], &ends)?));
        if !reader.accept_token(&Token::Comma) {
            break;
        }
    }
    reader.expect_token(&Token::RParen)?;
    Ok(found)
}

/// FETCH and MOVE.
pub(super) fn fetch(reader: &mut Reader) -> Result<Action> {
    let start = reader.position();
    let end = reader.find(&["INTO"], &[Token::SemiColon]);
    let end = end.ok_or_else(|| reader.syntax_error_at_end())?;
    let mut statements = parse(&reader.text(start, end)).map_err(Error::without_position)?;
    let Some(Command::Fetch {
        name,
        direction,
        skip,
    }) = statements.pop().map(|statement| statement.command)
    else {
        return Err(reader.syntax_error());
    };
    reader.go_to(end);
    let mut into = None;
    if reader.accept("INTO") {
        if skip {
            return Err(reader.syntax_error());
        }
        into = Some(targets(reader)?);
    }
    if into.is_none() && !skip {
        return Err(reader.syntax_error());
    }
    let one = matches!(
        direction,
        Direction::Forward(Some(1))
            | Direction::Backward(Some(1))
            | Direction::Absolute(_)
            | Direction::Relative(_)
    );
    if !one && !skip {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "FETCH statement cannot return multiple rows",
        )
        .without_position());
    }
    reader.semicolon()?;
    Ok(Action::Fetch {
        cursor: name,
        direction,
        into,
    })
}
