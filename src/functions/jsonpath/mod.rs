//! The functions and operators that run SQL/JSON paths over jsonb.

mod condition;
mod item;
mod method;
mod moment;
mod run;

use std::cell::RefCell;
use std::rc::Rc;

use super::call::short::{BOOL, JSONB};
use super::call::{Call, functions};
use super::json_tree::Tree;
use super::jsonb::tree;
use super::resolve::Param;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::jsonpath::Path;
use run::{Run, Stop};

/// Paths kept per thread.
const KEPT: usize = 32;

thread_local! {
    static PATHS: RefCell<Vec<(String, Rc<Path>)>> = const { RefCell::new(Vec::new()) };
}

const PATH: Param = Param::Is(PgType::JSONPATH);
const JSONBS: PgType = PgType::of(3807);

macro_rules! overloads {
    ($vis:vis $list:ident: $($name:literal $volatility:ident $returns:expr, $body:expr;)*) => {
        functions! { $vis $list: $(
            $name $volatility {
                (JSONB, PATH) -> $returns, strict, $body;
                (JSONB, PATH, JSONB) -> $returns, strict, $body;
                (JSONB, PATH, JSONB, BOOL) -> $returns, strict, $body;
            }
        )* }
    };
}

overloads! { pub(super) LIST:
    "jsonb_path_exists" Immutable PgType::BOOL, |call, row| {
        exists(call, row, silent(call, row), false)
    };
    "jsonb_path_exists_tz" Stable PgType::BOOL, |call, row| {
        exists(call, row, silent(call, row), true)
    };
    "jsonb_path_exists_opr" Immutable PgType::BOOL, |call, row| exists(call, row, true, false);
    "jsonb_path_match" Immutable PgType::BOOL, |call, row| {
        matches(call, row, silent(call, row), false)
    };
    "jsonb_path_match_tz" Stable PgType::BOOL, |call, row| {
        matches(call, row, silent(call, row), true)
    };
    "jsonb_path_match_opr" Immutable PgType::BOOL, |call, row| matches(call, row, true, false);
    "jsonb_path_query[]" Immutable JSONBS, |call, row| query(call, row, false);
    "jsonb_path_query_tz[]" Stable JSONBS, |call, row| query(call, row, true);
    "jsonb_path_query_array" Immutable PgType::JSONB, |call, row| array(call, row, false);
    "jsonb_path_query_array_tz" Stable PgType::JSONB, |call, row| array(call, row, true);
    "jsonb_path_query_first" Immutable PgType::JSONB, |call, row| first(call, row, false);
    "jsonb_path_query_first_tz" Stable PgType::JSONB, |call, row| first(call, row, true);
}

fn path(text: &str) -> Result<Rc<Path>> {
    PATHS.with_borrow_mut(|paths| {
        if let Some(index) = paths.iter().position(|(known, _)| known == text) {
            paths[..=index].rotate_right(1);
            return Ok(paths[0].1.clone());
        }
        let new = Rc::new(Path::parse(text)?);
        paths.insert(0, (text.to_owned(), new.clone()));
        paths.truncate(KEPT);
        Ok(new)
    })
}

fn silent(call: &Call<'_>, row: usize) -> bool {
    call.bool(3, row).unwrap_or(false)
}

/// Runs a call's path and gives each item to `sink` until it has enough.
fn run(
    call: &Call<'_>,
    row: usize,
    zoned: bool,
    sink: &mut dyn FnMut(Tree) -> bool,
) -> std::result::Result<(), Stop> {
    let path = path(call.must_text(1, row))?;
    let document = tree(call, 0, row)?;
    let variables = match call.len() {
        3.. => Some(tree(call, 2, row)?),
        _ => None,
    };
    if let Some(variables) = &variables
        && !matches!(variables, Tree::Object(_))
    {
        return Err(Stop::Error(
            Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                "\"vars\" argument is not an object",
            )
            .detail("Jsonpath parameters should be encoded as key-value pairs of \"vars\" object."),
        ));
    }
    let mut run = Run::new(&path, &document, variables.as_ref(), zoned, call.context);
    run.all(&mut |item| Ok(sink(item.into_tree())))
}

/// What a run gives if it fails: nothing if nobody wants to hear of it.
fn failed(stop: Stop, silent: bool) -> Result<Value> {
    match stop {
        Stop::Error(error) => Err(error),
        Stop::Path(_) if silent => Ok(Value::Null),
        Stop::Path(error) => Err(error),
    }
}

fn exists(call: &Call<'_>, row: usize, silent: bool, zoned: bool) -> Result<Value> {
    // Strictly, errors behind the first item count too.
    let lax = path(call.must_text(1, row))?.lax;
    let mut found = false;
    let ran = run(call, row, zoned, &mut |_| {
        found = true;
        !lax
    });
    match ran {
        Ok(()) => Ok(found.into()),
        Err(stop) => failed(stop, silent),
    }
}

fn collected(call: &Call<'_>, row: usize, zoned: bool) -> Result<Option<Vec<Tree>>> {
    let mut items = Vec::new();
    let ran = run(call, row, zoned, &mut |item| {
        items.push(item);
        true
    });
    match ran {
        Ok(()) => Ok(Some(items)),
        // Silently a path that fails finds nothing.
        Err(stop) => failed(stop, silent(call, row)).map(|_| None),
    }
}

fn matches(call: &Call<'_>, row: usize, silent: bool, zoned: bool) -> Result<Value> {
    let mut items = Vec::new();
    let ran = run(call, row, zoned, &mut |item| {
        items.push(item);
        true
    });
    if let Err(stop) = ran {
        return failed(stop, silent);
    }
    match items.as_slice() {
        [Tree::Bool(value)] => Ok((*value).into()),
        [Tree::Null] => Ok(Value::Null),
        _ if silent => Ok(Value::Null),
        _ => Err(Error::new(
            SqlState::SINGLETON_SQL_JSON_ITEM_REQUIRED,
            "single boolean result is expected",
        )),
    }
}

fn text(tree: &Tree) -> String {
    let mut out = String::new();
    tree.write(&mut out);
    out
}

fn query(call: &Call<'_>, row: usize, zoned: bool) -> Result<Value> {
    let items = collected(call, row, zoned)?.unwrap_or_default();
    Ok(Value::List(
        items.iter().map(|item| text(item).into()).collect(),
    ))
}

fn array(call: &Call<'_>, row: usize, zoned: bool) -> Result<Value> {
    let items = collected(call, row, zoned)?.unwrap_or_default();
    Ok(text(&Tree::Array(items)).into())
}

fn first(call: &Call<'_>, row: usize, zoned: bool) -> Result<Value> {
    let items = collected(call, row, zoned)?.unwrap_or_default();
    Ok(items.first().map_or(Value::Null, |item| text(item).into()))
}
