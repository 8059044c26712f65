//! COPY … TO STDOUT: batches as lines of text or CSV, byte for byte as PostgreSQL quotes them, or
//! as PostgreSQL's binary rows.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::{CopyFormat, CopyOptions, Header};
use crate::base::{Error, Result, SqlState};
use crate::engine::OutputColumn;
use crate::pg_catalog::names::Names;
use crate::statement::StatementContext;
use crate::types::binary::BinaryColumn;
use crate::types::text::TextColumn;

/// Signature, flags (none) and the length of further headers (none).
const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Writes batches as COPY … TO STDOUT data.
pub struct CopyWriter {
    context: Arc<StatementContext>,
    names: Names,
    columns: Arc<[OutputColumn]>,
    options: CopyOptions,
    /// By column: quoted whatever is in it.
    force_quote: Vec<bool>,
    /// Bytes that cannot stand as they are.
    special: [bool; 256],
}

impl CopyWriter {
    /// A writer for an answer's columns.
    pub fn new(
        context: Arc<StatementContext>,
        columns: Arc<[OutputColumn]>,
        options: CopyOptions,
    ) -> Self {
        let mut special = [false; 256];
        let bytes: &[u8] = match options.format {
            CopyFormat::Text => b"\\\x08\x0c\n\r\t\x0b",
            CopyFormat::Csv => b"\n\r",
            CopyFormat::Binary => b"",
        };
        for byte in bytes.iter().chain([&options.delimiter]) {
            special[usize::from(*byte)] = true;
        }
        if options.format == CopyFormat::Csv {
            special[usize::from(options.quote)] = true;
        }
        let mut force_quote = vec![false; columns.len()];
        for index in &options.force_quote {
            force_quote[*index] = true;
        }
        Self {
            names: Names::new(Arc::clone(&context)),
            context,
            columns,
            options,
            force_quote,
            special,
        }
    }

    /// Whether rows are binary.
    pub fn is_binary(&self) -> bool {
        self.options.format == CopyFormat::Binary
    }

    /// What comes before the rows: a line of names, or the binary format's signature.
    pub fn header(&self, out: &mut Vec<u8>) {
        if self.is_binary() {
            out.extend_from_slice(BINARY_HEADER);
            return;
        }
        if self.options.header == Header::Off {
            return;
        }
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                out.push(self.options.delimiter);
            }
            let at = out.len();
            out.extend_from_slice(column.name.as_bytes());
            self.finish(at, false, out);
        }
        out.push(b'\n');
    }

    /// What comes after the rows.
    pub fn trailer(&self, out: &mut Vec<u8>) {
        if self.is_binary() {
            out.extend_from_slice(&(-1_i16).to_be_bytes());
        }
    }

    /// Appends rows `range` of a batch: whole lines. `ends` gets the length of `out` after each
    /// row, because clients expect one row per CopyData message and a quoted value may hold line
    /// ends.
    ///
    /// # Errors
    /// As the text encoders.
    pub fn write(
        &self,
        batch: &RecordBatch,
        range: std::ops::Range<usize>,
        out: &mut Vec<u8>,
        ends: &mut Vec<usize>,
    ) -> Result<()> {
        // Preparing columns may cost per row of theirs.
        let batch = batch.slice(range.start, range.len());
        if self.is_binary() {
            return self.write_binary(&batch, out, ends);
        }
        let style = &self.context.style;
        let columns = batch
            .columns()
            .iter()
            .zip(self.columns.iter())
            .map(|(array, column)| TextColumn::new(array.as_ref(), column.ty, style, &self.names))
            .collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter().enumerate() {
                if index > 0 {
                    out.push(self.options.delimiter);
                }
                let at = out.len();
                if column.write(row, out)? {
                    self.finish(at, self.force_quote[index], out);
                } else {
                    out.extend_from_slice(self.options.null.as_bytes());
                }
            }
            out.push(b'\n');
            ends.push(out.len());
        }
        Ok(())
    }

    /// A row is the number of its values, and each value its length and bytes; NULL has length -1.
    fn write_binary(
        &self,
        batch: &RecordBatch,
        out: &mut Vec<u8>,
        ends: &mut Vec<usize>,
    ) -> Result<()> {
        let columns = batch
            .columns()
            .iter()
            .zip(self.columns.iter())
            .map(|(array, column)| {
                BinaryColumn::new(array.as_ref(), column.ty, &self.context.style)
            })
            .collect::<Result<Vec<_>>>()?;
        let count = i16::try_from(columns.len())
            .map_err(|_| Error::new(SqlState::TOO_MANY_COLUMNS, "too many columns"))?;
        for row in 0..batch.num_rows() {
            out.extend_from_slice(&count.to_be_bytes());
            for column in &columns {
                let at = out.len();
                out.extend_from_slice(&(-1_i32).to_be_bytes());
                if column.write(row, out)? {
                    let length = i32::try_from(out.len() - at - 4).map_err(|_| {
                        Error::new(
                            SqlState::PROGRAM_LIMIT_EXCEEDED,
                            "a value is too long for the protocol",
                        )
                    })?;
                    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
                }
            }
            ends.push(out.len());
        }
        Ok(())
    }

    /// Quotes or escapes the value `out[at..]` in place.
    fn finish(&self, at: usize, force: bool, out: &mut Vec<u8>) {
        let value = &out[at..];
        let plain = !value.iter().any(|byte| self.special[usize::from(*byte)]);
        match self.options.format {
            CopyFormat::Binary => {}
            CopyFormat::Text if plain => {}
            CopyFormat::Text => escape_text(at, &self.special, self.options.delimiter, out),
            CopyFormat::Csv => {
                // What looks like NULL is quoted to be a value, and the end marker not to be one.
                let bare = plain
                    && !force
                    && value != self.options.null.as_bytes()
                    && !(self.columns.len() == 1 && value == b"\\.");
                if !bare {
                    quote_csv(at, self.options.quote, self.options.escape, out);
                }
            }
        }
    }
}

/// Puts a backslash before each special byte of `out[at..]`, with a letter for those that have one.
fn escape_text(at: usize, special: &[bool; 256], delimiter: u8, out: &mut Vec<u8>) {
    let length = out.len();
    let count = out[at..]
        .iter()
        .filter(|byte| special[usize::from(**byte)])
        .count();
    out.resize(length + count, 0);
    let mut to = out.len();
    for from in (at..length).rev() {
        let byte = out[from];
        to -= 1;
        out[to] = match byte {
            // The delimiter is itself, even if it is a tab.
            byte if byte == delimiter && byte != b'\t' => byte,
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x0b => b'v',
            byte => byte,
        };
        if special[usize::from(byte)] {
            to -= 1;
            out[to] = b'\\';
        }
    }
}

/// Puts `out[at..]` in quotes, with an escape before quotes and escapes.
fn quote_csv(at: usize, quote: u8, escape: u8, out: &mut Vec<u8>) {
    let special = |byte: u8| byte == quote || byte == escape;
    let length = out.len();
    let count = out[at..].iter().filter(|byte| special(**byte)).count();
    out.resize(length + count + 2, 0);
    let mut to = out.len() - 1;
    out[to] = quote;
    for from in (at..length).rev() {
        let byte = out[from];
        to -= 1;
        out[to] = byte;
        if special(byte) {
            to -= 1;
            out[to] = escape;
        }
    }
    out[at] = quote;
}
