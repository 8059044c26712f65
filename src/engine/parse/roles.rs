//! Statements about roles and rights.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::session::set_value;
use super::{ownership, routines};
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{
    Command, Grant, GrantRole, GrantTarget, RoleOption, RoleSetting, RoleSpec,
};
use crate::engine::routine_definition::RoutineKind;

/// A role: a name or a word for one. PUBLIC is for [`grantee`] only.
pub(super) fn role(cursor: &mut Cursor) -> Result<RoleSpec> {
    let position = cursor.position();
    match grantee(cursor)? {
        RoleSpec::Public => Err(reserved("public").at(position)),
        role => Ok(role),
    }
}

/// A role, or PUBLIC.
pub(super) fn grantee(cursor: &mut Cursor) -> Result<RoleSpec> {
    for (word, spec) in [
        ("CURRENT_USER", RoleSpec::CurrentUser),
        ("CURRENT_ROLE", RoleSpec::CurrentUser),
        ("SESSION_USER", RoleSpec::SessionUser),
        ("PUBLIC", RoleSpec::Public),
    ] {
        if cursor.accept(word) {
            return Ok(spec);
        }
    }
    cursor.name().map(RoleSpec::Name)
}

/// A role that must be named.
fn role_name(cursor: &mut Cursor) -> Result<String> {
    let position = cursor.position();
    match grantee(cursor)? {
        RoleSpec::Name(name) if name == "none" => Err(reserved("none").at(position)),
        RoleSpec::Name(name) => Ok(name),
        RoleSpec::Public => Err(reserved("public").at(position)),
        RoleSpec::CurrentUser | RoleSpec::SessionUser => Err(Error::new(
            SqlState::RESERVED_NAME,
            "CURRENT_USER and SESSION_USER cannot be used as a role name here",
        )
        .at(position)),
    }
}

fn reserved(name: &str) -> Error {
    Error::new(
        SqlState::RESERVED_NAME,
        format!("role name \"{name}\" is reserved"),
    )
}

/// `CREATE ROLE`, after CREATE.
pub(super) fn create(cursor: &mut Cursor) -> Result<Command> {
    let mut options = Vec::new();
    if cursor.accept("USER") {
        options.push(RoleOption::Login(true));
    } else if !cursor.accept("ROLE") {
        cursor.expect("GROUP")?;
    }
    let position = cursor.position();
    let name = role_name(cursor)?;
    if name.starts_with("pg_") {
        return Err(Error::new(
            SqlState::RESERVED_NAME,
            format!("role name \"{name}\" is reserved"),
        )
        .detail("Role names starting with \"pg_\" are reserved.")
        .at(position));
    }
    cursor.accept("WITH");
    while !cursor.at_end() {
        options.push(option(cursor)?);
    }
    Ok(Command::CreateRole { name, options })
}

/// `ALTER ROLE`, after ALTER.
pub(super) fn alter(cursor: &mut Cursor) -> Result<Command> {
    let group = cursor.accept("GROUP");
    if !group && !cursor.accept("ROLE") {
        cursor.expect("USER")?;
    }
    if cursor.accept("ALL") {
        return alter_setting(cursor, None);
    }
    let role = role(cursor)?;
    if group {
        // ALTER GROUP g ADD USER u is GRANT g TO u.
        let revoke = if cursor.accept("ADD USER") {
            false
        } else {
            cursor.expect("DROP USER")?;
            true
        };
        let RoleSpec::Name(name) = role else {
            return Err(cursor.syntax_error());
        };
        return Ok(Command::GrantRole(GrantRole {
            revoke,
            roles: vec![name],
            members: cursor.list(self::role)?,
            admin_option: false,
            granted_by: None,
            cascade: false,
        }));
    }
    if cursor.accept("RENAME TO") {
        let RoleSpec::Name(name) = role else {
            return Err(cursor.syntax_error());
        };
        let to = role_name(cursor)?;
        return Ok(Command::RenameRole { name, to });
    }
    if matches!(cursor.word().as_deref(), Some("SET" | "RESET" | "IN")) {
        return alter_setting(cursor, Some(role));
    }
    cursor.accept("WITH");
    let mut options = Vec::new();
    while !cursor.at_end() {
        options.push(option(cursor)?);
    }
    Ok(Command::AlterRole { role, options })
}

fn alter_setting(cursor: &mut Cursor, role: Option<RoleSpec>) -> Result<Command> {
    let database = match cursor.accept("IN DATABASE") {
        true => Some(cursor.name()?),
        false => None,
    };
    settings(cursor, role, database)
}

/// SET and RESET of what sessions start with.
pub(super) fn settings(
    cursor: &mut Cursor,
    role: Option<RoleSpec>,
    database: Option<String>,
) -> Result<Command> {
    let setting = if cursor.accept("RESET") {
        if cursor.accept("ALL") {
            RoleSetting::Reset(None)
        } else {
            RoleSetting::Reset(Some(super::session::setting_name(cursor)?))
        }
    } else {
        cursor.expect("SET")?;
        let (name, value) = set_value(cursor)?;
        RoleSetting::Set { name, value }
    };
    Ok(Command::AlterSettings {
        role,
        database,
        setting,
    })
}

fn option(cursor: &mut Cursor) -> Result<RoleOption> {
    for (word, option) in [
        ("SUPERUSER", RoleOption::Superuser as fn(bool) -> RoleOption),
        ("CREATEDB", RoleOption::CreateDb),
        ("CREATEROLE", RoleOption::CreateRole),
        ("INHERIT", RoleOption::Inherit),
        ("LOGIN", RoleOption::Login),
        ("BYPASSRLS", RoleOption::BypassRowSecurity),
    ] {
        if cursor.accept(word) {
            return Ok(option(true));
        }
        if cursor.accept(&format!("NO{word}")) {
            return Ok(option(false));
        }
    }
    if cursor.accept("CONNECTION LIMIT") {
        let text = cursor.number()?;
        return text
            .parse()
            .map(RoleOption::ConnectionLimit)
            .map_err(|_| out_of_range(&text));
    }
    cursor.accept("ENCRYPTED");
    if cursor.accept("PASSWORD") {
        return Ok(RoleOption::Password(if cursor.accept("NULL") {
            None
        } else {
            Some(cursor.string()?)
        }));
    }
    if cursor.accept("VALID UNTIL") {
        return Ok(RoleOption::ValidUntil(cursor.string()?));
    }
    if cursor.accept("IN ROLE") || cursor.accept("IN GROUP") {
        return Ok(RoleOption::InRole(cursor.list(role)?));
    }
    if cursor.accept("ROLE") || cursor.accept("USER") {
        return Ok(RoleOption::Role(cursor.list(role)?));
    }
    if cursor.accept("ADMIN") {
        return Ok(RoleOption::Admin(cursor.list(role)?));
    }
    match cursor.word().as_deref() {
        Some(word @ ("REPLICATION" | "NOREPLICATION" | "SYSID")) => {
            Err(Error::unsupported(format!("role option {word}")))
        }
        Some("UNENCRYPTED") => Err(Error::unsupported("UNENCRYPTED PASSWORD")
            .hint("Remove UNENCRYPTED to store the password in encrypted form instead.")),
        Some(word)
            if !matches!(word, "SET" | "RESET" | "RENAME" | "WITH")
                && word.chars().all(|c| c.is_ascii_alphabetic()) =>
        {
            let error = Error::new(
                SqlState::SYNTAX_ERROR,
                format!("unrecognized role option \"{}\"", word.to_lowercase()),
            );
            Err(error.at(cursor.position()))
        }
        _ => Err(cursor.syntax_error()),
    }
}

/// `DROP ROLE`, after DROP.
pub(super) fn drop(cursor: &mut Cursor) -> Result<Command> {
    if !cursor.accept("ROLE") && !cursor.accept("USER") {
        cursor.expect("GROUP")?;
    }
    let if_exists = cursor.if_exists();
    Ok(Command::DropRole {
        roles: cursor.list(role)?,
        if_exists,
    })
}

/// GRANT
pub(super) fn grant(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("GRANT")?;
    let words = granted_words(cursor)?;
    if let Some(roles) = roles_if_to(cursor, &words, "TO") {
        cursor.expect("TO")?;
        let members = cursor.list(role)?;
        let admin_option = cursor.accept("WITH ADMIN OPTION");
        return Ok(Command::GrantRole(GrantRole {
            revoke: false,
            roles,
            members,
            admin_option,
            granted_by: granted_by(cursor)?,
            cascade: false,
        }));
    }
    cursor.expect("ON")?;
    let on = target(cursor)?;
    let (on_columns, words) = of_columns(words)?;
    cursor.expect("TO")?;
    let grantees = grantees(cursor)?;
    let grant_option = cursor.accept("WITH GRANT OPTION");
    Ok(Command::Grant(Grant {
        revoke: false,
        privileges: privileges(words)?,
        on_columns,
        on,
        grantees,
        grant_option,
        granted_by: granted_by(cursor)?,
        cascade: false,
    }))
}

/// REVOKE
pub(super) fn revoke(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("REVOKE")?;
    let admin_option = cursor.accept("ADMIN OPTION FOR");
    let grant_option = cursor.accept("GRANT OPTION FOR");
    let words = granted_words(cursor)?;
    if let Some(roles) = roles_if_to(cursor, &words, "FROM") {
        if grant_option {
            return Err(cursor.syntax_error());
        }
        cursor.expect("FROM")?;
        let members = cursor.list(role)?;
        let granted_by = granted_by(cursor)?;
        return Ok(Command::GrantRole(GrantRole {
            revoke: true,
            roles,
            members,
            admin_option,
            granted_by,
            cascade: cursor.cascade(),
        }));
    }
    cursor.expect("ON")?;
    let on = target(cursor)?;
    let (on_columns, words) = of_columns(words)?;
    cursor.expect("FROM")?;
    let grantees = grantees(cursor)?;
    let granted_by = granted_by(cursor)?;
    Ok(Command::Grant(Grant {
        revoke: true,
        privileges: privileges(words)?,
        on_columns,
        on,
        grantees,
        grant_option,
        granted_by,
        cascade: cursor.cascade(),
    }))
}

/// What stands between GRANT and ON or TO: privileges or roles, which only the next word tells
/// apart.
pub(super) fn granted_words(cursor: &mut Cursor) -> Result<Vec<Granted>> {
    cursor.list(|cursor| {
        let word = cursor.any_word()?;
        if word == "all" {
            cursor.accept("PRIVILEGES");
        }
        let columns = match cursor.sees(&Token::LParen) {
            true => cursor.parenthesised(Cursor::name)?,
            false => Vec::new(),
        };
        Ok(Granted { word, columns })
    })
}

/// A privilege or a role, as it stands before ON or TO.
pub(super) struct Granted {
    word: String,
    /// The columns it is on, if it says them.
    pub(super) columns: Vec<String>,
}

fn roles_if_to(cursor: &Cursor, words: &[Granted], to: &str) -> Option<Vec<String>> {
    (cursor.word().as_deref() == Some(to))
        .then(|| words.iter().map(|granted| granted.word.clone()).collect())
}

/// Privileges on columns, by their words.
type OnColumns = Vec<(Option<String>, Vec<String>)>;

/// The privileges on columns, and the others.
fn of_columns(words: Vec<Granted>) -> Result<(OnColumns, Vec<Granted>)> {
    let (columns, others): (Vec<_>, Vec<_>) = words
        .into_iter()
        .partition(|granted| !granted.columns.is_empty());
    let columns = columns.into_iter().map(|granted| {
        let word = match granted.word.as_str() {
            "all" => None,
            word => Some(privilege_word(word)?),
        };
        Ok((word, granted.columns))
    });
    Ok((columns.collect::<Result<_>>()?, others))
}

/// Privilege words, or `None` for ALL.
pub(super) fn privileges(words: Vec<Granted>) -> Result<Option<Vec<String>>> {
    if matches!(words.as_slice(), [one] if one.word == "all") {
        return Ok(None);
    }
    let words = words.iter().map(|granted| privilege_word(&granted.word));
    words.collect::<Result<_>>().map(Some)
}

/// A privilege's word as GRANT has it, upper-cased.
fn privilege_word(word: &str) -> Result<String> {
    match word {
        "select" | "insert" | "update" | "delete" | "truncate" | "references" | "trigger"
        | "usage" | "create" | "connect" | "temporary" | "temp" | "execute" => Ok(word
            .to_uppercase()
            .replace("TEMPORARY", "TEMP")
            .replace("TEMP", "TEMPORARY")),
        _ => Err(Error::new(
            SqlState::SYNTAX_ERROR,
            format!("unrecognized privilege type \"{word}\""),
        )),
    }
}

fn target(cursor: &mut Cursor) -> Result<GrantTarget> {
    if cursor.accept("ALL TABLES IN SCHEMA") {
        return cursor.list(Cursor::name).map(GrantTarget::AllTablesIn);
    }
    if cursor.accept("ALL SEQUENCES IN SCHEMA") {
        return cursor.list(Cursor::name).map(GrantTarget::AllSequencesIn);
    }
    if cursor.word().as_deref() == Some("SEQUENCE")
        && !matches!(cursor.second_word().as_deref(), Some("TO" | "FROM"))
    {
        cursor.expect("SEQUENCE")?;
        return cursor.list(Cursor::object_name).map(GrantTarget::Sequences);
    }
    for (words, kind) in [
        ("ALL FUNCTIONS IN SCHEMA", RoutineKind::Function),
        ("ALL PROCEDURES IN SCHEMA", RoutineKind::Procedure),
        ("ALL ROUTINES IN SCHEMA", RoutineKind::Routine),
    ] {
        if cursor.accept(words) {
            let schemas = cursor.list(Cursor::name)?;
            return Ok(GrantTarget::AllRoutinesIn(kind, schemas));
        }
    }
    if matches!(
        cursor.word().as_deref(),
        Some("FUNCTION" | "PROCEDURE" | "ROUTINE")
    ) && !matches!(cursor.second_word().as_deref(), None | Some("TO" | "FROM"))
        && let Some(kind) = routines::kind(cursor)
    {
        return cursor
            .list(|cursor| routines::spec(cursor, kind))
            .map(GrantTarget::Routines);
    }
    if cursor.accept("SCHEMA") {
        return cursor.list(Cursor::name).map(GrantTarget::Schemas);
    }
    if cursor.accept("DATABASE") {
        return cursor.list(Cursor::name).map(GrantTarget::Databases);
    }
    if matches!(cursor.word().as_deref(), Some("TYPE" | "DOMAIN"))
        && !matches!(cursor.second_word().as_deref(), None | Some("TO" | "FROM"))
    {
        cursor.any_word()?;
        return cursor.list(Cursor::object_name).map(GrantTarget::Types);
    }
    if cursor.accept("LARGE OBJECT") {
        let objects = cursor.list(ownership::large_object)?;
        return Ok(GrantTarget::LargeObjects(objects));
    }
    if let Some(word @ ("ALL" | "LANGUAGE" | "TABLESPACE" | "PARAMETER" | "LARGE" | "FOREIGN")) =
        cursor.word().as_deref()
        && !(word != "ALL" && matches!(cursor.second_word().as_deref(), None | Some("TO" | "FROM")))
    {
        let second = cursor.second_word().unwrap_or_default();
        return Err(Error::unsupported(match word {
            "ALL" | "LARGE" | "FOREIGN" => format!("privileges on {word} {second}"),
            _ => format!("privileges on a {word}"),
        }));
    }
    cursor.accept("TABLE");
    cursor.list(Cursor::object_name).map(GrantTarget::Tables)
}

pub(super) fn grantees(cursor: &mut Cursor) -> Result<Vec<RoleSpec>> {
    cursor.list(|cursor| {
        cursor.accept("GROUP");
        grantee(cursor)
    })
}

fn granted_by(cursor: &mut Cursor) -> Result<Option<RoleSpec>> {
    if cursor.accept("GRANTED BY") {
        role(cursor).map(Some)
    } else {
        Ok(None)
    }
}

fn out_of_range(text: &str) -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("value \"{text}\" is out of range for type integer"),
    )
}
