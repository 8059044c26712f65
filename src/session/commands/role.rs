//! CREATE, ALTER and DROP ROLE.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMicrosecondType;

use super::{drop::named, set::flat, tag};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Membership, ObjectId, Role, SettingsOf};
use crate::engine::command::{ObjectKind, ObjectName, RoleOption, RoleSetting, RoleSpec, SetValue};
use crate::privileges;
use crate::session::{CommandTag, Session};
use crate::settings::Settings;
use crate::statement::StatementContext;
use crate::storage::secrets;
use crate::types::{PgType, Style, text};

impl Session {
    /// CREATE ROLE
    pub(in crate::session) async fn create_role(
        &mut self,
        name: &str,
        options: &[RoleOption],
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let mut role = Role {
            oid: self.shared.database.new_oid(),
            name: name.to_owned(),
            superuser: false,
            inherit: true,
            create_role: false,
            create_db: false,
            login: false,
            bypass_row_security: false,
            connection_limit: -1,
            valid_until: None,
            settings: BTreeMap::new(),
            comment: None,
        };
        let password = apply_options(&mut role, options, &context.style)?;
        let oid = role.oid;
        self.push(vec![Change::CreateRole(role)], Vec::new())?;
        let mut changes = Vec::new();
        if let Some(password) = password {
            let verifier = self.verifier(password).await?;
            changes.push(Change::SetPassword {
                role: oid,
                verifier,
            });
        }
        for option in options {
            match option {
                RoleOption::InRole(groups) => {
                    for group in groups {
                        let group = self.role_of(&context, group)?;
                        changes.push(member(&context, group, oid, false));
                    }
                }
                RoleOption::Role(members) | RoleOption::Admin(members) => {
                    let admin = matches!(option, RoleOption::Admin(_));
                    for spec in members {
                        let of = self.role_of(&context, spec)?;
                        changes.push(member(&context, oid, of, admin));
                    }
                }
                RoleOption::Superuser(_)
                | RoleOption::CreateDb(_)
                | RoleOption::CreateRole(_)
                | RoleOption::Inherit(_)
                | RoleOption::Login(_)
                | RoleOption::BypassRowSecurity(_)
                | RoleOption::ConnectionLimit(_)
                | RoleOption::Password(_)
                | RoleOption::ValidUntil(_) => {}
            }
        }
        self.push(changes, Vec::new())?;
        Ok(tag("CREATE ROLE"))
    }

    /// ALTER ROLE … options
    pub(in crate::session) async fn alter_role(
        &mut self,
        spec: &RoleSpec,
        options: &[RoleOption],
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let oid = self.role_of(&context, spec)?;
        let old = context
            .snapshot
            .role(oid)
            .ok_or_else(|| Error::internal("altering a role", "the role is gone"))?;
        let mut role = Role::clone(old);
        let password = apply_options(&mut role, options, &context.style)?;
        let mut changes = Vec::new();
        let bypasses = |option: &RoleOption| matches!(option, RoleOption::BypassRowSecurity(_));
        if options.iter().any(bypasses)
            && !privileges::is_superuser(&context.snapshot, context.role)
        {
            return Err(Error::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                "must be superuser to change bypassrls attribute",
            ));
        }
        // A change of the password alone is everybody's right over themselves, so it is not an
        // AlterRole.
        if role != **old || password.is_none() {
            changes.push(Change::AlterRole {
                was: Role::clone(old),
                role,
            });
        }
        if let Some(password) = password {
            let verifier = self.verifier(password).await?;
            changes.push(Change::SetPassword {
                role: oid,
                verifier,
            });
        }
        self.push(changes, Vec::new())?;
        Ok(tag("ALTER ROLE"))
    }

    /// What logins are checked against. Working it out is slow on purpose, so it happens off the
    /// async threads.
    async fn verifier(&mut self, password: Option<&str>) -> Result<Option<String>> {
        let Some(password) = password else {
            return Ok(None);
        };
        if password.is_empty() {
            self.notice("empty string is not a valid password, clearing password");
            return Ok(None);
        }
        // A dump brings verifiers, not passwords.
        if secrets::Verifier::parse(password).is_some() {
            return Ok(Some(password.to_owned()));
        }
        let method = match self.values.settings.show("password_encryption")?.as_str() {
            "argon2id" => secrets::Method::Argon2id,
            _ => secrets::Method::ScramSha256,
        };
        let password = password.to_owned();
        tokio::task::spawn_blocking(move || secrets::verifier_for(&password, method))
            .await
            .map_err(|error| Error::internal("encrypting a password", error))?
            .map(Some)
    }

    /// ALTER ROLE … SET / RESET, ALTER DATABASE … SET / RESET
    pub(in crate::session) fn alter_settings(
        &mut self,
        role: Option<&RoleSpec>,
        database: Option<&str>,
        setting: &RoleSetting,
    ) -> Result<()> {
        let context = self.context()?;
        let role = role.map(|spec| self.role_of(&context, spec)).transpose()?;
        if let Some(name) = database {
            let name = ObjectName {
                schema: None,
                name: name.to_owned(),
            };
            named(&context, ObjectKind::Database, &name)?;
        }
        let of = match (role, database) {
            (Some(role), None) => SettingsOf::Role(role),
            (Some(role), Some(_)) => SettingsOf::RoleHere(role),
            (None, Some(_)) => SettingsOf::Database,
            (None, None) => SettingsOf::Everybody,
        };
        let was = context.snapshot.settings_of(of).clone();
        let mut settings = was.clone();
        match setting {
            RoleSetting::Set {
                name,
                value: SetValue::Values(values),
            } if name.eq_ignore_ascii_case("role") => {
                let value = flat(name, values)?;
                self.note_future_role(&context, &value);
                settings.insert("role".to_owned(), value);
            }
            RoleSetting::Set {
                name,
                value: value @ (SetValue::Values(_) | SetValue::Current),
            } => {
                let superuser = self.is_superuser(context.role);
                let value = match value {
                    SetValue::Values(values) => flat(name, values)?,
                    SetValue::Default | SetValue::Current => self.values.settings.show(name)?,
                };
                let (name, value) = Settings::new().set(name, &value, superuser)?;
                settings.insert(name.into_owned(), value);
            }
            RoleSetting::Set {
                name,
                value: SetValue::Default,
            }
            | RoleSetting::Reset(Some(name)) => {
                // Asked for its errors: there must be such a setting.
                Settings::new().show(name)?;
                settings.retain(|set, _| !set.eq_ignore_ascii_case(name));
            }
            RoleSetting::Reset(None) => settings.clear(),
        }
        let change = Change::SetSettings { of, was, settings };
        self.push(vec![change], Vec::new())
    }

    /// Says if sessions will not start with a role that they are to start with, as things are.
    fn note_future_role(&mut self, context: &StatementContext, name: &str) {
        if name == "none" {
            return;
        }
        let snapshot = &context.snapshot;
        match snapshot.role_named(name) {
            None => self.notice(format!("role \"{name}\" does not exist")),
            Some(role) if !privileges::is_member(snapshot, context.session_role, role.oid) => {
                self.notice(format!("permission will be denied to set role \"{name}\""));
            }
            Some(_) => {}
        }
    }

    /// ALTER ROLE … RENAME TO
    pub(in crate::session) fn rename_role(&mut self, name: &str, to: &str) -> Result<CommandTag> {
        let context = self.context()?;
        let oid = context.snapshot.must_role(name)?.oid;
        if oid == self.values.session_role || oid == self.activity.role {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "session user cannot be renamed",
            ));
        }
        if oid == context.role {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "current user cannot be renamed",
            ));
        }
        self.push(
            vec![Change::Rename {
                object: ObjectId::Role(oid),
                name: to.to_owned(),
            }],
            Vec::new(),
        )?;
        Ok(tag("ALTER ROLE"))
    }

    /// DROP ROLE
    pub(in crate::session) fn drop_roles(
        &mut self,
        specs: &[RoleSpec],
        if_exists: bool,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let mut changes = Vec::new();
        let mut dropped = Vec::new();
        for spec in specs {
            let RoleSpec::Name(name) = spec else {
                return Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    "cannot use special role specifier in DROP ROLE",
                ));
            };
            let Some(role) = context.snapshot.role_named(name) else {
                if !if_exists {
                    return Err(Error::new(
                        SqlState::UNDEFINED_OBJECT,
                        format!("role \"{name}\" does not exist"),
                    ));
                }
                self.notice(format!("role \"{name}\" does not exist, skipping"));
                continue;
            };
            let change = Change::Drop(ObjectId::Role(role.oid));
            // PostgreSQL asks for the permission first.
            let needs = privileges::needs_of(&context.snapshot, context.role, &change);
            privileges::authorize(&context.snapshot, &needs, ())?;
            let used = [
                (context.role, "current user cannot be dropped"),
                (context.session_role, "session user cannot be dropped"),
                (self.activity.role, "session user cannot be dropped"),
            ];
            if let Some((_, message)) = used.iter().find(|(oid, _)| *oid == role.oid) {
                return Err(Error::new(SqlState::OBJECT_IN_USE, *message));
            }
            changes.push(change);
            dropped.push(role.clone());
        }
        self.push(changes, Vec::new())?;
        dropped
            .iter()
            .try_for_each(|role| self.is_used_elsewhere(role))?;
        Ok(tag("DROP ROLE"))
    }

    /// `2BP01` for a role that temporary objects of another session belong or are granted to.
    fn is_used_elsewhere(&self, role: &Role) -> Result<()> {
        let sessions = self.shared.sessions.all();
        let others = sessions.iter().filter(|other| other.id != self.activity.id);
        let uses: Vec<String> = others
            .flat_map(|other| other.doing().temporary.to_vec())
            .filter(|(of, _)| *of == role.oid)
            .map(|(_, what)| what)
            .collect();
        if uses.is_empty() {
            return Ok(());
        }
        let message = format!(
            "role \"{}\" cannot be dropped because some objects depend on it",
            role.name
        );
        let error = Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message);
        Err(error.detail(uses.join("\n")))
    }
}

fn member(context: &StatementContext, group: Oid, member: Oid, admin: bool) -> Change {
    Change::AddMember(Membership {
        role: group,
        member,
        grantor: context.role,
        admin,
    })
}

/// Sets what options say of the role itself; gives the password if one is said (`Some(None)`:
/// PASSWORD NULL).
fn apply_options<'a>(
    role: &mut Role,
    options: &'a [RoleOption],
    style: &Style,
) -> Result<Option<Option<&'a str>>> {
    let mut password = None;
    for option in options {
        match option {
            RoleOption::Superuser(on) => role.superuser = *on,
            RoleOption::CreateDb(on) => role.create_db = *on,
            RoleOption::CreateRole(on) => role.create_role = *on,
            RoleOption::Inherit(on) => role.inherit = *on,
            RoleOption::Login(on) => role.login = *on,
            RoleOption::BypassRowSecurity(on) => role.bypass_row_security = *on,
            RoleOption::ConnectionLimit(limit) if *limit < -1 => {
                return Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("invalid connection limit: {limit}"),
                ));
            }
            RoleOption::ConnectionLimit(limit) => role.connection_limit = *limit,
            RoleOption::Password(text) => password = Some(text.as_deref()),
            RoleOption::ValidUntil(time) => role.valid_until = valid_until(time, style)?,
            RoleOption::InRole(_) | RoleOption::Role(_) | RoleOption::Admin(_) => {}
        }
    }
    Ok(password)
}

/// `infinity` is no end at all.
fn valid_until(time: &str, style: &Style) -> Result<Option<i64>> {
    let parsed = text::parse_column(
        &[Some(time)],
        PgType::TIMESTAMPTZ,
        style,
        crate::session::now(),
    )
    .map_err(|failed| failed.error)?;
    let times = parsed
        .as_primitive_opt::<TimestampMicrosecondType>()
        .ok_or_else(|| Error::internal("reading a time", "not a timestamp"))?;
    Ok(times
        .is_valid(0)
        .then(|| times.value(0))
        .filter(|time| *time != i64::MAX))
}
