//! The pages of large objects at rest: rows of a table of `lake.sqlite`, so that they are committed
//! with the catalog that names them.
//!
//! A page is there once for each version of the catalog that wrote it, and a snapshot sees the
//! newest that is not newer than itself. What no snapshot in use sees any more goes with the next
//! sweep. `data` is NULL where the page is gone.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::object::differing;
use super::record::int;
use super::{Lake, sqlite_error};
use crate::base::{Result, Version};
use crate::catalog::LargeObject;
use crate::storage::CommitRecord;

const CREATE: &str = "
CREATE TABLE IF NOT EXISTS commons_large_object_page (
    body INTEGER NOT NULL, pageno INTEGER NOT NULL, version INTEGER NOT NULL, data BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS commons_large_object_page_key
    ON commons_large_object_page (body, pageno, version);
CREATE TABLE IF NOT EXISTS commons_large_object_past (
    body INTEGER NOT NULL, version INTEGER NOT NULL, whole INTEGER NOT NULL);";

/// Makes the tables, in data directories that are older too.
pub(super) fn create(connection: &Connection) -> Result<()> {
    connection
        .execute_batch(CREATE)
        .map_err(|error| sqlite_error("create the catalog", &error))
}

/// Writes the pages of a commit, and which older ones it puts out of sight.
pub(super) fn write(connection: &Connection, record: &CommitRecord<'_>) -> Result<()> {
    let failed = |error: rusqlite::Error| sqlite_error("write a large object", &error);
    let version = int(record.after.version().0);
    let objects = (record.before.large_objects(), record.after.large_objects());
    for pair in differing(objects.0, objects.1, |object| object.oid) {
        let Some(before) = pair.before else { continue };
        let stays = pair.after.is_some_and(|after| after.body == before.body);
        if stays && pair.after.is_some_and(|after| after.stamp == before.stamp) {
            continue;
        }
        connection
            .prepare_cached("INSERT INTO commons_large_object_past VALUES (?1, ?2, ?3)")
            .and_then(|mut statement| statement.execute(params![int(before.body), version, !stays]))
            .map_err(failed)?;
    }
    let Some(pages) = record.pages else {
        return Ok(());
    };
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO commons_large_object_page (body, pageno, version, data)
             VALUES (?1, ?2, ?3, ?4)",
        )
        .map_err(failed)?;
    let is_of = |object: &LargeObject, body| object.body == body;
    for (oid, body, number, data) in pages.latest() {
        // One that was made and taken away again by the same transaction was never there.
        let object = record.after.large_object(oid);
        if object.is_some_and(|object| is_of(object, body)) {
            let row = params![int(body), number, version, data?];
            statement.execute(row).map_err(failed)?;
        }
    }
    Ok(())
}

impl Lake {
    /// Removes the pages that no snapshot from `in_use` on sees.
    pub(in crate::storage) fn expire_pages(&mut self, in_use: Version) -> Result<()> {
        let failed = |error: rusqlite::Error| sqlite_error("remove old pages", &error);
        let transaction = self.connection.transaction().map_err(failed)?;
        let in_use = int(in_use.0);
        let past: Vec<(i64, bool)> = transaction
            .prepare_cached(
                "SELECT body, max(whole) FROM commons_large_object_past
                 WHERE version <= ?1 GROUP BY body",
            )
            .and_then(|mut statement| {
                let rows = statement.query_map([in_use], |row| Ok((row.get(0)?, row.get(1)?)))?;
                rows.collect()
            })
            .map_err(failed)?;
        for (body, whole) in &past {
            let done = match whole {
                true => transaction.execute(
                    "DELETE FROM commons_large_object_page WHERE body = ?1",
                    [body],
                ),
                false => transaction.execute(
                    "DELETE FROM commons_large_object_page AS old WHERE body = ?1
                     AND (EXISTS (SELECT 1 FROM commons_large_object_page AS new
                                  WHERE new.body = ?1 AND new.pageno = old.pageno
                                  AND new.version > old.version AND new.version <= ?2))",
                    params![body, in_use],
                ),
            };
            done.map_err(failed)?;
        }
        if !past.is_empty() {
            transaction
                .execute(
                    "DELETE FROM commons_large_object_past WHERE version <= ?1",
                    [in_use],
                )
                .map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }
}

/// Reads pages beside the connection that writes.
#[derive(Debug)]
pub(in crate::storage) struct PageReader {
    connection: Connection,
}

impl PageReader {
    pub(in crate::storage) fn open(root: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(root.join("lake.sqlite"), flags)
            .and_then(|connection| {
                connection.busy_timeout(std::time::Duration::from_secs(5))?;
                Ok(connection)
            })
            .map_err(|error| sqlite_error("open the catalog", &error))?;
        Ok(Self { connection })
    }

    /// The pages from `first` to `last` that a snapshot sees, in order.
    pub(in crate::storage) fn pages(
        &self,
        body: u64,
        version: Version,
        (first, last): (i32, i32),
    ) -> Result<Vec<(i32, Vec<u8>)>> {
        let failed = |error: rusqlite::Error| sqlite_error("read a large object", &error);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT pageno, data FROM commons_large_object_page
                 WHERE body = ?1 AND pageno BETWEEN ?2 AND ?3 AND version <= ?4
                 ORDER BY pageno, version DESC",
            )
            .map_err(failed)?;
        let asked = params![int(body), first, last, int(version.0)];
        let mut rows = statement.query(asked).map_err(failed)?;
        let mut pages = Vec::new();
        let mut newest = None;
        while let Some(row) = rows.next().map_err(failed)? {
            let number: i32 = row.get(0).map_err(failed)?;
            if newest.replace(number) == Some(number) {
                continue;
            }
            if let Some(data) = row.get(1).map_err(failed)? {
                pages.push((number, data));
            }
        }
        Ok(pages)
    }

    /// The numbers and lengths of the pages from `first` on that a snapshot sees, the last one
    /// first, as long as `more` says so.
    pub(in crate::storage) fn numbers(
        &self,
        body: u64,
        version: Version,
        first: i32,
        more: &mut dyn FnMut(i32, usize) -> bool,
    ) -> Result<()> {
        let failed = |error: rusqlite::Error| sqlite_error("read a large object", &error);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT pageno, length(data) FROM commons_large_object_page
                 WHERE body = ?1 AND pageno >= ?2 AND version <= ?3
                 ORDER BY pageno DESC, version DESC",
            )
            .map_err(failed)?;
        let asked = params![int(body), first, int(version.0)];
        let mut rows = statement.query(asked).map_err(failed)?;
        let mut newest = None;
        while let Some(row) = rows.next().map_err(failed)? {
            let number: i32 = row.get(0).map_err(failed)?;
            if newest.replace(number) == Some(number) {
                continue;
            }
            let length: Option<i64> = row.get(1).map_err(failed)?;
            let Some(length) = length else { continue };
            if !more(number, usize::try_from(length).unwrap_or(0)) {
                break;
            }
        }
        Ok(())
    }
}
