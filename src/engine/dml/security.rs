//! Row security of rows that are made or changed: which of a table's rows a statement may touch,
//! and what new ones must meet.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use sqlparser::ast::{self, Expr, SelectItem, TableWithJoins};

use super::insert::Insert;
use super::rewrite::{Rewrite, TARGET};
use super::route::holds;
use super::rules::{Rules, over_row};
use super::through::Through;
use super::{PartBody, target};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Policy, PolicyCommand, Privilege, Relation, SearchPath};
use crate::engine::bind::bind;
use crate::engine::guard::{Conditions, Guard, conditions, is_of_schema, limited};
use crate::engine::planning::Watch;
use crate::engine::scope::Scope;
use crate::engine::{Bound, Engine};
use crate::observe::Interrupt;
use crate::privileges::Need;
use crate::statement::StatementContext;

/// What rows must meet, bound over a row.
#[derive(Debug, Clone)]
pub(super) struct Security {
    kind: Kind,
    /// For each column of the query's answer after the row's number: the policy it is of, unless it
    /// is of several.
    policies: Vec<Option<String>>,
    query: Bound,
}

/// Which rows are looked at, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// New ones.
    New,
    /// Those that ON CONFLICT is about to change.
    Met,
    /// Those that MERGE is about to change or delete.
    Target,
}

/// Conditions of policies, and whether USING is asked of rows that are made, too.
pub(super) type Asked = (PolicyCommand, bool);

impl Engine {
    /// What the policies of a table ask of rows; nothing, if they are not for `role`. Adds what
    /// looking at it needs.
    ///
    /// # Errors
    /// `42P17` for a policy that reads its own table; `42501` if `row_security` is off.
    pub(super) async fn bind_security(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        role: Oid,
        kind: Kind,
        asked: &[Asked],
        needs: &mut Vec<Need>,
    ) -> Result<Option<Box<Security>>> {
        if !limited(context, role, relation)? {
            return Ok(None);
        }
        let all = asked.iter().map(|(command, using)| {
            conditions(context, role, relation, *command, |policy: &Policy| {
                let check = policy.check.as_ref().filter(|_| !using);
                check.or(policy.using.as_ref())
            })
        });
        let all: Vec<Conditions> = all.collect::<Result<_>>()?;
        let view = Conditions::view(all.iter());
        let mut policies = Vec::new();
        let mut expressions = Vec::new();
        for of in all {
            policies.push(None);
            expressions.push(of.permissive);
            for (name, condition) in of.restrictive {
                policies.push(Some(name));
                expressions.push(condition);
            }
        }
        let (query, local) = over_row(relation, expressions);
        let (engine, context) = (Arc::clone(self), context.outside());
        let oid = relation.oid;
        let work = async move {
            let watch = Watch::new(context.interrupt.clone());
            let scope = Scope {
                context: &context,
                role,
                path: &SearchPath::only_system(),
                local: &[local],
                view: Some(&view),
                state: &engine.template,
                watch: &watch,
                inside: None,
                kind: None,
            };
            bind(&scope, &query, &[])
        };
        let bound = self.on_runtime(None, work).await;
        let mut bound = bound.map_err(Error::without_position)?;
        bound.of_policy = Some(oid);
        needs.extend(
            bound
                .needs
                .iter()
                .filter(|need| !is_of_schema(need))
                .cloned(),
        );
        Ok(Some(Box::new(Security {
            kind,
            policies,
            query: bound,
        })))
    }

    /// The first row that does not meet what it must.
    pub(super) async fn check_security(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Relation,
        security: &Security,
        batch: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<Option<(usize, Error)>> {
        let answer = self
            .examine(context, relation, &security.query, batch, interrupt)
            .await?;
        for row in 0..batch.num_rows() {
            if let Some(at) = answer.iter().position(|array| !holds(array, row)) {
                let policy = security.policies.get(at).and_then(Option::as_deref);
                return Ok(Some((row, violation(security.kind, policy, relation))));
            }
        }
        Ok(None)
    }

    /// As [`Engine::check_security`] for all of several, in their order.
    pub(super) async fn check_all_security(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Relation,
        rules: &Rules,
        batch: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<Option<(usize, Error)>> {
        match &rules.security {
            Some(security) if batch.num_rows() > 0 => {
                self.check_security(context, relation, security, batch, interrupt)
                    .await
            }
            Some(_) | None => Ok(None),
        }
    }
}

/// `42501`
fn violation(kind: Kind, policy: Option<&str>, relation: &Relation) -> Error {
    let (row, using) = match kind {
        Kind::New => ("new row", ""),
        Kind::Met => ("new row", " (USING expression)"),
        Kind::Target => ("target row", " (USING expression)"),
    };
    let policy = match policy {
        Some(name) => format!(" \"{name}\""),
        None => String::new(),
    };
    Error::new(
        SqlState::INSUFFICIENT_PRIVILEGE,
        format!(
            "{row} violates row-level security policy{policy}{using} for table \"{}\"",
            relation.name
        ),
    )
}

/// Whether needs are of reading a relation.
pub(super) fn reads(needs: &[Need], relation: Oid) -> bool {
    needs.iter().any(|need| match need {
        Need::Columns {
            relation: of,
            any_of,
            ..
        } => *of == relation && any_of.contains(Privilege::Select),
        _ => false,
    })
}

/// `SELECT items FROM relation AS alias WHERE condition`
pub(in crate::engine) fn guarded_query(
    items: Vec<SelectItem>,
    relation: &str,
    alias: &str,
    condition: Option<Expr>,
) -> ast::Query {
    let from = TableWithJoins {
        relation: target::table(relation, Some(alias)),
        joins: Vec::new(),
    };
    target::select(items, vec![from], condition)
}

/// All of these conditions.
pub(in crate::engine) fn and_all(conditions: Vec<Expr>) -> Option<Expr> {
    joined(conditions, &ast::BinaryOperator::And)
}

/// Any of these conditions.
pub(in crate::engine) fn or_all(conditions: Vec<Expr>) -> Option<Expr> {
    let any = joined(conditions, &ast::BinaryOperator::Or)?;
    Some(Expr::Nested(Box::new(any)))
}

fn joined(conditions: Vec<Expr>, op: &ast::BinaryOperator) -> Option<Expr> {
    conditions.into_iter().reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: op.clone(),
        right: Box::new(right),
    })
}

impl Engine {
    /// Puts a change behind the policies of its table; `reads` says whether the statement reads the
    /// table, too. Adds what that needs.
    pub(super) async fn secure(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        change: &mut PartBody,
        reads: bool,
        needs: &mut Vec<Need>,
    ) -> Result<()> {
        let role = match change.through() {
            Some(through) => through.reader(context.role),
            None => context.role,
        };
        let secured = change.through().and_then(Through::secured);
        if !limited(context, role, secured.as_ref().unwrap_or(change.relation()))? {
            return Ok(());
        }
        match change {
            PartBody::Insert(insert) => insert.secure(self, context, role, reads, needs).await,
            PartBody::Rewrite(rewrite) => rewrite.secure(self, context, role, reads, needs).await,
            PartBody::Merge(merge) => merge.secure(self, context, reads, needs).await,
            // The view's query is behind the policies of what it reads.
            PartBody::Instead(_) => Ok(()),
        }
    }
}

impl Insert {
    /// Asks of new rows what the table's policies ask of `role`; `reads` says whether the statement
    /// reads the table, too.
    pub(super) async fn secure(
        &mut self,
        engine: &Arc<Engine>,
        context: &Arc<StatementContext>,
        role: Oid,
        reads: bool,
        needs: &mut Vec<Need>,
    ) -> Result<()> {
        let mut asked = vec![(PolicyCommand::Insert, false)];
        asked.extend(reads.then_some((PolicyCommand::Select, true)));
        self.feeds.rules.security = engine
            .bind_security(context, &self.relation, role, Kind::New, &asked, needs)
            .await?;
        if let Some(conflict) = &mut self.conflict {
            conflict
                .secure(engine, context, &self.relation, role, reads, needs)
                .await?;
        }
        Ok(())
    }
}

impl Rewrite {
    /// Hides rows of the table for `role`, and asks of new ones what its policies ask; `reads` says
    /// whether the statement reads the table, too.
    pub(super) async fn secure(
        &mut self,
        engine: &Arc<Engine>,
        context: &Arc<StatementContext>,
        role: Oid,
        reads: bool,
        needs: &mut Vec<Need>,
    ) -> Result<()> {
        let command = match self.writes {
            true => PolicyCommand::Update,
            false => PolicyCommand::Delete,
        };
        let mut commands = vec![command];
        commands.extend(reads.then_some(PolicyCommand::Select));
        let secured = self.through.as_ref().and_then(Through::secured);
        let relation = secured.unwrap_or_else(|| Arc::clone(&self.relation));
        let guard = Guard {
            relation: Arc::clone(&relation),
            role,
            commands,
        };
        if let Some(query) = self.query.take() {
            self.query = Some(query.behind(TARGET, &guard)?);
        }
        if self.writes {
            let mut asked = vec![(PolicyCommand::Update, false)];
            asked.extend(reads.then_some((PolicyCommand::Select, true)));
            self.rules.security = engine
                .bind_security(context, &relation, role, Kind::New, &asked, needs)
                .await?;
        }
        Ok(())
    }
}
