//! Rows to segments: a blocking thread that writes, fed over a small bounded channel, so that
//! whoever makes the rows waits for the disk.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::base::{Error, Result};
use crate::catalog::{Relation, Segment};
use crate::storage::{SegmentWriter, Store};

/// Batches waiting for the disk at most.
const WAITING_BATCHES: usize = 4;

/// What the writing thread is told.
enum Message {
    Rows(RecordBatch),
    /// No more rows. A channel that closes without it is a caller that gave up.
    End,
}

/// A segment writer on a thread of its own. Dropping it unfinished leaves nothing behind.
pub(in crate::engine) struct Sink {
    messages: mpsc::Sender<Message>,
    writer: JoinHandle<Result<Vec<Arc<Segment>>>>,
    rows: u64,
}

impl Sink {
    /// A sink for rows of `relation`.
    pub(in crate::engine) fn new(store: Arc<Store>, relation: Arc<Relation>) -> Self {
        let (messages, mut receiver) = mpsc::channel::<Message>(WAITING_BATCHES);
        let writer = tokio::task::spawn_blocking(move || {
            let mut writer = SegmentWriter::new(store, relation);
            while let Some(message) = receiver.blocking_recv() {
                match message {
                    Message::Rows(batch) => writer.write(&batch)?,
                    Message::End => return writer.finish(),
                }
            }
            Ok(Vec::new())
        });
        Self {
            messages,
            writer,
            rows: 0,
        }
    }

    /// Takes rows: the relation's columns, in order.
    ///
    /// # Errors
    /// As [`SegmentWriter::write`].
    pub(in crate::engine) async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += batch.num_rows() as u64;
        if self.messages.send(Message::Rows(batch)).await.is_err() {
            // The thread ended early: its error says why.
            self.outcome().await?;
            return Err(Error::internal(
                "writing a segment",
                "the writer ended early",
            ));
        }
        Ok(())
    }

    /// Rows taken so far.
    pub(in crate::engine) fn rows(&self) -> u64 {
        self.rows
    }

    /// The segments.
    ///
    /// # Errors
    /// As [`SegmentWriter::finish`].
    pub(in crate::engine) async fn finish(mut self) -> Result<Vec<Arc<Segment>>> {
        // A closed channel means the thread failed; the outcome is its error.
        let _ = self.messages.send(Message::End).await;
        self.outcome().await
    }

    async fn outcome(&mut self) -> Result<Vec<Arc<Segment>>> {
        (&mut self.writer)
            .await
            .map_err(|error| Error::internal("writing a segment", error))?
    }
}
