//! Casts as PostgreSQL does them: text goes through the types' input and output functions, numbers
//! round instead of being cut, times move between zones by the session's TimeZone, `varchar(n)`
//! cuts and `char(n)` pads.

mod arrays;

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
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::literals::is_text;
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
use crate::types::pgtype::TYPMOD_KEY;
use crate::types::precision::precisely;
use crate::types::shaped::{self, flat, innermost, is_shaped};
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
                    signature: Signature::any(1, way.volatility()),
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
        signature: Signature::any(1, way.volatility()),
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
        signature: Signature::any(1, Way::Precise.volatility()),
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
        signature: Signature::any(1, Way::Reshaped.volatility()),
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
        signature: Signature::any(1, Way::Flat.volatility()),
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

/// How a value gets from one type to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Way {
    /// Text through the input function.
    Input,
    /// To text through the output function.
    Output,
    /// Text to `varchar(n)` or `char(n)`, to a name or a `"char"`.
    Fit,
    /// `char(n)` to text: without its blanks.
    Strip,
    /// A scalar in jsonb to the type it is of.
    Scalar,
    /// An array whose elements are not converted as Arrow does.
    Elements,
    /// An array whose elements stay as they are, but say of another type.
    Said,
    /// An array that tells its dimensions, or is to.
    Reshaped,
    /// An array as the list of its elements.
    Flat,
    /// A number with a fraction to an integer.
    Round,
    /// An integer to an OID, or an OID to an integer.
    Oid,
    /// A number to a numeric.
    Numeric,
    /// A numeric to an integer or a float.
    Number,
    /// A double to a float of half its size.
    Narrow,
    /// Between local time and UTC.
    Zone,
    /// A timestamp to its date or its time of day.
    Part,
    /// A time to one of fewer digits.
    Precise,
}

impl Way {
    /// `None` where Arrow's cast is PostgreSQL's.
    fn between(from: &FieldRef, to: &FieldRef, ty: PgType) -> Option<Self> {
        let (a, b) = (from.data_type(), to.data_type());
        match (is_text(a), is_text(b)) {
            (true, true) => {
                let padded = PgType::of_field(from).oid == PgType::BPCHAR.oid;
                let json =
                    [PgType::JSON.oid, PgType::JSONB.oid, PgType::JSONPATH.oid].contains(&ty.oid);
                if json && PgType::of_field(from).oid != ty.oid {
                    return Some(Self::Input);
                }
                if bits::is(ty) && !bits::is(PgType::of_field(from)) {
                    return Some(Self::Input);
                }
                let said = PgType::of_field(from);
                let cut = |kind: PgType| ty.oid == kind.oid && said.oid != kind.oid;
                return match ty.char_length().or(bits::length(ty)) {
                    Some(_) => Some(Self::Fit),
                    None if cut(PgType::NAME) || cut(PgType::CHAR) => Some(Self::Fit),
                    None if padded && ty.oid != PgType::BPCHAR.oid => Some(Self::Strip),
                    None => None,
                };
            }
            (true, false) if PgType::of_field(from).oid == PgType::JSONB.oid => {
                return Some(Self::Scalar);
            }
            (true, false) => return (!b.is_null()).then_some(Self::Input),
            (false, true) => {
                let said = PgType::of_field(from);
                let reg = said.is_reg() || said.is_encoded();
                let plain = a.is_null()
                    || a.is_integer() && !reg
                    || *a == DataType::Boolean
                    || matches!(a, DataType::Dictionary(_, _));
                return (!plain).then_some(Self::Output);
            }
            (false, false) => {}
        }
        if (is_shaped(a) || is_shaped(b)) && innermost(a).is_some() && innermost(b).is_some() {
            return (a != b).then_some(Self::Reshaped);
        }
        if let (DataType::List(from), DataType::List(to)) = (a, b) {
            let ty = PgType::of_field(to);
            let same = from.data_type() == to.data_type() && !from.data_type().is_nested();
            return match Self::between(from, to, ty) {
                Some(_) => Some(Self::Elements),
                // Arrow's cast takes the two for the same type and leaves out what they say.
                None => (same && from.metadata() != to.metadata()).then_some(Self::Said),
            };
        }
        let exact = |ty: &DataType| {
            matches!(
                ty,
                DataType::LargeUtf8 | DataType::Decimal128(..) | DataType::Decimal256(..)
            )
        };
        let is_oid = |ty: &DataType| *ty == DataType::UInt32;
        if ty.oid == PgType::NUMERIC.oid && exact(b) && !is_oid(a) {
            let number = exact(a) || a.is_integer() || a.is_floating();
            return match (a, b) {
                // Digits are only added: nothing can go wrong, and it is fast.
                (DataType::Decimal128(p, s), DataType::Decimal128(q, t))
                    if t >= s && i16::from(*q) - i16::from(*t) >= i16::from(*p) - i16::from(*s) =>
                {
                    None
                }
                // Made by coercion, which knows no declared scale.
                (_, DataType::Decimal128(..) | DataType::Decimal256(..))
                    if !to.metadata().contains_key(TYPMOD_KEY) && *a != DataType::LargeUtf8 =>
                {
                    None
                }
                _ => number.then_some(Self::Numeric),
            };
        }
        if oids::are_recast(a, b) {
            return Some(Self::Oid);
        }
        if *a == DataType::LargeUtf8 {
            return (b.is_integer() || b.is_floating()).then_some(Self::Number);
        }
        let fraction = a.is_floating() || a.is_decimal();
        if fraction && b.is_integer() {
            return Some(Self::Round);
        }
        if *a == DataType::Float64 && *b == DataType::Float32 {
            return Some(Self::Narrow);
        }
        if a.is_decimal() && b.is_floating() {
            return Some(Self::Number);
        }
        if ty.is_precise() && a == b {
            let typmod = PgType::of_field(from).typmod;
            return (typmod != ty.typmod).then_some(Self::Precise);
        }
        let local = |ty: &DataType| matches!(ty, DataType::Timestamp(_, None) | DataType::Date32);
        let absolute = |ty: &DataType| matches!(ty, DataType::Timestamp(_, Some(_)));
        let part = matches!(b, DataType::Date32 | DataType::Time64(_));
        match (a, b) {
            (DataType::Timestamp(..), _) if part => Some(Self::Part),
            (DataType::Date32, DataType::Timestamp(..)) => Some(Self::Zone),
            _ if local(a) && absolute(b) || absolute(a) && local(b) => Some(Self::Zone),
            _ => None,
        }
    }

    /// What depends on a session's settings must not be remembered for another's.
    fn volatility(self) -> Volatility {
        match self {
            Self::Input
            | Self::Output
            | Self::Zone
            | Self::Part
            | Self::Scalar
            | Self::Reshaped
            | Self::Elements => Volatility::Stable,
            Self::Fit
            | Self::Said
            | Self::Flat
            | Self::Round
            | Self::Strip
            | Self::Oid
            | Self::Numeric
            | Self::Number
            | Self::Narrow
            | Self::Precise => Volatility::Immutable,
        }
    }
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
