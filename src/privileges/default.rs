//! ALTER DEFAULT PRIVILEGES: the list it comes to, and what a new object starts with.

use super::grant::{List, invalid};
use crate::base::{Oid, Result};
use crate::catalog::{
    Acl, AclItem, Change, DefaultAcl, DefaultKind, Privileges, RelationKind, Snapshot,
};

/// What ALTER DEFAULT PRIVILEGES says of one kind of objects.
#[derive(Debug, Clone, Copy)]
pub struct DefaultGrant<'a> {
    /// REVOKE
    pub revoke: bool,
    /// Which privileges; `None` is ALL.
    pub privileges: Option<Privileges>,
    /// To or from whom; `Oid::INVALID` is PUBLIC.
    pub grantees: &'a [Oid],
    /// WITH GRANT OPTION; for REVOKE, GRANT OPTION FOR.
    pub grant_option: bool,
    /// CASCADE
    pub cascade: bool,
}

/// A default list after a grant or revoke; `oid` is for a new one. `None` if nothing is left that
/// differs from what is hard-wired.
///
/// # Errors
/// `0LP01` for a privilege the kind does not have, and for grant options to PUBLIC; `2BP01` if
/// grants depend on what is revoked.
pub fn change_default(
    snapshot: &Snapshot,
    (role, schema, kind): (Oid, Option<Oid>, DefaultKind),
    grant: &DefaultGrant<'_>,
    oid: Oid,
) -> Result<Change> {
    let asked = grant.privileges.unwrap_or_else(|| kind.all());
    if let Some(foreign) = asked.difference(kind.all()).iter().next() {
        return Err(invalid(&format!(
            "invalid privilege type {} for {}",
            foreign.word(),
            word(kind)
        )));
    }
    if grant.grant_option && !grant.revoke && grant.grantees.contains(&Oid::INVALID) {
        return Err(invalid("grant options can only be granted to roles"));
    }
    // A schema's list only adds to the other one.
    let unsaid = match schema {
        Some(_) => Acl::new(),
        None => kind.hard_wired(role),
    };
    let was = snapshot.default_acl_of(role, schema, kind);
    let mut acl = was.map_or_else(|| unsaid.clone(), |was| was.acl.clone());
    let list = List {
        snapshot,
        owner: Some(role),
    };
    for grantee in grant.grantees {
        let item = |privileges, grantable| AclItem {
            grantee: *grantee,
            privileges,
            grantable,
            grantor: role,
        };
        acl = match (grant.revoke, grant.grant_option) {
            (false, false) => list.add(acl, item(asked, Privileges::NONE))?,
            (false, true) => list.add(acl, item(asked, asked))?,
            (true, true) => list.remove(acl, item(Privileges::NONE, asked), grant.cascade)?,
            (true, false) => list.remove(acl, item(asked, asked), grant.cascade)?,
        };
    }
    sort(&mut acl);
    let differs = !same(&acl, unsaid);
    let now = differs.then(|| DefaultAcl {
        oid: was.map_or(oid, |was| was.oid),
        role,
        schema,
        kind,
        acl,
    });
    Ok(Change::SetDefaultAcl {
        was: was.map(|was| Box::new(DefaultAcl::clone(was))),
        now: now.map(Box::new),
    })
}

/// The change with the list its new object starts with, if ALTER DEFAULT PRIVILEGES said one.
pub fn with_default_privileges(snapshot: &Snapshot, mut change: Change) -> Change {
    if snapshot.default_acls().next().is_none() {
        return change;
    }
    match &mut change {
        Change::CreateRelation(relation) if relation.acl.is_none() => {
            let kind = match relation.kind {
                RelationKind::Sequence(_) => DefaultKind::Sequence,
                RelationKind::Table { .. }
                | RelationKind::View(_)
                | RelationKind::Materialized { .. }
                | RelationKind::Foreign { .. } => DefaultKind::Relation,
            };
            relation.acl = starting(snapshot, relation.owner, Some(relation.schema), kind);
        }
        Change::CreateRoutine(routine) if routine.acl.is_none() => {
            let (owner, schema) = (routine.owner, routine.schema);
            routine.acl = starting(snapshot, owner, Some(schema), DefaultKind::Routine);
        }
        Change::CreateType(ty) if ty.acl.is_none() => {
            ty.acl = starting(snapshot, ty.owner, Some(ty.schema), DefaultKind::Type);
        }
        Change::CreateSchema(schema) if schema.acl.is_none() && !schema.is_temporary() => {
            schema.acl = starting(snapshot, schema.owner, None, DefaultKind::Schema);
        }
        _ => {}
    }
    change
}

/// PostgreSQL's `get_user_default_acl`: the list for every schema, or the hard-wired one, with the
/// schema's merged in; `None` if that is what is hard-wired.
fn starting(
    snapshot: &Snapshot,
    owner: Oid,
    schema: Option<Oid>,
    kind: DefaultKind,
) -> Option<Acl> {
    let everywhere = snapshot.default_acl_of(owner, None, kind);
    let here = schema.and_then(|schema| snapshot.default_acl_of(owner, Some(schema), kind));
    if everywhere.is_none() && here.is_none() {
        return None;
    }
    let mut acl = everywhere.map_or_else(|| kind.hard_wired(owner), |of| of.acl.clone());
    for item in here.into_iter().flat_map(|of| &of.acl) {
        super::grant::merge(&mut acl, *item);
    }
    sort(&mut acl);
    // Nothing at all is taken for nothing said, as in PostgreSQL.
    (!acl.is_empty() && !same(&acl, kind.hard_wired(owner))).then_some(acl)
}

/// The order PostgreSQL keeps default lists in.
fn sort(acl: &mut Acl) {
    acl.sort_by_key(|item| (item.grantee, item.grantor));
}

/// Whether two lists say the same, the first one being in order.
fn same(acl: &Acl, mut other: Acl) -> bool {
    sort(&mut other);
    *acl == other
}

/// The kind as messages about privileges have it.
fn word(kind: DefaultKind) -> &'static str {
    match kind {
        DefaultKind::Relation => "relation",
        DefaultKind::Sequence => "sequence",
        DefaultKind::Routine => "function",
        DefaultKind::Type => "type",
        DefaultKind::Schema => "schema",
    }
}
