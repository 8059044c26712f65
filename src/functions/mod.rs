//! Functions commons adds to DataFusion's: PostgreSQL's, and the team's verbs.
//!
//! A function that needs to know who asks is made per statement and holds its [`StatementContext`].

use std::sync::Arc;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

use crate::base::Oid;
use crate::statement::StatementContext;

/// What `pg_proc` shows of a function.
#[derive(Debug, Clone)]
pub struct FunctionInfo {
    /// PostgreSQL's OID where it has one.
    pub oid: Oid,
    /// Name.
    pub name: String,
    /// Schema.
    pub schema: Oid,
}

/// Scalar function by name (already folded, without `pg_catalog.`).
pub fn scalar(context: &Arc<StatementContext>, name: &str) -> Option<Arc<ScalarUDF>> {
    let _ = (context, name);
    todo!()
}

/// Aggregate function by name.
pub fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    let _ = name;
    todo!()
}

/// Window function by name.
pub fn window(name: &str) -> Option<Arc<WindowUDF>> {
    let _ = name;
    todo!()
}
