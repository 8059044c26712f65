//! Plans that group or join by numerics without declared scale: DataFusion sees large text in them,
//! in which equal numbers may be written with other zeros. They go by keys
//! ([`crate::engine::numeric::key`]), and show the first value of each group, as PostgreSQL does.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema};
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::logical_expr::{
    Aggregate, Distinct, DistinctOn, Expr, ExprSchemable, LogicalPlan, Projection,
};

use super::Result;
use crate::base::Error;
use crate::engine::numeric;
use crate::engine::scope::external;

/// Rewrites the nodes of a plan; their expressions were rewritten before.
pub(super) fn rewrite(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        Ok(match plan {
            LogicalPlan::Join(mut join) => {
                let (left, right) = (join.left.schema().clone(), join.right.schema().clone());
                let mut changed = false;
                for (a, b) in &mut join.on {
                    if is_open(a, &left) || is_open(b, &right) {
                        *a = numeric::key(a.clone());
                        *b = numeric::key(b.clone());
                        changed = true;
                    }
                }
                Transformed::new_transformed(LogicalPlan::Join(join), changed)
            }
            LogicalPlan::Aggregate(aggregate) => group_by_keys(aggregate)?,
            LogicalPlan::Distinct(Distinct::All(input)) if has_numeric(input.schema()) => {
                let group = columns(input.schema());
                let aggregate = Aggregate::try_new(input, group, Vec::new())?;
                Transformed::yes(group_by_keys(aggregate)?.data)
            }
            LogicalPlan::Distinct(Distinct::On(on)) => distinct_on_keys(on)?,
            other => Transformed::no(other),
        })
    })
    .map(|transformed| transformed.data)?
    // Nodes above those that changed their columns' types.
    .transform_up_with_subqueries(|plan| {
        Ok(match plan {
            LogicalPlan::Union(union) => Transformed::no(LogicalPlan::Union(union)),
            other => Transformed::no(other.recompute_schema()?),
        })
    })
    .map(|transformed| transformed.data)
}

fn has_numeric(schema: &DFSchema) -> bool {
    schema
        .fields()
        .iter()
        .any(|field| is_numeric(field.data_type()))
}

fn columns(schema: &DFSchema) -> Vec<Expr> {
    schema.columns().into_iter().map(Expr::Column).collect()
}

/// Groups by the keys of numerics and shows the first value of each group, as PostgreSQL does.
fn group_by_keys(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let schema = aggregate.input.schema().clone();
    let opens = |group: &Expr| is_open(group, &schema);
    if let [Expr::GroupingSet(sets)] = aggregate.group_expr.as_slice() {
        if sets.distinct_expr().into_iter().any(opens) {
            return Err(external(Error::unsupported(
                "GROUPING SETS over a numeric without declared scale",
            )));
        }
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    if !aggregate.group_expr.iter().any(opens) {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let shown = aggregate.schema.clone();
    let mut groups = Vec::with_capacity(aggregate.group_expr.len());
    let mut firsts = Vec::new();
    let mut output = Vec::with_capacity(shown.fields().len());
    for (index, group) in aggregate.group_expr.iter().enumerate() {
        let (qualifier, field) = shown.qualified_field(index);
        if opens(group) {
            let name = format!("\0first{index}");
            groups.push(numeric::key(group.clone()).alias(format!("\0key{index}")));
            let first = first_value_udaf().call(vec![group.clone()]);
            firsts.push(first.alias(&name));
            output.push(
                Expr::Column(Column::from_name(name))
                    .alias_qualified(qualifier.cloned(), field.name()),
            );
        } else {
            groups.push(group.clone());
            output.push(Expr::from((qualifier, field)));
        }
    }
    for index in aggregate.group_expr.len()..shown.fields().len() {
        output.push(Expr::from(shown.qualified_field(index)));
    }
    let mut computed = aggregate.aggr_expr.clone();
    computed.extend(firsts);
    let grouped = Aggregate::try_new(aggregate.input, groups, computed)?;
    let plan = Projection::try_new(output, Arc::new(LogicalPlan::Aggregate(grouped)))?;
    Ok(Transformed::yes(LogicalPlan::Projection(plan)))
}

fn distinct_on_keys(on: DistinctOn) -> Result<Transformed<LogicalPlan>> {
    let schema = on.input.schema().clone();
    if !on.on_expr.iter().any(|on| is_open(on, &schema)) {
        return Ok(Transformed::no(LogicalPlan::Distinct(Distinct::On(on))));
    }
    let by: Vec<Expr> = on
        .on_expr
        .into_iter()
        .map(|on| match is_open(&on, &schema) {
            true => numeric::key(on),
            false => on,
        })
        .collect();
    let on = DistinctOn::try_new(by, on.select_expr, on.sort_expr, on.input)?;
    Ok(Transformed::yes(LogicalPlan::Distinct(Distinct::On(on))))
}

fn is_numeric(ty: &DataType) -> bool {
    matches!(ty, DataType::LargeUtf8 | DataType::Decimal256(..))
}

fn is_open(expression: &Expr, schema: &DFSchema) -> bool {
    expression.get_type(schema).is_ok_and(|ty| is_numeric(&ty))
}
