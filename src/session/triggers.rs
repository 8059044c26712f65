//! Triggers of the statements that change rows: when they fire, and in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{concat, concat_batches};

use super::Session;
use super::plpgsql::{Conditions, Fire};
use super::waiting::WaitingRow;
use crate::base::{Error, Oid, Result, SqlState};
use crate::calls::{RowsRequest, ShownRows};
use crate::catalog::{Firing, Relation, Trigger, TriggerEvent};
use crate::engine::{AfterEvent, ChangedRows, NamedTable, shaped};
use crate::observe::Interrupt;
use crate::statement::{StatementContext, Transition};

/// All rows that a statement did something to, as a trigger names them.
type Tables = Arc<[Transition]>;

/// What triggers are told of: earlier, because of which the rest happened, and now.
type Events<'e> = (&'e [AfterEvent], &'e [AfterEvent]);

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

/// Whether changes are those of a replica: foreign keys and most triggers are kept where the
/// changes come from.
pub(super) fn is_replica(context: &StatementContext) -> bool {
    let role = context.settings.show("session_replication_role");
    role.is_ok_and(|role| role == "replica")
}

/// The triggers that fire so, in order.
fn firing<'r>(
    context: &StatementContext,
    relation: &'r Relation,
    (when, event, row): (Firing, TriggerEvent, bool),
    changed: &'r [i16],
) -> impl Iterator<Item = &'r Trigger> {
    let replica = is_replica(context);
    let triggers = relation.triggers.iter();
    triggers.filter(move |trigger| {
        trigger.is_for(when, event, row)
            && trigger.enabled.fires(replica)
            && minds(trigger, event, changed)
    })
}

impl Session {
    /// Shows rows to the triggers that fire before they are changed, or instead.
    pub(super) async fn shown(
        &mut self,
        request: &RowsRequest,
        interrupt: &Interrupt,
    ) -> Result<ShownRows> {
        let (relation, event) = (&request.relation, request.event);
        let context = self.context()?;
        let when = match relation.view() {
            Some(_) => Firing::Instead,
            None => Firing::Before,
        };
        let how = (when, event, true);
        let triggers: Vec<&Trigger> = firing(&context, relation, how, &request.changed).collect();
        let rows = request.old.as_ref().or(request.new.as_ref());
        let count = rows.map_or(0, RecordBatch::num_rows);
        let mut kept = Vec::with_capacity(count);
        let mut made: Vec<Vec<ArrayRef>> = Vec::with_capacity(count);
        let mut conditions = Conditions::default();
        let place = self
            .changing
            .iter()
            .rposition(|of| of.tables.contains(&relation.oid));
        for index in 0..count {
            if let Some(changing) = place.and_then(|place| self.changing.get_mut(place)) {
                changing.look();
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
                if !self.asks(&fire, &mut conditions, interrupt).await? {
                    continue;
                }
                let Some(left) = self.fire(&fire, interrupt).await? else {
                    goes_on = false;
                    break;
                };
                let (Some(was), Some(batch)) = (&new, &request.new) else {
                    continue;
                };
                let moves = event == TriggerEvent::Insert && trigger.parent.is_some();
                if moves && *was != left {
                    let left = rows_of(batch, std::slice::from_ref(&left))?;
                    self.refuse_moving(relation, trigger, &left, interrupt)
                        .await?;
                }
                new = Some(left);
            }
            kept.push(goes_on);
            let Some(new) = new.filter(|_| goes_on) else {
                continue;
            };
            if let Some(changing) = place.and_then(|place| self.changing.get_mut(place))
                && let Some(batch) = request
                    .new
                    .as_ref()
                    .filter(|_| event == TriggerEvent::Insert)
                && changing.arrived.is_some()
            {
                changing.arrive(relation.oid, rows_of(batch, std::slice::from_ref(&new))?)?;
            }
            made.push(new);
        }
        if let Some(changing) = place.and_then(|place| self.changing.get_mut(place)) {
            changing.looked_at = false;
        }
        let new = match &request.new {
            None => None,
            Some(batch) if made.is_empty() => Some(batch.slice(0, 0)),
            Some(batch) => Some(rows_of(batch, &made)?),
        };
        Ok((BooleanArray::from(kept), new))
    }

    /// `0A000` for a row that a trigger of the partitioned table would have go elsewhere.
    async fn refuse_moving(
        &mut self,
        partition: &Arc<Relation>,
        trigger: &Trigger,
        row: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let context = self.context()?;
        let engine = self.shared.engine.clone();
        let work = engine.is_for_partition(&context, partition, row, interrupt);
        if super::interruptible(interrupt, work).await? {
            return Ok(());
        }
        let schema = context.snapshot.schema(partition.schema);
        Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "moving row to another partition during a BEFORE FOR EACH ROW trigger is not supported",
        )
        .detail(format!(
            "Before executing trigger \"{}\", the row was to be in partition \"{}.{}\".",
            trigger.name,
            schema.map_or("", |schema| schema.name.as_str()),
            partition.name
        )))
    }

    /// Fires what fires once before a statement changes what it names.
    pub(super) async fn before_statement(
        &mut self,
        named: &[NamedTable],
        interrupt: &Interrupt,
    ) -> Result<()> {
        let context = self.context()?;
        for (place, of) in named.iter().enumerate() {
            let again = |before: &NamedTable| (before.table, before.event) == (of.table, of.event);
            if named[..place].iter().any(again) {
                continue;
            }
            let relation = context.snapshot.relation(of.table);
            if let Some(relation) = relation.filter(|of| !of.triggers.is_empty()).cloned() {
                let how = (Firing::Before, of.event);
                self.fire_statement(&relation, how, &of.changed, (&[], &[]), interrupt)
                    .await?;
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
        events: Events<'_>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let context = self.context()?;
        let triggers: Vec<Trigger> = firing(&context, relation, (when, event, false), changed)
            .cloned()
            .collect();
        let mut conditions = Conditions::default();
        for trigger in &triggers {
            let fire = Fire {
                relation,
                trigger,
                event,
                old: None,
                new: None,
                tables: tables(&context, relation, trigger, event, events)?,
            };
            if self.asks(&fire, &mut conditions, interrupt).await? {
                self.fire(&fire, interrupt).await?;
            }
        }
        Ok(())
    }

    /// Fires what fires after a statement changed tables.
    pub(super) async fn after_triggers(
        &mut self,
        events: Events<'_>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let (_, now) = events;
        if now.is_empty() {
            return Ok(());
        }
        let context = self.context()?;
        let mut due = Vec::with_capacity(now.len());
        for event in now {
            due.push(match event {
                AfterEvent::Statement(_) => None,
                AfterEvent::Rows(rows) => self.due(&context, rows, interrupt).await?,
            });
        }
        let mut known: BTreeMap<(Oid, TriggerEvent), Tables> = BTreeMap::new();
        for (event, due) in now.iter().zip(due) {
            match (event, due) {
                (AfterEvent::Statement(named), _) => {
                    let relation = context.snapshot.relation(named.table).cloned();
                    if let Some(relation) = relation.filter(|of| !of.triggers.is_empty()) {
                        let how = (Firing::After, named.event);
                        self.fire_statement(&relation, how, &named.changed, events, interrupt)
                            .await?;
                    }
                }
                (AfterEvent::Rows(rows), Some(due)) => {
                    for trigger in &due.triggers {
                        let key = (trigger.oid, rows.by);
                        if trigger.has_tables() && !known.contains_key(&key) {
                            let of = tables(&context, &due.relation, trigger, rows.by, events)?;
                            known.insert(key, of);
                        }
                    }
                    self.fire_due(&context, rows, &due, &known, interrupt)
                        .await?;
                }
                (AfterEvent::Rows(_), None) => {}
            }
        }
        Ok(())
    }

    /// The triggers that look at each of these rows. WHEN is asked before any of them fires.
    async fn due(
        &mut self,
        context: &StatementContext,
        rows: &ChangedRows,
        interrupt: &Interrupt,
    ) -> Result<Option<Due>> {
        let Some(relation) = context.snapshot.relation(rows.table).cloned() else {
            return Ok(None);
        };
        let how = (Firing::After, rows.event, true);
        let triggers: Vec<Trigger> = firing(context, &relation, how, &rows.changed)
            .cloned()
            .collect();
        if triggers.is_empty() {
            return Ok(None);
        }
        let mut refused = BTreeSet::new();
        let mut conditions = Conditions::default();
        for (place, trigger) in triggers.iter().enumerate() {
            if trigger.condition.is_none() {
                continue;
            }
            for index in 0..rows.count() {
                let old = rows.old.as_ref().map(|batch| row(batch, index));
                let new = rows.new.as_ref().map(|batch| row(batch, index));
                let fire = Fire {
                    relation: &relation,
                    trigger,
                    event: rows.event,
                    old: old.as_deref(),
                    new: new.as_deref(),
                    tables: Arc::from([]),
                };
                if !self.asks(&fire, &mut conditions, interrupt).await? {
                    refused.insert((index, place));
                }
            }
        }
        Ok(Some(Due {
            relation,
            triggers,
            refused,
        }))
    }

    /// Fires the triggers that look at each of these rows, or has them wait for the commit.
    async fn fire_due(
        &mut self,
        context: &StatementContext,
        rows: &ChangedRows,
        due: &Due,
        known: &BTreeMap<(Oid, TriggerEvent), Tables>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let modes = &context.constraint_modes;
        for index in 0..rows.count() {
            let old = rows.old.as_ref().map(|batch| row(batch, index));
            let new = rows.new.as_ref().map(|batch| row(batch, index));
            for (place, trigger) in due.triggers.iter().enumerate() {
                if due.refused.contains(&(index, place)) {
                    continue;
                }
                if let Some(constraint) = &trigger.constraint
                    && modes.is_deferred(constraint.oid, constraint.timing)
                {
                    let waiting = WaitingRow {
                        relation: due.relation.oid,
                        trigger: trigger.oid,
                        constraint: constraint.oid,
                        event: rows.event,
                        old: old.clone(),
                        new: new.clone(),
                    };
                    let deferral = &mut self.opened()?.deferral;
                    deferral.waiting.push(Arc::new(waiting));
                    continue;
                }
                let tables = known.get(&(trigger.oid, rows.by));
                let fire = Fire {
                    relation: &due.relation,
                    trigger,
                    event: rows.event,
                    old: old.as_deref(),
                    new: new.as_deref(),
                    tables: tables.map_or_else(|| Arc::from([]), Arc::clone),
                };
                self.fire(&fire, interrupt).await?;
            }
        }
        Ok(())
    }

    /// Fires a constraint trigger that waited.
    pub(super) async fn fire_waiting(
        &mut self,
        waiting: &WaitingRow,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let context = self.context()?;
        let Some(relation) = context.snapshot.relation(waiting.relation).cloned() else {
            return Ok(());
        };
        let mut triggers = relation.triggers.iter();
        let Some(trigger) = triggers.find(|of| of.oid == waiting.trigger) else {
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
        self.fire(&fire, interrupt).await?;
        self.carry_out_effects()
    }
}

/// The triggers that look at each of some rows.
struct Due {
    relation: Arc<Relation>,
    triggers: Vec<Trigger>,
    /// Rows and triggers whose WHEN is not true, by their places.
    refused: BTreeSet<(usize, usize)>,
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

/// All rows of a statement that names a table, as rows of that, by the names a trigger of it gives
/// them.
fn tables(
    context: &StatementContext,
    named: &Relation,
    trigger: &Trigger,
    event: TriggerEvent,
    (earlier, now): Events<'_>,
) -> Result<Tables> {
    let mut tables = Vec::new();
    for (name, is_new) in [(&trigger.old_table, false), (&trigger.new_table, true)] {
        let Some(name) = name else { continue };
        let mut batches = Vec::new();
        for of in earlier.iter().chain(now) {
            let AfterEvent::Rows(rows) = of else { continue };
            let side = if is_new { &rows.new } else { &rows.old };
            let (Some(batch), true) = (side, rows.named == named.oid && rows.by == event) else {
                continue;
            };
            batches.push(match context.snapshot.relation(rows.table) {
                Some(table) if table.oid != named.oid => shaped(batch, table, named)?,
                Some(_) | None => batch.clone(),
            });
        }
        let rows = match batches.first() {
            None => None,
            Some(first) => Some(
                concat_batches(&first.schema(), &batches)
                    .map_err(|error| Error::internal("firing triggers", error))?,
            ),
        };
        tables.push(Transition {
            name: name.clone(),
            relation: named.oid,
            rows,
        });
    }
    Ok(tables.into())
}
