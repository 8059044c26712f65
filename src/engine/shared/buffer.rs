//! The rows of one shared query: computed as the first reader asks for them, kept for the others.
//!
//! A task of its own pulls the query's batches, never further than a few ahead of the reader that
//! is furthest, so a reader waits for no other reader, and what nobody reads is not computed. Kept
//! batches are reserved in the query's memory; when there is no more of it they go to a file.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::SpillManager;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};
use datafusion::physical_plan::spill::get_record_batch_memory_size;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use tokio::sync::Notify;

/// Batches computed ahead of the furthest reader.
const AHEAD: usize = 2;

/// Batches, some perhaps in files, and the task that goes on with them.
pub(super) struct Buffer {
    shared: Arc<Shared>,
    /// Ends with the buffer.
    _task: SpawnedTask<()>,
}

/// What the readers and the task share.
struct Shared {
    schema: SchemaRef,
    files: SpillManager,
    /// What is kept is reserved here.
    memory: MemoryReservation,
    /// A plain mutex: held to look and to append, never over an await.
    batches: Mutex<Batches>,
    /// How many batches readers have asked for.
    wanted: AtomicUsize,
    asked: Notify,
    changed: Notify,
}

#[derive(Default)]
struct Batches {
    files: Vec<File>,
    /// Those after the files.
    kept: Vec<RecordBatch>,
    /// Batches in the files.
    filed: usize,
    /// How it ended, if it has.
    over: Option<Result<(), Arc<DataFusionError>>>,
}

/// Batches `first..end`.
#[derive(Clone)]
struct File {
    first: usize,
    end: usize,
    file: Arc<dyn datafusion::execution::spill_file::SpillFile>,
}

enum Next {
    Batch(RecordBatch),
    In(File),
    Over,
    NotYet,
}

impl Buffer {
    /// Starts with the batches of a stream.
    pub(super) fn new(
        name: &str,
        schema: SchemaRef,
        stream: SendableRecordBatchStream,
        context: &TaskContext,
    ) -> Self {
        let metrics = SpillMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
        let memory = MemoryConsumer::new(format!("WITH {name}"))
            .with_can_spill(true)
            .register(context.memory_pool());
        let shared = Arc::new(Shared {
            memory,
            files: SpillManager::new(context.runtime_env(), metrics, schema.clone()),
            schema,
            batches: Mutex::default(),
            wanted: AtomicUsize::new(0),
            asked: Notify::new(),
            changed: Notify::new(),
        });
        let task = SpawnedTask::spawn(fill(shared.clone(), stream));
        Self {
            shared,
            _task: task,
        }
    }

    /// All batches from the first on, with the columns `projection`.
    pub(super) fn read(
        self: Arc<Self>,
        schema: SchemaRef,
        projection: Vec<usize>,
    ) -> SendableRecordBatchStream {
        let projected = schema.clone();
        let reader = Reader {
            buffer: self,
            position: 0,
            file: None,
        };
        let stream = futures::stream::try_unfold(reader, async |mut reader| {
            Ok(reader.next().await?.map(|batch| (batch, reader)))
        });
        let stream = stream.map(move |batch: Result<RecordBatch>| {
            let batch = batch?;
            let columns = projection
                .iter()
                .map(|index| batch.column(*index).clone())
                .collect();
            let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(
                projected.clone(),
                columns,
                &rows,
            )?)
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, stream))
    }
}

/// One reader.
struct Reader {
    buffer: Arc<Buffer>,
    /// The next batch.
    position: usize,
    /// The file it is in, and where that ends.
    file: Option<(SendableRecordBatchStream, usize)>,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some((file, end)) = &mut self.file {
                if self.position < *end
                    && let Some(batch) = file.next().await
                {
                    self.position += 1;
                    return batch.map(Some);
                }
                self.file = None;
            }
            let shared = &self.buffer.shared;
            let mut changed = pin!(shared.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            match shared.look(self.position)? {
                Next::Batch(batch) => {
                    self.position += 1;
                    shared.want(self.position + AHEAD);
                    return Ok(Some(batch));
                }
                Next::In(file) => {
                    let mut stream = shared.files.read_spill_as_stream(file.file, None)?;
                    for _ in file.first..self.position {
                        stream.next().await.transpose()?;
                    }
                    self.file = Some((stream, file.end));
                }
                Next::Over => return Ok(None),
                Next::NotYet => {
                    shared.want(self.position + 1 + AHEAD);
                    changed.await;
                }
            }
        }
    }
}

impl Shared {
    fn look(&self, position: usize) -> Result<Next> {
        let batches = self.lock();
        if position < batches.filed {
            let file = batches.files.iter().find(|file| position < file.end);
            return file.cloned().map(Next::In).ok_or_else(|| {
                DataFusionError::Internal("a batch is in none of the files".to_owned())
            });
        }
        Ok(match batches.kept.get(position - batches.filed) {
            Some(batch) => Next::Batch(batch.clone()),
            None => match &batches.over {
                Some(Ok(())) => Next::Over,
                Some(Err(error)) => return Err(DataFusionError::Shared(error.clone())),
                None => Next::NotYet,
            },
        })
    }

    /// Asks for the first `count` batches.
    fn want(&self, count: usize) {
        if self.wanted.fetch_max(count, Ordering::AcqRel) < count {
            self.asked.notify_one();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Batches> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps one more batch.
    fn keep(&self, batch: RecordBatch) -> Result<()> {
        let fits = self
            .memory
            .try_grow(get_record_batch_memory_size(&batch))
            .is_ok();
        let full = {
            let mut batches = self.lock();
            batches.kept.push(batch);
            if fits {
                return Ok(());
            }
            // Readers go on reading what is kept while it is written.
            batches.kept.clone()
        };
        let file = self
            .files
            .spill_record_batch_and_finish(&full, "rows of a WITH query")?;
        let mut batches = self.lock();
        if let Some(file) = file {
            let first = batches.filed;
            batches.filed += full.len();
            let end = batches.filed;
            batches.files.push(File { first, end, file });
            batches.kept.clear();
            self.memory.free();
        }
        Ok(())
    }
}

/// Pulls batches as they are asked for.
async fn fill(shared: Arc<Shared>, mut stream: SendableRecordBatchStream) {
    let mut made = 0;
    let end = loop {
        while shared.wanted.load(Ordering::Acquire) <= made {
            shared.asked.notified().await;
        }
        let kept = match stream.next().await {
            None => break Ok(()),
            Some(Ok(batch)) if batch.num_rows() == 0 => continue,
            Some(Ok(batch)) => {
                let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                let columns = batch.columns().to_vec();
                RecordBatch::try_new_with_options(shared.schema.clone(), columns, &rows)
                    .map_err(DataFusionError::from)
                    .and_then(|batch| shared.keep(batch))
            }
            Some(Err(error)) => Err(error),
        };
        if let Err(error) = kept {
            break Err(Arc::new(error));
        }
        made += 1;
        shared.changed.notify_waiters();
    };
    shared.lock().over = Some(end);
    shared.changed.notify_waiters();
}
