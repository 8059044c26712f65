//! Equalities with a value that encloses the other (`coalesce(a, b) = a`) are for filters alone.
//!
//! DataFusion takes what a filter holds equal for one and the same, and writes the first of it for
//! each of the others, also within the first itself: then it does not know the orders again that it
//! made, and refuses the plan. An inequality turned round says the same, and is none to it.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, NotExpr};
use datafusion::physical_expr::{PhysicalExpr, conjunction, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};

/// Turns such equalities round.
#[derive(Debug)]
pub(super) struct Enclosed;

impl PhysicalOptimizerRule for Enclosed {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let Some(filter) = plan.downcast_ref::<FilterExec>() else {
                return Ok(Transformed::no(plan));
            };
            let Some(predicate) = turned(filter.predicate()) else {
                return Ok(Transformed::no(plan));
            };
            let filter = FilterExecBuilder::from(filter).with_predicate(predicate);
            Ok(Transformed::yes(Arc::new(filter.build()?)))
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "enclosed"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The predicate without such equalities; `None` if it has none.
fn turned(predicate: &Arc<dyn PhysicalExpr>) -> Option<Arc<dyn PhysicalExpr>> {
    let parts = split_conjunction(predicate);
    let equal = |part: &Arc<dyn PhysicalExpr>| {
        let equality = part.downcast_ref::<BinaryExpr>()?;
        let is_equality = *equality.op() == Operator::Eq;
        is_equality.then(|| [Arc::clone(equality.left()), Arc::clone(equality.right())])
    };
    let mut classes: Vec<Vec<Arc<dyn PhysicalExpr>>> = Vec::new();
    for sides in parts.iter().filter_map(|part| equal(part)) {
        let mut class = sides.to_vec();
        classes.retain_mut(|known| {
            let meets = known.iter().any(|of| sides.contains(of));
            if meets {
                class.append(known);
            }
            !meets
        });
        classes.push(class);
    }
    let turns = |sides: &[Arc<dyn PhysicalExpr>; 2]| {
        let mut of = classes.iter().filter(|class| class.contains(&sides[0]));
        of.any(|class| {
            let within = |outer| class.iter().any(|inner| encloses(outer, inner));
            sides.iter().any(within)
        })
    };
    let mut any = false;
    let parts = parts
        .into_iter()
        .map(|part| match equal(part).filter(turns) {
            Some([left, right]) => {
                any = true;
                let differ = BinaryExpr::new(left, Operator::NotEq, right);
                Arc::new(NotExpr::new(Arc::new(differ)))
            }
            None => Arc::clone(part),
        });
    let predicate = conjunction(parts);
    any.then_some(predicate)
}

/// Whether a value is computed from another.
fn encloses(outer: &Arc<dyn PhysicalExpr>, inner: &Arc<dyn PhysicalExpr>) -> bool {
    outer
        .children()
        .into_iter()
        .any(|child| child == inner || encloses(child, inner))
}
