//! ORDER BY, DISTINCT, LIMIT and FETCH.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, ScalarValue};
use datafusion::functions_window::rank::rank;
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, Filter, Limit, LogicalPlan, Operator, Sort, SortExpr, Window, WindowFrame,
    WindowFunctionDefinition,
};
use sqlparser::ast::{self, Value, ValueWithSpan};

use super::coerce::{array_element, is_float};
use super::level::{Clause, Level};
use super::query::{Tail, is_subquery, plain, project, row_number_udwf};
use super::typed::{Typed, and, binary, int8, or};
use super::{Analyst, Converted, place};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::WITH_TIES;
use crate::engine::semantics::is_volatile;
use crate::types::PgType;

/// A bare integer, which in ORDER BY and GROUP BY is a position.
pub(super) fn ordinal(expr: &ast::Expr) -> Option<&str> {
    match expr {
        ast::Expr::Value(ValueWithSpan {
            value: Value::Number(text, _),
            ..
        }) if text.bytes().all(|b| b.is_ascii_digit()) => Some(text),
        ast::Expr::Nested(inner) => ordinal(inner),
        _ => None,
    }
}

/// Whether an expression is a constant as it is written, a sign before it included.
pub(super) fn is_written_constant(expr: &ast::Expr) -> bool {
    match expr {
        ast::Expr::Value(value) => !matches!(value.value, Value::Placeholder(_)),
        ast::Expr::UnaryOp {
            op: ast::UnaryOperator::Minus,
            expr,
        } => matches!(expr.as_ref(), ast::Expr::Value(ValueWithSpan {
            value: Value::Number(text, _),
            ..
        }) if text.bytes().any(|b| !b.is_ascii_digit())),
        ast::Expr::Nested(inner) => is_written_constant(inner),
        _ => false,
    }
}

/// A position, which is all of `expr`, as an index into a list of `length` outputs.
pub(super) fn in_list(
    expr: &ast::Expr,
    position: &str,
    length: usize,
    clause: &str,
) -> Result<usize> {
    position
        .parse::<usize>()
        .ok()
        .filter(|position| (1..=length).contains(position))
        .map(|position| position - 1)
        .ok_or_else(|| {
            Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!("{clause} position {position} is not in select list"),
            )
            .or_at(place::start(expr))
        })
}

impl Analyst<'_> {
    /// `key` in the direction an ORDER BY item asks for.
    pub(super) fn sort_expr(&self, order: &ast::OrderByExpr, key: Expr) -> Result<SortExpr> {
        if order.with_fill.is_some() {
            return Err(Error::unsupported("WITH FILL"));
        }
        let asc = order.options.asc.unwrap_or(true);
        // NULL is larger than every value.
        let nulls_first = order.options.nulls_first.unwrap_or(!asc);
        Ok(SortExpr::new(key, asc, nulls_first))
    }

    /// A value as one that rows are ordered by: zeros of either sign are one. They may be two
    /// where it does not matter in which order equal ones come (`last`).
    pub(super) fn order_key(&self, value: Typed, last: bool) -> Result<Expr> {
        let ty = value.base();
        let key = self.key(value)?;
        match is_float(ty) && !last && !matches!(key, Expr::Literal(..)) {
            true => self.one_zero(key, ty),
            false => Ok(key),
        }
    }

    /// The keys that order a value of a type as an ORDER BY item asks for.
    pub(super) fn sort_keys(
        &self,
        order: &ast::OrderByExpr,
        ty: PgType,
        key: Expr,
    ) -> Result<Vec<SortExpr>> {
        Ok(nulls_apart(ty, self.sort_expr(order, key)?))
    }

    pub(super) fn sorted(&self, plan: LogicalPlan, sort: &[SortExpr]) -> Result<LogicalPlan> {
        if sort.is_empty() {
            return Ok(plan);
        }
        let mut keys: Vec<SortExpr> = Vec::new();
        for key in sort {
            // A key that repeats decides nothing.
            if !keys.iter().any(|known| known.expr == key.expr) {
                keys.push(key.clone());
            }
        }
        Ok(LogicalPlan::Sort(Sort {
            expr: keys,
            input: Arc::new(plan),
            fetch: None,
        }))
    }

    /// LIMIT, OFFSET, FETCH FIRST.
    pub(super) fn limited(
        &self,
        level: &Level<'_>,
        plan: LogicalPlan,
        tail: Tail<'_>,
        sort: &[SortExpr],
    ) -> Result<LogicalPlan> {
        let (mut limit, mut offset) = (None, None);
        if let Some(ast::LimitClause::LimitOffset {
            limit: rows,
            offset: skipped,
            limit_by,
        }) = tail.limit
        {
            if !limit_by.is_empty() {
                return Err(Error::unsupported("LIMIT … BY"));
            }
            limit = rows.as_ref();
            offset = skipped.as_ref().map(|offset| &offset.value);
        }
        let mut ties = false;
        let one = ast::Expr::value(Value::Number("1".to_owned(), false));
        if let Some(fetch) = tail.fetch {
            if fetch.percent {
                return Err(Error::unsupported("FETCH FIRST … PERCENT"));
            }
            if limit.is_some() {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    "multiple LIMIT clauses not allowed",
                ));
            }
            ties = fetch.with_ties;
            limit = Some(fetch.quantity.as_ref().unwrap_or(&one));
        }
        if let Some(ast::Expr::Function(function)) = limit
            && let Some(count) = with_ties(function)
        {
            ties = true;
            limit = Some(count);
        }
        let fetch = self.row_count(level, limit, Clause::Limit)?;
        let skip = self.row_count(level, offset, Clause::Offset)?;
        if ties {
            if sort.is_empty() {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    "WITH TIES cannot be specified without ORDER BY clause",
                ));
            }
            return self.with_ties(plan, sort, skip, fetch);
        }
        if fetch.is_none() && skip.is_none() {
            return Ok(plan);
        }
        // A count that is found out by a query: rows by their number.
        let found_out = |count: &Option<Expr>| {
            count.iter().any(|count| {
                count
                    .exists(|part| Ok(matches!(part, Expr::ScalarSubquery(_))))
                    .unwrap_or(true)
                    || count.contains_outer()
                    || count.is_volatile()
            })
        };
        if found_out(&fetch) || found_out(&skip) {
            return self.by_number(plan, sort, skip, fetch);
        }
        Ok(LogicalPlan::Limit(Limit {
            skip: skip.map(Box::new),
            fetch: fetch.map(Box::new),
            input: Arc::new(plan),
        }))
    }

    /// A number of rows; `None` for all.
    fn row_count(
        &self,
        level: &Level<'_>,
        count: Option<&ast::Expr>,
        clause: Clause,
    ) -> Result<Option<Expr>> {
        let Some(count) = count else {
            return Ok(None);
        };
        if let ast::Expr::Identifier(ident) = count
            && ident.quote_style.is_none()
            && ident.value.eq_ignore_ascii_case("all")
        {
            return Ok(None);
        }
        let value = level.within(clause, || self.expression(level, count))?;
        if !value.expr.column_refs().is_empty() {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!("argument of {} must not contain variables", clause.name()),
            ));
        }
        let value = self.as_integer(value, PgType::INT8, clause.name())?;
        if super::operator::is_null(&value.expr) {
            return Ok(None);
        }
        if let Expr::Literal(ScalarValue::Int64(Some(rows)), _) = &value.expr
            && *rows < 0
        {
            let (state, word) = if clause == Clause::Limit {
                (SqlState::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE, "LIMIT")
            } else {
                (SqlState::INVALID_ROW_COUNT_IN_OFFSET_CLAUSE, "OFFSET")
            };
            return Err(Error::new(state, format!("{word} must not be negative")));
        }
        Ok(Some(value.expr))
    }

    /// LIMIT and OFFSET as conditions on the number of a row.
    fn by_number(
        &self,
        plan: LogicalPlan,
        sort: &[SortExpr],
        skip: Option<Expr>,
        fetch: Option<Expr>,
    ) -> Result<LogicalPlan> {
        let row = format!("\0row{}", self.number());
        let columns: Vec<Expr> = plan.schema().iter().map(Expr::from).collect();
        let number = numbering(row_number_udwf(), sort).alias(&row);
        let plan = Window::try_new(vec![number], Arc::new(plan))
            .map(LogicalPlan::Window)
            .converted()?;
        let number = super::typed::cast(plain(&row), PgType::INT8);
        let none = |count: Expr| self.native("coalesce", vec![count, int8(0).expr]);
        let skipped = match skip {
            Some(skip) => none(skip)?.expr,
            None => int8(0).expr,
        };
        let mut kept = binary(number.clone(), Operator::Gt, skipped.clone());
        if let Some(fetch) = fetch {
            let last = binary(skipped, Operator::Plus, fetch.clone());
            // NULL is no limit.
            let within = or(fetch.is_null(), binary(number, Operator::LtEq, last));
            kept = and(kept, within);
        }
        let plan = Filter::try_new(kept, Arc::new(plan))
            .map(LogicalPlan::Filter)
            .converted()?;
        let plan = self.sorted(plan, sort)?;
        project(columns, plan)
    }

    /// FETCH FIRST … WITH TIES: rows whose rank is within the count.
    fn with_ties(
        &self,
        plan: LogicalPlan,
        sort: &[SortExpr],
        skip: Option<Expr>,
        fetch: Option<Expr>,
    ) -> Result<LogicalPlan> {
        let number = self.number();
        let (row, place) = (format!("\0row{number}"), format!("\0rank{number}"));
        let window = |fun, name: &str| numbering(fun, sort).alias(name);
        let Expr::WindowFunction(ranked) = rank() else {
            return Err(Error::unsupported("WITH TIES"));
        };
        let columns: Vec<Expr> = plan.schema().iter().map(Expr::from).collect();
        let exprs = vec![window(row_number_udwf(), &row), window(ranked.fun, &place)];
        let plan = Window::try_new(exprs, Arc::new(plan))
            .map(LogicalPlan::Window)
            .converted()?;
        let skipped = skip.unwrap_or_else(|| int8(0).expr);
        let bigint = |name: &str| super::typed::cast(plain(name), PgType::INT8);
        let mut kept = binary(bigint(&row), Operator::Gt, skipped.clone());
        if let Some(fetch) = fetch {
            let last = binary(skipped, Operator::Plus, fetch);
            kept = and(kept, binary(bigint(&place), Operator::LtEq, last));
        }
        let plan = Filter::try_new(kept, Arc::new(plan))
            .map(LogicalPlan::Filter)
            .converted()?;
        let plan = self.sorted(plan, sort)?;
        project(columns, plan)
    }
}

impl Tail<'_> {
    /// Whether it does not matter in which order rows come that the last key does not tell apart.
    pub(super) fn leaves_ties(&self) -> bool {
        let limited = match self.limit {
            Some(ast::LimitClause::LimitOffset {
                limit: Some(ast::Expr::Function(limit)),
                ..
            }) => with_ties(limit).is_some(),
            _ => false,
        };
        !limited && !self.fetch.is_some_and(|fetch| fetch.with_ties)
    }
}

/// The number of rows of a LIMIT that lets in rows as good as its last.
fn with_ties(function: &ast::Function) -> Option<&ast::Expr> {
    let [ast::ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
        return None;
    };
    let ast::FunctionArguments::List(list) = &function.args else {
        return None;
    };
    match list.args.as_slice() {
        [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(count))]
            if name.value == WITH_TIES =>
        {
            Some(count)
        }
        _ => None,
    }
}

/// Whether Arrow would order NULLs in arrays by where NULLs themselves are wanted. To PostgreSQL an
/// element that is NULL is greater than any other, wherever an array that is NULL comes.
pub(super) fn lifts_nulls(ty: PgType, key: &SortExpr) -> bool {
    array_element(ty).is_some() && key.nulls_first == key.asc
}

/// A key, behind another one for its NULLs where these would take NULLs in arrays with them.
pub(super) fn nulls_apart(ty: PgType, key: SortExpr) -> Vec<SortExpr> {
    if !lifts_nulls(ty, &key) {
        return vec![key];
    }
    let nulls = SortExpr::new(key.expr.clone().is_null(), !key.nulls_first, false);
    let nulls_first = !key.asc;
    vec![nulls, SortExpr { nulls_first, ..key }]
}

/// A window function without arguments over rows in this order.
fn numbering(fun: WindowFunctionDefinition, sort: &[SortExpr]) -> Expr {
    Expr::WindowFunction(Box::new(WindowFunction {
        fun,
        params: WindowFunctionParams {
            args: Vec::new(),
            partition_by: Vec::new(),
            order_by: sort.to_vec(),
            window_frame: WindowFrame::new((!sort.is_empty()).then_some(true)),
            filter: None,
            null_treatment: None,
            distinct: false,
        },
    }))
}

/// What is computed before the rows are sorted and, if that is not all, what after: a volatile
/// value is computed for the rows that are shown, in their order.
pub(super) fn put_off(
    exprs: Vec<Expr>,
    names: &[String],
    keys: &[(usize, SortExpr)],
) -> Result<(Vec<Expr>, Option<Vec<Expr>>)> {
    let is_late = |index: usize, expr: &Expr| {
        !keys.is_empty()
            && is_volatile(expr)
            && keys.iter().all(|(key, _)| *key != index)
            && !expr.exists(|part| Ok(is_subquery(part))).unwrap_or(true)
    };
    if !(exprs.iter().enumerate()).any(|(index, expr)| is_late(index, expr)) {
        return Ok((aliased(exprs, names), None));
    }
    let (mut early, mut late) = (Vec::new(), Vec::new());
    // Columns that are wanted afterwards, under names of their own.
    let mut kept: Vec<Column> = Vec::new();
    let own = |index: usize| format!("\0late{index}");
    for (index, (expr, name)) in exprs.into_iter().zip(names).enumerate() {
        if !is_late(index, &expr) {
            early.push(expr.alias(name));
            late.push(plain(name));
            continue;
        }
        let over = expr.transform(|part| {
            Ok(match part {
                Expr::Column(column) => {
                    let known = kept.iter().position(|known| *known == column);
                    let at = known.unwrap_or_else(|| {
                        kept.push(column);
                        kept.len() - 1
                    });
                    Transformed::yes(plain(&own(at)))
                }
                part => Transformed::no(part),
            })
        });
        late.push(over.converted()?.data.alias(name));
    }
    let kept = kept.into_iter().enumerate();
    early.extend(kept.map(|(at, column)| Expr::Column(column).alias(own(at))));
    Ok((early, Some(late)))
}

/// Expressions under their names.
pub(super) fn aliased(exprs: Vec<Expr>, names: &[String]) -> Vec<Expr> {
    let named = exprs.into_iter().zip(names);
    named.map(|(expr, name)| expr.alias(name)).collect()
}
