//! Triggers as the statements that make them.

use super::call::Call;
use super::definition::laid_out;
use crate::base::name::quote;
use crate::base::{Oid, Result};
use crate::catalog::{Relation, Timing, Trigger, TriggerEvent};
use crate::pg_catalog::Value;

/// `pg_get_triggerdef`
pub(super) fn definition(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let pretty = call.bool(1, row).unwrap_or(false);
    let snapshot = &call.context.snapshot;
    let mut found = snapshot.triggers_that(|trigger| trigger.oid == oid);
    Ok(match found.next() {
        Some((relation, trigger)) => shown(call, relation, trigger, pretty).into(),
        None => Value::Null,
    })
}

/// A relation under a name that finds it: with its schema, or where that is not on the path.
fn relation_name(call: &Call<'_>, relation: &Relation, pretty: bool) -> String {
    let snapshot = &call.context.snapshot;
    let schema = snapshot.schema(relation.schema);
    let schema = schema.map_or("?", |schema| schema.name.as_str());
    let candidates = call.context.search_path.candidates(snapshot, None);
    let found = candidates
        .into_iter()
        .find_map(|schema| snapshot.relation_named(schema, &relation.name));
    match pretty && found.is_some_and(|found| found.oid == relation.oid) {
        true => quote(&relation.name).into_owned(),
        false => format!("{}.{}", quote(schema), quote(&relation.name)),
    }
}

fn shown(call: &Call<'_>, relation: &Relation, trigger: &Trigger, pretty: bool) -> String {
    let snapshot = &call.context.snapshot;
    let word = match trigger.constraint {
        Some(_) => "CREATE CONSTRAINT TRIGGER",
        None => "CREATE TRIGGER",
    };
    let mut text = format!("{word} {} {} ", quote(&trigger.name), trigger.when.word());
    let order = [
        TriggerEvent::Insert,
        TriggerEvent::Delete,
        TriggerEvent::Update,
        TriggerEvent::Truncate,
    ];
    let events: Vec<String> = order
        .into_iter()
        .filter(|event| trigger.events.contains(event))
        .map(|event| match event {
            TriggerEvent::Update if !trigger.columns.is_empty() => {
                let columns = trigger.columns.iter().filter_map(|attnum| {
                    let mut columns = relation.columns.iter();
                    columns.find(|column| column.attnum == *attnum)
                });
                let names: Vec<_> = columns.map(|column| quote(&column.name)).collect();
                format!("UPDATE OF {}", names.join(", "))
            }
            event => event.word().to_owned(),
        })
        .collect();
    text.push_str(&events.join(" OR "));
    text.push_str(&format!(" ON {} ", relation_name(call, relation, pretty)));
    if let Some(constraint) = &trigger.constraint {
        if let Some(from) = constraint.from.and_then(|from| snapshot.relation(from)) {
            text.push_str(&format!("FROM {} ", relation_name(call, from, pretty)));
        }
        text.push_str(match constraint.timing {
            Timing::NotDeferrable => "NOT DEFERRABLE INITIALLY IMMEDIATE ",
            Timing::Immediate => "DEFERRABLE INITIALLY IMMEDIATE ",
            Timing::Deferred => "DEFERRABLE INITIALLY DEFERRED ",
        });
    }
    if trigger.old_table.is_some() || trigger.new_table.is_some() {
        text.push_str("REFERENCING ");
        for (which, name) in [("OLD", &trigger.old_table), ("NEW", &trigger.new_table)] {
            if let Some(name) = name {
                text.push_str(&format!("{which} TABLE AS {} ", quote(name)));
            }
        }
    }
    text.push_str(match trigger.row {
        true => "FOR EACH ROW ",
        false => "FOR EACH STATEMENT ",
    });
    if let Some(condition) = &trigger.condition {
        let condition = laid_out(call, &condition.text, pretty);
        text.push_str(&format!("WHEN ({condition}) "));
    }
    let arguments: Vec<String> = trigger
        .arguments
        .iter()
        .map(|argument| format!("'{}'", argument.replace('\'', "''")))
        .collect();
    let routine = snapshot.routine(trigger.routine);
    let name = routine.map_or_else(
        || "?".to_owned(),
        |routine| {
            let candidates = call.context.search_path.candidates(snapshot, None);
            let found = candidates.into_iter().find_map(|schema| {
                let mut routines = snapshot.routines_named(schema, &routine.name);
                routines.find(|of| of.inputs().next().is_none()).cloned()
            });
            let schema = snapshot.schema(routine.schema);
            let schema = schema.map_or("?", |schema| schema.name.as_str());
            match found.is_some_and(|found| found.oid == routine.oid) {
                true => quote(&routine.name).into_owned(),
                false => format!("{}.{}", quote(schema), quote(&routine.name)),
            }
        },
    );
    text.push_str(&format!(
        "EXECUTE FUNCTION {name}({})",
        arguments.join(", ")
    ));
    text
}
