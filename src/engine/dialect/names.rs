//! PostgreSQL's names for output columns.
//!
//! DataFusion names a column after its whole expression and wants every name of a list once;
//! PostgreSQL names it after the function, the type cast to, … and lets names repeat. So every item
//! gets PostgreSQL's name as an alias, and where that is not unique, NUL and a number behind it: no
//! client can write that, and what is shown ends at the NUL.

use std::collections::HashMap;

use sqlparser::ast::{
    Expr, FunctionArguments, Ident, ObjectName, ObjectNamePart, OrderByExpr, OrderByKind, Query,
    Select, SelectItem, SetExpr,
};

use crate::base::Result;
use crate::engine::parse::fold;
use crate::engine::resolve_type;

/// Names the outputs of a query, and lets its ORDER BY find them.
pub(super) fn name_outputs(query: &mut Query) -> Result<()> {
    let order = match &mut query.order_by {
        Some(order_by) => match &mut order_by.kind {
            OrderByKind::Expressions(expressions) => Some(expressions),
            OrderByKind::All(_) => {
                return Err(crate::base::Error::unsupported("ORDER BY ALL"));
            }
        },
        None => None,
    };
    name_body(&mut query.body, order.map(Vec::as_mut_slice));
    Ok(())
}

/// Names every SELECT of a set operation; ORDER BY refers to the first one's names.
fn name_body(body: &mut SetExpr, order: Option<&mut [OrderByExpr]>) {
    match body {
        SetExpr::Select(select) => name_select(select, order),
        SetExpr::SetOperation { left, right, .. } => {
            name_body(left, order);
            name_body(right, None);
        }
        // A parenthesised query is visited on its own.
        SetExpr::Query(_)
        | SetExpr::Values(_)
        | SetExpr::Insert(_)
        | SetExpr::Update(_)
        | SetExpr::Delete(_)
        | SetExpr::Merge(_)
        | SetExpr::Table(_) => {}
    }
}

fn name_select(select: &mut Select, order: Option<&mut [OrderByExpr]>) {
    let names: Vec<Option<String>> = select.projection.iter().map(item_name).collect();
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for name in names.iter().flatten() {
        *uses.entry(name).or_default() += 1;
    }
    let wildcard = names.iter().any(Option::is_none);
    let mut renamed: HashMap<String, (Ident, Expr, bool)> = HashMap::new();
    for (index, (item, name)) in select.projection.iter_mut().zip(&names).enumerate() {
        let Some(name) = name else {
            continue;
        };
        let repeated = uses.get(name.as_str()).is_some_and(|uses| *uses > 1);
        let plain_column = match item {
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => !is_call(ident),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(_)) => true,
            _ => false,
        };
        // What * gives is not known yet, so beside it every name must be out of its way.
        let unique = repeated || wildcard;
        if plain_column && !unique {
            continue;
        }
        let alias = if unique {
            Ident::with_quote('"', format!("{name}\0{index}"))
        } else {
            Ident::with_quote('"', name)
        };
        let expression = match item {
            SelectItem::UnnamedExpr(expression)
            | SelectItem::ExprWithAlias {
                expr: expression, ..
            } => expression.clone(),
            _ => continue,
        };
        if unique {
            renamed
                .entry(name.clone())
                .and_modify(|(_, first, same)| *same &= *first == expression)
                .or_insert_with(|| (alias.clone(), expression.clone(), true));
        }
        *item = SelectItem::ExprWithAlias {
            expr: expression,
            alias,
        };
    }
    for order in order.into_iter().flatten() {
        if let Expr::Identifier(ident) = &order.expr
            && let Some((alias, _, true)) = renamed.get(&fold(ident))
        {
            order.expr = Expr::Identifier(alias.clone());
        }
    }
}

/// Whether a word is a call without parentheses.
pub(super) fn is_call(ident: &Ident) -> bool {
    ident.quote_style.is_none()
        && matches!(
            fold(ident).as_str(),
            "current_schema"
                | "current_catalog"
                | "current_role"
                | "current_user"
                | "session_user"
                | "user"
        )
}

/// The name PostgreSQL gives an item; `None` for a wildcard.
pub(super) fn item_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
        SelectItem::UnnamedExpr(expression) => {
            Some(figure(expression).map_or_else(|| "?column?".to_owned(), |(name, _)| name))
        }
        SelectItem::ExprWithAliases { .. }
        | SelectItem::QualifiedWildcard(_, _)
        | SelectItem::Wildcard(_) => None,
    }
}

/// The name an expression suggests, and whether it insists: a cast prefers its argument's name if
/// that one insists.
fn figure(expression: &Expr) -> Option<(String, bool)> {
    let strong = |name: &str| Some((name.to_owned(), true));
    let weak = |name: &str| Some((name.to_owned(), false));
    match expression {
        Expr::Identifier(ident) => Some((fold(ident), true)),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| (fold(part), true)),
        Expr::CompoundFieldAccess { root, access_chain } => access_chain
            .iter()
            .rev()
            .find_map(|access| match access {
                sqlparser::ast::AccessExpr::Dot(Expr::Identifier(ident)) => {
                    Some((fold(ident), true))
                }
                _ => None,
            })
            .or_else(|| figure(root)),
        Expr::Nested(inner) => figure(inner),
        Expr::Collate { expr, .. } => figure(expr),
        Expr::Function(function) => match &function.args {
            FunctionArguments::Subquery(_) => strong("array"),
            FunctionArguments::None | FunctionArguments::List(_) => {
                last_part(&function.name).map(|name| (name, true))
            }
        },
        Expr::Cast {
            expr, data_type, ..
        } => match figure(expr) {
            Some((name, true)) => Some((name, true)),
            _ => type_name(data_type).map(|name| (name, false)),
        },
        Expr::TypedString(typed) => type_name(&typed.data_type).map(|name| (name, false)),
        Expr::Interval(_) => weak("interval"),
        Expr::Case { else_result, .. } => match else_result.as_deref().and_then(figure) {
            Some((name, true)) => Some((name, true)),
            _ => weak("case"),
        },
        Expr::Exists { negated: false, .. } => strong("exists"),
        Expr::Subquery(query) => first_name(&query.body).map(|name| (name, true)),
        Expr::Array(_) => strong("array"),
        Expr::Tuple(_) => strong("row"),
        Expr::Extract { .. } => strong("extract"),
        Expr::Position { .. } => strong("position"),
        Expr::Substring { .. } => strong("substring"),
        Expr::Overlay { .. } => strong("overlay"),
        Expr::Ceil { .. } => strong("ceil"),
        Expr::Floor { .. } => strong("floor"),
        Expr::AtTimeZone { .. } => strong("timezone"),
        Expr::Trim { trim_where, .. } => strong(match trim_where {
            Some(sqlparser::ast::TrimWhereField::Leading) => "ltrim",
            Some(sqlparser::ast::TrimWhereField::Trailing) => "rtrim",
            Some(sqlparser::ast::TrimWhereField::Both) | None => "btrim",
        }),
        _ => None,
    }
}

/// The first output of a subquery.
fn first_name(body: &SetExpr) -> Option<String> {
    match body {
        SetExpr::Select(select) => match select.projection.first()? {
            SelectItem::ExprWithAlias { alias, .. } => Some(
                fold(alias)
                    .split('\0')
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            ),
            item => item_name(item),
        },
        SetExpr::Query(query) => first_name(&query.body),
        SetExpr::SetOperation { left, .. } => first_name(left),
        SetExpr::Values(_) => Some("column1".to_owned()),
        SetExpr::Insert(_)
        | SetExpr::Update(_)
        | SetExpr::Delete(_)
        | SetExpr::Merge(_)
        | SetExpr::Table(_) => None,
    }
}

fn last_part(name: &ObjectName) -> Option<String> {
    match name.0.last()? {
        ObjectNamePart::Identifier(ident) => Some(fold(ident)),
        ObjectNamePart::Function(_) => None,
    }
}

/// `pg_type.typname` of a type; an array is named after its element.
fn type_name(data_type: &sqlparser::ast::DataType) -> Option<String> {
    let ty = resolve_type(data_type).ok()?;
    let ty = if ty.info().name.starts_with('_') {
        ty.element().unwrap_or(ty)
    } else {
        ty
    };
    Some(ty.info().name.to_owned())
}
