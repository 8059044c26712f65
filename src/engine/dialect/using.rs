//! JOIN … USING and NATURAL JOIN spelt out: the condition, which side a merged column comes from,
//! and what `*` means.
//!
//! DataFusion knows USING, but takes a merged column from whichever table comes first in the
//! alphabet, so that outer joins would answer NULL where the other side has the value.

use std::ops::ControlFlow;

use datafusion::sql::planner::SqlToRel;
use sqlparser::ast::{
    self, BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator, ObjectNamePart, OrderByKind,
    Query, Select, SelectItem, SetExpr, TableAlias, TableFactor, TableWithJoins, Visit, VisitMut,
    Visitor, VisitorMut, With,
};

use super::{expressions, names, normalise};
use crate::base::{Error, Result, SqlState};
use crate::engine::error::convert;
use crate::engine::parse::fold;
use crate::engine::scope::Scope;

/// Whether a query has such a join anywhere: most have none, and then nothing here is worth doing.
pub(super) fn occurs(query: &Query) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
            if select.from.iter().any(joins_by_name) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }
    query.visit(&mut Finder).is_break()
}

fn joins_by_name(from: &TableWithJoins) -> bool {
    let nested = |factor: &TableFactor| match factor {
        TableFactor::NestedJoin {
            table_with_joins, ..
        } => joins_by_name(table_with_joins),
        _ => false,
    };
    nested(&from.relation)
        || from.joins.iter().any(|join| {
            nested(&join.relation)
                || matches!(
                    constraint(&join.join_operator),
                    Some(JoinConstraint::Using(_) | JoinConstraint::Natural)
                )
        })
}

/// Spells out the joins of a query's own SELECTs. `with` are the WITH clauses around it, the
/// nearest last.
pub(super) fn spell_out(scope: &Scope<'_>, with: &[With], query: &mut Query) -> Result<()> {
    let order = &mut query.order_by;
    spell_out_body(scope, with, &mut query.body, order.as_mut())
}

fn spell_out_body(
    scope: &Scope<'_>,
    with: &[With],
    body: &mut SetExpr,
    order: Option<&mut ast::OrderBy>,
) -> Result<()> {
    match body {
        SetExpr::Select(select) if select.from.iter().any(joins_by_name) => {
            spell_out_select(scope, with, select, order)
        }
        SetExpr::SetOperation { left, right, .. } => {
            spell_out_body(scope, with, left, None)?;
            spell_out_body(scope, with, right, None)
        }
        _ => Ok(()),
    }
}

/// A column of FROM.
#[derive(Clone)]
struct Output {
    name: String,
    expression: Expr,
    /// Made of two columns: its bare name means this expression.
    merged: bool,
}

fn spell_out_select(
    scope: &Scope<'_>,
    with: &[With],
    select: &mut Select,
    order: Option<&mut ast::OrderBy>,
) -> Result<()> {
    let mut joins = Joins {
        scope,
        with,
        derived: 0,
    };
    let mut outputs = Vec::new();
    for from in &mut select.from {
        outputs.extend(joins.tree(from)?);
    }
    let merged: Vec<Output> = outputs
        .iter()
        .filter(|output| {
            output.merged
                && outputs
                    .iter()
                    .filter(|other| other.name == output.name)
                    .count()
                    == 1
        })
        .cloned()
        .collect();
    for item in &mut select.projection {
        // The column keeps its name whatever stands for it.
        if let SelectItem::UnnamedExpr(Expr::Identifier(ident)) = item
            && let Some(output) = merged.iter().find(|output| output.name == fold(ident))
        {
            *item = as_item(output);
        }
    }
    let mut expanded = Vec::with_capacity(select.projection.len());
    for item in select.projection.drain(..) {
        match item {
            SelectItem::Wildcard(_) => expanded.extend(outputs.iter().map(as_item)),
            item => expanded.push(item),
        }
    }
    select.projection = expanded;
    let named: Vec<Option<String>> = select.projection.iter().map(names::item_name).collect();
    let mut bare = Bare { merged, depth: 0 };
    if let ControlFlow::Break(never) = select.visit(&mut bare) {
        match never {}
    }
    if let Some(order) = order
        && let OrderByKind::Expressions(expressions) = &mut order.kind
    {
        for order in expressions {
            let output = matches!(&order.expr, Expr::Identifier(ident)
                if named.contains(&Some(fold(ident))));
            if !output && let ControlFlow::Break(never) = order.visit(&mut bare) {
                match never {}
            }
        }
    }
    Ok(())
}

fn as_item(output: &Output) -> SelectItem {
    if matches!(output.expression, Expr::CompoundIdentifier(_)) {
        SelectItem::UnnamedExpr(output.expression.clone())
    } else {
        SelectItem::ExprWithAlias {
            expr: output.expression.clone(),
            alias: Ident::with_quote('"', &output.name),
        }
    }
}

/// Puts what a merged column means in place of its bare name; subqueries have names of their own.
struct Bare {
    merged: Vec<Output>,
    depth: usize,
}

impl VisitorMut for Bare {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        if self.depth == 0
            && let Expr::Identifier(ident) = expression
            && let Some(output) = self.merged.iter().find(|output| output.name == fold(ident))
        {
            *expression = output.expression.clone();
        }
        ControlFlow::Continue(())
    }
}

/// The relations of one FROM.
struct Joins<'a> {
    scope: &'a Scope<'a>,
    with: &'a [With],
    derived: usize,
}

impl Joins<'_> {
    /// The columns of a tree of joins; its conditions are spelt out on the way.
    fn tree(&mut self, from: &mut TableWithJoins) -> Result<Vec<Output>> {
        let mut left = self.factor(&mut from.relation)?;
        for join in &mut from.joins {
            let right = self.factor(&mut join.relation)?;
            let keep = Keep::of(&join.join_operator);
            let Some(constraint) = constraint_mut(&mut join.join_operator) else {
                left.extend(right);
                continue;
            };
            let common = match constraint {
                JoinConstraint::Using(columns) => columns
                    .iter()
                    .map(|name| match name.0.as_slice() {
                        [ObjectNamePart::Identifier(ident)] => Ok(fold(ident)),
                        _ => Err(Error::new(SqlState::SYNTAX_ERROR, "syntax error in USING")),
                    })
                    .collect::<Result<Vec<_>>>()?,
                JoinConstraint::Natural => left
                    .iter()
                    .map(|output| output.name.clone())
                    .filter(|name| right.iter().any(|other| other.name == *name))
                    .collect(),
                JoinConstraint::On(_) | JoinConstraint::None => {
                    left.extend(right);
                    continue;
                }
            };
            let mut condition: Option<Expr> = None;
            let mut outputs = Vec::with_capacity(left.len() + right.len());
            for name in &common {
                let a = only(&left, name, "left")?;
                let b = only(&right, name, "right")?;
                let equal = binary(a.clone(), BinaryOperator::Eq, b.clone());
                condition = Some(match condition {
                    Some(condition) => binary(condition, BinaryOperator::And, equal),
                    None => equal,
                });
                outputs.push(Output {
                    name: name.clone(),
                    expression: keep.of_two(a, b),
                    merged: true,
                });
            }
            *constraint = JoinConstraint::On(condition.unwrap_or_else(|| {
                // NATURAL without a common column joins everything.
                Expr::value(ast::Value::Boolean(true))
            }));
            outputs.extend(
                left.into_iter()
                    .filter(|output| !common.contains(&output.name)),
            );
            outputs.extend(
                right
                    .into_iter()
                    .filter(|output| !common.contains(&output.name)),
            );
            left = outputs;
        }
        Ok(left)
    }

    fn factor(&mut self, factor: &mut TableFactor) -> Result<Vec<Output>> {
        if let TableFactor::NestedJoin {
            table_with_joins,
            alias: None,
        } = factor
        {
            return self.tree(table_with_joins);
        }
        if let TableFactor::Derived {
            alias: alias @ None,
            ..
        } = factor
        {
            self.derived += 1;
            *alias = Some(TableAlias {
                explicit: true,
                name: Ident::with_quote('"', format!("\0d{}", self.derived)),
                columns: Vec::new(),
                at: None,
            });
        }
        let qualifier = qualifier(factor)
            .ok_or_else(|| Error::unsupported("USING beside this kind of relation"))?;
        let columns = self.columns(factor)?;
        Ok(columns
            .into_iter()
            .map(|name| {
                let mut parts = qualifier.clone();
                parts.push(Ident::with_quote('"', &name));
                Output {
                    name,
                    expression: Expr::CompoundIdentifier(parts),
                    merged: false,
                }
            })
            .collect())
    }

    /// The names of a relation's columns: planned on its own, with the WITH queries it may mean.
    fn columns(&self, factor: &TableFactor) -> Result<Vec<String>> {
        let mut query = crate::engine::parse_query("SELECT * FROM x")?;
        let tables: Vec<_> = self
            .with
            .iter()
            .flat_map(|with| with.cte_tables.iter().cloned())
            .collect();
        if let Some(nearest) = self.with.last()
            && !tables.is_empty()
        {
            query.with = Some(With {
                recursive: self.with.iter().any(|with| with.recursive),
                cte_tables: tables,
                ..nearest.clone()
            });
        }
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.from = vec![TableWithJoins {
                relation: factor.clone(),
                joins: Vec::new(),
            }];
        }
        let query = normalise(self.scope, *query)?;
        let plan = SqlToRel::new_with_options(self.scope, crate::engine::bind::parser_options())
            .sql_statement_to_plan(ast::Statement::Query(Box::new(query)))
            .map_err(convert)?;
        Ok(plan
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect())
    }
}

/// What a relation's columns may be qualified with.
fn qualifier(factor: &TableFactor) -> Option<Vec<Ident>> {
    let alias = match factor {
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::NestedJoin { alias, .. } => alias,
        _ => return None,
    };
    match (alias, factor) {
        (Some(alias), _) => Some(vec![alias.name.clone()]),
        (None, TableFactor::Table { name, args, .. }) => {
            let parts: Option<Vec<Ident>> =
                name.0.iter().map(|part| part.as_ident().cloned()).collect();
            match args {
                // A function's rows go by the function's name.
                Some(_) => parts
                    .and_then(|mut parts| parts.pop())
                    .map(|name| vec![name]),
                None => parts,
            }
        }
        (None, _) => None,
    }
}

/// The only column of this name on one side.
fn only(outputs: &[Output], name: &str, side: &str) -> Result<Expr> {
    let mut found = outputs.iter().filter(|output| output.name == name);
    match (found.next(), found.next()) {
        (Some(output), None) => Ok(output.expression.clone()),
        (None, _) => Err(Error::new(
            SqlState::UNDEFINED_COLUMN,
            format!("column \"{name}\" specified in USING clause does not exist in {side} table"),
        )),
        (Some(_), Some(_)) => Err(Error::new(
            SqlState::AMBIGUOUS_COLUMN,
            format!("common column name \"{name}\" appears more than once in {side} table"),
        )),
    }
}

/// Which side a merged column comes from.
#[derive(Clone, Copy)]
enum Keep {
    Left,
    Right,
    Either,
}

impl Keep {
    fn of(operator: &JoinOperator) -> Self {
        match operator {
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => Self::Right,
            JoinOperator::FullOuter(_) => Self::Either,
            _ => Self::Left,
        }
    }

    fn of_two(self, left: Expr, right: Expr) -> Expr {
        match self {
            Self::Left => left,
            Self::Right => right,
            Self::Either => expressions::call("coalesce", vec![left, right]),
        }
    }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}

fn constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}

fn constraint_mut(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}
