//! ALTER SCHEMA, TABLE, VIEW, FOREIGN TABLE, DATABASE.

use std::sync::Arc;

use super::drop::{is_missing, kind_of, named, word_of};
use super::table::{check_column_type, stored_name};
use super::{alter_tag, no_column, relation_of, skipping, tag};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Column, ObjectId, Relation, Schema};
use crate::database::LockMode;
use crate::engine::command::{Alter, AlterAction, ColumnDefinition, ObjectKind};
use crate::engine::{Command, parse, parse_query};
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session, interruptible};
use crate::statement::StatementContext;

impl Session {
    /// ALTER: the actions in order, each seeing what those before it made.
    pub(in crate::session) async fn alter(
        &mut self,
        alter: &Alter,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let done = tag(alter_tag(alter.kind));
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
        }
        for action in &alter.actions {
            let context = self.context()?;
            if let Some(change) = self.action(&context, object, action, &run).await? {
                self.push(vec![change], Vec::new())?;
            }
        }
        Ok(done)
    }

    /// What an action changes; `None` if it says that it may be done already.
    async fn action(
        &mut self,
        context: &Arc<StatementContext>,
        object: ObjectId,
        action: &AlterAction,
        run: &Run<'_>,
    ) -> Result<Option<Change>> {
        let relation = match object {
            ObjectId::Relation(oid) => context.snapshot.relation(oid),
            ObjectId::Database | ObjectId::Schema(_) | ObjectId::Role(_) => None,
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
            AlterAction::OwnerTo(spec) => Change::SetOwner {
                object,
                owner: self.role_of(context, spec)?,
            },
            AlterAction::SetSchema(name) => Change::SetSchema {
                relation: relation()?.oid,
                schema: context.snapshot.must_schema(name)?.oid,
            },
            AlterAction::RenameColumn { from, to } => {
                let relation = relation()?;
                let column = relation.column(from).ok_or_else(|| {
                    // Without the relation's name, unlike everywhere else.
                    Error::new(
                        SqlState::UNDEFINED_COLUMN,
                        format!("column \"{from}\" does not exist"),
                    )
                })?;
                Change::RenameColumn {
                    relation: relation.oid,
                    attnum: column.attnum,
                    name: to.clone(),
                }
            }
            AlterAction::AddColumn {
                column,
                if_not_exists,
            } => {
                let relation = relation()?.clone();
                if *if_not_exists && relation.column(&column.name).is_some() {
                    self.report(skipping(
                        SqlState::DUPLICATE_COLUMN,
                        format!(
                            "column \"{}\" of relation \"{}\" already exists, skipping",
                            column.name, relation.name
                        ),
                    ));
                    return Ok(None);
                }
                return self
                    .add_column(context, &relation, column, run)
                    .await
                    .map(|()| None);
            }
            AlterAction::DropColumn {
                name,
                if_exists,
                cascade,
            } => {
                let relation = relation()?;
                let Some(column) = relation.column(name) else {
                    let error = no_column(relation, name);
                    if !if_exists {
                        return Err(error);
                    }
                    self.notice(format!("{}, skipping", error.message()));
                    return Ok(None);
                };
                if *cascade && context.snapshot.dependants(relation.oid).next().is_some() {
                    // Which columns a view reads is not known, so nothing tells which views would
                    // have to go.
                    return Err(Error::unsupported(
                        "DROP COLUMN … CASCADE of a table that views read",
                    ));
                }
                Change::DropColumn {
                    relation: relation.oid,
                    attnum: column.attnum,
                }
            }
            AlterAction::SetDefault { column, default } => {
                let relation = relation()?;
                let column = relation
                    .column(column)
                    .ok_or_else(|| no_column(relation, column))?;
                if let Some(default) = default {
                    self.check_default(context, default, column.ty, run).await?;
                }
                Change::AlterColumn {
                    relation: relation.oid,
                    attnum: column.attnum,
                    not_null: column.not_null,
                    default: default.clone(),
                }
            }
            AlterAction::SetNotNull { column, not_null } => {
                let relation = relation()?;
                let column = relation
                    .column(column)
                    .ok_or_else(|| no_column(relation, column))?;
                if *not_null && !column.not_null {
                    self.check_no_nulls(context, relation, column, run).await?;
                }
                Change::AlterColumn {
                    relation: relation.oid,
                    attnum: column.attnum,
                    not_null: *not_null,
                    default: column.default.clone(),
                }
            }
        };
        Ok(Some(change))
    }

    /// ADD COLUMN. Rows already stored read as NULL in a new column, so one with a default is added
    /// without it first, then the rows get their values.
    async fn add_column(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &Relation,
        definition: &ColumnDefinition,
        run: &Run<'_>,
    ) -> Result<()> {
        check_column_type(&definition.name, definition.ty)?;
        if let Some(default) = &definition.default {
            self.check_default(context, default, definition.ty, run)
                .await?;
        }
        let has_rows = relation.segments().iter().any(|segment| segment.rows > 0);
        let fill = has_rows && definition.default.is_some();
        if has_rows && definition.not_null && !fill {
            return Err(contains_nulls(context, relation, &definition.name));
        }
        let attnum = relation.next_attnum;
        let column = Column {
            attnum,
            name: definition.name.clone(),
            stored_name: stored_name(&definition.name, attnum),
            ty: definition.ty,
            not_null: definition.not_null && !fill,
            default: definition.default.clone(),
            comment: None,
        };
        let add = Change::AddColumn {
            relation: relation.oid,
            column: column.clone(),
        };
        self.push(vec![add], Vec::new())?;
        if !fill {
            return Ok(());
        }
        self.fill_column(relation.oid, &column, run).await?;
        if !definition.not_null {
            return Ok(());
        }
        let context = self.context()?;
        self.check_no_nulls(&context, relation, &column, run)
            .await?;
        let alter = Change::AlterColumn {
            relation: relation.oid,
            attnum,
            not_null: true,
            default: column.default,
        };
        self.push(vec![alter], Vec::new())
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
            "UPDATE {} SET {} = DEFAULT",
            server.snapshot.qualified_name(relation),
            quote(&column.name),
        );
        let Some(Command::Dml(update)) = parse(&update)?.pop().map(|update| update.command) else {
            return Err(Error::internal("adding a column", "not an UPDATE"));
        };
        let engine = self.shared.engine.clone();
        let bound = interruptible(run.interrupt, engine.bind_dml(&server, &update, &[])).await?;
        let authorized = privileges::authorize(&server.snapshot, &bound.needs.clone(), bound)?;
        let work = engine.execute_dml(&server, authorized, &[], run.interrupt);
        let done = interruptible(run.interrupt, work).await?;
        self.push_needing(done.changes, &[])
    }

    /// `23502` if a column has NULLs. The table's owner asks, whatever they may read: so the server
    /// looks for them.
    async fn check_no_nulls(
        &self,
        context: &Arc<StatementContext>,
        relation: &Relation,
        column: &Column,
        run: &Run<'_>,
    ) -> Result<()> {
        let server = as_server(context);
        let query = parse_query(&format!(
            "SELECT 1 FROM {} WHERE {} IS NULL LIMIT 1",
            context.snapshot.qualified_name(relation),
            quote(&column.name),
        ))?;
        let engine = self.shared.engine.clone();
        let bound = interruptible(run.interrupt, engine.bind(&server, &query, &[])).await?;
        let authorized = privileges::authorize(&server.snapshot, &bound.needs.clone(), bound)?;
        let work = engine.execute(&server, authorized, &[], run.interrupt);
        let mut rows = interruptible(run.interrupt, work).await?;
        while let Some(batch) = rows.next().await? {
            if batch.num_rows() > 0 {
                return Err(contains_nulls(context, relation, &column.name));
            }
        }
        Ok(())
    }
}

/// The same context with the server's own rights.
fn as_server(context: &StatementContext) -> Arc<StatementContext> {
    Arc::new(StatementContext {
        role: Oid::SUPERUSER,
        ..StatementContext::clone(context)
    })
}

/// The object an ALTER names. ALTER TABLE takes any relation, the others only their own kind.
fn altered(context: &StatementContext, alter: &Alter) -> Result<ObjectId> {
    match alter.kind {
        ObjectKind::Schema | ObjectKind::Database => named(context, alter.kind, &alter.name),
        ObjectKind::Table | ObjectKind::View | ObjectKind::ForeignTable => {
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
