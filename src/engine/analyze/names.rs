//! PostgreSQL's names for output columns: a column's own, a function's, the type's of a cast, …

use std::collections::HashMap;

use sqlparser::ast::{
    Expr, FunctionArguments, Ident, ObjectName, ObjectNamePart, SelectItem, SetExpr,
};

use super::select::Target;
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::fold;
use crate::engine::{TypeName, written_type};

/// Whether a word is a call without parentheses.
pub(crate) fn is_call(ident: &Ident) -> bool {
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
pub(in crate::engine) fn item_name(item: &SelectItem) -> Option<String> {
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

/// The name an expression suggests for a column of an index.
pub fn suggested_name(expression: &Expr) -> Option<String> {
    figure(expression).map(|(name, _)| name)
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
        Expr::Substring {
            shorthand: true, ..
        } => strong("substr"),
        Expr::Substring { .. } => strong("substring"),
        Expr::Overlay { .. } => strong("overlay"),
        Expr::IsNormalized { negated: false, .. } => strong("is_normalized"),
        Expr::Ceil { .. } => strong("ceil"),
        Expr::Floor { .. } => strong("floor"),
        Expr::AtTimeZone { .. } => strong("timezone"),
        Expr::BinaryOp {
            op: sqlparser::ast::BinaryOperator::Overlaps,
            ..
        } => strong("overlaps"),
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
    let ty = match written_type(data_type).ok()? {
        TypeName::Known(ty) => ty,
        TypeName::Named { name, .. } => return Some(name.name),
    };
    let ty = if ty.info().name.starts_with('_') {
        ty.element().unwrap_or(ty)
    } else {
        ty
    };
    Some(ty.info().name.to_owned())
}

/// What an alias is given to; `42601` for one in single quotes, which sqlparser takes.
pub(super) fn alias<T>(alias: &Ident, named: impl FnOnce() -> Result<T>) -> Result<T> {
    if alias.quote_style == Some('\'') {
        let near = format!("syntax error at or near \"'{}'\"", alias.value);
        return Err(super::at(
            Error::new(SqlState::SYNTAX_ERROR, near),
            alias.span,
        ));
    }
    named()
}

/// A name for each target that no other has: the output's own where it can be.
pub(super) fn unique_names(
    targets: &[Target],
    outputs: usize,
    inside: Option<usize>,
) -> Vec<String> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    targets
        .iter()
        .enumerate()
        .map(|(index, target)| {
            let uses = seen.entry(target.name.as_str()).or_default();
            *uses += 1;
            if let Some(number) = inside {
                format!("{}\0{index}_{number}", target.name)
            } else if index >= outputs || *uses > 1 || target.name.is_empty() {
                format!("{}\0{index}", target.name)
            } else {
                target.name.clone()
            }
        })
        .collect()
}
