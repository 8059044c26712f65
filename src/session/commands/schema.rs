//! CREATE SCHEMA, and the session's temporary schema.

use std::sync::Arc;

use super::{skipping, tag};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{AclItem, Change, ObjectId, Privilege, Privileges, Schema};
use crate::engine::Command;
use crate::engine::command::CreateSchema;
use crate::observe::Interrupt;
use crate::privileges::Need;
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;

impl Session {
    /// CREATE SCHEMA
    pub(in crate::session) fn create_schema(
        &mut self,
        create: &CreateSchema,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let (owner, name) = self.schema_meant(&context, create)?;
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

    /// CREATE SCHEMA, and what it makes in the schema: as the schema's owner, who finds it first.
    ///
    /// # Errors
    /// `42P15` for what is to be in another schema.
    pub(in crate::session) async fn create_schema_with(
        &mut self,
        create: &CreateSchema,
        interrupt: &Interrupt,
    ) -> Result<CommandTag> {
        let done = self.create_schema(create)?;
        if create.elements.is_empty() {
            return Ok(done);
        }
        let context = self.context()?;
        let (owner, name) = self.schema_meant(&context, create)?;
        for element in &create.elements {
            let schema = match &element.command {
                Command::CreateSequence(sequence) => &sequence.name.schema,
                Command::CreateTable(table) => &table.name.schema,
                Command::CreateView(view) => &view.name.schema,
                Command::CreateIndex(index) => &index.table.schema,
                _ => &None,
            };
            if let Some(other) = schema.as_ref().filter(|other| **other != name) {
                return Err(Error::new(
                    SqlState::INVALID_SCHEMA_DEFINITION,
                    format!(
                        "CREATE specifies a schema ({other}) different from the one being \
                         created ({name})"
                    ),
                ));
            }
        }
        let path = std::iter::once(name).chain(context.settings.search_path());
        let path: Vec<_> = path.map(|schema| quote(&schema).into_owned()).collect();
        let (settings, role) = (self.values.settings.clone(), self.values.role);
        Arc::make_mut(&mut self.values.settings).set("search_path", &path.join(", "), false)?;
        self.values.role = Some(owner);
        let mut made = Ok(());
        for element in &create.elements {
            made = Box::pin(self.dispatch(element, None, &[], interrupt))
                .await
                .map(drop);
            if made.is_err() {
                break;
            }
        }
        (self.values.settings, self.values.role) = (settings, role);
        made.map(|()| done)
    }

    /// Who owns the schema that is made, and its name, which is the owner's if none is given.
    fn schema_meant(
        &self,
        context: &StatementContext,
        create: &CreateSchema,
    ) -> Result<(Oid, String)> {
        let owner = match &create.owner {
            Some(spec) => self.role_of(context, spec)?,
            None => context.role,
        };
        let name = match &create.name {
            Some(name) => name.clone(),
            None => context.snapshot.role_name(owner),
        };
        Ok((owner, name))
    }

    /// The session's temporary schema, made at first use by whoever may make temporary tables. Only
    /// this session sees it, so whatever role the session takes may use it.
    pub(super) fn temporary_schema(&mut self) -> Result<Oid> {
        let view = self.transaction()?.view().clone();
        let role = self.acting_role();
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
