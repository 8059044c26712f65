//! What a role holds on an object, and what of it it may grant on (PostgreSQL's `aclmask`).

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::grant::default_acl;
use super::roles::{is_superuser, privileges_roles};
use crate::base::Oid;
use crate::catalog::{Acl, ObjectId, Privilege, Privileges, Role, Snapshot};

/// Privileges held and, apart, those among them that may be granted on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mask {
    pub(super) held: Privileges,
    pub(super) grantable: Privileges,
}

impl Mask {
    fn add(&mut self, privileges: Privileges, grantable: Privileges) {
        self.held = self.held.union(privileges);
        self.grantable = self.grantable.union(grantable);
    }
}

/// Everything an object of this kind has.
pub(super) fn all_of(snapshot: &Snapshot, object: ObjectId) -> Privileges {
    match object {
        ObjectId::Database => Privileges::DATABASE,
        ObjectId::Schema(_) => Privileges::SCHEMA,
        ObjectId::Relation(oid) => match snapshot.relation(oid) {
            Some(relation) if relation.sequence().is_some() => Privileges::SEQUENCE,
            Some(_) | None => Privileges::RELATION,
        },
        ObjectId::Routine(_) => Privileges::ROUTINE,
        ObjectId::Type(_) => Privileges::TYPE,
        ObjectId::LargeObject(_) => Privileges::LARGE_OBJECT,
        ObjectId::Role(_) | ObjectId::Definition(_) => Privileges::NONE,
    }
}

/// The object's list, or the default one.
pub(super) fn acl_of(snapshot: &Snapshot, object: ObjectId) -> Cow<'_, Acl> {
    match snapshot.acl(object) {
        Some(acl) => Cow::Borrowed(acl),
        None => Cow::Owned(default_acl(snapshot, object)),
    }
}

/// What the list gives to any of `roles` and to PUBLIC. An owner can always grant, whatever the
/// list says, but *holds* only what the list says: owners may revoke their own privileges, as in
/// PostgreSQL.
pub(super) fn mask_in(acl: &Acl, owner: Option<Oid>, roles: &BTreeSet<Oid>) -> Mask {
    let mut mask = Mask::default();
    for item in acl {
        if item.grantee == Oid::INVALID || roles.contains(&item.grantee) {
            mask.add(item.privileges, item.grantable);
        }
    }
    if owner.is_some_and(|owner| roles.contains(&owner)) {
        mask.grantable = ALL;
    }
    mask
}

const ALL: Privileges = Privileges::RELATION
    .union(Privileges::SCHEMA)
    .union(Privileges::DATABASE)
    .union(Privileges::ROUTINE);

/// What `role` holds on a column because of what was granted on it alone.
pub(super) fn held_on_column(
    snapshot: &Snapshot,
    role: Oid,
    relation: Oid,
    attnum: i16,
) -> Privileges {
    let Some(relation) = snapshot.relation(relation) else {
        return Privileges::NONE;
    };
    relation
        .column_acls
        .get(&attnum)
        .map_or(Privileges::NONE, |acl| {
            let roles = privileges_roles(snapshot, role);
            mask_in(acl, Some(relation.owner), &roles).held
        })
}

/// Whether `role` holds any of `any_of` on the relation, or else on each of these columns; on some
/// column, if none is said.
pub(super) fn holds_on_columns(
    snapshot: &Snapshot,
    role: Oid,
    relation: Oid,
    any_of: Privileges,
    columns: &BTreeSet<i16>,
) -> bool {
    let holds = |held: Privileges| !held.intersection(any_of).is_empty();
    if holds(held(snapshot, role, ObjectId::Relation(relation))) {
        return true;
    }
    let on_column = |attnum: &i16| holds(held_on_column(snapshot, role, relation, *attnum));
    match snapshot.relation(relation) {
        Some(of) if columns.is_empty() => of.column_acls.keys().any(on_column),
        Some(_) => columns.iter().all(on_column),
        None => false,
    }
}

/// What `role` holds on `object`, through itself, PUBLIC, the roles it inherits from, and the
/// predefined roles.
pub(super) fn held(snapshot: &Snapshot, role: Oid, object: ObjectId) -> Privileges {
    if is_superuser(snapshot, role) {
        return all_of(snapshot, object);
    }
    let roles = privileges_roles(snapshot, role);
    let select = Privileges::from(Privilege::Select);
    match object {
        ObjectId::Role(_) | ObjectId::Definition(_) => Privileges::NONE,
        // PostgreSQL's own functions are everybody's.
        ObjectId::Routine(oid) if oid.is_system() => Privileges::ROUTINE,
        ObjectId::Routine(oid) => {
            let Some(routine) = snapshot.routine(oid) else {
                return Privileges::NONE;
            };
            mask_in(&acl_of(snapshot, object), Some(routine.owner), &roles).held
        }
        // System relations are in no snapshot. Everybody may read them; secrets are in none of
        // them.
        ObjectId::Relation(oid) if oid.is_system() => select,
        ObjectId::Database | ObjectId::Type(_) | ObjectId::LargeObject(_) => {
            mask_in(&acl_of(snapshot, object), snapshot.owner(object), &roles).held
        }
        ObjectId::Schema(oid) => {
            let Some(schema) = snapshot.schema(oid) else {
                return Privileges::NONE;
            };
            let usage = Privileges::from(Privilege::Usage);
            if schema.is_temporary() {
                // A session sees its own temporary schema only; what it may do there is a matter of
                // the database.
                let database = held(snapshot, role, ObjectId::Database);
                return if database.contains(Privilege::Temporary) {
                    Privileges::SCHEMA
                } else {
                    usage
                };
            }
            let mut held = mask_in(&acl_of(snapshot, object), Some(schema.owner), &roles).held;
            if roles.contains(&Role::PG_READ_ALL_DATA) || roles.contains(&Role::PG_WRITE_ALL_DATA) {
                held = held.union(usage);
            }
            held
        }
        ObjectId::Relation(oid) => {
            let Some(relation) = snapshot.relation(oid) else {
                return Privileges::NONE;
            };
            let mut held = mask_in(&acl_of(snapshot, object), Some(relation.owner), &roles).held;
            if roles.contains(&Role::PG_READ_ALL_DATA) {
                held = held.union(select);
            }
            if roles.contains(&Role::PG_WRITE_ALL_DATA) {
                held = held.union(
                    [Privilege::Insert, Privilege::Update, Privilege::Delete]
                        .into_iter()
                        .collect(),
                );
            }
            held
        }
    }
}
