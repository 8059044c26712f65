//! Types users make.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Acl, Relation, SearchPath, Snapshot};
use crate::base::{Error, Oid, Result, SqlState};
use crate::types::PgType;
use crate::types::enums::{Enums, Labels};

/// A type: what PostgreSQL keeps in `pg_type` of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserType {
    /// Identity.
    pub oid: Oid,
    /// OID of the type of arrays over it.
    pub array: Oid,
    /// Name, unique in its schema among types and relations.
    pub name: String,
    /// The schema it is in.
    pub schema: Oid,
    /// Who owns it.
    pub owner: Oid,
    /// Grants, or the default (PUBLIC: USAGE).
    pub acl: Option<Acl>,
    /// COMMENT ON TYPE
    pub comment: Option<String>,
    /// What it is.
    pub kind: TypeKind,
}

/// What a type is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TypeKind {
    /// AS ENUM
    Enum(Labels),
}

impl UserType {
    /// The type as columns and expressions have it.
    pub fn ty(&self) -> PgType {
        match self.kind {
            TypeKind::Enum(_) => PgType::enumerated(self.oid, self.array),
        }
    }

    /// The labels of an enumerated type.
    pub fn labels(&self) -> Option<&Labels> {
        match &self.kind {
            TypeKind::Enum(labels) => Some(labels),
        }
    }

    /// `pg_type.typname` of the type of arrays over it.
    pub fn array_name(&self) -> String {
        format!("_{}", self.name)
    }
}

/// The user's type that a type is, or is an array of.
pub fn made_of(ty: PgType) -> Option<Oid> {
    let ty = match ty.is_made() {
        true => ty.element().unwrap_or(ty),
        false => return None,
    };
    Some(ty.oid)
}

impl Snapshot {
    /// All types users made, by OID.
    pub fn types(&self) -> impl Iterator<Item = &Arc<UserType>> {
        self.types.values()
    }

    /// A user's type by OID.
    pub fn user_type(&self, oid: Oid) -> Option<&Arc<UserType>> {
        self.types.get(&oid)
    }

    /// A user's type by schema and name.
    pub fn type_named(&self, schema: Oid, name: &str) -> Option<&Arc<UserType>> {
        let mut types = self.types.values();
        types.find(|ty| ty.schema == schema && ty.name == name)
    }

    /// Types of a schema, by OID.
    pub fn types_in(&self, schema: Oid) -> impl Iterator<Item = &Arc<UserType>> {
        self.types().filter(move |ty| ty.schema == schema)
    }

    /// What an OID is as a type: one of the built-in ones, a user's, or the arrays over one.
    pub fn pg_type(&self, oid: Oid) -> Option<PgType> {
        if oid.is_system() {
            let known = crate::types::pgtype::all().any(|info| info.oid == oid);
            return known.then_some(PgType::of(oid.0));
        }
        if let Some(ty) = self.user_type(oid) {
            return Some(ty.ty());
        }
        let over = self.types().find(|ty| ty.array == oid)?;
        over.ty().array()
    }

    /// The user's type a name means: in `schema` if one is given, else first found along the path.
    pub fn resolve_type(
        &self,
        path: &SearchPath,
        schema: Option<&str>,
        name: &str,
    ) -> Option<&Arc<UserType>> {
        let mut schemas = path.candidates(self, schema).into_iter();
        schemas.find_map(|oid| self.type_named(oid, name))
    }

    /// The labels of every enumerated type.
    pub fn enums(&self) -> &Enums {
        &self.enums
    }

    /// Works out anew what is derived from the types.
    pub(super) fn index_types(&mut self) {
        let labels: BTreeMap<Oid, Arc<Labels>> = self
            .types
            .values()
            .filter_map(|ty| Some((ty.oid, Arc::new(ty.labels()?.clone()))))
            .collect();
        self.enums = Enums::new(labels);
    }

    /// The columns of tables that are of a type, or of arrays of it.
    pub fn columns_of_type(&self, oid: Oid) -> impl Iterator<Item = (&Arc<Relation>, i16)> {
        self.relations()
            .filter(|relation| relation.view().is_none())
            .flat_map(move |relation| {
                let columns = relation.columns.iter();
                columns
                    .filter(move |column| made_of(column.ty) == Some(oid))
                    .map(move |column| (relation, column.attnum))
            })
    }

    /// Views whose columns or bodies say a type.
    pub fn views_of_type(&self, oid: Oid) -> impl Iterator<Item = &Arc<Relation>> {
        self.relations().filter(move |relation| {
            relation
                .view()
                .is_some_and(|view| view.types.contains(&oid))
        })
    }

    /// `42710` if a type or relation of the name is in the schema: every relation has a row type.
    pub(super) fn check_type_name(&self, schema: Oid, name: &str) -> Result<()> {
        let taken = self.type_named(schema, name).is_some()
            || self.relation_named(schema, name).is_some()
            || self.types_in(schema).any(|ty| ty.array_name() == name);
        if taken {
            return Err(Error::new(
                SqlState::DUPLICATE_OBJECT,
                format!("type \"{name}\" already exists"),
            ));
        }
        Ok(())
    }
}
