//! System columns: those that every table has beside the columns it was made with.

use datafusion::common::ScalarValue;

use super::Analyst;
use super::level::Relation;
use super::typed::{self, Typed};
use crate::base::{Error, Result};
use crate::types::PgType;

/// Columns that every table has.
pub const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"];
/// The number of `tableoid` among the columns of every table.
pub(in crate::engine) const TABLEOID: i16 = -6;
/// That of `ctid`.
const CTID: i16 = -1;
/// That of `xmax`.
const XMAX: i16 = -4;

/// Whether the rows of tables say where they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Places {
    /// No.
    #[default]
    Untold,
    /// No, and the statement wants to know.
    Wanted,
    /// Yes.
    Told,
}

impl Relation {
    /// Whether it has a system column of this name.
    pub(super) fn has_system_column(&self, name: &str) -> bool {
        self.oid.is_some() && SYSTEM_COLUMNS.contains(&name)
    }

    /// A value of each of its rows, which is NULL in those that an outer join makes without it.
    fn certainly(&self, value: &Typed) -> Typed {
        match self.certain.as_ref().filter(|_| self.null_supplied) {
            Some(certain) => {
                let there = certain.expr.clone().is_not_null();
                let expr = typed::case(vec![(there, value.expr.clone())], None);
                Typed::new(expr, value.ty)
            }
            None => value.clone(),
        }
    }
}

impl Analyst<'_> {
    /// The system column `name` of a relation; `None` if it has none of this name.
    ///
    /// A relation of the catalog was last changed, for all that is known of its rows, by the
    /// transaction that made the snapshot: who reads `xmin` to see whether anything is new reads
    /// again too often, and never too rarely.
    ///
    /// Where a row is, only few statements ask: tables are told to say it where one does, and the
    /// statement is analysed again.
    ///
    /// Of rows that a statement can read none was deleted, so their `xmax` is 0; what RETURNING
    /// reads says so itself.
    ///
    /// # Errors
    /// `0A000` for what segments do not keep: who wrote a row.
    pub(super) fn system_column(&self, relation: &Relation, name: &str) -> Result<Option<Typed>> {
        let Some(oid) = relation.oid.filter(|_| relation.has_system_column(name)) else {
            return Ok(None);
        };
        if name == "ctid" && !oid.is_system() {
            let places = &self.shared.places;
            self.note_read(oid, CTID);
            match &relation.place {
                Some(place) => return Ok(Some(place.clone())),
                None if places.get() == Places::Untold => places.set(Places::Wanted),
                None => {}
            }
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
            "xmax" if relation.xmax.is_some() => {
                self.note_read(oid, XMAX);
                return Ok(relation.xmax.as_ref().map(|xmax| relation.certainly(xmax)));
            }
            _ => return Err(Error::unsupported(format!("system column \"{name}\""))),
        };
        let value = match &relation.table {
            // NULL by itself in rows made by an outer join.
            Some(table) if name == "tableoid" => return Ok(Some(table.clone())),
            Some(_) | None => typed::literal(ScalarValue::UInt32(Some(value)), ty),
        };
        Ok(Some(relation.certainly(&value)))
    }
}

/// The `xmax` of rows that nobody deleted.
pub(super) fn no_transaction() -> Typed {
    typed::literal(ScalarValue::UInt32(Some(0)), PgType::XID)
}
