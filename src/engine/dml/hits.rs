//! The rows a statement hit, and the segments that are left without them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, BooleanBufferBuilder};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;

use crate::base::{Error, Result, SegmentId};
use crate::catalog::{Relation, Segment};
use crate::observe::Interrupt;
use crate::statement::StatementContext;
use crate::storage::{SegmentWriter, read_segment};

/// Rows hit so far, a bitmap for each segment with any.
pub(super) struct Hits {
    rows: Vec<u64>,
    bitmaps: BTreeMap<usize, BooleanBufferBuilder>,
    /// How many rows.
    pub(super) count: u64,
}

impl Hits {
    pub(super) fn new(relation: &Relation) -> Self {
        Self {
            rows: relation.segments().iter().map(|s| s.rows).collect(),
            bitmaps: BTreeMap::new(),
            count: 0,
        }
    }

    /// Marks every row of the table; gives how many were not hit before.
    pub(super) fn add_all(&mut self) -> u64 {
        let before = self.count;
        for (segment, rows) in self.rows.iter().enumerate() {
            let rows = *rows as usize;
            let bitmap = self.bitmaps.entry(segment).or_insert_with(|| {
                let mut bitmap = BooleanBufferBuilder::new(rows);
                bitmap.append_n(rows, false);
                bitmap
            });
            let hit = bitmap.finish().count_set_bits();
            bitmap.append_n(rows, true);
            self.count += (rows - hit) as u64;
        }
        self.count - before
    }

    /// Takes back the marks of a batch's rows.
    pub(super) fn remove(&mut self, batch: &RecordBatch) {
        let segments = batch.column(0).as_primitive::<Int32Type>();
        let numbers = batch.column(1).as_primitive::<Int64Type>();
        for (segment, number) in segments.values().iter().zip(numbers.values()) {
            let place = (usize::try_from(*segment), usize::try_from(*number));
            if let (Ok(segment), Ok(number)) = place
                && let Some(bitmap) = self.bitmaps.get_mut(&segment)
                && bitmap.get_bit(number)
            {
                bitmap.set_bit(number, false);
                self.count -= 1;
            }
        }
        let none = |bitmap: &BooleanBufferBuilder| bitmap.finish_cloned().count_set_bits() == 0;
        self.bitmaps.retain(|_, bitmap| !none(bitmap));
    }

    /// Marks a batch's rows; gives those of them that were not hit before (a join may hit a row
    /// many times; the first counts).
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let bad = || Error::internal("addressing rows", "a row outside its table");
        let segments = batch.column(0).as_primitive::<Int32Type>();
        let numbers = batch.column(1).as_primitive::<Int64Type>();
        let mut fresh = Vec::with_capacity(batch.num_rows());
        for (segment, number) in segments.values().iter().zip(numbers.values()) {
            let segment = usize::try_from(*segment).map_err(|_| bad())?;
            let number = usize::try_from(*number).map_err(|_| bad())?;
            let rows = *self.rows.get(segment).ok_or_else(bad)? as usize;
            if number >= rows {
                return Err(bad());
            }
            let bitmap = self.bitmaps.entry(segment).or_insert_with(|| {
                let mut bitmap = BooleanBufferBuilder::new(rows);
                bitmap.append_n(rows, false);
                bitmap
            });
            let new = !bitmap.get_bit(number);
            bitmap.set_bit(number, true);
            fresh.push(new);
        }
        let fresh = BooleanArray::from(fresh);
        let new = fresh.true_count();
        self.count += new as u64;
        if new == batch.num_rows() {
            return Ok((new > 0).then(|| batch.clone()));
        }
        filter_record_batch(batch, &fresh)
            .map(|batch| (new > 0).then_some(batch))
            .map_err(|error| Error::internal("dropping rows hit twice", error))
    }
}

/// Writes the rows of every hit segment that were not hit. Gives the segments gone and those that
/// replace them.
pub(super) async fn survivors(
    context: &Arc<StatementContext>,
    relation: &Arc<Relation>,
    hits: &Hits,
    interrupt: &Interrupt,
) -> Result<(Vec<SegmentId>, Vec<Arc<Segment>>)> {
    let mut removed = Vec::with_capacity(hits.bitmaps.len());
    let mut partly = Vec::new();
    for (&index, bitmap) in &hits.bitmaps {
        let segment = &relation.segments()[index];
        removed.push(segment.id);
        let bitmap = bitmap.finish_cloned();
        if bitmap.count_set_bits() as u64 != segment.rows {
            partly.push((index, bitmap));
        }
    }
    if partly.is_empty() {
        return Ok((removed, Vec::new()));
    }
    let store = context.database.store().clone();
    let relation = relation.clone();
    let interrupt = interrupt.clone();
    let work = move || -> Result<Vec<Arc<Segment>>> {
        let mut writer = SegmentWriter::new(store.clone(), relation.clone());
        for (index, bitmap) in partly {
            let segment = &relation.segments()[index];
            let mut start = 0;
            for batch in read_segment(store.root(), segment, &relation.columns)? {
                interrupt.check()?;
                let batch = batch?;
                let keep = BooleanArray::new(!&bitmap.slice(start, batch.num_rows()), None);
                start += batch.num_rows();
                let batch = filter_record_batch(&batch, &keep)
                    .map_err(|error| Error::internal("keeping rows", error))?;
                writer.write(&batch)?;
            }
        }
        writer.finish()
    };
    let kept = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal("rewriting segments", error))??;
    Ok((removed, kept))
}
