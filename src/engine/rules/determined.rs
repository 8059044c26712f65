//! No key is left out because others are said to determine it.
//!
//! What DataFusion says of a group's keys is too much: of `GROUP BY x, c` over a join, where `c`
//! was unique before the join, it takes `c` to determine `x`. Then `ORDER BY c, x` was not by `x`,
//! and a second `GROUP BY c, x` made one group of all.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchemaRef, FunctionalDependencies, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// Applies a rule that is not told what determines what.
pub(super) fn undetermined(
    rule: &dyn OptimizerRule,
    plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<LogicalPlan>> {
    // The rule for one node at a time asks of the keys of sorts alone.
    if rule.apply_order().is_some() && !matches!(plan, LogicalPlan::Sort(_)) {
        return rule.rewrite(plan, config);
    }
    rule.rewrite(without_dependencies(plan)?, config)
}

/// The plan with schemas that say nothing of dependencies.
fn without_dependencies(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut found = false;
    plan.apply(|node| {
        found |= !node.schema().functional_dependencies().is_empty();
        Ok(match found {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })?;
    if !found {
        return Ok(plan);
    }
    plan.transform_up(|mut node| {
        let schema = match &mut node {
            LogicalPlan::Aggregate(node) => &mut node.schema,
            LogicalPlan::Projection(node) => &mut node.schema,
            LogicalPlan::SubqueryAlias(node) => &mut node.schema,
            LogicalPlan::Join(node) => &mut node.schema,
            LogicalPlan::Window(node) => &mut node.schema,
            // Their schemas are their inputs'.
            _ => return Ok(Transformed::no(node)),
        };
        *schema = bare(schema)?;
        Ok(Transformed::yes(node))
    })
    .map(|transformed| transformed.data)
}

fn bare(schema: &DFSchemaRef) -> Result<DFSchemaRef> {
    let schema = schema.as_ref().clone();
    let none = FunctionalDependencies::empty();
    schema.with_functional_dependencies(none).map(Arc::new)
}
