//! Triggers: functions that a table or view calls when its rows change.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::constraint::Timing;
use super::{Condition, Relation};
use crate::base::name::quote;
use crate::base::{Oid, Result};

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Identity.
    pub oid: Oid,
    /// Name, unique among its table's triggers; they fire in the order of their names.
    pub name: String,
    /// Of a partition's trigger that is its part of one of the partitioned table's: that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Oid>,
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
    /// WHEN, over `old` and `new`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
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

/// A piece of a condition: a name if it is one, and its text.
fn pieces(mut rest: &str) -> impl Iterator<Item = (Option<String>, &str)> {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let quoted = |mark: char| rest[1..].find(mark).map_or(rest.len(), |at| at + 2);
        let (end, name) = match first {
            '\'' => (quoted('\''), None),
            '"' => {
                let end = quoted('"');
                let name = rest.get(1..end - 1).unwrap_or_default().to_owned();
                (end, Some(name))
            }
            _ if word(first) => {
                let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
                (end, Some(rest[..end].to_lowercase()))
            }
            _ => (first.len_utf8(), None),
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some((name, piece))
    })
}

/// Follows `new.` and `old.` through the pieces of a condition.
#[derive(Default)]
struct Following {
    is_row: bool,
    after_row: bool,
}

impl Following {
    fn note(&mut self, name: Option<&str>, piece: &str) {
        let is_row = matches!(name, Some("new" | "old"));
        (self.is_row, self.after_row) = match (name, piece) {
            (Some(_), _) => (!self.after_row && is_row, false),
            (None, ".") => (false, self.is_row),
            (None, _) => (false, false),
        };
    }
}

/// A condition in which a column of the rows has another name.
pub(super) fn renamed(condition: &str, from: &str, to: &str) -> String {
    let mut text = String::with_capacity(condition.len());
    let mut following = Following::default();
    for (name, piece) in pieces(condition) {
        match &name {
            Some(name) if following.after_row && name == from => text.push_str(&quote(to)),
            _ => text.push_str(piece),
        }
        following.note(name.as_deref(), piece);
    }
    text
}

/// A condition in which `old.*` and `new.*` are the rows `old` and `new`; everything stands where
/// it stood.
pub fn without_stars(condition: &str) -> String {
    let mut text = String::with_capacity(condition.len());
    let mut following = Following::default();
    for (name, piece) in pieces(condition) {
        if following.after_row && piece == "*" {
            text.truncate(text.len() - 1);
            text.push_str("  ");
        } else {
            text.push_str(piece);
        }
        following.note(name.as_deref(), piece);
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
        let sees = self.row || self.has_tables();
        self.enabled != Enabled::Disabled && self.events.contains(&event) && sees
    }

    /// Whether it gives names to all rows of a statement.
    pub fn has_tables(&self) -> bool {
        self.old_table.is_some() || self.new_table.is_some()
    }

    /// The columns of `table`, whose trigger it is, that WHEN names.
    pub fn condition_columns(&self, table: Oid) -> impl Iterator<Item = i16> {
        let condition = self.condition.as_ref();
        let columns = condition.and_then(|condition| condition.names.get(&table));
        columns.into_iter().flatten().copied()
    }

    /// Whether WHEN calls a function.
    pub fn asks(&self, routine: Oid) -> bool {
        let condition = self.condition.as_ref();
        condition.is_some_and(|condition| condition.routines.contains(&routine))
    }

    /// Whether WHEN says a type of users.
    pub fn says(&self, ty: Oid) -> bool {
        let condition = self.condition.as_ref();
        condition.is_some_and(|condition| condition.types.contains(&ty))
    }

    /// A partition's part of it, which is one of `table`'s; identities are made by `new_oid`.
    ///
    /// # Errors
    /// `XX000` for a partition that lacks a column.
    pub fn part(
        &self,
        table: &Relation,
        partition: &Relation,
        new_oid: &mut dyn FnMut() -> Oid,
    ) -> Result<Self> {
        let own = |attnum: &i16| table.number_in(partition, *attnum);
        let mut part = self.clone();
        part.oid = new_oid();
        part.parent = Some(self.oid);
        part.comment = None;
        part.columns = self.columns.iter().map(own).collect::<Result<_>>()?;
        if let Some(condition) = &mut part.condition
            && let Some(named) = condition.names.remove(&table.oid)
        {
            let named = named.iter().map(own).collect::<Result<BTreeSet<i16>>>()?;
            condition.names.insert(partition.oid, named);
        }
        if let Some(constraint) = &mut part.constraint {
            constraint.oid = new_oid();
        }
        Ok(part)
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
    /// Whether it is a view whose triggers do this to it, enabled or not.
    pub fn is_done_instead(&self, event: TriggerEvent) -> bool {
        let mut triggers = self.triggers.iter();
        triggers.any(|of| of.when == Firing::Instead && of.events.contains(&event))
    }

    /// Whether a trigger may give rows other values than the statement that makes or changes them.
    pub fn may_rewrite(&self, event: TriggerEvent) -> bool {
        let mut triggers = self.triggers.iter();
        triggers.any(|of| of.when != Firing::After && of.row && of.sees_rows(event))
    }
}

#[cfg(test)]
mod tests {
    use super::{renamed, without_stars};

    #[test]
    fn whole_rows_have_no_stars() {
        assert_eq!(
            without_stars(
                "old.* IS DISTINCT FROM NEW.* AND 'old.*' <> o.v AND old.v * 2 = new.v*3"
            ),
            "old   IS DISTINCT FROM NEW   AND 'old.*' <> o.v AND old.v * 2 = new.v*3"
        );
    }

    #[test]
    fn columns_of_rows_are_renamed_in_conditions() {
        let condition = "new.v > 0 AND OLD.\"v\" <> 'new.v' AND v.v IS NULL AND new.vv = 1";
        assert_eq!(
            renamed(condition, "v", "w x"),
            "new.\"w x\" > 0 AND OLD.\"w x\" <> 'new.v' AND v.v IS NULL AND new.vv = 1"
        );
    }
}
