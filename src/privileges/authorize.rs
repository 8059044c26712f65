//! The one check.

use std::collections::BTreeSet;

use super::mask::{held, held_on_column, holds_on_columns};
use super::needs::Need;
use super::roles::{has_privileges_of, is_admin, is_member, is_superuser};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{ObjectId, Privilege, Privileges, Role, Snapshot};

/// A value that may be executed or committed. The field is private and there is no other
/// constructor than [`authorize`].
#[derive(Debug)]
pub struct Authorized<T> {
    value: T,
}

impl<T> Authorized<T> {
    /// The permitted value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Takes the value out, to execute it.
    pub fn into_inner(self) -> T {
        self.value
    }
}

/// Permits `value` if every need is met in `snapshot`.
///
/// # Errors
/// `42501`, naming the object; DETAIL names the owner and HINT the grants that would help.
pub fn authorize<T>(snapshot: &Snapshot, needs: &[Need], value: T) -> Result<Authorized<T>> {
    for need in needs {
        if !is_met(snapshot, need)? {
            return Err(refusal(snapshot, need, needs));
        }
    }
    Ok(Authorized { value })
}

/// Whether `role` holds `privilege` on `object`: as superuser, grantee (which owners are until they
/// revoke it), through PUBLIC, a role it inherits from, or a predefined role.
pub fn has_privilege(
    snapshot: &Snapshot,
    role: Oid,
    object: ObjectId,
    privilege: Privilege,
) -> bool {
    held(snapshot, role, object).contains(privilege)
}

/// As [`has_privilege`], of a column: what is granted on its relation counts too.
pub fn has_column_privilege(
    snapshot: &Snapshot,
    role: Oid,
    relation: Oid,
    attnum: i16,
    privilege: Privilege,
) -> bool {
    let columns = BTreeSet::from([attnum]);
    holds_on_columns(snapshot, role, relation, privilege.into(), &columns)
}

/// Whether `role` holds `privilege` on the relation or on some column of it.
pub fn has_any_column_privilege(
    snapshot: &Snapshot,
    role: Oid,
    relation: Oid,
    privilege: Privilege,
) -> bool {
    holds_on_columns(snapshot, role, relation, privilege.into(), &BTreeSet::new())
}

/// Whether `role` may be told of `object`: it has USAGE on the schema, and owns the object or holds
/// some privilege on it.
pub fn may_see(snapshot: &Snapshot, role: Oid, object: ObjectId) -> bool {
    match object {
        ObjectId::Database | ObjectId::Role(_) => snapshot.role(role).is_some(),
        ObjectId::Type(oid) => snapshot.user_type(oid).is_some(),
        ObjectId::LargeObject(oid) => snapshot.large_object(oid).is_some(),
        ObjectId::Definition(oid) => snapshot.definition(oid).is_some(),
        ObjectId::Schema(oid) => {
            snapshot.schema(oid).is_some()
                && has_privilege(snapshot, role, object, Privilege::Usage)
        }
        ObjectId::Routine(oid) => {
            let Some(routine) = snapshot.routine(oid) else {
                return oid.is_system();
            };
            let schema = ObjectId::Schema(routine.schema);
            has_privilege(snapshot, role, schema, Privilege::Usage)
                && (!held(snapshot, role, object).is_empty()
                    || has_privileges_of(snapshot, role, routine.owner))
        }
        ObjectId::Relation(oid) => {
            let Some(relation) = snapshot.relation(oid) else {
                return oid.is_system();
            };
            let schema = ObjectId::Schema(relation.schema);
            let mut columns = relation.column_acls.keys();
            has_privilege(snapshot, role, schema, Privilege::Usage)
                && (!held(snapshot, role, object).is_empty()
                    || has_privileges_of(snapshot, role, relation.owner)
                    || columns.any(|of| !held_on_column(snapshot, role, oid, *of).is_empty()))
        }
    }
}

/// Whether one need is met.
fn is_met(snapshot: &Snapshot, need: &Need) -> Result<bool> {
    Ok(match need {
        Need::Privilege {
            role,
            object,
            any_of,
        } => {
            ensure_exists(snapshot, *object)?;
            !held(snapshot, *role, *object)
                .intersection(*any_of)
                .is_empty()
        }
        Need::Columns {
            role,
            relation,
            any_of,
            columns,
        } => {
            ensure_exists(snapshot, ObjectId::Relation(*relation))?;
            holds_on_columns(snapshot, *role, *relation, *any_of, columns)
        }
        Need::RowLock { role, relation, .. } => {
            ensure_exists(snapshot, ObjectId::Relation(*relation))?;
            let any_of = Privilege::Update.into();
            holds_on_columns(snapshot, *role, *relation, any_of, &BTreeSet::new())
        }
        Need::Owner { role, object } => match snapshot.owner(*object) {
            Some(owner) => has_privileges_of(snapshot, *role, owner),
            None => {
                ensure_exists(snapshot, *object)?;
                is_superuser(snapshot, *role)
            }
        },
        Need::GrantOption { role, object } => {
            ensure_exists(snapshot, *object)?;
            super::grant::may_grant_any(snapshot, *role, *object)
        }
        Need::Superuser { role, to: _ } => is_superuser(snapshot, *role),
        Need::CreateRole { role, target } => {
            let target = target.and_then(|target| snapshot.role(target));
            is_superuser(snapshot, *role)
                || (snapshot.role(*role).is_some_and(|role| role.create_role)
                    && !target.is_some_and(|target| target.superuser))
        }
        Need::MemberOf { role, target } => is_member(snapshot, *role, *target),
        Need::Admin { role, of } => {
            let group = snapshot.role(*of);
            is_admin(snapshot, *role, *of)
                || (snapshot.role(*role).is_some_and(|role| role.create_role)
                    && !group.is_some_and(|group| group.superuser))
        }
        Need::Restricted { role, of, what: _ } => {
            let superuser = snapshot.role(*role).is_some_and(|role| role.superuser);
            let of = of.and_then(|of| snapshot.role_named(of));
            superuser || of.is_some_and(|of| has_privileges_of(snapshot, *role, of.oid))
        }
        Need::Predefined { role, of, to: _ } => {
            let of = snapshot.must_role(of)?.oid;
            has_privileges_of(snapshot, *role, of)
        }
    })
}

/// PostgreSQL's message for an unmet need, with what would help. The message is about `need`, the
/// first unmet one; the hint covers every privilege that is missing, so that one request is enough.
fn refusal(snapshot: &Snapshot, need: &Need, needs: &[Need]) -> Error {
    if let Some((_, object, any_of)) = privilege_of(need) {
        return lacking(snapshot, object, any_of, needs);
    }
    let named = |oid: Oid| quote(&snapshot.role_name(oid)).into_owned();
    match need {
        Need::Privilege { object, .. } => denied(snapshot, *object),
        Need::Columns { relation, .. } | Need::RowLock { relation, .. } => {
            denied(snapshot, ObjectId::Relation(*relation))
        }
        Need::Owner { object, .. } => {
            let error = error(format!(
                "must be owner of {}",
                kind_and_name(snapshot, *object)
            ));
            match snapshot.owner(*object) {
                Some(owner) => error
                    .detail(format!(
                        "{} is owned by {}.",
                        full_name(snapshot, *object),
                        named(owner)
                    ))
                    .hint(format!(
                        "Ask {} to do it, or to hand it over with ALTER ... OWNER TO.",
                        named(effective(snapshot, owner))
                    )),
                None => error,
            }
        }
        Need::GrantOption { object, .. } => no_grant_option(snapshot, *object),
        Need::Superuser { to, .. } => error(format!("must be superuser to {to}")),
        Need::CreateRole { target, .. } => match target.and_then(|oid| snapshot.role(oid)) {
            None => error("permission denied to create role".into())
                .detail("Only roles with the CREATEROLE attribute may create roles."),
            Some(target) if target.superuser => {
                error("must be superuser to alter superusers".into())
            }
            Some(_) => error("permission denied to alter role".into())
                .detail("Only roles with the CREATEROLE attribute may alter other roles."),
        },
        Need::MemberOf { role, target } => error(format!(
            "must be member of role \"{}\"",
            snapshot.role_name(*target)
        ))
        .hint(format!(
            "Ask an administrator for: GRANT {} TO {};",
            named(*target),
            named(*role)
        )),
        Need::Admin { of, .. } => match snapshot.role(*of) {
            Some(group) if group.superuser => error("must be superuser to alter superusers".into()),
            Some(_) | None => error(format!(
                "must have admin option on role \"{}\"",
                snapshot.role_name(*of)
            )),
        },
        Need::Restricted { what, .. } => error(format!("permission denied for {what}")),
        Need::Predefined { role, of, to } => error(format!("permission denied to {to}"))
            .detail(format!(
                "Only roles with privileges of the \"{of}\" role may {to}."
            ))
            .hint(format!(
                "Ask a superuser for: GRANT {} TO {};",
                quote(of),
                named(*role)
            )),
    }
}

/// The privileges a need asks for, who is to have them and on what.
fn privilege_of(need: &Need) -> Option<(Oid, ObjectId, Privileges)> {
    match need {
        Need::Privilege {
            role,
            object,
            any_of,
        } => Some((*role, *object, *any_of)),
        Need::Columns {
            role,
            relation,
            any_of,
            columns: _,
        } => Some((*role, ObjectId::Relation(*relation), *any_of)),
        Need::RowLock { role, relation, .. } => {
            let object = ObjectId::Relation(*relation);
            Some((*role, object, Privilege::Update.into()))
        }
        _ => None,
    }
}

/// `42501` for a missing privilege, with every privilege of `needs` that is missing too.
fn lacking(snapshot: &Snapshot, object: ObjectId, any_of: Privileges, needs: &[Need]) -> Error {
    let error = if any_of.contains(Privilege::Temporary) {
        error(format!(
            "permission denied to create temporary tables in database \"{}\"",
            snapshot.database().name
        ))
    } else {
        denied(snapshot, object)
    };
    let mut details = Vec::new();
    let mut grants: Vec<(String, Vec<String>)> = Vec::new();
    let unmet = needs
        .iter()
        .filter(|need| matches!(is_met(snapshot, need), Ok(false)));
    for (role, object, any_of) in unmet.filter_map(privilege_of) {
        let (detail, owner, grant) = missing(snapshot, role, object, any_of);
        if details.contains(&detail) {
            continue;
        }
        details.push(detail);
        match grants.iter_mut().find(|(other, _)| *other == owner) {
            Some((_, list)) => list.push(grant),
            None => grants.push((owner, vec![grant])),
        }
    }
    let asks: Vec<String> = grants
        .iter()
        .map(|(owner, grants)| format!("Ask {owner} for: {}", grants.join(" ")))
        .collect();
    error.detail(details.join("\n")).hint(asks.join("\n"))
}

/// What `role` lacks on `object`: the fact, whom to ask, and the statement to ask for.
fn missing(
    snapshot: &Snapshot,
    role: Oid,
    object: ObjectId,
    any_of: Privileges,
) -> (String, String, String) {
    let role = quote(&snapshot.role_name(role)).into_owned();
    let wanted = if any_of.contains(Privilege::Select) {
        Privilege::Select.word()
    } else {
        any_of.iter().next().map_or("ALL", Privilege::word)
    };
    let (owner, asked) = match snapshot.owner(object) {
        Some(owner) => (
            snapshot.role_name(owner),
            snapshot.role_name(effective(snapshot, owner)),
        ),
        None => ("the system".to_owned(), "a superuser".to_owned()),
    };
    let name = full_name(snapshot, object);
    let on = match object {
        ObjectId::Database => format!("DATABASE {name}"),
        ObjectId::Schema(_) => format!("SCHEMA {name}"),
        ObjectId::Routine(_) => format!("FUNCTION {name}"),
        ObjectId::Type(_) => format!("TYPE {name}"),
        ObjectId::LargeObject(oid) => format!("LARGE OBJECT {oid}"),
        ObjectId::Relation(_) | ObjectId::Role(_) | ObjectId::Definition(_) => name.clone(),
    };
    (
        format!(
            "{name} is owned by {}. Role {role} has no {wanted} privilege on it.",
            quote(&owner)
        ),
        quote(&asked).into_owned(),
        format!("GRANT {wanted} ON {on} TO {role};"),
    )
}

/// Who acts for an owner that cannot log in: `pg_database_owner` is the database's owner.
fn effective(snapshot: &Snapshot, owner: Oid) -> Oid {
    if owner == Role::PG_DATABASE_OWNER {
        snapshot.database().owner
    } else {
        owner
    }
}

/// `42501` for who may pass nothing of an object on.
pub(super) fn no_grant_option(snapshot: &Snapshot, object: ObjectId) -> Error {
    let error = match object {
        // GRANT and REVOKE say TABLE of whatever is none of a sequence.
        ObjectId::Relation(oid)
            if snapshot
                .relation(oid)
                .is_some_and(|of| of.sequence().is_none()) =>
        {
            let name = super::grant::bare_name(snapshot, object);
            error(format!("permission denied for table {name}"))
        }
        // PostgreSQL's own words.
        ObjectId::LargeObject(oid) => error(format!(
            "permission denied for large object large object {oid}"
        )),
        object => denied(snapshot, object),
    };
    let Some(owner) = snapshot.owner(object) else {
        return error;
    };
    let named = |oid: Oid| quote(&snapshot.role_name(oid)).into_owned();
    error
        .detail(format!(
            "{} is owned by {}.",
            full_name(snapshot, object),
            named(owner)
        ))
        .hint(format!(
            "Ask {} to grant it, or to grant it to you WITH GRANT OPTION.",
            named(effective(snapshot, owner))
        ))
}

/// `42501 permission denied for view delays`, as PostgreSQL words it: kind and bare name.
fn denied(snapshot: &Snapshot, object: ObjectId) -> Error {
    error(format!(
        "permission denied for {}",
        kind_and_name(snapshot, object)
    ))
}

fn error(message: String) -> Error {
    Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
}

/// `view delays`, `schema team`.
fn kind_and_name(snapshot: &Snapshot, object: ObjectId) -> String {
    let kind = match object {
        ObjectId::Database => "database",
        ObjectId::Schema(_) => "schema",
        ObjectId::Relation(oid) => match snapshot.relation(oid) {
            Some(relation) => relation.kind_name(),
            None => "system relation",
        },
        ObjectId::Role(_) => "role",
        ObjectId::Routine(oid) => match snapshot.routine(oid) {
            Some(routine) => routine.kind_name(),
            None => "function",
        },
        ObjectId::Type(_) => "type",
        ObjectId::LargeObject(_) => "large object",
        ObjectId::Definition(oid) => snapshot
            .definition(oid)
            .map_or("object", |of| of.kind_name()),
    };
    format!("{kind} {}", super::grant::bare_name(snapshot, object))
}

/// `team.delays`, quoted where needed.
fn full_name(snapshot: &Snapshot, object: ObjectId) -> String {
    match object {
        ObjectId::Relation(oid) => match snapshot.relation(oid) {
            Some(relation) => snapshot.qualified_name(relation).to_string(),
            None => format!("relation {oid}"),
        },
        ObjectId::Routine(oid) => match snapshot.routine(oid) {
            Some(routine) => {
                let schema = snapshot.schema(routine.schema).map(|s| s.name.as_str());
                snapshot.signature(routine, schema)
            }
            None => format!("function {oid}"),
        },
        ObjectId::LargeObject(oid) => format!("large object {oid}"),
        ObjectId::Definition(_) => snapshot.describe(object),
        ObjectId::Database | ObjectId::Schema(_) | ObjectId::Role(_) | ObjectId::Type(_) => {
            quote(&super::grant::bare_name(snapshot, object)).into_owned()
        }
    }
}

/// The object is there; system relations, which are in no snapshot, always are.
pub(super) fn ensure_exists(snapshot: &Snapshot, object: ObjectId) -> Result<()> {
    match object {
        ObjectId::Relation(oid) | ObjectId::Routine(oid) if oid.is_system() => Ok(()),
        ObjectId::Database
        | ObjectId::Schema(_)
        | ObjectId::Relation(_)
        | ObjectId::Role(_)
        | ObjectId::Routine(_)
        | ObjectId::Type(_)
        | ObjectId::LargeObject(_)
        | ObjectId::Definition(_) => snapshot.must_exist(object),
    }
}
