//! Sorts below an OFFSET without a LIMIT stay there.
//!
//! DataFusion moves the order that is asked of a limit below it if the rows have no order yet that
//! it would break, but looks for one only where the limit has an end: of
//! `SELECT * FROM (SELECT … ORDER BY a DESC OFFSET 2) q ORDER BY a` it would skip the smallest
//! rows. So while the rule works every limit has an end, behind all rows. And where columns that
//! only the sort needs are dropped between it and the limit, nobody sees that its order is asked
//! for, and it is left out: they are dropped behind the limit.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};

/// More rows than there are.
const ALL: usize = usize::MAX / 4;

/// The rule that moves sorts.
#[derive(Debug)]
pub(super) struct Skips {
    rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
}

impl Skips {
    pub(super) fn new(rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>) -> Self {
        Self { rule }
    }
}

/// A limit's end, if it has none, or has the one given here.
fn ended(
    plan: Arc<dyn ExecutionPlan>,
    had: Option<usize>,
    has: Option<usize>,
) -> Transformed<Arc<dyn ExecutionPlan>> {
    match plan.downcast_ref::<GlobalLimitExec>() {
        Some(limit) if limit.fetch() == had => {
            let mut other = GlobalLimitExec::new(limit.input().clone(), limit.skip(), has);
            other.set_required_ordering(limit.required_ordering().clone());
            Transformed::yes(Arc::new(other))
        }
        _ => Transformed::no(plan),
    }
}

/// A limit without an end over columns of sorted rows, as columns of the limited rows.
fn over_sort(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let Some(limit) = plan.downcast_ref::<GlobalLimitExec>() else {
        return Ok(Transformed::no(plan));
    };
    let projection = limit.input();
    if limit.fetch().is_some() || !projection.is::<ProjectionExec>() {
        return Ok(Transformed::no(plan));
    }
    let sorted = projection.children()[0].clone();
    let Some(sort) = sorted.downcast_ref::<SortExec>() else {
        return Ok(Transformed::no(plan));
    };
    let mut limited = GlobalLimitExec::new(sorted.clone(), limit.skip(), None);
    limited.set_required_ordering(Some(sort.expr().clone()));
    let columns = replace_children_if_necessary(projection.clone(), vec![Arc::new(limited)])?;
    Ok(Transformed::yes(columns))
}

impl PhysicalOptimizerRule for Skips {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = plan.transform_up(over_sort)?.data;
        let plan = plan.transform_up(|plan| Ok(ended(plan, None, Some(ALL))))?;
        if !plan.transformed {
            return self.rule.optimize(plan.data, config);
        }
        let plan = self.rule.optimize(plan.data, config)?;
        plan.transform_up(|plan| {
            let plan = ended(plan, Some(ALL), None);
            // What it was passed on to.
            if plan.data.fetch().is_some_and(|fetch| fetch >= ALL)
                && let Some(endless) = plan.data.with_fetch(None)
            {
                return Ok(Transformed::yes(endless));
            }
            Ok(plan)
        })
        .map(|plan| plan.data)
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}
