//! ALTER DEFAULT PRIVILEGES.

use super::{grant::asked, tag};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::DefaultKind;
use crate::engine::command::DefaultPrivileges;
use crate::privileges::{self, DefaultGrant, Need};
use crate::session::{CommandTag, Session};

impl Session {
    /// ALTER DEFAULT PRIVILEGES
    pub(in crate::session) fn alter_default_privileges(
        &mut self,
        alter: &DefaultPrivileges,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let asked = asked(alter.privileges.as_deref())?;
        let grantees = alter
            .grantees
            .iter()
            .map(|spec| self.grantee_of(&context, spec))
            .collect::<Result<Vec<Oid>>>()?;
        let grant = DefaultGrant {
            revoke: alter.revoke,
            privileges: asked,
            grantees: &grantees,
            grant_option: alter.grant_option,
            cascade: alter.cascade,
        };
        let roles = match &alter.roles {
            None => vec![context.role],
            Some(specs) => specs
                .iter()
                .map(|spec| self.role_of(&context, spec))
                .collect::<Result<_>>()?,
        };
        if alter.kind == DefaultKind::Schema && !alter.schemas.is_empty() {
            return Err(Error::new(
                SqlState::INVALID_GRANT_OPERATION,
                "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS",
            ));
        }
        for role in roles {
            let member = Need::MemberOf {
                role: context.role,
                target: role,
            };
            privileges::authorize(&context.snapshot, &[member], ())?;
            let schemas = match alter.schemas.as_slice() {
                [] => vec![None],
                names => names
                    .iter()
                    .map(|name| context.snapshot.must_schema(name).map(|s| Some(s.oid)))
                    .collect::<Result<_>>()?,
            };
            for schema in schemas {
                // Read anew each time: the same role or schema may be named twice.
                let view = self.transaction()?.view().clone();
                let oid = self.shared.database.new_oid();
                let of = (role, schema, alter.kind);
                let change = privileges::change_default(&view, of, &grant, oid)?;
                self.push(vec![change], Vec::new())?;
            }
        }
        Ok(tag("ALTER DEFAULT PRIVILEGES"))
    }
}
