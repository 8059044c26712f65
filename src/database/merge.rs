//! Background merging of small segments, and sweeping.
//!
//! Many small commits leave many small files. A table that has enough of them gets them merged into
//! one, as a commit of its own that changes no row and tells nobody. Only a table nobody rewrites
//! at the moment is touched: the lock is tried, never waited for; appends go on meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Database, Isolation, LockMode, Transaction};
use crate::base::{Error, Oid, Result, SessionId};
use crate::catalog::{Change, Relation, Segment};
use crate::storage::{SegmentWriter, read_segment};

/// Size classes of small segments, each bounded by so many bytes; what is larger scans at full
/// speed. A row is rewritten once per class on its way up, however many commits there are.
const CLASSES: [u64; 3] = [64 * 1024, 1024 * 1024, 16 * 1024 * 1024];
/// More segments than this in one class and those below it are merged.
const CLASS_SEGMENTS_MAX: usize = 16;
/// How often tables are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How many looks pass between sweeps.
const LOOKS_PER_SWEEP: u32 = 6;

impl Database {
    pub(super) async fn work_in_background(self: Arc<Self>, stop: CancellationToken) {
        let mut looks = 0;
        loop {
            if looks % LOOKS_PER_SWEEP == 0
                && let Err(error) = self.sweep().await
            {
                tracing::warn!(%error, "sweeping failed");
            }
            looks = looks.wrapping_add(1);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Err(error) = self.merge_small_segments().await {
                tracing::warn!(%error, "merging small segments failed");
            }
        }
    }

    /// Removes files nobody can reach; returns how many.
    ///
    /// # Errors
    /// `58030` I/O.
    pub async fn sweep(self: &Arc<Self>) -> Result<usize> {
        let database = Arc::clone(self);
        tokio::task::spawn_blocking(move || database.store().sweep(database.oldest_in_use()))
            .await
            .map_err(|error| Error::internal("sweeping", error))?
    }

    /// Merges the small segments of every table that has many; returns how many tables it was.
    ///
    /// # Errors
    /// `58030`/`53100` storage.
    pub async fn merge_small_segments(self: &Arc<Self>) -> Result<usize> {
        let crowded: Vec<Oid> = self
            .snapshot()
            .relations()
            .filter(|relation| crowd(relation).is_some())
            .map(|relation| relation.oid)
            .collect();
        let mut merged = 0;
        for table in crowded {
            merged += usize::from(self.merge(table).await?);
        }
        Ok(merged)
    }

    /// Whether the table's small segments were merged: not if somebody is rewriting it, or did
    /// meanwhile.
    async fn merge(self: &Arc<Self>, table: Oid) -> Result<bool> {
        let mut transaction = Transaction::begin(
            self,
            Isolation::ReadCommitted,
            Oid::SUPERUSER,
            // No session: nobody is told of this commit.
            SessionId(0),
            None,
        );
        if !transaction.try_lock(table, LockMode::Rewrite) {
            return Ok(false);
        }
        transaction.refresh()?;
        let Some(relation) = transaction.view().relation(table).cloned() else {
            return Ok(false);
        };
        let Some(segments) = crowd(&relation) else {
            return Ok(false);
        };
        let removed = segments.iter().map(|segment| segment.id).collect();
        let database = Arc::clone(self);
        let added = tokio::task::spawn_blocking(move || database.rewrite(&relation, &segments))
            .await
            .map_err(|error| Error::internal("merging segments", error))??;
        transaction.push_own(vec![
            Change::RemoveSegments {
                relation: table,
                segments: removed,
            },
            Change::AddSegments {
                relation: table,
                segments: added,
            },
        ])?;
        match self.commit(transaction).await {
            Ok(_) => Ok(true),
            // DDL takes no table lock here; whoever dropped or truncated the table wins.
            Err(error) if error.state() == crate::base::SqlState::SERIALIZATION_FAILURE => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The rows of `segments` in new ones, in the same order.
    fn rewrite(
        &self,
        relation: &Arc<Relation>,
        segments: &[Arc<Segment>],
    ) -> Result<Vec<Arc<Segment>>> {
        let mut writer = SegmentWriter::new(Arc::clone(self.store()), Arc::clone(relation));
        for segment in segments {
            for batch in read_segment(self.store().root(), segment, &relation.columns)? {
                writer.write(&batch?)?;
            }
        }
        writer.finish()
    }
}

/// The small segments that are too many: those of the lowest crowded class, and all smaller ones.
fn crowd(relation: &Relation) -> Option<Vec<Arc<Segment>>> {
    let mut floor = 0;
    for ceiling in CLASSES {
        let below = |segment: &&Arc<Segment>| segment.bytes < ceiling;
        let in_class = relation
            .segments()
            .iter()
            .filter(|segment| below(segment) && segment.bytes >= floor)
            .count();
        if in_class > CLASS_SEGMENTS_MAX {
            return Some(relation.segments().iter().filter(below).cloned().collect());
        }
        floor = ceiling;
    }
    None
}
