//! A rule for logical plans with something done before it, or instead.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// What is done to a plan; it is given the rule.
pub(super) type Rewrite =
    fn(&dyn OptimizerRule, LogicalPlan, &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>>;

/// The rule, by its name and in its order.
#[derive(Debug)]
pub(super) struct Around {
    rule: Arc<dyn OptimizerRule + Send + Sync>,
    rewrite: Rewrite,
}

impl Around {
    pub(super) fn new(rule: Arc<dyn OptimizerRule + Send + Sync>, rewrite: Rewrite) -> Self {
        Self { rule, rewrite }
    }
}

impl OptimizerRule for Around {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.rule.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        (self.rewrite)(self.rule.as_ref(), plan, config)
    }
}
