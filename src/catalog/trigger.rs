//! Triggers: functions that a table or view calls when its rows change.

use serde::{Deserialize, Serialize};

use super::Relation;
use super::constraint::Timing;
use crate::base::Oid;
use crate::base::name::quote;

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Identity.
    pub oid: Oid,
    /// Name, unique among its table's triggers; they fire in the order of their names.
    pub name: String,
    /// The function.
    pub routine: Oid,
    /// BEFORE, AFTER or INSTEAD OF.
    pub when: Firing,
    /// What it fires on, in the order INSERT, DELETE, UPDATE, TRUNCATE.
    pub events: Vec<TriggerEvent>,
    /// UPDATE OF: fires only if one of these is assigned to; all, if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<i16>,
    /// FOR EACH ROW, else for each statement.
    pub row: bool,
    /// WHEN, as its author wrote it, without the parentheses around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// The columns that WHEN names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub condition_columns: Vec<i16>,
    /// REFERENCING OLD TABLE
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_table: Option<String>,
    /// REFERENCING NEW TABLE
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_table: Option<String>,
    /// What it tells its function.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// When it fires at all.
    pub enabled: Enabled,
    /// CONSTRAINT
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<ConstraintTrigger>,
    /// COMMENT ON TRIGGER
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What CREATE CONSTRAINT TRIGGER says beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConstraintTrigger {
    /// Identity as a constraint.
    pub oid: Oid,
    /// When it fires.
    pub timing: Timing,
    /// FROM another table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Oid>,
}

/// When a trigger fires, seen from the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Firing {
    /// BEFORE
    Before,
    /// AFTER
    After,
    /// INSTEAD OF
    Instead,
}

/// What a trigger fires on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TriggerEvent {
    /// INSERT
    Insert,
    /// DELETE
    Delete,
    /// UPDATE
    Update,
    /// TRUNCATE
    Truncate,
}

/// Whether a trigger fires, by `session_replication_role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Enabled {
    /// Unless it is `replica`.
    Origin,
    /// Never.
    Disabled,
    /// If it is `replica`.
    Replica,
    /// Always.
    Always,
}

impl Enabled {
    /// `pg_trigger.tgenabled`
    pub fn letter(self) -> char {
        match self {
            Self::Origin => 'O',
            Self::Disabled => 'D',
            Self::Replica => 'R',
            Self::Always => 'A',
        }
    }

    /// Whether it fires.
    pub fn fires(self, replica: bool) -> bool {
        match self {
            Self::Origin => !replica,
            Self::Disabled => false,
            Self::Replica => replica,
            Self::Always => true,
        }
    }
}

impl Firing {
    /// As statements say it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Before => "BEFORE",
            Self::After => "AFTER",
            Self::Instead => "INSTEAD OF",
        }
    }
}

impl TriggerEvent {
    /// As statements say it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Delete => "DELETE",
            Self::Update => "UPDATE",
            Self::Truncate => "TRUNCATE",
        }
    }
}

/// A condition in which a column of the rows has another name.
pub(super) fn renamed(condition: &str, from: &str, to: &str) -> String {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut text = String::with_capacity(condition.len());
    let (mut rest, mut is_row, mut after_row) = (condition, false, false);
    while let Some(first) = rest.chars().next() {
        let (end, name) = match first {
            '\'' => (rest[1..].find('\'').map_or(rest.len(), |at| at + 2), None),
            '"' => {
                let end = rest[1..].find('"').map_or(rest.len(), |at| at + 2);
                let name = rest.get(1..end - 1).unwrap_or_default().to_owned();
                (end, Some(name))
            }
            _ if word(first) => {
                let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
                (end, Some(rest[..end].to_lowercase()))
            }
            _ => (first.len_utf8(), None),
        };
        match &name {
            Some(name) if after_row && name == from => text.push_str(&quote(to)),
            _ => text.push_str(&rest[..end]),
        }
        (is_row, after_row) = match (&name, first) {
            (Some(name), _) => (!after_row && (name == "new" || name == "old"), false),
            (None, '.') => (false, is_row),
            (None, _) => (false, false),
        };
        rest = &rest[end..];
    }
    text
}

impl Trigger {
    /// Whether it fires so.
    pub fn is_for(&self, when: Firing, event: TriggerEvent, row: bool) -> bool {
        self.when == when && self.row == row && self.events.contains(&event)
    }

    /// Whether it looks at rows that a statement changes: each by itself, or all in a table.
    pub fn sees_rows(&self, event: TriggerEvent) -> bool {
        let tables = self.old_table.is_some() || self.new_table.is_some();
        self.enabled != Enabled::Disabled && self.events.contains(&event) && (self.row || tables)
    }

    /// `pg_trigger.tgtype`
    pub fn bits(&self) -> i16 {
        let mut bits = i16::from(self.row);
        bits |= match self.when {
            Firing::Before => 2,
            Firing::After => 0,
            Firing::Instead => 64,
        };
        for event in &self.events {
            bits |= match event {
                TriggerEvent::Insert => 4,
                TriggerEvent::Delete => 8,
                TriggerEvent::Update => 16,
                TriggerEvent::Truncate => 32,
            };
        }
        bits
    }
}

impl Relation {
    /// Whether a trigger may give rows other values than the statement that makes or changes them.
    pub fn may_rewrite(&self, event: TriggerEvent) -> bool {
        let mut triggers = self.triggers.iter();
        triggers.any(|of| of.when == Firing::Before && of.sees_rows(event))
    }
}

#[cfg(test)]
mod tests {
    use super::renamed;

    #[test]
    fn columns_of_rows_are_renamed_in_conditions() {
        let condition = "new.v > 0 AND OLD.\"v\" <> 'new.v' AND v.v IS NULL AND new.vv = 1";
        assert_eq!(
            renamed(condition, "v", "w x"),
            "new.\"w x\" > 0 AND OLD.\"w x\" <> 'new.v' AND v.v IS NULL AND new.vv = 1"
        );
    }
}
