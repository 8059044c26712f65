//! What a statement or a change needs, as a value.

use crate::base::Oid;
use crate::catalog::{Change, ObjectId, Privileges, Snapshot};

/// One thing that must be permitted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Need {
    /// `role` holds at least one of `any_of` on `object`.
    Privilege {
        /// Who.
        role: Oid,
        /// On what.
        object: ObjectId,
        /// Any of these suffices.
        any_of: Privileges,
    },
    /// `role` owns `object` (itself, or by membership), or is superuser.
    Owner {
        /// Who.
        role: Oid,
        /// What.
        object: ObjectId,
    },
    /// `role` is superuser; `to` completes "permission denied to …" / "must be superuser to …".
    Superuser {
        /// Who.
        role: Oid,
        /// For what.
        to: String,
    },
    /// `role` has CREATEROLE (or is superuser), and is superuser if `target` is one.
    CreateRole {
        /// Who.
        role: Oid,
        /// The role concerned, if it exists.
        target: Option<Oid>,
    },
    /// `role` may SET ROLE to, or give ownership to, `target`.
    MemberOf {
        /// Who.
        role: Oid,
        /// Member of what.
        target: Oid,
    },
    /// `role` has the privileges of a predefined role, e.g. `pg_read_server_files`.
    Predefined {
        /// Who.
        role: Oid,
        /// Name of the predefined role.
        of: &'static str,
        /// For what; completes "permission denied to …".
        to: String,
    },
}

/// What making `change` needs when asked for by `role`, against the snapshot it will be applied to.
pub fn needs_of(snapshot: &Snapshot, role: Oid, change: &Change) -> Vec<Need> {
    let _ = (snapshot, role, change);
    todo!()
}
