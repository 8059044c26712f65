//! What CREATE OPERATOR, CREATE CAST and their kin say, as written: names not looked up yet.

use sqlparser::ast;

use super::command::{ObjectName, RoleSpec};
use super::routine_definition::RoutineSpec;
use crate::catalog::CastMade;

/// CREATE OPERATOR
#[derive(Debug, Clone, Default)]
pub struct CreateOperator {
    /// What it is made of.
    pub attributes: OperatorAttributes,
    /// Attributes there are none of.
    pub unknown: Vec<String>,
}

/// What an operator is made of.
#[derive(Debug, Clone, Default)]
pub struct OperatorAttributes {
    /// LEFTARG
    pub left: Option<Operand>,
    /// RIGHTARG
    pub right: Option<Operand>,
    /// FUNCTION, PROCEDURE
    pub function: Option<ObjectName>,
    /// COMMUTATOR
    pub commutator: Option<ObjectName>,
    /// NEGATOR
    pub negator: Option<ObjectName>,
    /// RESTRICT
    pub restrict: Option<ObjectName>,
    /// JOIN
    pub join: Option<ObjectName>,
    /// MERGES
    pub merges: bool,
    /// HASHES
    pub hashes: bool,
}

/// A type of an operand.
#[derive(Debug, Clone)]
pub struct Operand {
    /// SETOF, which none may be.
    pub set: bool,
    /// The type.
    pub ty: ast::DataType,
}

/// An operator by its name and what it takes.
#[derive(Debug, Clone)]
pub struct OperatorSpec {
    /// Name.
    pub name: ObjectName,
    /// The left operand's type; `None` of a prefix operator.
    pub left: Option<ast::DataType>,
    /// The right operand's.
    pub right: ast::DataType,
}

/// What becomes of an operator.
#[derive(Debug, Clone)]
pub enum OperatorAction {
    /// OWNER TO
    OwnerTo(RoleSpec),
    /// SET SCHEMA
    SetSchema(String),
    /// SET (RESTRICT = …, JOIN = …); the inner `None` is NONE.
    Set {
        /// RESTRICT, if it is said.
        restrict: Option<Option<ObjectName>>,
        /// JOIN, if it is said.
        join: Option<Option<ObjectName>>,
    },
}

/// Statements about operators.
#[derive(Debug, Clone)]
pub enum OperatorStatement {
    /// CREATE OPERATOR
    Create(ObjectName, Box<CreateOperator>),
    /// ALTER OPERATOR
    Alter(OperatorSpec, OperatorAction),
    /// DROP OPERATOR
    Drop {
        /// Which.
        operators: Vec<OperatorSpec>,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
}

/// A cast by its types.
#[derive(Debug, Clone)]
pub struct CastSpec {
    /// From.
    pub source: ast::DataType,
    /// To.
    pub target: ast::DataType,
}

/// How a new cast is made.
#[derive(Debug, Clone)]
pub enum CastClause {
    /// WITH FUNCTION
    Function(RoutineSpec),
    /// WITHOUT FUNCTION
    Binary,
    /// WITH INOUT
    InOut,
}

/// Statements about casts.
#[derive(Debug, Clone)]
pub enum CastStatement {
    /// CREATE CAST
    Create {
        /// Of what.
        cast: CastSpec,
        /// How.
        clause: CastClause,
        /// Where without being asked for.
        made: CastMade,
    },
    /// DROP CAST
    Drop {
        /// Which.
        cast: CastSpec,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
}

/// CREATE STATISTICS
#[derive(Debug, Clone)]
pub struct CreateStatistics {
    /// Name.
    pub name: ObjectName,
    /// IF NOT EXISTS
    pub if_not_exists: bool,
    /// Which kinds, if that is said.
    pub kinds: Vec<String>,
    /// Of what.
    pub columns: Vec<String>,
    /// Of which table.
    pub table: ObjectName,
}

/// What becomes of extended statistics.
#[derive(Debug, Clone)]
pub enum StatisticsAction {
    /// SET STATISTICS
    SetTarget {
        /// The target.
        target: i32,
        /// IF EXISTS
        if_exists: bool,
    },
    /// RENAME TO
    Rename(String),
    /// OWNER TO
    OwnerTo(RoleSpec),
    /// SET SCHEMA
    SetSchema(String),
}

/// Statements about extended statistics.
#[derive(Debug, Clone)]
pub enum StatisticsStatement {
    /// CREATE STATISTICS
    Create(CreateStatistics),
    /// ALTER STATISTICS
    Alter(ObjectName, StatisticsAction),
    /// DROP STATISTICS
    Drop {
        /// Which.
        names: Vec<ObjectName>,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
}
