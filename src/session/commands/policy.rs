//! Row security: policies made, altered and dropped, and what they say kept when what they name is
//! called otherwise.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::drop::is_missing;
use super::{relation_of, tag};
use crate::base::error::{Level, Report};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Change, Condition, ObjectId, Policy, PolicyCommand, Relation, RelationKind, RowSecurity,
};
use crate::engine::command::{
    ObjectName, PolicyAction, PolicyStatement, RoleSpec, RowSecurityAction,
};
use crate::observe::Interrupt;
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session, interruptible};
use crate::statement::StatementContext;

impl Session {
    /// CREATE, ALTER and DROP POLICY. By itself, so that it makes no room in every statement.
    pub(in crate::session) fn policy<'a>(
        &'a mut self,
        statement: &'a PolicyStatement,
        run: Run<'a>,
    ) -> BoxFuture<'a, Result<CommandTag>> {
        Box::pin(self.policy_now(statement, run))
    }

    async fn policy_now(
        &mut self,
        statement: &PolicyStatement,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let done = tag(tag_of(&statement.action));
        let context = self.context()?;
        let drops = matches!(statement.action, PolicyAction::Drop { .. });
        let may_miss = matches!(statement.action, PolicyAction::Drop { if_exists: true });
        let relation = match secured_table(&context, &statement.table, drops) {
            Err(error) if may_miss && is_missing(&error) => {
                self.notice(format!("{}, skipping", error.message()));
                return Ok(done);
            }
            found => found?,
        };
        let relation = self.locked(relation.oid, run.interrupt).await?;
        let context = self.context()?;
        let name = &statement.name;
        let mut security = relation.row_security.clone();
        match &statement.action {
            PolicyAction::Create {
                permissive,
                command,
                roles,
                using,
                check,
            } => {
                let roles = self.roles_secured(&context, roles)?;
                let using = self.condition(&context, &relation, using, &run).await?;
                let check = self.condition(&context, &relation, check, &run).await?;
                if security.named(name).is_some() {
                    return Err(exists(name, &relation));
                }
                security.policies.push(Policy {
                    oid: self.shared.database.new_oid(),
                    name: name.clone(),
                    permissive: *permissive,
                    command: *command,
                    roles,
                    using,
                    check,
                    comment: None,
                });
            }
            PolicyAction::Alter {
                roles,
                using,
                check,
            } => {
                let roles = roles.as_ref();
                let roles = roles.map(|roles| self.roles_secured(&context, roles));
                let roles = roles.transpose()?;
                let used = self.condition(&context, &relation, using, &run).await?;
                let checked = self.condition(&context, &relation, check, &run).await?;
                let mut policies = security.policies.iter_mut();
                let policy = policies.find(|policy| policy.name == *name);
                let policy = policy.ok_or_else(|| missing(name, &relation))?;
                let wrong = |message: &str| Err(Error::new(SqlState::SYNTAX_ERROR, message));
                match policy.command {
                    PolicyCommand::Select | PolicyCommand::Delete if checked.is_some() => {
                        return wrong("only USING expression allowed for SELECT, DELETE");
                    }
                    PolicyCommand::Insert if used.is_some() => {
                        return wrong("only WITH CHECK expression allowed for INSERT");
                    }
                    _ => {}
                }
                policy.roles = roles.unwrap_or_else(|| std::mem::take(&mut policy.roles));
                policy.using = used.or_else(|| policy.using.take());
                policy.check = checked.or_else(|| policy.check.take());
            }
            PolicyAction::Rename(to) => {
                if security.named(to).is_some() {
                    return Err(exists(to, &relation));
                }
                let mut policies = security.policies.iter_mut();
                let policy = policies.find(|policy| policy.name == *name);
                let policy = policy.ok_or_else(|| missing(name, &relation))?;
                policy.name.clone_from(to);
            }
            PolicyAction::Drop { if_exists } => {
                let count = security.policies.len();
                security.policies.retain(|policy| policy.name != *name);
                if security.policies.len() == count {
                    if !if_exists {
                        return Err(missing(name, &relation));
                    }
                    self.notice(format!(
                        "policy \"{name}\" for relation \"{}\" does not exist, skipping",
                        relation.name
                    ));
                    return Ok(done);
                }
            }
        }
        self.push(vec![set(&relation, security)], Vec::new())?;
        Ok(done)
    }

    /// COMMENT ON POLICY
    pub(super) async fn comment_on_policy(
        &mut self,
        context: &StatementContext,
        name: &str,
        table: &ObjectName,
        text: Option<&str>,
        interrupt: &Interrupt,
    ) -> Result<CommandTag> {
        let found = secured_table(context, table, true)?.oid;
        let relation = self.locked(found, interrupt).await?;
        let mut security = relation.row_security.clone();
        let mut policies = security.policies.iter_mut();
        let policy = policies.find(|policy| policy.name == name);
        let policy = policy.ok_or_else(|| missing(name, &relation))?;
        policy.comment = text.map(str::to_owned);
        self.push(vec![set(&relation, security)], Vec::new())?;
        Ok(tag("COMMENT"))
    }

    /// Whom a policy is for: nobody is PUBLIC.
    fn roles_secured(
        &mut self,
        context: &StatementContext,
        roles: &[RoleSpec],
    ) -> Result<Vec<Oid>> {
        if roles.contains(&RoleSpec::Public) {
            if roles.len() > 1 {
                let mut report = Report::warning(
                    SqlState::INVALID_PARAMETER_VALUE,
                    "ignoring specified roles other than PUBLIC",
                );
                report.error = report
                    .error
                    .hint("All roles are members of the PUBLIC role.");
                debug_assert!(matches!(report.level, Level::Warning));
                self.report(report);
            }
            return Ok(Vec::new());
        }
        roles
            .iter()
            .map(|role| self.role_of(context, role))
            .collect()
    }

    async fn condition(
        &self,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        text: &Option<String>,
        run: &Run<'_>,
    ) -> Result<Option<Condition>> {
        let Some(text) = text else {
            return Ok(None);
        };
        let work = self.shared.engine.policy_condition(context, relation, text);
        interruptible(run.interrupt, work).await.map(Some)
    }

    /// What policies say of a relation, or of those of a schema, in the words that mean it from now
    /// on: `changes` are about to be made, and call something otherwise.
    pub(super) fn reworded_policies(
        &self,
        context: &StatementContext,
        changes: &[Change],
    ) -> Result<Vec<Change>> {
        let before = &context.snapshot;
        if before.policies_that(|_| true).next().is_none() {
            return Ok(Vec::new());
        }
        let after = before.apply(changes)?;
        let mut reworded = Vec::new();
        for table in before.relations() {
            let mut security = table.row_security.clone();
            for policy in &mut security.policies {
                let conditions = policy.using.iter_mut().chain(&mut policy.check);
                for condition in conditions {
                    condition.text =
                        crate::engine::reworded_condition((before, &after), table, condition)?;
                }
            }
            if security != table.row_security {
                reworded.push(set(table, security));
            }
        }
        Ok(reworded)
    }

    /// That policies which were written anew say what they said.
    pub(super) fn check_policies<'a>(
        &'a mut self,
        changes: &'a [Change],
        run: &'a Run<'_>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.check_policies_now(changes, run))
    }

    async fn check_policies_now(&mut self, changes: &[Change], run: &Run<'_>) -> Result<()> {
        let context = self.context()?;
        for change in changes {
            let Change::SetRowSecurity { relation, .. } = change else {
                continue;
            };
            let Some(relation) = context.snapshot.relation(*relation).cloned() else {
                continue;
            };
            for policy in &relation.row_security.policies {
                for condition in policy.conditions() {
                    let engine = &self.shared.engine;
                    let work = engine.policy_condition(&context, &relation, &condition.text);
                    let same = match interruptible(run.interrupt, work).await {
                        Ok(again) => again.names == condition.names,
                        Err(_) => false,
                    };
                    if !same {
                        return Err(Error::unsupported(format!(
                            "calling otherwise what policy {} on {} reads",
                            policy.name,
                            context.snapshot.describe(ObjectId::Relation(relation.oid))
                        ))
                        .hint("Drop the policy first and create it again afterwards."));
                    }
                }
            }
        }
        Ok(())
    }
}

/// ALTER TABLE … ROW LEVEL SECURITY
pub(super) fn secured(relation: &Relation, action: RowSecurityAction) -> Result<Vec<Change>> {
    if !matches!(relation.kind, RelationKind::Table { .. }) {
        return Err(relation.has_no_action(action.words()));
    }
    let mut security = relation.row_security.clone();
    match action {
        RowSecurityAction::Enable(enabled) => security.enabled = enabled,
        RowSecurityAction::Force(forced) => security.forced = forced,
    }
    Ok(vec![set(relation, security)])
}

/// Without a role among those whom policies are for; policies that are for nobody else go.
pub(super) fn without_role(context: &StatementContext, role: Oid) -> Vec<Change> {
    let snapshot = &context.snapshot;
    let names = |relation: &&Arc<Relation>| {
        let mut policies = relation.row_security.policies.iter();
        policies.any(|policy| policy.roles.contains(&role))
    };
    snapshot
        .relations()
        .filter(names)
        .map(|relation| {
            let mut security = relation.row_security.clone();
            security
                .policies
                .retain(|policy| policy.roles.is_empty() || policy.roles != [role]);
            for policy in &mut security.policies {
                policy.roles.retain(|of| *of != role);
            }
            set(relation, security)
        })
        .collect()
}

fn set(relation: &Relation, security: RowSecurity) -> Change {
    Change::SetRowSecurity {
        relation: relation.oid,
        security: Box::new(security),
    }
}

/// The table of a policy, which must be the role's own.
fn secured_table(
    context: &StatementContext,
    name: &ObjectName,
    drops: bool,
) -> Result<Arc<Relation>> {
    let relation = match relation_of(context, name) {
        Ok(relation) => relation,
        Err(error) => {
            let schema = name.schema.as_deref().unwrap_or("pg_catalog");
            let schema = context.snapshot.schema_named(schema);
            let system = schema.and_then(|of| crate::pg_catalog::find(of.oid, &name.name));
            return Err(match system {
                Some(_) => Error::new(
                    SqlState::INSUFFICIENT_PRIVILEGE,
                    format!("permission denied: \"{}\" is a system catalog", name.name),
                ),
                None => error,
            });
        }
    };
    let owned = privileges::has_privileges_of(&context.snapshot, context.role, relation.owner);
    if !owned {
        let kind = match drops {
            true => "relation",
            false => relation.kind_name(),
        };
        return Err(Error::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("must be owner of {kind} {}", relation.name),
        ));
    }
    match relation.kind {
        RelationKind::Table { .. } => Ok(Arc::clone(relation)),
        _ => Err(Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("\"{}\" is not a table", relation.name),
        )),
    }
}

fn exists(name: &str, relation: &Relation) -> Error {
    Error::new(
        SqlState::DUPLICATE_OBJECT,
        format!(
            "policy \"{name}\" for table \"{}\" already exists",
            relation.name
        ),
    )
}

fn missing(name: &str, relation: &Relation) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!(
            "policy \"{name}\" for table \"{}\" does not exist",
            relation.name
        ),
    )
}

/// What the command is called.
pub(in crate::session) fn tag_of(action: &PolicyAction) -> &'static str {
    match action {
        PolicyAction::Create { .. } => "CREATE POLICY",
        PolicyAction::Alter { .. } | PolicyAction::Rename(_) => "ALTER POLICY",
        PolicyAction::Drop { .. } => "DROP POLICY",
    }
}
