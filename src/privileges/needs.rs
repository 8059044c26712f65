//! What a statement or a change needs, as a value.
//!
//! exhaustive: every kind of change is named here, so that none can be made without asking.

use std::collections::BTreeSet;

use super::mask::acl_of;
use super::roles::{has_privileges_of, is_superuser};
use crate::base::Oid;
use crate::catalog::{Change, ObjectId, Privilege, Privileges, RelationKind, SettingsOf, Snapshot};

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
    /// `role` holds at least one of `any_of` on the whole relation, or else on each of the columns.
    Columns {
        /// Who.
        role: Oid,
        /// On what.
        relation: Oid,
        /// Any of these suffices.
        any_of: Privileges,
        /// Which columns; if there are none, some column suffices.
        columns: BTreeSet<i16>,
    },
    /// `role` may lock rows of `relation`: it holds UPDATE on it, or on some column. A statement
    /// with such a need is carried out once they are locked.
    RowLock {
        /// Who.
        role: Oid,
        /// On what.
        relation: Oid,
        /// How.
        lock: RowLock,
    },
    /// `role` owns `object` (itself, or by membership), or is superuser.
    Owner {
        /// Who.
        role: Oid,
        /// What.
        object: ObjectId,
    },
    /// `role` may pass on something of `object`: it owns it or holds a grant option.
    GrantOption {
        /// Who.
        role: Oid,
        /// What.
        object: ObjectId,
    },
    /// `role` is superuser; `to` completes "must be superuser to …".
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
    /// `role` may say who is a member of `of`: it has ADMIN OPTION or CREATEROLE, or is superuser.
    Admin {
        /// Who.
        role: Oid,
        /// The group.
        of: Oid,
    },
    /// `role` may read a system relation that is not everybody's: it is superuser, or has the
    /// privileges of the predefined role for that.
    Restricted {
        /// Who.
        role: Oid,
        /// The predefined role, if there is one.
        of: Option<&'static str>,
        /// The relation: `table pg_authid`.
        what: String,
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

/// How FOR UPDATE and its kin lock the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowLock {
    /// What others may do to the rows meanwhile.
    pub strength: LockStrength,
    /// What happens where somebody else has locked them.
    pub wait: LockWait,
    /// Whether the rows of what stands under the table are not meant.
    pub only: bool,
}

/// What others may do to rows that are locked; the later keep more away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockStrength {
    /// Lock them so, too: FOR SHARE, FOR KEY SHARE.
    Share,
    /// Nothing but read them: FOR UPDATE, FOR NO KEY UPDATE.
    Update,
}

/// What happens where somebody else has locked rows; of several the last counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockWait {
    /// The statement waits.
    Block,
    /// SKIP LOCKED: it goes on without them.
    Skip,
    /// NOWAIT: it fails.
    Error,
}

/// What making `change` needs when asked for by `role`, against the snapshot it will be applied to.
/// Objects that are not there need nothing: applying the change then fails, unless an earlier
/// change of the same list makes them, and that one has needs of its own.
///
/// Two things are for the caller to add: a view's or CREATE TABLE AS's needs on what it reads (the
/// engine knows them), and nothing for what DROP … CASCADE takes along (whoever may drop an object
/// may drop its dependants).
pub fn needs_of(snapshot: &Snapshot, role: Oid, change: &Change) -> Vec<Need> {
    let needs = Asking { snapshot, role };
    match change {
        Change::CreateSchema(schema) if schema.is_temporary() => {
            vec![needs.privilege(ObjectId::Database, Privilege::Temporary)]
        }
        Change::CreateSchema(schema) => {
            let mut list = vec![needs.privilege(ObjectId::Database, Privilege::Create)];
            list.extend(needs.giving_to(schema.owner));
            list
        }
        Change::CreateRelation(relation) => {
            let mut list = needs.create_in(relation.schema);
            list.extend(needs.giving_to(relation.owner));
            if let RelationKind::Foreign { .. } = relation.kind {
                list.push(Need::Predefined {
                    role,
                    of: "pg_read_server_files",
                    to: "read files of the server".into(),
                });
            }
            list
        }
        Change::CreateRoutine(routine) => {
            let mut list = needs.create_in(routine.schema);
            list.extend(needs.giving_to(routine.owner));
            list
        }
        Change::ReplaceRoutine(routine) => {
            let mut list = needs.create_in(routine.schema);
            list.push(needs.owner(ObjectId::Routine(routine.oid)));
            list
        }
        Change::AlterRoutine { was, routine } => {
            let mut list = vec![needs.owner(ObjectId::Routine(routine.oid))];
            if was.schema != routine.schema {
                list.extend(needs.create_in(routine.schema));
            }
            list
        }
        Change::CreateDefinition(of) => needs.define(of),
        Change::AlterDefinition { was, now } => {
            let mut list = vec![needs.owner(ObjectId::Definition(was.oid))];
            if was.schema != now.schema {
                list.extend(needs.create_in(now.schema));
            }
            list
        }
        Change::CreateType(ty) => {
            let mut list = needs.create_in(ty.schema);
            list.extend(needs.giving_to(ty.owner));
            list
        }
        Change::AlterType { was, ty } => {
            let mut list = vec![needs.owner(ObjectId::Type(was.oid))];
            if (was.schema, &was.name) != (ty.schema, &ty.name) {
                list.extend(needs.create_in(ty.schema));
            }
            list
        }
        // Whoever may connect may make one, and whoever opened one may write it: that was asked
        // when it was opened.
        Change::CreateLargeObject(object) => needs.giving_to(object.owner).into_iter().collect(),
        Change::WriteLargeObject {
            oid: _,
            was: _,
            stamp: _,
        } => Vec::new(),
        Change::CreateRole(new) if new.superuser => vec![needs.superuser("create superusers")],
        Change::CreateRole(new) if new.bypass_row_security => {
            vec![needs.superuser("create bypassrls users")]
        }
        Change::CreateRole(_) => vec![Need::CreateRole { role, target: None }],
        Change::ReplaceView {
            oid,
            columns: _,
            view: _,
        } => {
            let mut list = needs.create_beside(*oid);
            list.push(needs.owner(ObjectId::Relation(*oid)));
            list
        }
        Change::SetTriggers {
            relation,
            triggers: _,
        } => vec![needs.privilege(ObjectId::Relation(*relation), Privilege::Trigger)],
        // It goes along with what somebody does to their own table.
        Change::Reword {
            oid: _,
            was: _,
            query: _,
        } => Vec::new(),
        Change::Drop(object) => match *object {
            ObjectId::Database | ObjectId::Schema(_) => vec![needs.owner(*object)],
            // The schema's owner may drop whatever is in it.
            ObjectId::Relation(oid) if needs.owns_schema_of(oid) => Vec::new(),
            ObjectId::Routine(oid) if needs.owns_schema_of_routine(oid) => Vec::new(),
            ObjectId::Routine(_) => vec![needs.owner(*object)],
            ObjectId::Type(oid) if needs.owns_schema_of_type(oid) => Vec::new(),
            ObjectId::Definition(oid) => needs.undefine(oid),
            ObjectId::Relation(_) | ObjectId::Type(_) | ObjectId::LargeObject(_) => {
                vec![needs.owner(*object)]
            }
            ObjectId::Role(oid) if needs.is_superuser(oid) => {
                vec![needs.superuser("drop superusers")]
            }
            ObjectId::Role(oid) => vec![needs.alter_role(oid)],
        },
        Change::Rename { object, name: _ } => match *object {
            ObjectId::Database
            | ObjectId::Type(_)
            | ObjectId::LargeObject(_)
            | ObjectId::Definition(_) => {
                vec![needs.owner(*object)]
            }
            ObjectId::Schema(_) => vec![
                needs.owner(*object),
                needs.privilege(ObjectId::Database, Privilege::Create),
            ],
            ObjectId::Relation(oid) => {
                let mut list = vec![needs.owner(*object)];
                list.extend(needs.create_beside(oid));
                list
            }
            ObjectId::Routine(oid) => {
                let mut list = vec![needs.owner(*object)];
                list.extend(needs.create_beside_routine(oid));
                list
            }
            ObjectId::Role(oid) if needs.is_superuser(oid) => {
                vec![needs.superuser("rename superusers")]
            }
            ObjectId::Role(oid) => vec![needs.alter_role(oid)],
        },
        Change::RenameColumn {
            relation,
            attnum: _,
            name: _,
        }
        | Change::AddColumn {
            relation,
            column: _,
        }
        | Change::DropColumn {
            relation,
            attnum: _,
        }
        | Change::AlterColumn {
            relation,
            column: _,
        }
        | Change::SetTuning {
            relation,
            tuning: _,
        }
        | Change::SetRowSecurity {
            relation,
            security: _,
        }
        | Change::SetFamily {
            relation,
            family: _,
        }
        | Change::DropPolicy {
            relation,
            policy: _,
        }
        | Change::DropTrigger {
            relation,
            trigger: _,
        }
        | Change::SetConstraints {
            relation,
            constraints: _,
        }
        | Change::DropConstraint {
            relation,
            constraint: _,
        }
        | Change::AlterSequence {
            oid: relation,
            sequence: _,
        }
        | Change::Populate {
            relation,
            populated: _,
        }
        | Change::Touch { relation } => vec![needs.owner(ObjectId::Relation(*relation))],
        Change::SetSchema { relation, schema } => {
            let mut list = vec![needs.owner(ObjectId::Relation(*relation))];
            list.extend(needs.create_in(*schema));
            list
        }
        Change::SetOwner { object, owner } => {
            let mut list = vec![needs.owner(*object)];
            list.extend(needs.giving_to(*owner));
            match *object {
                // The new owner must be able to have made it there.
                ObjectId::Relation(oid) if !is_superuser(snapshot, role) => {
                    let heir = Asking {
                        snapshot,
                        role: *owner,
                    };
                    list.extend(heir.create_beside(oid));
                }
                ObjectId::Routine(oid) if !is_superuser(snapshot, role) => {
                    let heir = Asking {
                        snapshot,
                        role: *owner,
                    };
                    list.extend(heir.create_beside_routine(oid));
                }
                ObjectId::Schema(_) => {
                    list.push(needs.privilege(ObjectId::Database, Privilege::Create));
                }
                ObjectId::Type(oid) if !is_superuser(snapshot, role) => {
                    let heir = Asking {
                        snapshot,
                        role: *owner,
                    };
                    let ty = snapshot.user_type(oid);
                    list.extend(ty.into_iter().flat_map(|ty| heir.create_in(ty.schema)));
                }
                ObjectId::Definition(oid) if !is_superuser(snapshot, role) => {
                    let heir = Asking {
                        snapshot,
                        role: *owner,
                    };
                    let of = snapshot.definition(oid);
                    list.extend(of.into_iter().flat_map(|of| heir.create_in(of.schema)));
                }
                ObjectId::Relation(_)
                | ObjectId::Definition(_)
                | ObjectId::Database
                | ObjectId::Role(_)
                | ObjectId::Routine(_)
                | ObjectId::Type(_)
                | ObjectId::LargeObject(_) => {}
            }
            list
        }
        // `grant` and `revoke` have computed the list by the rules; this refuses one from anywhere
        // else.
        Change::SetAcl {
            object,
            was: _,
            acl,
        } => {
            let unchanged = acl.as_ref() == Some(&*acl_of(snapshot, *object));
            if unchanged {
                Vec::new()
            } else {
                vec![Need::GrantOption {
                    role,
                    object: *object,
                }]
            }
        }
        Change::SetColumnAcl {
            relation,
            attnum: _,
            was,
            acl,
        } if was != acl => vec![Need::GrantOption {
            role,
            object: ObjectId::Relation(*relation),
        }],
        Change::SetColumnAcl { .. } => Vec::new(),
        Change::SetDefaultAcl { was, now } => {
            let of = now.as_ref().or(was.as_ref());
            of.and_then(|of| needs.giving_to(of.role))
                .into_iter()
                .collect()
        }
        Change::Comment {
            object,
            attnum: _,
            text: _,
        } => match *object {
            ObjectId::Role(oid) => vec![needs.alter_role(oid)],
            ObjectId::Database
            | ObjectId::Schema(_)
            | ObjectId::Relation(_)
            | ObjectId::Routine(_)
            | ObjectId::Type(_)
            | ObjectId::LargeObject(_) => {
                vec![needs.owner(*object)]
            }
            ObjectId::Definition(oid) => needs.undefine(oid),
        },
        Change::AlterRole { was: _, role: new } => {
            if new.superuser || needs.is_superuser(new.oid) {
                vec![needs.superuser("alter superuser roles or change superuser attribute")]
            } else {
                vec![needs.alter_role(new.oid)]
            }
        }
        // Everybody may change their own password and settings.
        Change::SetSettings {
            of: SettingsOf::Everybody,
            ..
        } => vec![needs.superuser("alter settings globally")],
        Change::SetSettings {
            of: SettingsOf::Database,
            ..
        } => vec![needs.owner(ObjectId::Database)],
        Change::SetSettings {
            of: SettingsOf::Role(target) | SettingsOf::RoleHere(target),
            ..
        }
        | Change::SetPassword {
            role: target,
            verifier: _,
        } => {
            if *target == role {
                Vec::new()
            } else {
                vec![needs.alter_role(*target)]
            }
        }
        Change::AddMember(membership) => vec![Need::Admin {
            role,
            of: membership.role,
        }],
        Change::RemoveMember {
            role: group,
            member: _,
        } => vec![Need::Admin { role, of: *group }],
        // UPDATE and DELETE write whole segments anew, so they add as well as remove. Which of the
        // three a statement is, and that it may read what it reads, is among the needs of the bound
        // statement.
        Change::AddSegments {
            relation,
            segments: _,
        } => needs.write(
            *relation,
            &[Privilege::Insert, Privilege::Update, Privilege::Delete],
        ),
        Change::RemoveSegments {
            relation,
            segments: _,
        } => needs.write(
            *relation,
            &[Privilege::Update, Privilege::Delete, Privilege::Truncate],
        ),
    }
}

/// Who asks, of which catalog.
pub(super) struct Asking<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) role: Oid,
}

impl Asking<'_> {
    fn privilege(&self, object: ObjectId, privilege: Privilege) -> Need {
        Need::Privilege {
            role: self.role,
            object,
            any_of: privilege.into(),
        }
    }

    pub(super) fn owner(&self, object: ObjectId) -> Need {
        Need::Owner {
            role: self.role,
            object,
        }
    }

    fn superuser(&self, to: &str) -> Need {
        Need::Superuser {
            role: self.role,
            to: to.into(),
        }
    }

    fn alter_role(&self, target: Oid) -> Need {
        Need::CreateRole {
            role: self.role,
            target: Some(target),
        }
    }

    pub(super) fn is_superuser(&self, role: Oid) -> bool {
        is_superuser(self.snapshot, role)
    }

    /// CREATE on a schema; in a temporary one, TEMPORARY on the database.
    pub(super) fn create_in(&self, schema: Oid) -> Vec<Need> {
        match self.snapshot.schema(schema) {
            None => Vec::new(),
            Some(schema) if schema.is_temporary() => {
                vec![self.privilege(ObjectId::Database, Privilege::Temporary)]
            }
            Some(schema) => vec![self.privilege(ObjectId::Schema(schema.oid), Privilege::Create)],
        }
    }

    fn create_beside(&self, relation: Oid) -> Vec<Need> {
        match self.snapshot.relation(relation) {
            None => Vec::new(),
            Some(relation) => self.create_in(relation.schema),
        }
    }

    fn create_beside_routine(&self, routine: Oid) -> Vec<Need> {
        match self.snapshot.routine(routine) {
            None => Vec::new(),
            Some(routine) => self.create_in(routine.schema),
        }
    }

    fn owns_schema_of_routine(&self, routine: Oid) -> bool {
        self.snapshot
            .routine(routine)
            .and_then(|routine| self.snapshot.schema(routine.schema))
            .is_some_and(|schema| has_privileges_of(self.snapshot, self.role, schema.owner))
    }

    /// Making something somebody else's needs membership of them.
    pub(super) fn giving_to(&self, owner: Oid) -> Option<Need> {
        (owner != self.role).then_some(Need::MemberOf {
            role: self.role,
            target: owner,
        })
    }

    fn owns_schema_of(&self, relation: Oid) -> bool {
        self.snapshot
            .relation(relation)
            .and_then(|relation| self.snapshot.schema(relation.schema))
            .is_some_and(|schema| has_privileges_of(self.snapshot, self.role, schema.owner))
    }

    fn owns_schema_of_type(&self, ty: Oid) -> bool {
        self.snapshot
            .user_type(ty)
            .and_then(|ty| self.snapshot.schema(ty.schema))
            .is_some_and(|schema| has_privileges_of(self.snapshot, self.role, schema.owner))
    }

    fn write(&self, relation: Oid, any_of: &[Privilege]) -> Vec<Need> {
        if self.snapshot.relation(relation).is_none() {
            return Vec::new();
        }
        vec![Need::Columns {
            role: self.role,
            relation,
            any_of: any_of.iter().copied().collect(),
            columns: BTreeSet::new(),
        }]
    }
}
