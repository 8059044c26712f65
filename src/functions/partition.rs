//! Partitions: what tables are divided by, and where in the tree they stand.

use super::call::Call;
use super::definition::laid_out;
use crate::base::{Oid, Result};
use crate::catalog::{PartitionKeyPart, Relation};
use crate::pg_catalog::{Value, family};

fn oid_of(call: &Call<'_>, row: usize) -> Result<Oid> {
    Ok(call.oid(0, row)?.unwrap_or(Oid::INVALID))
}

/// `RANGE (a)`
pub(super) fn key(call: &Call<'_>, row: usize) -> Result<Value> {
    let table = call.context.snapshot.relation(oid_of(call, row)?);
    let Some((table, key)) = table.and_then(|table| Some((table, table.family.key.as_ref()?)))
    else {
        return Ok(Value::Null);
    };
    let parts = key.parts.iter().zip(family::key_parts(table, key));
    let parts = parts.map(|(part, name)| match part {
        PartitionKeyPart::Column(_) => name,
        PartitionKeyPart::Expression { text, .. } => {
            (call.context.laid_out)(call.context, text, false).as_part()
        }
    });
    let parts: Vec<String> = parts.collect();
    Ok(format!("{} ({})", key.strategy.word(), parts.join(", ")).into())
}

/// What rows of a partition meet.
pub(super) fn condition(call: &Call<'_>, row: usize) -> Result<Value> {
    let relation = call.context.snapshot.relation(oid_of(call, row)?);
    let condition = relation.and_then(|relation| family::condition(call.context, relation));
    let (Some(condition), Some(relation)) = (condition, relation) else {
        return Ok(Value::Null);
    };
    // Expressions of keys stand there in parentheses that they do not need.
    let ancestors = call.context.snapshot.partition_ancestors(relation);
    let keys = ancestors.iter().filter_map(|of| of.family.key.as_ref());
    let parts = keys
        .flat_map(|key| &key.parts)
        .filter_map(|part| match part {
            PartitionKeyPart::Expression { text, .. } => Some(text),
            PartitionKeyPart::Column(_) => None,
        });
    let shown = parts.fold(condition, |condition, text| {
        condition.replace(&format!("({text})"), &laid_out(call, text, false))
    });
    Ok(shown.into())
}

/// Whether something can be in a tree of partitions.
fn in_tree(relation: &Relation) -> bool {
    relation.is_partitioned() || relation.is_partition()
}

/// A relation of a tree: itself, the one above it, whether none can be under it, and how deep.
type Branch = (Oid, Option<Oid>, bool, i64);

/// The tree under a table or an index.
fn tree(call: &Call<'_>, row: usize) -> Result<Vec<Branch>> {
    let snapshot = &call.context.snapshot;
    let oid = oid_of(call, row)?;
    if let Some(relation) = snapshot.relation(oid).filter(|relation| in_tree(relation)) {
        let parent = |of: &Relation| {
            of.family
                .parents
                .first()
                .copied()
                .filter(|_| of.is_partition())
        };
        let mut found = vec![(oid, parent(relation), !relation.is_partitioned(), 0)];
        // Level by level.
        let mut next = 0;
        while let Some((above, _, _, level)) = found.get(next).copied() {
            next += 1;
            let mut children = snapshot.children(above);
            children.sort_by_key(|child| child.oid);
            found.extend(children.iter().map(|child| {
                let leaf = !child.is_partitioned();
                (child.oid, parent(child), leaf, level + 1)
            }));
        }
        return Ok(found);
    }
    let Some((table, _)) = snapshot.index(oid).filter(|(table, _)| in_tree(table)) else {
        return Ok(Vec::new());
    };
    let of = |table: &Relation, index: Oid| table.family.parts_of.get(&index).copied();
    let mut found = vec![(oid, of(table, oid), !table.is_partitioned(), 0)];
    let mut next = 0;
    while let Some((above, _, _, level)) = found.get(next).copied() {
        next += 1;
        for table in snapshot.relations() {
            for index in &table.constraints.indexes {
                if of(table, index.oid) == Some(above) {
                    found.push((index.oid, Some(above), !table.is_partitioned(), level + 1));
                }
            }
        }
    }
    Ok(found)
}

fn list(call: &Call<'_>, row: usize, of: impl Fn(Branch) -> Value) -> Result<Value> {
    Ok(Value::List(tree(call, row)?.into_iter().map(of).collect()))
}

pub(super) fn tree_relid(call: &Call<'_>, row: usize) -> Result<Value> {
    list(call, row, |branch| branch.0.into())
}

pub(super) fn tree_parent(call: &Call<'_>, row: usize) -> Result<Value> {
    list(call, row, |branch| {
        branch.1.map_or(Value::Null, Value::from)
    })
}

pub(super) fn tree_leaf(call: &Call<'_>, row: usize) -> Result<Value> {
    list(call, row, |branch| branch.2.into())
}

pub(super) fn tree_level(call: &Call<'_>, row: usize) -> Result<Value> {
    list(call, row, |branch| branch.3.into())
}

/// A relation of a tree and all above it.
fn upwards(call: &Call<'_>, row: usize) -> Result<Vec<Oid>> {
    let snapshot = &call.context.snapshot;
    let oid = oid_of(call, row)?;
    if let Some(relation) = snapshot.relation(oid).filter(|relation| in_tree(relation)) {
        let above = snapshot.partition_ancestors(relation);
        return Ok(std::iter::once(oid)
            .chain(above.iter().map(|of| of.oid))
            .collect());
    }
    let mut found = Vec::new();
    let mut next = Some(oid);
    while let Some(oid) = next {
        let Some((table, _)) = snapshot.index(oid).filter(|(table, _)| in_tree(table)) else {
            break;
        };
        found.push(oid);
        next = table.family.parts_of.get(&oid).copied();
    }
    Ok(found)
}

pub(super) fn ancestors(call: &Call<'_>, row: usize) -> Result<Value> {
    let found = upwards(call, row)?;
    Ok(Value::List(found.into_iter().map(Value::from).collect()))
}

pub(super) fn root(call: &Call<'_>, row: usize) -> Result<Value> {
    Ok(upwards(call, row)?
        .last()
        .map_or(Value::Null, |oid| Value::from(*oid)))
}
