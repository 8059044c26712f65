//! Statements about the session: settings, transactions, channels, prepared statements.

use sqlparser::ast;
use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::nested;
use super::types::written;
use crate::base::limits::NOTIFY_PAYLOAD_BYTES_MAX;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{Command, Discard, IsolationLevel, SetValue, TransactionModes};
use crate::types::PgType;
use crate::types::text::{PLAIN, TextColumn, UNNAMED, parse_value};

// -- settings

/// SET
pub(super) fn set(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("SET")?;
    if cursor.accept("SESSION CHARACTERISTICS AS TRANSACTION") {
        return Ok(Command::SetSessionCharacteristics(modes(cursor, true)?));
    }
    let local = cursor.accept("LOCAL");
    // SESSION is the default, but `SET SESSION AUTHORIZATION` is a thing of its own.
    if cursor.accept("SESSION AUTHORIZATION") || cursor.accept("SESSION SESSION AUTHORIZATION") {
        let role = if cursor.accept("DEFAULT") {
            None
        } else {
            Some(role_text(cursor)?)
        };
        return Ok(Command::SetSessionAuthorization { local, role });
    }
    if !local {
        cursor.accept("SESSION");
    }
    if cursor.accept("TRANSACTION") {
        if cursor.word().as_deref() == Some("SNAPSHOT") {
            return Err(Error::unsupported("SET TRANSACTION SNAPSHOT"));
        }
        return Ok(Command::SetTransaction(modes(cursor, true)?));
    }
    if !local && cursor.accept("CONSTRAINTS") {
        let names = match cursor.accept("ALL") {
            true => None,
            false => Some(cursor.list(Cursor::object_name)?),
        };
        let deferred = cursor.accept("DEFERRED");
        if !deferred {
            cursor.expect("IMMEDIATE")?;
        }
        return Ok(Command::SetConstraints { names, deferred });
    }
    if cursor.word().as_deref() == Some("ROLE") && !cursor.sees_after_word(&Token::Eq) {
        cursor.expect("ROLE")?;
        let role = if cursor.accept("NONE") {
            None
        } else {
            Some(role_text(cursor)?)
        };
        return Ok(Command::SetRole { local, role });
    }
    let (name, value) = set_value(cursor)?;
    Ok(Command::Set { local, name, value })
}

/// A role's name as SET ROLE takes it: a name or a string.
fn role_text(cursor: &mut Cursor) -> Result<String> {
    if cursor.sees_string() {
        cursor.string()
    } else {
        cursor.name()
    }
}

/// What follows INTERVAL where it says a time zone, as the setting is then written.
fn zone_interval(cursor: &mut Cursor) -> Result<String> {
    let mut ty = PgType::INTERVAL;
    if cursor.accept_token(&Token::LParen) {
        // More digits of a second than count.
        value(cursor)?;
        cursor.expect_token(&Token::RParen)?;
    }
    let text = cursor.string()?;
    for (fields, mask) in [("HOUR TO MINUTE", 0x0c00), ("HOUR", 0x0400)] {
        if cursor.accept(fields) {
            ty = ty.with_typmod(mask << 16 | 0xffff);
            break;
        }
    }
    let field = cursor.word();
    if let Some("YEAR" | "MONTH" | "DAY" | "HOUR" | "MINUTE" | "SECOND" | "TO") = field.as_deref() {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "time zone interval must be HOUR or HOUR TO MINUTE",
        ));
    }
    let interval = parse_value(&text, ty, PLAIN, 0)?;
    let mut written = Vec::new();
    TextColumn::new(interval.as_ref(), ty, PLAIN, UNNAMED)?.write(0, &mut written)?;
    Ok(format!("INTERVAL '{}'", String::from_utf8_lossy(&written)))
}

/// `name = value, …` in its many spellings.
pub(super) fn set_value(cursor: &mut Cursor) -> Result<(String, SetValue)> {
    if cursor.accept("TIME ZONE") {
        let value = if cursor.accept("INTERVAL") {
            SetValue::Values(vec![zone_interval(cursor)?])
        } else if cursor.accept("LOCAL") || cursor.accept("DEFAULT") {
            SetValue::Default
        } else {
            SetValue::Values(vec![value(cursor)?])
        };
        return Ok(("timezone".to_owned(), value));
    }
    if cursor.accept("NAMES") {
        let value = if cursor.at_end() || cursor.accept("DEFAULT") {
            SetValue::Default
        } else {
            SetValue::Values(vec![value(cursor)?])
        };
        return Ok(("client_encoding".to_owned(), value));
    }
    if cursor.accept("SCHEMA") {
        return Ok((
            "search_path".to_owned(),
            SetValue::Values(vec![cursor.string()?]),
        ));
    }
    if cursor.word().as_deref() == Some("ROLE")
        && !cursor.sees_after_word(&Token::Eq)
        && !matches!(cursor.second_word().as_deref(), Some("TO" | "FROM"))
    {
        cursor.expect("ROLE")?;
        let role = role_text(cursor)?;
        return Ok(("role".to_owned(), SetValue::Values(vec![role])));
    }
    let name = setting_name(cursor)?;
    if cursor.accept("FROM CURRENT") {
        return Ok((name, SetValue::Current));
    }
    if !cursor.accept_token(&Token::Eq) {
        cursor.expect("TO")?;
    }
    let value = if cursor.accept("DEFAULT") {
        SetValue::Default
    } else {
        SetValue::Values(cursor.list(value)?)
    };
    Ok((name, value))
}

/// One value: a word, a string or a number.
pub(super) fn value(cursor: &mut Cursor) -> Result<String> {
    if cursor.sees_string() {
        cursor.string()
    } else if cursor.word().is_some() || cursor.sees_quoted_word() {
        cursor.any_word()
    } else {
        cursor.number()
    }
}

/// A setting's name, lower-cased; dots make custom settings.
pub(super) fn setting_name(cursor: &mut Cursor) -> Result<String> {
    let mut name = cursor.any_word()?.to_lowercase();
    while cursor.accept_token(&Token::Period) {
        name.push('.');
        name.push_str(&cursor.any_word()?.to_lowercase());
    }
    Ok(name)
}

/// RESET
pub(super) fn reset(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("RESET")?;
    Ok(if cursor.accept("ALL") {
        Command::Reset(None)
    } else if cursor.accept("SESSION AUTHORIZATION") {
        Command::SetSessionAuthorization {
            local: false,
            role: None,
        }
    } else if cursor.accept("TIME ZONE") {
        Command::Reset(Some("timezone".to_owned()))
    } else if cursor.accept("TRANSACTION ISOLATION LEVEL") {
        Command::Reset(Some("transaction_isolation".to_owned()))
    } else {
        Command::Reset(Some(setting_name(cursor)?))
    })
}

/// SHOW
pub(super) fn show(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("SHOW")?;
    Ok(Command::Show(if cursor.accept("ALL") {
        None
    } else if cursor.accept("TIME ZONE") {
        Some("timezone".to_owned())
    } else if cursor.accept("TRANSACTION ISOLATION LEVEL") {
        Some("transaction_isolation".to_owned())
    } else if cursor.accept("SESSION AUTHORIZATION") {
        Some("session_authorization".to_owned())
    } else {
        Some(setting_name(cursor)?)
    }))
}

/// DISCARD
pub(super) fn discard(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("DISCARD")?;
    for (word, what) in [
        ("ALL", Discard::All),
        ("PLANS", Discard::Plans),
        ("SEQUENCES", Discard::Sequences),
        ("TEMPORARY", Discard::Temp),
        ("TEMP", Discard::Temp),
    ] {
        if cursor.accept(word) {
            return Ok(Command::Discard(what));
        }
    }
    Err(cursor.syntax_error())
}

// -- transactions

/// BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, LOCK and their synonyms.
pub(super) fn transaction(cursor: &mut Cursor) -> Result<Command> {
    if cursor.accept("START TRANSACTION") {
        return Ok(Command::Begin(modes(cursor, false)?));
    }
    if cursor.accept("BEGIN") {
        work(cursor);
        return Ok(Command::Begin(modes(cursor, false)?));
    }
    if cursor.accept("COMMIT") || cursor.accept("END") {
        if cursor.accept("PREPARED") {
            let (commit, name) = (true, cursor.string()?);
            return Ok(Command::EndPrepared { commit, name });
        }
        work(cursor);
        return Ok(Command::Commit {
            chain: chain(cursor),
        });
    }
    if cursor.accept("SAVEPOINT") {
        return Ok(Command::Savepoint(cursor.name()?));
    }
    if cursor.accept("RELEASE") {
        cursor.accept("SAVEPOINT");
        return Ok(Command::Release(cursor.name()?));
    }
    if cursor.accept("LOCK") {
        return lock(cursor);
    }
    if !cursor.accept("ABORT") {
        cursor.expect("ROLLBACK")?;
        if cursor.accept("PREPARED") {
            let (commit, name) = (false, cursor.string()?);
            return Ok(Command::EndPrepared { commit, name });
        }
    }
    work(cursor);
    if cursor.accept("TO") {
        cursor.accept("SAVEPOINT");
        return Ok(Command::RollbackTo(cursor.name()?));
    }
    Ok(Command::Rollback {
        chain: chain(cursor),
    })
}

fn work(cursor: &mut Cursor) {
    if !cursor.accept("WORK") {
        cursor.accept("TRANSACTION");
    }
}

fn chain(cursor: &mut Cursor) -> bool {
    !cursor.accept("AND NO CHAIN") && cursor.accept("AND CHAIN")
}

/// Transaction modes, with or without commas.
fn modes(cursor: &mut Cursor, required: bool) -> Result<TransactionModes> {
    let mut modes = TransactionModes::default();
    if !required && cursor.at_end() {
        return Ok(modes);
    }
    loop {
        if cursor.accept("ISOLATION LEVEL") {
            modes.isolation = Some(if cursor.accept("READ UNCOMMITTED") {
                IsolationLevel::ReadUncommitted
            } else if cursor.accept("READ COMMITTED") {
                IsolationLevel::ReadCommitted
            } else if cursor.accept("REPEATABLE READ") {
                IsolationLevel::RepeatableRead
            } else {
                cursor.expect("SERIALIZABLE")?;
                IsolationLevel::Serializable
            });
        } else if cursor.accept("READ ONLY") {
            modes.read_only = Some(true);
        } else if cursor.accept("READ WRITE") {
            modes.read_only = Some(false);
        } else if cursor.accept("NOT DEFERRABLE") {
            modes.deferrable = Some(false);
        } else {
            cursor.expect("DEFERRABLE")?;
            modes.deferrable = Some(true);
        }
        if !cursor.accept_token(&Token::Comma) && cursor.at_end() {
            return Ok(modes);
        }
    }
}

fn lock(cursor: &mut Cursor) -> Result<Command> {
    cursor.accept("TABLE");
    let names = cursor.list(Cursor::table_name)?;
    let mut mode = "ACCESS EXCLUSIVE";
    if cursor.accept("IN") {
        mode = [
            "ACCESS SHARE",
            "ROW SHARE",
            "ROW EXCLUSIVE",
            "SHARE UPDATE EXCLUSIVE",
            "SHARE ROW EXCLUSIVE",
            "SHARE",
            "EXCLUSIVE",
            "ACCESS EXCLUSIVE",
        ]
        .into_iter()
        .find(|mode| cursor.accept(mode))
        .ok_or_else(|| cursor.syntax_error())?;
        cursor.expect("MODE")?;
    }
    Ok(Command::Lock {
        names,
        mode: mode.to_owned(),
        nowait: cursor.accept("NOWAIT"),
    })
}

// -- channels

/// LISTEN, UNLISTEN, NOTIFY
pub(super) fn notification(cursor: &mut Cursor) -> Result<Command> {
    if cursor.accept("LISTEN") {
        return cursor.name().map(Command::Listen);
    }
    if cursor.accept("UNLISTEN") {
        return Ok(Command::Unlisten(if cursor.accept_token(&Token::Mul) {
            None
        } else {
            Some(cursor.name()?)
        }));
    }
    cursor.expect("NOTIFY")?;
    let channel = cursor.name()?;
    let payload = if cursor.accept_token(&Token::Comma) {
        cursor.string()?
    } else {
        String::new()
    };
    if payload.len() > NOTIFY_PAYLOAD_BYTES_MAX {
        return Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "payload string too long",
        ));
    }
    Ok(Command::Notify { channel, payload })
}

// -- prepared statements

/// PREPARE, EXECUTE, DEALLOCATE
pub(super) fn prepared(cursor: &mut Cursor) -> Result<Command> {
    if cursor.accept("DEALLOCATE") {
        cursor.accept("PREPARE");
        return Ok(Command::Deallocate(if cursor.accept("ALL") {
            None
        } else {
            Some(cursor.name()?)
        }));
    }
    if cursor.accept("EXECUTE") {
        let (name, arguments) = executed(cursor)?;
        return Ok(Command::Execute { name, arguments });
    }
    cursor.expect("PREPARE")?;
    if cursor.accept("TRANSACTION") {
        cursor.string()?;
        return Ok(Command::PrepareTransaction);
    }
    let name = cursor.name()?;
    let types = if cursor.sees(&Token::LParen) {
        cursor.parenthesised(written)?
    } else {
        Vec::new()
    };
    cursor.expect("AS")?;
    Ok(Command::Prepare {
        name,
        types,
        statement: nested(cursor, "PREPARE")?,
    })
}

/// A prepared statement by its name, with its arguments.
pub(super) fn executed(cursor: &mut Cursor) -> Result<(String, Vec<ast::Expr>)> {
    let name = cursor.name()?;
    let arguments = match cursor.sees(&Token::LParen) {
        true => cursor.parenthesised(Cursor::expression)?,
        false => Vec::new(),
    };
    Ok((name, arguments))
}
