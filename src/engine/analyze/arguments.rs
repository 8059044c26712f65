//! The arguments of DataFusion's functions: types where they have none, or where they are
//! forgotten.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF};

use super::coerce::array_element;
use super::typed::{self, Typed};
use super::{Analyst, Converted};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;

/// Functions that see a `char(n)` with its padding.
const COUNTS_PADDING: &[&str] = &[
    "octet_length",
    "bpcharsend",
    "pg_column_size",
    "to_json",
    "to_jsonb",
    "json_build_array",
    "jsonb_build_array",
    "json_build_object",
    "jsonb_build_object",
];
/// Functions that write a `char(n)` as it is shown.
const SHOWS_PADDING: &[&str] = &["concat", "concat_ws", "format"];

impl Analyst<'_> {
    /// Arguments as the function of a name takes them, where that is not said by types alone.
    pub(super) fn as_taken(&self, name: &str, args: Vec<Typed>) -> Result<Vec<Typed>> {
        // Padding is no part of the text a function sees.
        let mut args = args
            .into_iter()
            .map(|arg| {
                if SHOWS_PADDING.contains(&name) {
                    self.padded(arg)
                } else if arg.is(PgType::BPCHAR) && !COUNTS_PADDING.contains(&name) {
                    self.coerced(arg, PgType::TEXT)
                } else {
                    Ok(arg)
                }
            })
            .collect::<Result<Vec<_>>>()?;
        match (name, args.as_mut_slice()) {
            // A literal beside an array is one of its type.
            ("array_cat", [a, b]) if a.is_unknown() != b.is_unknown() => {
                let ty = if a.is_unknown() { b.base() } else { a.base() };
                for arg in [a, b] {
                    *arg = self.coerced(arg.clone(), ty)?;
                }
            }
            ("to_char", [time, _]) | ("date_trunc", [_, time]) if time.is(PgType::TIME) => {
                *time = self.coerced(time.clone(), PgType::INTERVAL)?;
            }
            // They take arrays of two dimensions, too.
            ("json_object" | "jsonb_object", args) => {
                for arg in args.iter_mut().filter(|arg| arg.is_unknown()) {
                    *arg = self.coerced(arg.clone(), PgType::of(1009))?;
                }
            }
            _ => {}
        }
        Ok(args)
    }

    /// Arguments of which parameters without a type take the one the function wants.
    pub(super) fn typed_arguments(
        &self,
        function: &Arc<ScalarUDF>,
        args: Vec<Typed>,
    ) -> Result<Vec<Expr>> {
        let untyped = |arg: &Typed| arg.is_unknown() && matches!(arg.expr, Expr::Placeholder(_));
        if !args.iter().any(untyped) {
            return args.into_iter().map(|arg| self.said(arg)).collect();
        }
        let exprs: Vec<&Expr> = args.iter().map(|arg| &arg.expr).collect();
        let schema = self.schema_for(&exprs)?;
        let fields = args
            .iter()
            .map(|arg| {
                if untyped(arg) {
                    Ok(Arc::new(Field::new("", DataType::Null, true)))
                } else {
                    arg.expr.to_field(&schema).map(|(_, field)| field)
                }
            })
            .collect::<std::result::Result<Vec<_>, _>>()
            .converted()?;
        let wanted = fields_with_udf(&fields, function.as_ref()).ok();
        args.into_iter()
            .enumerate()
            .map(|(index, arg)| {
                if !untyped(&arg) {
                    return self.said(arg);
                }
                let ty = wanted
                    .as_ref()
                    .and_then(|fields| fields.get(index))
                    .filter(|field| !field.data_type().is_null())
                    .map_or(PgType::TEXT, |field| PgType::of_field(field));
                Ok(self.coerced(arg, ty)?.expr)
            })
            .collect()
    }

    /// An argument that says its type where DataFusion has forgotten it.
    pub(super) fn said(&self, arg: Typed) -> Result<Expr> {
        if array_element(arg.ty).is_some() {
            return Ok(self.told_elements(arg)?.expr);
        }
        let declared = !arg.is_unknown() && !arg.ty.field("", true).metadata().is_empty();
        let forgets = match arg.expr {
            // A column of an array that was unnested does not say what its numbers name.
            Expr::Column(_) | Expr::OuterReferenceColumn(..) => arg.ty.is_reg(),
            Expr::Literal(..) | Expr::Cast(_) => false,
            _ => true,
        };
        Ok(match declared && forgets {
            true => typed::cast(arg.expr, arg.ty.with_typmod(-1)),
            false => arg.expr,
        })
    }
}

/// `42P18` for a parameter that is an argument of any type: nothing says of which it is.
pub(super) fn check_parameters(name: &str, args: &[Typed]) -> Result<()> {
    let texts = match name {
        "concat" | "json_build_array" | "json_build_object" | "jsonb_build_array"
        | "jsonb_build_object" | "num_nonnulls" | "num_nulls" | "pg_typeof" => 0,
        "concat_ws" | "format" => 1,
        _ => return Ok(()),
    };
    let parameter = args.iter().skip(texts).find_map(|arg| match &arg.expr {
        Expr::Placeholder(placeholder) if arg.is_unknown() => Some(&placeholder.id),
        _ => None,
    });
    match parameter {
        Some(parameter) => Err(Error::new(
            SqlState::INDETERMINATE_DATATYPE,
            format!("could not determine data type of parameter {parameter}"),
        )),
        None => Ok(()),
    }
}
