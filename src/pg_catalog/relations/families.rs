//! Inheritance and partitions.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::types::build_in;
use super::{Value, access, build};
use crate::base::{Oid, Result};
use crate::catalog::{PartitionKeyPart, PartitionStrategy, Relation};
use crate::pg_catalog::{SystemRelation, family};
use crate::statement::StatementContext;

/// One row of `pg_inherits`: child, parent, place among the child's parents.
type Link = (Oid, Oid, i64);

pub(super) fn pg_inherits(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let mut links: Vec<Link> = Vec::new();
    for child in context.snapshot.relations() {
        let parents = child.family.parents.iter().zip(1..);
        links.extend(parents.map(|(parent, place)| (child.oid, *parent, place)));
        for index in &child.constraints.indexes {
            let of = child.family.parts_of.get(&index.oid);
            links.extend(of.map(|of| (index.oid, *of, 1)));
        }
    }
    build::<Link>(
        relation,
        &links,
        &[
            ("inhrelid", &|link| link.0.into()),
            ("inhparent", &|link| link.1.into()),
            ("inhseqno", &|link| link.2.into()),
            ("inhdetachpending", &|_| false.into()),
        ],
    )
}

pub(super) fn pg_partitioned_table(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let tables = context.snapshot.relations();
    let tables: Vec<Arc<Relation>> = tables.filter(|of| of.is_partitioned()).cloned().collect();
    let parts = |table: &Relation| {
        let key = table.family.key.as_ref();
        key.map_or_else(Vec::new, |key| key.parts.clone())
    };
    let types = |table: &Relation| {
        let key = table.family.key.as_ref();
        key.map_or_else(Vec::new, |key| family::key_types(table, key))
    };
    let numbers = |values: Vec<i64>| Value::List(values.into_iter().map(Value::Int).collect());
    build::<Arc<Relation>>(
        relation,
        &tables,
        &[
            ("partrelid", &|table| table.oid.into()),
            ("partstrat", &|table| {
                let key = table.family.key.as_ref();
                key.map_or(' ', |key| key.strategy.letter()).into()
            }),
            ("partnatts", &|table| {
                Value::Int(i64::try_from(parts(table).len()).unwrap_or(0))
            }),
            ("partdefid", &|table| {
                let default = context.snapshot.default_partition(table.oid);
                default.map_or(Oid::INVALID, |of| of.oid).into()
            }),
            ("partattrs", &|table| {
                let parts = parts(table).into_iter().map(|part| match part {
                    PartitionKeyPart::Column(attnum) => i64::from(attnum),
                    PartitionKeyPart::Expression { .. } => 0,
                });
                numbers(parts.collect())
            }),
            ("partclass", &|table| {
                let key = table.family.key.as_ref();
                let is_hash = key.is_some_and(|key| key.strategy == PartitionStrategy::Hash);
                let method = access::method(if is_hash { "hash" } else { "btree" });
                let types = types(table).into_iter();
                let classes = types.map(|ty| i64::from(access::default_class(method, ty).0));
                numbers(classes.collect())
            }),
            ("partcollation", &|table| {
                let types = types(table).into_iter();
                let collations = types.map(|ty| i64::from(build_in(ty.oid).collation.0));
                numbers(collations.collect())
            }),
            ("partexprs", &|table| {
                let parts = parts(table).into_iter().filter_map(|part| match part {
                    PartitionKeyPart::Expression { text, .. } => Some(text),
                    PartitionKeyPart::Column(_) => None,
                });
                match parts.collect::<Vec<_>>().as_slice() {
                    [] => Value::Null,
                    some => some.join(", ").into(),
                }
            }),
        ],
    )
}

/// `pg_class.relpartbound`
pub(super) fn bound_of(context: &StatementContext, relation: &Relation) -> Value {
    let parent = relation.family.parents.first();
    let parent = parent.and_then(|oid| context.snapshot.relation(*oid));
    match (parent, &relation.family.bound) {
        (Some(parent), Some(bound)) => family::bound(parent, bound).into(),
        _ => Value::Null,
    }
}
