//! Names users may not take (PostgreSQL's `IsReservedName`).

use super::Schema;
use crate::base::{Error, Result, SqlState};

/// What the name of a session's temporary schema starts with.
const TEMPORARY_PREFIX: &str = "pg_temp_";

impl Schema {
    /// The name of the temporary schema of a session.
    pub fn temporary_name(session: crate::base::SessionId) -> String {
        format!("{TEMPORARY_PREFIX}{session}")
    }

    /// Whether `name` is that of a session's temporary schema: `pg_temp_` and a number.
    pub fn is_temporary_name(name: &str) -> bool {
        name.strip_prefix(TEMPORARY_PREFIX)
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    }

    /// Whether this is a session's temporary schema.
    pub fn is_temporary(&self) -> bool {
        Self::is_temporary_name(&self.name)
    }

    /// Checks a schema name a user chose. [`super::Snapshot::apply`] lets temporary schemas pass,
    /// because sessions make them through it; CREATE SCHEMA and ALTER SCHEMA call this first.
    ///
    /// # Errors
    /// `42939` for names starting with `pg_`.
    pub fn check_name(name: &str) -> Result<()> {
        if name.starts_with("pg_") {
            return Err(Error::new(
                SqlState::RESERVED_NAME,
                format!("unacceptable schema name \"{name}\""),
            )
            .detail("The prefix \"pg_\" is reserved for system schemas."));
        }
        Ok(())
    }
}

/// Checks the name of a role to be.
pub(super) fn check_role_name(name: &str) -> Result<()> {
    let reserved = Error::new(
        SqlState::RESERVED_NAME,
        format!("role name \"{name}\" is reserved"),
    );
    if name.starts_with("pg_") {
        return Err(reserved.detail("Role names starting with \"pg_\" are reserved."));
    }
    if name == "public" || name == "none" {
        return Err(reserved);
    }
    Ok(())
}
