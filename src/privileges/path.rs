//! `search_path` to schemas: which of its names a role may look into.

use super::has_privilege;
use crate::base::Oid;
use crate::catalog::{ObjectId, Privilege, SearchPath, Snapshot};

/// The path `names` stand for when `role` looks something up: [`SearchPath::new`] without the
/// schemas the role has no USAGE on.
pub fn search_path(
    snapshot: &Snapshot,
    role: Oid,
    names: &[String],
    temporary: Option<Oid>,
) -> SearchPath {
    SearchPath::new(snapshot, names, role, temporary, |schema| {
        let schema = ObjectId::Schema(schema);
        has_privilege(snapshot, role, schema, Privilege::Usage)
    })
}
