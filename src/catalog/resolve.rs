//! Names to objects over a search path.
//!
//! Only relations of a snapshot are found here. System relations are in no snapshot: whoever binds
//! names walks [`SearchPath::candidates`] in order and asks `pg_catalog` for the system schemas
//! among them.

use std::sync::Arc;

use super::{Relation, Snapshot};
use crate::base::{Error, Oid, Result, SqlState};

/// The schemas unqualified names are looked up in, in order, already expanded (`"$user"`), without
/// those that do not exist or that the role has no USAGE on. Includes the session's temporary
/// schema and `pg_catalog` where PostgreSQL looks there implicitly.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SearchPath {
    /// Schemas, implicit ones included, in look-up order.
    pub lookup: Vec<Oid>,
    /// The schema new objects go to: the first named one that exists.
    pub creation: Option<Oid>,
    /// The session's temporary schema, if it has made one.
    pub temporary: Option<Oid>,
    /// Whether this is for text that is kept, whose names were found when it was made.
    pub kept: bool,
}

impl SearchPath {
    /// PostgreSQL's own schema and no other.
    pub fn only_system() -> Self {
        Self {
            lookup: vec![Oid::PG_CATALOG],
            creation: None,
            temporary: None,
            kept: true,
        }
    }

    /// The path that the setting `names` means for `role`. `has_usage` says whether the role may
    /// look into a schema; the rule itself is `privileges`' business.
    ///
    /// As in PostgreSQL, the temporary schema and then `pg_catalog` come first unless they are
    /// named.
    pub fn new(
        snapshot: &Snapshot,
        names: &[String],
        role: Oid,
        temporary: Option<Oid>,
        has_usage: impl Fn(Oid) -> bool,
    ) -> Self {
        let mut lookup = Vec::with_capacity(names.len() + 2);
        // With pg_temp named first but not made yet, new objects must not slip into the schema
        // after it.
        let mut creation_open = true;
        let mut creation = None;
        for name in names {
            let schema = match name.as_str() {
                "pg_temp" => {
                    if temporary.is_none() && creation.is_none() {
                        creation_open = false;
                    }
                    temporary
                }
                // The bootstrap superuser shares its name with a system schema, which is nobody's
                // to create in.
                "$user" => snapshot
                    .role(role)
                    .and_then(|role| snapshot.schema_named(&role.name))
                    .map(|schema| schema.oid)
                    .filter(|oid| !oid.is_system() && has_usage(*oid)),
                name => snapshot
                    .schema_named(name)
                    .map(|schema| schema.oid)
                    .filter(|oid| has_usage(*oid)),
            };
            if let Some(schema) = schema
                && !lookup.contains(&schema)
            {
                if creation_open && creation.is_none() {
                    creation = Some(schema);
                }
                lookup.push(schema);
            }
        }
        if !lookup.contains(&Oid::PG_CATALOG) {
            lookup.insert(0, Oid::PG_CATALOG);
        }
        if let Some(temporary) = temporary
            && !lookup.contains(&temporary)
        {
            lookup.insert(0, temporary);
        }
        Self {
            lookup,
            creation,
            temporary,
            kept: false,
        }
    }

    /// The schemas a name is looked up in, in order: the one given, or the whole path. Empty if
    /// there is no such schema.
    pub fn candidates(&self, snapshot: &Snapshot, schema: Option<&str>) -> Vec<Oid> {
        match schema {
            None => self.lookup.clone(),
            Some("pg_temp") => self.temporary.into_iter().collect(),
            Some(name) => snapshot
                .schema_named(name)
                .map(|schema| schema.oid)
                .into_iter()
                .collect(),
        }
    }

    /// The names of the path's schemas, implicit ones included, for views that remember where their
    /// names were looked up.
    pub fn names(&self, snapshot: &Snapshot) -> Vec<String> {
        self.lookup
            .iter()
            .filter_map(|oid| snapshot.schema(*oid))
            .map(|schema| schema.name.clone())
            .collect()
    }
}

impl Snapshot {
    /// The relation `name` means: in `schema` if one is given, else first found along the path.
    /// `pg_temp` names the session's temporary schema.
    ///
    /// # Errors
    /// `42P01` no such relation, or no such schema: PostgreSQL says the same of both.
    pub fn resolve_relation(
        &self,
        path: &SearchPath,
        schema: Option<&str>,
        name: &str,
    ) -> Result<&Arc<Relation>> {
        path.candidates(self, schema)
            .into_iter()
            .find_map(|oid| self.relation_named(oid, name))
            .ok_or_else(|| match self.resolve_type(path, schema, name) {
                Some(ty) if ty.composite().is_some() => Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is a composite type", ty.name),
                ),
                _ => undefined_relation(schema, name),
            })
    }

    /// Whether a look-up of the relation's bare name along the path finds this very relation
    /// (`pg_table_is_visible`).
    pub fn is_visible(&self, path: &SearchPath, relation: &Relation) -> bool {
        self.resolve_relation(path, None, &relation.name)
            .is_ok_and(|found| found.oid == relation.oid)
    }

    /// The schema a new object goes to: `schema` if given, else the path's creation schema.
    ///
    /// # Errors
    /// `3F000` no such schema, or "no schema has been selected to create in".
    pub fn resolve_creation_schema(&self, path: &SearchPath, schema: Option<&str>) -> Result<Oid> {
        match schema {
            Some("pg_temp") if path.temporary.is_some() => path.temporary,
            Some(name) => Some(self.must_schema(name)?.oid),
            None => path.creation,
        }
        .ok_or_else(|| {
            Error::new(
                SqlState::INVALID_SCHEMA_NAME,
                "no schema has been selected to create in",
            )
        })
    }
}

/// `42P01`
pub fn undefined_relation(schema: Option<&str>, name: &str) -> Error {
    let full = match schema {
        Some(schema) => format!("{schema}.{name}"),
        None => name.to_owned(),
    };
    Error::new(
        SqlState::UNDEFINED_TABLE,
        format!("relation \"{full}\" does not exist"),
    )
}
