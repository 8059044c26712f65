//! Snapshot zero: what exists before anybody did anything.

use super::Snapshot;

impl Snapshot {
    /// The first snapshot: superuser `commons`, PostgreSQL's predefined roles, schemas `pg_catalog`,
    /// `information_schema`, `public` and `commons`, PUBLIC with CREATE on the database.
    pub fn genesis() -> Self {
        todo!()
    }
}
