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
    /// What the values are of.
    ty: PgType,
    signature: Signature,
}

impl Quantified {
    /// Over values of type `ty`; `None` if the operator is not one of them.
    pub(in crate::engine) fn new(sign: &str, all: bool, ty: PgType) -> Option<Self> {
        let sign = SIGNS.into_iter().find(|known| *known == sign)?;
        Some(Self {
            sign,
            all,
            ty,
            signature: Signature::any(2, Volatility::Immutable),
        })
    }

    /// Its sign, and whether it is ALL.
    pub(super) fn said(&self) -> (&str, bool) {
        (self.sign, self.all)
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
        let (value, elements) = (comparable(value, self.ty)?, comparable(elements, self.ty)?);
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

/// ANY, or ALL, of every array of a column, of the results that `holds` gives for the elements of
/// the array of a row; `None` if all of them are NULL.
pub(super) fn for_each_array(
    arrays: &ArrayRef,
    all: bool,
    holds: impl Fn(usize, ArrayRef) -> Result<Option<BooleanArray>>,
) -> Result<ColumnarValue> {
    let arrays = arrays.as_list::<i32>();
    let mut results = Vec::with_capacity(arrays.len());
    for row in 0..arrays.len() {
        if arrays.is_null(row) {
            results.push(None);
            continue;
        }
        let elements = flattened(arrays.value(row));
        results.push(match elements.is_empty() {
            // No elements decide whatever the value is.
            true => Some(all),
            false => holds(row, elements)?.and_then(|holds| decide(&holds, all)),
        });
    }
    Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(results))))
}

/// `(value sign ANY(array))`
pub(super) fn shown(name: &str, sign: &str, args: &[Expr]) -> String {
    match args {
        [value, array] => format!("({value} {sign} {}({array}))", name.to_uppercase()),
        _ => name.to_owned(),
    }
}

/// What the operator's results for the elements make of ANY, or of ALL.
fn decide(results: &BooleanArray, all: bool) -> Option<bool> {
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
fn comparable(array: &ArrayRef, ty: PgType) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Utf8 => arrow::compute::cast(array, &DataType::Utf8View)?,
        _ => crate::functions::comparable(array, ty).map_err(external)?,
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
        Ok(shown(self.name(), self.sign, args))
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = args.args[0].to_array(args.number_rows)?;
        let arrays = args.args[1].to_array(args.number_rows)?;
        let common = common_type(values.data_type(), &element_type(arrays.as_list()));
        let values = arrow::compute::cast(&values, &common)?;
        for_each_array(&arrays, self.all, |row, elements| {
            if values.is_null(row) {
                return Ok(None);
            }
            let elements = arrow::compute::cast(&elements, &common)?;
            self.apply(&values.slice(row, 1), &elements).map(Some)
        })
    }
}
