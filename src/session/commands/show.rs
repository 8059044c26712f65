//! SHOW.

use std::sync::Arc;

use super::tag;
use crate::base::Result;
use crate::engine::OutputColumn;
use crate::session::answer::{text_column, text_columns, text_rows};
use crate::session::{RowsResponse, RowsTag, Session};
use crate::settings;

impl Session {
    /// SHOW name; `None` is ALL.
    pub(in crate::session) fn show(&mut self, name: Option<&str>) -> Result<RowsResponse> {
        let columns = show_columns(name);
        let rows = match name {
            Some(name) => vec![vec![self.shown(name)?]],
            None => settings::all()
                .iter()
                .map(|setting| {
                    Ok(vec![
                        setting.name.to_owned(),
                        self.shown(setting.name)?,
                        setting.description.to_owned(),
                    ])
                })
                .collect::<Result<_>>()?,
        };
        let rows = text_rows(columns, &rows)?;
        self.respond(rows, RowsTag::Fixed(tag("SHOW")))
    }

    /// A setting's value as SHOW prints it. What the session itself knows better is no mere setting.
    pub(in crate::session) fn shown(&self, name: &str) -> Result<String> {
        let name = name.to_ascii_lowercase();
        let role_name = |oid| {
            let view = self.open.as_ref().and_then(|open| open.view()).cloned();
            view.unwrap_or_else(|| self.shared.database.snapshot())
                .role_name(oid)
        };
        match name.as_str() {
            "role" => Ok(self
                .values
                .role
                .map_or_else(|| "none".to_owned(), role_name)),
            "session_authorization" => Ok(role_name(self.values.session_role)),
            "is_superuser" => {
                let is_superuser = self.is_superuser(self.values.current_role());
                Ok(if is_superuser { "on" } else { "off" }.to_owned())
            }
            "transaction_isolation" => match &self.open {
                Some(open) => Ok(open.level.to_owned()),
                None => self.values.settings.show("default_transaction_isolation"),
            },
            "transaction_read_only" => match &self.open {
                Some(open) => Ok(if open.read_only { "on" } else { "off" }.to_owned()),
                None => self.values.settings.show("default_transaction_read_only"),
            },
            name => self.values.settings.show(name),
        }
    }
}

/// What SHOW answers with: one column named as the setting is spelled, or three for ALL.
pub(super) fn show_columns(name: Option<&str>) -> Arc<[OutputColumn]> {
    match name {
        None => text_columns(&["name", "setting", "description"]),
        Some(name) => {
            let spelled = settings::all()
                .iter()
                .find(|setting| setting.name.eq_ignore_ascii_case(name))
                .map_or(name, |setting| setting.name);
            Arc::from([text_column(spelled)])
        }
    }
}
