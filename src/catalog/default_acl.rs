//! What objects made later start with: ALTER DEFAULT PRIVILEGES.

use serde::{Deserialize, Serialize};

use super::acl::{Acl, AclItem, Privileges};
use super::snapshot::Snapshot;
use crate::base::Oid;
use crate::base::name::quote;

/// The kinds of objects that have defaults of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DefaultKind {
    /// Tables, views and foreign tables.
    Relation,
    /// Sequences.
    Sequence,
    /// Functions and procedures.
    Routine,
    /// Types.
    Type,
    /// Schemas.
    Schema,
}

impl DefaultKind {
    /// `pg_default_acl.defaclobjtype`
    pub fn letter(self) -> char {
        match self {
            Self::Relation => 'r',
            Self::Sequence => 'S',
            Self::Routine => 'f',
            Self::Type => 'T',
            Self::Schema => 'n',
        }
    }

    /// Everything an object of this kind has.
    pub fn all(self) -> Privileges {
        match self {
            Self::Relation => Privileges::RELATION,
            Self::Sequence => Privileges::SEQUENCE,
            Self::Routine => Privileges::ROUTINE,
            Self::Type => Privileges::TYPE,
            Self::Schema => Privileges::SCHEMA,
        }
    }

    /// What an object of this kind has before anybody said otherwise (PostgreSQL's `acldefault`).
    pub fn hard_wired(self, owner: Oid) -> Acl {
        let item = |grantee, privileges| AclItem {
            grantee,
            privileges,
            grantable: Privileges::NONE,
            grantor: owner,
        };
        let mut acl = Vec::with_capacity(2);
        match self {
            Self::Routine | Self::Type => acl.push(item(Oid::INVALID, self.all())),
            Self::Relation | Self::Sequence | Self::Schema => {}
        }
        acl.push(item(owner, self.all()));
        acl
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Relation => "relations",
            Self::Sequence => "sequences",
            Self::Routine => "functions",
            Self::Type => "types",
            Self::Schema => "schemas",
        }
    }
}

/// What new objects of one kind start with, if one role makes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultAcl {
    /// Identity.
    pub oid: Oid,
    /// Whose objects.
    pub role: Oid,
    /// In which schema. Such a list adds to the one for every schema, which stands in the place of
    /// the hard-wired one.
    pub schema: Option<Oid>,
    /// Which objects.
    pub kind: DefaultKind,
    /// The list.
    pub acl: Acl,
}

impl Snapshot {
    /// Every default list, by OID.
    pub fn default_acls(&self) -> impl Iterator<Item = &std::sync::Arc<DefaultAcl>> {
        self.default_acls.values()
    }

    /// The default list of a role's objects of one kind, in one schema or in every.
    pub fn default_acl_of(
        &self,
        role: Oid,
        schema: Option<Oid>,
        kind: DefaultKind,
    ) -> Option<&std::sync::Arc<DefaultAcl>> {
        self.default_acls()
            .find(|of| of.role == role && of.schema == schema && of.kind == kind)
    }

    /// A default list as messages name it.
    pub fn describe_default_acl(&self, of: &DefaultAcl) -> String {
        let role = self.role_name(of.role);
        let objects = of.kind.plural();
        let text = format!(
            "default privileges on new {objects} belonging to role {}",
            quote(&role)
        );
        match of.schema.and_then(|schema| self.schema(schema)) {
            Some(schema) => format!("{text} in schema {}", quote(&schema.name)),
            None => text,
        }
    }
}
