//! BEGIN, COMMIT, ROLLBACK, savepoints, SET TRANSACTION.

use super::tag;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{IsolationLevel, TransactionModes};
use crate::session::dispatch::starts_with;
use crate::session::state::isolation_of;
use crate::session::{CommandTag, Session};

/// What a chained transaction takes over: level, READ ONLY, DEFERRABLE.
pub(in crate::session) type Modes = (&'static str, bool, bool);

impl Session {
    /// BEGIN and START TRANSACTION. What ran before in the same query string becomes part of the
    /// block, as in PostgreSQL.
    pub(in crate::session) fn begin_block(
        &mut self,
        modes: &TransactionModes,
        text: &str,
    ) -> Result<CommandTag> {
        let was_open = self.in_block();
        if was_open {
            self.warning(
                SqlState::ACTIVE_SQL_TRANSACTION,
                "there is already a transaction in progress",
            );
        }
        self.opened()?.block = true;
        if let Err(error) = self.set_modes(modes) {
            // A block that this very statement opened never was: the client need not end it.
            if !was_open {
                self.rollback();
            }
            return Err(error);
        }
        Ok(tag(if starts_with(text, "start") {
            "START TRANSACTION"
        } else {
            "BEGIN"
        }))
    }

    /// COMMIT and END. Of a failed block nothing is left to commit: the tag says ROLLBACK.
    pub(in crate::session) async fn commit_block(&mut self, chain: bool) -> Result<CommandTag> {
        let modes = self.end_of_block("COMMIT AND CHAIN", chain)?;
        let committed = self.commit().await?;
        self.chain(modes)?;
        Ok(tag(if committed { "COMMIT" } else { "ROLLBACK" }))
    }

    /// ROLLBACK and ABORT
    pub(in crate::session) fn rollback_block(&mut self, chain: bool) -> Result<CommandTag> {
        let modes = self.end_of_block("ROLLBACK AND CHAIN", chain)?;
        self.rollback();
        self.chain(modes)?;
        Ok(tag("ROLLBACK"))
    }

    /// PREPARE TRANSACTION. As on a PostgreSQL with `max_prepared_transactions = 0`, its default,
    /// the block is rolled back: clients count on it to be over in any case.
    pub(in crate::session) fn prepare_block(&mut self) -> Result<CommandTag> {
        let sound = self.in_block() && !self.has_failed();
        self.rollback_block(false)?;
        if sound {
            return Err(Error::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "prepared transactions are disabled",
            )
            .hint("Set max_prepared_transactions to a nonzero value."));
        }
        Ok(tag("ROLLBACK"))
    }

    /// COMMIT PREPARED and ROLLBACK PREPARED: there are no prepared transactions.
    pub(in crate::session) fn end_prepared(&self, commit: bool, name: &str) -> Result<CommandTag> {
        let word = if commit { "COMMIT" } else { "ROLLBACK" };
        self.refuse_in_block(&format!("{word} PREPARED"))?;
        Err(Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("prepared transaction with identifier \"{name}\" does not exist"),
        ))
    }

    /// What a chained transaction takes over, or `None` if none follows.
    fn end_of_block(&mut self, what: &str, chain: bool) -> Result<Option<Modes>> {
        if !self.in_block() {
            if chain {
                return Err(outside_block(what));
            }
            self.warning(
                SqlState::NO_ACTIVE_SQL_TRANSACTION,
                "there is no transaction in progress",
            );
            return Ok(None);
        }
        if !chain {
            return Ok(None);
        }
        self.modes().map(Some)
    }

    fn chain(&mut self, modes: Option<Modes>) -> Result<()> {
        if let Some(modes) = modes {
            self.take_over(modes)?;
            self.opened()?.block = true;
        }
        Ok(())
    }

    /// How the open transaction runs.
    pub(in crate::session) fn modes(&mut self) -> Result<Modes> {
        let open = self.opened()?;
        Ok((open.level, open.read_only, open.deferrable))
    }

    /// Lets a transaction that begins run as the one before it.
    pub(in crate::session) fn take_over(&mut self, modes: Modes) -> Result<()> {
        let (level, read_only, deferrable) = modes;
        let open = self.opened()?;
        (open.level, open.read_only, open.deferrable) = (level, read_only, deferrable);
        self.transaction()?.set_isolation(isolation_of(level));
        self.note_modes();
        Ok(())
    }

    /// SAVEPOINT
    pub(in crate::session) fn savepoint_command(&mut self, name: &str) -> Result<CommandTag> {
        self.need_own_block("SAVEPOINT")?;
        self.savepoint(name)?;
        Ok(tag("SAVEPOINT"))
    }

    /// ROLLBACK TO SAVEPOINT
    pub(in crate::session) fn rollback_to_command(&mut self, name: &str) -> Result<CommandTag> {
        self.need_own_block("ROLLBACK TO SAVEPOINT")?;
        self.rollback_to(name)?;
        Ok(tag("ROLLBACK"))
    }

    /// RELEASE SAVEPOINT
    pub(in crate::session) fn release_command(&mut self, name: &str) -> Result<CommandTag> {
        self.need_own_block("RELEASE SAVEPOINT")?;
        self.release(name)?;
        Ok(tag("RELEASE"))
    }

    /// SET TRANSACTION
    pub(in crate::session) fn set_transaction(
        &mut self,
        modes: &TransactionModes,
    ) -> Result<CommandTag> {
        self.warn_outside_block("SET TRANSACTION");
        self.set_modes(modes)?;
        Ok(tag("SET"))
    }

    /// SET SESSION CHARACTERISTICS AS TRANSACTION
    pub(in crate::session) fn set_session_characteristics(
        &mut self,
        modes: &TransactionModes,
    ) -> Result<CommandTag> {
        if let Some(level) = modes.isolation {
            self.set("default_transaction_isolation", words(level), false)?;
        }
        if let Some(read_only) = modes.read_only {
            self.set("default_transaction_read_only", on_off(read_only), false)?;
        }
        if let Some(deferrable) = modes.deferrable {
            self.set("default_transaction_deferrable", on_off(deferrable), false)?;
        }
        Ok(tag("SET"))
    }

    /// Settles the open transaction's modes.
    pub(super) fn set_modes(&mut self, modes: &TransactionModes) -> Result<()> {
        if let Some(level) = modes.isolation {
            let isolation = isolation_of(words(level));
            let open = self.opened()?;
            if open.used && open.isolation() != isolation {
                return Err(Error::new(
                    SqlState::ACTIVE_SQL_TRANSACTION,
                    "SET TRANSACTION ISOLATION LEVEL must be called before any query",
                ));
            }
            open.level = words(level);
            self.transaction()?.set_isolation(isolation);
        }
        if let Some(read_only) = modes.read_only {
            let open = self.opened()?;
            if !read_only && open.read_only && open.used {
                return Err(Error::new(
                    SqlState::ACTIVE_SQL_TRANSACTION,
                    "transaction read-write mode must be set before any query",
                ));
            }
            if !read_only && open.is_within_read_only() {
                return Err(Error::new(
                    SqlState::ACTIVE_SQL_TRANSACTION,
                    "cannot set transaction read-write mode inside a read-only transaction",
                ));
            }
            open.read_only = read_only;
        }
        if let Some(deferrable) = modes.deferrable {
            let open = self.opened()?;
            if open.used {
                return Err(Error::new(
                    SqlState::ACTIVE_SQL_TRANSACTION,
                    "SET TRANSACTION [NOT] DEFERRABLE must be called before any query",
                ));
            }
            open.deferrable = deferrable;
        }
        self.note_modes();
        Ok(())
    }

    /// Whether the statement is one of several in a transaction: that of a block, of a query of
    /// more statements, or of a function.
    fn is_amid(&self) -> bool {
        self.atomic || self.is_within()
    }

    /// Whether the statement is one of a function or block.
    fn is_within(&self) -> bool {
        self.blocks > 0 || !self.bodies.is_empty()
    }

    /// `25P01` for a statement that is of no use alone.
    pub(super) fn need_block(&self, what: &str) -> Result<()> {
        match self.is_amid() {
            true => Ok(()),
            false => Err(outside_block(what)),
        }
    }

    /// `25P01` where no BEGIN opened a block.
    fn need_own_block(&self, what: &str) -> Result<()> {
        match self.in_block() {
            true => Ok(()),
            false => Err(outside_block(what)),
        }
    }

    /// `25001` for a statement that must be alone in its transaction.
    pub(super) fn refuse_in_block(&self, what: &str) -> Result<()> {
        let why = match (self.in_block(), self.is_within()) {
            (false, true) => "be executed from a function",
            _ if self.is_amid() => "run inside a transaction block",
            _ => return Ok(()),
        };
        let message = format!("{what} cannot {why}");
        Err(Error::new(SqlState::ACTIVE_SQL_TRANSACTION, message))
    }

    /// The warning that a statement does nothing alone.
    pub(super) fn warn_outside_block(&mut self, what: &str) {
        if !self.is_amid() {
            self.warning(
                SqlState::NO_ACTIVE_SQL_TRANSACTION,
                format!("{what} can only be used in transaction blocks"),
            );
        }
    }
}

fn outside_block(what: &str) -> Error {
    Error::new(
        SqlState::NO_ACTIVE_SQL_TRANSACTION,
        format!("{what} can only be used in transaction blocks"),
    )
}

/// A level as settings spell it.
fn words(level: IsolationLevel) -> &'static str {
    match level {
        IsolationLevel::ReadUncommitted => "read uncommitted",
        IsolationLevel::ReadCommitted => "read committed",
        IsolationLevel::RepeatableRead => "repeatable read",
        IsolationLevel::Serializable => "serializable",
    }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
