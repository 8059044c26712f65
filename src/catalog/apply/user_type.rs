//! Types: create, alter, drop.

use std::sync::Arc;

use super::super::user_type::{UserType, made_of};
use super::super::{ObjectId, Persistence, Snapshot};
use super::{concurrent_update, is_required_schema, missing_schema};
use crate::base::{Error, Oid, Result, SqlState};

impl Snapshot {
    pub(super) fn create_type(&mut self, ty: &UserType) -> Result<()> {
        self.check_type_place(ty.schema, &ty.name)?;
        self.must_role_oid(ty.owner)?;
        let attributes = ty.composite().into_iter().flat_map(|of| &of.attributes);
        let used = attributes.filter_map(|attribute| made_of(attribute.ty));
        let domain = ty.domain().and_then(|domain| made_of(domain.base));
        let subtype = ty.range().and_then(|_| made_of(ty.ty().subtype()?));
        for used in used.chain(domain).chain(subtype) {
            match self.relation_with_rows(used) {
                None => drop(self.must_type(used)?),
                Some(of) if of.persistence == Persistence::Temporary => {
                    return Err(Error::unsupported(
                        "a type made of a temporary table's row type",
                    ));
                }
                Some(_) => {}
            }
        }
        self.check_acl(ty.acl.as_ref())?;
        if self.user_type(ty.oid).is_some() {
            return Err(Error::internal("creating a type", "its OID is taken"));
        }
        Arc::make_mut(&mut self.types).insert(ty.oid, Arc::new(ty.clone()));
        self.index_types();
        Ok(())
    }

    /// The type is otherwise from now on, if it still is what `was` says.
    pub(super) fn alter_type(&mut self, was: &UserType, ty: &UserType) -> Result<()> {
        let now = self.must_type(was.oid)?;
        if now.kind != was.kind || now.name != was.name || now.schema != was.schema {
            return Err(concurrent_update());
        }
        if (ty.schema, &ty.name) != (was.schema, &was.name) {
            self.check_type_place(ty.schema, &ty.name)?;
        }
        if was.ty() != ty.ty() {
            let what = format!("type \"{}\"", was.name);
            self.refuse_row_users(was.oid, &what)?;
        }
        let (kind, name, schema) = (ty.kind.clone(), ty.name.clone(), ty.schema);
        let next = self.type_mut(was.oid)?;
        (next.kind, next.name, next.schema) = (kind, name, schema);
        let (before, now) = (was.ty(), next.ty());
        if before != now && now.is_composite() {
            self.retype_attributes(now);
        }
        self.index_types();
        Ok(())
    }

    pub(super) fn drop_type(&mut self, oid: Oid) -> Result<()> {
        self.must_type(oid)?;
        let object = ObjectId::Type(oid);
        self.refuse_dependants(object, &format!("drop {}", self.describe(object)))?;
        Arc::make_mut(&mut self.types).remove(&oid);
        self.index_types();
        Ok(())
    }

    /// `3F000`, `42501`, `42710`
    fn check_type_place(&self, schema: Oid, name: &str) -> Result<()> {
        let into = self.schema(schema).ok_or_else(|| missing_schema(schema))?;
        if is_required_schema(schema) {
            return Err(Error::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("permission denied to create \"{}.{name}\"", into.name),
            )
            .detail("System catalog modifications are currently disallowed."));
        }
        if into.is_temporary() {
            return Err(Error::unsupported("a type in a temporary schema"));
        }
        self.check_type_name(schema, name)
    }

    pub(super) fn must_type(&self, oid: Oid) -> Result<&Arc<UserType>> {
        self.user_type(oid).ok_or_else(|| missing_type(oid))
    }

    pub(super) fn type_mut(&mut self, oid: Oid) -> Result<&mut UserType> {
        Arc::make_mut(&mut self.types)
            .get_mut(&oid)
            .map(Arc::make_mut)
            .ok_or_else(|| missing_type(oid))
    }
}

fn missing_type(oid: Oid) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("type with OID {oid} does not exist"),
    )
}
