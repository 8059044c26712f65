//! Schemas, tables, views and files as other readers of a DuckLake see them.
//!
//! Not projected: system schemas (a reader has its own), foreign tables, defaults (they are for
//! writers, and their text is PostgreSQL's), comments on schemas (DuckLake has none), grants
//! (DuckLake has none: whoever may open the files may read).

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, Params, params};

use super::object::Pair;
use super::record::int;
use super::sqlite_error;
use crate::base::{Error, Oid, Result, SegmentId};
use crate::catalog::{
    Column, ColumnStatistics, Location, Relation, RelationKind, Schema, Segment, Snapshot, View,
};
use crate::storage::{files, form};
use crate::types::dimensions;

/// One snapshot being written.
pub(super) struct Projection<'a> {
    pub(super) connection: &'a Connection,
    pub(super) version: i64,
    /// The schema version if anything but rows changes.
    pub(super) schema_version: i64,
    pub(super) next_file: i64,
    /// DuckLake's `changes_made`.
    pub(super) changes: Vec<String>,
    /// Whether anything but rows changed.
    pub(super) is_ddl: bool,
}

impl Projection<'_> {
    fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params))
            .map_err(|error| sqlite_error("write the catalog", &error))
    }

    fn ddl(&mut self, change: String) {
        self.is_ddl = true;
        self.changes.push(change);
    }

    /// Ends the live row of `table` whose `key` is `id`.
    fn end(&self, table: &str, key: &str, id: Oid) -> Result<()> {
        self.execute(
            &format!(
                "UPDATE {table} SET end_snapshot = ?1 WHERE {key} = ?2 AND end_snapshot IS NULL"
            ),
            params![self.version, id.0],
        )
        .map(drop)
    }
}

/// Whether other readers see the schema.
fn is_projected(schema: Oid) -> bool {
    !schema.is_system() || schema == Oid::PUBLIC_SCHEMA
}

pub(super) fn schema(out: &mut Projection<'_>, pair: &Pair<'_, Schema>) -> Result<()> {
    match (pair.before, pair.after) {
        (None, Some(new)) if is_projected(new.oid) => {
            // A table keeps its directory when it moves between schemas, so schemas have none.
            out.execute(
                "INSERT INTO ducklake_schema VALUES (?1, ?2, ?3, NULL, ?4, '', 1)",
                params![new.oid.0, new_uuid(), out.version, new.name],
            )?;
            out.ddl(format!("created_schema:{}", quoted(&new.name)));
        }
        (Some(old), None) if is_projected(old.oid) => {
            out.end("ducklake_schema", "schema_id", old.oid)?;
            out.ddl(format!("dropped_schema:{}", old.oid));
        }
        (Some(old), Some(new)) if is_projected(new.oid) && old.name != new.name => {
            // DuckLake has one row per schema for all time, so a rename shows in old snapshots too.
            out.execute(
                "UPDATE ducklake_schema SET schema_name = ?1 WHERE schema_id = ?2",
                params![new.name, new.oid.0],
            )?;
            out.ddl(format!("created_schema:{}", quoted(&new.name)));
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn relation(
    out: &mut Projection<'_>,
    after: &Snapshot,
    pair: &Pair<'_, Relation>,
) -> Result<()> {
    let shown = |relation: &&Relation| is_projected(relation.schema);
    let (old, new) = (pair.before.filter(shown), pair.after.filter(shown));
    let Some(any) = new.or(old) else {
        return Ok(());
    };
    match &any.kind {
        RelationKind::Table { .. } | RelationKind::Materialized { .. } => {
            table(out, after, old, new)?;
            columns(out, any.oid, old, new)?;
            segments(out, any.oid, old, new)?;
        }
        RelationKind::View(_) => view(out, after, old, new)?,
        RelationKind::Foreign { .. } | RelationKind::Sequence(_) => return Ok(()),
    }
    comment(out, any.oid, old, new)
}

fn table(
    out: &mut Projection<'_>,
    after: &Snapshot,
    old: Option<&Relation>,
    new: Option<&Relation>,
) -> Result<()> {
    let placed = |relation: &Relation| (relation.schema, relation.name.clone());
    if old.map(placed) == new.map(placed) {
        return Ok(());
    }
    if let Some(old) = old {
        out.end("ducklake_table", "table_id", old.oid)?;
    }
    let Some(new) = new else {
        if let Some(old) = old {
            out.ddl(format!("dropped_table:{}", old.oid));
        }
        return Ok(());
    };
    out.execute(
        "INSERT INTO ducklake_table VALUES (?1,
            coalesce((SELECT table_uuid FROM ducklake_table WHERE table_id = ?1 LIMIT 1), ?2),
            ?3, NULL, ?4, ?5, ?6, 1)",
        params![
            new.oid.0,
            new_uuid(),
            out.version,
            new.schema.0,
            new.name,
            format!("t{}/", new.oid),
        ],
    )?;
    out.ddl(format!("created_table:{}", qualified(after, new)));
    schema_version(out, new.oid)
}

fn schema_version(out: &Projection<'_>, table: Oid) -> Result<()> {
    out.execute(
        "INSERT INTO ducklake_schema_versions
         SELECT ?1, ?2, ?3 WHERE NOT EXISTS (
            SELECT 1 FROM ducklake_schema_versions
            WHERE begin_snapshot = ?1 AND table_id = ?3)",
        params![out.version, out.schema_version, table.0],
    )
    .map(drop)
}

/// What a reader sees of a column.
fn shown(column: &Column) -> (&str, String, bool) {
    (&column.name, form::lake_type(column.ty), column.not_null)
}

fn columns(
    out: &mut Projection<'_>,
    table: Oid,
    old: Option<&Relation>,
    new: Option<&Relation>,
) -> Result<()> {
    let by_attnum = |relation: Option<&Relation>| -> HashMap<i16, Column> {
        relation
            .iter()
            .flat_map(|relation| &relation.columns)
            .map(|column| (column.attnum, column.clone()))
            .collect()
    };
    let (before, now) = (by_attnum(old), by_attnum(new));
    let mut altered = false;
    for column in before.values() {
        if now.get(&column.attnum).map(shown) != Some(shown(column)) {
            altered = true;
            out.execute(
                "UPDATE ducklake_column SET end_snapshot = ?1
                 WHERE table_id = ?2 AND (column_id = ?3 OR parent_column = ?3)
                 AND end_snapshot IS NULL",
                params![out.version, table.0, column.attnum],
            )?;
        }
        if now.get(&column.attnum).map(|new| &new.comment) != Some(&column.comment) {
            out.execute(
                "UPDATE ducklake_column_tag SET end_snapshot = ?1
                 WHERE table_id = ?2 AND column_id = ?3 AND end_snapshot IS NULL",
                params![out.version, table.0, column.attnum],
            )?;
        }
    }
    for column in new.iter().flat_map(|relation| &relation.columns) {
        let previous = before.get(&column.attnum);
        if previous.map(shown) != Some(shown(column)) {
            altered = true;
            insert_column(out, table, column)?;
        }
        if previous.and_then(|old| old.comment.as_ref()) != column.comment.as_ref()
            && let Some(comment) = &column.comment
        {
            out.execute(
                "INSERT INTO ducklake_column_tag VALUES (?1, ?2, ?3, NULL, 'comment', ?4)",
                params![table.0, column.attnum, out.version, comment],
            )?;
            out.ddl(format!("altered_table:{table}"));
        }
    }
    if altered && old.is_some() && new.is_some() {
        out.ddl(format!("altered_table:{table}"));
        schema_version(out, table)?;
    }
    Ok(())
}

fn insert_column(out: &Projection<'_>, table: Oid, column: &Column) -> Result<()> {
    const INSERT: &str = "INSERT INTO ducklake_column VALUES
        (?1, ?2, NULL, ?3, ?4, ?5, ?6, NULL, 'NULL', ?7, ?8, ?9, 'duckdb')";
    let is_list = column.ty.element().is_some();
    out.execute(
        INSERT,
        params![
            column.attnum,
            out.version,
            table.0,
            column.attnum,
            column.name,
            form::lake_type(column.ty),
            !column.not_null,
            None::<i64>,
            if is_list { "" } else { "literal" },
        ],
    )?;
    let Some(element) = column.ty.element() else {
        return Ok(());
    };
    let depth = dimensions(&form::stored_type(column.ty));
    for level in 1..=depth {
        let (parent, id) = (level - 1, level);
        let [parent, id] = [parent, id].map(|level| form::element_id(column.attnum.into(), level));
        let (ty, default) = match level == depth {
            true => (form::lake_element_type(element), "literal"),
            false => (form::lake_type(column.ty), ""),
        };
        out.execute(
            INSERT,
            params![
                id,
                out.version,
                table.0,
                id,
                "element",
                ty,
                true,
                parent,
                default
            ],
        )?;
    }
    Ok(())
}

fn view(
    out: &mut Projection<'_>,
    after: &Snapshot,
    old: Option<&Relation>,
    new: Option<&Relation>,
) -> Result<()> {
    let shown = |relation: &Relation| {
        let names: Vec<String> = relation.columns.iter().map(|c| c.name.clone()).collect();
        (
            relation.schema,
            relation.name.clone(),
            names,
            query(relation),
        )
    };
    if old.map(shown) == new.map(shown) {
        return Ok(());
    }
    if let Some(old) = old {
        out.end("ducklake_view", "view_id", old.oid)?;
    }
    let Some(new) = new else {
        if let Some(old) = old {
            out.ddl(format!("dropped_view:{}", old.oid));
        }
        return Ok(());
    };
    let aliases: Vec<String> = new.columns.iter().map(|c| quoted(&c.name)).collect();
    out.execute(
        "INSERT INTO ducklake_view VALUES (?1,
            coalesce((SELECT view_uuid FROM ducklake_view WHERE view_id = ?1 LIMIT 1), ?2),
            ?3, NULL, ?4, ?5, 'duckdb', ?6, ?7)",
        params![
            new.oid.0,
            new_uuid(),
            out.version,
            new.schema.0,
            new.name,
            query(new),
            aliases.join(","),
        ],
    )?;
    match old {
        Some(old) if old.name == new.name => out.ddl(format!("altered_view:{}", new.oid)),
        Some(_) | None => out.ddl(format!("created_view:{}", qualified(after, new))),
    }
    Ok(())
}

fn query(relation: &Relation) -> Option<String> {
    match &relation.kind {
        RelationKind::View(View { query, .. }) => Some(query.clone()),
        RelationKind::Table { .. }
        | RelationKind::Materialized { .. }
        | RelationKind::Sequence(_)
        | RelationKind::Foreign { .. } => None,
    }
}

fn comment(
    out: &mut Projection<'_>,
    oid: Oid,
    old: Option<&Relation>,
    new: Option<&Relation>,
) -> Result<()> {
    let (before, now) = (
        old.and_then(|relation| relation.comment.as_ref()),
        new.and_then(|relation| relation.comment.as_ref()),
    );
    if before == now {
        return Ok(());
    }
    if before.is_some() {
        out.end("ducklake_tag", "object_id", oid)?;
    }
    if let Some(text) = now {
        out.execute(
            "INSERT INTO ducklake_tag VALUES (?1, ?2, NULL, 'comment', ?3)",
            params![oid.0, out.version, text],
        )?;
    }
    if let Some(new) = new {
        let what = match new.kind {
            RelationKind::View(_) => "view",
            RelationKind::Table { .. }
            | RelationKind::Materialized { .. }
            | RelationKind::Sequence(_)
            | RelationKind::Foreign { .. } => "table",
        };
        out.ddl(format!("altered_{what}:{oid}"));
    }
    Ok(())
}

fn segments(
    out: &mut Projection<'_>,
    table: Oid,
    old: Option<&Relation>,
    new: Option<&Relation>,
) -> Result<()> {
    let before = old.map_or(&[][..], Relation::segments);
    let now = new.map_or(&[][..], Relation::segments);
    let ids = |list: &[std::sync::Arc<Segment>]| -> HashSet<SegmentId> {
        list.iter().map(|segment| segment.id).collect()
    };
    let (were, are) = (ids(before), ids(now));
    let mut removed = 0;
    for segment in before.iter().filter(|segment| !are.contains(&segment.id)) {
        removed += out.execute(
            "UPDATE ducklake_data_file SET end_snapshot = ?1
             WHERE path = ?2 AND table_id = ?3 AND end_snapshot IS NULL",
            params![out.version, file_name(segment.id), table.0],
        )?;
    }
    let added: Vec<&Segment> = now
        .iter()
        .filter(|segment| !were.contains(&segment.id))
        .map(AsRef::as_ref)
        .collect();
    let Some(new) = new else {
        return Ok(());
    };
    if removed == 0 && added.is_empty() {
        return Ok(());
    }
    let mut next_row: i64 = out
        .connection
        .prepare_cached("SELECT next_row_id FROM ducklake_table_stats WHERE table_id = ?1")
        .and_then(|mut statement| {
            statement
                .query([table.0])?
                .next()?
                .map_or(Ok(0), |r| r.get(0))
        })
        .map_err(|error| sqlite_error("read the catalog", &error))?;
    if removed > 0 {
        out.changes.push(format!("deleted_from_table:{table}"));
    }
    if !added.is_empty() {
        out.changes.push(format!("inserted_into_table:{table}"));
    }
    for segment in added {
        insert_file(out, new, segment, next_row)?;
        next_row += int(segment.rows);
    }
    table_statistics(out, new, next_row)?;
    column_statistics(out, old, new)
}

fn file_name(id: SegmentId) -> String {
    format!("{id}.parquet")
}

fn insert_file(
    out: &mut Projection<'_>,
    table: &Relation,
    segment: &Segment,
    first_row: i64,
) -> Result<()> {
    let Location::File { path, footer_bytes } = &segment.location else {
        return Err(Error::internal("committing", "a segment is not sealed"));
    };
    let name = file_name(segment.id);
    if *path != files::table_directory(table.oid).join(&name) {
        return Err(Error::internal(
            "committing",
            format!("segment {} is in another table's directory", segment.id),
        ));
    }
    let file = out.next_file;
    out.next_file += 1;
    out.execute(
        "INSERT INTO ducklake_data_file VALUES
            (?1, ?2, ?3, NULL, NULL, ?4, 1, 'parquet', ?5, ?6, ?7, ?8, NULL, NULL, NULL, NULL)",
        params![
            file,
            table.oid.0,
            out.version,
            name,
            int(segment.rows),
            int(segment.bytes),
            int(*footer_bytes),
            first_row,
        ],
    )?;
    for column in &table.columns {
        let Some(statistics) = of_column(segment, column) else {
            continue;
        };
        out.execute(
            "INSERT INTO ducklake_file_column_stats VALUES
                (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, NULL)",
            params![
                file,
                table.oid.0,
                form::leaf_id(column),
                int(statistics.bytes),
                int(segment.rows.saturating_sub(statistics.nulls)),
                int(statistics.nulls),
                statistics.min,
                statistics.max,
                statistics.contains_nan,
            ],
        )?;
    }
    Ok(())
}

fn of_column<'a>(segment: &'a Segment, column: &Column) -> Option<&'a ColumnStatistics> {
    segment
        .columns
        .iter()
        .find(|statistics| statistics.attnum == column.attnum)
}

fn table_statistics(out: &Projection<'_>, table: &Relation, next_row: i64) -> Result<()> {
    let sum = |of: fn(&Segment) -> u64| -> i64 {
        int(table.segments().iter().map(|segment| of(segment)).sum())
    };
    let (rows, bytes) = (sum(|segment| segment.rows), sum(|segment| segment.bytes));
    let updated = out.execute(
        "UPDATE ducklake_table_stats SET record_count = ?2, next_row_id = ?3, file_size_bytes = ?4
         WHERE table_id = ?1",
        params![table.oid.0, rows, next_row, bytes],
    )?;
    if updated == 0 {
        out.execute(
            "INSERT INTO ducklake_table_stats VALUES (?1, ?2, ?3, ?4)",
            params![table.oid.0, rows, next_row, bytes],
        )?;
    }
    Ok(())
}

/// Whether a column has NULLs and NaNs anywhere. Bounds of whole tables are left open: they would
/// have to be compared by type, and every file has its own.
fn column_statistics(out: &Projection<'_>, old: Option<&Relation>, new: &Relation) -> Result<()> {
    for column in &new.columns {
        let has = |relation: &Relation| {
            let of = |segment: &Segment| of_column(segment, column).cloned();
            let statistics = || relation.segments().iter().map(|segment| of(segment));
            (
                statistics().any(|s| s.is_none_or(|s| s.nulls > 0)),
                statistics()
                    .flatten()
                    .filter_map(|s| s.contains_nan)
                    .reduce(|a, b| a | b),
            )
        };
        let now = has(new);
        if old.is_some_and(|old| !old.segments().is_empty() && has(old) == now) {
            continue;
        }
        let updated = out.execute(
            "UPDATE ducklake_table_column_stats SET contains_null = ?3, contains_nan = ?4
             WHERE table_id = ?1 AND column_id = ?2",
            params![new.oid.0, form::leaf_id(column), now.0, now.1],
        )?;
        if updated == 0 {
            out.execute(
                "INSERT INTO ducklake_table_column_stats
                 VALUES (?1, ?2, ?3, ?4, NULL, NULL, NULL)",
                params![new.oid.0, form::leaf_id(column), now.0, now.1],
            )?;
        }
    }
    Ok(())
}

fn new_uuid() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A name in DuckLake's always quoted form.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn qualified(snapshot: &Snapshot, relation: &Relation) -> String {
    let name = snapshot.qualified_name(relation);
    format!("{}.{}", quoted(&name.schema), quoted(&name.name))
}
