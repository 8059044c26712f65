//! Rows that never change, from tab-separated files under `sql/`: PostgreSQL 15's own types, casts,
//! operators, functions.
//!
//! The first line names the columns; `\N` is NULL. Columns a file leaves out are filled by code.

use crate::base::Oid;
use crate::catalog::Column;
use crate::types::PgType;

use super::Value;

/// A file, split.
#[derive(Debug)]
pub(super) struct File {
    header: Vec<&'static str>,
    /// Its lines, each with as many fields as the header.
    pub(super) lines: Vec<Vec<&'static str>>,
}

impl File {
    /// Splits the text of a file.
    pub(super) fn new(text: &'static str) -> Self {
        let mut lines = text.lines().map(|line| line.split('\t').collect());
        Self {
            header: lines.next().unwrap_or_default(),
            lines: lines.collect(),
        }
    }

    /// Where a column is, if the file has it.
    pub(super) fn position(&self, column: &str) -> Option<usize> {
        self.header.iter().position(|name| *name == column)
    }

    /// A field of a line, read as the column's type.
    pub(super) fn value(&self, line: &[&'static str], column: &Column) -> Option<Value> {
        let position = self.position(&column.name)?;
        line.get(position).map(|text| value(column.ty, text))
    }

    /// A field of a line that is an OID.
    pub(super) fn oid(&self, line: &[&'static str], column: &str) -> Oid {
        let text = self.position(column).and_then(|index| line.get(index));
        Oid(text.and_then(|text| text.parse().ok()).unwrap_or(0))
    }
}

/// Reads the few types these files use: booleans, integers, text, vectors and plain arrays.
fn value(ty: PgType, text: &'static str) -> Value {
    if text == "\\N" {
        return Value::Null;
    }
    if let Some(element) = ty.element() {
        let inner = text.trim_start_matches('{').trim_end_matches('}');
        let separator = if text.starts_with('{') { ',' } else { ' ' };
        return Value::List(
            inner
                .split(separator)
                .filter(|item| !item.is_empty())
                .map(|item| value(element, item.trim_matches('"')))
                .collect(),
        );
    }
    match Value::zero(ty) {
        Value::Bool(_) => Value::Bool(text == "t"),
        Value::Int(_) => text.parse().map_or(Value::Null, Value::Int),
        Value::Float(_) => text.parse().map_or(Value::Null, Value::Float),
        Value::Null
        | Value::Bytes(_)
        | Value::Text(_)
        | Value::Time(_)
        | Value::Interval(..)
        | Value::List(_)
        | Value::Numeric(_)
        | Value::Raw(_) => Value::Text(text.into()),
    }
}
