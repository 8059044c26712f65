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
        // Until then the settings of the transaction are those of the last one.
        self.opened()?;
        let columns = show_columns(name);
        let rows = match name {
            Some(name) => vec![vec![self.values.settings.show(name)?]],
            None => settings::all()
                .iter()
                .map(|setting| {
                    Ok(vec![
                        setting.name.to_owned(),
                        self.values.settings.show(setting.name)?,
                        setting.description.to_owned(),
                    ])
                })
                .collect::<Result<_>>()?,
        };
        let rows = text_rows(columns, &rows)?;
        self.respond(rows, RowsTag::Fixed(tag("SHOW")))
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
