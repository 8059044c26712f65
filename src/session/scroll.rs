//! Where a cursor stands among its rows, and the rows that a SCROLL cursor may come back to.
//!
//! PostgreSQL lets a cursor without SCROLL go backwards if its plan can. Here it can while its rows
//! are few; then, and with NO SCROLL, it only counts, and the error is PostgreSQL's.

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};

use super::interruptible;
use crate::base::{Error, Result, SqlState};
use crate::engine::{Direction, Rows, Scroll};
use crate::observe::Interrupt;

/// Bytes of rows that one cursor keeps.
const KEPT_BYTES_MAX: usize = 256 << 20;
/// Bytes of rows that one keeps which was not declared SCROLL.
const FEW_BYTES_MAX: usize = 1 << 20;

/// A cursor's place.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Rows gone by, if they are kept.
    kept: Option<Kept>,
    /// The row the cursor is on, from 1; 0 before the first, one more than there are after the
    /// last.
    position: u64,
    /// How many rows have come.
    seen: u64,
    /// No more rows will come.
    over: bool,
    /// The last row that came, with its hidden columns.
    last: Option<RecordBatch>,
}

#[derive(Debug, Default)]
struct Kept {
    batches: Vec<RecordBatch>,
    bytes: usize,
    /// Whether they are only kept as long as there are few.
    few: bool,
}

impl Place {
    /// Before the first row.
    pub(super) fn start(scroll: Scroll) -> Self {
        let kept = Kept {
            few: scroll == Scroll::Few,
            ..Kept::default()
        };
        Self {
            kept: (scroll != Scroll::No).then_some(kept),
            ..Self::default()
        }
    }

    /// Whether rows gone by are kept, however many they are.
    pub(super) fn is_scroll(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| !kept.few)
    }

    /// Whether rows that came are before it again.
    pub(super) fn has_gone_back(&self) -> bool {
        self.position < self.seen
    }

    /// The rows that FETCH gives, and how many they are; with `skip`, as MOVE asks, only how many.
    ///
    /// # Errors
    /// `55000` backwards without SCROLL, `54000` too much to keep, and what the query fails with.
    pub(super) async fn fetch(
        &mut self,
        rows: &mut Rows,
        direction: Direction,
        skip: bool,
        interrupt: &Interrupt,
    ) -> Result<(Vec<RecordBatch>, u64)> {
        let mut walk = Walk {
            place: self,
            rows,
            skip,
            interrupt,
        };
        let (batches, count) = match direction {
            Direction::Forward(Some(0)) | Direction::Backward(Some(0)) => walk.again(),
            Direction::Forward(count) => walk.forward(count).await,
            Direction::Backward(count) => walk.backward(count),
            Direction::Absolute(number) => walk.absolute(number).await,
            Direction::Relative(0) => walk.again(),
            Direction::Relative(count @ ..0) => {
                let number = walk.place.position.saturating_sub(count.unsigned_abs());
                walk.row(number).await
            }
            Direction::Relative(count) => {
                let number = walk.place.position.saturating_add(count.unsigned_abs());
                walk.row(number).await
            }
        }?;
        let shown = batches.into_iter().map(|batch| rows.shown(batch));
        Ok((shown.collect::<Result<_>>()?, count))
    }

    /// The number of the row the cursor is on, and that row with its hidden columns; `None` if it
    /// is on none.
    pub(super) fn current(&self) -> Option<(u64, RecordBatch)> {
        let row = match &self.kept {
            Some(kept) => kept.between(self.position, self.position).pop(),
            None => self.last.clone().filter(|_| self.position == self.seen),
        };
        Some((self.position, row?))
    }
}

/// One FETCH.
struct Walk<'a> {
    place: &'a mut Place,
    rows: &'a mut Rows,
    skip: bool,
    interrupt: &'a Interrupt,
}

impl Walk<'_> {
    async fn forward(&mut self, count: Option<u64>) -> Result<(Vec<RecordBatch>, u64)> {
        let from = self.place.position + 1;
        let upto = count.map_or(u64::MAX, |count| self.place.position.saturating_add(count));
        // Those kept may be too many with those that come.
        let before = self.between(from, upto.min(self.place.seen));
        let fresh = self.read(upto).await?;
        let last = upto.min(self.place.seen);
        let found = (last + 1).saturating_sub(from);
        self.place.position = if last < upto {
            self.place.seen + 1
        } else {
            last
        };
        let batches = match self.place.kept {
            _ if self.skip || found == 0 => Vec::new(),
            Some(ref kept) => kept.between(from, last),
            None => before.into_iter().chain(fresh).collect(),
        };
        Ok((batches, found))
    }

    fn backward(&mut self, count: Option<u64>) -> Result<(Vec<RecordBatch>, u64)> {
        self.need_scroll()?;
        let before = self.place.position.saturating_sub(1);
        let found = count.map_or(before, |count| count.min(before));
        let first = before - found + 1;
        // Short of rows it stands before the first one.
        self.place.position = if count == Some(found) { first } else { 0 };
        let batches = if self.skip || found == 0 {
            Vec::new()
        } else {
            reversed(self.between(first, before))?
        };
        Ok((batches, found))
    }

    async fn absolute(&mut self, number: i64) -> Result<(Vec<RecordBatch>, u64)> {
        if number >= 0 {
            return self.row(number.unsigned_abs()).await;
        }
        self.need_scroll()?;
        self.read(u64::MAX).await?;
        let number = (self.place.seen + 1).saturating_sub(number.unsigned_abs());
        self.row(number).await
    }

    /// The row of a number; none before the first and after the last.
    async fn row(&mut self, number: u64) -> Result<(Vec<RecordBatch>, u64)> {
        if number > self.place.position {
            let skipped = number - self.place.position - 1;
            if skipped > 0 {
                let skip = std::mem::replace(&mut self.skip, true);
                let moved = self.forward(Some(skipped)).await;
                self.skip = skip;
                moved?;
            }
            if self.place.position < number {
                return self.forward(Some(1)).await;
            }
            return Ok((Vec::new(), 0));
        }
        if number == self.place.position && number == 0 {
            return Ok((Vec::new(), 0));
        }
        self.need_scroll()?;
        self.place.position = number;
        self.again()
    }

    /// The row the cursor is on, if it is on one.
    fn again(&self) -> Result<(Vec<RecordBatch>, u64)> {
        let number = self.place.position;
        let on_row = number > 0 && number <= self.place.seen;
        if self.skip || !on_row {
            return Ok((Vec::new(), u64::from(on_row)));
        }
        self.need_scroll()?;
        Ok((self.between(number, number), 1))
    }

    fn need_scroll(&self) -> Result<()> {
        if self.place.kept.is_some() {
            return Ok(());
        }
        Err(Error::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            "cursor can only scan forward",
        )
        .hint("Declare it with SCROLL option to enable backward scan."))
    }

    /// Reads until so many rows have come; gives those that came now, if nobody keeps them.
    async fn read(&mut self, upto: u64) -> Result<Vec<RecordBatch>> {
        let mut fresh = Vec::new();
        while self.place.seen < upto && !self.place.over {
            let Some(batch) = interruptible(self.interrupt, self.rows.next_whole()).await? else {
                self.place.over = true;
                break;
            };
            let there = batch.num_rows();
            let wanted = usize::try_from(upto - self.place.seen).map_or(there, |w| w.min(there));
            if wanted < there {
                self.rows.unread(batch.slice(wanted, there - wanted));
            }
            if wanted == 0 {
                continue;
            }
            self.place.seen += wanted as u64;
            let batch = batch.slice(0, wanted);
            self.place.last = Some(batch.slice(wanted - 1, 1));
            self.keep(&batch, there)?;
            if !self.skip {
                fresh.push(batch);
            }
        }
        Ok(fresh)
    }

    /// Keeps rows, which came among so many, if any are kept.
    fn keep(&mut self, batch: &RecordBatch, there: usize) -> Result<()> {
        let Some(kept) = &mut self.place.kept else {
            return Ok(());
        };
        kept.bytes += batch.get_array_memory_size() / there * batch.num_rows();
        if kept.few && kept.bytes > FEW_BYTES_MAX {
            self.place.kept = None;
            return Ok(());
        }
        if kept.bytes > KEPT_BYTES_MAX {
            return Err(Error::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "the rows of a SCROLL cursor take too much memory",
            )
            .detail(format!(
                "A SCROLL cursor keeps at most {} MB of rows to come back to.",
                KEPT_BYTES_MAX >> 20
            ))
            .hint("Declare it without SCROLL."));
        }
        kept.batches.push(batch.clone());
        Ok(())
    }

    /// Kept rows, by number.
    fn between(&self, first: u64, last: u64) -> Vec<RecordBatch> {
        let kept = self.place.kept.as_ref();
        kept.map_or_else(Vec::new, |kept| kept.between(first, last))
    }
}

impl Kept {
    /// Rows, by number.
    fn between(&self, first: u64, last: u64) -> Vec<RecordBatch> {
        let mut found = Vec::new();
        let mut start = 1;
        for batch in &self.batches {
            let end = start + batch.num_rows() as u64 - 1;
            let (from, to) = (first.max(start), last.min(end));
            if let (true, Ok(offset), Ok(length)) = (
                from <= to,
                usize::try_from(from - start),
                usize::try_from((to + 1).saturating_sub(from)),
            ) {
                found.push(batch.slice(offset, length));
            }
            start = end + 1;
        }
        found
    }
}

/// The same rows, last first.
fn reversed(batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
    let Some(first) = batches.first() else {
        return Ok(batches);
    };
    let failed = |error| Error::internal("turning rows around", error);
    let all = concat_batches(&first.schema(), &batches).map_err(failed)?;
    let order = UInt64Array::from_iter_values((0..all.num_rows() as u64).rev());
    Ok(vec![take_record_batch(&all, &order).map_err(failed)?])
}
