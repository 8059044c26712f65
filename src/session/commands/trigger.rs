//! Triggers made, renamed, switched and dropped.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::drop::is_missing;
use super::trigger_parts::{alter_parts, parts_below};
use super::{relation_of, tag};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Change, ConstraintTrigger, Enabled, Firing, ObjectId, Privilege, Privileges, Relation,
    RelationKind, Routine, Trigger, TriggerEvent,
};
use crate::engine::Asked;
use crate::engine::command::{Enabling, NewTrigger, ObjectName, TriggerAction, TriggerStatement};
use crate::observe::Interrupt;
use crate::privileges::{self, Need};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;

impl Session {
    /// CREATE, ALTER and DROP TRIGGER. By itself, so that it makes no room in every statement.
    pub(in crate::session) fn trigger<'a>(
        &'a mut self,
        statement: &'a TriggerStatement,
        run: Run<'a>,
    ) -> BoxFuture<'a, Result<CommandTag>> {
        Box::pin(self.trigger_now(statement, run))
    }

    async fn trigger_now(
        &mut self,
        statement: &TriggerStatement,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let done = tag(tag_of(&statement.action));
        let context = self.context()?;
        let may_miss = matches!(statement.action, TriggerAction::Drop { if_exists: true });
        let found = match relation_of(&context, &statement.table) {
            Err(error) if may_miss && is_missing(&error) => {
                self.notice(format!("{}, skipping", error.message()));
                return Ok(done);
            }
            found => found?.oid,
        };
        let relation = self.locked(found, run.interrupt).await?;
        if let TriggerAction::Drop { .. } = statement.action {
            self.refuse_in_use(found, "DROP TRIGGER")?;
        }
        let context = self.context()?;
        let name = &statement.name;
        let mut triggers = relation.triggers.clone();
        let place = triggers.iter().position(|trigger| trigger.name == *name);
        match &statement.action {
            TriggerAction::Create(new) => {
                let need = Need::Privilege {
                    role: context.role,
                    object: ObjectId::Relation(relation.oid),
                    any_of: Privileges::from(Privilege::Trigger),
                };
                privileges::authorize(&context.snapshot, &[need], ())?;
                let mut made = self
                    .made_trigger(&context, &relation, name, new, &run)
                    .await?;
                match place {
                    Some(_) if !new.or_replace => return Err(exists(name, &relation)),
                    Some(place) if triggers[place].parent.is_some() => {
                        return Err(Error::new(
                            SqlState::DUPLICATE_OBJECT,
                            format!(
                                "trigger \"{name}\" for relation \"{}\" is an internal or a child \
                                 trigger",
                                relation.name
                            ),
                        ));
                    }
                    Some(place) if triggers[place].constraint.is_some() => {
                        return Err(is_constraint(name, &relation));
                    }
                    Some(place) => {
                        made.oid = triggers[place].oid;
                        triggers[place] = made;
                    }
                    None => triggers.push(made),
                }
                self.push(vec![set(&relation, triggers)], Vec::new())?;
                if new.or_replace {
                    self.replace_parts(relation.oid, name, &run).await?;
                }
                self.share_triggers(relation.oid, &run).await?;
                Ok(done)
            }
            TriggerAction::Rename(to) => {
                owned(&context, &relation)?;
                if triggers.iter().any(|trigger| trigger.name == *to) {
                    return Err(exists(to, &relation));
                }
                let place = place.ok_or_else(|| missing(name, &relation))?;
                if let Some((of, _)) = parent_of(&context, &triggers[place]) {
                    // PostgreSQL has no state of its own for this.
                    return Err(Error::new(
                        SqlState::INTERNAL_ERROR,
                        format!(
                            "cannot rename trigger \"{name}\" on table \"{}\"",
                            relation.name
                        ),
                    )
                    .hint(format!(
                        "Rename the trigger on the partitioned table \"{}\" instead.",
                        of.name
                    )));
                }
                let oid = triggers[place].oid;
                self.lock_parts(&[oid], &run).await?;
                triggers[place].name.clone_from(to);
                let context = self.context()?;
                let mut changes = alter_parts(&context.snapshot, &[oid], |partition, part| {
                    if partition.triggers.iter().any(|of| of.name == *to) {
                        return Err(exists(to, partition));
                    }
                    part.name.clone_from(to);
                    Ok(())
                })?;
                changes.push(set(&relation, triggers));
                self.push_needing(changes, &[])?;
                Ok(done)
            }
            TriggerAction::Drop { if_exists } => {
                let Some(place) = place else {
                    if !if_exists {
                        return Err(missing(name, &relation));
                    }
                    self.notice(format!(
                        "trigger \"{name}\" for relation \"{}\" does not exist, skipping",
                        relation.name
                    ));
                    return Ok(done);
                };
                owned(&context, &relation)?;
                if let Some((of, parent)) = parent_of(&context, &triggers[place]) {
                    return Err(Error::new(
                        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                        format!(
                            "cannot drop trigger {name} on table {} because trigger {} on table {} \
                             requires it",
                            relation.name, parent.name, of.name
                        ),
                    )
                    .hint(format!(
                        "You can drop trigger {} on table {} instead.",
                        parent.name, of.name
                    )));
                }
                let oid = triggers[place].oid;
                self.lock_parts(&[oid], &run).await?;
                let context = self.context()?;
                let parts = parts_below(&context.snapshot, &[oid]).into_iter();
                let parts = parts.map(|(table, part)| (table.oid, part));
                let all = std::iter::once((relation.oid, oid)).chain(parts);
                let gone = |(relation, trigger)| Change::DropTrigger { relation, trigger };
                self.push_needing(all.map(gone).collect(), &[])?;
                Ok(done)
            }
        }
    }

    /// A trigger as it is asked for.
    async fn made_trigger(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        name: &str,
        new: &NewTrigger,
        run: &Run<'_>,
    ) -> Result<Trigger> {
        check_kind(relation, new)?;
        let routine = trigger_function(context, &new.function)?;
        let need = Need::Privilege {
            role: context.role,
            object: ObjectId::Routine(routine.oid),
            any_of: Privileges::from(Privilege::Execute),
        };
        privileges::authorize(&context.snapshot, &[need], ())?;
        let mut columns = Vec::new();
        for column in &new.columns {
            let found = relation.column(column);
            let found = found.ok_or_else(|| super::no_column(relation, column))?;
            if columns.contains(&found.attnum) {
                return Err(Error::new(
                    SqlState::DUPLICATE_COLUMN,
                    format!("column \"{column}\" specified more than once"),
                ));
            }
            columns.push(found.attnum);
        }
        let condition = match &new.condition {
            None => None,
            Some(condition) => {
                let asked = Asked {
                    when: new.when,
                    events: &new.events,
                    row: new.row,
                };
                let work = self.trigger_condition(relation, asked, condition, run);
                Some(work.await?)
            }
        };
        let constraint = match new.constraint {
            None => None,
            Some(timing) => Some(ConstraintTrigger {
                oid: self.shared.database.new_oid(),
                timing,
                from: match &new.from {
                    Some(name) => Some(relation_of(context, name)?.oid),
                    None => None,
                },
            }),
        };
        Ok(Trigger {
            oid: self.shared.database.new_oid(),
            name: name.to_owned(),
            parent: None,
            routine: routine.oid,
            when: new.when,
            events: new.events.clone(),
            columns,
            row: new.row,
            condition,
            old_table: new.old_table.clone(),
            new_table: new.new_table.clone(),
            arguments: new.arguments.clone(),
            enabled: Enabled::Origin,
            constraint,
            comment: None,
        })
    }

    /// COMMENT ON TRIGGER
    pub(super) async fn comment_on_trigger(
        &mut self,
        context: &StatementContext,
        name: &str,
        table: &ObjectName,
        text: Option<&str>,
        interrupt: &Interrupt,
    ) -> Result<CommandTag> {
        let found = relation_of(context, table)?.clone();
        owned(context, &found)?;
        let relation = self.locked(found.oid, interrupt).await?;
        let mut triggers = relation.triggers.clone();
        let trigger = triggers.iter_mut().find(|trigger| trigger.name == name);
        let trigger = trigger.ok_or_else(|| missing(name, &relation))?;
        trigger.comment = text.map(str::to_owned);
        self.push_needing(vec![set(&relation, triggers)], &[])?;
        Ok(tag("COMMENT"))
    }
}

/// `42809`, `42P17`, `0A000` for what such a relation has no such trigger of.
fn check_kind(relation: &Relation, new: &NewTrigger) -> Result<()> {
    let wrong = |message: String| Error::new(SqlState::WRONG_OBJECT_TYPE, message);
    let unsupported = |message: &str| Error::new(SqlState::FEATURE_NOT_SUPPORTED, message);
    let invalid = |message: &str| Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
    let name = &relation.name;
    match &relation.kind {
        RelationKind::Table { .. } if new.when == Firing::Instead => {
            return Err(wrong(format!("\"{name}\" is a table"))
                .detail("Tables cannot have INSTEAD OF triggers."));
        }
        RelationKind::View(_) if new.when != Firing::Instead && new.row => {
            return Err(wrong(format!("\"{name}\" is a view"))
                .detail("Views cannot have row-level BEFORE or AFTER triggers."));
        }
        RelationKind::View(_) if new.events.contains(&TriggerEvent::Truncate) => {
            return Err(wrong(format!("\"{name}\" is a view"))
                .detail("Views cannot have TRUNCATE triggers."));
        }
        RelationKind::View(_) if new.old_table.is_some() || new.new_table.is_some() => {
            return Err(wrong(format!("\"{name}\" is a view"))
                .detail("Triggers on views cannot have transition tables."));
        }
        RelationKind::Table { .. } | RelationKind::View(_) => {}
        RelationKind::Foreign { .. } => {
            return Err(Error::unsupported("a trigger of a foreign table"));
        }
        RelationKind::Materialized { .. } | RelationKind::Sequence(_) => {
            let message = format!("relation \"{name}\" cannot have triggers");
            return Err(wrong(message).detail(format!(
                "This operation is not supported for {}s.",
                relation.kind_name()
            )));
        }
    }
    if new.events.contains(&TriggerEvent::Truncate) && new.row {
        return Err(unsupported(
            "TRUNCATE FOR EACH ROW triggers are not supported",
        ));
    }
    if new.when == Firing::Instead {
        if !new.row {
            return Err(unsupported("INSTEAD OF triggers must be FOR EACH ROW"));
        }
        if new.condition.is_some() {
            return Err(unsupported(
                "INSTEAD OF triggers cannot have WHEN conditions",
            ));
        }
        if !new.columns.is_empty() {
            return Err(unsupported("INSTEAD OF triggers cannot have column lists"));
        }
    }
    if new.old_table.is_some() || new.new_table.is_some() {
        if new.row && relation.is_partitioned() {
            return Err(
                unsupported(&format!("\"{name}\" is a partitioned table")).detail(
                    "ROW triggers with transition tables are not supported on partitioned tables.",
                ),
            );
        }
        if new.when != Firing::After {
            return invalid("transition table name can only be specified for an AFTER trigger");
        }
        if new.events.contains(&TriggerEvent::Truncate) {
            return Err(unsupported(
                "TRUNCATE triggers with transition tables are not supported",
            ));
        }
        if new.events.len() != 1 {
            return Err(unsupported(
                "transition tables cannot be specified for triggers with more than one event",
            ));
        }
        if !new.columns.is_empty() {
            return Err(unsupported(
                "transition tables cannot be specified for triggers with column lists",
            ));
        }
        let only = new.events[0];
        if new.new_table.is_some() && only == TriggerEvent::Delete {
            return invalid("NEW TABLE can only be specified for an INSERT or UPDATE trigger");
        }
        if new.old_table.is_some() && only == TriggerEvent::Insert {
            return invalid("OLD TABLE can only be specified for a DELETE or UPDATE trigger");
        }
        if new.old_table == new.new_table {
            return invalid("OLD TABLE name and NEW TABLE name cannot be the same");
        }
        if new.row && !relation.family.parents.is_empty() {
            return Err(unsupported(match relation.is_partition() {
                true => "ROW triggers with transition tables are not supported on partitions",
                false => {
                    "ROW triggers with transition tables are not supported on inheritance children"
                }
            }));
        }
    }
    Ok(())
}

/// The function of a trigger.
fn trigger_function(context: &StatementContext, name: &ObjectName) -> Result<Arc<Routine>> {
    let snapshot = &context.snapshot;
    let shown = match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.clone(),
    };
    let candidates = context
        .search_path
        .candidates(snapshot, name.schema.as_deref());
    let found = candidates.into_iter().find_map(|schema| {
        snapshot
            .routines_named(schema, &name.name)
            .find(|routine| routine.inputs().next().is_none())
            .cloned()
    });
    let Some(routine) = found else {
        return Err(Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("function {shown}() does not exist"),
        ));
    };
    if routine.returns != Oid(2279) {
        return Err(Error::new(
            SqlState::INVALID_OBJECT_DEFINITION,
            format!("function {shown} must return type trigger"),
        ));
    }
    Ok(routine)
}

/// ALTER TABLE … ENABLE and DISABLE TRIGGER
pub(super) fn enabled(
    context: &StatementContext,
    relation: &Relation,
    enabling: &Enabling,
) -> Result<Vec<Change>> {
    if !matches!(
        relation.kind,
        RelationKind::Table { .. } | RelationKind::Foreign { .. }
    ) {
        return Err(relation.has_no_action(enabling.words()));
    }
    let mut triggers = relation.triggers.clone();
    let wanted = |trigger: &&mut Trigger| match &enabling.trigger {
        Some(name) => trigger.name == *name,
        None => true,
    };
    let mut found = false;
    for trigger in triggers.iter_mut().filter(wanted) {
        trigger.enabled = enabling.enabled;
        found = true;
    }
    match &enabling.trigger {
        Some(name) if !found => Err(missing(name, relation)),
        _ => {
            let mut changes = vec![set(relation, triggers)];
            changes.extend(with_keys(context, relation, enabling)?);
            Ok(changes)
        }
    }
}

/// Foreign keys are triggers of both tables to PostgreSQL, which ALL are, too.
///
/// # Errors
/// `42501` for others than superusers, if there are some.
pub(super) fn with_keys(
    context: &StatementContext,
    relation: &Relation,
    enabling: &Enabling,
) -> Result<Option<Change>> {
    let snapshot = &context.snapshot;
    let own = relation.constraints.foreign.iter().map(|key| key.oid);
    let referring = snapshot.references_to(relation.oid);
    let referring = referring.map(|(_, key)| key.oid);
    let keys: BTreeSet<Oid> = own.chain(referring).collect();
    let Some(first) = keys.first().filter(|_| enabling.all) else {
        return Ok(None);
    };
    if !snapshot
        .role(context.role)
        .is_some_and(|role| role.superuser)
    {
        return Err(Error::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("permission denied: \"RI_ConstraintTrigger_{first}\" is a system trigger"),
        ));
    }
    let mut constraints = relation.constraints.clone();
    constraints.unkept = match enabling.enabled {
        Enabled::Disabled => keys,
        _ => BTreeSet::new(),
    };
    Ok(Some(Change::SetConstraints {
        relation: relation.oid,
        constraints,
    }))
}

pub(super) fn set(relation: &Relation, triggers: Vec<Trigger>) -> Change {
    Change::SetTriggers {
        relation: relation.oid,
        triggers,
    }
}

/// `42501` unless the table is the role's own.
fn owned(context: &StatementContext, relation: &Relation) -> Result<()> {
    match privileges::has_privileges_of(&context.snapshot, context.role, relation.owner) {
        true => Ok(()),
        false => Err(Error::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!(
                "must be owner of {} {}",
                relation.kind_name(),
                relation.name
            ),
        )),
    }
}

pub(super) fn exists(name: &str, relation: &Relation) -> Error {
    Error::new(
        SqlState::DUPLICATE_OBJECT,
        format!(
            "trigger \"{name}\" for relation \"{}\" already exists",
            relation.name
        ),
    )
}

/// `42710` for what is not replaced.
pub(super) fn is_constraint(name: &str, relation: &Relation) -> Error {
    Error::new(
        SqlState::DUPLICATE_OBJECT,
        format!(
            "trigger \"{name}\" for relation \"{}\" is a constraint trigger",
            relation.name
        ),
    )
}

/// The trigger that one is a partition's part of, and its table.
fn parent_of<'s>(
    context: &'s StatementContext,
    trigger: &Trigger,
) -> Option<(&'s Arc<Relation>, &'s Trigger)> {
    let parent = trigger.parent?;
    context
        .snapshot
        .triggers_that(move |of| of.oid == parent)
        .next()
}

fn missing(name: &str, relation: &Relation) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!(
            "trigger \"{name}\" for table \"{}\" does not exist",
            relation.name
        ),
    )
}

/// What the command is called.
pub(in crate::session) fn tag_of(action: &TriggerAction) -> &'static str {
    match action {
        TriggerAction::Create(_) => "CREATE TRIGGER",
        TriggerAction::Rename(_) => "ALTER TRIGGER",
        TriggerAction::Drop { .. } => "DROP TRIGGER",
    }
}
