//! Who may do what: checked against what PostgreSQL 15 answers to the same statements.

use std::sync::Arc;

use super::*;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::acl::DisplayAclItem;
use crate::catalog::{
    Acl, Change, Membership, ObjectId, Persistence, Privilege, Privileges, Relation, RelationKind,
    Role, Schema, Snapshot, View,
};

const ANN: Oid = Oid(16384);
const BOB: Oid = Oid(16385);
const CAROL: Oid = Oid(16386);
const DAN: Oid = Oid(16387);
const GROUP: Oid = Oid(16388);
const MAKER: Oid = Oid(16389);
const TEAM: Oid = Oid(16390);
const TABLE: Oid = Oid(16400);
const VIEW: Oid = Oid(16402);

const ON_TABLE: ObjectId = ObjectId::Relation(TABLE);
const ON_VIEW: ObjectId = ObjectId::Relation(VIEW);
const ON_TEAM: ObjectId = ObjectId::Schema(TEAM);

fn role(oid: Oid, name: &str) -> Change {
    Change::CreateRole(Role {
        oid,
        name: name.into(),
        create_role: oid == MAKER,
        ..Role::clone(Snapshot::genesis().role(Oid(3373)).unwrap())
    })
}

fn relation(oid: Oid, name: &str, kind: RelationKind) -> Change {
    Change::CreateRelation(Box::new(Relation {
        oid,
        row_type: Oid(oid.0 + 1),
        name: name.into(),
        schema: TEAM,
        owner: ANN,
        acl: None,
        comment: None,
        columns: Vec::new(),
        next_attnum: 1,
        persistence: Persistence::Permanent,
        publication: 1,
        column_acls: std::collections::BTreeMap::new(),
        tuning: crate::catalog::Tuning::default(),
        constraints: crate::catalog::Constraints::NONE,
        row_security: Default::default(),
        triggers: Vec::new(),
        family: Default::default(),
        kind,
    }))
}

/// Schema team with table t and view delays, all ann's; dan is in grp.
fn team() -> Snapshot {
    let view = View {
        query: "SELECT".into(),
        search_path: Vec::new(),
        depends_on: vec![TABLE],
        next_attnums: Default::default(),
        names: Default::default(),
        keys: Default::default(),
        types: Vec::new(),
        check_option: None,
    };
    let segments = Arc::from([]);
    Snapshot::genesis()
        .apply(&[
            role(ANN, "ann"),
            role(BOB, "bob"),
            role(CAROL, "carol"),
            role(DAN, "dan"),
            role(GROUP, "grp"),
            role(MAKER, "maker"),
            Change::AddMember(Membership {
                role: GROUP,
                member: DAN,
                grantor: Oid::SUPERUSER,
                admin: false,
            }),
            Change::CreateSchema(Schema {
                oid: TEAM,
                name: "team".into(),
                owner: ANN,
                acl: None,
                comment: None,
            }),
            relation(TABLE, "t", RelationKind::Table { segments }),
            relation(VIEW, "delays", RelationKind::View(view)),
        ])
        .expect("the test's own catalog")
}

fn set(snapshot: &Snapshot, object: ObjectId, acl: Acl) -> Snapshot {
    let acl = Some(acl);
    let was = snapshot.acl(object).cloned();
    snapshot
        .apply(&[Change::SetAcl { object, was, acl }])
        .unwrap()
}

fn one(privilege: Privilege) -> Option<Privileges> {
    Some(privilege.into())
}

/// GRANT as `by`, applied; with the warnings.
fn granted(
    snapshot: &Snapshot,
    by: Oid,
    object: ObjectId,
    privileges: Option<Privileges>,
    to: Oid,
    option: bool,
) -> Result<(Snapshot, Vec<String>)> {
    let (acl, reports) = grant(snapshot, by, object, privileges, &[to], option)?;
    let warnings = reports.iter().map(|r| r.error.message().to_owned());
    Ok((set(snapshot, object, acl), warnings.collect()))
}

fn give(snapshot: &Snapshot, object: ObjectId, privilege: Privilege, to: Oid) -> Snapshot {
    granted(snapshot, ANN, object, one(privilege), to, false)
        .unwrap()
        .0
}

fn printed(snapshot: &Snapshot, object: ObjectId) -> String {
    let acl = match object {
        ObjectId::Database => snapshot.database().acl.clone(),
        ObjectId::Schema(oid) => snapshot.schema(oid).unwrap().acl.clone(),
        ObjectId::Relation(oid) => snapshot.relation(oid).unwrap().acl.clone(),
        ObjectId::Routine(oid) => snapshot.routine(oid).and_then(|r| r.acl.clone()),
        ObjectId::Type(oid) => snapshot.user_type(oid).unwrap().acl.clone(),
        ObjectId::LargeObject(oid) => snapshot.large_object(oid).unwrap().acl.clone(),
        ObjectId::Definition(_) | ObjectId::Role(_) => None,
    };
    let items: Vec<String> = acl
        .unwrap()
        .iter()
        .map(|item| {
            let name = |oid| snapshot.role_name(oid);
            DisplayAclItem { item, name }.to_string()
        })
        .collect();
    items.join(",")
}

fn needs(role: Oid, object: ObjectId, privilege: Privilege) -> Need {
    Need::Privilege {
        role,
        object,
        any_of: privilege.into(),
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, state: SqlState, message: &str) -> Error {
    let error = result.expect_err("must be refused");
    assert_eq!((error.state(), error.message()), (state, message));
    error
}

#[test]
fn privileges_come_from_owners_grants_public_and_groups() {
    let team = team();
    let select =
        |snapshot: &Snapshot, role| has_privilege(snapshot, role, ON_TABLE, Privilege::Select);
    assert!(select(&team, ANN) && select(&team, Oid::SUPERUSER));
    assert!(!select(&team, BOB) && !select(&team, DAN));
    let shared = give(&team, ON_TABLE, Privilege::Select, GROUP);
    assert!(select(&shared, DAN) && !select(&shared, BOB));
    let public = give(&team, ON_TABLE, Privilege::Select, Oid::INVALID);
    assert!(select(&public, BOB));
    assert!(!has_privilege(&public, BOB, ON_TABLE, Privilege::Insert));
    assert!(has_privilege(
        &team,
        BOB,
        ObjectId::Relation(Oid(1259)),
        Privilege::Select
    ));
    let reader = team
        .apply(&[Change::AddMember(Membership {
            role: Role::PG_READ_ALL_DATA,
            member: BOB,
            grantor: Oid::SUPERUSER,
            admin: false,
        })])
        .unwrap();
    assert!(select(&reader, BOB));
    assert!(has_privilege(&reader, BOB, ON_TEAM, Privilege::Usage));
}

#[test]
fn groups_without_inherit_need_set_role() {
    let team = team();
    let was = Role::clone(team.role(DAN).unwrap());
    let role = Role {
        inherit: false,
        ..was.clone()
    };
    let team = team.apply(&[Change::AlterRole { was, role }]).unwrap();
    assert!(is_member(&team, DAN, GROUP));
    assert!(!has_privileges_of(&team, DAN, GROUP));
    assert!(has_privileges_of(
        &team,
        Oid::SUPERUSER,
        Role::PG_DATABASE_OWNER
    ));
}

#[test]
fn a_refusal_says_whom_to_ask_for_what() {
    let team = team();
    let wanted = [
        needs(CAROL, ON_TEAM, Privilege::Usage),
        needs(CAROL, ON_VIEW, Privilege::Select),
    ];
    let error = refused(
        authorize(&team, &wanted, ()),
        SqlState::INSUFFICIENT_PRIVILEGE,
        "permission denied for schema team",
    );
    assert_eq!(
        error.fields().detail.as_deref(),
        Some(
            "team is owned by ann. Role carol has no USAGE privilege on it.\n\
             team.delays is owned by ann. Role carol has no SELECT privilege on it."
        )
    );
    assert_eq!(
        error.fields().hint.as_deref(),
        Some(
            "Ask ann for: GRANT USAGE ON SCHEMA team TO carol; \
             GRANT SELECT ON team.delays TO carol;"
        )
    );
    let open = give(&team, ON_TEAM, Privilege::Usage, CAROL);
    let error = refused(
        authorize(&open, &wanted, ()),
        SqlState::INSUFFICIENT_PRIVILEGE,
        "permission denied for view delays",
    );
    assert_eq!(
        error.fields().hint.as_deref(),
        Some("Ask ann for: GRANT SELECT ON team.delays TO carol;")
    );
    let open = give(&open, ON_VIEW, Privilege::Select, CAROL);
    authorize(&open, &wanted, ()).unwrap();
}

#[test]
fn owners_superusers_and_makers_of_roles() {
    let team = team();
    let refused = |need: Need, message: &str| {
        refused(
            authorize(&team, &[need], ()),
            SqlState::INSUFFICIENT_PRIVILEGE,
            message,
        )
    };
    let error = refused(
        Need::Owner {
            role: BOB,
            object: ON_TABLE,
        },
        "must be owner of table t",
    );
    assert_eq!(
        error.fields().detail.as_deref(),
        Some("team.t is owned by ann.")
    );
    refused(
        Need::CreateRole {
            role: BOB,
            target: None,
        },
        "permission denied to create role",
    );
    refused(
        Need::CreateRole {
            role: MAKER,
            target: Some(Oid::SUPERUSER),
        },
        "must be superuser to alter superusers",
    );
    refused(
        Need::MemberOf {
            role: ANN,
            target: BOB,
        },
        "must be member of role \"bob\"",
    );
    refused(
        Need::Admin {
            role: ANN,
            of: GROUP,
        },
        "must have admin option on role \"grp\"",
    );
    refused(
        Need::Predefined {
            role: ANN,
            of: "pg_read_server_files",
            to: "read files of the server".into(),
        },
        "permission denied to read files of the server",
    );
    let makers = Need::CreateRole {
        role: MAKER,
        target: Some(BOB),
    };
    authorize(&team, &[makers], ()).unwrap();
}

#[test]
fn changes_need_what_postgresql_asks_for() {
    let team = team();
    let allowed = |snapshot: &Snapshot, role, change: Change| {
        authorize(snapshot, &needs_of(snapshot, role, &change), ()).map(drop)
    };
    let segments = Arc::from([]);
    let create = relation(Oid(20000), "new", RelationKind::Table { segments });
    refused(
        allowed(&team, BOB, create),
        SqlState::INSUFFICIENT_PRIVILEGE,
        "permission denied for schema team",
    );
    let drop_table = Change::Drop(ON_TABLE);
    refused(
        allowed(&team, BOB, drop_table.clone()),
        SqlState::INSUFFICIENT_PRIVILEGE,
        "must be owner of table t",
    );
    // The owner of the schema may drop what others made in it.
    let bobs = team
        .apply(&[Change::SetOwner {
            object: ON_TABLE,
            owner: BOB,
        }])
        .unwrap();
    allowed(&bobs, ANN, drop_table).unwrap();
    let schema = |owner, name: &str| {
        Change::CreateSchema(Schema {
            oid: Oid(20000),
            name: name.into(),
            owner,
            acl: None,
            comment: None,
        })
    };
    allowed(&team, BOB, schema(BOB, "s")).unwrap();
    refused(
        allowed(&team, BOB, schema(ANN, "s")),
        SqlState::INSUFFICIENT_PRIVILEGE,
        "must be member of role \"ann\"",
    );
    let closed = set(&team, ObjectId::Database, Vec::new());
    refused(
        allowed(&closed, BOB, schema(BOB, "s")),
        SqlState::INSUFFICIENT_PRIVILEGE,
        "permission denied for database commons",
    );
    refused(
        allowed(&closed, BOB, schema(Oid::SUPERUSER, "pg_temp_3")),
        SqlState::INSUFFICIENT_PRIVILEGE,
        "permission denied to create temporary tables in database \"commons\"",
    );
    let password = |role| Change::SetPassword {
        role,
        verifier: None,
    };
    allowed(&team, BOB, password(BOB)).unwrap();
    allowed(&team, MAKER, password(BOB)).unwrap();
    allowed(&team, BOB, password(ANN)).unwrap_err();
    allowed(&team, MAKER, password(Oid::SUPERUSER)).unwrap_err();
    // A list that no grant option stands behind.
    allowed(
        &team,
        BOB,
        Change::SetAcl {
            object: ON_TABLE,
            was: None,
            acl: Some(Vec::new()),
        },
    )
    .unwrap_err();
}

#[test]
fn grants_are_chains_from_the_owner() {
    let select = one(Privilege::Select);
    let (s, _) = granted(&team(), ANN, ON_TABLE, select, BOB, true).unwrap();
    let (s, _) = granted(&s, ANN, ON_TABLE, one(Privilege::Insert), BOB, false).unwrap();
    let both = Privileges::from(Privilege::Select).union(Privilege::Insert.into());
    let (s, warnings) = granted(&s, BOB, ON_TABLE, Some(both), CAROL, false).unwrap();
    assert_eq!(warnings, ["not all privileges were granted for \"t\""]);
    let (s, warnings) = granted(&s, BOB, ON_TABLE, None, CAROL, true).unwrap();
    assert!(warnings.is_empty());
    let (s, warnings) = granted(&s, BOB, ON_TABLE, one(Privilege::Insert), CAROL, false).unwrap();
    assert_eq!(warnings, ["no privileges were granted for \"t\""]);
    let (s, _) = granted(&s, CAROL, ON_TABLE, select, DAN, false).unwrap();
    assert_eq!(
        printed(&s, ON_TABLE),
        "ann=arwdDxt/ann,bob=ar*/ann,carol=r*/bob,dan=r/carol"
    );
    refused(
        granted(&s, CAROL, ON_TABLE, select, BOB, true),
        SqlState::INVALID_GRANT_OPERATION,
        "grant options cannot be granted back to your own grantor",
    );
    let error = refused(
        revoke(&s, ANN, ON_TABLE, select, &[BOB], true, false),
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        "dependent privileges exist",
    );
    assert_eq!(
        error.fields().hint.as_deref(),
        Some("Use CASCADE to revoke them too.")
    );
    let (acl, _) = revoke(&s, ANN, ON_TABLE, select, &[BOB], true, true).unwrap();
    let s = set(&s, ON_TABLE, acl);
    assert_eq!(printed(&s, ON_TABLE), "ann=arwdDxt/ann,bob=ar/ann");
    let (_, reports) = revoke(&s, BOB, ON_TABLE, select, &[CAROL], false, false).unwrap();
    assert_eq!(
        reports[0].error.message(),
        "no privileges could be revoked for \"t\""
    );
    refused(
        revoke(&s, DAN, ON_TABLE, select, &[CAROL], false, false),
        SqlState::INSUFFICIENT_PRIVILEGE,
        "permission denied for table t",
    );
}

#[test]
fn superusers_grant_in_the_owners_name() {
    let select = one(Privilege::Select);
    let (s, _) = granted(&team(), Oid::SUPERUSER, ON_VIEW, select, DAN, false).unwrap();
    assert_eq!(printed(&s, ON_VIEW), "ann=arwdDxt/ann,dan=r/ann");
    let (acl, _) = revoke(&s, Oid::SUPERUSER, ON_VIEW, None, &[DAN], false, false).unwrap();
    let s = set(&s, ON_VIEW, acl);
    // Owners may take their own privileges away, and still grant.
    let (acl, _) = revoke(&s, ANN, ON_VIEW, None, &[ANN], false, false).unwrap();
    let s = set(&s, ON_VIEW, acl);
    assert_eq!(printed(&s, ON_VIEW), "");
    assert!(!has_privilege(&s, ANN, ON_VIEW, Privilege::Select));
    let (s, _) = granted(&s, ANN, ON_VIEW, select, DAN, false).unwrap();
    assert_eq!(printed(&s, ON_VIEW), "dan=r/ann");
}

#[test]
fn not_everything_can_be_granted() {
    let refused = |object, privilege, message: &str| {
        refused(
            grant(&team(), ANN, object, one(privilege), &[BOB], false),
            SqlState::INVALID_GRANT_OPERATION,
            message,
        )
    };
    refused(
        ON_TABLE,
        Privilege::Usage,
        "invalid privilege type USAGE for table",
    );
    refused(
        ON_TABLE,
        Privilege::Create,
        "invalid privilege type CREATE for relation",
    );
    refused(
        ON_TEAM,
        Privilege::Select,
        "invalid privilege type SELECT for schema",
    );
    let public = granted(
        &team(),
        ANN,
        ON_TABLE,
        one(Privilege::Select),
        Oid::INVALID,
        true,
    );
    super::tests::refused(
        public,
        SqlState::INVALID_GRANT_OPERATION,
        "grant options can only be granted to roles",
    );
}

#[test]
fn seeing_needs_the_schema_and_something_on_the_object() {
    let team = team();
    assert!(may_see(&team, ANN, ON_VIEW) && !may_see(&team, BOB, ON_VIEW));
    let granted = give(&team, ON_VIEW, Privilege::Select, BOB);
    assert!(!may_see(&granted, BOB, ON_VIEW));
    let open = give(&granted, ON_TEAM, Privilege::Usage, BOB);
    assert!(may_see(&open, BOB, ON_VIEW) && !may_see(&open, BOB, ON_TABLE));
    assert!(may_see(&open, BOB, ON_TEAM) && !may_see(&open, CAROL, ON_TEAM));
}

#[test]
fn acl_of_the_database_at_genesis() {
    let genesis = Snapshot::genesis();
    assert_eq!(
        printed(&genesis, ObjectId::Database),
        "commons=CTc/commons,=CTc/commons"
    );
    let public = ObjectId::Schema(Oid::PUBLIC_SCHEMA);
    assert_eq!(
        printed(&genesis, public),
        "pg_database_owner=UC/pg_database_owner,=U/pg_database_owner"
    );
}
