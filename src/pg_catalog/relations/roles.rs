//! Roles, the database and what else PostgreSQL shares between databases.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::objects::acl;
use super::{Value, build};
use crate::base::{Oid, Result};
use crate::catalog::{DefaultAcl, Membership, Role};
use crate::pg_catalog::SystemRelation;
use crate::statement::StatementContext;

/// `pg_authid`'s OID: what `classoid` of roles refers to.
pub const PG_AUTHID: Oid = Oid(1260);
/// `pg_database`'s OID.
pub const PG_DATABASE: Oid = Oid(1262);

pub(super) fn pg_authid(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let roles: Vec<_> = context.snapshot.roles().cloned().collect();
    build::<Arc<Role>>(
        relation,
        &roles,
        &[
            ("oid", &|role| role.oid.into()),
            ("rolname", &|role| (&role.name).into()),
            ("rolsuper", &|role| role.superuser.into()),
            ("rolinherit", &|role| role.inherit.into()),
            ("rolcreaterole", &|role| role.create_role.into()),
            ("rolcreatedb", &|role| role.create_db.into()),
            ("rolcanlogin", &|role| role.login.into()),
            // As in PostgreSQL, where the bootstrap superuser has both.
            ("rolreplication", &|role| {
                (role.oid == Oid::SUPERUSER).into()
            }),
            ("rolbypassrls", &|role| {
                (role.oid == Oid::SUPERUSER || role.bypass_row_security).into()
            }),
            ("rolconnlimit", &|role| role.connection_limit.into()),
            ("rolvaliduntil", &|role| {
                role.valid_until.map_or(Value::Null, Value::Time)
            }),
        ],
    )
}

pub(super) fn pg_auth_members(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let members: Vec<_> = context.snapshot.memberships().copied().collect();
    build::<Membership>(
        relation,
        &members,
        &[
            ("roleid", &|row| row.role.into()),
            ("member", &|row| row.member.into()),
            ("grantor", &|row| row.grantor.into()),
            ("admin_option", &|row| row.admin.into()),
        ],
    )
}

pub(super) fn pg_db_role_setting(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    type Row = (Oid, Oid, Vec<String>);
    let snapshot = &context.snapshot;
    let database = snapshot.database();
    let roles = snapshot.roles();
    let roles = roles.map(|role| (Oid::INVALID, role.oid, &role.settings));
    let here = database.settings.iter();
    let rows: Vec<Row> = here
        .map(|(role, settings)| (Oid::DATABASE, *role, settings))
        .chain(roles)
        .chain([(Oid::INVALID, Oid::INVALID, &database.everywhere)])
        .filter(|(_, _, settings)| !settings.is_empty())
        .map(|(database, role, settings)| {
            let settings = settings.iter();
            let settings = settings.map(|(name, value)| format!("{name}={value}"));
            (database, role, settings.collect())
        })
        .collect();
    build::<Row>(
        relation,
        &rows,
        &[
            ("setdatabase", &|(database, _, _)| (*database).into()),
            ("setrole", &|(_, role, _)| (*role).into()),
            ("setconfig", &|(_, _, settings)| settings.clone().into()),
        ],
    )
}

pub(super) fn pg_default_acl(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let rows: Vec<_> = snapshot.default_acls().cloned().collect();
    build::<Arc<DefaultAcl>>(
        relation,
        &rows,
        &[
            ("oid", &|row| row.oid.into()),
            ("defaclrole", &|row| row.role.into()),
            ("defaclnamespace", &|row| {
                row.schema.unwrap_or(Oid::INVALID).into()
            }),
            ("defaclobjtype", &|row| row.kind.letter().into()),
            ("defaclacl", &|row| acl(snapshot, Some(&row.acl))),
        ],
    )
}

pub(super) fn pg_database(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let database = snapshot.database();
    build::<()>(
        relation,
        &[()],
        &[
            ("oid", &|()| Oid::DATABASE.into()),
            ("datname", &|()| (&database.name).into()),
            ("datdba", &|()| database.owner.into()),
            ("encoding", &|()| 6.into()),
            ("datlocprovider", &|()| 'c'.into()),
            ("datallowconn", &|()| true.into()),
            ("datconnlimit", &|()| (-1).into()),
            ("dattablespace", &|()| 1663.into()),
            ("datcollate", &|()| "C.UTF-8".into()),
            ("datctype", &|()| "C.UTF-8".into()),
            ("datacl", &|()| acl(snapshot, database.acl.as_ref())),
        ],
    )
}

pub(super) fn pg_tablespace(
    relation: &SystemRelation,
    _: &StatementContext,
) -> Result<RecordBatch> {
    build::<(u32, &'static str)>(
        relation,
        &[(1663, "pg_default"), (1664, "pg_global")],
        &[
            ("oid", &|row| row.0.into()),
            ("spcname", &|row| row.1.into()),
            ("spcowner", &|_| Oid::SUPERUSER.into()),
        ],
    )
}

pub(super) fn pg_shdescription(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let mut rows: Vec<(Oid, Oid, String)> = snapshot
        .roles()
        .filter_map(|role| Some((role.oid, PG_AUTHID, role.comment.clone()?)))
        .collect();
    if let Some(comment) = &snapshot.database().comment {
        rows.push((Oid::DATABASE, PG_DATABASE, comment.clone()));
    }
    build::<(Oid, Oid, String)>(
        relation,
        &rows,
        &[
            ("objoid", &|row| row.0.into()),
            ("classoid", &|row| row.1.into()),
            ("description", &|row| (&row.2).into()),
        ],
    )
}
