//! `f(a, VARIADIC array)`: the elements of an array as the last arguments of a function that takes
//! any number of them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::types::shaped;

type Result<T> = std::result::Result<T, DataFusionError>;

/// Functions whose last parameter is VARIADIC.
const VARIADIC: &[&str] = &[
    "concat",
    "concat_ws",
    "format",
    "json_build_array",
    "json_build_object",
    "json_extract_path",
    "json_extract_path_text",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_extract_path",
    "jsonb_extract_path_text",
    "num_nonnulls",
    "num_nulls",
];

/// The function that calls `inner` with the elements of its last argument; `None` if `inner` takes
/// no such argument.
pub(crate) fn variadic(inner: Arc<ScalarUDF>) -> Option<Arc<ScalarUDF>> {
    if !VARIADIC.contains(&inner.name()) {
        return None;
    }
    let signature = Signature::user_defined(inner.signature().volatility);
    Some(Arc::new(ScalarUDF::new_from_impl(Variadic {
        inner,
        signature,
    })))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Variadic {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

/// What the elements of an array of any dimensions are.
fn element(field: &FieldRef) -> FieldRef {
    match field.data_type() {
        array if let Some(item) = shaped::innermost(array) => Arc::clone(item),
        DataType::Null => Arc::new(Field::new("item", DataType::Utf8View, true)),
        _ => field.clone(),
    }
}

impl Variadic {
    /// The fields of the call with one element.
    fn fields(&self, fields: &[FieldRef]) -> Result<Vec<FieldRef>> {
        let Some((array, fixed)) = fields.split_last() else {
            return Ok(Vec::new());
        };
        let mut called = fixed.to_vec();
        called.push(element(array));
        fields_with_udf(&called, self.inner.as_ref())
    }
}

impl ScalarUDFImpl for Variadic {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let fields: Vec<FieldRef> = types
            .iter()
            .map(|ty| Arc::new(Field::new("", ty.clone(), true)))
            .collect();
        let mut coerced: Vec<DataType> = self
            .fields(&fields)?
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        if let (Some(last), Some(array)) = (coerced.last_mut(), types.last()) {
            *last = array.clone();
        }
        Ok(coerced)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let fields: Vec<FieldRef> = types
            .iter()
            .map(|ty| Arc::new(Field::new("", ty.clone(), true)))
            .collect();
        let types: Vec<DataType> = self
            .fields(&fields)?
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        self.inner.return_type(&types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let fields = self.fields(args.arg_fields)?;
        let constants = vec![None; fields.len()];
        self.inner.return_field_from_args(ReturnFieldArgs {
            arg_fields: &fields,
            scalar_arguments: &constants,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let arrays = args
            .args
            .iter()
            .map(|arg| arg.to_array(rows))
            .collect::<Result<Vec<_>>>()?;
        let Some((lists, fixed)) = arrays.split_last() else {
            return args_missing();
        };
        let called = self.fields(&args.arg_fields)?;
        let Some(of_element) = called.last() else {
            return args_missing();
        };
        let mut results: Vec<ArrayRef> = Vec::with_capacity(rows);
        for row in 0..rows {
            let missing = lists.is_null(row) || *lists.data_type() == DataType::Null;
            // Only a format goes without arguments.
            if missing && self.name() != "format" {
                let null = ScalarValue::try_from(args.return_field.data_type())?;
                results.push(null.to_array()?);
                continue;
            }
            let mut values = Vec::new();
            let mut fields = Vec::new();
            for (array, field) in fixed.iter().zip(&called) {
                let value = super::call::scalar(&array.slice(row, 1))?;
                values.push(ColumnarValue::Scalar(value));
                fields.push(field.clone());
            }
            if !missing {
                let list = match shaped::Arrays::of(lists.as_ref()) {
                    Some(arrays) => arrays.elements(row),
                    None => lists.slice(row, 1),
                };
                let list = cast(&list, of_element.data_type())?;
                for index in 0..list.len() {
                    let value = super::call::scalar(&list.slice(index, 1))?;
                    values.push(ColumnarValue::Scalar(value));
                    fields.push(of_element.clone());
                }
            }
            let result = self.inner.invoke_with_args(ScalarFunctionArgs {
                args: values,
                arg_fields: fields,
                number_rows: 1,
                return_field: args.return_field.clone(),
                config_options: args.config_options.clone(),
            })?;
            results.push(result.to_array(1)?);
        }
        if results.is_empty() {
            let none = arrow::array::new_empty_array(args.return_field.data_type());
            return Ok(ColumnarValue::Array(none));
        }
        let results: Vec<&dyn Array> = results.iter().map(AsRef::as_ref).collect();
        Ok(ColumnarValue::Array(concat(&results)?))
    }
}

fn args_missing() -> Result<ColumnarValue> {
    Err(DataFusionError::Internal(
        "a variadic call without arguments".to_owned(),
    ))
}
