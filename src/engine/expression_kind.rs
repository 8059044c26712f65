//! What expressions that stand outside of queries may hold, and what PostgreSQL calls them when
//! they hold something else.

use crate::base::{Error, SqlState};

/// Where an expression stands that is no part of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpressionKind {
    /// An argument of CALL.
    CallArgument,
    /// CHECK, of a table or a domain.
    Check,
    /// WHERE of COPY FROM.
    CopyWhere,
    /// DEFAULT, of a column, a domain or a function's parameter.
    Default,
    /// An argument of EXECUTE.
    ExecuteParameter,
    /// What a column GENERATED ALWAYS AS is made of.
    Generation,
    /// A part of an index.
    IndexExpression,
    /// WHERE of an index.
    IndexPredicate,
    /// A value of a partition's bound.
    PartitionBound,
    /// A part of a partition key.
    PartitionKey,
    /// USING and WITH CHECK of a policy.
    Policy,
    /// USING of ALTER COLUMN … TYPE.
    Transform,
    /// WHEN of a trigger.
    TriggerWhen,
}

impl ExpressionKind {
    /// What PostgreSQL calls one of them.
    fn name(self) -> &'static str {
        match self {
            Self::CallArgument => "CALL argument",
            Self::Check => "check constraint",
            Self::CopyWhere => "COPY FROM WHERE condition",
            Self::Default => "DEFAULT expression",
            Self::ExecuteParameter => "EXECUTE parameter",
            Self::Generation => "column generation expression",
            Self::IndexExpression => "index expression",
            Self::IndexPredicate => "index predicate",
            Self::PartitionBound => "partition bound",
            Self::PartitionKey => "partition key expression",
            Self::Policy => "policy expression",
            Self::Transform => "transform expression",
            Self::TriggerWhen => "trigger WHEN condition",
        }
    }

    /// What it calls all of them, where it says what they may not hold.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::CallArgument => "CALL arguments",
            Self::Check => "check constraints",
            Self::CopyWhere => "COPY FROM WHERE conditions",
            Self::Default => "DEFAULT expressions",
            Self::ExecuteParameter => "EXECUTE parameters",
            Self::Generation => "column generation expressions",
            Self::IndexExpression => "index expressions",
            Self::IndexPredicate => "index predicates",
            Self::PartitionBound => "partition bound",
            Self::PartitionKey => "partition key expressions",
            Self::Policy => "policy expressions",
            Self::Transform => "transform expressions",
            Self::TriggerWhen => "trigger WHEN conditions",
        }
    }

    /// What a condition is the argument of.
    pub(super) fn keyword(self) -> &'static str {
        match self {
            Self::Check => "CHECK",
            Self::Policy => "POLICY",
            Self::TriggerWhen => "WHEN",
            _ => "WHERE",
        }
    }

    /// Whether the catalog keeps it.
    pub(super) fn is_kept(self) -> bool {
        !matches!(
            self,
            Self::CallArgument
                | Self::CopyWhere
                | Self::ExecuteParameter
                | Self::PartitionBound
                | Self::Transform
        )
    }

    /// Whether it is one of truth.
    pub(super) fn is_condition(self) -> bool {
        matches!(
            self,
            Self::Check | Self::CopyWhere | Self::IndexPredicate | Self::Policy | Self::TriggerWhen
        )
    }

    /// Whether it may hold queries.
    pub(super) fn allows_subqueries(self) -> bool {
        self == Self::Policy
    }

    /// `0A000` for a query in it.
    pub fn no_subquery(self) -> Error {
        self.cannot_use("subquery", "")
    }

    /// `0A000` for a column in it, where there are none.
    pub fn no_column(self) -> Error {
        match self {
            Self::PartitionBound => self.cannot_use("column reference", " expression"),
            _ => self.cannot_use("column reference", ""),
        }
    }

    fn cannot_use(self, what: &str, end: &str) -> Error {
        Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("cannot use {what} in {}{end}", self.name()),
        )
    }
}
