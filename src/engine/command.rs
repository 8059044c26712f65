//! What a statement asks for: sqlparser's AST where it is PostgreSQL's (queries, INSERT, UPDATE,
//! DELETE), our own plain structs for everything else.
//!
//! Names here are already folded to lower case and cut to 63 bytes, exactly as the catalog stores
//! them. Whatever a struct has no field for was refused by the parser with `0A000`; nothing is
//! parsed and then ignored.

use sqlparser::ast;

use super::definition::{
    ColumnDefinition, ConstraintDefinition, CreateIndex, CreateMaterialized, CreateSequence,
    GenerationClause, Like, SequenceOption,
};
use super::parse::TypeName;
use super::routine_definition::{AlterRoutine, CreateRoutine, RoutineKind, RoutineSpec};
use crate::catalog::{CheckOption, Timing};
use crate::types::enums;

/// One statement of a query string.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What it asks for.
    pub command: Command,
    /// Its own text, without the semicolon.
    pub text: String,
    /// Where it starts in the query string, in characters from 0: added to error positions.
    pub offset: usize,
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
    /// ALTER SCHEMA, TABLE, VIEW, FOREIGN TABLE, DATABASE.
    Alter(Alter),
    /// DROP SCHEMA, TABLE, VIEW, FOREIGN TABLE.
    Drop(Drop),
    /// TRUNCATE
    Truncate {
        /// Tables.
        names: Vec<ObjectName>,
        /// RESTART IDENTITY
        restart: bool,
        /// CASCADE
        cascade: bool,
    },
    /// CREATE FUNCTION, CREATE PROCEDURE
    CreateRoutine(Box<CreateRoutine>),
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
    /// ALTER ROLE … SET / RESET
    AlterRoleSet {
        /// Which; `None` is ALL.
        role: Option<RoleSpec>,
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
        /// Tables.
        names: Vec<ObjectName>,
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
        scroll: bool,
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

/// A statement that changes rows.
#[derive(Debug, Clone)]
pub struct Dml {
    /// WITH before it; its queries may change rows themselves.
    pub with: Option<ast::With>,
    /// What it does.
    pub action: DmlAction,
}

/// What a statement that changes rows does.
#[derive(Debug, Clone)]
pub enum DmlAction {
    /// INSERT
    Insert {
        /// The statement.
        insert: Box<ast::Insert>,
        /// OVERRIDING … VALUE
        overriding: Option<Overriding>,
        /// What ON CONFLICT is about, where that is more than columns.
        inference: Option<Box<Inference>>,
    },
    /// UPDATE
    Update(Box<ast::Update>),
    /// DELETE
    Delete(Box<ast::Delete>),
    /// MERGE
    Merge(Box<Merge>),
    /// A query that changes nothing itself, after a WITH that does.
    Query(Box<ast::Query>),
}

/// `(…) WHERE …` after ON CONFLICT.
#[derive(Debug, Clone)]
pub struct Inference {
    /// Columns and expressions.
    pub elements: Vec<ast::Expr>,
    /// WHERE
    pub predicate: Option<ast::Expr>,
}

/// MERGE
#[derive(Debug, Clone)]
pub struct Merge {
    /// The table changed.
    pub table: ast::ObjectName,
    /// What the statement calls it.
    pub alias: Option<ast::Ident>,
    /// USING
    pub source: ast::TableWithJoins,
    /// ON
    pub on: ast::Expr,
    /// WHEN …, in order.
    pub clauses: Vec<MergeClause>,
}

/// WHEN … THEN …
#[derive(Debug, Clone)]
pub struct MergeClause {
    /// WHEN MATCHED, not WHEN NOT MATCHED.
    pub matched: bool,
    /// AND
    pub condition: Option<ast::Expr>,
    /// THEN
    pub action: MergeAction,
}

/// What a clause of MERGE does to a row.
#[derive(Debug, Clone)]
pub enum MergeAction {
    /// DO NOTHING
    Nothing,
    /// DELETE
    Delete,
    /// UPDATE SET
    Update(Vec<ast::Assignment>),
    /// INSERT
    Insert {
        /// Columns given values; all of them, if empty.
        columns: Vec<ast::ObjectName>,
        /// OVERRIDING … VALUE
        overriding: Option<Overriding>,
        /// The values; `None` is DEFAULT VALUES.
        values: Option<Vec<ast::Expr>>,
    },
}

/// Whose values identity columns take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overriding {
    /// SYSTEM: those written, not the sequence's.
    System,
    /// USER: the sequence's, not those written.
    User,
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

/// EXPLAIN
#[derive(Debug, Clone)]
pub struct Explain {
    /// What is shown.
    pub options: ExplainOptions,
    /// The statement explained.
    pub statement: Box<Statement>,
}

/// What EXPLAIN shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExplainOptions {
    /// ANALYZE: run it, and show what it did.
    pub analyze: bool,
    /// VERBOSE: say more.
    pub verbose: bool,
    /// COSTS: what is expected.
    pub costs: bool,
    /// TIMING: how long each node took.
    pub timing: bool,
    /// SUMMARY: how long all took.
    pub summary: bool,
    /// FORMAT
    pub format: ExplainFormat,
}

impl Default for ExplainOptions {
    /// What a bare EXPLAIN shows.
    fn default() -> Self {
        Self {
            analyze: false,
            verbose: false,
            costs: true,
            timing: false,
            summary: false,
            format: ExplainFormat::Text,
        }
    }
}

/// How EXPLAIN shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplainFormat {
    /// Lines.
    Text,
    /// One document.
    Json,
}

/// COPY
#[derive(Debug, Clone)]
pub struct Copy {
    /// What is copied.
    pub source: CopySource,
    /// Which way.
    pub direction: CopyDirection,
    /// A file of the server's; without it the client is the other end.
    pub file: Option<String>,
    /// Options by lower-cased name, in either syntax (`delimiter`, `null`, `header`, …).
    pub options: Vec<(String, CopyOptionValue)>,
    /// WHERE: which rows come in.
    pub condition: Option<Box<ast::Expr>>,
}

/// What COPY copies.
#[derive(Debug, Clone)]
pub enum CopySource {
    /// A table's columns; all of them if empty.
    Table {
        /// Table.
        name: ObjectName,
        /// Columns.
        columns: Vec<String>,
    },
    /// `COPY (query) TO`.
    Query(Box<ast::Query>),
    /// `COPY (INSERT … RETURNING …) TO` and its kin.
    Dml(Box<Dml>),
}

/// Which way COPY goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyDirection {
    /// FROM
    From,
    /// TO
    To,
}

/// Value of an option of COPY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyOptionValue {
    /// None given: `HEADER`, `FREEZE`.
    None,
    /// A word, number or string, as its text (`true`, `match`, `|`).
    Text(String),
    /// A list of columns.
    Columns(Vec<String>),
    /// `*`
    All,
}

/// CREATE SCHEMA
#[derive(Debug, Clone)]
pub struct CreateSchema {
    /// Name; without it, the name of the authorization role.
    pub name: Option<String>,
    /// AUTHORIZATION
    pub owner: Option<RoleSpec>,
    /// IF NOT EXISTS
    pub if_not_exists: bool,
}

/// CREATE TABLE
#[derive(Debug, Clone)]
pub struct CreateTable {
    /// Name.
    pub name: ObjectName,
    /// TEMPORARY
    pub temporary: bool,
    /// IF NOT EXISTS
    pub if_not_exists: bool,
    /// Columns.
    pub columns: Vec<ColumnDefinition>,
    /// Constraints of the table.
    pub constraints: Vec<ConstraintDefinition>,
    /// LIKE
    pub likes: Vec<Like>,
    /// Names of storage parameters.
    pub storage: Vec<String>,
    /// ON COMMIT
    pub on_commit: Option<OnCommit>,
}

/// What becomes of a temporary table when a transaction commits; nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCommit {
    /// DELETE ROWS
    DeleteRows,
    /// DROP
    Drop,
}

/// CREATE TABLE AS, SELECT INTO.
#[derive(Debug, Clone)]
pub struct CreateTableAs {
    /// Name.
    pub name: ObjectName,
    /// TEMPORARY
    pub temporary: bool,
    /// IF NOT EXISTS
    pub if_not_exists: bool,
    /// Column names, instead of the query's first ones.
    pub columns: Vec<String>,
    /// The query.
    pub query: Box<ast::Query>,
    /// WITH DATA, the default.
    pub with_data: bool,
    /// Names of storage parameters.
    pub storage: Vec<String>,
    /// ON COMMIT
    pub on_commit: Option<OnCommit>,
}

/// CREATE VIEW
#[derive(Debug, Clone)]
pub struct CreateView {
    /// Name.
    pub name: ObjectName,
    /// OR REPLACE
    pub or_replace: bool,
    /// TEMPORARY
    pub temporary: bool,
    /// Column names, instead of the query's first ones.
    pub columns: Vec<String>,
    /// The query.
    pub query: Box<ast::Query>,
    /// The query as its author wrote it.
    pub text: String,
    /// WITH CHECK OPTION
    pub check_option: Option<CheckOption>,
}

/// CREATE FOREIGN TABLE
#[derive(Debug, Clone)]
pub struct CreateForeignTable {
    /// Name.
    pub name: ObjectName,
    /// IF NOT EXISTS
    pub if_not_exists: bool,
    /// Columns; none means: read them from the file.
    pub columns: Vec<ColumnDefinition>,
    /// SERVER
    pub server: String,
    /// OPTIONS
    pub options: Vec<(String, String)>,
}

/// Kinds of objects that ALTER and DROP name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// SCHEMA
    Schema,
    /// TABLE
    Table,
    /// VIEW
    View,
    /// FOREIGN TABLE
    ForeignTable,
    /// MATERIALIZED VIEW
    MaterializedView,
    /// SEQUENCE
    Sequence,
    /// INDEX
    Index,
    /// TYPE
    Type,
    /// DATABASE
    Database,
}

/// CREATE TYPE … AS ENUM
#[derive(Debug, Clone)]
pub struct CreateType {
    /// Name.
    pub name: ObjectName,
    /// Labels, in order.
    pub labels: Vec<String>,
}

/// ALTER TYPE
#[derive(Debug, Clone)]
pub struct AlterType {
    /// Which.
    pub name: ObjectName,
    /// What to do.
    pub action: TypeAction,
}

/// The action of ALTER TYPE.
#[derive(Debug, Clone)]
pub enum TypeAction {
    /// ADD VALUE
    AddValue {
        /// The label.
        value: String,
        /// IF NOT EXISTS
        if_not_exists: bool,
        /// BEFORE, AFTER
        place: enums::Place,
    },
    /// RENAME VALUE
    RenameValue {
        /// Old label.
        from: String,
        /// New label.
        to: String,
    },
    /// RENAME TO
    Rename(String),
    /// OWNER TO
    OwnerTo(RoleSpec),
    /// SET SCHEMA
    SetSchema(String),
}

/// ALTER
#[derive(Debug, Clone)]
pub struct Alter {
    /// What kind the statement says it is. PostgreSQL's ALTER TABLE also takes views.
    pub kind: ObjectKind,
    /// Which.
    pub name: ObjectName,
    /// IF EXISTS
    pub if_exists: bool,
    /// What to do, in order. Only ALTER TABLE takes more than one.
    pub actions: Vec<AlterAction>,
}

/// One action of ALTER.
#[derive(Debug, Clone)]
pub enum AlterAction {
    /// RENAME TO
    Rename(String),
    /// OWNER TO
    OwnerTo(RoleSpec),
    /// SET SCHEMA
    SetSchema(String),
    /// RENAME COLUMN
    RenameColumn {
        /// Old name.
        from: String,
        /// New name.
        to: String,
    },
    /// ADD COLUMN
    AddColumn {
        /// The column.
        column: ColumnDefinition,
        /// IF NOT EXISTS
        if_not_exists: bool,
    },
    /// DROP COLUMN
    DropColumn {
        /// Column.
        name: String,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
    /// ALTER COLUMN … SET DEFAULT, DROP DEFAULT (`None`).
    SetDefault {
        /// Column.
        column: String,
        /// Expression, as its author wrote it.
        default: Option<String>,
    },
    /// ALTER COLUMN … SET NOT NULL, DROP NOT NULL.
    SetNotNull {
        /// Column.
        column: String,
        /// SET
        not_null: bool,
    },
    /// ALTER COLUMN … TYPE
    SetType {
        /// Column.
        column: String,
        /// New type.
        ty: TypeName,
        /// USING, as its author wrote it.
        using: Option<String>,
    },
    /// ALTER COLUMN … ADD GENERATED … AS IDENTITY
    AddIdentity {
        /// Column.
        column: String,
        /// The clause.
        clause: GenerationClause,
    },
    /// ALTER COLUMN … SET GENERATED
    SetIdentity {
        /// Column.
        column: String,
        /// ALWAYS
        always: bool,
    },
    /// ALTER COLUMN … DROP IDENTITY
    DropIdentity {
        /// Column.
        column: String,
        /// IF EXISTS
        if_exists: bool,
    },
    /// ALTER COLUMN … DROP EXPRESSION
    DropExpression {
        /// Column.
        column: String,
        /// IF EXISTS
        if_exists: bool,
    },
    /// ADD [CONSTRAINT …]
    AddConstraint(ConstraintDefinition),
    /// DROP CONSTRAINT
    DropConstraint {
        /// Name.
        name: String,
        /// IF EXISTS
        if_exists: bool,
        /// CASCADE
        cascade: bool,
    },
    /// VALIDATE CONSTRAINT
    ValidateConstraint(String),
    /// ALTER CONSTRAINT
    AlterConstraint {
        /// Name.
        name: String,
        /// When it is checked from now on.
        timing: Timing,
    },
    /// RENAME CONSTRAINT
    RenameConstraint {
        /// Old name.
        from: String,
        /// New name.
        to: String,
    },
    /// Options of ALTER SEQUENCE.
    Sequence(Vec<SequenceOption>),
}

/// DROP
#[derive(Debug, Clone)]
pub struct Drop {
    /// What kind.
    pub kind: ObjectKind,
    /// Which. A schema's name is in `name`.
    pub names: Vec<ObjectName>,
    /// IF EXISTS
    pub if_exists: bool,
    /// CASCADE
    pub cascade: bool,
}

/// What COMMENT ON names.
#[derive(Debug, Clone)]
pub enum CommentTarget {
    /// TABLE, VIEW, FOREIGN TABLE, SCHEMA, DATABASE
    Object(ObjectKind, ObjectName),
    /// COLUMN
    Column {
        /// Relation.
        relation: ObjectName,
        /// Column.
        column: String,
    },
    /// CONSTRAINT … ON
    Constraint {
        /// Constraint.
        name: String,
        /// Its table.
        table: ObjectName,
    },
    /// ROLE
    Role(String),
    /// A function or procedure.
    Routine(RoutineSpec),
}

/// A role, or a word for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleSpec {
    /// By name.
    Name(String),
    /// PUBLIC: everybody.
    Public,
    /// CURRENT_USER, CURRENT_ROLE
    CurrentUser,
    /// SESSION_USER
    SessionUser,
}

/// An option of CREATE ROLE and ALTER ROLE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleOption {
    /// `[NO]SUPERUSER`
    Superuser(bool),
    /// `[NO]CREATEDB`
    CreateDb(bool),
    /// `[NO]CREATEROLE`
    CreateRole(bool),
    /// `[NO]INHERIT`
    Inherit(bool),
    /// `[NO]LOGIN`
    Login(bool),
    /// CONNECTION LIMIT
    ConnectionLimit(i32),
    /// PASSWORD; `None` is PASSWORD NULL.
    Password(Option<String>),
    /// VALID UNTIL, as its text.
    ValidUntil(String),
    /// IN ROLE
    InRole(Vec<RoleSpec>),
    /// ROLE, USER
    Role(Vec<RoleSpec>),
    /// ADMIN
    Admin(Vec<RoleSpec>),
}

/// ALTER ROLE … SET / RESET
#[derive(Debug, Clone)]
pub enum RoleSetting {
    /// SET name
    Set {
        /// Setting.
        name: String,
        /// Value.
        value: SetValue,
    },
    /// RESET name; `None` is ALL.
    Reset(Option<String>),
}

/// GRANT … ON and REVOKE … ON.
#[derive(Debug, Clone)]
pub struct Grant {
    /// REVOKE
    pub revoke: bool,
    /// Privilege words, upper-cased (`SELECT`); `None` is ALL PRIVILEGES.
    pub privileges: Option<Vec<String>>,
    /// On what.
    pub on: GrantTarget,
    /// To or from whom.
    pub grantees: Vec<RoleSpec>,
    /// WITH GRANT OPTION; for REVOKE, GRANT OPTION FOR.
    pub grant_option: bool,
    /// GRANTED BY
    pub granted_by: Option<RoleSpec>,
    /// CASCADE, of REVOKE.
    pub cascade: bool,
}

/// What GRANT names.
#[derive(Debug, Clone)]
pub enum GrantTarget {
    /// `[TABLE]`
    Tables(Vec<ObjectName>),
    /// ALL TABLES IN SCHEMA
    AllTablesIn(Vec<String>),
    /// SEQUENCE
    Sequences(Vec<ObjectName>),
    /// ALL SEQUENCES IN SCHEMA
    AllSequencesIn(Vec<String>),
    /// SCHEMA
    Schemas(Vec<String>),
    /// DATABASE
    Databases(Vec<String>),
    /// TYPE and DOMAIN
    Types(Vec<ObjectName>),
    /// Functions and procedures.
    Routines(Vec<RoutineSpec>),
    /// All of a kind in these schemas.
    AllRoutinesIn(RoutineKind, Vec<String>),
}

/// GRANT role TO and REVOKE role FROM.
#[derive(Debug, Clone)]
pub struct GrantRole {
    /// REVOKE
    pub revoke: bool,
    /// Groups.
    pub roles: Vec<String>,
    /// Members.
    pub members: Vec<RoleSpec>,
    /// WITH ADMIN OPTION; for REVOKE, ADMIN OPTION FOR.
    pub admin_option: bool,
    /// GRANTED BY
    pub granted_by: Option<RoleSpec>,
    /// CASCADE, of REVOKE.
    pub cascade: bool,
}

/// The value of SET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetValue {
    /// DEFAULT
    Default,
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
