//! Functions and procedures: create, replace, alter, rename, drop.

use std::sync::Arc;

use super::super::{ObjectId, Routine, Snapshot};
use super::{concurrent_update, missing_schema};
use crate::base::{Error, Oid, Result, SqlState};

impl Snapshot {
    pub(super) fn create_routine(&mut self, routine: &Routine) -> Result<()> {
        if self.schema(routine.schema).is_none() {
            return Err(missing_schema(routine.schema));
        }
        self.must_role_oid(routine.owner)?;
        self.check_acl(routine.acl.as_ref())?;
        self.check_body(routine)?;
        if self.routine(routine.oid).is_some() {
            return Err(Error::internal("creating a function", "its OID is taken"));
        }
        self.check_signature(routine)?;
        self.place_routine(routine.clone());
        Ok(())
    }

    /// CREATE OR REPLACE: identity, owner, grants and comment stay.
    pub(super) fn replace_routine(&mut self, routine: &Routine) -> Result<()> {
        let old = self.must_routine(routine.oid)?.clone();
        self.check_body(routine)?;
        let next = Routine {
            name: old.name.clone(),
            schema: old.schema,
            owner: old.owner,
            acl: old.acl.clone(),
            comment: old.comment.clone(),
            publication: old.publication + 1,
            ..routine.clone()
        };
        if next.input_types() != old.input_types() {
            return Err(concurrent_update());
        }
        *self.routine_mut(routine.oid)? = next;
        Ok(())
    }

    /// ALTER FUNCTION: attributes, and the schema.
    pub(super) fn alter_routine(&mut self, was: &Routine, routine: &Routine) -> Result<()> {
        let old = self.must_routine(routine.oid)?.clone();
        if *old != *was {
            return Err(concurrent_update());
        }
        if old.schema != routine.schema {
            if self.schema(routine.schema).is_none() {
                return Err(missing_schema(routine.schema));
            }
            self.refuse_callers(routine.oid, "moving")?;
            self.check_signature(routine)?;
        }
        self.unplace_routine(&old);
        self.place_routine(routine.clone());
        Ok(())
    }

    pub(super) fn rename_routine(&mut self, oid: Oid, name: &str) -> Result<()> {
        let old = self.must_routine(oid)?.clone();
        let mut next = Routine::clone(&old);
        name.clone_into(&mut next.name);
        self.refuse_callers(oid, "renaming")?;
        self.check_signature(&next)?;
        self.unplace_routine(&old);
        self.place_routine(next);
        Ok(())
    }

    pub(super) fn drop_routine(&mut self, oid: Oid) -> Result<()> {
        let routine = self.must_routine(oid)?.clone();
        let object = ObjectId::Routine(oid);
        self.refuse_dependants(object, &format!("drop {}", self.describe(object)))?;
        self.unplace_routine(&routine);
        Ok(())
    }

    pub(super) fn must_routine(&self, oid: Oid) -> Result<&Arc<Routine>> {
        self.routine(oid).ok_or_else(|| missing_routine(oid))
    }

    pub(super) fn routine_mut(&mut self, oid: Oid) -> Result<&mut Routine> {
        Arc::make_mut(&mut self.routines)
            .get_mut(&oid)
            .map(Arc::make_mut)
            .ok_or_else(|| missing_routine(oid))
    }

    /// What a body that is kept to what it was made over reads is there.
    fn check_body(&self, routine: &Routine) -> Result<()> {
        for oid in routine.bound().into_iter().flat_map(|v| &v.depends_on) {
            if self.routine(*oid).is_none() && self.definition(*oid).is_none() {
                self.must_relation(*oid)?;
            }
        }
        let functions = routine
            .aggregate()
            .into_iter()
            .flat_map(|of| of.functions());
        for oid in functions.filter(|oid| !oid.is_system()) {
            self.must_routine(oid)?;
        }
        Ok(())
    }

    /// `42723` if there is another routine of the same name and input types.
    fn check_signature(&self, routine: &Routine) -> Result<()> {
        let types = routine.input_types();
        let taken = self
            .routines_named(routine.schema, &routine.name)
            .find(|other| other.oid != routine.oid && other.input_types() == types);
        let Some(other) = taken else { return Ok(()) };
        let schema = self.schema(routine.schema).map_or("?", |s| s.name.as_str());
        let moved = self.routine(routine.oid).is_some();
        Err(Error::new(
            SqlState::DUPLICATE_FUNCTION,
            if moved {
                format!(
                    "{} {} already exists in schema \"{schema}\"",
                    other.kind_described(),
                    self.signature(other, None).replace(',', ", ")
                )
            } else {
                format!(
                    "function \"{}\" already exists with same argument types",
                    routine.name
                )
            },
        ))
    }

    pub(in crate::catalog) fn place_routine(&mut self, routine: Routine) {
        Arc::make_mut(&mut self.routine_names)
            .entry((routine.schema, routine.name.clone()))
            .or_default()
            .insert(routine.oid);
        Arc::make_mut(&mut self.routines).insert(routine.oid, Arc::new(routine));
    }

    pub(in crate::catalog) fn unplace_routine(&mut self, routine: &Routine) {
        let key = (routine.schema, routine.name.clone());
        let names = Arc::make_mut(&mut self.routine_names);
        if let Some(oids) = names.get_mut(&key) {
            oids.remove(&routine.oid);
            if oids.is_empty() {
                names.remove(&key);
            }
        }
        Arc::make_mut(&mut self.routines).remove(&routine.oid);
    }
}

fn missing_routine(oid: Oid) -> Error {
    Error::new(
        SqlState::UNDEFINED_FUNCTION,
        format!("function with OID {oid} does not exist"),
    )
}
