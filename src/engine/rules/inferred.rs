//! What a filter over a join says of a key, `push_down_filter` has the other side keep, too. A
//! condition that may fail is not asked of rows which the join alone would have left out: such keys
//! are hidden from the rule.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Join, LogicalPlan};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::reached::may_fail;

/// The name of a hidden key.
const HIDDEN: &str = "\0key";

/// Applies `push_down_filter`.
pub(super) fn pushed(
    rule: &dyn OptimizerRule,
    plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<LogicalPlan>> {
    let (join, predicate) = match &plan {
        LogicalPlan::Join(join) => (Some(join), None),
        LogicalPlan::Filter(filter) => match filter.input.as_ref() {
            LogicalPlan::Join(join) => (Some(join), Some(&filter.predicate)),
            _ => (None, None),
        },
        _ => (None, None),
    };
    let hidden = join.map(|join| hidden(join, predicate)).transpose()?;
    let Some(hidden) = hidden.flatten() else {
        return rule.rewrite(plan, config);
    };
    let plan = match plan {
        LogicalPlan::Filter(mut filter) => {
            filter.input = Arc::new(LogicalPlan::Join(hidden));
            LogicalPlan::Filter(filter)
        }
        _ => LogicalPlan::Join(hidden),
    };
    let done = rule.rewrite(plan, config)?;
    let changed = done.transformed;
    let plan = done.data.transform_down(|plan| match plan {
        LogicalPlan::Join(mut join)
            if join.on.iter().any(|(a, b)| is_hidden(a) || is_hidden(b)) =>
        {
            let on = join.on.into_iter();
            join.on = on.map(|(a, b)| (shown(a), shown(b))).collect();
            Ok(Transformed::yes(LogicalPlan::Join(join)))
        }
        plan => Ok(Transformed::no(plan)),
    })?;
    Ok(Transformed::new_transformed(plan.data, changed))
}

/// The join with the keys hidden that conditions which may fail are about; `None` if there are
/// none.
fn hidden(join: &Join, predicate: Option<&Expr>) -> Result<Option<Join>> {
    let conditions = predicate.into_iter().chain(&join.filter);
    let mut about: HashSet<&Column> = HashSet::new();
    for condition in conditions.flat_map(split_conjunction) {
        if may_fail(condition)? {
            about.extend(condition.column_refs());
        }
    }
    let is_about = |key: &Expr| matches!(key, Expr::Column(column) if about.contains(column));
    if !join.on.iter().any(|(a, b)| is_about(a) || is_about(b)) {
        return Ok(None);
    }
    let hide = |key: &Expr| match is_about(key) {
        true => key.clone().alias(HIDDEN),
        false => key.clone(),
    };
    let on = join.on.iter().map(|(a, b)| (hide(a), hide(b))).collect();
    Ok(Some(Join { on, ..join.clone() }))
}

fn is_hidden(key: &Expr) -> bool {
    matches!(key, Expr::Alias(alias) if alias.name == HIDDEN)
}

fn shown(key: Expr) -> Expr {
    match key {
        Expr::Alias(alias) if alias.name == HIDDEN => *alias.expr,
        key => key,
    }
}
