//! Access control lists as data: who was granted what by whom. The rules are in
//! [`crate::privileges`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::Oid;

/// One privilege (PostgreSQL manual, table 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u16)]
pub enum Privilege {
    /// `r`
    Select = 1,
    /// `a`
    Insert = 2,
    /// `w`
    Update = 4,
    /// `d`
    Delete = 8,
    /// `D`
    Truncate = 16,
    /// `x`
    References = 32,
    /// `t`
    Trigger = 64,
    /// `U`
    Usage = 128,
    /// `C`
    Create = 256,
    /// `c`
    Connect = 512,
    /// `T`
    Temporary = 1024,
    /// `X`
    Execute = 2048,
}

impl Privilege {
    /// Every privilege, in the order PostgreSQL prints them in an aclitem.
    pub const ALL: [Privilege; 12] = [
        Self::Insert,
        Self::Select,
        Self::Update,
        Self::Delete,
        Self::Truncate,
        Self::References,
        Self::Trigger,
        Self::Execute,
        Self::Usage,
        Self::Create,
        Self::Temporary,
        Self::Connect,
    ];

    /// The letter of an aclitem.
    pub fn letter(self) -> char {
        match self {
            Self::Select => 'r',
            Self::Insert => 'a',
            Self::Update => 'w',
            Self::Delete => 'd',
            Self::Truncate => 'D',
            Self::References => 'x',
            Self::Trigger => 't',
            Self::Usage => 'U',
            Self::Create => 'C',
            Self::Connect => 'c',
            Self::Temporary => 'T',
            Self::Execute => 'X',
        }
    }

    /// The word of GRANT.
    pub fn word(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Truncate => "TRUNCATE",
            Self::References => "REFERENCES",
            Self::Trigger => "TRIGGER",
            Self::Usage => "USAGE",
            Self::Create => "CREATE",
            Self::Connect => "CONNECT",
            Self::Temporary => "TEMPORARY",
            Self::Execute => "EXECUTE",
        }
    }
}

/// A set of privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Privileges(u16);

impl Privileges {
    /// None.
    pub const NONE: Privileges = Privileges(0);
    /// All a table, view or foreign table has.
    pub const RELATION: Privileges = Privileges(127);
    /// All a column has.
    pub const COLUMN: Privileges = Privileges(
        Privilege::Select as u16
            | Privilege::Insert as u16
            | Privilege::Update as u16
            | Privilege::References as u16,
    );
    /// All a sequence has.
    pub const SEQUENCE: Privileges = Privileges(1 | 4 | 128);
    /// All a schema has.
    pub const SCHEMA: Privileges = Privileges(128 | 256);
    /// All a function has.
    pub const ROUTINE: Privileges = Privileges(2048);
    /// All a type has.
    pub const TYPE: Privileges = Privileges(128);
    /// On large objects: SELECT and UPDATE.
    pub const LARGE_OBJECT: Privileges =
        Privileges(Privilege::Select as u16 | Privilege::Update as u16);
    /// All a database has.
    pub const DATABASE: Privileges = Privileges(256 | 512 | 1024);

    /// Whether `privilege` is in the set.
    pub fn contains(self, privilege: Privilege) -> bool {
        self.0 & privilege as u16 != 0
    }

    /// Whether every privilege of `other` is in the set.
    pub fn contains_all(self, other: Privileges) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    pub const fn union(self, other: Privileges) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets have.
    pub fn intersection(self, other: Privileges) -> Self {
        Self(self.0 & other.0)
    }

    /// This set without `other`.
    pub fn difference(self, other: Privileges) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in aclitem order.
    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        Privilege::ALL
            .into_iter()
            .filter(move |p| self.contains(*p))
    }
}

impl From<Privilege> for Privileges {
    fn from(privilege: Privilege) -> Self {
        Self(privilege as u16)
    }
}

impl FromIterator<Privilege> for Privileges {
    fn from_iter<I: IntoIterator<Item = Privilege>>(iter: I) -> Self {
        iter.into_iter()
            .fold(Self::NONE, |set, p| set.union(p.into()))
    }
}

/// One grant: `grantee=privileges/grantor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AclItem {
    /// Who may; [`Oid::INVALID`] is PUBLIC.
    pub grantee: Oid,
    /// What.
    pub privileges: Privileges,
    /// Which of them may be granted on.
    pub grantable: Privileges,
    /// Who granted it.
    pub grantor: Oid,
}

/// An object's grants. `None` in an object means PostgreSQL's default for its kind, as
/// `relacl IS NULL` does.
pub type Acl = Vec<AclItem>;

/// Prints an item as PostgreSQL's `aclitemout`, with role names from `name`.
pub struct DisplayAclItem<'a, F: Fn(Oid) -> String> {
    /// The item.
    pub item: &'a AclItem,
    /// Role OID to name.
    pub name: F,
}

impl<F: Fn(Oid) -> String> fmt::Display for DisplayAclItem<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |oid: Oid| match (self.name)(oid) {
            name if name.chars().all(|c| c.is_alphanumeric() || c == '_') => name,
            name => format!("\"{}\"", name.replace('"', "\"\"")),
        };
        if self.item.grantee != Oid::INVALID {
            f.write_str(&quoted(self.item.grantee))?;
        }
        f.write_str("=")?;
        for privilege in self.item.privileges.iter() {
            write!(f, "{}", privilege.letter())?;
            if self.item.grantable.contains(privilege) {
                f.write_str("*")?;
            }
        }
        write!(f, "/{}", quoted(self.item.grantor))
    }
}
