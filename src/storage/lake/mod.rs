//! `lake.sqlite`: the catalog at rest.
//!
//! Two descriptions of the same thing, written in the same transaction. `commons_object` has every
//! object whole, as JSON, and is what recovery reads: a new kind of object or a new field needs no
//! new code here. The DuckLake tables describe tables, views and files to other readers, and are
//! the only place where files are listed.
//!
//! DuckLake identifiers are ours: `schema_id`, `table_id` and `view_id` are OIDs, `column_id` is
//! the attnum, and `snapshot_id` is the catalog's version.

mod expire;
mod object;
mod page;
mod project;
mod record;
mod recover;
mod schema;
mod sequence;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::files;
use crate::base::{Error, Result, SqlState};
use crate::catalog::Snapshot;

pub(super) use page::PageReader;
pub(super) use recover::Loaded;

/// The connection that writes. One per server.
#[derive(Debug)]
pub(super) struct Lake {
    connection: Connection,
}

/// Whether a failed commit certainly left nothing behind.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// The transaction may or may not be there after a restart.
    pub(super) unknown: bool,
}

impl Lake {
    /// Opens the file, makes it if it is not there, checks it and loads what it holds.
    pub(super) fn open(root: &Path) -> Result<(Self, Loaded)> {
        let path = root.join("lake.sqlite");
        let connection = Connection::open_with_flags(
            &path,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(|error| sqlite_error("open the catalog", &error))?;
        files::restrict(&path, 0o600)?;
        configure(&connection)?;
        let mut lake = Self { connection };
        if lake.is_empty()? {
            lake.create()?;
        }
        lake.check()?;
        lake.place(root)?;
        let loaded = recover::load(&lake.connection)?;
        Ok((lake, loaded))
    }

    fn is_empty(&self) -> Result<bool> {
        self.connection
            .query_row("SELECT count(*) FROM sqlite_master", [], |row| {
                row.get::<_, i64>(0)
            })
            .map(|tables| tables == 0)
            .map_err(|error| sqlite_error("read the catalog", &error))
    }

    /// Makes the tables and stores genesis, in one transaction: a crash leaves an empty file, which
    /// is made again.
    fn create(&mut self) -> Result<()> {
        let failed = |error: rusqlite::Error| sqlite_error("create the catalog", &error);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        schema::create(&transaction).map_err(failed)?;
        record::genesis(&transaction, &Snapshot::genesis())?;
        transaction.commit().map_err(failed)
    }

    /// Refuses what is damaged or newer than this server.
    fn check(&self) -> Result<()> {
        let failed = |error: rusqlite::Error| sqlite_error("check the catalog", &error);
        let verdict: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(failed)?;
        if verdict != "ok" {
            return Err(Error::new(
                SqlState::DATA_CORRUPTED,
                "the catalog file lake.sqlite is damaged",
            )
            .detail(format!("SQLite says: {verdict}."))
            .hint("Restore the data directory from a backup."));
        }
        let format = recover::meta(&self.connection, "format")?;
        match format.as_deref().map(str::parse::<u32>) {
            Some(Ok(format)) if format <= schema::FORMAT => Ok(()),
            Some(Ok(format)) => Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("the data directory has format {format}, which this server does not know"),
            )
            .detail(format!(
                "This is commons {}, which knows formats up to {}.",
                env!("CARGO_PKG_VERSION"),
                schema::FORMAT
            ))
            .hint("Start the version of commons that last used the directory, or a newer one.")),
            Some(Err(_)) | None => Err(Error::new(
                SqlState::DATA_CORRUPTED,
                "the catalog file lake.sqlite is not one of commons",
            )),
        }
    }

    /// Says where the data is. Other readers want an absolute path, and a data directory may be
    /// moved.
    fn place(&self, root: &Path) -> Result<()> {
        let failed = |error: rusqlite::Error| sqlite_error("update the catalog", &error);
        let data = root.join(files::DATA);
        let data = format!("{}/", data.display());
        let updated = self
            .connection
            .execute(
                "UPDATE ducklake_metadata SET value = ?1 WHERE key = 'data_path' AND value <> ?1",
                [&data],
            )
            .map_err(failed)?;
        if updated > 0 {
            tracing::debug!(data, "the catalog says where its data is");
        }
        Ok(())
    }
}

/// Durability first. SQLite answers some pragmas by silently doing something else, so what matters
/// is read back.
fn configure(connection: &Connection) -> Result<()> {
    let failed = |error: rusqlite::Error| sqlite_error("set up the catalog", &error);
    connection
        .busy_timeout(Duration::from_secs(5))
        .map_err(failed)?;
    let journal: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(failed)?;
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000;
             PRAGMA journal_size_limit = 67108864;",
        )
        .map_err(failed)?;
    let synchronous: i64 = connection
        .query_row("PRAGMA synchronous", [], |row| row.get(0))
        .map_err(failed)?;
    // 2 is FULL.
    if journal != "wal" || synchronous != 2 {
        return Err(Error::new(
            SqlState::IO_ERROR,
            "the file system of the data directory cannot hold a write-ahead log",
        )
        .detail(format!(
            "SQLite answers journal_mode {journal}, synchronous {synchronous}."
        )));
    }
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

/// `53100` for a full disk, `58030` for other trouble of the disk, `XX001` for a damaged file.
pub(super) fn sqlite_error(doing: &str, error: &rusqlite::Error) -> Error {
    let state = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => SqlState::DISK_FULL,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => SqlState::DATA_CORRUPTED,
        _ => SqlState::IO_ERROR,
    };
    Error::new(state, format!("could not {doing}: {error}"))
}
