//! SELECTs over system relations that never have rows.
//!
//! Clients ask after indexes, triggers, policies, partitions and publications of every table, in
//! queries full of what DataFusion cannot plan (subqueries correlated two levels deep, WITH
//! ORDINALITY, subscripts of columns). Where an inner join reads a relation commons has no rows
//! for, the answer is known: the SELECT becomes one that is false everywhere, and the subqueries in
//! it, which would never run, become constants. Names in what is left are still looked up.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, Function, FunctionArguments, GroupByExpr,
    JoinOperator, ObjectName, Query, Select, SetExpr, TableFactor, TableWithJoins, Value, Visit,
    VisitMut, Visitor, VisitorMut,
};

use super::relations::joined;
use crate::engine::parse::fold;
use crate::engine::scope::Scope;
use crate::engine::source::RelationBody;

/// Empties every SELECT of the query that cannot have rows.
pub(super) fn prune(scope: &Scope<'_>, query: &mut Query) {
    let mut names = CteNames(HashSet::new());
    let _ = Visit::visit(query, &mut names);
    let _ = VisitMut::visit(
        query,
        &mut Pruner {
            scope,
            ctes: names.0,
        },
    );
}

/// Names WITH gives: an unqualified one may stand for something else than the system relation.
struct CteNames(HashSet<String>);

impl Visitor for CteNames {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(ctes.map(|cte| fold(&cte.alias.name)));
        ControlFlow::Continue(())
    }
}

struct Pruner<'a> {
    scope: &'a Scope<'a>,
    ctes: HashSet<String>,
}

impl VisitorMut for Pruner<'_> {
    type Break = ();

    /// On the way down: subqueries of an emptied SELECT are gone before they are looked at.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if self.is_empty(select) {
            self.empty(select);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let gone = match &*expression {
            Expr::Subquery(query) => self.gives_nothing(query).then(null),
            Expr::Exists { subquery, negated } => {
                self.gives_nothing(subquery).then(|| boolean(*negated))
            }
            Expr::InSubquery {
                subquery, negated, ..
            } => self.gives_nothing(subquery).then(|| boolean(*negated)),
            Expr::Function(function) => array_subquery(function)
                .is_some_and(|query| self.gives_nothing(query))
                .then(empty_array),
            _ => None,
        };
        if let Some(constant) = gone {
            *expression = constant;
        }
        ControlFlow::Continue(())
    }
}

impl Pruner<'_> {
    /// Whether a query is one SELECT without rows.
    fn gives_nothing(&self, query: &Query) -> bool {
        match query.body.as_ref() {
            SetExpr::Select(select) => self.is_empty(select) && !self.aggregates(select),
            SetExpr::Query(query) => self.gives_nothing(query),
            _ => false,
        }
    }

    /// Whether no row can come out of the FROM clause.
    fn is_empty(&self, select: &Select) -> bool {
        select.from.iter().any(|item| self.item_is_empty(item))
    }

    fn item_is_empty(&self, item: &TableWithJoins) -> bool {
        let mut empty = self.factor_is_empty(&item.relation);
        for join in &item.joins {
            let right = self.factor_is_empty(&join.relation);
            empty = match join.join_operator {
                JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_) => {
                    empty || right
                }
                JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => empty,
                JoinOperator::Right(_) | JoinOperator::RightOuter(_) => right,
                JoinOperator::FullOuter(_) => empty && right,
                // Other dialects' joins are refused elsewhere.
                _ => return false,
            };
        }
        empty
    }

    fn factor_is_empty(&self, factor: &TableFactor) -> bool {
        match factor {
            TableFactor::Table {
                name, args: None, ..
            } => self.names_empty(name),
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => self.item_is_empty(table_with_joins),
            TableFactor::Derived { subquery, .. } => self.gives_nothing(subquery),
            _ => false,
        }
    }

    fn names_empty(&self, name: &ObjectName) -> bool {
        let name = joined(name);
        let (schema, name) = match name.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None if self.ctes.contains(&name) => return false,
            None => (None, name.as_str()),
        };
        self.scope
            .find(schema, name)
            .is_some_and(|source| match source.body {
                RelationBody::System(relation) => relation.is_always_empty(),
                RelationBody::Stored(_) | RelationBody::Local(_) | RelationBody::Function(..) => {
                    false
                }
            })
    }

    /// Whether the SELECT aggregates without groups: then it has a row although nothing comes in.
    fn aggregates(&self, select: &Select) -> bool {
        let no_groups = match &select.group_by {
            GroupByExpr::Expressions(groups, _) => groups.is_empty(),
            GroupByExpr::All(_) => false,
        };
        let mut finder = AggregateFinder {
            depth: 0,
            found: select.having.is_some(),
        };
        for item in &select.projection {
            let _ = Visit::visit(item, &mut finder);
        }
        no_groups && finder.found
    }

    /// Makes the SELECT false everywhere, and takes out what would never run.
    fn empty(&self, select: &mut Select) {
        select.selection = Some(boolean(false));
        for item in &mut select.projection {
            let _ = VisitMut::visit(item, &mut SubqueriesOut);
        }
        for item in &mut select.from {
            for join in &mut item.joins {
                let _ = VisitMut::visit(join, &mut SubqueriesOut);
            }
        }
        // What ordered nothing need not be planned; names of WITH ORDINALITY would not be found.
        let keep: Vec<TableWithJoins> = std::mem::take(&mut select.from)
            .into_iter()
            .filter(|item| !matches!(item.relation, TableFactor::Function { .. }))
            .collect();
        select.from = keep;
    }
}

/// Replaces subqueries by constants.
struct SubqueriesOut;

impl VisitorMut for SubqueriesOut {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let constant = match &*expression {
            Expr::Subquery(_) => Some(null()),
            Expr::Exists { .. } | Expr::InSubquery { .. } => Some(boolean(false)),
            Expr::Function(function) if array_subquery(function).is_some() => Some(empty_array()),
            _ => None,
        };
        if let Some(constant) = constant {
            *expression = constant;
        }
        ControlFlow::Continue(())
    }
}

/// Looks for aggregates, but not in subqueries.
struct AggregateFinder {
    depth: usize,
    found: bool,
}

impl Visitor for AggregateFinder {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expression
            && self.depth == 0
            && function.over.is_none()
        {
            let name = joined(&function.name);
            let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
            self.found |= crate::functions::aggregate(name).is_some();
        }
        ControlFlow::Continue(())
    }
}

/// The query of `ARRAY(SELECT …)`.
fn array_subquery(function: &Function) -> Option<&Query> {
    match &function.args {
        FunctionArguments::Subquery(query) if joined(&function.name) == "array" => Some(query),
        _ => None,
    }
}

fn null() -> Expr {
    Expr::Value(Value::Null.into())
}

fn boolean(value: bool) -> Expr {
    Expr::Value(Value::Boolean(value).into())
}

/// `'{}'::text[]`
fn empty_array() -> Expr {
    Expr::Cast {
        kind: CastKind::DoubleColon,
        expr: Box::new(Expr::Value(Value::SingleQuotedString("{}".into()).into())),
        data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(
            Box::new(DataType::Text),
            None,
        )),
        array: false,
        format: None,
    }
}
