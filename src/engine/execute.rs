//! Plan to rows.
//!
//! Planning and execution run on the engine's own runtime, so that a heavy query delays nobody's
//! handshake, and the caller is answered at once when it is interrupted, whatever the query is
//! doing. Batches go through a channel of two: the reader is the brake. When the reader goes away,
//! the stream and all its tasks are dropped.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;
use chrono::DateTime;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{FutureExt, StreamExt};
use tokio::sync::{mpsc, oneshot};

use super::error::convert;
use super::expand::Expander;
use super::memory::QueryPool;
use super::planning::Watch;
use super::{Bound, Engine, Rows, semantics, shared};
use crate::base::{Error, Result, SqlState};
use crate::observe::Interrupt;
use crate::statement::StatementContext;

/// Batches made ahead of the reader.
const BATCHES_AHEAD: usize = 2;

impl Engine {
    /// Runs `work` on the engine's runtime; an interrupt answers the caller at once.
    pub(super) async fn on_runtime<T: Send + 'static>(
        &self,
        interrupt: Option<&Interrupt>,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let task = self.spawn(AssertUnwindSafe(work).catch_unwind())?;
        let interrupted = async {
            match interrupt {
                Some(interrupt) => interrupt.interrupted().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            error = interrupted => Err(error),
            done = task => match done {
                Ok(Ok(result)) => result,
                Ok(Err(panic)) => Err(panicked(panic.as_ref())),
                Err(error) => Err(stopped(&error)),
            },
        }
    }

    /// Plans and starts a query; its rows come through a channel.
    pub(super) async fn start(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: Bound,
        parameters: &[ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<Rows> {
        interrupt.check()?;
        let columns = Arc::from(query.columns.clone());
        if let Some(row) = self.constant(context, &query, parameters) {
            return Ok(Rows::ready(columns, row?));
        }
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let (planned, when_planned) = oneshot::channel();
        let engine = self.clone();
        let context = context.clone();
        let parameters = parameters.to_vec();
        let stop = interrupt.clone();
        let work = async move {
            let stream = match engine.open(&context, query, &parameters).await {
                Ok(stream) => stream,
                Err(error) => {
                    let _ = planned.send(Err(error));
                    return;
                }
            };
            let _ = planned.send(Ok(()));
            forward(stream, sender, stop).await;
        };
        // A panic while planning drops `planned`; one while executing drops the sender, after
        // saying so.
        let watched = AssertUnwindSafe(work).catch_unwind();
        self.spawn(async move {
            if let Err(panic) = watched.await {
                // Logged here; the reader learns of it by the channels closing early.
                let _ = panicked(panic.as_ref());
            }
        })?;
        tokio::select! {
            biased;
            error = interrupt.interrupted() => return Err(error),
            planned = when_planned => match planned {
                Ok(result) => result?,
                Err(_) => return Err(internal_panic()),
            },
        }
        Ok(Rows::new(columns, receiver, interrupt.clone()))
    }

    /// The stream of a query's batches.
    async fn open(
        &self,
        context: &Arc<StatementContext>,
        query: Bound,
        parameters: &[ArrayRef],
    ) -> Result<SendableRecordBatchStream> {
        let state = self.state(context);
        let plan = self.physical(context, &state, query, parameters).await?;
        execute_stream(plan, self.task(&state)).map_err(convert)
    }

    /// The physical plan of a query.
    pub(super) async fn physical(
        &self,
        context: &Arc<StatementContext>,
        state: &SessionState,
        query: Bound,
        parameters: &[ArrayRef],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let values = parameters
            .iter()
            .map(|value| value.get_buffer_memory_size())
            .sum();
        let watch = Watch::over_values(context.interrupt.clone(), values);
        let plan = self.opened(context, state, &watch, query, parameters)?;
        if context
            .calls
            .as_ref()
            .is_some_and(|calls| calls.is_expected())
        {
            // They are answered one after the other; so they come in the order of the rows.
            let mut state = state.clone();
            state.config_mut().options_mut().execution.target_partitions = 1;
            return shared::planned(plan, &state, &watch).await.map_err(convert);
        }
        shared::planned(plan, state, &watch).await.map_err(convert)
    }

    /// The logical plan of a query over what can be scanned.
    fn opened(
        &self,
        context: &Arc<StatementContext>,
        state: &SessionState,
        watch: &Arc<Watch>,
        query: Bound,
        parameters: &[ArrayRef],
    ) -> Result<LogicalPlan> {
        let (role, of_policy) = (query.role, query.of_policy);
        let plan = with_parameters(query, parameters)?;
        let plan = semantics::rebind(context, plan).map_err(convert)?;
        let expander = Expander {
            engine: self,
            context,
            state,
            watch,
            role,
            slots: Rc::default(),
            guarding: Rc::new(RefCell::new(of_policy.into_iter().collect())),
        };
        let plan = expander.expand(plan)?;
        watch.measure(&plan)?;
        Ok(plan)
    }

    /// Planning state of one statement.
    pub(super) fn state(&self, context: &StatementContext) -> SessionState {
        let mut state = self.template.clone();
        state.mark_start_execution();
        // `now()` is the transaction's start.
        state.execution_props_mut().query_execution_start_time =
            DateTime::from_timestamp_micros(context.transaction_time);
        state
    }

    /// What operators may use: the query's own memory, everything else shared.
    pub(super) fn task(&self, state: &SessionState) -> Arc<TaskContext> {
        let runtime = RuntimeEnv {
            memory_pool: Arc::new(QueryPool::new(self.memory.clone())),
            ..state.runtime_env().as_ref().clone()
        };
        // Functions were resolved at planning; operators never look one up.
        Arc::new(TaskContext::new(
            None,
            String::new(),
            state.config().clone(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            Arc::new(runtime),
        ))
    }
}

/// Moves batches from the stream to the channel until either ends or the interrupt comes.
async fn forward(
    mut stream: SendableRecordBatchStream,
    sender: mpsc::Sender<Result<RecordBatch>>,
    interrupt: Interrupt,
) {
    loop {
        let next = AssertUnwindSafe(stream.next()).catch_unwind();
        let item = tokio::select! {
            biased;
            // The reader answers an interrupt by itself, see `Rows::next`.
            _ = interrupt.interrupted() => return,
            () = sender.closed() => return,
            item = next => item,
        };
        let (item, last) = match item {
            Ok(None) => return,
            Ok(Some(Ok(batch))) if batch.num_rows() == 0 && batch.num_columns() > 0 => continue,
            Ok(Some(Ok(batch))) => (Ok(batch), false),
            Ok(Some(Err(error))) => (Err(convert(error)), true),
            Err(panic) => (Err(panicked(panic.as_ref())), true),
        };
        if sender.send(item).await.is_err() || last {
            return;
        }
    }
}

/// Puts the parameters' values in.
pub(super) fn with_parameters(query: Bound, parameters: &[ArrayRef]) -> Result<LogicalPlan> {
    if query.parameters.is_empty() {
        return Ok(query.plan);
    }
    if parameters.len() < query.parameters.len() {
        return Err(Error::new(
            SqlState::UNDEFINED_PARAMETER,
            format!("there is no parameter ${}", parameters.len() + 1),
        ));
    }
    let values = parameters
        .iter()
        .zip(&query.parameters)
        .map(|(array, ty)| {
            let value = ScalarValue::try_from_array(array, 0).map_err(convert)?;
            let field = ty.field("", true);
            let metadata = (!field.metadata().is_empty())
                .then(|| datafusion::common::metadata::FieldMetadata::new_from_field(&field));
            Ok(ScalarAndMetadata::new(value, metadata))
        })
        .collect::<Result<Vec<_>>>()?;
    query
        .plan
        .replace_params_with_values(&ParamValues::List(values))
        .map_err(convert)
}

/// A panic as an error; the log has the words.
pub(super) fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no words");
    Error::internal("executing a query", format!("panic: {words}"))
}

fn internal_panic() -> Error {
    Error::internal("planning a query", "the planning task ended early")
}

fn stopped(error: &tokio::task::JoinError) -> Error {
    if error.is_cancelled() {
        return Error::new(
            SqlState::ADMIN_SHUTDOWN,
            "terminating connection due to administrator command",
        );
    }
    Error::internal("executing a query", error)
}

#[cfg(test)]
mod tests {
    use crate::base::SqlState;
    use crate::engine::bench::Bench;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_panic_is_an_error_of_its_statement_alone() {
        let mut bench = Bench::new(false);
        let work = async { panic!("on purpose") };
        let done: crate::base::Result<()> = bench.engine.on_runtime(None, work).await;
        assert_eq!(
            done.expect_err("it panicked").state(),
            SqlState::INTERNAL_ERROR
        );
        assert_eq!(
            bench.ask("SELECT count(*) FROM pg_class WHERE false").await,
            "0"
        );
    }
}
