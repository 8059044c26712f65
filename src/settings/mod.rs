//! Run-time settings (PostgreSQL's GUCs): name, type, default, who may set them, and a session's
//! values.
//!
//! The table ([`all`]) says what there is; [`Settings`] holds what a session made of it. A setting
//! of PostgreSQL's that would change answers and that commons cannot honour is refused when it is
//! set; those that only tune PostgreSQL's planner or storage are accepted and have no effect.

mod number;
mod style;
mod table;
#[cfg(test)]
mod tests;
mod values;
mod word;

use std::cmp::Ordering;

pub use number::general;
pub use values::Settings;
pub use word::join_arguments;

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
#[derive(Debug, Clone, Copy, PartialEq)]
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
    /// Floating point between bounds, with a base unit.
    Real {
        /// Least.
        min: f64,
        /// Greatest.
        max: f64,
        /// Unit a bare number has.
        unit: &'static str,
    },
    /// One of these words.
    Enum(&'static [&'static str]),
    /// Any text.
    Text,
    /// Comma-separated identifiers (search_path).
    List,
}

/// Every setting, sorted by lower-cased name.
pub fn all() -> &'static [Setting] {
    table::TABLE
}

/// The setting named `name`, whatever its case.
pub fn find(name: &str) -> Option<&'static Setting> {
    table::TABLE
        .binary_search_by(|setting| compare(setting.name, name))
        .ok()
        .map(|index| &table::TABLE[index])
}

/// Order of names, case apart.
fn compare(left: &str, right: &str) -> Ordering {
    let lower = |name: &str| {
        name.bytes()
            .map(|b| b.to_ascii_lowercase())
            .collect::<Vec<_>>()
    };
    lower(left).cmp(&lower(right))
}
