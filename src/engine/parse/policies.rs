//! Row security: CREATE, ALTER and DROP POLICY, and what ALTER TABLE says of it.

use super::constraints::parenthesised_text;
use super::cursor::Cursor;
use super::roles;
use crate::base::{Error, Result, SqlState};
use crate::catalog::PolicyCommand;
use crate::engine::command::{Command, PolicyAction, PolicyStatement, RoleSpec, RowSecurityAction};

/// CREATE POLICY
pub(super) fn create(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("POLICY")?;
    let name = cursor.name()?;
    cursor.expect("ON")?;
    let table = cursor.object_name()?;
    let mut permissive = true;
    if cursor.accept("AS") {
        let position = cursor.position();
        let word = cursor.name()?;
        permissive = match word.as_str() {
            "permissive" => true,
            "restrictive" => false,
            _ => {
                let message = format!("unrecognized row security option \"{word}\"");
                return Err(Error::new(SqlState::SYNTAX_ERROR, message)
                    .hint("Only PERMISSIVE or RESTRICTIVE policies are supported currently.")
                    .at(position));
            }
        };
    }
    let mut command = PolicyCommand::All;
    if cursor.accept("FOR") {
        let words = [
            ("ALL", PolicyCommand::All),
            ("SELECT", PolicyCommand::Select),
            ("INSERT", PolicyCommand::Insert),
            ("UPDATE", PolicyCommand::Update),
            ("DELETE", PolicyCommand::Delete),
        ];
        let found = words.into_iter().find(|(word, _)| cursor.accept(word));
        let Some((_, of)) = found else {
            return Err(cursor.syntax_error());
        };
        command = of;
    }
    let roles = to(cursor)?.unwrap_or_else(|| vec![RoleSpec::Public]);
    let (using, check) = conditions(cursor)?;
    let wrong = |message: &str| Err(Error::new(SqlState::SYNTAX_ERROR, message));
    match command {
        PolicyCommand::Select | PolicyCommand::Delete if check.is_some() => {
            return wrong("WITH CHECK cannot be applied to SELECT or DELETE");
        }
        PolicyCommand::Insert if using.is_some() => {
            return wrong("only WITH CHECK expression allowed for INSERT");
        }
        _ => {}
    }
    Ok(Command::Policy(PolicyStatement {
        name,
        table,
        action: PolicyAction::Create {
            permissive,
            command,
            roles,
            using,
            check,
        },
    }))
}

/// ALTER POLICY
pub(super) fn alter(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("POLICY")?;
    let if_exists = cursor.if_exists();
    let name = cursor.name()?;
    cursor.expect("ON")?;
    let table = cursor.object_name()?;
    if if_exists {
        return Err(Error::unsupported("ALTER POLICY IF EXISTS"));
    }
    let action = if cursor.accept("RENAME TO") {
        PolicyAction::Rename(cursor.name()?)
    } else {
        let roles = to(cursor)?;
        let (using, check) = conditions(cursor)?;
        PolicyAction::Alter {
            roles,
            using,
            check,
        }
    };
    Ok(Command::Policy(PolicyStatement {
        name,
        table,
        action,
    }))
}

/// DROP POLICY
pub(super) fn drop(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("POLICY")?;
    let if_exists = cursor.if_exists();
    let name = cursor.name()?;
    cursor.expect("ON")?;
    let table = cursor.object_name()?;
    // Nothing depends on a policy.
    cursor.cascade();
    let action = PolicyAction::Drop { if_exists };
    Ok(Command::Policy(PolicyStatement {
        name,
        table,
        action,
    }))
}

/// An action of ALTER TABLE, if one comes next.
pub(super) fn of_table(cursor: &mut Cursor) -> Option<RowSecurityAction> {
    [
        ("ENABLE ROW LEVEL SECURITY", RowSecurityAction::Enable(true)),
        (
            "DISABLE ROW LEVEL SECURITY",
            RowSecurityAction::Enable(false),
        ),
        ("FORCE ROW LEVEL SECURITY", RowSecurityAction::Force(true)),
        (
            "NO FORCE ROW LEVEL SECURITY",
            RowSecurityAction::Force(false),
        ),
    ]
    .into_iter()
    .find_map(|(words, action)| cursor.accept(words).then_some(action))
}

fn to(cursor: &mut Cursor) -> Result<Option<Vec<RoleSpec>>> {
    match cursor.accept("TO") {
        true => roles::grantees(cursor).map(Some),
        false => Ok(None),
    }
}

/// USING and WITH CHECK, as their author wrote them.
fn conditions(cursor: &mut Cursor) -> Result<(Option<String>, Option<String>)> {
    let using = match cursor.accept("USING") {
        true => Some(parenthesised_text(cursor)?),
        false => None,
    };
    let check = match cursor.accept("WITH CHECK") {
        true => Some(parenthesised_text(cursor)?),
        false => None,
    };
    Ok((using, check))
}
