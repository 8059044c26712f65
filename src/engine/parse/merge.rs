//! MERGE.

use sqlparser::ast;
use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{
    Command, Dml, DmlAction, Merge, MergeAction, MergeClause, Overriding,
};

/// `MERGE INTO … USING … ON … WHEN …`
pub(super) fn merge(cursor: &mut Cursor, with: Option<ast::With>) -> Result<Command> {
    if with.as_ref().is_some_and(|with| with.recursive) {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "WITH RECURSIVE is not supported for MERGE statement",
        ));
    }
    cursor.expect("MERGE INTO")?;
    let ast::TableFactor::Table { name, alias, .. } = cursor.table_factor()? else {
        return Err(cursor.syntax_error());
    };
    if alias
        .as_ref()
        .is_some_and(|alias| !alias.columns.is_empty())
    {
        return Err(cursor.syntax_error());
    }
    cursor.expect("USING")?;
    let source = cursor.table_with_joins()?;
    cursor.expect("ON")?;
    let on = cursor.expression()?;
    let mut clauses = Vec::new();
    while cursor.accept("WHEN") {
        clauses.push(clause(cursor)?);
    }
    if clauses.is_empty() {
        return Err(cursor.syntax_error());
    }
    let merge = Merge {
        table: name,
        alias: alias.map(|alias| alias.name),
        source,
        on,
        clauses,
    };
    let action = DmlAction::Merge(Box::new(merge));
    Ok(Command::Dml(Box::new(Dml { with, action })))
}

fn clause(cursor: &mut Cursor) -> Result<MergeClause> {
    let matched = !cursor.accept("NOT");
    cursor.expect("MATCHED")?;
    let condition = match cursor.accept("AND") {
        true => Some(cursor.expression()?),
        false => None,
    };
    cursor.expect("THEN")?;
    let action = if cursor.accept("DO NOTHING") {
        MergeAction::Nothing
    } else if matched && cursor.accept("DELETE") {
        MergeAction::Delete
    } else if matched && cursor.accept("UPDATE SET") {
        MergeAction::Update(cursor.list(Cursor::assignment)?)
    } else if !matched && cursor.accept("INSERT") {
        insert(cursor)?
    } else {
        return Err(cursor.syntax_error());
    };
    Ok(MergeClause {
        matched,
        condition,
        action,
    })
}

fn insert(cursor: &mut Cursor) -> Result<MergeAction> {
    if cursor.accept("DEFAULT VALUES") {
        return Ok(MergeAction::Insert {
            columns: Vec::new(),
            overriding: None,
            values: None,
        });
    }
    let columns = match cursor.sees(&Token::LParen) {
        true => cursor.parenthesised(Cursor::column_name)?,
        false => Vec::new(),
    };
    let overriding = if cursor.accept("OVERRIDING SYSTEM VALUE") {
        Some(Overriding::System)
    } else if cursor.accept("OVERRIDING USER VALUE") {
        Some(Overriding::User)
    } else {
        None
    };
    cursor.expect("VALUES")?;
    let values = cursor.parenthesised(Cursor::expression)?;
    Ok(MergeAction::Insert {
        columns,
        overriding,
        values: Some(values),
    })
}
