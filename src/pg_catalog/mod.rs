//! Looking like PostgreSQL: system relations over a snapshot.
//!
//! A few base relations are built in Rust ([`relations`]); everything else is a view over them, one file each under
//! `sql/pg_catalog`, `sql/information_schema` and `sql/commons`.

pub mod names;
pub mod relations;

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use crate::base::{Oid, Result};
use crate::catalog::Column;
use crate::statement::StatementContext;

/// A system relation.
#[derive(Debug, Clone)]
pub struct SystemRelation {
    /// PostgreSQL's own OID (1259 for pg_class).
    pub oid: Oid,
    /// `pg_catalog`, `information_schema` or `commons`.
    pub schema: Oid,
    /// Name.
    pub name: &'static str,
    /// How its rows come about.
    pub body: SystemBody,
}

/// How a system relation's rows come about.
#[derive(Debug, Clone)]
pub enum SystemBody {
    /// Built from the snapshot in Rust.
    Base(Arc<[Column]>),
    /// A SELECT over other system relations, from `sql/`. Read with the rights of the bootstrap superuser.
    View(&'static str),
}

/// System relation by schema and name. System relations are in no snapshot: they are the same at every version.
pub fn find(schema: Oid, name: &str) -> Option<&'static SystemRelation> {
    let _ = (schema, name);
    todo!()
}

/// Every system relation.
pub fn all() -> &'static [SystemRelation] {
    todo!()
}

/// The rows of a base relation, as the statement's session sees them. Columns typed by `ty.data_type()`.
///
/// # Errors
/// `XX000` if a relation cannot be built.
pub fn rows(relation: &SystemRelation, context: &StatementContext) -> Result<RecordBatch> {
    let _ = (relation, context);
    todo!()
}
