//! Assigning to a part of jsonb: `UPDATE t SET j['a'][0] = '1'`. Unlike `jsonb_set`, whatever is on
//! the way there and is not there yet is made: arrays where a subscript is a number, else objects.

use super::call::short::{BOOL, JSONB, TEXTS};
use super::call::{Call, functions};
use super::json_tree::{Tree, insert, position};
use super::jsonb::{element_number, texts, tree};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

/// The value, what is put in, whether the first subscript is an integer, and the subscripts.
pub(crate) const SET: &str = "\0jsonb with a part";

functions! { pub(super) LIST:
    "\0jsonb with a part" Immutable { (JSONB, JSONB, BOOL, TEXTS) -> PgType::JSONB, loose, set; }
}

fn set(call: &Call<'_>, row: usize) -> Result<Value> {
    let mut path = Vec::new();
    for step in texts(call, 3, row)? {
        path.push(step.ok_or_else(|| {
            Error::new(
                SqlState::NULL_VALUE_NOT_ALLOWED,
                "jsonb subscript in assignment must not be null",
            )
        })?);
    }
    let value = match call.null(1, row) {
        true => Tree::Null,
        false => tree(call, 1, row)?,
    };
    let target = match (call.null(0, row), call.bool(2, row)) {
        (false, _) => tree(call, 0, row)?,
        (true, Some(true)) => Tree::Array(Vec::new()),
        (true, _) => Tree::Object(Vec::new()),
    };
    let mut out = String::new();
    with(target, &path, 0, value)?.write(&mut out);
    Ok(out.into())
}

/// `tree` with `value` at a path.
fn with(tree: Tree, path: &[String], depth: usize, value: Tree) -> Result<Tree> {
    let Some(step) = path.get(depth) else {
        return Ok(value);
    };
    match tree {
        Tree::Object(mut fields) => {
            match fields.iter().position(|(key, _)| key == step) {
                Some(at) => {
                    let inner = std::mem::replace(&mut fields[at].1, Tree::Null);
                    fields[at].1 = with(inner, path, depth + 1, value)?;
                }
                None => insert(&mut fields, step, made(&path[depth + 1..], value)),
            }
            Ok(Tree::Object(fields))
        }
        Tree::Array(mut items) => {
            let index = element_number(step, depth)?;
            match position(index, items.len()) {
                Some(at) => {
                    let inner = std::mem::replace(&mut items[at], Tree::Null);
                    items[at] = with(inner, path, depth + 1, value)?;
                }
                None if index < 0 => {
                    return Err(Error::new(
                        SqlState::INVALID_PARAMETER_VALUE,
                        format!(
                            "path element at position {} is out of range: {index}",
                            depth + 1
                        ),
                    ));
                }
                None => {
                    fill(&mut items, index);
                    items.push(made(&path[depth + 1..], value));
                }
            }
            Ok(Tree::Array(items))
        }
        Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::String(_) => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "cannot replace existing key",
        )
        .detail("The path assumes key is a composite object, but it is a scalar value.")),
    }
}

/// Elements an array may be filled up to.
const ITEMS_MAX: i64 = 10_000_000;

fn fill(items: &mut Vec<Tree>, index: i64) {
    let index = usize::try_from(index.min(ITEMS_MAX)).unwrap_or(0);
    if index > items.len() {
        items.resize(index, Tree::Null);
    }
}

/// What is at the start of a path that ends with `value`.
fn made(path: &[String], value: Tree) -> Tree {
    path.iter()
        .rev()
        .fold(value, |value, step| match step.parse::<i32>() {
            Ok(index) => {
                let mut items = Vec::new();
                fill(&mut items, index.into());
                items.push(value);
                Tree::Array(items)
            }
            Err(_) => Tree::Object(vec![(step.clone(), value)]),
        })
}
