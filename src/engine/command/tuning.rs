//! What a statement says of how things are stored.

use super::ObjectName;
use crate::catalog::ParameterChanges;

/// What ALTER does to how a relation is stored, sampled or replicated.
#[derive(Debug, Clone)]
pub enum Tune {
    /// SET (…), RESET (…): names, and values of those set.
    Parameters(ParameterChanges),
    /// SET LOGGED, SET UNLOGGED
    Logged(bool),
    /// CLUSTER ON; `None` is SET WITHOUT CLUSTER.
    ClusterOn(Option<String>),
    /// REPLICA IDENTITY
    ReplicaIdentity(ReplicaIdentityClause),
    /// ALTER COLUMN … SET STATISTICS
    Statistics {
        /// Which.
        column: String,
        /// How many values are remembered.
        target: i32,
    },
    /// ALTER COLUMN … SET STORAGE
    Storage {
        /// Which.
        column: String,
        /// The word.
        storage: String,
    },
    /// ALTER COLUMN … SET COMPRESSION
    Compression {
        /// Which.
        column: String,
        /// The method, or `default`.
        method: String,
    },
    /// ALTER COLUMN … SET (…), RESET (…)
    ColumnParameters {
        /// Which.
        column: String,
        /// Names, and values of those set.
        changes: ParameterChanges,
    },
    /// What is so already, by the action's name.
    Already(&'static str),
}

/// REPLICA IDENTITY
#[derive(Debug, Clone)]
pub enum ReplicaIdentityClause {
    /// DEFAULT
    Default,
    /// FULL
    Full,
    /// NOTHING
    Nothing,
    /// USING INDEX
    Index(String),
}

/// REINDEX
#[derive(Debug, Clone)]
pub enum Reindex {
    /// INDEX, and whether CONCURRENTLY.
    Index(ObjectName, bool),
    /// TABLE, and whether CONCURRENTLY.
    Table(ObjectName, bool),
    /// SCHEMA
    Schema(String),
    /// DATABASE, SYSTEM
    Database {
        /// SYSTEM
        system: bool,
        /// Its name.
        name: String,
    },
}
