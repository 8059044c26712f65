//! GRANT and REVOKE as functions over access control lists.

use crate::base::error::Report;
use crate::base::{Oid, Result};
use crate::catalog::{Acl, ObjectId, Privileges, Snapshot};

/// The list an object of this kind has before anybody granted anything (PostgreSQL's `acldefault`).
pub fn default_acl(snapshot: &Snapshot, object: ObjectId) -> Acl {
    let _ = (snapshot, object);
    todo!()
}

/// The list after `role` granted `privileges` (`None`: ALL) on `object` to each grantee (`Oid::INVALID`: PUBLIC).
/// The grantor is the owner if `role` has the owner's rights, else `role` itself by its grant options.
///
/// # Errors
/// `42501` if `role` has no grant option for any of them; a warning report for those it lacks, as in PostgreSQL.
/// `0LP01` for a privilege the kind does not have.
pub fn grant(
    snapshot: &Snapshot,
    role: Oid,
    object: ObjectId,
    privileges: Option<Privileges>,
    grantees: &[Oid],
    grant_option: bool,
) -> Result<(Acl, Vec<Report>)> {
    let _ = (snapshot, role, object, privileges, grantees, grant_option);
    todo!()
}

/// The list after REVOKE [GRANT OPTION FOR] … [CASCADE].
///
/// # Errors
/// `2BP01` if grants depend on it and not `cascade`; else as [`grant`].
pub fn revoke(
    snapshot: &Snapshot,
    role: Oid,
    object: ObjectId,
    privileges: Option<Privileges>,
    grantees: &[Oid],
    grant_option_only: bool,
    cascade: bool,
) -> Result<(Acl, Vec<Report>)> {
    let _ = (
        snapshot,
        role,
        object,
        privileges,
        grantees,
        grant_option_only,
        cascade,
    );
    todo!()
}
