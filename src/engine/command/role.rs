//! Roles, and what they may do.

use super::{ObjectName, SetValue};
use crate::base::Oid;
use crate::catalog::DefaultKind;
use crate::engine::routine_definition::{RoutineKind, RoutineSpec};

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
    /// `[NO]BYPASSRLS`
    BypassRowSecurity(bool),
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
    /// Privileges on columns: the word, or `None` for ALL, and which columns.
    pub on_columns: Vec<(Option<String>, Vec<String>)>,
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

/// ALTER DEFAULT PRIVILEGES
#[derive(Debug, Clone)]
pub struct DefaultPrivileges {
    /// Whose objects; `None` is the current user's.
    pub roles: Option<Vec<RoleSpec>>,
    /// In which schemas; none is everywhere.
    pub schemas: Vec<String>,
    /// Which objects.
    pub kind: DefaultKind,
    /// REVOKE
    pub revoke: bool,
    /// Privilege words, upper-cased; `None` is ALL PRIVILEGES.
    pub privileges: Option<Vec<String>>,
    /// To or from whom.
    pub grantees: Vec<RoleSpec>,
    /// WITH GRANT OPTION; for REVOKE, GRANT OPTION FOR.
    pub grant_option: bool,
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
    /// LARGE OBJECT
    LargeObjects(Vec<Oid>),
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
