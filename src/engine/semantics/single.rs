//! A scalar subquery that refers to the query around it must give at most one row for each row
//! outside.
//!
//! DataFusion only takes such a subquery if it is an aggregate, so it is made one: it collects up
//! to two of its values, and the expression around it takes the one value or raises `21000`. Values
//! collected for keys that no row outside has are never looked at, so they raise nothing.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Expr, Limit, LogicalPlan,
    LogicalPlanBuilder, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Subquery, Volatility, lit,
};

use super::{Result, map_expressions};
use crate::base::{Error, SqlState};
use crate::engine::scope::external;
use crate::engine::shared::body_of;

/// Puts the check around every correlated scalar subquery that is not an aggregate already.
pub(super) fn check(plan: LogicalPlan) -> Result<LogicalPlan> {
    map_expressions(plan, &|expression, _| match expression {
        Expr::ScalarSubquery(subquery)
            if !subquery.outer_ref_columns.is_empty() && !is_one_row(&subquery.subquery) =>
        {
            if let Some(plan) = first_row(&subquery.subquery)? {
                return Ok(Transformed::yes(Expr::ScalarSubquery(Subquery {
                    subquery: Arc::new(plan),
                    ..subquery
                })));
            }
            let plan = subquery.subquery.as_ref().clone();
            let (qualifier, field) = plan.schema().qualified_field(0);
            let column = Expr::from((qualifier, field));
            let name = field.name().clone();
            let values = Expr::AggregateFunction(AggregateFunction::new_udf(
                Arc::new(AggregateUDF::new_from_impl(AtMostTwo::new())),
                vec![column],
                false,
                None,
                Vec::new(),
                None,
            ));
            let plan = LogicalPlanBuilder::from(plan)
                .aggregate(Vec::<Expr>::new(), vec![values.alias(&name)])?
                .build()?;
            Ok(Transformed::yes(Expr::ScalarFunction(
                ScalarFunction::new_udf(
                    Arc::new(ScalarUDF::new_from_impl(Single::new())),
                    vec![Expr::ScalarSubquery(Subquery {
                        subquery: Arc::new(plan),
                        ..subquery
                    })],
                ),
            )))
        }
        expression => Ok(Transformed::no(expression)),
    })
}

/// `… ORDER BY … LIMIT 1` as an aggregate: the first value in that order.
fn first_row(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    let LogicalPlan::Limit(limit) = plan else {
        return Ok(None);
    };
    let number = |expression: &Option<Box<Expr>>| match expression.as_deref() {
        Some(Expr::Literal(ScalarValue::Int64(Some(number)), None)) => Some(*number),
        Some(_) => None,
        None => Some(0),
    };
    if number(&limit.skip) != Some(0) || number(&limit.fetch) != Some(1) || limit.fetch.is_none() {
        return Ok(None);
    }
    // A projection above the sort drops the columns only the sort wanted.
    let (value, sorted) = match limit.input.as_ref() {
        LogicalPlan::Projection(projection)
            if matches!(projection.input.as_ref(), LogicalPlan::Sort(_)) =>
        {
            (
                projection.expr[0].clone().unalias(),
                projection.input.as_ref(),
            )
        }
        other => (Expr::from(other.schema().qualified_field(0)), other),
    };
    let (order, input) = match sorted {
        LogicalPlan::Sort(sort) => (sort.expr.clone(), sort.input.as_ref()),
        other => (Vec::new(), other),
    };
    let name = plan.schema().field(0).name();
    let first = Expr::AggregateFunction(AggregateFunction::new_udf(
        first_value_udaf(),
        vec![value],
        false,
        None,
        order,
        None,
    ));
    LogicalPlanBuilder::from(input.clone())
        .aggregate(Vec::<Expr>::new(), vec![first.alias(name)])?
        .build()
        .map(Some)
}

/// The plan, such that no condition gets below an aggregate over all rows. DataFusion moves one
/// that turns out to be NULL for every row there, and the aggregate has a row all the same.
pub(in crate::engine) fn guarded(plan: LogicalPlan) -> LogicalPlan {
    if !is_one_row(&plan) {
        return plan;
    }
    LogicalPlan::Limit(Limit {
        skip: None,
        fetch: Some(Box::new(lit(1i64))),
        input: Arc::new(plan),
    })
}

/// Whether a plan gives exactly one row whatever it reads: an aggregate over everything, or nothing
/// that is read.
pub(in crate::engine) fn is_one_row(plan: &LogicalPlan) -> bool {
    match body_of(plan) {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => is_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_one_row(&alias.input),
        LogicalPlan::EmptyRelation(empty) => empty.produce_one_row,
        _ => false,
    }
}

/// Up to two of the values, as an array; enough to know whether there is more than one.
#[derive(Debug, PartialEq, Eq, Hash)]
struct AtMostTwo {
    signature: Signature,
}

impl AtMostTwo {
    fn new() -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

fn list_of(item: &DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item.clone(), true)))
}

impl AggregateUDFImpl for AtMostTwo {
    fn name(&self) -> &str {
        "at_most_two"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(list_of(&types[0]))
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        // The element keeps what the value says of its type.
        let item = fields[0]
            .as_ref()
            .clone()
            .with_name("item")
            .with_nullable(true);
        Ok(Arc::new(Field::new(
            self.name(),
            DataType::List(Arc::new(item)),
            true,
        )))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let DataType::List(item) = args.return_field.data_type() else {
            return Err(DataFusionError::Internal("not a list".to_owned()));
        };
        Ok(Box::new(FirstTwo {
            item: item.clone(),
            values: Vec::new(),
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(
            "values",
            args.return_field.data_type().clone(),
            true,
        ))])
    }
}

#[derive(Debug)]
struct FirstTwo {
    item: FieldRef,
    values: Vec<ScalarValue>,
}

impl FirstTwo {
    fn take(&mut self, array: &ArrayRef) -> Result<()> {
        for row in 0..array.len().min(2 - self.values.len()) {
            self.values.push(ScalarValue::try_from_array(array, row)?);
        }
        Ok(())
    }

    fn list(&self) -> Result<ScalarValue> {
        let values = if self.values.is_empty() {
            arrow::array::new_empty_array(self.item.data_type())
        } else {
            ScalarValue::iter_to_array(self.values.iter().cloned())?
        };
        Ok(ScalarValue::List(Arc::new(
            arrow::array::ListArray::try_new(
                self.item.clone(),
                arrow::buffer::OffsetBuffer::from_lengths([values.len()]),
                values,
                None,
            )?,
        )))
    }
}

impl Accumulator for FirstTwo {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.take(&values[0])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.list()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.iter().map(ScalarValue::size).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.list()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for list in states[0].as_list::<i32>().iter().flatten() {
            self.take(&list)?;
        }
        Ok(())
    }
}

/// The only element of an array, NULL if it is empty or NULL, an error if there are two.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Single {
    signature: Signature,
}

impl Single {
    fn new() -> Self {
        Self {
            // Volatile would keep it from being moved, immutable lets it be evaluated early: it
            // only looks at its argument.
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Single {
    fn name(&self) -> &str {
        "single"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match &types[0] {
            DataType::List(item) => Ok(item.data_type().clone()),
            other => Ok(other.clone()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(match args.arg_fields[0].data_type() {
            DataType::List(item) => Arc::new(
                item.as_ref()
                    .clone()
                    .with_name(self.name())
                    .with_nullable(true),
            ),
            _ => args.arg_fields[0].clone(),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let lists = args.args[0].to_array(rows)?;
        let lists = lists.as_list::<i32>();
        let mut indices = Vec::with_capacity(lists.len());
        for row in 0..lists.len() {
            let length = if lists.is_null(row) {
                0
            } else {
                lists.value_length(row)
            };
            indices.push(match length {
                0 => None,
                1 => u64::try_from(lists.value_offsets()[row]).ok(),
                _ => {
                    return Err(external(Error::new(
                        SqlState::CARDINALITY_VIOLATION,
                        "more than one row returned by a subquery used as an expression",
                    )));
                }
            });
        }
        let values = if lists.values().is_empty() {
            new_null_array(lists.values().data_type(), lists.len())
        } else {
            let indices = arrow::array::UInt64Array::from(indices);
            arrow::compute::take(lists.values(), &indices, None)?
        };
        Ok(ColumnarValue::Array(values))
    }
}
