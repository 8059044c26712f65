//! PostgreSQL's SQL as DataFusion plans it: the tree sqlparser made, rewritten without changing
//! what it asks for.
//!
//! * Output columns get PostgreSQL's names, made unique where DataFusion wants that ([`names`]).
//! * Spellings DataFusion lacks become ones it has ([`expressions`], [`relations`], [`using`]).
//! * Whatever DataFusion would drop without a word is refused here.

mod empty;
mod expressions;
mod names;
mod relations;
mod sets;
mod tableoid;
mod using;

use std::ops::ControlFlow;

use sqlparser::ast::{
    self, Expr, LimitClause, Query, Select, SelectItem, SetExpr, TableFactor, VisitMut, VisitorMut,
    With,
};

use super::scope::Scope;
use crate::base::limits::{COLUMNS_MAX, EXPRESSION_DEPTH_MAX};
use crate::base::{Error, Result, SqlState};

/// Rewrites a query.
pub(super) fn normalise(scope: &Scope<'_>, mut query: Query) -> Result<Query> {
    empty::prune(scope, &mut query);
    let mut normaliser = Normaliser {
        scope,
        using: using::occurs(&query),
        with: Vec::new(),
    };
    match query.visit(&mut normaliser) {
        ControlFlow::Continue(()) => Ok(query),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Rewrites on the way: queries and relations before what is in them, expressions after.
struct Normaliser<'a> {
    scope: &'a Scope<'a>,
    /// Whether some join is by name.
    using: bool,
    /// The WITH clauses around, the nearest last; kept only if some join is by name.
    with: Vec<With>,
}

/// A result as the visitor's answer.
fn flow(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

impl VisitorMut for Normaliser<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        if self.using {
            // A query without WITH counts too, so that leaving one always takes one away.
            self.with.push(query.with.clone().unwrap_or_else(no_with));
            let with: Vec<With> = self
                .with
                .iter()
                .filter(|with| !with.cte_tables.is_empty())
                .cloned()
                .collect();
            flow(using::spell_out(self.scope, &with, query))?;
        }
        flow(normalise_query(query))
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Error> {
        self.with.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        flow(check_select(select))
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        // Afterwards, so that what a subquery means by it is settled first.
        tableoid::normalise(self.scope, select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        flow(relations::normalise(self.scope, factor))
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Error> {
        flow(expressions::normalise(self.scope, expression))
    }
}

fn normalise_query(query: &mut Query) -> Result<()> {
    if let Some(lock) = query.locks.first() {
        return Err(Error::unsupported(format!("SELECT … {lock}")));
    }
    if query.for_clause.is_some()
        || query.settings.is_some()
        || query.format_clause.is_some()
        || !query.pipe_operators.is_empty()
    {
        return Err(Error::unsupported("this clause after a query"));
    }
    if let Some(with) = &query.with {
        for cte in &with.cte_tables {
            if matches!(
                cte.query.body.as_ref(),
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
            ) {
                return Err(Error::unsupported("a data-modifying statement in WITH"));
            }
        }
    }
    fetch_to_limit(query)?;
    if let Some(LimitClause::OffsetCommaLimit { .. }) = query.limit_clause {
        return Err(
            Error::new(SqlState::SYNTAX_ERROR, "LIMIT #,# syntax is not supported")
                .hint("Use separate LIMIT and OFFSET clauses."),
        );
    }
    if let SetExpr::Table(table) = query.body.as_mut() {
        *query.body = select_all(table)?;
    }
    names::name_outputs(query)
}

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`.
fn fetch_to_limit(query: &mut Query) -> Result<()> {
    let Some(fetch) = query.fetch.take() else {
        return Ok(());
    };
    if fetch.with_ties || fetch.percent {
        return Err(Error::unsupported("FETCH FIRST … WITH TIES or PERCENT"));
    }
    let rows = fetch.quantity.unwrap_or_else(|| number("1"));
    match &mut query.limit_clause {
        None => {
            query.limit_clause = Some(LimitClause::LimitOffset {
                limit: Some(rows),
                offset: None,
                limit_by: Vec::new(),
            });
        }
        Some(LimitClause::LimitOffset { limit, .. }) if limit.is_none() => *limit = Some(rows),
        Some(_) => {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "multiple LIMIT clauses not allowed",
            ));
        }
    }
    Ok(())
}

/// `TABLE t` is `SELECT * FROM t`.
fn select_all(table: &ast::Table) -> Result<SetExpr> {
    let name = table.table_name.clone().unwrap_or_default();
    let text = match &table.schema_name {
        Some(schema) => format!("SELECT * FROM {schema}.{name}"),
        None => format!("SELECT * FROM {name}"),
    };
    // The printed names keep their quotes, so nothing is lost on the way.
    Ok(*super::parse_query(&text)?.body)
}

/// Refuses clauses that are not PostgreSQL's and that DataFusion would ignore or take.
fn check_select(select: &Select) -> Result<()> {
    let refused = [
        (select.top.is_some(), "SELECT TOP"),
        (select.exclude.is_some(), "SELECT * EXCLUDE"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (select.qualify.is_some(), "QUALIFY"),
        (select.value_table_mode.is_some(), "SELECT AS VALUE"),
        (
            matches!(select.group_by, ast::GroupByExpr::All(_)),
            "GROUP BY ALL",
        ),
        (
            matches!(&select.group_by, ast::GroupByExpr::Expressions(_, with) if !with.is_empty()),
            "GROUP BY … WITH",
        ),
    ];
    if let Some((_, what)) = refused.into_iter().find(|(present, _)| *present) {
        return Err(Error::unsupported(what));
    }
    if select.into.is_some() {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "SELECT ... INTO is not allowed here",
        ));
    }
    if select.projection.len() > COLUMNS_MAX {
        return Err(Error::new(
            SqlState::TOO_MANY_COLUMNS,
            format!("target lists can have at most {COLUMNS_MAX} entries"),
        ));
    }
    let relations: usize = select.from.iter().map(|from| 1 + from.joins.len()).sum();
    if relations > EXPRESSION_DEPTH_MAX {
        return Err(Error::new(
            SqlState::STATEMENT_TOO_COMPLEX,
            format!("a query can join at most {EXPRESSION_DEPTH_MAX} relations"),
        ));
    }
    for item in &select.projection {
        if let SelectItem::ExprWithAliases { .. } = item {
            return Err(Error::unsupported("a list of names after AS"));
        }
        if let SelectItem::QualifiedWildcard(_, options) | SelectItem::Wildcard(options) = item
            && (options.opt_ilike.is_some()
                || options.opt_exclude.is_some()
                || options.opt_except.is_some()
                || options.opt_replace.is_some()
                || options.opt_rename.is_some())
        {
            return Err(Error::unsupported("an option after *"));
        }
    }
    Ok(())
}

/// No WITH clause.
fn no_with() -> With {
    With {
        with_token: ast::helpers::attached_token::AttachedToken::empty(),
        recursive: false,
        cte_tables: Vec::new(),
    }
}

/// A number as an expression.
fn number(text: &str) -> Expr {
    Expr::value(ast::Value::Number(text.to_owned(), false))
}
