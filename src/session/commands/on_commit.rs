//! ON COMMIT of temporary tables.

use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, ObjectId};
use crate::engine::command::OnCommit;
use crate::session::Session;

impl Session {
    /// Remembers what is to become of a new table at the end of each transaction.
    pub(super) fn note_on_commit(&mut self, table: Oid, action: Option<OnCommit>) {
        if let Some(action) = action {
            self.on_commit.insert(table, action);
        }
    }

    /// Empties and drops temporary tables as they were declared, in the transaction that is about
    /// to commit.
    ///
    /// # Errors
    /// As pushing changes; nothing may be committed then.
    pub(in crate::session) fn act_on_commit(&mut self) -> Result<()> {
        if self.on_commit.is_empty() {
            return Ok(());
        }
        let view = self.transaction()?.view().clone();
        self.on_commit
            .retain(|table, _| view.relation(*table).is_some());
        let mut emptied = Vec::new();
        let mut dropped = Vec::new();
        for (table, action) in &self.on_commit {
            match (action, view.relation(*table)) {
                (OnCommit::Drop, Some(_)) => dropped.push(ObjectId::Relation(*table)),
                (OnCommit::DeleteRows, Some(relation)) => {
                    emptied.extend(Change::emptying(relation));
                }
                (_, None) => {}
            }
        }
        self.push_needing(emptied, &[])?;
        if dropped.is_empty() {
            return Ok(());
        }
        let closure = view.dependants_closure(&dropped)?;
        self.push_needing(closure.changes, &[])
    }
}

/// `42P16` where something other than a temporary table is to end with a transaction.
pub(super) fn check_on_commit(temporary: bool, action: Option<OnCommit>) -> Result<()> {
    if temporary || action.is_none() {
        return Ok(());
    }
    Err(Error::new(
        SqlState::INVALID_TABLE_DEFINITION,
        "ON COMMIT can only be used on temporary tables",
    ))
}
