//! Calls that change something, or tell what others changed, happen row by row: all those of one
//! row before those of the next.
//!
//! A projection computes one column after the other over many rows at once. Where two of its calls
//! have effects, it is given its rows one by one.

use std::fmt;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::common::tree_node::{TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties,
};
use futures::{StreamExt, TryStreamExt};

use super::over_inputs;
use crate::engine::barrier::one;
use crate::functions;

/// Gives projections their rows one by one.
#[derive(Debug)]
pub(super) struct InTurn;

impl PhysicalOptimizerRule for InTurn {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let several = match plan.downcast_ref::<ProjectionExec>() {
                Some(projection) => effects(projection)? > 1,
                None => false,
            };
            over_inputs(plan, |_, input| {
                let one_by_one = several && input.downcast_ref::<OneByOneExec>().is_none();
                Ok(one_by_one.then(|| {
                    let input = together(Arc::clone(input));
                    Arc::new(OneByOneExec { input }) as Arc<dyn ExecutionPlan>
                }))
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "in_turn"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// All rows of an input one after the other, unless an operator above relies on how they are apart.
fn together(input: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let apart = input.output_partitioning();
    if apart.partition_count() == 1 || matches!(apart, Partitioning::Hash(..)) {
        return input;
    }
    match input.output_ordering().cloned() {
        Some(order) => Arc::new(SortPreservingMergeExec::new(order, input)),
        None => Arc::new(CoalescePartitionsExec::new(input)),
    }
}

/// How many calls with effects a projection has.
fn effects(projection: &ProjectionExec) -> Result<usize> {
    let mut count = 0;
    for of in projection.expr() {
        of.expr.apply(|expr| {
            let function = expr.downcast_ref::<ScalarFunctionExpr>();
            count += usize::from(function.is_some_and(|of| functions::has_effects(of.fun())));
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    Ok(count)
}

/// The same rows, each in a batch of its own.
#[derive(Debug)]
struct OneByOneExec {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for OneByOneExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneByOneExec")
    }
}

impl ExecutionPlan for OneByOneExec {
    fn name(&self) -> &str {
        "OneByOneExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [input] = one(children)?;
        Ok(Arc::new(Self { input }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, context)?;
        let each = |batch: RecordBatch| {
            let rows = (0..batch.num_rows()).map(move |row| Ok(batch.slice(row, 1)));
            futures::stream::iter(rows)
        };
        let schema = self.schema();
        let rows = rows.map_ok(each).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            schema,
            rows.boxed(),
        )))
    }
}
