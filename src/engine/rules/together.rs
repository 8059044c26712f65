//! Few rows of a table, and rows of a recursive query, are not dealt out to several threads: they
//! stay in the order they are stored in, which is the one they came in, or were found in.

use std::sync::Arc;

use datafusion::catalog::memory::DataSourceExec;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::Partitioning;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, StatisticsArgs, StatisticsContext,
};

/// Takes out what deals out few rows.
#[derive(Debug)]
pub(super) struct Together;

impl PhysicalOptimizerRule for Together {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let few = config.execution.batch_size.get();
        plan.transform_up(|plan| {
            let Some(dealt) = plan.downcast_ref::<RepartitionExec>() else {
                return Ok(Transformed::no(plan));
            };
            let in_turn = matches!(dealt.partitioning(), Partitioning::RoundRobinBatch(_));
            let input = dealt.input();
            if in_turn
                && input.output_partitioning().partition_count() == 1
                && is_small(input, few)?
            {
                return Ok(Transformed::yes(Arc::clone(input)));
            }
            Ok(Transformed::no(plan))
        })
        .data()
    }

    fn name(&self) -> &str {
        "together"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether these are rows of a table that has no more than `few`, or of a recursive query.
fn is_small(plan: &Arc<dyn ExecutionPlan>, few: usize) -> Result<bool> {
    if plan.is::<FilterExec>() || plan.is::<ProjectionExec>() {
        return is_small(plan.children()[0], few);
    }
    // Rows of a recursive query are expected in the order they were found in.
    if plan.is::<RecursiveQueryExec>() {
        return Ok(true);
    }
    if !plan.is::<DataSourceExec>() {
        return Ok(false);
    }
    let known = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new())?;
    Ok(known.num_rows.get_value().is_some_and(|rows| *rows <= few))
}
