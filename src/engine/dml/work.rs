//! What a statement has done to tables so far: rows taken away, by their address, and segments of
//! rows that come.
//!
//! The parts of a statement (WITH has several) all see what was there before it. A row that one of
//! them took away is out of reach of the others, and keys are compared with what they leave
//! together. Only at the end does the work become changes.

use std::sync::Arc;

use super::{Body, BoundDml, DmlKind, PartBody};
use arrow::record_batch::RecordBatch;

use super::fire::{ChangedRows, sees_after};
use super::hits::{Hits, survivors};
use super::rewrite;
use crate::base::{Oid, Result};
use crate::catalog::{Change, Relation, Segment, TriggerEvent};
use crate::observe::Interrupt;
use crate::statement::StatementContext;

/// The work on all tables, in the order they were touched.
#[derive(Default)]
pub(super) struct Work {
    tables: Vec<TableWork>,
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
    /// Rows that triggers look at afterwards.
    pub(super) seen: Vec<ChangedRows>,
    kinds: Vec<DmlKind>,
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
    /// Rows that are no more, or have another key now; kept only of tables that others refer to.
    pub gone: Vec<Gone>,
    /// Rows that triggers look at, in the order they were changed in.
    pub seen: Vec<ChangedRows>,
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
            seen: Vec::new(),
        }
    }
}

impl BoundDml {
    /// The columns that the statement itself assigns to.
    pub fn assigned(&self) -> Vec<i16> {
        match &self.body {
            Body::Change(part) => match &part.change {
                PartBody::Rewrite(rewrite) => rewrite.changed.clone(),
                PartBody::Insert(insert) => match &insert.conflict {
                    Some(conflict) => conflict.assigned(&insert.relation),
                    None => Vec::new(),
                },
                PartBody::Merge(merge) => merge.assigned(),
            },
            Body::Query(_) => Vec::new(),
        }
    }

    /// Whether it adds one row, and does nothing else.
    pub fn is_one_row(&self) -> bool {
        match &self.body {
            Body::Change(part) => match &part.change {
                PartBody::Insert(insert) => self.steps.is_empty() && insert.is_one_row(),
                PartBody::Rewrite(_) | PartBody::Merge(_) => false,
            },
            Body::Query(_) => false,
        }
    }
}

/// Whether other tables refer to a table.
pub(super) fn is_referenced(context: &StatementContext, relation: &Relation) -> bool {
    context
        .snapshot
        .references_to(relation.oid)
        .next()
        .is_some()
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

    /// The changes, and what they are to.
    pub(super) async fn finish(
        self,
        context: &Arc<StatementContext>,
        interrupt: &Interrupt,
    ) -> Result<(Vec<Change>, Vec<Touched>)> {
        let (mut changes, mut touched) = (Vec::new(), Vec::new());
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
            touched.push(Touched {
                table: work.relation.oid,
                kinds: work.kinds,
                written: work.written,
                changed: work.changed,
                gone: work.gone,
                seen: work.seen,
            });
        }
        Ok((changes, touched))
    }
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
        event: TriggerEvent,
        old: Option<RecordBatch>,
        new: Option<RecordBatch>,
    ) {
        let rows = old
            .as_ref()
            .or(new.as_ref())
            .map_or(0, RecordBatch::num_rows);
        if rows > 0 && sees_after(&self.relation, event) {
            self.seen.push(ChangedRows { event, old, new });
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
