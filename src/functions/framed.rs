//! Aggregates and `first_value`, `last_value`, `nth_value` over window frames DataFusion does not
//! know: EXCLUDE, RANGE over types it cannot add to, offsets that a query finds out.
//!
//! The call's arguments are those of the function, then its FILTER, what the rows are ordered by,
//! the value RANGE counts from, and the frame's offsets: everything a partition's frames are made
//! of is there when it is computed as a whole. A frame that only grows is added to; from one that
//! moves on is taken what has left, if that gives back what was there before; any other is computed
//! anew, as PostgreSQL does where there is no way back.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::compute::{SortOptions, concat, filter, take};
use arrow::datatypes::{DataType, FieldRef, Int64Type, Schema};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::function::{
    AccumulatorArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs,
};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::PhysicalExpr;

use super::call::external;
use super::frame::{Frame, Partition};
use crate::base::{Error, SqlState};
use crate::types::Zone;

type Result<T> = std::result::Result<T, DataFusionError>;

/// What is computed over a frame.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Over {
    Aggregate(Arc<AggregateUDF>),
    First,
    Last,
    Nth,
}

/// A call: which of its arguments are what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Framed {
    pub(crate) over: Over,
    pub(crate) frame: Frame,
    /// How many arguments are the function's own; they come first.
    pub(crate) arguments: usize,
    pub(crate) filter: Option<usize>,
    /// What peers are told by.
    pub(crate) keys: Range<usize>,
    /// What RANGE with an offset counts from.
    pub(crate) ordered: Option<usize>,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
    /// On whose clock days and months are counted.
    pub(crate) zone: Zone,
}

/// The window function of a call.
pub(crate) fn function(framed: Framed) -> Arc<WindowUDF> {
    Arc::new(WindowUDF::new_from_impl(Function {
        framed,
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

/// What a window function is such a call of, if it is one.
pub(crate) fn of(function: &WindowUDF) -> Option<&Framed> {
    let function = function.inner().downcast_ref::<Function>()?;
    Some(&function.framed)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    framed: Framed,
    signature: Signature,
}

impl WindowUDFImpl for Function {
    fn name(&self) -> &str {
        match &self.framed.over {
            Over::Aggregate(function) => function.name(),
            Over::First => "first_value",
            Over::Last => "last_value",
            Over::Nth => "nth_value",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let mut coerced = types.to_vec();
        if let Over::Aggregate(function) = &self.framed.over {
            let fields: Vec<FieldRef> = types
                .iter()
                .take(self.framed.arguments)
                .map(|ty| Arc::new(arrow::datatypes::Field::new("", ty.clone(), true)))
                .collect();
            for (ty, field) in coerced
                .iter_mut()
                .zip(fields_with_udf(&fields, function.as_ref())?)
            {
                *ty = field.data_type().clone();
            }
        }
        Ok(coerced)
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let own = &args.input_fields()[..self.framed.arguments];
        let field = match &self.framed.over {
            Over::Aggregate(function) => function.return_field(own)?,
            Over::First | Over::Last | Over::Nth => own[0].clone(),
        };
        let field = field.as_ref().clone().with_name(args.name());
        Ok(Arc::new(field.with_nullable(true)))
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Evaluator {
            framed: self.framed.clone(),
            fields: args.input_fields()[..self.framed.arguments].to_vec(),
        }))
    }
}

#[derive(Debug)]
struct Evaluator {
    framed: Framed,
    /// Of the function's own arguments.
    fields: Vec<FieldRef>,
}

impl PartitionEvaluator for Evaluator {
    fn evaluate_all(&mut self, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let framed = &self.framed;
        let order = SortOptions {
            descending: framed.descending,
            nulls_first: framed.nulls_first,
        };
        let ordered = framed.ordered.map(|index| (&columns[index], order));
        let keys = &columns[framed.keys.clone()];
        let partition = Partition::new(framed.frame, rows, columns, keys, ordered, framed.zone)
            .map_err(external)?;
        let frames = partition.frames().map_err(external)?;
        let own = &columns[..framed.arguments];
        match &framed.over {
            Over::Aggregate(function) => {
                let kept = framed.filter.map(|index| columns[index].as_boolean());
                self.aggregated(function, &partition, &frames, own, kept)
            }
            Over::First | Over::Last | Over::Nth => self.picked(&partition, &frames, own),
        }
    }
}

impl Evaluator {
    /// One row of each frame.
    fn picked(
        &self,
        partition: &Partition<'_>,
        frames: &[Range<usize>],
        own: &[ArrayRef],
    ) -> Result<ArrayRef> {
        let mut picked = Vec::with_capacity(frames.len());
        for (row, frame) in frames.iter().enumerate() {
            let counted = partition.counted(row, frame);
            let mut rows = counted.iter().cloned().flatten();
            picked.push(
                match self.framed.over {
                    Over::First => rows.next(),
                    Over::Last => counted.iter().rev().find_map(|run| run.clone().last()),
                    _ => match nth(&own[1], row)? {
                        Some(nth) => rows.nth(nth - 1),
                        None => None,
                    },
                }
                .and_then(|row| u32::try_from(row).ok()),
            );
        }
        Ok(take(&own[0], &UInt32Array::from(picked), None)?)
    }

    fn aggregated(
        &self,
        function: &Arc<AggregateUDF>,
        partition: &Partition<'_>,
        frames: &[Range<usize>],
        own: &[ArrayRef],
        kept: Option<&BooleanArray>,
    ) -> Result<ArrayRef> {
        let schema = Schema::new(
            self.fields
                .iter()
                .enumerate()
                .map(|(index, field)| field.as_ref().clone().with_name(format!("c{index}")))
                .collect::<Vec<_>>(),
        );
        let exprs: Vec<Arc<dyn PhysicalExpr>> = (0..self.fields.len())
            .map(|index| Arc::new(Column::new(&format!("c{index}"), index)) as _)
            .collect();
        let return_field = function.return_field(&self.fields)?;
        let first = self.fields.first().map(|field| field.data_type());
        let slides = goes_back(function.name(), first);
        let begin = || {
            let args = AccumulatorArgs {
                return_field: return_field.clone(),
                schema: &schema,
                ignore_nulls: false,
                order_bys: &[],
                is_reversed: false,
                name: function.name(),
                is_distinct: false,
                exprs: &exprs,
                expr_fields: &self.fields,
            };
            match slides {
                true => function.create_sliding_accumulator(args),
                false => function.accumulator(args),
            }
        };
        let change = |accumulator: &mut Box<dyn Accumulator>, rows: Range<usize>, goes: bool| {
            if rows.is_empty() {
                return Ok(());
            }
            let mut slices: Vec<ArrayRef> = own
                .iter()
                .map(|column| column.slice(rows.start, rows.len()))
                .collect();
            if let Some(kept) = kept {
                let kept = kept.slice(rows.start, rows.len());
                for slice in &mut slices {
                    *slice = filter(slice, &kept)?;
                }
            }
            match goes {
                true => accumulator.retract_batch(&slices),
                false => accumulator.update_batch(&slices),
            }
        };
        let mut growing: Option<(Box<dyn Accumulator>, Range<usize>)> = None;
        let mut results: Vec<ArrayRef> = Vec::with_capacity(frames.len());
        for (row, frame) in frames.iter().enumerate() {
            let runs = partition.counted(row, frame);
            let whole = runs[0] == *frame;
            let value = if whole {
                let follows = |done: &Range<usize>| {
                    let stays = done.start == frame.start;
                    let moves = done.start < frame.start && frame.start <= done.end;
                    (stays || slides && moves) && done.end <= frame.end
                };
                let (mut accumulator, done) = match growing.take() {
                    Some((accumulator, done)) if follows(&done) => (accumulator, done),
                    _ => (begin()?, frame.start..frame.start),
                };
                change(&mut accumulator, done.end..frame.end, false)?;
                change(&mut accumulator, done.start..frame.start, true)?;
                // What has been asked for its value may have given it away.
                let value = accumulator.evaluate()?;
                if growable(function.name()) {
                    growing = Some((accumulator, frame.clone()));
                }
                value
            } else {
                let mut accumulator = begin()?;
                for run in runs {
                    change(&mut accumulator, run, false)?;
                }
                accumulator.evaluate()?
            };
            results.push(match value {
                ScalarValue::List(list) => list as ArrayRef,
                value => value.to_array()?,
            });
        }
        if results.is_empty() {
            return Ok(arrow::array::new_empty_array(return_field.data_type()));
        }
        let results: Vec<&dyn Array> = results.iter().map(AsRef::as_ref).collect();
        Ok(concat(&results)?)
    }
}

/// Whether an aggregate's accumulator may be asked for its value and then be given more.
fn growable(name: &str) -> bool {
    matches!(
        name,
        "count" | "sum" | "avg" | "min" | "max" | "bool_and" | "bool_or"
    ) || name.starts_with(super::FOLD)
}

/// The second argument of `nth_value`.
fn nth(column: &ArrayRef, row: usize) -> Result<Option<usize>> {
    let Some(column) = column.as_primitive_opt::<Int64Type>() else {
        return Ok(None);
    };
    if column.is_null(row) {
        return Ok(None);
    }
    match usize::try_from(column.value(row)) {
        Ok(nth) if nth > 0 => Ok(Some(nth)),
        _ => Err(external(Error::new(
            SqlState::INVALID_ARGUMENT_FOR_NTH_VALUE_FUNCTION,
            "argument of nth_value must be greater than zero",
        ))),
    }
}

/// Whether an aggregate over a frame can be worked out from that over the frame before it, taking
/// away what has left. What floats have added up to does not give one back: 1e20 + 1 - 1e20 is 0.
pub(crate) fn goes_back(function: &str, argument: Option<&DataType>) -> bool {
    let exact = |ty: &DataType| {
        matches!(
            ty,
            DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Decimal128(..)
        )
    };
    match (function, argument) {
        ("count", _) => true,
        ("sum" | "avg", Some(ty)) => exact(ty) || *ty == DataType::LargeUtf8,
        ("min" | "max", Some(ty)) => {
            exact(ty)
                || matches!(
                    ty,
                    DataType::Date32 | DataType::Timestamp(..) | DataType::Utf8View
                )
        }
        _ => false,
    }
}
