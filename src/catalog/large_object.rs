//! Large objects, as facts: who owns one, what was granted, which pages are its. The pages
//! themselves are the store's.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Acl, Snapshot};
use crate::base::{Error, Oid, SqlState};

/// What PostgreSQL keeps in `pg_largeobject_metadata`, and where the pages are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeObject {
    /// Identity.
    pub oid: Oid,
    /// Who owns it.
    pub owner: Oid,
    /// Grants, or the default (none but the owner's).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<Acl>,
    /// COMMENT ON LARGE OBJECT
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Under what its pages are kept: never given again, though its OID may be.
    pub body: u64,
    /// Another one each time a transaction wrote it: two that wrote what the other did not see
    /// are a conflict.
    pub stamp: u64,
}

/// The large objects of a snapshot, by OID.
pub(super) type LargeObjects = Arc<BTreeMap<Oid, Arc<LargeObject>>>;

impl Snapshot {
    /// The same with large objects, as recovery reads them.
    pub fn with_large_objects(mut self, objects: impl IntoIterator<Item = LargeObject>) -> Self {
        let objects = objects.into_iter().map(|of| (of.oid, Arc::new(of)));
        self.large_objects = Arc::new(objects.collect());
        self
    }

    /// All large objects, by OID.
    pub fn large_objects(&self) -> impl Iterator<Item = &Arc<LargeObject>> {
        self.large_objects.values()
    }

    /// Large object by OID.
    pub fn large_object(&self, oid: Oid) -> Option<&Arc<LargeObject>> {
        self.large_objects.get(&oid)
    }

    /// Large object by OID, or `42704`.
    ///
    /// # Errors
    /// `42704`
    pub fn must_large_object(&self, oid: Oid) -> Result<&Arc<LargeObject>, Error> {
        self.large_object(oid)
            .ok_or_else(|| missing_large_object(oid))
    }
}

/// `23505`
pub fn duplicate_large_object(oid: Oid) -> Error {
    let constraint = "pg_largeobject_metadata_oid_index";
    Error::new(
        SqlState::UNIQUE_VIOLATION,
        format!("duplicate key value violates unique constraint \"{constraint}\""),
    )
    .detail(format!("Key (oid)=({oid}) already exists."))
    .table("pg_catalog", "pg_largeobject_metadata")
    .constraint(constraint)
}

/// `42704`
pub fn missing_large_object(oid: Oid) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("large object {oid} does not exist"),
    )
}
