//! Keys of arrays, as columns of plans.

use arrow::array::ArrayRef;
use datafusion::logical_expr::Expr;

use super::Result;
use super::computed::Computed;
use crate::engine::scope::external;
use crate::functions;
use crate::types::PgType;
use crate::types::pgtype::Shape;

pub(super) const LIST: &[Computed] = &[
    Computed {
        name: "array_key",
        returns: Some(PgType::BYTEA),
        body: |args| keys(args, None),
    },
    // Arrays made in a query may not say that they hold jsonb.
    Computed {
        name: "jsonb_array_key",
        returns: Some(PgType::BYTEA),
        body: |args| keys(args, Some(PgType::JSONB)),
    },
    // Nor that they hold rows, whose keys need not be told of which type.
    Computed {
        name: "row_array_key",
        returns: Some(PgType::BYTEA),
        body: |args| {
            let row = PgType::composite(PgType::RECORD.oid, PgType::RECORD.oid, Shape::of(&[]));
            keys(args, Some(row))
        },
    },
];

/// Bytes that compare as an array of type `ty` does.
pub(in crate::engine) fn array_key(array: Expr, ty: PgType) -> Expr {
    let name = match ty.element() {
        Some(element) if element.oid == PgType::JSONB.oid => "jsonb_array_key",
        Some(element) if element.is_composite() => "row_array_key",
        _ => "array_key",
    };
    match super::computed(name) {
        Some(function) => function.call(vec![array]),
        None => array,
    }
}

fn keys(args: &[ArrayRef], element: Option<PgType>) -> Result<ArrayRef> {
    functions::array_keys(&args[0], element).map_err(external)
}
