//! Triggers of the statements that change rows: when they fire, and in which order.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{concat, concat_batches};

use super::Session;
use super::plpgsql::Fire;
use crate::base::{Error, Oid, Result};
use crate::calls::{RowsRequest, ShownRows};
use crate::catalog::{Firing, Relation, Trigger, TriggerEvent};
use crate::engine::{ChangedRows, DmlKind, Touched};
use crate::observe::Interrupt;
use crate::statement::{StatementContext, Transition};

/// A row that a constraint trigger looks at when the transaction ends.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) relation: Oid,
    trigger: Oid,
    /// The trigger as a constraint.
    pub(super) constraint: Oid,
    event: TriggerEvent,
    old: Option<Vec<ArrayRef>>,
    new: Option<Vec<ArrayRef>>,
}

fn event_of(kind: DmlKind) -> Option<TriggerEvent> {
    match kind {
        DmlKind::Insert => Some(TriggerEvent::Insert),
        DmlKind::Update => Some(TriggerEvent::Update),
        DmlKind::Delete => Some(TriggerEvent::Delete),
        DmlKind::Merge => None,
    }
}

/// Whether a trigger minds which columns an UPDATE assigns to.
fn minds(trigger: &Trigger, event: TriggerEvent, changed: &[i16]) -> bool {
    event != TriggerEvent::Update
        || trigger.columns.is_empty()
        || trigger
            .columns
            .iter()
            .any(|column| changed.contains(column))
}

fn row(batch: &RecordBatch, index: usize) -> Vec<ArrayRef> {
    let columns = batch.columns().iter();
    columns.map(|column| column.slice(index, 1)).collect()
}

/// The triggers that fire so, in order.
fn firing<'r>(
    context: &StatementContext,
    relation: &'r Relation,
    (when, event, row): (Firing, TriggerEvent, bool),
    changed: &'r [i16],
) -> impl Iterator<Item = &'r Trigger> {
    let replica = context
        .settings
        .show("session_replication_role")
        .is_ok_and(|value| value == "replica");
    let triggers = relation.triggers.iter();
    triggers.filter(move |trigger| {
        trigger.is_for(when, event, row)
            && trigger.enabled.fires(replica)
            && minds(trigger, event, changed)
    })
}

impl Session {
    /// Shows rows to the triggers that fire before they are changed.
    pub(super) async fn shown(
        &mut self,
        request: &RowsRequest,
        interrupt: &Interrupt,
    ) -> Result<ShownRows> {
        let (relation, event) = (&request.relation, request.event);
        let context = self.context()?;
        let how = (Firing::Before, event, true);
        let triggers: Vec<&Trigger> = firing(&context, relation, how, &request.changed).collect();
        let rows = request.old.as_ref().or(request.new.as_ref());
        let count = rows.map_or(0, RecordBatch::num_rows);
        let mut kept = Vec::with_capacity(count);
        let mut made: Vec<Vec<ArrayRef>> = Vec::with_capacity(count);
        let place = self
            .changing
            .iter()
            .rposition(|of| of.table == relation.oid);
        for index in 0..count {
            if let Some(changing) = place.and_then(|place| self.changing.get_mut(place)) {
                changing.first = !changing.begun;
                changing.begun = true;
            }
            let old = request.old.as_ref().map(|batch| row(batch, index));
            let mut new = request.new.as_ref().map(|batch| row(batch, index));
            let mut goes_on = true;
            for trigger in &triggers {
                let fire = Fire {
                    relation,
                    trigger,
                    event,
                    old: old.as_deref(),
                    new: new.as_deref(),
                    tables: Arc::from([]),
                };
                let unfired = new.clone().or_else(|| old.clone());
                match self.fire(&fire, unfired, interrupt).await? {
                    None => {
                        goes_on = false;
                        break;
                    }
                    Some(row) if new.is_some() => new = Some(row),
                    Some(_) => {}
                }
            }
            kept.push(goes_on);
            if let Some(new) = new.filter(|_| goes_on) {
                made.push(new);
            }
        }
        if let Some(changing) = place.and_then(|place| self.changing.get_mut(place)) {
            changing.first = false;
        }
        let new = match &request.new {
            None => None,
            Some(batch) if made.is_empty() => Some(batch.slice(0, 0)),
            Some(batch) => Some(rows_of(batch, &made)?),
        };
        Ok((BooleanArray::from(kept), new))
    }

    /// Fires what fires once before statements change tables in these ways.
    pub(super) async fn before_statement(
        &mut self,
        targets: &[(Oid, DmlKind)],
        changed: &[i16],
        interrupt: &Interrupt,
    ) -> Result<()> {
        let context = self.context()?;
        let order = [DmlKind::Insert, DmlKind::Update, DmlKind::Delete];
        for kind in order {
            for (table, _) in targets.iter().filter(|(_, of)| *of == kind) {
                let relation = context.snapshot.relation(*table);
                let Some(relation) = relation.filter(|of| !of.triggers.is_empty()).cloned() else {
                    continue;
                };
                if let Some(event) = event_of(kind) {
                    let how = (Firing::Before, event);
                    self.fire_statement(&relation, how, changed, &[], interrupt)
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// Fires what fires once for a statement.
    pub(super) async fn fire_statement(
        &mut self,
        relation: &Arc<Relation>,
        (when, event): (Firing, TriggerEvent),
        changed: &[i16],
        seen: &[ChangedRows],
        interrupt: &Interrupt,
    ) -> Result<()> {
        let context = self.context()?;
        let triggers: Vec<Trigger> = firing(&context, relation, (when, event, false), changed)
            .cloned()
            .collect();
        for trigger in &triggers {
            let tables = transitions(relation, trigger, event, seen)?;
            let fire = Fire {
                relation,
                trigger,
                event,
                old: None,
                new: None,
                tables,
            };
            self.fire(&fire, None, interrupt).await?;
        }
        Ok(())
    }

    /// Fires what fires after a statement changed a table.
    pub(super) async fn after_triggers(
        &mut self,
        relation: &Arc<Relation>,
        touched: &Touched,
        interrupt: &Interrupt,
    ) -> Result<()> {
        if relation.triggers.is_empty() {
            return Ok(());
        }
        let context = self.context()?;
        for rows in &touched.seen {
            let how = (Firing::After, rows.event, true);
            let triggers: Vec<&Trigger> =
                firing(&context, relation, how, &touched.changed).collect();
            if triggers.is_empty() {
                continue;
            }
            let mut tables = Vec::with_capacity(triggers.len());
            for trigger in &triggers {
                tables.push(transitions(relation, trigger, rows.event, &touched.seen)?);
            }
            let count = rows.old.as_ref().or(rows.new.as_ref());
            for index in 0..count.map_or(0, RecordBatch::num_rows) {
                let old = rows.old.as_ref().map(|batch| row(batch, index));
                let new = rows.new.as_ref().map(|batch| row(batch, index));
                for (trigger, tables) in triggers.iter().zip(&tables) {
                    if let Some(constraint) = &trigger.constraint {
                        let modes = &self.context()?.constraint_modes;
                        if modes.is_deferred(constraint.oid, constraint.timing) {
                            self.opened()?.deferral.waiting.push(Arc::new(Waiting {
                                relation: relation.oid,
                                trigger: trigger.oid,
                                constraint: constraint.oid,
                                event: rows.event,
                                old: old.clone(),
                                new: new.clone(),
                            }));
                            continue;
                        }
                    }
                    let fire = Fire {
                        relation,
                        trigger,
                        event: rows.event,
                        old: old.as_deref(),
                        new: new.as_deref(),
                        tables: Arc::clone(tables),
                    };
                    self.fire(&fire, None, interrupt).await?;
                }
            }
        }
        for kind in [DmlKind::Delete, DmlKind::Update, DmlKind::Insert] {
            if let Some(event) = event_of(kind).filter(|_| touched.kinds.contains(&kind)) {
                let how = (Firing::After, event);
                self.fire_statement(relation, how, &touched.changed, &touched.seen, interrupt)
                    .await?;
            }
        }
        self.carry_out_effects()
    }

    /// Fires a constraint trigger that waited.
    pub(super) async fn fire_waiting(
        &mut self,
        waiting: &Waiting,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let context = self.context()?;
        let Some(relation) = context.snapshot.relation(waiting.relation).cloned() else {
            return Ok(());
        };
        let trigger = relation.triggers.iter();
        let Some(trigger) = trigger.clone().find(|of| of.oid == waiting.trigger) else {
            return Ok(());
        };
        let fire = Fire {
            relation: &relation,
            trigger,
            event: waiting.event,
            old: waiting.old.as_deref(),
            new: waiting.new.as_deref(),
            tables: Arc::from([]),
        };
        self.fire(&fire, None, interrupt).await?;
        self.carry_out_effects()
    }
}

/// Rows with the schema of a batch.
fn rows_of(batch: &RecordBatch, rows: &[Vec<ArrayRef>]) -> Result<RecordBatch> {
    let failed = |error| Error::internal("firing triggers", error);
    let schema = batch.schema();
    let arrays = (0..batch.num_columns())
        .map(|column| {
            let to = schema.field(column).data_type();
            let cells = rows
                .iter()
                .map(|row| match row[column].data_type() == to {
                    true => Ok(Arc::clone(&row[column])),
                    false => arrow::compute::cast(&row[column], to),
                })
                .collect::<std::result::Result<Vec<_>, _>>()?;
            let cells: Vec<_> = cells.iter().map(AsRef::as_ref).collect();
            concat(&cells)
        })
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(failed)?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(schema, arrays, &options).map_err(failed)
}

/// All rows of a statement, by the names a trigger gives them.
fn transitions(
    relation: &Relation,
    trigger: &Trigger,
    event: TriggerEvent,
    seen: &[ChangedRows],
) -> Result<Arc<[Transition]>> {
    let mut tables = Vec::new();
    for (name, is_new) in [(&trigger.old_table, false), (&trigger.new_table, true)] {
        let Some(name) = name else { continue };
        let batches: Vec<RecordBatch> = seen
            .iter()
            .filter(|rows| rows.event == event)
            .filter_map(|rows| {
                if is_new {
                    rows.new.clone()
                } else {
                    rows.old.clone()
                }
            })
            .collect();
        let rows = match batches.first() {
            None => None,
            Some(first) => Some(
                concat_batches(&first.schema(), &batches)
                    .map_err(|error| Error::internal("firing triggers", error))?,
            ),
        };
        tables.push(Transition {
            name: name.clone(),
            relation: relation.oid,
            rows,
        });
    }
    Ok(tables.into())
}
