//! REASSIGN OWNED and DROP OWNED: what becomes of all that a role has before it is dropped.

use super::drop::only;
use super::policy::without_role;
use super::tag;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Acl, Change, DefaultAcl, ObjectId, Snapshot};
use crate::database::LockMode;
use crate::engine::command::RoleSpec;
use crate::privileges::{self, DefaultGrant, On};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;

impl Session {
    /// REASSIGN OWNED
    pub(in crate::session) async fn reassign_owned(
        &mut self,
        roles: &[RoleSpec],
        to: &RoleSpec,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let roles = self.roles_had(&context, roles, "reassign objects")?;
        let to = self.role_of(&context, to)?;
        check_had(&context, to, "reassign objects")?;
        for role in roles {
            refuse_pinned(&context, role, "reassign ownership of objects owned by")?;
            for object in owned_by(&context.snapshot, role) {
                self.lock_object(object, &run).await?;
                let change = Change::SetOwner { object, owner: to };
                match object {
                    // Whoever may do this may do it to all tables and types, wherever they are.
                    ObjectId::Relation(_)
                    | ObjectId::Type(_)
                    | ObjectId::LargeObject(_)
                    | ObjectId::Definition(_) => {
                        self.push_needing(vec![change], &[])?;
                    }
                    ObjectId::Database
                    | ObjectId::Schema(_)
                    | ObjectId::Role(_)
                    | ObjectId::Routine(_) => self.push(vec![change], Vec::new())?,
                }
            }
        }
        Ok(tag("REASSIGN OWNED"))
    }

    /// ALTER LARGE OBJECT … OWNER TO
    pub(in crate::session) fn alter_large_object(
        &mut self,
        oid: Oid,
        owner: &RoleSpec,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let owner = self.role_of(&context, owner)?;
        context.snapshot.must_large_object(oid)?;
        let object = ObjectId::LargeObject(oid);
        if context.snapshot.owner(object) != Some(owner) {
            self.push(vec![Change::SetOwner { object, owner }], Vec::new())?;
        }
        Ok(tag("ALTER LARGE OBJECT"))
    }

    /// DROP OWNED: what the roles own in the database goes, and what was granted to them.
    pub(in crate::session) async fn drop_owned(
        &mut self,
        roles: &[RoleSpec],
        cascade: bool,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let roles = self.roles_had(&context, roles, "drop objects")?;
        let mut roots = Vec::new();
        for role in roles {
            // Read anew each time: what one role loses may have been granted to the next one too.
            let context = self.context()?;
            refuse_pinned(&context, role, "drop objects owned by")?;
            self.revoke_all(&context, role)?;
            let owned = owned_by(&context.snapshot, role);
            roots.extend(owned.into_iter().filter(|of| *of != ObjectId::Database));
        }
        // The newest first, as PostgreSQL names them.
        roots.sort_by_key(|object| std::cmp::Reverse(oid_of(*object)));
        if !roots.is_empty() {
            let what = only(&context, &roots);
            let closure = self
                .cascade(what.as_deref(), cascade, run.interrupt, |snapshot| {
                    snapshot.dependants_closure(&roots)
                })
                .await?;
            self.push_needing(closure.changes, &[])?;
        }
        Ok(tag("DROP OWNED"))
    }

    /// Takes from a role what was granted to it on others' objects, with what it granted on, and
    /// what it would be granted on new ones.
    fn revoke_all(&mut self, context: &StatementContext, role: Oid) -> Result<()> {
        let snapshot = &context.snapshot;
        let mut changes = Vec::new();
        for on in granted_to(snapshot, role) {
            let (acl, reports) =
                privileges::revoke(snapshot, context.role, on, None, &[role], false, true)?;
            for report in reports {
                self.report(report);
            }
            changes.push(on.change(snapshot, acl));
        }
        let all = DefaultGrant {
            revoke: true,
            privileges: None,
            grantees: &[role],
            grant_option: false,
            cascade: true,
        };
        for of in snapshot.default_acls() {
            if of.role == role {
                changes.push(Change::SetDefaultAcl {
                    was: Some(Box::new(DefaultAcl::clone(of))),
                    now: None,
                });
            } else if names(&of.acl, role) {
                let key = (of.role, of.schema, of.kind);
                let change = privileges::change_default(snapshot, key, &all, of.oid)?;
                changes.push(change);
            }
        }
        changes.extend(without_role(context, role));
        self.push_needing(changes, &[])
    }

    /// The roles, of each of which the current one has the privileges.
    fn roles_had(
        &self,
        context: &StatementContext,
        specs: &[RoleSpec],
        to: &str,
    ) -> Result<Vec<Oid>> {
        let roles = specs.iter().map(|spec| self.role_of(context, spec));
        let roles = roles.collect::<Result<Vec<_>>>()?;
        roles
            .iter()
            .try_for_each(|role| check_had(context, *role, to))?;
        Ok(roles)
    }

    async fn lock_object(&mut self, object: ObjectId, run: &Run<'_>) -> Result<()> {
        if let ObjectId::Relation(oid) = object {
            self.lock(oid, LockMode::Exclusive, run.interrupt).await?;
        }
        Ok(())
    }
}

/// `42501` unless the current role has the privileges of `role`.
fn check_had(context: &StatementContext, role: Oid, to: &str) -> Result<()> {
    if privileges::has_privileges_of(&context.snapshot, context.role, role) {
        return Ok(());
    }
    Err(Error::new(
        SqlState::INSUFFICIENT_PRIVILEGE,
        format!("permission denied to {to}"),
    ))
}

/// `2BP01` for the bootstrap superuser and the predefined roles.
fn refuse_pinned(context: &StatementContext, role: Oid, doing: &str) -> Result<()> {
    if !role.is_system() {
        return Ok(());
    }
    let described = context.snapshot.describe(ObjectId::Role(role));
    Err(Error::new(
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        format!("cannot {doing} {described} because they are required by the database system"),
    ))
}

/// Everything that has an owner.
fn objects(snapshot: &Snapshot) -> Vec<ObjectId> {
    let schemas = snapshot
        .schemas()
        .map(|schema| ObjectId::Schema(schema.oid));
    let relations = snapshot.relations().map(|of| ObjectId::Relation(of.oid));
    let routines = snapshot.routines().map(|of| ObjectId::Routine(of.oid));
    let types = snapshot.types().map(|ty| ObjectId::Type(ty.oid));
    let definitions = snapshot.definitions();
    let definitions = definitions.map(|of| ObjectId::Definition(of.oid));
    let large = snapshot.large_objects();
    let large = large.map(|of| ObjectId::LargeObject(of.oid));
    std::iter::once(ObjectId::Database)
        .chain(schemas)
        .chain(relations)
        .chain(routines)
        .chain(types)
        .chain(large)
        .chain(definitions)
        .collect()
}

fn owned_by(snapshot: &Snapshot, role: Oid) -> Vec<ObjectId> {
    let mut objects = objects(snapshot);
    objects.retain(|object| snapshot.owner(*object) == Some(role));
    objects
}

/// What others own whose list names a role.
fn granted_to(snapshot: &Snapshot, role: Oid) -> Vec<On> {
    let objects = objects(snapshot).into_iter().filter(|object| {
        let named = snapshot.acl(*object).is_some_and(|acl| names(acl, role));
        named && snapshot.owner(*object) != Some(role)
    });
    let relations = snapshot.relations().filter(|of| of.owner != role);
    let columns = relations.flat_map(|of| {
        let lists = of.column_acls.iter().filter(|(_, acl)| names(acl, role));
        lists.map(|(attnum, _)| On::Column(of.oid, *attnum))
    });
    objects.map(On::Object).chain(columns).collect()
}

fn names(acl: &Acl, role: Oid) -> bool {
    acl.iter()
        .any(|item| item.grantee == role || item.grantor == role)
}

fn oid_of(object: ObjectId) -> Oid {
    match object {
        ObjectId::Database => Oid::DATABASE,
        ObjectId::Schema(oid)
        | ObjectId::Relation(oid)
        | ObjectId::Role(oid)
        | ObjectId::Routine(oid)
        | ObjectId::Type(oid)
        | ObjectId::LargeObject(oid)
        | ObjectId::Definition(oid) => oid,
    }
}
