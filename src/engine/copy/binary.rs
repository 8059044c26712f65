//! Rows in PostgreSQL's binary format, into batches of values.
//!
//! A signature, flags, and an extension nobody uses; then each row: how many values, and each with
//! its length. -1 in place of the number of values ends it, or the data just end.

use std::borrow::Cow;
use std::sync::Arc;

use super::CopyOptions;
use super::lines::bad;
use super::loaded::Loaded;
use super::target::{Fill, Target};
use super::text::{ROW_BYTES_MAX, joined, rest_of, take};
use super::values::{Batch, Reader, Readers, Span};
use crate::base::{Error, Result, SqlState};
use crate::catalog::Relation;
use crate::observe::Transfer;
use crate::statement::StatementContext;
use crate::types::{Encoding, PgType};

/// What the format begins with.
pub(super) const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Flags that change what follows.
const CRITICAL_FLAGS: u32 = 0xffff_0000;
/// Rows have OIDs: of old versions.
const WITH_OIDS: u32 = 1 << 16;

/// Takes the binary format. Everything here blocks.
pub(super) struct BinaryLoader {
    target: Target,
    /// What texts are in.
    encoding: &'static Encoding,
    types: Vec<PgType>,
    /// Bytes not yet consumed.
    buffer: Vec<u8>,
    state: State,
    /// Rows before the one that comes.
    number: u64,
    batch: Batch,
    readers: Readers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Rows,
    /// The end marker was seen.
    Ended,
}

/// What was found of a row.
enum Found {
    /// It is so many bytes long.
    Row(usize),
    End,
    /// More bytes are needed.
    More,
    /// It is wrong, from this value on; `None`: as a whole.
    Wrong(Option<usize>, Error),
}

impl BinaryLoader {
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
        let reader = Reader::new(Arc::clone(&target.context), target.types(), true);
        Ok(Self {
            types: target.types(),
            target,
            encoding: options.encoding,
            buffer: Vec::new(),
            state: State::Header,
            number: 0,
            batch: Batch::new(count),
            readers: Readers::new(reader, threads),
        })
    }

    /// Takes bytes; `closed` with the last.
    ///
    /// # Errors
    /// `22P04` and those of the values, with CONTEXT `COPY table, line n, column c`.
    pub(super) fn feed(&mut self, bytes: Vec<u8>, closed: bool) -> Result<()> {
        let buffer = joined(std::mem::take(&mut self.buffer), bytes);
        let mut start = 0;
        loop {
            let rest = &buffer[start..];
            match self.state {
                State::Header => match header(rest, closed)? {
                    Some(length) => {
                        self.state = State::Rows;
                        start += length;
                    }
                    None => break,
                },
                State::Rows => match self.row(rest, closed) {
                    Found::Row(length) => {
                        start += length;
                        if self.batch.is_full() {
                            self.flush(self.batch.numbers.len());
                            self.drain(false)?;
                        }
                    }
                    Found::End => {
                        self.state = State::Ended;
                        start = buffer.len().min(start + 2);
                    }
                    Found::More => {
                        if rest.len() > ROW_BYTES_MAX {
                            let error = Error::new(
                                SqlState::PROGRAM_LIMIT_EXCEEDED,
                                format!("a row of COPY data is longer than {ROW_BYTES_MAX} bytes"),
                            );
                            return Err(self.wrong(None, error));
                        }
                        break;
                    }
                    Found::Wrong(column, error) => return Err(self.wrong(column, error)),
                },
                State::Ended if rest.is_empty() => break,
                State::Ended => {
                    return Err(self.wrong(None, bad("received copy data after EOF marker")));
                }
            }
        }
        self.buffer = rest_of(buffer, start);
        Ok(())
    }

    /// The rows, as segments.
    pub(super) fn finish(mut self) -> Result<Loaded> {
        self.feed(Vec::new(), true)?;
        self.flush(self.batch.numbers.len());
        self.drain(true)?;
        self.target.finish()
    }

    /// Reads one row into the batch, if it is there whole.
    fn row(&mut self, rest: &[u8], closed: bool) -> Found {
        let columns = self.batch.columns.len();
        let Some((count, _)) = rest.split_first_chunk::<2>() else {
            return if closed { Found::End } else { Found::More };
        };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            return Found::End;
        }
        if usize::try_from(count) != Ok(columns) {
            let message = format!("row field count is {count}, expected {columns}");
            return Found::Wrong(None, bad(message));
        }
        let base = self.batch.bytes.len();
        let row = self.batch.numbers.len();
        let mut at = 2;
        let mut wrong = None;
        for (column, spans) in self.batch.columns.iter_mut().enumerate() {
            let length = match rest[at..].split_first_chunk::<4>() {
                Some((length, _)) => i32::from_be_bytes(*length),
                None => {
                    wrong = Some((column, closed.then(|| bad("unexpected EOF in COPY data"))));
                    break;
                }
            };
            at += 4;
            if length == -1 {
                spans.push(Span::NULL);
                continue;
            }
            let Ok(length) = usize::try_from(length) else {
                wrong = Some((column, Some(bad("invalid field size"))));
                break;
            };
            if rest.len() - at < length {
                wrong = Some((column, closed.then(|| bad("unexpected EOF in COPY data"))));
                break;
            }
            spans.push(Span::new(base + at, base + at + length));
            at += length;
        }
        match wrong {
            None => {
                self.batch.bytes.extend_from_slice(&rest[..at]);
                self.batch.numbers.push(self.number + 1);
                if let Err((column, error)) = self.decode(row) {
                    return Found::Wrong(Some(column), error);
                }
                self.number += 1;
                Found::Row(at)
            }
            Some((_, None)) => {
                self.batch.truncate(row);
                Found::More
            }
            Some((column, Some(error))) => {
                // The values that are there are read first: one of them may be wrong, too.
                self.batch.bytes.extend_from_slice(&rest[..at]);
                self.batch.numbers.push(self.number + 1);
                for spans in self.batch.columns.iter_mut().skip(column) {
                    spans.push(Span::NULL);
                }
                Found::Wrong(Some(column), error)
            }
        }
    }

    /// Puts the texts of a row, as the server has them, behind what came; on error those of the
    /// column at fault and of all behind it are none.
    fn decode(&mut self, row: usize) -> Result<(), (usize, Error)> {
        if self.encoding.is_same() {
            return Ok(());
        }
        let mut failed = None;
        let batch = &mut self.batch;
        for (column, (spans, ty)) in batch.columns.iter_mut().zip(&self.types).enumerate() {
            let Some(span) = spans.get_mut(row) else {
                continue;
            };
            let Some(range) = span.range().filter(|_| failed.is_none()) else {
                *span = Span::NULL;
                continue;
            };
            match self.encoding.decode_binary(&batch.bytes[range], *ty) {
                Ok(Cow::Borrowed(_)) => {}
                Ok(Cow::Owned(decoded)) => {
                    let start = batch.bytes.len();
                    batch.bytes.extend_from_slice(&decoded);
                    *span = Span::new(start, batch.bytes.len());
                }
                Err(error) => {
                    *span = Span::NULL;
                    failed = Some((column, error));
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// The error, unless a row before it has one.
    fn wrong(&mut self, column: Option<usize>, error: Error) -> Error {
        let rows = self.batch.numbers.len();
        self.flush(match column {
            Some(_) => rows - 1,
            None => rows,
        });
        if let Err(earlier) = self.drain(true) {
            return earlier;
        }
        let mut place = format!("line {}", self.number + 1);
        if let Some(column) = column {
            place = format!("{place}, column {}", self.target.column_name(column));
        }
        self.target.at(error, &place)
    }

    fn flush(&mut self, whole: usize) {
        let columns = self.batch.columns.len();
        let batch = std::mem::replace(&mut self.batch, Batch::new(columns));
        if !batch.numbers.is_empty() {
            self.readers.begin(batch, whole);
        }
    }

    fn drain(&mut self, all: bool) -> Result<()> {
        while let Some(values) = self.readers.next(all)? {
            take(&mut self.target, self.readers.reader(), values, false)?;
        }
        Ok(())
    }
}

/// How long the header is; `None` if it has not come whole.
fn header(rest: &[u8], closed: bool) -> Result<Option<usize>> {
    let seen = rest.len().min(SIGNATURE.len());
    if rest[..seen] != SIGNATURE[..seen] || (closed && seen < SIGNATURE.len()) {
        return Err(bad("COPY file signature not recognized"));
    }
    let missing = |what: &str| match closed {
        true => Err(bad(format!("invalid COPY file header ({what})"))),
        false => Ok(None),
    };
    let rest = &rest[seen..];
    let Some((flags, rest)) = rest.split_first_chunk::<4>() else {
        return missing("missing flags");
    };
    let flags = u32::from_be_bytes(*flags);
    if flags & WITH_OIDS != 0 {
        return Err(bad("invalid COPY file header (WITH OIDS)"));
    }
    if flags & CRITICAL_FLAGS != 0 {
        return Err(bad("unrecognized critical flags in COPY file header"));
    }
    let Some((length, rest)) = rest.split_first_chunk::<4>() else {
        return missing("missing length");
    };
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
        return Err(bad("invalid COPY file header (missing length)"));
    };
    if length > ROW_BYTES_MAX || rest.len() < length {
        return match length > ROW_BYTES_MAX {
            true => Err(bad("invalid COPY file header (wrong length)")),
            false => missing("wrong length"),
        };
    }
    Ok(Some(SIGNATURE.len() + 8 + length))
}
