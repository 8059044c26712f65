//! Objects as rows of `commons_object`.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, params};
use serde::Serialize;

use super::record::int;
use super::sqlite_error;
use crate::base::{Error, Oid, Result};
use crate::catalog::{Membership, Snapshot};

/// `commons_object.kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Database,
    Schema,
    Relation,
    Role,
    Membership,
    Routine,
    Type,
    DefaultAcl,
    LargeObject,
    Definition,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Schema => "schema",
            Self::Relation => "relation",
            Self::Role => "role",
            Self::Membership => "membership",
            Self::Routine => "routine",
            Self::Type => "type",
            Self::DefaultAcl => "default acl",
            Self::LargeObject => "large object",
            Self::Definition => "definition",
        }
    }
}

/// Both sides of one object: what it was, what it is.
pub(super) struct Pair<'a, T> {
    pub(super) before: Option<&'a T>,
    pub(super) after: Option<&'a T>,
}

/// What differs between two sorted lists of shared objects. Looks at pointers only: an object
/// nobody touched is the same allocation in both snapshots.
pub(super) fn differing<'a, T>(
    before: impl Iterator<Item = &'a Arc<T>>,
    after: impl Iterator<Item = &'a Arc<T>>,
    key: impl Fn(&T) -> Oid,
) -> Vec<Pair<'a, T>> {
    let mut pairs = Vec::new();
    let (mut before, mut after) = (before.peekable(), after.peekable());
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return pairs,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(old), Some(new)) => key(old).cmp(&key(new)),
        };
        let pair = Pair {
            before: order.is_le().then(|| before.next()).flatten(),
            after: order.is_ge().then(|| after.next()).flatten(),
        };
        let same = match (pair.before, pair.after) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            _ => false,
        };
        if !same {
            pairs.push(Pair {
                before: pair.before.map(Arc::as_ref),
                after: pair.after.map(Arc::as_ref),
            });
        }
    }
}

/// Writes what became of every object between two snapshots.
pub(super) fn record(
    connection: &Connection,
    before: Option<&Snapshot>,
    after: &Snapshot,
) -> Result<()> {
    let write = Writer {
        connection,
        version: int(after.version().0),
    };
    let database = before.map(|snapshot| snapshot.database());
    if !database.is_some_and(|database| Arc::ptr_eq(database, after.database())) {
        write.object(
            Kind::Database,
            (Oid::DATABASE, Oid::INVALID),
            &Pair {
                before: database.map(Arc::as_ref),
                after: Some(after.database().as_ref()),
            },
        )?;
    }
    let old = before.into_iter().flat_map(Snapshot::schemas);
    for pair in differing(old, after.schemas(), |schema| schema.oid) {
        write.object(
            Kind::Schema,
            (oid_of(&pair, |s| s.oid), Oid::INVALID),
            &pair,
        )?;
    }
    let old = before.into_iter().flat_map(Snapshot::relations);
    for pair in differing(old, after.relations(), |relation| relation.oid) {
        write.object(
            Kind::Relation,
            (oid_of(&pair, |r| r.oid), Oid::INVALID),
            &pair,
        )?;
    }
    let old = before.into_iter().flat_map(Snapshot::roles);
    for pair in differing(old, after.roles(), |role| role.oid) {
        write.object(Kind::Role, (oid_of(&pair, |r| r.oid), Oid::INVALID), &pair)?;
    }
    let old = before.into_iter().flat_map(Snapshot::routines);
    for pair in differing(old, after.routines(), |routine| routine.oid) {
        let key = (oid_of(&pair, |r| r.oid), Oid::INVALID);
        write.object(Kind::Routine, key, &pair)?;
    }
    let old = before.into_iter().flat_map(Snapshot::types);
    for pair in differing(old, after.types(), |ty| ty.oid) {
        write.object(Kind::Type, (oid_of(&pair, |t| t.oid), Oid::INVALID), &pair)?;
    }
    let old = before.into_iter().flat_map(Snapshot::default_acls);
    for pair in differing(old, after.default_acls(), |acl| acl.oid) {
        let key = (oid_of(&pair, |acl| acl.oid), Oid::INVALID);
        write.object(Kind::DefaultAcl, key, &pair)?;
    }
    let old = before.into_iter().flat_map(Snapshot::large_objects);
    for pair in differing(old, after.large_objects(), |of| of.oid) {
        let key = (oid_of(&pair, |of| of.oid), Oid::INVALID);
        write.object(Kind::LargeObject, key, &pair)?;
    }
    let old = before.into_iter().flat_map(Snapshot::definitions);
    for pair in differing(old, after.definitions(), |of| of.oid) {
        let key = (oid_of(&pair, |of| of.oid), Oid::INVALID);
        write.object(Kind::Definition, key, &pair)?;
    }
    let old = memberships(before);
    let new = memberships(Some(after));
    for key in old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(key)))
    {
        let pair = Pair {
            before: old.get(key).copied(),
            after: new.get(key).copied(),
        };
        write.object(Kind::Membership, *key, &pair)?;
    }
    Ok(())
}

fn oid_of<T>(pair: &Pair<'_, T>, oid: impl Fn(&T) -> Oid) -> Oid {
    pair.after.or(pair.before).map_or(Oid::INVALID, oid)
}

fn memberships(snapshot: Option<&Snapshot>) -> BTreeMap<(Oid, Oid), &Membership> {
    snapshot
        .into_iter()
        .flat_map(Snapshot::memberships)
        .map(|membership| ((membership.role, membership.member), membership))
        .collect()
}

struct Writer<'a> {
    connection: &'a Connection,
    version: i64,
}

impl Writer<'_> {
    /// Ends the old row and begins a new one, unless both say the same (a table whose rows alone
    /// changed).
    fn object<T: Serialize>(
        &self,
        kind: Kind,
        (oid, oid2): (Oid, Oid),
        pair: &Pair<'_, T>,
    ) -> Result<()> {
        let body = |object: &T| {
            serde_json::to_string(object)
                .map_err(|error| Error::internal("writing an object down", error))
        };
        let before = pair.before.map(body).transpose()?;
        let after = pair.after.map(body).transpose()?;
        if before == after {
            return Ok(());
        }
        let failed = |error: rusqlite::Error| sqlite_error("write the catalog", &error);
        if before.is_some() {
            self.connection
                .prepare_cached(
                    "UPDATE commons_object SET end_snapshot = ?1
                     WHERE kind = ?2 AND oid = ?3 AND oid2 = ?4 AND end_snapshot IS NULL",
                )
                .and_then(|mut statement| {
                    statement.execute(params![self.version, kind.as_str(), oid.0, oid2.0])
                })
                .map_err(failed)?;
        }
        if let Some(body) = after {
            self.connection
                .prepare_cached(
                    "INSERT INTO commons_object(kind, oid, oid2, body, begin_snapshot)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )
                .and_then(|mut statement| {
                    statement.execute(params![kind.as_str(), oid.0, oid2.0, body, self.version])
                })
                .map_err(failed)?;
        }
        Ok(())
    }
}
