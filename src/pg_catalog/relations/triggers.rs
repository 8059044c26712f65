//! Triggers.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::dependencies::Dependency;
use super::objects::{PG_CLASS, PG_TYPE};
use super::{Value, build, dependencies};
use crate::base::{Oid, Result};
use crate::catalog::{Relation, Timing, Trigger};
use crate::pg_catalog::SystemRelation;
use crate::statement::StatementContext;

/// `pg_trigger`'s OID.
pub(super) const PG_TRIGGER: Oid = Oid(2620);

pub(super) fn pg_trigger(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    type Row<'a> = (&'a Arc<Relation>, &'a Trigger);
    let rows: Vec<Row<'_>> = context.snapshot.triggers_that(|_| true).collect();
    let text = |text: &Option<String>| match text {
        Some(text) => Value::from(text),
        None => Value::Null,
    };
    let timing = |trigger: &Trigger| {
        let constraint = trigger.constraint.as_ref();
        constraint.map_or(Timing::NotDeferrable, |of| of.timing)
    };
    build::<Row<'_>>(
        relation,
        &rows,
        &[
            ("oid", &|(_, trigger)| trigger.oid.into()),
            ("tgrelid", &|(table, _)| table.oid.into()),
            ("tgparentid", &|(_, trigger)| {
                trigger.parent.unwrap_or(Oid::INVALID).into()
            }),
            ("tgname", &|(_, trigger)| (&trigger.name).into()),
            ("tgfoid", &|(_, trigger)| trigger.routine.into()),
            ("tgtype", &|(_, trigger)| i64::from(trigger.bits()).into()),
            ("tgenabled", &|(_, trigger)| trigger.enabled.letter().into()),
            ("tgisinternal", &|_| false.into()),
            ("tgconstrrelid", &|(_, trigger)| {
                let from = trigger.constraint.as_ref().and_then(|of| of.from);
                from.unwrap_or(Oid::INVALID).into()
            }),
            ("tgconstrindid", &|_| 0.into()),
            ("tgconstraint", &|(_, trigger)| {
                let constraint = trigger.constraint.as_ref().map(|of| of.oid);
                constraint.unwrap_or(Oid::INVALID).into()
            }),
            ("tgdeferrable", &|(_, trigger)| {
                timing(trigger).is_deferrable().into()
            }),
            ("tginitdeferred", &|(_, trigger)| {
                (timing(trigger) == Timing::Deferred).into()
            }),
            ("tgnargs", &|(_, trigger)| {
                Value::Int(trigger.arguments.len() as i64)
            }),
            ("tgattr", &|(_, trigger)| {
                let columns = trigger.columns.iter();
                Value::List(columns.map(|column| i64::from(*column).into()).collect())
            }),
            ("tgargs", &|(_, trigger)| {
                let mut bytes = Vec::new();
                for argument in &trigger.arguments {
                    bytes.extend_from_slice(argument.as_bytes());
                    bytes.push(0);
                }
                Value::Bytes(bytes)
            }),
            // As with defaults, the text stands for the node tree.
            ("tgqual", &|(_, trigger)| match &trigger.condition {
                Some(condition) => (&condition.text).into(),
                None => Value::Null,
            }),
            ("tgoldtable", &|(_, trigger)| text(&trigger.old_table)),
            ("tgnewtable", &|(_, trigger)| text(&trigger.new_table)),
        ],
    )
}

/// What the triggers of a table stand on.
pub(super) fn stood_on(table: &Relation, rows: &mut Vec<Dependency>) {
    for trigger in &table.triggers {
        rows.push((PG_TRIGGER, trigger.oid, PG_CLASS, table.oid, 0, 'a'));
        let routine = trigger.routine;
        rows.push((
            PG_TRIGGER,
            trigger.oid,
            dependencies::PG_PROC,
            routine,
            0,
            'n',
        ));
        if let Some(parent) = trigger.parent {
            rows.push((PG_TRIGGER, trigger.oid, PG_TRIGGER, parent, 0, 'P'));
            rows.push((PG_TRIGGER, trigger.oid, PG_CLASS, table.oid, 0, 'S'));
        }
        let named = trigger.columns.iter().copied();
        let columns = named.chain(trigger.condition_columns(table.oid));
        rows.extend(columns.map(|of| (PG_TRIGGER, trigger.oid, PG_CLASS, table.oid, of, 'n')));
        // A part's function stands on the whole's.
        let condition = trigger.condition.as_ref();
        let Some(condition) = condition.filter(|_| trigger.parent.is_none()) else {
            continue;
        };
        let routines = condition.routines.iter();
        let routines = routines.map(|of| (dependencies::PG_PROC, *of));
        let types = condition.types.iter().map(|of| (PG_TYPE, *of));
        rows.extend(
            routines
                .chain(types)
                .map(|(class, of)| (PG_TRIGGER, trigger.oid, class, of, 0, 'n')),
        );
    }
}
