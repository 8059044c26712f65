//! Snapshot zero: what exists before anybody did anything.
//!
//! System objects carry PostgreSQL 15's own OIDs and grants, so that clients that know them by
//! number find what they look for. System relations are in no snapshot.

use std::collections::BTreeMap;

use super::acl::{Acl, AclItem, Privilege, Privileges};
use super::{Database, Membership, Role, Schema, Snapshot};
use crate::base::{Oid, Version};

/// `pg_monitor`, the only predefined role that is a member of others.
const PG_MONITOR: Oid = Oid(3373);

/// PostgreSQL 15's predefined roles. They cannot log in; an administrator grants them.
const PREDEFINED: [(Oid, &str); 12] = [
    (PG_MONITOR, "pg_monitor"),
    (Oid(3374), "pg_read_all_settings"),
    (Oid(3375), "pg_read_all_stats"),
    (Oid(3377), "pg_stat_scan_tables"),
    (Oid(4200), "pg_signal_backend"),
    (Oid(4544), "pg_checkpoint"),
    (Oid(4569), "pg_read_server_files"),
    (Oid(4570), "pg_write_server_files"),
    (Oid(4571), "pg_execute_server_program"),
    (Role::PG_DATABASE_OWNER, "pg_database_owner"),
    (Role::PG_READ_ALL_DATA, "pg_read_all_data"),
    (Role::PG_WRITE_ALL_DATA, "pg_write_all_data"),
];

impl Snapshot {
    /// The first snapshot: superuser `commons`, PostgreSQL's predefined roles, schemas
    /// `pg_catalog`, `information_schema`, `public` and `commons`, PUBLIC with CREATE on the
    /// database.
    pub fn genesis() -> Self {
        let database = Database {
            name: "commons".into(),
            owner: Oid::SUPERUSER,
            // PostgreSQL's default is CONNECT and TEMPORARY; CREATE is added so that a team can
            // make its schemas without asking. An administrator can revoke it.
            acl: Some(owned(
                Oid::SUPERUSER,
                Privileges::DATABASE,
                Privileges::DATABASE,
            )),
            comment: Some("default administrative connection database".into()),
            settings: BTreeMap::new(),
            everywhere: BTreeMap::new(),
        };
        let usage = Privileges::from(Privilege::Usage);
        let schema = |oid, name: &str, owner, comment: &str| Schema {
            oid,
            name: name.into(),
            owner,
            acl: Some(owned(owner, Privileges::SCHEMA, usage)),
            comment: Some(comment.into()),
        };
        let schemas = [
            schema(
                Oid::PG_CATALOG,
                "pg_catalog",
                Oid::SUPERUSER,
                "system catalog schema",
            ),
            schema(
                Oid::PUBLIC_SCHEMA,
                "public",
                Role::PG_DATABASE_OWNER,
                "standard public schema",
            ),
            schema(
                Oid::INFORMATION_SCHEMA,
                "information_schema",
                Oid::SUPERUSER,
                "the SQL standard's views of the catalog",
            ),
            schema(
                Oid::COMMONS_SCHEMA,
                "commons",
                Oid::SUPERUSER,
                "what the team shares, and what the server does",
            ),
        ];
        let superuser = Role {
            superuser: true,
            create_role: true,
            create_db: true,
            login: true,
            bypass_row_security: false,
            ..predefined(Oid::SUPERUSER, "commons")
        };
        let roles = PREDEFINED.map(|(oid, name)| predefined(oid, name));
        let memberships = [3374, 3375, 3377].map(|role| Membership {
            role: Oid(role),
            member: PG_MONITOR,
            grantor: Oid::SUPERUSER,
            admin: false,
        });
        Self::from_objects(
            Version(0),
            database,
            schemas,
            [],
            std::iter::once(superuser).chain(roles),
            memberships,
            [],
        )
    }
}

/// The owner's default grants, and PUBLIC's.
fn owned(owner: Oid, owners: Privileges, publics: Privileges) -> Acl {
    let item = |grantee, privileges| AclItem {
        grantee,
        privileges,
        grantable: Privileges::NONE,
        grantor: owner,
    };
    vec![item(owner, owners), item(Oid::INVALID, publics)]
}

/// A role that can do nothing by itself.
fn predefined(oid: Oid, name: &str) -> Role {
    Role {
        oid,
        name: name.into(),
        superuser: false,
        inherit: true,
        create_role: false,
        create_db: false,
        login: false,
        bypass_row_security: false,
        connection_limit: -1,
        valid_until: None,
        settings: BTreeMap::new(),
        comment: None,
    }
}
