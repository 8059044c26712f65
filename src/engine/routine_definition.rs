//! What CREATE FUNCTION and its kin say, as written: names not looked up yet.

use sqlparser::ast;

use super::command::{ObjectName, RoleSpec, SetValue};
use crate::catalog::{Parallel, ParameterMode, Volatility};

/// Which of its kind a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoutineKind {
    /// FUNCTION
    Function,
    /// PROCEDURE
    Procedure,
    /// ROUTINE: either.
    Routine,
    /// AGGREGATE
    Aggregate,
}

impl RoutineKind {
    /// The word of messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Routine => "routine",
            Self::Aggregate => "aggregate",
        }
    }

    /// The word of statements.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Function => "FUNCTION",
            Self::Procedure => "PROCEDURE",
            Self::Routine => "ROUTINE",
            Self::Aggregate => "AGGREGATE",
        }
    }
}

/// A function by its name, and the types of its inputs if they are written.
#[derive(Debug, Clone)]
pub struct RoutineSpec {
    /// What it has to be.
    pub kind: RoutineKind,
    /// Name.
    pub name: ObjectName,
    /// Types of its parameters with what their modes are; `None` if no list is written.
    pub types: Option<Vec<(ParameterMode, ast::DataType)>>,
}

/// CREATE FUNCTION, CREATE PROCEDURE
#[derive(Debug, Clone)]
pub struct CreateRoutine {
    /// PROCEDURE
    pub procedure: bool,
    /// Name.
    pub name: ObjectName,
    /// OR REPLACE
    pub or_replace: bool,
    /// Parameters, with the columns of RETURNS TABLE behind the others.
    pub parameters: Vec<ParameterDefinition>,
    /// RETURNS; `None` if it is left to the OUT parameters.
    pub returns: Option<ReturnsClause>,
    /// LANGUAGE, lower-cased.
    pub language: Option<String>,
    /// What it does.
    pub body: BodyDefinition,
    /// Everything else.
    pub options: Vec<RoutineOption>,
}

/// A parameter.
#[derive(Debug, Clone)]
pub struct ParameterDefinition {
    /// Name, or empty.
    pub name: String,
    /// Mode.
    pub mode: ParameterMode,
    /// Type.
    pub ty: ast::DataType,
    /// SETOF, which no parameter may be.
    pub set: bool,
    /// DEFAULT, as its author wrote it.
    pub default: Option<String>,
}

/// RETURNS
#[derive(Debug, Clone)]
pub enum ReturnsClause {
    /// A type, or a set of it.
    Type {
        /// Type.
        ty: ast::DataType,
        /// SETOF
        set: bool,
    },
    /// TABLE (…), whose columns are among the parameters.
    Table,
}

/// What a routine does.
#[derive(Debug, Clone)]
pub enum BodyDefinition {
    /// AS '…'
    Text(String),
    /// RETURN expression, as its text.
    Return(String),
    /// BEGIN ATOMIC … END: the statements.
    Atomic(String),
}

/// An attribute of CREATE FUNCTION and ALTER FUNCTION.
#[derive(Debug, Clone)]
pub enum RoutineOption {
    /// IMMUTABLE, STABLE, VOLATILE
    Volatility(Volatility),
    /// STRICT
    Strict(bool),
    /// SECURITY DEFINER
    SecurityDefiner(bool),
    /// LEAKPROOF
    Leakproof(bool),
    /// PARALLEL
    Parallel(Parallel),
    /// COST
    Cost(f32),
    /// ROWS
    Rows(f32),
    /// SET name
    Set(String, SetValue),
    /// RESET; `None` is ALL.
    Reset(Option<String>),
}

/// ALTER FUNCTION
#[derive(Debug, Clone)]
pub struct AlterRoutine {
    /// Which.
    pub routine: RoutineSpec,
    /// What becomes of it.
    pub action: RoutineAction,
}

/// What becomes of a routine.
#[derive(Debug, Clone)]
pub enum RoutineAction {
    /// RENAME TO
    Rename(String),
    /// OWNER TO
    OwnerTo(RoleSpec),
    /// SET SCHEMA
    SetSchema(String),
    /// Attributes.
    Options(Vec<RoutineOption>),
}
