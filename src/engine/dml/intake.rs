//! New rows on their way into a table: checked against its rules and its unique indexes, written.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;

use super::fire::Told;
use super::keys::Keys;
use super::rewrite;
use super::rules::Rules;
use super::sink::Sink;
use super::work::TableWork;
use crate::base::{Error, Result};
use crate::catalog::{Relation, TriggerEvent};
use crate::engine::Engine;
use crate::engine::scan::table_provider;
use crate::observe::Interrupt;
use crate::statement::StatementContext;

/// Takes rows of one table. Dropping it unfinished leaves nothing behind.
pub(super) struct Intake {
    engine: Arc<Engine>,
    context: Arc<StatementContext>,
    relation: Arc<Relation>,
    rules: Rules,
    /// Away while a thread has it.
    keys: Option<Keys>,
    sink: Sink,
}

/// What a part of a statement wrote.
pub(super) struct Written {
    pub(super) rows: u64,
    /// The rows RETURNING reads.
    pub(super) returned: Arc<dyn TableProvider>,
}

impl Intake {
    /// For rows of `relation`, whose rows are those that keys are compared with.
    pub(super) async fn new(
        engine: &Arc<Engine>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        rules: &Rules,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        Ok(Self {
            keys: Keys::open(engine, context, relation, interrupt, |_| true).await?,
            sink: Sink::new(context.database.store().clone(), relation.clone()),
            engine: engine.clone(),
            context: context.clone(),
            relation: relation.clone(),
            rules: rules.clone(),
        })
    }

    /// Takes whole rows, generated columns included.
    ///
    /// # Errors
    /// `23502`, `23514`, `23505` for the first row at fault.
    pub(super) async fn take(&mut self, batch: RecordBatch, interrupt: &Interrupt) -> Result<()> {
        let broken = self
            .engine
            .check_rows(
                &self.context,
                &self.relation,
                &self.rules,
                &batch,
                interrupt,
            )
            .await?;
        // A row before the one at fault may have a key too many, and that is said first.
        let sound = broken.as_ref().map_or(batch.num_rows(), |(row, _)| *row);
        if let Some(keys) = self.keys.take() {
            let rows = batch.slice(0, sound);
            self.keys = Some(with_keys(keys, move |keys| keys.add(&rows)).await?.0);
        }
        if let Some((_, error)) = broken {
            return Err(error);
        }
        self.sink.write(batch).await
    }

    /// As [`Intake::take`], of rows that triggers may look at.
    pub(super) async fn take_seen(
        &mut self,
        (work, told): (&mut TableWork, Told),
        batch: RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<()> {
        work.note_seen(told, TriggerEvent::Insert, None, Some(batch.clone()));
        self.take(batch, interrupt).await
    }

    /// The end: the rows are part of the work.
    pub(super) async fn finish(self, work: &mut TableWork) -> Result<Written> {
        if let Some(keys) = self.keys {
            with_keys(keys, Keys::settle).await?;
        }
        let rows = self.sink.rows();
        let segments = self.sink.finish().await?;
        let root = self.context.database.store().root();
        let returned = table_provider(root, &rewrite::with_segments(&self.relation, &segments));
        work.written.extend(segments);
        Ok(Written { rows, returned })
    }
}

/// Works with keys on a thread that may wait for the disk.
pub(super) async fn with_keys<T: Send + 'static>(
    mut keys: Keys,
    work: impl FnOnce(&mut Keys) -> Result<T> + Send + 'static,
) -> Result<(Keys, T)> {
    tokio::task::spawn_blocking(move || {
        let done = work(&mut keys)?;
        Ok((keys, done))
    })
    .await
    .map_err(|error| Error::internal("comparing keys", error))?
}
