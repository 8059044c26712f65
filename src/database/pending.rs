//! The changes a transaction has made so far, kept short.
//!
//! Ten thousand one-row INSERTs must be one segment at commit and O(n) work before it: rows added
//! to a table join the table's newest pending segment while that is in memory. A segment that was
//! added and removed again by the same transaction leaves no trace.

use std::sync::Arc;

use crate::base::limits::MEMORY_SEGMENT_BYTES_MAX;
use crate::base::{Oid, Result, SegmentId};
use crate::catalog::{Change, Location, Relation, Segment, Snapshot};
use crate::storage::{Store, merge_batches, spill};

/// Changes in order. Cloning (for a savepoint) shares the rows.
#[derive(Debug, Default, Clone)]
pub(super) struct Pending {
    changes: Vec<Change>,
    /// Tables that were truncated.
    emptied: Vec<Oid>,
}

/// What joining rows did to the view: these segments became that one.
#[derive(Debug)]
pub(super) struct Joined {
    relation: Oid,
    replaced: Vec<SegmentId>,
    by: Arc<Segment>,
}

impl Joined {
    /// The same as changes, for the view.
    pub(super) fn changes(self) -> [Change; 2] {
        [
            Change::RemoveSegments {
                relation: self.relation,
                segments: self.replaced,
            },
            Change::AddSegments {
                relation: self.relation,
                segments: vec![self.by],
            },
        ]
    }
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(super) fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    pub(super) fn note_emptied(&mut self, tables: Vec<Oid>) {
        self.emptied.extend(tables);
    }

    pub(super) fn is_emptied(&self, table: Oid) -> bool {
        self.emptied.contains(&table)
    }

    /// Takes a change that the view has already.
    ///
    /// # Errors
    /// `58030`/`53100` when many rows in memory become a file.
    pub(super) fn push(
        &mut self,
        change: Change,
        store: &Arc<Store>,
        view: &Snapshot,
    ) -> Result<Option<Joined>> {
        match change {
            Change::AddSegments { relation, segments } if segments.is_empty() => {
                let _ = relation;
                Ok(None)
            }
            Change::AddSegments { relation, segments } => {
                self.add(relation, segments, store, view.relation(relation))
            }
            Change::RemoveSegments { relation, segments } => {
                self.remove(relation, segments);
                Ok(None)
            }
            other => {
                self.changes.push(other);
                Ok(None)
            }
        }
    }

    fn add(
        &mut self,
        relation: Oid,
        segments: Vec<Arc<Segment>>,
        store: &Arc<Store>,
        definition: Option<&Arc<Relation>>,
    ) -> Result<Option<Joined>> {
        let Some(list) = self.newest_additions(relation) else {
            self.changes
                .push(Change::AddSegments { relation, segments });
            return Ok(None);
        };
        let joined = match (list.last(), segments.as_slice()) {
            (Some(last), [one]) => join(last, one)?.map(|by| (last.id, one.id, by)),
            (None | Some(_), _) => None,
        };
        let Some((last, one, mut by)) = joined else {
            list.extend(segments);
            return Ok(None);
        };
        if by.bytes >= MEMORY_SEGMENT_BYTES_MAX as u64
            && let Some(definition) = definition
        {
            by = spill(store, definition, &by)?;
        }
        list.pop();
        list.push(Arc::clone(&by));
        Ok(Some(Joined {
            relation,
            replaced: vec![last, one],
            by,
        }))
    }

    /// The newest AddSegments of `relation`, if nothing but additions to other tables came after
    /// it.
    fn newest_additions(&mut self, relation: Oid) -> Option<&mut Vec<Arc<Segment>>> {
        for change in self.changes.iter_mut().rev() {
            match change {
                Change::AddSegments {
                    relation: of,
                    segments,
                } if *of == relation => return Some(segments),
                Change::AddSegments { .. } => {}
                _ => return None,
            }
        }
        None
    }

    /// Forgets segments that this transaction added itself; the rest is a removal.
    fn remove(&mut self, relation: Oid, mut gone: Vec<SegmentId>) {
        for change in &mut self.changes {
            if let Change::AddSegments {
                relation: of,
                segments,
            } = change
                && *of == relation
            {
                segments.retain(|segment| {
                    let own = gone.iter().position(|id| *id == segment.id);
                    own.map(|at| gone.swap_remove(at)).is_none()
                });
            }
        }
        self.changes.retain(
            |change| !matches!(change, Change::AddSegments { segments, .. } if segments.is_empty()),
        );
        if !gone.is_empty() {
            self.changes.push(Change::RemoveSegments {
                relation,
                segments: gone,
            });
        }
    }
}

/// Both in one, if both are in memory.
fn join(first: &Segment, second: &Segment) -> Result<Option<Arc<Segment>>> {
    let (Location::Memory(head), Location::Memory(tail)) = (&first.location, &second.location)
    else {
        return Ok(None);
    };
    let batches = merge_batches(head, tail)?;
    Ok(Some(Arc::new(Segment {
        id: SegmentId::new(),
        rows: first.rows + second.rows,
        bytes: first.bytes + second.bytes,
        location: Location::Memory(batches),
        // Rows in memory have no statistics: they would cost more than reading the rows.
        columns: Vec::new(),
    })))
}

/// Joins the newest in-memory segments of a table of temporary rows, as a log-structured tree does:
/// a segment joins the one before it unless that one is more than twice as big. `None` if there is
/// nothing to do.
pub(super) fn join_newest(store: &Arc<Store>, relation: &Arc<Relation>) -> Result<Option<Joined>> {
    let mut stack = relation.segments();
    let mut replaced = Vec::new();
    let mut by: Option<Arc<Segment>> = None;
    while let [rest @ .., last] = stack {
        match &by {
            None => by = Some(Arc::clone(last)),
            Some(newest) if last.rows <= 2 * newest.rows => {
                let Some(joined) = join(last, newest)? else {
                    break;
                };
                by = Some(joined);
            }
            Some(_) => break,
        }
        replaced.push(last.id);
        stack = rest;
    }
    let Some(mut by) = by.filter(|_| replaced.len() > 1) else {
        return Ok(None);
    };
    if by.bytes >= MEMORY_SEGMENT_BYTES_MAX as u64 {
        by = spill(store, relation, &by)?;
    }
    Ok(Some(Joined {
        relation: relation.oid,
        replaced,
        by,
    }))
}
