//! EXPLAIN.

use super::tag;
use crate::base::{Error, Result};
use crate::engine::Command;
use crate::engine::command::Explain;
use crate::privileges;
use crate::session::answer::{text_columns, text_rows};
use crate::session::dispatch::Run;
use crate::session::{Response, RowsTag, Session, interruptible};

impl Session {
    /// EXPLAIN: one row per line of the plan.
    pub(in crate::session) async fn explain(
        &mut self,
        explain: &Explain,
        run: Run<'_>,
    ) -> Result<Response> {
        let engine = self.shared.engine.clone();
        let context = self.context()?;
        let bound = match &explain.statement.command {
            Command::Query(query) => self.bound_query(&context, query, &run).await?,
            Command::CreateTableAs(create) if !explain.analyze => {
                self.bound_query(&context, &create.query, &run).await?
            }
            Command::Declare { query, .. } if !explain.analyze => match &query.command {
                Command::Query(query) => self.bound_query(&context, query, &run).await?,
                _ => return Err(Error::unsupported("EXPLAIN of this statement")),
            },
            Command::Dml(dml) => {
                let bound = self.bound_dml(&context, dml, &run).await?;
                let authorized =
                    privileges::authorize(&context.snapshot, &bound.needs.clone(), bound)?;
                let work = engine.explain_dml(
                    &context,
                    authorized,
                    run.parameters,
                    explain.analyze,
                    run.interrupt,
                );
                let lines = interruptible(run.interrupt, work).await?;
                return self.plan_lines(lines);
            }
            _ => return Err(Error::unsupported("EXPLAIN of this statement")),
        };
        let authorized = privileges::authorize(&context.snapshot, &bound.needs.clone(), bound)?;
        let work = engine.explain(
            &context,
            authorized,
            run.parameters,
            explain.analyze,
            run.interrupt,
        );
        let lines = interruptible(run.interrupt, work).await?;
        self.plan_lines(lines)
    }

    fn plan_lines(&mut self, lines: Vec<String>) -> Result<Response> {
        let rows: Vec<_> = lines.into_iter().map(|line| vec![line]).collect();
        let rows = text_rows(text_columns(&["QUERY PLAN"]), &rows)?;
        Ok(Response::Rows(
            self.respond(rows, RowsTag::Fixed(tag("EXPLAIN")))?,
        ))
    }
}
