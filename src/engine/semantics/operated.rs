//! `x op ANY (array)` and `x op ALL (array)` for operators that are no comparisons: the operator is
//! computed for every element.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;

use super::Result;
use super::quantified::{Quantified, for_each_array, shown};

/// One operator over an array.
#[derive(Debug)]
pub(in crate::engine) struct Operated {
    sign: String,
    all: bool,
    /// The operator over columns of values and of elements.
    operator: Arc<dyn PhysicalExpr>,
    signature: Signature,
}

impl PartialEq for Operated {
    fn eq(&self, other: &Self) -> bool {
        self.sign == other.sign && self.all == other.all && *self.operator == *other.operator
    }
}

impl Eq for Operated {}

impl Hash for Operated {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sign.hash(state);
        self.all.hash(state);
    }
}

impl Operated {
    /// The operator, over two columns.
    pub(in crate::engine) fn new(sign: &str, all: bool, operator: Arc<dyn PhysicalExpr>) -> Self {
        Self {
            sign: sign.to_owned(),
            all,
            operator,
            signature: Signature::any(2, Volatility::Immutable),
        }
    }

    /// Its sign, and whether it is ALL.
    pub(super) fn said(&self) -> (&str, bool) {
        (&self.sign, self.all)
    }

    /// The call.
    pub(in crate::engine) fn call(self, value: Expr, array: Expr) -> Expr {
        Expr::ScalarFunction(ScalarFunction::new_udf(
            Arc::new(ScalarUDF::new_from_impl(self)),
            vec![value, array],
        ))
    }
}

impl ScalarUDFImpl for Operated {
    fn name(&self) -> &str {
        if self.all { "all" } else { "any" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(shown(self.name(), &self.sign, args))
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = args.args[0].to_array(args.number_rows)?;
        let arrays = args.args[1].to_array(args.number_rows)?;
        for_each_array(&arrays, self.all, |row, elements| {
            let index = UInt64Array::from(vec![row as u64; elements.len()]);
            let value = arrow::compute::take(&values, &index, None)?;
            self.holds(value, elements).map(Some)
        })
    }
}

/// The sign of a function that is an operator with ANY or ALL, and whether it is ALL.
pub(in crate::engine) fn quantifier(function: &ScalarUDF) -> Option<(&str, bool)> {
    let inner = function.inner();
    let compared = inner.downcast_ref::<Quantified>().map(Quantified::said);
    compared.or_else(|| inner.downcast_ref::<Operated>().map(Operated::said))
}

impl Operated {
    fn holds(&self, value: ArrayRef, elements: ArrayRef) -> Result<BooleanArray> {
        let rows = elements.len();
        let column = |name: &str, of: &ArrayRef| Field::new(name, of.data_type().clone(), true);
        let schema = Schema::new(vec![column("left", &value), column("right", &elements)]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![value, elements])?;
        let holds = self.operator.evaluate(&batch)?.into_array(rows)?;
        Ok(holds.as_boolean().clone())
    }
}
