//! A session's temporary objects: laid over whatever is committed, never in it.
//!
//! They live in a schema `pg_temp_N` of the session's own. A transaction sees the newest committed
//! catalog with that schema carried over; a commit takes it away again before anything becomes
//! durable.

use std::sync::Arc;

use super::{ObjectId, Persistence, Snapshot};
use crate::base::Oid;

impl Snapshot {
    /// This catalog with the temporary schema `schema` and its relations as they are in `from`.
    /// What is here under that schema is replaced; if `from` has no such schema, it is gone from
    /// the result too.
    pub fn with_temporary(&self, schema: Oid, from: &Snapshot) -> Self {
        if self.schema(schema).is_none() && from.schema(schema).is_none() {
            return self.clone();
        }
        let mut next = self.clone();
        next.remove_schema_with_relations(schema);
        if let Some(temporary) = from.schema(schema) {
            Arc::make_mut(&mut next.schema_names).insert(temporary.name.clone(), schema);
            Arc::make_mut(&mut next.schemas).insert(schema, temporary.clone());
            for relation in from.relations_in(schema) {
                Arc::make_mut(&mut next.relation_names)
                    .insert((schema, relation.name.clone()), relation.oid);
                Arc::make_mut(&mut next.relations).insert(relation.oid, relation.clone());
            }
            for routine in from.routines_in(schema) {
                next.place_routine(super::Routine::clone(routine));
            }
        }
        next
    }

    /// This catalog without any temporary schema: what may become durable.
    pub fn without_temporary(&self) -> Self {
        let temporary: Vec<Oid> = self
            .schemas()
            .filter(|schema| schema.is_temporary())
            .map(|schema| schema.oid)
            .collect();
        let mut next = self.clone();
        for schema in temporary {
            next.remove_schema_with_relations(schema);
        }
        debug_assert!(
            next.relations()
                .all(|r| r.persistence == Persistence::Permanent),
            "temporary relations live in temporary schemas only"
        );
        next
    }

    /// The roles that what is in a temporary schema belongs or is granted to, each with what
    /// messages say of that.
    pub fn roles_of_temporary(&self, schema: Oid) -> Vec<(Oid, String)> {
        let mut roles = Vec::new();
        for relation in self.relations_in(schema) {
            let described = self.describe(ObjectId::Relation(relation.oid));
            roles.push((relation.owner, format!("owner of {described}")));
            let lists = relation.acl.iter().chain(relation.column_acls.values());
            for item in lists
                .flatten()
                .filter(|item| item.grantee != relation.owner)
            {
                let note = (item.grantee, format!("privileges for {described}"));
                if !roles.contains(&note) {
                    roles.push(note);
                }
            }
        }
        roles
    }

    /// Whether `oid` is a temporary relation, or the temporary schema of a session.
    pub fn is_temporary(&self, object: super::ObjectId) -> bool {
        match object {
            super::ObjectId::Database
            | super::ObjectId::Role(_)
            | super::ObjectId::Type(_)
            | super::ObjectId::LargeObject(_)
            | super::ObjectId::Definition(_) => false,
            super::ObjectId::Schema(oid) => {
                self.schema(oid).is_some_and(|schema| schema.is_temporary())
            }
            super::ObjectId::Routine(oid) => self
                .routine(oid)
                .is_some_and(|routine| self.is_temporary(super::ObjectId::Schema(routine.schema))),
            super::ObjectId::Relation(oid) => self
                .relation(oid)
                .is_some_and(|relation| relation.persistence == Persistence::Temporary),
        }
    }

    fn remove_schema_with_relations(&mut self, schema: Oid) {
        let relations: Vec<(Oid, String)> = self
            .relations_in(schema)
            .map(|r| (r.oid, r.name.clone()))
            .collect();
        if !relations.is_empty() {
            let by_oid = Arc::make_mut(&mut self.relations);
            let by_name = Arc::make_mut(&mut self.relation_names);
            for (oid, name) in relations {
                by_oid.remove(&oid);
                by_name.remove(&(schema, name));
            }
        }
        let routines: Vec<_> = self.routines_in(schema).cloned().collect();
        for routine in routines {
            self.unplace_routine(&routine);
        }
        if let Some(schema) = self.schema(schema).cloned() {
            Arc::make_mut(&mut self.schemas).remove(&schema.oid);
            Arc::make_mut(&mut self.schema_names).remove(&schema.name);
        }
    }
}
