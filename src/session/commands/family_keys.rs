//! Foreign keys to partitioned tables: what they are to each partition.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::constraint::choose_name;
use super::foreign_key::names_of;
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, ForeignKey, KeyPart, Relation};
use crate::database::LockMode;
use crate::session::Session;
use crate::session::dispatch::Run;
use crate::statement::StatementContext;

impl Session {
    /// Makes a key of `from` what it is to the tables that stand under the one it refers to: parts
    /// it has stay, others go.
    ///
    /// # Errors
    /// None but internal ones.
    pub(super) fn divide_key(
        &self,
        context: &StatementContext,
        from: &Relation,
        key: &mut ForeignKey,
    ) -> Result<()> {
        let Some(table) = context.snapshot.relation(key.table) else {
            return Ok(());
        };
        if !table.is_partitioned() {
            return Ok(());
        }
        let mut old = std::mem::take(&mut key.parts);
        let columns: Vec<String> = key.columns.iter().map(|of| name_of(from, *of)).collect();
        let columns = columns.join("_");
        for partition in context.snapshot.descendants(table.oid) {
            let part = match old.remove(&partition.oid) {
                Some(part) => part,
                None => {
                    let taken = |name: &str| {
                        let mut new = key.parts.values().chain(old.values());
                        name == key.name
                            || from.constraints.is_named(name)
                            || new.any(|part| part.name == name)
                    };
                    let references = key.references.iter();
                    let references = references.map(|attnum| table.number_in(&partition, *attnum));
                    KeyPart {
                        oid: self.shared.database.new_oid(),
                        name: choose_name(&from.name, Some(&columns), "fkey", taken),
                        references: references.collect::<Result<_>>()?,
                        index: part_of_index(&partition, key),
                        part_of: above(&partition, key).map_or(key.oid, |above| above.oid),
                    }
                }
            };
            key.parts.insert(partition.oid, part);
        }
        Ok(())
    }

    /// Makes the foreign keys that refer to a table, or to one above it, what they are to the
    /// tables that stand under it by now.
    pub(super) fn divide_keys(&mut self, table: Oid) -> Result<()> {
        let context = self.context()?;
        let Some(table) = context.snapshot.relation(table) else {
            return Ok(());
        };
        let mut above: BTreeSet<Oid> = BTreeSet::from([table.oid]);
        let ancestors = context.snapshot.partition_ancestors(table);
        above.extend(ancestors.iter().map(|of| of.oid));
        let mut whole_of: BTreeMap<Oid, Oid> = BTreeMap::new();
        let mut divided: BTreeMap<Oid, BTreeMap<Oid, KeyPart>> = BTreeMap::new();
        let mut referring: Vec<Arc<Relation>> = Vec::new();
        for relation in context.snapshot.relations() {
            let keys = &relation.constraints.foreign;
            if !keys.iter().any(|key| above.contains(&key.table)) {
                continue;
            }
            referring.push(Arc::clone(relation));
            whole_of.extend(
                relation
                    .family
                    .parts_of
                    .iter()
                    .map(|(part, of)| (*part, *of)),
            );
            for key in keys.iter().filter(|key| above.contains(&key.table)) {
                if !relation.family.parts_of.contains_key(&key.oid) {
                    let mut key = key.clone();
                    self.divide_key(&context, relation, &mut key)?;
                    divided.insert(key.oid, key.parts);
                }
            }
        }
        let mut changes = Vec::new();
        for relation in referring {
            let mut constraints = relation.constraints.clone();
            for key in &mut constraints.foreign {
                let mut whole = key.oid;
                while let Some(of) = whole_of.get(&whole) {
                    whole = *of;
                }
                if let Some(parts) = divided.get(&whole) {
                    key.parts.clone_from(parts);
                }
            }
            if constraints != relation.constraints {
                changes.push(Change::SetConstraints {
                    relation: relation.oid,
                    constraints,
                });
            }
        }
        self.push_needing(changes, &[])
    }

    /// `23503` if a row refers to one of a partition that is to go from its table.
    pub(super) async fn refuse_referred(
        &self,
        context: &Arc<StatementContext>,
        partition: &Relation,
        run: &Run<'_>,
    ) -> Result<()> {
        let referring: Vec<(Arc<Relation>, ForeignKey)> = context
            .snapshot
            .references_to(partition.oid)
            .filter(|(from, key)| {
                // Of a partitioned table's key, not of its partitions' parts of it.
                let is_part = from.family.parts_of.contains_key(&key.oid);
                let whole = from.constraints.foreign.iter().find(|of| of.oid == key.oid);
                !is_part && whole.is_some_and(|whole| whole.table != partition.oid)
            })
            .map(|(from, key)| (Arc::clone(from), key.into_owned()))
            .collect();
        let server = super::alter::as_server(context);
        for (from, key) in referring {
            let (mut shown, mut same) = (Vec::new(), Vec::new());
            for (own, to) in key.columns.iter().zip(&key.references) {
                let own = format!("c.{}", quote(&name_of(&from, *own)));
                shown.push(format!("format('%s', {own})"));
                same.push(format!("{own} = p.{}", quote(&name_of(partition, *to))));
            }
            let query = format!(
                "SELECT {} FROM {} AS c WHERE EXISTS (SELECT FROM {} AS p WHERE {}) LIMIT 1",
                shown.join(" || ', ' || "),
                context.snapshot.qualified_name(&from),
                context.snapshot.qualified_name(partition),
                same.join(" AND "),
            );
            let found = self.texts(&server, &query, run).await?;
            let Some(values) = found.into_iter().next() else {
                continue;
            };
            let place = context.snapshot.qualified_name(&from);
            return Err(Error::new(
                SqlState::FOREIGN_KEY_VIOLATION,
                format!(
                    "removing partition \"{}\" violates foreign key constraint \"{}\"",
                    partition.name, key.name
                ),
            )
            .detail(format!(
                "Key ({})=({}) is still referenced from table \"{}\".",
                names_of(&from, &key.columns),
                values.unwrap_or_default(),
                from.name
            ))
            .table(place.schema, place.name)
            .constraint(&key.name));
        }
        Ok(())
    }
}

fn name_of(relation: &Relation, attnum: i16) -> String {
    let column = relation.columns.iter().find(|c| c.attnum == attnum);
    column.map_or_else(String::new, |column| column.name.clone())
}

/// The key's part of the table that a partition is one of, unless that is the one it refers to.
fn above<'k>(partition: &Relation, key: &'k ForeignKey) -> Option<&'k KeyPart> {
    key.parts.get(partition.family.parents.first()?)
}

/// The partition's part of the index that a key stands on.
fn part_of_index(partition: &Relation, key: &ForeignKey) -> Oid {
    let above = above(partition, key).map_or(key.index, |above| above.index);
    let mut indexes = partition.constraints.indexes.iter();
    let own = indexes.find(|own| partition.family.parts_of.get(&own.oid) == Some(&above));
    own.map_or(Oid::INVALID, |own| own.oid)
}

/// The locks that keep the tables as they are whose foreign keys refer to a table, or to one above
/// it.
pub(super) fn referring_locks(context: &StatementContext, table: Oid) -> Vec<(Oid, LockMode)> {
    let referring = context.snapshot.references_to(table);
    referring
        .map(|(from, _)| (from.oid, LockMode::Exclusive))
        .collect()
}
