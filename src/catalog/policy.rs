//! Row security: which rows of a table whoever does not own it may see, and make.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::Oid;

/// What a table says of its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSecurity {
    /// ENABLE ROW LEVEL SECURITY
    #[serde(default)]
    pub enabled: bool,
    /// FORCE ROW LEVEL SECURITY: for its owner too.
    #[serde(default)]
    pub forced: bool,
    /// Its policies, in the order of their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Identity.
    pub oid: Oid,
    /// Name, unique among the table's policies.
    pub name: String,
    /// PERMISSIVE: one of these must let a row through. Of the others, RESTRICTIVE, all must.
    pub permissive: bool,
    /// What it is for.
    pub command: PolicyCommand,
    /// Whom it is for; nobody is PUBLIC.
    pub roles: Vec<Oid>,
    /// USING: rows that are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub using: Option<Condition>,
    /// WITH CHECK: rows that are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Condition>,
    /// COMMENT ON POLICY
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyCommand {
    /// ALL
    All,
    /// SELECT
    Select,
    /// INSERT
    Insert,
    /// UPDATE
    Update,
    /// DELETE
    Delete,
}

/// A condition on rows of a policy's table, or on what a trigger's row is changed from and to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The expression; what of users it names stands there under its full name.
    pub text: String,
    /// The columns it names, by their relations: those of the policy's or trigger's table, and of
    /// what subqueries read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<Oid, BTreeSet<i16>>,
    /// The functions it calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routines: Vec<Oid>,
    /// The users' types it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<Oid>,
}

impl RowSecurity {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A policy by its name.
    pub fn named(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    /// A policy by its OID.
    pub fn policy(&self, oid: Oid) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.oid == oid)
    }
}

impl PolicyCommand {
    /// `pg_policy.polcmd`
    pub fn letter(self) -> char {
        match self {
            Self::All => '*',
            Self::Select => 'r',
            Self::Insert => 'a',
            Self::Update => 'w',
            Self::Delete => 'd',
        }
    }
}

impl Policy {
    /// Its conditions.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.using.iter().chain(&self.check)
    }

    /// Whether a condition names a column.
    pub fn names_column(&self, relation: Oid, attnum: i16) -> bool {
        self.conditions().any(|condition| {
            let columns = condition.names.get(&relation);
            columns.is_some_and(|columns| columns.contains(&attnum))
        })
    }

    /// Whether a condition reads a relation.
    pub fn reads(&self, relation: Oid) -> bool {
        self.conditions()
            .any(|condition| condition.names.contains_key(&relation))
    }

    /// Whether a condition calls a function.
    pub fn calls(&self, routine: Oid) -> bool {
        self.conditions()
            .any(|condition| condition.routines.contains(&routine))
    }

    /// Whether a condition says a type.
    pub fn says(&self, ty: Oid) -> bool {
        self.conditions()
            .any(|condition| condition.types.contains(&ty))
    }
}
