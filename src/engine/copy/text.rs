//! Rows of COPY data into segments: a batch of values by column, then all of a column read at once.
//!
//! PostgreSQL reports the first row at fault, and in it the first column; reading column by column
//! must not show, so every problem found is placed by row and column before one is reported.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow::record_batch::RecordBatch;

use super::fields::{Cells, Splitter};
use super::lines::{Line, Scanner, bad};
use super::{CopyOptions, Header};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Change, Relation};
use crate::engine::Engine;
use crate::engine::dml::{Feeds, Keys, check_not_null};
use crate::observe::{Interrupt, Transfer};
use crate::pg_catalog::names::parse_reg;
use crate::statement::StatementContext;
use crate::storage::SegmentWriter;
use crate::types::PgType;
use crate::types::binary::invalid_sequence;
use crate::types::text::{ParseError, parse_column};

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;
/// Bytes of a batch, so that wide rows make short ones.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of one row at most, which has to be in memory whole.
const ROW_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Bytes of a line or a value shown in an error, as in PostgreSQL.
const SHOWN_BYTES: usize = 100;

/// What makes whole rows of the columns copied. Without it the others are NULL.
pub(super) struct Fill {
    /// Runs what defaults and rules have to be run.
    pub(super) engine: Arc<Engine>,
    pub(super) feeds: Feeds,
    /// Of the runtime the copy belongs to: threads that wait for the disk may wait for it, too.
    pub(super) runtime: tokio::runtime::Handle,
}

/// COPY FROM, without its asynchronous half. Everything here blocks.
pub(super) struct Loader {
    context: Arc<StatementContext>,
    relation: Arc<Relation>,
    /// Column of the relation by field.
    columns: Vec<usize>,
    /// What fills the other columns, and what rows are checked against.
    fill: Option<Fill>,
    keys: Option<Keys>,
    header: Header,
    scanner: Scanner,
    splitter: Splitter,
    /// Bytes not yet consumed: the beginning of a row.
    buffer: Vec<u8>,
    cells: Vec<Cells>,
    /// The batch's lines as they came, for error messages, and the number of each.
    lines: Cells,
    numbers: Vec<u64>,
    writer: SegmentWriter,
    transfer: Arc<Transfer>,
    /// The end marker was seen.
    ended: bool,
}

impl Loader {
    pub(super) fn new(
        context: Arc<StatementContext>,
        relation: Arc<Relation>,
        columns: Vec<usize>,
        options: &CopyOptions,
        transfer: Arc<Transfer>,
        fill: Option<Fill>,
    ) -> Result<Self> {
        let keys = match &fill {
            Some(fill) => Keys::new(&context, &relation, fill.engine.keys(), |_| true)?,
            None => None,
        };
        let store = Arc::clone(context.database.store());
        Ok(Self {
            writer: SegmentWriter::new(store, Arc::clone(&relation)),
            transfer,
            fill,
            keys,
            header: options.header,
            scanner: Scanner::new(options),
            splitter: Splitter::new(options, columns.len()),
            buffer: Vec::new(),
            cells: columns.iter().map(|_| Cells::default()).collect(),
            lines: Cells::default(),
            numbers: Vec::new(),
            ended: false,
            context,
            relation,
            columns,
        })
    }

    /// Takes bytes; `closed` with the last.
    ///
    /// # Errors
    /// See [`super::CopyIn::write`].
    pub(super) fn feed(&mut self, bytes: &[u8], closed: bool) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        // Rows are read in place; what is left of the last one moves to the front.
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.extend_from_slice(bytes);
        let mut start = 0;
        loop {
            let rest = &buffer[start..];
            let line = match self.scanner.next(rest, closed) {
                Ok(line) => line,
                Err(error) => {
                    self.flush(self.numbers.len())?;
                    let context = match self.scanner.is_unterminated(closed) {
                        true => self.line_context(self.scanner.number, rest),
                        false => self.number_context(self.scanner.number),
                    };
                    return Err(error.context(context));
                }
            };
            match line {
                Line::More => {
                    if rest.len() > ROW_BYTES_MAX {
                        return Err(Error::new(
                            SqlState::PROGRAM_LIMIT_EXCEEDED,
                            format!("a row of COPY data is longer than {ROW_BYTES_MAX} bytes"),
                        )
                        .context(self.number_context(self.scanner.number)));
                    }
                    break;
                }
                Line::End => {
                    self.ended = true;
                    break;
                }
                Line::Row { content, total } => {
                    self.row(&rest[..content])?;
                    start += total;
                }
                Line::Last { content } => {
                    self.row(&rest[..content])?;
                    self.ended = true;
                    break;
                }
            }
        }
        if !self.ended {
            buffer.drain(..start);
            self.buffer = buffer;
        }
        Ok(())
    }

    /// The rows, as segments.
    pub(super) fn finish(mut self) -> Result<(Vec<Change>, u64)> {
        self.feed(&[], true)?;
        self.flush(self.numbers.len())?;
        let rows = self.writer.rows();
        let segments = self.writer.finish()?;
        let changes = match segments.is_empty() {
            true => Vec::new(),
            false => vec![Change::AddSegments {
                relation: self.relation.oid,
                segments,
            }],
        };
        Ok((changes, rows))
    }

    /// One row, without its line end.
    fn row(&mut self, line: &[u8]) -> Result<()> {
        let number = self.scanner.number;
        self.scanner.number += 1;
        if let Err(error) = std::str::from_utf8(line) {
            self.flush(self.numbers.len())?;
            let rest = &line[error.valid_up_to()..];
            let length = error.error_len().unwrap_or(rest.len()).clamp(1, rest.len());
            return Err(invalid_sequence(&rest[..length]).context(self.number_context(number)));
        }
        if memchr::memchr(0, line).is_some() {
            self.flush(self.numbers.len())?;
            return Err(invalid_sequence(&[0]).context(self.number_context(number)));
        }
        match std::mem::replace(&mut self.header, Header::Off) {
            Header::Off => {}
            Header::On => return Ok(()),
            Header::Match => {
                return self
                    .check_header(line)
                    .map_err(|error| error.context(self.line_context(number, line)));
            }
        }
        let rows = self.numbers.len();
        let width = self.splitter.split(line, &mut self.cells);
        if width.fields > self.cells.len() {
            self.cells.iter_mut().for_each(|cells| cells.truncate(rows));
            self.flush(rows)?;
            return Err(bad("extra data after last expected column")
                .context(self.line_context(number, line)));
        }
        self.lines.bytes.extend_from_slice(line);
        self.lines.finish(false);
        self.numbers.push(number);
        for cells in self.cells.iter_mut().skip(width.fields) {
            cells.finish(true);
        }
        if width.made_bytes {
            self.check_made(rows, number)?;
        }
        if width.fields < self.cells.len() {
            // The values that are there are read first: one of them may be wrong, too.
            self.flush(rows)?;
            let name = &self.relation.columns[self.columns[width.fields]].name;
            return Err(bad(format!("missing data for column \"{name}\""))
                .context(self.line_context(number, line)));
        }
        if rows + 1 >= BATCH_ROWS || self.lines.bytes.len() >= BATCH_BYTES {
            self.flush(rows + 1)?;
        }
        Ok(())
    }

    /// Bytes made by escapes must be UTF-8 together with those around them.
    fn check_made(&mut self, row: usize, number: u64) -> Result<()> {
        for field in 0..self.cells.len() {
            let Some(value) = self.cells[field].get(row) else {
                continue;
            };
            let wrong = match std::str::from_utf8(value) {
                Ok(_) if !value.contains(&0) => continue,
                Ok(_) => vec![0],
                Err(error) => {
                    let rest = &value[error.valid_up_to()..];
                    let length = error.error_len().unwrap_or(rest.len()).clamp(1, rest.len());
                    rest[..length].to_vec()
                }
            };
            let line = self.lines.get(row).unwrap_or_default().to_vec();
            let context = self.line_context(number, &line);
            // Without this row, whose values are not text.
            for cells in self.cells.iter_mut().chain([&mut self.lines]) {
                cells.truncate(row);
            }
            self.numbers.truncate(row);
            self.flush(row)?;
            return Err(invalid_sequence(&wrong).context(context));
        }
        Ok(())
    }

    fn check_header(&self, line: &[u8]) -> Result<()> {
        // Its own cells, one more than there should be.
        let mut cells: Vec<_> = (0..self.cells.len()).map(|_| Cells::default()).collect();
        let width = self.splitter.split(line, &mut cells);
        let expected = cells.len();
        if width.fields != expected {
            let got = match width.fields < expected {
                true => width.fields,
                false => self.splitter.count(line),
            };
            return Err(bad(format!(
                "wrong number of fields in header line: got {got}, expected {expected}"
            )));
        }
        for (field, (cells, column)) in cells.iter().zip(&self.columns).enumerate() {
            let name = &self.relation.columns[*column].name;
            let got = match cells.get(0) {
                None => format!("null value (\"{}\")", self.splitter.null_text()),
                Some(text) if text == name.as_bytes() => continue,
                Some(text) => format!("\"{}\"", String::from_utf8_lossy(text)),
            };
            return Err(bad(format!(
                "column name mismatch in header line field {}: got {got}, expected \"{name}\"",
                field + 1
            )));
        }
        Ok(())
    }

    /// Reads the batch's values and writes them. Only the first `whole` rows are known to have
    /// every column: of the one after them only the values are checked, since the caller reports
    /// it.
    fn flush(&mut self, whole: usize) -> Result<()> {
        let mut arrays = Vec::with_capacity(self.cells.len());
        let mut failure: Option<(usize, usize, Error)> = None;
        for (field, cells) in self.cells.iter().enumerate() {
            let ty = self.relation.columns[self.columns[field]].ty;
            match self.read(cells, ty) {
                Ok(array) => arrays.push(array),
                Err(ParseError { row, error }) => {
                    let earlier = failure.as_ref().is_none_or(|(first, _, _)| row < *first);
                    if earlier {
                        failure = Some((row, field, error));
                    }
                }
            }
        }
        if let Some((row, field, error)) = failure {
            // An earlier row may have a NULL where none may be; PostgreSQL would have stopped
            // there.
            self.check_before(row)?;
            return Err(with_context(error, self.value_context(row, field)));
        }
        let arrays: Vec<ArrayRef> = arrays.iter().map(|array| array.slice(0, whole)).collect();
        let batch = self.batch(&arrays, whole)?;
        self.check(&batch)?;
        self.writer.write(&batch)?;
        self.transfer.add_rows(batch.num_rows());
        for cells in self.cells.iter_mut().chain([&mut self.lines]) {
            cells.clear();
        }
        self.numbers.clear();
        Ok(())
    }

    fn read(&self, cells: &Cells, ty: PgType) -> Result<ArrayRef, ParseError> {
        let fail = |error| ParseError { row: 0, error };
        // Lines were checked, and so was what escapes made.
        let text = std::str::from_utf8(&cells.bytes)
            .map_err(|error| fail(Error::internal("reading COPY data", error)))?;
        let mut start = 0;
        let values: Vec<_> = cells
            .ends
            .iter()
            .map(|(end, null)| {
                let value = &text[start..*end];
                start = *end;
                (!null).then_some(value)
            })
            .collect();
        if ty.is_reg() {
            let oids = values.iter().enumerate().map(|(row, value)| {
                let oid = value
                    .map(|text| parse_reg(&self.context, ty, text))
                    .transpose();
                oid.map(|oid| oid.map(|oid| oid.0))
                    .map_err(|error| ParseError { row, error })
            });
            return Ok(Arc::new(oids.collect::<Result<UInt32Array, _>>()?));
        }
        let context = &self.context;
        let array = parse_column(&values, ty, &context.style, context.transaction_time)?;
        match *array.data_type() == ty.data_type() {
            true => Ok(array),
            // Several dimensions are lists of lists, which a column of lists cannot hold.
            false => Err(fail(Error::unsupported(
                "multidimensional arrays in a table",
            ))),
        }
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

    /// Refuses rows that break the table's rules or have a key that is there already, naming the
    /// line.
    fn check(&mut self, batch: &RecordBatch) -> Result<()> {
        let broken = self.broken(batch)?;
        let sound = broken.as_ref().map_or(batch.num_rows(), |(row, _)| *row);
        if let Some(keys) = &mut self.keys {
            let of = keys.of(batch)?;
            for row in 0..sound {
                if let Err(error) = keys.take(batch, &of, row, 0) {
                    return Err(error.context(self.number_context(self.numbers[row])));
                }
            }
        }
        match broken {
            None => Ok(()),
            Some((row, error)) => {
                let line = self.lines.get(row).unwrap_or_default();
                Err(error.context(self.line_context(self.numbers[row], line)))
            }
        }
    }

    /// The first row that breaks the table's rules.
    fn broken(&self, batch: &RecordBatch) -> Result<Option<(usize, Error)>> {
        let Some(fill) = &self.fill else {
            let first = (0..batch.num_rows()).find_map(|row| {
                let checked = check_not_null(&self.context, &self.relation, &batch.slice(row, 1));
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

    /// [`Self::check`] for the rows before `row`, all of whose values can be read.
    fn check_before(&mut self, row: usize) -> Result<()> {
        if row == 0 {
            return Ok(());
        }
        let mut arrays = Vec::with_capacity(self.cells.len());
        for (field, cells) in self.cells.iter().enumerate() {
            let ty = self.relation.columns[self.columns[field]].ty;
            let array = self.read(&cells.first(row), ty);
            arrays.push(array.map_err(|failure| failure.error)?);
        }
        let batch = self.batch(&arrays, row)?;
        self.check(&batch)
    }

    fn number_context(&self, number: u64) -> String {
        format!("COPY {}, line {number}", self.relation.name)
    }

    fn line_context(&self, number: u64, line: &[u8]) -> String {
        format!("{}: \"{}\"", self.number_context(number), shown(line))
    }

    fn value_context(&self, row: usize, field: usize) -> String {
        let place = self.number_context(self.numbers[row]);
        let column = &self.relation.columns[self.columns[field]].name;
        match self.cells[field].get(row) {
            Some(value) => format!("{place}, column {column}: \"{}\"", shown(value)),
            None => format!("{place}, column {column}: null input"),
        }
    }
}

/// Adds `context` after what the reader of the value said, as PostgreSQL does.
fn with_context(error: Error, context: String) -> Error {
    let context = match &error.fields().context {
        Some(inner) => format!("{inner}\n{context}"),
        None => context,
    };
    error.context(context)
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
