//! Operators and functions that change or compare jsonb.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;

use super::call::short::{BOOL, INT, JSON, JSONB, TEXT, TEXTS};
use super::call::{Call, functions};
use super::json_tree::{Json, Kind, Tree, insert, parse, position};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::text::parse_column;

functions! { pub(super) LIST:
    "jsonb_delete" Immutable {
        (JSONB, TEXT) -> PgType::JSONB, strict, without_name;
        (JSONB, TEXTS) -> PgType::JSONB, strict, without_names;
        (JSONB, INT) -> PgType::JSONB, strict, without_item;
    }
    "jsonb_concat" Immutable { (JSONB, JSONB) -> PgType::JSONB, strict, joined; }
    "jsonb_contains" Immutable {
        (JSONB, JSONB) -> PgType::BOOL, strict, |call, row| contains(call, row, 0, 1);
    }
    "jsonb_contained" Immutable {
        (JSONB, JSONB) -> PgType::BOOL, strict, |call, row| contains(call, row, 1, 0);
    }
    "jsonb_exists" Immutable {
        (JSONB, TEXT) -> PgType::BOOL, strict, |call, row| {
            let name = call.must_text(1, row);
            has(call, row, |names| names(name))
        };
    }
    "jsonb_exists_any" Immutable {
        (JSONB, TEXTS) -> PgType::BOOL, strict, |call, row| {
            let wanted = present(texts(call, 1, row)?);
            has(call, row, |names| wanted.iter().any(|name| names(name)))
        };
    }
    "jsonb_exists_all" Immutable {
        (JSONB, TEXTS) -> PgType::BOOL, strict, |call, row| {
            let wanted = present(texts(call, 1, row)?);
            has(call, row, |names| wanted.iter().all(|name| names(name)))
        };
    }
    "#-" Immutable { (JSONB, TEXTS) -> PgType::JSONB, strict, without_path; }
    "jsonb_delete_path" Immutable { (JSONB, TEXTS) -> PgType::JSONB, strict, without_path; }
    "jsonb_set" Immutable {
        (JSONB, TEXTS, JSONB) -> PgType::JSONB, strict, set;
        (JSONB, TEXTS, JSONB, BOOL) -> PgType::JSONB, strict, set;
    }
    "jsonb_set_lax" Immutable {
        (JSONB, TEXTS, JSONB) -> PgType::JSONB, loose, set_lax;
        (JSONB, TEXTS, JSONB, BOOL) -> PgType::JSONB, loose, set_lax;
        (JSONB, TEXTS, JSONB, BOOL, TEXT) -> PgType::JSONB, loose, set_lax;
    }
    "jsonb_insert" Immutable {
        (JSONB, TEXTS, JSONB) -> PgType::JSONB, strict, insert_at;
        (JSONB, TEXTS, JSONB, BOOL) -> PgType::JSONB, strict, insert_at;
    }
    "jsonb_pretty" Immutable {
        (JSONB) -> PgType::TEXT, strict, |call, row| {
            let mut out = String::new();
            tree(call, 0, row)?.write_pretty(0, &mut out);
            Ok(out.into())
        };
    }
    "jsonb_strip_nulls" Immutable {
        (JSONB) -> PgType::JSONB, strict, |call, row| shown(&stripped(tree(call, 0, row)?));
    }
    "json_strip_nulls" Immutable {
        (JSON) -> PgType::JSON, strict, |call, row| {
            let text = checked(call, 0, row, PgType::JSON)?;
            let mut out = String::new();
            write_stripped(&parse(&text)?, &mut out);
            Ok(out.into())
        };
    }
}

/// A json or jsonb argument's text. What is no value of that type yet is read as one.
pub(super) fn checked(call: &Call<'_>, arg: usize, row: usize, ty: PgType) -> Result<String> {
    let text = call.padded(arg, row).unwrap_or("null");
    if call.ty(arg).is_some_and(|is| is.oid == ty.oid) {
        return Ok(text.to_owned());
    }
    normal(call, text, ty)
}

/// Text read by the input function of json or jsonb.
pub(super) fn normal(call: &Call<'_>, text: &str, ty: PgType) -> Result<String> {
    use arrow::array::AsArray;
    let read = parse_column(
        &[Some(text)],
        ty,
        &call.context.style,
        call.context.transaction_time,
    )
    .map_err(|failed| failed.error)?;
    Ok(read.as_string_view().value(0).to_owned())
}

pub(super) fn tree(call: &Call<'_>, arg: usize, row: usize) -> Result<Tree> {
    Tree::parse(&checked(call, arg, row, PgType::JSONB)?)
}

/// The elements of a `text[]` argument.
pub(super) fn texts(call: &Call<'_>, arg: usize, row: usize) -> Result<Vec<Option<String>>> {
    use arrow::array::AsArray;
    let Some(list) = super::arrays::flat(call, arg, row) else {
        return Ok(Vec::new());
    };
    let list = arrow::compute::cast(&list, &arrow::datatypes::DataType::Utf8View)
        .map_err(|error| Error::internal("reading a path", error))?;
    Ok(list
        .as_string_view()
        .iter()
        .map(|text| text.map(str::to_owned))
        .collect())
}

fn present(texts: Vec<Option<String>>) -> Vec<String> {
    texts.into_iter().flatten().collect()
}

fn shown(tree: &Tree) -> Result<Value> {
    let mut out = String::new();
    tree.write(&mut out);
    Ok(out.into())
}

fn wrong(what: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, what.into())
}

pub(super) fn order(call: &Call<'_>, row: usize) -> Result<Ordering> {
    Ok(tree(call, 0, row)?.order(&tree(call, 1, row)?))
}

pub(super) fn contains(call: &Call<'_>, row: usize, outer: usize, inner: usize) -> Result<Value> {
    Ok(tree(call, outer, row)?
        .contains(&tree(call, inner, row)?)
        .into())
}

/// `||`: objects are merged, anything else is strung together as arrays.
pub(super) fn joined(call: &Call<'_>, row: usize) -> Result<Value> {
    let (a, b) = (tree(call, 0, row)?, tree(call, 1, row)?);
    let items = |tree: Tree| match tree {
        Tree::Array(items) => items,
        other => vec![other],
    };
    shown(&match (a, b) {
        (Tree::Object(mut fields), Tree::Object(more)) => {
            for (key, value) in more {
                insert(&mut fields, &key, value);
            }
            Tree::Object(fields)
        }
        (a, b) => {
            let mut all = items(a);
            all.extend(items(b));
            Tree::Array(all)
        }
    })
}

pub(super) fn without_name(call: &Call<'_>, row: usize) -> Result<Value> {
    let name = call.must_text(1, row);
    without(tree(call, 0, row)?, &[name.to_owned()])
}

pub(super) fn without_names(call: &Call<'_>, row: usize) -> Result<Value> {
    without(tree(call, 0, row)?, &present(texts(call, 1, row)?))
}

fn without(tree: Tree, names: &[String]) -> Result<Value> {
    shown(&match tree {
        Tree::Object(mut fields) => {
            fields.retain(|(key, _)| !names.contains(key));
            Tree::Object(fields)
        }
        Tree::Array(mut items) => {
            items.retain(|item| !matches!(item, Tree::String(text) if names.contains(text)));
            Tree::Array(items)
        }
        _ => return Err(wrong("cannot delete from scalar")),
    })
}

pub(super) fn without_item(call: &Call<'_>, row: usize) -> Result<Value> {
    match tree(call, 0, row)? {
        Tree::Array(mut items) => {
            if let Some(at) = position(call.int(1, row).unwrap_or(0), items.len()) {
                items.remove(at);
            }
            shown(&Tree::Array(items))
        }
        Tree::Object(_) => Err(wrong("cannot delete from object using integer index")),
        _ => Err(wrong("cannot delete from scalar")),
    }
}

/// Whether a name is a key, an element that is a string, or the string itself.
fn has(call: &Call<'_>, row: usize, test: impl Fn(&dyn Fn(&str) -> bool) -> bool) -> Result<Value> {
    let tree = tree(call, 0, row)?;
    let there = |name: &str| match &tree {
        Tree::Object(fields) => fields.iter().any(|(key, _)| key == name),
        Tree::Array(items) => items
            .iter()
            .any(|item| matches!(item, Tree::String(text) if text == name)),
        Tree::String(text) => text == name,
        _ => false,
    };
    Ok(test(&there).into())
}

/// What is to be done at the end of a path.
enum Change {
    /// Put a value there; where nothing is, only if asked to.
    Set(Tree, bool),
    /// Put a value beside what is there: after it, if true.
    Insert(Tree, bool),
    Delete,
}

/// The steps of a path.
fn path(call: &Call<'_>, row: usize) -> Result<Vec<Option<String>>> {
    texts(call, 1, row)
}

/// The number that a step of a path is to an array; `depth` steps are before it.
///
/// # Errors
/// `22P02`
pub(super) fn element_number(step: &str, depth: usize) -> Result<i64> {
    step.parse::<i32>().map(i64::from).map_err(|_| {
        Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!(
                "path element at position {} is not an integer: \"{step}\"",
                depth + 1
            ),
        )
    })
}

fn changed(tree: Tree, path: &[Option<String>], depth: usize, change: &Change) -> Result<Tree> {
    let Some((step, rest)) = path[depth..].split_first() else {
        return Ok(tree);
    };
    // Steps that are never taken may be NULL.
    let step = step.as_ref().ok_or_else(|| {
        Error::new(
            SqlState::NULL_VALUE_NOT_ALLOWED,
            format!("path element at position {} is null", depth + 1),
        )
    })?;
    let last = rest.is_empty();
    Ok(match tree {
        Tree::Object(mut fields) => {
            let at = fields.iter().position(|(key, _)| key == step);
            match (at, change) {
                (Some(at), Change::Delete) if last => {
                    fields.remove(at);
                }
                (Some(at), Change::Set(value, _)) if last => fields[at].1 = value.clone(),
                (Some(_), Change::Insert(..)) if last => {
                    return Err(wrong("cannot replace existing key")
                        .hint("Try using the function jsonb_set to replace key value."));
                }
                (Some(at), _) => {
                    let inner = std::mem::replace(&mut fields[at].1, Tree::Null);
                    fields[at].1 = changed(inner, path, depth + 1, change)?;
                }
                (None, Change::Set(value, true) | Change::Insert(value, _)) if last => {
                    insert(&mut fields, step, value.clone());
                }
                (None, _) => {}
            }
            Tree::Object(fields)
        }
        Tree::Array(mut items) => {
            let index = element_number(step, depth)?;
            let at = position(index, items.len());
            // Beyond either end a new element goes to that end.
            let end = if index < 0 { 0 } else { items.len() };
            match (at, change) {
                (Some(at), Change::Delete) if last => {
                    items.remove(at);
                }
                (Some(at), Change::Set(value, _)) if last => items[at] = value.clone(),
                (Some(at), Change::Insert(value, after)) if last => {
                    items.insert(at + usize::from(*after), value.clone());
                }
                (Some(at), _) => {
                    let inner = std::mem::replace(&mut items[at], Tree::Null);
                    items[at] = changed(inner, path, depth + 1, change)?;
                }
                (None, Change::Set(value, true) | Change::Insert(value, _)) if last => {
                    items.insert(end, value.clone());
                }
                (None, _) => {}
            }
            Tree::Array(items)
        }
        scalar => scalar,
    })
}

fn without_path(call: &Call<'_>, row: usize) -> Result<Value> {
    let tree = tree(call, 0, row)?;
    if tree.is_scalar() {
        return Err(wrong("cannot delete path in scalar"));
    }
    shown(&changed(tree, &path(call, row)?, 0, &Change::Delete)?)
}

fn set(call: &Call<'_>, row: usize) -> Result<Value> {
    let target = tree(call, 0, row)?;
    if target.is_scalar() {
        return Err(wrong("cannot set path in scalar"));
    }
    let create = call.bool(3, row).unwrap_or(true);
    let change = Change::Set(tree(call, 2, row)?, create);
    shown(&changed(target, &path(call, row)?, 0, &change)?)
}

fn set_lax(call: &Call<'_>, row: usize) -> Result<Value> {
    if call.null(0, row) || call.null(1, row) || (call.len() > 3 && call.null(3, row)) {
        return Ok(Value::Null);
    }
    if !call.null(2, row) {
        return set(call, row);
    }
    let treatment = match call.len() {
        5.. => call.text(4, row),
        _ => Some("use_json_null"),
    };
    let create = call.bool(3, row).unwrap_or(true);
    let target = tree(call, 0, row)?;
    match treatment {
        Some("raise_exception") => Err(Error::new(
            SqlState::NULL_VALUE_NOT_ALLOWED,
            "JSON value must not be null",
        )
        .detail("Exception was raised because null_value_treatment is \"raise_exception\".")
        .hint(
            "To avoid, either change the null_value_treatment argument or ensure that an SQL \
             NULL is not passed.",
        )),
        Some("use_json_null") => {
            let change = Change::Set(Tree::Null, create);
            shown(&changed(target, &path(call, row)?, 0, &change)?)
        }
        Some("delete_key") => shown(&changed(target, &path(call, row)?, 0, &Change::Delete)?),
        Some("return_target") => shown(&target),
        _ => Err(wrong(
            "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", \
             or \"raise_exception\"",
        )),
    }
}

fn insert_at(call: &Call<'_>, row: usize) -> Result<Value> {
    let target = tree(call, 0, row)?;
    if target.is_scalar() {
        return Err(wrong("cannot set path in scalar"));
    }
    let after = call.bool(3, row).unwrap_or(false);
    let change = Change::Insert(tree(call, 2, row)?, after);
    shown(&changed(target, &path(call, row)?, 0, &change)?)
}

fn stripped(tree: Tree) -> Tree {
    match tree {
        Tree::Object(fields) => Tree::Object(
            fields
                .into_iter()
                .filter(|(_, value)| *value != Tree::Null)
                .map(|(key, value)| (key, stripped(value)))
                .collect(),
        ),
        Tree::Array(items) => Tree::Array(items.into_iter().map(stripped).collect()),
        scalar => scalar,
    }
}

/// JSON without fields that are null, and without any blanks.
fn write_stripped(json: &Json<'_>, out: &mut String) {
    match &json.kind {
        Kind::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_stripped(item, out);
            }
            out.push(']');
        }
        Kind::Object(fields) => {
            out.push('{');
            let mut first = true;
            for (key, value) in fields {
                if matches!(value.kind, Kind::Null) {
                    continue;
                }
                if !first {
                    out.push(',');
                }
                first = false;
                super::json_tree::quoted(key, out);
                out.push(':');
                write_stripped(value, out);
            }
            out.push('}');
        }
        Kind::String(text) => super::json_tree::quoted(text, out),
        _ => out.push_str(json.raw),
    }
}

/// Text that compares as jsonb values do.
pub(crate) fn keys(array: &ArrayRef) -> Result<ArrayRef> {
    let cast = |array: &ArrayRef, to: &DataType| {
        arrow::compute::cast(array, to).map_err(|error| Error::internal("comparing jsonb", error))
    };
    let texts = cast(array, &DataType::Utf8View)?;
    let keys = texts
        .as_string_view()
        .iter()
        .map(|text| text.map(super::json_tree::key).transpose())
        .collect::<Result<StringArray>>()?;
    let keys: ArrayRef = Arc::new(keys);
    cast(&keys, &PgType::TEXT.data_type())
}
