//! System columns: those that every table has beside the columns it was made with.

use datafusion::common::ScalarValue;

use super::Analyst;
use super::level::Relation;
use super::typed::{self, Typed};
use crate::base::{Error, Result};
use crate::types::PgType;

/// The number of `tableoid` among the columns of every table.
const TABLEOID: i16 = -6;

impl Analyst<'_> {
    /// The system column `name` of a relation; `None` if it has none of this name.
    ///
    /// A relation of the catalog was last changed, for all that is known of its rows, by the
    /// transaction that made the snapshot: who reads `xmin` to see whether anything is new reads
    /// again too often, and never too rarely.
    ///
    /// # Errors
    /// `0A000` for what segments do not keep: who wrote a row, and where it is.
    pub(super) fn system_column(&self, relation: &Relation, name: &str) -> Result<Option<Typed>> {
        let Some(oid) = relation.oid else {
            return Ok(None);
        };
        if !matches!(
            name,
            "tableoid" | "xmin" | "xmax" | "cmin" | "cmax" | "ctid"
        ) {
            return Ok(None);
        }
        let (value, ty) = match name {
            "tableoid" => {
                // Only who may read all of a relation may read its system columns.
                self.note_read(oid, TABLEOID);
                (oid.0, PgType::OID)
            }
            "xmin" if oid.is_system() => {
                let version = self.scope.context.snapshot.version().0;
                (u32::try_from(version).unwrap_or(u32::MAX), PgType::XID)
            }
            "xmax" if oid.is_system() => (0, PgType::XID),
            _ => return Err(Error::unsupported(format!("system column \"{name}\""))),
        };
        let value = match &relation.table {
            // NULL by itself in rows made by an outer join.
            Some(table) if name == "tableoid" => return Ok(Some(table.clone())),
            Some(_) | None => typed::literal(ScalarValue::UInt32(Some(value)), ty),
        };
        match relation.certain.as_ref().filter(|_| relation.null_supplied) {
            Some(certain) => {
                let there = certain.expr.clone().is_not_null();
                let expr = typed::case(vec![(there, value.expr)], None);
                Ok(Some(Typed::new(expr, ty)))
            }
            None => Ok(Some(value)),
        }
    }
}
