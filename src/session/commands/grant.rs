//! GRANT and REVOKE, of privileges and of membership.

use super::routine_type::routine_of;
use super::{drop::named, no_column, relation_of, tag};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Membership, ObjectId, Privilege, Privileges};
use crate::engine::command::{Grant, GrantRole, GrantTarget, ObjectKind, ObjectName, RoleSpec};
use crate::engine::routine_definition::RoutineKind;
use crate::privileges::{self, On};
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;

impl Session {
    /// GRANT … ON and REVOKE … ON.
    pub(in crate::session) fn grant(&mut self, grant: &Grant) -> Result<CommandTag> {
        let context = self.context()?;
        self.check_grantor(&context, grant.granted_by.as_ref())?;
        let asked = asked(grant.privileges.as_deref())?;
        let grantees = grant
            .grantees
            .iter()
            .map(|spec| self.grantee_of(&context, spec))
            .collect::<Result<Vec<_>>>()?;
        let of_tables = matches!(
            grant.on,
            GrantTarget::Tables(_) | GrantTarget::AllTablesIn(_)
        );
        if !grant.on_columns.is_empty() && !of_tables {
            return Err(Error::new(
                SqlState::INVALID_GRANT_OPERATION,
                "column privileges are only valid for relations",
            ));
        }
        for object in targets(&context, &grant.on)? {
            let whole = asked.is_none_or(|asked| !asked.is_empty());
            if whole {
                self.grant_on(&context, grant, On::Object(object), asked, &grantees)?;
            }
            let ObjectId::Relation(oid) = object else {
                continue;
            };
            let view = self.transaction()?.view().clone();
            let relation = view.must_exist(object).map(|()| view.relation(oid))?;
            let Some(relation) = relation else { continue };
            // Who loses a privilege on the relation loses it on every column.
            if grant.revoke && whole {
                let asked = asked.unwrap_or(Privileges::COLUMN);
                let asked = asked.intersection(Privileges::COLUMN);
                for attnum in relation.column_acls.keys() {
                    let on = On::Column(oid, *attnum);
                    self.grant_on(&context, grant, on, Some(asked), &grantees)?;
                }
            }
            for (word, columns) in &grant.on_columns {
                let asked = word.as_deref().map(privilege).transpose()?;
                for column in columns {
                    let column = relation
                        .column(column)
                        .ok_or_else(|| no_column(relation, column))?;
                    let on = On::Column(oid, column.attnum);
                    let asked = asked.map(Privileges::from);
                    self.grant_on(&context, grant, on, asked, &grantees)?;
                }
            }
        }
        Ok(tag(if grant.revoke { "REVOKE" } else { "GRANT" }))
    }

    /// Changes one list.
    fn grant_on(
        &mut self,
        context: &StatementContext,
        grant: &Grant,
        on: On,
        asked: Option<Privileges>,
        grantees: &[Oid],
    ) -> Result<()> {
        // Read anew each time: the same object may be named twice.
        let view = self.transaction()?.view().clone();
        let (role, option) = (context.role, grant.grant_option);
        let (acl, reports) = match grant.revoke {
            true => {
                let cascade = grant.cascade;
                privileges::revoke(&view, role, on, asked, grantees, option, cascade)?
            }
            false => privileges::grant(&view, role, on, asked, grantees, option)?,
        };
        for report in reports {
            self.report(report);
        }
        let change = on.change(&view, acl);
        self.push(vec![change], Vec::new())
    }

    /// GRANT role TO and REVOKE role FROM.
    pub(in crate::session) fn grant_role(&mut self, grant: &GrantRole) -> Result<CommandTag> {
        let context = self.context()?;
        self.check_grantor(&context, grant.granted_by.as_ref())?;
        for group in &grant.roles {
            let group = context.snapshot.must_role(group)?.clone();
            for spec in &grant.members {
                let member = self.role_of(&context, spec)?;
                let member_name = context.snapshot.role_name(member);
                let view = self.transaction()?.view().clone();
                let existing = view
                    .memberships()
                    .find(|m| m.role == group.oid && m.member == member)
                    .copied();
                let new = Membership {
                    role: group.oid,
                    member,
                    grantor: context.role,
                    admin: grant.admin_option,
                };
                let change = match (grant.revoke, existing) {
                    (false, Some(old)) if old.admin || !grant.admin_option => {
                        // A NOTICE, not an error: PostgreSQL's way of saying that nothing changes.
                        self.notice(format!(
                            "role \"{member_name}\" is already a member of role \"{}\"",
                            group.name
                        ));
                        continue;
                    }
                    (false, _) => Change::AddMember(new),
                    (true, None) => {
                        self.warning(
                            SqlState::WARNING,
                            format!(
                                "role \"{member_name}\" is not a member of role \"{}\"",
                                group.name
                            ),
                        );
                        continue;
                    }
                    (true, Some(old)) if grant.admin_option => Change::AddMember(Membership {
                        admin: false,
                        ..old
                    }),
                    (true, Some(_)) => Change::RemoveMember {
                        role: group.oid,
                        member,
                    },
                };
                self.push(vec![change], Vec::new())?;
            }
        }
        Ok(tag(if grant.revoke {
            "REVOKE ROLE"
        } else {
            "GRANT ROLE"
        }))
    }

    /// GRANTED BY may only say what is so anyway, as in PostgreSQL.
    fn check_grantor(&self, context: &StatementContext, by: Option<&RoleSpec>) -> Result<()> {
        let Some(by) = by else { return Ok(()) };
        if self.role_of(context, by)? == context.role {
            return Ok(());
        }
        Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "grantor must be current user",
        ))
    }
}

/// The objects named.
fn targets(context: &StatementContext, on: &GrantTarget) -> Result<Vec<ObjectId>> {
    let bare = |name: &String| ObjectName {
        schema: None,
        name: name.clone(),
    };
    match on {
        GrantTarget::Tables(names) => names
            .iter()
            .map(|name| relation_of(context, name).map(|relation| ObjectId::Relation(relation.oid)))
            .collect(),
        GrantTarget::Sequences(names) => names
            .iter()
            .map(|name| {
                let relation = relation_of(context, name)?;
                if relation.sequence().is_none() {
                    return Err(Error::new(
                        SqlState::WRONG_OBJECT_TYPE,
                        format!("\"{}\" is not a sequence", relation.name),
                    ));
                }
                Ok(ObjectId::Relation(relation.oid))
            })
            .collect(),
        GrantTarget::AllTablesIn(schemas) | GrantTarget::AllSequencesIn(schemas) => {
            let sequences = matches!(on, GrantTarget::AllSequencesIn(_));
            let mut objects = Vec::new();
            for schema in schemas {
                let schema = context.snapshot.must_schema(schema)?;
                objects.extend(
                    context
                        .snapshot
                        .relations_in(schema.oid)
                        .filter(|relation| relation.sequence().is_some() == sequences)
                        .map(|relation| ObjectId::Relation(relation.oid)),
                );
            }
            Ok(objects)
        }
        GrantTarget::Routines(specs) => specs
            .iter()
            .map(|spec| routine_of(context, spec).map(|routine| ObjectId::Routine(routine.oid)))
            .collect(),
        GrantTarget::AllRoutinesIn(kind, schemas) => {
            let mut objects = Vec::new();
            for schema in schemas {
                let schema = context.snapshot.must_schema(schema)?;
                let of_kind = |procedure: bool| match kind {
                    RoutineKind::Function | RoutineKind::Aggregate => !procedure,
                    RoutineKind::Procedure => procedure,
                    RoutineKind::Routine => true,
                };
                objects.extend(
                    context
                        .snapshot
                        .routines_in(schema.oid)
                        .filter(|routine| of_kind(routine.procedure))
                        .map(|routine| ObjectId::Routine(routine.oid)),
                );
            }
            Ok(objects)
        }
        GrantTarget::Schemas(names) => names
            .iter()
            .map(|name| named(context, ObjectKind::Schema, &bare(name)))
            .collect(),
        GrantTarget::Types(names) => names
            .iter()
            .map(|name| named(context, ObjectKind::Type, name))
            .collect(),
        GrantTarget::LargeObjects(oids) => oids
            .iter()
            .map(|oid| {
                let object = context.snapshot.must_large_object(*oid)?;
                Ok(ObjectId::LargeObject(object.oid))
            })
            .collect(),
        GrantTarget::Databases(names) => names
            .iter()
            .map(|name| named(context, ObjectKind::Database, &bare(name)))
            .collect(),
    }
}

/// The privileges words mean; `None` is ALL.
pub(super) fn asked(words: Option<&[String]>) -> Result<Option<Privileges>> {
    words
        .map(|words| words.iter().map(|word| privilege(word)).collect())
        .transpose()
}

/// The privilege a word means, whatever it is granted on.
fn privilege(word: &str) -> Result<Privilege> {
    Privilege::ALL
        .into_iter()
        .find(|privilege| {
            privilege.word().eq_ignore_ascii_case(word)
                || (*privilege == Privilege::Temporary && word.eq_ignore_ascii_case("TEMP"))
        })
        .ok_or_else(|| {
            Error::new(
                SqlState::SYNTAX_ERROR,
                format!("unrecognized privilege type \"{}\"", word.to_lowercase()),
            )
        })
}
