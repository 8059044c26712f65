//! The items of the SELECT list that an INSERT takes its rows from.

use sqlparser::ast::{self, SelectItem, SetExpr};

use super::target::{at, position};
use super::values::Cell;
use crate::base::{Error, Result, SqlState};

/// Where an item of a SELECT list starts.
pub(super) fn item_position(query: &ast::Query, item: usize) -> Option<usize> {
    match query.body.as_ref() {
        SetExpr::Select(select) => select.projection.get(item).and_then(position),
        _ => None,
    }
}

/// What a bare item of a SELECT list is to INSERT: PostgreSQL gives such a literal the target
/// column's type.
pub(super) enum Untyped {
    Literal,
    Parameter(usize),
    Typed,
}

pub(super) fn untyped_columns(query: &ast::Query) -> Vec<Untyped> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return Vec::new();
    };
    let items = select.projection.iter();
    items
        .map_while(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                Some(match Cell::of(expr) {
                    Some(Cell::Literal { ty: None, .. }) => Untyped::Literal,
                    Some(Cell::Parameter(index)) => Untyped::Parameter(index),
                    _ => Untyped::Typed,
                })
            }
            // After a wildcard positions are no longer known here.
            _ => None,
        })
        .collect()
}

/// `42601` unless each value has its column; without a list, columns may be left over.
pub(super) fn check_count(
    listed: &[ast::ObjectName],
    expressions: usize,
    targets: usize,
) -> Result<()> {
    let wrong = |message: &str| Error::new(SqlState::SYNTAX_ERROR, message);
    if expressions > targets {
        return Err(wrong("INSERT has more expressions than target columns"));
    }
    match listed.get(expressions) {
        Some(unmatched) => Err(at(
            wrong("INSERT has more target columns than expressions"),
            position(unmatched),
        )),
        None => Ok(()),
    }
}
