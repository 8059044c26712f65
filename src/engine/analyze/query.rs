//! Queries: WITH, one body or several combined, ORDER BY and LIMIT around it.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::TreeNode;
use datafusion::functions_window::row_number::row_number;
use datafusion::logical_expr::{
    EmptyRelation, Expr, LogicalPlan, LogicalPlanBuilder, Projection, SortExpr, Subquery, Union,
};
use sqlparser::ast::{self, Query, SetExpr};

use super::level::{Clause, Level};
use super::typed::Typed;
use super::with::Ctes;
use super::{Analyst, Converted, place};
use crate::base::{Error, Place, Result, SqlState};
use crate::engine::semantics;
use crate::types::PgType;

/// What the answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Rows of these columns and no others.
    Answer,
    /// The same, for a client: rows without a type of their own say what their fields are.
    Shown,
    /// The same, but what has no type yet may stay so: a side of a set operation.
    Arm,
    /// Rows that may be read in their order: columns that only ORDER BY needs stay, behind the
    /// others.
    Ordered,
}

/// A column of an answer.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Output {
    pub(in crate::engine) name: String,
    pub(in crate::engine) ty: PgType,
}

/// An analysed query.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) plan: LogicalPlan,
    /// The first columns of the plan.
    pub(super) columns: Vec<Output>,
    /// How the rows are ordered, over the plan's columns.
    pub(super) order: Vec<SortExpr>,
    /// References to the queries around.
    pub(super) outer: Vec<Expr>,
}

impl Answer {
    /// Output column `index` as an expression over the plan.
    pub(super) fn column(&self, index: usize) -> Typed {
        let column = Expr::from(self.plan.schema().qualified_field(index));
        Typed::new(column, self.columns[index].ty)
    }

    /// The same rows, of columns that are computed whether anybody wants them or not, if that does
    /// something.
    pub(super) fn with_effects(self) -> Result<Self> {
        let plan = semantics::with_effects(self.plan).converted()?;
        Ok(Self { plan, ..self })
    }

    /// The same rows in other columns, computed over the plan; what their order is told by stays
    /// behind them.
    pub(super) fn in_columns(self, mut exprs: Vec<Expr>, columns: Vec<Output>) -> Result<Self> {
        if !self.order.is_empty() {
            exprs.extend(self.plan.schema().iter().map(Expr::from));
        }
        Ok(Self {
            plan: project(exprs, self.plan)?,
            columns,
            order: self.order,
            outer: self.outer,
        })
    }

    /// The answer as a subquery in an expression.
    pub(super) fn into_subquery(self) -> Subquery {
        Subquery {
            subquery: Arc::new(self.plan),
            outer_ref_columns: self.outer,
            spans: Default::default(),
        }
    }
}

/// What stands behind a query's body.
#[derive(Clone, Copy)]
pub(super) struct Tail<'q> {
    pub(super) order: &'q [ast::OrderByExpr],
    pub(super) limit: Option<&'q ast::LimitClause>,
    pub(super) fetch: Option<&'q ast::Fetch>,
    pub(super) locks: &'q [ast::LockClause],
}

impl Tail<'_> {
    pub(super) const NONE: Self = Self {
        order: &[],
        limit: None,
        fetch: None,
        locks: &[],
    };

    fn is_none(&self) -> bool {
        self.order.is_empty()
            && self.limit.is_none()
            && self.fetch.is_none()
            && self.locks.is_empty()
    }
}

impl Analyst<'_> {
    /// A query inside `parent`, where the WITH names of `ctes` can be read.
    pub(super) fn query(
        &self,
        query: &Query,
        parent: Option<&Level<'_>>,
        ctes: Option<&Ctes<'_>>,
        wanted: Wanted,
    ) -> Result<Answer> {
        self.scope.watch.check()?;
        check(query)?;
        let order = match &query.order_by {
            Some(order) => match &order.kind {
                ast::OrderByKind::Expressions(order) => order.as_slice(),
                ast::OrderByKind::All(_) => return Err(Error::unsupported("ORDER BY ALL")),
            },
            None => &[],
        };
        let tail = Tail {
            order,
            limit: query.limit_clause.as_ref(),
            fetch: query.fetch.as_ref(),
            locks: &query.locks,
        };
        if let SetExpr::Query(inner) = query.body.as_ref() {
            check_once(query, inner)?;
        }
        match &query.with {
            Some(with) => {
                let ctes = self.with(with, query, parent, ctes)?;
                self.body(&query.body, tail, parent, Some(&ctes), wanted)
            }
            None => self.body(&query.body, tail, parent, ctes, wanted),
        }
    }

    pub(super) fn body(
        &self,
        body: &SetExpr,
        tail: Tail<'_>,
        parent: Option<&Level<'_>>,
        ctes: Option<&Ctes<'_>>,
        wanted: Wanted,
    ) -> Result<Answer> {
        super::locking::check_body(body, tail.locks)?;
        match body {
            SetExpr::Select(select) => self.select(select, tail, parent, ctes, wanted),
            SetExpr::Query(inner) if tail.is_none() => self.query(inner, parent, ctes, wanted),
            // What locks rows behind a query in parentheses is as good as in it.
            SetExpr::Query(inner) if !tail.locks.is_empty() => {
                let mut inner = inner.clone();
                inner.locks.extend_from_slice(tail.locks);
                let tail = Tail { locks: &[], ..tail };
                self.body(&SetExpr::Query(inner), tail, parent, ctes, wanted)
            }
            SetExpr::Query(inner) => {
                let answer = self.query(inner, parent, ctes, Wanted::Answer)?;
                self.ordered(answer, tail, parent, ctes, wanted)
            }
            SetExpr::SetOperation {
                left,
                op,
                set_quantifier,
                right,
            } => {
                let answer = self.combined((left, right), *op, *set_quantifier, parent, ctes)?;
                self.ordered(answer, tail, parent, ctes, wanted)
            }
            SetExpr::Values(values) => {
                let answer = self.values(values, parent, ctes, wanted)?;
                self.ordered(answer, tail, parent, ctes, wanted)
            }
            SetExpr::Table(table) => {
                let name = table.table_name.clone().unwrap_or_default();
                let text = match &table.schema_name {
                    Some(schema) => format!("SELECT * FROM {schema}.{name}"),
                    None => format!("SELECT * FROM {name}"),
                };
                // The printed names keep their quotes, so nothing is lost on the way.
                let all = crate::engine::parse_query(&text)?;
                self.body(&all.body, tail, parent, ctes, wanted)
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(Error::unsupported("a data-modifying statement in WITH"))
            }
        }
    }

    /// ORDER BY and LIMIT over an answer whose columns alone can be named.
    fn ordered(
        &self,
        answer: Answer,
        tail: Tail<'_>,
        parent: Option<&Level<'_>>,
        ctes: Option<&Ctes<'_>>,
        wanted: Wanted,
    ) -> Result<Answer> {
        let mut answer = answer;
        if wanted != Wanted::Arm {
            answer = self.settle(answer)?;
        }
        if tail.is_none() {
            return Ok(answer);
        }
        let level = Level::new(parent, ctes);
        let mut sort = Vec::new();
        let last = tail.order.len().checked_sub(1);
        let last = last.filter(|_| tail.leaves_ties());
        for (place, order) in tail.order.iter().enumerate() {
            let index = self.output_position(order, &answer)?;
            let key = self.order_key(answer.column(index), Some(place) == last)?;
            sort.extend(self.sort_keys(order, answer.columns[index].ty, key)?);
        }
        let plan = self.sorted(answer.plan, &sort)?;
        let plan = self.limited(&level, plan, tail, &sort)?;
        level.note(answer.outer);
        Ok(Answer {
            plan,
            columns: answer.columns,
            order: sort,
            outer: level.outer.into_inner(),
        })
    }

    /// Which output column ORDER BY after a set operation means.
    fn output_position(&self, order: &ast::OrderByExpr, answer: &Answer) -> Result<usize> {
        if let Some(position) = super::order::ordinal(&order.expr) {
            return super::order::in_list(&order.expr, position, answer.columns.len(), "ORDER BY");
        }
        let refused = || {
            Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "invalid UNION/INTERSECT/EXCEPT ORDER BY clause",
            )
            .detail("Only result column names can be used, not expressions or functions.")
            .hint(
                "Add the expression/function to every SELECT, or move the UNION into a FROM \
                 clause.",
            )
        };
        let ast::Expr::Identifier(ident) = &order.expr else {
            return Err(refused().or_at(place::start(&order.expr)));
        };
        let name = crate::engine::parse::fold(ident);
        let mut found = answer
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.name == name);
        match (found.next(), found.next()) {
            (Some((index, _)), None) => Ok(index),
            (Some(_), Some(_)) => Err(Error::new(
                SqlState::AMBIGUOUS_COLUMN,
                format!("ORDER BY \"{name}\" is ambiguous"),
            )),
            (None, _) => Err(super::at(
                Error::new(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column \"{name}\" does not exist"),
                ),
                ident.span,
            )),
        }
    }

    /// VALUES.
    fn values(
        &self,
        values: &ast::Values,
        parent: Option<&Level<'_>>,
        ctes: Option<&Ctes<'_>>,
        wanted: Wanted,
    ) -> Result<Answer> {
        let level = Level::new(parent, ctes);
        level.clause.set(Clause::Values);
        let mut rows = Vec::with_capacity(values.rows.len());
        for row in &values.rows {
            let row = row
                .content
                .iter()
                .map(|value| self.expression(&level, value))
                .collect::<Result<Vec<_>>>()?;
            rows.push(row);
        }
        let width = rows.first().map_or(0, Vec::len);
        if let Some(other) = rows.iter().find(|row| row.len() != width) {
            let other = other
                .first()
                .map_or(Place::Unknown, |value| value.place.clone());
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "VALUES lists must all be the same length",
            )
            .or_at(other));
        }
        let mut columns = Vec::with_capacity(width);
        for index in 0..width {
            let column: Vec<Typed> = rows.iter().map(|row| row[index].clone()).collect();
            let untyped = wanted == Wanted::Arm && column.iter().all(Typed::is_unknown);
            let (column, ty) = if untyped && column.len() == 1 {
                (column, PgType::UNKNOWN)
            } else {
                self.in_common(column, "VALUES")?
            };
            let column = self.one_type(column, ty)?;
            for (row, value) in rows.iter_mut().zip(column) {
                row[index] = value;
            }
            columns.push(Output {
                name: format!("column{}", index + 1),
                ty,
            });
        }
        let plan = self.value_rows(rows, &columns)?;
        Ok(Answer {
            plan,
            columns,
            order: Vec::new(),
            outer: level.outer.into_inner(),
        })
    }

    fn value_rows(&self, rows: Vec<Vec<Typed>>, columns: &[Output]) -> Result<LogicalPlan> {
        let plain = rows.iter().flatten().all(|value| {
            !value.expr.contains_outer()
                && !value
                    .expr
                    .exists(|part| Ok(is_subquery(part)))
                    .unwrap_or(true)
        });
        let row_exprs = |row: Vec<Typed>| -> Vec<Expr> {
            row.into_iter()
                .zip(columns)
                .map(|(value, column)| value.expr.alias(&column.name))
                .collect()
        };
        if plain {
            let exprs = rows
                .into_iter()
                .map(|row| row.into_iter().map(|value| value.expr).collect())
                .collect();
            let plan = LogicalPlanBuilder::values(exprs)
                .and_then(LogicalPlanBuilder::build)
                .converted()?;
            return Ok(plan);
        }
        // What refers to something outside is computed a row at a time.
        let mut arms = Vec::new();
        for row in rows {
            arms.push(Arc::new(project(row_exprs(row), one_row())?));
        }
        if let [only] = arms.as_slice() {
            return Ok(only.as_ref().clone());
        }
        Union::try_new_with_loose_types(arms)
            .map(LogicalPlan::Union)
            .converted()
    }
}

pub(super) fn is_subquery(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_)
    )
}

/// One row of no columns.
pub(super) fn one_row() -> LogicalPlan {
    LogicalPlan::EmptyRelation(EmptyRelation {
        produce_one_row: true,
        schema: Arc::new(datafusion::common::DFSchema::empty()),
    })
}

pub(super) fn project(exprs: Vec<Expr>, input: LogicalPlan) -> Result<LogicalPlan> {
    Projection::try_new(exprs, Arc::new(input))
        .map(LogicalPlan::Projection)
        .converted()
}

/// DataFusion's `row_number`.
pub(super) fn row_number_udwf() -> datafusion::logical_expr::WindowFunctionDefinition {
    match row_number() {
        Expr::WindowFunction(function) => function.fun,
        _ => unreachable!("row_number() is a window function"),
    }
}

/// `42601` for what stands both behind a query in parentheses and in it.
fn check_once(outer: &Query, inner: &Query) -> Result<()> {
    let says = |query: &Query| {
        let (limit, offset) = match &query.limit_clause {
            Some(ast::LimitClause::LimitOffset { limit, offset, .. }) => {
                (limit.is_some(), offset.is_some())
            }
            Some(_) => (true, true),
            None => (false, false),
        };
        [
            (query.order_by.is_some(), "ORDER BY"),
            (offset, "OFFSET"),
            (limit || query.fetch.is_some(), "LIMIT"),
            (query.with.is_some(), "WITH"),
        ]
    };
    let both = says(outer).into_iter().zip(says(inner));
    let mut twice = both.filter_map(|((outer, what), (inner, _))| (outer && inner).then_some(what));
    match twice.next() {
        Some(what) => Err(Error::new(
            SqlState::SYNTAX_ERROR,
            format!("multiple {what} clauses not allowed"),
        )),
        None => Ok(()),
    }
}

/// Clauses that are not PostgreSQL's, or not commons'.
fn check(query: &Query) -> Result<()> {
    if query.for_clause.is_some()
        || query.settings.is_some()
        || query.format_clause.is_some()
        || !query.pipe_operators.is_empty()
    {
        return Err(Error::unsupported("this clause after a query"));
    }
    if let Some(ast::LimitClause::OffsetCommaLimit { .. }) = query.limit_clause {
        return Err(
            Error::new(SqlState::SYNTAX_ERROR, "LIMIT #,# syntax is not supported")
                .hint("Use separate LIMIT and OFFSET clauses."),
        );
    }
    Ok(())
}

/// A column by its name alone.
pub(super) fn plain(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
