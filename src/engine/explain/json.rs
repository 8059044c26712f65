//! EXPLAIN (FORMAT JSON): PostgreSQL's keys in PostgreSQL's order.

use super::Explanation;
use super::node::{Node, Property};
use crate::engine::command::ExplainOptions;

/// A plan as a JSON document.
pub(super) fn document(explanation: &Explanation, options: &ExplainOptions) -> String {
    let mut members = vec![("Plan", plan(&explanation.root, None, options, 2))];
    if options.summary {
        members.push((
            "Planning Time",
            millis(explanation.planning.as_secs_f64() * 1e3),
        ));
        if let Some(execution) = explanation.execution {
            members.push(("Execution Time", millis(execution.as_secs_f64() * 1e3)));
        }
    }
    format!("[\n  {}\n]", object(&members, 1))
}

/// What a node is to the one above it.
struct Role {
    relationship: &'static str,
    subplan: Option<String>,
}

fn plan(node: &Node, role: Option<Role>, options: &ExplainOptions, depth: usize) -> String {
    let mut members = Vec::new();
    let kind = match node.kind {
        "HashAggregate" | "MixedAggregate" => "Aggregate",
        kind => kind,
    };
    members.push(("Node Type", string(kind)));
    match node.kind {
        "Aggregate" => members.push(("Strategy", string("Plain"))),
        "HashAggregate" => members.push(("Strategy", string("Hashed"))),
        "MixedAggregate" => members.push(("Strategy", string("Mixed"))),
        _ => {}
    }
    if kind == "Aggregate" {
        members.push(("Partial Mode", string(node.mode.unwrap_or("Simple"))));
    }
    if let Some(operation) = &node.operation {
        members.push(("Operation", string(operation)));
    }
    if let Some(role) = role {
        members.push(("Parent Relationship", string(role.relationship)));
        if let Some(subplan) = &role.subplan {
            members.push(("Subplan Name", string(subplan)));
        }
    }
    members.push(("Parallel Aware", "false".to_owned()));
    members.push(("Async Capable", "false".to_owned()));
    if let Some(join) = node.join {
        members.push(("Join Type", string(join)));
    }
    if let Some(relation) = &node.relation {
        members.push(("Relation Name", string(relation)));
        members.push(("Alias", string(relation)));
    }
    if options.costs {
        members.push(("Startup Cost", format!("{:.2}", node.cost.0)));
        members.push(("Total Cost", format!("{:.2}", node.cost.1)));
        members.push(("Plan Rows", node.rows.round().to_string()));
        members.push(("Plan Width", node.width.to_string()));
    }
    if options.analyze {
        let actual = node.actual;
        if options.timing {
            let time = millis(actual.map_or(0.0, |actual| actual.millis));
            members.push(("Actual Startup Time", time.clone()));
            members.push(("Actual Total Time", time));
        }
        let rows = actual.map_or(0, |actual| actual.rows);
        members.push(("Actual Rows", rows.to_string()));
        members.push(("Actual Loops", u8::from(actual.is_some()).to_string()));
    }
    if options.verbose && !node.output.is_empty() {
        members.push(("Output", strings(&node.output)));
    }
    for (name, value) in &node.properties {
        let value = match value {
            Property::One(text) => string(text),
            Property::Many(texts) => strings(texts),
            Property::Number(number) => number.to_string(),
        };
        members.push((name, value));
    }
    if !node.children.is_empty() || !node.steps.is_empty() {
        let margin = "  ".repeat(depth + 2);
        let steps = node.steps.iter().map(|(name, step)| {
            let role = Role {
                relationship: "InitPlan",
                subplan: Some(format!("CTE {name}")),
            };
            format!("{margin}{}", plan(step, Some(role), options, depth + 2))
        });
        let children = node.children.iter().enumerate().map(|(index, child)| {
            let role = Role {
                relationship: if index == 0 { "Outer" } else { "Inner" },
                subplan: None,
            };
            format!("{margin}{}", plan(child, Some(role), options, depth + 2))
        });
        let children: Vec<_> = steps.chain(children).collect();
        let end = "  ".repeat(depth + 1);
        members.push(("Plans", format!("[\n{}\n{end}]", children.join(",\n"))));
    }
    object(&members, depth)
}

/// An object whose members stand `depth` steps in, as PostgreSQL indents them.
fn object(members: &[(&str, String)], depth: usize) -> String {
    let margin = "  ".repeat(depth + 1);
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{margin}{}: {value}", string(name)))
        .collect();
    format!("{{\n{}\n{}}}", members.join(",\n"), "  ".repeat(depth))
}

fn millis(millis: f64) -> String {
    format!("{millis:.3}")
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn strings(texts: &[String]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| string(text)).collect();
    format!("[{}]", texts.join(", "))
}
