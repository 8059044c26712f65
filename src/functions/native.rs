//! DataFusion's own functions, under the names PostgreSQL has for them.
//!
//! A name that means something else in PostgreSQL is hidden: "does not exist" is better than
//! another answer.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

/// DataFusion functions that share nothing but their name with PostgreSQL's, or reach outside the
/// database.
const HIDDEN: &[&str] = &[
    // chrono's patterns, not PostgreSQL's.
    "to_char",
    "to_date",
    "to_timestamp",
    "to_time",
    "date_format",
    // Where rows came from is nobody's business but the engine's.
    "input_file_name",
    "file_row_index",
    "version",
];

/// DataFusion's aggregates that PostgreSQL has too.
pub(super) const AGGREGATES: &[&str] = &[
    "array_agg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "count",
    "every",
    "grouping",
    "max",
    "min",
];

/// PostgreSQL's name, DataFusion's name.
const ALIASES: &[(&str, &str)] = &[
    ("ceiling", "ceil"),
    ("every", "bool_and"),
    ("variance", "var_samp"),
    ("character_length", "char_length"),
];

fn by_name<T>(
    functions: Vec<Arc<T>>,
    name: fn(&T) -> &str,
    aliases: fn(&T) -> &[String],
) -> HashMap<String, Arc<T>>
where
    String: Hash,
{
    let mut map = HashMap::new();
    for function in functions {
        for alias in aliases(&function) {
            map.insert(alias.clone(), function.clone());
        }
        map.insert(name(&function).to_owned(), function);
    }
    for (postgres, datafusion) in ALIASES {
        if let Some(function) = map.get(*datafusion).cloned() {
            map.insert((*postgres).to_owned(), function);
        }
    }
    map.retain(|name, _| !HIDDEN.contains(&name.as_str()));
    map
}

static SCALAR: LazyLock<HashMap<String, Arc<ScalarUDF>>> = LazyLock::new(|| {
    by_name(
        SessionStateDefaults::default_scalar_functions(),
        ScalarUDF::name,
        ScalarUDF::aliases,
    )
});

static AGGREGATE: LazyLock<HashMap<String, Arc<AggregateUDF>>> = LazyLock::new(|| {
    by_name(
        SessionStateDefaults::default_aggregate_functions(),
        AggregateUDF::name,
        AggregateUDF::aliases,
    )
});

static WINDOW: LazyLock<HashMap<String, Arc<WindowUDF>>> = LazyLock::new(|| {
    by_name(
        SessionStateDefaults::default_window_functions(),
        WindowUDF::name,
        WindowUDF::aliases,
    )
});

pub(super) fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    SCALAR.get(name).cloned()
}

pub(super) fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    AGGREGATE.get(name).cloned()
}

pub(super) fn window(name: &str) -> Option<Arc<WindowUDF>> {
    WINDOW.get(name).cloned()
}
