//! EXPLAIN.

use std::sync::Arc;

use super::tag;
use crate::base::{Error, Result};
use crate::engine::command::{Explain, ExplainFormat};
use crate::engine::{Command, ExplainOptions, Explanation, OutputColumn};
use crate::pg_catalog::names;
use crate::privileges;
use crate::session::answer::{text_column, text_rows};
use crate::session::dispatch::Run;
use crate::session::{Response, RowsTag, Session, interruptible};
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
        let context = self.context()?;
        let bound = match &explain.statement.command {
            Command::Query(query) => self.bound_query(&context, query, &run).await?,
            Command::CreateTableAs(create) if !explain.options.analyze => {
                self.bound_query(&context, &create.query, &run).await?
            }
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
                let explanation = interruptible(run.interrupt, work).await?;
                return self.plan_rows(&explanation, &explain.options);
            }
            _ => return Err(Error::unsupported("EXPLAIN of this statement")),
        };
        let authorized = privileges::authorize(&context.snapshot, &bound.needs.clone(), bound)?;
        let work = engine.explain(
            &context,
            authorized,
            run.parameters,
            &explain.options,
            run.interrupt,
        );
        let explanation = interruptible(run.interrupt, work).await?;
        self.plan_rows(&explanation, &explain.options)
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
