//! Functions: PostgreSQL's that commons adds to DataFusion's, and the team's verbs.
//!
//! A function that needs to know who asks is made per statement and holds its [`StatementContext`].

mod call;
mod catalog;
mod description;
mod native;
mod privilege;
mod size;
mod system;
mod text;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

use call::{Bound, Function};

use crate::statement::StatementContext;

/// Our functions by name.
static OURS: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    [
        catalog::LIST,
        description::LIST,
        privilege::LIST,
        size::LIST,
        system::LIST,
        text::LIST,
    ]
    .into_iter()
    .flatten()
    .map(|function| (function.name, function))
    .collect()
});

/// Scalar function by name, already folded, without `pg_catalog.`; the team's verbs with their schema
/// (`commons.shutdown`).
pub fn scalar(context: &Arc<StatementContext>, name: &str) -> Option<Arc<ScalarUDF>> {
    match OURS.get(name) {
        Some(function) => Some(Arc::new(ScalarUDF::new_from_impl(Bound::new(
            function,
            context.clone(),
        )))),
        None => native::scalar(name),
    }
}

/// The same function, called by another statement: for a plan that was bound earlier. `None` if it is not one that
/// depends on who calls it.
pub fn rebind(context: &Arc<StatementContext>, function: &ScalarUDF) -> Option<Arc<ScalarUDF>> {
    let bound = function.inner().downcast_ref::<Bound>()?;
    Some(Arc::new(ScalarUDF::new_from_impl(Bound::new(
        bound.function,
        context.clone(),
    ))))
}

/// Aggregate function by name.
pub fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    native::aggregate(name)
}

/// Window function by name.
pub fn window(name: &str) -> Option<Arc<WindowUDF>> {
    native::window(name)
}
