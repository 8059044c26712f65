//! What statements say of tables that stand under others: INHERITS, PARTITION BY, FOR VALUES.

use sqlparser::tokenizer::Token;

use super::constraints::parenthesised_text;
use super::cursor::Cursor;
use crate::base::{Error, Result, SqlState};
use crate::catalog::PartitionStrategy;
use crate::engine::command::{AlterAction, ObjectName};
use crate::engine::definition::{BoundClause, BoundDatum, PartitionClause};

/// `INHERITS (parent, …)`, if it comes next.
pub(super) fn inherits(cursor: &mut Cursor) -> Result<Vec<ObjectName>> {
    match cursor.accept("INHERITS") {
        true => cursor.parenthesised(Cursor::object_name),
        false => Ok(Vec::new()),
    }
}

/// `PARTITION BY …`, if it comes next.
pub(super) fn partition_by(cursor: &mut Cursor) -> Result<Option<PartitionClause>> {
    if !cursor.accept("PARTITION BY") {
        return Ok(None);
    }
    let position = cursor.position();
    let word = cursor.name()?;
    let strategy = match word.as_str() {
        "range" => PartitionStrategy::Range,
        "list" => PartitionStrategy::List,
        "hash" => PartitionStrategy::Hash,
        _ => {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("unrecognized partitioning strategy \"{word}\""),
            )
            .at(position));
        }
    };
    let parts = cursor.parenthesised(key_part)?;
    Ok(Some(PartitionClause { strategy, parts }))
}

/// A column, a call of a function, or an expression in parentheses.
fn key_part(cursor: &mut Cursor) -> Result<std::result::Result<String, String>> {
    let part = if cursor.sees(&Token::LParen) {
        Err(parenthesised_text(cursor)?)
    } else if let Some(call) = cursor.call_text()? {
        Err(call)
    } else {
        Ok(cursor.name()?)
    };
    if cursor.word().as_deref() == Some("COLLATE") {
        return Err(Error::unsupported("COLLATE in PARTITION BY"));
    }
    if !cursor.sees(&Token::Comma) && !cursor.sees(&Token::RParen) {
        let class = cursor.object_name()?;
        return Err(Error::unsupported(format!(
            "operator class {class} in PARTITION BY"
        )));
    }
    Ok(part)
}

/// `FOR VALUES …` or `DEFAULT`.
pub(super) fn bound(cursor: &mut Cursor) -> Result<BoundClause> {
    if cursor.accept("DEFAULT") {
        return Ok(BoundClause::Default);
    }
    cursor.expect("FOR VALUES")?;
    if cursor.accept("IN") {
        return Ok(BoundClause::List(cursor.parenthesised(expression)?));
    }
    if cursor.accept("FROM") {
        let from = cursor.parenthesised(datum)?;
        cursor.expect("TO")?;
        let to = cursor.parenthesised(datum)?;
        return Ok(BoundClause::Range { from, to });
    }
    cursor.expect("WITH")?;
    let (mut modulus, mut remainder) = (None, None);
    cursor.parenthesised(|cursor| {
        let position = cursor.position();
        let word = cursor.any_word()?;
        let place = match word.as_str() {
            "modulus" => &mut modulus,
            "remainder" => &mut remainder,
            _ => {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!("unrecognized hash partition bound specification \"{word}\""),
                )
                .at(position));
            }
        };
        if place.is_some() {
            return Err(Error::new(
                SqlState::DUPLICATE_OBJECT,
                format!("{word} for hash partition provided more than once"),
            )
            .at(position));
        }
        let number = cursor.number()?;
        *place = Some(number.parse::<i32>().map_err(|_| cursor.syntax_error())?);
        Ok(())
    })?;
    let missing = |what: &str| {
        Error::new(
            SqlState::SYNTAX_ERROR,
            format!("{what} for hash partition must be specified"),
        )
    };
    Ok(BoundClause::Hash {
        modulus: modulus.ok_or_else(|| missing("modulus"))?,
        remainder: remainder.ok_or_else(|| missing("remainder"))?,
    })
}

fn expression(cursor: &mut Cursor) -> Result<String> {
    let start = cursor.position();
    cursor.expression()?;
    Ok(cursor.text_since(start))
}

fn datum(cursor: &mut Cursor) -> Result<BoundDatum> {
    let ends =
        |cursor: &Cursor| cursor.follows_word(&Token::Comma) || cursor.follows_word(&Token::RParen);
    if ends(cursor) && cursor.accept("MINVALUE") {
        return Ok(BoundDatum::Min);
    }
    if ends(cursor) && cursor.accept("MAXVALUE") {
        return Ok(BoundDatum::Max);
    }
    expression(cursor).map(BoundDatum::Value)
}

/// What ALTER TABLE does to a table's place among others, if it comes next.
pub(super) fn alter_action(cursor: &mut Cursor) -> Result<Option<AlterAction>> {
    let action = if cursor.accept("INHERIT") {
        AlterAction::Inherit(cursor.object_name()?)
    } else if cursor.accept("NO INHERIT") {
        AlterAction::NoInherit(cursor.object_name()?)
    } else if cursor.accept("ATTACH PARTITION") {
        let partition = cursor.object_name()?;
        let bound = bound(cursor)?;
        AlterAction::Attach { partition, bound }
    } else if cursor.accept("DETACH PARTITION") {
        let partition = cursor.object_name()?;
        // Readers are never in the way, so nothing is left to be finalized.
        if cursor.word().as_deref() == Some("FINALIZE") {
            return Err(Error::unsupported("DETACH PARTITION … FINALIZE"));
        }
        if cursor.word().as_deref() == Some("CONCURRENTLY") {
            return Err(Error::unsupported("DETACH PARTITION … CONCURRENTLY"));
        }
        AlterAction::Detach(partition)
    } else {
        return Ok(None);
    };
    Ok(Some(action))
}
