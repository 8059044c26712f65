//! Conditions of WHERE, ON and HAVING.
//!
//! A condition without columns decides for all rows at once. DataFusion would move it below
//! whatever it stands over, also below an aggregate over all rows, which has a row all the same; so
//! it is decided here, or tied to columns.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan};

use super::{Analyst, Converted};
use crate::base::Result;
use crate::engine::semantics;

/// Columns a condition is tied to, so that it stays above them.
const TIES_MAX: usize = 8;

impl Analyst<'_> {
    /// The rows for which a condition holds.
    pub(super) fn filtered(&self, plan: LogicalPlan, condition: Expr) -> Result<LogicalPlan> {
        let columns: Vec<Expr> = plan.schema().iter().map(Expr::from).collect();
        match self.tied(condition, &columns)? {
            Some(condition) => filter(plan, condition),
            None => Ok(plan),
        }
    }

    /// A condition whose terms without columns are decided now, or tied to `columns`; `None` if it
    /// always holds.
    pub(super) fn tied(&self, condition: Expr, columns: &[Expr]) -> Result<Option<Expr>> {
        let mut terms = Vec::new();
        for term in split_conjunction_owned(condition) {
            if !term.column_refs().is_empty() || term.contains_outer() {
                terms.push(term);
                continue;
            }
            let is =
                |wanted: fn(&Expr) -> bool| term.exists(|part| Ok(wanted(part))).unwrap_or(true);
            // These become joins, which stay where they are.
            if is(|part| matches!(part, Expr::Exists(_) | Expr::InSubquery(_))) {
                terms.push(term);
                continue;
            }
            let queried = is(|part| matches!(part, Expr::ScalarSubquery(_)));
            let decided = if queried || !term.is_volatile() && has_parameter(&term) {
                None
            } else {
                // What fails, fails when a row is looked at.
                self.constant(term.clone()).unwrap_or(None)
            };
            match decided {
                Some(ScalarValue::Boolean(Some(true))) => {}
                Some(_) => return Ok(Some(super::typed::boolean(Some(false)))),
                None => {
                    // The last relation's columns, too: it must not get below their join.
                    let first = columns.iter().take(TIES_MAX);
                    let ties = first.chain(columns.last()).cloned().collect();
                    terms.push(semantics::opaque(term, ties));
                }
            }
        }
        Ok(conjunction(terms))
    }
}

/// Whether an expression is the same for every row.
pub(super) fn is_constant(expr: &Expr) -> bool {
    expr.column_refs().is_empty()
        && !expr.is_volatile()
        && !expr.contains_outer()
        && !expr
            .exists(|part| Ok(is_subquery(part) || matches!(part, Expr::AggregateFunction(_))))
            .unwrap_or(true)
        && !expr
            .exists(|part| Ok(matches!(part, Expr::WindowFunction(_))))
            .unwrap_or(true)
}

fn is_subquery(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_)
    )
}

fn has_parameter(expr: &Expr) -> bool {
    expr.exists(|part| Ok(matches!(part, Expr::Placeholder(_))))
        .unwrap_or(true)
}

pub(super) fn filter(plan: LogicalPlan, condition: Expr) -> Result<LogicalPlan> {
    Filter::try_new(condition, Arc::new(plan))
        .map(LogicalPlan::Filter)
        .converted()
}
