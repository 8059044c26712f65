//! Filters that find their columns by name are not pushed where a name is used twice.
//!
//! Physical plans know columns by name and position, and the names have lost what qualified them:
//! a join of two tables with a column `i` has two of them. DataFusion passes filters, those that
//! it makes while the query runs too, through most operators by name alone, so that a filter on
//! one `i` may land on the other. The rule is applied to the largest parts of a plan in which no
//! operator has a name twice.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};

/// A rule that goes by names.
#[derive(Debug)]
pub(super) struct Unambiguous {
    rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>,
}

impl Unambiguous {
    pub(super) fn new(rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>) -> Self {
        Self { rule }
    }

    /// The plan with the rule applied to its largest unambiguous parts; `None` if it is one such
    /// part itself.
    fn apply(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let applied = plan
            .children()
            .into_iter()
            .map(|child| Ok((child, self.apply(child, config)?)))
            .collect::<Result<Vec<_>>>()?;
        if has_unique_names(plan.as_ref()) && applied.iter().all(|(_, part)| part.is_none()) {
            return Ok(None);
        }
        let children = applied
            .into_iter()
            .map(|(child, part)| match part {
                Some(part) => Ok(part),
                None => self.rule.optimize(child.clone(), config),
            })
            .collect::<Result<Vec<_>>>()?;
        replace_children_if_necessary(plan.clone(), children).map(Some)
    }
}

/// Whether an operator has no name twice.
fn has_unique_names(plan: &dyn ExecutionPlan) -> bool {
    let schema = plan.schema();
    let mut names = HashSet::with_capacity(schema.fields().len());
    schema
        .fields()
        .iter()
        .all(|field| names.insert(field.name().as_str()))
}

impl PhysicalOptimizerRule for Unambiguous {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match self.apply(&plan, config)? {
            Some(applied) => Ok(applied),
            None => self.rule.optimize(plan, config),
        }
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}
