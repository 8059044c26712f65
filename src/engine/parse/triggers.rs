//! Triggers: CREATE, ALTER and DROP TRIGGER, and what ALTER TABLE says of them.

use sqlparser::tokenizer::Token;

use super::constraints::parenthesised_text;
use super::cursor::Cursor;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Enabled, Firing, Timing, TriggerEvent};
use crate::engine::command::{
    AlterAction, Command, Enabling, NewTrigger, TriggerAction, TriggerStatement,
};

/// CREATE TRIGGER
pub(super) fn create(cursor: &mut Cursor, or_replace: bool) -> Result<Command> {
    let is_constraint = cursor.accept("CONSTRAINT");
    cursor.expect("TRIGGER")?;
    if or_replace && is_constraint {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "CREATE OR REPLACE CONSTRAINT TRIGGER is not supported",
        ));
    }
    let name = cursor.name()?;
    let when = if !is_constraint && cursor.accept("BEFORE") {
        Firing::Before
    } else if !is_constraint && cursor.accept("INSTEAD OF") {
        Firing::Instead
    } else {
        cursor.expect("AFTER")?;
        Firing::After
    };
    let (mut events, mut columns) = (Vec::new(), Vec::new());
    loop {
        let event = if cursor.accept("INSERT") {
            TriggerEvent::Insert
        } else if cursor.accept("DELETE") {
            TriggerEvent::Delete
        } else if cursor.accept("TRUNCATE") {
            TriggerEvent::Truncate
        } else {
            cursor.expect("UPDATE")?;
            if cursor.accept("OF") {
                columns = cursor.list(Cursor::name)?;
            }
            TriggerEvent::Update
        };
        if events.contains(&event) {
            return Err(
                Error::new(SqlState::SYNTAX_ERROR, "duplicate trigger events specified")
                    .at(cursor.position()),
            );
        }
        events.push(event);
        if !cursor.accept("OR") {
            break;
        }
    }
    events.sort_unstable();
    cursor.expect("ON")?;
    let table = cursor.object_name()?;
    let mut from = None;
    let mut constraint = None;
    if is_constraint {
        if cursor.accept("FROM") {
            from = Some(cursor.object_name()?);
        }
        constraint = Some(timing(cursor)?);
    }
    let (mut old_table, mut new_table) = (None, None);
    if !is_constraint && cursor.accept("REFERENCING") {
        loop {
            let is_new = match cursor.accept("NEW") {
                true => true,
                false if cursor.accept("OLD") => false,
                false => break,
            };
            if !cursor.accept("TABLE") {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "ROW variable naming in the REFERENCING clause is not supported",
                )
                .hint("Use OLD TABLE or NEW TABLE for naming transition tables."));
            }
            cursor.accept("AS");
            let name = Some(cursor.name()?);
            let place = if is_new {
                &mut new_table
            } else {
                &mut old_table
            };
            if place.is_some() {
                let which = if is_new { "NEW" } else { "OLD" };
                return Err(Error::new(
                    SqlState::INVALID_OBJECT_DEFINITION,
                    format!("{which} TABLE cannot be specified multiple times"),
                ));
            }
            *place = name;
        }
    }
    let mut row = false;
    if is_constraint {
        cursor.expect("FOR EACH ROW")?;
        row = true;
    } else if cursor.accept("FOR") {
        cursor.accept("EACH");
        row = cursor.accept("ROW");
        if !row {
            cursor.expect("STATEMENT")?;
        }
    }
    let condition = match cursor.accept("WHEN") {
        true => Some(parenthesised_text(cursor)?),
        false => None,
    };
    cursor.expect("EXECUTE")?;
    if !cursor.accept("FUNCTION") {
        cursor.expect("PROCEDURE")?;
    }
    let function = cursor.object_name()?;
    let mut arguments = Vec::new();
    cursor.expect_token(&Token::LParen)?;
    if !cursor.accept_token(&Token::RParen) {
        arguments = cursor.list(argument)?;
        cursor.expect_token(&Token::RParen)?;
    }
    Ok(Command::Trigger(TriggerStatement {
        name,
        table,
        action: TriggerAction::Create(Box::new(NewTrigger {
            or_replace,
            when,
            events,
            columns,
            row,
            condition,
            old_table,
            new_table,
            function,
            arguments,
            constraint,
            from,
        })),
    }))
}

/// What a trigger's function is told: texts, numbers, and bare words for themselves.
fn argument(cursor: &mut Cursor) -> Result<String> {
    if cursor.sees_string() {
        return cursor.string();
    }
    match cursor.word() {
        Some(_) => cursor.name(),
        None => cursor.number(),
    }
}

/// `[NOT] DEFERRABLE`, `INITIALLY …`
fn timing(cursor: &mut Cursor) -> Result<Timing> {
    let (mut deferrable, mut deferred) = (None, None);
    loop {
        if cursor.accept("NOT DEFERRABLE") {
            deferrable = Some(false);
        } else if cursor.accept("DEFERRABLE") {
            deferrable = Some(true);
        } else if cursor.accept("INITIALLY DEFERRED") {
            deferred = Some(true);
        } else if cursor.accept("INITIALLY IMMEDIATE") {
            deferred = Some(false);
        } else {
            break;
        }
    }
    match (deferrable, deferred) {
        (Some(false), Some(true)) => Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "constraint declared INITIALLY DEFERRED must be DEFERRABLE",
        )
        .at(cursor.position())),
        (_, Some(true)) => Ok(Timing::Deferred),
        (Some(true), _) => Ok(Timing::Immediate),
        _ => Ok(Timing::NotDeferrable),
    }
}

/// ALTER TRIGGER
pub(super) fn alter(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("TRIGGER")?;
    let name = cursor.name()?;
    cursor.expect("ON")?;
    let table = cursor.object_name()?;
    if !cursor.accept("RENAME TO") {
        return Err(match cursor.word().as_deref() {
            Some("DEPENDS" | "NO") => Error::unsupported("ALTER TRIGGER … DEPENDS ON EXTENSION"),
            _ => cursor.syntax_error(),
        });
    }
    let action = TriggerAction::Rename(cursor.name()?);
    Ok(Command::Trigger(TriggerStatement {
        name,
        table,
        action,
    }))
}

/// DROP TRIGGER
pub(super) fn drop(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("TRIGGER")?;
    let if_exists = cursor.if_exists();
    let name = cursor.name()?;
    cursor.expect("ON")?;
    let table = cursor.object_name()?;
    // Nothing depends on a trigger.
    cursor.cascade();
    let action = TriggerAction::Drop { if_exists };
    Ok(Command::Trigger(TriggerStatement {
        name,
        table,
        action,
    }))
}

/// An action of ALTER TABLE, if one comes next.
pub(super) fn of_table(cursor: &mut Cursor) -> Result<Option<AlterAction>> {
    let found = [
        ("ENABLE TRIGGER", Enabled::Origin),
        ("DISABLE TRIGGER", Enabled::Disabled),
        ("ENABLE REPLICA TRIGGER", Enabled::Replica),
        ("ENABLE ALWAYS TRIGGER", Enabled::Always),
    ]
    .into_iter()
    .find_map(|(words, enabled)| cursor.accept(words).then_some(enabled));
    let Some(enabled) = found else {
        return Ok(None);
    };
    let every = matches!(enabled, Enabled::Origin | Enabled::Disabled);
    let all = every && cursor.accept("ALL");
    let trigger = match all || every && cursor.accept("USER") {
        true => None,
        false => Some(cursor.name()?),
    };
    Ok(Some(AlterAction::Enable(Enabling {
        enabled,
        trigger,
        all,
    })))
}
