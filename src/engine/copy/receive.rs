//! COPY … FROM STDIN as the session sees it: bytes in, in order, in bounded memory.
//!
//! Bytes are collected until they are worth a thread's while and then read off the socket's thread.
//! One piece is read while the next is collected; a third waits, and with it the client.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::load::{Fill, Loader};
use super::{CopyFormat, CopyOptions};
use crate::base::{Error, Result};
use crate::catalog::{Change, Relation};
use crate::engine::Engine;
use crate::engine::dml::Feeds;
use crate::observe::Transfer;
use crate::privileges::Need;
use crate::statement::StatementContext;

/// Bytes handed to a thread at once.
const PIECE_BYTES: usize = 512 * 1024;

/// What fills the columns that are not copied, and what rows are checked against.
#[derive(Debug)]
pub struct CopyFill {
    engine: Arc<Engine>,
    feeds: Feeds,
}

impl Engine {
    /// What COPY into `columns` (indexes) of `relation` needs to make whole rows; and the needs of
    /// that.
    ///
    /// # Errors
    /// `428C9` for a generated column among them; as [`Engine::bind`] for defaults and checks.
    pub async fn bind_copy(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        columns: &[usize],
    ) -> Result<(CopyFill, Vec<Need>)> {
        let mut needs = Vec::new();
        let given = |index: usize| {
            let field = columns.iter().position(|of| *of == index)?;
            Some((field, Some(relation.columns[index].ty)))
        };
        let feeds = self
            .bind_feeds(context, relation, given, &mut needs)
            .await?;
        let fill = CopyFill {
            engine: self.clone(),
            feeds,
        };
        Ok((fill, needs))
    }
}

/// COPY … FROM STDIN in progress: takes bytes as they come, in bounded memory. Dropping it loads
/// nothing.
pub struct CopyIn {
    columns: usize,
    waiting: Vec<u8>,
    loader: State,
    transfer: Arc<Transfer>,
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
        let fill = Fill {
            engine: fill.engine,
            feeds: fill.feeds,
            runtime: tokio::runtime::Handle::current(),
        };
        let loader = match options.format {
            CopyFormat::Binary => Err(Error::unsupported("COPY FROM in binary format")),
            CopyFormat::Text | CopyFormat::Csv => Loader::new(
                context,
                relation,
                columns,
                &options,
                transfer.clone(),
                Some(fill),
            ),
        };
        Self {
            columns: count,
            waiting: Vec::new(),
            transfer,
            loader: match loader {
                Ok(loader) => State::Idle(Box::new(loader)),
                Err(error) => State::Failed(Some(error)),
            },
        }
    }

    /// Columns expected.
    pub fn column_count(&self) -> usize {
        self.columns
    }

    /// Takes the next bytes; lines may be cut anywhere. An error may be of bytes taken earlier.
    ///
    /// # Errors
    /// PostgreSQL's `22P04`, `22P02`, …, with CONTEXT `COPY table, line n, column c: "value"`.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if let State::Failed(error) = &mut self.loader {
            return error.take().map_or(Ok(()), Err);
        }
        self.transfer.add_bytes(bytes.len());
        self.waiting.extend_from_slice(&bytes);
        match self.waiting.len() >= PIECE_BYTES {
            true => self.hand_over().await,
            false => Ok(()),
        }
    }

    /// The end: what to push to the transaction, and how many rows.
    ///
    /// # Errors
    /// As [`CopyIn::write`].
    pub async fn finish(mut self) -> Result<(Vec<Change>, u64)> {
        self.settle().await?;
        let mut loader = match self.loader {
            State::Idle(loader) => loader,
            State::Busy(_) | State::Failed(None) => return Err(given_up()),
            State::Failed(Some(error)) => return Err(error),
        };
        let bytes = self.waiting;
        let work = move || {
            loader.feed(&bytes, false)?;
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
                    loader.feed(&bytes, false)?;
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
