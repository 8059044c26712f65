//! The transaction a session is in, and the values a rollback takes back.
//!
//! The status byte is derived from [`Session::open`], never stored. Settings, `role` and
//! `session_authorization` are transactional as in PostgreSQL: each transaction keeps what to
//! return to on rollback (`before`) and what SET without LOCAL made of it for the commit (`kept`);
//! the session's current values may differ from both by SET LOCAL.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::derived::Derived;
use super::waiting::WaitingRows;
use super::{Session, TransactionStatus};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Snapshot;
use crate::database::{AdvisoryScope, Isolation, LargeObjectView, ReadSet, Transaction};
use crate::settings::Settings;
use crate::statement::ConstraintModes;

/// What SET changes and ROLLBACK restores.
#[derive(Debug, Clone)]
pub(super) struct Values {
    /// Settings.
    pub(super) settings: Arc<Settings>,
    /// `session_user`.
    pub(super) session_role: Oid,
    /// SET ROLE; `None` is NONE.
    pub(super) role: Option<Oid>,
    /// What RESET ROLE goes back to: the role the session started with by its stored settings.
    pub(super) start_role: Option<Oid>,
}

impl Values {
    /// `current_user`
    pub(super) fn current_role(&self) -> Oid {
        self.role.unwrap_or(self.session_role)
    }

    /// Keeps the settings that say who the user is in step.
    pub(super) fn note_roles(&mut self, snapshot: &Snapshot) {
        let is_superuser = snapshot
            .role(self.current_role())
            .is_some_and(|role| role.superuser);
        let role = self
            .role
            .map_or_else(|| "none".to_owned(), |role| snapshot.role_name(role));
        let settings = Arc::make_mut(&mut self.settings);
        settings.set_internal("is_superuser", if is_superuser { "on" } else { "off" });
        settings.set_internal(
            "session_authorization",
            &snapshot.role_name(self.session_role),
        );
        settings.set_internal("role", &role);
    }
}

/// LISTEN and UNLISTEN wait for the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listen {
    /// LISTEN channel
    Add(String),
    /// UNLISTEN channel
    Remove(String),
    /// UNLISTEN *
    RemoveAll,
}

/// An open transaction, implicit or a block.
#[derive(Debug)]
pub(super) struct Open {
    /// `None` once the transaction failed without a savepoint to return to: its locks are gone
    /// already.
    transaction: Option<Transaction>,
    /// Its advisory locks.
    advisory: AdvisoryScope,
    /// Whether BEGIN opened it (else it ends at Sync).
    pub(super) block: bool,
    /// Whether a statement of the block failed.
    pub(super) failed: bool,
    /// READ ONLY
    pub(super) read_only: bool,
    /// DEFERRABLE. Nothing has to wait for it: a transaction that only reads is safe as it is.
    pub(super) deferrable: bool,
    /// `transaction_isolation`, as SHOW prints it.
    pub(super) level: &'static str,
    /// Whether a statement that looks at data ran: the isolation level is settled then.
    pub(super) used: bool,
    /// `now()`
    pub(super) time: i64,
    /// What rollback returns to.
    before: Values,
    /// What commit leaves.
    pub(super) kept: Values,
    /// LISTEN and UNLISTEN so far.
    pub(super) listens: Vec<Listen>,
    /// Constraints that wait for the commit.
    pub(super) deferral: Deferral,
    savepoints: Vec<Savepoint>,
}

/// What SET CONSTRAINTS said, and what is still to be checked because of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Deferral {
    pub(super) modes: Arc<ConstraintModes>,
    /// Tables and their constraints, by OID, with the tables whose changed rows are looked at
    /// then.
    pub(super) pending: BTreeMap<(Oid, Oid), BTreeSet<Oid>>,
    /// Rows that constraint triggers are still to look at.
    pub(super) waiting: WaitingRows,
    /// Those whose turn it is, from the outermost statement that says so inwards.
    pub(super) due: Vec<WaitingRows>,
}

impl Deferral {
    /// Whether foreign keys or constraint triggers are still to look at rows of a table.
    pub(super) fn awaits(&self, table: Oid) -> bool {
        let mut all = self.due.iter().chain([&self.waiting]);
        let mut pending = self.pending.values();
        pending.any(|changed| changed.contains(&table))
            || all.any(|rows| rows.iter().any(|row| row.relation == table))
    }
}

/// What ROLLBACK TO returns to, beside the changes (those the [`Transaction`] keeps).
#[derive(Debug)]
struct Savepoint {
    name: String,
    values: Values,
    kept: Values,
    listens: usize,
    read_only: bool,
    deferral: Deferral,
    /// Portals opened later die with it.
    portals: u64,
}

impl Open {
    /// Whether it is in a savepoint that was made where nothing may be changed.
    pub(super) fn is_within_read_only(&self) -> bool {
        self.savepoints.iter().any(|savepoint| savepoint.read_only)
    }

    /// What the transaction sees; nothing once it failed for good.
    pub(super) fn view(&self) -> Option<&Arc<Snapshot>> {
        self.transaction.as_ref().map(Transaction::view)
    }

    /// What the transaction would see had it changed nothing; nothing once it failed for good.
    pub(super) fn unchanged(&self) -> Option<Arc<Snapshot>> {
        self.transaction.as_ref().map(Transaction::unchanged)
    }

    /// Large objects as a statement that starts now sees them.
    pub(super) fn large_objects(&self) -> Option<LargeObjectView> {
        self.transaction.as_ref().map(Transaction::large_objects)
    }

    /// Where what it reads is noted.
    pub(super) fn reads(&self) -> Option<Arc<ReadSet>> {
        self.transaction.as_ref().and_then(Transaction::reads)
    }

    /// Its isolation level.
    pub(super) fn isolation(&self) -> Isolation {
        isolation_of(self.level)
    }
}

impl Session {
    /// For ReadyForQuery.
    pub fn transaction_status(&self) -> TransactionStatus {
        match &self.open {
            Some(open) if open.block && open.failed => TransactionStatus::Failed,
            Some(open) if open.block => TransactionStatus::InBlock,
            Some(_) | None => TransactionStatus::Idle,
        }
    }

    /// Whether BEGIN opened a block.
    pub(super) fn in_block(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.block)
    }

    /// Whether only ROLLBACK and its kin may run.
    pub(super) fn has_failed(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.failed)
    }

    /// The open transaction's bookkeeping; an implicit transaction is begun if none is open.
    pub(super) fn opened(&mut self) -> Result<&mut Open> {
        if self.open.is_none() {
            let derived = self.derived()?;
            self.open = Some(self.begin(&derived));
            if derived.is_unusual {
                self.note_modes();
            }
        }
        self.open
            .as_mut()
            .ok_or_else(|| Error::internal("opening a transaction", "no transaction"))
    }

    /// The open transaction.
    ///
    /// # Errors
    /// `25P02` if it failed.
    pub(super) fn transaction(&mut self) -> Result<&mut Transaction> {
        self.opened()?.transaction.as_mut().ok_or_else(failed)
    }

    /// What functions did to large objects becomes changes of the transaction.
    pub(super) fn settle_large_objects(&mut self) -> Result<()> {
        let open = self.open.as_mut();
        let moved = match open.and_then(|open| open.transaction.as_mut()) {
            Some(transaction) => transaction.settle()?,
            None => false,
        };
        if moved {
            self.catalog_moved();
        }
        Ok(())
    }

    /// Keeps the settings that say how the open transaction runs in step; they last as long as it
    /// does.
    pub(super) fn note_modes(&mut self) {
        if let Some(open) = &self.open {
            let settings = Arc::make_mut(&mut self.values.settings);
            settings.set_internal("transaction_isolation", open.level);
            let read_only = if open.read_only { "on" } else { "off" };
            settings.set_internal("transaction_read_only", read_only);
            let deferrable = if open.deferrable { "on" } else { "off" };
            settings.set_internal("transaction_deferrable", deferrable);
        }
    }

    fn begin(&self, modes: &Derived) -> Open {
        // It begins with the statement, unless that is a block which has ended one before.
        let time = match self.blocks {
            0 => self.statement_time,
            _ => super::now(),
        };
        self.activity.update(|doing| doing.xact_start = Some(time));
        let level = match modes.level.as_str() {
            "read uncommitted" => "read uncommitted",
            "repeatable read" => "repeatable read",
            "serializable" => "serializable",
            _ => "read committed",
        };
        Open {
            advisory: AdvisoryScope::new(self.shared.database.advisory(), self.activity.id, false),
            transaction: Some(Transaction::begin(
                &self.shared.database,
                isolation_of(level),
                self.values.current_role(),
                self.activity.id,
                self.temporary.clone(),
            )),
            block: false,
            failed: false,
            read_only: modes.read_only,
            deferrable: modes.deferrable,
            level,
            used: false,
            time,
            before: self.values.clone(),
            kept: self.values.clone(),
            listens: Vec::new(),
            deferral: Deferral::default(),
            savepoints: Vec::new(),
        }
    }

    /// Commits whatever is open. A failed block is rolled back instead; says whether it was
    /// committed.
    ///
    /// # Errors
    /// As [`crate::database::Database::commit`]; the transaction is gone then, and its values are
    /// restored.
    pub(super) async fn commit(&mut self) -> Result<bool> {
        if let Err(error) = self.check_deferred().await {
            self.rollback();
            return Err(error);
        }
        if let Err(error) = self.settle_large_objects() {
            self.rollback();
            return Err(error);
        }
        let commits = |open: &Open| !open.failed && open.transaction.is_some();
        if self.open.as_ref().is_some_and(commits)
            && let Err(error) = self.act_on_commit()
        {
            self.rollback();
            return Err(error);
        }
        let Some(mut open) = self.open.take() else {
            self.portals.commit();
            return Ok(true);
        };
        self.activity.update(|doing| doing.xact_start = None);
        let transaction = match open.transaction.take() {
            Some(transaction) if !open.failed => transaction,
            Some(_) | None => {
                self.portals.roll_back(0);
                self.values = open.before;
                return Ok(false);
            }
        };
        // Listening starts before the commit is published, so that a session hears its own notices,
        // as in PostgreSQL.
        let heard = self.mailbox.channels();
        for listen in &open.listens {
            match listen {
                Listen::Add(channel) => self.mailbox.listen(channel),
                Listen::Remove(channel) => self.mailbox.unlisten(Some(channel)),
                Listen::RemoveAll => self.mailbox.unlisten(None),
            }
        }
        if transaction.is_read_only_so_far() {
            self.portals.commit();
            self.values = open.kept;
            return Ok(true);
        }
        let database = self.shared.database.clone();
        match database.commit(transaction).await {
            Ok(committed) => {
                self.portals.commit();
                self.values = open.kept;
                self.temporary = self
                    .temporary_schema
                    .filter(|schema| committed.view.schema(*schema).is_some())
                    .map(|schema| (schema, committed.view));
                let of = self.temporary.iter();
                let roles = of.flat_map(|(schema, view)| view.roles_of_temporary(*schema));
                let roles = roles.collect();
                self.activity.update(|doing| doing.temporary = roles);
                Ok(true)
            }
            Err(error) => {
                self.portals.roll_back(0);
                self.values = open.before;
                if !open.listens.is_empty() {
                    self.mailbox.unlisten(None);
                    for channel in &heard {
                        self.mailbox.listen(channel);
                    }
                }
                Err(error)
            }
        }
    }

    /// Throws away whatever is open.
    pub(super) fn rollback(&mut self) {
        self.portals.roll_back(0);
        if let Some(open) = self.open.take() {
            self.values = open.before;
            self.catalog_moved();
            self.activity.update(|doing| doing.xact_start = None);
        }
    }

    /// After an error: a block becomes failed, an implicit transaction is rolled back.
    pub(super) fn fail_transaction(&mut self) {
        match &mut self.open {
            Some(open) if open.block => {
                open.failed = true;
                match open.savepoints.last() {
                    Some(savepoint) => {
                        if let Some(transaction) = &open.transaction {
                            transaction.unsettle();
                        }
                        self.values = savepoint.values.clone();
                        self.portals.roll_back(savepoint.portals);
                    }
                    None => {
                        open.transaction = None;
                        open.advisory.end();
                        self.values = open.before.clone();
                        self.portals.roll_back(0);
                    }
                }
                self.catalog_moved();
            }
            Some(_) => self.rollback(),
            None => {}
        }
    }

    /// SAVEPOINT
    pub(super) fn savepoint(&mut self, name: &str) -> Result<()> {
        self.settle_large_objects()?;
        let values = self.values.clone();
        let portals = self.portals.serial();
        self.transaction()?.savepoint(name);
        let open = self.opened()?;
        open.savepoints.push(Savepoint {
            name: name.to_owned(),
            values,
            kept: open.kept.clone(),
            listens: open.listens.len(),
            read_only: open.read_only,
            deferral: open.deferral.clone(),
            portals,
        });
        Ok(())
    }

    /// RELEASE SAVEPOINT
    pub(super) fn release(&mut self, name: &str) -> Result<()> {
        self.transaction()?.release(name)?;
        let open = self.opened()?;
        if let Some(index) = open.savepoints.iter().rposition(|s| s.name == name) {
            open.savepoints.truncate(index);
        }
        Ok(())
    }

    /// ROLLBACK TO SAVEPOINT: the one statement besides ROLLBACK and COMMIT that runs in a failed
    /// block.
    pub(super) fn rollback_to(&mut self, name: &str) -> Result<()> {
        let open = self.opened()?;
        let missing = || {
            Error::new(
                SqlState::INVALID_SAVEPOINT_SPECIFICATION,
                format!("savepoint \"{name}\" does not exist"),
            )
        };
        let index = open
            .savepoints
            .iter()
            .rposition(|savepoint| savepoint.name == name)
            .ok_or_else(missing)?;
        open.transaction
            .as_mut()
            .ok_or_else(missing)?
            .rollback_to(name)?;
        // The savepoint itself stays, later ones go.
        open.savepoints.truncate(index + 1);
        let savepoint = &open.savepoints[index];
        open.kept = savepoint.kept.clone();
        open.listens.truncate(savepoint.listens);
        open.read_only = savepoint.read_only;
        open.deferral = savepoint.deferral.clone();
        open.failed = false;
        let (values, portals) = (savepoint.values.clone(), savepoint.portals);
        self.values = values;
        self.portals.roll_back(portals);
        self.catalog_moved();
        Ok(())
    }
}

/// The level a setting or a statement names.
pub(super) fn isolation_of(level: &str) -> Isolation {
    match level {
        "repeatable read" => Isolation::RepeatableRead,
        "serializable" => Isolation::Serializable,
        // PostgreSQL treats READ UNCOMMITTED as READ COMMITTED too.
        _ => Isolation::ReadCommitted,
    }
}

/// `25P02`
pub(super) fn failed() -> Error {
    Error::new(
        SqlState::IN_FAILED_SQL_TRANSACTION,
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}
