//! `pg_proc`: PostgreSQL's own functions that commons has, under PostgreSQL's OIDs, and the team
//! verbs.

use std::collections::HashMap;
use std::sync::LazyLock;

use arrow::record_batch::RecordBatch;

use super::super::data::File;
use super::from_file;
use crate::base::{Oid, Result};
use crate::pg_catalog::SystemRelation;
use crate::statement::StatementContext;

static FUNCTIONS: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../sql/pg_catalog/pg_proc.tsv")));

pub(super) fn pg_proc(relation: &SystemRelation, _: &StatementContext) -> Result<RecordBatch> {
    from_file(
        relation,
        &FUNCTIONS,
        &[
            ("proowner", Oid::SUPERUSER.into()),
            ("prolang", 12.into()),
            ("procost", 1.0.into()),
            ("proparallel", 's'.into()),
        ],
    )
}

/// What there is to say about a function by its OID.
#[derive(Debug)]
pub struct Function {
    /// Schema.
    pub schema: Oid,
    /// Name.
    pub name: &'static str,
    /// Argument types.
    pub arguments: Vec<Oid>,
    /// Argument names, or none.
    pub argument_names: Vec<&'static str>,
    /// Result type.
    pub result: Oid,
    /// Returns a set.
    pub set: bool,
    /// `f`, `a`, `w`
    pub kind: &'static str,
}

static BY_OID: LazyLock<HashMap<Oid, Function>> = LazyLock::new(|| {
    let text = |line: &[&'static str], column| {
        FUNCTIONS
            .position(column)
            .and_then(|index| line.get(index).copied())
            .filter(|text| *text != "\\N")
            .unwrap_or("")
    };
    FUNCTIONS
        .lines
        .iter()
        .map(|line| {
            let function = Function {
                schema: FUNCTIONS.oid(line, "pronamespace"),
                name: text(line, "proname"),
                arguments: text(line, "proargtypes")
                    .split_whitespace()
                    .filter_map(|oid| oid.parse().ok().map(Oid))
                    .collect(),
                argument_names: text(line, "proargnames")
                    .trim_matches(['{', '}'])
                    .split(',')
                    .filter(|name| !name.is_empty())
                    .map(|name| name.trim_matches('"'))
                    .collect(),
                result: FUNCTIONS.oid(line, "prorettype"),
                set: text(line, "proretset") == "t",
                kind: text(line, "prokind"),
            };
            (FUNCTIONS.oid(line, "oid"), function)
        })
        .collect()
});

/// A function by its OID.
pub fn by_oid(oid: Oid) -> Option<&'static Function> {
    BY_OID.get(&oid)
}

/// The functions of a schema.
pub(super) fn of_schema(schema: Oid) -> impl Iterator<Item = Oid> {
    let within = move |(_, function): &(&Oid, &Function)| function.schema == schema;
    BY_OID.iter().filter(within).map(|(oid, _)| *oid)
}

/// All functions of a name, by OID.
pub fn by_name(name: &str) -> Vec<(Oid, &'static Function)> {
    let mut found: Vec<_> = BY_OID
        .iter()
        .filter(|(_, function)| function.name == name)
        .map(|(oid, function)| (*oid, function))
        .collect();
    found.sort_by_key(|(oid, _)| *oid);
    found
}
