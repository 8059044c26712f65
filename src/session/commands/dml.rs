//! Statements that change rows.

use std::collections::HashMap;
use std::sync::Arc;

use super::foreign_key::reference_locks;
use super::keep::Done;
use super::query::check_parameters;
use super::row_lock::RowLocks;
use super::tag;
use crate::base::{Error, Oid, Result};
use crate::catalog::ObjectId;
use crate::database::LockMode;
use crate::engine::command::Dml;
use crate::engine::{BoundDml, DmlKind, NamedTable};
use crate::pg_catalog::names::Names;
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::portal::counted;
use crate::session::prepared::Body;
use crate::session::serve::Changing;
use crate::session::{Response, RowsResponse, RowsTag, Session, interruptible};
use crate::statement::StatementContext;

impl Session {
    /// INSERT, UPDATE, DELETE, MERGE, and queries whose WITH changes rows. The tables' locks are
    /// taken before the statement's view of them is pinned, so that rows are never worked out over
    /// a table that somebody else is about to change; whoever may not change a table does not get
    /// to lock it.
    ///
    /// A column that is given an array which it does not hold is told to hold any, and the
    /// statement begins anew.
    pub(in crate::session) async fn dml(&mut self, dml: &Dml, run: Run<'_>) -> Result<Response> {
        loop {
            let error = match self.dml_once(dml, &run).await {
                Err(error) if error.fields().beyond_lists.is_some() => error,
                done => return done,
            };
            let context = self.context()?;
            let Ok(bound) = self.bound_dml(&context, dml, &run).await else {
                return Err(error);
            };
            let tables = bound.targets.iter().map(|(table, _)| *table).collect();
            self.widen(tables, error, run.interrupt).await?;
        }
    }

    async fn dml_once(&mut self, dml: &Dml, run: &Run<'_>) -> Result<Response> {
        let (mut context, mut bound) = self.locked_dml(dml, run).await?;
        let basis = self.basis(&context);
        let named = bound.named();
        let fires = |of: &NamedTable| {
            let relation = context.snapshot.relation(of.table);
            relation.is_some_and(|relation| !relation.triggers.is_empty())
        };
        if named.iter().any(fires) {
            Box::pin(self.before_statement(&named, run.interrupt)).await?;
        }
        context = self.context_skipping(&context.skipped)?;
        if basis != self.basis(&context) {
            bound = self.bound_dml(&context, dml, run).await?;
        }
        let kind = bound.kind;
        let tables: Vec<Oid> = bound.targets.iter().map(|(table, _)| *table).collect();
        // What is done to views by triggers is done at once.
        let is_view = |table: &Oid| {
            let relation = context.snapshot.relation(*table);
            relation.is_some_and(|relation| relation.view().is_some())
        };
        let tables: Vec<Oid> = tables.into_iter().filter(|of| !is_view(of)).collect();
        self.refuse_changing(&context, &bound.needs, &tables)?;
        let at_once = bound.is_one_row();
        let before = self.changing.len();
        let adds = bound.only_adds_to();
        self.changing
            .push(Changing::new(tables, at_once).adding(adds));
        let authorized = privileges::authorize(&context.snapshot, &bound.needs.clone(), bound)?;
        let engine = self.shared.engine.clone();
        let (calling, mut queue) = context.calling(self.acting_role());
        let work = engine.execute_dml(&calling, authorized, run.parameters, run.interrupt);
        let result = self.serving(&mut queue, run.interrupt, work).await;
        self.changing.truncate(before);
        let mut result = result?;
        if let Some(current) = self.of_current(&context, dml, run)? {
            self.done_to_current(current, result.rows)?;
        }
        // What the rows needed was asked for above; needs of bare segments are nobody's question.
        self.push_needing(result.changes, &[])?;
        // What RETURNING calls is called before triggers fire.
        if let Some(rows) = result.returning.take() {
            result.returning = Some(self.served(&mut queue, run.interrupt, rows).await?);
        }
        let done = Done {
            touched: result.touched,
            events: result.events,
        };
        Box::pin(self.keep_promises(done, run.interrupt)).await?;
        let done = match kind {
            Some(DmlKind::Insert) => RowsTag::Fixed(tag(format!("INSERT 0 {}", result.rows))),
            Some(DmlKind::Update) => RowsTag::Fixed(tag(format!("UPDATE {}", result.rows))),
            Some(DmlKind::Delete) => RowsTag::Fixed(tag(format!("DELETE {}", result.rows))),
            Some(DmlKind::Merge) => RowsTag::Fixed(tag(format!("MERGE {}", result.rows))),
            None => counted("SELECT"),
        };
        Ok(match (result.returning, done) {
            (None, RowsTag::Fixed(done)) => Response::Done(done),
            (None, _) => return Err(Error::internal("answering a query", "there are no rows")),
            (Some(rows), tag) => Response::Rows(RowsResponse {
                binary: vec![false; rows.columns().len()],
                rows,
                style: context.style.clone(),
                names: Names::new(context),
                tag,
            }),
        })
    }

    /// The statement bound over a catalog in which all tables that it changes are locked. A table
    /// that came under one of them while a lock was waited for is locked, too.
    async fn locked_dml(
        &mut self,
        dml: &Dml,
        run: &Run<'_>,
    ) -> Result<(Arc<StatementContext>, BoundDml)> {
        let mut held = HashMap::new();
        let mut locks = RowLocks::default();
        let mut context = self.context()?;
        loop {
            let bound = self.bound_dml(&context, dml, run).await?;
            privileges::authorize(&context.snapshot, &bound.needs, ())?;
            let lasting = |table| !context.snapshot.is_temporary(ObjectId::Relation(table));
            if bound.targets.iter().any(|(table, _)| lasting(*table)) {
                self.refuse_if_read_only(verb(bound.kind))?;
            }
            let targets = bound.targets.iter();
            let wanted = targets.flat_map(|(table, kind)| change_locks(&context, *table, *kind));
            let wanted: Vec<_> = wanted.collect();
            locks.hold(wanted.iter().copied());
            let moved = self.lock_rows(&context, &bound.needs, &mut locks, run.interrupt);
            if let Some(now) = moved.await? {
                context = now;
                continue;
            }
            if !self.lock_more(&mut held, wanted, run.interrupt).await? {
                return Ok((context, bound));
            }
            let now = self.context_skipping(&context.skipped)?;
            if self.basis(&now) == self.basis(&context) {
                return Ok((now, bound));
            }
            context = now;
        }
    }

    /// The statement bound: as prepared if nothing moved since, else again.
    pub(super) async fn bound_dml(
        &self,
        context: &Arc<StatementContext>,
        dml: &Dml,
        run: &Run<'_>,
    ) -> Result<BoundDml> {
        let current = self.of_current(context, dml, run)?;
        if current.is_none()
            && context.skipped.is_empty()
            && let Some(plan) = &run.plan
            && let Body::Dml(bound) = &plan.body
            && plan.basis.as_ref() == Some(&self.basis(context))
        {
            return Ok(BoundDml::clone(bound));
        }
        let declared = run.declared();
        let dml = current.as_ref().map_or(dml, |current| &current.dml);
        let work = self.shared.engine.bind_dml(context, dml, &declared);
        let bound = interruptible(run.interrupt, work).await?;
        check_parameters(bound.parameters.len(), run.parameters.len())?;
        Ok(bound)
    }
}

/// The locks that changing a table's rows needs.
pub(super) fn change_locks(
    context: &StatementContext,
    table: Oid,
    kind: DmlKind,
) -> Vec<(Oid, LockMode)> {
    let mode = match kind {
        DmlKind::Insert => append_mode(context, table),
        DmlKind::Update | DmlKind::Delete | DmlKind::Merge => LockMode::Rewrite,
    };
    let references = reference_locks(context, table, kind);
    std::iter::once((table, mode)).chain(references).collect()
}

/// The lock that adding rows to a table needs. Keys are compared with what is committed, so rows
/// with keys are added by one transaction at a time.
fn append_mode(context: &StatementContext, table: Oid) -> LockMode {
    match context.snapshot.relation(table) {
        Some(relation) if relation.has_unique() => LockMode::Rewrite,
        Some(_) | None => LockMode::Append,
    }
}

/// The word of messages.
fn verb(kind: Option<DmlKind>) -> &'static str {
    match kind {
        Some(DmlKind::Insert) => "INSERT",
        Some(DmlKind::Update) => "UPDATE",
        Some(DmlKind::Delete) => "DELETE",
        Some(DmlKind::Merge) => "MERGE",
        None => "SELECT",
    }
}
