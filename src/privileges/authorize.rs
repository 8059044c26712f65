//! The one check.

use super::Need;
use crate::base::{Oid, Result};
use crate::catalog::{ObjectId, Privilege, Snapshot};

/// A value that may be executed or committed. The field is private and there is no other constructor than
/// [`authorize`].
#[derive(Debug)]
pub struct Authorized<T> {
    value: T,
}

impl<T> Authorized<T> {
    /// The permitted value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Takes the value out, to execute it.
    pub fn into_inner(self) -> T {
        self.value
    }
}

/// Permits `value` if every need is met in `snapshot`.
///
/// # Errors
/// `42501`, naming the object; DETAIL names the owner and HINT the grant that would help.
pub fn authorize<T>(snapshot: &Snapshot, needs: &[Need], value: T) -> Result<Authorized<T>> {
    let _ = (snapshot, needs, &value);
    todo!()
}

/// Whether `role` holds `privilege` on `object`: as superuser, owner, grantee, through PUBLIC or a role it inherits.
pub fn has_privilege(
    snapshot: &Snapshot,
    role: Oid,
    object: ObjectId,
    privilege: Privilege,
) -> bool {
    let _ = (snapshot, role, object, privilege);
    todo!()
}

/// Whether `role` may be told of `object`: it has USAGE on the schema and some privilege on the object.
pub fn may_see(snapshot: &Snapshot, role: Oid, object: ObjectId) -> bool {
    let _ = (snapshot, role, object);
    todo!()
}
