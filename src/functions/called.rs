//! Users' functions whose statements are carried out, called amid a query.
//!
//! DataFusion sees a volatile function whatever the function says of itself: what is volatile is
//! computed where it stands, once for each row, and never beforehand.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, ListArray, NullArray, new_null_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{concat, filter, take};
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::call::external;
use crate::base::{Error, Result};
use crate::calls::{CallShape, request};
use crate::catalog::{Routine, Volatility as Declared};
use crate::statement::StatementContext;
use crate::types::{PgType, row};

/// A call: of a set the array of what it answers, of rows each as one value.
pub(crate) fn called(
    context: &Arc<StatementContext>,
    routine: &Arc<Routine>,
    types: Vec<PgType>,
    shape: CallShape,
    ty: PgType,
    args: Vec<Expr>,
) -> Expr {
    let function = Called::new(context, routine, types, shape, ty);
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(function)),
        args,
    ))
}

/// The same call in another statement.
pub(super) fn rebind(
    context: &Arc<StatementContext>,
    function: &ScalarUDF,
) -> Option<Arc<ScalarUDF>> {
    let called = function.inner().downcast_ref::<Called>()?;
    Some(Arc::new(ScalarUDF::new_from_impl(Called::new(
        &called.context.called_by(context),
        &called.routine,
        called.types.clone(),
        called.shape.clone(),
        called.ty,
    ))))
}

/// Whether a function is carried out.
pub(crate) fn is_called(function: &ScalarUDF) -> bool {
    function.inner().downcast_ref::<Called>().is_some()
}

/// Whether what a function gives depends on its arguments alone; of one that is carried out, it
/// says so itself.
pub(crate) fn is_immutable(function: &ScalarUDF) -> bool {
    match function.inner().downcast_ref::<Called>() {
        Some(called) => called.routine.volatility == Declared::Immutable,
        None => function.signature().volatility == Volatility::Immutable,
    }
}

/// Whether a call may change something, or tell what others changed.
pub(crate) fn has_effects(function: &ScalarUDF) -> bool {
    match function.inner().downcast_ref::<Called>() {
        Some(called) => called.routine.volatility == Declared::Volatile,
        None => matches!(
            function.name(),
            "nextval" | "setval" | "currval" | "lastval"
        ),
    }
}

struct Called {
    context: Arc<StatementContext>,
    routine: Arc<Routine>,
    /// Of its inputs.
    types: Vec<PgType>,
    shape: CallShape,
    /// What one of its values is: rows are of this type.
    ty: PgType,
    signature: Signature,
}

impl Called {
    fn new(
        context: &Arc<StatementContext>,
        routine: &Arc<Routine>,
        types: Vec<PgType>,
        shape: CallShape,
        ty: PgType,
    ) -> Self {
        if let Some(calls) = &context.calls {
            calls.expect();
        }
        let signature = match types.len() {
            0 => Signature::nullary(Volatility::Volatile),
            count => Signature::any(count, Volatility::Volatile),
        };
        Self {
            context: Arc::clone(context),
            routine: Arc::clone(routine),
            types,
            shape,
            ty: ty.undomained(),
            signature,
        }
    }

    fn returned(&self, name: &str) -> Field {
        let field = self.ty.field(name, true);
        match self.routine.set {
            true => {
                let item = Arc::new(field.with_name("item"));
                Field::new(name, DataType::List(item), true)
            }
            false => field,
        }
    }

    /// What calls with these arguments answer, one after the other.
    fn compute(&self, arguments: Vec<ArrayRef>, rows: usize) -> Result<ArrayRef> {
        let Some(calls) = &self.context.calls else {
            return Err(Error::unsupported(format!(
                "function {} here: it does more than to answer a query, which",
                self.routine.name
            )));
        };
        let null = match self.routine.strict {
            true => (0..rows)
                .map(|row| arguments.iter().any(|array| array.is_null(row)))
                .collect(),
            false => vec![false; rows],
        };
        let asked = null.iter().filter(|null| !**null).count();
        let kept = BooleanArray::from_iter(null.iter().map(|null| Some(!null)));
        let arguments = arguments
            .iter()
            .map(|array| match asked == rows {
                true => Ok(Arc::clone(array)),
                false => filter(array, &kept),
            })
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|error| Error::internal("calling a function", error))?;
        let answers = match asked {
            0 => Vec::new(),
            _ => calls.call(
                request(
                    Arc::clone(&self.routine),
                    self.types.clone(),
                    self.shape.clone(),
                    self.context.role,
                    self.context.search_path.clone(),
                    arguments,
                    asked,
                ),
                &self.context.interrupt,
            )?,
        };
        self.gathered(&null, &answers)
    }

    /// The answers in their places, NULL or no rows where there was no call.
    fn gathered(&self, null: &[bool], answers: &[RecordBatch]) -> Result<ArrayRef> {
        let failed = |error| Error::internal("calling a function", error);
        if self.shape == CallShape::Void {
            return Ok(Arc::new(NullArray::new(null.len())));
        }
        let values = answers
            .iter()
            .map(|batch| self.values(batch))
            .collect::<Result<Vec<_>>>()?;
        let item = self.ty.field("item", true);
        let all = match values.is_empty() {
            true => new_null_array(item.data_type(), 0),
            false => {
                let parts: Vec<&dyn Array> = values.iter().map(AsRef::as_ref).collect();
                concat(&parts).map_err(failed)?
            }
        };
        let mut lengths = values.iter().map(|array| array.len());
        if self.routine.set {
            let lengths = null.iter().map(|null| match null {
                true => 0,
                false => lengths.next().unwrap_or(0),
            });
            let offsets = OffsetBuffer::from_lengths(lengths);
            let item = Arc::new(item.with_data_type(all.data_type().clone()));
            let lists = ListArray::try_new(item, offsets, all, None).map_err(failed)?;
            return Ok(Arc::new(lists));
        }
        if !null.contains(&true) {
            return Ok(all);
        }
        let mut next = 0;
        let places = null.iter().map(|null| match null {
            true => None,
            false => {
                next += 1;
                Some(next - 1)
            }
        });
        let places: arrow::array::UInt32Array = places.collect();
        take(&all, &places, None).map_err(failed)
    }

    /// The values, one for each row, of what a call answers.
    fn values(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        match &self.shape {
            CallShape::Void => Ok(Arc::new(NullArray::new(batch.num_rows()))),
            CallShape::Value(_) => Ok(Arc::clone(batch.column(0))),
            CallShape::Rows(columns) => {
                let types: Vec<PgType> = columns.iter().map(|(_, ty)| *ty).collect();
                // A row without any column said is NULL as a whole.
                let count = batch.num_columns();
                let nulls = match count > types.len() {
                    true => {
                        let there = batch.column(count - 1);
                        Some(NullBuffer::from_iter(
                            (0..there.len()).map(|row| there.is_valid(row)),
                        ))
                    }
                    false => None,
                };
                let columns = &batch.columns()[..types.len().min(count)];
                row::build(columns, &types, batch.num_rows(), nulls.as_ref())
            }
        }
    }
}

impl std::fmt::Debug for Called {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.routine.name)
    }
}

impl PartialEq for Called {
    fn eq(&self, other: &Self) -> bool {
        self.routine.oid == other.routine.oid
            && self.types == other.types
            && self.shape == other.shape
            && self.ty == other.ty
            && Arc::ptr_eq(&self.context, &other.context)
    }
}

impl Eq for Called {}

impl Hash for Called {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.routine.oid, &self.types).hash(state);
    }
}

impl ScalarUDFImpl for Called {
    fn name(&self) -> &str {
        &self.routine.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> std::result::Result<DataType, DataFusionError> {
        Ok(self.returned("item").data_type().clone())
    }

    fn return_field_from_args(
        &self,
        _: ReturnFieldArgs,
    ) -> std::result::Result<FieldRef, DataFusionError> {
        Ok(Arc::new(self.returned(&self.routine.name)))
    }

    fn invoke_with_args(
        &self,
        args: ScalarFunctionArgs,
    ) -> std::result::Result<ColumnarValue, DataFusionError> {
        let rows = args.number_rows;
        let arrays = args
            .args
            .iter()
            .map(|arg| arg.to_array(rows))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let array = self.compute(arrays, rows).map_err(external)?;
        Ok(ColumnarValue::Array(array))
    }
}
