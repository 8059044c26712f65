//! Owners and access control lists, as facts. What a GRANT comes to is computed in
//! [`crate::privileges`].

use std::sync::Arc;

use super::super::{Acl, AclItem, DefaultAcl, ObjectId, Snapshot};
use super::concurrent_update;
use crate::base::{Error, Oid, Result};

impl Snapshot {
    pub(super) fn set_owner(&mut self, object: ObjectId, owner: Oid) -> Result<()> {
        self.must_role_oid(owner)?;
        let (current, acl) = match object {
            ObjectId::Database => {
                let database = Arc::make_mut(&mut self.database);
                (&mut database.owner, &mut database.acl)
            }
            ObjectId::Schema(oid) => {
                let schema = self.schema_mut(oid)?;
                (&mut schema.owner, &mut schema.acl)
            }
            ObjectId::Relation(oid) => {
                let relation = self.relation_mut(oid)?;
                for acl in relation.column_acls.values_mut() {
                    *acl = hand_over(acl, relation.owner, owner);
                }
                (&mut relation.owner, &mut relation.acl)
            }
            ObjectId::Routine(oid) => {
                let routine = self.routine_mut(oid)?;
                (&mut routine.owner, &mut routine.acl)
            }
            ObjectId::Type(oid) => {
                let ty = self.type_mut(oid)?;
                (&mut ty.owner, &mut ty.acl)
            }
            ObjectId::LargeObject(oid) => {
                let object = self.large_object_mut(oid)?;
                (&mut object.owner, &mut object.acl)
            }
            ObjectId::Definition(oid) => {
                self.definition_mut(oid)?.owner = owner;
                return Ok(());
            }
            ObjectId::Role(_) => {
                return Err(Error::internal("changing an owner", "roles have no owner"));
            }
        };
        let old = std::mem::replace(current, owner);
        if let Some(acl) = acl {
            *acl = hand_over(acl, old, owner);
        }
        Ok(())
    }

    pub(super) fn set_acl(
        &mut self,
        object: ObjectId,
        was: Option<&Acl>,
        acl: Option<&Acl>,
    ) -> Result<()> {
        self.check_acl(acl)?;
        let current = match object {
            ObjectId::Database => &mut Arc::make_mut(&mut self.database).acl,
            ObjectId::Schema(oid) => &mut self.schema_mut(oid)?.acl,
            ObjectId::Relation(oid) => &mut self.relation_mut(oid)?.acl,
            ObjectId::Routine(oid) => &mut self.routine_mut(oid)?.acl,
            ObjectId::Type(oid) => &mut self.type_mut(oid)?.acl,
            ObjectId::LargeObject(oid) => &mut self.large_object_mut(oid)?.acl,
            ObjectId::Role(_) | ObjectId::Definition(_) => {
                return Err(Error::internal("changing grants", "there are none"));
            }
        };
        if current.as_ref() != was {
            return Err(concurrent_update());
        }
        *current = acl.cloned();
        Ok(())
    }

    pub(super) fn set_column_acl(
        &mut self,
        oid: Oid,
        attnum: i16,
        was: Option<&Acl>,
        acl: Option<&Acl>,
    ) -> Result<()> {
        self.check_acl(acl)?;
        let relation = self.relation_mut(oid)?;
        super::relation::column_mut(relation, attnum)?;
        if relation.column_acls.get(&attnum) != was {
            return Err(concurrent_update());
        }
        match acl {
            Some(acl) => relation.column_acls.insert(attnum, acl.clone()),
            None => relation.column_acls.remove(&attnum),
        };
        Ok(())
    }

    pub(super) fn set_default_acl(
        &mut self,
        was: Option<&DefaultAcl>,
        now: Option<&DefaultAcl>,
    ) -> Result<()> {
        let Some(of) = now.or(was) else { return Ok(()) };
        self.must_role_oid(of.role)?;
        if let Some(schema) = of.schema {
            self.must_exist(ObjectId::Schema(schema))?;
        }
        self.check_acl(now.map(|now| &now.acl))?;
        let current = self.default_acl_of(of.role, of.schema, of.kind);
        if current.map(AsRef::as_ref) != was {
            return Err(concurrent_update());
        }
        let acls = Arc::make_mut(&mut self.default_acls);
        if let Some(was) = was {
            acls.remove(&was.oid);
        }
        if let Some(now) = now {
            acls.insert(now.oid, Arc::new(now.clone()));
        }
        Ok(())
    }

    /// Every role a list names is there.
    pub(super) fn check_acl(&self, acl: Option<&Acl>) -> Result<()> {
        for item in acl.into_iter().flatten() {
            if item.grantee != Oid::INVALID {
                self.must_role_oid(item.grantee)?;
            }
            self.must_role_oid(item.grantor)?;
        }
        Ok(())
    }
}

/// The list with the new owner in the old one's place, as grantee and as grantor (PostgreSQL's
/// `aclnewowner`). Items that come to be between the same two roles are put together.
fn hand_over(acl: &Acl, old: Oid, new: Oid) -> Acl {
    let renamed = |oid| if oid == old { new } else { oid };
    let mut result: Vec<AclItem> = Vec::with_capacity(acl.len());
    for item in acl {
        let (grantee, grantor) = (renamed(item.grantee), renamed(item.grantor));
        match result
            .iter_mut()
            .find(|other| other.grantee == grantee && other.grantor == grantor)
        {
            Some(other) => {
                other.privileges = other.privileges.union(item.privileges);
                other.grantable = other.grantable.union(item.grantable);
            }
            None => result.push(AclItem {
                grantee,
                grantor,
                ..*item
            }),
        }
    }
    result
}
