//! Casts as PostgreSQL does them: text goes through the types' input and output functions, numbers
//! round instead of being cut, times move between zones by the session's TimeZone, `varchar(n)`
//! cuts and `char(n)` pads.

mod arrays;
mod way;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, StringViewArray, StringViewBuilder, UInt32Array,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use arrow::util::display::FormatOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature,
};

use self::way::Way;
use super::{Result, map_expressions, zoned};
use crate::base::name::truncate;
use crate::base::{Error, SqlState};
use crate::engine::scope::external;
use crate::functions::evaluated;
use crate::pg_catalog::names::{Names, parse_reg};
use crate::statement::StatementContext;
use crate::types::PgType;
use crate::types::coded::bits;
use crate::types::numerics;
use crate::types::oids;
use crate::types::one_byte;
use crate::types::precision::precisely;
use crate::types::shaped::{self, flat, innermost};
use crate::types::text::{TextColumn, parse_column};

/// Replaces the casts Arrow does otherwise. Types must have been coerced.
pub(super) fn rewrite(context: &Arc<StatementContext>, plan: LogicalPlan) -> Result<LogicalPlan> {
    map_expressions(plan, &|expression, schema| {
        let Expr::Cast(Cast { expr, field }) = expression else {
            return Ok(Transformed::no(expression));
        };
        let from = expr.to_field(schema)?.1;
        let to = PgType::of_field(&field);
        match Way::between(&from, &field, to) {
            Some(way) => {
                let conversion = Conversion {
                    way,
                    from: PgType::of_field(&from),
                    to,
                    field,
                    context: context.clone(),
                    signature: Signature::any(1, way.volatility(PgType::of_field(&from), to)),
                };
                Ok(Transformed::yes(Expr::ScalarFunction(
                    ScalarFunction::new_udf(
                        Arc::new(ScalarUDF::new_from_impl(conversion)),
                        vec![*expr],
                    ),
                )))
            }
            None => Ok(Transformed::no(Expr::Cast(Cast { expr, field }))),
        }
    })
}

/// A value of a user's type `from` as one of `to`: made where the types are known, because Arrow's
/// type of labels says nothing of them.
pub(in crate::engine) fn converted(
    context: &Arc<StatementContext>,
    value: Expr,
    from: PgType,
    to: PgType,
) -> Expr {
    let way = match from.element() {
        Some(_) if to.element().is_some() => Way::Elements,
        _ => Way::Output,
    };
    let conversion = Conversion {
        way,
        from,
        to,
        field: Arc::new(to.field("", true)),
        context: context.clone(),
        signature: Signature::any(1, way.volatility(from, to)),
    };
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(conversion)),
        vec![value],
    ))
}

/// A time as exact as its type says.
pub(in crate::engine) fn precise(context: &Arc<StatementContext>, value: Expr, ty: PgType) -> Expr {
    let conversion = Conversion {
        way: Way::Precise,
        from: ty.with_typmod(-1),
        to: ty,
        field: Arc::new(ty.field("", true)),
        context: context.clone(),
        signature: Signature::any(1, Way::Precise.volatility(ty, ty)),
    };
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(conversion)),
        vec![value],
    ))
}

/// An array as one of the kind that `to` has.
pub(in crate::engine) fn reshaped(
    context: &Arc<StatementContext>,
    array: Expr,
    from: PgType,
    to: PgType,
) -> Expr {
    let conversion = Conversion {
        way: Way::Reshaped,
        from,
        to,
        field: Arc::new(to.field("", true)),
        context: context.clone(),
        signature: Signature::any(1, Way::Reshaped.volatility(from, to)),
    };
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(conversion)),
        vec![array],
    ))
}

/// An array as the list of all its elements.
pub(in crate::engine) fn flattened(
    context: &Arc<StatementContext>,
    array: Expr,
    (item, ty): (FieldRef, PgType),
) -> Expr {
    let conversion = Conversion {
        way: Way::Flat,
        from: ty,
        to: ty,
        field: Arc::new(Field::new("", DataType::List(item), true)),
        context: context.clone(),
        signature: Signature::any(1, Way::Flat.volatility(ty, ty)),
    };
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(conversion)),
        vec![array],
    ))
}

/// The same conversion in another statement.
pub(super) fn rebind(
    context: &Arc<StatementContext>,
    function: &ScalarUDF,
) -> Option<Arc<ScalarUDF>> {
    let conversion = function.inner().downcast_ref::<Conversion>()?;
    Some(Arc::new(ScalarUDF::new_from_impl(Conversion {
        way: conversion.way,
        from: conversion.from,
        to: conversion.to,
        field: conversion.field.clone(),
        context: context.clone(),
        signature: conversion.signature.clone(),
    })))
}

/// Whether a function is a cast in PostgreSQL's way.
pub(in crate::engine) fn is_cast(function: &ScalarUDF) -> bool {
    function.inner().downcast_ref::<Conversion>().is_some()
}

/// One cast.
struct Conversion {
    way: Way,
    from: PgType,
    to: PgType,
    field: FieldRef,
    context: Arc<StatementContext>,
    signature: Signature,
}

impl std::fmt::Debug for Conversion {
    /// The types alone: DataFusion prints functions into messages, and who calls is nobody else's
    /// business.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

impl PartialEq for Conversion {
    fn eq(&self, other: &Self) -> bool {
        self.way == other.way
            && self.from == other.from
            && self.to == other.to
            && self.context.style == other.context.style
    }
}

impl Eq for Conversion {}

impl Hash for Conversion {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.way, self.from, self.to).hash(state);
    }
}

impl ScalarUDFImpl for Conversion {
    fn name(&self) -> &str {
        self.to.info().name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(match args {
            [value] => format!("{value}::{}", self.to),
            _ => self.name().to_owned(),
        })
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.field.data_type().clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = args.arg_fields[0].is_nullable();
        Ok(Arc::new(
            self.field
                .as_ref()
                .clone()
                .with_name(self.name())
                .with_nullable(nullable),
        ))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        evaluated(&args, |arrays, _| self.convert(&arrays[0]))
    }
}

impl Conversion {
    fn convert(&self, array: &ArrayRef) -> Result<ArrayRef> {
        match self.way {
            Way::Input => self.input(array),
            Way::Output => self.output(array),
            Way::Fit => self.fit(array),
            Way::Round => self.round(array),
            Way::Strip => self.strip(array),
            Way::Scalar => super::scalars::convert(array, self.to, self.field.data_type()),
            Way::Elements => self.elements(array),
            Way::Said => self.said(array),
            Way::Reshaped => self.reshaped(array),
            Way::Flat => Ok(flat(array)),
            Way::Oid => oids::recast(array, self.field.data_type()).map_err(external),
            Way::Numeric => numerics::to_numeric(array, self.to).map_err(external),
            Way::Number => numerics::from_numeric(array, self.to).map_err(external),
            Way::Narrow => numerics::narrowed(array.as_primitive())
                .map(|narrow| Arc::new(narrow) as ArrayRef)
                .map_err(external),
            Way::Zone => zoned::zone(self.context.style.time_zone, array, self.field.data_type()),
            Way::Part => zoned::part(self.context.style.time_zone, array, self.field.data_type()),
            Way::Precise => {
                let array = cast(array, self.field.data_type())?;
                Ok(precisely(&array, self.to))
            }
        }
    }

    fn input(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let text = cast(array, &DataType::Utf8View)?;
        let text = text.as_string_view();
        if self.to.is_reg() {
            let oids = text
                .iter()
                .map(|text| {
                    text.map(|text| parse_reg(&self.context, self.to, text).map(|oid| oid.0))
                        .transpose()
                })
                .collect::<std::result::Result<UInt32Array, _>>()
                .map_err(external)?;
            return Ok(Arc::new(oids));
        }
        let values: Vec<Option<&str>> = text.iter().collect();
        let read = parse_column(
            &values,
            self.to,
            &self.context.style,
            self.context.transaction_time,
        )
        .map_err(|failed| external(failed.error))?;
        match innermost(self.field.data_type()) {
            Some(_) => shaped::converted(&read, self.field.data_type()).map_err(external),
            None => cast(&read, self.field.data_type()),
        }
    }

    fn output(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let names = Names::new(self.context.clone());
        let column = TextColumn::new(array.as_ref(), self.from, &self.context.style, &names)
            .map_err(external)?;
        let mut builder = StringViewBuilder::with_capacity(array.len());
        let mut text = Vec::new();
        for row in 0..array.len() {
            text.clear();
            if column.write(row, &mut text).map_err(external)? {
                builder.append_value(String::from_utf8_lossy(&text));
            } else {
                builder.append_null();
            }
        }
        let text: ArrayRef = Arc::new(builder.finish());
        let text = match self.to.char_length() {
            Some(_) => self.fit(&text)?,
            None => text,
        };
        cast(&text, self.field.data_type())
    }

    fn fit(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let each = |fitted: &dyn Fn(&str) -> String| {
            let text = cast(array, &DataType::Utf8View)?;
            let text = text.as_string_view().iter();
            let fitted: StringViewArray = text.map(|text| text.map(fitted)).collect();
            cast(&(Arc::new(fitted) as ArrayRef), self.field.data_type())
        };
        match self.to.oid {
            _ if bits::is(self.to) => return each(&|text| bits::fitted(self.to, text)),
            oid if oid == PgType::NAME.oid => return each(&|text| truncate(text).to_owned()),
            oid if oid == PgType::CHAR.oid => {
                return each(&|text| one_byte::held(text).into_owned());
            }
            _ => {}
        }
        let Some(length) = self.to.char_length() else {
            return Ok(array.clone());
        };
        // What char(n) is padded with is no part of its values; output pads them.
        let padded = self.to.oid == PgType::BPCHAR.oid;
        let text = cast(array, &DataType::Utf8View)?;
        let fitted: StringViewArray = text
            .as_string_view()
            .iter()
            .map(|text| {
                text.map(|text| {
                    let end = text.char_indices().nth(length);
                    let fitted = &text[..end.map_or(text.len(), |(end, _)| end)];
                    match padded {
                        true => fitted.trim_end_matches(' '),
                        false => fitted,
                    }
                })
            })
            .collect();
        cast(&(Arc::new(fitted) as ArrayRef), self.field.data_type())
    }

    fn strip(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let text = cast(array, &DataType::Utf8View)?;
        let stripped: StringViewArray = text
            .as_string_view()
            .iter()
            .map(|text| text.map(|text| text.trim_end_matches(' ')))
            .collect();
        cast(&(Arc::new(stripped) as ArrayRef), self.field.data_type())
    }

    fn round(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let rounded: ArrayRef = match array.data_type() {
            DataType::Float32 | DataType::Float64 => {
                let floats = cast(array, &DataType::Float64)?;
                let floats: Float64Array = floats
                    .as_primitive::<Float64Type>()
                    .unary(f64::round_ties_even);
                Arc::new(floats)
            }
            DataType::Decimal128(precision, _) => {
                cast(array, &DataType::Decimal128(*precision, 0))?
            }
            DataType::Decimal256(precision, _) => {
                cast(array, &DataType::Decimal256(*precision, 0))?
            }
            _ => array.clone(),
        };
        cast(&rounded, self.field.data_type()).map_err(|_| {
            external(Error::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                format!("{} out of range", self.to),
            ))
        })
    }
}

/// Arrow's cast, with an error instead of NULL for what does not fit.
pub(super) fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    Ok(cast_with_options(
        array,
        to,
        &CastOptions {
            safe: false,
            format_options: FormatOptions::default(),
        },
    )?)
}
