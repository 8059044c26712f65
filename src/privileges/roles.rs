//! Membership closures (PostgreSQL's `is_member_of_role` and `has_privs_of_role`).

use std::collections::BTreeSet;

use crate::base::Oid;
use crate::catalog::Snapshot;

/// Whether `role` is `of`, is a member of it directly or indirectly, or is superuser.
pub fn is_member(snapshot: &Snapshot, role: Oid, of: Oid) -> bool {
    let _ = (snapshot, role, of);
    todo!()
}

/// Whether `role` has the privileges of `of` without SET ROLE: as [`is_member`], but following INHERIT roles only.
pub fn has_privileges_of(snapshot: &Snapshot, role: Oid, of: Oid) -> bool {
    let _ = (snapshot, role, of);
    todo!()
}

/// Every role whose privileges `role` has, itself included.
pub fn privileges_roles(snapshot: &Snapshot, role: Oid) -> BTreeSet<Oid> {
    let _ = (snapshot, role);
    todo!()
}
