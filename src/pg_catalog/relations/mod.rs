//! The base relations: snapshot to rows.

pub mod access;
mod activity;
mod attributes;
pub mod constraints;
mod definitions;
mod dependencies;
mod families;
pub mod functions;
mod grants;
mod large_objects;
pub mod objects;
mod policies;
mod ranges;
pub mod roles;
pub mod search;
mod settings;
mod standard;
mod triggers;
pub mod types;
mod user_types;

use arrow::record_batch::RecordBatch;

use super::data::File;
use super::{SystemRelation, Value, value};
use crate::base::{Error, Oid, Result};
use crate::statement::StatementContext;

/// Fills a base relation.
type Fill = fn(&SystemRelation, &StatementContext) -> Result<RecordBatch>;

/// How a base relation is filled.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    fill: Fill,
    /// Whether its rows follow from the snapshot alone, whoever asks and when.
    lasts: bool,
}

impl Source {
    /// The relation's rows for a statement. Those that follow from the snapshot are made once and
    /// kept with it.
    ///
    /// # Errors
    /// `XX000` if the relation cannot be built.
    pub(super) fn rows(
        self,
        relation: &SystemRelation,
        context: &StatementContext,
    ) -> Result<RecordBatch> {
        if !self.lasts {
            return (self.fill)(relation, context);
        }
        let rows = context
            .snapshot
            .remembered(relation.oid, || (self.fill)(relation, context))?;
        Ok(RecordBatch::clone(&rows))
    }
}

/// What fills the relation, if anything does.
pub(super) fn source(schema: Oid, name: &str) -> Option<Source> {
    let of = |fill: Option<Fill>, lasts| fill.map(|fill| Source { fill, lasts });
    match schema {
        Oid::PG_CATALOG => of(lasting(name), true).or_else(|| of(passing(name), false)),
        Oid::INFORMATION_SCHEMA => match name {
            "column_privileges" => of(Some(grants::column_privileges), false),
            "table_privileges" => of(Some(grants::table_privileges), false),
            _ => standard::fill(name).map(|fill| Source { fill, lasts: true }),
        },
        Oid::COMMONS_SCHEMA if name == "publications" => of(Some(grants::publications), false),
        _ => None,
    }
}

/// What fills a relation of `pg_catalog` from the snapshot.
fn lasting(name: &str) -> Option<Fill> {
    Some(match name {
        "pg_aggregate" => access::pg_aggregate,
        "pg_am" => access::pg_am,
        "pg_amop" => access::pg_amop,
        "pg_attribute" => attributes::pg_attribute,
        "pg_auth_members" => roles::pg_auth_members,
        "pg_authid" => roles::pg_authid,
        "pg_cast" => types::pg_cast,
        "pg_class" => objects::pg_class,
        "pg_collation" => types::pg_collation,
        "pg_constraint" => constraints::pg_constraint,
        "pg_database" => roles::pg_database,
        "pg_db_role_setting" => roles::pg_db_role_setting,
        "pg_default_acl" => roles::pg_default_acl,
        "pg_depend" => dependencies::pg_depend,
        "pg_description" => objects::pg_description,
        "pg_enum" => user_types::pg_enum,
        "pg_extension" => objects::pg_extension,
        "pg_foreign_data_wrapper" => objects::pg_foreign_data_wrapper,
        "pg_foreign_server" => objects::pg_foreign_server,
        "pg_foreign_table" => objects::pg_foreign_table,
        "pg_inherits" => families::pg_inherits,
        "pg_partitioned_table" => families::pg_partitioned_table,
        "pg_index" => constraints::pg_index,
        "pg_init_privs" => dependencies::pg_init_privs,
        "pg_language" => types::pg_language,
        "pg_largeobject_metadata" => large_objects::pg_largeobject_metadata,
        "pg_namespace" => objects::pg_namespace,
        "pg_opclass" => access::pg_opclass,
        "pg_operator" => types::pg_operator,
        "pg_opfamily" => access::pg_opfamily,
        "pg_policy" => policies::pg_policy,
        "pg_proc" => functions::pg_proc,
        "pg_range" => types::pg_range,
        "pg_rewrite" => objects::pg_rewrite,
        "pg_sequence" => constraints::pg_sequence,
        "pg_shdepend" => dependencies::pg_shdepend,
        "pg_statistic_ext" => definitions::pg_statistic_ext,
        "pg_shdescription" => roles::pg_shdescription,
        "pg_tablespace" => roles::pg_tablespace,
        "pg_trigger" => triggers::pg_trigger,
        "pg_timezone_abbrevs" => settings::pg_timezone_abbrevs,
        "pg_ts_config" => search::pg_ts_config,
        "pg_ts_config_map" => search::pg_ts_config_map,
        "pg_ts_dict" => search::pg_ts_dict,
        "pg_ts_parser" => search::pg_ts_parser,
        "pg_ts_template" => search::pg_ts_template,
        "pg_type" => types::pg_type,
        _ => return None,
    })
}

/// What fills a relation of `pg_catalog` from what goes on: sessions, settings, the clock, and who
/// asks.
fn passing(name: &str) -> Option<Fill> {
    Some(match name {
        // Names of types depend on who asks.
        "pg_attrdef" => objects::pg_attrdef,
        "pg_cursors" => activity::pg_cursors,
        "pg_largeobject" => large_objects::pg_largeobject,
        "pg_locks" => activity::pg_locks,
        "pg_prepared_statements" => activity::pg_prepared_statements,
        "pg_settings" => settings::pg_settings,
        "pg_stat_activity" => activity::pg_stat_activity,
        "pg_stat_database" => activity::pg_stat_database,
        "pg_stat_gssapi" => activity::pg_stat_gssapi,
        "pg_stat_progress_copy" => activity::pg_stat_progress_copy,
        "pg_stat_ssl" => activity::pg_stat_ssl,
        "pg_timezone_names" => settings::pg_timezone_names,
        _ => return None,
    })
}

/// How one column is read off an item.
type Column<'a, T> = (&'a str, &'a dyn Fn(&T) -> Value);

/// A relation with one row per item. Columns not listed are NULL, or zero where PostgreSQL says NOT
/// NULL.
fn build<T>(
    relation: &SystemRelation,
    items: &[T],
    columns: &[Column<'_, T>],
) -> Result<RecordBatch> {
    debug_assert!(
        columns
            .iter()
            .all(|(name, _)| relation.columns.iter().any(|column| column.name == *name)),
        "{} lacks a column that is filled",
        relation.name
    );
    let mut arrays = Vec::with_capacity(relation.columns.len());
    for column in relation.columns.iter() {
        let filled = columns.iter().find(|(name, _)| *name == column.name);
        let absent = if column.not_null {
            Value::zero(column.ty)
        } else {
            Value::Null
        };
        let values: Vec<_> = match filled {
            Some((_, read)) => items.iter().map(read).collect(),
            None => vec![absent; items.len()],
        };
        arrays.push(value::array(column.ty, &values)?);
    }
    RecordBatch::try_new_with_options(
        relation.arrow_schema(),
        arrays,
        &arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(items.len())),
    )
    .map_err(|error| Error::internal("building a system relation", error))
}

/// A relation with one row per line of a file; `columns` fill what the file leaves out.
fn from_file(
    relation: &SystemRelation,
    file: &File,
    columns: &[(&str, Value)],
) -> Result<RecordBatch> {
    type Reader<'a> = Box<dyn Fn(&Vec<&'static str>) -> Value + 'a>;
    let mut readers: Vec<(&str, Reader<'_>)> = Vec::new();
    for column in relation.columns.iter() {
        if file.position(&column.name).is_some() {
            readers.push((
                &column.name,
                Box::new(move |line| file.value(line, column).unwrap_or(Value::Null)),
            ));
        }
    }
    for (name, constant) in columns {
        readers.push((name, Box::new(move |_| constant.clone())));
    }
    let borrowed: Vec<Column<'_, Vec<&'static str>>> = readers
        .iter()
        .map(|(name, read)| (*name, read.as_ref() as _))
        .collect();
    build(relation, &file.lines, &borrowed)
}

/// Two runs of rows of one relation, one after the other.
fn concat(batches: &[RecordBatch]) -> Result<RecordBatch> {
    let Some(first) = batches.first() else {
        return Err(Error::internal("building a system relation", "no batch"));
    };
    arrow::compute::concat_batches(&first.schema(), batches)
        .map_err(|error| Error::internal("building a system relation", error))
}
