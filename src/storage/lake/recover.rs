//! What a server that starts finds.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row};
use serde::de::DeserializeOwned;

use super::object::Kind;
use super::sqlite_error;
use crate::base::{Error, Oid, Result, SegmentId, SqlState, Version};
use crate::catalog::{
    ColumnStatistics, Database, Location, Membership, Relation, RelationKind, Routine, Segment,
    Snapshot,
};
use crate::storage::{SequenceState, files, form};

/// The catalog as of the last commit.
#[derive(Debug)]
pub(in crate::storage) struct Loaded {
    pub(in crate::storage) snapshot: Snapshot,
    pub(in crate::storage) next_oid: Oid,
    pub(in crate::storage) sequences: Vec<SequenceState>,
}

/// A value of `commons_meta`.
pub(super) fn meta(connection: &Connection, key: &str) -> Result<Option<String>> {
    let has_table: bool = connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'commons_meta')",
            [],
            |row| row.get(0),
        )
        .map_err(|error| sqlite_error("read the catalog", &error))?;
    if !has_table {
        return Ok(None);
    }
    connection
        .query_row("SELECT v FROM commons_meta WHERE k = ?1", [key], |row| {
            row.get(0)
        })
        .optional()
        .map_err(|error| sqlite_error("read the catalog", &error))
}

pub(super) fn load(connection: &Connection) -> Result<Loaded> {
    let failed = |error: rusqlite::Error| sqlite_error("read the catalog", &error);
    let (version, next_oid) = connection
        .query_row(
            "SELECT snapshot_id, next_catalog_id FROM ducklake_snapshot
             ORDER BY snapshot_id DESC LIMIT 1",
            [],
            |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)),
        )
        .map_err(failed)?;
    let version = Version(u64::try_from(version).map_err(|_| corrupt("snapshot", "its number"))?);

    let database = objects::<Database>(connection, Kind::Database)?
        .pop()
        .ok_or_else(|| corrupt("database", "its row"))?;
    let mut segments = segments(connection)?;
    let mut relations = objects::<Relation>(connection, Kind::Relation)?;
    for relation in &mut relations {
        let oid = relation.oid;
        if let RelationKind::Table { segments: list }
        | RelationKind::Materialized { segments: list, .. } = &mut relation.kind
        {
            *list = segments.remove(&oid).unwrap_or_default().into();
        }
    }
    let snapshot = Snapshot::from_objects(
        version,
        database,
        objects(connection, Kind::Schema)?,
        relations,
        objects(connection, Kind::Role)?,
        objects::<Membership>(connection, Kind::Membership)?,
        objects(connection, Kind::Type)?,
    )
    .with_routines(objects::<Routine>(connection, Kind::Routine)?)
    .with_default_acls(objects(connection, Kind::DefaultAcl)?)
    .with_large_objects(objects(connection, Kind::LargeObject)?)
    .with_definitions(objects(connection, Kind::Definition)?);
    super::page::create(connection)?;
    let sequences = super::sequence::load(connection, &snapshot)?;
    Ok(Loaded {
        sequences,
        snapshot,
        next_oid: Oid(next_oid),
    })
}

fn objects<T: DeserializeOwned>(connection: &Connection, kind: Kind) -> Result<Vec<T>> {
    let failed = |error: rusqlite::Error| sqlite_error("read the catalog", &error);
    let mut statement = connection
        .prepare(
            "SELECT body FROM commons_object WHERE kind = ?1 AND end_snapshot IS NULL
             ORDER BY oid, oid2",
        )
        .map_err(failed)?;
    let mut rows = statement.query([kind.as_str()]).map_err(failed)?;
    let mut objects = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let body: String = row.get(0).map_err(failed)?;
        objects.push(
            serde_json::from_str(&body)
                .map_err(|error| corrupt(kind.as_str(), &error.to_string()))?,
        );
    }
    Ok(objects)
}

/// The live segments of every table, in the order they were added.
fn segments(connection: &Connection) -> Result<HashMap<Oid, Vec<Arc<Segment>>>> {
    let failed = |error: rusqlite::Error| sqlite_error("read the catalog", &error);
    let mut statistics = statistics(connection)?;
    let mut statement = connection
        .prepare(
            "SELECT data_file_id, table_id, path, record_count, file_size_bytes, footer_size
             FROM ducklake_data_file WHERE end_snapshot IS NULL ORDER BY table_id, data_file_id",
        )
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut tables: HashMap<Oid, Vec<Arc<Segment>>> = HashMap::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let file: i64 = row.get(0).map_err(failed)?;
        let table = Oid(row.get(1).map_err(failed)?);
        let name: String = row.get(2).map_err(failed)?;
        let id = Path::new(&name)
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok())
            .ok_or_else(|| corrupt("data file", &name))?;
        let segment = Segment {
            id: SegmentId(id),
            rows: unsigned(row, 3)?,
            bytes: unsigned(row, 4)?,
            location: Location::File {
                path: files::table_directory(table).join(&name),
                footer_bytes: unsigned(row, 5)?,
            },
            columns: statistics.remove(&file).unwrap_or_default(),
        };
        tables.entry(table).or_default().push(Arc::new(segment));
    }
    Ok(tables)
}

fn statistics(connection: &Connection) -> Result<HashMap<i64, Vec<ColumnStatistics>>> {
    let failed = |error: rusqlite::Error| sqlite_error("read the catalog", &error);
    let mut statement = connection
        .prepare(
            "SELECT s.data_file_id, s.column_id, s.column_size_bytes, s.null_count,
                    s.min_value, s.max_value, s.contains_nan
             FROM ducklake_file_column_stats s JOIN ducklake_data_file f USING (data_file_id)
             WHERE f.end_snapshot IS NULL",
        )
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut files: HashMap<i64, Vec<ColumnStatistics>> = HashMap::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let column: i64 = row.get(1).map_err(failed)?;
        files
            .entry(row.get(0).map_err(failed)?)
            .or_default()
            .push(ColumnStatistics {
                attnum: form::attnum_of(column).ok_or_else(|| corrupt("column", "its number"))?,
                bytes: unsigned(row, 2)?,
                nulls: unsigned(row, 3)?,
                min: row.get(4).map_err(failed)?,
                max: row.get(5).map_err(failed)?,
                contains_nan: row.get(6).map_err(failed)?,
            });
    }
    for columns in files.values_mut() {
        columns.sort_by_key(|statistics| statistics.attnum);
    }
    Ok(files)
}

fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row
        .get(column)
        .map_err(|error| sqlite_error("read the catalog", &error))?;
    u64::try_from(number).map_err(|_| corrupt("data file", "a negative number"))
}

fn corrupt(what: &str, why: &str) -> Error {
    Error::new(
        SqlState::DATA_CORRUPTED,
        format!("the catalog file lake.sqlite has a {what} that cannot be read"),
    )
    .detail(format!("Unreadable: {why}."))
    .hint("Restore the data directory from a backup.")
}
