//! DataFusion's optimizer rules, and what stands around those that would change answers.

mod anew;
mod around;
mod conjuncts;
mod constants;
mod crossed;
mod determined;
mod enclosed;
mod in_turn;
mod inferred;
mod names;
mod null_supplied;
mod reached;
mod skips;
mod sorted;
mod statistics;
mod together;
mod topmost;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};

use around::Around;
use conjuncts::settled;
pub(super) use constants::check_constants;
use crossed::Crossed;
use determined::undetermined;
use enclosed::Enclosed;
use in_turn::InTurn;
use names::Unambiguous;
use null_supplied::NullSupplied;
pub(super) use reached::reached;
use skips::Skips;
use sorted::Sorted;
use statistics::OwnStatistics;
use together::Together;
use topmost::Topmost;

use super::planning::{Resumed, WatchedPhysical};

/// A plan over other inputs, where `other` has one for an input.
fn over_inputs(
    plan: Arc<dyn ExecutionPlan>,
    mut other: impl FnMut(usize, &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>>,
) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let mut changed = false;
    let inputs = plan.children().into_iter().enumerate();
    let inputs = inputs.map(|(index, input)| {
        let other = other(index, input)?;
        changed |= other.is_some();
        Ok(other.unwrap_or_else(|| Arc::clone(input)))
    });
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    match changed {
        true => replace_children_if_necessary(plan, inputs).map(Transformed::yes),
        false => Ok(Transformed::no(plan)),
    }
}

/// The rules for logical plans.
pub(super) fn logical() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    Optimizer::new()
        .rules
        .into_iter()
        .map(|rule| match rule.name() {
            "push_down_filter" => Arc::new(Around::new(rule, settled)) as _,
            "eliminate_duplicated_expr" | "optimize_projections" => {
                Arc::new(Around::new(rule, undetermined)) as _
            }
            _ => rule,
        })
        .collect()
}

/// The rules for physical plans.
pub(super) fn physical() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules: Vec<_> = PhysicalOptimizer::new()
        .rules
        .into_iter()
        .map(|rule| match rule.name() {
            name if name.starts_with("FilterPushdown") => Arc::new(Unambiguous::new(rule)) as _,
            "EnsureRequirements" => Arc::new(Skips::new(rule)) as _,
            "aggregate_statistics" => Arc::new(OwnStatistics::new(rule)) as _,
            _ => rule,
        })
        .collect();
    rules.splice(0..0, [Arc::new(NullSupplied) as _, Arc::new(Enclosed) as _]);
    // Behind what gives sorts their limits, before what gives scans the sorts' filters.
    let limited = rules
        .iter()
        .rposition(|rule| rule.name().starts_with("FilterPushdown"));
    rules.insert(limited.unwrap_or(rules.len()), Arc::new(Topmost));
    let last = rules
        .iter()
        .position(|rule| rule.name() == "SanityCheckPlan");
    let last = last.unwrap_or(rules.len());
    rules.splice(
        last..last,
        [
            Arc::new(Together) as _,
            Arc::new(Crossed) as _,
            Arc::new(Sorted) as _,
            Arc::new(InTurn) as _,
        ],
    );
    let rules = rules.into_iter();
    let rules = rules.map(|rule| Arc::new(WatchedPhysical(rule)) as _);
    std::iter::once(Arc::new(Resumed) as _)
        .chain(rules)
        .collect()
}
