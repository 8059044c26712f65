//! Values of a batch of rows, still as bytes, and reading them: all of a column at once, batches on
//! several threads, results in the order the batches came.
//!
//! PostgreSQL reports the first row at fault, and in it the first column; reading column by column
//! must not show, so every problem found is placed by row and column before one is reported.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::base::{Error, Result};
use crate::pg_catalog::names::parse_reg;
use crate::statement::StatementContext;
use crate::types::binary;
use crate::types::text::{ParseError, parse_column};
use crate::types::{PgType, fitted};

/// Rows of a batch.
pub(super) const BATCH_ROWS: usize = 8_192;
/// Bytes of a batch, so that wide rows make short ones.
pub(super) const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Where a value is in its batch's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    start: u32,
    /// [`Span::NULL`]'s for NULL.
    length: u32,
}

impl Span {
    pub(super) const NULL: Self = Self {
        start: 0,
        length: u32::MAX,
    };

    /// A batch's bytes are bounded far below what 32 bits count.
    #[expect(clippy::cast_possible_truncation, reason = "bounded")]
    #[inline]
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            length: (end - start) as u32,
        }
    }

    #[inline]
    pub(super) fn range(self) -> Option<std::ops::Range<usize>> {
        let start = self.start as usize;
        (self.length != u32::MAX).then(|| start..start + self.length as usize)
    }
}

/// A batch's values by column. Text has each line as it came, for error messages, and behind it
/// what its quotes and escapes hid.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    /// The whole lines, for text.
    pub(super) lines: Vec<Span>,
    /// The number of each row in the input, from 1.
    pub(super) numbers: Vec<u64>,
    pub(super) columns: Vec<Vec<Span>>,
}

impl Batch {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            columns: vec![Vec::new(); columns],
            ..Self::default()
        }
    }

    /// Whether it is worth reading.
    pub(super) fn is_full(&self) -> bool {
        self.numbers.len() >= BATCH_ROWS || self.bytes.len() >= BATCH_BYTES
    }

    /// The bytes of a value, or `None` for NULL.
    pub(super) fn value(&self, row: usize, column: usize) -> Option<&[u8]> {
        self.columns[column][row]
            .range()
            .map(|range| &self.bytes[range])
    }

    /// The line of a row; empty where rows are not lines.
    pub(super) fn line(&self, row: usize) -> &[u8] {
        let range = self.lines.get(row).and_then(|span| span.range());
        range.map_or(&[], |range| &self.bytes[range])
    }

    /// Keeps the first `rows` rows, and none of the bytes after them.
    pub(super) fn cut(&mut self, rows: usize) {
        if let Some(range) = self.lines.get(rows).and_then(|span| span.range()) {
            self.bytes.truncate(range.start);
        }
        self.truncate(rows);
    }

    /// Keeps the first `rows` rows.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.lines.truncate(rows);
        self.numbers.truncate(rows);
        self.columns
            .iter_mut()
            .for_each(|spans| spans.truncate(rows));
    }
}

/// The first value at fault.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) error: Error,
}

/// A batch read.
pub(super) struct Values {
    pub(super) batch: Batch,
    /// Rows that have every column; the row after them, if there is one, has only some.
    pub(super) whole: usize,
    /// An array for each column.
    pub(super) arrays: Result<Vec<ArrayRef>, Fault>,
}

/// Reads the values of columns of certain types.
#[derive(Debug)]
pub(super) struct Reader {
    context: Arc<StatementContext>,
    types: Vec<PgType>,
    binary: bool,
}

impl Reader {
    pub(super) fn new(context: Arc<StatementContext>, types: Vec<PgType>, binary: bool) -> Self {
        Self {
            context,
            types,
            binary,
        }
    }

    /// The first `rows` rows as arrays.
    pub(super) fn read(&self, batch: &Batch, rows: usize) -> Result<Vec<ArrayRef>, Fault> {
        let mut arrays = Vec::with_capacity(self.types.len());
        let mut first: Option<Fault> = None;
        for (column, ty) in self.types.iter().enumerate() {
            match self.column(batch, column, *ty, rows) {
                Ok(array) => arrays.push(array),
                Err(ParseError { row, error }) => {
                    if first.as_ref().is_none_or(|first| row < first.row) {
                        first = Some(Fault { row, column, error });
                    }
                }
            }
        }
        match first {
            Some(fault) => Err(fault),
            None => Ok(arrays),
        }
    }

    fn column(
        &self,
        batch: &Batch,
        column: usize,
        ty: PgType,
        rows: usize,
    ) -> Result<ArrayRef, ParseError> {
        let spans = &batch.columns[column];
        let spans = spans[..rows.min(spans.len())].iter();
        let array = if self.binary {
            let bytes = batch.bytes.as_slice();
            let values: Vec<_> = spans
                .map(|span| span.range().map(|range| &bytes[range]))
                .collect();
            binary::parse_column(&values, ty, &self.context.style)?
        } else {
            // Lines were checked, and so was what escapes made.
            let text = std::str::from_utf8(&batch.bytes).map_err(|error| ParseError {
                row: 0,
                error: Error::internal("reading COPY data", error),
            })?;
            let values: Vec<_> = spans
                .map(|span| span.range().map(|range| &text[range]))
                .collect();
            self.texts(&values, ty)?
        };
        fitted(array, ty).map_err(|(row, error)| ParseError { row, error })
    }

    fn texts(&self, values: &[Option<&str>], ty: PgType) -> Result<ArrayRef, ParseError> {
        let context = &self.context;
        if ty.is_reg() {
            let oids = values.iter().enumerate().map(|(row, value)| {
                let oid = value.map(|text| parse_reg(context, ty, text)).transpose();
                oid.map(|oid| oid.map(|oid| oid.0))
                    .map_err(|error| ParseError { row, error })
            });
            return Ok(Arc::new(oids.collect::<Result<UInt32Array, _>>()?));
        }
        parse_column(values, ty, &context.style, context.transaction_time)
    }
}

/// Batches being read, in order.
pub(super) struct Readers {
    reader: Arc<Reader>,
    /// Where they are read; without it, at once and here.
    threads: Option<Handle>,
    waiting: VecDeque<Reading>,
    waiting_max: usize,
}

enum Reading {
    Done(Values),
    Running(JoinHandle<Values>),
}

impl Readers {
    pub(super) fn new(reader: Reader, threads: Option<Handle>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            reader: Arc::new(reader),
            threads,
            waiting: VecDeque::new(),
            waiting_max: cores,
        }
    }

    /// The reader itself.
    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Begins to read a batch of which `whole` rows have every column.
    pub(super) fn begin(&mut self, batch: Batch, whole: usize) {
        let reader = Arc::clone(&self.reader);
        let read = move || {
            let arrays = reader.read(&batch, usize::MAX);
            Values {
                batch,
                whole,
                arrays,
            }
        };
        self.waiting.push_back(match &self.threads {
            Some(threads) => Reading::Running(threads.spawn_blocking(read)),
            None => Reading::Done(read()),
        });
    }

    /// The next batch in order, if there are more than may wait, or if `all` are wanted. Blocking.
    pub(super) fn next(&mut self, all: bool) -> Result<Option<Values>> {
        if !all && self.waiting.len() <= self.waiting_max {
            return Ok(None);
        }
        match (self.waiting.pop_front(), &self.threads) {
            (Some(Reading::Done(values)), _) => Ok(Some(values)),
            (Some(Reading::Running(task)), Some(threads)) => threads
                .block_on(task)
                .map(Some)
                .map_err(|error| Error::internal("reading COPY data", error)),
            (Some(Reading::Running(_)), None) | (None, _) => Ok(None),
        }
    }
}
