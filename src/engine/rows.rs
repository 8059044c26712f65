//! A streaming answer.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::OutputColumn;
use crate::base::{Error, Result};
use crate::observe::Interrupt;

/// A streaming answer: batches made on the engine's runtime, pulled by the socket over a small
/// bounded channel, so the client's TCP window is the back-pressure. Dropping it stops the work.
#[derive(Debug)]
pub struct Rows {
    columns: Arc<[OutputColumn]>,
    receiver: tokio::sync::mpsc::Receiver<Result<RecordBatch>>,
    unread: Option<RecordBatch>,
    /// What comes after them.
    rest: VecDeque<Rows>,
    interrupt: Interrupt,
}

impl Rows {
    /// An answer fed through a channel.
    pub fn new(
        columns: Arc<[OutputColumn]>,
        receiver: tokio::sync::mpsc::Receiver<Result<RecordBatch>>,
        interrupt: Interrupt,
    ) -> Self {
        Self {
            columns,
            receiver,
            unread: None,
            rest: VecDeque::new(),
            interrupt,
        }
    }

    /// An answer already there.
    pub fn ready(columns: Arc<[OutputColumn]>, batch: RecordBatch) -> Self {
        let (_, receiver) = tokio::sync::mpsc::channel(1);
        Self {
            columns,
            receiver,
            unread: Some(batch),
            rest: VecDeque::new(),
            interrupt: Interrupt::new(),
        }
    }

    /// An answer already there, in several batches.
    pub fn gathered(columns: Arc<[OutputColumn]>, batches: Vec<RecordBatch>) -> Self {
        let (sender, receiver) = tokio::sync::mpsc::channel(batches.len().max(1));
        for batch in batches {
            // There is room for all of them.
            let _ = sender.try_send(Ok(batch));
        }
        Self::new(columns, receiver, Interrupt::new())
    }

    /// An answer without rows.
    pub fn none(columns: Arc<[OutputColumn]>) -> Self {
        let (_, receiver) = tokio::sync::mpsc::channel(1);
        Self::new(columns, receiver, Interrupt::new())
    }

    /// The same with other rows after them, of the same columns.
    #[must_use]
    pub fn then(mut self, others: Self) -> Self {
        self.rest.push_back(others);
        self
    }

    /// What it answers.
    pub fn columns(&self) -> &Arc<[OutputColumn]> {
        &self.columns
    }

    /// Keeps the last `count` columns to itself: only [`Self::next_whole`] gives them.
    pub fn hide(&mut self, count: usize) {
        let shown = self.columns.len().saturating_sub(count);
        self.columns = self.columns[..shown].into();
    }

    /// The columns of a batch that are not hidden.
    ///
    /// # Errors
    /// None that a batch of these rows gives.
    pub fn shown(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if batch.num_columns() == self.columns.len() {
            return Ok(batch);
        }
        let shown: Vec<usize> = (0..self.columns.len()).collect();
        let batch = batch.project(&shown);
        batch.map_err(|error| Error::internal("leaving columns out", error))
    }

    /// The next batch, or `None` at the end. Cancel-safe.
    ///
    /// # Errors
    /// What the query failed with; the interrupt's error once interrupted.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = self.next_whole().await?;
        batch.map(|batch| self.shown(batch)).transpose()
    }

    /// As [`Self::next`], with the columns that are hidden.
    ///
    /// # Errors
    /// As there.
    pub async fn next_whole(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(batch) = self.unread.take() {
            return Ok(Some(batch));
        }
        loop {
            let next = tokio::select! {
                biased;
                error = self.interrupt.interrupted() => Err(error),
                batch = self.receiver.recv() => batch.transpose(),
            };
            if !matches!(next, Ok(None)) {
                return next;
            }
            let Some(mut rows) = self.rest.pop_front() else {
                return Ok(None);
            };
            self.receiver = rows.receiver;
            rows.rest.append(&mut self.rest);
            self.rest = rows.rest;
            if rows.unread.is_some() {
                return Ok(rows.unread);
            }
        }
    }

    /// Puts back rows that were not sent (a suspended portal).
    pub fn unread(&mut self, batch: RecordBatch) {
        if batch.num_rows() > 0 {
            self.unread = Some(batch);
        }
    }

    /// What stops it.
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }
}
