//! Rows on their way into the table, in the order they came: chosen by WHERE, filled with defaults,
//! checked, written. Everything here blocks.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt64Array, new_null_array};
use arrow::record_batch::RecordBatch;

use super::filter::Filter;
use super::loaded::{CopiedRows, Loaded, Waiting};
use super::partitions::{Lost, Partitions};
use super::values::{Batch, Fault};
use crate::base::{Error, Result};
use crate::catalog::{Change, Relation};
use crate::engine::Engine;
use crate::engine::dml::{Feeds, Keys, Router, check_not_null};
use crate::observe::{Interrupt, Transfer};
use crate::statement::StatementContext;
use crate::storage::SegmentWriter;
use crate::types::PgType;

/// Bytes of a line or a value shown in an error, as in PostgreSQL.
const SHOWN_BYTES: usize = 100;

/// What makes whole rows of the columns copied. Without it the others are NULL.
#[derive(Clone)]
pub(super) struct Fill {
    /// Runs what defaults and rules have to be run.
    pub(super) engine: Arc<Engine>,
    pub(super) feeds: Feeds,
    /// COPY … WHERE
    pub(super) filter: Option<Filter>,
    /// Which partitions rows are for, of a partitioned table.
    pub(super) router: Option<Router>,
    /// Whether triggers look at the rows.
    pub(super) watched: bool,
    /// Of the runtime the copy belongs to: threads that wait for the disk may wait for it, too.
    pub(super) runtime: tokio::runtime::Handle,
}

/// Where rows were in the input, for error messages.
pub(super) trait Places {
    /// `line 3`, with the line itself where there is one.
    fn place(&self, row: usize, with_line: bool) -> String;
}

/// The table, being filled.
pub(super) struct Target {
    pub(super) context: Arc<StatementContext>,
    pub(super) relation: Arc<Relation>,
    /// Column of the relation by field.
    pub(super) columns: Vec<usize>,
    /// What fills the other columns, and what rows are checked against.
    pub(super) fill: Option<Fill>,
    keys: Option<Keys>,
    /// Whether `keys` were looked for.
    keyed: bool,
    writer: SegmentWriter,
    partitions: Partitions,
    /// Where triggers look at rows, those so far.
    waiting: Option<Waiting>,
    transfer: Arc<Transfer>,
}

impl Target {
    pub(super) fn new(
        context: Arc<StatementContext>,
        relation: Arc<Relation>,
        columns: Vec<usize>,
        transfer: Arc<Transfer>,
        fill: Option<Fill>,
    ) -> Result<Self> {
        let store = Arc::clone(context.database.store());
        let watched = fill.as_ref().filter(|fill| fill.watched);
        let waiting = watched.map(|fill| Waiting::new(fill.engine.options().memory_bytes / 4));
        Ok(Self {
            waiting,
            writer: SegmentWriter::new(store, Arc::clone(&relation)),
            partitions: Partitions::default(),
            transfer,
            fill,
            keys: None,
            keyed: false,
            context,
            relation,
            columns,
        })
    }

    /// Types of the columns copied.
    pub(super) fn types(&self) -> Vec<PgType> {
        let columns = self.columns.iter();
        columns
            .map(|index| self.relation.columns[*index].ty)
            .collect()
    }

    /// The name of a column copied.
    pub(super) fn column_name(&self, field: usize) -> &str {
        &self.relation.columns[self.columns[field]].name
    }

    /// Takes `rows` rows: an array for each column copied.
    ///
    /// # Errors
    /// For the first row that breaks the table's rules or has a key that is there already, saying
    /// where it was.
    pub(super) fn take(
        &mut self,
        arrays: &[ArrayRef],
        rows: usize,
        places: &dyn Places,
    ) -> Result<()> {
        if rows == 0 {
            return Ok(());
        }
        let mut batch = self.batch(arrays, rows)?;
        let mut chosen = None;
        if let Some(fill) = &self.fill
            && let Some(filter) = &fill.filter
        {
            let kept = match filter.rows(&self.context, fill, &batch) {
                Ok(kept) => kept,
                Err(error) if rows == 1 => {
                    return Err(self.at(error, &places.place(0, true)));
                }
                // One of them fails: PostgreSQL would have taken those before it.
                Err(_) => return self.take_one_by_one(arrays, rows, places),
            };
            if kept.len() < rows {
                let indexes = UInt64Array::from_iter_values(kept.iter().map(|row| *row as u64));
                batch = arrow::compute::take_record_batch(&batch, &indexes)
                    .map_err(|error| Error::internal("choosing rows", error))?;
                chosen = Some(kept);
            }
        }
        if let Some(waiting) = &mut self.waiting {
            self.transfer.add_rows(batch.num_rows());
            return waiting.push(batch);
        }
        let origin = |row: usize| chosen.as_ref().map_or(row, |chosen| chosen[row]);
        if let Some(fill) = &self.fill
            && let Some(router) = &fill.router
        {
            let (context, partitions) = (&self.context, &mut self.partitions);
            return match partitions.take(context, fill, router, &batch)? {
                None => {
                    self.transfer.add_rows(batch.num_rows());
                    Ok(())
                }
                Some(Lost {
                    row,
                    error,
                    with_line,
                }) => Err(self.at(error, &places.place(origin(row), with_line))),
            };
        }
        let broken = self.broken(&batch)?;
        let sound = broken.as_ref().map_or(batch.num_rows(), |(row, _)| *row);
        if let Some(fill) = &self.fill
            && !std::mem::replace(&mut self.keyed, true)
        {
            let (engine, interrupt) = (&fill.engine, Interrupt::new());
            let open = Keys::open(engine, &self.context, &self.relation, &interrupt, |_| true);
            self.keys = fill.runtime.block_on(open)?;
        }
        if let Some(keys) = &mut self.keys {
            let of = keys.of(&batch)?;
            for row in 0..sound {
                if let Err(error) = keys.take(&batch, &of, row, 0) {
                    return Err(self.at(error, &places.place(origin(row), false)));
                }
            }
        }
        if let Some((row, error)) = broken {
            return Err(self.at(error, &places.place(origin(row), true)));
        }
        self.writer.write(&batch)?;
        self.transfer.add_rows(batch.num_rows());
        Ok(())
    }

    fn take_one_by_one(
        &mut self,
        arrays: &[ArrayRef],
        rows: usize,
        places: &dyn Places,
    ) -> Result<()> {
        struct One<'a>(&'a dyn Places, usize);
        impl Places for One<'_> {
            fn place(&self, row: usize, with_line: bool) -> String {
                self.0.place(self.1 + row, with_line)
            }
        }
        for row in 0..rows {
            let one: Vec<ArrayRef> = arrays.iter().map(|array| array.slice(row, 1)).collect();
            self.take(&one, 1, &One(places, row))?;
        }
        Ok(())
    }

    /// The rows, as segments.
    pub(super) fn finish(mut self) -> Result<Loaded> {
        if let (Some(waiting), Some(fill)) = (self.waiting.take(), self.fill.clone()) {
            let rows = CopiedRows {
                relation: self.relation,
                feeds: fill.feeds,
                router: fill.router,
                batches: waiting.batches,
            };
            return Ok(Loaded {
                changes: Vec::new(),
                rows: waiting.rows,
                watched: Some(rows),
            });
        }
        if let Some(keys) = &mut self.keys {
            keys.settle()?;
        }
        if self.fill.as_ref().is_some_and(|fill| fill.router.is_some()) {
            return self.partitions.finish();
        }
        let rows = self.writer.rows();
        let segments = self.writer.finish()?;
        let changes = match segments.is_empty() {
            true => Vec::new(),
            false => vec![Change::AddSegments {
                relation: self.relation.oid,
                segments,
            }],
        };
        Ok(Loaded {
            changes,
            rows,
            watched: None,
        })
    }

    /// A batch of the relation's columns.
    fn batch(&self, arrays: &[ArrayRef], rows: usize) -> Result<RecordBatch> {
        if self.relation.columns.is_empty() {
            return Err(Error::unsupported("COPY into a table without columns"));
        }
        if let Some(fill) = &self.fill {
            let source = |field: usize, _: usize| Ok(Arc::clone(&arrays[field]));
            let interrupt = Interrupt::new();
            return fill.runtime.block_on(fill.engine.fill_rows(
                &self.context,
                &fill.feeds,
                rows,
                source,
                &interrupt,
            ));
        }
        let columns = self.relation.columns.iter().enumerate();
        let columns = columns.map(|(index, column)| {
            let field = self.columns.iter().position(|of| *of == index);
            let array = match field {
                Some(field) => Arc::clone(&arrays[field]),
                None => new_null_array(&column.ty.data_type(), rows),
            };
            (&column.stored_name, array, true)
        });
        RecordBatch::try_from_iter_with_nullable(columns)
            .map_err(|error| Error::internal("reading COPY data", error))
    }

    /// The first row that breaks the table's rules.
    fn broken(&self, batch: &RecordBatch) -> Result<Option<(usize, Error)>> {
        let Some(fill) = &self.fill else {
            let given = self
                .columns
                .iter()
                .map(|of| self.relation.columns[*of].attnum);
            let given = given.collect();
            let first = (0..batch.num_rows()).find_map(|row| {
                let row_alone = batch.slice(row, 1);
                let checked = check_not_null(&self.context, &self.relation, &given, &row_alone);
                checked.err().map(|error| (row, error))
            });
            return Ok(first);
        };
        let interrupt = Interrupt::new();
        fill.runtime.block_on(fill.engine.check_rows(
            &self.context,
            &self.relation,
            fill.feeds.rules(),
            batch,
            &interrupt,
        ))
    }

    /// The error, with where it happened: `COPY t, line 3`.
    pub(super) fn at(&self, error: Error, place: &str) -> Error {
        let context = format!("COPY {}, {place}", self.relation.name);
        // After what the reader of the value said, as PostgreSQL does.
        let context = match &error.fields().context {
            Some(inner) => format!("{inner}\n{context}"),
            None => context,
        };
        error.context(context)
    }

    /// The error of a value that could not be read.
    pub(super) fn of_value(&self, fault: Fault, batch: &Batch, shows: bool) -> Error {
        let number = batch.numbers.get(fault.row).copied().unwrap_or(0);
        let place = format!("line {number}, column {}", self.column_name(fault.column));
        let place = match batch.value(fault.row, fault.column) {
            _ if !shows => place,
            Some(value) => format!("{place}: \"{}\"", shown(value)),
            None => format!("{place}: null input"),
        };
        self.at(fault.error, &place)
    }
}

impl Places for Batch {
    fn place(&self, row: usize, with_line: bool) -> String {
        let number = self.numbers.get(row).copied().unwrap_or(0);
        match with_line && !self.lines.is_empty() {
            true => line_place(number, self.line(row)),
            false => format!("line {number}"),
        }
    }
}

/// `line 3: "its text"`
pub(super) fn line_place(number: u64, line: &[u8]) -> String {
    format!("line {number}: \"{}\"", shown(line))
}

/// At most [`SHOWN_BYTES`] of a line or value.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.len() <= SHOWN_BYTES {
        return text.into_owned();
    }
    let mut end = SHOWN_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}
