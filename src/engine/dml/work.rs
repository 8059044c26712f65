//! What a statement has done to tables so far: rows taken away, by their address, and segments of
//! rows that come.
//!
//! The parts of a statement (WITH has several) all see what was there before it. A row that one of
//! them took away is out of reach of the others, and keys are compared with what they leave
//! together. Only at the end does the work become changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::BooleanArray;
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};

use super::fire::{AfterEvent, ChangedRows, NamedTable, Told, sees_after};
use super::hits::{Hits, survivors};
use super::{Body, BoundDml, DmlKind, PartBody, rewrite};
use crate::base::{Error, Oid, Result};
use crate::catalog::{Change, Relation, Segment, TriggerEvent};
use crate::observe::Interrupt;
use crate::statement::StatementContext;

/// The work on all tables, in the order they were touched.
#[derive(Default)]
pub(super) struct Work {
    tables: Vec<TableWork>,
    /// What its parts have done, each with its turn.
    done: Vec<(usize, NamedTable)>,
    turns: Turns,
}

/// The order in which things happen to several tables.
#[derive(Debug, Clone, Default)]
struct Turns(Arc<AtomicUsize>);

impl Turns {
    fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// The work on one.
pub(super) struct TableWork {
    /// The table as the statement found it.
    pub(super) relation: Arc<Relation>,
    /// Rows taken away.
    pub(super) hits: Hits,
    /// Rows that came.
    pub(super) written: Vec<Arc<Segment>>,
    /// Rows that other tables may have referred to.
    pub(super) gone: Vec<Gone>,
    /// Columns that got other values.
    pub(super) changed: Vec<i16>,
    /// Rows that triggers look at afterwards, each with its turn.
    seen: Vec<(usize, ChangedRows)>,
    kinds: Vec<DmlKind>,
    turns: Turns,
}

/// A table that a statement changed.
#[derive(Debug, Clone)]
pub struct Touched {
    /// Which.
    pub table: Oid,
    /// In which ways.
    pub kinds: Vec<DmlKind>,
    /// The new rows.
    pub written: Vec<Arc<Segment>>,
    /// Columns that UPDATE gave other values.
    pub changed: Vec<i16>,
    /// Rows that are no more, or have another key now; kept only of tables that others refer
    /// to.
    pub gone: Vec<Gone>,
}

/// Rows that are no more, or what they became.
#[derive(Debug, Clone)]
pub struct Gone {
    pub(super) old: RecordBatch,
    /// The same rows after an UPDATE.
    pub(super) new: Option<RecordBatch>,
}

impl Gone {
    /// Whether the rows are still there, under another key.
    pub fn is_update(&self) -> bool {
        self.new.is_some()
    }

    /// Those of the rows that are no more, or have other values in some columns of `relation` now.
    pub fn with_other(&self, relation: &Relation, columns: &[i16]) -> Result<Option<Self>> {
        let Some(new) = &self.new else {
            return Ok(Some(self.clone()));
        };
        let position = |attnum: &i16| relation.columns.iter().position(|c| c.attnum == *attnum);
        let places: Vec<usize> = columns.iter().filter_map(position).collect();
        let failed = |error| Error::internal("comparing keys", error);
        let fields = places.iter().map(|place| new.column(*place).data_type());
        let fields = fields.cloned().map(SortField::new).collect();
        let converter = RowConverter::new(fields).map_err(failed)?;
        let keys = |rows: &RecordBatch| {
            let columns: Vec<_> = places.iter().map(|at| rows.column(*at).clone()).collect();
            converter.convert_columns(&columns).map_err(failed)
        };
        let (before, after) = (keys(&self.old)?, keys(new)?);
        let pairs = before.iter().zip(after.iter());
        let other: BooleanArray = pairs.map(|(old, new)| Some(old != new)).collect();
        if other.true_count() == 0 {
            return Ok(None);
        }
        let chosen = |rows: &RecordBatch| filter_record_batch(rows, &other).map_err(failed);
        Ok(Some(Self {
            old: chosen(&self.old)?,
            new: Some(chosen(new)?),
        }))
    }
}

impl Touched {
    /// A table that rows were added to.
    pub fn inserted(table: Oid, written: Vec<Arc<Segment>>) -> Self {
        Self {
            table,
            kinds: vec![DmlKind::Insert],
            written,
            changed: Vec::new(),
            gone: Vec::new(),
        }
    }
}

impl BoundDml {
    /// The tables and views that the statement and its parts name: first its own.
    pub fn named(&self) -> Vec<NamedTable> {
        let bodies = std::iter::once(&self.body).chain(self.steps.iter().map(|step| &step.body));
        let parts = bodies.filter_map(|body| match body {
            Body::Change(part) => Some(part),
            Body::Query(_) => None,
        });
        parts.flat_map(|part| part.named()).collect()
    }

    /// Whether it adds one row, and does nothing else.
    pub fn is_one_row(&self) -> bool {
        match &self.body {
            Body::Change(part) => match &part.change {
                PartBody::Insert(insert) => self.steps.is_empty() && insert.is_one_row(),
                PartBody::Rewrite(_) | PartBody::Instead(_) | PartBody::Merge(_) => false,
            },
            Body::Query(_) => false,
        }
    }

    /// The table that it adds rows to, of which each is what triggers leave of it, if it does
    /// nothing else.
    pub fn only_adds_to(&self) -> Option<Oid> {
        match &self.body {
            Body::Change(part) if self.steps.is_empty() && part.below.is_empty() => {
                match &part.change {
                    PartBody::Insert(insert) => insert.only_adds_to(),
                    PartBody::Rewrite(_) | PartBody::Instead(_) | PartBody::Merge(_) => None,
                }
            }
            Body::Change(_) | Body::Query(_) => None,
        }
    }
}

/// Whether it is asked afterwards which rows of a table were changed: others refer to it.
pub(super) fn keeps_changed(context: &StatementContext, relation: &Relation) -> bool {
    context.snapshot.places().is_referenced(relation.oid)
}

impl Work {
    /// The work on a table, which is about to be changed in this way.
    pub(super) fn on(&mut self, relation: &Arc<Relation>, kind: DmlKind) -> &mut TableWork {
        let place = self
            .tables
            .iter()
            .position(|work| work.relation.oid == relation.oid);
        let place = place.unwrap_or_else(|| {
            self.tables.push(TableWork {
                hits: Hits::new(relation),
                relation: relation.clone(),
                written: Vec::new(),
                gone: Vec::new(),
                changed: Vec::new(),
                seen: Vec::new(),
                kinds: Vec::new(),
                turns: self.turns.clone(),
            });
            self.tables.len() - 1
        });
        let work = &mut self.tables[place];
        if !work.kinds.contains(&kind) {
            work.kinds.push(kind);
        }
        work
    }

    /// As [`Work::on`], in all these ways.
    pub(super) fn on_all(&mut self, relation: &Arc<Relation>, kinds: &[DmlKind]) -> &mut TableWork {
        let [others @ .., last] = kinds else {
            return self.on(relation, DmlKind::Merge);
        };
        for kind in others {
            self.on(relation, *kind);
        }
        self.on(relation, *last)
    }

    /// Notes that a part has done what it does to a table it names.
    pub(super) fn note_done(&mut self, named: NamedTable) {
        self.done.push((self.turns.next(), named));
    }

    /// The changes, what they are to, and what triggers are told of.
    pub(super) async fn finish(
        self,
        context: &Arc<StatementContext>,
        interrupt: &Interrupt,
    ) -> Result<(Vec<Change>, Vec<Touched>, Vec<AfterEvent>)> {
        let (mut changes, mut touched) = (Vec::new(), Vec::new());
        let done = self.done.into_iter();
        let mut events: Vec<(usize, AfterEvent)> = done
            .map(|(turn, named)| (turn, AfterEvent::Statement(named)))
            .collect();
        for work in self.tables {
            let (removed, kept) = survivors(context, &work.relation, &work.hits, interrupt).await?;
            if !removed.is_empty() {
                changes.push(Change::RemoveSegments {
                    relation: work.relation.oid,
                    segments: removed,
                });
            }
            let segments = kept.into_iter().chain(work.written.iter().cloned());
            changes.extend(super::added(&work.relation, segments.collect()));
            for (turn, mut rows) in work.seen {
                rows.changed.clone_from(&work.changed);
                events.push((turn, AfterEvent::Rows(rows)));
            }
            touched.push(Touched {
                table: work.relation.oid,
                kinds: work.kinds,
                written: work.written,
                changed: work.changed,
                gone: gathered(work.gone)?,
            });
        }
        events.sort_by_key(|(turn, _)| *turn);
        let events = events.into_iter().map(|(_, event)| event).collect();
        Ok((changes, touched, events))
    }
}

/// Rows that are gone for good, and those with other keys, each all together.
fn gathered(gone: Vec<Gone>) -> Result<Vec<Gone>> {
    if gone.len() < 2 {
        return Ok(gone);
    }
    let all = |batches: Vec<&RecordBatch>| {
        let schema = batches[0].schema();
        concat_batches(&schema, batches).map_err(|error| Error::internal("gathering rows", error))
    };
    let (updated, deleted): (Vec<&Gone>, Vec<&Gone>) =
        gone.iter().partition(|gone| gone.is_update());
    let mut gathered = Vec::with_capacity(2);
    for of in [deleted, updated].into_iter().filter(|of| !of.is_empty()) {
        let new: Vec<&RecordBatch> = of.iter().filter_map(|gone| gone.new.as_ref()).collect();
        gathered.push(Gone {
            old: all(of.iter().map(|gone| &gone.old).collect())?,
            new: match new.is_empty() {
                true => None,
                false => Some(all(new)?),
            },
        });
    }
    Ok(gathered)
}

impl TableWork {
    /// Notes rows that other tables may have referred to.
    pub(super) fn note_gone(&mut self, old: RecordBatch, new: Option<RecordBatch>) {
        if old.num_rows() > 0 {
            self.gone.push(Gone { old, new });
        }
    }

    /// Notes rows that were changed, if triggers look at them.
    pub(super) fn note_seen(
        &mut self,
        told: Told,
        event: TriggerEvent,
        old: Option<RecordBatch>,
        new: Option<RecordBatch>,
    ) {
        let rows = old
            .as_ref()
            .or(new.as_ref())
            .map_or(0, RecordBatch::num_rows);
        if rows > 0 && (told.all || sees_after(&self.relation, event)) {
            let rows = ChangedRows {
                table: self.relation.oid,
                named: told.named,
                event,
                by: told.by,
                changed: Vec::new(),
                old,
                new,
            };
            self.seen.push((self.turns.next(), rows));
        }
    }

    /// Whether nothing has been done yet.
    pub(super) fn is_untouched(&self) -> bool {
        self.hits.count == 0 && self.written.is_empty()
    }

    /// The table as it is by now: what keys are compared with.
    pub(super) async fn current(
        &self,
        context: &Arc<StatementContext>,
        interrupt: &Interrupt,
    ) -> Result<Arc<Relation>> {
        if self.is_untouched() || !self.relation.has_unique() {
            return Ok(self.relation.clone());
        }
        let (removed, kept) = survivors(context, &self.relation, &self.hits, interrupt).await?;
        let stay = self.relation.segments().iter();
        let segments: Vec<_> = stay
            .filter(|segment| !removed.contains(&segment.id))
            .cloned()
            .chain(kept)
            .chain(self.written.iter().cloned())
            .collect();
        Ok(Arc::new(rewrite::with_segments(&self.relation, &segments)))
    }
}
