//! The items of the SELECT list that an INSERT takes its rows from.

use sqlparser::ast::{self, SelectItem, SetExpr};

use super::values::Cell;

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
