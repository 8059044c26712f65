//! Who may do what. Pure: a snapshot, a role and a need in; yes or PostgreSQL's 42501 out.
//!
//! [`authorize`] is the only function that makes an [`Authorized`], and only an `Authorized` value
//! can be executed or committed. What is asked of it are [`Need`]s: the engine lists those of a
//! bound query, [`needs_of`] those of a change. Relations of the system schemas are in no snapshot,
//! everybody may read them, and they appear in no need.

mod authorize;
mod default;
mod definition;
mod grant;
mod mask;
mod needs;
mod path;
mod roles;
mod row_security;
#[cfg(test)]
mod tests;

pub use authorize::{
    Authorized, authorize, has_any_column_privilege, has_column_privilege, has_privilege, may_see,
};
pub use default::{DefaultGrant, change_default, with_default_privileges};
pub use definition::owns_either;
pub use grant::{On, default_acl, grant, may_grant_any, revoke};
pub use needs::{LockStrength, LockWait, Need, RowLock, needs_of};
pub use path::search_path;
pub use roles::{has_privileges_of, is_admin, is_member, is_superuser, privileges_roles};
pub use row_security::{Policies, is_limited, policies};
