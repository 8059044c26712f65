//! What a table promises of its rows beside their types: unique indexes, checks, foreign keys.
//!
//! PRIMARY KEY and UNIQUE constraints *are* unique indexes with a constraint's identity. An index
//! that is not unique changes no answer and stores nothing; it is kept because tools ask for it.
//! Who enforces all this is the engine, where rows are made; here it is only said.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::object::Relation;
use super::tuning::Parameters;
use crate::base::Oid;
use crate::base::limits::NAME_BYTES_MAX;
use crate::base::name::cut;
use crate::types::PgType;

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Identity.
    pub oid: Oid,
    /// Name, unique among the relations of its table's schema.
    pub name: String,
    /// What is indexed, in order.
    pub parts: Vec<IndexPart>,
    /// UNIQUE: no two rows have equal parts, NULLs being distinct unless said otherwise.
    pub unique: bool,
    /// NULLS NOT DISTINCT
    pub nulls_not_distinct: bool,
    /// Whether it is the table's PRIMARY KEY.
    pub primary: bool,
    /// The constraint's OID, if it is one.
    pub constraint: Option<Oid>,
    /// Access method as written: `btree`, `hash`, …
    pub method: String,
    /// WHERE, as its author wrote it: rows it does not hold for are not in the index.
    pub predicate: Option<String>,
    /// INCLUDE
    pub include: Vec<i16>,
    /// Columns that its expressions and WHERE read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<i16>,
    /// When it is checked, if it is a constraint.
    #[serde(default)]
    pub timing: Timing,
    /// Storage parameters, which change nothing here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Parameters,
    /// Whether it is of ONLY a partitioned table that has partitions without it. It says nothing
    /// of their rows until each has its part.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invalid: bool,
    /// What its columns are called, those it includes last: they keep the names that those of the
    /// table had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

/// What the columns of a new index are called: a second one of a name is told apart by a number.
pub fn index_columns<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for name in names {
        let numbered = (1_u32..).map(|number| {
            let number = number.to_string();
            let room = NAME_BYTES_MAX - number.len();
            format!("{}{number}", cut(name, room))
        });
        let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
        columns.extend(candidates.find(|name| !columns.contains(name)));
    }
    columns
}

/// When a constraint is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timing {
    /// NOT DEFERRABLE: at once.
    #[default]
    NotDeferrable,
    /// DEFERRABLE INITIALLY IMMEDIATE: at the end of a statement, or at commit if SET CONSTRAINTS
    /// says so.
    Immediate,
    /// DEFERRABLE INITIALLY DEFERRED: at commit, unless SET CONSTRAINTS says otherwise.
    Deferred,
}

/// One part of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexPart {
    /// What is indexed.
    pub of: IndexedBy,
    /// DESC
    pub descending: bool,
    /// NULLS FIRST
    pub nulls_first: bool,
    /// COLLATE, where it says another collation than its column's or expression's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<Oid>,
    /// The operator class, where it is not the type's default one for the access method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operators: Option<String>,
    /// The type of an expression; a column has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ty: Option<PgType>,
}

/// What a part of an index holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexedBy {
    /// A column.
    Column(i16),
    /// An expression, as its author wrote it.
    Expression(String),
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Identity.
    pub oid: Oid,
    /// Name, unique among the table's constraints.
    pub name: String,
    /// The condition, as its author wrote it, without the parentheses around it.
    pub expression: String,
    /// The columns it reads.
    pub columns: Vec<i16>,
    /// NO INHERIT
    pub no_inherit: bool,
    /// NOT VALID: rows that were there before may break it.
    #[serde(default)]
    pub not_valid: bool,
}

/// A FOREIGN KEY constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Identity.
    pub oid: Oid,
    /// Name, unique among the table's constraints.
    pub name: String,
    /// The referencing columns.
    pub columns: Vec<i16>,
    /// The table referred to.
    pub table: Oid,
    /// Its columns, in the order of `columns`.
    pub references: Vec<i16>,
    /// The unique index behind them.
    pub index: Oid,
    /// ON DELETE
    pub on_delete: ForeignAction,
    /// Of ON DELETE SET NULL and SET DEFAULT the columns that are set, if not all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete_sets: Vec<i16>,
    /// ON UPDATE
    pub on_update: ForeignAction,
    /// MATCH FULL
    pub full: bool,
    /// When it is checked.
    #[serde(default)]
    pub timing: Timing,
    /// NOT VALID: rows that were there before may break it.
    #[serde(default)]
    pub not_valid: bool,
    /// Of a key to a partitioned table: what it is to each table under that, by OID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<Oid, KeyPart>,
}

/// What a foreign key to a partitioned table is to one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPart {
    /// Identity.
    pub oid: Oid,
    /// Name, unique among the constraints of the table that refers.
    pub name: String,
    /// The partition's columns.
    pub references: Vec<i16>,
    /// The partition's part of the unique index.
    pub index: Oid,
    /// The constraint it is a part of: the key, or its part of the table between.
    pub part_of: Oid,
}

/// What happens to rows whose key goes or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForeignAction {
    /// NO ACTION
    NoAction,
    /// RESTRICT
    Restrict,
    /// CASCADE
    Cascade,
    /// SET NULL
    SetNull,
    /// SET DEFAULT
    SetDefault,
}

/// Everything a table promises.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraints {
    /// Indexes, unique or not, in order of creation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
    /// CHECK
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// FOREIGN KEY
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<ForeignKey>,
    /// COMMENT ON INDEX and CONSTRAINT, by OID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub comments: BTreeMap<Oid, String>,
    /// Foreign keys, of the table and to it, that are not kept when its rows change: to PostgreSQL
    /// they are triggers of both tables, and these are disabled.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unkept: BTreeSet<Oid>,
}

impl Index {
    /// The columns it is over, parts that are expressions left out.
    pub fn columns(&self) -> impl Iterator<Item = i16> {
        self.parts.iter().filter_map(|part| match part.of {
            IndexedBy::Column(attnum) => Some(attnum),
            IndexedBy::Expression(_) => None,
        })
    }
}

impl Index {
    /// Whether it holds the plain columns of every row.
    pub fn is_plain(&self) -> bool {
        let columns = |part: &IndexPart| matches!(part.of, IndexedBy::Column(_));
        self.predicate.is_none() && self.parts.iter().all(columns)
    }

    /// Whether what it holds of a row follows from any of these columns.
    pub fn depends_on(&self, changed: &[i16]) -> bool {
        self.columns()
            .chain(self.reads.iter().copied())
            .any(|attnum| changed.contains(&attnum))
    }
}

impl Timing {
    /// As in a definition, with a blank before it; nothing for what goes without saying.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotDeferrable => "",
            Self::Immediate => " DEFERRABLE",
            Self::Deferred => " DEFERRABLE INITIALLY DEFERRED",
        }
    }

    /// DEFERRABLE
    pub fn is_deferrable(self) -> bool {
        self != Self::NotDeferrable
    }
}

impl ForeignAction {
    /// `pg_constraint.confdeltype`
    pub fn letter(self) -> char {
        match self {
            Self::NoAction => 'a',
            Self::Restrict => 'r',
            Self::Cascade => 'c',
            Self::SetNull => 'n',
            Self::SetDefault => 'd',
        }
    }

    /// As in a definition.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoAction => "NO ACTION",
            Self::Restrict => "RESTRICT",
            Self::Cascade => "CASCADE",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
        }
    }
}

impl ForeignKey {
    /// The key as it is to a table, if it refers to that or to one above it. It stays the same
    /// constraint: its OID is that of the whole.
    pub fn to(&self, table: Oid) -> Option<Cow<'_, Self>> {
        if self.table == table {
            return Some(Cow::Borrowed(self));
        }
        let part = self.parts.get(&table)?;
        Some(Cow::Owned(Self {
            name: part.name.clone(),
            references: part.references.clone(),
            index: part.index,
            table,
            parts: BTreeMap::new(),
            ..self.clone()
        }))
    }

    /// All tables it refers to.
    pub fn tables(&self) -> impl Iterator<Item = Oid> {
        std::iter::once(self.table).chain(self.parts.keys().copied())
    }
}

impl Constraints {
    /// Nothing.
    pub const NONE: Constraints = Constraints {
        indexes: Vec::new(),
        checks: Vec::new(),
        foreign: Vec::new(),
        comments: BTreeMap::new(),
        unkept: BTreeSet::new(),
    };

    /// Whether nothing is promised and nothing indexed.
    pub fn is_empty(&self) -> bool {
        self.indexes.is_empty() && self.checks.is_empty() && self.foreign.is_empty()
    }

    /// The indexes that rows are checked against.
    pub fn unique(&self) -> impl Iterator<Item = &Index> {
        self.indexes.iter().filter(|index| index.unique)
    }

    /// The primary key.
    pub fn primary(&self) -> Option<&Index> {
        self.indexes.iter().find(|index| index.primary)
    }

    /// Whether a constraint has this name.
    pub fn is_named(&self, name: &str) -> bool {
        self.names().any(|used| used == name)
    }

    /// The constraints' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let keys = self.indexes.iter().filter(|i| i.constraint.is_some());
        keys.map(|index| index.name.as_str())
            .chain(self.checks.iter().map(|check| check.name.as_str()))
            .chain(self.foreign.iter().map(|key| key.name.as_str()))
            .chain(self.key_parts().map(|part| part.name.as_str()))
    }

    /// The parts of its foreign keys.
    pub fn key_parts(&self) -> impl Iterator<Item = &KeyPart> {
        self.foreign.iter().flat_map(|key| key.parts.values())
    }

    /// The OID of the constraint with a name.
    pub fn named(&self, name: &str) -> Option<Oid> {
        let key = self
            .indexes
            .iter()
            .filter(|index| index.name == name)
            .find_map(|index| index.constraint);
        let check = self.checks.iter().find(|check| check.name == name);
        let foreign = self.foreign.iter().find(|key| key.name == name);
        key.or(check.map(|check| check.oid))
            .or(foreign.map(|key| key.oid))
    }

    /// Whether any of them reads a column.
    pub fn mentions(&self, attnum: i16) -> bool {
        self.indexes
            .iter()
            .any(|index| index.depends_on(&[attnum]) || index.include.contains(&attnum))
            || self.checks.iter().any(|c| c.columns.contains(&attnum))
            || self.foreign.iter().any(|key| key.columns.contains(&attnum))
    }
}

impl Relation {
    /// The table's unique indexes, which rows are checked against.
    pub fn has_unique(&self) -> bool {
        self.constraints.unique().next().is_some()
    }

    /// Positions of numbered columns.
    pub fn positions(&self, attnums: &[i16]) -> Vec<usize> {
        attnums
            .iter()
            .filter_map(|attnum| self.columns.iter().position(|c| c.attnum == *attnum))
            .collect()
    }
}
