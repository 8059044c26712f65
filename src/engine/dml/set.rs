//! SET of UPDATE and ON CONFLICT DO UPDATE: which column becomes what.

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::{self, AssignmentTarget, Expr, SelectItem, SetExpr};

use super::feeds::default_expression;
use super::{fields, target};
use crate::base::{Error, Place, Result, SqlState};
use crate::catalog::{Column, Generation, Relation};
use crate::statement::StatementContext;

/// The assignments by column index; DEFAULT is replaced by what it stands for. `old` is what a
/// column is before, of which only fields are assigned to.
///
/// # Errors
/// `42601`, `42703`, `428C9` as PostgreSQL.
pub(super) fn assigned_columns(
    context: &StatementContext,
    relation: &Relation,
    assignments: Vec<ast::Assignment>,
    old: impl Fn(&str) -> Expr,
) -> Result<BTreeMap<usize, Expr>> {
    let mut assigned = BTreeMap::new();
    // Columns of which only fields are assigned to.
    let mut parts = BTreeSet::new();
    for assignment in assignments {
        for (name, value) in pairs(assignment)? {
            let place = target::position(&name);
            if let Some((index, column, path)) = fields::path(&name, relation)? {
                check_settable(column)?;
                let base = match assigned.remove(&index) {
                    Some(before) if parts.contains(&index) => before,
                    Some(_) => return Err(twice(&column.name)),
                    None => old(&column.name),
                };
                parts.insert(index);
                let of = (column.name.as_str(), column.ty);
                let value = fields::with_field(context, of, &base, &path, value)
                    .map_err(|error| target::at(error, place))?;
                assigned.insert(index, value);
                continue;
            }
            let name = target::column_name(&name, relation)?;
            let index = relation
                .columns
                .iter()
                .position(|column| column.name == name)
                .ok_or_else(|| target::at(target::no_such_column(&name, relation), place))?;
            let column = &relation.columns[index];
            if matches!(value, Expr::Wildcard(_) | Expr::QualifiedWildcard(..)) {
                return Err(target::at(whole_row(&relation.columns[index]), place));
            }
            let is_default = target::is_default(&value);
            if !is_default {
                check_settable(column)?;
            }
            let value = if is_default {
                default_expression(context, column)?
                    .unwrap_or_else(|| Expr::value(ast::Value::Null))
            } else {
                value
            };
            let value = fields::assigned(column, value);
            if assigned.insert(index, value).is_some() {
                return Err(twice(&name));
            }
            if column.expression().is_some() {
                // It is made anew in any case.
                assigned.remove(&index);
            }
        }
    }
    Ok(assigned)
}

/// `42601`
fn twice(column: &str) -> Error {
    Error::new(
        SqlState::SYNTAX_ERROR,
        format!("multiple assignments to same column \"{column}\""),
    )
    .without_position()
}

/// One value for each column of an assignment.
fn pairs(assignment: ast::Assignment) -> Result<Vec<(ast::ObjectName, Expr)>> {
    let mut names = match assignment.target {
        AssignmentTarget::ColumnName(name) => return Ok(vec![(name, assignment.value)]),
        AssignmentTarget::Tuple(names) => names,
    };
    let values = match assignment.value {
        Expr::Tuple(values) => values,
        Expr::Nested(value) if names.len() == 1 => {
            return Ok(vec![(names.remove(0), *value)]);
        }
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("row") => {
            row_fields(function)?
        }
        Expr::Subquery(query) => {
            return names
                .iter()
                .enumerate()
                .map(|(index, name)| {
                    let value = column_of(&query, index, names.len())?;
                    Ok((name.clone(), Expr::Subquery(Box::new(value))))
                })
                .collect();
        }
        other => {
            let error = Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression",
            );
            return Err(target::at(error, target::position(&other)));
        }
    };
    let star = |value: &Expr| matches!(value, Expr::Wildcard(_) | Expr::QualifiedWildcard(..));
    if values.iter().any(star) {
        return Err(Error::unsupported("a whole row in SET (…) = (…)"));
    }
    if names.len() != values.len() {
        let first = values.first().and_then(target::position);
        return Err(wrong_width(first));
    }
    Ok(names.into_iter().zip(values).collect())
}

fn row_fields(function: ast::Function) -> Result<Vec<Expr>> {
    let refused = || Error::unsupported("this ROW() in SET");
    let ast::FunctionArguments::List(list) = function.args else {
        return Err(refused());
    };
    list.args
        .into_iter()
        .map(|argument| match argument {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Ok(expr),
            _ => Err(refused()),
        })
        .collect()
}

/// A subquery of several columns as one that gives only its column `index`: PostgreSQL evaluates it
/// once, and so it must not matter how often it is.
fn column_of(query: &ast::Query, index: usize, width: usize) -> Result<ast::Query> {
    let refused = || Error::unsupported("this sub-SELECT in SET (…) = (SELECT …)");
    let mut query = query.clone();
    if let SetExpr::Values(values) = query.body.as_mut()
        && query.order_by.is_none()
    {
        for row in &mut values.rows {
            if row.content.len() != width {
                return Err(wrong_width(target::position(row)));
            }
            row.content = vec![row.content.swap_remove(index)];
        }
        return Ok(query);
    }
    let Some(items) = first_items(&query.body) else {
        return Err(refused());
    };
    let is_plain = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }
        )
    };
    if !items.iter().all(is_plain) {
        return Err(refused());
    }
    if items.len() != width {
        return Err(wrong_width(target::position(&query)));
    }
    // A function may be an aggregate or give several rows, and other clauses may name items.
    let calls = ast::visit_expressions(&items.to_vec(), |expr| match expr {
        Expr::Function(_) => std::ops::ControlFlow::Break(()),
        _ => std::ops::ControlFlow::Continue(()),
    });
    if calls.is_continue()
        && query.order_by.is_none()
        && let SetExpr::Select(select) = query.body.as_mut()
        && select.distinct.is_none()
        && matches!(&select.group_by, ast::GroupByExpr::Expressions(by, _) if by.is_empty())
    {
        select.projection = vec![select.projection.swap_remove(index)];
        return Ok(query);
    }
    let names: Vec<String> = (0..width).map(|column| format!("\0set{column}")).collect();
    let of = ast::TableAlias {
        explicit: true,
        name: target::quoted("\0set"),
        columns: names
            .iter()
            .map(|name| ast::TableAliasColumnDef::from_name(name.as_str()))
            .collect(),
        at: None,
    };
    let from = ast::TableWithJoins {
        relation: ast::TableFactor::Derived {
            lateral: false,
            subquery: Box::new(query),
            alias: Some(of),
            sample: None,
        },
        joins: Vec::new(),
    };
    let item = SelectItem::UnnamedExpr(Expr::Identifier(target::quoted(&names[index])));
    Ok(target::select(vec![item], vec![from], None))
}

/// The items of the first SELECT of a query.
fn first_items(body: &SetExpr) -> Option<&[SelectItem]> {
    match body {
        SetExpr::Select(select) => Some(&select.projection),
        SetExpr::Query(query) => first_items(&query.body),
        SetExpr::SetOperation { left, .. } => first_items(left),
        _ => None,
    }
}

/// `inside` is where what is in the parentheses begins.
fn wrong_width(inside: Option<usize>) -> Error {
    let error = Error::new(
        SqlState::SYNTAX_ERROR,
        "number of columns does not match number of values",
    );
    match inside {
        Some(position) => error.or_at(Place::Before(position, "(".into())),
        None => error,
    }
}

/// `42804` for `SET a = t.*`.
fn whole_row(column: &Column) -> Error {
    Error::new(
        SqlState::DATATYPE_MISMATCH,
        format!(
            "column \"{}\" is of type {} but expression is of type record",
            column.name,
            column.ty.plain()
        ),
    )
    .hint("You will need to rewrite or cast the expression.")
}

/// That a query gives the columns its list was made for: `t.*` where one value belongs gives more.
///
/// # Errors
/// `0A000`
pub(super) fn check_list(bound: &crate::engine::Bound, width: usize) -> Result<()> {
    if bound.columns.len() == width {
        return Ok(());
    }
    Err(Error::unsupported("a whole row where one value belongs"))
}

fn check_settable(column: &Column) -> Result<()> {
    let detail = match &column.generation {
        Some(Generation::Identity { always: true, .. }) => format!(
            "Column \"{}\" is an identity column defined as GENERATED ALWAYS.",
            column.name
        ),
        Some(Generation::Stored { .. }) => {
            format!("Column \"{}\" is a generated column.", column.name)
        }
        Some(Generation::Identity { always: false, .. }) | None => return Ok(()),
    };
    Err(Error::new(
        SqlState::GENERATED_ALWAYS,
        format!("column \"{}\" can only be updated to DEFAULT", column.name),
    )
    .detail(detail))
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
        Some(unmatched) => Err(target::at(
            wrong("INSERT has more target columns than expressions"),
            target::position(unmatched),
        )),
        None => Ok(()),
    }
}

/// Puts in place of each DEFAULT what it is by what the statement names: a view's columns have no
/// defaults of their own, and those under a table are given the table's.
pub(super) fn set_defaults(
    context: &StatementContext,
    named: &Relation,
    assignment: &mut ast::Assignment,
) -> Result<()> {
    match (&assignment.target, &mut assignment.value) {
        (ast::AssignmentTarget::Tuple(names), Expr::Tuple(values)) => {
            let mut pairs = names.iter().zip(values);
            pairs.try_for_each(|(name, value)| set_default(context, named, name, value))
        }
        (ast::AssignmentTarget::ColumnName(name), value) => {
            set_default(context, named, name, value)
        }
        (ast::AssignmentTarget::Tuple(_), _) => Ok(()),
    }
}

fn set_default(
    context: &StatementContext,
    named: &Relation,
    name: &ast::ObjectName,
    value: &mut Expr,
) -> Result<()> {
    if !target::is_default(value) {
        return Ok(());
    }
    let mut default = None;
    let name = target::column_name(name, named)?;
    let column = named.columns.iter().find(|column| column.name == name);
    if let Some(column) = column {
        if column.expression().is_some() {
            return Ok(());
        }
        default = default_expression(context, column)?;
    }
    *value = default.unwrap_or_else(|| Expr::value(ast::Value::Null));
    Ok(())
}
