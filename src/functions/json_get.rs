//! What is inside a json or jsonb value: fields, elements, paths, their number and type.

use std::borrow::Cow;

use super::call::short::{INT, JSON, JSONB, TEXT, TEXTS};
use super::call::{Call, functions};
use super::json_tree::{Json, Kind, parse, parse_shape};
use super::jsonb::{checked, texts};
use super::resolve::Returns;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

const JSONS: Returns = Returns::SetOf(PgType::JSON);
const JSONBS: Returns = Returns::SetOf(PgType::JSONB);
const TEXT_SET: Returns = Returns::SetOf(PgType::TEXT);

functions! { pub(super) LIST:
    "->" Immutable {
        (JSON, TEXT) -> PgType::JSON, strict, |call, row| field(call, row, false);
        (JSON, INT) -> PgType::JSON, strict, |call, row| item(call, row, false);
        (JSONB, TEXT) -> PgType::JSONB, strict, |call, row| field(call, row, false);
        (JSONB, INT) -> PgType::JSONB, strict, |call, row| item_of_jsonb(call, row, false);
    }
    "->>" Immutable {
        (JSON, TEXT) -> PgType::TEXT, strict, |call, row| field(call, row, true);
        (JSON, INT) -> PgType::TEXT, strict, |call, row| item(call, row, true);
        (JSONB, TEXT) -> PgType::TEXT, strict, |call, row| field(call, row, true);
        (JSONB, INT) -> PgType::TEXT, strict, |call, row| item_of_jsonb(call, row, true);
    }
    "#>" Immutable {
        (JSON, TEXTS) -> PgType::JSON, strict, |call, row| path(call, row, false);
        (JSONB, TEXTS) -> PgType::JSONB, strict, |call, row| path(call, row, false);
    }
    "#>>" Immutable {
        (JSON, TEXTS) -> PgType::TEXT, strict, |call, row| path(call, row, true);
        (JSONB, TEXTS) -> PgType::TEXT, strict, |call, row| path(call, row, true);
    }
    "json_object_field" Immutable { (JSON, TEXT) -> PgType::JSON, strict, |call, row| field(call, row, false); }
    "jsonb_object_field" Immutable { (JSONB, TEXT) -> PgType::JSONB, strict, |call, row| field(call, row, false); }
    "json_object_field_text" Immutable { (JSON, TEXT) -> PgType::TEXT, strict, |call, row| field(call, row, true); }
    "jsonb_object_field_text" Immutable { (JSONB, TEXT) -> PgType::TEXT, strict, |call, row| field(call, row, true); }
    "json_array_element" Immutable { (JSON, INT) -> PgType::JSON, strict, |call, row| item(call, row, false); }
    "jsonb_array_element" Immutable { (JSONB, INT) -> PgType::JSONB, strict, |call, row| item_of_jsonb(call, row, false); }
    "json_array_element_text" Immutable { (JSON, INT) -> PgType::TEXT, strict, |call, row| item(call, row, true); }
    "jsonb_array_element_text" Immutable { (JSONB, INT) -> PgType::TEXT, strict, |call, row| item_of_jsonb(call, row, true); }
    "json_extract_path" Immutable {
        (JSON, TEXTS) -> PgType::JSON, strict, |call, row| path(call, row, false);
        (JSON, TEXT, TEXT) variadic -> PgType::JSON, strict, |call, row| steps(call, row, false);
        (JSON, TEXT) -> PgType::JSON, strict, |call, row| steps(call, row, false);
    }
    "jsonb_extract_path" Immutable {
        (JSONB, TEXTS) -> PgType::JSONB, strict, |call, row| path(call, row, false);
        (JSONB, TEXT, TEXT) variadic -> PgType::JSONB, strict, |call, row| steps(call, row, false);
        (JSONB, TEXT) -> PgType::JSONB, strict, |call, row| steps(call, row, false);
    }
    "json_extract_path_text" Immutable {
        (JSON, TEXTS) -> PgType::TEXT, strict, |call, row| path(call, row, true);
        (JSON, TEXT, TEXT) variadic -> PgType::TEXT, strict, |call, row| steps(call, row, true);
        (JSON, TEXT) -> PgType::TEXT, strict, |call, row| steps(call, row, true);
    }
    "jsonb_extract_path_text" Immutable {
        (JSONB, TEXTS) -> PgType::TEXT, strict, |call, row| path(call, row, true);
        (JSONB, TEXT, TEXT) variadic -> PgType::TEXT, strict, |call, row| steps(call, row, true);
        (JSONB, TEXT) -> PgType::TEXT, strict, |call, row| steps(call, row, true);
    }
    "json_typeof" Immutable {
        (JSON) -> PgType::TEXT, strict, |call, row| Ok(parse_shape(&whole(call, row)?)?.type_name().into());
    }
    "jsonb_typeof" Immutable {
        (JSONB) -> PgType::TEXT, strict, |call, row| Ok(parse_shape(&whole(call, row)?)?.type_name().into());
    }
    "json_array_length" Immutable {
        (JSON) -> PgType::INT4, strict, |call, row| array_length(call, row, "a non-array");
    }
    "jsonb_array_length" Immutable {
        (JSONB) -> PgType::INT4, strict, |call, row| array_length(call, row, "a non-array");
    }
    "json_array_elements[]" Immutable {
        (JSON) => JSONS, strict, |call, row| elements(call, row, "json_array_elements", false);
    }
    "jsonb_array_elements[]" Immutable {
        (JSONB) => JSONBS, strict, |call, row| elements(call, row, "jsonb_array_elements", false);
    }
    "json_array_elements_text[]" Immutable {
        (JSON) => TEXT_SET, strict, |call, row| elements(call, row, "json_array_elements_text", true);
    }
    "jsonb_array_elements_text[]" Immutable {
        (JSONB) => TEXT_SET, strict, |call, row| elements(call, row, "jsonb_array_elements_text", true);
    }
    "json_object_keys[]" Immutable {
        (JSON) => TEXT_SET, strict, |call, row| fields(call, row, "json_object_keys", Part::Key);
    }
    "jsonb_object_keys[]" Immutable {
        (JSONB) => TEXT_SET, strict, |call, row| fields(call, row, "jsonb_object_keys", Part::Key);
    }
    "json_each.key" Immutable {
        (JSON) => TEXT_SET, strict, |call, row| fields(call, row, "json_each", Part::Key);
    }
    "json_each.value" Immutable {
        (JSON) => JSONS, strict, |call, row| fields(call, row, "json_each", Part::Value);
    }
    "jsonb_each.key" Immutable {
        (JSONB) => TEXT_SET, strict, |call, row| fields(call, row, "jsonb_each", Part::Key);
    }
    "jsonb_each.value" Immutable {
        (JSONB) => JSONBS, strict, |call, row| fields(call, row, "jsonb_each", Part::Value);
    }
    "json_each_text.key" Immutable {
        (JSON) => TEXT_SET, strict, |call, row| fields(call, row, "json_each_text", Part::Key);
    }
    "json_each_text.value" Immutable {
        (JSON) => TEXT_SET, strict, |call, row| fields(call, row, "json_each_text", Part::Text);
    }
    "jsonb_each_text.key" Immutable {
        (JSONB) => TEXT_SET, strict, |call, row| fields(call, row, "jsonb_each_text", Part::Key);
    }
    "jsonb_each_text.value" Immutable {
        (JSONB) => TEXT_SET, strict, |call, row| fields(call, row, "jsonb_each_text", Part::Text);
    }
}

/// The first argument's text, as the type its overload takes has it.
fn whole<'a>(call: &'a Call<'_>, row: usize) -> Result<Cow<'a, str>> {
    let wanted = call.wanted(0);
    match call.padded(0, row) {
        Some(text) if call.ty(0).is_some_and(|ty| ty.oid == wanted.oid) => Ok(Cow::Borrowed(text)),
        _ => checked(call, 0, row, wanted).map(Cow::Owned),
    }
}

fn given(found: Option<&Json<'_>>, as_text: bool) -> Value {
    match found {
        None => Value::Null,
        Some(json) if as_text => json.text().into(),
        Some(json) => json.raw.to_owned().into(),
    }
}

fn field(call: &Call<'_>, row: usize, as_text: bool) -> Result<Value> {
    let text = whole(call, row)?;
    let json = parse(&text)?;
    Ok(given(json.field(call.must_text(1, row)), as_text))
}

fn item(call: &Call<'_>, row: usize, as_text: bool) -> Result<Value> {
    let text = whole(call, row)?;
    let json = parse(&text)?;
    Ok(given(json.item(call.int(1, row).unwrap_or(0)), as_text))
}

/// An element of a jsonb value, which if it is a scalar is kept as an array of one.
fn item_of_jsonb(call: &Call<'_>, row: usize, as_text: bool) -> Result<Value> {
    let text = whole(call, row)?;
    let json = parse(&text)?;
    let index = call.int(1, row).unwrap_or(0);
    let scalar = !matches!(json.kind, Kind::Array(_) | Kind::Object(_));
    if scalar && matches!(index, 0 | -1) {
        return Ok(given(Some(&json), as_text));
    }
    Ok(given(json.item(index), as_text))
}

fn walk(json: &Json<'_>, path: &[Option<String>], as_text: bool) -> Value {
    let mut at = Some(json);
    for step in path {
        at = match (at, step) {
            (Some(json), Some(step)) => json.step(step),
            _ => None,
        };
    }
    given(at, as_text)
}

fn path(call: &Call<'_>, row: usize, as_text: bool) -> Result<Value> {
    let text = whole(call, row)?;
    Ok(walk(&parse(&text)?, &texts(call, 1, row)?, as_text))
}

fn steps(call: &Call<'_>, row: usize, as_text: bool) -> Result<Value> {
    let text = whole(call, row)?;
    let path: Vec<Option<String>> = (1..call.len())
        .map(|arg| call.text(arg, row).map(str::to_owned))
        .collect();
    Ok(walk(&parse(&text)?, &path, as_text))
}

fn wrong(what: String) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, what)
}

fn array_length(call: &Call<'_>, row: usize, other: &str) -> Result<Value> {
    let text = whole(call, row)?;
    match parse_shape(&text)?.kind {
        Kind::Array(items) => Ok(super::arrays::int(items.len())),
        Kind::Object(_) => Err(wrong(format!("cannot get array length of {other}"))),
        _ => Err(wrong("cannot get array length of a scalar".into())),
    }
}

fn elements(call: &Call<'_>, row: usize, name: &str, as_text: bool) -> Result<Value> {
    let text = whole(call, row)?;
    let is_jsonb = name.starts_with("jsonb");
    match &parse(&text)?.kind {
        Kind::Array(items) => Ok(Value::List(
            items
                .iter()
                .map(|item| given(Some(item), as_text))
                .collect(),
        )),
        Kind::Object(_) if is_jsonb => Err(wrong("cannot extract elements from an object".into())),
        Kind::Object(_) => Err(wrong(format!("cannot call {name} on a non-array"))),
        _ if is_jsonb => Err(wrong("cannot extract elements from a scalar".into())),
        _ => Err(wrong(format!("cannot call {name} on a scalar"))),
    }
}

/// What of a field is wanted.
#[derive(Clone, Copy)]
enum Part {
    Key,
    Value,
    Text,
}

fn fields(call: &Call<'_>, row: usize, name: &str, part: Part) -> Result<Value> {
    let text = whole(call, row)?;
    let keys_only = name.ends_with("keys");
    match &parse(&text)?.kind {
        Kind::Object(fields) => Ok(Value::List(
            fields
                .iter()
                .map(|(key, value)| match part {
                    Part::Key => key.clone().into_owned().into(),
                    Part::Value => given(Some(value), false),
                    Part::Text => given(Some(value), true),
                })
                .collect(),
        )),
        Kind::Array(_) if keys_only => Err(wrong(format!("cannot call {name} on an array"))),
        _ if keys_only => Err(wrong(format!("cannot call {name} on a scalar"))),
        _ if name.starts_with("jsonb") => Err(wrong(format!("cannot call {name} on a non-object"))),
        Kind::Array(_) => Err(wrong("cannot deconstruct an array as an object".into())),
        _ => Err(wrong("cannot deconstruct a scalar".into())),
    }
}
