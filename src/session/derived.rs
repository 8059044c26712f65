//! What settings mean for statements, worked out once for each change of a setting and not for each
//! statement.

use std::sync::Arc;

use super::Session;
use crate::base::{Oid, Result};
use crate::settings::Settings;
use crate::types::Style;

/// What statements need of the settings.
#[derive(Debug)]
pub(super) struct Derived {
    /// The settings all this was worked out from.
    settings: Arc<Settings>,
    /// How values are written and read.
    pub(super) style: Arc<Style>,
    /// `search_path`, unexpanded.
    pub(super) search_path: Vec<String>,
    /// `statement_timeout`; 0 is none.
    pub(super) statement_timeout_ms: u64,
    /// `default_transaction_isolation`
    pub(super) level: String,
    /// `default_transaction_read_only`
    pub(super) read_only: bool,
    /// `default_transaction_deferrable`
    pub(super) deferrable: bool,
    /// Whether a new transaction's modes differ from what the settings say of one.
    pub(super) is_unusual: bool,
}

/// What the client was told of the reported settings for: as long as none of this changes, they do
/// not either.
#[derive(Debug)]
pub(super) struct Told {
    settings: Arc<Settings>,
    session_role: Oid,
    role: Option<Oid>,
}

impl Session {
    /// What the settings mean.
    ///
    /// # Errors
    /// Never in practice: every setting asked for exists.
    pub(super) fn derived(&mut self) -> Result<Arc<Derived>> {
        let settings = &self.values.settings;
        if let Some(derived) = &self.derived
            && Arc::ptr_eq(&derived.settings, settings)
        {
            return Ok(derived.clone());
        }
        let level = settings.show("default_transaction_isolation")?;
        let read_only = settings.show("default_transaction_read_only")?;
        let deferrable = settings.show("default_transaction_deferrable")?;
        let is_unusual = settings.show("transaction_isolation")? != level
            || settings.show("transaction_read_only")? != read_only
            || settings.show("transaction_deferrable")? != deferrable;
        let derived = Arc::new(Derived {
            style: Arc::new(settings.style()),
            search_path: settings.search_path(),
            statement_timeout_ms: settings.statement_timeout_ms(),
            level,
            read_only: read_only == "on",
            deferrable: deferrable == "on",
            is_unusual,
            settings: settings.clone(),
        });
        self.derived = Some(derived.clone());
        Ok(derived)
    }

    /// Whether nothing that reported settings depend on changed since this was last asked.
    pub(super) fn is_told(&mut self) -> bool {
        let values = &self.values;
        let told = self.told.as_ref().is_some_and(|told| {
            Arc::ptr_eq(&told.settings, &values.settings)
                && told.session_role == values.session_role
                && told.role == values.role
        });
        if !told {
            self.told = Some(Told {
                settings: values.settings.clone(),
                session_role: values.session_role,
                role: values.role,
            });
        }
        told
    }
}
