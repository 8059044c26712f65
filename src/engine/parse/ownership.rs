//! Statements about who has what, and will have: REASSIGN OWNED, DROP OWNED, ALTER DEFAULT
//! PRIVILEGES, ALTER LARGE OBJECT.

use super::cursor::Cursor;
use super::roles::{granted_words, grantee, grantees, privileges, role};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::DefaultKind;
use crate::engine::command::{Command, DefaultPrivileges};

/// REASSIGN OWNED
pub(super) fn reassign(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("REASSIGN OWNED BY")?;
    let roles = cursor.list(grantee)?;
    cursor.expect("TO")?;
    let to = grantee(cursor)?;
    Ok(Command::ReassignOwned { roles, to })
}

/// `ALTER LARGE OBJECT`, after ALTER.
pub(super) fn large_object_owner(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("LARGE OBJECT")?;
    let oid = large_object(cursor)?;
    cursor.expect("OWNER TO")?;
    let owner = role(cursor)?;
    Ok(Command::AlterLargeObject { oid, owner })
}

/// The number of a large object.
pub(super) fn large_object(cursor: &mut Cursor) -> Result<Oid> {
    let number = cursor.number()?;
    number.parse().map(Oid).map_err(|_| {
        Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("invalid input syntax for type oid: \"{number}\""),
        )
    })
}

/// `DROP OWNED`, after DROP.
pub(super) fn drop(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("OWNED BY")?;
    Ok(Command::DropOwned {
        roles: cursor.list(grantee)?,
        cascade: cursor.cascade(),
    })
}

/// `ALTER DEFAULT PRIVILEGES`, after ALTER.
pub(super) fn default_privileges(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("DEFAULT PRIVILEGES")?;
    let (mut roles, mut schemas) = (None, None);
    loop {
        let position = cursor.position();
        let again = if cursor.accept("FOR ROLE") || cursor.accept("FOR USER") {
            roles.replace(cursor.list(grantee)?).is_some()
        } else if cursor.accept("IN SCHEMA") {
            schemas.replace(cursor.list(Cursor::name)?).is_some()
        } else {
            break;
        };
        if again {
            let message = "conflicting or redundant options";
            return Err(Error::new(SqlState::SYNTAX_ERROR, message).at(position));
        }
    }
    let revoke = cursor.accept("REVOKE");
    if !revoke {
        cursor.expect("GRANT")?;
    }
    let mut grant_option = revoke && cursor.accept("GRANT OPTION FOR");
    let words = granted_words(cursor)?;
    if words.iter().any(|word| !word.columns.is_empty()) {
        let message = "default privileges cannot be set for columns";
        return Err(Error::new(SqlState::INVALID_GRANT_OPERATION, message));
    }
    cursor.expect("ON")?;
    let kind = kind(cursor)?;
    cursor.expect(if revoke { "FROM" } else { "TO" })?;
    let grantees = grantees(cursor)?;
    grant_option |= !revoke && cursor.accept("WITH GRANT OPTION");
    let cascade = revoke && cursor.cascade();
    Ok(Command::DefaultPrivileges(DefaultPrivileges {
        roles,
        schemas: schemas.unwrap_or_default(),
        kind,
        revoke,
        privileges: privileges(words)?,
        grantees,
        grant_option,
        cascade,
    }))
}

fn kind(cursor: &mut Cursor) -> Result<DefaultKind> {
    for (word, kind) in [
        ("TABLES", DefaultKind::Relation),
        ("SEQUENCES", DefaultKind::Sequence),
        ("FUNCTIONS", DefaultKind::Routine),
        ("ROUTINES", DefaultKind::Routine),
        ("TYPES", DefaultKind::Type),
        ("SCHEMAS", DefaultKind::Schema),
    ] {
        if cursor.accept(word) {
            return Ok(kind);
        }
    }
    Err(cursor.syntax_error())
}
