//! `apply`: the only way from one snapshot to the next.
//!
//! exhaustive: every kind of change is named here.
//!
//! Every invariant of the catalog is checked here and nowhere else: names are unique, what an
//! object refers to is there, nothing depends on what is dropped, segments removed are present.
//! Whether somebody *may* make a change is not asked.
//!
//! An object that another transaction dropped meanwhile is reported as missing (`42P01`, `42704`,
//! `3F000`); only the caller knows that it was there before and that this is a conflict.

mod definition;
mod family;
mod grants;
mod large_object;
mod policy;
mod relation;
mod role;
mod routine;
mod schema;
mod table;
mod trigger;
mod user_type;

use std::sync::Arc;

use super::{Change, ObjectId, Relation, RelationKind, Role, Schema, Snapshot, Tuning};
use crate::base::{Error, Oid, Result, SqlState};

impl Snapshot {
    /// The snapshot with `changes` made, in order. Pure; checks every invariant of the catalog
    /// (names unique, owners and schemas exist, nothing depends on what is dropped, segments
    /// removed are there).
    ///
    /// The version stays: only a commit gives a new one ([`Snapshot::at_version`]).
    ///
    /// # Errors
    /// PostgreSQL's: `42P06`, `42P07`, `42710` duplicates; `3F000`, `42P01`, `42704`, `42703`
    /// missing; `2BP01` dependants; `40001` a segment to remove is gone.
    pub fn apply(&self, changes: &[Change]) -> Result<Self> {
        let mut next = self.clone();
        for change in changes {
            next.make(change)?;
        }
        // Nothing may be remembered of the way here.
        Ok(next.clone())
    }

    /// Makes one change in place. On error `self` may be half changed and must be thrown away.
    fn make(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::CreateSchema(schema) => self.create_schema(schema),
            Change::CreateRelation(relation) => self.create_relation(relation),
            Change::CreateRole(role) => self.create_role(role),
            Change::CreateRoutine(routine) => self.create_routine(routine),
            Change::ReplaceRoutine(routine) => self.replace_routine(routine),
            Change::AlterRoutine { was, routine } => self.alter_routine(was, routine),
            Change::CreateType(ty) => self.create_type(ty),
            Change::AlterType { was, ty } => self.alter_type(was, ty),
            Change::CreateDefinition(of) => self.create_definition(of),
            Change::AlterDefinition { was, now } => self.alter_definition(was, now),
            Change::CreateLargeObject(object) => self.create_large_object(object),
            Change::WriteLargeObject { oid, was, stamp } => {
                self.write_large_object(*oid, *was, *stamp)
            }
            Change::ReplaceView { oid, columns, view } => self.replace_view(*oid, columns, view),
            Change::Reword { oid, was, query } => self.reword(*oid, was, query),
            Change::Drop(object) => match *object {
                ObjectId::Database => Err(Error::new(
                    SqlState::OBJECT_IN_USE,
                    "cannot drop the currently open database",
                )),
                ObjectId::Schema(oid) => self.drop_schema(oid),
                ObjectId::Relation(oid) => self.drop_relation(oid),
                ObjectId::Role(oid) => self.drop_role(oid),
                ObjectId::Routine(oid) => self.drop_routine(oid),
                ObjectId::Type(oid) => self.drop_type(oid),
                ObjectId::LargeObject(oid) => self.drop_large_object(oid),
                ObjectId::Definition(oid) => self.drop_definition(oid),
            },
            Change::Rename { object, name } => match *object {
                ObjectId::Database => Err(Error::unsupported("renaming the database")),
                ObjectId::Schema(oid) => self.rename_schema(oid, name),
                ObjectId::Relation(oid) => self.rename_relation(oid, name),
                ObjectId::Role(oid) => self.rename_role(oid, name),
                ObjectId::Routine(oid) => self.rename_routine(oid, name),
                ObjectId::Type(_) | ObjectId::Definition(_) => {
                    Err(Error::internal("renaming", "such objects are altered"))
                }
                ObjectId::LargeObject(_) => {
                    Err(Error::internal("renaming", "large objects have no name"))
                }
            },
            Change::RenameColumn {
                relation,
                attnum,
                name,
            } => self.rename_column(*relation, *attnum, name),
            Change::AddColumn { relation, column } => self.add_column(*relation, column),
            Change::DropColumn { relation, attnum } => self.drop_column(*relation, *attnum),
            Change::AlterColumn { relation, column } => self.alter_column(*relation, column),
            Change::SetTuning { relation, tuning } => {
                self.relation_mut(*relation)?.tuning = Tuning::clone(tuning);
                Ok(())
            }
            Change::SetRowSecurity { relation, security } => {
                self.set_row_security(*relation, security)
            }
            Change::SetFamily { relation, family } => self.set_family(*relation, family),
            Change::DropPolicy { relation, policy } => {
                let policies = &mut self.relation_mut(*relation)?.row_security.policies;
                policies.retain(|of| of.oid != *policy);
                Ok(())
            }
            Change::SetTriggers { relation, triggers } => self.set_triggers(*relation, triggers),
            Change::DropTrigger { relation, trigger } => {
                let triggers = &mut self.relation_mut(*relation)?.triggers;
                triggers.retain(|of| of.oid != *trigger);
                Ok(())
            }
            Change::SetConstraints {
                relation,
                constraints,
            } => self.set_constraints(*relation, constraints),
            Change::DropConstraint {
                relation,
                constraint,
            } => self.drop_constraint(*relation, *constraint),
            Change::AlterSequence { oid, sequence } => self.alter_sequence(*oid, sequence),
            Change::Populate {
                relation,
                populated,
            } => self.populate(*relation, *populated),
            Change::SetSchema { relation, schema } => self.set_schema(*relation, *schema),
            Change::SetOwner { object, owner } => self.set_owner(*object, *owner),
            Change::SetAcl { object, was, acl } => {
                self.set_acl(*object, was.as_ref(), acl.as_ref())
            }
            Change::SetColumnAcl {
                relation,
                attnum,
                was,
                acl,
            } => self.set_column_acl(*relation, *attnum, was.as_ref(), acl.as_ref()),
            Change::SetDefaultAcl { was, now } => {
                self.set_default_acl(was.as_deref(), now.as_deref())
            }
            Change::Comment {
                object,
                attnum,
                text,
            } => self.comment(*object, *attnum, text.as_ref()),
            Change::AlterRole { was, role } => self.alter_role(was, role),
            Change::SetSettings { of, was, settings } => self.set_settings(*of, was, settings),
            // The verifier itself is kept apart from the catalog.
            Change::SetPassword { role, verifier: _ } => self.role_mut(*role).map(drop),
            Change::AddMember(membership) => self.add_member(*membership),
            Change::RemoveMember { role, member } => {
                // Not being a member is no error in PostgreSQL; the session warns.
                Arc::make_mut(&mut self.memberships).remove(&(*role, *member));
                Ok(())
            }
            Change::AddSegments { relation, segments } => self.add_segments(*relation, segments),
            Change::RemoveSegments { relation, segments } => {
                self.remove_segments(*relation, segments)
            }
            Change::Touch { relation } => {
                self.relation_mut(*relation)?.publication += 1;
                Ok(())
            }
        }
    }

    fn comment(
        &mut self,
        object: ObjectId,
        attnum: Option<i16>,
        text: Option<&String>,
    ) -> Result<()> {
        let text = text.cloned();
        match (object, attnum) {
            (ObjectId::Database, _) => Arc::make_mut(&mut self.database).comment = text,
            (ObjectId::Schema(oid), _) => self.schema_mut(oid)?.comment = text,
            (ObjectId::Relation(oid), None) => self.relation_mut(oid)?.comment = text,
            (ObjectId::Relation(oid), Some(attnum)) => {
                relation::column_mut(self.relation_mut(oid)?, attnum)?.comment = text;
            }
            (ObjectId::Role(oid), _) => self.role_mut(oid)?.comment = text,
            (ObjectId::Routine(oid), _) => self.routine_mut(oid)?.comment = text,
            (ObjectId::Type(oid), _) => self.type_mut(oid)?.comment = text,
            (ObjectId::LargeObject(oid), _) => self.large_object_mut(oid)?.comment = text,
            (ObjectId::Definition(oid), _) => self.definition_mut(oid)?.comment = text,
        }
        Ok(())
    }

    /// Whether `object` is there.
    ///
    /// # Errors
    /// `3F000`, `42P01`, `42704`.
    pub fn must_exist(&self, object: ObjectId) -> Result<()> {
        match object {
            ObjectId::Database => Ok(()),
            ObjectId::Schema(oid) => match self.schema(oid) {
                Some(_) => Ok(()),
                None => Err(missing_schema(oid)),
            },
            ObjectId::Relation(oid) => self.must_relation(oid).map(drop),
            ObjectId::Role(oid) => self.must_role_oid(oid).map(drop),
            ObjectId::Routine(oid) => self.must_routine(oid).map(drop),
            ObjectId::Type(oid) => self.must_type(oid).map(drop),
            ObjectId::LargeObject(oid) => self.must_large_object(oid).map(drop),
            ObjectId::Definition(oid) => self.must_definition(oid).map(drop),
        }
    }

    pub(in crate::catalog) fn must_relation(&self, oid: Oid) -> Result<&Arc<Relation>> {
        self.relation(oid).ok_or_else(|| missing_relation(oid))
    }

    fn must_role_oid(&self, oid: Oid) -> Result<&Arc<Role>> {
        self.role(oid).ok_or_else(|| missing_role(oid))
    }

    fn schema_mut(&mut self, oid: Oid) -> Result<&mut Schema> {
        Arc::make_mut(&mut self.schemas)
            .get_mut(&oid)
            .map(Arc::make_mut)
            .ok_or_else(|| missing_schema(oid))
    }

    fn relation_mut(&mut self, oid: Oid) -> Result<&mut Relation> {
        Arc::make_mut(&mut self.relations)
            .get_mut(&oid)
            .map(Arc::make_mut)
            .ok_or_else(|| missing_relation(oid))
    }

    fn role_mut(&mut self, oid: Oid) -> Result<&mut Role> {
        Arc::make_mut(&mut self.roles)
            .get_mut(&oid)
            .map(Arc::make_mut)
            .ok_or_else(|| missing_role(oid))
    }
}

/// Whether the database system needs the schema. `public` is the user's to drop, as in PostgreSQL.
fn is_required_schema(oid: Oid) -> bool {
    oid.is_system() && oid != Oid::PUBLIC_SCHEMA
}

/// `40001`: what the change was worked out from is no longer so.
fn concurrent_update() -> Error {
    Error::new(
        SqlState::SERIALIZATION_FAILURE,
        "could not serialize access due to concurrent update",
    )
}

/// `2BP01` for system objects.
fn required(what: &str) -> Error {
    Error::new(
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        format!("cannot drop {what} because it is required by the database system"),
    )
}

fn missing_schema(oid: Oid) -> Error {
    Error::new(
        SqlState::INVALID_SCHEMA_NAME,
        format!("schema with OID {oid} does not exist"),
    )
}

fn missing_relation(oid: Oid) -> Error {
    Error::new(
        SqlState::UNDEFINED_TABLE,
        format!("relation with OID {oid} does not exist"),
    )
}

fn missing_role(oid: Oid) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("role with OID {oid} does not exist"),
    )
}

/// `42809`: `relation` is not what the change needs.
fn wrong_kind(relation: &Relation, needed: &str) -> Error {
    Error::new(
        SqlState::WRONG_OBJECT_TYPE,
        format!("\"{}\" is not a {needed}", relation.name),
    )
}

/// The segments of a table, to be changed.
fn segments_mut(relation: &mut Relation) -> Result<&mut Arc<[Arc<super::Segment>]>> {
    if !relation.is_stored() {
        return Err(wrong_kind(relation, "table"));
    }
    match &mut relation.kind {
        RelationKind::Table { segments } | RelationKind::Materialized { segments, .. } => {
            Ok(segments)
        }
        RelationKind::View(_) | RelationKind::Foreign { .. } | RelationKind::Sequence(_) => {
            unreachable!("checked to have rows just above")
        }
    }
}
