//! CREATE DOMAIN and ALTER DOMAIN.

use super::constraints::{default, parenthesised_text};
use super::cursor::Cursor;
use super::roles;
use super::types::written;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{AlterDomain, Command, CreateDomain, DomainAction};

/// CREATE DOMAIN
pub(super) fn create(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("DOMAIN")?;
    let name = cursor.object_name()?;
    cursor.accept("AS");
    let ty = written(cursor)?;
    let mut create = CreateDomain {
        name,
        ty,
        collation: None,
        default: None,
        not_null: false,
        checks: Vec::new(),
    };
    let mut null = false;
    loop {
        let named = cursor.accept("CONSTRAINT");
        let name = named.then(|| cursor.name()).transpose()?;
        if cursor.accept("NOT NULL") {
            create.not_null = true;
        } else if cursor.accept("NULL") {
            null = true;
        } else if cursor.accept("CHECK") {
            create.checks.push((name, condition(cursor)?));
        } else if !named && cursor.accept("DEFAULT") {
            if create.default.is_some() {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    "multiple default expressions",
                ));
            }
            create.default = Some(default(cursor)?);
        } else if !named && cursor.accept("COLLATE") {
            if create.collation.is_some() {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    "multiple COLLATE clauses not allowed",
                ));
            }
            create.collation = Some(cursor.object_name()?);
        } else if let Some(refused) = refused(cursor) {
            return Err(refused);
        } else if named {
            return Err(cursor.syntax_error());
        } else {
            break;
        }
    }
    if null && create.not_null {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "conflicting NULL/NOT NULL constraints",
        ));
    }
    Ok(Command::CreateDomain(create))
}

/// The condition of CHECK.
fn condition(cursor: &mut Cursor) -> Result<String> {
    let text = parenthesised_text(cursor)?;
    if cursor.accept("NO INHERIT") {
        return Err(Error::new(
            SqlState::INVALID_OBJECT_DEFINITION,
            "check constraints for domains cannot be marked NO INHERIT",
        ));
    }
    Ok(text)
}

/// What columns may have and domains may not.
fn refused(cursor: &mut Cursor) -> Option<Error> {
    let keys = [
        ("UNIQUE", "unique"),
        ("PRIMARY KEY", "primary key"),
        ("EXCLUDE", "exclusion"),
        ("REFERENCES", "foreign key"),
    ];
    for (words, kind) in keys {
        if cursor.accept(words) {
            return Some(Error::new(
                SqlState::SYNTAX_ERROR,
                format!("{kind} constraints not possible for domains"),
            ));
        }
    }
    let timed = ["DEFERRABLE", "NOT DEFERRABLE", "INITIALLY"];
    let timed = timed.into_iter().any(|words| cursor.accept(words));
    timed.then(|| {
        Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "specifying constraint deferrability not supported for domains",
        )
    })
}

/// ALTER DOMAIN
pub(super) fn alter(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("DOMAIN")?;
    let name = cursor.object_name()?;
    let action = if cursor.accept("SET DEFAULT") {
        DomainAction::SetDefault(Some(default(cursor)?))
    } else if cursor.accept("DROP DEFAULT") {
        DomainAction::SetDefault(None)
    } else if cursor.accept("SET NOT NULL") {
        DomainAction::SetNotNull(true)
    } else if cursor.accept("DROP NOT NULL") {
        DomainAction::SetNotNull(false)
    } else if cursor.accept("ADD") {
        let named = cursor.accept("CONSTRAINT");
        let name = named.then(|| cursor.name()).transpose()?;
        if let Some(refused) = refused(cursor) {
            return Err(refused);
        }
        cursor.expect("CHECK")?;
        DomainAction::AddCheck {
            name,
            expression: condition(cursor)?,
            not_valid: cursor.accept("NOT VALID"),
        }
    } else if cursor.accept("DROP CONSTRAINT") {
        let if_exists = cursor.if_exists();
        let name = cursor.name()?;
        // Nothing depends on a constraint of a domain.
        cursor.cascade();
        DomainAction::DropCheck { name, if_exists }
    } else if cursor.accept("VALIDATE CONSTRAINT") {
        DomainAction::Validate(cursor.name()?)
    } else if cursor.accept("RENAME CONSTRAINT") {
        let from = cursor.name()?;
        cursor.expect("TO")?;
        DomainAction::RenameCheck {
            from,
            to: cursor.name()?,
        }
    } else if cursor.accept("RENAME TO") {
        DomainAction::Rename(cursor.name()?)
    } else if cursor.accept("OWNER TO") {
        DomainAction::OwnerTo(roles::role(cursor)?)
    } else if cursor.accept("SET SCHEMA") {
        DomainAction::SetSchema(cursor.name()?)
    } else {
        return Err(cursor.syntax_error());
    };
    Ok(Command::AlterDomain(AlterDomain { name, action }))
}
