//! Looking like PostgreSQL: system relations over a snapshot.
//!
//! The shape of every relation (PostgreSQL 15's columns, types, OIDs) is in `sql/relations.tsv`.
//! Base relations are filled in Rust ([`relations`]); others are views over them, one file each
//! under `sql/pg_catalog`, `sql/information_schema` and `sql/commons`; what commons has no concept
//! of (operator classes, publications, …) is there, typed and empty.

mod casts;
mod data;
pub mod family;
pub mod layout;
pub mod names;
mod operators;
pub mod relations;
#[cfg(test)]
pub(crate) mod tests;
pub mod value;
mod views;
pub mod volatility;

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;

use crate::base::{Oid, Result};
use crate::catalog::Column;
use crate::statement::StatementContext;

pub use casts::{CastContext, cast_context, is_same_bits};
pub use operators::{Operator, behind, operator_oid};
pub use relations::access::{OperatorClass, operator_class, order_class};
pub use relations::types::{
    collation as collation_name, collation_named, collation_of, is_toastable, sent_by,
};
pub use value::Value;

/// What PostgreSQL's own functions of a name take.
pub fn functions_named(name: &str) -> Vec<Vec<Oid>> {
    relations::functions::by_name(name)
        .into_iter()
        .map(|(_, function)| function.arguments.clone())
        .collect()
}

/// Whether PostgreSQL's own functions of a name, of which there are some, give sets.
pub fn is_set_returning(name: &str) -> bool {
    let named = relations::functions::by_name(name);
    !named.is_empty() && named.iter().all(|(_, function)| function.set)
}

/// PostgreSQL's own function of a name and arguments, and what it gives.
pub fn function(name: &str, takes: &[Oid]) -> Option<(Oid, Oid)> {
    let mut named = relations::functions::by_name(name).into_iter();
    let (oid, function) = named.find(|(_, function)| function.arguments == takes)?;
    Some((oid, function.result))
}

/// A system relation.
#[derive(Debug, Clone)]
pub struct SystemRelation {
    /// PostgreSQL's own OID (1259 for pg_class).
    pub oid: Oid,
    /// `pg_catalog`, `information_schema` or `commons`.
    pub schema: Oid,
    /// Name.
    pub name: &'static str,
    /// `pg_class.relkind`: `r` or `v`, as in PostgreSQL, whatever [`SystemRelation::body`] is.
    pub kind: char,
    /// OID of the row type.
    pub row_type: Oid,
    /// OID of the array type over the row type.
    pub row_array: Oid,
    /// Its columns as clients are told of them.
    pub columns: Arc<[Column]>,
    /// How its rows come about.
    pub body: SystemBody,
    /// Fills a base relation; one without is empty.
    source: Option<relations::Source>,
}

/// How a system relation's rows come about.
#[derive(Debug, Clone)]
pub enum SystemBody {
    /// Built from the snapshot in Rust.
    Base(Arc<[Column]>),
    /// A SELECT over other system relations, from `sql/`. Read with the rights of the bootstrap
    /// superuser.
    View(&'static str),
}

/// Who may read a system relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Everybody.
    Everybody,
    /// Superusers, and those with the privileges of a predefined role if one is for that.
    Only(Option<&'static str>),
}

impl SystemRelation {
    /// Who may read it, as in PostgreSQL.
    pub fn readers(&self) -> Readers {
        match self.name {
            "pg_authid"
            | "pg_config"
            | "pg_file_settings"
            | "pg_hba_file_rules"
            | "pg_ident_file_mappings"
            | "pg_largeobject"
            | "pg_replication_origin_status"
            | "pg_shadow"
            | "pg_statistic"
            | "pg_statistic_ext_data"
            | "pg_user_mapping" => Readers::Only(None),
            "pg_backend_memory_contexts" | "pg_shmem_allocations" => {
                Readers::Only(Some("pg_read_all_stats"))
            }
            // PostgreSQL grants these to nobody.
            "sql_parts" | "transforms" => Readers::Only(None),
            name if name.starts_with("_pg_") => Readers::Only(None),
            _ => Readers::Everybody,
        }
    }

    /// `table` or `view`, for messages.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            'v' => "view",
            _ => "table",
        }
    }

    /// Whether it never has a row: a relation for what commons has no concept of.
    pub fn is_always_empty(&self) -> bool {
        matches!(self.body, SystemBody::Base(_)) && self.source.is_none()
    }

    /// The Arrow schema of [`rows`]. Every column may be NULL as far as the planner is concerned:
    /// it gains nothing from knowing otherwise of so few rows.
    pub fn arrow_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.columns
                .iter()
                .map(|column| column.ty.field(&column.name, true))
                .collect::<Vec<_>>(),
        ))
    }
}

/// System relation by schema and name. System relations are in no snapshot: they are the same at
/// every version.
pub fn find(schema: Oid, name: &str) -> Option<&'static SystemRelation> {
    layout::find(schema, name)
}

/// Every system relation.
pub fn all() -> &'static [SystemRelation] {
    &layout::ALL
}

/// The rows of a base relation, as the statement's session sees them. Columns typed by
/// `ty.data_type()`.
///
/// # Errors
/// `XX000` if a relation cannot be built.
pub fn rows(relation: &SystemRelation, context: &StatementContext) -> Result<RecordBatch> {
    match relation.source {
        Some(source) => source.rows(relation, context),
        None => Ok(RecordBatch::new_empty(relation.arrow_schema())),
    }
}
