//! Functions that return sets.
//!
//! One of a single column is a scalar function that gives an array, under a name ending in `[]`
//! that nobody writes; the binder unnests it, in FROM and in a select list alike. One of several
//! columns is a table made when it is bound, so its arguments must be constants.

use std::sync::{Arc, LazyLock};

use arrow::array::Array;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;

use super::call::short::{ANYARRAY, BOOL, INT, REGCLASS, TEXT};
use super::call::{Call, functions};
use super::partition;
use super::resolve::Returns;
use super::text::TEXTS;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::{Value, value};
use crate::types::PgType;

/// `regclass[]`
const REGCLASSES: PgType = PgType::of(2210);
/// `integer[]`
const INTEGERS: PgType = PgType::of(1007);
/// `boolean[]`
const BOOLEANS: PgType = PgType::of(1000);

functions! { pub(super) LIST:
    "pg_partition_tree.relid" Stable { (REGCLASS) -> REGCLASSES, strict, partition::tree_relid; }
    "pg_partition_tree.parentrelid" Stable {
        (REGCLASS) -> REGCLASSES, strict, partition::tree_parent;
    }
    "pg_partition_tree.isleaf" Stable { (REGCLASS) -> BOOLEANS, strict, partition::tree_leaf; }
    "pg_partition_tree.level" Stable { (REGCLASS) -> INTEGERS, strict, partition::tree_level; }
    "pg_partition_ancestors[]" Stable { (REGCLASS) -> REGCLASSES, strict, partition::ancestors; }
    "information_schema._pg_expandarray.n" Immutable {
        (ANYARRAY) -> INTEGERS, strict, |call, row| {
            let size = super::arrays::flat(call, 0, row).map_or(0, |all| all.len());
            Ok((1..=i64::try_from(size).unwrap_or(0)).collect::<Vec<_>>().into())
        };
    }
    "information_schema._pg_expandarray.x" Immutable {
        (ANYARRAY) => Returns::Like(0), strict, |call, row| {
            super::arrays::flat(call, 0, row).map_or(Ok(Value::Null), super::arrays::list)
        };
    }
    "pg_listening_channels[]" Stable {
        () -> TEXTS, strict, |call, _| Ok(call.context.listening.as_ref().clone().into());
    }
    "generate_subscripts[]" Immutable {
        (ANYARRAY, INT) -> INTEGERS, strict, subscripts;
        (ANYARRAY, INT, BOOL) -> INTEGERS, strict, subscripts;
    }
    "string_to_table[]" Immutable {
        (TEXT, TEXT) -> TEXTS, loose, super::text::string_to_array;
        (TEXT, TEXT, TEXT) -> TEXTS, loose, super::text::string_to_array;
    }
}

/// DataFusion's `generate_series` as a function that gives an array.
pub(super) const SERIES_ARRAY: &str = "generate_series[]";

/// The name of the array-valued function behind a set-returning one.
pub(super) fn array_name(name: &str) -> Option<String> {
    let array = format!("{name}[]");
    (array == SERIES_ARRAY || super::OURS.contains_key(array.as_str())).then_some(array)
}

fn subscripts(call: &Call<'_>, row: usize) -> Result<Value> {
    let mut list: Vec<i64> = super::arrays::places(call, row).collect();
    if call.bool(2, row) == Some(true) {
        list.reverse();
    }
    Ok(list.into())
}

/// PostgreSQL 15's keywords: word, category, whether it may stand as a bare column label.
static KEYWORDS: LazyLock<Vec<Vec<&'static str>>> = LazyLock::new(|| {
    include_str!("../../sql/pg_catalog/pg_get_keywords.tsv")
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect())
        .collect()
});

/// Functions of several columns.
pub(super) const TABLES: &[&str] = &["pg_get_keywords", "pg_options_to_table"];

/// The rows of a function of several columns; `None` if there is no such function.
pub(super) fn table(name: &str, args: &[ScalarValue]) -> Option<Result<RecordBatch>> {
    match (name, args) {
        ("pg_get_keywords", []) => {
            let column = |index: usize| {
                KEYWORDS
                    .iter()
                    .map(|line| line.get(index).copied().unwrap_or_default().into())
                    .collect::<Vec<Value>>()
            };
            let label = column(2)
                .into_iter()
                .map(|value| (value == Value::from("t")).into())
                .collect();
            Some(batch(&[
                ("word", PgType::TEXT, column(0)),
                ("catcode", PgType::CHAR, column(1)),
                ("barelabel", PgType::BOOL, label),
                ("catdesc", PgType::TEXT, column(3)),
                ("baredesc", PgType::TEXT, column(4)),
            ]))
        }
        ("pg_options_to_table", [options]) => Some(texts(options).and_then(|options| {
            let split = |option: &String| match option.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (option.clone(), None),
            };
            let (names, values): (Vec<_>, Vec<_>) = options.iter().map(split).unzip();
            batch(&[
                (
                    "option_name",
                    PgType::TEXT,
                    names.into_iter().map(Value::from).collect(),
                ),
                (
                    "option_value",
                    PgType::TEXT,
                    values.into_iter().map(Value::from).collect(),
                ),
            ])
        })),
        _ => None,
    }
}

/// The elements of a constant `text[]`; none for NULL.
fn texts(scalar: &ScalarValue) -> Result<Vec<String>> {
    use arrow::array::AsArray;
    if scalar.is_null() {
        return Ok(Vec::new());
    }
    let wrong = || {
        Error::new(
            SqlState::DATATYPE_MISMATCH,
            "argument must be an array of text",
        )
    };
    let array = scalar.to_array().map_err(|_| wrong())?;
    let list = array.as_list_opt::<i32>().ok_or_else(wrong)?.value(0);
    let list =
        arrow::compute::cast(&list, &arrow::datatypes::DataType::Utf8View).map_err(|_| wrong())?;
    let list = list.as_string_view();
    Ok((0..list.len())
        .filter(|row| list.is_valid(*row))
        .map(|row| list.value(row).to_owned())
        .collect())
}

fn batch(columns: &[(&str, PgType, Vec<Value>)]) -> Result<RecordBatch> {
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, ty, _)| ty.field(name, true))
        .collect();
    let arrays = columns
        .iter()
        .map(|(_, ty, values)| value::array(*ty, values))
        .collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|error| Error::internal("making a table function's rows", error))
}
