//! Statements about extended statistics.

use sqlparser::ast::Expr;
use sqlparser::tokenizer::Token;

use super::cursor::{Cursor, fold};
use super::roles;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::Command;
use crate::engine::value_definition::{CreateStatistics, StatisticsAction, StatisticsStatement};

fn done(statement: StatisticsStatement) -> Result<Command> {
    Ok(Command::Statistics(Box::new(statement)))
}

/// `CREATE STATISTICS`
pub(super) fn create(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("STATISTICS")?;
    let if_not_exists = cursor.if_not_exists();
    let name = cursor.object_name()?;
    let kinds = match cursor.sees(&Token::LParen) {
        true => cursor.parenthesised(Cursor::name)?,
        false => Vec::new(),
    };
    cursor.expect("ON")?;
    let columns = cursor.list(|cursor| match cursor.expression()? {
        Expr::Identifier(name) => Ok(fold(&name)),
        _ => Err(Error::unsupported("CREATE STATISTICS on an expression")),
    })?;
    cursor.expect("FROM")?;
    let tables = cursor.list(|cursor| {
        let (table, _) = cursor.table_name()?;
        if cursor.accept("AS") || cursor.sees_quoted_word() || cursor.word().is_some() {
            cursor.name()?;
        }
        Ok(table)
    })?;
    let Ok([table]) = <[_; 1]>::try_from(tables) else {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "only a single relation is allowed in CREATE STATISTICS",
        ));
    };
    done(StatisticsStatement::Create(CreateStatistics {
        name,
        if_not_exists,
        kinds,
        columns,
        table,
    }))
}

/// `ALTER STATISTICS`
pub(super) fn alter(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("STATISTICS")?;
    let if_exists = cursor.if_exists();
    let name = cursor.object_name()?;
    let action = if cursor.accept("SET STATISTICS") {
        let text = cursor.number()?;
        let target = text.parse().map_err(|_| cursor.syntax_error())?;
        StatisticsAction::SetTarget { target, if_exists }
    } else if if_exists {
        return Err(cursor.syntax_error());
    } else if cursor.accept("RENAME TO") {
        StatisticsAction::Rename(cursor.name()?)
    } else if cursor.accept("OWNER TO") {
        StatisticsAction::OwnerTo(roles::role(cursor)?)
    } else {
        cursor.expect("SET SCHEMA")?;
        StatisticsAction::SetSchema(cursor.name()?)
    };
    done(StatisticsStatement::Alter(name, action))
}

/// `DROP STATISTICS`
pub(super) fn drop(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("STATISTICS")?;
    let if_exists = cursor.if_exists();
    let names = cursor.list(Cursor::object_name)?;
    done(StatisticsStatement::Drop {
        names,
        if_exists,
        cascade: cursor.cascade(),
    })
}
