//! Roles and memberships.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::reserved::check_role_name;
use super::super::{Acl, AclItem, Dependent, Membership, ObjectId, Role, SettingsOf, Snapshot};
use super::{concurrent_update, required};
use crate::base::{Error, Oid, Result, SqlState};

impl Snapshot {
    pub(super) fn create_role(&mut self, role: &Role) -> Result<()> {
        self.check_new_role_name(&role.name)?;
        if self.role(role.oid).is_some() {
            return Err(Error::internal("creating a role", "its OID is taken"));
        }
        Arc::make_mut(&mut self.role_names).insert(role.name.clone(), role.oid);
        Arc::make_mut(&mut self.roles).insert(role.oid, Arc::new(role.clone()));
        Ok(())
    }

    /// Attributes only: the name and what has changes of its own (settings, comment) stay as they
    /// are, so that two administrators do not undo one another.
    pub(super) fn alter_role(&mut self, was: &Role, role: &Role) -> Result<()> {
        let old = self.must_role_oid(role.oid)?.clone();
        check_role_name(&old.name)?;
        let with_attributes = |of: &Role| Role {
            name: old.name.clone(),
            settings: old.settings.clone(),
            comment: old.comment.clone(),
            ..of.clone()
        };
        if with_attributes(was) != *old {
            return Err(concurrent_update());
        }
        if role.oid == Oid::SUPERUSER && !role.superuser {
            return Err(Error::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                "permission denied to alter role",
            )
            .detail("The bootstrap user must have the SUPERUSER attribute."));
        }
        *self.role_mut(role.oid)? = with_attributes(role);
        Ok(())
    }

    pub(super) fn set_settings(
        &mut self,
        of: SettingsOf,
        was: &BTreeMap<String, String>,
        settings: &BTreeMap<String, String>,
    ) -> Result<()> {
        if let SettingsOf::RoleHere(role) = of {
            self.must_role_oid(role)?;
        }
        if self.settings_of(of) != was {
            return Err(concurrent_update());
        }
        let settings = settings.clone();
        match of {
            SettingsOf::Role(role) => self.role_mut(role)?.settings = settings,
            SettingsOf::Everybody => Arc::make_mut(&mut self.database).everywhere = settings,
            SettingsOf::RoleHere(_) | SettingsOf::Database => {
                let key = match of {
                    SettingsOf::RoleHere(role) => role,
                    _ => Oid::INVALID,
                };
                let all = &mut Arc::make_mut(&mut self.database).settings;
                match settings.is_empty() {
                    true => drop(all.remove(&key)),
                    false => drop(all.insert(key, settings)),
                }
            }
        }
        Ok(())
    }

    pub(super) fn rename_role(&mut self, oid: Oid, name: &str) -> Result<()> {
        let old = self.must_role_oid(oid)?.clone();
        check_role_name(&old.name)?;
        self.check_new_role_name(name)?;
        let names = Arc::make_mut(&mut self.role_names);
        names.remove(&old.name);
        names.insert(name.to_owned(), oid);
        self.role_mut(oid)?.name = name.to_owned();
        Ok(())
    }

    pub(super) fn drop_role(&mut self, oid: Oid) -> Result<()> {
        let role = self.must_role_oid(oid)?.clone();
        if oid.is_system() {
            return Err(required(&self.describe(ObjectId::Role(oid))));
        }
        let uses = self.uses_of_role(oid);
        if !uses.is_empty() {
            return Err(Error::new(
                SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                format!(
                    "role \"{}\" cannot be dropped because some objects depend on it",
                    role.name
                ),
            )
            .detail(uses.join("\n")));
        }
        Arc::make_mut(&mut self.memberships)
            .retain(|(group, member), _| *group != oid && *member != oid);
        if self.database.settings.contains_key(&oid) {
            Arc::make_mut(&mut self.database).settings.remove(&oid);
        }
        Arc::make_mut(&mut self.role_names).remove(&role.name);
        Arc::make_mut(&mut self.roles).remove(&oid);
        Ok(())
    }

    /// What a role owns and was granted, as PostgreSQL lists it. Temporary objects count: they are
    /// of this transaction's session only, the others' are not in sight.
    fn uses_of_role(&self, role: Oid) -> Vec<String> {
        let mut uses = Vec::new();
        let mut note = |object: ObjectId, owner: Oid, acl: Option<&Acl>| {
            if owner == role {
                uses.push(format!("owner of {}", self.describe(object)));
            } else if acl
                .is_some_and(|acl| acl.iter().any(|i| i.grantee == role || i.grantor == role))
            {
                uses.push(format!("privileges for {}", self.describe(object)));
            }
        };
        note(
            ObjectId::Database,
            self.database.owner,
            self.database.acl.as_ref(),
        );
        for schema in self.schemas() {
            note(
                ObjectId::Schema(schema.oid),
                schema.owner,
                schema.acl.as_ref(),
            );
        }
        for relation in self.relations() {
            note(
                ObjectId::Relation(relation.oid),
                relation.owner,
                relation.acl.as_ref(),
            );
        }
        for routine in self.routines() {
            note(
                ObjectId::Routine(routine.oid),
                routine.owner,
                routine.acl.as_ref(),
            );
        }
        for ty in self.types() {
            note(ObjectId::Type(ty.oid), ty.owner, ty.acl.as_ref());
        }
        for of in self.definitions() {
            note(ObjectId::Definition(of.oid), of.owner, None);
        }
        for object in self.large_objects() {
            let id = ObjectId::LargeObject(object.oid);
            note(id, object.owner, object.acl.as_ref());
        }
        let names = |item: &AclItem| item.grantee == role || item.grantor == role;
        for relation in self.relations().filter(|relation| relation.owner != role) {
            for (attnum, acl) in &relation.column_acls {
                if acl.iter().any(names) {
                    let column = Dependent::Column(relation.oid, *attnum);
                    let column = self.describe_dependent(column, &|object| self.describe(object));
                    uses.push(format!("privileges for {column}"));
                }
            }
        }
        for (table, policy) in self.policies_that(|policy| policy.roles.contains(&role)) {
            let policy = Dependent::Policy(table.oid, policy.oid);
            let policy = self.describe_dependent(policy, &|object| self.describe(object));
            uses.push(format!("target of {policy}"));
        }
        for of in self.default_acls() {
            if of.role == role {
                uses.push(format!("owner of {}", self.describe_default_acl(of)));
            } else if of.acl.iter().any(names) {
                uses.push(format!("privileges for {}", self.describe_default_acl(of)));
            }
        }
        uses
    }

    pub(super) fn add_member(&mut self, membership: Membership) -> Result<()> {
        let group = self.must_role_oid(membership.role)?.clone();
        let member = self.must_role_oid(membership.member)?.clone();
        // Its only member is the database's owner, implicitly.
        if group.oid == Role::PG_DATABASE_OWNER {
            return Err(invalid_grant(format!(
                "role \"{}\" cannot have explicit members",
                group.name
            )));
        }
        if member.oid == Role::PG_DATABASE_OWNER {
            return Err(invalid_grant(format!(
                "role \"{}\" cannot be a member of any role",
                member.name
            )));
        }
        if self.is_member_of(group.oid, member.oid) {
            return Err(invalid_grant(format!(
                "role \"{}\" is a member of role \"{}\"",
                group.name, member.name
            )));
        }
        Arc::make_mut(&mut self.memberships).insert((group.oid, member.oid), membership);
        Ok(())
    }

    /// Whether `role` is `of` or a member of it over any number of steps, superusers not excepted.
    fn is_member_of(&self, role: Oid, of: Oid) -> bool {
        let mut seen = std::collections::BTreeSet::new();
        let mut open = vec![role];
        while let Some(role) = open.pop() {
            if role == of {
                return true;
            }
            if seen.insert(role) {
                open.extend(
                    self.memberships()
                        .filter(|m| m.member == role)
                        .map(|m| m.role),
                );
            }
        }
        false
    }

    /// `42939` and `42710`.
    fn check_new_role_name(&self, name: &str) -> Result<()> {
        check_role_name(name)?;
        if self.role_named(name).is_some() {
            return Err(Error::new(
                SqlState::DUPLICATE_OBJECT,
                format!("role \"{name}\" already exists"),
            ));
        }
        Ok(())
    }
}

fn invalid_grant(message: String) -> Error {
    Error::new(SqlState::INVALID_GRANT_OPERATION, message)
}
