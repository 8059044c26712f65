//! What holds of catalogs: genesis, every change and its refusals, cascades, temporary overlays,
//! look-up.

mod lookup;

use std::sync::Arc;

use super::*;
use crate::base::{Oid, Result, SegmentId, SqlState};
use crate::types::PgType;

const ANN: Oid = Oid(16384);
const BOB: Oid = Oid(16385);
const TEAM: Oid = Oid(16390);
const OTHER: Oid = Oid(16391);
const TABLE: Oid = Oid(16400);
const VIEW: Oid = Oid(16402);
const UPPER: Oid = Oid(16404);
const TEMP: Oid = Oid(16500);

fn role(oid: Oid, name: &str) -> Role {
    Role {
        oid,
        name: name.into(),
        login: true,
        bypass_row_security: false,
        superuser: false,
        ..Role::clone(Snapshot::genesis().role(Oid::SUPERUSER).unwrap())
    }
}

fn schema(oid: Oid, name: &str, owner: Oid) -> Schema {
    Schema {
        oid,
        name: name.into(),
        owner,
        acl: None,
        comment: None,
    }
}

fn column(attnum: i16, name: &str, ty: PgType) -> Column {
    Column {
        attnum,
        name: name.into(),
        stored_name: name.into(),
        ty,
        collation: None,
        not_null: false,
        default: None,
        generation: None,
        comment: None,
    }
}

fn relation(oid: Oid, schema: Oid, name: &str, kind: RelationKind) -> Relation {
    Relation {
        oid,
        row_type: Oid(oid.0 + 1),
        name: name.into(),
        schema,
        owner: ANN,
        acl: None,
        comment: None,
        columns: vec![column(1, "a", PgType::INT4), column(2, "b", PgType::TEXT)],
        next_attnum: 3,
        persistence: Persistence::Permanent,
        publication: 1,
        column_acls: std::collections::BTreeMap::new(),
        tuning: crate::catalog::Tuning::default(),
        constraints: crate::catalog::Constraints::NONE,
        row_security: Default::default(),
        triggers: Vec::new(),
        family: Default::default(),
        kind,
    }
}

fn table(oid: Oid, schema: Oid, name: &str) -> Change {
    let segments = Arc::from([]);
    Change::CreateRelation(Box::new(relation(
        oid,
        schema,
        name,
        RelationKind::Table { segments },
    )))
}

fn body(depends_on: &[Oid]) -> View {
    View {
        query: "SELECT …".into(),
        search_path: vec!["pg_catalog".into(), "public".into()],
        depends_on: depends_on.to_vec(),
        next_attnums: Default::default(),
        names: Default::default(),
        keys: Default::default(),
        types: Vec::new(),
        check_option: None,
    }
}

fn view(oid: Oid, schema: Oid, name: &str, reads: &[Oid]) -> Change {
    Change::CreateRelation(Box::new(relation(
        oid,
        schema,
        name,
        RelationKind::View(body(reads)),
    )))
}

fn segment(rows: u64) -> Arc<Segment> {
    Arc::new(Segment {
        id: SegmentId::new(),
        rows,
        bytes: 0,
        location: Location::Memory(Vec::new()),
        columns: Vec::new(),
    })
}

/// ann and bob; team.t, read by team.v, read by other.w.
fn team() -> Snapshot {
    Snapshot::genesis()
        .apply(&[
            Change::CreateRole(role(ANN, "ann")),
            Change::CreateRole(role(BOB, "bob")),
            Change::CreateSchema(schema(TEAM, "team", ANN)),
            Change::CreateSchema(schema(OTHER, "other", ANN)),
            table(TABLE, TEAM, "t"),
            view(VIEW, TEAM, "v", &[TABLE, Oid(1259)]),
            view(UPPER, OTHER, "w", &[VIEW]),
        ])
        .expect("the test's own catalog")
}

#[track_caller]
fn refused(result: Result<Snapshot>, state: SqlState, message: &str) -> crate::base::Error {
    let error = result.expect_err("must be refused");
    assert_eq!((error.state(), error.message()), (state, message));
    error
}

#[test]
fn genesis_has_what_postgresql_has() {
    let genesis = Snapshot::genesis();
    assert!(genesis.role_named("commons").unwrap().superuser);
    assert_eq!(genesis.role_named("pg_monitor").unwrap().oid, Oid(3373));
    assert_eq!(
        genesis.schema_named("public").unwrap().oid,
        Oid::PUBLIC_SCHEMA
    );
    assert_eq!(genesis.schemas().count(), 4);
    assert_eq!(genesis.roles().count(), 13);
}

#[test]
fn names_are_unique() {
    let team = team();
    refused(
        team.apply(&[Change::CreateSchema(schema(Oid(20000), "team", ANN))]),
        SqlState::DUPLICATE_SCHEMA,
        "schema \"team\" already exists",
    );
    refused(
        team.apply(&[table(Oid(20000), TEAM, "v")]),
        SqlState::DUPLICATE_TABLE,
        "relation \"v\" already exists",
    );
    refused(
        team.apply(&[Change::CreateRole(role(Oid(20000), "ann"))]),
        SqlState::DUPLICATE_OBJECT,
        "role \"ann\" already exists",
    );
    // The same name in another schema, and a name given free, are fine.
    team.apply(&[
        table(Oid(20000), OTHER, "t"),
        Change::Drop(ObjectId::Relation(Oid(20000))),
        table(Oid(20002), OTHER, "t"),
    ])
    .unwrap();
}

#[test]
fn reserved_names_are_refused() {
    let team = team();
    for name in ["pg_x", "pg_temp_", "pg_temp_1x"] {
        refused(
            team.apply(&[Change::CreateSchema(schema(Oid(20000), name, ANN))]),
            SqlState::RESERVED_NAME,
            &format!("unacceptable schema name \"{name}\""),
        );
    }
    for name in ["pg_x", "public", "none"] {
        refused(
            team.apply(&[Change::Rename {
                object: ObjectId::Role(ANN),
                name: name.into(),
            }]),
            SqlState::RESERVED_NAME,
            &format!("role name \"{name}\" is reserved"),
        );
    }
    refused(
        team.apply(&[table(Oid(20000), Oid::PG_CATALOG, "x")]),
        SqlState::INSUFFICIENT_PRIVILEGE,
        "permission denied to create \"pg_catalog.x\"",
    );
}

#[test]
fn what_others_need_is_not_dropped() {
    let team = team();
    let error = refused(
        team.apply(&[Change::Drop(ObjectId::Relation(TABLE))]),
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        "cannot drop table team.t because other objects depend on it",
    );
    assert_eq!(
        error.fields().detail.as_deref(),
        Some("view team.v depends on table team.t\nview other.w depends on view team.v")
    );
    let error = refused(
        team.apply(&[Change::Drop(ObjectId::Schema(TEAM))]),
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        "cannot drop schema team because other objects depend on it",
    );
    assert_eq!(
        error.fields().detail.as_deref(),
        Some(
            "table team.t depends on schema team\nview team.v depends on schema team\n\
             view other.w depends on view team.v"
        )
    );
    refused(
        team.apply(&[Change::Drop(ObjectId::Schema(Oid::PG_CATALOG))]),
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        "cannot drop schema pg_catalog because it is required by the database system",
    );
}

#[test]
fn cascade_drops_dependants_first() {
    let team = team();
    let cascade = team.dependants_closure(&[ObjectId::Schema(TEAM)]).unwrap();
    let after = team.apply(&cascade.changes).unwrap();
    assert!(after.relation(UPPER).is_none() && after.schema(TEAM).is_none());
    let notice = cascade.notice(&team).unwrap();
    assert_eq!(notice.error.message(), "drop cascades to 3 other objects");
    assert_eq!(
        notice.error.fields().detail.as_deref(),
        Some(
            "drop cascades to table team.t\ndrop cascades to view team.v\n\
             drop cascades to view other.w"
        )
    );
    let one = team
        .dependants_closure(&[ObjectId::Relation(VIEW)])
        .unwrap();
    assert_eq!(
        one.notice(&team).unwrap().error.message(),
        "drop cascades to view other.w"
    );
    // What is asked for together is not reported as dragged along.
    let both = team
        .dependants_closure(&[ObjectId::Relation(TABLE), ObjectId::Relation(VIEW)])
        .unwrap();
    assert_eq!(both.others.len(), 1);
    team.apply(&both.changes).unwrap();
}

#[test]
fn cascade_over_a_diamond_can_be_applied() {
    // `v` was replaced to read the younger `u`, so OID order is not dependency order.
    let u = Oid(20000);
    let team = team()
        .apply(&[
            view(u, TEAM, "u", &[TABLE]),
            Change::ReplaceView {
                oid: VIEW,
                columns: vec![column(1, "a", PgType::INT4), column(2, "b", PgType::TEXT)],
                view: body(&[TABLE, u]),
            },
        ])
        .unwrap();
    let cascade = team
        .dependants_closure(&[ObjectId::Relation(TABLE)])
        .unwrap();
    team.apply(&cascade.changes).unwrap();
}

#[test]
fn a_role_in_use_is_not_dropped() {
    let item = AclItem {
        grantee: BOB,
        privileges: Privilege::Select.into(),
        grantable: Privileges::NONE,
        grantor: ANN,
    };
    let team = team()
        .apply(&[Change::SetAcl {
            object: ObjectId::Relation(VIEW),
            was: None,
            acl: Some(vec![item]),
        }])
        .unwrap();
    let error = refused(
        team.apply(&[Change::Drop(ObjectId::Role(BOB))]),
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        "role \"bob\" cannot be dropped because some objects depend on it",
    );
    assert_eq!(
        error.fields().detail.as_deref(),
        Some("privileges for view team.v")
    );
    let member = Membership {
        role: ANN,
        member: BOB,
        grantor: Oid::SUPERUSER,
        admin: false,
    };
    let gone = team
        .apply(&[
            Change::AddMember(member),
            Change::SetAcl {
                object: ObjectId::Relation(VIEW),
                was: Some(vec![item]),
                acl: None,
            },
            Change::Drop(ObjectId::Role(BOB)),
        ])
        .unwrap();
    assert!(gone.role(BOB).is_none());
    assert!(gone.memberships().all(|m| m.member != BOB));
}

#[test]
fn membership_has_no_cycles() {
    let member = |role, member| {
        Change::AddMember(Membership {
            role,
            member,
            grantor: Oid::SUPERUSER,
            admin: false,
        })
    };
    refused(
        team().apply(&[member(ANN, BOB), member(BOB, ANN)]),
        SqlState::INVALID_GRANT_OPERATION,
        "role \"bob\" is a member of role \"ann\"",
    );
    refused(
        team().apply(&[member(Role::PG_DATABASE_OWNER, BOB)]),
        SqlState::INVALID_GRANT_OPERATION,
        "role \"pg_database_owner\" cannot have explicit members",
    );
}

#[test]
fn a_replaced_view_keeps_its_columns() {
    let team = team();
    let replace = |columns: Vec<Column>, reads: &[Oid]| {
        team.apply(&[Change::ReplaceView {
            oid: VIEW,
            columns,
            view: body(reads),
        }])
    };
    let (a, b) = (column(1, "a", PgType::INT4), column(2, "b", PgType::TEXT));
    refused(
        replace(vec![a.clone()], &[TABLE]),
        SqlState::INVALID_TABLE_DEFINITION,
        "cannot drop columns from view",
    );
    refused(
        replace(vec![a.clone(), column(2, "c", PgType::TEXT)], &[TABLE]),
        SqlState::INVALID_TABLE_DEFINITION,
        "cannot change name of view column \"b\" to \"c\"",
    );
    refused(
        replace(vec![a.clone(), column(2, "b", PgType::INT4)], &[TABLE]),
        SqlState::INVALID_TABLE_DEFINITION,
        "cannot change data type of view column \"b\" from text to integer",
    );
    refused(
        replace(vec![a.clone(), b.clone()], &[UPPER]),
        SqlState::INVALID_OBJECT_DEFINITION,
        "infinite recursion detected in rules for relation \"v\"",
    );
    let next = replace(vec![a, b, column(3, "c", PgType::INT8)], &[]).unwrap();
    let view = next.relation(VIEW).unwrap();
    assert_eq!((view.publication, view.columns.len()), (2, 3));
    assert_eq!(next.dependants(TABLE).count(), 0);
}

#[test]
fn grants_follow_the_owner() {
    let item = |grantee, privilege: Privilege, grantor| AclItem {
        grantee,
        privileges: privilege.into(),
        grantable: Privileges::NONE,
        grantor,
    };
    let next = team()
        .apply(&[
            Change::SetAcl {
                object: ObjectId::Relation(VIEW),
                was: None,
                acl: Some(vec![
                    item(ANN, Privilege::Select, ANN),
                    item(BOB, Privilege::Insert, ANN),
                    item(Oid::INVALID, Privilege::Select, ANN),
                ]),
            },
            Change::SetOwner {
                object: ObjectId::Relation(VIEW),
                owner: BOB,
            },
        ])
        .unwrap();
    let view = next.relation(VIEW).unwrap();
    assert_eq!(view.owner, BOB);
    let acl = view.acl.as_ref().unwrap();
    assert_eq!(acl.len(), 2);
    assert!(acl.iter().all(|item| item.grantor == BOB));
    assert!(acl[0].privileges.contains(Privilege::Select));
    assert!(acl[0].privileges.contains(Privilege::Insert));
}

#[test]
fn segments_come_and_go_once() {
    let (one, two) = (segment(1), segment(2));
    let added = team()
        .apply(&[Change::AddSegments {
            relation: TABLE,
            segments: vec![one.clone(), two.clone()],
        }])
        .unwrap();
    let remove = Change::RemoveSegments {
        relation: TABLE,
        segments: vec![one.id],
    };
    let removed = added.apply(std::slice::from_ref(&remove)).unwrap();
    assert_eq!(removed.relation(TABLE).unwrap().segments().len(), 1);
    refused(
        removed.apply(&[remove]),
        SqlState::SERIALIZATION_FAILURE,
        "could not serialize access due to concurrent update",
    );
    refused(
        added.apply(&[Change::AddSegments {
            relation: VIEW,
            segments: vec![segment(1)],
        }]),
        SqlState::WRONG_OBJECT_TYPE,
        "\"v\" is not a table",
    );
    // The first snapshot is untouched: values do not change under their readers.
    assert_eq!(added.relation(TABLE).unwrap().segments().len(), 2);
}

#[test]
fn columns_are_added_renamed_and_dropped() {
    let lone = Oid(20000);
    let next = team()
        .apply(&[
            table(lone, TEAM, "lone"),
            Change::AddColumn {
                relation: lone,
                column: column(3, "c", PgType::INT8),
            },
            Change::DropColumn {
                relation: lone,
                attnum: 1,
            },
            Change::RenameColumn {
                relation: lone,
                attnum: 2,
                name: "a".into(),
            },
        ])
        .unwrap();
    let names: Vec<&str> = next
        .relation(lone)
        .unwrap()
        .columns
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(names, ["a", "c"]);
    refused(
        next.apply(&[Change::AddColumn {
            relation: lone,
            column: column(4, "c", PgType::INT8),
        }]),
        SqlState::DUPLICATE_COLUMN,
        "column \"c\" of relation \"lone\" already exists",
    );
    refused(
        next.apply(&[Change::DropColumn {
            relation: TABLE,
            attnum: 2,
        }]),
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        "cannot drop column b of table team.t because other objects depend on it",
    );
}

#[test]
fn missing_objects_are_named_as_such() {
    let gone = Oid(29999);
    let team = team();
    for (change, state) in [
        (
            Change::Drop(ObjectId::Relation(gone)),
            SqlState::UNDEFINED_TABLE,
        ),
        (
            Change::Drop(ObjectId::Schema(gone)),
            SqlState::INVALID_SCHEMA_NAME,
        ),
        (
            Change::Drop(ObjectId::Role(gone)),
            SqlState::UNDEFINED_OBJECT,
        ),
        (Change::Touch { relation: gone }, SqlState::UNDEFINED_TABLE),
        (
            Change::SetPassword {
                role: gone,
                verifier: None,
            },
            SqlState::UNDEFINED_OBJECT,
        ),
        (
            Change::Comment {
                object: ObjectId::Relation(TABLE),
                attnum: Some(9),
                text: None,
            },
            SqlState::UNDEFINED_COLUMN,
        ),
        (table(Oid(20000), gone, "t"), SqlState::INVALID_SCHEMA_NAME),
        (
            view(Oid(20000), TEAM, "x", &[gone]),
            SqlState::UNDEFINED_TABLE,
        ),
    ] {
        let error = team.apply(std::slice::from_ref(&change)).unwrap_err();
        assert_eq!(error.state(), state, "{change:?}");
    }
}

#[test]
fn what_somebody_changed_meanwhile_is_a_conflict() {
    let item = |grantee| AclItem {
        grantee,
        privileges: Privilege::Select.into(),
        grantable: Privileges::NONE,
        grantor: ANN,
    };
    let grant = |grantee| Change::SetAcl {
        object: ObjectId::Relation(VIEW),
        was: None,
        acl: Some(vec![item(grantee)]),
    };
    let conflict = |result| {
        refused(
            result,
            SqlState::SERIALIZATION_FAILURE,
            "could not serialize access due to concurrent update",
        );
    };
    let granted = team().apply(&[grant(BOB)]).unwrap();
    conflict(granted.apply(&[grant(ANN)]));
    let was = Role::clone(granted.role(BOB).unwrap());
    let alter = |login, create_db| Change::AlterRole {
        was: was.clone(),
        role: Role {
            login,
            create_db,
            ..was.clone()
        },
    };
    let closed = granted.apply(&[alter(false, was.create_db)]).unwrap();
    conflict(closed.apply(&[alter(was.login, true)]));
}
