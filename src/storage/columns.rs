//! Encoding the columns of a row group: here, or on threads that each have some of them. A bulk
//! load's time is mostly this.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use arrow::array::ArrayRef;
use arrow::datatypes::{Field, SchemaRef};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves};
use parquet::errors::ParquetError;

/// Batches waiting for a thread.
const BATCHES_WAITING: usize = 2;
/// Threads of one file at most.
const THREADS_MAX: usize = 4;

type Result<T> = std::result::Result<T, ParquetError>;

/// Encodes row groups, one after the other.
pub(super) struct Encoder {
    schema: SchemaRef,
    place: Place,
}

enum Place {
    Here(Vec<ArrowColumnWriter>),
    Threads(Vec<Worker>),
}

/// A thread with some of the columns. It ends when its channel does.
struct Worker {
    work: SyncSender<Work>,
    done: Receiver<Result<Vec<ArrowColumnChunk>>>,
}

enum Work {
    Begin(Vec<ArrowColumnWriter>),
    Rows(Vec<ArrayRef>),
    End,
}

impl Encoder {
    /// For rows of `schema`, every column of which is one of the file's.
    pub(super) fn new(schema: SchemaRef, on_threads: bool) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let columns = schema.fields().len();
        let threads = cores.min(THREADS_MAX).min(columns);
        let place = match on_threads && threads > 1 {
            true => Place::Threads(
                (0..threads)
                    .map(|thread| Worker::start(dealt(schema.fields().iter(), thread, threads)))
                    .collect(),
            ),
            false => Place::Here(Vec::new()),
        };
        Self { schema, place }
    }

    /// Begins a row group with a writer for each column.
    pub(super) fn begin(&mut self, writers: Vec<ArrowColumnWriter>) -> Result<()> {
        if writers.len() != self.schema.fields().len() {
            return Err(ParquetError::General("a column has parts".to_owned()));
        }
        match &mut self.place {
            Place::Here(own) => *own = writers,
            Place::Threads(workers) => {
                let count = workers.len();
                let mut shares: Vec<Vec<_>> = (0..count).map(|_| Vec::new()).collect();
                for (column, writer) in writers.into_iter().enumerate() {
                    shares[column % count].push(writer);
                }
                for (worker, share) in workers.iter().zip(shares) {
                    worker.give(Work::Begin(share))?;
                }
            }
        }
        Ok(())
    }

    /// Adds rows.
    pub(super) fn write(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        match &mut self.place {
            Place::Here(writers) => {
                for ((writer, field), array) in
                    writers.iter_mut().zip(self.schema.fields()).zip(arrays)
                {
                    encode(writer, field, array)?;
                }
            }
            Place::Threads(workers) => {
                for (thread, worker) in workers.iter().enumerate() {
                    let share = dealt(arrays.iter(), thread, workers.len());
                    worker.give(Work::Rows(share))?;
                }
            }
        }
        Ok(())
    }

    /// Ends the row group: its columns, in order.
    pub(super) fn end(&mut self) -> Result<Vec<ArrowColumnChunk>> {
        match &mut self.place {
            Place::Here(writers) => std::mem::take(writers)
                .into_iter()
                .map(ArrowColumnWriter::close)
                .collect(),
            Place::Threads(workers) => {
                for worker in workers.iter() {
                    worker.give(Work::End)?;
                }
                let mut shares = Vec::with_capacity(workers.len());
                for worker in workers.iter() {
                    let chunks = worker.done.recv().map_err(|_| gone())??;
                    shares.push(chunks.into_iter());
                }
                let count = shares.len();
                (0..self.schema.fields().len())
                    .map(|column| shares[column % count].next().ok_or_else(gone))
                    .collect()
            }
        }
    }
}

/// What of `all` goes to a thread.
fn dealt<'a, T: Clone + 'a>(
    all: impl Iterator<Item = &'a T>,
    thread: usize,
    threads: usize,
) -> Vec<T> {
    all.skip(thread).step_by(threads).cloned().collect()
}

fn encode(writer: &mut ArrowColumnWriter, field: &Field, array: &ArrayRef) -> Result<()> {
    for leaf in compute_leaves(field, array)? {
        writer.write(&leaf)?;
    }
    Ok(())
}

impl Worker {
    fn start(fields: Vec<std::sync::Arc<Field>>) -> Self {
        let (work, receiver) = sync_channel(BATCHES_WAITING);
        let (sender, done) = sync_channel(1);
        std::thread::spawn(move || {
            let mut writers: Vec<ArrowColumnWriter> = Vec::new();
            let mut failed = None;
            // Whoever gives the work up closes the channel.
            while let Ok(work) = receiver.recv() {
                match work {
                    Work::Begin(new) => writers = new,
                    Work::Rows(arrays) => {
                        for ((writer, field), array) in writers.iter_mut().zip(&fields).zip(&arrays)
                        {
                            if failed.is_none() {
                                failed = encode(writer, field, array).err();
                            }
                        }
                    }
                    Work::End => {
                        let writers = std::mem::take(&mut writers).into_iter();
                        let chunks = match failed.take() {
                            Some(error) => Err(error),
                            None => writers.map(ArrowColumnWriter::close).collect(),
                        };
                        if sender.send(chunks).is_err() {
                            return;
                        }
                    }
                }
            }
        });
        Self { work, done }
    }

    fn give(&self, work: Work) -> Result<()> {
        self.work.send(work).map_err(|_| gone())
    }
}

/// A thread panicked; the log has its words.
fn gone() -> ParquetError {
    ParquetError::General("a thread that encodes columns ended early".to_owned())
}
