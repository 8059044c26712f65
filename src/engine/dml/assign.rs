//! Assignment casts: what INSERT and UPDATE may put into a column, and the value it becomes there.
//!
//! PostgreSQL's `pg_cast` in assignment context, plus its rule that every type may be assigned to a
//! string. Conversions that Arrow does the way PostgreSQL does are Arrow's; the rest goes through
//! the types' own text, slowly and right.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, new_null_array};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};

use super::recode;
use crate::base::{Error, Result, SqlState};
use crate::catalog::Snapshot;
use crate::pg_catalog::names::{Names, parse_reg};
use crate::pg_catalog::{CastContext, cast_context};
use crate::statement::StatementContext;
use crate::types::coded::bits;
use crate::types::precision::precisely;
use crate::types::shaped::{innermost, mapped};
use crate::types::text::{TextColumn, parse_column};
use crate::types::{PgType, fitted, numerics, oids};

/// Families of types whose values become one another's alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Integer,
    Float,
    Numeric,
    String,
    Oid,
    Other,
}

fn family(ty: PgType) -> Family {
    match ty.plain() {
        PgType::INT2 | PgType::INT4 | PgType::INT8 => Family::Integer,
        PgType::FLOAT4 | PgType::FLOAT8 => Family::Float,
        PgType::NUMERIC => Family::Numeric,
        PgType::TEXT | PgType::VARCHAR | PgType::BPCHAR | PgType::NAME | PgType::CHAR => {
            Family::String
        }
        PgType::OID => Family::Oid,
        ty if ty.is_reg() => Family::Oid,
        _ => Family::Other,
    }
}

/// Whether a value of `from` may be assigned to a column of `to` without an explicit cast. Where a
/// user has made a cast, its text may no longer be: users' casts have to be asked for.
pub fn is_assignable(snapshot: &Snapshot, from: PgType, to: PgType) -> bool {
    if from.oid == to.oid {
        return true;
    }
    if to.info().category == 'S' {
        return snapshot.cast(from.oid, to.oid).is_none();
    }
    match (from.element(), to.element()) {
        (Some(from), Some(to)) => is_assignable(snapshot, from, to),
        _ => {
            cast_context(from.oid, to.oid).is_some_and(|context| context <= CastContext::Assignment)
        }
    }
}

/// Checks that an expression of type `from` may be assigned to `column`.
///
/// # Errors
/// `42804`.
pub fn check_assignable(snapshot: &Snapshot, column: &str, from: PgType, to: PgType) -> Result<()> {
    if is_assignable(snapshot, from, to) {
        return Ok(());
    }
    if from.is(PgType::RECORD) && to.is_composite() {
        return Err(Error::new(
            SqlState::CANNOT_COERCE,
            format!("cannot cast type record to {to}"),
        ));
    }
    Err(Error::new(
        SqlState::DATATYPE_MISMATCH,
        format!(
            "column \"{column}\" is of type {} but expression is of type {}",
            to.with_typmod(-1),
            from.with_typmod(-1)
        ),
    )
    // postgres.js prepares again when it reads this: its parameters may have other types now.
    .routine("transformAssignedExpr")
    .hint("You will need to rewrite or cast the expression."))
}

/// The values of an answer of type `from` as values of type `to`.
///
/// # Errors
/// As [`assign`].
pub fn assigned(
    context: &Arc<StatementContext>,
    array: &ArrayRef,
    from: PgType,
    to: PgType,
) -> Result<ArrayRef> {
    // A modifier says what values may be; and arrays in an array may turn out not to be as long as
    // each other.
    let fits = to.typmod < 0 || from.typmod == to.typmod;
    if from.oid == to.oid && *array.data_type() == to.data_type() && to.more_dimensions == 0 && fits
    {
        return Ok(array.clone());
    }
    assign(context, array, from, to)
}

/// The values of `array`, of type `from`, as a column of type `to` holds them.
///
/// # Errors
/// `22001` too long, `22003` out of range, and what reading the value's text may fail with.
pub(super) fn assign(
    context: &Arc<StatementContext>,
    array: &ArrayRef,
    from: PgType,
    to: PgType,
) -> Result<ArrayRef> {
    let (from, to) = (from.undomained(), to.undomained());
    let target = to.data_type();
    if array.data_type() == &DataType::Null {
        return Ok(new_null_array(&target, array.len()));
    }
    let same_shape = from.oid == to.oid && (to.typmod < 0 || from.typmod == to.typmod);
    if same_shape && array.data_type() == &target {
        return fitted(array.clone(), to).map_err(|(_, error)| error);
    }
    use Family::{Float, Integer, Numeric, Oid, String};
    if let Some(recoded) = recode::recoded(array, from, to)? {
        return Ok(recoded);
    }
    if family(to) == String
        && let Some(told) = recode::told(array, from)
    {
        return limit_length(context, &told, to);
    }
    if let (Some((from, element)), Some(item)) = (other_elements(from, to), innermost(&target)) {
        let elements = |elements: &ArrayRef| assign(context, elements, from, element);
        return fitted(mapped(array, item, &elements)?, to).map_err(|(_, error)| error);
    }
    match (family(from), family(to)) {
        (String, String) => limit_length(context, &as_text(array)?, to),
        (_, String) => {
            let texts = texts_of(context, array, from)?;
            limit_length(context, &(Arc::new(texts) as ArrayRef), to)
        }
        (Integer | Oid, Integer | Oid) => integer(array, to),
        (Integer | Oid, Float) => Ok(strict(array, &target).map_err(|_| out_of_range(to))?),
        (Float, Integer) => integer(&round_half_even(array, to)?, to),
        (Float, Float) => narrow_float(array, to),
        (Numeric, Integer | Float) if array.data_type() == &DataType::LargeUtf8 => {
            numerics::from_numeric(array, to)
        }
        (Numeric, Integer) => {
            // Arrow rounds half away from zero when it drops decimals, as PostgreSQL's numeric
            // does.
            let whole =
                strict(array, &DataType::Decimal256(76, 0)).map_err(|_| out_of_range(to))?;
            let whole = strict(&whole, &DataType::Int64).map_err(|_| out_of_range(to))?;
            integer(&whole, to)
        }
        (Float, Numeric) => numerics::to_numeric(array, to),
        (Integer | Numeric, Numeric)
            if [array.data_type(), &target].contains(&&DataType::LargeUtf8) =>
        {
            numerics::to_numeric(array, to)
        }
        (Integer | Numeric, Numeric) => {
            let held = strict(array, &target).map_err(|_| numeric_overflow(to))?;
            within_precision(held, to)
        }
        (Numeric, Float) => strict(array, &target).map_err(|_| out_of_range(to)),
        _ if to.element().is_some_and(is_measured) => {
            read(context, &texts_of(context, array, from)?, to)
        }
        _ if bits::is(to) => read(context, &texts_of(context, array, from)?, to),
        _ if to.is_precise() && family(from) != String => {
            let plain = assign(context, array, from, to.with_typmod(-1))?;
            Ok(precisely(&plain, to))
        }
        _ if from.oid == to.oid => strict(
            &fitted(array.clone(), to).map_err(|(_, error)| error)?,
            &target,
        )
        .map(|array| precisely(&array, to))
        .map_err(|error| {
            Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!("cannot store {from} as {to}"),
            )
            .detail(error.to_string())
        }),
        _ => read(context, &texts_of(context, array, from)?, to),
    }
}

/// The elements of two types of arrays, if they are assigned as numbers and moments are: what one
/// says the other may not read.
fn other_elements(from: PgType, to: PgType) -> Option<(PgType, PgType)> {
    let (a, b) = (from.element()?, to.element()?);
    let plain = |ty: PgType| matches!(ty.info().category, 'N' | 'D' | 'T' | 'I');
    (from.oid != to.oid && plain(a) && plain(b) && !is_measured(b)).then_some((a, b))
}

/// Reads texts (literals whose type nobody said) as values of a column.
///
/// # Errors
/// As [`parse_column`].
pub(super) fn read(
    context: &Arc<StatementContext>,
    texts: &StringViewArray,
    to: PgType,
) -> Result<ArrayRef> {
    let values: Vec<Option<&str>> = texts.iter().collect();
    read_values(context, &values, to)
}

/// As [`read`], for texts not in an array.
///
/// # Errors
/// As [`parse_column`].
pub(super) fn read_values(
    context: &Arc<StatementContext>,
    values: &[Option<&str>],
    to: PgType,
) -> Result<ArrayRef> {
    read_rows(context, values, to).map_err(|(_, error)| error)
}

/// As [`read_values`], saying which value could not be read.
///
/// # Errors
/// As [`parse_column`].
pub(super) fn read_rows(
    context: &Arc<StatementContext>,
    values: &[Option<&str>],
    to: PgType,
) -> Result<ArrayRef, (usize, Error)> {
    if to.is_reg() {
        let oids = values
            .iter()
            .enumerate()
            .map(|(row, value)| {
                let oid = value.map(|text| parse_reg(context, to, text)).transpose();
                oid.map(|oid| oid.map(|oid| oid.0))
                    .map_err(|error| (row, error))
            })
            .collect::<Result<Vec<_>, _>>()?;
        return Ok(Arc::new(arrow::array::UInt32Array::from(oids)));
    }
    let array = parse_column(values, to, &context.style, context.transaction_time)
        .map_err(|trouble| (trouble.row, trouble.error))?;
    fitted(array, to)
}

/// The values as texts.
fn texts_of(
    context: &Arc<StatementContext>,
    array: &ArrayRef,
    from: PgType,
) -> Result<StringViewArray> {
    let names = Names::new(context.clone());
    let column = TextColumn::new(array.as_ref(), from, &context.style, &names)?;
    let mut builder = arrow::array::StringViewBuilder::with_capacity(array.len());
    let mut text = Vec::new();
    for row in 0..array.len() {
        text.clear();
        if column.write(row, &mut text)? {
            builder.append_value(String::from_utf8_lossy(&text));
        } else {
            builder.append_null();
        }
    }
    Ok(builder.finish())
}

/// Any string array as views.
fn as_text(array: &ArrayRef) -> Result<ArrayRef> {
    cast(array, &DataType::Utf8View)
        .map_err(|error| Error::internal("reading a string column", error))
}

/// Whether values of a type have a declared length.
fn is_measured(ty: PgType) -> bool {
    ty.char_length().is_some() || bits::length(ty).is_some()
}

/// Applies `varchar(n)` and `char(n)`.
fn limit_length(context: &Arc<StatementContext>, texts: &ArrayRef, to: PgType) -> Result<ArrayRef> {
    let texts = texts.as_string_view();
    let fits = match to.char_length() {
        None => to.oid != PgType::NAME.oid && to.oid != PgType::CHAR.oid,
        // Bytes are no fewer than characters; char(n) has blanks to add.
        Some(length) => {
            to.oid == PgType::VARCHAR.oid && texts.iter().flatten().all(|text| text.len() <= length)
        }
    };
    if fits {
        return Ok(Arc::new(texts.clone()));
    }
    read(context, texts, to)
}

/// To int2, int4, int8 or an OID, with PostgreSQL's range error.
fn integer(array: &ArrayRef, to: PgType) -> Result<ArrayRef> {
    let target = to.data_type();
    match oids::are_recast(array.data_type(), &target) {
        true => oids::recast(array, &target),
        false => strict(array, &target).map_err(|_| out_of_range(to)),
    }
}

fn round_half_even(array: &ArrayRef, to: PgType) -> Result<ArrayRef> {
    let floats = cast(array, &DataType::Float64)
        .map_err(|error| Error::internal("rounding a float column", error))?;
    let floats = floats.as_primitive::<Float64Type>();
    // 2^63 is a float; 2^63 - 1 is not.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let integers = floats.try_unary::<_, Int64Type, Error>(|value| {
        let rounded = value.round_ties_even();
        if (-LIMIT..LIMIT).contains(&rounded) {
            Ok(rounded as i64)
        } else {
            Err(out_of_range(to))
        }
    })?;
    Ok(Arc::new(integers))
}

/// Numerics that have no more digits than their Arrow type says: sums of two may have one more, and
/// a cast to the type they have already does not look.
fn within_precision(array: ArrayRef, to: PgType) -> Result<ArrayRef> {
    let decimals = array.as_primitive_opt::<Decimal128Type>();
    let fits = decimals.is_none_or(|of| of.validate_decimal_precision(of.precision()).is_ok());
    match fits {
        true => Ok(array),
        false => Err(numeric_overflow(to)),
    }
}

fn narrow_float(array: &ArrayRef, to: PgType) -> Result<ArrayRef> {
    if to.oid == PgType::FLOAT4.oid && array.data_type() == &DataType::Float64 {
        return Ok(Arc::new(numerics::narrowed(array.as_primitive())?));
    }
    cast(array, &to.data_type())
        .map_err(|error| Error::internal("converting a float column", error))
}

/// A cast that fails where a value does not fit.
fn strict(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, arrow::error::ArrowError> {
    let options = CastOptions {
        safe: false,
        ..Default::default()
    };
    cast_with_options(array, to, &options)
}

pub(super) fn out_of_range(ty: PgType) -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("{} out of range", ty.plain()),
    )
}

fn numeric_overflow(ty: PgType) -> Error {
    let error = Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "numeric field overflow",
    );
    match ty.precision_scale() {
        Some((precision, scale)) => error.detail(format!(
            "A field with precision {precision}, scale {scale} must round to an absolute value less than {}.",
            match i32::from(precision) - i32::from(scale) {
                0 => "1".to_owned(),
                digits => format!("10^{digits}"),
            }
        )),
        None => error,
    }
}
