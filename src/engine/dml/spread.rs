//! `INSERT INTO t VALUES (now(), old.*)`: a row of VALUES with all fields of a row in it is the
//! answer of a SELECT.

use sqlparser::ast::{self, Expr, SelectItem, SelectItemQualifiedWildcardKind, SetExpr};

use super::target;

/// The same INSERT of a query, if its one row has such fields.
pub(super) fn spread(insert: &ast::Insert) -> Option<ast::Insert> {
    let query = insert.source.as_deref()?;
    let SetExpr::Values(values) = query.body.as_ref() else {
        return None;
    };
    let [row] = values.rows.as_slice() else {
        return None;
    };
    let spreads = |cell: &Expr| matches!(cell, Expr::QualifiedWildcard(..));
    if !row.content.iter().any(spreads) {
        return None;
    }
    let items = row.content.iter().map(|cell| match cell {
        Expr::QualifiedWildcard(name, _) => SelectItem::QualifiedWildcard(
            SelectItemQualifiedWildcardKind::ObjectName(name.clone()),
            ast::WildcardAdditionalOptions::default(),
        ),
        cell => SelectItem::UnnamedExpr(cell.clone()),
    });
    let select = target::select(items.collect(), Vec::new(), None);
    let source = ast::Query {
        body: select.body,
        ..query.clone()
    };
    Some(ast::Insert {
        source: Some(Box::new(source)),
        ..insert.clone()
    })
}
