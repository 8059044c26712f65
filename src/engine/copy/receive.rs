//! COPY … FROM STDIN as the session sees it: bytes in, in order, in bounded memory.
//!
//! Bytes are collected until they are worth a thread's while and then read off the socket's thread.
//! One piece is read while the next is collected; a third waits, and with it the client.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::binary::BinaryLoader;
use super::filter::Filter;
use super::loaded::Loaded;
use super::spool::SpoolLoader;
use super::stream::StreamLoader;
use super::target::Fill;
use super::text::TextLoader;
use super::{CopyFormat, CopyOptions};
use crate::base::{Error, Result};
use crate::catalog::{Relation, TriggerEvent};
use crate::engine::Engine;
use crate::engine::dml::{Feeds, Router};
use crate::observe::Transfer;
use crate::privileges::Need;
use crate::statement::StatementContext;

/// Bytes kept of a copy that may have to begin anew.
const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes handed to a thread at once.
const PIECE_BYTES: usize = 512 * 1024;

/// What fills the columns that are not copied, and what rows are checked against.
#[derive(Debug)]
pub struct CopyFill {
    engine: Arc<Engine>,
    feeds: Feeds,
    filter: Option<Filter>,
    router: Option<Router>,
    watched: bool,
}

impl Engine {
    /// What COPY into `columns` (indexes) of `relation` needs to make whole rows, and to choose
    /// those of which `condition` is true; and the needs of that.
    ///
    /// # Errors
    /// `428C9` for a generated column among them; as [`Engine::bind`] for defaults and checks.
    pub async fn bind_copy(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        columns: &[usize],
        condition: Option<&sqlparser::ast::Expr>,
    ) -> Result<(CopyFill, Vec<Need>)> {
        let mut needs = Vec::new();
        let given = |index: usize| {
            let field = columns.iter().position(|of| *of == index)?;
            Some((field, Some(relation.columns[index].ty)))
        };
        let mut feeds = self
            .bind_feeds(context, relation, given, &mut needs)
            .await?;
        feeds.given(columns.iter().map(|of| relation.columns[*of].attnum));
        let filter = match condition {
            Some(condition) => {
                Some(Filter::bind(self, context, relation, condition, &mut needs).await?)
            }
            None => None,
        };
        let router = match relation.is_partitioned() {
            true => Some(self.bind_router(context, relation).await?),
            false => None,
        };
        let fill = CopyFill {
            engine: self.clone(),
            feeds,
            filter,
            watched: is_watched(relation, router.as_ref()),
            router,
        };
        Ok((fill, needs))
    }
}

/// Whether triggers look at rows that come to a table, or its partitions.
fn is_watched(relation: &Relation, router: Option<&Router>) -> bool {
    let sees = |table: &Relation| {
        let mut triggers = table.triggers.iter();
        triggers.any(|of| of.sees_rows(TriggerEvent::Insert))
    };
    let below = router.into_iter().flat_map(|router| &router.leaves);
    relation.view().is_some() || sees(relation) || below.into_iter().any(|leaf| sees(leaf))
}

/// COPY FROM in progress: takes bytes as they come, in bounded memory. Dropping it loads
/// nothing.
pub struct CopyIn {
    columns: usize,
    format: CopyFormat,
    waiting: Vec<u8>,
    loader: State,
    transfer: Option<Arc<Transfer>>,
    kept: Kept,
}

/// What was taken so far, for a copy that may have to begin anew because a column is to hold other
/// arrays.
#[derive(Default)]
struct Kept {
    /// `None` if it is not kept, or was too much.
    bytes: Option<Vec<u8>>,
    /// Why it has to.
    error: Option<Error>,
}

/// What makes rows of bytes, by format.
enum Loader {
    Text(TextLoader),
    Binary(BinaryLoader),
    Stream(StreamLoader),
    Spool(SpoolLoader),
}

impl Loader {
    fn feed(&mut self, bytes: Vec<u8>) -> Result<()> {
        match self {
            Self::Text(loader) => loader.feed(bytes, false),
            Self::Binary(loader) => loader.feed(bytes, false),
            Self::Stream(loader) => loader.feed(bytes, false),
            Self::Spool(loader) => loader.feed(&bytes),
        }
    }

    fn finish(self) -> Result<Loaded> {
        match self {
            Self::Text(loader) => loader.finish(),
            Self::Binary(loader) => loader.finish(),
            Self::Stream(loader) => loader.finish(),
            Self::Spool(loader) => loader.finish(),
        }
    }
}

enum State {
    Idle(Box<Loader>),
    /// A thread has it.
    Busy(JoinHandle<Result<Box<Loader>>>),
    /// It failed: the error to be given next, and after that nothing more is taken.
    Failed(Option<Error>),
}

impl fmt::Debug for CopyIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyIn")
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

impl CopyIn {
    /// Rows for `columns` (indexes into the relation's columns) of `relation`; the others get NULL
    /// or their default. What stands against it, such as a default that is not a literal, is said
    /// by the first [`CopyIn::write`]. `transfer` counts what is taken.
    pub fn new(
        context: Arc<StatementContext>,
        relation: Arc<Relation>,
        columns: Vec<usize>,
        options: CopyOptions,
        transfer: Arc<Transfer>,
        fill: CopyFill,
    ) -> Self {
        let count = columns.len();
        let format = options.format;
        let keeps = columns.iter().any(|index| {
            let ty = relation.columns[*index].ty;
            ty.has_lists() && !ty.has_any_dimensions()
        });
        let packed = matches!(format, CopyFormat::Arrow | CopyFormat::Parquet);
        let fill = Fill {
            engine: fill.engine,
            feeds: fill.feeds,
            filter: fill.filter,
            router: fill.router,
            watched: fill.watched,
            runtime: tokio::runtime::Handle::current(),
        };
        let count_bytes = transfer.clone();
        let loader = match format {
            CopyFormat::Text | CopyFormat::Csv => {
                TextLoader::new(context, relation, columns, &options, transfer, Some(fill))
                    .map(Loader::Text)
            }
            CopyFormat::Binary => {
                BinaryLoader::new(context, relation, columns, &options, transfer, Some(fill))
                    .map(Loader::Binary)
            }
            CopyFormat::Arrow => {
                StreamLoader::new(context, relation, columns, &options, transfer, fill)
                    .map(Loader::Stream)
            }
            CopyFormat::Parquet => {
                SpoolLoader::new(context, relation, columns, &options, transfer, fill)
                    .map(Loader::Spool)
            }
        };
        Self {
            columns: count,
            format,
            waiting: Vec::new(),
            kept: Kept {
                bytes: (keeps && !packed).then(Vec::new),
                error: None,
            },
            transfer: Some(count_bytes),
            loader: match loader {
                Ok(loader) => State::Idle(Box::new(loader)),
                Err(error) => State::Failed(Some(error)),
            },
        }
    }

    /// One that will fail with the first bytes, or without any.
    pub fn refused(columns: usize, options: &CopyOptions, error: Error) -> Self {
        Self {
            columns,
            format: options.format,
            waiting: Vec::new(),
            transfer: None,
            kept: Kept::default(),
            loader: State::Failed(Some(error)),
        }
    }

    /// Columns expected.
    pub fn column_count(&self) -> usize {
        self.columns
    }

    /// Whether the bytes are lines of text.
    pub fn is_text(&self) -> bool {
        self.format.is_text()
    }

    /// Reads this file whole, where that is better than taking its bytes one after the other; gives
    /// it back where not.
    pub(super) fn read_from(&mut self, file: std::fs::File) -> Option<std::fs::File> {
        if let State::Idle(loader) = &mut self.loader
            && let Loader::Spool(spool) = loader.as_mut()
        {
            spool.read_from(file);
            return None;
        }
        Some(file)
    }

    /// Takes the next bytes; lines may be cut anywhere. An error may be of bytes taken earlier.
    ///
    /// # Errors
    /// PostgreSQL's `22P04`, `22P02`, …, with CONTEXT `COPY table, line n, column c: "value"`.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if let State::Failed(error) = &mut self.loader {
            return error.take().map_or(Ok(()), Err);
        }
        if let Some(transfer) = &self.transfer {
            transfer.add_bytes(bytes.len());
        }
        if let Some(kept) = &mut self.kept.bytes {
            kept.extend_from_slice(&bytes);
            if kept.len() > KEPT_BYTES_MAX {
                self.kept.bytes = None;
                if let Some(error) = self.kept.error.take() {
                    return Err(error);
                }
            }
        }
        if self.kept.error.is_some() {
            return Ok(());
        }
        self.waiting.extend_from_slice(&bytes);
        if self.waiting.len() < PIECE_BYTES {
            return Ok(());
        }
        match self.hand_over().await {
            Err(error) if error.fields().beyond_lists.is_some() && self.kept.bytes.is_some() => {
                self.kept.error = Some(error);
                Ok(())
            }
            done => done,
        }
    }

    /// All that was taken, after [`CopyIn::finish`] failed as another copy may not.
    pub fn take_kept(&mut self) -> Option<Vec<u8>> {
        self.kept.bytes.take()
    }

    /// The end: what to push to the transaction, and how many rows.
    ///
    /// # Errors
    /// As [`CopyIn::write`].
    pub async fn finish(&mut self) -> Result<Loaded> {
        if let Some(error) = self.kept.error.take() {
            return Err(error);
        }
        self.settle().await?;
        let mut loader = match std::mem::replace(&mut self.loader, State::Failed(None)) {
            State::Idle(loader) => loader,
            State::Busy(_) | State::Failed(None) => return Err(given_up()),
            State::Failed(Some(error)) => return Err(error),
        };
        let bytes = std::mem::take(&mut self.waiting);
        let work = move || {
            loader.feed(bytes)?;
            loader.finish()
        };
        tokio::task::spawn_blocking(work).await.map_err(crashed)?
    }

    /// Gives what waits to a thread, once the piece before is done.
    async fn hand_over(&mut self) -> Result<()> {
        self.settle().await?;
        match std::mem::replace(&mut self.loader, State::Failed(None)) {
            State::Idle(mut loader) => {
                let bytes = std::mem::take(&mut self.waiting);
                self.loader = State::Busy(tokio::task::spawn_blocking(move || {
                    loader.feed(bytes)?;
                    Ok(loader)
                }));
                Ok(())
            }
            State::Busy(_) | State::Failed(_) => Err(given_up()),
        }
    }

    /// Waits for the thread, if there is one. If this is dropped while it waits, the copy is given
    /// up.
    async fn settle(&mut self) -> Result<()> {
        if let State::Busy(task) = &mut self.loader {
            let done = task.await.map_err(crashed).and_then(|done| done);
            match done {
                Ok(loader) => self.loader = State::Idle(loader),
                Err(error) => {
                    self.loader = State::Failed(None);
                    self.waiting = Vec::new();
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

fn crashed(error: tokio::task::JoinError) -> Error {
    Error::internal("reading COPY data", error)
}

fn given_up() -> Error {
    Error::internal(
        "reading COPY data",
        "it failed before and its error was given",
    )
}
