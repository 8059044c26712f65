//! Functions over rows of types that have a name: making them, taking them apart, comparing them.

use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::Result;
use crate::base::Error;
use crate::engine::scope::external;
use crate::functions::evaluated;
use crate::types::pgtype::Shape;
use crate::types::{PgType, row};

/// What one of the functions does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    /// A row of the arguments.
    Make,
    /// A field of a row.
    Field(usize),
    /// A field of each row of an array.
    Elements(usize),
    /// What of a row Arrow compares as PostgreSQL compares rows.
    Key,
    /// Whether a row is NULL, or every field of it is.
    IsNull,
    /// Whether neither a row nor any field of it is NULL.
    IsNotNull,
}

/// A row of type `ty` with these fields, which are of its fields' types.
pub(in crate::engine) fn make(ty: PgType, fields: Vec<Expr>) -> Expr {
    let shape = ty.shape().unwrap_or_else(|| Shape::of(&[]));
    call(What::Make, shape, ty, fields)
}

/// Field `index` of a row; NULL if the row is.
pub(in crate::engine) fn field(row: Expr, shape: Shape, index: usize) -> Expr {
    let types = shape.types();
    let ty = types.get(index).copied().unwrap_or(PgType::TEXT);
    // Of a row that is made here it is what it is made of.
    if let Expr::ScalarFunction(made) = &row
        && let Some(of) = made.func.inner().downcast_ref::<RowFunction>()
        && of.what == What::Make
        && let Some(field) = made.args.get(index)
    {
        return field.clone();
    }
    call(What::Field(index), shape, ty, vec![row])
}

/// Whether a value is a row that is made where it stands.
pub(in crate::engine) fn is_made(expr: &Expr) -> bool {
    let Expr::ScalarFunction(call) = expr else {
        return false;
    };
    let function = call.func.inner().downcast_ref::<RowFunction>();
    function.is_some_and(|function| function.what == What::Make)
}

/// Of an array of rows, the array of their fields `index`.
pub(in crate::engine) fn fields_of_elements(array: Expr, shape: Shape, index: usize) -> Expr {
    let types = shape.types();
    let ty = types.get(index).copied().unwrap_or(PgType::TEXT);
    call(What::Elements(index), shape, ty, vec![array])
}

/// What of a row compares as the row does.
pub(in crate::engine) fn row_key(row: Expr) -> Expr {
    call(What::Key, Shape::of(&[]), PgType::BYTEA, vec![row])
}

/// `row IS [NOT] NULL`
pub(in crate::engine) fn null_test(row: Expr, shape: Shape, negated: bool) -> Expr {
    let what = if negated {
        What::IsNotNull
    } else {
        What::IsNull
    };
    call(what, shape, PgType::BOOL, vec![row])
}

fn call(what: What, shape: Shape, returns: PgType, args: Vec<Expr>) -> Expr {
    let function = RowFunction {
        what,
        shape,
        returns: returns.undomained(),
        signature: match args.is_empty() {
            true => Signature::nullary(Volatility::Immutable),
            false => Signature::any(args.len(), Volatility::Immutable),
        },
    };
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(function)),
        args,
    ))
}

/// One function.
#[derive(Debug, PartialEq, Eq, Hash)]
struct RowFunction {
    what: What,
    shape: Shape,
    returns: PgType,
    signature: Signature,
}

impl RowFunction {
    /// What it gives.
    fn returned(&self, name: &str) -> Field {
        let field = self.returns.field(name, true);
        match self.what {
            What::Elements(_) => {
                let item = Arc::new(field.with_name("item"));
                Field::new(name, DataType::List(item), true)
            }
            _ => field,
        }
    }

    fn compute(&self, args: &[ArrayRef], rows: usize) -> crate::base::Result<ArrayRef> {
        let types = self.shape.types();
        if self.what == What::Make {
            return row::build(args, &types, rows, None);
        }
        let array = args[0].as_ref();
        match self.what {
            What::Make => row::build(args, &types, rows, None),
            What::Field(index) => row::field(&row::values(array)?, &types, index),
            What::Elements(index) => {
                let lists = array.as_list::<i32>();
                let values = row::field(&row::values(lists.values())?, &types, index)?;
                let item = Arc::new(self.returns.field("item", true));
                let nulls = lists.nulls().cloned();
                ListArray::try_new(item, lists.offsets().clone(), values, nulls)
                    .map(|lists| Arc::new(lists) as ArrayRef)
                    .map_err(|error| Error::internal("taking rows apart", error))
            }
            What::Key => Ok(Arc::new(row::keys(array)?)),
            What::IsNull | What::IsNotNull => {
                let all = if self.what == What::IsNull {
                    types.len()
                } else {
                    0
                };
                let tests = row::values(array)?.into_iter().map(|value| match value {
                    Some(value) => Ok(Some(row::nulls(value, types.len())? == all)),
                    None => Ok(Some(self.what == What::IsNull)),
                });
                let tests: BooleanArray = tests.collect::<crate::base::Result<_>>()?;
                Ok(Arc::new(tests))
            }
        }
    }
}

impl ScalarUDFImpl for RowFunction {
    fn name(&self) -> &str {
        match self.what {
            What::Make => "row",
            What::Field(_) | What::Elements(_) => "field",
            What::Key => "row_key",
            What::IsNull => "row_is_null",
            What::IsNotNull => "row_is_not_null",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        let args = args.join(", ");
        Ok(match self.what {
            What::Make if self.returns.is(PgType::RECORD) => format!("ROW({args})"),
            What::Make => format!("ROW({args})::{}", self.returns.oid),
            What::Field(index) | What::Elements(index) => format!("({args}).{}", index + 1),
            What::Key | What::IsNull | What::IsNotNull => format!("{}({args})", self.name()),
        })
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.returned("item").data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = !matches!(self.what, What::Make | What::IsNull | What::IsNotNull);
        Ok(Arc::new(self.returned(self.name()).with_nullable(nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        evaluated(&args, |arrays, rows| {
            self.compute(arrays, rows).map_err(external)
        })
    }
}
