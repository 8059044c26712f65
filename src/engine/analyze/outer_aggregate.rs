//! Aggregates of a query around: an aggregate belongs to the innermost query that one of the
//! columns in its call is of, and is computed there. To the subquery it stands in, it is a value of
//! the rows outside.

use std::ops::ControlFlow;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{Expr, ExprSchemable};
use sqlparser::ast::{self, Expr as Ast, Function, FunctionArg, FunctionArgExpr};

use super::aggregate_call::Modifiers;
use super::from::part;
use super::level::{Clause, Level};
use super::typed::Typed;
use super::{Analyst, Converted};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::fold;

impl Analyst<'_> {
    /// The value of an aggregate that belongs to a query around `level`, as `compute` has it there;
    /// `None` if it belongs to the query it stands in, or `compute` finds that it is none.
    pub(super) fn outer_aggregate(
        &self,
        level: &Level<'_>,
        (function, list, modifiers): (&Function, &ast::FunctionArgumentList, &Modifiers<'_>),
        name: &str,
        compute: &dyn Fn(&Level<'_>) -> Result<Option<Typed>>,
    ) -> Result<Option<Typed>> {
        let depth = depth_of_call(level, function, list, modifiers);
        let Some(query) = around(level).nth(depth).filter(|_| depth > 0) else {
            return Ok(None);
        };
        if query.clause.get() == Clause::From {
            return Err(Error::new(
                SqlState::GROUPING_ERROR,
                "aggregate functions are not allowed in FROM clause of their own query level",
            ));
        }
        let Some(value) = compute(query)? else {
            return Ok(None);
        };
        let over_groups = value.expr.transform_down(|part| {
            let Expr::AggregateFunction(_) = &part else {
                return Ok(Transformed::no(part));
            };
            let column = Column::new_unqualified(format!("\0outer{}", self.number()));
            let schema = self
                .schema_for(&[&part])
                .map_err(crate::engine::scope::external)?;
            let (_, field) = part.to_field(&schema)?;
            self.register(&column, &field, name.to_owned());
            let mut lifted = query.lifted.borrow_mut();
            lifted.push((column.name.clone(), part));
            Ok(Transformed::yes(Expr::Column(column)))
        });
        let value = Typed {
            expr: over_groups.converted()?.data,
            row: None,
            ..value
        };
        self.seen(level, value, depth).map(Some)
    }
}

/// A query's level and those around it.
pub(super) fn around<'l, 'p>(level: &'l Level<'p>) -> impl Iterator<Item = &'l Level<'p>> {
    std::iter::successors(Some(level), |level| level.parent)
}

/// How far out the innermost column of an aggregate's call is; 0 for one without columns. What is
/// in subqueries of it does not count: such a call is left where it stands.
fn depth_of_call(
    level: &Level<'_>,
    function: &Function,
    list: &ast::FunctionArgumentList,
    modifiers: &Modifiers<'_>,
) -> usize {
    if level.parent.is_none() {
        return 0;
    }
    let mut depth = None;
    let mut note = |found: Option<usize>| {
        depth = match (depth, found) {
            (Some(known), Some(found)) => Some(std::cmp::min::<usize>(known, found)),
            (known, found) => known.or(found),
        };
    };
    let args = list.args.iter().filter_map(|arg| match arg {
        FunctionArg::Unnamed(arg) | FunctionArg::Named { arg, .. } => Some(arg),
        FunctionArg::ExprNamed { .. } => None,
    });
    let mut exprs: Vec<&Ast> = Vec::new();
    for arg in args {
        match arg {
            FunctionArgExpr::Expr(expr) => exprs.push(expr),
            FunctionArgExpr::QualifiedWildcard(name) => {
                note(
                    name.0
                        .last()
                        .and_then(|last| of_relation(level, &part(last))),
                );
            }
            _ => {}
        }
    }
    let orders = modifiers.order.iter().chain(&function.within_group);
    exprs.extend(orders.map(|item| &item.expr));
    exprs.extend(function.filter.as_deref());
    for expr in exprs {
        let inside = ast::visit_expressions(expr, |expr| {
            match expr {
                Ast::Subquery(_) | Ast::Exists { .. } | Ast::InSubquery { .. } => {
                    return ControlFlow::Break(());
                }
                Ast::Identifier(ident) => {
                    let name = fold(ident);
                    note(of_column(level, &name).or_else(|| of_relation(level, &name)));
                }
                Ast::CompoundIdentifier(parts) => {
                    let relation = parts.len().checked_sub(2).and_then(|at| parts.get(at));
                    let found = relation.and_then(|name| of_relation(level, &fold(name)));
                    note(found.or_else(|| of_column(level, &fold(&parts[0]))));
                }
                Ast::QualifiedWildcard(name, _) => {
                    note(
                        name.0
                            .last()
                            .and_then(|last| of_relation(level, &part(last))),
                    );
                }
                _ => {}
            }
            ControlFlow::Continue(())
        });
        if inside.is_break() {
            return 0;
        }
    }
    depth.unwrap_or(0)
}

/// How far out the column of a name is; a parameter of a function is nowhere.
fn of_column(level: &Level<'_>, name: &str) -> Option<usize> {
    around(level).enumerate().find_map(|(depth, level)| {
        let columns = level.columns.borrow();
        let found = columns.iter().any(|column| column.name == name);
        found.then_some((!level.parameters).then_some(depth))
    })?
}

/// How far out the relation of a name is.
fn of_relation(level: &Level<'_>, name: &str) -> Option<usize> {
    around(level).enumerate().find_map(|(depth, level)| {
        let relations = level.relations.borrow();
        let found = relations.iter().any(|relation| relation.name == name);
        found.then_some((!level.parameters).then_some(depth))
    })?
}
