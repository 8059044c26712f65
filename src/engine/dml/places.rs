//! Where a statement that changes rows may have neither aggregates nor window functions, nor
//! functions that give sets.

use std::ops::ControlFlow;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::LogicalPlan;
use sqlparser::ast::{self, Spanned, Visit, Visitor};

use super::super::Bound;
use super::super::command::{DmlAction, MergeAction};
use super::super::fold;
use crate::base::{Error, Result, SqlState};
use crate::functions;
use crate::pg_catalog::{functions_named, is_set_returning};
use crate::statement::StatementContext;

/// Refuses them there. Where only the types of its arguments tell whether a call is of an aggregate
/// it answers the place, for [`check_plan`] to look again.
///
/// # Errors
/// `42803` for an aggregate, `42P20` for a window function, `0A000` for one that gives a set.
pub(super) fn check(
    context: &StatementContext,
    action: &DmlAction,
) -> Result<Option<&'static str>> {
    let mut unclear = None;
    let mut check = |part: &dyn Fn(&mut Search<'_>) -> ControlFlow<Error>, place| {
        let mut search = Search::new(context, place);
        let searched = part(&mut search);
        if search.unclear {
            unclear = Some(place);
        }
        match searched {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(()),
        }
    };
    let returning = match action {
        DmlAction::Insert { insert, .. } => {
            if let Some(source) = &insert.source
                && let ast::SetExpr::Values(values) = source.body.as_ref()
            {
                // One row of VALUES is a select list.
                let one = values.rows.len() == 1;
                let values = |search: &mut Search<'_>| {
                    search.sets = one;
                    values.visit(search)
                };
                check(&values, "VALUES")?;
            }
            if let Some(ast::OnInsert::OnConflict(conflict)) = &insert.on
                && let ast::OnConflictAction::DoUpdate(update) = &conflict.action
            {
                check(&|search| update.assignments.visit(search), "UPDATE")?;
            }
            &insert.returning
        }
        DmlAction::Update(update) => {
            check(&|search| update.assignments.visit(search), "UPDATE")?;
            &update.returning
        }
        DmlAction::Delete(delete) => &delete.returning,
        DmlAction::Merge(merge) => {
            for clause in &merge.clauses {
                match &clause.action {
                    MergeAction::Update(assignments) => {
                        check(&|search| assignments.visit(search), "UPDATE")?;
                    }
                    MergeAction::Insert {
                        values: Some(values),
                        ..
                    } => check(&|search| values.visit(search), "VALUES")?,
                    MergeAction::Insert { values: None, .. }
                    | MergeAction::Delete
                    | MergeAction::Nothing => {}
                }
            }
            return Ok(unclear);
        }
        DmlAction::Query(_) => return Ok(None),
    };
    check(&|search| returning.visit(search), "RETURNING")?;
    Ok(unclear)
}

/// Whether it calls a function that gives a set.
pub(super) fn gives_set(context: &StatementContext, expr: &ast::Expr) -> bool {
    expr.visit(&mut Search::new(context, "")).is_break()
}

/// `42803` for a query over `place` whose rows are those of groups.
pub(super) fn check_plan(query: &Bound, place: &'static str) -> Result<()> {
    let mut grouped = false;
    let searched = query.plan.apply(|node| {
        grouped |= matches!(node, LogicalPlan::Aggregate(_));
        Ok(match node {
            // What is under a name or in a join is none of the statement's own.
            LogicalPlan::SubqueryAlias(_) | LogicalPlan::Join(_) => TreeNodeRecursion::Jump,
            _ => TreeNodeRecursion::Continue,
        })
    });
    searched.map_err(|error| Error::internal("looking at a plan", error))?;
    match grouped {
        true => Err(Error::new(
            SqlState::GROUPING_ERROR,
            format!("aggregate functions are not allowed in {place}"),
        )),
        false => Ok(()),
    }
}

/// Looks for a call outside of queries.
struct Search<'c> {
    context: &'c StatementContext,
    place: &'static str,
    queries: usize,
    /// Whether a call may be of an aggregate or of another function.
    unclear: bool,
    /// Whether functions may give sets.
    sets: bool,
}

/// What a call is of, as far as its name tells.
enum Called {
    Aggregate,
    /// A function that gives a set.
    Set,
    Other,
    Unclear,
}

impl<'c> Search<'c> {
    fn new(context: &'c StatementContext, place: &'static str) -> Self {
        Self {
            context,
            place,
            queries: 0,
            unclear: false,
            sets: false,
        }
    }

    fn called(&self, name: &ast::ObjectName) -> Called {
        let parts: Vec<String> = name
            .0
            .iter()
            .filter_map(|part| part.as_ident())
            .map(fold)
            .collect();
        let (schema, name) = match parts.as_slice() {
            [name] => (None, name),
            [schema, name] => (Some(schema.as_str()), name),
            _ => return Called::Other,
        };
        let snapshot = &self.context.snapshot;
        let schemas = self.context.search_path.candidates(snapshot, schema);
        let users = schemas
            .iter()
            .flat_map(|schema| snapshot.routines_named(*schema, name));
        let mut users = users.peekable();
        let own = functions::aggregate(name).is_some();
        if users.peek().is_none() {
            return match own {
                true => Called::Aggregate,
                false if is_set_returning(name) => Called::Set,
                false => Called::Other,
            };
        }
        let own_function = !own && !functions_named(name).is_empty();
        let (mut all, mut any, mut sets) = (true, false, true);
        for routine in users {
            let is = routine.aggregate().is_some();
            all &= is;
            any |= is;
            sets &= routine.set;
        }
        match any || own {
            true if all && !own_function => Called::Aggregate,
            true => Called::Unclear,
            false if sets && !own_function => Called::Set,
            false => Called::Other,
        }
    }
}

impl Visitor for Search<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, _query: &ast::Query) -> ControlFlow<Error> {
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &ast::Query) -> ControlFlow<Error> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<Error> {
        let ast::Expr::Function(call) = expr else {
            return ControlFlow::Continue(());
        };
        if self.queries > 0 {
            return ControlFlow::Continue(());
        }
        let (what, state) = match call.over {
            Some(_) => ("window", SqlState::WINDOWING_ERROR),
            None => match self.called(&call.name) {
                Called::Aggregate => ("aggregate", SqlState::GROUPING_ERROR),
                Called::Set if !self.sets => ("set-returning", SqlState::FEATURE_NOT_SUPPORTED),
                called => {
                    self.unclear |= matches!(called, Called::Unclear);
                    return ControlFlow::Continue(());
                }
            },
        };
        let error = Error::new(
            state,
            format!("{what} functions are not allowed in {}", self.place),
        );
        let column = usize::try_from(call.name.span().start.column).unwrap_or(0);
        ControlFlow::Break(if column > 0 { error.at(column) } else { error })
    }
}
