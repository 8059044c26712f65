//! One connected user: role, settings, transaction state, prepared statements, portals, mailbox.
//!
//! A session is owned by its connection's task and does one thing at a time. It answers a statement
//! with a [`Response`] whose rows stream while the session waits; what the statement's functions
//! asked for meanwhile is carried out when the session is next spoken to.
//!
//! It checks nothing of what it is allowed to do by itself: every change of the catalog goes
//! through `Session::push`, every query through `privileges::authorize`.

mod answer;
mod arrived;
mod commands;
mod derived;
mod dispatch;
mod function_call;
mod open;
mod plpgsql;
mod portal;
mod prepared;
mod response;
mod scroll;
mod serve;
mod state;
mod statement;
#[cfg(test)]
mod tests;
mod triggers;
mod waiting;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::base::error::Report;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Snapshot;
use crate::database::{AdvisoryScope, Database};
use crate::engine::command::OnCommit;
use crate::engine::{Engine, OutputColumn, Statement};
use crate::notify::Mailbox;
use crate::observe::{Activity, Interrupt, Sessions};
use crate::settings::Settings;
use crate::statement::{Arguments, Effects, LastValues, Random};
use crate::types::Encoding;
use crate::types::PgType;

use derived::{Derived, Told};
use portal::Portals;
use prepared::PreparedStatements;
use state::{Open, Values};
use statement::Running;

pub use response::{CommandTag, CopyInResponse, CopyOutResponse, Response, RowsResponse, RowsTag};

/// What all sessions share.
#[derive(Debug)]
pub struct Shared {
    /// The database.
    pub database: Arc<Database>,
    /// The engine.
    pub engine: Arc<Engine>,
    /// Every session.
    pub sessions: Arc<Sessions>,
    /// What every session's settings start from: the defaults, and the facts of this server.
    pub settings: Settings,
}

/// ReadyForQuery's status byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    /// `I`
    Idle,
    /// `T`
    InBlock,
    /// `E`
    Failed,
}

/// What Describe says of a prepared statement.
#[derive(Debug, Clone)]
pub struct StatementDescription {
    /// Types of $1, $2, …
    pub parameters: Vec<PgType>,
    /// What it answers; `None` if it answers no rows.
    pub columns: Option<Arc<[OutputColumn]>>,
}

/// What Describe says of a portal.
#[derive(Debug, Clone)]
pub struct PortalDescription {
    /// What it answers; `None` if it answers no rows.
    pub columns: Option<Arc<[OutputColumn]>>,
    /// Format of each column: false text, true binary.
    pub binary: Vec<bool>,
}

/// One connected user. Owned by its connection's task, shared with nobody.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    activity: Arc<Activity>,
    /// Settings and roles, as of now.
    values: Values,
    /// The open transaction, implicit or a block.
    open: Option<Open>,
    prepared: PreparedStatements,
    portals: Portals,
    mailbox: Mailbox,
    /// OID of `pg_temp_N`, once asked for. Whether the schema exists, the transaction's view says.
    temporary_schema: Option<Oid>,
    /// The temporary schema as the last commit left it, and the catalog that has it.
    temporary: Option<(Oid, Arc<Snapshot>)>,
    /// What becomes of temporary tables at the end of each transaction.
    on_commit: BTreeMap<Oid, OnCommit>,
    /// The functions whose statements run, from the outermost.
    bodies: Vec<serve::Body>,
    /// What the statements that functions are called by are about to change.
    changing: Vec<serve::Changing>,
    /// What a function sees that is not volatile: what its caller does.
    pinned: Option<Arc<Snapshot>>,
    /// The variables that the statement of a block that runs may name.
    variables: Option<Arc<Arguments>>,
    /// How many blocks run inside each other.
    blocks: usize,
    /// Whether the block that runs may not end transactions (PostgreSQL's atomic context).
    atomic: bool,
    /// How many of the blocks around what runs have handlers.
    handlers: usize,
    /// What the loops around what runs go over.
    loops: Vec<plpgsql::Looped>,
    /// Counts changes of the transaction's own view, which the catalog's version does not.
    epoch: u64,
    /// What runs now.
    running: Option<Running>,
    /// When the last statement started, microseconds since 1970-01-01 UTC.
    statement_time: i64,
    /// What the settings mean, as last worked out.
    derived: Option<Arc<Derived>>,
    /// What the client was last told of the reported settings for.
    told: Option<Told>,
    /// What functions ask of the session.
    effects: Arc<Effects>,
    last_values: Arc<LastValues>,
    /// What random() gives it.
    random: Arc<Random>,
    /// Its advisory locks.
    advisory: AdvisoryScope,
    /// Said beside the answers, not yet sent.
    reports: Vec<Report>,
    /// Reported settings as the client last heard them.
    reported: HashMap<&'static str, String>,
}

impl Session {
    /// Parses a query string.
    ///
    /// # Errors
    /// As [`crate::engine::parse()`].
    pub fn parse(&mut self, sql: &str) -> Result<Vec<Statement>> {
        if self.values.settings.standard_conforming_strings() {
            return crate::engine::parse(sql);
        }
        let (statements, warnings) = crate::engine::parse_nonstandard(sql)?;
        if self.values.settings.warns_of_escapes() {
            warnings
                .into_iter()
                .for_each(|warning| self.report(warning));
        }
        Ok(statements)
    }

    /// Runs one statement of a simple query, `alone` in it or not. Outside a block it runs in the
    /// implicit transaction that [`Session::sync`] commits.
    ///
    /// # Errors
    /// Whatever the statement fails with; the wire then calls [`Session::fail`].
    pub async fn run(&mut self, statement: &Statement, alone: bool) -> Result<Response> {
        let interrupt = self.start(&statement.text)?;
        self.atomic |= !alone;
        self.check_not_failed(&statement.command)?;
        self.dispatch(statement, None, &[], &interrupt)
            .await
            .map_err(|error| located(error, statement))
    }

    /// Sync, or the end of a simple query: commits the implicit transaction, closes portals of it.
    ///
    /// # Errors
    /// As [`Database::commit`].
    pub async fn sync(&mut self) -> Result<()> {
        let ended = self.end_of_query().await;
        self.rest();
        ended
    }

    async fn end_of_query(&mut self) -> Result<()> {
        self.carry_out_effects()?;
        if !self.in_block() {
            self.commit().await?;
        }
        Ok(())
    }

    /// Tells the session that the client was told of an error: a block becomes failed, an implicit
    /// transaction is rolled back.
    pub fn fail(&mut self) {
        self.effects.drain();
        self.portals.end_loops();
        self.fail_transaction();
        self.rest();
    }

    /// NOTICEs and WARNINGs since last asked, those `client_min_messages` lets through.
    pub fn take_reports(&mut self) -> Vec<Report> {
        let reports = std::mem::take(&mut self.reports);
        let named = reports.into_iter().map(|report| Report {
            error: self.named(report.error),
            ..report
        });
        named.collect()
    }

    /// Notices for this session.
    pub fn mailbox(&mut self) -> &mut Mailbox {
        &mut self.mailbox
    }

    /// How long the connection may wait for the next message, and the error it ends with then
    /// What the client speaks.
    pub fn client_encoding(&self) -> &'static Encoding {
        self.values.settings.client_encoding()
    }

    /// (idle_session_timeout, idle_in_transaction_session_timeout).
    pub fn idle_deadline(&self) -> Option<(std::time::Duration, Error)> {
        let settings = &self.values.settings;
        let (milliseconds, error) = if self.in_block() {
            (
                settings.idle_in_transaction_session_timeout_ms(),
                Error::new(
                    SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                    "terminating connection due to idle-in-transaction timeout",
                ),
            )
        } else {
            (
                settings.idle_session_timeout_ms(),
                Error::new(
                    SqlState::IDLE_SESSION_TIMEOUT,
                    "terminating connection due to idle-session timeout",
                ),
            )
        };
        (milliseconds > 0).then(|| {
            (
                std::time::Duration::from_millis(milliseconds),
                error.fatal(),
            )
        })
    }
}

/// The clock: microseconds since 1970-01-01 UTC.
fn now() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// Runs `work` unless interrupted first.
async fn interruptible<T>(
    interrupt: &Interrupt,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        error = interrupt.interrupted() => Err(error),
        done = work => done,
    }
}

/// An error of a statement, with its position in the query string.
fn located(error: Error, statement: &Statement) -> Error {
    let error = crate::engine::locate(error, &statement.text, statement.offset);
    match error.position() {
        Some(at) => error.at(crate::engine::original_position(at, &statement.inserted)),
        None => error,
    }
}
