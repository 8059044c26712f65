//! COPY … TO: batches as lines of text or CSV, byte for byte as PostgreSQL quotes them, as
//! PostgreSQL's binary rows, or packed as Arrow and Parquet.

use std::ops::Range;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::binary::SIGNATURE;
use super::packed::PackedWriter;
use super::{CopyFormat, CopyOptions, Header};
use crate::base::{Error, Result, SqlState};
use crate::engine::OutputColumn;
use crate::pg_catalog::names::Names;
use crate::statement::StatementContext;
use crate::types::PgType;
use crate::types::binary::BinaryColumn;
use crate::types::text::TextColumn;

/// Writes batches as COPY … TO data.
pub enum CopyWriter {
    /// Row by row.
    Rows(Box<RowWriter>),
    /// Batch by batch.
    Packed(PackedWriter),
}

impl CopyWriter {
    /// A writer for an answer's columns.
    ///
    /// # Errors
    /// `0A000` for a type the format has no values of.
    pub fn new(
        context: Arc<StatementContext>,
        columns: Arc<[OutputColumn]>,
        options: CopyOptions,
    ) -> Result<Self> {
        Ok(match options.format.has_schema() {
            true => Self::Packed(PackedWriter::new(&context, &columns, &options)?),
            false => Self::Rows(Box::new(RowWriter::new(context, columns, options))),
        })
    }

    /// Whether the data are lines of text.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Rows(rows) if !rows.is_binary())
    }
}

/// Sets rows apart from one another: the protocol puts each into a message of its own.
pub trait Envelope {
    /// Before a row; what it returns is given to [`Envelope::close`].
    fn open(&mut self, out: &mut Vec<u8>) -> usize;

    /// After it.
    ///
    /// # Errors
    /// `54000` if it is too long.
    fn close(&mut self, opened: usize, out: &mut Vec<u8>) -> Result<()>;
}

/// Rows one after the other.
pub(super) struct Bare;

impl Envelope for Bare {
    fn open(&mut self, out: &mut Vec<u8>) -> usize {
        out.len()
    }

    fn close(&mut self, _: usize, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

/// Writes rows as text, CSV, or binary.
pub struct RowWriter {
    context: Arc<StatementContext>,
    names: Names,
    columns: Arc<[OutputColumn]>,
    options: CopyOptions,
    /// By column: quoted whatever is in it.
    force_quote: Vec<bool>,
    /// Bytes that cannot stand as they are.
    special: [bool; 256],
}

/// One batch, ready to be written row by row: everything that depends on a column alone is settled.
pub struct PreparedRows<'a> {
    writer: &'a RowWriter,
    columns: Prepared<'a>,
}

enum Prepared<'a> {
    Text(Vec<TextColumn<'a>>),
    Binary(Vec<BinaryColumn<'a>>, [u8; 2]),
}

impl RowWriter {
    fn new(
        context: Arc<StatementContext>,
        columns: Arc<[OutputColumn]>,
        options: CopyOptions,
    ) -> Self {
        let mut special = [false; 256];
        let bytes: &[u8] = match options.format {
            CopyFormat::Text => b"\\\x08\x0c\n\r\t\x0b",
            CopyFormat::Csv => b"\n\r",
            CopyFormat::Binary | CopyFormat::Arrow | CopyFormat::Parquet => b"",
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

    /// What comes before the rows: a line of names, or the binary format's signature, flags (none)
    /// and length of further headers (none).
    ///
    /// # Errors
    /// `22P05` for a name that the encoding cannot hold.
    pub fn header(&self, out: &mut Vec<u8>) -> Result<()> {
        if self.is_binary() {
            out.extend_from_slice(SIGNATURE);
            out.extend_from_slice(&[0; 8]);
            return Ok(());
        }
        if self.options.header == Header::Off {
            return Ok(());
        }
        let start = out.len();
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                out.push(self.options.delimiter);
            }
            let at = out.len();
            out.extend_from_slice(column.name.as_bytes());
            self.finish(at, false, out);
        }
        out.push(b'\n');
        self.options.encoding.encode_tail(start, out)
    }

    /// What comes after the rows.
    pub fn trailer(&self, out: &mut Vec<u8>) {
        if self.is_binary() {
            out.extend_from_slice(&(-1_i16).to_be_bytes());
        }
    }

    /// Prepares a batch.
    ///
    /// # Errors
    /// As [`TextColumn::new`] and [`BinaryColumn::new`].
    pub fn prepare<'a>(&'a self, batch: &'a RecordBatch) -> Result<PreparedRows<'a>> {
        let columns = batch.columns().iter().zip(self.columns.iter());
        let columns = if self.is_binary() {
            let count = i16::try_from(self.columns.len())
                .map_err(|_| Error::new(SqlState::TOO_MANY_COLUMNS, "too many columns"))?;
            let style = &self.context.style;
            let columns = columns.map(|(array, column)| BinaryColumn::new(array, column.ty, style));
            Prepared::Binary(columns.collect::<Result<_>>()?, count.to_be_bytes())
        } else {
            let style = &self.context.style;
            let columns = columns
                .map(|(array, column)| TextColumn::new(array, column.ty, style, &self.names));
            Prepared::Text(columns.collect::<Result<_>>()?)
        };
        Ok(PreparedRows {
            writer: self,
            columns,
        })
    }

    /// Quotes or escapes the value `out[at..]` in place.
    #[inline]
    fn finish(&self, at: usize, force: bool, out: &mut Vec<u8>) {
        let value = &out[at..];
        let plain = !value.iter().any(|byte| self.special[usize::from(*byte)]);
        match self.options.format {
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
            CopyFormat::Binary | CopyFormat::Arrow | CopyFormat::Parquet => {}
        }
    }
}

impl PreparedRows<'_> {
    /// Appends rows until they end or `out` has `bytes_max`; gives the first row not written.
    ///
    /// # Errors
    /// As the columns' own.
    pub fn write(
        &self,
        rows: Range<usize>,
        bytes_max: usize,
        envelope: &mut impl Envelope,
        out: &mut Vec<u8>,
    ) -> Result<usize> {
        for row in rows.clone() {
            let opened = envelope.open(out);
            match &self.columns {
                Prepared::Text(columns) => self.write_line(columns, row, out)?,
                Prepared::Binary(columns, count) => {
                    out.extend_from_slice(count);
                    for (column, of) in columns.iter().zip(self.writer.columns.iter()) {
                        let counted = out.len();
                        column.write_counted(row, out)?;
                        self.encode_counted(counted, of.ty, out)?;
                    }
                }
            }
            envelope.close(opened, out)?;
            if out.len() >= bytes_max {
                return Ok(row + 1);
            }
        }
        Ok(rows.end)
    }

    /// Makes of the binary value at the end of `out`, with its length at `counted`, what the
    /// encoding has. A NULL has a length and no bytes.
    fn encode_counted(&self, counted: usize, ty: PgType, out: &mut Vec<u8>) -> Result<()> {
        let encoding = self.writer.options.encoding;
        let value = counted + 4;
        if encoding.is_same() || out.len() <= value {
            return Ok(());
        }
        encoding.encode_binary(value, ty, out)?;
        let length = i32::try_from(out.len() - value).unwrap_or(i32::MAX);
        out[counted..value].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    #[inline]
    fn write_line(&self, columns: &[TextColumn<'_>], row: usize, out: &mut Vec<u8>) -> Result<()> {
        let options = &self.writer.options;
        let start = out.len();
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                out.push(options.delimiter);
            }
            let at = out.len();
            if column.write(row, out)? {
                self.writer.finish(at, self.writer.force_quote[index], out);
            } else {
                out.extend_from_slice(options.null.as_bytes());
            }
        }
        out.push(b'\n');
        options.encoding.encode_tail(start, out)
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
