//! Functions: PostgreSQL's that commons adds to DataFusion's, and the team's verbs.
//!
//! A function that needs to know who asks is made per statement and holds its [`StatementContext`].

mod aggregate;
mod bytes;
mod call;
mod catalog;
mod definition;
mod description;
mod json;
mod math;
mod native;
mod pattern;
mod privilege;
mod regex;
mod sequence;
mod sets;
mod size;
mod sleep;
mod system;
mod text;
mod time;
mod to_char;
mod to_char_number;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, WindowUDF};

pub(crate) use call::scalar as scalar_value;
use call::{Bound, Function};

use crate::base::Result;
use crate::statement::StatementContext;

/// Our functions by name.
static OURS: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    [
        bytes::LIST,
        catalog::LIST,
        definition::LIST,
        description::LIST,
        json::LIST,
        math::LIST,
        privilege::LIST,
        regex::LIST,
        sequence::LIST,
        sets::LIST,
        size::LIST,
        system::LIST,
        text::LIST,
        time::LIST,
        to_char::LIST,
    ]
    .into_iter()
    .flatten()
    .map(|function| (function.name, function))
    .collect()
});

/// Scalar function by name, already folded, without `pg_catalog.`; the team's verbs with their
/// schema (`commons.shutdown`).
pub fn scalar(context: &Arc<StatementContext>, name: &str) -> Option<Arc<ScalarUDF>> {
    match OURS.get(name) {
        Some(function) => Some(Arc::new(ScalarUDF::new_from_impl(Bound::new(
            function,
            context.clone(),
        )))),
        None if name == sets::SERIES_ARRAY => native::scalar("generate_series"),
        None => sleep::scalar(name).or_else(|| native::scalar(name)),
    }
}

/// The same function, called by another statement: for a plan that was bound earlier. `None` if it
/// is not one that depends on who calls it.
pub fn rebind(context: &Arc<StatementContext>, function: &ScalarUDF) -> Option<Arc<ScalarUDF>> {
    let bound = function.inner().downcast_ref::<Bound>()?;
    Some(Arc::new(ScalarUDF::new_from_impl(Bound::new(
        bound.function,
        context.clone(),
    ))))
}

/// The name under which [`scalar`] gives the array-valued function behind a set-returning function
/// of one column (`generate_series`, `pg_partition_ancestors`), if `name` is one: the binder
/// unnests what it gives, in FROM and in a select list. The column takes the function's name.
pub fn set_as_array(name: &str) -> Option<String> {
    sets::array_name(name)
}

/// Function over a lambda (`array_transform`): what the binder makes of subqueries over an array's
/// elements. There is no SQL to write one.
pub fn higher_order(name: &str) -> Option<Arc<HigherOrderUDF>> {
    native::higher_order(name)
}

/// Whether a set-returning function of several columns (`pg_get_keywords`) has this name.
pub fn is_table(name: &str) -> bool {
    sets::TABLES.contains(&name)
}

/// The rows of a set-returning function of several columns, called with constants; `None` if there
/// is no such function.
pub fn table(name: &str, args: &[ScalarValue]) -> Option<Result<RecordBatch>> {
    sets::table(name, args)
}

/// DataFusion's own `sum`, which adds up smaller integers as bigint.
pub(crate) fn bigint_sum() -> Option<Arc<AggregateUDF>> {
    native::aggregate("sum")
}

/// Aggregate function by name.
pub fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    aggregate::exact(name).or_else(|| native::aggregate(name))
}

/// Window function by name.
pub fn window(name: &str) -> Option<Arc<WindowUDF>> {
    native::window(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let all: Vec<_> = OURS.keys().copied().chain(native::names()).collect();
        if let Ok(path) = std::env::var("PGCAT_NAMES") {
            std::fs::write(path, all.join("\n")).unwrap();
        }
    }
}
