//! `INSERT INTO t VALUES (now(), old.*)`, `VALUES (generate_series(1, 9), 1)`: one row of VALUES is
//! a select list, with all fields of a row or with functions that give sets in it.

use sqlparser::ast::{self, Expr, SelectItem, SelectItemQualifiedWildcardKind, SetExpr};

use super::places::gives_set;
use super::target::{self, is_default, quoted};
use crate::base::{Error, Result};
use crate::catalog::Relation;
use crate::statement::StatementContext;

/// The same INSERT of a query, if its one row is such a list. Columns that are to have their
/// defaults are not among its columns any more.
///
/// # Errors
/// `0A000` for DEFAULT in such a list where the columns are `None`: those of a view.
pub(super) fn spread(
    context: &StatementContext,
    relation: Option<&Relation>,
    insert: &ast::Insert,
) -> Result<Option<ast::Insert>> {
    let Some(query) = insert.source.as_deref() else {
        return Ok(None);
    };
    let SetExpr::Values(values) = query.body.as_ref() else {
        return Ok(None);
    };
    let [row] = values.rows.as_slice() else {
        return Ok(None);
    };
    let is_list =
        |cell: &Expr| matches!(cell, Expr::QualifiedWildcard(..)) || gives_set(context, cell);
    if !row.content.iter().any(is_list) {
        return Ok(None);
    }
    let items = row.content.iter().filter(|cell| !is_default(cell));
    let items: Vec<SelectItem> = items
        .map(|cell| match cell {
            Expr::QualifiedWildcard(name, _) => SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(name.clone()),
                ast::WildcardAdditionalOptions::default(),
            ),
            cell => SelectItem::UnnamedExpr(cell.clone()),
        })
        .collect();
    let mut columns = insert.columns.clone();
    if items.len() < row.content.len() {
        if columns.is_empty() {
            let Some(relation) = relation else {
                return Err(Error::unsupported(
                    "DEFAULT beside a set for a view without a list of columns",
                ));
            };
            let names = relation.columns.iter().map(|column| quoted(&column.name));
            columns = names.map(|name| vec![name].into()).collect();
            columns.truncate(row.content.len());
        }
        let mut cells = row.content.iter();
        columns.retain(|_| !cells.next().is_some_and(is_default));
    }
    let select = target::select(items, Vec::new(), None);
    let source = ast::Query {
        body: select.body,
        ..query.clone()
    };
    Ok(Some(ast::Insert {
        source: Some(Box::new(source)),
        columns,
        ..insert.clone()
    }))
}
