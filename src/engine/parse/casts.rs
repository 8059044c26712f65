//! Statements about casts.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::routines;
use crate::base::Result;
use crate::catalog::CastMade;
use crate::engine::command::Command;
use crate::engine::routine_definition::RoutineKind;
use crate::engine::value_definition::{CastClause, CastSpec, CastStatement};

/// `(source AS target)`
pub(super) fn spec(cursor: &mut Cursor) -> Result<CastSpec> {
    cursor.expect_token(&Token::LParen)?;
    let source = cursor.data_type()?;
    cursor.expect("AS")?;
    let target = cursor.data_type()?;
    cursor.expect_token(&Token::RParen)?;
    Ok(CastSpec { source, target })
}

/// `CREATE CAST`
pub(super) fn create(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("CAST")?;
    let cast = spec(cursor)?;
    let clause = if cursor.accept("WITHOUT FUNCTION") {
        CastClause::Binary
    } else if cursor.accept("WITH INOUT") {
        CastClause::InOut
    } else {
        cursor.expect("WITH")?;
        let kind = routines::kind(cursor).ok_or_else(|| cursor.syntax_error())?;
        let kind = match kind {
            RoutineKind::Routine => RoutineKind::Routine,
            _ => RoutineKind::Function,
        };
        CastClause::Function(routines::spec(cursor, kind)?)
    };
    let made = if cursor.accept("AS IMPLICIT") {
        CastMade::Implicit
    } else if cursor.accept("AS ASSIGNMENT") {
        CastMade::Assignment
    } else {
        CastMade::Explicit
    };
    Ok(Command::Cast(Box::new(CastStatement::Create {
        cast,
        clause,
        made,
    })))
}

/// `DROP CAST`
pub(super) fn drop(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("CAST")?;
    let if_exists = cursor.if_exists();
    let cast = spec(cursor)?;
    Ok(Command::Cast(Box::new(CastStatement::Drop {
        cast,
        if_exists,
        cascade: cursor.cascade(),
    })))
}
