//! Triggers of tables and views.

use super::ObjectName;
use crate::catalog::{Enabled, Firing, Timing, TriggerEvent};

/// CREATE, ALTER and DROP TRIGGER.
#[derive(Debug, Clone)]
pub struct TriggerStatement {
    /// The trigger.
    pub name: String,
    /// Its table.
    pub table: ObjectName,
    /// What is to be done.
    pub action: TriggerAction,
}

/// What is to be done with a trigger.
#[derive(Debug, Clone)]
pub enum TriggerAction {
    /// CREATE TRIGGER
    Create(Box<NewTrigger>),
    /// ALTER TRIGGER … RENAME TO
    Rename(String),
    /// DROP TRIGGER
    Drop {
        /// IF EXISTS
        if_exists: bool,
    },
}

/// CREATE TRIGGER
#[derive(Debug, Clone)]
pub struct NewTrigger {
    /// OR REPLACE
    pub or_replace: bool,
    /// BEFORE, AFTER, INSTEAD OF
    pub when: Firing,
    /// INSERT, UPDATE, DELETE, TRUNCATE
    pub events: Vec<TriggerEvent>,
    /// UPDATE OF
    pub columns: Vec<String>,
    /// FOR EACH ROW
    pub row: bool,
    /// WHEN, as its author wrote it.
    pub condition: Option<String>,
    /// REFERENCING OLD TABLE
    pub old_table: Option<String>,
    /// REFERENCING NEW TABLE
    pub new_table: Option<String>,
    /// The function.
    pub function: ObjectName,
    /// What it is told.
    pub arguments: Vec<String>,
    /// CONSTRAINT, and when it fires.
    pub constraint: Option<Timing>,
    /// FROM
    pub from: Option<ObjectName>,
}

/// ALTER TABLE … ENABLE and DISABLE TRIGGER
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enabling {
    /// From now on.
    pub enabled: Enabled,
    /// Which trigger; all, if none is named.
    pub trigger: Option<String>,
    /// ALL: foreign keys, too.
    pub all: bool,
}

impl Enabling {
    /// The words of messages.
    pub fn words(&self) -> &'static str {
        let user = self.trigger.is_none();
        match self.enabled {
            Enabled::Origin if self.all => "ENABLE TRIGGER ALL",
            Enabled::Origin if user => "ENABLE TRIGGER USER",
            Enabled::Origin => "ENABLE TRIGGER",
            Enabled::Disabled if self.all => "DISABLE TRIGGER ALL",
            Enabled::Disabled if user => "DISABLE TRIGGER USER",
            Enabled::Disabled => "DISABLE TRIGGER",
            Enabled::Replica => "ENABLE REPLICA TRIGGER",
            Enabled::Always => "ENABLE ALWAYS TRIGGER",
        }
    }
}
