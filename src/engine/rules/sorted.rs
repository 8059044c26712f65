//! Rows are sorted where an operator needs an order that its input turns out not to promise.
//!
//! DataFusion holds a column of one value to be in every order. A rule that comes later may move
//! what says that it is one value, and then the plan is refused for an order nobody made.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNode;
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::over_inputs;

/// Puts in the sorts that are missing.
#[derive(Debug)]
pub(super) struct Sorted;

impl PhysicalOptimizerRule for Sorted {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let needs = plan.required_input_ordering();
            over_inputs(plan, |index, input| {
                let needed = needs.get(index).cloned().flatten();
                let Some(needed) = needed.map(|needed| needed.into_single()) else {
                    return Ok(None);
                };
                let known = input.equivalence_properties();
                if known.ordering_satisfy_requirement(needed.clone())? {
                    return Ok(None);
                }
                let sort = SortExec::new(LexOrdering::from(needed), input.clone())
                    .with_preserve_partitioning(true);
                Ok(Some(Arc::new(sort)))
            })
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "sorted"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
