//! Values as they are for the planner, and arrays of arrays.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array, new_empty_array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, Volatility, lit};

use super::Result;
use super::computed::Computed;
use crate::engine::scope::external;
use crate::functions::{has_effects, together};
use crate::types::shaped::{Arrays, Extent, collected, innermost};

/// What [`opaque`] calls.
pub(in crate::engine) const OPAQUE: &str = "opaque";
/// Functions that must not be computed, or seen through, before there are rows.
pub(super) const UNSEEN: [&str; 2] = [OPAQUE, "nullable"];

pub(super) const LIST: &[Computed] = &[
    Computed {
        name: OPAQUE,
        returns: None,
        body: |args| Ok(args[0].clone()),
    },
    // The value itself.
    Computed {
        name: "same",
        returns: None,
        body: |args| Ok(args[0].clone()),
    },
    // May be NULL, whatever DataFusion knows of its argument.
    Computed {
        name: "nullable",
        returns: None,
        body: |args| Ok(args[0].clone()),
    },
    Computed {
        name: "array_or_empty",
        returns: None,
        body: array_or_empty,
    },
    // COALESCE with every argument computed.
    Computed {
        name: "first_there",
        returns: None,
        body: first_there,
    },
    // Arrays as the elements of one.
    Computed {
        name: "array_of_arrays",
        returns: None,
        body: array_of_arrays,
    },
];

/// A condition that stays above what `columns` come from. One without columns would be moved below
/// an aggregate over all rows, which has a row whatever is filtered away below it.
pub(in crate::engine) fn opaque(condition: Expr, columns: Vec<Expr>) -> Expr {
    match super::computed(OPAQUE) {
        Some(function) => {
            let mut args = vec![condition];
            args.extend(columns);
            function.call(args)
        }
        None => condition,
    }
}

/// The same rows, of columns that are computed whether anybody wants them or not, if there are
/// calls in the plan that do something.
pub(in crate::engine) fn with_effects(plan: LogicalPlan) -> Result<LogicalPlan> {
    let does = |part: &Expr| match part {
        Expr::ScalarFunction(call) => has_effects(&call.func),
        _ => false,
    };
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            found |= expr.exists(|part| Ok(does(part)))?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    if !found {
        return Ok(plan);
    }
    let columns = plan.schema().iter().map(Expr::from).collect();
    let all = opaque(lit(true), columns);
    Filter::try_new(all, Arc::new(plan)).map(LogicalPlan::Filter)
}

/// Whether an expression may have another value each time, subqueries in it apart.
pub(in crate::engine) fn is_volatile(expr: &Expr) -> bool {
    let calls_one = |part: &Expr| match part {
        Expr::ScalarFunction(call) => {
            call.func.signature().volatility == Volatility::Volatile
                && !UNSEEN.contains(&call.func.name())
        }
        _ => false,
    };
    expr.exists(|part| Ok(calls_one(part))).unwrap_or(true)
}

/// An empty array in place of NULL, of the very same type.
fn array_or_empty(args: &[ArrayRef]) -> Result<ArrayRef> {
    if let Some(arrays @ Arrays::Shaped(..)) = Arrays::of(args[0].as_ref())
        && let Some(item) = innermost(args[0].data_type())
    {
        let rows = (0..args[0].len()).map(|row| {
            Some(match arrays.is_there(row) {
                true => (arrays.elements(row), arrays.extent(row)),
                false => (new_empty_array(item.data_type()), Extent::default()),
            })
        });
        return collected(item, &rows.collect::<Vec<_>>()).map_err(external);
    }
    let lists = args[0].as_list::<i32>();
    let (DataType::List(item), true) = (args[0].data_type(), lists.null_count() > 0) else {
        return Ok(args[0].clone());
    };
    let mut indices = Vec::with_capacity(lists.values().len());
    let mut lengths = Vec::with_capacity(lists.len());
    for row in 0..lists.len() {
        let length = if lists.is_valid(row) {
            lists.value_length(row)
        } else {
            0
        };
        let start = lists.value_offsets()[row];
        indices.extend((start..start + length).filter_map(|at| u64::try_from(at).ok()));
        lengths.push(usize::try_from(length).unwrap_or(0));
    }
    let values = arrow::compute::take(lists.values(), &UInt64Array::from(indices), None)?;
    Ok(Arc::new(arrow::array::ListArray::try_new(
        item.clone(),
        OffsetBuffer::from_lengths(lengths),
        values,
        None,
    )?))
}

/// The first value that is not NULL.
fn first_there(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut first = args[0].clone();
    for other in &args[1..] {
        let there = arrow::compute::is_not_null(&first)?;
        first = arrow::compute::kernels::zip::zip(&there, &first, other)?;
    }
    Ok(first)
}

/// `ARRAY[a, b]` of arrays that tell their dimensions; NULL is an empty one.
fn array_of_arrays(args: &[ArrayRef]) -> Result<ArrayRef> {
    let Some(item) = innermost(args[0].data_type()) else {
        return Ok(args[0].clone());
    };
    let columns: Vec<_> = args
        .iter()
        .filter_map(|arg| Arrays::of(arg.as_ref()))
        .collect();
    let mut made = Vec::with_capacity(args[0].len());
    for row in 0..args[0].len() {
        let parts = columns.iter().map(|arrays| match arrays.is_there(row) {
            true => (arrays.elements(row), arrays.extent(row)),
            false => (new_empty_array(item.data_type()), Extent::default()),
        });
        let parts: Vec<_> = parts.collect();
        made.push(Some(together(&parts, item.data_type()).map_err(external)?));
    }
    collected(item, &made).map_err(external)
}
