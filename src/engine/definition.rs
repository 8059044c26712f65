//! What CREATE TABLE, SEQUENCE, INDEX and their ALTERs say, as written: names not looked up yet.

use crate::catalog::{ForeignAction, Parameters, PartitionStrategy, Timing};
use crate::types::PgType;

use super::command::ObjectName;
use super::parse::TypeName;

/// A column of CREATE TABLE and ADD COLUMN.
#[derive(Debug, Clone)]
pub struct ColumnDefinition {
    /// Name.
    pub name: String,
    /// Type.
    pub ty: TypeName,
    /// Whether the type was written `serial` or a kin: a sequence comes with it.
    pub serial: bool,
    /// COMPRESSION
    pub compression: Option<String>,
    /// COLLATE
    pub collation: Option<ObjectName>,
    /// NOT NULL
    pub not_null: bool,
    /// DEFAULT, as its author wrote it.
    pub default: Option<String>,
    /// GENERATED …
    pub generation: Option<GenerationClause>,
    /// Its other constraints.
    pub constraints: Vec<ConstraintDefinition>,
}

/// GENERATED …
#[derive(Debug, Clone)]
pub enum GenerationClause {
    /// AS IDENTITY
    Identity {
        /// ALWAYS rather than BY DEFAULT.
        always: bool,
        /// Options of its sequence.
        options: Vec<SequenceOption>,
    },
    /// AS (expression) STORED
    Stored(String),
}

/// A constraint, of a column or a table.
#[derive(Debug, Clone)]
pub struct ConstraintDefinition {
    /// CONSTRAINT name
    pub name: Option<String>,
    /// What it says.
    pub clause: ConstraintClause,
    /// When it is checked.
    pub timing: Timing,
    /// NOT VALID
    pub not_valid: bool,
}

/// What a constraint says.
#[derive(Debug, Clone)]
pub enum ConstraintClause {
    /// PRIMARY KEY and UNIQUE
    Key {
        /// PRIMARY KEY
        primary: bool,
        /// Columns.
        columns: Vec<String>,
        /// INCLUDE
        include: Vec<String>,
        /// NULLS NOT DISTINCT
        nulls_not_distinct: bool,
        /// WITH (…) of its index
        parameters: Parameters,
    },
    /// PRIMARY KEY and UNIQUE USING INDEX
    OfIndex {
        /// PRIMARY KEY
        primary: bool,
        /// The index, of the same table.
        index: String,
    },
    /// CHECK
    Check {
        /// The condition, as its author wrote it.
        expression: String,
        /// NO INHERIT
        no_inherit: bool,
    },
    /// FOREIGN KEY, REFERENCES
    Foreign {
        /// The referencing columns.
        columns: Vec<String>,
        /// The table referred to.
        table: ObjectName,
        /// Its columns; none means its primary key.
        references: Vec<String>,
        /// ON DELETE
        on_delete: ForeignAction,
        /// The columns it sets, if not all.
        delete_sets: Vec<String>,
        /// ON UPDATE
        on_update: ForeignAction,
        /// MATCH FULL
        full: bool,
    },
}

/// LIKE table, among the columns of CREATE TABLE.
#[derive(Debug, Clone)]
pub struct Like {
    /// How many columns stand before it.
    pub position: usize,
    /// The table.
    pub table: ObjectName,
    /// What is taken over beside names, types and NOT NULL.
    pub including: LikeOptions,
}

/// INCLUDING … of LIKE.
#[derive(Debug, Clone, Copy, Default)]
pub struct LikeOptions {
    /// COMMENTS
    pub comments: bool,
    /// COMPRESSION
    pub compression: bool,
    /// CONSTRAINTS: checks.
    pub constraints: bool,
    /// DEFAULTS
    pub defaults: bool,
    /// GENERATED
    pub generated: bool,
    /// IDENTITY
    pub identity: bool,
    /// INDEXES: keys, too.
    pub indexes: bool,
}

/// PARTITION BY
#[derive(Debug, Clone)]
pub struct PartitionClause {
    /// How.
    pub strategy: PartitionStrategy,
    /// By what: columns' names, and expressions as their author wrote them.
    pub parts: Vec<Result<String, String>>,
}

/// Which rows a partition is for, in expressions as their author wrote them.
#[derive(Debug, Clone)]
pub enum BoundClause {
    /// DEFAULT
    Default,
    /// FOR VALUES IN
    List(Vec<String>),
    /// FOR VALUES FROM … TO
    Range {
        /// FROM
        from: Vec<BoundDatum>,
        /// TO
        to: Vec<BoundDatum>,
    },
    /// FOR VALUES WITH
    Hash {
        /// MODULUS
        modulus: i32,
        /// REMAINDER
        remainder: i32,
    },
}

/// A value of a range's bound.
#[derive(Debug, Clone)]
pub enum BoundDatum {
    /// MINVALUE
    Min,
    /// MAXVALUE
    Max,
    /// An expression.
    Value(String),
}

/// CREATE SEQUENCE
#[derive(Debug, Clone)]
pub struct CreateSequence {
    /// Name.
    pub name: ObjectName,
    /// TEMPORARY
    pub temporary: bool,
    /// UNLOGGED
    pub unlogged: bool,
    /// IF NOT EXISTS
    pub if_not_exists: bool,
    /// Options as written.
    pub options: Vec<SequenceOption>,
}

/// An option of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequenceOption {
    /// AS
    Type(PgType),
    /// INCREMENT BY
    Increment(i64),
    /// MINVALUE; `None` is NO MINVALUE.
    Min(Option<i64>),
    /// MAXVALUE; `None` is NO MAXVALUE.
    Max(Option<i64>),
    /// START WITH
    Start(i64),
    /// RESTART; `None` is at START.
    Restart(Option<i64>),
    /// CACHE
    Cache(i64),
    /// `[NO]` CYCLE
    Cycle(bool),
    /// SEQUENCE NAME, of identity columns.
    Name(ObjectName),
    /// OWNED BY; `None` is NONE.
    OwnedBy(Option<(ObjectName, String)>),
}

/// CREATE INDEX
#[derive(Debug, Clone)]
pub struct CreateIndex {
    /// Name; made up if not said.
    pub name: Option<String>,
    /// IF NOT EXISTS
    pub if_not_exists: bool,
    /// UNIQUE
    pub unique: bool,
    /// CONCURRENTLY
    pub concurrently: bool,
    /// The table.
    pub table: ObjectName,
    /// ONLY
    pub only: bool,
    /// USING
    pub method: String,
    /// What is indexed.
    pub parts: Vec<IndexPartDefinition>,
    /// INCLUDE
    pub include: Vec<String>,
    /// NULLS NOT DISTINCT
    pub nulls_not_distinct: bool,
    /// Storage parameters.
    pub parameters: Parameters,
    /// WHERE, as its author wrote it.
    pub predicate: Option<String>,
}

/// A part of an index.
#[derive(Debug, Clone)]
pub struct IndexPartDefinition {
    /// A column's name, or an expression as its author wrote it.
    pub of: Result<String, String>,
    /// COLLATE
    pub collation: Option<ObjectName>,
    /// The operator class, if it is said.
    pub operators: Option<String>,
    /// DESC
    pub descending: bool,
    /// NULLS FIRST, or what DESC implies.
    pub nulls_first: bool,
}

/// CREATE MATERIALIZED VIEW
#[derive(Debug, Clone)]
pub struct CreateMaterialized {
    /// Name.
    pub name: ObjectName,
    /// IF NOT EXISTS
    pub if_not_exists: bool,
    /// Column names, instead of the query's first ones.
    pub columns: Vec<String>,
    /// The query.
    pub query: Box<sqlparser::ast::Query>,
    /// The query as its author wrote it.
    pub text: String,
    /// WITH DATA, the default.
    pub with_data: bool,
    /// Storage parameters.
    pub storage: Parameters,
}
