//! Statements that make, alter and drop objects.

use sqlparser::ast;

use super::{Enabling, ObjectName, RoleSpec, RowSecurityAction, Statement, Tune};
use crate::base::Oid;
use crate::catalog::{Parameters, Timing};
use crate::engine::definition::{
    BoundClause, ColumnDefinition, ConstraintDefinition, GenerationClause, Like, PartitionClause,
    SequenceOption,
};
use crate::engine::parse::TypeName;
use crate::engine::routine_definition::RoutineSpec;
use crate::engine::value_definition::{CastSpec, OperatorSpec};
use crate::types::enums;

/// CREATE SCHEMA
#[derive(Debug, Clone)]
pub struct CreateSchema {
    /// Name; without it, the name of the authorization role.
    pub name: Option<String>,
    /// AUTHORIZATION
    pub owner: Option<RoleSpec>,
    /// IF NOT EXISTS
    pub if_not_exists: bool,
    /// What is made in it at once, in the order in which that can be done.
    pub elements: Vec<Statement>,
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
    /// INHERITS
    pub inherits: Vec<ObjectName>,
    /// PARTITION OF: the table, and which of its rows.
    pub partition_of: Option<(ObjectName, BoundClause)>,
    /// PARTITION BY
    pub partition_by: Option<PartitionClause>,
    /// UNLOGGED
    pub unlogged: bool,
    /// Storage parameters.
    pub storage: Parameters,
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
    /// Whether SELECT INTO was written.
    pub selected: bool,
    /// TEMPORARY
    pub temporary: bool,
    /// IF NOT EXISTS
    pub if_not_exists: bool,
    /// Column names, instead of the query's first ones.
    pub columns: Vec<String>,
    /// What its rows are.
    pub filled: Filled,
    /// WITH DATA, the default.
    pub with_data: bool,
    /// UNLOGGED
    pub unlogged: bool,
    /// Storage parameters.
    pub storage: Parameters,
    /// ON COMMIT
    pub on_commit: Option<OnCommit>,
}

/// What the rows of a table are that is made of them.
#[derive(Debug, Clone)]
pub enum Filled {
    /// A query's.
    Query(Box<ast::Query>),
    /// A prepared query's.
    Execute {
        /// Its name.
        name: String,
        /// Its arguments.
        arguments: Vec<ast::Expr>,
    },
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
    /// WITH (…), and WITH CHECK OPTION as one of them.
    pub options: Parameters,
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
    /// DOMAIN
    Domain,
    /// DATABASE
    Database,
}

/// CREATE TYPE
#[derive(Debug, Clone)]
pub struct CreateType {
    /// Name.
    pub name: ObjectName,
    /// What is made.
    pub kind: NewType,
}

/// What CREATE TYPE makes.
#[derive(Debug, Clone)]
pub enum NewType {
    /// AS ENUM: labels, in order.
    Enum(Vec<String>),
    /// AS (…): the names and types of fields, in order.
    Composite(Vec<(String, TypeName)>),
    /// AS RANGE (…)
    Range(Box<NewRange>),
}

/// What CREATE TYPE … AS RANGE says of a range type.
#[derive(Debug, Clone, Default)]
pub struct NewRange {
    /// What bounds are of.
    pub subtype: Option<TypeName>,
    /// The order of bounds.
    pub operator_class: Option<ObjectName>,
    /// The collation of bounds.
    pub collation: Option<ObjectName>,
    /// The function that brings values into one form.
    pub canonical: Option<ObjectName>,
    /// The function that says how far bounds are from each other.
    pub subtype_diff: Option<ObjectName>,
    /// What the multirange type is called.
    pub multirange: Option<ObjectName>,
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
    /// RENAME ATTRIBUTE
    RenameAttribute {
        /// Old name.
        from: String,
        /// New name.
        to: String,
    },
    /// ADD, DROP, ALTER ATTRIBUTE
    Attributes(Vec<AttributeAction>),
}

/// What ALTER TYPE does to a field.
#[derive(Debug, Clone)]
pub enum AttributeAction {
    /// ADD ATTRIBUTE
    Add(String, TypeName),
    /// DROP ATTRIBUTE
    Drop {
        /// Which.
        name: String,
        /// IF EXISTS
        if_exists: bool,
    },
    /// ALTER ATTRIBUTE … TYPE
    SetType(String, TypeName),
}

/// ALTER
#[derive(Debug, Clone)]
pub struct Alter {
    /// What kind the statement says it is. PostgreSQL's ALTER TABLE also takes views.
    pub kind: ObjectKind,
    /// Which.
    pub name: ObjectName,
    /// ONLY
    pub only: bool,
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
        /// COLLATE
        collation: Option<ObjectName>,
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
    /// ALTER COLUMN … SET GENERATED, RESTART, or SET of options of its sequence
    SetIdentity {
        /// Column.
        column: String,
        /// ALWAYS or BY DEFAULT, if it says.
        always: Option<bool>,
        /// What becomes of its sequence.
        options: Vec<SequenceOption>,
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
    /// What is said of how it is stored.
    Tune(Tune),
    /// INHERIT
    Inherit(ObjectName),
    /// NO INHERIT
    NoInherit(ObjectName),
    /// ATTACH PARTITION
    Attach {
        /// Which table.
        partition: ObjectName,
        /// For which rows.
        bound: BoundClause,
    },
    /// DETACH PARTITION
    Detach(ObjectName),
    /// ATTACH PARTITION, of an index.
    AttachIndex(ObjectName),
    /// ENABLE, DISABLE, FORCE and NO FORCE ROW LEVEL SECURITY
    RowSecurity(RowSecurityAction),
    /// ENABLE and DISABLE TRIGGER
    Enable(Enabling),
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
    /// LARGE OBJECT
    LargeObject(Oid),
    /// CONSTRAINT … ON
    Constraint {
        /// Constraint.
        name: String,
        /// Its table.
        table: ObjectName,
    },
    /// POLICY … ON
    Policy {
        /// Policy.
        name: String,
        /// Its table.
        table: ObjectName,
    },
    /// TRIGGER … ON
    Trigger {
        /// Trigger.
        name: String,
        /// Its table.
        table: ObjectName,
    },
    /// CONSTRAINT … ON DOMAIN
    DomainConstraint {
        /// Constraint.
        name: String,
        /// Its domain.
        domain: ObjectName,
    },
    /// ROLE
    Role(String),
    /// A function or procedure.
    Routine(RoutineSpec),
    /// OPERATOR
    Operator(Box<OperatorSpec>),
    /// CAST
    Cast(Box<CastSpec>),
    /// STATISTICS
    Statistics(ObjectName),
}
