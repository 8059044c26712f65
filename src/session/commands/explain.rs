//! EXPLAIN.

use std::sync::Arc;
use std::time::Instant;

use super::tag;
use crate::base::{Error, Result};
use crate::engine::command::{Dml, DmlAction, Explain, ExplainFormat, Filled};
use crate::engine::{Command, ExplainOptions, Explanation, OutputColumn};
use crate::pg_catalog::names;
use crate::privileges;
use crate::session::answer::{text_column, text_rows};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Response, RowsTag, Session, interruptible};
use crate::types::{PgType, pgtype};

impl Session {
    /// EXPLAIN: one row per line of the plan, or one with the document.
    pub(in crate::session) async fn explain(
        &mut self,
        explain: &Explain,
        run: Run<'_>,
    ) -> Result<Response> {
        if let Command::Execute { name, arguments } = &explain.statement.command {
            let Some((statement, plan, values)) = self.executed(name, arguments, &run).await?
            else {
                return Err(Error::unsupported("EXPLAIN of an empty statement"));
            };
            let explain = Explain {
                options: explain.options,
                statement: Box::new(statement.as_ref().clone()),
            };
            let run = Run {
                statement: &statement,
                plan: Some(plan),
                parameters: &values,
                interrupt: run.interrupt,
            };
            return Box::pin(self.explain(&explain, run)).await;
        }
        let engine = self.shared.engine.clone();
        let mut context = self.context()?;
        let bound = match &explain.statement.command {
            Command::Query(query) if explain.options.analyze => {
                let bound;
                (context, bound) = self.locked_query(query, &run).await?;
                bound
            }
            Command::Query(query) => self.bound_query(&context, query, &run).await?,
            Command::CreateTableAs(create) if !explain.options.analyze => match &create.filled {
                Filled::Query(query) => self.bound_query(&context, query, &run).await?,
                Filled::Execute { .. } => {
                    return Err(Error::unsupported("EXPLAIN CREATE TABLE AS EXECUTE"));
                }
            },
            Command::Declare { query, .. } if !explain.options.analyze => match &query.command {
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
                    &explain.options,
                    run.interrupt,
                );
                let mut explanation = interruptible(run.interrupt, work).await?;
                if explain.options.analyze {
                    let started = Instant::now();
                    let run = Run { plan: None, ..run };
                    let (answered, changed) = self.carried_out(dml, run).await?;
                    let taken = changed.filter(|_| takes_what_it_changes(dml));
                    explanation = explanation.ran(started.elapsed(), answered, taken);
                }
                return self.plan_rows(&explanation, &explain.options);
            }
            _ => return Err(Error::unsupported("EXPLAIN of this statement")),
        };
        let authorized = privileges::authorize(&context.snapshot, &bound.needs.clone(), bound)?;
        let (calling, mut queue) = context.calling(self.acting_role());
        let work = engine.explain(
            &calling,
            authorized,
            run.parameters,
            &explain.options,
            run.interrupt,
        );
        let explanation = self.serving(&mut queue, run.interrupt, work).await?;
        self.plan_rows(&explanation, &explain.options)
    }

    /// Carries out a statement that changes rows. Gives how many it answered, and changed.
    async fn carried_out(&mut self, dml: &Dml, run: Run<'_>) -> Result<(u64, Option<u64>)> {
        let number = |tag: &CommandTag| tag.0.rsplit(' ').next().and_then(|n| n.parse().ok());
        match Box::pin(self.dml(dml, run)).await? {
            Response::Rows(mut answer) => {
                let mut answered = 0;
                while let Some(batch) = answer.rows.next().await? {
                    answered += batch.num_rows() as u64;
                }
                let changed = match &answer.tag {
                    RowsTag::Fixed(tag) => number(tag),
                    RowsTag::Counted(_) => None,
                };
                Ok((answered, changed))
            }
            Response::Done(tag) => Ok((0, number(&tag))),
            _ => Ok((0, None)),
        }
    }

    fn plan_rows(
        &mut self,
        explanation: &Explanation,
        options: &ExplainOptions,
    ) -> Result<Response> {
        let context = self.bystander()?;
        let name = |oid| names::name(&context, PgType::REGTYPE, oid);
        let rows = explanation.render(options).into_iter();
        let rows: Vec<_> = rows
            .map(|row| vec![pgtype::named(&row, name).unwrap_or(row)])
            .collect();
        let rows = text_rows(plan_columns(options), &rows)?;
        Ok(Response::Rows(
            self.respond(rows, RowsTag::Fixed(tag("EXPLAIN")))?,
        ))
    }
}

/// Whether a statement changes each row that it takes, once.
fn takes_what_it_changes(dml: &Dml) -> bool {
    match &dml.action {
        DmlAction::Insert { insert, .. } => insert.on.is_none(),
        DmlAction::Update(update) => update.from.is_none(),
        DmlAction::Delete(delete) => delete.using.is_none(),
        DmlAction::Merge(_) | DmlAction::Query(_) => false,
    }
}

/// What EXPLAIN answers.
pub(super) fn plan_columns(options: &ExplainOptions) -> Arc<[OutputColumn]> {
    let ty = match options.format {
        ExplainFormat::Text | ExplainFormat::Yaml => PgType::TEXT,
        ExplainFormat::Json => PgType::JSON,
    };
    Arc::new([OutputColumn {
        ty,
        ..text_column("QUERY PLAN")
    }])
}
