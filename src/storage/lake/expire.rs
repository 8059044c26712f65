//! Forgetting old snapshots, so that files no snapshot can reach may go.

use chrono::{SecondsFormat, TimeDelta, Utc};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use super::record::int;
use super::{Lake, sqlite_error};
use crate::base::{Result, Version};
use crate::storage::History;

/// A file that no snapshot reaches any more. Its row is kept until the file is gone.
#[derive(Debug)]
pub(in crate::storage) struct Expired {
    pub(in crate::storage) file: i64,
    /// Relative to the data path.
    pub(in crate::storage) path: String,
}

/// The tables whose rows live from `begin_snapshot` to `end_snapshot`.
const VERSIONED: [&str; 7] = [
    "commons_object",
    "ducklake_schema",
    "ducklake_table",
    "ducklake_view",
    "ducklake_column",
    "ducklake_tag",
    "ducklake_column_tag",
];

impl Lake {
    /// Forgets the snapshots that `history` does not keep and that nobody uses (`in_use` is the
    /// oldest one somebody does). Returns the files to remove, those of earlier calls that were not
    /// removed included.
    pub(in crate::storage) fn expire(
        &mut self,
        in_use: Version,
        history: History,
    ) -> Result<Vec<Expired>> {
        let failed = |error: rusqlite::Error| sqlite_error("forget old snapshots", &error);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        if let Some(oldest) = horizon(&transaction, in_use, history).map_err(failed)? {
            forget(&transaction, oldest).map_err(failed)?;
        }
        let expired = transaction
            .prepare("SELECT data_file_id, path FROM ducklake_files_scheduled_for_deletion")
            .and_then(|mut statement| {
                statement
                    .query_map([], |row| {
                        Ok(Expired {
                            file: row.get(0)?,
                            path: row.get(1)?,
                        })
                    })?
                    .collect::<rusqlite::Result<Vec<_>>>()
            })
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(expired)
    }

    /// The files are gone.
    pub(in crate::storage) fn removed(&mut self, files: &[Expired]) -> Result<()> {
        let failed = |error: rusqlite::Error| sqlite_error("forget removed files", &error);
        let transaction = self.connection.transaction().map_err(failed)?;
        for file in files {
            transaction
                .prepare_cached(
                    "DELETE FROM ducklake_files_scheduled_for_deletion WHERE data_file_id = ?1",
                )
                .and_then(|mut statement| statement.execute([file.file]))
                .map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// Whether any snapshot, or the list of files to remove, has a file of this name.
    pub(in crate::storage) fn knows(&self, name: &str) -> Result<bool> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM ducklake_data_file WHERE path = ?1)
                     OR EXISTS (SELECT 1 FROM ducklake_files_scheduled_for_deletion
                                WHERE path LIKE '%' || ?1)",
            )
            .and_then(|mut statement| statement.query_row([name], |row| row.get(0)))
            .map_err(|error| sqlite_error("read the catalog", &error))
    }
}

/// The oldest snapshot to keep; `None` if nothing is to be forgotten.
fn horizon(
    transaction: &Transaction<'_>,
    in_use: Version,
    history: History,
) -> rusqlite::Result<Option<i64>> {
    let cutoff = (Utc::now() - history.age)
        .to_rfc3339_opts(SecondsFormat::Micros, true)
        .replace('T', " ")
        .replace('Z', "+00");
    // A snapshot was current until the next one came, so the last one before the cutoff is still
    // kept.
    transaction
        .query_row(
            "SELECT max(s.snapshot_id) FROM ducklake_snapshot s
             WHERE s.snapshot_id <= ?1
               AND (s.snapshot_time < ?2
                    OR s.snapshot_id <= (SELECT max(snapshot_id) FROM ducklake_snapshot) - ?3)
               AND EXISTS (SELECT 1 FROM ducklake_snapshot o WHERE o.snapshot_id < s.snapshot_id)",
            params![int(in_use.0), cutoff, int(history.versions)],
            |row| row.get(0),
        )
        .optional()
        .map(Option::flatten)
}

fn forget(transaction: &Transaction<'_>, oldest: i64) -> rusqlite::Result<()> {
    for table in ["ducklake_snapshot", "ducklake_snapshot_changes"] {
        transaction.execute(
            &format!("DELETE FROM {table} WHERE snapshot_id < ?1"),
            [oldest],
        )?;
    }
    transaction.execute(
        "INSERT INTO ducklake_files_scheduled_for_deletion
         SELECT data_file_id, 't' || table_id || '/' || path, 1, ?2 FROM ducklake_data_file
         WHERE end_snapshot <= ?1",
        params![
            oldest,
            Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true)
        ],
    )?;
    transaction.execute(
        "DELETE FROM ducklake_file_column_stats WHERE data_file_id IN
            (SELECT data_file_id FROM ducklake_data_file WHERE end_snapshot <= ?1)",
        [oldest],
    )?;
    transaction.execute(
        "DELETE FROM ducklake_data_file WHERE end_snapshot <= ?1",
        [oldest],
    )?;
    for table in VERSIONED {
        transaction.execute(
            &format!("DELETE FROM {table} WHERE end_snapshot <= ?1"),
            [oldest],
        )?;
    }
    for table in [
        "ducklake_table_stats",
        "ducklake_table_column_stats",
        "ducklake_schema_versions",
    ] {
        transaction.execute(
            &format!(
                "DELETE FROM {table} WHERE table_id NOT IN (SELECT table_id FROM ducklake_table)"
            ),
            [],
        )?;
    }
    Ok(())
}

impl Default for History {
    fn default() -> Self {
        Self {
            age: TimeDelta::days(1),
            versions: 10_000,
        }
    }
}
