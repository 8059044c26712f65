//! Plans that refer outwards: which columns, and the same plan with values in their place.

use datafusion::common::metadata::FieldMetadata;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery};

use crate::engine::semantics;

/// The columns a subquery refers to, wherever in it, that `known` says are the rows' around it.
pub(super) fn references(
    plan: &LogicalPlan,
    known: &dyn Fn(&Column) -> bool,
) -> Result<Vec<Column>> {
    let mut found: Vec<Column> = Vec::new();
    plan.apply_with_subqueries(|plan| {
        plan.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Expr::OuterReferenceColumn(_, column) = part
                    && known(column)
                    && !found.contains(column)
                {
                    found.push(column.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// Whether anything below is a subquery that refers outwards.
pub(in crate::engine) fn has_dependent(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|plan| {
        if let LogicalPlan::Subquery(subquery) = plan {
            found |= !subquery.outer_ref_columns.is_empty();
        }
        plan.apply_expressions(|expr| {
            expr.apply(|part| {
                found |= matches!(part, Expr::OuterReferenceColumn(..));
                found |= subquery_of(part)
                    .is_some_and(|subquery| !subquery.outer_ref_columns.is_empty());
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// Whether a plan may answer otherwise each time.
pub(in crate::engine) fn is_volatile(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|plan| {
        plan.apply_expressions(|expr| {
            found |= semantics::is_volatile(expr);
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

/// The subquery an expression is.
pub(super) fn subquery_of(expr: &Expr) -> Option<&Subquery> {
    match expr {
        Expr::ScalarSubquery(subquery)
        | Expr::Exists(Exists { subquery, .. })
        | Expr::InSubquery(InSubquery { subquery, .. }) => Some(subquery),
        _ => None,
    }
}

/// Whether a subquery inside the subquery refers to the rows around both, or stands in one
/// condition with a reference to them: that would be a join's condition, and a join cannot ask.
pub(in crate::engine) fn refers_from_inside(subquery: &Subquery) -> Result<bool> {
    let mut found = false;
    subquery.subquery.apply_with_subqueries(|plan| {
        let mut check = |inner: &Subquery| {
            found |= inner
                .outer_ref_columns
                .iter()
                .any(|reference| subquery.outer_ref_columns.contains(reference));
        };
        if let LogicalPlan::Subquery(inner) = plan {
            check(inner);
        }
        plan.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Some(inner) = subquery_of(part) {
                    check(inner);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        let refers = |part: &Expr| subquery.outer_ref_columns.contains(part);
        plan.apply_expressions(|expr| {
            for term in split_conjunction(expr) {
                found |= term.exists(|part| Ok(refers(part)))?
                    && term.exists(|part| Ok(subquery_of(part).is_some()))?;
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

/// The plan with values for the columns `keys` of the row around it.
pub(super) fn with_values(
    plan: &LogicalPlan,
    keys: &[Column],
    values: &[ScalarValue],
) -> Result<LogicalPlan> {
    let settled = |subquery: &mut Subquery| {
        subquery.outer_ref_columns.retain(|reference| {
            !matches!(reference, Expr::OuterReferenceColumn(_, column) if keys.contains(column))
        });
    };
    plan.clone()
        .transform_down_with_subqueries(|plan| {
            let plan = match plan {
                LogicalPlan::Subquery(mut subquery) => {
                    settled(&mut subquery);
                    LogicalPlan::Subquery(subquery)
                }
                // A lateral join to what no longer refers outwards is a plain one.
                LogicalPlan::Join(mut join) => {
                    if let LogicalPlan::Subquery(subquery) = join.right.as_ref() {
                        let mut subquery = subquery.clone();
                        settled(&mut subquery);
                        if subquery.outer_ref_columns.is_empty() {
                            join.right = subquery.subquery;
                        }
                    }
                    LogicalPlan::Join(join)
                }
                plan => plan,
            };
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let changed = expr.transform_down(|part| {
                    Ok(match part {
                        Expr::OuterReferenceColumn(field, column) => {
                            match keys.iter().position(|key| *key == column) {
                                Some(index) => {
                                    let metadata = (!field.metadata().is_empty())
                                        .then(|| FieldMetadata::new_from_field(&field));
                                    let value = values[index].clone();
                                    Transformed::yes(Expr::Literal(value, metadata))
                                }
                                None => Transformed::no(Expr::OuterReferenceColumn(field, column)),
                            }
                        }
                        Expr::ScalarSubquery(mut subquery) => {
                            settled(&mut subquery);
                            Transformed::yes(Expr::ScalarSubquery(subquery))
                        }
                        Expr::Exists(mut exists) => {
                            settled(&mut exists.subquery);
                            Transformed::yes(Expr::Exists(exists))
                        }
                        Expr::InSubquery(mut within) => {
                            settled(&mut within.subquery);
                            Transformed::yes(Expr::InSubquery(within))
                        }
                        part => Transformed::no(part),
                    })
                })?;
                Ok(changed.update_data(|expr| name.restore(expr)))
            })
        })
        .map(|transformed| transformed.data)
}
