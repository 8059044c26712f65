//! What a table was told about how it is stored, sampled and replicated. There are no pages and no
//! replicas here, so none of it changes anything; it is kept for whoever asks the catalogs, and for
//! dumps, and checked as PostgreSQL checks it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{Error, Oid, Result, SqlState};

/// Storage parameters, names and values as written, in the order in which they were set.
pub type Parameters = Vec<(String, String)>;

/// Parameters that are set, to a value, and reset.
pub type ParameterChanges = Vec<(String, Option<String>)>;

/// All of it, of one relation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tuning {
    /// UNLOGGED. Rows are stored durably all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlogged: bool,
    /// Storage parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Parameters,
    /// Of single columns, by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<i16, ColumnTuning>,
    /// REPLICA IDENTITY
    #[serde(default, skip_serializing_if = "ReplicaIdentity::is_default")]
    pub replica_identity: ReplicaIdentity,
    /// CLUSTER ON
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clustered_on: Option<Oid>,
}

/// What a column was told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnTuning {
    /// SET STATISTICS
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<i32>,
    /// SET STORAGE, as `pg_attribute` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<char>,
    /// COMPRESSION, as `pg_attribute` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<char>,
    /// SET (…)
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Parameters,
}

/// What would tell the rows of a table apart elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplicaIdentity {
    /// The primary key.
    #[default]
    Default,
    /// Nothing.
    Nothing,
    /// The whole row.
    Full,
    /// A unique index.
    Index(Oid),
}

impl ReplicaIdentity {
    fn is_default(&self) -> bool {
        *self == Self::Default
    }

    /// `pg_class.relreplident`
    pub fn letter(self) -> char {
        match self {
            Self::Default => 'd',
            Self::Nothing => 'n',
            Self::Full => 'f',
            Self::Index(_) => 'i',
        }
    }
}

impl Tuning {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What column `attnum` was told.
    pub fn column(&mut self, attnum: i16) -> &mut ColumnTuning {
        self.columns.entry(attnum).or_default()
    }
}

/// What has storage parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tuned<'a> {
    /// A table or materialized view. What begins with `toast.` is of the table beside it.
    Table,
    /// The table beside a table, for its long values.
    Toast,
    /// An index, by its access method.
    Index(&'a str),
    /// A column.
    Column,
    /// A view.
    View,
}

/// What a parameter takes.
enum Takes {
    Bool,
    Int(i64, i64),
    Real(f64, f64),
    /// The values, and what is said of them.
    Enum(&'static [&'static str], &'static str),
}

const AGES: i64 = 2_000_000_000;
const MAX: i64 = i32::MAX as i64;
const SWITCHES: &str = "\"on\", \"off\", and \"auto\"";
const CHECKS: &str = "\"local\" and \"cascaded\"";

fn takes(of: Tuned<'_>, name: &str) -> Option<Takes> {
    Some(match (of, name) {
        (Tuned::View, "security_barrier" | "security_invoker") => Takes::Bool,
        (Tuned::View, "check_option") => Takes::Enum(&["local", "cascaded"], CHECKS),
        (Tuned::Table, "fillfactor") => Takes::Int(10, 100),
        (Tuned::Table, "toast_tuple_target") => Takes::Int(128, 8160),
        (Tuned::Table, "parallel_workers") => Takes::Int(0, 1024),
        (Tuned::Table, "user_catalog_table" | "vacuum_truncate" | "autovacuum_enabled") => {
            Takes::Bool
        }
        (Tuned::Table, "vacuum_index_cleanup") => Takes::Enum(&["auto", "on", "off"], SWITCHES),
        (Tuned::Table, "log_autovacuum_min_duration" | "autovacuum_vacuum_insert_threshold") => {
            Takes::Int(-1, MAX)
        }
        (Tuned::Table, "autovacuum_vacuum_threshold" | "autovacuum_analyze_threshold") => {
            Takes::Int(0, MAX)
        }
        (Tuned::Table, "autovacuum_vacuum_cost_limit") => Takes::Int(1, 10_000),
        (Tuned::Table, "autovacuum_freeze_min_age" | "autovacuum_multixact_freeze_min_age") => {
            Takes::Int(0, AGES / 2)
        }
        (Tuned::Table, "autovacuum_freeze_max_age") => Takes::Int(100_000, AGES),
        (Tuned::Table, "autovacuum_multixact_freeze_max_age") => Takes::Int(10_000, AGES),
        (Tuned::Table, "autovacuum_freeze_table_age" | "autovacuum_multixact_freeze_table_age") => {
            Takes::Int(0, AGES)
        }
        (
            Tuned::Table,
            "autovacuum_vacuum_cost_delay"
            | "autovacuum_vacuum_scale_factor"
            | "autovacuum_vacuum_insert_scale_factor"
            | "autovacuum_analyze_scale_factor",
        ) => Takes::Real(0.0, 100.0),
        (Tuned::Index("btree" | "hash" | "gist" | "spgist"), "fillfactor") => Takes::Int(10, 100),
        (Tuned::Index("btree"), "deduplicate_items") => Takes::Bool,
        (Tuned::Index("gist"), "buffering") => Takes::Enum(&["auto", "on", "off"], SWITCHES),
        (Tuned::Index("gin"), "fastupdate") => Takes::Bool,
        (Tuned::Index("gin"), "gin_pending_list_limit") => Takes::Int(64, MAX),
        (Tuned::Index("brin"), "pages_per_range") => Takes::Int(1, 131_072),
        (Tuned::Index("brin"), "autosummarize") => Takes::Bool,
        (
            Tuned::Toast,
            "fillfactor"
            | "toast_tuple_target"
            | "parallel_workers"
            | "user_catalog_table"
            | "autovacuum_analyze_threshold"
            | "autovacuum_analyze_scale_factor",
        ) => return None,
        (Tuned::Toast, name) => return takes(Tuned::Table, name),
        (Tuned::Column, "n_distinct" | "n_distinct_inherited") => Takes::Real(-1.0, f64::MAX),
        _ => return None,
    })
}

/// That a storage parameter is there and takes the value.
///
/// # Errors
/// `22023`
pub fn check_parameter(of: Tuned<'_>, name: &str, value: &str) -> Result<()> {
    if let (Tuned::Table, Some(name)) = (of, name.strip_prefix("toast.")) {
        return check_parameter(Tuned::Toast, name, value);
    }
    let Some(takes) = takes(of, name) else {
        return Err(invalid(format!("unrecognized parameter \"{name}\"")));
    };
    let wrong = |kind: &str| {
        invalid(format!(
            "invalid value for {kind} option \"{name}\": {value}"
        ))
    };
    let outside = |low: String, high: String| {
        invalid(format!("value {value} out of bounds for option \"{name}\"")).detail(format!(
            "Valid values are between \"{low}\" and \"{high}\"."
        ))
    };
    match takes {
        Takes::Bool => match is_bool(value) {
            true => Ok(()),
            false => Err(wrong("boolean")),
        },
        Takes::Int(low, high) => match value.parse::<i64>() {
            Ok(number) if (low..=high).contains(&number) => Ok(()),
            Ok(number) if i32::try_from(number).is_ok() => {
                Err(outside(low.to_string(), high.to_string()))
            }
            Ok(_) | Err(_) => Err(wrong("integer")),
        },
        Takes::Real(low, high) => match value.parse::<f64>() {
            Ok(number) if (low..=high).contains(&number) => Ok(()),
            Ok(_) => Err(outside(format!("{low:.6}"), format!("{high:.6}"))),
            Err(_) => Err(wrong("floating point")),
        },
        Takes::Enum(values, are) => match values.contains(&value.to_lowercase().as_str()) {
            true => Ok(()),
            false => Err(wrong("enum").detail(format!("Valid values are {are}."))),
        },
    }
}

/// Whether a value is a boolean as PostgreSQL reads one: any beginning that is not ambiguous.
fn is_bool(value: &str) -> bool {
    let value = value.to_lowercase();
    let begins = |word: &str, least: usize| value.len() >= least && word.starts_with(&value);
    ["1", "0"].contains(&value.as_str())
        || begins("true", 1)
        || begins("false", 1)
        || begins("yes", 1)
        || begins("no", 1)
        || begins("on", 2)
        || begins("off", 2)
}

/// Whether a boolean parameter is set to true.
pub fn is_true(value: &str) -> bool {
    let value = value.to_lowercase();
    value == "1" || value == "on" || "true".starts_with(&value) || "yes".starts_with(&value)
}

/// The parameters after some were set (`Some`) or reset (`None`).
pub fn with_parameters(mut old: Parameters, changes: &[(String, Option<String>)]) -> Parameters {
    old.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let set = changes.iter();
    old.extend(set.filter_map(|(name, value)| Some((name.clone(), value.clone()?))));
    old
}

fn invalid(message: String) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}
