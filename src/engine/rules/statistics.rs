//! Aggregates are computed from statistics only where these are their own.
//!
//! DataFusion's rule looks below the last stage of an aggregate over all rows for its first stage.
//! If that has a FILTER it goes on looking, and may find another aggregate further down, whose
//! value it takes: of `SELECT count(*) FILTER (WHERE m > 0) FROM (SELECT max(x) AS m FROM t)` the
//! largest x.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode};
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};

/// The rule over parts of a plan that have no such aggregate.
#[derive(Debug)]
pub(super) struct OwnStatistics {
    rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
}

impl OwnStatistics {
    pub(super) fn new(rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>) -> Self {
        Self { rule }
    }
}

/// Whether the rule would look for an aggregate's first stage in vain.
fn is_misled(plan: &dyn ExecutionPlan) -> bool {
    let Some(last) = plan.downcast_ref::<AggregateExec>() else {
        return false;
    };
    if last.mode().input_mode() != AggregateInputMode::Partial || !last.group_expr().is_empty() {
        return false;
    }
    let mut below = last.input();
    loop {
        if let Some(first) = below.downcast_ref::<AggregateExec>() {
            return first.mode().input_mode() != AggregateInputMode::Raw
                || !first.group_expr().is_empty()
                || first.filter_expr().iter().any(Option::is_some);
        }
        match below.children().as_slice() {
            [only] => below = *only,
            _ => return false,
        }
    }
}

/// Whether an operator or one below it is such an aggregate.
fn misleads(plan: &dyn ExecutionPlan) -> bool {
    is_misled(plan) || (plan.children().into_iter()).any(|child| misleads(child.as_ref()))
}

impl PhysicalOptimizerRule for OwnStatistics {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !misleads(plan.as_ref()) {
            return self.rule.optimize(plan, config);
        }
        let children = plan
            .children()
            .into_iter()
            .map(|child| self.optimize(child.clone(), config))
            .collect::<Result<Vec<_>>>()?;
        replace_children_if_necessary(plan, children)
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}
