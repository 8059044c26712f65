//! EXPLAIN (FORMAT TEXT).

use super::Explanation;
use super::node::{Node, Property};
use crate::engine::command::ExplainOptions;

/// The lines of a plan.
pub(super) fn lines(explanation: &Explanation, options: &ExplainOptions) -> Vec<String> {
    let mut lines = Vec::new();
    write(&explanation.root, 0, options, &mut lines);
    if options.summary {
        let millis = explanation.planning.as_secs_f64() * 1e3;
        lines.push(format!("Planning Time: {millis:.3} ms"));
        if let Some(execution) = explanation.execution {
            let millis = execution.as_secs_f64() * 1e3;
            lines.push(format!("Execution Time: {millis:.3} ms"));
        }
    }
    lines
}

/// Writes a node whose children's lines start at `indent` and more.
fn write(node: &Node, indent: usize, options: &ExplainOptions, lines: &mut Vec<String>) {
    let mut line = match indent {
        0 => String::new(),
        indent => format!("{}->  ", " ".repeat(indent - 4)),
    };
    line.push_str(&node.title());
    if options.costs {
        let (first, all) = node.cost;
        let (rows, width) = (node.rows.round(), node.width);
        line.push_str(&format!(
            "  (cost={first:.2}..{all:.2} rows={rows} width={width})"
        ));
    }
    if options.analyze && node.is_counted {
        let separator = if options.costs { " " } else { "  " };
        line.push_str(separator);
        line.push_str(&match node.actual {
            Some(actual) if options.timing => {
                let (millis, rows) = (actual.millis, actual.rows);
                format!("(actual time={millis:.3}..{millis:.3} rows={rows} loops=1)")
            }
            Some(actual) => format!("(actual rows={} loops=1)", actual.rows),
            None => "(never executed)".to_owned(),
        });
    }
    lines.push(line);
    let margin = " ".repeat(indent + 2);
    if options.verbose && !node.output.is_empty() {
        lines.push(format!("{margin}Output: {}", node.output.join(", ")));
    }
    for (name, value) in &node.properties {
        lines.push(match value {
            Property::One(text) => format!("{margin}{name}: {text}"),
            Property::Many(texts) => format!("{margin}{name}: {}", texts.join(", ")),
            Property::Number(number) => format!("{margin}{name}: {number}"),
        });
    }
    for (name, step) in &node.steps {
        lines.push(format!("{margin}CTE {name}"));
        write(step, indent + 8, options, lines);
    }
    for child in &node.children {
        write(child, indent + 6, options, lines);
    }
}
