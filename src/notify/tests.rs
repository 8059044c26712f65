//! What commits tell whom.

use std::sync::Arc;

use super::*;
use crate::base::Oid;
use crate::catalog::{
    AclItem, Change, Persistence, Privilege, Privileges, Relation, RelationKind, Role, Schema,
    Snapshot, View,
};

const ANN: Oid = Oid(16384);
const BOB: Oid = Oid(16385);
const CAROL: Oid = Oid(16386);
const TEAM: Oid = Oid(16390);
const VIEW: Oid = Oid(16402);
const ON_VIEW: ObjectId = ObjectId::Relation(VIEW);
const SENDER: SessionId = SessionId(7);

fn role(oid: Oid, name: &str) -> Change {
    Change::CreateRole(Role {
        oid,
        name: name.into(),
        ..Role::clone(Snapshot::genesis().role(Oid(3373)).unwrap())
    })
}

fn usage(before: &Snapshot, grantees: &[Oid]) -> Change {
    set_acl(before, ObjectId::Schema(TEAM), Privilege::Usage, grantees)
}

fn set_acl(before: &Snapshot, object: ObjectId, privilege: Privilege, grantees: &[Oid]) -> Change {
    let item = |grantee: &Oid| AclItem {
        grantee: *grantee,
        privileges: privilege.into(),
        grantable: Privileges::NONE,
        grantor: ANN,
    };
    Change::SetAcl {
        object,
        was: before.acl(object).cloned(),
        acl: Some(grantees.iter().map(item).collect()),
    }
}

fn create(name: &str) -> Change {
    let view = View {
        query: "SELECT 1".into(),
        search_path: Vec::new(),
        depends_on: Vec::new(),
        next_attnums: Default::default(),
        names: Default::default(),
        keys: Default::default(),
        types: Vec::new(),
        check_option: None,
    };
    Change::CreateRelation(Box::new(Relation {
        oid: VIEW,
        row_type: Oid(VIEW.0 + 1),
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
        kind: RelationKind::View(view),
    }))
}

fn replace() -> Change {
    Change::ReplaceView {
        oid: VIEW,
        columns: Vec::new(),
        view: View {
            query: "SELECT 2".into(),
            search_path: Vec::new(),
            depends_on: Vec::new(),
            next_attnums: Default::default(),
            names: Default::default(),
            keys: Default::default(),
            types: Vec::new(),
            check_option: None,
        },
    }
}

/// ann, bob and carol; bob may use schema team.
fn team() -> Snapshot {
    Snapshot::genesis()
        .apply(&[
            role(ANN, "ann"),
            role(BOB, "bob"),
            role(CAROL, "carol"),
            Change::CreateSchema(Schema {
                oid: TEAM,
                name: "team".into(),
                owner: ANN,
                acl: None,
                comment: None,
            }),
            usage(&Snapshot::genesis(), &[BOB]),
        ])
        .expect("the test's own catalog")
}

/// What the listeners on `commons` get of a commit: their names and the events.
fn told(before: &Snapshot, changes: &[Change]) -> (Snapshot, Vec<(&'static str, String)>) {
    let after = before.apply(changes).expect("the test's own changes");
    let notices = events(
        before,
        &after,
        changes,
        "ann",
        SENDER,
        "2026-01-02T03:04:05Z",
    );
    let hub = Arc::new(Hub::new());
    let mut received = Vec::new();
    for (number, (name, role)) in [("bob", BOB), ("carol", CAROL), ("root", Oid::SUPERUSER)]
        .into_iter()
        .enumerate()
    {
        let session = SessionId(i32::try_from(number).unwrap());
        let mut mailbox = hub.open(session, role);
        mailbox.listen("commons");
        hub.publish(before, &after, &notices);
        while let Some(delivery) = mailbox.try_next() {
            let payload: serde_json::Value = serde_json::from_str(&delivery.payload).unwrap();
            received.push((name, payload["event"].as_str().unwrap().to_owned()));
        }
    }
    (after, received)
}

fn to(names: &[&'static str], event: &str) -> Vec<(&'static str, String)> {
    names.iter().map(|name| (*name, event.to_owned())).collect()
}

#[test]
fn create_and_grant_together_are_one_publication() {
    let before = team();
    let changes = [
        create("delays"),
        Change::Comment {
            object: ON_VIEW,
            attnum: None,
            text: Some("by carrier".into()),
        },
        set_acl(&before, ON_VIEW, Privilege::Select, &[BOB]),
    ];
    let after = before.apply(&changes).unwrap();
    let notices = events(
        &before,
        &after,
        &changes,
        "ann",
        SENDER,
        "2026-01-02T03:04:05Z",
    );
    let channels: Vec<&str> = notices.iter().map(|n| n.channel.as_str()).collect();
    assert_eq!(channels, ["commons", "team", "team.delays"]);
    assert_eq!(
        notices[0].payload,
        r#"{"event":"publish","object":"team.delays","kind":"view","version":1,"by":"ann","#
            .to_owned()
            + r#""at":"2026-01-02T03:04:05Z","note":"by carrier"}"#
    );
    assert_eq!(told(&before, &changes).1, to(&["bob", "root"], "publish"));
}

#[test]
fn grants_are_told_to_those_who_could_not_see_before() {
    let (hidden, received) = told(&team(), &[create("delays")]);
    assert_eq!(received, to(&["root"], "publish"));
    let grant = |before| set_acl(before, ON_VIEW, Privilege::Select, &[BOB, CAROL]);
    // carol still lacks the schema.
    let (shared, received) = told(&hidden, &[grant(&hidden)]);
    assert_eq!(received, to(&["bob"], "grant"));
    let (_, received) = told(&shared, &[grant(&shared)]);
    assert!(received.is_empty());
    let (open, received) = told(&shared, &[usage(&shared, &[BOB, CAROL])]);
    assert_eq!(received, to(&["carol"], "grant"));
    let (_, received) = told(&open, &[set_acl(&open, ON_VIEW, Privilege::Select, &[])]);
    assert!(received.is_empty());
}

#[test]
fn replacing_refreshing_and_dropping_are_told_to_readers() {
    let (shared, _) = told(
        &team(),
        &[
            create("delays"),
            set_acl(&team(), ON_VIEW, Privilege::Select, &[BOB]),
        ],
    );
    let (next, received) = told(&shared, &[replace()]);
    assert_eq!(received, to(&["bob", "root"], "replace"));
    let (next, received) = told(&next, &[Change::Touch { relation: VIEW }]);
    assert_eq!(received, to(&["bob", "root"], "refresh"));
    assert_eq!(next.relation(VIEW).unwrap().publication, 3);
    let (_, received) = told(&next, &[Change::Drop(ON_VIEW)]);
    assert_eq!(received, to(&["bob", "root"], "drop"));
    let (_, received) = told(&team(), &[create("x"), Change::Drop(ON_VIEW)]);
    assert!(received.is_empty());
}

#[test]
fn long_notes_are_cut_and_odd_names_quoted() {
    let changes = [
        create("My \"result\""),
        Change::Comment {
            object: ON_VIEW,
            attnum: None,
            text: Some("\u{1}é".repeat(5_000)),
        },
    ];
    let before = team();
    let after = before.apply(&changes).unwrap();
    let notices = events(&before, &after, &changes, "ann", SENDER, "now");
    assert_eq!(notices[2].channel, "team.My \"result\"");
    assert!(notices[2].payload.len() < crate::base::limits::NOTIFY_PAYLOAD_BYTES_MAX);
    assert!(
        notices[2]
            .payload
            .contains(r#""object":"team.\"My \"\"result\"\"\"""#)
    );
}
