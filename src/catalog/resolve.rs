//! Names to objects over a search path.

use std::sync::Arc;

use super::{Relation, Snapshot};
use crate::base::{Oid, Result};

/// The schemas unqualified names are looked up in, in order, already expanded (`"$user"`), without those that do not
/// exist or that the role has no USAGE on. Includes the session's temporary schema and `pg_catalog` where PostgreSQL
/// looks there implicitly.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SearchPath {
    /// Schemas, implicit ones included, in look-up order.
    pub lookup: Vec<Oid>,
    /// The schema new objects go to: the first named one that exists.
    pub creation: Option<Oid>,
    /// The session's temporary schema, if it has made one.
    pub temporary: Option<Oid>,
}

impl Snapshot {
    /// The relation `name` means: in `schema` if one is given, else first found along the path. `pg_temp` names the
    /// session's temporary schema.
    ///
    /// # Errors
    /// `42P01` no such relation, `3F000` no such schema.
    pub fn resolve_relation(
        &self,
        path: &SearchPath,
        schema: Option<&str>,
        name: &str,
    ) -> Result<&Arc<Relation>> {
        let _ = (path, schema, name);
        todo!()
    }

    /// The schema a new object goes to: `schema` if given, else the path's creation schema.
    ///
    /// # Errors
    /// `3F000` no such schema, or "no schema has been selected to create in".
    pub fn resolve_creation_schema(&self, path: &SearchPath, schema: Option<&str>) -> Result<Oid> {
        let _ = (path, schema);
        todo!()
    }
}
