//! EXPLAIN: the physical plan as lines that read like PostgreSQL's.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::ArrayRef;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan, execute_stream};
use futures::StreamExt;

use super::error::convert;
use super::{Bound, Engine};
use crate::base::Result;
use crate::observe::Interrupt;
use crate::statement::StatementContext;

impl Engine {
    /// The plan of a permitted query; with `interrupt` the query runs and what it did is shown.
    pub(super) async fn plan_lines(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: Bound,
        parameters: &[ArrayRef],
        run: Option<&Interrupt>,
    ) -> Result<Vec<String>> {
        let engine = self.clone();
        let owned_context = context.clone();
        let parameters = parameters.to_vec();
        let analyze = run.is_some();
        self.on_runtime(run, async move {
            let state = engine.state(&owned_context);
            let started = Instant::now();
            let plan = engine
                .physical(&owned_context, &state, query, &parameters)
                .await?;
            let planned = started.elapsed();
            let mut lines = Vec::new();
            if !analyze {
                write(plan.as_ref(), 0, false, &mut lines);
                return Ok(lines);
            }
            let started = Instant::now();
            let mut stream = execute_stream(plan.clone(), engine.task(&state)).map_err(convert)?;
            while let Some(batch) = stream.next().await {
                batch.map_err(convert)?;
            }
            let executed = started.elapsed();
            write(plan.as_ref(), 0, true, &mut lines);
            lines.push(format!(
                "Planning Time: {:.3} ms",
                planned.as_secs_f64() * 1e3
            ));
            lines.push(format!(
                "Execution Time: {:.3} ms",
                executed.as_secs_f64() * 1e3
            ));
            Ok(lines)
        })
        .await
    }
}

/// One operator and, below it, its inputs.
fn write(plan: &dyn ExecutionPlan, depth: usize, analyze: bool, lines: &mut Vec<String>) {
    let indent = match depth {
        0 => String::new(),
        depth => format!("{}->  ", " ".repeat(depth * 6 - 4)),
    };
    let text = Shown(plan).to_string();
    let text = text.lines().next().unwrap_or_default();
    // `HashJoinExec: mode=…, on=…`
    let (name, details) = text.split_once(": ").unwrap_or((text, ""));
    let mut line = format!("{indent}{}", title(name));
    if analyze && let Some(metrics) = plan.metrics() {
        let rows = metrics.output_rows();
        let nanos = metrics.elapsed_compute();
        let rows = rows.map_or_else(|| "?".to_owned(), |rows| rows.to_string());
        match nanos {
            Some(nanos) => {
                let millis = nanos as f64 / 1e6;
                line.push_str(&format!("  (actual time={millis:.3} rows={rows})"));
            }
            None => line.push_str(&format!("  (actual rows={rows})")),
        }
    }
    lines.push(line);
    if !details.is_empty() {
        let margin = if depth == 0 { 2 } else { depth * 6 + 2 };
        let mut details = details.replace('\0', "#");
        if details.chars().count() > 500 {
            details = details.chars().take(500).chain("…".chars()).collect();
        }
        lines.push(format!("{}{details}", " ".repeat(margin)));
    }
    for child in plan.children() {
        write(child.as_ref(), depth + 1, analyze, lines);
    }
}

/// An operator in PostgreSQL's words, where it has some.
fn title(name: &str) -> String {
    let known = match name {
        "HashJoinExec" => "Hash Join",
        "SortMergeJoinExec" => "Merge Join",
        "NestedLoopJoinExec" | "CrossJoinExec" => "Nested Loop",
        "AggregateExec" => "Aggregate",
        "SortExec" => "Sort",
        "SortPreservingMergeExec" => "Gather Merge",
        "CoalescePartitionsExec" => "Gather",
        "RepartitionExec" => "Redistribute",
        "FilterExec" => "Filter",
        "ProjectionExec" => "Result",
        "GlobalLimitExec" | "LocalLimitExec" => "Limit",
        "UnionExec" | "InterleaveExec" => "Append",
        "DataSourceExec" => "Scan",
        "WindowAggExec" | "BoundedWindowAggExec" => "WindowAgg",
        "EmptyExec" | "PlaceholderRowExec" => "Result",
        "RecursiveQueryExec" => "Recursive Union",
        "UnnestExec" => "ProjectSet",
        _ => {
            let bare = name.strip_suffix("Exec").unwrap_or(name);
            let mut words = String::new();
            for c in bare.chars() {
                if c.is_uppercase() && !words.is_empty() {
                    words.push(' ');
                }
                words.push(c);
            }
            return words;
        }
    };
    known.to_owned()
}

/// An operator's own line.
struct Shown<'a>(&'a dyn ExecutionPlan);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt_as(DisplayFormatType::Default, f)
    }
}
