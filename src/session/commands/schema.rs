//! CREATE SCHEMA, and the session's temporary schema.

use super::{skipping, tag};
use crate::base::{Oid, Result, SqlState};
use crate::catalog::{AclItem, Change, ObjectId, Privilege, Privileges, Schema};
use crate::engine::command::CreateSchema;
use crate::privileges::Need;
use crate::session::{CommandTag, Session};

impl Session {
    /// CREATE SCHEMA
    pub(in crate::session) fn create_schema(
        &mut self,
        create: &CreateSchema,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let owner = match &create.owner {
            Some(spec) => self.role_of(&context, spec)?,
            None => context.role,
        };
        let name = match &create.name {
            Some(name) => name.clone(),
            None => context.snapshot.role_name(owner),
        };
        Schema::check_name(&name)?;
        let done = tag("CREATE SCHEMA");
        if create.if_not_exists && context.snapshot.schema_named(&name).is_some() {
            self.report(skipping(
                SqlState::DUPLICATE_SCHEMA,
                format!("schema \"{name}\" already exists, skipping"),
            ));
            return Ok(done);
        }
        let schema = Schema {
            oid: self.shared.database.new_oid(),
            name,
            owner,
            acl: None,
            comment: None,
        };
        self.push(vec![Change::CreateSchema(schema)], Vec::new())?;
        Ok(done)
    }

    /// The session's temporary schema, made at first use by whoever may make temporary tables. Only
    /// this session sees it, so whatever role the session takes may use it.
    pub(super) fn temporary_schema(&mut self) -> Result<Oid> {
        let view = self.transaction()?.view().clone();
        let role = self.values.current_role();
        let need = Need::Privilege {
            role,
            object: ObjectId::Database,
            any_of: Privileges::from(Privilege::Temporary),
        };
        if let Some(schema) = self.temporary_schema
            && view.schema(schema).is_some()
        {
            crate::privileges::authorize(&view, &[need], ())?;
            return Ok(schema);
        }
        let oid = self
            .temporary_schema
            .unwrap_or_else(|| self.shared.database.new_oid());
        let schema = Schema {
            oid,
            name: Schema::temporary_name(self.activity.id),
            owner: Oid::SUPERUSER,
            acl: Some(vec![AclItem {
                grantee: Oid::INVALID,
                privileges: Privileges::SCHEMA,
                grantable: Privileges::NONE,
                grantor: Oid::SUPERUSER,
            }]),
            comment: None,
        };
        self.push_needing(vec![Change::CreateSchema(schema)], &[need])?;
        self.temporary_schema = Some(oid);
        Ok(oid)
    }
}
