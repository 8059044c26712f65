//! SET, RESET, SET ROLE, SET SESSION AUTHORIZATION, DISCARD.

use std::sync::Arc;

use super::tag;
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::ObjectId;
use crate::engine::command::{Discard, IsolationLevel, SetValue, TransactionModes};
use crate::privileges;
use crate::session::state::{Listen, Values};
use crate::session::{CommandTag, Session};
use crate::settings::{self, Kind, Settings};

impl Session {
    /// SET name = value
    pub(in crate::session) fn set_command(
        &mut self,
        local: bool,
        name: &str,
        value: &SetValue,
    ) -> Result<CommandTag> {
        if local {
            self.warn_outside_block("SET LOCAL");
        }
        match value {
            SetValue::Default => self.reset_one(name, local)?,
            SetValue::Current => {
                let value = self.values.settings.show(name)?;
                self.set(name, &value, local)?;
            }
            SetValue::Values(values) => {
                let value = flat(name, values)?;
                self.set(name, &value, local)?;
            }
        }
        Ok(tag("SET"))
    }

    /// Sets one setting, for the session or for the transaction only. What concerns the transaction
    /// itself, or the role, is no mere setting.
    pub(in crate::session) fn set(&mut self, name: &str, value: &str, local: bool) -> Result<()> {
        match name.to_ascii_lowercase().as_str() {
            "transaction_isolation" => {
                return self.set_modes(&TransactionModes {
                    isolation: Some(level(value)?),
                    ..TransactionModes::default()
                });
            }
            "transaction_read_only" => {
                let mut scratch = Settings::new();
                let (_, value) = scratch.set("default_transaction_read_only", value, true)?;
                return self.set_modes(&TransactionModes {
                    read_only: Some(value == "on"),
                    ..TransactionModes::default()
                });
            }
            "transaction_deferrable" => {
                let mut scratch = Settings::new();
                let (_, value) = scratch.set("default_transaction_deferrable", value, true)?;
                return self.set_modes(&TransactionModes {
                    deferrable: Some(value == "on"),
                    ..TransactionModes::default()
                });
            }
            "role" => {
                let role = (value != "none").then_some(value);
                return self.set_role(local, role);
            }
            "session_authorization" => {
                return self.set_session_authorization(local, Some(value));
            }
            _ => {}
        }
        let superuser = self.is_superuser(self.acting_role());
        self.change_settings(local, |settings| {
            settings.set(name, value, superuser).map(drop)
        })
    }

    /// RESET name; `None` is ALL.
    pub(in crate::session) fn reset(&mut self, name: Option<&str>) -> Result<CommandTag> {
        match name {
            Some(name) => self.reset_one(name, false)?,
            None => self.change_settings(false, |settings| settings.reset(None))?,
        }
        Ok(tag("RESET"))
    }

    fn reset_one(&mut self, name: &str, local: bool) -> Result<()> {
        match name {
            "role" => {
                self.check_may_change_role(name)?;
                self.change_roles(local, |values| values.role = values.start_role)
            }
            "session_authorization" => self.set_session_authorization(local, None),
            "transaction_isolation" | "transaction_read_only" | "transaction_deferrable" => {
                Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!("parameter \"{name}\" cannot be reset"),
                ))
            }
            name => self.change_settings(local, |settings| settings.reset(Some(name))),
        }
    }

    /// Changes what holds now and, unless `local`, what the commit leaves.
    fn change_settings(
        &mut self,
        local: bool,
        change: impl Fn(&mut Settings) -> Result<()>,
    ) -> Result<()> {
        let mut settings = Settings::clone(&self.values.settings);
        change(&mut settings)?;
        let settings = Arc::new(settings);
        let now = self.values.settings.clone();
        let open = self.opened()?;
        if !local {
            open.kept.settings = if Arc::ptr_eq(&open.kept.settings, &now) {
                settings.clone()
            } else {
                // SET LOCAL made them differ: the change is made to both.
                let mut kept = Settings::clone(&open.kept.settings);
                change(&mut kept)?;
                Arc::new(kept)
            };
        }
        self.values.settings = settings;
        self.note_application_name();
        Ok(())
    }

    /// Shows `application_name` to others.
    pub(in crate::session) fn note_application_name(&self) {
        let name = self
            .values
            .settings
            .show("application_name")
            .unwrap_or_default();
        self.activity.update(|doing| {
            if doing.application_name != name {
                doing.application_name = name;
            }
        });
    }

    /// SET ROLE
    pub(in crate::session) fn set_role(&mut self, local: bool, role: Option<&str>) -> Result<()> {
        self.check_may_change_role("role")?;
        if local {
            self.warn_outside_block("SET LOCAL");
        }
        let role = match role {
            None => None,
            Some(name) => {
                let context = self.bystander()?;
                let oid = named_role(&context.snapshot, name)?;
                if !privileges::is_member(&context.snapshot, self.values.session_role, oid) {
                    return Err(Error::new(
                        SqlState::INSUFFICIENT_PRIVILEGE,
                        format!("permission denied to set role \"{name}\""),
                    ));
                }
                Some(oid)
            }
        };
        self.change_roles(local, |values| values.role = role)
    }

    /// SET SESSION AUTHORIZATION. Whether it is allowed depends on who logged in, not on who is
    /// pretended to be.
    pub(in crate::session) fn set_session_authorization(
        &mut self,
        local: bool,
        role: Option<&str>,
    ) -> Result<()> {
        self.check_may_change_role("session_authorization")?;
        if local {
            self.warn_outside_block("SET LOCAL");
        }
        let context = self.bystander()?;
        let login = self.activity.role;
        let target = match role {
            None => login,
            Some(name) => named_role(&context.snapshot, name)?,
        };
        if target != login && !self.is_superuser(login) {
            return Err(Error::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                "permission denied to set session authorization",
            ));
        }
        self.change_roles(local, |values| {
            values.session_role = target;
            values.role = None;
            values.start_role = None;
        })
    }

    /// `42501` where a function has rights that are not its caller's.
    fn check_may_change_role(&self, parameter: &str) -> Result<()> {
        let definer = self.bodies.iter().any(|body| body.routine.security_definer);
        let place = match (definer, self.acting_role() != self.values.current_role()) {
            (true, _) => "security-definer function",
            (false, true) => "security-restricted operation",
            (false, false) => return Ok(()),
        };
        Err(Error::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("cannot set parameter \"{parameter}\" within {place}"),
        ))
    }

    fn change_roles(&mut self, local: bool, change: impl Fn(&mut Values)) -> Result<()> {
        let view = self.bystander()?.snapshot.clone();
        let open = self.opened()?;
        if !local {
            change(&mut open.kept);
            open.kept.note_roles(&view);
        }
        change(&mut self.values);
        self.values.note_roles(&view);
        Ok(())
    }

    /// Drops the session's temporary objects, and what reads them.
    fn drop_temporary(&mut self) -> Result<()> {
        let view = self.transaction()?.view().clone();
        let Some(schema) = self
            .temporary_schema
            .filter(|oid| view.schema(*oid).is_some())
        else {
            return Ok(());
        };
        let objects: Vec<_> = view
            .relations_in(schema)
            .map(|relation| ObjectId::Relation(relation.oid))
            .chain(view.routines_in(schema).map(|r| ObjectId::Routine(r.oid)))
            .collect();
        let closure = view.dependants_closure(&objects)?;
        // They are the session's own, whatever role made them.
        self.push_needing(closure.changes, &[])
    }

    /// DISCARD
    pub(in crate::session) async fn discard(&mut self, what: Discard) -> Result<CommandTag> {
        match what {
            Discard::Sequences => {
                self.last_values.clear();
                Ok(tag("DISCARD SEQUENCES"))
            }
            Discard::Plans => {
                for prepared in self.prepared.values_mut() {
                    prepared.plan.basis = None;
                }
                Ok(tag("DISCARD PLANS"))
            }
            Discard::Temp => {
                self.drop_temporary()?;
                Ok(tag("DISCARD TEMP"))
            }
            Discard::All => {
                self.refuse_in_block("DISCARD ALL")?;
                self.portals.clear();
                self.set_session_authorization(false, None)?;
                self.reset(None)?;
                self.prepared.clear();
                self.advisory.end();
                self.last_values.clear();
                self.opened()?.listens.push(Listen::RemoveAll);
                self.drop_temporary()?;
                Ok(tag("DISCARD ALL"))
            }
        }
    }

    /// Reported settings that changed since last asked (all of them the first time), for
    /// ParameterStatus.
    pub fn take_parameter_changes(&mut self) -> Vec<(&'static str, String)> {
        let mut changes = Vec::new();
        if self.is_told() {
            return changes;
        }
        for (name, value) in self.values.settings.reported() {
            if self.reported.get(name).map(String::as_str) != Some(value) {
                self.reported.insert(name, value.to_owned());
                changes.push((name, value.to_owned()));
            }
        }
        changes
    }
}

/// A setting's values as one text: of lists each is a name, to be quoted; anything else takes one
/// only.
pub(super) fn flat(name: &str, values: &[String]) -> Result<String> {
    let is_list = settings::all()
        .iter()
        .any(|setting| setting.name.eq_ignore_ascii_case(name) && setting.kind == Kind::List);
    match values {
        _ if is_list => Ok(values
            .iter()
            .map(|value| quote(value))
            .collect::<Vec<_>>()
            .join(", ")),
        [value] => Ok(value.clone()),
        // "SET datestyle TO iso, mdy" is one value of two words.
        values if name.eq_ignore_ascii_case("datestyle") => Ok(values.join(", ")),
        _ => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("SET {name} takes only one argument"),
        )),
    }
}

/// The role a setting names: PostgreSQL's words for one that is not there differ from those of
/// GRANT.
fn named_role(snapshot: &crate::catalog::Snapshot, name: &str) -> Result<Oid> {
    snapshot
        .role_named(name)
        .map(|role| role.oid)
        .ok_or_else(|| {
            Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("role \"{name}\" does not exist"),
            )
        })
}

fn level(value: &str) -> Result<IsolationLevel> {
    match value.to_ascii_lowercase().as_str() {
        "read uncommitted" => Ok(IsolationLevel::ReadUncommitted),
        "read committed" => Ok(IsolationLevel::ReadCommitted),
        "repeatable read" => Ok(IsolationLevel::RepeatableRead),
        "serializable" => Ok(IsolationLevel::Serializable),
        _ => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("invalid value for parameter \"transaction_isolation\": \"{value}\""),
        )
        .hint(
            "Available values: serializable, repeatable read, read committed, read uncommitted.",
        )),
    }
}
