//! The one match over [`Command`].
//! exhaustive: a new command cannot be forgotten here.

use arrow::array::ArrayRef;
use futures::future::BoxFuture;

use super::prepared::Plan;
use super::{CommandTag, Response, Session, commands, state};
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{Alter, Copy, CopyDirection, Dml, Explain};
use crate::engine::{Command, Statement};
use crate::observe::Interrupt;
use crate::types::PgType;

/// What comes with a statement: parameters, and what may stop it.
#[derive(Debug)]
pub(super) struct Run<'a> {
    /// The statement.
    pub(super) statement: &'a Statement,
    /// Its binding, if it was bound before and the binding is fresh.
    pub(super) plan: Option<Plan>,
    /// Values of $1, $2, …, one row each.
    pub(super) parameters: &'a [ArrayRef],
    /// What may stop it.
    pub(super) interrupt: &'a Interrupt,
}

impl Run<'_> {
    /// Types of $1, $2, …, as far as known.
    pub(super) fn declared(&self) -> Vec<Option<PgType>> {
        match &self.plan {
            Some(plan) => plan.parameters.iter().copied().map(Some).collect(),
            None => Vec::new(),
        }
    }
}

impl Session {
    /// That a statement may run here, and what is to be said of how it is written.
    pub(super) fn admit(&mut self, statement: &Statement) -> Result<()> {
        self.check_writable(statement)?;
        for warning in &statement.warnings {
            self.warning(SqlState::INVALID_PARAMETER_VALUE, warning.clone());
        }
        Ok(())
    }

    /// Carries out one statement.
    pub(super) async fn dispatch(
        &mut self,
        statement: &Statement,
        plan: Option<Plan>,
        parameters: &[ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<Response> {
        self.admit(statement)?;
        let run = Run {
            statement,
            plan,
            parameters,
            interrupt,
        };
        match &statement.command {
            Command::Query(query) => self.query(query, run).await,
            Command::Dml(dml) => self.dml_apart(dml, run).await,
            Command::Explain(explain) => self.explain_apart(explain, run).await,
            Command::Copy(copy) => self.copy_apart(copy, run).await,

            Command::CreateSchema(create) => {
                self.create_schema_with(create, interrupt).await.map(done)
            }
            Command::CreateTable(create) => self.create_table(create, run).await.map(done),
            Command::CreateTableAs(create) => self.create_table_as(create, run).await.map(done),
            Command::CreateView(create) => self.create_view(create, run).await.map(done),
            Command::CreateForeignTable(create) => {
                self.create_foreign_table(create, run).await.map(done)
            }
            Command::CreateType(create) => self.create_type(create).map(done),
            Command::AlterType(alter) => self.alter_type(alter).map(done),
            Command::Policy(policy) => self.policy(policy, run).await.map(done),
            Command::Trigger(trigger) => self.trigger(trigger, run).await.map(done),
            Command::CreateDomain(create) => self.create_domain(create, run).await.map(done),
            Command::AlterDomain(alter) => self.alter_domain(alter, run).await.map(done),
            Command::Alter(alter) => self.alter_apart(alter, run).await.map(done),
            Command::Drop(drop) => self.drop_objects(drop, run).await.map(done),
            Command::Truncate {
                names,
                restart,
                cascade,
            } => self
                .truncate(names, *restart, *cascade, run)
                .await
                .map(done),
            Command::CreateRoutine(create) => {
                Box::pin(self.create_routine(create, run)).await.map(done)
            }
            Command::Operator(statement) => self.operator(statement).map(done),
            Command::Cast(statement) => self.cast_statement(statement).map(done),
            Command::Statistics(statement) => self.statistics(statement).map(done),
            Command::CreateAggregate(create) => {
                Box::pin(self.create_aggregate(create, run)).await.map(done)
            }
            Command::AlterRoutine(alter) => self.alter_routine(alter).map(done),
            Command::DropRoutines {
                routines,
                if_exists,
                cascade,
            } => self.drop_routines(routines, *if_exists, *cascade).map(done),
            Command::Call(call) => Box::pin(self.call(call, run)).await,
            Command::Do { body, language } => Box::pin(self.do_command(body, language, run))
                .await
                .map(done),
            Command::CreateSequence(create) => self.create_sequence(create).map(done),
            Command::CreateIndex(create) => self.create_index(create, run).await.map(done),
            Command::CreateMaterialized(create) => {
                self.create_materialized(create, run).await.map(done)
            }
            Command::Refresh {
                name,
                concurrently,
                with_data,
            } => self
                .refresh(name, *concurrently, *with_data, run)
                .await
                .map(done),
            Command::Comment { on, text } => self.comment(on, text.as_deref(), run).await.map(done),

            Command::CreateRole { name, options } => {
                self.create_role(name, options).await.map(done)
            }
            Command::AlterRole { role, options } => self.alter_role(role, options).await.map(done),
            Command::AlterSettings {
                role,
                database,
                setting,
            } => self
                .alter_settings(role.as_ref(), database.as_deref(), setting)
                .map(|()| done(commands::tag(commands::settings_word(&statement.text)))),
            Command::RenameRole { name, to } => self.rename_role(name, to).map(done),
            Command::DropRole { roles, if_exists } => self.drop_roles(roles, *if_exists).map(done),
            Command::Grant(grant) => self.grant(grant).map(done),
            Command::GrantRole(grant) => self.grant_role(grant).map(done),
            Command::DefaultPrivileges(alter) => self.alter_default_privileges(alter).map(done),
            Command::DropBuiltIn(drop) => Box::pin(self.drop_built_in(drop, run)).await.map(done),
            Command::CreateExtension {
                name,
                if_not_exists,
            } => Box::pin(self.create_extension(name, *if_not_exists, run))
                .await
                .map(done),
            Command::Reindex(reindex) => self.reindex(reindex).map(done),
            Command::Cluster(table) => self.cluster(table.as_ref()).map(done),
            Command::AlterLargeObject { oid, owner } => {
                self.alter_large_object(*oid, owner).map(done)
            }
            Command::ReassignOwned { roles, to } => {
                self.reassign_owned(roles, to, run).await.map(done)
            }
            Command::DropOwned { roles, cascade } => {
                self.drop_owned(roles, *cascade, run).await.map(done)
            }

            Command::Set { local, name, value } => self.set_command(*local, name, value).map(done),
            Command::SetRole { local, role } => self
                .set_role(*local, role.as_deref())
                .map(|()| done(commands::set_tag(&statement.text))),
            Command::SetSessionAuthorization { local, role } => self
                .set_session_authorization(*local, role.as_deref())
                .map(|()| done(commands::set_tag(&statement.text))),
            Command::SetTransaction(modes) => self.set_transaction(modes).map(done),
            Command::SetConstraints { names, deferred } => {
                let names = names.as_deref();
                self.set_constraints(names, *deferred).await.map(done)
            }
            Command::SetSessionCharacteristics(modes) => {
                self.set_session_characteristics(modes).map(done)
            }
            Command::Reset(name) => self.reset(name.as_deref()).map(done),
            Command::Show(name) => self.show(name.as_deref()).map(Response::Rows),
            Command::Discard(what) => self.discard(*what).await.map(done),

            Command::Begin(modes) => self.begin_block(modes, &statement.text).map(done),
            Command::Commit { chain } => self.commit_block(*chain).await.map(done),
            Command::Rollback { chain } => self.rollback_block(*chain).map(done),
            Command::PrepareTransaction => self.prepare_block().map(done),
            Command::EndPrepared { commit, name } => self.end_prepared(*commit, name).map(done),
            Command::Savepoint(name) => self.savepoint_command(name).map(done),
            Command::RollbackTo(name) => self.rollback_to_command(name).map(done),
            Command::Release(name) => self.release_command(name).map(done),
            Command::Lock {
                names,
                mode,
                nowait,
            } => self.lock_tables(names, mode, *nowait, run).await.map(done),

            Command::Maintain { what, targets } => self.maintain(*what, targets).map(done),

            Command::Listen(channel) => self.listen(channel).map(done),
            Command::Unlisten(channel) => self.unlisten(channel.as_deref()).map(done),
            Command::Notify { channel, payload } => self.notify(channel, payload).map(done),

            Command::Prepare {
                name,
                types,
                statement,
            } => self
                .prepare_command(name, types, statement, run)
                .await
                .map(done),
            Command::Execute { name, arguments } => {
                Box::pin(self.execute_command(name, arguments, run)).await
            }
            Command::Deallocate(name) => self.deallocate(name.as_deref()).map(done),
            Command::Declare {
                name,
                binary,
                scroll,
                hold,
                query,
            } => self
                .declare(name, (*binary, *scroll, *hold), query, run)
                .await
                .map(done),
            Command::Fetch {
                name,
                direction,
                skip,
            } => self.fetch(name, *direction, *skip, run).await,
            Command::Close(name) => self.close_cursor(name.as_deref()).map(done),
        }
    }

    // What is big is made apart, so that it takes no room in every statement.

    fn dml_apart<'a>(&'a mut self, dml: &'a Dml, run: Run<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(self.dml(dml, run))
    }

    fn explain_apart<'a>(
        &'a mut self,
        explain: &'a Explain,
        run: Run<'a>,
    ) -> BoxFuture<'a, Result<Response>> {
        Box::pin(self.explain(explain, run))
    }

    fn copy_apart<'a>(
        &'a mut self,
        copy: &'a Copy,
        run: Run<'a>,
    ) -> BoxFuture<'a, Result<Response>> {
        Box::pin(self.copy(copy, run))
    }

    fn alter_apart<'a>(
        &'a mut self,
        alter: &'a Alter,
        run: Run<'a>,
    ) -> BoxFuture<'a, Result<CommandTag>> {
        Box::pin(self.alter(alter, run))
    }

    /// `25P02` unless the command may run in a failed block: those that end it, or return to a
    /// savepoint.
    pub(super) fn check_not_failed(&self, command: &Command) -> Result<()> {
        let ends_it = matches!(
            command,
            Command::Commit { .. }
                | Command::PrepareTransaction
                | Command::Rollback { .. }
                | Command::RollbackTo(_)
        );
        if self.has_failed() && !ends_it {
            return Err(state::failed());
        }
        Ok(())
    }

    /// `25006` if the transaction is READ ONLY and the command writes.
    fn check_writable(&mut self, statement: &Statement) -> Result<()> {
        let writes = match &statement.command {
            Command::Copy(copy) if copy.direction == CopyDirection::From => "COPY FROM",
            Command::CreateSchema(_) => "CREATE SCHEMA",
            Command::CreateTable(_) => "CREATE TABLE",
            Command::CreateTableAs(_) if !starts_with(&statement.text, "create") => "SELECT INTO",
            Command::CreateTableAs(_) => "CREATE TABLE AS",
            Command::CreateView(_) => "CREATE VIEW",
            Command::CreateForeignTable(_) => "CREATE FOREIGN TABLE",
            Command::CreateSequence(_) => "CREATE SEQUENCE",
            Command::CreateRoutine(create) if create.procedure => "CREATE PROCEDURE",
            Command::CreateRoutine(_) => "CREATE FUNCTION",
            Command::Operator(statement) => commands::operator_tag(statement),
            Command::Cast(statement) => commands::cast_tag(statement),
            Command::Statistics(statement) => commands::statistics_tag(statement),
            Command::CreateAggregate(_) => "CREATE AGGREGATE",
            Command::AlterRoutine(_) => "ALTER FUNCTION",
            Command::DropRoutines { .. } => "DROP FUNCTION",
            Command::CreateIndex(_) => "CREATE INDEX",
            Command::CreateMaterialized(_) => "CREATE MATERIALIZED VIEW",
            Command::Refresh { .. } => "REFRESH MATERIALIZED VIEW",
            Command::CreateType(_) => "CREATE TYPE",
            Command::AlterType(_) => "ALTER TYPE",
            Command::Policy(policy) => commands::policy_tag(&policy.action),
            Command::Trigger(trigger) => commands::trigger_tag(&trigger.action),
            Command::CreateDomain(_) => "CREATE DOMAIN",
            Command::AlterDomain(_) => "ALTER DOMAIN",
            Command::Alter(alter) => commands::alter_tag(alter.kind),
            Command::Drop(drop) => commands::drop_tag(drop.kind),
            Command::DropBuiltIn(drop) => drop.kind.drop_tag(),
            Command::CreateExtension { .. } => "CREATE EXTENSION",
            Command::Truncate { .. } => "TRUNCATE TABLE",
            Command::Comment { .. } => "COMMENT",
            Command::CreateRole { .. } => "CREATE ROLE",
            Command::AlterRole { .. } | Command::RenameRole { .. } => "ALTER ROLE",
            Command::AlterSettings { .. } => commands::settings_word(&statement.text),
            Command::DropRole { .. } => "DROP ROLE",
            Command::Grant(grant) if grant.revoke => "REVOKE",
            Command::Grant(_) => "GRANT",
            Command::GrantRole(grant) if grant.revoke => "REVOKE ROLE",
            Command::GrantRole(_) => "GRANT ROLE",
            Command::DefaultPrivileges(_) => "ALTER DEFAULT PRIVILEGES",
            Command::Reindex(_) => "REINDEX",
            Command::AlterLargeObject { .. } => "ALTER LARGE OBJECT",
            Command::ReassignOwned { .. } => "REASSIGN OWNED",
            Command::DropOwned { .. } => "DROP OWNED",
            // DML is checked where its target is known: temporary tables may be written. What runs
            // a prepared statement comes back here with that statement. The rest writes nothing.
            Command::Query(_)
            | Command::Dml(_)
            | Command::Call(_)
            | Command::Do { .. }
            | Command::Explain(_)
            | Command::Cluster(_)
            | Command::Copy(_)
            | Command::Set { .. }
            | Command::SetRole { .. }
            | Command::SetSessionAuthorization { .. }
            | Command::SetTransaction(_)
            | Command::SetSessionCharacteristics(_)
            | Command::SetConstraints { .. }
            | Command::Reset(_)
            | Command::Show(_)
            | Command::Discard(_)
            | Command::Begin(_)
            | Command::Commit { .. }
            | Command::PrepareTransaction
            | Command::EndPrepared { .. }
            | Command::Rollback { .. }
            | Command::Savepoint(_)
            | Command::RollbackTo(_)
            | Command::Release(_)
            | Command::Lock { .. }
            | Command::Maintain { .. }
            | Command::Listen(_)
            | Command::Unlisten(_)
            | Command::Notify { .. }
            | Command::Prepare { .. }
            | Command::Execute { .. }
            | Command::Deallocate(_)
            | Command::Declare { .. }
            | Command::Fetch { .. }
            | Command::Close(_) => return Ok(()),
        };
        self.refuse_if_read_only(writes)
    }

    /// `25006` if the transaction is READ ONLY.
    pub(super) fn refuse_if_read_only(&mut self, what: &str) -> Result<()> {
        if self.opened()?.read_only {
            return Err(Error::new(
                SqlState::READ_ONLY_SQL_TRANSACTION,
                format!("cannot execute {what} in a read-only transaction"),
            ));
        }
        Ok(())
    }
}

/// A tag alone.
fn done(tag: CommandTag) -> Response {
    Response::Done(tag)
}

/// Whether a statement's first word is this, where two spellings make one command.
pub(super) fn starts_with(text: &str, word: &str) -> bool {
    text.trim_start()
        .get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}
