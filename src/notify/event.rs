//! What a commit tells of itself: publish events.
//!
//! An event is about one relation others may see. Data added to a table is no event: a loader would
//! drown everybody. What somebody wants known of a table's data they say with NOTIFY, or by
//! refreshing what is published over it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Notice;
use crate::base::limits::NOTIFY_PAYLOAD_BYTES_MAX;
use crate::base::{Oid, SessionId};
use crate::catalog::{Change, ObjectId, Persistence, Relation, Snapshot};

/// The channel of every event.
const EVERYTHING: &str = "commons";
/// Bytes of a comment that an event carries.
const NOTE_BYTES_MAX: usize = 4_000;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Publish,
    Replace,
    Refresh,
    Drop,
    Grant,
}

/// The payload, in the order its fields are written.
#[derive(Serialize)]
struct Payload<'a> {
    event: Kind,
    object: String,
    kind: &'a str,
    version: u64,
    by: &'a str,
    at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

/// The notices of a commit: for each relation created, replaced, refreshed, dropped or granted, one
/// line of JSON on `commons`, on the schema's name and on `schema.object`. Pure; `at` is RFC 3339.
///
/// A relation has one event a commit: what is created, commented and granted together is published
/// once, with its note, and told to whoever may see it afterwards. Grants alone are told to those
/// who could not see the object before. Temporary relations are nobody else's business.
pub fn events(
    before: &Snapshot,
    after: &Snapshot,
    changes: &[Change],
    by: &str,
    sender: SessionId,
    at: &str,
) -> Vec<Notice> {
    let mut told = BTreeSet::new();
    let mut notices = Vec::new();
    for change in changes {
        for oid in concerned(after, change) {
            if told.contains(&oid) {
                continue;
            }
            let Some((kind, relation, snapshot)) = happened(before, after, changes, oid) else {
                continue;
            };
            told.insert(oid);
            if relation.persistence == Persistence::Permanent {
                notices.extend(notices_of(kind, relation, snapshot, by, sender, at));
            }
        }
    }
    notices
}

/// The relations a change may be an event of.
fn concerned(after: &Snapshot, change: &Change) -> Vec<Oid> {
    match change {
        Change::CreateRelation(relation) => vec![relation.oid],
        Change::ReplaceView { oid, .. } => vec![*oid],
        Change::Touch { relation } => vec![*relation],
        Change::Drop(ObjectId::Relation(oid))
        | Change::SetAcl {
            object: ObjectId::Relation(oid),
            ..
        } => vec![*oid],
        // USAGE on a schema is the last thing a role may lack to see what is in it.
        Change::SetAcl {
            object: ObjectId::Schema(schema),
            ..
        } => after.relations_in(*schema).map(|r| r.oid).collect(),
        Change::Drop(ObjectId::Database | ObjectId::Schema(_) | ObjectId::Role(_))
        | Change::SetAcl {
            object: ObjectId::Database | ObjectId::Role(_),
            ..
        }
        | Change::CreateSchema(_)
        | Change::CreateRole(_)
        | Change::Rename { .. }
        | Change::RenameColumn { .. }
        | Change::AddColumn { .. }
        | Change::DropColumn { .. }
        | Change::Reword { .. }
        | Change::AlterColumn { .. }
        | Change::SetConstraints { .. }
        | Change::DropConstraint { .. }
        | Change::AlterSequence { .. }
        | Change::Populate { .. }
        | Change::SetSchema { .. }
        | Change::SetOwner { .. }
        | Change::Comment { .. }
        | Change::AlterRole { .. }
        | Change::SetRoleSettings { .. }
        | Change::SetPassword { .. }
        | Change::AddMember(_)
        | Change::RemoveMember { .. }
        | Change::AddSegments { .. }
        | Change::RemoveSegments { .. } => Vec::new(),
    }
}

/// What the whole commit did to a relation, by what was there before and is there after; with the
/// relation as it is told and the catalog that names its schema.
fn happened<'a>(
    before: &'a Snapshot,
    after: &'a Snapshot,
    changes: &[Change],
    oid: Oid,
) -> Option<(Kind, &'a Relation, &'a Snapshot)> {
    let told = |relation: &&std::sync::Arc<Relation>| relation.sequence().is_none();
    match (
        before.relation(oid).filter(told),
        after.relation(oid).filter(told),
    ) {
        // Made and dropped again.
        (None, None) => None,
        (None, Some(new)) => Some((Kind::Publish, new, after)),
        (Some(old), None) => Some((Kind::Drop, old, before)),
        (Some(_), Some(new)) => {
            let any = |wanted: &dyn Fn(&Change) -> bool| changes.iter().any(wanted);
            let kind =
                if any(&|c| matches!(c, Change::ReplaceView { oid: view, .. } if *view == oid)) {
                    Kind::Replace
                } else if any(&|c| matches!(c, Change::Touch { relation } if *relation == oid)) {
                    Kind::Refresh
                } else {
                    Kind::Grant
                };
            Some((kind, new, after))
        }
    }
}

fn notices_of(
    kind: Kind,
    relation: &Relation,
    snapshot: &Snapshot,
    by: &str,
    sender: SessionId,
    at: &str,
) -> Vec<Notice> {
    let name = snapshot.qualified_name(relation);
    let mut payload = Payload {
        event: kind,
        object: name.to_string(),
        kind: relation.kind_name(),
        version: relation.publication,
        by,
        at,
        note: relation
            .comment
            .as_deref()
            .filter(|_| kind != Kind::Drop)
            .map(|note| shortened(note, NOTE_BYTES_MAX)),
    };
    let mut line = json(&payload);
    // What JSON must escape takes more room than it had: clients count on NOTIFY's bound.
    while line.len() > NOTIFY_PAYLOAD_BYTES_MAX
        && let Some(note) = payload.note.filter(|note| !note.is_empty())
    {
        payload.note = Some(shortened(note, note.len() / 2));
        line = json(&payload);
    }
    // Channels are names as the catalog has them: LISTEN "Team.My result".
    let channels = [
        EVERYTHING.to_owned(),
        name.schema.clone(),
        format!("{}.{}", name.schema, name.name),
    ];
    channels
        .into_iter()
        .map(|channel| Notice {
            channel,
            payload: line.clone(),
            sender,
            about: Some(ObjectId::Relation(relation.oid)),
            newly: kind == Kind::Grant,
        })
        .collect()
}

fn json(payload: &Payload<'_>) -> String {
    serde_json::to_string(payload).expect("strings and numbers are always JSON")
}

/// The beginning of a comment, on a character boundary.
fn shortened(note: &str, bytes_max: usize) -> &str {
    let mut end = note.len().min(bytes_max);
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    &note[..end]
}
