//! Small answers the session makes itself: SHOW, EXPLAIN, and portals that have no more rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringViewArray};
use arrow::datatypes::Schema;

use super::{RowsResponse, RowsTag, Session};
use crate::base::{Error, Oid, Result};
use crate::engine::{OutputColumn, Rows};
use crate::pg_catalog::names::Names;
use crate::types::PgType;

/// A column of text that comes from no table.
pub(super) fn text_column(name: impl Into<String>) -> OutputColumn {
    OutputColumn {
        name: name.into(),
        ty: PgType::TEXT,
        table: Oid::INVALID,
        attnum: 0,
    }
}

/// Columns of text.
pub(super) fn text_columns(names: &[&str]) -> Arc<[OutputColumn]> {
    names.iter().map(|name| text_column(*name)).collect()
}

/// No rows of `columns`.
pub(super) fn none(columns: Arc<[OutputColumn]>) -> Result<Rows> {
    let schema = Schema::new(
        columns
            .iter()
            .map(|column| column.ty.field(&column.name, true))
            .collect::<Vec<_>>(),
    );
    Ok(Rows::ready(
        columns,
        RecordBatch::new_empty(Arc::new(schema)),
    ))
}

/// Rows of text.
pub(super) fn text_rows(columns: Arc<[OutputColumn]>, rows: &[Vec<String>]) -> Result<Rows> {
    let fields: Vec<_> = columns
        .iter()
        .map(|column| column.ty.field(&column.name, true))
        .collect();
    let arrays = (0..columns.len())
        .map(|index| {
            let values = rows.iter().map(|row| row.get(index).map(String::as_str));
            Arc::new(values.collect::<StringViewArray>()) as ArrayRef
        })
        .collect();
    let batch = RecordBatch::try_new_with_options(
        Arc::new(Schema::new(fields)),
        arrays,
        &RecordBatchOptions::new().with_row_count(Some(rows.len())),
    )
    .map_err(|error| Error::internal("building an answer", error))?;
    Ok(Rows::ready(columns, batch))
}

impl Session {
    /// Rows the session made itself, as an answer.
    pub(super) fn respond(&mut self, rows: Rows, tag: RowsTag) -> Result<RowsResponse> {
        Ok(RowsResponse {
            binary: vec![false; rows.columns().len()],
            rows,
            style: self.style()?,
            names: Names::new(self.bystander()?),
            tag,
        })
    }
}
