//! Identifiers: small, typed, and never reused.

use std::fmt;

use serde::{Deserialize, Serialize};

/// PostgreSQL's object identifier. Users' objects start at [`Oid::FIRST_USER`]; system objects
/// carry PostgreSQL's own numbers. Durable: assigned at CREATE, stored, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Oid(pub u32);

impl Oid {
    /// No object; as a grantee it means PUBLIC.
    pub const INVALID: Oid = Oid(0);
    /// The bootstrap superuser `commons` (PostgreSQL's BOOTSTRAP_SUPERUSERID).
    pub const SUPERUSER: Oid = Oid(10);
    /// Schema `pg_catalog`.
    pub const PG_CATALOG: Oid = Oid(11);
    /// Schema `public`.
    pub const PUBLIC_SCHEMA: Oid = Oid(2200);
    /// Schema `information_schema` (fixed here; PostgreSQL assigns one at initdb).
    pub const INFORMATION_SCHEMA: Oid = Oid(13000);
    /// Schema `commons`: the team verbs and views.
    pub const COMMONS_SCHEMA: Oid = Oid(13001);
    /// The only database.
    pub const DATABASE: Oid = Oid(5);
    /// First identifier given to a user's object.
    pub const FIRST_USER: Oid = Oid(16384);

    /// Whether this is a system object.
    pub fn is_system(self) -> bool {
        self < Self::FIRST_USER
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Version of the catalog: the number of commits since genesis, and the DuckLake snapshot id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version(pub u64);

impl Version {
    /// The version after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One immutable run of rows of one table; time-ordered, unique for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SegmentId(pub uuid::Uuid);

impl SegmentId {
    /// A new identifier.
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7())
    }
}

impl Default for SegmentId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One connected session; what clients call the backend's process id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub i32);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
