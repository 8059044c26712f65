//! COPY FROM STDIN and COPY TO STDOUT.
//!
//! In: while the copy lasts the client may send CopyData, CopyDone and CopyFail; Flush and Sync
//! mean nothing. After an error nothing waits for the client to notice: what it still sends of the
//! copy is thrown away by [`super::connection`] as it comes, as PostgreSQL does. Out: one row per
//! CopyData, because that is what readers of a COPY are promised by PostgreSQL's practice, but for
//! formats that know no rows; many messages per system call all the same.

use arrow::buffer::Buffer;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::copy::{CopyDone, CopyInResponse as CopyIn, CopyOutResponse as CopyOut};

use super::connection::Connection;
use super::error::Failure;
use super::frame::Inbound;
use super::message::Message;
use crate::base::limits::FLUSH_BYTES;
use crate::base::{Error, Result, SqlState};
use crate::engine::Rows;
use crate::engine::copy::{CopyWriter, Envelope, PackedWriter, RowWriter};
use crate::observe::{Interrupt, Transfer};
use crate::session::{CommandTag, CopyInResponse, CopyOutResponse};

/// Bytes of one message, where rows have none of their own.
const PIECE_BYTES: usize = 256 * 1024;
/// A piece of fewer bytes is copied into the buffer, and written with others in one system call.
const COPIED_BYTES_MAX: usize = 16 * 1024;

impl Connection {
    /// Takes rows from the client until it says that it is done, and loads them.
    pub(super) async fn copy_in(
        &mut self,
        mut copy: CopyInResponse,
    ) -> Result<CommandTag, Failure> {
        let columns = column_count(copy.copy.column_count())?;
        let format = i16::from(!copy.copy.is_text());
        self.out
            .message(&PgWireBackendMessage::CopyInResponse(CopyIn::new(
                i8::from(format == 1),
                columns,
                vec![format; usize::try_from(columns).unwrap_or(0)],
            )));
        self.out.flush().await?;
        let interrupt = self.activity.doing().interrupt.unwrap_or_default();
        loop {
            match self.copy_message(&interrupt).await? {
                Message::CopyData(bytes) => copy.copy.write(bytes).await?,
                Message::CopyDone => return Ok(self.session.finish_copy_in(copy).await?),
                Message::CopyFail(reason) => {
                    return Err(Error::new(
                        SqlState::QUERY_CANCELED,
                        format!("COPY from stdin failed: {reason}"),
                    )
                    .into());
                }
                Message::Flush | Message::Sync => {}
                Message::Terminate
                | Message::Query(_)
                | Message::Parse { .. }
                | Message::Bind(_)
                | Message::Describe(_)
                | Message::Execute { .. }
                | Message::Close(_)
                | Message::FunctionCall(_) => {
                    // The client does not know what state it is in; guessing would load half of its
                    // rows.
                    return Err(Error::new(
                        SqlState::PROTOCOL_VIOLATION,
                        "unexpected message during COPY from stdin",
                    )
                    .fatal()
                    .into());
                }
            }
        }
    }

    /// The next message of a copy; stops waiting when the statement is interrupted.
    async fn copy_message(&mut self, interrupt: &Interrupt) -> Result<Message, Failure> {
        let inbound = tokio::select! {
            biased;
            error = interrupt.interrupted() => return Err(error.into()),
            inbound = self.frames.recv() => inbound.ok_or(Failure::Gone)?,
        };
        match inbound {
            Inbound::Frame(frame) => Ok(Message::decode(frame, self.session.client_encoding())?),
            Inbound::Violation(error) => Err(error.into()),
        }
    }

    /// Sends rows to the client.
    pub(super) async fn copy_out(&mut self, copy: CopyOutResponse) -> Result<CommandTag, Failure> {
        let CopyOutResponse {
            mut rows,
            writer,
            transfer,
        } = copy;
        let columns = column_count(rows.columns().len())?;
        let format = i16::from(!writer.is_text());
        self.out
            .message(&PgWireBackendMessage::CopyOutResponse(CopyOut::new(
                i8::from(!writer.is_text()),
                columns,
                vec![format; usize::try_from(columns).unwrap_or(0)],
            )));
        let sent = match writer {
            CopyWriter::Rows(writer) => self.send_copy(&mut rows, &writer, &transfer).await?,
            CopyWriter::Packed(writer) => self.send_packed(&mut rows, writer, &transfer).await?,
        };
        self.out
            .message(&PgWireBackendMessage::CopyDone(CopyDone::new()));
        Ok(CommandTag(format!("COPY {sent}")))
    }

    /// A message for each row.
    async fn send_copy(
        &mut self,
        rows: &mut Rows,
        writer: &RowWriter,
        transfer: &Transfer,
    ) -> Result<usize, Failure> {
        let mut envelope = CopyData { head: Vec::new() };
        if writer.is_binary() {
            // The signature goes with the first row, as PostgreSQL sends it; clients count on it.
            writer.header(&mut envelope.head)?;
        } else {
            let mut head = Vec::new();
            writer.header(&mut head)?;
            if !head.is_empty() {
                self.copy_data(&head)?;
            }
        }
        let mut sent = 0_usize;
        while let Some(batch) = rows.next().await? {
            let prepared = writer.prepare(&batch)?;
            let mut row = 0;
            while row < batch.num_rows() {
                let buffer = self.out.buffer();
                let before = buffer.len();
                let next =
                    prepared.write(row..batch.num_rows(), FLUSH_BYTES, &mut envelope, buffer)?;
                transfer.add_bytes(buffer.len() - before);
                transfer.add_rows(next - row);
                row = next;
                self.out.completed();
                if self.out.is_full() {
                    self.out.flush().await?;
                    rows.interrupt().check()?;
                }
            }
            sent += batch.num_rows();
        }
        let mut end = envelope.head;
        writer.trailer(&mut end);
        if !end.is_empty() {
            self.copy_data(&end)?;
        }
        Ok(sent)
    }

    /// As many bytes a message as are worth one.
    async fn send_packed(
        &mut self,
        rows: &mut Rows,
        mut writer: PackedWriter,
        transfer: &Transfer,
    ) -> Result<usize, Failure> {
        let mut sent = 0_usize;
        let mut pieces = Vec::new();
        while let Some(batch) = rows.next().await? {
            rows.interrupt().check()?;
            let count = batch.num_rows();
            // One batch is packed while the one before is sent.
            let (packed, gone) =
                tokio::join!(writer.write(batch), self.send_pieces(&pieces, transfer));
            gone?;
            pieces = packed?;
            transfer.add_rows(count);
            sent += count;
        }
        self.send_pieces(&pieces, transfer).await?;
        let last = writer.finish().await?;
        self.send_pieces(&last, transfer).await?;
        Ok(sent)
    }

    async fn send_pieces(&mut self, pieces: &[Buffer], transfer: &Transfer) -> Result<(), Failure> {
        for piece in pieces {
            for start in (0..piece.len()).step_by(PIECE_BYTES) {
                let part = piece.slice_with_length(start, PIECE_BYTES.min(piece.len() - start));
                transfer.add_bytes(part.len());
                if part.len() < COPIED_BYTES_MAX {
                    self.copy_data(&part)?;
                    if self.out.is_full() {
                        self.out.flush().await?;
                    }
                } else {
                    let [a, b, c, d] = CopyData::length(part.len())?;
                    self.out.write_message(&[b'd', a, b, c, d], part).await?;
                }
            }
        }
        Ok(())
    }

    fn copy_data(&mut self, bytes: &[u8]) -> Result<()> {
        let buffer = self.out.buffer();
        buffer.reserve(bytes.len() + 5);
        let mut envelope = CopyData { head: Vec::new() };
        let opened = envelope.open(buffer);
        buffer.extend_from_slice(bytes);
        envelope.close(opened, buffer)?;
        self.out.completed();
        Ok(())
    }
}

/// CopyData around a row.
struct CopyData {
    /// Goes into the next message, before its row.
    head: Vec<u8>,
}

impl CopyData {
    /// The length of a message that holds so many bytes; it counts itself.
    fn length(bytes: usize) -> Result<[u8; 4]> {
        let length = i32::try_from(bytes + 4).map_err(|_| {
            Error::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "a row is too long for the protocol",
            )
        })?;
        Ok(length.to_be_bytes())
    }
}

impl Envelope for CopyData {
    #[inline]
    fn open(&mut self, out: &mut Vec<u8>) -> usize {
        let opened = out.len();
        out.extend_from_slice(b"d\0\0\0\0");
        if !self.head.is_empty() {
            out.append(&mut self.head);
        }
        opened
    }

    #[inline]
    fn close(&mut self, opened: usize, out: &mut Vec<u8>) -> Result<()> {
        let length = Self::length(out.len() - opened - 5)?;
        out[opened + 1..opened + 5].copy_from_slice(&length);
        Ok(())
    }
}

fn column_count(count: usize) -> Result<i16> {
    i16::try_from(count).map_err(|_| Error::new(SqlState::TOO_MANY_COLUMNS, "too many columns"))
}
