//! Where a statement that changes rows may have neither aggregates nor window functions.

use std::ops::ControlFlow;

use sqlparser::ast::{self, Spanned, Visit, Visitor};

use super::super::command::DmlAction;
use crate::base::{Error, Result, SqlState};
use crate::functions;
use crate::statement::StatementContext;

/// Refuses them there.
///
/// # Errors
/// `42803` for an aggregate, `42P20` for a window function.
pub(super) fn check(context: &StatementContext, action: &DmlAction) -> Result<()> {
    let check = |part: &dyn Fn(&mut Search<'_>) -> ControlFlow<Error>, place| {
        let mut search = Search {
            context,
            place,
            queries: 0,
        };
        match part(&mut search) {
            ControlFlow::Break(error) => Err(error),
            ControlFlow::Continue(()) => Ok(()),
        }
    };
    let returning = match action {
        DmlAction::Insert { insert, .. } => {
            if let Some(source) = &insert.source
                && let ast::SetExpr::Values(values) = source.body.as_ref()
            {
                check(&|search| values.visit(search), "VALUES")?;
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
        DmlAction::Merge(_) | DmlAction::Query(_) => return Ok(()),
    };
    check(&|search| returning.visit(search), "RETURNING")
}

/// Looks for a call outside of queries.
struct Search<'c> {
    context: &'c StatementContext,
    place: &'static str,
    queries: usize,
}

impl Search<'_> {
    fn is_users(&self, name: &str) -> bool {
        let mut routines = self.context.snapshot.routines();
        routines.any(|routine| *routine.name == *name)
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
        let Some(name) = call.name.0.last().and_then(|part| part.as_ident()) else {
            return ControlFlow::Continue(());
        };
        let name = super::super::fold(name);
        let (what, state) = if call.over.is_some() {
            ("window", SqlState::WINDOWING_ERROR)
        } else if functions::aggregate(&name).is_some() && !self.is_users(&name) {
            ("aggregate", SqlState::GROUPING_ERROR)
        } else {
            return ControlFlow::Continue(());
        };
        if self.queries > 0 {
            return ControlFlow::Continue(());
        }
        let error = Error::new(
            state,
            format!("{what} functions are not allowed in {}", self.place),
        );
        let column = usize::try_from(call.name.span().start.column).unwrap_or(0);
        ControlFlow::Break(if column > 0 { error.at(column) } else { error })
    }
}
