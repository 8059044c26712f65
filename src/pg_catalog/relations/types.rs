//! Types and what PostgreSQL defines around them: casts, operators, collations, languages.

use std::collections::HashMap;
use std::sync::LazyLock;

use arrow::record_batch::RecordBatch;

use super::super::data::File;
use super::{Value, build, concat, from_file};
use crate::base::{Oid, Result};
use crate::pg_catalog::{SystemRelation, all};
use crate::statement::StatementContext;
use crate::types::PgType;

static TYPES: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../sql/pg_catalog/pg_type.tsv")));
static CASTS: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../sql/pg_catalog/pg_cast.tsv")));
static OPERATORS: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../sql/pg_catalog/pg_operator.tsv")));

static RANGES: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../sql/pg_catalog/pg_range.tsv")));

/// How PostgreSQL stores values of a type: what `pg_attribute` repeats of `pg_type`.
#[derive(Debug, Clone, Copy)]
pub struct Storage {
    /// `typname`
    pub name: &'static str,
    /// `typbyval`
    pub by_value: bool,
    /// `typalign`
    pub align: &'static str,
    /// `typstorage`
    pub storage: &'static str,
    /// `typcollation`
    pub collation: Oid,
}

static STORAGE: LazyLock<HashMap<Oid, Storage>> = LazyLock::new(|| {
    let text = |line: &[&'static str], column| {
        TYPES
            .position(column)
            .and_then(|index| line.get(index).copied())
            .unwrap_or("")
    };
    TYPES
        .lines
        .iter()
        .map(|line| {
            (
                TYPES.oid(line, "oid"),
                Storage {
                    name: text(line, "typname"),
                    by_value: text(line, "typbyval") == "t",
                    align: text(line, "typalign"),
                    storage: text(line, "typstorage"),
                    collation: TYPES.oid(line, "typcollation"),
                },
            )
        })
        .collect()
});

/// What a domain takes over from the type beneath, and arrays from their elements.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) len: i16,
    pub(super) by_value: bool,
    pub(super) category: char,
    pub(super) output: Oid,
    pub(super) send: Oid,
    pub(super) analyze: Oid,
    pub(super) align: &'static str,
    pub(super) storage: &'static str,
    pub(super) collation: Oid,
}

/// The shape of a built-in type.
pub(super) fn shape(ty: Oid) -> Option<Shape> {
    let mut lines = TYPES.lines.iter();
    let line = lines.find(|line| TYPES.oid(line, "oid") == ty)?;
    let text = |column| TYPES.position(column).and_then(|index| line.get(index));
    let own = build_in(ty);
    Some(Shape {
        len: text("typlen")?.parse().ok()?,
        by_value: own.by_value,
        category: text("typcategory")?.chars().next()?,
        output: TYPES.oid(line, "typoutput"),
        send: TYPES.oid(line, "typsend"),
        analyze: TYPES.oid(line, "typanalyze"),
        align: own.align,
        storage: own.storage,
        collation: own.collation,
    })
}

/// Storage of a built-in type; that of a composite for any other OID.
pub fn build_in(ty: Oid) -> Storage {
    STORAGE.get(&ty).copied().unwrap_or(Storage {
        name: "",
        by_value: false,
        align: "d",
        storage: "x",
        collation: Oid::INVALID,
    })
}

/// Whether values of a type may be long enough to be kept outside of their rows.
pub fn is_toastable(ty: PgType) -> bool {
    let storage = match ty.is_made() {
        true => super::user_types::storage(ty),
        false => build_in(ty.oid),
    };
    storage.storage != "p"
}

/// Name of a built-in type (pseudo-types included) as `pg_type` has it.
pub fn name(ty: Oid) -> Option<&'static str> {
    STORAGE.get(&ty).map(|storage| storage.name)
}

/// Built-in type by its `typname`.
pub fn by_name(name: &str) -> Option<Oid> {
    STORAGE
        .iter()
        .find(|(_, storage)| storage.name == name)
        .map(|(oid, _)| *oid)
}

/// Whether values of the type are arrays that users wrote as such (vectors of system relations are
/// not).
pub fn is_array(ty: PgType) -> bool {
    ty.element().is_some() && ty.info().name.starts_with('_')
}

/// A row type: (OID, array OID, name, schema, owner, relation); an array over one has `element`.
struct RowType {
    oid: Oid,
    array: Oid,
    element: Oid,
    name: String,
    schema: Oid,
    owner: Oid,
    relation: Oid,
}

impl RowType {
    /// The array type over it, which is called `name`, and itself.
    fn with_array(self, name: String) -> [Self; 2] {
        let array = Self {
            oid: self.array,
            array: Oid::INVALID,
            element: self.oid,
            name,
            relation: Oid::INVALID,
            ..self
        };
        [array, self]
    }
}

/// The row types of all relations, and the array types of those that have one.
fn row_types(context: &StatementContext) -> Vec<RowType> {
    let mut rows = Vec::new();
    for relation in all() {
        let row = RowType {
            oid: relation.row_type,
            array: relation.row_array,
            element: Oid::INVALID,
            name: relation.name.to_owned(),
            schema: relation.schema,
            owner: Oid::SUPERUSER,
            relation: relation.oid,
        };
        rows.extend(row.with_array(format!("_{}", relation.name)));
    }
    let users = context.snapshot.relations();
    for relation in users.filter(|relation| relation.sequence().is_none()) {
        let row = RowType {
            oid: relation.row_type,
            array: super::objects::derived_oid(relation.row_type, 0),
            element: Oid::INVALID,
            name: relation.name.clone(),
            schema: relation.schema,
            owner: relation.owner,
            relation: relation.oid,
        };
        let array = context.snapshot.array_name(relation.schema, &relation.name);
        rows.extend(row.with_array(array));
    }
    rows
}

pub(super) fn pg_type(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let base = from_file(
        relation,
        &TYPES,
        &[
            ("typnamespace", Oid::PG_CATALOG.into()),
            ("typowner", Oid::SUPERUSER.into()),
            ("typisdefined", true.into()),
            ("typtypmod", (-1).into()),
        ],
    )?;
    // I/O functions of records and arrays, by PostgreSQL's OIDs.
    let either = |row: &RowType, composite: u32, array: u32| {
        Value::from(if row.element == Oid::INVALID {
            composite
        } else {
            array
        })
    };
    let rows = build::<RowType>(
        relation,
        &row_types(context),
        &[
            ("oid", &|row| row.oid.into()),
            ("typname", &|row| (&row.name).into()),
            ("typnamespace", &|row| row.schema.into()),
            ("typowner", &|row| row.owner.into()),
            ("typlen", &|_| (-1).into()),
            ("typtype", &|row| {
                if row.element == Oid::INVALID {
                    'c'
                } else {
                    'b'
                }
                .into()
            }),
            ("typcategory", &|row| {
                if row.element == Oid::INVALID {
                    'C'
                } else {
                    'A'
                }
                .into()
            }),
            ("typisdefined", &|_| true.into()),
            ("typdelim", &|_| ','.into()),
            ("typrelid", &|row| row.relation.into()),
            ("typsubscript", &|row| either(row, 0, 6179)),
            ("typelem", &|row| row.element.into()),
            ("typarray", &|row| row.array.into()),
            ("typinput", &|row| either(row, 2290, 750)),
            ("typoutput", &|row| either(row, 2291, 751)),
            ("typreceive", &|row| either(row, 2402, 2400)),
            ("typsend", &|row| either(row, 2403, 2401)),
            ("typanalyze", &|row| either(row, 0, 3816)),
            ("typalign", &|_| 'd'.into()),
            ("typstorage", &|_| 'x'.into()),
            ("typtypmod", &|_| (-1).into()),
        ],
    )?;
    concat(&[base, rows, super::user_types::pg_type(relation, context)?])
}

pub(super) fn pg_cast(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let own = from_file(relation, &CASTS, &[])?;
    concat(&[
        own,
        super::ranges::pg_cast(relation, context)?,
        super::definitions::pg_cast(relation, context)?,
    ])
}

pub(super) fn pg_range(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let own = from_file(relation, &RANGES, &[])?;
    concat(&[own, super::ranges::pg_range(relation, context)?])
}

pub(super) fn pg_operator(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let own = from_file(
        relation,
        &OPERATORS,
        &[
            ("oprnamespace", Oid::PG_CATALOG.into()),
            ("oprowner", Oid::SUPERUSER.into()),
        ],
    )?;
    concat(&[own, super::definitions::pg_operator(relation, context)?])
}

/// An operator of [`pg_operator`].
#[derive(Debug, Clone, Copy)]
pub struct Operator {
    /// OID.
    pub oid: Oid,
    /// Its sign.
    pub name: &'static str,
    /// Type of its left operand; 0 if there is none.
    pub left: Oid,
    /// Type of its right operand.
    pub right: Oid,
}

fn operator_of(line: &[&'static str]) -> Operator {
    let name = OPERATORS.position("oprname").and_then(|at| line.get(at));
    Operator {
        oid: OPERATORS.oid(line, "oid"),
        name: name.copied().unwrap_or_default(),
        left: OPERATORS.oid(line, "oprleft"),
        right: OPERATORS.oid(line, "oprright"),
    }
}

/// An operator by its OID.
pub fn operator(oid: Oid) -> Option<Operator> {
    let mut lines = OPERATORS.lines.iter().map(|line| operator_of(line));
    lines.find(|operator| operator.oid == oid)
}

/// All operators of a sign.
pub fn operators(sign: &str) -> Vec<Operator> {
    let lines = OPERATORS.lines.iter().map(|line| operator_of(line));
    lines.filter(|operator| operator.name == sign).collect()
}

/// The type as which the function of this name (a `typsend`) writes a value of `ty` in binary: the
/// value's own if it is its type's, else the one it is of.
pub fn sent_by(function: &str, ty: PgType) -> Option<PgType> {
    if !function.ends_with("send") {
        return None;
    }
    if ty.range_family().is_some() {
        let own = if ty.is_range() {
            "range_send"
        } else {
            "multirange_send"
        };
        return (function == own).then_some(ty);
    }
    let (oid, _) = super::functions::by_name(function).into_iter().next()?;
    let takes = |line: &&Vec<&'static str>| TYPES.oid(line, "typsend") == oid;
    let lines = || TYPES.lines.iter().filter(takes);
    let type_of = |line: &Vec<&'static str>| TYPES.oid(line, "oid");
    if lines().any(|line| type_of(line) == ty.oid) {
        return Some(ty);
    }
    lines().next().map(|line| PgType::of(type_of(line).0))
}

/// The collation values of a type have unless told otherwise; 0 if they have none.
pub fn collation_of(ty: PgType) -> Oid {
    match ty.is_made() {
        true => Oid::INVALID,
        false => build_in(ty.oid).collation,
    }
}

/// A collation's name.
pub fn collation(oid: Oid) -> Option<&'static str> {
    let found = COLLATIONS.iter().find(|collation| collation.0 == oid.0)?;
    Some(found.1)
}

/// A collation by its name.
pub fn collation_named(name: &str) -> Option<Oid> {
    let found = COLLATIONS.iter().find(|collation| collation.1 == name)?;
    Some(Oid(found.0))
}

/// Text compares by code point whatever the collation: these three mean that.
const COLLATIONS: &[(u32, &str, char)] =
    &[(100, "default", 'd'), (950, "C", 'c'), (951, "POSIX", 'c')];

pub(super) fn pg_collation(relation: &SystemRelation, _: &StatementContext) -> Result<RecordBatch> {
    build::<(u32, &'static str, char)>(
        relation,
        COLLATIONS,
        &[
            ("oid", &|row| row.0.into()),
            ("collname", &|row| row.1.into()),
            ("collnamespace", &|_| Oid::PG_CATALOG.into()),
            ("collowner", &|_| Oid::SUPERUSER.into()),
            ("collprovider", &|row| row.2.into()),
            ("collisdeterministic", &|_| true.into()),
            ("collencoding", &|_| (-1).into()),
            ("collcollate", &|row| match row.2 {
                'c' => row.1.into(),
                _ => Value::Null,
            }),
            ("collctype", &|row| match row.2 {
                'c' => row.1.into(),
                _ => Value::Null,
            }),
        ],
    )
}

pub(super) fn pg_language(relation: &SystemRelation, _: &StatementContext) -> Result<RecordBatch> {
    // The last number is that of what checks a function's body.
    build::<(u32, &'static str, bool, u32)>(
        relation,
        &[
            (12, "internal", false, 2246),
            (14, "sql", true, 2248),
            (13563, "plpgsql", true, 13562),
        ],
        &[
            ("oid", &|row| row.0.into()),
            ("lanname", &|row| row.1.into()),
            ("lanowner", &|_| Oid::SUPERUSER.into()),
            ("lanispl", &|row| (row.1 == "plpgsql").into()),
            ("lanpltrusted", &|row| row.2.into()),
            ("lanplcallfoid", &|row| handler(row.1, 13560).into()),
            ("laninline", &|row| handler(row.1, 13561).into()),
            ("lanvalidator", &|row| row.3.into()),
        ],
    )
}

/// A function that carries a language's functions out.
fn handler(language: &str, oid: u32) -> u32 {
    match language {
        "plpgsql" => oid,
        _ => 0,
    }
}
