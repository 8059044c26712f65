//! DECLARE, FETCH, MOVE, CLOSE.

use sqlparser::ast::{LockClause, LockType};
use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::nested;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{Command, Direction, DmlAction, Scroll};

/// DECLARE, FETCH, MOVE, CLOSE
pub(super) fn cursors(cursor: &mut Cursor) -> Result<Command> {
    if cursor.accept("CLOSE") {
        return Ok(Command::Close(if cursor.accept("ALL") {
            None
        } else {
            Some(cursor.name()?)
        }));
    }
    if cursor.accept("DECLARE") {
        return declare(cursor);
    }
    let skip = cursor.accept("MOVE");
    if !skip {
        cursor.expect("FETCH")?;
    }
    let direction = direction(cursor)?;
    if !cursor.accept("FROM") {
        cursor.accept("IN");
    }
    Ok(Command::Fetch {
        name: cursor.name()?,
        direction,
        skip,
    })
}

fn declare(cursor: &mut Cursor) -> Result<Command> {
    let name = cursor.name()?;
    let (mut binary, mut scroll, mut no_scroll) = (false, false, false);
    let (mut insensitive, mut asensitive) = (false, false);
    loop {
        if cursor.accept("BINARY") {
            binary = true;
        } else if cursor.accept("SCROLL") {
            scroll = true;
        } else if cursor.accept("NO SCROLL") {
            no_scroll = true;
        } else if cursor.accept("INSENSITIVE") {
            insensitive = true;
        } else if cursor.accept("ASENSITIVE") {
            asensitive = true;
        } else {
            break;
        }
    }
    cursor.expect("CURSOR")?;
    let hold = cursor.accept("WITH HOLD");
    if !hold {
        cursor.accept("WITHOUT HOLD");
    }
    cursor.expect("FOR")?;
    let parenthesis = cursor.sees(&Token::LParen);
    if !parenthesis
        && !matches!(
            cursor.word().as_deref(),
            Some("SELECT" | "VALUES" | "TABLE" | "WITH")
        )
    {
        return Err(cursor.syntax_error());
    }
    let query = nested(cursor, "DECLARE CURSOR FOR")?;
    match &query.command {
        Command::Query(query) => {
            if let Some(lock) = query.locks.first() {
                read_only(lock, scroll, insensitive, hold)?;
            }
        }
        Command::Dml(dml) if matches!(dml.action, DmlAction::Query(_)) => {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "DECLARE CURSOR must not contain data-modifying statements in WITH",
            ));
        }
        _ => {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "DECLARE CURSOR must specify a SELECT query",
            ));
        }
    }
    for (both, first, second) in [
        (scroll && no_scroll, "SCROLL", "NO SCROLL"),
        (asensitive && insensitive, "ASENSITIVE", "INSENSITIVE"),
    ] {
        if both {
            return Err(Error::new(
                SqlState::INVALID_CURSOR_DEFINITION,
                format!("cannot specify both {first} and {second}"),
            ));
        }
    }
    Ok(Command::Declare {
        name,
        binary,
        scroll: match (scroll, no_scroll) {
            (true, _) => Scroll::Yes,
            (false, true) => Scroll::No,
            (false, false) => Scroll::Few,
        },
        hold,
        query,
    })
}

/// `0A000` or `42P11` for a cursor that locks rows and can only read them.
fn read_only(lock: &LockClause, scroll: bool, insensitive: bool, hold: bool) -> Result<()> {
    let locks = match lock.lock_type {
        LockType::Update => "FOR UPDATE",
        LockType::Share => "FOR SHARE",
    };
    let (state, what, detail) = if hold {
        (
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("DECLARE CURSOR WITH HOLD ... {locks} is not supported"),
            "Holdable cursors must be READ ONLY.",
        )
    } else if scroll {
        (
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("DECLARE SCROLL CURSOR ... {locks} is not supported"),
            "Scrollable cursors must be READ ONLY.",
        )
    } else if insensitive {
        (
            SqlState::INVALID_CURSOR_DEFINITION,
            format!("DECLARE INSENSITIVE CURSOR ... {locks} is not valid"),
            "Insensitive cursors must be READ ONLY.",
        )
    } else {
        return Ok(());
    };
    Err(Error::new(state, what).detail(detail))
}

/// Which rows FETCH wants. A word of these is also a cursor's name, if nothing follows it.
fn direction(cursor: &mut Cursor) -> Result<Direction> {
    let word = cursor.word().filter(|_| !cursor.is_last());
    match word.as_deref() {
        Some("NEXT") => {
            cursor.accept("NEXT");
            Ok(Direction::Forward(Some(1)))
        }
        Some("PRIOR") => {
            cursor.accept("PRIOR");
            Ok(Direction::Backward(Some(1)))
        }
        Some("FIRST") => {
            cursor.accept("FIRST");
            Ok(Direction::Absolute(1))
        }
        Some("LAST") => {
            cursor.accept("LAST");
            Ok(Direction::Absolute(-1))
        }
        Some("ABSOLUTE") => {
            cursor.accept("ABSOLUTE");
            Ok(Direction::Absolute(count(cursor)?))
        }
        Some("RELATIVE") => {
            cursor.accept("RELATIVE");
            Ok(Direction::Relative(count(cursor)?))
        }
        Some("FORWARD") => {
            cursor.accept("FORWARD");
            Ok(along(many(cursor)?))
        }
        Some("BACKWARD") => {
            cursor.accept("BACKWARD");
            Ok(match many(cursor)? {
                Some(count) => along(Some(count.saturating_neg())),
                None => Direction::Backward(None),
            })
        }
        _ => Ok(along(many(cursor)?)),
    }
}

/// So many rows on, or back if the number is negative; `None` is ALL.
fn along(count: Option<i64>) -> Direction {
    match count {
        None => Direction::Forward(None),
        Some(count @ ..0) => Direction::Backward(Some(count.unsigned_abs())),
        Some(count) => Direction::Forward(Some(count.unsigned_abs())),
    }
}

/// `ALL` (`None`), a number, or nothing: one.
fn many(cursor: &mut Cursor) -> Result<Option<i64>> {
    if cursor.accept("ALL") {
        return Ok(None);
    }
    if cursor.word().is_none() && !cursor.at_end() && !cursor.sees_quoted_word() {
        return count(cursor).map(Some);
    }
    Ok(Some(1))
}

/// PostgreSQL's grammar has no larger numbers here than an int4.
fn count(cursor: &mut Cursor) -> Result<i64> {
    let too_large = cursor.syntax_error();
    let number = cursor.number()?.parse::<i32>();
    number.map(i64::from).map_err(|_| too_large)
}
