//! Configurations, dictionaries, parsers and templates of text search: PostgreSQL's own.

use std::sync::LazyLock;

use arrow::record_batch::RecordBatch;

use super::super::data::File;
use super::from_file;
use crate::base::{Error, Oid, Result, SqlState};
use crate::pg_catalog::SystemRelation;
use crate::statement::StatementContext;
use crate::types::PgType;
use crate::types::search::{Config, Dictionary};

macro_rules! relations {
    ($($relation:ident $file:ident $path:literal;)*) => {
        $(
            static $file: LazyLock<File> = LazyLock::new(|| File::new(include_str!($path)));

            pub(super) fn $relation(
                relation: &SystemRelation,
                _: &StatementContext,
            ) -> Result<RecordBatch> {
                from_file(relation, &$file, &[])
            }
        )*
    };
}

relations! {
    pg_ts_config CONFIGS "../../../sql/pg_catalog/pg_ts_config.tsv";
    pg_ts_config_map MAPS "../../../sql/pg_catalog/pg_ts_config_map.tsv";
    pg_ts_dict DICTIONARIES "../../../sql/pg_catalog/pg_ts_dict.tsv";
    pg_ts_parser PARSERS "../../../sql/pg_catalog/pg_ts_parser.tsv";
    pg_ts_template TEMPLATES "../../../sql/pg_catalog/pg_ts_template.tsv";
}

fn has(file: &File, oid: Oid) -> bool {
    file.lines.iter().any(|line| file.oid(line, "oid") == oid)
}

/// Whether a configuration has this OID.
pub fn is_config(oid: Oid) -> bool {
    has(&CONFIGS, oid)
}

/// Whether a dictionary has this OID.
pub fn is_dictionary(oid: Oid) -> bool {
    has(&DICTIONARIES, oid)
}

/// Whether a parser has this OID.
pub fn is_parser(oid: Oid) -> bool {
    has(&PARSERS, oid)
}

/// Whether a template has this OID.
pub fn is_template(oid: Oid) -> bool {
    has(&TEMPLATES, oid)
}

/// What a configuration, or a dictionary, is called.
pub fn name(reg: PgType, oid: Oid) -> Option<String> {
    match reg.is(PgType::REGCONFIG) {
        true => Config::of(oid.0).map(|config| config.name().to_owned()),
        false => Dictionary::of(oid.0).map(|dictionary| dictionary.name().into_owned()),
    }
}

/// The configuration, or the dictionary, of a name.
pub fn named(reg: PgType, name: &str) -> Option<Oid> {
    Some(Oid(match reg.is(PgType::REGCONFIG) {
        true => Config::named(name)?.oid(),
        false => Dictionary::named(name)?.oid(),
    }))
}

/// `42704`
pub fn missing(reg: PgType, name: &str) -> Error {
    let what = match reg.is(PgType::REGCONFIG) {
        true => "configuration",
        false => "dictionary",
    };
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("text search {what} \"{name}\" does not exist"),
    )
}
