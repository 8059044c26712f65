//! DataFusion's optimizer rules, and what stands around those that would change answers.

mod conjuncts;
mod names;
mod null_supplied;

use std::sync::Arc;

use datafusion::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

use conjuncts::Settled;
use names::Unambiguous;
use null_supplied::NullSupplied;

/// The rules for logical plans.
pub(super) fn logical() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    Optimizer::new()
        .rules
        .into_iter()
        .map(|rule| match rule.name() {
            "push_down_filter" => Arc::new(Settled::new(rule)) as _,
            _ => rule,
        })
        .collect()
}

/// The rules for physical plans.
pub(super) fn physical() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules: Vec<_> = PhysicalOptimizer::new()
        .rules
        .into_iter()
        .map(|rule| match rule.name().starts_with("FilterPushdown") {
            true => Arc::new(Unambiguous::new(rule)) as _,
            false => rule,
        })
        .collect();
    rules.insert(0, Arc::new(NullSupplied));
    rules
}
