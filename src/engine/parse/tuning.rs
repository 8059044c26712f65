//! What ALTER TABLE says of a table's storage, and REINDEX.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::storage;
use crate::base::{Error, Result, SqlState};
use crate::catalog::ParameterChanges;
use crate::engine::command::{Command, ObjectName, Reindex, ReplicaIdentityClause, Tune};

/// An action on the whole relation, if one comes next.
pub(super) fn of_relation(cursor: &mut Cursor) -> Result<Option<Tune>> {
    for (words, tune) in [
        ("SET LOGGED", Tune::Logged(true)),
        ("SET UNLOGGED", Tune::Logged(false)),
        ("SET WITHOUT CLUSTER", Tune::ClusterOn(None)),
        ("SET WITHOUT OIDS", Tune::Already("SET WITHOUT OIDS")),
    ] {
        if cursor.accept(words) {
            return Ok(Some(tune));
        }
    }
    if cursor.accept("SET ACCESS METHOD") {
        storage::check_access_method(&cursor.name()?)?;
        return Ok(Some(Tune::Already("SET ACCESS METHOD")));
    }
    if cursor.second_word().as_deref() == Some("TABLESPACE") && cursor.accept("SET") {
        storage::tablespace(cursor)?;
        return Ok(Some(Tune::Already("SET TABLESPACE")));
    }
    if cursor.accept("CLUSTER ON") {
        return Ok(Some(Tune::ClusterOn(Some(cursor.name()?))));
    }
    if cursor.accept("REPLICA IDENTITY") {
        let identity = if cursor.accept("USING INDEX") {
            ReplicaIdentityClause::Index(cursor.name()?)
        } else if cursor.accept("FULL") {
            ReplicaIdentityClause::Full
        } else if cursor.accept("NOTHING") {
            ReplicaIdentityClause::Nothing
        } else {
            cursor.expect("DEFAULT")?;
            ReplicaIdentityClause::Default
        };
        return Ok(Some(Tune::ReplicaIdentity(identity)));
    }
    let changes = changes(cursor)?;
    Ok(changes.map(Tune::Parameters))
}

/// An action on a column, if one comes next.
pub(super) fn of_column(cursor: &mut Cursor, column: &str) -> Result<Option<Tune>> {
    let column = column.to_owned();
    if cursor.accept("SET STATISTICS") {
        let position = cursor.position();
        let text = cursor.number()?;
        let target = text.parse().map_err(|_| {
            let near = format!("syntax error at or near \"{text}\"");
            Error::new(SqlState::SYNTAX_ERROR, near).at(position)
        })?;
        return Ok(Some(Tune::Statistics { column, target }));
    }
    if cursor.accept("SET STORAGE") {
        let storage = cursor.name()?;
        return Ok(Some(Tune::Storage { column, storage }));
    }
    if cursor.accept("SET COMPRESSION") {
        let method = cursor.any_word()?;
        return Ok(Some(Tune::Compression { column, method }));
    }
    let changes = changes(cursor)?;
    Ok(changes.map(|changes| Tune::ColumnParameters { column, changes }))
}

/// `SET (name = value, …)` or `RESET (name, …)`, if it comes next.
fn changes(cursor: &mut Cursor) -> Result<Option<ParameterChanges>> {
    let reset = match cursor.word().as_deref() {
        Some("SET") => false,
        Some("RESET") => true,
        _ => return Ok(None),
    };
    if !cursor.follows_word(&Token::LParen) {
        return Ok(None);
    }
    cursor.any_word()?;
    cursor
        .parenthesised(|cursor| {
            let (name, value) = storage::written(cursor)?;
            match (reset, value) {
                (true, None) => Ok((name, None)),
                (true, Some(_)) => Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    "RESET must not include values for parameters",
                )),
                (false, value) => Ok((name, Some(value.unwrap_or_else(|| "true".to_owned())))),
            }
        })
        .map(Some)
}

/// CLUSTER
pub(super) fn cluster(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("CLUSTER")?;
    if cursor.sees(&Token::LParen) {
        cursor.parenthesised(|cursor| {
            let name = cursor.any_word()?;
            if name != "verbose" {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!("unrecognized CLUSTER option \"{name}\""),
                ));
            }
            if cursor.word().is_some() {
                cursor.any_word()?;
            }
            Ok(())
        })?;
    } else {
        cursor.accept("VERBOSE");
    }
    if cursor.at_end() {
        return Ok(Command::Cluster(None));
    }
    let first = cursor.object_name()?;
    // The old way round: `CLUSTER index ON table`.
    if cursor.accept("ON") {
        let table = cursor.object_name()?;
        return Ok(Command::Cluster(Some((table, Some(first.name)))));
    }
    let index = cursor.accept("USING").then(|| cursor.name()).transpose()?;
    Ok(Command::Cluster(Some((first, index))))
}

/// REINDEX
pub(super) fn reindex(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("REINDEX")?;
    let mut concurrently = false;
    if cursor.sees(&Token::LParen) {
        cursor.parenthesised(|cursor| {
            let name = cursor.any_word()?;
            let on = match cursor.word().as_deref() {
                None => true,
                Some(word) => {
                    let on = !matches!(word, "FALSE" | "OFF");
                    cursor.any_word()?;
                    on
                }
            };
            match name.as_str() {
                "verbose" => {}
                "concurrently" => concurrently = on,
                "tablespace" => return Err(Error::unsupported("REINDEX (TABLESPACE)")),
                _ => {
                    return Err(Error::new(
                        SqlState::SYNTAX_ERROR,
                        format!("unrecognized REINDEX option \"{name}\""),
                    ));
                }
            }
            Ok(())
        })?;
    }
    let word = cursor.word().unwrap_or_default();
    if !matches!(
        word.as_str(),
        "INDEX" | "TABLE" | "SCHEMA" | "DATABASE" | "SYSTEM"
    ) {
        return Err(cursor.syntax_error());
    }
    cursor.any_word()?;
    concurrently |= cursor.accept("CONCURRENTLY");
    let bare = |cursor: &mut Cursor| {
        let name = cursor.name()?;
        Ok(ObjectName { schema: None, name })
    };
    Ok(Command::Reindex(match word.as_str() {
        "INDEX" => Reindex::Index(cursor.object_name()?, concurrently),
        "TABLE" => Reindex::Table(cursor.object_name()?, concurrently),
        "SCHEMA" => Reindex::Schema(bare(cursor)?.name),
        _ => Reindex::Database {
            system: word == "SYSTEM",
            name: bare(cursor)?.name,
        },
    }))
}
