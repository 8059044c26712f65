//! DataFusion's optimizer rules, and what stands around those that would change answers.

mod null_supplied;

use std::sync::Arc;

use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

use null_supplied::NullSupplied;

/// The rules for physical plans.
pub(super) fn physical() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    rules.insert(0, Arc::new(NullSupplied));
    rules
}
