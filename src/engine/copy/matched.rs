//! Record batches from outside as rows of the table: which of their columns is which of the
//! table's, and their values as the table's types.

use arrow::array::ArrayRef;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;

use super::adopt::Adoption;
use super::lines::bad;
use super::target::{Places, Target};
use super::values::BATCH_ROWS;
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::precision::precisely;
use crate::types::text::ParseError;

/// The columns of record batches that are to come, matched with the table's.
#[derive(Debug)]
pub(super) struct Matched {
    /// By column copied: which column of the batches it is, and how it becomes one of the table's.
    columns: Vec<(usize, Adoption, PgType)>,
    /// Rows taken.
    rows: u64,
}

/// Rows of a batch, by number.
struct Numbered(u64);

impl Places for Numbered {
    fn place(&self, row: usize, _: bool) -> String {
        format!("line {}", self.0 + row as u64 + 1)
    }
}

impl Matched {
    /// Matches by name, or by position.
    ///
    /// # Errors
    /// `22P04` for a column that is missing, too many, or there twice; `42804` for one whose values
    /// are not of the table's type.
    pub(super) fn new(schema: &Schema, target: &Target, by_position: bool) -> Result<Self> {
        let types = target.types();
        let fields = schema.fields();
        let mut sources = Vec::with_capacity(types.len());
        if by_position {
            if fields.len() != types.len() {
                return Err(bad(format!(
                    "the data have {} columns, expected {}",
                    fields.len(),
                    types.len()
                )));
            }
            sources.extend(0..types.len());
        } else {
            let names: Vec<&str> = (0..types.len()).map(|at| target.column_name(at)).collect();
            if let Some(extra) = fields.iter().find(|f| !names.contains(&f.name().as_str())) {
                return Err(bad(format!(
                    "column \"{}\" of the data is not a column copied",
                    extra.name()
                ))
                .hint("Columns are matched by name. MATCH 'position' matches them in order."));
            }
            for name in names {
                let mut found = fields.iter().enumerate().filter(|(_, f)| f.name() == name);
                match (found.next(), found.next()) {
                    (Some((index, _)), None) => sources.push(index),
                    (Some(_), Some(_)) => {
                        return Err(bad(format!("the data have two columns \"{name}\"")));
                    }
                    (None, _) => {
                        return Err(bad(format!("missing data for column \"{name}\"")).hint(
                            "Name the columns that the data have after the table; the others get \
                             their defaults.",
                        ));
                    }
                }
            }
        }
        let mut columns = Vec::with_capacity(types.len());
        for (at, (source, ty)) in sources.into_iter().zip(types).enumerate() {
            let from = fields[source].data_type();
            let Some(adoption) = Adoption::of(from, ty) else {
                return Err(Error::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!(
                        "column \"{}\" is of type {ty} but the data have {from}",
                        target.column_name(at)
                    ),
                )
                .hint("Cast the column before it is sent."));
            };
            columns.push((source, adoption, ty));
        }
        Ok(Self { columns, rows: 0 })
    }

    /// Takes the rows of a batch.
    ///
    /// # Errors
    /// For the first value that is not one of the table's type, and as [`Target::take`].
    pub(super) fn take(&mut self, target: &mut Target, batch: &RecordBatch) -> Result<()> {
        let mut start = 0;
        while start < batch.num_rows() {
            let rows = BATCH_ROWS.min(batch.num_rows() - start);
            self.take_slice(target, &batch.slice(start, rows))?;
            start += rows;
            self.rows += rows as u64;
        }
        Ok(())
    }

    fn take_slice(&self, target: &mut Target, batch: &RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        let places = Numbered(self.rows);
        let mut first: Option<(usize, ParseError)> = None;
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (at, (source, adoption, ty)) in self.columns.iter().enumerate() {
            match adoption.adopt(&target.context, batch.column(*source), *ty) {
                Ok(array) => arrays.push(precisely(&array, *ty)),
                Err(fault) if first.as_ref().is_none_or(|(_, it)| fault.row < it.row) => {
                    first = Some((at, fault));
                }
                Err(_) => {}
            }
        }
        let Some((at, fault)) = first else {
            return target.take(&arrays, rows, &places);
        };
        // A row before it may break a rule.
        if fault.row > 0 {
            self.take_slice(target, &batch.slice(0, fault.row))?;
        }
        let place = places.place(fault.row, false);
        let place = format!("{place}, column {}", target.column_name(at));
        Err(target.at(fault.error, &place))
    }
}

/// What a library said of data it could not read.
pub(super) fn unreadable(what: &str, error: &dyn std::fmt::Display) -> Error {
    bad(format!("the data are not {what}")).detail(format!("{error}."))
}

/// Runs a reader of foreign bytes: where it panics on broken ones, that is an error too.
pub(super) fn guarded<T>(what: &str, read: impl FnOnce() -> Result<T>) -> Result<T> {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
    caught.unwrap_or_else(|_| Err(bad(format!("the data are not {what}"))))
}
