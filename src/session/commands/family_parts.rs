//! Indexes, keys and foreign keys of partitioned tables: each partition has its part of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::constraint::{choose_name, is_taken};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Constraints, Index, IndexedBy, PartitionKeyPart, Relation};
use crate::database::LockMode;
use crate::session::Session;
use crate::session::dispatch::Run;
use crate::statement::StatementContext;

impl Session {
    /// The constraints of a partition with its parts of those of its table, and which are parts of
    /// which. A partition's own index is taken for one that says the same.
    ///
    /// # Errors
    /// `0A000` for an index over expressions of a partition with other column numbers.
    pub(super) async fn parts_for(
        &self,
        context: &Arc<StatementContext>,
        table: &Relation,
        partition: &Relation,
        _run: &Run<'_>,
    ) -> Result<(Constraints, BTreeMap<Oid, Oid>)> {
        let mut constraints = partition.constraints.clone();
        let mut parts_of = partition.family.parts_of.clone();
        let attnum = |of: i16| -> Result<i16> {
            let column = table.columns.iter().find(|column| column.attnum == of);
            let own = column.and_then(|column| partition.column(&column.name));
            own.map(|own| own.attnum)
                .ok_or_else(|| Error::internal("dividing an index", "a column is missing"))
        };
        let all = |of: &[i16]| {
            of.iter()
                .map(|of| attnum(*of))
                .collect::<Result<Vec<i16>>>()
        };
        for index in &table.constraints.indexes {
            if parts_of.values().any(|of| *of == index.oid) {
                continue;
            }
            let mut part = index.clone();
            for of in &mut part.parts {
                if let IndexedBy::Column(number) = &mut of.of {
                    *number = attnum(*number)?;
                }
            }
            part.include = all(&index.include)?;
            part.reads = all(&index.reads)?;
            let free = |own: &&Index| !parts_of.contains_key(&own.oid) && says_same(own, &part);
            if let Some(own) = constraints.indexes.iter().find(free) {
                parts_of.insert(own.oid, index.oid);
                if let (Some(own), Some(of)) = (own.constraint, index.constraint) {
                    parts_of.insert(own, of);
                }
                continue;
            }
            let mut so_far = partition.clone();
            so_far.constraints.clone_from(&constraints);
            part.oid = self.shared.database.new_oid();
            part.constraint = index.constraint.map(|_| self.shared.database.new_oid());
            part.name = part_name(context, &so_far, &part);
            parts_of.insert(part.oid, index.oid);
            if let (Some(own), Some(of)) = (part.constraint, index.constraint) {
                parts_of.insert(own, of);
            }
            constraints.indexes.push(part);
        }
        for key in &table.constraints.foreign {
            if parts_of.values().any(|of| *of == key.oid) {
                continue;
            }
            let columns = all(&key.columns)?;
            let same = constraints.foreign.iter().find(|own| {
                !parts_of.contains_key(&own.oid)
                    && own.columns == columns
                    && own.table == key.table
                    && own.references == key.references
                    && own.on_delete == key.on_delete
                    && own.on_update == key.on_update
                    && own.full == key.full
                    && own.timing == key.timing
                    && !own.not_valid
            });
            if let Some(own) = same {
                parts_of.insert(own.oid, key.oid);
                continue;
            }
            let mut part = key.clone();
            part.oid = self.shared.database.new_oid();
            part.columns = columns;
            if constraints.is_named(&part.name) {
                let named: Vec<&str> = part
                    .columns
                    .iter()
                    .filter_map(|of| partition.columns.iter().find(|c| c.attnum == *of))
                    .map(|column| column.name.as_str())
                    .collect();
                let joined = named.join("_");
                part.name = choose_name(&partition.name, Some(&joined), "fkey", |name| {
                    constraints.is_named(name)
                });
            }
            parts_of.insert(part.oid, key.oid);
            constraints.foreign.push(part);
        }
        Ok((constraints, parts_of))
    }

    /// Gives the partitions of a table their parts of what it has now.
    pub(super) async fn share_parts(&mut self, table: Oid, run: &Run<'_>) -> Result<()> {
        let context = self.context()?;
        for child in context.snapshot.children(table) {
            self.lock(child.oid, LockMode::Exclusive, run.interrupt)
                .await?;
            let context = self.context()?;
            let (Some(table), Some(before)) = (
                context.snapshot.relation(table).cloned(),
                context.snapshot.relation(child.oid).cloned(),
            ) else {
                continue;
            };
            if !table.is_partitioned() {
                continue;
            }
            let (constraints, parts_of) = self.parts_for(&context, &table, &before, run).await?;
            let mut after = Relation::clone(&before);
            after.constraints = constraints;
            after.family.parts_of = parts_of;
            // The columns of a primary key are never NULL.
            let primary = after
                .constraints
                .primary()
                .map(|index| index.columns().collect());
            let primary: Vec<i16> = primary.unwrap_or_default();
            for column in &mut after.columns {
                column.not_null |= primary.contains(&column.attnum);
            }
            let after = Arc::new(after);
            self.check_rows_of(&context, &before, &after, run).await?;
            let mut changes = super::alter_column::between(&before, &after);
            if before.family != after.family {
                changes.push(Change::SetFamily {
                    relation: before.oid,
                    family: Box::new(after.family.clone()),
                });
            }
            self.push_needing(changes, &[])?;
            Box::pin(self.share_parts(child.oid, run)).await?;
        }
        Ok(())
    }
}

/// Whether an index of a partition can be its part of its table's, which `part` is.
fn says_same(own: &Index, part: &Index) -> bool {
    own.parts == part.parts
        && own.unique == part.unique
        && own.primary == part.primary
        && own.constraint.is_some() >= part.constraint.is_some()
        && own.method == part.method
        && own.predicate == part.predicate
        && own.include == part.include
        && own.nulls_not_distinct == part.nulls_not_distinct
        && own.timing == part.timing
}

/// The name of a partition's part of an index, as PostgreSQL makes it up.
fn part_name(context: &StatementContext, partition: &Relation, part: &Index) -> String {
    let name_of = |attnum: i16| {
        let column = partition.columns.iter().find(|c| c.attnum == attnum);
        column.map(|column| column.name.as_str())
    };
    let columns = part.parts.iter().map(|part| match &part.of {
        IndexedBy::Column(attnum) => name_of(*attnum).unwrap_or("expr"),
        IndexedBy::Expression(text) => match text.split_once('(') {
            Some((head, _)) if !head.is_empty() && !head.contains(' ') => head,
            _ => "expr",
        },
    });
    let include = part.include.iter().filter_map(|attnum| name_of(*attnum));
    let joined = columns.chain(include).collect::<Vec<_>>().join("_");
    let (second, label) = match (part.primary, part.constraint) {
        (true, _) => (None, "pkey"),
        (false, Some(_)) => (Some(joined.as_str()), "key"),
        (false, None) => (Some(joined.as_str()), "idx"),
    };
    choose_name(&partition.name, second, label, |name| {
        is_taken(context, partition, name) || partition.constraints.is_named(name)
    })
}

/// `0A000` for a unique index of a partitioned table that lacks a part of what that is divided by:
/// then nobody could tell whether its keys are unique.
pub(super) fn check_unique(relation: &Relation, index: &Index) -> Result<()> {
    let Some(key) = relation.family.key.as_ref().filter(|_| index.unique) else {
        return Ok(());
    };
    let word = if index.primary {
        "PRIMARY KEY"
    } else {
        "UNIQUE"
    };
    let has: Vec<i16> = index.columns().collect();
    for part in &key.parts {
        let PartitionKeyPart::Column(attnum) = part else {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("unsupported {word} constraint with partition key definition"),
            )
            .detail(format!(
                "{word} constraints cannot be used when partition keys include expressions."
            )));
        };
        if has.contains(attnum) {
            continue;
        }
        let column = relation.columns.iter().find(|c| c.attnum == *attnum);
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "unique constraint on partitioned table must include all partitioning columns",
        )
        .detail(format!(
            "{word} constraint on table \"{}\" lacks column \"{}\" which is part of the partition \
             key.",
            relation.name,
            column.map_or("?", |column| column.name.as_str())
        )));
    }
    Ok(())
}
