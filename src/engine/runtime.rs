//! Starting and stopping the engine: its threads, its configuration, what all queries share.

use std::sync::Arc;

use dashmap::DashMap;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder, SessionStateDefaults};
use datafusion::prelude::SessionConfig;
use sqlparser::ast;

use super::dependent::DependentPlanner;
use super::memory::{QueryPool, ServerPool};
use super::plpgsql::{Block, Returns};
use super::{Engine, Options, parse_plpgsql, parse_query, rules};
use crate::base::limits::{THREAD_STACK_BYTES, WAITING_CALLS_MAX};
use crate::base::{Error, Result, SqlState};
use crate::database::Database;

/// Bytes of Parquet footers remembered, beside the memory of queries: a sixteenth of it within
/// these bounds.
const FOOTER_BYTES_MIN: usize = 64 << 20;
const FOOTER_BYTES_MAX: usize = 1 << 30;
/// Remembered parses before all are forgotten.
const PARSES_MAX: usize = 1_000;

impl Engine {
    /// Starts the engine's runtime.
    ///
    /// # Errors
    /// `58030` if its threads or its temporary folder cannot be made.
    pub fn new(database: Arc<Database>, options: Options) -> Result<Arc<Self>> {
        // Rows are found through each statement's context; the engine itself holds on to no
        // database.
        drop(database);
        let failed = |error: &dyn std::fmt::Display| {
            Error::new(SqlState::IO_ERROR, "could not start the engine").detail(error.to_string())
        };
        std::fs::create_dir_all(&options.temp_dir).map_err(|error| failed(&error))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(options.threads.max(1))
            .thread_name("engine")
            .thread_stack_size(THREAD_STACK_BYTES)
            // Those that calls hold are replaced.
            .max_blocking_threads(WAITING_CALLS_MAX + 512)
            .enable_all()
            .build()
            .map_err(|error| failed(&error))?;
        let memory = Arc::new(ServerPool::new(options.memory_bytes));
        let template = template(&options, &memory).map_err(|error| failed(&error))?;
        Ok(Arc::new(Self {
            files: super::copy::server_files(&options.copy_roots),
            options,
            runtime: Some(runtime),
            template,
            memory,
            parses: DashMap::new(),
            blocks: DashMap::new(),
            keys: Arc::default(),
        }))
    }

    /// Spawns on the engine's runtime.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<tokio::task::JoinHandle<T>> {
        match &self.runtime {
            Some(runtime) => Ok(runtime.spawn(work)),
            None => Err(Error::new(
                SqlState::ADMIN_SHUTDOWN,
                "terminating connection due to administrator command",
            )),
        }
    }

    /// The query that a text is, parsed once.
    pub(super) fn parsed(&self, text: &str) -> Result<Arc<ast::Query>> {
        if let Some(query) = self.parses.get(text) {
            return Ok(query.clone());
        }
        let query: Arc<ast::Query> = Arc::from(parse_query(text)?);
        if self.parses.len() >= PARSES_MAX {
            self.parses.clear();
        }
        self.parses.insert(text.to_owned(), query.clone());
        Ok(query)
    }

    /// The body of a function in PL/pgSQL, parsed once.
    ///
    /// # Errors
    /// As [`parse_plpgsql`].
    pub fn parsed_block(&self, name: &str, text: &str, returns: Returns) -> Result<Arc<Block>> {
        let key = (name.to_owned(), text.to_owned(), returns);
        if let Some(block) = self.blocks.get(&key) {
            return Ok(block.clone());
        }
        let block = Arc::new(parse_plpgsql(name, text, returns)?);
        if self.blocks.len() >= PARSES_MAX {
            self.blocks.clear();
        }
        self.blocks.insert(key, block.clone());
        Ok(block)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A runtime may not be waited for inside another one, where the last handle to the engine
        // often goes away.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What every statement's planning state starts from.
fn template(
    options: &Options,
    memory: &Arc<ServerPool>,
) -> Result<SessionState, datafusion::common::DataFusionError> {
    // Footers of the segments in use should stay: reading one again costs more than the query.
    let footers = (options.memory_bytes / 16).clamp(FOOTER_BYTES_MIN, FOOTER_BYTES_MAX);
    let runtime = RuntimeEnvBuilder::new()
        .with_metadata_cache_limit(footers)
        .with_memory_pool(Arc::new(QueryPool::new(memory.clone())))
        .with_disk_manager_builder(
            DiskManagerBuilder::default()
                .with_mode(DiskManagerMode::Directories(vec![options.temp_dir.clone()])),
        )
        .build_arc()?;
    let mut config = SessionConfig::new()
        .with_target_partitions(options.threads.max(1))
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false);
    let settings = config.options_mut();
    settings.sql_parser.parse_float_as_decimal = true;
    settings.sql_parser.collect_spans = true;
    // `row_number() over () from (… order by …)` relies on the order of the inner query.
    settings.sql_parser.enable_subquery_sort_elimination = false;
    settings.execution.time_zone = Some("UTC".to_owned());
    // Logical and physical plans often disagree on what a field's metadata says and what may be
    // NULL; nothing depends on it.
    settings.execution.skip_physical_aggregate_schema_check = true;
    settings.execution.collect_statistics = true;
    // A join that tells its other side what to look for waits until all its partitions know. One
    // that a join above has no use for never does, and the query waits forever.
    settings.optimizer.enable_join_dynamic_filter_pushdown = false;
    settings.optimizer.max_passes = 3;
    settings.optimizer.expand_views_at_output = false;
    Ok(SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_query_planner(Arc::new(DependentPlanner))
        .with_optimizer_rules(rules::logical())
        .with_physical_optimizer_rules(rules::physical())
        // Rules look some of these up by name.
        .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
        .with_window_functions(SessionStateDefaults::default_window_functions())
        .build())
}
