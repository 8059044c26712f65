//! The objects of a catalog: plain data with public fields.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::acl::Acl;
use super::constraint::Constraints;
use super::family::Family;
use super::policy::RowSecurity;
use super::segment::Segment;
use super::sequence::Sequence;
use super::trigger::Trigger;
use super::tuning::{Tuning, is_true};
use crate::base::{Error, Oid, SqlState};
use crate::types::PgType;

/// What an OID refers to: PostgreSQL's (classid, objid).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ObjectId {
    /// The database.
    Database,
    /// A schema.
    Schema(Oid),
    /// A table, view or foreign table.
    Relation(Oid),
    /// A role.
    Role(Oid),
    /// A function or procedure.
    Routine(Oid),
    /// A user's type.
    Type(Oid),
    /// A large object.
    LargeObject(Oid),
    /// An operator or cast.
    Definition(Oid),
}

/// The one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Its name: `commons`.
    pub name: String,
    /// Who owns it.
    pub owner: Oid,
    /// Grants, or the default (PUBLIC: CONNECT, TEMPORARY; and CREATE, see genesis).
    pub acl: Option<Acl>,
    /// COMMENT ON DATABASE.
    pub comment: Option<String>,
    /// ALTER DATABASE … SET; under a role, ALTER ROLE … IN DATABASE … SET.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<Oid, BTreeMap<String, String>>,
    /// ALTER ROLE ALL SET
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub everywhere: BTreeMap<String, String>,
}

/// Which sessions start with settings that the catalog keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsOf {
    /// A role's: ALTER ROLE … SET.
    Role(Oid),
    /// A role's in the database: ALTER ROLE … IN DATABASE … SET.
    RoleHere(Oid),
    /// All in the database: ALTER DATABASE … SET.
    Database,
    /// All: ALTER ROLE ALL SET.
    Everybody,
}

/// A schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Identity.
    pub oid: Oid,
    /// Name, unique in the database.
    pub name: String,
    /// Who owns it.
    pub owner: Oid,
    /// Grants, or the default (owner only).
    pub acl: Option<Acl>,
    /// COMMENT ON SCHEMA.
    pub comment: Option<String>,
}

/// Whether an object outlives its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Persistence {
    /// Durable.
    Permanent,
    /// Belongs to one session and dies with it.
    Temporary,
}

/// A table, view or foreign table: what PostgreSQL keeps in `pg_class`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Relation {
    /// Identity.
    pub oid: Oid,
    /// OID of the row type (`pg_class.reltype`).
    pub row_type: Oid,
    /// Name, unique in its schema.
    pub name: String,
    /// The schema it is in.
    pub schema: Oid,
    /// Who owns it.
    pub owner: Oid,
    /// Grants, or the default (owner only).
    pub acl: Option<Acl>,
    /// COMMENT ON TABLE/VIEW.
    pub comment: Option<String>,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Number for the next added column; never reused ([`Column::attnum`], and Parquet's field id).
    pub next_attnum: i16,
    /// Durable or a session's.
    pub persistence: Persistence,
    /// How many times the object was created, replaced or refreshed; 1 at first.
    pub publication: u64,
    /// Grants on single columns, by their numbers; what is granted on the whole relation is not
    /// repeated here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub column_acls: BTreeMap<i16, Acl>,
    /// What it was told about its storage.
    #[serde(default, skip_serializing_if = "Tuning::is_empty")]
    pub tuning: Tuning,
    /// What a table promises of its rows, and its indexes.
    #[serde(default, skip_serializing_if = "Constraints::is_empty")]
    pub constraints: Constraints,
    /// Which of its rows are for whom.
    #[serde(default, skip_serializing_if = "RowSecurity::is_empty")]
    pub row_security: RowSecurity,
    /// What it calls when its rows change, in the order of their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Trigger>,
    /// What it has of other tables, and what it is divided by.
    #[serde(default, skip_serializing_if = "Family::is_empty")]
    pub family: Family,
    /// What it is.
    pub kind: RelationKind,
}

/// What a relation is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RelationKind {
    /// Rows stored by commons. Segments are kept apart from the JSON body of the object.
    Table {
        /// The rows, in segments. Order is insertion order.
        #[serde(skip)]
        segments: Arc<[Arc<Segment>]>,
    },
    /// A named query.
    View(View),
    /// A query's answer, kept: rows as of the last REFRESH.
    Materialized {
        /// The query.
        view: View,
        /// Whether it was ever refreshed; until then it cannot be read.
        populated: bool,
        /// The rows.
        #[serde(skip)]
        segments: Arc<[Arc<Segment>]>,
    },
    /// A sequence.
    Sequence(Sequence),
    /// Files of the server's file system, read in place.
    Foreign {
        /// Foreign server's name (`files`).
        server: String,
        /// OPTIONS: `path`, `format`, `header`, `delimiter`, …
        options: BTreeMap<String, String>,
    },
}

/// The body of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The SELECT as its author wrote it.
    pub query: String,
    /// The schemas that unqualified names of the query were looked up in, in order, when it was
    /// created.
    pub search_path: Vec<String>,
    /// What it reads, for DROP … RESTRICT and CASCADE.
    pub depends_on: Vec<Oid>,
    /// Of each relation read, the number its next column had when the body was written: columns
    /// added later are none of the view's, because `*` means what it meant then.
    pub next_attnums: BTreeMap<Oid, i16>,
    /// Of each relation read, the columns that the body names, also by `*`. Of one that is missing
    /// here it is not known: any may be.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<Oid, BTreeSet<i16>>,
    /// The primary keys without which the body would not be valid: it groups by them, and names
    /// other columns of their tables.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub keys: BTreeSet<Oid>,
    /// The users' types it says, or has columns of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<Oid>,
    /// WITH CHECK OPTION of a view whose options were not kept among its parameters yet:
    /// [`Relation::check_option`] says what holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_option: Option<CheckOption>,
}

/// Which conditions rows written through a view must meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckOption {
    /// Its own.
    Local,
    /// Its own, and those of the views it stands on.
    Cascaded,
}

impl Relation {
    /// The value of a parameter that was set.
    fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.tuning.parameters.iter();
        let found = parameters.find(|(set, _)| set == name);
        found.map(|(_, value)| value.as_str())
    }

    /// WITH CHECK OPTION of a view.
    pub fn check_option(&self) -> Option<CheckOption> {
        match self
            .parameter("check_option")
            .map(str::to_lowercase)
            .as_deref()
        {
            Some("local") => Some(CheckOption::Local),
            Some(_) => Some(CheckOption::Cascaded),
            None => self.view().and_then(|view| view.check_option),
        }
    }

    /// Whether a view's relations are read with the rights of whoever reads the view, rather than
    /// with its owner's.
    pub fn is_security_invoker(&self) -> bool {
        self.parameter("security_invoker").is_some_and(is_true)
    }

    /// Whether nothing a query says may be evaluated for rows that a view does not show.
    pub fn is_security_barrier(&self) -> bool {
        self.parameter("security_barrier").is_some_and(is_true)
    }
}

impl View {
    /// Whether the body names a column.
    pub fn names_column(&self, relation: Oid, attnum: i16) -> bool {
        let names = self.names.get(&relation);
        self.depends_on.contains(&relation) && names.is_none_or(|names| names.contains(&attnum))
    }

    /// `relation` as the view's body sees it: `None` if the body does not read it, and without the
    /// columns added since.
    pub fn sees(&self, relation: &Arc<Relation>) -> Option<Arc<Relation>> {
        if !self.depends_on.contains(&relation.oid) {
            return None;
        }
        let next = self.next_attnums.get(&relation.oid).copied();
        let is_new = |column: &Column| next.is_some_and(|next| column.attnum >= next);
        if !relation.columns.iter().any(is_new) {
            return Some(relation.clone());
        }
        let mut seen = Relation::clone(relation);
        seen.columns.retain(|column| !is_new(column));
        Some(Arc::new(seen))
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Number, from 1; never reused in its relation. Also the Parquet field id.
    pub attnum: i16,
    /// Name.
    pub name: String,
    /// Name of the column inside Parquet files: the name at creation, made unique. Renames leave it
    /// alone.
    pub stored_name: String,
    /// Type.
    pub ty: PgType,
    /// COLLATE, where it says another collation than its type's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<Oid>,
    /// NOT NULL.
    pub not_null: bool,
    /// DEFAULT, as SQL text. A sequence in it stands under its OID (`nextval('16412'::regclass)`).
    pub default: Option<String>,
    /// GENERATED …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// COMMENT ON COLUMN.
    pub comment: Option<String>,
}

/// How a column gets its values where that is not left to INSERT and UPDATE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Generation {
    /// GENERATED … AS IDENTITY
    Identity {
        /// ALWAYS rather than BY DEFAULT.
        always: bool,
        /// Its sequence.
        sequence: Oid,
    },
    /// GENERATED ALWAYS AS (expression) STORED: the expression as its author wrote it, and the
    /// columns it reads.
    Stored {
        /// The expression.
        expression: String,
        /// What it reads.
        columns: Vec<i16>,
    },
}

impl Column {
    /// The sequences its default takes values from.
    pub fn sequences(&self) -> Vec<Oid> {
        let mut found = Vec::new();
        if let Some(Generation::Identity { sequence, .. }) = &self.generation {
            found.push(*sequence);
        }
        let mut rest = self.default.as_deref().unwrap_or_default();
        while let Some(at) = rest.find("'::regclass") {
            let head = &rest[..at];
            let digits = head.rsplit('\'').next().unwrap_or_default();
            if let Ok(oid) = digits.parse() {
                found.push(Oid(oid));
            }
            rest = &rest[at + 1..];
        }
        found
    }

    /// The sequence of a default that is nothing but its next value.
    pub fn sequence(&self) -> Option<Oid> {
        if let Some(Generation::Identity { sequence, .. }) = &self.generation {
            return Some(*sequence);
        }
        let default = self.default.as_deref()?;
        let digits = default
            .strip_prefix("nextval('")?
            .strip_suffix("'::regclass)")?;
        digits.parse().ok().map(Oid)
    }

    /// The expression of a generated column.
    pub fn expression(&self) -> Option<&str> {
        match &self.generation {
            Some(Generation::Stored { expression, .. }) => Some(expression),
            Some(Generation::Identity { .. }) | None => None,
        }
    }
}

impl Relation {
    /// The word of error messages: "table", "view", "foreign table".
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            RelationKind::Table { .. } => "table",
            RelationKind::View(_) => "view",
            RelationKind::Materialized { .. } => "materialized view",
            RelationKind::Sequence(_) => "sequence",
            RelationKind::Foreign { .. } => "foreign table",
        }
    }

    /// `42809` for an ALTER action that its kind of relation does not have.
    pub fn has_no_action(&self, action: &str) -> Error {
        Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!(
                "ALTER action {action} cannot be performed on relation \"{}\"",
                self.name
            ),
        )
        .detail(format!(
            "This operation is not supported for {}s.",
            self.kind_name()
        ))
    }

    /// `pg_class.relkind`
    pub fn relkind(&self) -> char {
        match self.kind {
            RelationKind::Table { .. } if self.is_partitioned() => 'p',
            RelationKind::Table { .. } => 'r',
            RelationKind::View(_) => 'v',
            RelationKind::Materialized { .. } => 'm',
            RelationKind::Sequence(_) => 'S',
            RelationKind::Foreign { .. } => 'f',
        }
    }

    /// The segments of a table or materialized view; empty for anything else.
    pub fn segments(&self) -> &[Arc<Segment>] {
        match &self.kind {
            RelationKind::Table { segments } | RelationKind::Materialized { segments, .. } => {
                segments
            }
            RelationKind::View(_) | RelationKind::Foreign { .. } | RelationKind::Sequence(_) => &[],
        }
    }

    /// Whether it has rows of its own.
    pub fn is_stored(&self) -> bool {
        match self.kind {
            RelationKind::Table { .. } | RelationKind::Materialized { .. } => true,
            RelationKind::View(_) | RelationKind::Foreign { .. } | RelationKind::Sequence(_) => {
                false
            }
        }
    }

    /// The query of a view, materialized or not.
    pub fn view(&self) -> Option<&View> {
        match &self.kind {
            RelationKind::View(view) | RelationKind::Materialized { view, .. } => Some(view),
            RelationKind::Table { .. }
            | RelationKind::Foreign { .. }
            | RelationKind::Sequence(_) => None,
        }
    }

    /// What a sequence is.
    pub fn sequence(&self) -> Option<&Sequence> {
        match &self.kind {
            RelationKind::Sequence(sequence) => Some(sequence),
            RelationKind::Table { .. }
            | RelationKind::View(_)
            | RelationKind::Materialized { .. }
            | RelationKind::Foreign { .. } => None,
        }
    }

    /// Column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A role: user or group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Identity.
    pub oid: Oid,
    /// Name.
    pub name: String,
    /// SUPERUSER
    pub superuser: bool,
    /// INHERIT: has the privileges of the roles it is a member of without SET ROLE.
    pub inherit: bool,
    /// CREATEROLE
    pub create_role: bool,
    /// CREATEDB (kept for clients; there is one database)
    pub create_db: bool,
    /// LOGIN
    pub login: bool,
    /// BYPASSRLS: row security is not for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bypass_row_security: bool,
    /// CONNECTION LIMIT; -1 is none.
    pub connection_limit: i32,
    /// VALID UNTIL: microseconds since 1970-01-01 UTC; after it passwords do not log in.
    pub valid_until: Option<i64>,
    /// ALTER ROLE … SET
    pub settings: BTreeMap<String, String>,
    /// COMMENT ON ROLE
    pub comment: Option<String>,
}

impl Role {
    /// `pg_database_owner`: its only member, implicitly, is the database's owner.
    pub const PG_DATABASE_OWNER: Oid = Oid(6171);
    /// `pg_read_all_data`: may SELECT from every relation and use every schema.
    pub const PG_READ_ALL_DATA: Oid = Oid(6181);
    /// `pg_write_all_data`: may INSERT, UPDATE and DELETE in every relation and use every schema.
    pub const PG_WRITE_ALL_DATA: Oid = Oid(6182);
}

/// `member` is a member of `role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Membership {
    /// The group.
    pub role: Oid,
    /// Who is in it.
    pub member: Oid,
    /// Who put them there.
    pub grantor: Oid,
    /// WITH ADMIN OPTION
    pub admin: bool,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => write!(f, "database"),
            Self::Schema(oid) => write!(f, "schema {oid}"),
            Self::Relation(oid) => write!(f, "relation {oid}"),
            Self::Role(oid) => write!(f, "role {oid}"),
            Self::Routine(oid) => write!(f, "function {oid}"),
            Self::Type(oid) => write!(f, "type {oid}"),
            Self::LargeObject(oid) => write!(f, "large object {oid}"),
            Self::Definition(oid) => write!(f, "object {oid}"),
        }
    }
}
