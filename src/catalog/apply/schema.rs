//! Schemas: create, rename, drop.

use std::sync::Arc;

use super::super::{ObjectId, Relation, RelationKind, Schema, Snapshot};
use super::{is_required_schema, missing_schema, required};
use crate::base::{Error, Oid, Result, SqlState};

impl Snapshot {
    pub(super) fn create_schema(&mut self, schema: &Schema) -> Result<()> {
        self.check_schema_name(&schema.name)?;
        self.must_role_oid(schema.owner)?;
        self.check_acl(schema.acl.as_ref())?;
        if self.schema(schema.oid).is_some() {
            return Err(Error::internal("creating a schema", "its OID is taken"));
        }
        Arc::make_mut(&mut self.schema_names).insert(schema.name.clone(), schema.oid);
        Arc::make_mut(&mut self.schemas).insert(schema.oid, Arc::new(schema.clone()));
        Ok(())
    }

    pub(super) fn rename_schema(&mut self, oid: Oid, name: &str) -> Result<()> {
        let old = self.schema(oid).ok_or_else(|| missing_schema(oid))?.clone();
        if is_required_schema(oid) {
            return Err(Error::new(
                SqlState::RESERVED_NAME,
                format!("schema \"{}\" cannot be renamed", old.name),
            )
            .detail("It is required by the database system."));
        }
        self.check_schema_name(name)?;
        let routines: Vec<Oid> = self.routines_in(oid).map(|r| r.oid).collect();
        for routine in routines {
            self.refuse_callers(routine, "renaming the schema of")?;
        }
        let operators: Vec<Oid> = self
            .operators()
            .map(|(of, _)| of)
            .filter(|of| of.schema == oid)
            .map(|of| of.oid)
            .collect();
        for operator in operators {
            let object = ObjectId::Definition(operator);
            self.refuse_users(object, "renaming the schema of")?;
        }
        let names = Arc::make_mut(&mut self.schema_names);
        names.remove(&old.name);
        names.insert(name.to_owned(), oid);
        self.schema_mut(oid)?.name = name.to_owned();
        // Views look names up where they did; names with a schema before them are up to whoever
        // renames it.
        let looks = |relation: &&Arc<Relation>| {
            let view = relation.view();
            view.is_some_and(|view| view.search_path.contains(&old.name))
        };
        let views: Vec<Oid> = self
            .relations()
            .filter(looks)
            .map(|view| view.oid)
            .collect();
        for view in views {
            if let RelationKind::View(view) | RelationKind::Materialized { view, .. } =
                &mut self.relation_mut(view)?.kind
            {
                for schema in &mut view.search_path {
                    if *schema == old.name {
                        name.clone_into(schema);
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn drop_schema(&mut self, oid: Oid) -> Result<()> {
        let schema = self.schema(oid).ok_or_else(|| missing_schema(oid))?.clone();
        let described = self.describe(ObjectId::Schema(oid));
        if is_required_schema(oid) {
            return Err(required(&described));
        }
        self.refuse_dependants(ObjectId::Schema(oid), &format!("drop {described}"))?;
        Arc::make_mut(&mut self.schema_names).remove(&schema.name);
        Arc::make_mut(&mut self.schemas).remove(&oid);
        if self.default_acls().any(|of| of.schema == Some(oid)) {
            Arc::make_mut(&mut self.default_acls).retain(|_, of| of.schema != Some(oid));
        }
        Ok(())
    }

    /// `42939` and `42P06`. A session's temporary schema may have its reserved name.
    fn check_schema_name(&self, name: &str) -> Result<()> {
        if !Schema::is_temporary_name(name) {
            Schema::check_name(name)?;
        }
        if self.schema_named(name).is_some() {
            return Err(Error::new(
                SqlState::DUPLICATE_SCHEMA,
                format!("schema \"{name}\" already exists"),
            ));
        }
        Ok(())
    }
}
