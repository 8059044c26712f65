//! What a commit tells of itself: publish events.
//!
//! An event is about one relation or function others may see. Data added to a table is no event: a
//! loader would drown everybody. What somebody wants known of a table's data they say with NOTIFY,
//! or by refreshing what is published over it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Notice;
use crate::base::limits::NOTIFY_PAYLOAD_BYTES_MAX;
use crate::base::name::QualifiedName;
use crate::base::{Oid, SessionId};
use crate::catalog::{Change, ObjectId, Persistence, Relation, Routine, Schema, Snapshot};

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

/// The notices of a commit: for each relation or function created, replaced, refreshed, dropped or
/// granted, one line of JSON on `commons`, on the schema's name and on `schema.object`. Pure; `at`
/// is RFC 3339.
///
/// An object has one event a commit: what is created, commented and granted together is published
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
        for object in concerned(after, change) {
            if told.contains(&object) {
                continue;
            }
            let Some((kind, subject)) = happened(before, after, changes, object) else {
                continue;
            };
            told.insert(object);
            if subject.permanent {
                notices.extend(notices_of(kind, &subject, by, sender, at));
            }
        }
    }
    notices
}

/// The objects a change may be an event of.
fn concerned(after: &Snapshot, change: &Change) -> Vec<ObjectId> {
    match change {
        Change::CreateRelation(relation) => vec![ObjectId::Relation(relation.oid)],
        Change::ReplaceView { oid, .. } => vec![ObjectId::Relation(*oid)],
        Change::SetColumnAcl { relation, .. } | Change::Touch { relation } => {
            vec![ObjectId::Relation(*relation)]
        }
        Change::CreateRoutine(routine) | Change::ReplaceRoutine(routine) => {
            vec![ObjectId::Routine(routine.oid)]
        }
        Change::Drop(object @ (ObjectId::Relation(_) | ObjectId::Routine(_)))
        | Change::SetAcl {
            object: object @ (ObjectId::Relation(_) | ObjectId::Routine(_)),
            ..
        } => vec![*object],
        // USAGE on a schema is the last thing a role may lack to see what is in it.
        Change::SetAcl {
            object: ObjectId::Schema(schema),
            ..
        } => {
            let relations = after.relations_in(*schema);
            let routines = after.routines_in(*schema);
            relations
                .map(|relation| ObjectId::Relation(relation.oid))
                .chain(routines.map(|routine| ObjectId::Routine(routine.oid)))
                .collect()
        }
        Change::Drop(
            ObjectId::Database
            | ObjectId::Schema(_)
            | ObjectId::Role(_)
            | ObjectId::Type(_)
            | ObjectId::LargeObject(_)
            | ObjectId::Definition(_),
        )
        | Change::SetAcl {
            object:
                ObjectId::Database
                | ObjectId::Role(_)
                | ObjectId::Type(_)
                | ObjectId::LargeObject(_)
                | ObjectId::Definition(_),
            ..
        }
        | Change::CreateDefinition(_)
        | Change::AlterDefinition { .. }
        | Change::CreateLargeObject(_)
        | Change::WriteLargeObject { .. }
        | Change::CreateSchema(_)
        | Change::AlterRoutine { .. }
        | Change::CreateRole(_)
        | Change::CreateType(_)
        | Change::AlterType { .. }
        | Change::Rename { .. }
        | Change::RenameColumn { .. }
        | Change::AddColumn { .. }
        | Change::DropColumn { .. }
        | Change::Reword { .. }
        | Change::AlterColumn { .. }
        | Change::SetConstraints { .. }
        | Change::SetTuning { .. }
        | Change::SetRowSecurity { .. }
        | Change::SetFamily { .. }
        | Change::DropPolicy { .. }
        | Change::SetTriggers { .. }
        | Change::DropTrigger { .. }
        | Change::DropConstraint { .. }
        | Change::AlterSequence { .. }
        | Change::Populate { .. }
        | Change::SetSchema { .. }
        | Change::SetOwner { .. }
        | Change::Comment { .. }
        | Change::AlterRole { .. }
        | Change::SetSettings { .. }
        | Change::SetDefaultAcl { .. }
        | Change::SetPassword { .. }
        | Change::AddMember(_)
        | Change::RemoveMember { .. }
        | Change::AddSegments { .. }
        | Change::RemoveSegments { .. } => Vec::new(),
    }
}

/// What an event is about: as it is told, and the catalog's name for its schema.
struct Subject<'a> {
    object: ObjectId,
    schema: &'a str,
    /// Bare for relations; of functions the name alone too, whatever they take.
    name: &'a str,
    kind: &'static str,
    version: u64,
    comment: Option<&'a str>,
    permanent: bool,
}

impl<'a> Subject<'a> {
    /// Sequences are nobody's publication.
    fn find(snapshot: &'a Snapshot, object: ObjectId) -> Option<Self> {
        match object {
            ObjectId::Relation(oid) => snapshot
                .relation(oid)
                .filter(|relation| relation.sequence().is_none())
                .map(|relation| Self::of_relation(snapshot, relation)),
            ObjectId::Routine(oid) => snapshot
                .routine(oid)
                .map(|routine| Self::of_routine(snapshot, routine)),
            ObjectId::Database
            | ObjectId::Schema(_)
            | ObjectId::Role(_)
            | ObjectId::Type(_)
            | ObjectId::LargeObject(_)
            | ObjectId::Definition(_) => None,
        }
    }

    fn of_relation(snapshot: &'a Snapshot, relation: &'a Relation) -> Self {
        Self {
            object: ObjectId::Relation(relation.oid),
            schema: snapshot.schema(relation.schema).map_or("?", |s| &s.name),
            name: &relation.name,
            kind: relation.kind_name(),
            version: relation.publication,
            comment: relation.comment.as_deref(),
            permanent: relation.persistence == Persistence::Permanent,
        }
    }

    fn of_routine(snapshot: &'a Snapshot, routine: &'a Routine) -> Self {
        let schema = snapshot.schema(routine.schema).map_or("?", |s| &s.name);
        Self {
            object: ObjectId::Routine(routine.oid),
            schema,
            name: &routine.name,
            kind: routine.kind_name(),
            version: routine.publication,
            comment: routine.comment.as_deref(),
            permanent: !Schema::is_temporary_name(schema),
        }
    }
}

/// What the whole commit did to an object, by what was there before and is there after.
fn happened<'a>(
    before: &'a Snapshot,
    after: &'a Snapshot,
    changes: &[Change],
    object: ObjectId,
) -> Option<(Kind, Subject<'a>)> {
    match (Subject::find(before, object), Subject::find(after, object)) {
        // Made and dropped again.
        (None, None) => None,
        (None, Some(new)) => Some((Kind::Publish, new)),
        (Some(old), None) => Some((Kind::Drop, old)),
        (Some(_), Some(new)) => {
            let any = |wanted: &dyn Fn(&Change) -> bool| changes.iter().any(wanted);
            let is = |oid: Oid| object == ObjectId::Relation(oid);
            let kind = if any(&|change| match change {
                Change::ReplaceView { oid, .. } => is(*oid),
                Change::ReplaceRoutine(routine) => object == ObjectId::Routine(routine.oid),
                _ => false,
            }) {
                Kind::Replace
            } else if any(&|c| matches!(c, Change::Touch { relation } if is(*relation))) {
                Kind::Refresh
            } else {
                Kind::Grant
            };
            Some((kind, new))
        }
    }
}

fn notices_of(
    kind: Kind,
    subject: &Subject<'_>,
    by: &str,
    sender: SessionId,
    at: &str,
) -> Vec<Notice> {
    let name = QualifiedName::new(subject.schema, subject.name.to_owned());
    let mut payload = Payload {
        event: kind,
        object: name.to_string(),
        kind: subject.kind,
        version: subject.version,
        by,
        at,
        note: subject
            .comment
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
            about: Some(subject.object),
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
