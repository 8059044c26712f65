//! `pg_attribute`: columns of relations and of indexes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use arrow::record_batch::RecordBatch;

use super::objects::{Entry, acl, options};
use super::types::{self, Storage, build_in};
use super::{Value, build, user_types};
use crate::base::{Oid, Result};
use crate::catalog::{
    Acl, Column, ColumnTuning, Generation, Index, IndexedBy, Inherited, Relation, Snapshot,
};
use crate::pg_catalog::SystemRelation;
use crate::statement::StatementContext;
use crate::types::PgType;

/// Collation `default`.
const DEFAULT_COLLATION: Oid = Oid(100);
/// Collation `C`.
const C_COLLATION: Oid = Oid(950);

/// One row.
struct Attribute<'a> {
    relation: Oid,
    name: Cow<'a, str>,
    attnum: i16,
    ty: PgType,
    /// The column, of a relation's.
    column: Option<&'a Column>,
    of_index: bool,
    /// The collation, of an index that has another one than its column.
    collation: Option<Oid>,
    /// Whether its column is gone: what reads the catalog counts on numbers without gaps.
    is_dropped: bool,
    /// What is granted on it.
    acl: Option<&'a Acl>,
    /// What it was told.
    tuning: Option<&'a ColumnTuning>,
    /// How it came to be.
    inherited: Inherited,
}

impl<'a> Attribute<'a> {
    /// A column of which nothing else is known.
    fn new(relation: Oid, name: impl Into<Cow<'a, str>>, attnum: i16, ty: PgType) -> Self {
        Self {
            relation,
            name: name.into(),
            attnum,
            ty,
            column: None,
            of_index: false,
            collation: None,
            is_dropped: false,
            acl: None,
            tuning: None,
            inherited: Inherited::LOCAL,
        }
    }

    fn collation(&self, snapshot: &Snapshot) -> Oid {
        let own = self.column.and_then(|column| column.collation);
        let of_domain = || snapshot.domain_collation(self.ty.domain?);
        let own = self.collation.or(own).or_else(of_domain);
        own.unwrap_or_else(|| self.storage().collation)
    }

    fn storage(&self) -> Storage {
        match self.ty.is_made() {
            true => user_types::storage(self.ty),
            false => build_in(self.ty.oid),
        }
    }

    fn generation(&self) -> Option<&Generation> {
        self.column?.generation.as_ref()
    }
}

/// The columns of an index: what it is over, then what it includes.
fn of_index<'a>(table: &'a Relation, index: &'a Index) -> Vec<Attribute<'a>> {
    let column = |attnum: i16| table.columns.iter().find(|column| column.attnum == attnum);
    let parts = index.parts.iter().map(|part| match &part.of {
        IndexedBy::Column(attnum) => {
            let column = column(*attnum)?;
            let collation = part.collation.or(column.collation);
            Some((column.name.as_str(), column.ty, collation))
        }
        IndexedBy::Expression(_) => {
            let ty = part.ty.unwrap_or(PgType::TEXT);
            Some(("expr", ty, part.collation))
        }
    });
    let included = index.include.iter().map(|attnum| {
        let column = column(*attnum)?;
        Some((column.name.as_str(), column.ty, None))
    });
    // Indexes made before their columns were called anything are called after the table's.
    let names = index.columns.iter().map(|name| Some(name.as_str()));
    let names = names.chain(std::iter::repeat(None));
    let columns = parts.chain(included).zip(names).zip(1..);
    let columns = columns.filter_map(|((column, name), attnum)| {
        let (table_name, ty, collation) = column?;
        Some(Attribute {
            of_index: true,
            collation,
            ..Attribute::new(index.oid, name.unwrap_or(table_name), attnum, ty)
        })
    });
    columns.collect()
}

/// What is left of the columns a relation had, under PostgreSQL's name for them.
fn dropped<'a>(
    relation: Oid,
    next_attnum: i16,
    there: impl Iterator<Item = i16>,
) -> Vec<Attribute<'a>> {
    let there: BTreeSet<i16> = there.collect();
    let gone = (1..next_attnum).filter(|attnum| !there.contains(attnum));
    gone.map(|attnum| Attribute {
        is_dropped: true,
        ..Attribute::new(
            relation,
            format!("........pg.dropped.{attnum}........"),
            attnum,
            PgType::TEXT,
        )
    })
    .collect()
}

pub(super) fn pg_attribute(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let entries = Entry::all(&context.snapshot);
    let mut rows: Vec<Attribute<'_>> = Vec::new();
    for entry in &entries {
        let columns: &[Column] = match entry {
            Entry::System(relation) => &relation.columns,
            Entry::User(relation) => &relation.columns,
            Entry::Index(table, index) => {
                rows.extend(of_index(table, index));
                continue;
            }
            Entry::Composite(ty) => {
                let attributes = ty.composite().into_iter().flat_map(|of| &of.attributes);
                let next = ty.composite().map_or(1, |of| of.next_attnum);
                let there = attributes.clone().map(|attribute| attribute.attnum);
                rows.extend(dropped(entry.oid(), next, there));
                rows.extend(attributes.map(|attribute| {
                    let name = attribute.name.as_str();
                    Attribute::new(entry.oid(), name, attribute.attnum, attribute.ty)
                }));
                continue;
            }
        };
        let user = match entry {
            Entry::User(relation) => Some(relation),
            Entry::System(_) | Entry::Index(..) | Entry::Composite(_) => None,
        };
        if let Some(user) = user {
            let there = columns.iter().map(|column| column.attnum);
            rows.extend(dropped(entry.oid(), user.next_attnum, there));
        }
        rows.extend(columns.iter().map(|column| Attribute {
            column: Some(column),
            acl: user.and_then(|of| of.column_acls.get(&column.attnum)),
            tuning: user.and_then(|of| of.tuning.columns.get(&column.attnum)),
            inherited: user.map_or(Inherited::LOCAL, |of| of.family.column(column.attnum)),
            ..Attribute::new(entry.oid(), column.name.as_str(), column.attnum, column.ty)
        }));
    }
    build::<Attribute<'_>>(
        relation,
        &rows,
        &[
            ("attrelid", &|row| row.relation.into()),
            ("attname", &|row| row.name.clone().into_owned().into()),
            ("atttypid", &|row| match row.is_dropped {
                true => Oid::INVALID.into(),
                false => row.ty.declared().into(),
            }),
            ("attstattarget", &|row| {
                if row.is_dropped {
                    return 0.into();
                }
                let statistics = row.tuning.and_then(|tuning| tuning.statistics);
                statistics.unwrap_or(-1).into()
            }),
            ("attlen", &|row| row.ty.info().len.into()),
            ("attnum", &|row| row.attnum.into()),
            (
                "attndims",
                &|row| match !row.of_index && types::is_array(row.ty) {
                    true => i32::from(row.ty.declared_dimensions()).into(),
                    false => 0.into(),
                },
            ),
            ("attcacheoff", &|_| (-1).into()),
            ("atttypmod", &|row| row.ty.declared_typmod().into()),
            ("attbyval", &|row| row.storage().by_value.into()),
            ("attalign", &|row| row.storage().align.into()),
            ("attstorage", &|row| {
                let storage = row.tuning.and_then(|tuning| tuning.storage);
                storage.map_or_else(|| row.storage().storage.into(), Value::from)
            }),
            ("attcompression", &|row| {
                let compression = row.tuning.and_then(|tuning| tuning.compression);
                compression.map_or_else(|| "".into(), Value::from)
            }),
            ("attoptions", &|row| {
                row.tuning
                    .map_or(Value::Null, |tuning| options(&tuning.parameters))
            }),
            ("attnotnull", &|row| {
                row.column.is_some_and(|column| column.not_null).into()
            }),
            ("atthasdef", &|row| {
                let has =
                    |column: &Column| column.default.is_some() || column.expression().is_some();
                row.column.is_some_and(has).into()
            }),
            ("attidentity", &|row| match row.generation() {
                Some(Generation::Identity { always: true, .. }) => 'a'.into(),
                Some(Generation::Identity { always: false, .. }) => 'd'.into(),
                Some(Generation::Stored { .. }) | None => "".into(),
            }),
            ("attgenerated", &|row| match row.generation() {
                Some(Generation::Stored { .. }) => 's'.into(),
                Some(Generation::Identity { .. }) | None => "".into(),
            }),
            ("attacl", &|row| acl(&context.snapshot, row.acl)),
            ("attisdropped", &|row| row.is_dropped.into()),
            ("attislocal", &|row| row.inherited.local.into()),
            ("attinhcount", &|row| row.inherited.count.into()),
            (
                "attcollation",
                &|row| match row.collation(&context.snapshot) {
                    // System columns compare by byte whatever the database's collation.
                    DEFAULT_COLLATION if row.relation.is_system() => C_COLLATION.into(),
                    collation => collation.into(),
                },
            ),
        ],
    )
}
