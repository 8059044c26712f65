//! Bytes of delimited text to fields, PostgreSQL's CSV rules: quotes may open anywhere in a field,
//! a doubled quote is one, an unquoted field may be NULL and a quoted one never is.

use std::io::Read;

use super::options::CsvOptions;
use super::record::{Chunk, Trouble};
use crate::base::{Error, SqlState};

/// Bytes of one line at most: a quote that is never closed must not read a whole file into memory.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// Splits a stream of bytes into records.
pub(super) struct Splitter<R> {
    input: R,
    buffer: Vec<u8>,
    /// What of the buffer is not consumed yet.
    start: usize,
    end: usize,
    at_end: bool,
    first: bool,
    /// The line being read, from 1.
    line: u64,
    delimiter: u8,
    quote: u8,
    escape: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Plain,
    Quoted,
    /// After a byte that escapes, or ends the quotes if it is the quote itself.
    Escape,
}

impl<R: Read> Splitter<R> {
    pub(super) fn new(input: R, options: &CsvOptions) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            at_end: false,
            first: true,
            line: 1,
            delimiter: options.delimiter,
            quote: options.quote,
            escape: options.escape,
        }
    }

    /// Appends the next record to `chunk`; false at the end.
    pub(super) fn next(&mut self, chunk: &mut Chunk) -> Result<bool, Trouble> {
        let line = self.line;
        let trouble = |error| Trouble { line, error };
        if !self.fill().map_err(trouble)? {
            return Ok(false);
        }
        let (delimiter, quote, escape) = (self.delimiter, self.quote, self.escape);
        chunk.begin_record(line);
        let mut state = State::Plain;
        let mut quoted = false;
        let mut field_start = chunk.len();
        let record_start = field_start;
        loop {
            if !self.fill().map_err(trouble)? {
                let open = state == State::Quoted || (state == State::Escape && escape != quote);
                if open {
                    return Err(trouble(Error::new(
                        SqlState::BAD_COPY_FILE_FORMAT,
                        "unterminated CSV quoted field",
                    )));
                }
                chunk.end_field(field_start, quoted);
                return Ok(true);
            }
            let available = &self.buffer[self.start..self.end];
            match state {
                State::Plain => {
                    // Up to the next byte that means something.
                    let length = available
                        .iter()
                        .position(|&byte| {
                            byte == delimiter || byte == b'\n' || byte == b'\r' || byte == quote
                        })
                        .unwrap_or(available.len());
                    chunk.extend(&available[..length]);
                    let stop = available.get(length).copied();
                    self.start += length;
                    let Some(stop) = stop else { continue };
                    self.start += 1;
                    if stop == quote {
                        quoted = true;
                        state = State::Quoted;
                    } else {
                        chunk.end_field(field_start, quoted);
                        field_start = chunk.len();
                        quoted = false;
                        if stop != delimiter {
                            if stop == b'\r'
                                && self.fill().map_err(trouble)?
                                && self.buffer[self.start] == b'\n'
                            {
                                self.start += 1;
                            }
                            self.line += 1;
                            return Ok(true);
                        }
                    }
                }
                State::Quoted => {
                    let length =
                        memchr::memchr2(quote, escape, available).unwrap_or(available.len());
                    self.line += memchr::memchr_iter(b'\n', &available[..length]).count() as u64;
                    chunk.extend(&available[..length]);
                    let stop = available.get(length).copied();
                    self.start += length;
                    let Some(stop) = stop else { continue };
                    self.start += 1;
                    state = match stop {
                        stop if stop == escape => State::Escape,
                        _ => State::Plain,
                    };
                }
                State::Escape => {
                    let next = available[0];
                    if next == quote || next == escape {
                        chunk.extend(&[next]);
                        self.start += 1;
                        state = State::Quoted;
                    } else if escape == quote {
                        // It was the closing quote.
                        state = State::Plain;
                    } else {
                        chunk.extend(&[escape]);
                        state = State::Quoted;
                    }
                }
            }
            if chunk.len() - record_start > LINE_BYTES_MAX {
                return Err(trouble(
                    Error::new(
                        SqlState::PROGRAM_LIMIT_EXCEEDED,
                        format!("a line is longer than {LINE_BYTES_MAX} bytes"),
                    )
                    .hint("A quote may be missing."),
                ));
            }
        }
    }

    /// Makes sure that the buffer has a byte not consumed yet; false at the end.
    fn fill(&mut self) -> Result<bool, Error> {
        if self.start == self.end && !self.at_end {
            self.start = 0;
            self.end = 0;
            while self.end < self.buffer.len() {
                match self.input.read(&mut self.buffer[self.end..]) {
                    Ok(0) => {
                        self.at_end = true;
                        break;
                    }
                    Ok(read) => self.end += read,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        return Err(Error::new(
                            SqlState::IO_ERROR,
                            format!("could not read: {error}"),
                        ));
                    }
                }
            }
            if std::mem::take(&mut self.first)
                && self.buffer[..self.end].starts_with(b"\xEF\xBB\xBF")
            {
                self.start = 3;
            }
        }
        Ok(self.start < self.end)
    }
}
