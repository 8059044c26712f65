//! VACUUM, ANALYZE, CHECKPOINT.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{Command, Maintenance, ObjectName};

/// Options of VACUUM, in parentheses or (the first four) as bare words. None of them changes what
/// anybody can see.
const VACUUM: &[&str] = &[
    "FULL",
    "FREEZE",
    "VERBOSE",
    "ANALYZE",
    "DISABLE_PAGE_SKIPPING",
    "SKIP_LOCKED",
    "INDEX_CLEANUP",
    "PROCESS_TOAST",
    "TRUNCATE",
    "PARALLEL",
];

/// VACUUM, ANALYZE, CHECKPOINT.
pub(super) fn maintenance(cursor: &mut Cursor) -> Result<Command> {
    if cursor.accept("CHECKPOINT") {
        return Ok(Command::Maintain {
            what: Maintenance::Checkpoint,
            targets: Vec::new(),
        });
    }
    let what = if cursor.accept("VACUUM") {
        Maintenance::Vacuum
    } else if cursor.accept("ANALYZE") || cursor.accept("ANALYSE") {
        Maintenance::Analyze
    } else {
        return Err(cursor.syntax_error());
    };
    let known = match what {
        Maintenance::Vacuum => VACUUM,
        Maintenance::Analyze | Maintenance::Checkpoint => &["VERBOSE", "SKIP_LOCKED"],
    };
    if cursor.sees(&Token::LParen) {
        cursor.parenthesised(|cursor| option(cursor, what, known))?;
    } else {
        for word in known.iter().take(4) {
            cursor.accept(word);
        }
    }
    let targets = if cursor.at_end() {
        Vec::new()
    } else {
        cursor.list(target)?
    };
    Ok(Command::Maintain { what, targets })
}

fn option(cursor: &mut Cursor, what: Maintenance, known: &[&str]) -> Result<()> {
    let name = cursor.any_word()?.to_uppercase();
    if !known.contains(&name.as_str()) {
        let statement = match what {
            Maintenance::Vacuum => "VACUUM",
            Maintenance::Analyze | Maintenance::Checkpoint => "ANALYZE",
        };
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            format!(
                "unrecognized {statement} option \"{}\"",
                name.to_lowercase()
            ),
        ));
    }
    if !cursor.sees(&Token::Comma) && !cursor.sees(&Token::RParen) {
        match cursor.word() {
            Some(_) => cursor.any_word()?,
            None => cursor.number()?,
        };
    }
    Ok(())
}

fn target(cursor: &mut Cursor) -> Result<(ObjectName, Vec<String>)> {
    let name = cursor.object_name()?;
    let columns = if cursor.sees(&Token::LParen) {
        cursor.parenthesised(Cursor::name)?
    } else {
        Vec::new()
    };
    Ok((name, columns))
}

/// TRUNCATE
pub(super) fn truncate(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("TRUNCATE")?;
    cursor.accept("TABLE");
    let names = cursor.list(Cursor::table_name)?;
    let restart = cursor.accept("RESTART IDENTITY");
    if !restart {
        cursor.accept("CONTINUE IDENTITY");
    }
    let cascade = cursor.cascade();
    Ok(Command::Truncate {
        names,
        restart,
        cascade,
    })
}
