//! Row triggers of partitioned tables: each partition has its part of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::trigger::{exists, set, with_keys};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Relation, Snapshot, Trigger};
use crate::database::LockMode;
use crate::engine::command::Enabling;
use crate::session::Session;
use crate::session::dispatch::Run;

impl Session {
    /// The triggers of a partition with its parts of those of its table.
    ///
    /// # Errors
    /// `42710` for a trigger of the partition's own that has the name of one.
    pub(super) fn shared_triggers(
        &self,
        table: &Relation,
        partition: &Relation,
    ) -> Result<Vec<Trigger>> {
        let mut triggers = partition.triggers.clone();
        for trigger in table.triggers.iter().filter(|trigger| trigger.row) {
            if triggers.iter().any(|of| of.parent == Some(trigger.oid)) {
                continue;
            }
            if triggers.iter().any(|of| of.name == trigger.name) {
                return Err(exists(&trigger.name, partition));
            }
            let database = &self.shared.database;
            triggers.push(trigger.part(table, partition, &mut || database.new_oid())?);
        }
        triggers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(triggers)
    }

    /// Gives the partitions of a table their parts of the triggers it has now.
    pub(super) async fn share_triggers(&mut self, table: Oid, run: &Run<'_>) -> Result<()> {
        let context = self.context()?;
        let Some(table) = context.snapshot.relation(table).cloned() else {
            return Ok(());
        };
        if !table.is_partitioned() {
            return Ok(());
        }
        for child in context.snapshot.children(table.oid) {
            self.lock(child.oid, LockMode::Exclusive, run.interrupt)
                .await?;
            let context = self.context()?;
            let Some(child) = context.snapshot.relation(child.oid).cloned() else {
                continue;
            };
            let triggers = self.shared_triggers(&table, &child)?;
            if triggers != child.triggers {
                self.push_needing(vec![set(&child, triggers)], &[])?;
            }
            Box::pin(self.share_triggers(child.oid, run)).await?;
        }
        Ok(())
    }

    /// Puts a trigger of a partitioned table in the place of those of its partitions that have its
    /// name.
    pub(super) async fn replace_parts(
        &mut self,
        table: Oid,
        name: &str,
        run: &Run<'_>,
    ) -> Result<()> {
        let context = self.context()?;
        let Some(table) = context.snapshot.relation(table).cloned() else {
            return Ok(());
        };
        let Some(trigger) = table.triggers.iter().find(|of| of.name == name && of.row) else {
            return Ok(());
        };
        if !table.is_partitioned() {
            return Ok(());
        }
        for child in context.snapshot.children(table.oid) {
            self.lock(child.oid, LockMode::Exclusive, run.interrupt)
                .await?;
            let context = self.context()?;
            let Some(child) = context.snapshot.relation(child.oid).cloned() else {
                continue;
            };
            let mut triggers = child.triggers.clone();
            if let Some(own) = triggers.iter_mut().find(|of| of.name == name) {
                if own.constraint.is_some() {
                    return Err(super::trigger::is_constraint(name, &child));
                }
                let database = &self.shared.database;
                let mut part = trigger.part(&table, &child, &mut || database.new_oid())?;
                part.oid = own.oid;
                *own = part;
                self.push_needing(vec![set(&child, triggers)], &[])?;
            }
            Box::pin(self.replace_parts(child.oid, name, run)).await?;
        }
        Ok(())
    }

    /// ENABLE and DISABLE TRIGGER of a partitioned table, done to its partitions' parts.
    pub(super) async fn enable_parts(
        &mut self,
        table: &Relation,
        enabling: &Enabling,
        run: &Run<'_>,
    ) -> Result<()> {
        if !table.is_partitioned() {
            return Ok(());
        }
        let named = |trigger: &&Trigger| match &enabling.trigger {
            Some(name) => trigger.name == *name,
            None => true,
        };
        let triggers = table.triggers.iter().filter(named);
        let triggers: Vec<Oid> = triggers.map(|trigger| trigger.oid).collect();
        self.lock_parts(&triggers, run).await?;
        let context = self.context()?;
        let mut changes = alter_parts(&context.snapshot, &triggers, |_, part| {
            part.enabled = enabling.enabled;
            Ok(())
        })?;
        let below = context.snapshot.descendants(table.oid);
        for partition in below.iter().filter(|of| of.oid != table.oid) {
            if let Some(change) = with_keys(&context, partition, enabling)? {
                self.lock(partition.oid, LockMode::Exclusive, run.interrupt)
                    .await?;
                changes.push(change);
            }
        }
        self.push_needing(changes, &[])
    }

    /// Keeps the partitions that have parts of triggers as they are.
    pub(super) async fn lock_parts(&mut self, triggers: &[Oid], run: &Run<'_>) -> Result<()> {
        let context = self.context()?;
        for (partition, _) in parts_below(&context.snapshot, triggers) {
            self.lock(partition.oid, LockMode::Exclusive, run.interrupt)
                .await?;
            self.refuse_in_use(partition.oid, "ALTER TABLE")?;
        }
        Ok(())
    }
}

/// The parts of triggers, and parts of those, with the partitions that have them.
pub(super) fn parts_below(snapshot: &Snapshot, triggers: &[Oid]) -> Vec<(Arc<Relation>, Oid)> {
    let mut found: Vec<(Arc<Relation>, Oid)> = Vec::new();
    let mut of: Vec<Oid> = triggers.to_vec();
    while !of.is_empty() {
        let is_part = |trigger: &Trigger| trigger.parent.is_some_and(|parent| of.contains(&parent));
        let parts: Vec<_> = snapshot
            .triggers_that(is_part)
            .map(|(table, trigger)| (Arc::clone(table), trigger.oid))
            .collect();
        of = parts.iter().map(|(_, trigger)| *trigger).collect();
        found.extend(parts);
    }
    found
}

/// Does something to the parts of triggers, wherever they are.
pub(super) fn alter_parts(
    snapshot: &Snapshot,
    triggers: &[Oid],
    alter: impl Fn(&Relation, &mut Trigger) -> Result<()>,
) -> Result<Vec<Change>> {
    // A partition may have several.
    let mut altered: BTreeMap<Oid, (Arc<Relation>, Vec<Trigger>)> = BTreeMap::new();
    for (partition, part) in parts_below(snapshot, triggers) {
        let (_, own) = altered
            .entry(partition.oid)
            .or_insert_with(|| (Arc::clone(&partition), partition.triggers.clone()));
        for trigger in own.iter_mut().filter(|trigger| trigger.oid == part) {
            alter(&partition, trigger)?;
        }
    }
    let altered = altered.into_values();
    Ok(altered
        .map(|(partition, triggers)| set(&partition, triggers))
        .collect())
}

/// A partition loses its parts of its table's triggers, and what is under it its parts of those.
pub(super) fn without_parts(snapshot: &Snapshot, partition: &Relation) -> Vec<Change> {
    let parts = partition.triggers.iter().filter(|of| of.parent.is_some());
    let parts: Vec<Oid> = parts.map(|of| of.oid).collect();
    let below = parts_below(snapshot, &parts);
    let below = below.iter().map(|(table, part)| (table.oid, *part));
    let own = parts.iter().map(|part| (partition.oid, *part));
    own.chain(below)
        .map(|(relation, trigger)| Change::DropTrigger { relation, trigger })
        .collect()
}

/// `0A000` for a trigger that names all rows of a statement, on what is to stand under another
/// table.
pub(super) fn refuse_tables(child: &Relation, is_partition: bool) -> Result<()> {
    let mut triggers = child.triggers.iter();
    let Some(trigger) = triggers.find(|of| of.row && of.has_tables()) else {
        return Ok(());
    };
    let (what, place) = match is_partition {
        true => ("a partition", "on partitions"),
        false => ("an inheritance child", "in inheritance hierarchies"),
    };
    Err(Error::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        format!(
            "trigger \"{}\" prevents table \"{}\" from becoming {what}",
            trigger.name, child.name
        ),
    )
    .detail(format!(
        "ROW triggers with transition tables are not supported {place}."
    )))
}
