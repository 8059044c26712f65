//! What is one value below an outer join is two above it: the value and NULL.
//!
//! DataFusion takes a column that is constant in an input (`WHERE i = 2`) for constant in the
//! output of every join and every grouping set over it, and then leaves out sorts and splits
//! groups and window partitions as if it were. Where NULLs are supplied, the input is put behind
//! an operator that passes rows on and forgets what DataFusion knew of their order and values.
//!
//! Of a window's aggregate DataFusion takes for granted that it only grows (`max`, `count`) or only
//! shrinks (`min`), NULLs last. But a frame that is empty, or holds NULLs alone, gives NULL, and
//! it may be the first one. Of such a window's output it is to know what it knows of its input.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Result, Statistics};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::window::{StandardWindowExpr, WindowExpr};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
};
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    replace_children_if_necessary,
};

use crate::engine::barrier::one;

/// The rule. It goes first, before any rule trusts what is constant.
#[derive(Debug)]
pub(super) struct NullSupplied;

impl PhysicalOptimizerRule for NullSupplied {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let supplied = supplied(plan.as_ref());
            let mut changed = false;
            let children: Result<Vec<_>> = plan
                .children()
                .into_iter()
                .enumerate()
                .map(|(index, child)| {
                    let is_supplied = supplied.contains(&index);
                    // What is below a grouping set may turn out to be constant later.
                    let is_constant = || plan.is::<AggregateExec>() || has_constants(child);
                    if is_supplied && is_constant() || window_input(child).is_some() {
                        changed = true;
                        Ok(Arc::new(NullSuppliedExec::new(child.clone())?) as _)
                    } else {
                        Ok(child.clone())
                    }
                })
                .collect();
            Ok(match changed {
                true => Transformed::yes(replace_children_if_necessary(plan, children?)?),
                false => Transformed::no(plan),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "null_supplied"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether a plan has, or comes to have, constant columns. A join that does not know its inputs'
/// now may do so when later rules turn it round.
fn has_constants(plan: &Arc<dyn ExecutionPlan>) -> bool {
    !plan.equivalence_properties().constants().is_empty()
        || plan.children().into_iter().any(has_constants)
}

/// The inputs of an operator whose columns it makes NULL in some rows.
fn supplied(plan: &dyn ExecutionPlan) -> &'static [usize] {
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        return match aggregate.group_expr().has_grouping_set() {
            true => &[0],
            false => &[],
        };
    }
    let join = if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        *join.join_type()
    } else if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        *join.join_type()
    } else if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
        join.join_type()
    } else {
        return &[];
    };
    match join {
        JoinType::Left => &[1],
        JoinType::Right => &[0],
        JoinType::Full => &[0, 1],
        _ => &[],
    }
}

/// The input of a window that has aggregates.
fn window_input(plan: &Arc<dyn ExecutionPlan>) -> Option<&Arc<dyn ExecutionPlan>> {
    let (window, input) = if let Some(window) = plan.downcast_ref::<WindowAggExec>() {
        (window.window_expr(), window.input())
    } else if let Some(window) = plan.downcast_ref::<BoundedWindowAggExec>() {
        (window.window_expr(), window.input())
    } else {
        return None;
    };
    let aggregates =
        |expression: &Arc<dyn WindowExpr>| !expression.as_any().is::<StandardWindowExpr>();
    window.iter().any(aggregates).then_some(input)
}

/// Passes rows on. Knows nothing of them but their columns and partitions, and over a window what
/// is known of the window's input, whose columns come first.
#[derive(Debug)]
struct NullSuppliedExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl NullSuppliedExec {
    fn new(input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let mut known = EquivalenceProperties::new(input.schema());
        if let Some(below) = window_input(&input) {
            known = known.extend(below.equivalence_properties().clone())?;
        }
        let properties = PlanProperties::new(
            known,
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Ok(Self {
            input,
            properties: Arc::new(properties),
        })
    }
}

impl DisplayAs for NullSuppliedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NullSuppliedExec")
    }
}

impl ExecutionPlan for NullSuppliedExec {
    fn name(&self) -> &str {
        "NullSuppliedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [input] = one(children)?;
        Ok(Arc::new(Self::new(input)?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _arguments: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        match inputs {
            [input] => Ok(input.clone()),
            _ => Ok(Arc::new(Statistics::new_unknown(&self.schema()))),
        }
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        FilterDescription::from_children(filters, &self.children())
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(result))
    }
}
