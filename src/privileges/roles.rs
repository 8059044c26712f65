//! Membership closures (PostgreSQL's `is_member_of_role` and `has_privs_of_role`).

use std::collections::BTreeSet;

use crate::base::Oid;
use crate::catalog::{Role, Snapshot};

/// Which memberships a closure follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follow {
    /// All of them.
    All,
    /// Those of roles with INHERIT: their privileges come without SET ROLE.
    Inherited,
}

/// Whether `role` is superuser.
pub fn is_superuser(snapshot: &Snapshot, role: Oid) -> bool {
    snapshot.role(role).is_some_and(|role| role.superuser)
}

/// Whether `role` is `of`, is a member of it directly or indirectly, or is superuser.
pub fn is_member(snapshot: &Snapshot, role: Oid, of: Oid) -> bool {
    role == of || is_superuser(snapshot, role) || closure(snapshot, role, Follow::All).contains(&of)
}

/// Whether `role` has the privileges of `of` without SET ROLE: as [`is_member`], but following
/// INHERIT roles only.
pub fn has_privileges_of(snapshot: &Snapshot, role: Oid, of: Oid) -> bool {
    role == of
        || is_superuser(snapshot, role)
        || closure(snapshot, role, Follow::Inherited).contains(&of)
}

/// Every role whose privileges `role` has, itself included.
pub fn privileges_roles(snapshot: &Snapshot, role: Oid) -> BTreeSet<Oid> {
    closure(snapshot, role, Follow::Inherited)
}

/// Whether `role` may grant membership of `of`: superuser, or ADMIN OPTION, its own or one
/// inherited over any number of memberships (PostgreSQL's `is_admin_of_role`).
pub fn is_admin(snapshot: &Snapshot, role: Oid, of: Oid) -> bool {
    if is_superuser(snapshot, role) {
        return true;
    }
    let roles = closure(snapshot, role, Follow::All);
    snapshot
        .memberships()
        .any(|m| m.role == of && m.admin && roles.contains(&m.member))
}

fn closure(snapshot: &Snapshot, role: Oid, follow: Follow) -> BTreeSet<Oid> {
    let mut roles = BTreeSet::from([role]);
    let mut open = vec![role];
    while let Some(member) = open.pop() {
        if follow == Follow::Inherited && !snapshot.role(member).is_some_and(|role| role.inherit) {
            continue;
        }
        let explicit = snapshot
            .memberships()
            .filter(|m| m.member == member)
            .map(|m| m.role);
        // The database's owner is the one, implicit, member of pg_database_owner.
        let implicit = (member == snapshot.database().owner).then_some(Role::PG_DATABASE_OWNER);
        for group in explicit.chain(implicit) {
            if roles.insert(group) {
                open.push(group);
            }
        }
    }
    roles
}
