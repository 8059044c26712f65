//! Row security: policies of tables.

use super::{ObjectName, RoleSpec};
use crate::catalog::PolicyCommand;

/// CREATE, ALTER and DROP POLICY.
#[derive(Debug, Clone)]
pub struct PolicyStatement {
    /// The policy.
    pub name: String,
    /// Its table.
    pub table: ObjectName,
    /// What is to be done.
    pub action: PolicyAction,
}

/// What is to be done with a policy.
#[derive(Debug, Clone)]
pub enum PolicyAction {
    /// CREATE POLICY
    Create {
        /// AS PERMISSIVE, the default, rather than AS RESTRICTIVE.
        permissive: bool,
        /// FOR
        command: PolicyCommand,
        /// TO, PUBLIC by default.
        roles: Vec<RoleSpec>,
        /// USING, as its author wrote it.
        using: Option<String>,
        /// WITH CHECK, as its author wrote it.
        check: Option<String>,
    },
    /// ALTER POLICY
    Alter {
        /// TO
        roles: Option<Vec<RoleSpec>>,
        /// USING
        using: Option<String>,
        /// WITH CHECK
        check: Option<String>,
    },
    /// ALTER POLICY … RENAME TO
    Rename(String),
    /// DROP POLICY
    Drop {
        /// IF EXISTS
        if_exists: bool,
    },
}

/// ALTER TABLE … ROW LEVEL SECURITY
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowSecurityAction {
    /// ENABLE and DISABLE
    Enable(bool),
    /// FORCE and NO FORCE
    Force(bool),
}

impl RowSecurityAction {
    /// The words of messages.
    pub fn words(self) -> &'static str {
        match self {
            Self::Enable(true) => "ENABLE ROW SECURITY",
            Self::Enable(false) => "DISABLE ROW SECURITY",
            Self::Force(true) => "FORCE ROW SECURITY",
            Self::Force(false) => "NO FORCE ROW SECURITY",
        }
    }
}
