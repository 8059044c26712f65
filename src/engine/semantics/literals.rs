//! Reading literals: a quoted one has no type until something beside it asks for one, whose input
//! function then reads it.

use std::sync::Arc;

use arrow::array::UInt32Array;
use arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use datafusion::common::metadata::FieldMetadata;
use datafusion::logical_expr::Expr;

use super::Result;
use crate::base::Error;
use crate::engine::scope::{Scope, external};
use crate::pg_catalog::names::parse_reg;
use crate::types::text::parse_column;
use crate::types::{Numeric, PgType};

pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View)
}

/// A literal of type `ty` from its text.
pub(in crate::engine) fn read(scope: &Scope<'_>, text: &str, ty: PgType) -> Result<Expr> {
    if ty == PgType::NUMERIC
        && let Some(literal) = Numeric::parse(text).and_then(|value| decimal(&value))
    {
        return Ok(literal);
    }
    let array = if ty.is_reg() {
        let oid = parse_reg(scope.context, ty, text).map_err(external)?;
        Arc::new(UInt32Array::from(vec![oid.0]))
    } else {
        parse_column(
            &[Some(text)],
            ty,
            &scope.context.style,
            scope.context.transaction_time,
        )
        .map_err(|failed| external(failed.error))?
    };
    literal(ty, crate::functions::scalar_value(&array)?)
}

/// A numeric literal with exactly these digits, if a decimal holds them: columns of decimals are
/// compared with it as such.
fn decimal(value: &Numeric) -> Option<Expr> {
    match value.data_type().ok()? {
        DataType::Decimal128(precision, scale) => {
            let unscaled = value.to_wide(precision, scale).ok()?.to_i128()?;
            let scalar = ScalarValue::Decimal128(Some(unscaled), precision, scale);
            Some(Expr::Literal(scalar, None))
        }
        _ => None,
    }
}

/// A literal that says its PostgreSQL type.
fn literal(ty: PgType, value: ScalarValue) -> Result<Expr> {
    let field: Field = ty.field("", true);
    if field.data_type() != &value.data_type() && !field.data_type().is_nested() {
        return Err(external(Error::internal(
            "reading a literal",
            format!("{} instead of {}", value.data_type(), field.data_type()),
        )));
    }
    let metadata = (!field.metadata().is_empty()).then(|| FieldMetadata::new_from_field(&field));
    Ok(Expr::Literal(value, metadata))
}
