//! Run-time settings (PostgreSQL's GUCs): name, type, default, who may set them, and a session's values.

use crate::base::Result;
use crate::types::Style;

/// Who may change a setting, and when (`pg_settings.context`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Never: says a fact.
    Internal,
    /// In the configuration file, at start.
    Postmaster,
    /// By a superuser.
    Superuser,
    /// By anybody, for their session.
    User,
}

/// One setting: what `pg_settings` shows of it.
#[derive(Debug)]
pub struct Setting {
    /// Name, in its canonical spelling.
    pub name: &'static str,
    /// Default, as SHOW prints it.
    pub default: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// Group in `pg_settings.category`.
    pub category: &'static str,
    /// Who may set it.
    pub context: Context,
    /// What values it takes.
    pub kind: Kind,
    /// Whether the client is told of changes (ParameterStatus).
    pub reported: bool,
}

/// What values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// on/off
    Bool,
    /// Integer between bounds, with a base unit ("ms", "kB", "").
    Integer {
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
        /// Unit a bare number has.
        unit: &'static str,
    },
    /// Floating point between bounds.
    Real,
    /// One of these words.
    Enum(&'static [&'static str]),
    /// Any text.
    Text,
    /// Comma-separated identifiers (search_path).
    List,
}

/// Every setting, sorted by lower-cased name.
pub fn all() -> &'static [Setting] {
    todo!()
}

/// A session's values. Cloning is cheap enough for SAVEPOINT.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    _private: (),
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
        let _ = name;
        todo!()
    }

    /// Checks and sets `name`; returns the canonical name and the value as SHOW prints it. Transaction scope (SET LOCAL,
    /// ROLLBACK) is the session's business: it keeps copies.
    ///
    /// # Errors
    /// `42704` unknown, `22023` bad value, `55P02` cannot be changed, `42501` superuser only.
    pub fn set(
        &mut self,
        name: &str,
        value: &str,
        superuser: bool,
    ) -> Result<(&'static str, String)> {
        let _ = (name, value, superuser);
        todo!()
    }

    /// Back to what the session started with (RESET); `None` resets all.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn reset(&mut self, name: Option<&str>) -> Result<()> {
        let _ = name;
        todo!()
    }

    /// Makes the current values those that RESET goes back to (end of startup).
    pub fn mark_session_start(&mut self) {
        todo!()
    }

    /// How values are written and read.
    pub fn style(&self) -> Style {
        todo!()
    }

    /// `search_path`, as a list of names; `$user` unexpanded.
    pub fn search_path(&self) -> Vec<String> {
        todo!()
    }

    /// `statement_timeout` in milliseconds; 0 is none.
    pub fn statement_timeout_ms(&self) -> u64 {
        todo!()
    }

    /// `idle_in_transaction_session_timeout` in milliseconds; 0 is none.
    pub fn idle_in_transaction_session_timeout_ms(&self) -> u64 {
        todo!()
    }

    /// `idle_session_timeout` in milliseconds; 0 is none.
    pub fn idle_session_timeout_ms(&self) -> u64 {
        todo!()
    }

    /// `client_min_messages` lets a report of this level through.
    pub fn lets_through(&self, level: crate::base::error::Level) -> bool {
        let _ = level;
        todo!()
    }
}
