//! `search_path` to schemas: which of its names a role may look into.

use super::has_privilege;
use crate::base::Oid;
use crate::catalog::{ObjectId, Privilege, SearchPath, Snapshot};

/// The path `names` stand for when `role` looks something up: `"$user"` is the role's own schema, `pg_temp` the session's
/// `temporary` one; names of no schema, or of one the role has no USAGE on, are left out. As in PostgreSQL, the
/// temporary schema and `pg_catalog` come first unless the names say where.
pub fn search_path(
    snapshot: &Snapshot,
    role: Oid,
    names: &[String],
    temporary: Option<Oid>,
) -> SearchPath {
    let user = snapshot.role(role).map(|role| role.name.as_str());
    let mut named = Vec::with_capacity(names.len() + 2);
    for name in names {
        let found = match name.as_str() {
            "$user" => user.and_then(|user| snapshot.schema_named(user)),
            "pg_temp" => temporary.and_then(|oid| snapshot.schema(oid)),
            name => snapshot.schema_named(name),
        };
        let Some(schema) = found else { continue };
        let usable = Some(schema.oid) == temporary
            || has_privilege(
                snapshot,
                role,
                ObjectId::Schema(schema.oid),
                Privilege::Usage,
            );
        if usable && !named.contains(&schema.oid) {
            named.push(schema.oid);
        }
    }
    let creation = named.first().copied();
    if !named.contains(&Oid::PG_CATALOG) {
        named.insert(0, Oid::PG_CATALOG);
    }
    if let Some(temporary) = temporary
        && !named.contains(&temporary)
    {
        named.insert(0, temporary);
    }
    SearchPath {
        lookup: named,
        creation,
        temporary,
    }
}
