//! INSERT, UPDATE, DELETE.

use std::sync::Arc;

use super::foreign_key::written_by;
use super::query::check_parameters;
use super::tag;
use crate::base::{Oid, Result};
use crate::catalog::ObjectId;
use crate::database::LockMode;
use crate::engine::BoundDml;
use crate::engine::command::Dml;
use crate::engine::dml::DmlKind;
use crate::pg_catalog::names::Names;
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::prepared::Body;
use crate::session::{Response, RowsResponse, RowsTag, Session, interruptible};
use crate::statement::StatementContext;

impl Session {
    /// INSERT, UPDATE, DELETE. The table's lock is taken before the statement's view of it is
    /// pinned, so that rows are never worked out over a table that somebody else is about to
    /// change; whoever may not change the table does not get to lock it.
    pub(in crate::session) async fn dml(&mut self, dml: &Dml, run: Run<'_>) -> Result<Response> {
        let mut context = self.context()?;
        let mut bound = self.bound_dml(&context, dml, &run).await?;
        privileges::authorize(&context.snapshot, &bound.needs, ())?;
        if !context
            .snapshot
            .is_temporary(ObjectId::Relation(bound.target))
        {
            self.refuse_if_read_only(verb(bound.kind))?;
        }
        let mode = match bound.kind {
            DmlKind::Insert => append_mode(&context, bound.target),
            DmlKind::Update | DmlKind::Delete => LockMode::Rewrite,
        };
        self.lock(bound.target, mode, run.interrupt).await?;
        let changed = if bound.upserts {
            DmlKind::Update
        } else {
            bound.kind
        };
        self.lock_references(&context, bound.target, changed, run.interrupt)
            .await?;
        let basis = self.basis(&context);
        context = self.context()?;
        if basis != self.basis(&context) {
            bound = self.bound_dml(&context, dml, &run).await?;
        }
        let (kind, target) = (bound.kind, bound.target);
        let upserts = bound.upserts;
        let authorized = privileges::authorize(&context.snapshot, &bound.needs.clone(), bound)?;
        let engine = self.shared.engine.clone();
        let work = engine.execute_dml(&context, authorized, run.parameters, run.interrupt);
        let result = interruptible(run.interrupt, work).await?;
        // What the rows needed was asked for above; needs of bare segments are nobody's question.
        let written = written_by(&result.changes);
        self.push_needing(result.changes, &[])?;
        let changed = if upserts { DmlKind::Update } else { kind };
        self.keep_references(target, changed, &written, run.interrupt)
            .await?;
        let done = match kind {
            DmlKind::Insert => tag(format!("INSERT 0 {}", result.rows)),
            DmlKind::Update => tag(format!("UPDATE {}", result.rows)),
            DmlKind::Delete => tag(format!("DELETE {}", result.rows)),
        };
        Ok(match result.returning {
            None => Response::Done(done),
            Some(rows) => Response::Rows(RowsResponse {
                binary: vec![false; rows.columns().len()],
                rows,
                style: context.style.clone(),
                names: Names::new(context),
                tag: RowsTag::Fixed(done),
            }),
        })
    }

    /// The statement bound: as prepared if nothing moved since, else again.
    pub(super) async fn bound_dml(
        &self,
        context: &Arc<StatementContext>,
        dml: &Dml,
        run: &Run<'_>,
    ) -> Result<BoundDml> {
        if let Some(plan) = &run.plan
            && let Body::Dml(bound) = &plan.body
            && plan.basis.as_ref() == Some(&self.basis(context))
        {
            return Ok(BoundDml::clone(bound));
        }
        let declared = run.declared();
        let work = self.shared.engine.bind_dml(context, dml, &declared);
        let bound = interruptible(run.interrupt, work).await?;
        check_parameters(bound.parameters.len(), run.parameters.len())?;
        Ok(bound)
    }
}

/// The lock that adding rows to a table needs. Keys are compared with what is committed, so rows
/// with keys are added by one transaction at a time.
pub(super) fn append_mode(context: &StatementContext, table: Oid) -> LockMode {
    match context.snapshot.relation(table) {
        Some(relation) if relation.has_unique() => LockMode::Rewrite,
        Some(_) | None => LockMode::Append,
    }
}

/// The word of messages.
fn verb(kind: DmlKind) -> &'static str {
    match kind {
        DmlKind::Insert => "INSERT",
        DmlKind::Update => "UPDATE",
        DmlKind::Delete => "DELETE",
    }
}
