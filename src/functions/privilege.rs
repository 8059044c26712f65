//! `has_*_privilege` and `pg_has_role`: questions about rights, answered by [`crate::privileges`].

use super::call::short::{INT, REGCLASS, TEXT};
use super::call::{Call, functions};
use super::resolve::Param;
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::user_type::made_of;
use crate::catalog::{ObjectId, Privilege, Relation};
use crate::pg_catalog::{Readers, Value, layout, names};
use crate::privileges::{
    default_acl, has_privilege, has_privileges_of, is_limited, is_member, privileges_roles,
};
use crate::types::PgType;

/// A role by name (as it is, not as an identifier) or OID.
const ROLE: Param = Param::Is(PgType::REGROLE);
const SCHEMA: Param = Param::Is(PgType::REGNAMESPACE);
const FUNCTION: Param = Param::Is(PgType::REGPROCEDURE);
const TYPE: Param = Param::Is(PgType::REGTYPE);
const OID: Param = Param::Is(PgType::OID);

functions! { pub(super) LIST:
    "has_table_privilege" Stable {
        (REGCLASS, TEXT) -> PgType::BOOL, strict, |call, row| on_table(call, row, None, 0, 1);
        (ROLE, REGCLASS, TEXT) -> PgType::BOOL, strict, |call, row| on_table(call, row, Some(0), 1, 2);
    }
    "has_any_column_privilege" Stable {
        (REGCLASS, TEXT) -> PgType::BOOL, strict, |call, row| on_any_column(call, row, None, 0);
        (ROLE, REGCLASS, TEXT) -> PgType::BOOL, strict, |call, row| on_any_column(call, row, Some(0), 1);
    }
    "has_column_privilege" Stable {
        (REGCLASS, TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_column(call, row, None);
        (REGCLASS, INT, TEXT) -> PgType::BOOL, strict, |call, row| on_column(call, row, None);
        (ROLE, REGCLASS, TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_column(call, row, Some(0));
        (ROLE, REGCLASS, INT, TEXT) -> PgType::BOOL, strict, |call, row| on_column(call, row, Some(0));
    }
    "has_sequence_privilege" Stable {
        (REGCLASS, TEXT) -> PgType::BOOL, strict, |call, row| on_sequence(call, row, None, 0, 1);
        (ROLE, REGCLASS, TEXT) -> PgType::BOOL, strict, |call, row| on_sequence(call, row, Some(0), 1, 2);
    }
    "has_schema_privilege" Stable {
        (SCHEMA, TEXT) -> PgType::BOOL, strict, |call, row| on_schema(call, row, None, 0, 1);
        (ROLE, SCHEMA, TEXT) -> PgType::BOOL, strict, |call, row| on_schema(call, row, Some(0), 1, 2);
    }
    "has_database_privilege" Stable {
        (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_database(call, row, None, 0, 1);
        (OID, TEXT) -> PgType::BOOL, strict, |call, row| on_database(call, row, None, 0, 1);
        (ROLE, TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_database(call, row, Some(0), 1, 2);
        (ROLE, OID, TEXT) -> PgType::BOOL, strict, |call, row| on_database(call, row, Some(0), 1, 2);
    }
    "has_function_privilege" Stable {
        (FUNCTION, TEXT) -> PgType::BOOL, strict, |call, row| to_all(call, row, None, 0, 1, "EXECUTE");
        (ROLE, FUNCTION, TEXT) -> PgType::BOOL, strict, |call, row| to_all(call, row, Some(0), 1, 2, "EXECUTE");
    }
    "row_security_active" Stable {
        (TEXT) -> PgType::BOOL, strict, is_active_by_name;
        (REGCLASS) -> PgType::BOOL, strict, is_active;
    }
    "has_type_privilege" Stable {
        (TYPE, TEXT) -> PgType::BOOL, strict, |call, row| to_all(call, row, None, 0, 1, "USAGE");
        (ROLE, TYPE, TEXT) -> PgType::BOOL, strict, |call, row| to_all(call, row, Some(0), 1, 2, "USAGE");
    }
    "has_language_privilege" Stable {
        (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_language(call, row, 0);
        (ROLE, TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_language(call, row, 1);
    }
    "has_tablespace_privilege" Stable {
        (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_tablespace(call, row, None);
        (OID, TEXT) -> PgType::BOOL, strict, |call, row| on_tablespace(call, row, None);
        (ROLE, TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_tablespace(call, row, Some(0));
        (ROLE, OID, TEXT) -> PgType::BOOL, strict, |call, row| on_tablespace(call, row, Some(0));
    }
    "has_server_privilege" Stable {
        (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_server(call, row, None);
        (ROLE, TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_server(call, row, Some(0));
    }
    "has_foreign_data_wrapper_privilege" Stable {
        (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_server(call, row, None);
        (ROLE, TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_server(call, row, Some(0));
    }
    "has_parameter_privilege" Stable {
        (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_setting(call, row, None);
        (ROLE, TEXT, TEXT) -> PgType::BOOL, strict, |call, row| on_setting(call, row, Some(0));
    }
    "pg_has_role" Stable {
        (ROLE, TEXT) -> PgType::BOOL, strict, |call, row| has_role(call, row, None, 0, 1);
        (ROLE, ROLE, TEXT) -> PgType::BOOL, strict, |call, row| has_role(call, row, Some(0), 1, 2);
    }
}

/// The role asked about: the argument, or the current user.
fn role(call: &Call<'_>, row: usize, arg: Option<usize>) -> Result<Oid> {
    let Some(arg) = arg else {
        return Ok(call.context.role);
    };
    match call.text(arg, row) {
        Some("public") => Ok(Oid::INVALID),
        Some(name) => call.context.snapshot.must_role(name).map(|role| role.oid),
        None => Ok(call.oid(arg, row)?.unwrap_or(Oid::INVALID)),
    }
}

/// The privileges asked for, any of which suffices: `SELECT, UPDATE WITH GRANT OPTION`.
fn privileges(text: &str, known: &[(&str, Privilege)]) -> Result<Vec<(Privilege, bool)>> {
    text.split(',')
        .map(|item| {
            let words = item
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .to_uppercase();
            let (word, option) = match words.strip_suffix(" WITH GRANT OPTION") {
                Some(word) => (word, true),
                None => (words.as_str(), false),
            };
            known
                .iter()
                .find(|(name, _)| *name == word)
                .map(|(_, privilege)| (*privilege, option))
                .ok_or_else(|| unrecognized(item))
        })
        .collect()
}

fn unrecognized(word: &str) -> Error {
    Error::new(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("unrecognized privilege type: \"{}\"", word.trim()),
    )
}

/// Whether `role` holds `privilege` on `object`, and may grant it on if `option`.
fn holds(call: &Call<'_>, role: Oid, object: ObjectId, privilege: Privilege, option: bool) -> bool {
    let snapshot = &call.context.snapshot;
    if !option {
        return has_privilege(snapshot, role, object, privilege);
    }
    let owner = snapshot.owner(object).unwrap_or(Oid::SUPERUSER);
    if has_privileges_of(snapshot, role, owner) {
        return true;
    }
    let acl = match object {
        ObjectId::Database => snapshot.database().acl.clone(),
        ObjectId::Schema(oid) => snapshot.schema(oid).and_then(|schema| schema.acl.clone()),
        ObjectId::Relation(oid) => snapshot
            .relation(oid)
            .and_then(|relation| relation.acl.clone()),
        ObjectId::Routine(oid) => snapshot.routine(oid).and_then(|r| r.acl.clone()),
        ObjectId::Type(oid) => snapshot.user_type(oid).and_then(|ty| ty.acl.clone()),
        ObjectId::LargeObject(oid) => snapshot.large_object(oid).and_then(|of| of.acl.clone()),
        ObjectId::Role(_) | ObjectId::Definition(_) => None,
    };
    let roles = privileges_roles(snapshot, role);
    acl.unwrap_or_else(|| default_acl(snapshot, object))
        .iter()
        .any(|item| roles.contains(&item.grantee) && item.grantable.contains(privilege))
}

const OF_TABLES: &[(&str, Privilege)] = &[
    ("SELECT", Privilege::Select),
    ("INSERT", Privilege::Insert),
    ("UPDATE", Privilege::Update),
    ("DELETE", Privilege::Delete),
    ("TRUNCATE", Privilege::Truncate),
    ("REFERENCES", Privilege::References),
    ("TRIGGER", Privilege::Trigger),
];

fn on_table(
    call: &Call<'_>,
    row: usize,
    who: Option<usize>,
    table: usize,
    what: usize,
) -> Result<Value> {
    let role = role(call, row, who)?;
    let oid = call.oid(table, row)?.unwrap_or(Oid::INVALID);
    let wanted = privileges(call.must_text(what, row), OF_TABLES)?;
    let snapshot = &call.context.snapshot;
    if snapshot.relation(oid).is_some() {
        let object = ObjectId::Relation(oid);
        return Ok(wanted
            .iter()
            .any(|(privilege, option)| holds(call, role, object, *privilege, *option))
            .into());
    }
    let Some(system) = layout::by_oid(oid) else {
        return Ok(Value::Null);
    };
    // System relations: everybody reads most of them, nobody but the superuser has more.
    let superuser = snapshot.role(role).is_some_and(|role| role.superuser);
    let may_read = match system.readers() {
        Readers::Everybody => true,
        Readers::Only(of) => of
            .and_then(|of| snapshot.role_named(of))
            .is_some_and(|of| has_privileges_of(snapshot, role, of.oid)),
    };
    let reads = may_read && wanted.contains(&(Privilege::Select, false));
    Ok((superuser || reads).into())
}

const OF_COLUMNS: &[(&str, Privilege)] = &[
    ("SELECT", Privilege::Select),
    ("INSERT", Privilege::Insert),
    ("UPDATE", Privilege::Update),
    ("REFERENCES", Privilege::References),
];

fn on_column(call: &Call<'_>, row: usize, who: Option<usize>) -> Result<Value> {
    let table = usize::from(who.is_some());
    let oid = call.oid(table, row)?.unwrap_or(Oid::INVALID);
    let Some(relation) = call.context.snapshot.relation(oid) else {
        return on_table(call, row, who, table, table + 2);
    };
    let column = match call.text(table + 1, row) {
        Some(name) => Some(relation.column(name).ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!(
                    "column \"{name}\" of relation \"{}\" does not exist",
                    relation.name
                ),
            )
        })?),
        None => {
            let attnum = call.int(table + 1, row);
            let mut columns = relation.columns.iter();
            columns.find(|column| Some(i64::from(column.attnum)) == attnum)
        }
    };
    let Some(column) = column else {
        return Ok(Value::Null);
    };
    let wanted = privileges(call.must_text(table + 2, row), OF_COLUMNS)?;
    let role = role(call, row, who)?;
    Ok(on_columns(call, role, relation, &wanted, |attnum| {
        attnum == column.attnum
    })
    .into())
}

/// Whether row security hides rows of a table from the current user.
/// A text is a name, whatever it looks like.
fn is_active_by_name(call: &Call<'_>, row: usize) -> Result<Value> {
    let text = call.must_text(0, row);
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let name = match digits {
        true => quote(text),
        false => text.into(),
    };
    let oid = names::parse_reg(call.context, PgType::REGCLASS, &name)?;
    Ok(active(call, oid))
}

fn is_active(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    Ok(active(call, oid))
}

fn active(call: &Call<'_>, oid: Oid) -> Value {
    let (snapshot, role) = (&call.context.snapshot, call.context.role);
    let relation = snapshot.relation(oid);
    relation
        .is_some_and(|relation| is_limited(snapshot, role, relation))
        .into()
}

fn on_any_column(call: &Call<'_>, row: usize, who: Option<usize>, table: usize) -> Result<Value> {
    let oid = call.oid(table, row)?.unwrap_or(Oid::INVALID);
    let Some(relation) = call.context.snapshot.relation(oid) else {
        return on_table(call, row, who, table, table + 1);
    };
    let wanted = privileges(call.must_text(table + 1, row), OF_COLUMNS)?;
    let role = role(call, row, who)?;
    Ok(on_columns(call, role, relation, &wanted, |_| true).into())
}

/// Whether `role` holds any of `wanted` on the relation, or on one of these columns.
fn on_columns(
    call: &Call<'_>,
    role: Oid,
    relation: &Relation,
    wanted: &[(Privilege, bool)],
    columns: impl Fn(i16) -> bool,
) -> bool {
    let roles = privileges_roles(&call.context.snapshot, role);
    let mut items = relation
        .column_acls
        .iter()
        .filter(|(attnum, _)| columns(**attnum))
        .flat_map(|(_, acl)| acl)
        .filter(|item| item.grantee == Oid::INVALID || roles.contains(&item.grantee));
    let object = ObjectId::Relation(relation.oid);
    wanted
        .iter()
        .any(|(privilege, option)| holds(call, role, object, *privilege, *option))
        || items.any(|item| {
            wanted.iter().any(|(privilege, option)| match option {
                true => item.grantable.contains(*privilege),
                false => item.privileges.contains(*privilege),
            })
        })
}

fn on_sequence(
    call: &Call<'_>,
    row: usize,
    who: Option<usize>,
    sequence: usize,
    what: usize,
) -> Result<Value> {
    let role = role(call, row, who)?;
    let oid = call.oid(sequence, row)?.unwrap_or(Oid::INVALID);
    let known = &[
        ("USAGE", Privilege::Usage),
        ("SELECT", Privilege::Select),
        ("UPDATE", Privilege::Update),
    ];
    let wanted = privileges(call.must_text(what, row), known)?;
    let relation = call.context.snapshot.relation(oid);
    if relation.is_some_and(|relation| relation.sequence().is_some()) {
        let object = ObjectId::Relation(oid);
        return Ok(wanted
            .iter()
            .any(|(privilege, option)| holds(call, role, object, *privilege, *option))
            .into());
    }
    match names::relation_parts(&call.context.snapshot, oid) {
        Some((_, name)) => Err(Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("\"{name}\" is not a sequence"),
        )),
        None => Ok(Value::Null),
    }
}

fn on_schema(
    call: &Call<'_>,
    row: usize,
    who: Option<usize>,
    schema: usize,
    what: usize,
) -> Result<Value> {
    let role = role(call, row, who)?;
    // The name is taken as it is, like every name given to these functions.
    let oid = match call.text(schema, row) {
        Some(name) => call.context.snapshot.must_schema(name)?.oid,
        None => call.oid(schema, row)?.unwrap_or(Oid::INVALID),
    };
    let known = &[("CREATE", Privilege::Create), ("USAGE", Privilege::Usage)];
    let wanted = privileges(call.must_text(what, row), known)?;
    if call.context.snapshot.schema(oid).is_none() {
        return Ok(Value::Null);
    }
    Ok(wanted
        .iter()
        .any(|(privilege, option)| holds(call, role, ObjectId::Schema(oid), *privilege, *option))
        .into())
}

fn on_database(
    call: &Call<'_>,
    row: usize,
    who: Option<usize>,
    database: usize,
    what: usize,
) -> Result<Value> {
    let role = role(call, row, who)?;
    if let Some(name) = call.text(database, row) {
        if name != call.context.snapshot.database().name {
            return Err(Error::new(
                SqlState::INVALID_CATALOG_NAME,
                format!("database \"{name}\" does not exist"),
            ));
        }
    } else if call.oid(database, row)? != Some(Oid::DATABASE) {
        return Ok(Value::Null);
    }
    let known = &[
        ("CREATE", Privilege::Create),
        ("CONNECT", Privilege::Connect),
        ("TEMPORARY", Privilege::Temporary),
        ("TEMP", Privilege::Temporary),
    ];
    let wanted = privileges(call.must_text(what, row), known)?;
    Ok(wanted
        .iter()
        .any(|(privilege, option)| holds(call, role, ObjectId::Database, *privilege, *option))
        .into())
}

/// Settings are granted to nobody: that anybody may set some is no privilege.
fn on_setting(call: &Call<'_>, row: usize, who: Option<usize>) -> Result<Value> {
    let what = who.map_or(1, |who| who + 2);
    for item in call.must_text(what, row).split(',') {
        let words: Vec<&str> = item.split_whitespace().collect();
        let words = words.join(" ").to_uppercase();
        let words = words.strip_suffix(" WITH GRANT OPTION").unwrap_or(&words);
        if !matches!(words, "SET" | "ALTER SYSTEM") {
            return Err(unrecognized(item));
        }
    }
    let role = call.context.snapshot.role(role(call, row, who)?);
    Ok(role.is_some_and(|role| role.superuser).into())
}

/// Built-in functions and types are everybody's.
fn to_all(
    call: &Call<'_>,
    row: usize,
    who: Option<usize>,
    object: usize,
    what: usize,
    word: &'static str,
) -> Result<Value> {
    let role = role(call, row, who)?;
    let oid = call.oid(object, row)?.unwrap_or(Oid::INVALID);
    let snapshot = &call.context.snapshot;
    let privilege = match word {
        "EXECUTE" => Privilege::Execute,
        _ => Privilege::Usage,
    };
    let wanted = privileges(call.must_text(what, row), &[(word, privilege)])?;
    let object = match word {
        "EXECUTE" => snapshot.routine(oid).map(|_| ObjectId::Routine(oid)),
        // An array is as its elements; everybody may use the type of a relation's rows.
        _ => made_of(snapshot.value_type(oid))
            .filter(|oid| snapshot.user_type(*oid).is_some())
            .map(ObjectId::Type),
    };
    if let Some(object) = object {
        let any = wanted
            .iter()
            .any(|(privilege, option)| holds(call, role, object, *privilege, *option));
        return Ok(any.into());
    }
    let reg = if word == "EXECUTE" {
        PgType::REGPROC
    } else {
        PgType::REGTYPE
    };
    Ok(match names::name(call.context, reg, oid) {
        Some(_) if oid != Oid::INVALID => true.into(),
        Some(_) | None => Value::Null,
    })
}

fn on_language(call: &Call<'_>, row: usize, language: usize) -> Result<Value> {
    let name = call.must_text(language, row);
    privileges(
        call.must_text(language + 1, row),
        &[("USAGE", Privilege::Usage)],
    )?;
    match name {
        "sql" => Ok(true.into()),
        "internal" => Ok(false.into()),
        _ => Err(Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("language \"{name}\" does not exist"),
        )),
    }
}

fn on_tablespace(call: &Call<'_>, row: usize, who: Option<usize>) -> Result<Value> {
    let role = role(call, row, who)?;
    let what = usize::from(who.is_some()) + 1;
    privileges(call.must_text(what, row), &[("CREATE", Privilege::Create)])?;
    let superuser = call.context.snapshot.role(role);
    Ok(superuser.is_some_and(|role| role.superuser).into())
}

/// Reading files of the server's is the privilege of `pg_read_server_files`.
fn on_server(call: &Call<'_>, row: usize, who: Option<usize>) -> Result<Value> {
    let role = role(call, row, who)?;
    let server = usize::from(who.is_some());
    privileges(
        call.must_text(server + 1, row),
        &[("USAGE", Privilege::Usage)],
    )?;
    let name = call.must_text(server, row);
    if name != "files" {
        return Err(Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("server \"{name}\" does not exist"),
        ));
    }
    let reader = call.context.snapshot.must_role("pg_read_server_files")?.oid;
    Ok(has_privileges_of(&call.context.snapshot, role, reader).into())
}

fn has_role(
    call: &Call<'_>,
    row: usize,
    who: Option<usize>,
    of: usize,
    what: usize,
) -> Result<Value> {
    let member = role(call, row, who)?;
    let group = role(call, row, Some(of))?;
    let snapshot = &call.context.snapshot;
    let mut any = false;
    for item in call.must_text(what, row).split(',') {
        let words = item.trim().to_uppercase();
        let (word, admin) = match words
            .strip_suffix(" WITH ADMIN OPTION")
            .or_else(|| words.strip_suffix(" WITH GRANT OPTION"))
        {
            Some(word) => (word, true),
            None => (words.as_str(), false),
        };
        any |= match (word, admin) {
            ("USAGE", false) => has_privileges_of(snapshot, member, group),
            ("MEMBER", false) => is_member(snapshot, member, group),
            ("USAGE" | "MEMBER", true) => {
                snapshot.role(member).is_some_and(|role| role.superuser)
                    || snapshot.memberships().any(|membership| {
                        membership.role == group
                            && membership.admin
                            && is_member(snapshot, member, membership.member)
                    })
            }
            _ => return Err(unrecognized(item)),
        };
    }
    Ok(any.into())
}
