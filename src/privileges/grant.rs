//! GRANT and REVOKE as functions over access control lists.
//!
//! A grant is remembered with its grantor, and whoever loses a grant option takes with it what they
//! granted on: the lists are chains that all end at the owner. The rules are PostgreSQL's
//! (`aclupdate`, `recursive_revoke`, `check_circularity`).

use std::collections::BTreeSet;

use super::authorize::{ensure_exists, no_grant_option};
use super::mask::{acl_of, all_of, held, held_on_column, mask_in};
use super::roles::{has_privileges_of, privileges_roles};
use crate::base::error::Report;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Acl, AclItem, Change, DefaultKind, ObjectId, Privilege, Privileges, Snapshot,
};

/// What has a list that GRANT and REVOKE change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// An object.
    Object(ObjectId),
    /// A column of a relation.
    Column(Oid, i16),
}

impl From<ObjectId> for On {
    fn from(object: ObjectId) -> Self {
        Self::Object(object)
    }
}

impl On {
    /// The object, or the relation that has the column.
    fn object(self) -> ObjectId {
        match self {
            Self::Object(object) => object,
            Self::Column(relation, _) => ObjectId::Relation(relation),
        }
    }

    /// The change that gives it another list.
    pub fn change(self, snapshot: &Snapshot, acl: Acl) -> Change {
        match self {
            Self::Object(object) => Change::SetAcl {
                object,
                was: snapshot.acl(object).cloned(),
                acl: Some(acl),
            },
            Self::Column(relation, attnum) => Change::SetColumnAcl {
                relation,
                attnum,
                was: snapshot
                    .relation(relation)
                    .and_then(|of| of.column_acls.get(&attnum))
                    .cloned(),
                acl: Some(acl).filter(|acl| !acl.is_empty()),
            },
        }
    }

    /// Everything that can be granted on it.
    fn all(self, snapshot: &Snapshot) -> Privileges {
        match self {
            Self::Object(object) => all_of(snapshot, object),
            Self::Column(..) => Privileges::COLUMN,
        }
    }

    /// Its list.
    fn acl(self, snapshot: &Snapshot) -> Acl {
        match self {
            Self::Object(object) => acl_of(snapshot, object).into_owned(),
            Self::Column(relation, attnum) => {
                let relation = snapshot.relation(relation);
                let acl = relation.and_then(|relation| relation.column_acls.get(&attnum));
                acl.cloned().unwrap_or_default()
            }
        }
    }

    /// The list that says who may grant: a column's is its relation's and its own.
    fn grantors(self, snapshot: &Snapshot) -> Acl {
        let mut acl = acl_of(snapshot, self.object()).into_owned();
        if let Self::Column(..) = self {
            acl.extend(self.acl(snapshot));
        }
        acl
    }
}

/// The list an object of this kind has before anybody granted anything (PostgreSQL's `acldefault`).
pub fn default_acl(snapshot: &Snapshot, object: ObjectId) -> Acl {
    let Some(owner) = snapshot.owner(object) else {
        return Vec::new();
    };
    let item = |grantee, privileges| AclItem {
        grantee,
        privileges,
        grantable: Privileges::NONE,
        grantor: owner,
    };
    match object {
        ObjectId::Database => {
            let publics = [Privilege::Connect, Privilege::Temporary].into_iter();
            vec![
                item(Oid::INVALID, publics.collect()),
                item(owner, Privileges::DATABASE),
            ]
        }
        ObjectId::Routine(_) => DefaultKind::Routine.hard_wired(owner),
        ObjectId::Type(_) => DefaultKind::Type.hard_wired(owner),
        ObjectId::Schema(_)
        | ObjectId::Relation(_)
        | ObjectId::Role(_)
        | ObjectId::LargeObject(_)
        | ObjectId::Definition(_) => {
            vec![item(owner, all_of(snapshot, object))]
        }
    }
}

/// The list after `role` granted `privileges` (`None`: ALL) on an object or column to each grantee
/// (`Oid::INVALID`: PUBLIC). The grantor is the owner if `role` has the owner's rights, else `role`
/// itself, or a role it inherits from, by its grant options.
///
/// # Errors
/// `42501` if `role` holds nothing on the object; a warning report for what it may not grant on, as
/// in PostgreSQL. `0LP01` for a privilege the kind does not have, and for grant options to PUBLIC
/// or back to their grantor.
pub fn grant(
    snapshot: &Snapshot,
    role: Oid,
    on: impl Into<On>,
    privileges: Option<Privileges>,
    grantees: &[Oid],
    grant_option: bool,
) -> Result<(Acl, Vec<Report>)> {
    let on = on.into();
    let asked = check_asked(snapshot, on, privileges, grantees)?;
    if grant_option && grantees.contains(&Oid::INVALID) {
        return Err(invalid("grant options can only be granted to roles"));
    }
    let mut acl = on.acl(snapshot);
    let grantor = select_grantor(snapshot, role, on, asked);
    let given = asked.intersection(grantor.options);
    let reports = check_options(snapshot, role, on, privileges, &grantor, Doing::Grant)?;
    if given.is_empty() {
        return Ok((acl, reports));
    }
    let list = List {
        snapshot,
        owner: snapshot.owner(on.object()),
    };
    for grantee in grantees {
        let item = AclItem {
            grantee: *grantee,
            privileges: given,
            grantable: if grant_option {
                given
            } else {
                Privileges::NONE
            },
            grantor: grantor.role,
        };
        acl = list.add(acl, item)?;
    }
    Ok((acl, reports))
}

/// The list after `REVOKE [GRANT OPTION FOR] … [CASCADE]`. Only what `role` (or the owner, if
/// `role` has the owner's rights) granted goes; what others granted stays.
///
/// # Errors
/// `2BP01` if grants depend on it and not `cascade`; else as [`grant`].
pub fn revoke(
    snapshot: &Snapshot,
    role: Oid,
    on: impl Into<On>,
    privileges: Option<Privileges>,
    grantees: &[Oid],
    grant_option_only: bool,
    cascade: bool,
) -> Result<(Acl, Vec<Report>)> {
    let on = on.into();
    let asked = check_asked(snapshot, on, privileges, grantees)?;
    let mut acl = on.acl(snapshot);
    let grantor = select_grantor(snapshot, role, on, asked);
    let taken = asked.intersection(grantor.options);
    let reports = check_options(snapshot, role, on, privileges, &grantor, Doing::Revoke)?;
    let list = List {
        snapshot,
        owner: snapshot.owner(on.object()),
    };
    for grantee in grantees {
        let item = AclItem {
            grantee: *grantee,
            privileges: if grant_option_only {
                Privileges::NONE
            } else {
                taken
            },
            grantable: taken,
            grantor: grantor.role,
        };
        acl = list.remove(acl, item, cascade)?;
    }
    Ok((acl, reports))
}

/// Whether `role` may pass on anything of `object`: it has the owner's rights, or some grant
/// option.
pub fn may_grant_any(snapshot: &Snapshot, role: Oid, object: ObjectId) -> bool {
    let all = all_of(snapshot, object);
    let may = |on| !select_grantor(snapshot, role, on, all).options.is_empty();
    let relation = match object {
        ObjectId::Relation(oid) => snapshot.relation(oid),
        _ => None,
    };
    let mut columns = relation.into_iter().flat_map(|relation| {
        let attnums = relation.column_acls.keys();
        attnums.map(|attnum| On::Column(relation.oid, *attnum))
    });
    may(object.into()) || columns.any(may)
}

/// The privileges asked for, every one of which the object's kind has; grantees are there.
fn check_asked(
    snapshot: &Snapshot,
    on: On,
    privileges: Option<Privileges>,
    grantees: &[Oid],
) -> Result<Privileges> {
    ensure_exists(snapshot, on.object())?;
    for grantee in grantees.iter().filter(|oid| **oid != Oid::INVALID) {
        ensure_exists(snapshot, ObjectId::Role(*grantee))?;
    }
    let all = on.all(snapshot);
    let asked = privileges.unwrap_or(all);
    if let Some(foreign) = asked.difference(all).iter().next() {
        let kind = match on {
            On::Column(..) => "column",
            On::Object(ObjectId::Database) => "database",
            On::Object(ObjectId::Schema(_)) => "schema",
            // PostgreSQL tells a table from a relation by whether a sequence would have the
            // privilege.
            On::Object(ObjectId::Relation(_)) if foreign == Privilege::Usage => "table",
            On::Object(ObjectId::Relation(_)) => "relation",
            On::Object(ObjectId::Role(_)) => "role",
            On::Object(ObjectId::Routine(_)) => "function",
            On::Object(ObjectId::Type(_)) => "type",
            On::Object(ObjectId::LargeObject(_)) => "large object",
            On::Object(ObjectId::Definition(_)) => "object",
        };
        return Err(invalid(&format!(
            "invalid privilege type {} for {kind}",
            foreign.word()
        )));
    }
    Ok(asked)
}

/// In whose name a GRANT or REVOKE is made, and with which grant options.
struct Grantor {
    role: Oid,
    options: Privileges,
}

/// PostgreSQL's `select_best_grantor`: the owner if `role` has its rights, else the role among
/// those it inherits from that has most of the grant options asked for, itself first.
fn select_grantor(snapshot: &Snapshot, role: Oid, on: On, asked: Privileges) -> Grantor {
    if let Some(owner) = snapshot.owner(on.object())
        && has_privileges_of(snapshot, role, owner)
    {
        return Grantor {
            role: owner,
            options: on.all(snapshot),
        };
    }
    let acl = on.grantors(snapshot);
    let inherited = privileges_roles(snapshot, role);
    let others = inherited.iter().copied().filter(|other| *other != role);
    let mut best = Grantor {
        role,
        options: Privileges::NONE,
    };
    for candidate in std::iter::once(role).chain(others) {
        let options = acl
            .iter()
            .filter(|item| item.grantee == candidate)
            .fold(Privileges::NONE, |set, item| set.union(item.grantable))
            .intersection(asked);
        if options.iter().count() > best.options.iter().count() {
            best = Grantor {
                role: candidate,
                options,
            };
        }
    }
    best
}

#[derive(Clone, Copy)]
enum Doing {
    Grant,
    Revoke,
}

/// `42501` for somebody with no business on the object; warnings for what they may not pass on.
fn check_options(
    snapshot: &Snapshot,
    role: Oid,
    on: On,
    privileges: Option<Privileges>,
    grantor: &Grantor,
    doing: Doing,
) -> Result<Vec<Report>> {
    let object = on.object();
    let mut has = held(snapshot, role, object);
    if let On::Column(relation, attnum) = on {
        has = has
            .intersection(Privileges::COLUMN)
            .union(held_on_column(snapshot, role, relation, attnum));
    }
    if grantor.options.is_empty() && has.is_empty() {
        let error = no_grant_option(snapshot, object);
        return Err(match on {
            On::Object(_) => error,
            On::Column(..) => Error::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("permission denied for {}", name_of(snapshot, on)),
            ),
        });
    }
    let asked = privileges.unwrap_or_else(|| on.all(snapshot));
    let done = asked.intersection(grantor.options);
    let (state, verb) = match doing {
        Doing::Grant => (SqlState::WARNING_PRIVILEGE_NOT_GRANTED, "were granted for"),
        Doing::Revoke => (
            SqlState::WARNING_PRIVILEGE_NOT_REVOKED,
            "could be revoked for",
        ),
    };
    let name = name_of(snapshot, on);
    Ok(if done.is_empty() {
        vec![Report::warning(
            state,
            format!("no privileges {verb} {name}"),
        )]
    } else if privileges.is_some() && done != asked {
        vec![Report::warning(
            state,
            format!("not all privileges {verb} {name}"),
        )]
    } else {
        Vec::new()
    })
}

/// What is granted on, as warnings name it.
fn name_of(snapshot: &Snapshot, on: On) -> String {
    let name = bare_name(snapshot, on.object());
    let On::Column(relation, attnum) = on else {
        return format!("\"{name}\"");
    };
    let columns = snapshot.relation(relation).map(|of| of.columns.iter());
    let column = columns.and_then(|mut columns| columns.find(|of| of.attnum == attnum));
    let column = column.map_or("?", |column| column.name.as_str());
    format!("column \"{column}\" of relation \"{name}\"")
}

/// The object's name without schema and quotes.
pub(super) fn bare_name(snapshot: &Snapshot, object: ObjectId) -> String {
    match object {
        ObjectId::Database => snapshot.database().name.clone(),
        ObjectId::Schema(oid) => snapshot
            .schema(oid)
            .map_or_else(|| oid.to_string(), |s| s.name.clone()),
        ObjectId::Relation(oid) => snapshot
            .relation(oid)
            .map_or_else(|| oid.to_string(), |r| r.name.clone()),
        ObjectId::Role(oid) => snapshot.role_name(oid),
        ObjectId::Routine(oid) => snapshot
            .routine(oid)
            .map_or_else(|| oid.to_string(), |r| r.name.clone()),
        ObjectId::Type(oid) => snapshot
            .user_type(oid)
            .map_or_else(|| oid.to_string(), |ty| ty.name.clone()),
        ObjectId::LargeObject(oid) => oid.to_string(),
        ObjectId::Definition(oid) => snapshot
            .definition(oid)
            .map_or_else(|| oid.to_string(), |of| of.name.clone()),
    }
}

/// Changes to lists of one object.
pub(super) struct List<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) owner: Option<Oid>,
}

impl List<'_> {
    /// The list with `item` merged in.
    pub(super) fn add(&self, mut acl: Acl, item: AclItem) -> Result<Acl> {
        if !item.grantable.is_empty() {
            self.refuse_circle(&acl, item)?;
        }
        merge(&mut acl, item);
        Ok(acl)
    }

    /// The list without what `item` names, and without what was granted by virtue of it.
    pub(super) fn remove(&self, mut acl: Acl, item: AclItem, cascade: bool) -> Result<Acl> {
        let Some(index) = acl
            .iter()
            .position(|other| other.grantee == item.grantee && other.grantor == item.grantor)
        else {
            return Ok(acl);
        };
        let other = &mut acl[index];
        let lost = other.grantable.intersection(item.grantable);
        other.privileges = other.privileges.difference(item.privileges);
        other.grantable = other.grantable.difference(item.grantable);
        if other.privileges.is_empty() && other.grantable.is_empty() {
            acl.remove(index);
        }
        if lost.is_empty() {
            return Ok(acl);
        }
        self.remove_dependent(acl, item.grantee, lost, cascade)
    }

    /// `grantee` lost grant options `lost`: what it granted with them goes too, unless it still has
    /// them from elsewhere.
    fn remove_dependent(
        &self,
        mut acl: Acl,
        grantee: Oid,
        lost: Privileges,
        cascade: bool,
    ) -> Result<Acl> {
        // An owner never truly loses grant options.
        if Some(grantee) == self.owner {
            return Ok(acl);
        }
        let lost = lost.difference(self.options_of(&acl, grantee));
        while let Some(dependent) = acl
            .iter()
            .copied()
            .find(|item| item.grantor == grantee && !item.privileges.intersection(lost).is_empty())
        {
            if !cascade {
                return Err(Error::new(
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                    "dependent privileges exist",
                )
                .hint("Use CASCADE to revoke them too."));
            }
            let item = AclItem {
                privileges: lost,
                grantable: lost,
                ..dependent
            };
            acl = self.remove(acl, item, cascade)?;
        }
        Ok(acl)
    }

    /// `0LP01` if the grantor has the options only by virtue of what it granted to this grantee
    /// before: chains must end at the owner.
    fn refuse_circle(&self, acl: &Acl, item: AclItem) -> Result<()> {
        if Some(item.grantor) == self.owner {
            return Ok(());
        }
        let mut without = acl.clone();
        while let Some(other) = without
            .iter()
            .copied()
            .find(|other| other.grantee == item.grantee && !other.grantable.is_empty())
        {
            let options = AclItem {
                privileges: Privileges::NONE,
                ..other
            };
            without = self.remove(without, options, true)?;
        }
        if self
            .options_of(&without, item.grantor)
            .contains_all(item.grantable)
        {
            return Ok(());
        }
        Err(invalid(
            "grant options cannot be granted back to your own grantor",
        ))
    }

    /// Grant options `role` has in `acl`, inherited ones included.
    fn options_of(&self, acl: &Acl, role: Oid) -> Privileges {
        let roles: BTreeSet<Oid> = privileges_roles(self.snapshot, role);
        mask_in(acl, self.owner, &roles).grantable
    }
}

/// Puts an item into a list, together with what the same grantor gave the same grantee before.
pub(super) fn merge(acl: &mut Acl, item: AclItem) {
    match acl
        .iter_mut()
        .find(|other| other.grantee == item.grantee && other.grantor == item.grantor)
    {
        Some(other) => {
            other.privileges = other.privileges.union(item.privileges);
            other.grantable = other.grantable.union(item.grantable);
        }
        None => acl.push(item),
    }
}

pub(super) fn invalid(message: &str) -> Error {
    Error::new(SqlState::INVALID_GRANT_OPERATION, message)
}
