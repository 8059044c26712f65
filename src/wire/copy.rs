//! COPY FROM STDIN and COPY TO STDOUT.
//!
//! In: while the copy lasts the client may send CopyData, CopyDone and CopyFail; Flush and Sync
//! mean nothing. After an error nothing waits for the client to notice: what it still sends of the
//! copy is thrown away by [`super::connection`] as it comes, as PostgreSQL does. Out: one row per
//! CopyData, because that is what readers of a COPY are promised by PostgreSQL's practice; many
//! messages per system call all the same.

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::copy::{CopyDone, CopyInResponse as CopyIn, CopyOutResponse as CopyOut};

use super::connection::Connection;
use super::error::Failure;
use super::frame::Inbound;
use super::message::Message;
use super::output::Output;
use crate::base::{Error, Result, SqlState};
use crate::observe::Interrupt;
use crate::session::{CommandTag, CopyInResponse, CopyOutResponse};

/// Rows turned to text at a time: few enough that the output buffer stays near its flushing size.
const ROWS_AT_ONCE: usize = 256;

impl Connection {
    /// Takes rows from the client until it says that it is done, and loads them.
    pub(super) async fn copy_in(
        &mut self,
        mut copy: CopyInResponse,
    ) -> Result<CommandTag, Failure> {
        let columns = column_count(copy.copy.column_count())?;
        self.out
            .message(&PgWireBackendMessage::CopyInResponse(CopyIn::new(
                0,
                columns,
                vec![0; usize::try_from(columns).unwrap_or(0)],
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
                | Message::FunctionCall => {
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
            Inbound::Frame(frame) => Ok(Message::decode(frame)?),
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
        self.out
            .message(&PgWireBackendMessage::CopyOutResponse(CopyOut::new(
                i8::from(writer.is_binary()),
                columns,
                vec![i16::from(writer.is_binary()); usize::try_from(columns).unwrap_or(0)],
            )));
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        // A binary header goes with the first row, as PostgreSQL sends it; clients count on it.
        let mut head = Vec::new();
        writer.header(&mut head);
        if !head.is_empty() && !writer.is_binary() {
            ends.push(head.len());
            copy_data(&head, &ends, &mut self.out)?;
            head.clear();
        }
        let mut sent = 0_usize;
        while let Some(batch) = rows.next().await? {
            let mut start = 0;
            while start < batch.num_rows() {
                let end = (start + ROWS_AT_ONCE).min(batch.num_rows());
                text.clear();
                ends.clear();
                text.append(&mut head);
                writer.write(&batch, start..end, &mut text, &mut ends)?;
                copy_data(&text, &ends, &mut self.out)?;
                transfer.add_bytes(text.len());
                transfer.add_rows(end - start);
                start = end;
                if self.out.is_full() {
                    self.out.flush().await?;
                    rows.interrupt().check()?;
                }
            }
            sent += batch.num_rows();
        }
        text.clear();
        text.append(&mut head);
        writer.trailer(&mut text);
        if !text.is_empty() {
            copy_data(&text, &[text.len()], &mut self.out)?;
        }
        self.out
            .message(&PgWireBackendMessage::CopyDone(CopyDone::new()));
        Ok(CommandTag(format!("COPY {sent}")))
    }
}

/// Appends one CopyData for each row; `ends` says where each ends in `text`.
fn copy_data(text: &[u8], ends: &[usize], out: &mut Output) -> Result<()> {
    let mut start = 0;
    let buffer = out.buffer();
    buffer.reserve(text.len() + 5 * ends.len());
    for &end in ends {
        let length = i32::try_from(end - start + 4).map_err(|_| {
            Error::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "a row is too long for the protocol",
            )
        })?;
        buffer.push(b'd');
        buffer.extend_from_slice(&length.to_be_bytes());
        buffer.extend_from_slice(&text[start..end]);
        start = end;
    }
    out.completed();
    Ok(())
}

fn column_count(count: usize) -> Result<i16> {
    i16::try_from(count).map_err(|_| Error::new(SqlState::TOO_MANY_COLUMNS, "too many columns"))
}
