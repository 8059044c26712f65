//! EXPLAIN: the physical plan in PostgreSQL's words and layout.
//!
//! [`plan`] reads the operators into nodes, [`expression`] writes their conditions as SQL, [`text`]
//! and [`document`] lay the nodes out. Operators PostgreSQL does without (projections, exchanges
//! between threads) are not shown: their rows are those of the operator below.

mod document;
mod expression;
mod node;
mod plan;
mod tables;
mod text;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::ArrayRef;
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;

use super::command::{ExplainFormat, ExplainOptions};
use super::error::convert;
use super::{Bound, Engine};
use crate::base::Result;
use crate::observe::Interrupt;
use crate::statement::StatementContext;
use node::Node;
use tables::Tables;

/// What EXPLAIN found out about a statement.
#[derive(Debug)]
pub struct Explanation {
    root: Node,
    planning: Duration,
    /// How long it ran, if it was run.
    execution: Option<Duration>,
}

impl Explanation {
    /// Its rows as the client sees them: one a line of text, or one JSON document.
    pub fn render(&self, options: &ExplainOptions) -> Vec<String> {
        match options.format {
            ExplainFormat::Text => text::lines(self, options),
            ExplainFormat::Json => vec![document::json(self, options)],
            ExplainFormat::Yaml => vec![document::yaml(self, options)],
        }
    }

    /// The same under an operator that changes `table` by its rows: `Insert`, `Update`, `Delete`.
    pub(super) fn changing(self, operation: &str, table: &str) -> Self {
        Self {
            root: Node::changing(operation, table, self.root),
            ..self
        }
    }

    /// The same after queries of WITH that run by themselves.
    pub(super) fn after(mut self, steps: Vec<(String, Explanation)>) -> Self {
        for (name, step) in steps {
            self.planning += step.planning;
            self.root.steps.push((name, step.root));
        }
        self
    }

    /// The same after the statement ran: it answered so many rows, and took so many of the node
    /// below the one that changes the table, if that is known. No other node was counted.
    pub fn ran(mut self, execution: Duration, answered: u64, taken: Option<u64>) -> Self {
        self.execution = Some(execution);
        let millis = execution.as_secs_f64() * 1e3;
        self.root.uncounted();
        self.root.count(millis, answered);
        if let (Some(rows), [source]) = (taken, self.root.children.as_mut_slice()) {
            source.count(millis, rows);
        }
        self
    }

    /// A statement that changes `table` by rows it has at hand.
    pub(super) fn change(operation: &str, table: &str) -> Self {
        Self {
            root: Node::changing(operation, table, Node::result()),
            planning: Duration::ZERO,
            execution: None,
        }
    }
}

impl Engine {
    /// The plan of a permitted query; with ANALYZE the query runs, and what it did is in the plan.
    pub(super) async fn explanation(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: Bound,
        parameters: &[ArrayRef],
        options: &ExplainOptions,
        interrupt: &Interrupt,
    ) -> Result<Explanation> {
        let run = options.analyze.then_some(interrupt);
        let (analyze, verbose) = (options.analyze, options.verbose);
        let engine = self.clone();
        let owned_context = context.clone();
        let parameters = parameters.to_vec();
        self.on_runtime(run, async move {
            let state = engine.state(&owned_context);
            let tables = Tables::new(
                &owned_context.snapshot,
                owned_context.database.store().root(),
                verbose,
            );
            let started = Instant::now();
            let plan = engine
                .physical(&owned_context, &state, query, &parameters)
                .await?;
            let planning = started.elapsed();
            let execution = if analyze {
                let started = Instant::now();
                let mut stream =
                    execute_stream(plan.clone(), engine.task(&state)).map_err(convert)?;
                while let Some(batch) = stream.next().await {
                    batch.map_err(convert)?;
                }
                Some(started.elapsed())
            } else {
                None
            };
            Ok(Explanation {
                root: plan::node(plan.as_ref(), &tables, analyze),
                planning,
                execution,
            })
        })
        .await
    }
}
