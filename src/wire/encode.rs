//! RecordBatch to DataRows, in place in the output buffer.
//!
//! Everything that depends on a column alone (downcasts, format, time zone) is settled once per
//! batch; per cell there is one match and the bytes themselves. A row's and a cell's length are
//! patched once known, so nothing is measured or allocated beforehand.

use std::ops::Range;

use arrow::record_batch::RecordBatch;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{FieldDescription, RowDescription};

use super::connection::Connection;
use super::error::Failure;
use super::output::Output;
use crate::base::{Error, Result, SqlState};
use crate::engine::OutputColumn;
use crate::session::RowsResponse;
use crate::types::binary::BinaryColumn;
use crate::types::text::TextColumn;
use crate::types::{Encoding, PgType};

/// RowDescription; `binary` has the format of each column.
pub(super) fn row_description(columns: &[OutputColumn], binary: &[bool]) -> PgWireBackendMessage {
    let fields = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            FieldDescription::new(
                column.name.replace('\0', "\u{fffd}"),
                // pgwire has the OID as a signed number; the bits are the same.
                column.table.0 as i32,
                column.attnum,
                column.ty.oid.0,
                column.ty.info().len,
                column.ty.typmod,
                i16::from(binary.get(index).copied().unwrap_or(false)),
            )
        })
        .collect();
    PgWireBackendMessage::RowDescription(RowDescription::new(fields))
}

/// One column of a batch, in the format the client asked for.
enum Cells<'a> {
    Text(TextColumn<'a>),
    Binary(BinaryColumn<'a>),
    /// `void` is shown as an empty value, not as NULL.
    Void,
}

/// A batch, ready to be written row by row.
struct RowEncoder<'a> {
    columns: Vec<Cells<'a>>,
    column_count: [u8; 2],
    /// What the client reads, and the columns' types, if that is not what is written.
    spoken: Option<(&'static Encoding, &'a [OutputColumn])>,
}

impl<'a> RowEncoder<'a> {
    fn new(
        batch: &'a RecordBatch,
        types: &'a [OutputColumn],
        response: &'a RowsResponse,
        encoding: &'static Encoding,
    ) -> Result<Self> {
        let columns = batch
            .columns()
            .iter()
            .zip(types)
            .enumerate()
            .map(|(index, (array, column))| {
                if column.ty.oid == PgType::VOID.oid {
                    Ok(Cells::Void)
                } else if response.binary.get(index).copied().unwrap_or(false) {
                    BinaryColumn::new(array.as_ref(), column.ty, &response.style).map(Cells::Binary)
                } else {
                    TextColumn::new(array.as_ref(), column.ty, &response.style, &response.names)
                        .map(Cells::Text)
                }
            })
            .collect::<Result<Vec<_>>>()?;
        let column_count = i16::try_from(columns.len())
            .map_err(|_| Error::new(SqlState::TOO_MANY_COLUMNS, "too many columns"))?
            .to_be_bytes();
        Ok(Self {
            columns,
            column_count,
            spoken: (!encoding.is_same()).then_some((encoding, types)),
        })
    }

    /// Writes rows until they end or the buffer is worth writing; gives the first row not written.
    fn write(&self, rows: Range<usize>, out: &mut Output) -> Result<usize> {
        for row in rows.clone() {
            self.write_row(row, out.buffer())?;
            out.completed();
            if out.is_full() {
                return Ok(row + 1);
            }
        }
        Ok(rows.end)
    }

    #[inline]
    fn write_row(&self, row: usize, buffer: &mut Vec<u8>) -> Result<()> {
        let [high, low] = self.column_count;
        buffer.extend_from_slice(&[b'D', 0, 0, 0, 0, high, low]);
        let start = buffer.len() - 6;
        for (index, column) in self.columns.iter().enumerate() {
            if let Cells::Binary(column) = column {
                let counted = buffer.len();
                column.write_counted(row, buffer)?;
                // A NULL has a length and no bytes.
                let cell = counted + 4;
                if let Some((encoding, types)) = self.spoken
                    && buffer.len() > cell
                {
                    encoding.encode_binary(cell, types[index].ty, buffer)?;
                    let length = buffer.len() - cell;
                    patch(buffer, counted, length)?;
                }
                continue;
            }
            buffer.extend_from_slice(&(-1_i32).to_be_bytes());
            let cell = buffer.len();
            let present = match column {
                Cells::Text(column) => column.write(row, buffer)?,
                Cells::Binary(_) | Cells::Void => true,
            };
            if present {
                if let Some((encoding, _)) = self.spoken {
                    encoding.encode_tail(cell, buffer)?;
                }
                let length = buffer.len() - cell;
                patch(buffer, cell - 4, length)?;
            }
        }
        let length = buffer.len() - start;
        patch(buffer, start, length)
    }
}

/// Writes `length` at `at`.
#[inline]
fn patch(buffer: &mut [u8], at: usize, length: usize) -> Result<()> {
    let length = i32::try_from(length).map_err(|_| {
        Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            "a row is too long for the protocol",
        )
    })?;
    buffer[at..at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// The value of the only column of the first row, after its length.
pub(super) fn one_value(
    batch: &RecordBatch,
    response: &RowsResponse,
    encoding: &'static Encoding,
) -> Result<Vec<u8>> {
    let columns = response.rows.columns().clone();
    let encoder = RowEncoder::new(batch, &columns, response, encoding)?;
    let mut row = Vec::new();
    encoder.write_row(0, &mut row)?;
    // After the type of the message, its length and the number of columns.
    row.drain(..7);
    Ok(row)
}

/// What became of an answer.
pub(super) struct Sent {
    /// Rows sent.
    pub(super) rows: usize,
    /// The row limit was reached: there may be more.
    pub(super) limited: bool,
}

impl Connection {
    /// Sends rows of an answer, at most `rows_max`, as they come. What was not sent stays in the
    /// answer.
    pub(super) async fn send_rows(
        &mut self,
        response: &mut RowsResponse,
        rows_max: usize,
    ) -> Result<Sent, Failure> {
        let columns = response.rows.columns().clone();
        let encoding = self.out.encoding();
        let mut sent = 0;
        while let Some(batch) = response.rows.next().await? {
            let wanted = batch.num_rows().min(rows_max - sent);
            let encoder = RowEncoder::new(&batch, &columns, response, encoding)?;
            let mut row = 0;
            while row < wanted {
                row = encoder.write(row..wanted, &mut self.out)?;
                if self.out.is_full() {
                    self.out.flush().await?;
                    // A batch can be many flushes long.
                    response.rows.interrupt().check()?;
                }
            }
            drop(encoder);
            sent += wanted;
            if sent == rows_max {
                // PostgreSQL too stops at the limit without looking whether a row follows.
                response
                    .rows
                    .unread(batch.slice(wanted, batch.num_rows() - wanted));
                return Ok(Sent {
                    rows: sent,
                    limited: true,
                });
            }
        }
        Ok(Sent {
            rows: sent,
            limited: false,
        })
    }
}
