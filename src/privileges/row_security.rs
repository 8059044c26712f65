//! Whom row security is for, and which policies.

use super::roles::{has_privileges_of, is_superuser};
use crate::base::Oid;
use crate::catalog::{Policy, PolicyCommand, Relation, Snapshot};

/// Policies that apply to somebody.
#[derive(Debug, Default)]
pub struct Policies<'a> {
    /// One of these must let a row through.
    pub permissive: Vec<&'a Policy>,
    /// All of these must.
    pub restrictive: Vec<&'a Policy>,
}

/// Whether a table's policies say which of its rows are for `role`. They do not for superusers, for
/// roles with BYPASSRLS, and for the table's owner unless it is FORCEd.
pub fn is_limited(snapshot: &Snapshot, role: Oid, relation: &Relation) -> bool {
    relation.row_security.enabled
        && !is_superuser(snapshot, role)
        && !snapshot
            .role(role)
            .is_some_and(|role| role.bypass_row_security)
        && (relation.row_security.forced || !has_privileges_of(snapshot, role, relation.owner))
}

/// The policies of a table for what `role` does.
pub fn policies<'a>(
    snapshot: &Snapshot,
    role: Oid,
    relation: &'a Relation,
    command: PolicyCommand,
) -> Policies<'a> {
    let mut found = Policies::default();
    for policy in &relation.row_security.policies {
        let is_for = policy.roles.is_empty()
            || policy
                .roles
                .iter()
                .any(|of| has_privileges_of(snapshot, role, *of));
        if is_for && (policy.command == PolicyCommand::All || policy.command == command) {
            match policy.permissive {
                true => found.permissive.push(policy),
                false => found.restrictive.push(policy),
            }
        }
    }
    found
}
