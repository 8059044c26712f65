//! Temporary objects: carried from view to view, never made durable.
//!
//! A session's temporary objects live in a schema of its own, which is in that session's views and
//! in no committed snapshot. When others commit, the objects are put on top of the new snapshot
//! again.

use std::collections::HashSet;
use std::sync::Arc;

use crate::base::Oid;
use crate::catalog::{Change, ObjectId, Persistence, Snapshot};

/// Which objects of a transaction's view are temporary.
#[derive(Debug, Default, Clone)]
pub(super) struct Temporary {
    oids: HashSet<Oid>,
}

impl Temporary {
    /// The temporary objects in `view`.
    pub(super) fn of(view: &Snapshot) -> Self {
        let mut oids = HashSet::new();
        for schema in view.schemas().filter(|schema| schema.is_temporary()) {
            oids.insert(schema.oid);
            oids.extend(view.relations_in(schema.oid).map(|relation| relation.oid));
        }
        Self { oids }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.oids.is_empty()
    }

    /// Whether `oid` is one.
    pub(super) fn contains(&self, oid: Oid) -> bool {
        self.oids.contains(&oid)
    }

    /// Whether `change` is to a temporary object. Call it for every change, in order: it takes note
    /// of new ones.
    pub(super) fn has(&mut self, change: &Change) -> bool {
        let target = match change {
            Change::CreateSchema(schema) => {
                if schema.is_temporary() {
                    self.oids.insert(schema.oid);
                }
                Some(schema.oid)
            }
            // Functions of a temporary schema go with the session.
            Change::CreateRoutine(routine) => {
                if self.oids.contains(&routine.schema) {
                    self.oids.insert(routine.oid);
                }
                Some(routine.oid)
            }
            Change::ReplaceRoutine(routine) | Change::AlterRoutine { routine, .. } => {
                Some(routine.oid)
            }
            Change::CreateRelation(relation) => {
                if relation.persistence == Persistence::Temporary
                    || self.oids.contains(&relation.schema)
                {
                    self.oids.insert(relation.oid);
                }
                Some(relation.oid)
            }
            Change::ReplaceView { oid, .. }
            | Change::Reword { oid, .. }
            | Change::AlterSequence { oid, .. } => Some(*oid),
            Change::RenameColumn { relation, .. }
            | Change::AddColumn { relation, .. }
            | Change::DropColumn { relation, .. }
            | Change::AlterColumn { relation, .. }
            | Change::SetConstraints { relation, .. }
            | Change::DropConstraint { relation, .. }
            | Change::SetTuning { relation, .. }
            | Change::SetRowSecurity { relation, .. }
            | Change::SetFamily { relation, .. }
            | Change::DropPolicy { relation, .. }
            | Change::SetTriggers { relation, .. }
            | Change::DropTrigger { relation, .. }
            | Change::SetColumnAcl { relation, .. }
            | Change::Populate { relation, .. }
            | Change::SetSchema { relation, .. }
            | Change::AddSegments { relation, .. }
            | Change::RemoveSegments { relation, .. }
            | Change::Touch { relation } => Some(*relation),
            Change::Drop(object)
            | Change::Rename { object, .. }
            | Change::SetOwner { object, .. }
            | Change::SetAcl { object, .. }
            | Change::Comment { object, .. } => match object {
                ObjectId::Schema(oid) | ObjectId::Relation(oid) | ObjectId::Routine(oid) => {
                    Some(*oid)
                }
                ObjectId::Database
                | ObjectId::Role(_)
                | ObjectId::Type(_)
                | ObjectId::LargeObject(_)
                | ObjectId::Definition(_) => None,
            },
            Change::CreateRole(_)
            | Change::CreateType(_)
            | Change::CreateDefinition(_)
            | Change::AlterDefinition { .. }
            | Change::CreateLargeObject(_)
            | Change::WriteLargeObject { .. }
            | Change::AlterType { .. }
            | Change::AlterRole { .. }
            | Change::SetSettings { .. }
            | Change::SetDefaultAcl { .. }
            | Change::SetPassword { .. }
            | Change::AddMember(_)
            | Change::RemoveMember { .. } => None,
        };
        target.is_some_and(|oid| self.oids.contains(&oid))
    }
}

/// `base` with the temporary objects of `view` on top.
pub(super) fn carry(base: &Arc<Snapshot>, view: &Snapshot) -> Arc<Snapshot> {
    let mut carried = Arc::clone(base);
    for schema in view.schemas().filter(|schema| schema.is_temporary()) {
        carried = Arc::new(carried.with_temporary(schema.oid, view));
    }
    carried
}
