//! What a statement asks for: sqlparser's AST where it is PostgreSQL's (queries, INSERT, UPDATE,
//! DELETE), our own plain structs for everything else.
//!
//! Names here are already folded to lower case and cut to 63 bytes, exactly as the catalog stores
//! them. Whatever a struct has no field for was refused by the parser with `0A000`; nothing is
//! parsed and then ignored.

mod built_in;
mod copy;
mod dml;
mod domain;
mod explain;
mod object;
mod policy;
mod role;
mod trigger;
mod tuning;

use std::sync::Arc;

use sqlparser::ast;

use crate::base::Oid;

use super::aggregate_definition::CreateAggregate;
use super::definition::{CreateIndex, CreateMaterialized, CreateSequence};
use super::parse::TypeName;
use super::routine_definition::{AlterRoutine, CreateRoutine, RoutineSpec};
use super::value_definition::{CastStatement, OperatorStatement, StatisticsStatement};

pub use built_in::{BuiltInKind, BuiltInName, DropBuiltIn};
pub use copy::{Copy, CopyDirection, CopyOptionValue, CopySource};
pub use dml::{Dml, DmlAction, Inference, Merge, MergeAction, MergeClause, Overriding};
pub use domain::{AlterDomain, CreateDomain, DomainAction};
pub use explain::{Explain, ExplainFormat, ExplainOptions};
pub use object::{
    Alter, AlterAction, AlterType, AttributeAction, CommentTarget, CreateForeignTable,
    CreateSchema, CreateTable, CreateTableAs, CreateType, CreateView, Drop, Filled, NewRange,
    NewType, ObjectKind, OnCommit, TypeAction,
};
pub use policy::{PolicyAction, PolicyStatement, RowSecurityAction};
pub use role::{
    DefaultPrivileges, Grant, GrantRole, GrantTarget, RoleOption, RoleSetting, RoleSpec,
};

pub use trigger::{Enabling, NewTrigger, TriggerAction, TriggerStatement};
pub use tuning::{Reindex, ReplicaIdentityClause, Tune};

/// One statement of a query string.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What it asks for.
    pub command: Command,
    /// Its own text, without the semicolon.
    pub text: String,
    /// Where it starts in the query string, in characters from 0: added to error positions.
    pub offset: usize,
    /// Characters of the query string as it was parsed, from 0, that the client did not write.
    pub inserted: Arc<[usize]>,
    /// What is to be said of it when it runs, as warnings of values it had to change.
    pub warnings: Vec<String>,
}

/// What a statement asks for.
#[derive(Debug, Clone)]
pub enum Command {
    /// SELECT, VALUES, TABLE, WITH.
    Query(Box<ast::Query>),
    /// INSERT, UPDATE, DELETE, MERGE, and queries whose WITH changes rows.
    Dml(Box<Dml>),
    /// EXPLAIN
    Explain(Explain),
    /// COPY
    Copy(Copy),

    /// CREATE SCHEMA
    CreateSchema(CreateSchema),
    /// CREATE TABLE (columns …)
    CreateTable(CreateTable),
    /// CREATE TABLE AS, SELECT … INTO.
    CreateTableAs(CreateTableAs),
    /// CREATE VIEW
    CreateView(CreateView),
    /// CREATE FOREIGN TABLE
    CreateForeignTable(CreateForeignTable),
    /// CREATE TYPE
    CreateType(CreateType),
    /// ALTER TYPE
    AlterType(AlterType),
    /// CREATE, ALTER and DROP POLICY
    Policy(PolicyStatement),
    /// CREATE, ALTER and DROP TRIGGER
    Trigger(TriggerStatement),
    /// CREATE DOMAIN
    CreateDomain(CreateDomain),
    /// ALTER DOMAIN
    AlterDomain(AlterDomain),
    /// ALTER SCHEMA, TABLE, VIEW, FOREIGN TABLE, DATABASE.
    Alter(Alter),
    /// DROP SCHEMA, TABLE, VIEW, FOREIGN TABLE.
    Drop(Drop),
    /// DROP of what users cannot make.
    DropBuiltIn(DropBuiltIn),
    /// CREATE EXTENSION
    CreateExtension {
        /// Name.
        name: String,
        /// IF NOT EXISTS
        if_not_exists: bool,
    },
    /// TRUNCATE
    Truncate {
        /// Tables, and whether each is meant alone.
        names: Vec<(ObjectName, bool)>,
        /// RESTART IDENTITY
        restart: bool,
        /// CASCADE
        cascade: bool,
    },
    /// CREATE FUNCTION, CREATE PROCEDURE
    CreateRoutine(Box<CreateRoutine>),
    /// Operators.
    Operator(Box<OperatorStatement>),
    /// Casts.
    Cast(Box<CastStatement>),
    /// Extended statistics.
    Statistics(Box<StatisticsStatement>),
    /// CREATE AGGREGATE
    CreateAggregate(Box<CreateAggregate>),
    /// ALTER FUNCTION, PROCEDURE, ROUTINE
    AlterRoutine(Box<AlterRoutine>),
    /// DROP FUNCTION, PROCEDURE, ROUTINE
    DropRoutines {
        /// Which.
        routines: Vec<RoutineSpec>,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
    /// CALL
    Call(Box<ast::Function>),
    /// DO: the body of a block, and the language it is in.
    Do {
        /// Its text.
        body: String,
        /// LANGUAGE
        language: String,
    },
    /// CREATE SEQUENCE
    CreateSequence(CreateSequence),
    /// CREATE INDEX
    CreateIndex(CreateIndex),
    /// CREATE MATERIALIZED VIEW
    CreateMaterialized(CreateMaterialized),
    /// REFRESH MATERIALIZED VIEW
    Refresh {
        /// Which.
        name: ObjectName,
        /// CONCURRENTLY
        concurrently: bool,
        /// WITH DATA, the default.
        with_data: bool,
    },
    /// COMMENT ON
    Comment {
        /// On what.
        on: CommentTarget,
        /// The comment; `None` removes it.
        text: Option<String>,
    },

    /// CREATE ROLE, USER, GROUP.
    CreateRole {
        /// Name.
        name: String,
        /// Options as written; CREATE USER puts LOGIN first.
        options: Vec<RoleOption>,
    },
    /// ALTER ROLE … options
    AlterRole {
        /// Which.
        role: RoleSpec,
        /// Options as written.
        options: Vec<RoleOption>,
    },
    /// ALTER ROLE … SET / RESET, ALTER DATABASE … SET / RESET
    AlterSettings {
        /// Which role; `None` is all.
        role: Option<RoleSpec>,
        /// IN DATABASE, ALTER DATABASE
        database: Option<String>,
        /// What; [`SetValue::Default`] also stands for RESET.
        setting: RoleSetting,
    },
    /// ALTER ROLE … RENAME TO
    RenameRole {
        /// Old name.
        name: String,
        /// New name.
        to: String,
    },
    /// DROP ROLE
    DropRole {
        /// Which.
        roles: Vec<RoleSpec>,
        /// IF EXISTS
        if_exists: bool,
    },
    /// GRANT … ON and REVOKE … ON.
    Grant(Grant),
    /// GRANT role TO and REVOKE role FROM.
    GrantRole(GrantRole),
    /// ALTER DEFAULT PRIVILEGES
    DefaultPrivileges(DefaultPrivileges),
    /// CLUSTER: a table, and the index its rows are to be ordered by if it says one; `None` is all
    /// tables that were clustered before.
    Cluster(Option<(ObjectName, Option<String>)>),
    /// REINDEX
    Reindex(Reindex),
    /// ALTER LARGE OBJECT … OWNER TO
    AlterLargeObject {
        /// Which.
        oid: Oid,
        /// Its owner from now on.
        owner: RoleSpec,
    },
    /// REASSIGN OWNED
    ReassignOwned {
        /// Whose.
        roles: Vec<RoleSpec>,
        /// New owner.
        to: RoleSpec,
    },
    /// DROP OWNED
    DropOwned {
        /// Whose.
        roles: Vec<RoleSpec>,
        /// CASCADE
        cascade: bool,
    },

    /// SET name
    Set {
        /// SET LOCAL
        local: bool,
        /// Setting, lower-cased; `SET TIME ZONE` is `timezone`, `SET NAMES` is `client_encoding`, …
        name: String,
        /// Value.
        value: SetValue,
    },
    /// SET ROLE; `None` is NONE and RESET ROLE.
    SetRole {
        /// SET LOCAL
        local: bool,
        /// Role.
        role: Option<String>,
    },
    /// SET SESSION AUTHORIZATION; `None` is DEFAULT and RESET.
    SetSessionAuthorization {
        /// SET LOCAL
        local: bool,
        /// Role.
        role: Option<String>,
    },
    /// SET TRANSACTION
    SetTransaction(TransactionModes),
    /// SET CONSTRAINTS
    SetConstraints {
        /// Which; `None` is ALL.
        names: Option<Vec<ObjectName>>,
        /// DEFERRED rather than IMMEDIATE.
        deferred: bool,
    },
    /// SET SESSION CHARACTERISTICS AS TRANSACTION
    SetSessionCharacteristics(TransactionModes),
    /// RESET name; `None` is RESET ALL.
    Reset(Option<String>),
    /// SHOW name; `None` is SHOW ALL.
    Show(Option<String>),
    /// DISCARD
    Discard(Discard),

    /// BEGIN, START TRANSACTION
    Begin(TransactionModes),
    /// COMMIT, END
    Commit {
        /// AND CHAIN
        chain: bool,
    },
    /// PREPARE TRANSACTION
    PrepareTransaction,
    /// COMMIT PREPARED, or ROLLBACK PREPARED.
    EndPrepared {
        /// Which of the two.
        commit: bool,
        /// The transaction's.
        name: String,
    },
    /// ROLLBACK, ABORT
    Rollback {
        /// AND CHAIN
        chain: bool,
    },
    /// SAVEPOINT
    Savepoint(String),
    /// ROLLBACK TO SAVEPOINT
    RollbackTo(String),
    /// RELEASE SAVEPOINT
    Release(String),
    /// LOCK TABLE
    Lock {
        /// Tables, and whether each is meant alone.
        names: Vec<(ObjectName, bool)>,
        /// Mode, upper-cased without MODE (`ACCESS EXCLUSIVE`, PostgreSQL's default).
        mode: String,
        /// NOWAIT
        nowait: bool,
    },

    /// VACUUM, ANALYZE, CHECKPOINT: what the server sees to by itself.
    Maintain {
        /// Which.
        what: Maintenance,
        /// Tables and their columns, if some are named.
        targets: Vec<(ObjectName, Vec<String>)>,
    },

    /// LISTEN
    Listen(String),
    /// UNLISTEN; `None` is *.
    Unlisten(Option<String>),
    /// NOTIFY
    Notify {
        /// Channel.
        channel: String,
        /// Payload, or empty.
        payload: String,
    },

    /// PREPARE
    Prepare {
        /// Name.
        name: String,
        /// Declared parameter types.
        types: Vec<TypeName>,
        /// The statement: a query or DML.
        statement: Box<Statement>,
    },
    /// EXECUTE
    Execute {
        /// Name.
        name: String,
        /// Arguments.
        arguments: Vec<ast::Expr>,
    },
    /// DEALLOCATE; `None` is ALL.
    Deallocate(Option<String>),
    /// DECLARE … CURSOR
    Declare {
        /// Name.
        name: String,
        /// BINARY
        binary: bool,
        /// SCROLL
        scroll: Scroll,
        /// WITH HOLD
        hold: bool,
        /// The query.
        query: Box<Statement>,
    },
    /// FETCH and MOVE.
    Fetch {
        /// Cursor.
        name: String,
        /// Which rows.
        direction: Direction,
        /// MOVE: rows are skipped.
        skip: bool,
    },
    /// CLOSE; `None` is ALL.
    Close(Option<String>),
}

impl Command {
    /// What a command that begins, ends or divides transactions is called; `None` of any other.
    pub fn transaction_word(&self) -> Option<&'static str> {
        Some(match self {
            Self::Begin(_) => "BEGIN",
            Self::Commit { .. } => "COMMIT",
            Self::Rollback { .. } => "ROLLBACK",
            Self::Savepoint(_) => "SAVEPOINT",
            Self::RollbackTo(_) => "ROLLBACK TO",
            Self::Release(_) => "RELEASE",
            Self::PrepareTransaction => "PREPARE TRANSACTION",
            Self::EndPrepared { commit: true, .. } => "COMMIT PREPARED",
            Self::EndPrepared { .. } => "ROLLBACK PREPARED",
            _ => return None,
        })
    }
}

/// Whether a cursor can go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scroll {
    /// To every row: SCROLL.
    Yes,
    /// To none: NO SCROLL.
    No,
    /// As long as there are few rows: neither was said.
    Few,
}

/// Which rows FETCH wants, as seen from the row the cursor is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// So many of the next rows; `None` is all of them.
    Forward(Option<u64>),
    /// So many of the rows before, last first; `None` is all of them.
    Backward(Option<u64>),
    /// The row of this number; from the end, if it is negative.
    Absolute(i64),
    /// The row so many further on.
    Relative(i64),
}

/// `schema.name` or `name`. A leading database part was checked and removed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectName {
    /// Schema, if written.
    pub schema: Option<String>,
    /// Name.
    pub name: String,
}

impl std::fmt::Display for ObjectName {
    /// As PostgreSQL prints names in messages: unquoted.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The value of SET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetValue {
    /// DEFAULT
    Default,
    /// FROM CURRENT
    Current,
    /// Values as their texts. Words keep their case folded, strings as they are. More than one only
    /// for list settings.
    Values(Vec<String>),
}

/// Modes of a transaction; `None`: not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TransactionModes {
    /// ISOLATION LEVEL
    pub isolation: Option<IsolationLevel>,
    /// READ ONLY (true), READ WRITE (false)
    pub read_only: Option<bool>,
    /// `[NOT] DEFERRABLE`
    pub deferrable: Option<bool>,
}

/// ISOLATION LEVEL
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsolationLevel {
    /// READ UNCOMMITTED
    ReadUncommitted,
    /// READ COMMITTED
    ReadCommitted,
    /// REPEATABLE READ
    RepeatableRead,
    /// SERIALIZABLE
    Serializable,
}

/// What a person may ask of PostgreSQL's housekeeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maintenance {
    /// VACUUM
    Vacuum,
    /// ANALYZE
    Analyze,
    /// CHECKPOINT
    Checkpoint,
}

/// DISCARD
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    /// ALL
    All,
    /// PLANS
    Plans,
    /// SEQUENCES
    Sequences,
    /// TEMP
    Temp,
}
