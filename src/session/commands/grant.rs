//! GRANT and REVOKE, of privileges and of membership.

use super::routine_type::routine_of;
use super::{drop::named, relation_of, tag};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Change, Membership, ObjectId, Privilege, Privileges};
use crate::engine::command::{Grant, GrantRole, GrantTarget, ObjectKind, ObjectName, RoleSpec};
use crate::engine::routine_definition::RoutineKind;
use crate::privileges;
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
        for object in targets(&context, &grant.on)? {
            // Read anew each time: the same object may be named twice.
            let view = self.transaction()?.view().clone();
            let (acl, reports) = if grant.revoke {
                privileges::revoke(
                    &view,
                    context.role,
                    object,
                    asked,
                    &grantees,
                    grant.grant_option,
                    grant.cascade,
                )?
            } else {
                privileges::grant(
                    &view,
                    context.role,
                    object,
                    asked,
                    &grantees,
                    grant.grant_option,
                )?
            };
            for report in reports {
                self.report(report);
            }
            self.push(
                vec![Change::SetAcl {
                    object,
                    was: view.acl(object).cloned(),
                    acl: Some(acl),
                }],
                Vec::new(),
            )?;
        }
        Ok(tag(if grant.revoke { "REVOKE" } else { "GRANT" }))
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
                    RoutineKind::Function => !procedure,
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
