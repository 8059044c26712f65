//! Small functions behind operators that Arrow has no kernel for: arithmetic on times and
//! intervals, series, slices of arrays, the text of a row.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::{Result, array_key, clock, keys, rows, series, subscript};
use crate::functions::evaluated;
use crate::types::PgType;

/// Computes a column from columns of the same length.
pub(super) type Body = fn(&[ArrayRef]) -> Result<ArrayRef>;

/// A function over columns.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Computed {
    pub(super) name: &'static str,
    /// `None`: the type of the first argument.
    pub(super) returns: Option<PgType>,
    pub(super) body: Body,
}

/// The function of a name.
pub(in crate::engine) fn computed(name: &str) -> Option<Computed> {
    [
        clock::LIST,
        keys::LIST,
        array_key::LIST,
        series::LIST,
        rows::LIST,
        subscript::LIST,
    ]
    .into_iter()
    .flatten()
    .find(|function| function.name == name)
    .copied()
}

impl Computed {
    /// A call.
    pub(in crate::engine) fn call(self, args: Vec<Expr>) -> Expr {
        let function = Function {
            computed: self,
            signature: Signature::variadic_any(if rows::UNSEEN.contains(&self.name) {
                Volatility::Volatile
            } else {
                Volatility::Immutable
            }),
        };
        Expr::ScalarFunction(ScalarFunction::new_udf(
            Arc::new(ScalarUDF::new_from_impl(function)),
            args,
        ))
    }
}

#[derive(Debug)]
struct Function {
    computed: Computed,
    signature: Signature,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.computed.name == other.computed.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.computed.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.computed.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match self.computed.returns {
            Some(ty) => ty.data_type(),
            None => types.first().cloned().unwrap_or(DataType::Null),
        })
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(match self.computed.returns {
            Some(ty) => Arc::new(ty.field(self.name(), true)),
            None => args
                .arg_fields
                .first()
                .map(|field| field.as_ref().clone().with_name(self.name()))
                .map(|field| Arc::new(field.with_nullable(true)))
                .unwrap_or_else(|| Arc::new(PgType::TEXT.field(self.name(), true))),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        evaluated(&args, |arrays, _| (self.computed.body)(arrays))
    }
}
