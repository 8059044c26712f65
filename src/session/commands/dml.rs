//! INSERT, UPDATE, DELETE.

use std::sync::Arc;

use sqlparser::ast;

use super::query::check_parameters;
use super::tag;
use crate::base::Result;
use crate::catalog::ObjectId;
use crate::database::LockMode;
use crate::engine::BoundDml;
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
    pub(in crate::session) async fn dml(
        &mut self,
        dml: &ast::Statement,
        run: Run<'_>,
    ) -> Result<Response> {
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
            DmlKind::Insert => LockMode::Append,
            DmlKind::Update | DmlKind::Delete => LockMode::Rewrite,
        };
        self.lock(bound.target, mode, run.interrupt).await?;
        let basis = self.basis(&context);
        context = self.context()?;
        if basis != self.basis(&context) {
            bound = self.bound_dml(&context, dml, &run).await?;
        }
        let kind = bound.kind;
        let authorized = privileges::authorize(&context.snapshot, &bound.needs.clone(), bound)?;
        let engine = self.shared.engine.clone();
        let work = engine.execute_dml(&context, authorized, run.parameters, run.interrupt);
        let result = interruptible(run.interrupt, work).await?;
        // What the rows needed was asked for above; needs of bare segments are nobody's question.
        self.push_needing(result.changes, &[])?;
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
        dml: &ast::Statement,
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

/// The word of messages.
fn verb(kind: DmlKind) -> &'static str {
    match kind {
        DmlKind::Insert => "INSERT",
        DmlKind::Update => "UPDATE",
        DmlKind::Delete => "DELETE",
    }
}
