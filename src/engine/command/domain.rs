//! CREATE DOMAIN, ALTER DOMAIN.

use super::{ObjectName, RoleSpec};
use crate::engine::parse::TypeName;

/// CREATE DOMAIN
#[derive(Debug, Clone)]
pub struct CreateDomain {
    /// Name.
    pub name: ObjectName,
    /// The type beneath.
    pub ty: TypeName,
    /// COLLATE
    pub collation: Option<ObjectName>,
    /// DEFAULT, as its author wrote it.
    pub default: Option<String>,
    /// NOT NULL
    pub not_null: bool,
    /// CHECK: names, if given, and conditions as their author wrote them.
    pub checks: Vec<(Option<String>, String)>,
}

/// ALTER DOMAIN
#[derive(Debug, Clone)]
pub struct AlterDomain {
    /// Which.
    pub name: ObjectName,
    /// What to do.
    pub action: DomainAction,
}

/// The action of ALTER DOMAIN.
#[derive(Debug, Clone)]
pub enum DomainAction {
    /// SET DEFAULT, DROP DEFAULT (`None`)
    SetDefault(Option<String>),
    /// SET NOT NULL, DROP NOT NULL
    SetNotNull(bool),
    /// ADD CONSTRAINT
    AddCheck {
        /// Name, if given.
        name: Option<String>,
        /// The condition, as its author wrote it.
        expression: String,
        /// NOT VALID
        not_valid: bool,
    },
    /// DROP CONSTRAINT
    DropCheck {
        /// Name.
        name: String,
        /// IF EXISTS
        if_exists: bool,
    },
    /// VALIDATE CONSTRAINT
    Validate(String),
    /// RENAME CONSTRAINT
    RenameCheck {
        /// Old name.
        from: String,
        /// New name.
        to: String,
    },
    /// RENAME TO
    Rename(String),
    /// OWNER TO
    OwnerTo(RoleSpec),
    /// SET SCHEMA
    SetSchema(String),
}
