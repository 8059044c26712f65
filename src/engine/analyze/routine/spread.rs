//! What a body selects, read off its last query.

use sqlparser::ast::{self, SetExpr};

/// The value of `SELECT value`.
pub(super) fn only_value(query: &ast::Query) -> Option<&ast::Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    match select.projection.as_slice() {
        [
            ast::SelectItem::UnnamedExpr(value)
            | ast::SelectItem::ExprWithAlias { expr: value, .. },
        ] => Some(value),
        _ => None,
    }
}

/// A query whose one column is a row, as the columns of that row.
pub(in crate::engine) fn spread(query: &ast::Query) -> ast::Query {
    let mut query = query.clone();
    let SetExpr::Select(select) = query.body.as_mut() else {
        return query;
    };
    let items = match select.projection.as_slice() {
        [ast::SelectItem::UnnamedExpr(ast::Expr::Identifier(name))] => {
            let is = |factor: &ast::TableFactor| match factor {
                ast::TableFactor::Table {
                    name: table, alias, ..
                } => match alias {
                    Some(alias) => alias.name.value == name.value,
                    None => table.0.last().is_some_and(|last| {
                        last.as_ident()
                            .is_some_and(|ident| ident.value == name.value)
                    }),
                },
                ast::TableFactor::Derived {
                    alias: Some(alias), ..
                } => alias.name.value == name.value,
                _ => false,
            };
            let found = select
                .from
                .iter()
                .any(|from| is(&from.relation) || from.joins.iter().any(|join| is(&join.relation)));
            if !found {
                return query;
            }
            let kind =
                ast::SelectItemQualifiedWildcardKind::ObjectName(ast::ObjectName::from(vec![
                    name.clone(),
                ]));
            vec![ast::SelectItem::QualifiedWildcard(
                kind,
                ast::WildcardAdditionalOptions::default(),
            )]
        }
        [ast::SelectItem::UnnamedExpr(ast::Expr::Tuple(items))] => items
            .iter()
            .cloned()
            .map(ast::SelectItem::UnnamedExpr)
            .collect(),
        [ast::SelectItem::UnnamedExpr(ast::Expr::Function(call))]
            if call.name.to_string().eq_ignore_ascii_case("row") =>
        {
            let ast::FunctionArguments::List(list) = &call.args else {
                return query;
            };
            let items: Vec<_> = list
                .args
                .iter()
                .filter_map(|arg| match arg {
                    ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(item)) => {
                        Some(ast::SelectItem::UnnamedExpr(item.clone()))
                    }
                    _ => None,
                })
                .collect();
            if items.len() != list.args.len() {
                return query;
            }
            items
        }
        _ => return query,
    };
    select.projection = items;
    query
}
