//! What ALTER TABLE does to columns and constraints.

use std::sync::Arc;

use super::alter::as_server;
use super::column_type::{check_column_name, check_column_type};
use super::constraint::altered_constraint;
use super::drop::{dependent, kind_of};
use super::identity::not_identity;
use super::key::without_repeated_keys;
use super::rename::renamed;
use super::table::{is_no_default, stored_name};
use super::tuning::compression;
use super::{collation, no_column, skipping};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Column, Dependent, Generation, ObjectId, Relation, RelationKind};
use crate::engine::Command;
use crate::engine::command::{AlterAction, ObjectKind};
use crate::engine::definition::{ColumnDefinition, ConstraintDefinition};
use crate::engine::parse;
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::{Session, interruptible};
use crate::statement::StatementContext;

impl Session {
    /// An action of ALTER TABLE on a column or constraint. It may push changes of its own; what it
    /// gives is pushed after them.
    pub(super) async fn column_action(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        action: &AlterAction,
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        let find = |name: &String| {
            let column = relation.column(name);
            column.ok_or_else(|| no_column(relation, name))
        };
        let alter = |column: Column| {
            vec![Change::AlterColumn {
                relation: relation.oid,
                column,
            }]
        };
        match action {
            AlterAction::AddColumn {
                column,
                if_not_exists,
            } => {
                if *if_not_exists && relation.column(&column.name).is_some() {
                    self.report(skipping(
                        SqlState::DUPLICATE_COLUMN,
                        format!(
                            "column \"{}\" of relation \"{}\" already exists, skipping",
                            column.name, relation.name
                        ),
                    ));
                    return Ok(Vec::new());
                }
                self.add_column(context, relation, column, run).await
            }
            AlterAction::DropColumn {
                name,
                if_exists,
                cascade,
            } => {
                let Some(column) = relation.column(name) else {
                    let error = no_column(relation, name);
                    if !if_exists {
                        return Err(error);
                    }
                    self.notice(format!("{}, skipping", error.message()));
                    return Ok(Vec::new());
                };
                self.drop_column(relation, column, *cascade, run).await
            }
            AlterAction::SetDefault { column, default } => {
                let column = find(column)?;
                refuse_generated(relation, column, default.is_none())?;
                let mut new = column.clone();
                new.default = None;
                if let Some(default) = default {
                    let is_none = is_no_default(default, column.ty)?;
                    let default = self.kept_default(context, default, column.ty, run).await?;
                    self.check_default(context, &column.name, &default, column.ty, run)
                        .await?;
                    new.default = Some(default).filter(|_| !is_none);
                }
                Ok(alter(new))
            }
            AlterAction::SetNotNull { column, not_null } => {
                if kind_of(relation) != ObjectKind::Table {
                    return Err(relation.has_no_action(match not_null {
                        true => "ALTER COLUMN ... SET NOT NULL",
                        false => "ALTER COLUMN ... DROP NOT NULL",
                    }));
                }
                let column = find(column)?;
                if *not_null && !column.not_null {
                    self.check_no_nulls(context, relation, column, run).await?;
                }
                if !not_null {
                    refuse_nullable(relation, column)?;
                }
                Ok(alter(Column {
                    not_null: *not_null,
                    ..column.clone()
                }))
            }
            AlterAction::SetType {
                column,
                ty,
                collation,
                using,
            } => {
                let old = find(column)?;
                let ty = ty.resolve(&context.snapshot, &context.search_path)?;
                // What had a collation of its own has that of its type again unless told otherwise.
                let to = Column {
                    ty,
                    collation: collation::of(ty, collation.as_ref())?,
                    ..old.clone()
                };
                self.set_type(context, relation, old, to, using.as_deref(), run)
                    .await
            }
            AlterAction::AddIdentity { column, clause } => {
                let column = find(column)?;
                self.add_identity(context, relation, column, clause)
            }
            AlterAction::SetIdentity {
                column,
                always,
                options,
            } => {
                let column = find(column)?;
                let Some(Generation::Identity {
                    always: before,
                    sequence,
                }) = column.generation
                else {
                    return Err(not_identity(relation, column));
                };
                let mut changes = alter(Column {
                    generation: Some(Generation::Identity {
                        always: always.unwrap_or(before),
                        sequence,
                    }),
                    ..column.clone()
                });
                let made = context.snapshot.relation(sequence);
                if let Some(made) = made.filter(|_| !options.is_empty()) {
                    changes.push(self.altered_sequence(context, made, options)?);
                }
                Ok(changes)
            }
            AlterAction::DropIdentity { column, if_exists } => {
                let column = find(column)?;
                let Some(Generation::Identity { sequence, .. }) = column.generation else {
                    let error = not_identity(relation, column);
                    if !if_exists {
                        return Err(error);
                    }
                    self.notice(format!("{}, skipping", error.message()));
                    return Ok(Vec::new());
                };
                let mut changes = alter(Column {
                    generation: None,
                    ..column.clone()
                });
                changes.push(Change::Drop(ObjectId::Relation(sequence)));
                Ok(changes)
            }
            AlterAction::DropExpression { column, if_exists } => {
                let column = find(column)?;
                if column.expression().is_none() {
                    let message = format!(
                        "column \"{}\" of relation \"{}\" is not a stored generated column",
                        column.name, relation.name
                    );
                    if !if_exists {
                        let state = SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE;
                        return Err(Error::new(state, message));
                    }
                    self.notice(format!("{message}, skipping"));
                    return Ok(Vec::new());
                }
                Ok(alter(Column {
                    generation: None,
                    ..column.clone()
                }))
            }
            AlterAction::AddConstraint(definition) => {
                let definitions = std::slice::from_ref(definition);
                self.add_constraints(context, relation, definitions, run)
                    .await
            }
            AlterAction::DropConstraint {
                name,
                if_exists,
                cascade,
            } => {
                let Some(constraint) = relation.constraints.named(name) else {
                    let message = format!(
                        "constraint \"{name}\" of relation \"{}\" does not exist",
                        relation.name
                    );
                    if !if_exists {
                        return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
                    }
                    self.notice(format!("{message}, skipping"));
                    return Ok(Vec::new());
                };
                self.drop_constraint(relation, constraint, *cascade, run)
                    .await
            }
            AlterAction::ValidateConstraint(name) => {
                self.validate_constraint(context, relation, name, run).await
            }
            AlterAction::AlterConstraint { name, timing } => {
                altered_constraint(relation, name, *timing)
            }
            AlterAction::RenameConstraint { from, to } => {
                if relation.constraints.named(from).is_none() {
                    return Err(Error::new(
                        SqlState::UNDEFINED_OBJECT,
                        format!(
                            "constraint \"{from}\" for table \"{}\" does not exist",
                            relation.name
                        ),
                    ));
                }
                let mut constraints = relation.constraints.clone();
                let indexes = constraints.indexes.iter_mut().map(|index| &mut index.name);
                let checks = constraints.checks.iter_mut().map(|check| &mut check.name);
                let foreign = constraints.foreign.iter_mut().map(|key| &mut key.name);
                for name in indexes.chain(checks).chain(foreign) {
                    if name == from {
                        name.clone_from(to);
                    }
                }
                Ok(vec![Change::SetConstraints {
                    relation: relation.oid,
                    constraints,
                }])
            }
            AlterAction::RenameColumn { from, to } => renamed(relation, from, to),
            AlterAction::Rename(_)
            | AlterAction::OwnerTo(_)
            | AlterAction::SetSchema(_)
            | AlterAction::Tune(_)
            | AlterAction::RowSecurity(_)
            | AlterAction::Enable(_)
            | AlterAction::Inherit(_)
            | AlterAction::NoInherit(_)
            | AlterAction::Attach { .. }
            | AlterAction::Detach(_)
            | AlterAction::AttachIndex(_)
            | AlterAction::Sequence(_) => {
                Err(Error::internal("altering a column", "it is something else"))
            }
        }
    }

    /// ADD COLUMN. Rows already stored read as NULL in a new column, so one with a default is added
    /// without its promises first, then the rows get their values.
    async fn add_column(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &Relation,
        definition: &ColumnDefinition,
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        let ty = definition
            .ty
            .resolve(&context.snapshot, &context.search_path)?;
        check_column_name(&definition.name)?;
        check_column_type(context, &definition.name, ty)?;
        if !matches!(relation.kind, RelationKind::Table { .. }) {
            return Err(relation.has_no_action("ADD COLUMN"));
        }
        if relation.column(&definition.name).is_some() {
            return Err(Error::new(
                SqlState::DUPLICATE_COLUMN,
                format!(
                    "column \"{}\" of relation \"{}\" already exists",
                    definition.name, relation.name
                ),
            ));
        }
        let attnum = relation.next_attnum;
        let mut after = relation.clone();
        after.next_attnum = attnum.saturating_add(1);
        after.columns.push(Column {
            attnum,
            name: definition.name.clone(),
            stored_name: stored_name(&definition.name, attnum),
            ty,
            collation: collation::of(ty, definition.collation.as_ref())?,
            not_null: false,
            default: None,
            generation: None,
            comment: None,
        });
        let index = after.columns.len() - 1;
        let sequence = self
            .fill_definition(context, &mut after, index, definition, &[], run)
            .await?;
        after.columns[index].not_null |= definition.not_null;
        let mut changes = Vec::new();
        if let Some(sequence) = sequence {
            changes.push(Change::CreateRelation(Box::new(sequence)));
        }
        changes.push(Change::AddColumn {
            relation: relation.oid,
            column: Column {
                not_null: false,
                ..after.columns[index].clone()
            },
        });
        if let Some(method) = &definition.compression {
            after.tuning.column(attnum).compression = compression(ty, method)?;
            changes.push(Change::SetTuning {
                relation: relation.oid,
                tuning: Box::new(after.tuning.clone()),
            });
        }
        self.push(changes, Vec::new())?;
        let column = after.columns[index].clone();
        let has_rows = relation.segments().iter().any(|segment| segment.rows > 0);
        let default = column.default.as_deref();
        let of_domain = |of| context.snapshot.domain_default(of);
        let default = default.or_else(|| column.ty.domain.and_then(of_domain));
        let filled = default.is_some() || column.generation.is_some();
        if has_rows && filled {
            match self.fill_column(relation.oid, &column, run).await {
                // The default is an array that lists do not hold.
                Err(error) if error.fields().beyond_lists.is_some() => {
                    let told = self.told_column(&column);
                    let held = Change::AlterColumn {
                        relation: relation.oid,
                        column: Column {
                            not_null: false,
                            ..told.clone()
                        },
                    };
                    if told.ty == column.ty || self.push(vec![held], Vec::new()).is_err() {
                        return Err(error);
                    }
                    self.fill_column(relation.oid, &told, run).await?;
                }
                done => done?,
            }
        }
        let context = self.context()?;
        let Some(before) = context.snapshot.relation(relation.oid).cloned() else {
            return Err(Error::internal("adding a column", "the table is gone"));
        };
        let mut after = Relation::clone(&before);
        after.columns[index].not_null = column.not_null;
        self.check_domain_of(&context, &before, &column, run)
            .await?;
        let constraints = without_repeated_keys(definition.constraints.iter().cloned());
        self.declare_constraints(&context, &mut after, &constraints, run)
            .await?;
        let after = Arc::new(after);
        self.check_rows_of(&context, &before, &after, run).await?;
        Ok(between(&before, &after))
    }

    /// ADD CONSTRAINT
    async fn add_constraints(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        definitions: &[ConstraintDefinition],
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        if !matches!(relation.kind, RelationKind::Table { .. }) {
            return Err(relation.has_no_action("ADD CONSTRAINT"));
        }
        let mut after = Relation::clone(relation);
        self.declare_constraints(context, &mut after, definitions, run)
            .await?;
        let after = Arc::new(after);
        self.check_rows_of(context, relation, &after, run).await?;
        Ok(between(relation, &after))
    }

    /// Gives every row of a table the default of a column. The table's owner asks, whatever they
    /// may write.
    async fn fill_column(&mut self, table: Oid, column: &Column, run: &Run<'_>) -> Result<()> {
        let context = self.context()?;
        let server = as_server(&context);
        let relation = server
            .snapshot
            .relation(table)
            .ok_or_else(|| Error::internal("adding a column", "the table is gone"))?;
        let update = format!(
            "UPDATE ONLY {} SET {} = DEFAULT",
            server.snapshot.qualified_name(relation),
            quote(&column.name),
        );
        let Some(Command::Dml(update)) = parse(&update)?.pop().map(|update| update.command) else {
            return Err(Error::internal("adding a column", "not an UPDATE"));
        };
        // It is no UPDATE to triggers.
        let quiet = Change::SetTriggers {
            relation: relation.oid,
            triggers: Vec::new(),
        };
        let server = Arc::new(StatementContext {
            snapshot: Arc::new(server.snapshot.apply(&[quiet])?),
            ..StatementContext::clone(&server)
        });
        let engine = self.shared.engine.clone();
        let bound = interruptible(run.interrupt, engine.bind_dml(&server, &update, &[])).await?;
        let authorized = privileges::authorize(&server.snapshot, &bound.needs.clone(), bound)?;
        let (calling, mut queue) = server.calling(self.acting_role());
        let work = engine.execute_dml(&calling, authorized, &[], run.interrupt);
        let done = self.serving(&mut queue, run.interrupt, work).await?;
        self.push_needing(done.changes, &[])
    }

    /// DROP COLUMN
    async fn drop_column(
        &mut self,
        relation: &Relation,
        column: &Column,
        cascade: bool,
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        if !matches!(relation.kind, RelationKind::Table { .. }) {
            return Err(relation.has_no_action("DROP COLUMN"));
        }
        let context = self.context()?;
        let (table, attnum) = (relation.oid, column.attnum);
        let readers: Vec<Oid> = context.snapshot.dependants(table).map(|v| v.oid).collect();
        let what = dependent(&context, Dependent::Column(table, attnum));
        let closure = self
            .cascade(Some(&what), cascade, run.interrupt, |snapshot| {
                snapshot.column_closure(table, attnum)
            })
            .await?;
        // Whoever may drop the column may drop what depends on it.
        self.push_needing(closure.changes, &[])?;
        self.check_reworded(&readers, run).await?;
        Ok(Vec::new())
    }

    /// DROP CONSTRAINT
    async fn drop_constraint(
        &mut self,
        relation: &Relation,
        constraint: Oid,
        cascade: bool,
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        let context = self.context()?;
        let table = relation.oid;
        let what = dependent(&context, Dependent::Constraint(table, constraint));
        let closure = self
            .cascade(Some(&what), cascade, run.interrupt, |snapshot| {
                snapshot.constraint_closure(table, constraint)
            })
            .await?;
        self.push_needing(closure.changes, &[])?;
        Ok(Vec::new())
    }
}

/// The changes that make `before` what `after` is, as far as columns and constraints go.
pub(super) fn between(before: &Relation, after: &Relation) -> Vec<Change> {
    let mut changes = Vec::new();
    for (old, new) in before.columns.iter().zip(&after.columns) {
        if old != new {
            changes.push(Change::AlterColumn {
                relation: before.oid,
                column: new.clone(),
            });
        }
    }
    if before.constraints != after.constraints {
        changes.push(Change::SetConstraints {
            relation: before.oid,
            constraints: after.constraints.clone(),
        });
    }
    changes
}

fn refuse_generated(relation: &Relation, column: &Column, dropping: bool) -> Result<()> {
    let (what, instead) = match &column.generation {
        Some(Generation::Identity { .. }) => ("an identity column", "IDENTITY"),
        Some(Generation::Stored { .. }) => ("a generated column", "EXPRESSION"),
        None => return Ok(()),
    };
    let error = Error::new(
        SqlState::SYNTAX_ERROR,
        format!(
            "column \"{}\" of relation \"{}\" is {what}",
            column.name, relation.name
        ),
    );
    Err(if dropping {
        error.hint(format!(
            "Use ALTER TABLE ... ALTER COLUMN ... DROP {instead} instead."
        ))
    } else {
        error
    })
}

fn refuse_nullable(relation: &Relation, column: &Column) -> Result<()> {
    if let Some(Generation::Identity { .. }) = column.generation {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            format!(
                "column \"{}\" of relation \"{}\" is an identity column",
                column.name, relation.name
            ),
        ));
    }
    let primary = relation.constraints.primary();
    if primary.is_some_and(|index| index.columns().any(|a| a == column.attnum)) {
        return Err(Error::new(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("column \"{}\" is in a primary key", column.name),
        ));
    }
    Ok(())
}
