//! Subqueries in the conditions of joins.
//!
//! A plan's join takes none that depend on its rows. An inner join's condition may as well be asked
//! of its rows; in an outer join's a subquery over one side is a column of that side, and with one
//! over both sides the rows to be joined are looked for beside each row, as LATERAL does.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder, Subquery};

use super::typed::boolean;
use super::{Analyst, Converted};
use crate::base::{Error, Result};

/// A join's condition.
#[derive(Default)]
pub(super) struct JoinCondition {
    /// What a plan's join can be on.
    pub(super) on: Option<Expr>,
    /// What is asked of the rows of the join then.
    pub(super) then: Option<Expr>,
    /// What is asked beside each row that is kept, of the rows of the other side.
    pub(super) beside: Option<Expr>,
}

impl Analyst<'_> {
    /// Takes subqueries that depend on rows out of the condition of a join of two plans.
    ///
    /// # Errors
    /// `0A000` for one that depends on both sides of a full join.
    pub(super) fn without_queries(
        &self,
        condition: Expr,
        join_type: JoinType,
        (left, right): (&mut LogicalPlan, &mut LogicalPlan),
    ) -> Result<JoinCondition> {
        let over_both = |part: &Expr| depends(part) && uses(part, left) && uses(part, right);
        if matches!(join_type, JoinType::Left | JoinType::Right)
            && condition.exists(|part| Ok(over_both(part))).converted()?
        {
            return Ok(JoinCondition {
                beside: Some(condition),
                ..JoinCondition::default()
            });
        }
        let (queried, plain): (Vec<Expr>, Vec<Expr>) = split_conjunction_owned(condition)
            .into_iter()
            .partition(|term| term.exists(|part| Ok(depends(part))).unwrap_or(true));
        if join_type == JoinType::Inner {
            return Ok(JoinCondition {
                on: conjunction(plain),
                then: conjunction(queried),
                beside: None,
            });
        }
        let mut on = plain;
        for term in queried {
            let replaced = term.transform_down(|part| {
                if !depends(&part) {
                    return Ok(Transformed::no(part));
                }
                let column = self
                    .as_column(part, join_type, (&mut *left, &mut *right))
                    .map_err(|error| datafusion::error::DataFusionError::External(error.into()))?;
                Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
            });
            on.push(replaced.converted()?.data);
        }
        Ok(JoinCondition {
            on: conjunction(on),
            then: None,
            beside: None,
        })
    }

    /// The rows of `kept`, each joined to those of `other` for which a condition over both holds.
    pub(super) fn joined_beside(
        &self,
        kept: LogicalPlan,
        other: LogicalPlan,
        condition: Expr,
    ) -> Result<LogicalPlan> {
        // What is looked for beside each row already goes on being so.
        let (other, mut outer) = match other {
            LogicalPlan::Subquery(of) => (Arc::unwrap_or_clone(of.subquery), of.outer_ref_columns),
            other => (other, Vec::new()),
        };
        let of_kept = |column: &Column| kept.schema().maybe_index_of_column(column).is_some();
        let condition = self.as_outer_where(condition, &mut outer, of_kept)?;
        // Those of the other side's are no references out of it.
        outer.retain(|reference| match reference {
            Expr::OuterReferenceColumn(_, column) => {
                other.schema().maybe_index_of_column(column).is_none()
            }
            _ => true,
        });
        let beside = LogicalPlan::Subquery(Subquery {
            subquery: Arc::new(self.filtered(other, condition)?),
            outer_ref_columns: outer,
            spans: Default::default(),
        });
        LogicalPlanBuilder::from(kept)
            .join_on(beside, JoinType::Left, [boolean(Some(true))])
            .and_then(LogicalPlanBuilder::build)
            .converted()
    }

    /// A subquery as a column of the side that it depends on.
    fn as_column(
        &self,
        query: Expr,
        join_type: JoinType,
        (left, right): (&mut LogicalPlan, &mut LogicalPlan),
    ) -> Result<Expr> {
        let of = |plan: &LogicalPlan| uses(&query, plan);
        let side = match (of(left), of(right)) {
            (true, true) => {
                return Err(Error::unsupported(
                    "a subquery over both sides of a full join in its condition",
                ));
            }
            (true, false) => left,
            (false, true) => right,
            (false, false) if join_type == JoinType::Right => right,
            (false, false) => left,
        };
        self.with_column(side, "on", query)
    }
}

/// Whether it is a subquery whose answer differs from row to row.
fn depends(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarSubquery(query) => !query.outer_ref_columns.is_empty(),
        Expr::Exists(exists) => !exists.subquery.outer_ref_columns.is_empty(),
        Expr::InSubquery(_) => true,
        _ => false,
    }
}

/// Whether a subquery depends on rows of a plan.
fn uses(query: &Expr, plan: &LogicalPlan) -> bool {
    let has = |column: &Column| plan.schema().maybe_index_of_column(column).is_some();
    let is_of = |reference: &Expr| match reference {
        Expr::OuterReferenceColumn(_, column) => has(column),
        _ => false,
    };
    referred(query).iter().any(is_of) || query.column_refs().into_iter().any(has)
}

/// What a subquery refers to outside of it.
fn referred(query: &Expr) -> &[Expr] {
    match query {
        Expr::ScalarSubquery(query) => &query.outer_ref_columns,
        Expr::Exists(exists) => &exists.subquery.outer_ref_columns,
        Expr::InSubquery(within) => &within.subquery.outer_ref_columns,
        _ => &[],
    }
}
