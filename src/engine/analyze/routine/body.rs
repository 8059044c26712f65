//! The text of a body, read for a call.

use std::ops::ControlFlow;

use sqlparser::ast;

use super::super::Analyst;
use super::super::from::part;
use crate::base::{Error, Result};
use crate::catalog::{Routine, RoutineBody};
use crate::engine::command::Command;
use crate::engine::parse::{bare_select, fold, parse, parse_query};
use crate::functions;

/// A body whose last statement is the query that answers.
pub(in crate::engine::analyze) struct Body {
    /// The statements before.
    pub(super) before: Vec<ast::Query>,
    /// The last one; `None` of an empty body.
    pub(super) query: Option<Box<ast::Query>>,
    /// Whether it only computes a value.
    pub(super) value: bool,
}

impl Body {
    /// How often a parameter is named.
    pub(super) fn uses(&self, routine: &Routine, index: usize) -> usize {
        let Some(query) = &self.query else { return 0 };
        let Some(input) = routine.inputs().nth(index) else {
            return 0;
        };
        let number = format!("${}", index + 1);
        // In a strict function it is also looked at for NULL.
        let mut uses = usize::from(routine.strict);
        let _: ControlFlow<()> = ast::visit_expressions(query.as_ref(), |expr| {
            let named = |ident: &ast::Ident| fold(ident) == input.name;
            uses += usize::from(match expr {
                ast::Expr::Identifier(ident) => named(ident),
                ast::Expr::CompoundIdentifier(parts) => parts.iter().any(named),
                ast::Expr::Value(value) => {
                    matches!(&value.value, ast::Value::Placeholder(id) if *id == number)
                }
                _ => false,
            });
            ControlFlow::Continue(())
        });
        uses
    }
}

impl Analyst<'_> {
    /// The body of a function that can be put in the place of a call.
    ///
    /// # Errors
    /// `0A000` if it does more than answer.
    pub(super) fn body_of(&self, routine: &Routine) -> Result<Body> {
        let mut queries = match &routine.body {
            RoutineBody::Return(view) => vec![*parse_query(&view.query)?],
            RoutineBody::Text(text) => self.queries(routine, text)?,
            RoutineBody::Atomic(view) => self.queries(routine, &view.query)?,
            RoutineBody::Procedural(_) | RoutineBody::Aggregate(_) => {
                return Err(run_only(routine));
            }
        };
        let query = queries.pop();
        let value = queries.is_empty()
            && !routine.set
            && query.as_ref().is_some_and(|query| self.is_value(query));
        Ok(Body {
            before: queries,
            query: query.map(Box::new),
            value,
        })
    }

    fn queries(&self, routine: &Routine, text: &str) -> Result<Vec<ast::Query>> {
        parse(text)
            .map_err(Error::without_position)?
            .into_iter()
            .map(|statement| match statement.command {
                Command::Query(query) => Ok(*query),
                _ => Err(run_only(routine)),
            })
            .collect()
    }

    /// Whether a query is `SELECT value` and nothing else, the value being one that may stand in an
    /// expression of the caller.
    fn is_value(&self, query: &ast::Query) -> bool {
        let Some(select) = bare_select(query) else {
            return false;
        };
        let [
            ast::SelectItem::UnnamedExpr(value)
            | ast::SelectItem::ExprWithAlias { expr: value, .. },
        ] = select.projection.as_slice()
        else {
            return false;
        };
        select.from.is_empty()
            && ast::visit_expressions(value, |expr| match expr {
                ast::Expr::Function(call) if !self.is_scalar(call) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
            .is_continue()
    }

    /// Whether a call gives one value from its arguments alone.
    fn is_scalar(&self, call: &ast::Function) -> bool {
        let mut parts: Vec<String> = call.name.0.iter().map(part).collect();
        let name = parts.pop().unwrap_or_default();
        let schema = parts.pop();
        let users = self.routines(schema.as_deref(), &name);
        // What stands for several rows is none.
        let many = |routine: &Routine| routine.set || routine.aggregate().is_some();
        if call.over.is_some() || users.iter().any(|routine| many(routine)) {
            return false;
        }
        functions::aggregate(&name).is_none()
            && functions::window(&name).is_none()
            && functions::set_as_array(&name).is_none()
            && functions::set_as_arrays(&name).is_none()
            && !functions::is_table(&name)
            && !matches!(name.as_str(), "unnest" | "generate_series" | "grouping")
    }
}

/// `0A000` for a function whose statements have to be carried out one after the other.
pub(in crate::engine) fn run_only(routine: &Routine) -> Error {
    Error::unsupported(format!(
        "function {} here: it does more than to answer a query, which",
        routine.name
    ))
    .hint(format!(
        "Call it alone: SELECT {0}(…), or SELECT * FROM {0}(…).",
        routine.name
    ))
}
