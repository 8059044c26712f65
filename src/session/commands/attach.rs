//! ATTACH and DETACH PARTITION, and what rows must be for a table to become a partition.

use std::sync::Arc;

use super::family_alter::{joined_to, parted_from};
use super::family_keys::referring_locks;
use super::relation_of;
use super::trigger::set;
use super::trigger_parts::{refuse_tables, without_parts};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, PartitionBound, Relation, RelationKind};
use crate::database::LockMode;
use crate::engine::command::ObjectName;
use crate::engine::definition::BoundClause;
use crate::engine::parse_query;
use crate::pg_catalog::family;
use crate::session::Session;
use crate::session::dispatch::Run;
use crate::statement::StatementContext;

impl Session {
    /// `23514` if a table has rows that do not meet a condition.
    async fn refuse_rows(
        &mut self,
        context: &Arc<StatementContext>,
        table: &Arc<Relation>,
        condition: Option<&str>,
        message: String,
        run: &Run<'_>,
    ) -> Result<()> {
        let Some(condition) = condition else {
            return Ok(());
        };
        let query = parse_query(&format!(
            "SELECT 1 FROM {} WHERE ({condition}) IS NOT TRUE LIMIT 1",
            context.snapshot.qualified_name(table),
        ))?;
        let server = super::alter::as_server(context);
        if self.finds(&server, &query, run).await? {
            let name = context.snapshot.qualified_name(table);
            return Err(
                Error::new(SqlState::CHECK_VIOLATION, message).table(name.schema, name.name)
            );
        }
        Ok(())
    }

    /// Looks whether the default partition has rows that a new one is for.
    pub(super) async fn check_default_partition(
        &mut self,
        context: &Arc<StatementContext>,
        parent: &Relation,
        bound: &PartitionBound,
        run: &Run<'_>,
    ) -> Result<()> {
        if *bound == PartitionBound::Default {
            return Ok(());
        }
        let Some(default) = context.snapshot.default_partition(parent.oid) else {
            return Ok(());
        };
        let condition = family::own_condition(context, parent, Oid::INVALID, bound);
        let condition = condition.map(|of| format!("NOT ({of})"));
        let message = format!(
            "updated partition constraint for default partition \"{}\" would be violated by some \
             row",
            default.name
        );
        self.refuse_rows(context, &default, condition.as_deref(), message, run)
            .await
    }

    /// ATTACH PARTITION
    pub(super) async fn attach(
        &mut self,
        parent: Oid,
        partition: &ObjectName,
        clause: &BoundClause,
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        let context = self.context()?;
        let found = relation_of(&context, partition)?;
        super::alter::owned_table(&context, found)?;
        let child = found.oid;
        let locks = |context: &StatementContext| {
            let mut locks = locks_from(context, child);
            locks.extend(default_locks(context, parent));
            locks.extend(referring_locks(context, parent));
            locks
        };
        let context = self.lock_wanted(run.interrupt, locks).await?;
        let gone = || Error::internal("attaching a partition", "a table is gone");
        let parent = context
            .snapshot
            .relation(parent)
            .cloned()
            .ok_or_else(gone)?;
        let child = context.snapshot.relation(child).cloned().ok_or_else(gone)?;
        check_attached(&context, &parent, &child)?;
        refuse_tables(&child, true)?;
        let triggers = self.shared_triggers(&parent, &child)?;
        let bound = self
            .partition_bound(&context, &parent, &child.name, clause, run)
            .await?;
        let mut family = joined_to(&child, &parent)?;
        family.parents = vec![parent.oid];
        family.bound = Some(bound.clone());
        let (constraints, parts_of) = self.parts_for(&context, &parent, &child, |_| true)?;
        family.parts_of.extend(parts_of);
        let mut after = Relation::clone(&child);
        after.family = family.clone();
        let condition = family::condition(&context, &after);
        let message = format!(
            "partition constraint of relation \"{}\" is violated by some row",
            child.name
        );
        self.refuse_rows(&context, &child, condition.as_deref(), message, run)
            .await?;
        self.check_default_partition(&context, &parent, &bound, run)
            .await?;
        let mut changes = vec![Change::SetFamily {
            relation: child.oid,
            family: Box::new(family),
        }];
        if constraints != child.constraints {
            after.constraints = constraints.clone();
            let after = Arc::new(after);
            self.check_rows_of(&context, &child, &after, run).await?;
            changes.push(Change::SetConstraints {
                relation: child.oid,
                constraints,
            });
        }
        if triggers != child.triggers {
            changes.push(set(&child, triggers));
        }
        Ok(changes)
    }

    /// DETACH PARTITION
    pub(super) async fn detach(
        &mut self,
        parent: Oid,
        partition: &ObjectName,
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        let context = self.context()?;
        let child = relation_of(&context, partition)?.oid;
        let locks = |context: &StatementContext| {
            let mut locks = locks_from(context, child);
            locks.extend(referring_locks(context, child));
            locks
        };
        let context = self.lock_wanted(run.interrupt, locks).await?;
        let gone = || Error::internal("detaching a partition", "a table is gone");
        let parent = context.snapshot.relation(parent).ok_or_else(gone)?;
        let child = context.snapshot.relation(child).ok_or_else(gone)?;
        if !child.is_partition() || !child.family.parents.contains(&parent.oid) {
            return Err(Error::new(
                SqlState::UNDEFINED_TABLE,
                format!(
                    "relation \"{}\" is not a partition of relation \"{}\"",
                    child.name, parent.name
                ),
            ));
        }
        self.refuse_referred(&context, child, run).await?;
        let mut family = parted_from(child, parent);
        family.bound = None;
        family.parts_of.clear();
        let mut changes = without_parts(&context.snapshot, child);
        changes.push(Change::SetFamily {
            relation: child.oid,
            family: Box::new(family),
        });
        Ok(changes)
    }
}

/// The locks that keep the default partition of a table as it is, and all under it.
pub(super) fn default_locks(context: &StatementContext, table: Oid) -> Vec<(Oid, LockMode)> {
    let default = context.snapshot.default_partition(table);
    default.map_or_else(Vec::new, |of| locks_from(context, of.oid))
}

/// The locks that keep a table as it is, and all under it.
fn locks_from(context: &StatementContext, table: Oid) -> Vec<(Oid, LockMode)> {
    let tables = context.snapshot.meant(table, false).into_iter();
    tables.map(|table| (table, LockMode::Exclusive)).collect()
}

/// What a table must be to be attached.
fn check_attached(context: &StatementContext, parent: &Relation, child: &Relation) -> Result<()> {
    let wrong = |message: String| Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
    if !parent.is_partitioned() {
        return wrong(format!("table \"{}\" is not partitioned", parent.name));
    }
    if !matches!(child.kind, RelationKind::Table { .. }) {
        return Err(Error::unsupported(format!(
            "attaching \"{}\", which is not a table,",
            child.name
        )));
    }
    if child.is_partition() {
        return wrong(format!("\"{}\" is already a partition", child.name));
    }
    if !child.family.parents.is_empty() {
        return wrong("cannot attach inheritance child as partition".to_owned());
    }
    if !child.is_partitioned() && context.snapshot.has_children(child.oid) {
        return wrong("cannot attach inheritance parent as partition".to_owned());
    }
    super::family_alter::refuse_circle(context, parent, child)?;
    super::family::check_persistence(parent, child.persistence, true)?;
    if let Some(column) = child
        .columns
        .iter()
        .find(|c| parent.column(&c.name).is_none())
    {
        return Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "table \"{}\" contains column \"{}\" not found in parent \"{}\"",
                child.name, column.name, parent.name
            ),
        )
        .detail("The new partition may contain only the columns present in parent."));
    }
    Ok(())
}
