//! Plans that group or join by values that are equal though they look different: numerics without
//! declared scale (`1.0` and `1.00`) and ranges of them, intervals (a day and 24 hours), jsonb
//! (`[1]` and `[1.0]`), floats (zero of either sign), bpchar with
//! blanks at its end, queries that differ in weights, arrays of
//! such, rows with such fields.
//! They go by keys, and show the first value of each group, as PostgreSQL does.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::logical_expr::{
    Aggregate, AggregateUDF, Distinct, DistinctOn, Expr, ExprSchemable, GroupingSet, LogicalPlan,
    Projection, when,
};

use super::Result;
use super::array_key::array_key;
use super::computed::Computed;
use crate::engine::numeric;
use crate::engine::scope::external;
use crate::functions::{self, has_array_key};
use crate::types::PgType;

pub(super) const LIST: &[Computed] = &[
    Computed {
        name: "jsonb_key",
        returns: Some(PgType::TEXT),
        body: jsonb_keys,
    },
    Computed {
        name: "bpchar_key",
        returns: Some(PgType::TEXT),
        body: bpchar_keys,
    },
    Computed {
        name: "range_key",
        returns: Some(PgType::BYTEA),
        body: |args| Ok(functions::range_keys(&args[0])),
    },
    Computed {
        name: "query_key",
        returns: Some(PgType::BYTEA),
        body: |args| Ok(functions::query_keys(&args[0])),
    },
];

/// Bytes that compare as a range or multirange of numerics does.
pub(in crate::engine) fn range_key(value: Expr) -> Expr {
    match super::computed("range_key") {
        Some(function) => function.call(vec![value]),
        None => value,
    }
}

/// Bytes that compare as a query does, which looks away from weights.
pub(in crate::engine) fn query_key(value: Expr) -> Expr {
    match super::computed("query_key") {
        Some(function) => function.call(vec![value]),
        None => value,
    }
}

/// Text that compares as a bpchar does, which looks away from the blanks at its end.
pub(in crate::engine) fn bpchar_key(value: Expr) -> Expr {
    match super::computed("bpchar_key") {
        Some(function) => function.call(vec![value]),
        None => value,
    }
}

/// Text that compares as a jsonb value does.
pub(in crate::engine) fn jsonb_key(value: Expr) -> Expr {
    match super::computed("jsonb_key") {
        Some(function) => function.call(vec![value]),
        None => value,
    }
}

fn bpchar_keys(args: &[ArrayRef]) -> Result<ArrayRef> {
    let text = cast(&args[0], &DataType::Utf8View)?;
    let text = text.as_string_view().iter();
    let bare: StringViewArray = text
        .map(|text| text.map(|text| text.trim_end_matches(' ')))
        .collect();
    Ok(Arc::new(bare))
}

fn jsonb_keys(args: &[ArrayRef]) -> Result<ArrayRef> {
    functions::jsonb_keys(&args[0]).map_err(external)
}

/// Rewrites the nodes of a plan; their expressions were rewritten before.
pub(super) fn rewrite(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        Ok(match plan {
            LogicalPlan::Join(mut join) => {
                let (left, right) = (join.left.schema().clone(), join.right.schema().clone());
                let mut changed = false;
                for (a, b) in &mut join.on {
                    let kind = kind_of(a, &left).or_else(|| kind_of(b, &right));
                    let Some(kind) = kind.filter(|kind| *kind != Kind::Float) else {
                        continue;
                    };
                    *a = kind.key(a.clone());
                    *b = kind.key(b.clone());
                    changed = true;
                }
                Transformed::new_transformed(LogicalPlan::Join(join), changed)
            }
            LogicalPlan::Aggregate(aggregate) => group_by_keys(aggregate)?,
            LogicalPlan::Distinct(Distinct::All(input)) if has_kind(input.schema()) => {
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

/// Values that need a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Float,
    Numeric,
    Interval,
    Jsonb,
    /// A `char(n)` is held without its blanks.
    Bpchar,
    Range,
    Array(PgType),
    Row,
    Query,
}

impl Kind {
    fn of(field: &FieldRef) -> Option<Self> {
        match field.data_type() {
            DataType::Float32 | DataType::Float64 => Some(Self::Float),
            DataType::LargeUtf8 | DataType::Decimal256(..) => Some(Self::Numeric),
            DataType::Interval(_) => Some(Self::Interval),
            DataType::LargeBinary => Some(Self::Range),
            array @ (DataType::List(_) | DataType::Struct(_)) => {
                has_array_key(array).then(|| Self::Array(PgType::of_field(field)))
            }
            DataType::Utf8 | DataType::Utf8View => match PgType::of_field(field) {
                ty if ty.oid == PgType::JSONB.oid => Some(Self::Jsonb),
                ty if ty.oid == PgType::BPCHAR.oid => {
                    ty.char_length().is_none().then_some(Self::Bpchar)
                }
                _ => None,
            },
            DataType::Binary => match PgType::of_field(field) {
                ty if ty.is_composite() => Some(Self::Row),
                ty => ty.is(PgType::TSQUERY).then_some(Self::Query),
            },
            _ => None,
        }
    }

    fn key(self, value: Expr) -> Expr {
        match self {
            // DataFusion takes both zeros for one, in groups and in joins.
            Self::Float => value,
            Self::Numeric => numeric::key(value),
            Self::Interval => super::interval_key(value),
            Self::Jsonb => jsonb_key(value),
            Self::Bpchar => bpchar_key(value),
            Self::Range => range_key(value),
            Self::Array(ty) => array_key(value, ty),
            Self::Row => super::row_key(value),
            Self::Query => query_key(value),
        }
    }
}

/// The aggregate that gives the first value of a group.
fn first_of(kind: Kind) -> Arc<AggregateUDF> {
    match kind {
        Kind::Array(_) => functions::aggregate(functions::FIRST).unwrap_or_else(first_value_udaf),
        _ => first_value_udaf(),
    }
}

fn kind_of(expression: &Expr, schema: &DFSchema) -> Option<Kind> {
    let (_, field) = expression.to_field(schema).ok()?;
    Kind::of(&field)
}

/// What equal values have in common, where they may differ.
pub(in crate::engine) fn key_of(expression: &Expr, schema: &DFSchema) -> Option<Expr> {
    let kind = kind_of(expression, schema).filter(|kind| *kind != Kind::Float);
    kind.map(|kind| kind.key(expression.clone()))
}

fn has_kind(schema: &DFSchema) -> bool {
    schema
        .fields()
        .iter()
        .any(|field| Kind::of(field).is_some())
}

fn columns(schema: &DFSchema) -> Vec<Expr> {
    schema.columns().into_iter().map(Expr::Column).collect()
}

/// A name for a column of an aggregate's that none has; its input may have been made here too.
fn unused(aggregate: &Aggregate, what: &str, index: usize) -> String {
    let schemas = [aggregate.input.schema(), &aggregate.schema];
    let mut name = format!("\0{what}{index}");
    while schemas
        .iter()
        .any(|schema| schema.fields().iter().any(|field| *field.name() == name))
    {
        name.push('_');
    }
    name
}

/// Groups by the keys and shows the first value of each group, as PostgreSQL does.
fn group_by_keys(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let schema = aggregate.input.schema().clone();
    let kind = |group: &Expr| kind_of(group, &schema);
    if let [Expr::GroupingSet(sets)] = aggregate.group_expr.as_slice() {
        return match sets
            .distinct_expr()
            .into_iter()
            .any(|expr| kind(expr).is_some())
        {
            true => sets_by_keys(&aggregate, sets),
            false => Ok(Transformed::no(LogicalPlan::Aggregate(aggregate))),
        };
    }
    if !aggregate.group_expr.iter().any(|expr| kind(expr).is_some()) {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let shown = aggregate.schema.clone();
    let mut groups = Vec::with_capacity(aggregate.group_expr.len());
    let mut firsts = Vec::new();
    let mut output = Vec::with_capacity(shown.fields().len());
    for (index, group) in aggregate.group_expr.iter().enumerate() {
        let (qualifier, field) = shown.qualified_field(index);
        if let Some(kind) = kind(group) {
            let name = unused(&aggregate, "first", index);
            let key = unused(&aggregate, "key", index);
            groups.push(kind.key(group.clone()).alias(key));
            let first = first_of(kind).call(vec![group.clone()]);
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

/// Grouping sets whose columns need keys: the keys are columns of the input first. Where a column
/// is not in a set its key is NULL, and so is what is shown.
fn sets_by_keys(aggregate: &Aggregate, sets: &GroupingSet) -> Result<Transformed<LogicalPlan>> {
    let schema = aggregate.input.schema().clone();
    let mut input = columns(&schema);
    let mut keyed: Vec<(Expr, Expr, String)> = Vec::new();
    let mut firsts = Vec::new();
    for expr in sets.distinct_expr() {
        if let Some(kind) = kind_of(expr, &schema) {
            let name = unused(aggregate, "key", keyed.len());
            input.push(kind.key(expr.clone()).alias(&name));
            let first = unused(aggregate, "first", keyed.len());
            firsts.push(first_of(kind).call(vec![expr.clone()]).alias(&first));
            keyed.push((expr.clone(), Expr::Column(Column::from_name(name)), first));
        }
    }
    let by_key = |expr: Expr| match keyed.iter().find(|(group, ..)| *group == expr) {
        Some((_, key, _)) => Transformed::yes(key.clone()),
        None => Transformed::no(expr),
    };
    let sets = match sets.clone() {
        GroupingSet::GroupingSets(sets) => sets,
        GroupingSet::Rollup(exprs) => (0..=exprs.len())
            .rev()
            .map(|length| exprs[..length].to_vec())
            .collect(),
        GroupingSet::Cube(_) => {
            return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate.clone())));
        }
    };
    let sets = sets
        .into_iter()
        .map(|set| set.into_iter().map(|expr| by_key(expr).data).collect())
        .collect();
    // `grouping` asks for the columns grouped by.
    let mut computed = aggregate
        .aggr_expr
        .iter()
        .map(|call| {
            call.clone().transform_up(|part| match part {
                Expr::AggregateFunction(mut call) if call.func.name() == "grouping" => {
                    for arg in &mut call.params.args {
                        *arg = by_key(arg.clone()).data;
                    }
                    Ok(Transformed::yes(Expr::AggregateFunction(call)))
                }
                part => Ok(Transformed::no(part)),
            })
        })
        .map(|call| call.map(|call| call.data))
        .collect::<Result<Vec<_>>>()?;
    computed.extend(firsts);
    let input = Projection::try_new(input, aggregate.input.clone())?;
    let group = vec![Expr::GroupingSet(GroupingSet::GroupingSets(sets))];
    let input = Arc::new(LogicalPlan::Projection(input));
    let grouped = Aggregate::try_new(input, group, computed)?;
    let distinct: Vec<Expr> = match aggregate.group_expr.as_slice() {
        [Expr::GroupingSet(sets)] => sets.distinct_expr().into_iter().cloned().collect(),
        _ => Vec::new(),
    };
    let mut output = Vec::new();
    for (index, (qualifier, field)) in aggregate.schema.iter().enumerate() {
        // Of DataFusion's own making, and gone where `grouping` is resolved.
        if field.name() == Aggregate::INTERNAL_GROUPING_ID {
            continue;
        }
        let keyed = distinct
            .get(index)
            .and_then(|expr| keyed.iter().find(|(group, ..)| group == expr));
        output.push(match keyed {
            Some((_, key, first)) => when(
                key.clone().is_not_null(),
                Expr::Column(Column::from_name(first)),
            )
            .end()?
            .alias_qualified(qualifier.cloned(), field.name()),
            None => Expr::from((qualifier, field)),
        });
    }
    let plan = Projection::try_new(output, Arc::new(LogicalPlan::Aggregate(grouped)))?;
    Ok(Transformed::yes(LogicalPlan::Projection(plan)))
}

fn distinct_on_keys(on: DistinctOn) -> Result<Transformed<LogicalPlan>> {
    let schema = on.input.schema().clone();
    let keyed = |on: &Expr| kind_of(on, &schema).is_some_and(|kind| kind != Kind::Float);
    if !on.on_expr.iter().any(keyed) {
        return Ok(Transformed::no(LogicalPlan::Distinct(Distinct::On(on))));
    }
    let by: Vec<Expr> = on
        .on_expr
        .into_iter()
        .map(|on| match kind_of(&on, &schema) {
            Some(kind) => kind.key(on),
            None => on,
        })
        .collect();
    let on = DistinctOn::try_new(by, on.select_expr, on.sort_expr, on.input)?;
    Ok(Transformed::yes(LogicalPlan::Distinct(Distinct::On(on))))
}
