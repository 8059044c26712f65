//! A session's values of the settings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Context, Setting, all, find, number, style, word};
use crate::base::error::Level;
use crate::base::{Error, Result, SqlState};
use crate::types::enums::Enums;
use crate::types::{Encoding, Style};

/// Values by name. Names of the table are borrowed from it, custom ones are owned.
type Values = BTreeMap<Cow<'static, str>, Arc<str>>;

/// A session's values: what differs from the defaults. Cloning shares them, so that SAVEPOINT and
/// statements may keep copies.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    current: Arc<Values>,
    /// What RESET goes back to.
    start: Arc<Values>,
}

impl Settings {
    /// Defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `name` as SHOW prints it. Dotted names (`myapp.user`) are custom settings.
    ///
    /// # Errors
    /// `42704` unrecognized configuration parameter.
    pub fn show(&self, name: &str) -> Result<String> {
        match find(name) {
            Some(setting) => Ok(self.value(setting).to_owned()),
            None => self
                .current
                .get(name.to_ascii_lowercase().as_str())
                .map(|value| value.to_string())
                .ok_or_else(|| unrecognized(name)),
        }
    }

    /// Checks and sets `name`; returns the canonical name and the value as SHOW prints it.
    /// Transaction scope (SET LOCAL, ROLLBACK) is the session's business: it keeps copies.
    ///
    /// # Errors
    /// `42704` unknown, `22023` bad value, `55P02` cannot be changed, `42501` superuser only,
    /// `42602` bad custom name, `0A000` for values PostgreSQL takes and commons does not.
    pub fn set(
        &mut self,
        name: &str,
        value: &str,
        superuser: bool,
    ) -> Result<(Cow<'static, str>, String)> {
        let (name, value) = match find(name) {
            Some(setting) => {
                let refused = match setting.context {
                    Context::User => None,
                    Context::Superuser if superuser => None,
                    Context::Superuser => Some(Error::new(
                        SqlState::INSUFFICIENT_PRIVILEGE,
                        format!("permission denied to set parameter \"{}\"", setting.name),
                    )),
                    Context::Internal => Some(unchangeable(setting, "cannot be changed")),
                    Context::Postmaster => Some(unchangeable(
                        setting,
                        "cannot be changed without restarting the server",
                    )),
                };
                if let Some(error) = refused {
                    return Err(error);
                }
                (Cow::Borrowed(setting.name), self.check(setting, value)?)
            }
            None => (Cow::Owned(check_custom_name(name)?), value.to_owned()),
        };
        Arc::make_mut(&mut self.current).insert(name.clone(), value.as_str().into());
        Ok((name, value))
    }

    /// Sets what only the server sets: `is_superuser`, `session_authorization`,
    /// `transaction_isolation`, `ssl`, … The value is taken as it is, and no RESET undoes it. A
    /// name that is not in the table is ignored: facts have their row there.
    pub fn set_internal(&mut self, name: &str, value: &str) {
        debug_assert!(find(name).is_some(), "no setting {name}");
        if let Some(setting) = find(name) {
            let name = Cow::Borrowed(setting.name);
            Arc::make_mut(&mut self.current).insert(name.clone(), value.into());
            Arc::make_mut(&mut self.start).insert(name, value.into());
        }
    }

    /// Back to what the session started with (RESET); `None` resets all, except for the
    /// transaction's own settings.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn reset(&mut self, name: Option<&str>) -> Result<()> {
        let Some(name) = name else {
            let mut next = Values::clone(&self.start);
            for setting in all().iter().filter(|setting| is_transactions(setting)) {
                match self.current.get(setting.name) {
                    Some(value) => next.insert(Cow::Borrowed(setting.name), value.clone()),
                    None => next.remove(setting.name),
                };
            }
            // Custom settings stay known, as in PostgreSQL.
            for name in self.current.keys().filter(|name| find(name).is_none()) {
                next.entry(name.clone()).or_insert_with(|| "".into());
            }
            self.current = Arc::new(next);
            return Ok(());
        };
        let (key, missing): (Cow<'static, str>, Option<Arc<str>>) = match find(name) {
            Some(setting) => {
                if matches!(setting.context, Context::Internal | Context::Postmaster) {
                    return Err(unchangeable(setting, "cannot be changed"));
                }
                (Cow::Borrowed(setting.name), None)
            }
            None => {
                let name = name.to_ascii_lowercase();
                if !self.current.contains_key(name.as_str()) {
                    return Err(unrecognized(&name));
                }
                (Cow::Owned(name), Some("".into()))
            }
        };
        let value = self.start.get(&key).cloned().or(missing);
        let current = Arc::make_mut(&mut self.current);
        match value {
            Some(value) => current.insert(key, value),
            None => current.remove(&key),
        };
        Ok(())
    }

    /// Makes the current values those that RESET goes back to (end of startup).
    pub fn mark_session_start(&mut self) {
        self.start = self.current.clone();
    }

    /// The reported settings and their values, for ParameterStatus.
    pub fn reported(&self) -> impl Iterator<Item = (&'static str, &str)> {
        all()
            .iter()
            .filter(|setting| setting.reported)
            .map(|setting| (setting.name, self.value(setting)))
    }

    /// How values are written and read.
    pub fn style(&self) -> Style {
        let (date_style, date_order) = style::read_date_style(self.known("DateStyle"));
        Style {
            time_zone: style::read_time_zone(self.known("TimeZone")),
            date_style,
            date_order,
            interval_style: style::read_interval_style(self.known("IntervalStyle")),
            extra_float_digits: self.known("extra_float_digits").parse().unwrap_or(1),
            bytea_hex: self.known("bytea_output") == "hex",
            array_nulls: self.known("array_nulls") == "on",
            enums: Enums::NONE,
        }
    }

    /// Whether a backslash in a string constant without `E` is one.
    pub fn standard_conforming_strings(&self) -> bool {
        self.known("standard_conforming_strings") != "off"
    }

    /// `escape_string_warning`
    pub fn warns_of_escapes(&self) -> bool {
        self.known("escape_string_warning") != "off"
    }

    /// What the client speaks.
    pub fn client_encoding(&self) -> &'static Encoding {
        Encoding::named(self.known("client_encoding")).unwrap_or(Encoding::UTF8)
    }

    /// `search_path`, as a list of names; `$user` unexpanded.
    pub fn search_path(&self) -> Vec<String> {
        word::split_identifiers(self.known("search_path")).unwrap_or_default()
    }

    /// `statement_timeout` in milliseconds; 0 is none.
    pub fn statement_timeout_ms(&self) -> u64 {
        self.milliseconds("statement_timeout")
    }

    /// `lock_timeout` in milliseconds; 0 is none.
    pub fn lock_timeout_ms(&self) -> u64 {
        self.milliseconds("lock_timeout")
    }

    /// `idle_in_transaction_session_timeout` in milliseconds; 0 is none.
    pub fn idle_in_transaction_session_timeout_ms(&self) -> u64 {
        self.milliseconds("idle_in_transaction_session_timeout")
    }

    /// `idle_session_timeout` in milliseconds; 0 is none.
    pub fn idle_session_timeout_ms(&self) -> u64 {
        self.milliseconds("idle_session_timeout")
    }

    /// `client_min_messages` lets a report of this level through.
    pub fn lets_through(&self, level: Level) -> bool {
        match (level, self.known("client_min_messages")) {
            (Level::Info, _) => true,
            (_, "error") => false,
            (Level::Notice, "warning") => false,
            (Level::Notice | Level::Warning, _) => true,
            (Level::Log, least) => least == "log" || least.starts_with("debug"),
            (Level::Debug, least) => least.starts_with("debug"),
        }
    }

    /// Whether row security leaves out rows, rather than being an error where it would.
    pub fn applies_row_security(&self) -> bool {
        self.known("row_security") == "on"
    }

    /// Whether `x = NULL` means `x IS NULL`.
    pub fn transforms_null_equals(&self) -> bool {
        self.known("transform_null_equals") == "on"
    }

    /// Whether large objects are everybody's.
    pub fn lo_compat_privileges(&self) -> bool {
        self.known("lo_compat_privileges") == "on"
    }

    /// Whether the bodies of functions are checked when they are made.
    pub fn checks_function_bodies(&self) -> bool {
        self.known("check_function_bodies") == "on"
    }

    fn milliseconds(&self, name: &str) -> u64 {
        find(name).map_or(0, |setting| {
            number::milliseconds(setting, self.value(setting))
        })
    }

    fn check(&self, setting: &Setting, value: &str) -> Result<String> {
        if setting.name == "DateStyle" {
            // A format alone keeps the order, and the other way round.
            let current = style::read_date_style(self.value(setting));
            return style::date_style(setting, value, current);
        }
        word::check(setting, value)
    }

    /// The value of a setting that is in the table.
    fn known(&self, name: &str) -> &str {
        find(name).map_or("", |setting| self.value(setting))
    }

    fn value(&self, setting: &Setting) -> &str {
        self.current
            .get(setting.name)
            .map_or(setting.default, |value| value)
    }
}

/// Settings of the current transaction, which RESET ALL leaves alone.
fn is_transactions(setting: &Setting) -> bool {
    matches!(
        setting.name,
        "transaction_isolation" | "transaction_read_only" | "transaction_deferrable"
    )
}

/// A custom setting's name: identifiers joined by dots, folded as PostgreSQL folds names it
/// compares.
fn check_custom_name(name: &str) -> Result<String> {
    let name = name.to_ascii_lowercase();
    if !name.contains('.') || name.starts_with("commons.") {
        return Err(unrecognized(&name));
    }
    let is_identifier = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii())
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii())
    };
    if name.split('.').all(is_identifier) {
        return Ok(name);
    }
    Err(Error::new(
        SqlState::INVALID_NAME,
        format!("invalid configuration parameter name \"{name}\""),
    )
    .detail("Custom parameter names must be two or more simple identifiers separated by dots."))
}

fn unrecognized(name: &str) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("unrecognized configuration parameter \"{name}\""),
    )
}

fn unchangeable(setting: &Setting, why: &str) -> Error {
    Error::new(
        SqlState::CANT_CHANGE_RUNTIME_PARAM,
        format!("parameter \"{}\" {why}", setting.name),
    )
}
