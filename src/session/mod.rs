//! One connected user: role, settings, transaction state, prepared statements, portals, mailbox.

mod response;

use std::sync::Arc;

use bytes::Bytes;

use crate::base::error::Report;
use crate::base::{Error, Oid, Result};
use crate::database::Database;
use crate::engine::{Engine, OutputColumn, Rows, Statement};
use crate::notify::Mailbox;
use crate::observe::{Activity, Sessions};
use crate::types::PgType;

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
    _private: (),
}

impl Session {
    /// Opens a session for `role`, already authenticated. Makes the role's own schema at first login. `parameters` are
    /// the startup packet's run-time settings (`application_name`, `client_encoding`, those of `options`), in order.
    ///
    /// # Errors
    /// FATAL in the wire's hands: `28000` no login, `53300` connection limit, `3D000` no such database, `22023` bad setting.
    pub async fn open(
        shared: Arc<Shared>,
        activity: Arc<Activity>,
        database: &str,
        parameters: &[(String, String)],
    ) -> Result<Self> {
        let _ = (shared, activity, database, parameters);
        todo!()
    }

    /// Parses a query string.
    ///
    /// # Errors
    /// As [`crate::engine::parse()`].
    pub fn parse(&self, sql: &str) -> Result<Vec<Statement>> {
        crate::engine::parse(sql)
    }

    /// Runs one statement of a simple query. Outside a block it runs in the implicit transaction that
    /// [`Session::sync`] commits.
    ///
    /// # Errors
    /// Whatever the statement fails with; the wire then calls [`Session::fail`].
    pub async fn run(&mut self, statement: &Statement) -> Result<Response> {
        let _ = statement;
        todo!()
    }

    /// Parse message: at most one statement. `types` are the declared parameter OIDs (0: unspecified).
    ///
    /// # Errors
    /// `42P05` name taken, `42601` more than one statement, and parse errors.
    pub async fn prepare(&mut self, name: &str, sql: &str, types: &[Oid]) -> Result<()> {
        let _ = (name, sql, types);
        todo!()
    }

    /// Describe 'S'.
    ///
    /// # Errors
    /// `26000` no such statement, and bind errors.
    pub async fn describe_statement(&mut self, name: &str) -> Result<StatementDescription> {
        let _ = name;
        todo!()
    }

    /// Bind message. `formats` as in the protocol: none (all text), one for all, or one each; false text, true binary.
    ///
    /// # Errors
    /// `26000`, `42P03` portal name taken, `08P01` wrong counts, `22P02`/`22P03` bad values, `25P02` failed transaction.
    pub async fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        parameters: &[Option<Bytes>],
        parameter_formats: &[bool],
        result_formats: &[bool],
    ) -> Result<()> {
        let _ = (
            portal,
            statement,
            parameters,
            parameter_formats,
            result_formats,
        );
        todo!()
    }

    /// Describe 'P'.
    ///
    /// # Errors
    /// `34000` no such portal.
    pub async fn describe_portal(&mut self, name: &str) -> Result<PortalDescription> {
        let _ = name;
        todo!()
    }

    /// Execute message: runs the portal, or takes up its suspended rows. Rows that were not all sent come back through
    /// [`Session::suspend`].
    ///
    /// # Errors
    /// `34000` no such portal, and whatever the statement fails with.
    pub async fn execute(&mut self, portal: &str) -> Result<Response> {
        let _ = portal;
        todo!()
    }

    /// Gives back the rest of a portal's rows after Execute's row limit.
    pub fn suspend(&mut self, portal: &str, rows: Rows) {
        let _ = (portal, rows);
        todo!()
    }

    /// Close 'S'. Closing what does not exist is no error.
    pub fn close_statement(&mut self, name: &str) {
        let _ = name;
        todo!()
    }

    /// Close 'P'.
    pub fn close_portal(&mut self, name: &str) {
        let _ = name;
        todo!()
    }

    /// The end of a COPY FROM STDIN the client finished: loads the rows; gives the tag.
    ///
    /// # Errors
    /// As [`crate::engine::copy::CopyIn::finish`].
    pub async fn finish_copy_in(&mut self, copy: CopyInResponse) -> Result<CommandTag> {
        let _ = copy;
        todo!()
    }

    /// Sync, or the end of a simple query: commits the implicit transaction, closes portals of it.
    ///
    /// # Errors
    /// As [`Database::commit`].
    pub async fn sync(&mut self) -> Result<()> {
        todo!()
    }

    /// Tells the session that the client was told of an error: a block becomes failed, an implicit transaction is
    /// rolled back.
    pub fn fail(&mut self) {
        todo!()
    }

    /// For ReadyForQuery.
    pub fn transaction_status(&self) -> TransactionStatus {
        todo!()
    }

    /// NOTICEs and WARNINGs since last asked, those `client_min_messages` lets through.
    pub fn take_reports(&mut self) -> Vec<Report> {
        todo!()
    }

    /// Reported settings that changed since last asked (all of them the first time), for ParameterStatus.
    pub fn take_parameter_changes(&mut self) -> Vec<(&'static str, String)> {
        todo!()
    }

    /// Notices for this session.
    pub fn mailbox(&mut self) -> &mut Mailbox {
        todo!()
    }

    /// How long the connection may wait for the next message, and the error it ends with then
    /// (idle_session_timeout, idle_in_transaction_session_timeout).
    pub fn idle_deadline(&self) -> Option<(std::time::Duration, Error)> {
        todo!()
    }
}
