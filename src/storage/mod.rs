//! Bytes at rest: the SQLite catalog in the DuckLake 1.0 layout, Parquet segments, secrets.
//!
//! ```text
//! data_dir/            0700
//!   LOCK               locked exclusively while a server runs
//!   lake.sqlite        DuckLake 1.0 tables + commons_* tables: one file, one atomic commit
//!   secrets.sqlite     0600: password verifiers, keyed by role OID
//!   data/s<schema>/t<table>/<uuidv7>.parquet
//!   tmp/               spills and temporary tables; emptied at start
//! ```
//!
//! Everything here is synchronous: callers on an async runtime use `spawn_blocking`.

mod lake;
mod reader;
pub mod secrets;
mod sweep;
mod writer;

use std::path::{Path, PathBuf};

use crate::base::{Oid, Result, Version};
use crate::catalog::Snapshot;

pub use reader::read_segment;
pub use writer::{SegmentWriter, seal};

/// The open data directory. Dropping it releases the lock.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
}

/// What recovery found.
#[derive(Debug)]
pub struct Recovered {
    /// The catalog as of the last durable commit, or genesis.
    pub snapshot: Snapshot,
    /// The next OID never given.
    pub next_oid: Oid,
    /// Whether the directory was empty (first start).
    pub first_start: bool,
}

/// One commit to make durable.
#[derive(Debug)]
pub struct CommitRecord<'a> {
    /// The catalog before.
    pub before: &'a Snapshot,
    /// The catalog after; its version is `before`'s next. Every segment of it that is new is a sealed file.
    pub after: &'a Snapshot,
    /// The first OID not given when the commit was made.
    pub next_oid: Oid,
    /// Role that commits (DuckLake's `author`).
    pub author: &'a str,
    /// Password changes of the same transaction: role, verifier.
    pub passwords: &'a [(Oid, Option<String>)],
}

impl Store {
    /// Opens (or creates) the directory, locks it, recovers.
    ///
    /// # Errors
    /// `55000` locked by another server; `0A000` a newer format; `58030` I/O.
    pub fn open(root: &Path) -> Result<(Self, Recovered)> {
        let _ = root;
        todo!()
    }

    /// The data directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes one commit durable: one SQLite transaction, fsynced. On error nothing happened.
    ///
    /// # Errors
    /// `58030` I/O, `53100` disk full.
    pub fn commit(&self, record: &CommitRecord<'_>) -> Result<()> {
        let _ = record;
        todo!()
    }

    /// The password verifier of a role.
    ///
    /// # Errors
    /// `58030` I/O.
    pub fn verifier(&self, role: Oid) -> Result<Option<String>> {
        let _ = role;
        todo!()
    }

    /// Removes files that no snapshot in use (`oldest` and later) can reach, and orphans of crashed transactions.
    /// Returns how many files went.
    ///
    /// # Errors
    /// `58030` I/O.
    pub fn sweep(&self, oldest: Version) -> Result<usize> {
        let _ = oldest;
        todo!()
    }
}
