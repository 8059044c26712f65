//! Joins of every row with every row, of arrays whose type says more of their elements than Arrow
//! does (`name[]`, `json[]`, arrays of rows).
//!
//! DataFusion's cross join repeats values of its left side as scalars, which forget what the field
//! of the elements says, and then fails on the difference. A nested loop without a condition gives
//! the same rows and takes arrays as they are.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinType, Result};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};

/// The rule. It goes when sides are chosen.
#[derive(Debug)]
pub(super) struct Crossed;

impl PhysicalOptimizerRule for Crossed {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let Some(join) = plan.downcast_ref::<CrossJoinExec>() else {
                return Ok(Transformed::no(plan));
            };
            let (left, right) = (join.left(), join.right());
            let schema = left.schema();
            if !schema
                .fields()
                .iter()
                .any(|field| says_more(field.data_type()))
            {
                return Ok(Transformed::no(plan));
            }
            let (left, right) = (left.clone(), right.clone());
            let join = NestedLoopJoinExec::try_new(left, right, None, &JoinType::Inner, None)?;
            Ok(Transformed::yes(Arc::new(join) as _))
        })
        .data()
    }

    fn name(&self) -> &str {
        "crossed"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether a type has fields that say something of themselves.
fn says_more(ty: &DataType) -> bool {
    match ty {
        DataType::List(item) => !item.metadata().is_empty() || says_more(item.data_type()),
        DataType::Struct(fields) => fields
            .iter()
            .any(|field| !field.metadata().is_empty() || says_more(field.data_type())),
        _ => false,
    }
}
