//! Indexes, keys and foreign keys of partitioned tables: each partition has its part of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alter::owned_table;
use super::constraint::{choose_name, is_taken, joined};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Constraints, Family, Index, IndexedBy, PartitionKeyPart, Relation};
use crate::database::LockMode;
use crate::engine::command::ObjectName;
use crate::session::Session;
use crate::session::dispatch::Run;
use crate::statement::StatementContext;

impl Session {
    /// The constraints of a partition with its parts of `which` constraints and indexes of its
    /// table, and which are parts of which. A partition's own index is taken for one that says the
    /// same.
    ///
    /// # Errors
    /// `0A000` for an index over expressions of a partition with other column numbers.
    pub(super) fn parts_for(
        &self,
        context: &Arc<StatementContext>,
        table: &Relation,
        partition: &Relation,
        which: impl Fn(Oid) -> bool,
    ) -> Result<(Constraints, BTreeMap<Oid, Oid>)> {
        let mut constraints = partition.constraints.clone();
        let mut parts_of = partition.family.parts_of.clone();
        for index in &table.constraints.indexes {
            if !which(index.oid) || parts_of.values().any(|of| *of == index.oid) {
                continue;
            }
            let mut part = part_in(index, table, partition)?;
            check_unique(partition, &part)?;
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
            if !which(key.oid) || parts_of.values().any(|of| *of == key.oid) {
                continue;
            }
            let columns = numbers_in(&key.columns, table, partition)?;
            let delete_sets = numbers_in(&key.delete_sets, table, partition)?;
            let same = constraints.foreign.iter().find(|own| {
                !parts_of.contains_key(&own.oid)
                    && own.columns == columns
                    && own.table == key.table
                    && own.references == key.references
                    && own.on_delete == key.on_delete
                    && own.delete_sets == delete_sets
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
            (part.columns, part.delete_sets) = (columns, delete_sets);
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

    /// Gives a table that is made LIKE another an index like one of that.
    ///
    /// # Errors
    /// As [`Session::parts_for`].
    pub(super) fn take_index(
        &self,
        context: &StatementContext,
        (table, index): (&Relation, &Index),
        relation: &mut Relation,
    ) -> Result<()> {
        let mut own = part_in(index, table, relation)?;
        own.oid = self.shared.database.new_oid();
        own.name = part_name(context, relation, &own);
        check_unique(relation, &own)?;
        relation.constraints.indexes.push(own);
        Ok(())
    }

    /// Gives the partitions of a table their parts of what it has now and had not `before`.
    pub(super) async fn share_parts(
        &mut self,
        table: Oid,
        before: &Relation,
        run: &Run<'_>,
    ) -> Result<()> {
        let old = before;
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
            let (constraints, parts_of) =
                self.parts_for(&context, &table, &before, |oid| !has_part(old, oid))?;
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
            Box::pin(self.share_parts(child.oid, &before, run)).await?;
        }
        Ok(())
    }

    /// Notes that what ONLY a table was given since `before` its partitions are without.
    pub(super) fn note_alone(&mut self, table: Oid, before: &Relation) -> Result<()> {
        let context = self.context()?;
        let Some(relation) = context.snapshot.relation(table) else {
            return Ok(());
        };
        let mut constraints = relation.constraints.clone();
        let is_divided = is_divided(&context, relation);
        for index in &mut constraints.indexes {
            index.invalid |= is_divided && !has_part(before, index.oid);
        }
        if constraints == relation.constraints {
            return Ok(());
        }
        let change = Change::SetConstraints {
            relation: table,
            constraints,
        };
        self.push_needing(vec![change], &[])
    }

    /// ALTER INDEX … ATTACH PARTITION: an index of a partition becomes its part of one of the
    /// partitioned table's.
    ///
    /// # Errors
    /// `42809` for what is no index of a partitioned table; `55000` and `42P17` for an index that
    /// cannot be a part of it.
    pub(super) async fn attach_index(
        &mut self,
        table: &Arc<Relation>,
        index: Oid,
        part: &ObjectName,
        run: &Run<'_>,
    ) -> Result<()> {
        if !table.is_partitioned() {
            let name = index_of(table, index).map_or("", |of| of.name.as_str());
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("ALTER action ATTACH PARTITION cannot be performed on relation \"{name}\""),
            )
            .detail("This operation is not supported for indexes."));
        }
        let context = self.context()?;
        let found = super::alter::index_of(&context, part).map_err(|error| {
            match error.state() == SqlState::WRONG_OBJECT_TYPE {
                true => Error::new(SqlState::INVALID_OBJECT_DEFINITION, error.message()),
                false => error,
            }
        });
        let (partition, own) = found?;
        owned_table(&context, &partition)?;
        let table = self.locked(table.oid, run.interrupt).await?;
        let partition = self.locked(partition.oid, run.interrupt).await?;
        let gone = || Error::internal("attaching an index", "an index is gone");
        let of = index_of(&table, index).ok_or_else(gone)?;
        let own = index_of(&partition, own).ok_or_else(gone)?;
        let mut parts_of = partition.family.parts_of.clone();
        if parts_of.get(&own.oid) == Some(&of.oid) {
            return Ok(());
        }
        let refused = |state: SqlState, detail: String| {
            let message = format!(
                "cannot attach index \"{}\" as a partition of index \"{}\"",
                own.name, of.name
            );
            Err(Error::new(state, message).detail(detail))
        };
        let unready = SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE;
        if parts_of.contains_key(&own.oid) {
            let detail = format!(
                "Index \"{}\" is already attached to another index.",
                own.name
            );
            return refused(unready, detail);
        }
        if !partition.is_partition() || !partition.family.parents.contains(&table.oid) {
            let detail = format!(
                "Index \"{}\" is not an index on any partition of table \"{}\".",
                own.name, table.name
            );
            return refused(unready, detail);
        }
        let invalid = SqlState::INVALID_OBJECT_DEFINITION;
        if !says_same(own, &part_in(of, &table, &partition)?) {
            if of.constraint.is_some() && own.constraint.is_none() {
                let detail = format!(
                    "The index \"{}\" belongs to a constraint in table \"{}\" but no constraint \
                     exists for index \"{}\".",
                    of.name, table.name, own.name
                );
                return refused(invalid, detail);
            }
            return refused(invalid, "The index definitions do not match.".to_owned());
        }
        if parts_of.values().any(|other| *other == of.oid) {
            let detail = format!(
                "Another index is already attached for partition \"{}\".",
                partition.name
            );
            return refused(unready, detail);
        }
        parts_of.insert(own.oid, of.oid);
        if let (Some(own), Some(of)) = (own.constraint, of.constraint) {
            parts_of.insert(own, of);
        }
        let family = Family {
            parts_of,
            ..partition.family.clone()
        };
        self.set_family(&partition, family)?;
        self.note_complete(table.oid, of.oid)
    }

    /// An index of ONLY a table is one of all its partitions once each has a valid part of it; and
    /// so may the index be that it is a part of itself.
    fn note_complete(&mut self, table: Oid, index: Oid) -> Result<()> {
        let context = self.context()?;
        let Some(relation) = context.snapshot.relation(table) else {
            return Ok(());
        };
        let has_part = |child: &Arc<Relation>| {
            let parts = child.constraints.indexes.iter().filter(|own| !own.invalid);
            let mut parts = parts.filter_map(|own| child.family.parts_of.get(&own.oid));
            parts.any(|of| *of == index)
        };
        let is_complete = context.snapshot.children(table).iter().all(has_part);
        let mut constraints = relation.constraints.clone();
        let mut of = constraints.indexes.iter_mut();
        let Some(own) = of.find(|own| own.oid == index && own.invalid && is_complete) else {
            return Ok(());
        };
        own.invalid = false;
        let above = relation.family.parts_of.get(&index).copied();
        let parent = relation.family.parents.first().copied();
        let change = Change::SetConstraints {
            relation: table,
            constraints,
        };
        self.push_needing(vec![change], &[])?;
        match (parent, above) {
            (Some(parent), Some(above)) => self.note_complete(parent, above),
            _ => Ok(()),
        }
    }
}

fn index_of(relation: &Relation, oid: Oid) -> Option<&Index> {
    let mut indexes = relation.constraints.indexes.iter();
    indexes.find(|index| index.oid == oid)
}

/// An index of a table as one of a partition: over the columns of the same names.
fn part_in(index: &Index, table: &Relation, partition: &Relation) -> Result<Index> {
    let mut part = index.clone();
    part.invalid = false;
    for of in &mut part.parts {
        if let IndexedBy::Column(number) = &mut of.of {
            *number = table.number_in(partition, *number)?;
        }
    }
    part.include = numbers_in(&index.include, table, partition)?;
    part.reads = numbers_in(&index.reads, table, partition)?;
    Ok(part)
}

/// Columns of a table as those of another that have their names.
fn numbers_in(columns: &[i16], table: &Relation, other: &Relation) -> Result<Vec<i16>> {
    let numbers = columns.iter().map(|of| table.number_in(other, *of));
    numbers.collect()
}

/// Whether a table has partitions.
pub(super) fn is_divided(context: &StatementContext, relation: &Relation) -> bool {
    relation.is_partitioned() && context.snapshot.has_children(relation.oid)
}

/// Whether a table has an index or a foreign key.
fn has_part(relation: &Relation, oid: Oid) -> bool {
    let constraints = &relation.constraints;
    constraints.indexes.iter().any(|index| index.oid == oid)
        || constraints.foreign.iter().any(|key| key.oid == oid)
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
    let joined = joined(&part.columns);
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
