//! EXPLAIN (FORMAT JSON) and (FORMAT YAML): PostgreSQL's keys in PostgreSQL's order.

use super::Explanation;
use super::node::{Node, Property};
use crate::engine::command::ExplainOptions;

/// The value of a key.
enum Value {
    /// A number, or true or false.
    Word(String),
    Text(String),
    Texts(Vec<String>),
    Object(Members),
    Objects(Vec<Members>),
}

type Members = Vec<(&'static str, Value)>;

/// A plan as a JSON document.
pub(super) fn json(explanation: &Explanation, options: &ExplainOptions) -> String {
    format!("[\n  {}\n]", object(&document(explanation, options), 1))
}

/// A plan as a YAML document.
pub(super) fn yaml(explanation: &Explanation, options: &ExplainOptions) -> String {
    let mut lines = Vec::new();
    write_item(&document(explanation, options), 0, &mut lines);
    lines.join("\n")
}

fn document(explanation: &Explanation, options: &ExplainOptions) -> Members {
    let root = plan(&explanation.root, None, options);
    let mut members = vec![("Plan", Value::Object(root))];
    if options.summary {
        let planning = millis(explanation.planning.as_secs_f64() * 1e3);
        members.push(("Planning Time", planning));
        if let Some(execution) = explanation.execution {
            members.push(("Execution Time", millis(execution.as_secs_f64() * 1e3)));
        }
    }
    members
}

/// What a node is to the one above it.
struct Role {
    relationship: &'static str,
    subplan: Option<String>,
}

fn plan(node: &Node, role: Option<Role>, options: &ExplainOptions) -> Members {
    let mut members: Members = Vec::new();
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
    members.push(("Parallel Aware", word(false)));
    members.push(("Async Capable", word(false)));
    if let Some(join) = node.join {
        members.push(("Join Type", string(join)));
    }
    if let Some(relation) = &node.relation {
        members.push(("Relation Name", string(relation)));
        if let Some(schema) = &node.schema {
            members.push(("Schema", string(schema)));
        }
        members.push(("Alias", string(relation)));
    }
    if options.costs {
        members.push(("Startup Cost", Value::Word(format!("{:.2}", node.cost.0))));
        members.push(("Total Cost", Value::Word(format!("{:.2}", node.cost.1))));
        members.push(("Plan Rows", word(node.rows.round())));
        members.push(("Plan Width", word(node.width)));
    }
    if options.analyze && node.is_counted {
        let actual = node.actual;
        if options.timing {
            let time = || millis(actual.map_or(0.0, |actual| actual.millis));
            members.push(("Actual Startup Time", time()));
            members.push(("Actual Total Time", time()));
        }
        let rows = actual.map_or(0, |actual| actual.rows);
        members.push(("Actual Rows", word(rows)));
        members.push(("Actual Loops", word(u8::from(actual.is_some()))));
    }
    if options.verbose && !node.output.is_empty() {
        members.push(("Output", Value::Texts(node.output.clone())));
    }
    for (name, value) in &node.properties {
        let value = match value {
            Property::One(text) => string(text),
            Property::Many(texts) => Value::Texts(texts.clone()),
            Property::Number(number) => word(number),
        };
        members.push((name, value));
    }
    if !node.children.is_empty() || !node.steps.is_empty() {
        let steps = node.steps.iter().map(|(name, step)| {
            let role = Role {
                relationship: "InitPlan",
                subplan: Some(format!("CTE {name}")),
            };
            plan(step, Some(role), options)
        });
        let children = node.children.iter().enumerate().map(|(index, child)| {
            let role = Role {
                relationship: if index == 0 { "Outer" } else { "Inner" },
                subplan: None,
            };
            plan(child, Some(role), options)
        });
        members.push(("Plans", Value::Objects(steps.chain(children).collect())));
    }
    members
}

/// An object whose members stand `depth` steps in, as PostgreSQL indents them.
fn object(members: &Members, depth: usize) -> String {
    let margin = "  ".repeat(depth + 1);
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{margin}{}: {}", quoted(name), value.json(depth)))
        .collect();
    format!("{{\n{}\n{}}}", members.join(",\n"), "  ".repeat(depth))
}

impl Value {
    /// In the object that stands `depth` steps in.
    fn json(&self, depth: usize) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Text(text) => quoted(text),
            Self::Texts(texts) => {
                let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
                format!("[{}]", texts.join(", "))
            }
            Self::Object(members) => object(members, depth + 1),
            Self::Objects(objects) => {
                let margin = "  ".repeat(depth + 2);
                let objects: Vec<_> = objects
                    .iter()
                    .map(|members| format!("{margin}{}", object(members, depth + 2)))
                    .collect();
                let end = "  ".repeat(depth + 1);
                format!("[\n{}\n{end}]", objects.join(",\n"))
            }
        }
    }
}

/// An item of a YAML list whose mark stands `indent` blanks in.
fn write_item(members: &Members, indent: usize, lines: &mut Vec<String>) {
    let first = lines.len();
    write_members(members, indent + 2, lines);
    if let Some(line) = lines.get_mut(first) {
        line.replace_range(indent..indent + 2, "- ");
    }
}

fn write_members(members: &Members, indent: usize, lines: &mut Vec<String>) {
    let margin = " ".repeat(indent);
    for (name, value) in members {
        lines.push(match value {
            Value::Word(word) => format!("{margin}{name}: {word}"),
            Value::Text(text) => format!("{margin}{name}: {}", quoted(text)),
            Value::Texts(_) | Value::Object(_) | Value::Objects(_) => format!("{margin}{name}: "),
        });
        match value {
            Value::Word(_) | Value::Text(_) => {}
            Value::Texts(texts) => {
                let texts = texts.iter();
                lines.extend(texts.map(|text| format!("{margin}  - {}", quoted(text))));
            }
            Value::Object(members) => write_members(members, indent + 2, lines),
            Value::Objects(objects) => {
                for object in objects {
                    write_item(object, indent + 2, lines);
                }
            }
        }
    }
}

fn millis(millis: f64) -> Value {
    Value::Word(format!("{millis:.3}"))
}

fn word(word: impl ToString) -> Value {
    Value::Word(word.to_string())
}

fn string(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
