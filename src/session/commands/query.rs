//! SELECT and whatever else is a query.

use std::sync::Arc;

use sqlparser::ast;

use super::routine_run::sole_call;
use super::row_lock::RowLocks;
use crate::base::{Error, Result, SqlState};
use crate::engine::{Bound, Rows};
use crate::pg_catalog::names::Names;
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::portal::counted;
use crate::session::prepared::Body;
use crate::session::{Response, RowsResponse, Session, interruptible};
use crate::statement::StatementContext;

impl Session {
    /// A query as a statement of its own.
    pub(in crate::session) async fn query(
        &mut self,
        query: &ast::Query,
        run: Run<'_>,
    ) -> Result<Response> {
        if let Some(call) = sole_call(query)
            && let Some(response) = Box::pin(self.routine_query(call, &run)).await?
        {
            return Ok(response);
        }
        let (context, rows) = self.open_query(query, &run).await?;
        Ok(Response::Rows(RowsResponse {
            binary: vec![false; rows.columns().len()],
            rows,
            style: context.style.clone(),
            names: Names::new(context),
            tag: counted("SELECT"),
        }))
    }

    /// Starts a query; its rows stream.
    pub(in crate::session) async fn open_query(
        &mut self,
        query: &ast::Query,
        run: &Run<'_>,
    ) -> Result<(Arc<StatementContext>, Rows)> {
        let (context, bound) = self.locked_query(query, run).await?;
        self.refuse_changing(&context, &bound.needs, &[])?;
        let authorized = privileges::authorize(&context.snapshot, &bound.needs.clone(), bound)?;
        let engine = self.shared.engine.clone();
        let (calling, mut queue) = context.calling(self.acting_role());
        let work = engine.execute(&calling, authorized, run.parameters, run.interrupt);
        let rows = self.serving(&mut queue, run.interrupt, work).await?;
        let rows = self.served(&mut queue, run.interrupt, rows).await?;
        Ok((context, rows))
    }

    /// A query bound, the rows that it locks being locked.
    pub(super) async fn locked_query(
        &mut self,
        query: &ast::Query,
        run: &Run<'_>,
    ) -> Result<(Arc<StatementContext>, Bound)> {
        let mut context = self.context()?;
        let mut locks = RowLocks::default();
        loop {
            let bound = self.bound_query(&context, query, run).await?;
            let moved = self.lock_rows(&context, &bound.needs, &mut locks, run.interrupt);
            match moved.await? {
                Some(now) => context = now,
                None => return Ok((context, bound)),
            }
        }
    }

    /// The binding the statement came with if it still stands, else a new one.
    pub(super) async fn bound_query(
        &self,
        context: &Arc<StatementContext>,
        query: &ast::Query,
        run: &Run<'_>,
    ) -> Result<Bound> {
        if context.skipped.is_empty()
            && let Some(plan) = &run.plan
            && let Body::Query(bound) = &plan.body
            && plan.basis.as_ref() == Some(&self.basis(context))
        {
            return Ok(Bound::clone(bound));
        }
        let declared = run.declared();
        let work = self.shared.engine.bind(context, query, &declared);
        let bound = interruptible(run.interrupt, work).await?;
        check_parameters(bound.parameters.len(), run.parameters.len())?;
        Ok(bound)
    }
}

/// `42P02` for a parameter that nobody gave a value for.
pub(super) fn check_parameters(needed: usize, given: usize) -> Result<()> {
    if needed > given {
        return Err(Error::new(
            SqlState::UNDEFINED_PARAMETER,
            format!("there is no parameter ${}", given + 1),
        ));
    }
    Ok(())
}
