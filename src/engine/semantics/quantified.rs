//! `x op ANY (array)` and `x op ALL (array)` for every comparison, LIKE and regular expressions.
//!
//! ANY is true if the operator is for some element, else NULL if it is for some, else false; ALL
//! the other way round. An empty array gives false for ANY and true for ALL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Datum, ListArray, Scalar};
use arrow::compute::kernels::cmp;
use arrow::datatypes::DataType;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::Result;
use crate::engine::scope::external;
use crate::types::{PgType, flattened};

/// Operators it knows.
const SIGNS: [&str; 14] = [
    "=", "<>", "<", "<=", ">", ">=", "~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*",
];

/// One operator over an array.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::engine) struct Quantified {
    sign: &'static str,
    all: bool,
    /// Whether the values are rows.
    rows: bool,
    signature: Signature,
}

impl Quantified {
    /// `None` if the operator is not one of them.
    pub(in crate::engine) fn new(sign: &str, all: bool) -> Option<Self> {
        let sign = SIGNS.into_iter().find(|known| *known == sign)?;
        Some(Self {
            sign,
            all,
            rows: false,
            signature: Signature::any(2, Volatility::Immutable),
        })
    }

    /// Its sign, and whether it is ALL.
    pub(super) fn said(&self) -> (&str, bool) {
        (self.sign, self.all)
    }

    /// The same, over rows if `rows`.
    #[must_use]
    pub(in crate::engine) fn over_rows(self, rows: bool) -> Self {
        Self { rows, ..self }
    }

    /// The call.
    pub(in crate::engine) fn call(self, value: Expr, array: Expr) -> Expr {
        Expr::ScalarFunction(ScalarFunction::new_udf(
            Arc::new(ScalarUDF::new_from_impl(self)),
            vec![value, array],
        ))
    }

    /// The operator between one value and every element.
    fn apply(&self, value: &ArrayRef, elements: &ArrayRef) -> Result<BooleanArray> {
        let (value, elements) = (
            comparable(value, self.rows)?,
            comparable(elements, self.rows)?,
        );
        let value: Scalar<ArrayRef> = Scalar::new(value);
        let (left, right): (&dyn Datum, &dyn Datum) = (&value, &elements);
        Ok(match self.sign {
            "=" => cmp::eq(left, right)?,
            "<>" => cmp::neq(left, right)?,
            "<" => cmp::lt(left, right)?,
            "<=" => cmp::lt_eq(left, right)?,
            ">" => cmp::gt(left, right)?,
            ">=" => cmp::gt_eq(left, right)?,
            "~~" => arrow::compute::like(left, right)?,
            "!~~" => arrow::compute::nlike(left, right)?,
            "~~*" => arrow::compute::ilike(left, right)?,
            "!~~*" => arrow::compute::nilike(left, right)?,
            sign => {
                let flags = sign.ends_with('*').then_some("i");
                let value = elements
                    .as_string_view()
                    .iter()
                    .map(|_| Some(value.get().0.as_string_view().value(0)))
                    .collect::<arrow::array::StringViewArray>();
                let flags = flags
                    .map(|flags| arrow::array::StringViewArray::from(vec![flags; elements.len()]));
                let found = arrow::compute::regexp_is_match(
                    &value,
                    elements.as_string_view(),
                    flags.as_ref(),
                )?;
                if sign.starts_with('!') {
                    arrow::compute::not(&found)?
                } else {
                    found
                }
            }
        })
    }
}

/// What the operator's results for the elements make of ANY, or of ALL.
pub(super) fn decide(results: &BooleanArray, all: bool) -> Option<bool> {
    let decisive = !all;
    if results.iter().flatten().any(|result| result == decisive) {
        Some(decisive)
    } else if results.null_count() > 0 {
        None
    } else {
        Some(!decisive)
    }
}

/// What arrays of whatever dimensions hold.
fn element_type(arrays: &ListArray) -> DataType {
    match arrays.values().as_list_opt() {
        Some(inner) => element_type(inner),
        None => arrays.value_type(),
    }
}

/// The type both are compared in: numerics with the digits of either, else the elements'.
fn common_type(value: &DataType, element: &DataType) -> DataType {
    use DataType::{Decimal128, Decimal256};
    match (value, element) {
        (Decimal128(p, s) | Decimal256(p, s), Decimal128(q, t) | Decimal256(q, t)) => {
            let scale = *s.max(t);
            let whole = (i16::from(*p) - i16::from(*s)).max(i16::from(*q) - i16::from(*t));
            match u8::try_from(whole + i16::from(scale)) {
                Ok(precision) if precision <= 38 => Decimal128(precision, scale),
                Ok(precision) => Decimal256(precision.min(76), scale),
                Err(_) => element.clone(),
            }
        }
        (DataType::LargeUtf8, _) => DataType::LargeUtf8,
        _ => element.clone(),
    }
}

/// Values as Arrow compares them the way PostgreSQL does.
fn comparable(array: &ArrayRef, rows: bool) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        _ if rows => Arc::new(crate::types::row::keys(array.as_ref()).map_err(external)?),
        DataType::Utf8 => arrow::compute::cast(array, &DataType::Utf8View)?,
        _ => crate::functions::comparable(array, PgType::TEXT).map_err(external)?,
    })
}

impl ScalarUDFImpl for Quantified {
    fn name(&self) -> &str {
        if self.all { "all" } else { "any" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(match args {
            [value, array] => {
                format!(
                    "({value} {} {}({array}))",
                    self.sign,
                    self.name().to_uppercase()
                )
            }
            _ => self.name().to_owned(),
        })
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let values = args.args[0].to_array(rows)?;
        let arrays = args.args[1].to_array(rows)?;
        let arrays = arrays.as_list::<i32>();
        let common = common_type(values.data_type(), &element_type(arrays));
        let values = arrow::compute::cast(&values, &common)?;
        let mut results = Vec::with_capacity(rows);
        for row in 0..rows {
            if arrays.is_null(row) {
                results.push(None);
                continue;
            }
            let elements = arrow::compute::cast(&flattened(arrays.value(row)), &common)?;
            // No elements decide whatever the value is.
            if elements.is_empty() {
                results.push(Some(self.all));
            } else if values.is_null(row) {
                results.push(None);
            } else {
                let applied = self.apply(&values.slice(row, 1), &elements)?;
                results.push(decide(&applied, self.all));
            }
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(results))))
    }
}
