//! JSON made of values: `to_json`, `json_build_object`, `json_build_array`, `array_to_json`.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray};

use super::call::short::{ANY, ANYARRAY};
use super::call::{Call, functions};
use super::text::texts;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

functions! { pub(super) LIST:
    "to_json" Stable { (ANY) -> PgType::JSON, strict, |call, row| whole(call, row); }
    "to_jsonb" Stable { (ANY) -> PgType::JSONB, strict, |call, row| whole(call, row); }
    "array_to_json" Stable { (ANYARRAY) -> PgType::JSON, strict, |call, row| whole(call, row); }
    "json_build_object" Stable {
        () -> PgType::JSON, loose, object;
        (ANY) variadic -> PgType::JSON, loose, object;
    }
    "jsonb_build_object" Stable {
        () -> PgType::JSONB, loose, object;
        (ANY) variadic -> PgType::JSONB, loose, object;
    }
    "json_build_array" Stable {
        () -> PgType::JSON, loose, array;
        (ANY) variadic -> PgType::JSON, loose, array;
    }
    "jsonb_build_array" Stable {
        () -> PgType::JSONB, loose, array;
        (ANY) variadic -> PgType::JSONB, loose, array;
    }
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
                format!("argument {}: key must not be null", arg + 1),
            ));
        }
        if arg > 0 {
            out.push_str(", ");
        }
        let key = super::text::any_text(call, arg, row)?.unwrap_or_default();
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
    let text = texts(call, value, ty)?.pop().flatten().unwrap_or_default();
    match ty.info().category {
        // Numbers stand as they are, but JSON has no NaN or infinity.
        'N' if !ty.is_reg() && !text.ends_with(['N', 'y']) => out.push_str(&text),
        'B' => out.push_str(if text == "t" { "true" } else { "false" }),
        _ if ty.oid == PgType::JSON.oid || ty.oid == PgType::JSONB.oid => out.push_str(&text),
        // ISO 8601 with a T, as JSON readers expect.
        'D' if text.len() > 10 => quoted(&text.replacen(' ', "T", 1), out),
        _ => quoted(&text, out),
    }
    Ok(())
}

/// A JSON string.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => {
                // Writing to a String does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
