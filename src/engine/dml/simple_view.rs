//! Which views may be looked through: PostgreSQL's rules, and what is left out of them.

use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{self, Expr, SelectItem, SetExpr, TableFactor};

use super::target;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Relation, TriggerEvent, View};
use crate::engine::Engine;
use crate::engine::parse::without_only;
use crate::statement::StatementContext;

/// The body of a view that may be looked through, and what it calls what it reads; the inner result
/// is for what PostgreSQL can and commons cannot, the outer says why PostgreSQL cannot.
pub(super) fn simple<'q>(
    context: &StatementContext,
    query: &'q ast::Query,
    view: &View,
) -> std::result::Result<Result<(&'q ast::Select, Source)>, &'static str> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return Err(match query.body.as_ref() {
            SetExpr::SetOperation { .. } => {
                "Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable."
            }
            _ => {
                "Views that do not select from a single table or view are not automatically \
                 updatable."
            }
        });
    };
    let grouped = !matches!(&select.group_by,
        ast::GroupByExpr::Expressions(by, more) if by.is_empty() && more.is_empty());
    let reasons = [
        (
            select.distinct.is_some(),
            "Views containing DISTINCT are not automatically updatable.",
        ),
        (
            grouped,
            "Views containing GROUP BY are not automatically updatable.",
        ),
        (
            select.having.is_some(),
            "Views containing HAVING are not automatically updatable.",
        ),
        (
            query.with.is_some(),
            "Views containing WITH are not automatically updatable.",
        ),
        (
            query.limit_clause.is_some() || query.fetch.is_some(),
            "Views containing LIMIT or OFFSET are not automatically updatable.",
        ),
    ];
    if let Some((_, reason)) = reasons.into_iter().find(|(holds, _)| *holds) {
        return Err(reason);
    }
    let single = "Views that do not select from a single table or view are not automatically \
                  updatable.";
    // What a view calls is known since it was made.
    let mut called = view
        .depends_on
        .iter()
        .filter_map(|oid| context.snapshot.routine(*oid));
    if called.any(|routine| routine.aggregate().is_some()) {
        return Err("Views that return aggregate functions are not automatically updatable.");
    }
    let [from] = select.from.as_slice() else {
        return Err(single);
    };
    let Some((source, names_columns)) = source_of(&from.relation) else {
        return Err(single);
    };
    if matches!(
        &from.relation,
        TableFactor::Table {
            sample: Some(_),
            ..
        }
    ) {
        return Err("Views containing TABLESAMPLE are not automatically updatable.");
    }
    let snapshot = &context.snapshot;
    let read = view.depends_on.iter();
    let read = read.filter(|oid| snapshot.relation(**oid).is_some());
    if !from.joins.is_empty() || read.count() != 1 && !has_subquery(select) {
        return Err(single);
    }
    for item in &select.projection {
        let returns = calls(item);
        if returns.window {
            return Err("Views that return window functions are not automatically updatable.");
        }
        if returns.aggregate {
            return Err("Views that return aggregate functions are not automatically updatable.");
        }
        if returns.set {
            return Err(
                "Views that return set-returning functions are not automatically updatable.",
            );
        }
    }
    if has_subquery(select) {
        return Ok(Err(Error::unsupported(
            "changing a view whose query has subqueries",
        )));
    }
    // Neither would be found where the query's expressions stand then.
    let mut made = view.depends_on.iter();
    if let Some(of) = made.find_map(|oid| snapshot.definition(*oid)) {
        return Ok(Err(Error::unsupported(format!(
            "changing a view whose query has {}, which a user made",
            snapshot.definition_name(of, None)
        ))));
    }
    if names_columns {
        return Ok(Err(Error::unsupported(
            "changing a view that gives its table's columns other names",
        )));
    }
    Ok(Ok((select, source)))
}

/// What a view's query selects from.
pub(super) struct Source {
    pub(super) alias: String,
    /// Whether it leaves out the rows of what stands under the table.
    pub(super) only: bool,
    /// Where columns of the table are called otherwise by now: the names the query knows, and
    /// theirs.
    pub(super) renamed: Option<Vec<(String, String)>>,
}

impl Source {
    /// What the view's query calls each column of what it reads, `seen`, and what that is.
    pub(super) fn shown<'s>(&'s self, seen: &'s Relation) -> Vec<(&'s str, &'s str)> {
        match &self.renamed {
            Some(renamed) => {
                let renamed = renamed.iter();
                renamed.map(|(n, c)| (n.as_str(), c.as_str())).collect()
            }
            None => {
                let names = seen.columns.iter().map(|column| column.name.as_str());
                names.map(|name| (name, name)).collect()
            }
        }
    }
}

/// What stands in FROM, if it is a table, or one whose columns are given the names they once had;
/// and whether an alias names columns.
fn source_of(factor: &TableFactor) -> Option<(Source, bool)> {
    match factor {
        TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } => {
            let last = name.0.last().and_then(|part| part.as_ident());
            let called = alias.as_ref().map(|alias| &alias.name).or(last)?;
            let source = Source {
                alias: target::fold(called),
                only: without_only(name).0,
                renamed: None,
            };
            let names = alias
                .as_ref()
                .is_some_and(|alias| !alias.columns.is_empty());
            Some((source, names))
        }
        TableFactor::Derived {
            lateral: false,
            subquery,
            alias: Some(alias),
            sample: None,
        } => {
            let SetExpr::Select(select) = subquery.body.as_ref() else {
                return None;
            };
            let [from] = select.from.as_slice() else {
                return None;
            };
            let mut renamed = Vec::new();
            for item in &select.projection {
                match item {
                    SelectItem::UnnamedExpr(Expr::Identifier(column)) => {
                        renamed.push((target::fold(column), target::fold(column)));
                    }
                    SelectItem::ExprWithAlias {
                        expr: Expr::Identifier(column),
                        alias,
                    } => renamed.push((target::fold(alias), target::fold(column))),
                    _ => return None,
                }
            }
            // Nothing but what a renamed column leaves of `FROM table`.
            let plain = target::select(select.projection.clone(), vec![from.clone()], None);
            let TableFactor::Table {
                name, args: None, ..
            } = &from.relation
            else {
                return None;
            };
            if !from.joins.is_empty() || plain.to_string() != subquery.to_string() {
                return None;
            }
            let source = Source {
                alias: target::fold(&alias.name),
                only: without_only(name).0,
                renamed: Some(renamed),
            };
            Some((source, !alias.columns.is_empty()))
        }
        _ => None,
    }
}

/// What an expression calls.
#[derive(Default)]
struct Calls {
    aggregate: bool,
    window: bool,
    set: bool,
}

fn calls<T: ast::Visit>(node: &T) -> Calls {
    const AGGREGATES: &[&str] = &[
        "count",
        "sum",
        "avg",
        "min",
        "max",
        "array_agg",
        "string_agg",
        "bool_and",
        "bool_or",
        "every",
        "json_agg",
        "jsonb_agg",
        "json_object_agg",
        "jsonb_object_agg",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "variance",
        "var_pop",
        "var_samp",
        "corr",
        "covar_pop",
        "covar_samp",
        "bit_and",
        "bit_or",
        "bit_xor",
        "mode",
        "percentile_cont",
        "percentile_disc",
    ];
    const SETS: &[&str] = &[
        "generate_series",
        "unnest",
        "regexp_matches",
        "regexp_split_to_table",
        "json_array_elements",
        "jsonb_array_elements",
        "json_each",
        "jsonb_each",
        "json_object_keys",
        "jsonb_object_keys",
        "generate_subscripts",
        "string_to_table",
    ];
    let mut calls = Calls::default();
    let _: ControlFlow<()> = ast::visit_expressions(node, |expr| {
        if let Expr::Function(function) = expr {
            let last = function.name.0.last().and_then(|part| part.as_ident());
            let name = last.map(target::fold).unwrap_or_default();
            calls.window |= function.over.is_some();
            calls.aggregate |= function.over.is_none() && AGGREGATES.contains(&name.as_str());
            calls.set |= SETS.contains(&name.as_str());
        }
        ControlFlow::Continue(())
    });
    calls
}

fn has_subquery(select: &ast::Select) -> bool {
    ast::visit_expressions(select, |expr| match expr {
        Expr::Subquery(_)
        | Expr::Exists { .. }
        | Expr::InSubquery { .. }
        | Expr::AnyOp { .. }
        | Expr::AllOp { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

/// What triggers are told of a statement.
pub(super) fn event_of(verb: &str) -> TriggerEvent {
    match verb {
        "insert into" => TriggerEvent::Insert,
        "update" => TriggerEvent::Update,
        _ => TriggerEvent::Delete,
    }
}

/// `55000` for a view that is not simple, and has no triggers that do it.
pub(super) fn refused(view: &Relation, verb: &str, why: &str) -> Error {
    let (doing, event) = match verb {
        "insert into" => ("inserting into the view", "INSERT"),
        "update" => ("updating the view", "UPDATE"),
        _ => ("deleting from the view", "DELETE"),
    };
    Error::new(
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("cannot {verb} view \"{}\"", view.name),
    )
    .detail(why)
    .hint(format!(
        "To enable {doing}, provide an INSTEAD OF {event} trigger or an unconditional ON {event} \
         DO INSTEAD rule."
    ))
}

impl Engine {
    /// Whether WITH CHECK OPTION fits a view about to be made.
    ///
    /// # Errors
    /// `0A000`
    pub fn check_updatable(&self, context: &StatementContext, view: &Arc<Relation>) -> Result<()> {
        match self.look_through(context, view, "update") {
            Ok(_) => Ok(()),
            Err(error) if error.state() == SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE => {
                let why = error.fields().detail.clone().unwrap_or_default();
                Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "WITH CHECK OPTION is supported only on automatically updatable views",
                )
                .hint(why))
            }
            Err(error) => Err(error),
        }
    }
}
