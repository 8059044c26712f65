//! Sorts of partitions of which only the first rows are wanted compare all that the merge of the
//! partitions compares.
//!
//! DataFusion leaves a column out of the sort of partitions that has one value in each of them
//! (`SELECT 0 AS n, … UNION ALL SELECT 1, …`). But sorts with a limit tell each other, through the
//! filter that they share, which rows come too late, and so hold a row of one partition for later
//! than that of another by the columns that are left.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNode;
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::equivalence::AcrossPartitions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::over_inputs;

/// Sorts by all keys of the merge above; without the limit where there is none right above.
#[derive(Debug)]
pub(super) struct Topmost;

impl PhysicalOptimizerRule for Topmost {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let merge = plan.downcast_ref::<SortPreservingMergeExec>();
            let keys = merge.map(|merge| merge.expr().clone());
            over_inputs(plan, |_, input| {
                let sort = input.downcast_ref::<SortExec>().filter(|sort| differ(sort));
                Ok(sort.map(|sort| {
                    Arc::new(match &keys {
                        Some(keys) => SortExec::new(keys.clone(), Arc::clone(sort.input()))
                            .with_fetch(sort.fetch())
                            .with_preserve_partitioning(true),
                        None => sort.with_fetch(None),
                    }) as _
                }))
            })
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "topmost"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether a sort with a limit is of partitions that each have another value in some column.
fn differ(sort: &SortExec) -> bool {
    let input = sort.input();
    let constants = input.equivalence_properties().constants();
    sort.fetch().is_some()
        && sort.preserve_partitioning()
        && input.output_partitioning().partition_count() > 1
        && constants
            .iter()
            .any(|of| of.across_partitions == AcrossPartitions::Heterogeneous)
}
