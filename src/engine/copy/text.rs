//! Rows as text or CSV, into batches of values.

use std::sync::Arc;

use super::fields::Splitter;
use super::lines::{Line, Scanner, bad};
use super::loaded::Loaded;
use super::target::{Fill, Target, line_place};
use super::values::{Batch, Reader, Readers, Span, Values};
use super::{CopyOptions, Header};
use crate::base::{Error, Result, SqlState};
use crate::catalog::Relation;
use crate::observe::Transfer;
use crate::statement::StatementContext;
use crate::types::Widener;
use crate::types::binary::invalid_sequence;

/// Bytes of one row at most, which has to be in memory whole.
pub(super) const ROW_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Takes text or CSV. Everything here blocks.
pub(super) struct TextLoader {
    target: Target,
    header: Header,
    widener: Widener,
    scanner: Scanner,
    splitter: Splitter,
    /// Bytes not yet consumed: the beginning of a row.
    buffer: Vec<u8>,
    batch: Batch,
    readers: Readers,
    /// The end marker was seen.
    ended: bool,
}

impl TextLoader {
    pub(super) fn new(
        context: Arc<StatementContext>,
        relation: Arc<Relation>,
        columns: Vec<usize>,
        options: &CopyOptions,
        transfer: Arc<Transfer>,
        fill: Option<Fill>,
    ) -> Result<Self> {
        let threads = fill.as_ref().map(|fill| fill.runtime.clone());
        let count = columns.len();
        let target = Target::new(context, relation, columns, transfer, fill)?;
        let reader = Reader::new(Arc::clone(&target.context), target.types(), false);
        Ok(Self {
            target,
            header: options.header,
            widener: Widener::new(options.encoding),
            scanner: Scanner::new(options),
            splitter: Splitter::new(options, count),
            buffer: Vec::new(),
            batch: Batch::new(count),
            readers: Readers::new(reader, threads),
            ended: false,
        })
    }

    /// Takes bytes; `closed` with the last.
    ///
    /// # Errors
    /// See [`super::CopyIn::write`].
    pub(super) fn feed(&mut self, bytes: Vec<u8>, closed: bool) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        let bytes = match self.widener.widen(bytes, closed) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.settle()?;
                return Err(self.target.at(error, &number_place(self.scanner.number)));
            }
        };
        // Rows are read in place; what is left of the last one moves to the front.
        let buffer = joined(std::mem::take(&mut self.buffer), bytes);
        let mut start = 0;
        loop {
            let rest = &buffer[start..];
            let line = match self.scanner.next(rest, closed) {
                Ok(line) => line,
                Err(error) => {
                    self.settle()?;
                    let place = match self.scanner.is_unterminated(closed) {
                        true => line_place(self.scanner.number, rest),
                        false => number_place(self.scanner.number),
                    };
                    return Err(self.target.at(error, &place));
                }
            };
            match line {
                Line::More => {
                    if rest.len() > ROW_BYTES_MAX {
                        let error = Error::new(
                            SqlState::PROGRAM_LIMIT_EXCEEDED,
                            format!("a row of COPY data is longer than {ROW_BYTES_MAX} bytes"),
                        );
                        let place = number_place(self.scanner.number);
                        return Err(self.target.at(error, &place));
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
            self.buffer = rest_of(buffer, start);
        }
        Ok(())
    }

    /// The rows, as segments.
    pub(super) fn finish(mut self) -> Result<Loaded> {
        self.feed(Vec::new(), true)?;
        self.settle()?;
        self.target.finish()
    }

    /// One row, without its line end.
    fn row(&mut self, line: &[u8]) -> Result<()> {
        let number = self.scanner.number;
        self.scanner.number += 1;
        if let Err(error) = std::str::from_utf8(line) {
            let rest = &line[error.valid_up_to()..];
            let length = error.error_len().unwrap_or(rest.len()).clamp(1, rest.len());
            return Err(self.fail(invalid_sequence(&rest[..length]), &number_place(number)));
        }
        if memchr::memchr(0, line).is_some() {
            return Err(self.fail(invalid_sequence(&[0]), &number_place(number)));
        }
        match std::mem::replace(&mut self.header, Header::Off) {
            Header::Off => {}
            Header::On => return Ok(()),
            Header::Match => {
                return self
                    .check_header(line)
                    .map_err(|error| self.target.at(error, &line_place(number, line)));
            }
        }
        let rows = self.batch.numbers.len();
        let base = self.batch.bytes.len();
        self.batch.bytes.extend_from_slice(line);
        let width = self.splitter.split(line, base, &mut self.batch);
        let columns = self.batch.columns.len();
        if width.fields > columns {
            self.batch.truncate(rows);
            let error = bad("extra data after last expected column");
            return Err(self.fail(error, &line_place(number, line)));
        }
        self.batch.lines.push(Span::new(base, base + line.len()));
        self.batch.numbers.push(number);
        for spans in self.batch.columns.iter_mut().skip(width.fields) {
            spans.push(Span::NULL);
        }
        if width.made_bytes {
            self.check_made(rows, number)?;
        }
        if width.fields < columns {
            // The values that are there are read first: one of them may be wrong, too.
            self.flush(rows);
            let name = self.target.column_name(width.fields);
            let error = bad(format!("missing data for column \"{name}\""));
            return Err(self.fail(error, &line_place(number, line)));
        }
        if self.batch.is_full() {
            self.flush(rows + 1);
            self.drain(false)?;
        }
        Ok(())
    }

    /// Bytes made by escapes must be UTF-8 together with those around them.
    fn check_made(&mut self, row: usize, number: u64) -> Result<()> {
        for field in 0..self.batch.columns.len() {
            let Some(value) = self.batch.value(row, field) else {
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
            let place = line_place(number, self.batch.line(row));
            // Without this row, whose values are not text.
            self.batch.cut(row);
            return Err(self.fail(invalid_sequence(&wrong), &place));
        }
        Ok(())
    }

    fn check_header(&self, line: &[u8]) -> Result<()> {
        let mut batch = Batch::new(self.batch.columns.len());
        batch.bytes.extend_from_slice(line);
        let width = self.splitter.split(line, 0, &mut batch);
        let expected = batch.columns.len();
        if width.fields != expected {
            let got = self.splitter.count(line);
            return Err(bad(format!(
                "wrong number of fields in header line: got {got}, expected {expected}"
            )));
        }
        for field in 0..expected {
            let name = self.target.column_name(field);
            let got = match batch.value(0, field) {
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

    /// The error, unless a row before it has one.
    fn fail(&mut self, error: Error, place: &str) -> Error {
        match self.settle() {
            Ok(()) => self.target.at(error, place),
            Err(earlier) => earlier,
        }
    }

    /// Gives the batch to be read. Only the first `whole` rows are known to have every column: of
    /// the one after them only the values are checked, since the caller reports it.
    fn flush(&mut self, whole: usize) {
        let columns = self.batch.columns.len();
        let batch = std::mem::replace(&mut self.batch, Batch::new(columns));
        if !batch.numbers.is_empty() {
            self.readers.begin(batch, whole);
        }
    }

    /// Everything that came, into the table.
    fn settle(&mut self) -> Result<()> {
        self.flush(self.batch.numbers.len());
        self.drain(true)
    }

    /// Takes what was read into the table.
    fn drain(&mut self, all: bool) -> Result<()> {
        while let Some(values) = self.readers.next(all)? {
            take(&mut self.target, self.readers.reader(), values, true)?;
        }
        Ok(())
    }
}

/// Takes a batch's values into the table. `shows`: errors show the value.
pub(super) fn take(
    target: &mut Target,
    reader: &Reader,
    values: Values,
    shows: bool,
) -> Result<()> {
    let batch = values.batch;
    match values.arrays {
        Ok(arrays) => {
            let arrays: Vec<_> = arrays
                .iter()
                .map(|array| array.slice(0, values.whole))
                .collect();
            target.take(&arrays, values.whole, &batch)
        }
        Err(fault) => {
            // A row before it may break a rule; PostgreSQL would have stopped there.
            let arrays = reader
                .read(&batch, fault.row)
                .map_err(|fault| fault.error)?;
            target.take(&arrays, fault.row, &batch)?;
            Err(target.of_value(fault, &batch, shows))
        }
    }
}

fn number_place(number: u64) -> String {
    format!("line {number}")
}

/// What was not consumed, and the bytes that came.
pub(super) fn joined(mut buffer: Vec<u8>, bytes: Vec<u8>) -> Vec<u8> {
    if buffer.is_empty() {
        return bytes;
    }
    buffer.extend_from_slice(&bytes);
    buffer
}

/// What of a buffer is not consumed. A long row that comes in many pieces is not copied with each.
pub(super) fn rest_of(buffer: Vec<u8>, start: usize) -> Vec<u8> {
    match start {
        0 => buffer,
        start => buffer[start..].to_vec(),
    }
}
