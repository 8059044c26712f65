//! What ties a subquery to the query around it, taken out: filters that refer outwards, lifted
//! through what lets them pass.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType};
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Expr, Filter, Join, LogicalPlan, LogicalPlanBuilder, Operator, SubqueryAlias,
    TableScan, Unnest,
};

use super::Result;

/// A plan without the filters that tie it to the query around it.
pub(super) struct Pulled {
    /// The plan.
    pub(super) plan: LogicalPlan,
    /// The filters, over the plan's columns.
    pub(super) ties: Vec<Expr>,
}

/// The plan without its ties to `rows`, the query around; `None` where they cannot be taken out.
pub(super) fn pull(plan: &LogicalPlan, rows: &LogicalPlan) -> Result<Option<Pulled>> {
    if !is_tied(plan)? {
        return Ok(Some(Pulled {
            plan: plan.clone(),
            ties: Vec::new(),
        }));
    }
    match plan {
        LogicalPlan::Filter(filter) => {
            let Some(Pulled { plan, mut ties }) = pull(&filter.input, rows)? else {
                return Ok(None);
            };
            let (tied, free): (Vec<_>, Vec<_>) = split_conjunction_owned(filter.predicate.clone())
                .into_iter()
                .partition(Expr::contains_outer);
            ties.extend(tied);
            let plan = match conjunction(free) {
                Some(predicate) => LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(plan))?),
                None => plan,
            };
            Ok(Some(Pulled { plan, ties }))
        }
        LogicalPlan::Projection(projection) => {
            if projection.expr.iter().any(Expr::contains_outer) {
                return Ok(None);
            }
            let Some(Pulled { plan, ties }) = pull(&projection.input, rows)? else {
                return Ok(None);
            };
            // The filters now come after the projection, so it must let their columns through.
            let mut expressions = projection.expr.clone();
            for tie in &ties {
                for column in tie.column_refs() {
                    let there = projection.schema.maybe_index_of_column(column).is_some();
                    let column = Expr::Column(column.clone());
                    if there && !projection.expr.contains(&column) {
                        return Ok(None);
                    }
                    if !expressions.contains(&column) {
                        expressions.push(column);
                    }
                }
            }
            let plan = LogicalPlanBuilder::from(plan)
                .project(expressions)?
                .build()?;
            Ok(Some(Pulled { plan, ties }))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let Some(Pulled { plan, ties }) = pull(&alias.input, rows)? else {
                return Ok(None);
            };
            let before = plan.schema().clone();
            let Ok(aliased) = SubqueryAlias::try_new(Arc::new(plan), alias.alias.clone()) else {
                return Ok(None);
            };
            let after = aliased.schema.clone();
            let ties = ties
                .into_iter()
                .map(|tie| {
                    tie.transform(|part| {
                        let Expr::Column(column) = &part else {
                            return Ok(Transformed::no(part));
                        };
                        let index = before.index_of_column(column)?;
                        Ok(Transformed::yes(Expr::from(after.qualified_field(index))))
                    })
                    .map(|transformed| transformed.data)
                })
                .collect::<Result<Vec<_>>>()?;
            Ok(Some(Pulled {
                plan: LogicalPlan::SubqueryAlias(aliased),
                ties,
            }))
        }
        LogicalPlan::Join(join) => pull_join(join, rows),
        LogicalPlan::Unnest(unnest) => pull_unnest(unnest, rows),
        // Which rows there are does not depend on their order.
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => pull(&sort.input, rows),
        _ => Ok(None),
    }
}

fn pull_join(join: &Join, rows: &LogicalPlan) -> Result<Option<Pulled>> {
    if join
        .on
        .iter()
        .any(|(a, b)| a.contains_outer() || b.contains_outer())
    {
        return Ok(None);
    }
    let (left, right) = match join.join_type {
        JoinType::Inner => (pull(&join.left, rows)?, pull(&join.right, rows)?),
        JoinType::Left if !is_tied(&join.right)? => {
            (pull(&join.left, rows)?, pull(&join.right, rows)?)
        }
        _ => return Ok(None),
    };
    let (Some(left), Some(right)) = (left, right) else {
        return Ok(None);
    };
    let mut ties = left.ties;
    ties.extend(right.ties);
    let mut free = Vec::new();
    for term in join
        .filter
        .clone()
        .into_iter()
        .flat_map(split_conjunction_owned)
    {
        if !term.contains_outer() {
            free.push(term);
        } else if join.join_type == JoinType::Inner {
            ties.push(term);
        } else {
            return Ok(None);
        }
    }
    let plan = LogicalPlan::Join(Join {
        left: Arc::new(left.plan),
        right: Arc::new(right.plan),
        filter: conjunction(free),
        ..join.clone()
    })
    .recompute_schema()?;
    Ok(Some(Pulled { plan, ties }))
}

/// An array of the row outside, unnested inside: the arrays of all rows outside are unnested
/// instead, each beside the columns it was made of, which then tie it to its row.
fn pull_unnest(unnest: &Unnest, rows: &LogicalPlan) -> Result<Option<Pulled>> {
    let LogicalPlan::Projection(projection) = unnest.input.as_ref() else {
        return Ok(None);
    };
    if !matches!(projection.input.as_ref(), LogicalPlan::EmptyRelation(_)) {
        return Ok(None);
    }
    let mut used: Vec<(FieldRef, Column)> = Vec::new();
    for expression in &projection.expr {
        expression.apply(|part| {
            if let Expr::OuterReferenceColumn(field, column) = part
                && !used.iter().any(|(_, other)| other == column)
            {
                used.push((field.clone(), column.clone()));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    if used
        .iter()
        .any(|(_, column)| rows.schema().maybe_index_of_column(column).is_none())
    {
        return Ok(None);
    }
    // DataFusion reads what a recursive query found last in one place only.
    let found_last = |plan: &LogicalPlan| match plan {
        LogicalPlan::TableScan(scan) => Ok(is_of_found_last(scan)),
        _ => Ok(false),
    };
    if rows.exists(found_last)? {
        return Ok(None);
    }
    let own = |index: usize| format!("\0u{index}");
    let made_of = used
        .iter()
        .enumerate()
        .map(|(index, (_, column))| Expr::Column(column.clone()).alias(own(index)));
    let mut expressions = projection
        .expr
        .iter()
        .map(|expression| {
            expression
                .clone()
                .transform(|part| {
                    Ok(match part {
                        Expr::OuterReferenceColumn(_, column) => {
                            let index = used.iter().position(|(_, other)| *other == column);
                            Transformed::yes(self::column(&own(index.unwrap_or_default())))
                        }
                        part => Transformed::no(part),
                    })
                })
                .map(|transformed| {
                    transformed
                        .data
                        .alias_if_changed(expression.schema_name().to_string())
                })?
        })
        .collect::<Result<Vec<_>>>()?;
    expressions.extend((0..used.len()).map(|index| self::column(&own(index))));
    let plan = LogicalPlanBuilder::from(rows.clone())
        .project(made_of)?
        .distinct()?
        .project(expressions)?
        .unnest_columns_with_options(unnest.exec_columns.clone(), unnest.options.clone())?
        .build()?;
    let ties = used
        .into_iter()
        .enumerate()
        .map(|(index, (field, column))| {
            Expr::BinaryExpr(BinaryExpr::new(
                Box::new(self::column(&own(index))),
                Operator::IsNotDistinctFrom,
                Box::new(Expr::OuterReferenceColumn(field, column)),
            ))
        })
        .collect();
    Ok(Some(Pulled { plan, ties }))
}

/// Whether a scan reads the rows that a recursive query around it found last.
pub(in crate::engine) fn is_of_found_last(scan: &TableScan) -> bool {
    source_as_provider(&scan.source)
        .is_ok_and(|provider| provider.downcast_ref::<CteWorkTable>().is_some())
}

/// Whether a plan refers to the query around it.
fn is_tied(plan: &LogicalPlan) -> Result<bool> {
    let mut tied = false;
    plan.apply(|plan| {
        plan.apply_expressions(|expression| {
            tied |= expression.contains_outer();
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(tied)
}

/// References to the query around, as they are there.
pub(super) fn without_outer(expression: Expr) -> Result<Expr> {
    expression
        .transform(|part| {
            Ok(match part {
                Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column)),
                part => Transformed::no(part),
            })
        })
        .map(|transformed| transformed.data)
}

/// Columns as seen from inside a subquery, so that renaming leaves them alone.
pub(super) fn as_outer(expression: Expr) -> Result<Expr> {
    expression
        .transform(|part| {
            Ok(match part {
                Expr::Column(column) => {
                    // The field is not looked at before the reference is a column again.
                    let field = arrow::datatypes::Field::new(
                        column.name(),
                        arrow::datatypes::DataType::Null,
                        true,
                    );
                    Transformed::yes(Expr::OuterReferenceColumn(Arc::new(field), column))
                }
                part => Transformed::no(part),
            })
        })
        .map(|transformed| transformed.data)
}

/// A column by a name made here.
pub(super) fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}
