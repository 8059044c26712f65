//! One commit as rows.

use std::collections::HashSet;

use chrono::{SecondsFormat, Utc};
use rusqlite::{Connection, TransactionBehavior, params};

use super::object::{self, differing};
use super::project::{self, Projection};
use super::{Failure, Lake, schema, sqlite_error};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Snapshot;
use crate::storage::CommitRecord;

impl Lake {
    /// Writes the commits, in order, in one SQLite transaction that is on disk when this returns.
    pub(in crate::storage) fn commit(
        &mut self,
        records: &[CommitRecord<'_>],
    ) -> Result<(), Failure> {
        let clean = |error: Error| Failure {
            error,
            unknown: false,
        };
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| clean(sqlite_error("begin a commit", &error)))?;
        for record in records {
            write(&transaction, record).map_err(clean)?;
        }
        transaction.commit().map_err(|error| {
            let error = sqlite_error("commit", &error);
            // A full disk is noticed before the commit is in the log; after other trouble nobody
            // knows.
            let unknown = error.state() != SqlState::DISK_FULL;
            Failure { error, unknown }
        })
    }
}

/// Stores the first snapshot.
pub(super) fn genesis(connection: &Connection, snapshot: &Snapshot) -> Result<()> {
    let failed = |error: rusqlite::Error| sqlite_error("create the catalog", &error);
    let created_by = concat!("commons ", env!("CARGO_PKG_VERSION"));
    for (key, value) in [
        ("version", "1.0"),
        ("created_by", created_by),
        // Set at every open.
        ("data_path", ""),
        ("encrypted", "false"),
    ] {
        connection
            .execute(
                "INSERT INTO ducklake_metadata(key, value) VALUES (?1, ?2)",
                [key, value],
            )
            .map_err(failed)?;
    }
    connection
        .execute(
            "INSERT INTO commons_meta(k, v) VALUES ('format', ?1), ('cluster_id', ?2)",
            [schema::FORMAT.to_string(), uuid::Uuid::new_v4().to_string()],
        )
        .map_err(failed)?;
    let counters = Counters {
        schema_version: 0,
        next_file: 0,
    };
    changes(connection, None, snapshot, counters, Oid::FIRST_USER, None)
}

fn write(connection: &Connection, record: &CommitRecord<'_>) -> Result<()> {
    let counters = connection
        .prepare_cached(
            "SELECT schema_version, next_file_id FROM ducklake_snapshot WHERE snapshot_id = ?1",
        )
        .and_then(|mut statement| {
            statement.query_row([int(record.before.version().0)], |row| {
                Ok(Counters {
                    schema_version: row.get(0)?,
                    next_file: row.get(1)?,
                })
            })
        })
        .map_err(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => foreign_commit(),
            error => sqlite_error("read the catalog", &error),
        })?;
    super::page::write(connection, record)?;
    changes(
        connection,
        Some(record.before),
        record.after,
        counters,
        record.next_oid,
        Some(record.author),
    )
}

/// What counts up from snapshot to snapshot.
#[derive(Debug, Clone, Copy)]
struct Counters {
    schema_version: i64,
    next_file: i64,
}

fn changes(
    connection: &Connection,
    before: Option<&Snapshot>,
    after: &Snapshot,
    counters: Counters,
    next_oid: Oid,
    author: Option<&str>,
) -> Result<()> {
    object::record(connection, before, after)?;

    let mut projection = Projection {
        connection,
        version: int(after.version().0),
        schema_version: counters.schema_version + 1,
        next_file: counters.next_file,
        changes: Vec::new(),
        is_ddl: false,
    };
    let old = before.into_iter().flat_map(Snapshot::schemas);
    for pair in differing(old, after.schemas(), |schema| schema.oid) {
        project::schema(&mut projection, &pair)?;
    }
    let old = before.into_iter().flat_map(Snapshot::relations);
    for pair in differing(old, after.relations(), |relation| relation.oid) {
        project::relation(&mut projection, after, &pair)?;
    }

    let Projection {
        changes,
        is_ddl,
        next_file,
        ..
    } = projection;
    let schema_version = counters.schema_version + i64::from(is_ddl);
    let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => foreign_commit(),
        _ => sqlite_error("write the catalog", &error),
    };
    let time = Utc::now()
        .to_rfc3339_opts(SecondsFormat::Micros, true)
        .replace('T', " ")
        .replace('Z', "+00");
    connection
        .prepare_cached("INSERT INTO ducklake_snapshot VALUES (?1, ?2, ?3, ?4, ?5)")
        .and_then(|mut statement| {
            statement.execute(params![
                int(after.version().0),
                time,
                schema_version,
                next_oid.0,
                next_file
            ])
        })
        .map_err(failed)?;
    connection
        .prepare_cached("INSERT INTO ducklake_snapshot_changes VALUES (?1, ?2, ?3, NULL, NULL)")
        .and_then(|mut statement| {
            statement.execute(params![
                int(after.version().0),
                deduplicated(changes).join(","),
                author
            ])
        })
        .map_err(failed)?;
    Ok(())
}

fn deduplicated(mut changes: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    changes.retain(|change| seen.insert(change.clone()));
    changes
}

/// SQLite counts in signed 64 bits; nothing here comes near the end of them.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn foreign_commit() -> Error {
    Error::new(
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        "the catalog file lake.sqlite was changed by another program",
    )
    .detail("commons is the only writer of its data directory.")
    .hint("Attach the lake read-only in other programs, and restart commons.")
}
