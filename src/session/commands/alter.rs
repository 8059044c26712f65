//! ALTER SCHEMA, TABLE, VIEW, FOREIGN TABLE, DATABASE.

use std::sync::Arc;

use super::drop::{is_missing, kind_of, named, word_of};
use super::family_rules::check_altered;
use super::passes::in_passes;
use super::policy::secured;
use super::readers::{reworded, reworded_for_schema};
use super::trigger::enabled;
use super::tuning::check_parameters;
use super::{alter_tag, relation_of, tag};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Column, ObjectId, Relation, Schema, Tuned, with_parameters};
use crate::database::LockMode;
use crate::engine::command::{Alter, AlterAction, ObjectKind, ObjectName, Tune};
use crate::engine::definition::ConstraintClause;
use crate::engine::parse_query;
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;

impl Session {
    /// ALTER: the actions one after the other, each seeing what those before it made.
    pub(in crate::session) async fn alter(
        &mut self,
        alter: &Alter,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let done = tag(alter_tag(alter.kind));
        if alter.kind == ObjectKind::Index {
            self.alter_index(alter, &run).await?;
            return Ok(done);
        }
        let context = self.context()?;
        let object = match altered(&context, alter) {
            Ok(object) => object,
            Err(error) if alter.if_exists && is_missing(&error) => {
                self.notice(format!("{}, skipping", error.message()));
                return Ok(done);
            }
            Err(error) => return Err(error),
        };
        if let ObjectId::Relation(oid) = object {
            // Whoever may not alter the table does not get to lock it.
            let owner = privileges::Need::Owner {
                role: context.role,
                object,
            };
            privileges::authorize(&context.snapshot, &[owner], ())?;
            self.lock(oid, LockMode::Exclusive, run.interrupt).await?;
            self.refuse_in_use(oid, "ALTER TABLE")?;
        }
        for action in &in_passes(&alter.actions)? {
            let context = self.context()?;
            let ObjectId::Relation(oid) = object else {
                self.act_on(&context, object, action, &run).await?;
                continue;
            };
            let Some(before) = context.snapshot.relation(oid).cloned() else {
                return Err(Error::internal("altering", "the relation is gone"));
            };
            check_altered(&context, &before, action, alter.only)?;
            self.act(&context, oid, action, &run).await?;
            if let AlterAction::Enable(enabling) = action
                && !alter.only
            {
                self.enable_parts(&before, enabling, &run).await?;
            }
            let action = self.named_as(&before, action)?;
            Box::pin(self.alter_below(alter, &action, &before, &run)).await?;
            match action {
                AlterAction::AddConstraint(_) if alter.only => self.note_alone(oid, &before)?,
                AlterAction::AddConstraint(_) | AlterAction::AddColumn { .. } => {
                    Box::pin(self.share_parts(oid, &before, &run)).await?;
                }
                AlterAction::Attach { partition, .. } => {
                    // What it gave its table's parts to it shares with its own partitions.
                    let attached = relation_of(&context, &partition)?;
                    Box::pin(self.share_parts(attached.oid, attached, &run)).await?;
                    Box::pin(self.share_triggers(oid, &run)).await?;
                    self.divide_keys(oid)?;
                }
                AlterAction::Detach(_) => self.divide_keys(oid)?,
                _ => {}
            }
        }
        Ok(done)
    }

    /// An action with the name that a check was given, and what is kept of it, so that those under
    /// the table call it so, and say the same.
    fn named_as(&mut self, before: &Relation, action: &AlterAction) -> Result<AlterAction> {
        let mut action = action.clone();
        if let AlterAction::AddConstraint(definition) = &mut action {
            let context = self.context()?;
            let after = context.snapshot.relation(before.oid);
            let mut checks = after.into_iter().flat_map(|of| &of.constraints.checks);
            let old = &before.constraints.checks;
            let new = checks.find(|check| old.iter().all(|old| old.oid != check.oid));
            if definition.name.is_none() {
                definition.name = new.map(|check| check.name.clone());
            }
            if let (Some(new), ConstraintClause::Check { expression, .. }) =
                (new, &mut definition.clause)
            {
                expression.clone_from(&new.expression);
            }
        }
        Ok(action)
    }

    /// Does an action to a relation.
    pub(super) async fn act(
        &mut self,
        context: &Arc<StatementContext>,
        relation: Oid,
        action: &AlterAction,
        run: &Run<'_>,
    ) -> Result<()> {
        self.act_on(context, ObjectId::Relation(relation), action, run)
            .await
    }

    async fn act_on(
        &mut self,
        context: &Arc<StatementContext>,
        object: ObjectId,
        action: &AlterAction,
        run: &Run<'_>,
    ) -> Result<()> {
        let changes = self.action(context, object, action, run).await?;
        let reworded = match (object, action) {
            (
                ObjectId::Relation(oid),
                AlterAction::Rename(_)
                | AlterAction::SetSchema(_)
                | AlterAction::RenameColumn { .. },
            ) => reworded(context, oid, &changes)?,
            (ObjectId::Schema(oid), AlterAction::Rename(name)) => {
                reworded_for_schema(context, oid, name)?
            }
            _ => Vec::new(),
        };
        let policies = match action {
            AlterAction::Rename(_)
            | AlterAction::SetSchema(_)
            | AlterAction::RenameColumn { .. } => self.reworded_policies(context, &changes)?,
            _ => Vec::new(),
        };
        self.push(changes, Vec::new())?;
        self.push_needing(policies.clone(), &[])?;
        self.check_policies(&policies, run).await?;
        let views: Vec<Oid> = reworded.iter().map(|(view, _)| *view).collect();
        let reworded = reworded.into_iter().map(|(_, change)| change);
        self.push_needing(reworded.collect(), &[])?;
        self.check_reworded(&views, run).await
    }

    /// What an action changes; nothing if it says that it may be done already.
    async fn action(
        &mut self,
        context: &Arc<StatementContext>,
        object: ObjectId,
        action: &AlterAction,
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        let relation = match object {
            ObjectId::Relation(oid) => context.snapshot.relation(oid),
            ObjectId::Database
            | ObjectId::Schema(_)
            | ObjectId::Role(_)
            | ObjectId::Routine(_)
            | ObjectId::Type(_)
            | ObjectId::LargeObject(_)
            | ObjectId::Definition(_) => None,
        };
        let relation = || {
            relation.ok_or_else(|| Error::internal("altering", "columns of what is no relation"))
        };
        let change = match action {
            AlterAction::Rename(name) => {
                if let ObjectId::Schema(_) = object {
                    Schema::check_name(name)?;
                }
                Change::Rename {
                    object,
                    name: name.clone(),
                }
            }
            AlterAction::OwnerTo(spec) => {
                let owner = self.role_of(context, spec)?;
                let mut changes = vec![Change::SetOwner { object, owner }];
                if let ObjectId::Relation(oid) = object {
                    let owned = context.snapshot.owned_sequences(oid, None);
                    changes.extend(owned.into_iter().map(|sequence| Change::SetOwner {
                        object: ObjectId::Relation(sequence),
                        owner,
                    }));
                }
                return Ok(changes);
            }
            AlterAction::SetSchema(name) => {
                let moved = relation()?;
                refuse_owned(context, moved)?;
                let relation = moved.oid;
                let schema = context.snapshot.must_schema(name)?.oid;
                let mut changes = vec![Change::SetSchema { relation, schema }];
                let owned = context.snapshot.owned_sequences(relation, None);
                changes.extend(owned.into_iter().map(|sequence| Change::SetSchema {
                    relation: sequence,
                    schema,
                }));
                return Ok(changes);
            }
            AlterAction::Tune(tune) => {
                let relation = relation()?.clone();
                return self.tuned(context, &relation, tune);
            }
            AlterAction::RowSecurity(action) => return secured(relation()?, *action),
            AlterAction::Enable(enabling) => return enabled(context, relation()?, enabling),
            AlterAction::Sequence(options) => {
                self.altered_sequence(context, relation()?, options)?
            }
            AlterAction::Inherit(parent) => {
                let relation = relation()?.clone();
                return self.inherit(context, &relation, parent, run).await;
            }
            AlterAction::NoInherit(parent) => {
                let relation = relation()?.clone();
                return self.no_inherit(context, &relation, parent);
            }
            AlterAction::Attach { partition, bound } => {
                return self.attach(relation()?.oid, partition, bound, run).await;
            }
            AlterAction::Detach(partition) => {
                return self.detach(relation()?.oid, partition, run).await;
            }
            AlterAction::AttachIndex(_) => return Err(Error::unsupported("this ALTER")),
            AlterAction::RenameColumn { .. }
            | AlterAction::AddColumn { .. }
            | AlterAction::DropColumn { .. }
            | AlterAction::SetDefault { .. }
            | AlterAction::SetNotNull { .. }
            | AlterAction::SetType { .. }
            | AlterAction::AddIdentity { .. }
            | AlterAction::SetIdentity { .. }
            | AlterAction::DropIdentity { .. }
            | AlterAction::DropExpression { .. }
            | AlterAction::AddConstraint(_)
            | AlterAction::DropConstraint { .. }
            | AlterAction::ValidateConstraint(_)
            | AlterAction::AlterConstraint { .. }
            | AlterAction::RenameConstraint { .. } => {
                let relation = relation()?.clone();
                return self.column_action(context, &relation, action, run).await;
            }
        };
        Ok(vec![change])
    }

    /// `23502` if a column has NULLs. The table's owner asks, whatever they may read: so the server
    /// looks for them.
    pub(super) async fn check_no_nulls(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &Relation,
        column: &Column,
        run: &Run<'_>,
    ) -> Result<()> {
        let server = as_server(context);
        let query = parse_query(&format!(
            "SELECT 1 FROM ONLY {} WHERE {} IS NULL LIMIT 1",
            context.snapshot.qualified_name(relation),
            quote(&column.name),
        ))?;
        if self.finds(&server, &query, run).await? {
            return Err(contains_nulls(context, relation, &column.name));
        }
        Ok(())
    }

    /// ALTER INDEX
    async fn alter_index(&mut self, alter: &Alter, run: &Run<'_>) -> Result<()> {
        let context = self.context()?;
        let (table, index) = match index_of(&context, &alter.name) {
            Ok(found) => found,
            Err(error) if alter.if_exists && is_missing(&error) => {
                self.notice(format!("{}, skipping", error.message()));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        owned_table(&context, &table)?;
        if let [AlterAction::AttachIndex(part)] = alter.actions.as_slice() {
            return self.attach_index(&table, index, part, run).await;
        }
        let mut constraints = table.constraints.clone();
        for of in constraints.indexes.iter_mut().filter(|i| i.oid == index) {
            match alter.actions.as_slice() {
                [AlterAction::Rename(name)] => of.name.clone_from(name),
                [AlterAction::Tune(Tune::Parameters(changes))] => {
                    check_parameters(Tuned::Index(&of.method), changes)?;
                    let old = std::mem::take(&mut of.parameters);
                    of.parameters = with_parameters(old, changes);
                }
                [AlterAction::Tune(Tune::Already("SET TABLESPACE"))] => {}
                _ => return Err(Error::unsupported("this ALTER INDEX")),
            }
        }
        self.push(
            vec![Change::SetConstraints {
                relation: table.oid,
                constraints,
            }],
            Vec::new(),
        )
    }
}

/// The table of an index, and the index, by the index's name.
pub(super) fn index_of(
    context: &StatementContext,
    name: &ObjectName,
) -> Result<(Arc<Relation>, Oid)> {
    let snapshot = &context.snapshot;
    let found = match &name.schema {
        Some(schema) => snapshot.index_named(snapshot.must_schema(schema)?.oid, &name.name),
        None => context
            .search_path
            .lookup
            .iter()
            .find_map(|schema| snapshot.index_named(*schema, &name.name)),
    };
    if let Some((table, index)) = found {
        return Ok((table.clone(), index.oid));
    }
    if relation_of(context, name).is_ok() {
        return Err(Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("\"{}\" is not an index", name.name),
        ));
    }
    Err(Error::new(
        SqlState::UNDEFINED_TABLE,
        format!("relation \"{name}\" does not exist"),
    ))
}

/// `42501` unless the table is the role's.
pub(super) fn owned_table(context: &StatementContext, relation: &Relation) -> Result<()> {
    let owner = privileges::Need::Owner {
        role: context.role,
        object: ObjectId::Relation(relation.oid),
    };
    privileges::authorize(&context.snapshot, &[owner], ()).map(drop)
}

/// The same context with the server's own rights.
pub(super) fn as_server(context: &StatementContext) -> Arc<StatementContext> {
    Arc::new(StatementContext {
        role: Oid::SUPERUSER,
        ..StatementContext::clone(context)
    })
}

/// `0A000` for a sequence that goes where its table goes.
fn refuse_owned(context: &StatementContext, relation: &Relation) -> Result<()> {
    let owner = relation.sequence().and_then(|sequence| sequence.owned_by);
    let Some(table) = owner.and_then(|(table, _)| context.snapshot.relation(table)) else {
        return Ok(());
    };
    Err(Error::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        "cannot move an owned sequence into another schema",
    )
    .detail(format!(
        "Sequence \"{}\" is linked to table \"{}\".",
        relation.name, table.name
    )))
}

/// The object an ALTER names. ALTER TABLE takes any relation, the others only their own kind.
fn altered(context: &StatementContext, alter: &Alter) -> Result<ObjectId> {
    match alter.kind {
        ObjectKind::Schema | ObjectKind::Database | ObjectKind::Type | ObjectKind::Domain => {
            named(context, alter.kind, &alter.name)
        }
        ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::ForeignTable
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence
        | ObjectKind::Index => {
            let relation = relation_of(context, &alter.name)?;
            if alter.kind != ObjectKind::Table && kind_of(relation) != alter.kind {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is not a {}", relation.name, word_of(alter.kind)),
                ));
            }
            Ok(ObjectId::Relation(relation.oid))
        }
    }
}

fn contains_nulls(context: &StatementContext, relation: &Relation, column: &str) -> Error {
    let name = context.snapshot.qualified_name(relation);
    Error::new(
        SqlState::NOT_NULL_VIOLATION,
        format!(
            "column \"{column}\" of relation \"{}\" contains null values",
            relation.name
        ),
    )
    .table(name.schema, name.name)
    .column(column)
}
