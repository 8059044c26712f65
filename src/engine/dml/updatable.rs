//! What views that changes reach through stand on, for the catalog.

use std::collections::BTreeMap;

use sqlparser::ast::{Expr, Ident, Select, SelectItem};

use super::simple_view::simple;
use super::target;
use crate::catalog::{Relation, RelationKind};
use crate::engine::parse::parse_query;
use crate::engine::recipe::in_full;
use crate::statement::{StatementContext, ViewBase};

/// What a view stands on that INSERT, UPDATE and DELETE reach through; `None` of any other.
pub fn view_base(context: &StatementContext, relation: &Relation) -> Option<ViewBase> {
    let RelationKind::View(view) = &relation.kind else {
        return None;
    };
    let query = parse_query(&in_full(context, view).ok()?).ok()?;
    let (select, source) = simple(context, &query, view).ok()?.ok()?;
    let mut reads = view.depends_on.iter();
    let read = reads.find_map(|oid| context.snapshot.relation(*oid))?;
    let through = matches!(
        read.kind,
        RelationKind::Table { .. } | RelationKind::View(_)
    );
    if !through || source.only && context.snapshot.has_children(read.oid) {
        return None;
    }
    let seen = view.sees(read).unwrap_or_else(|| read.clone());
    Some(ViewBase {
        relation: read.oid,
        columns: columns_of(relation, select, &source.shown(&seen), &seen),
    })
}

/// Which columns of what a view reads, `seen`, columns of it are.
pub(super) fn columns_of(
    view: &Relation,
    select: &Select,
    shown: &[(&str, &str)],
    seen: &Relation,
) -> BTreeMap<i16, i16> {
    let mut of = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                let found = name_of(expr).and_then(|name| {
                    let mut columns = shown.iter();
                    columns.find(|(shown, _)| *shown == target::fold(name))
                });
                of.push(found.map(|(_, column)| *column));
            }
            _ => of.extend(shown.iter().map(|(_, column)| Some(*column))),
        }
    }
    let pairs = view.columns.iter().zip(of);
    pairs
        .filter_map(|(column, of)| Some((column.attnum, seen.column(of?)?.attnum)))
        .collect()
}

/// The last part of a name.
pub(super) fn name_of(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(ident) => Some(ident),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    }
}
