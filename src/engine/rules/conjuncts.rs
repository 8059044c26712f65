//! What `push_down_filter` may push, and how its conditions look.
//!
//! A condition without columns, perhaps because they turned out to be one value, may not get below
//! an aggregate that has a row also of nothing: DataFusion would put it there.
//!
//! Comparisons of one column with several values are settled before. DataFusion keeps the narrowest
//! of them, and is wrong where two say the same in different words: `2 = i AND i = 2` is false to
//! it, as are two literals that differ in their metadata alone, and of `i <= 5 AND 5 > i` it keeps
//! the wider one. What is settled here leaves it nothing to do; what cannot be is hidden from it.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Aggregate, BinaryExpr, Expr, Filter, LogicalPlan, Operator, lit};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::inferred::pushed;

/// Applies `push_down_filter` over settled conditions.
pub(super) fn settled(
    rule: &dyn OptimizerRule,
    plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Filter(filter) = plan else {
        return pushed(rule, plan, config);
    };
    // The rule makes one of filters on top of each other.
    let mut terms = split_conjunction_owned(filter.predicate.clone());
    let mut input = filter.input.clone();
    let mut merged = false;
    while let LogicalPlan::Filter(below) = input.as_ref() {
        let mut first = split_conjunction_owned(below.predicate.clone());
        first.append(&mut terms);
        terms = first;
        merged = true;
        input = below.input.clone();
    }
    let settled = settle(terms.clone());
    if let LogicalPlan::Aggregate(aggregate) = input.as_ref()
        && has_row_of_nothing(aggregate)
        && let Some(condition) = conjunction(settled.iter().cloned())
    {
        let changed = merged || settled != terms;
        let filter = LogicalPlan::Filter(Filter::try_new(condition, input)?);
        return Ok(Transformed::new_transformed(filter, changed));
    }
    if !merged && settled == terms {
        return pushed(rule, LogicalPlan::Filter(filter), config);
    }
    let Some(condition) = conjunction(settled) else {
        return Ok(Transformed::yes(Arc::unwrap_or_clone(input)));
    };
    let filter = LogicalPlan::Filter(Filter::try_new(condition, input)?);
    let mut rewritten = pushed(rule, filter, config)?;
    rewritten.transformed = true;
    Ok(rewritten)
}

/// Whether an aggregate over no rows has a row, or several kinds of them.
fn has_row_of_nothing(aggregate: &Aggregate) -> bool {
    let groups = aggregate.group_expr.as_slice();
    groups.is_empty() || matches!(groups, [Expr::GroupingSet(_)])
}

/// A comparison of a column with a value.
struct Comparison {
    column: Column,
    side: Side,
    strict: bool,
    value: ScalarValue,
}

/// Which values a comparison keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Equal,
    Above,
    Below,
}

impl Comparison {
    fn of(term: &Expr) -> Option<Self> {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = term else {
            return None;
        };
        let (column, op, value) = match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(value, _)) => (column, *op, value),
            (Expr::Literal(value, _), Expr::Column(column)) => (column, op.swap()?, value),
            _ => return None,
        };
        let (side, strict) = match op {
            Operator::Eq => (Side::Equal, false),
            Operator::Gt => (Side::Above, true),
            Operator::GtEq => (Side::Above, false),
            Operator::Lt => (Side::Below, true),
            Operator::LtEq => (Side::Below, false),
            _ => return None,
        };
        Some(Self {
            column: column.clone(),
            side,
            strict,
            value: value.clone(),
        })
    }

    /// How the values of two comparisons stand to each other, if they do.
    fn against(&self, other: &Self) -> Option<Ordering> {
        let comparable = !self.value.is_null()
            && self.value.data_type() == other.value.data_type()
            && !self.value.data_type().is_floating();
        comparable
            .then(|| self.value.try_cmp(&other.value).ok())
            .flatten()
    }
}

/// Terms of which no two compare the same column on the same side, as far as DataFusion sees.
fn settle(terms: Vec<Expr>) -> Vec<Expr> {
    let mut kept: Vec<(Expr, Option<Comparison>)> = Vec::with_capacity(terms.len());
    for term in terms {
        let comparison = Comparison::of(&term);
        let rival = comparison.as_ref().and_then(|new| {
            kept.iter().position(|(_, old)| {
                old.as_ref()
                    .is_some_and(|old| old.column == new.column && old.side == new.side)
            })
        });
        let (Some(new), Some(at)) = (&comparison, rival) else {
            if !kept.iter().any(|(known, _)| *known == term) || term.is_volatile() {
                kept.push((term, comparison));
            }
            continue;
        };
        let order = kept[at].1.as_ref().and_then(|old| new.against(old));
        let old_strict = kept[at].1.as_ref().is_some_and(|old| old.strict);
        match (new.side, order) {
            (Side::Equal, Some(Ordering::Equal)) => {}
            // A column is not two values at once.
            (Side::Equal, Some(_)) => return vec![lit(false)],
            (side, Some(order)) => {
                let narrower = match order {
                    Ordering::Equal => new.strict && !old_strict,
                    Ordering::Greater => side == Side::Above,
                    Ordering::Less => side == Side::Below,
                };
                if narrower {
                    kept[at] = (term, comparison);
                }
            }
            (_, None) => kept.push((hidden(term), None)),
        }
    }
    kept.into_iter().map(|(term, _)| term).collect()
}

/// The same condition, such that the rule does not see the comparison.
fn hidden(term: Expr) -> Expr {
    Expr::Not(Box::new(Expr::Not(Box::new(term))))
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::col;

    use super::*;

    #[test]
    fn comparisons_of_one_column_are_settled() {
        let i = || col("i");
        let cases = [
            (vec![lit(2).eq(i()), i().eq(lit(2))], vec![lit(2).eq(i())]),
            (vec![i().eq(lit(2)), lit(3).eq(i())], vec![lit(false)]),
            (
                vec![i().lt_eq(lit(5)), lit(5).gt(i())],
                vec![lit(5).gt(i())],
            ),
            (
                vec![i().gt(lit(5)), lit(5).lt_eq(i()), i().gt(lit(4))],
                vec![i().gt(lit(5))],
            ),
            (
                vec![i().gt(lit(5)), i().lt(lit(9)), col("j").gt(lit(1))],
                vec![i().gt(lit(5)), i().lt(lit(9)), col("j").gt(lit(1))],
            ),
            (
                vec![i().eq(lit(1.0)), i().eq(lit(2.0))],
                vec![i().eq(lit(1.0)), hidden(i().eq(lit(2.0)))],
            ),
        ];
        for (terms, wanted) in cases {
            assert_eq!(settle(terms), wanted);
        }
    }
}
