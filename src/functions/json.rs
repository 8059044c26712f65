//! JSON made of values: `to_json`, `json_build_object`, `json_build_array`, `array_to_json`.

use arrow::array::{Array, ArrayRef, AsArray};

use super::call::short::{ANY, ANYARRAY, BOOL, TEXTS};
use super::call::{Call, functions};
use super::json_tree::quoted;
use super::text::{texts, texts_in, worded};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::text::{DateStyle, Style};
use crate::types::{PgType, row, shaped};

functions! { pub(super) LIST:
    "to_json" Stable { (ANY) -> PgType::JSON, strict, |call, row| whole(call, row); }
    "to_jsonb" Stable { (ANY) -> PgType::JSONB, strict, |call, row| normal(whole(call, row)?); }
    "json_agg.item" Stable { (ANY) -> PgType::TEXT, loose, item; }
    "json_object_agg.key" Stable {
        (ANY) -> PgType::TEXT, strict, |call, row| worded(call, 0, row).map(Value::from);
    }
    "row_to_json" Stable {
        (ANY) -> PgType::JSON, strict, |call, row| whole(call, row);
        (ANY, BOOL) -> PgType::JSON, strict, |call, row| {
            let json = whole(call, row)?;
            pretty(json, call.bool(1, row) == Some(true))
        };
    }
    "json_object" Immutable {
        (TEXTS) -> PgType::JSON, strict, |call, row| pairs(call, row);
        (TEXTS, TEXTS) -> PgType::JSON, strict, |call, row| pairs(call, row);
    }
    "jsonb_object" Immutable {
        (TEXTS) -> PgType::JSONB, strict, |call, row| normal(pairs(call, row)?);
        (TEXTS, TEXTS) -> PgType::JSONB, strict, |call, row| normal(pairs(call, row)?);
    }
    "array_to_json" Stable {
        (ANYARRAY) -> PgType::JSON, strict, |call, row| whole(call, row);
        (ANYARRAY, BOOL) -> PgType::JSON, strict, |call, row| {
            let json = whole(call, row)?;
            pretty(json, call.bool(1, row) == Some(true))
        };
    }
    "json_build_object" Stable {
        () -> PgType::JSON, loose, object;
        (ANY) variadic -> PgType::JSON, loose, object;
    }
    "jsonb_build_object" Stable {
        () -> PgType::JSONB, loose, |call, row| normal(object(call, row)?);
        (ANY) variadic -> PgType::JSONB, loose, |call, row| normal(object(call, row)?);
    }
    "json_build_array" Stable {
        () -> PgType::JSON, loose, array;
        (ANY) variadic -> PgType::JSON, loose, array;
    }
    "jsonb_build_array" Stable {
        () -> PgType::JSONB, loose, |call, row| normal(array(call, row)?);
        (ANY) variadic -> PgType::JSONB, loose, |call, row| normal(array(call, row)?);
    }
}

/// JSON of which each outermost element or field has a line of its own, if `pretty`.
fn pretty(json: Value, pretty: bool) -> Result<Value> {
    use super::json_tree::{Kind, parse};
    let text = match &json {
        Value::Text(text) if pretty => text,
        _ => return Ok(json),
    };
    Ok(match parse(text)?.kind {
        Kind::Array(items) => {
            let items: Vec<&str> = items.iter().map(|item| item.raw).collect();
            format!("[{}]", items.join(",\n ")).into()
        }
        Kind::Object(fields) => {
            let mut out = String::from("{");
            for (index, (key, value)) in fields.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ",\n " });
                quoted(key, &mut out);
                out.push(':');
                out.push_str(value.raw);
            }
            out.push('}');
            out.into()
        }
        _ => json,
    })
}

/// An element of `json_agg`: an array or a row starts a line.
fn item(call: &Call<'_>, row: usize) -> Result<Value> {
    let mut out = String::new();
    let nested = call
        .raw(0)
        .is_some_and(|values| values.data_type().is_nested())
        || call.ty(0).is_some_and(PgType::is_composite);
    if nested && !call.null(0, row) {
        out.push_str("\n ");
    }
    argument(call, 0, row, &mut out)?;
    Ok(out.into())
}

/// JSON as jsonb prints it.
fn normal(json: Value) -> Result<Value> {
    let Value::Text(text) = &json else {
        return Ok(json);
    };
    let mut out = String::new();
    super::json_tree::Tree::parse(text)?.write(&mut out);
    Ok(out.into())
}

/// An object of texts: keys and values in turn, in pairs, or in an array each.
fn pairs(call: &Call<'_>, row: usize) -> Result<Value> {
    let wrong = |what: &str| Error::new(SqlState::ARRAY_SUBSCRIPT_ERROR, what.to_owned());
    let keys = super::jsonb::texts(call, 0, row)?;
    let dimensions = super::arrays::extent(call, 0, row).sizes;
    let all: Vec<(Option<String>, Option<String>)> = if call.len() > 1 {
        let values = super::jsonb::texts(call, 1, row)?;
        if dimensions.len() > 1 || super::arrays::extent(call, 1, row).sizes.len() > 1 {
            return Err(wrong("wrong number of array subscripts"));
        }
        if keys.len() != values.len() {
            return Err(wrong("mismatched array dimensions"));
        }
        keys.into_iter().zip(values).collect()
    } else {
        match dimensions.as_slice() {
            [count] if count % 2 == 1 => {
                return Err(wrong("array must have even number of elements"));
            }
            [_, width] if *width != 2 => return Err(wrong("array must have two columns")),
            [] | [_] | [_, _] => {}
            _ => return Err(wrong("wrong number of array subscripts")),
        }
        keys.chunks(2)
            .map(|pair| (pair[0].clone(), pair.get(1).cloned().flatten()))
            .collect()
    };
    let mut out = String::from("{");
    for (index, (key, value)) in all.into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        let key = key.ok_or_else(|| {
            Error::new(
                SqlState::NULL_VALUE_NOT_ALLOWED,
                "null value not allowed for object key",
            )
        })?;
        quoted(&key, &mut out);
        out.push_str(" : ");
        match value {
            Some(value) => quoted(&value, &mut out),
            None => out.push_str("null"),
        }
    }
    out.push('}');
    Ok(out.into())
}

fn whole(call: &Call<'_>, row: usize) -> Result<Value> {
    let mut out = String::new();
    argument(call, 0, row, &mut out)?;
    Ok(out.into())
}

fn object(call: &Call<'_>, row: usize) -> Result<Value> {
    if call.len() % 2 == 1 {
        return Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "argument list must have even number of elements",
        )
        .hint(
            "The arguments of json_build_object() must consist of alternating keys and values.",
        ));
    }
    let mut out = String::from("{");
    for arg in (0..call.len()).step_by(2) {
        if call.null(arg, row) {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("argument {} cannot be null", arg + 1),
            ));
        }
        let refused = |ty: &PgType| {
            let json = ty.is(PgType::JSON) || ty.is(PgType::JSONB);
            json || ty.element().is_some() || ty.is_composite()
        };
        if call.ty(arg).as_ref().is_some_and(refused) {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                "key value must be scalar, not array, composite, or json",
            ));
        }
        if arg > 0 {
            out.push_str(", ");
        }
        let key = worded(call, arg, row)?;
        quoted(&key, &mut out);
        out.push_str(" : ");
        argument(call, arg + 1, row, &mut out)?;
    }
    out.push('}');
    Ok(out.into())
}

fn array(call: &Call<'_>, row: usize) -> Result<Value> {
    let mut out = String::from("[");
    for arg in 0..call.len() {
        if arg > 0 {
            out.push_str(", ");
        }
        argument(call, arg, row, &mut out)?;
    }
    out.push(']');
    Ok(out.into())
}

fn argument(call: &Call<'_>, arg: usize, row: usize, out: &mut String) -> Result<()> {
    match (call.raw(arg), call.ty(arg)) {
        (Some(values), Some(ty)) if !call.null(arg, row) => {
            one(call, &values.slice(row, 1), ty, out)
        }
        _ => {
            out.push_str("null");
            Ok(())
        }
    }
}

/// The only value of an array, as JSON.
fn one(call: &Call<'_>, value: &ArrayRef, ty: PgType, out: &mut String) -> Result<()> {
    if value.is_null(0) {
        out.push_str("null");
        return Ok(());
    }
    if let Some(lists) = shaped::nested_value(value)? {
        return one(call, &lists, ty, out);
    }
    if let Some(lists) = value.as_list_opt::<i32>() {
        let items = lists.value(0);
        let element = ty
            .element()
            .filter(|_| items.as_list_opt::<i32>().is_none())
            .unwrap_or_else(|| PgType::of_data_type(items.data_type()));
        out.push('[');
        for index in 0..items.len() {
            if index > 0 {
                out.push(',');
            }
            one(call, &items.slice(index, 1), element, out)?;
        }
        out.push(']');
        return Ok(());
    }
    if let Some(row) = value.as_struct_opt() {
        out.push('{');
        for (index, (field, column)) in row.fields().iter().zip(row.columns()).enumerate() {
            if index > 0 {
                out.push(',');
            }
            // The columns of a row without names.
            match field
                .name()
                .strip_prefix('c')
                .and_then(|n| n.parse::<usize>().ok())
            {
                Some(n) if n == index => quoted(&format!("f{}", n + 1), out),
                _ => quoted(field.name().split('\0').next().unwrap_or_default(), out),
            }
            out.push(':');
            one(call, column, PgType::of_field(field), out)?;
        }
        out.push('}');
        return Ok(());
    }
    if let Some(shape) = ty.shape() {
        let types = shape.types();
        let fields = row::fields(&row::values(value.as_ref())?, &types)?;
        let own = shape.names();
        let names: Vec<&str> = match &own {
            Some(names) => names.iter().map(String::as_str).collect(),
            None => {
                let snapshot = &call.context.snapshot;
                snapshot.field_names(ty.oid).unwrap_or_default()
            }
        };
        out.push('{');
        for (index, ((field, ty), name)) in fields.iter().zip(types.iter()).zip(names).enumerate() {
            if index > 0 {
                out.push(',');
            }
            quoted(name, out);
            out.push(':');
            one(call, field, *ty, out)?;
        }
        out.push('}');
        return Ok(());
    }
    let text = texts(call, value, ty)?.pop().flatten().unwrap_or_default();
    match ty.info().category {
        // Numbers stand as they are, but JSON has no NaN or infinity.
        'N' if is_number(ty) && !text.ends_with(['N', 'y']) => out.push_str(&text),
        'B' => out.push_str(if text == "t" { "true" } else { "false" }),
        _ if ty.oid == PgType::JSON.oid || ty.oid == PgType::JSONB.oid => out.push_str(&text),
        'D' => quoted(&moment(call, value, ty)?, out),
        _ => quoted(&text, out),
    }
    Ok(())
}

/// Whether values stand as numbers in JSON; what else is of their category is text there.
fn is_number(ty: PgType) -> bool {
    let numbers = [
        PgType::INT2,
        PgType::INT4,
        PgType::INT8,
        PgType::FLOAT4,
        PgType::FLOAT8,
        PgType::NUMERIC,
    ];
    numbers.iter().any(|number| ty.is(*number))
}

/// A date or time as JSON has it, whatever the session's style: ISO 8601, with a T before the time
/// and minutes in the offset.
fn moment(call: &Call<'_>, value: &ArrayRef, ty: PgType) -> Result<String> {
    let style = Style {
        date_style: DateStyle::Iso,
        ..Style::clone(&call.context.style)
    };
    let text = texts_in(call, value, ty, &style)?.pop().flatten();
    let text = text.unwrap_or_default();
    if !ty.is(PgType::TIMESTAMP) && !ty.is(PgType::TIMESTAMPTZ) {
        return Ok(text);
    }
    let (shown, era) = match text.strip_suffix(" BC") {
        Some(shown) => (shown, " BC"),
        None => (text.as_str(), ""),
    };
    let mut moment = shown.replacen(' ', "T", 1);
    let offset = moment.len().checked_sub(3).map(|start| moment.get(start..));
    let short = offset
        .flatten()
        .is_some_and(|end| end.starts_with(['+', '-']));
    if short && moment.contains('T') {
        moment.push_str(":00");
    }
    Ok(moment + era)
}
