//! The writing half: one buffer for everything that is said, written when it is worth a system
//! call.
//!
//! Control messages are encoded by pgwire; rows are written into the buffer in place
//! ([`super::encode`]). Invariant: what lies before `complete` is whole messages, so that an error
//! in the middle of a row, or a panic, can be answered after cutting the unfinished message off.
//! Writing is resumable: a dropped [`Output::flush`] loses and repeats nothing.

use std::time::Duration;

use arrow::buffer::Buffer;
use bytes::BytesMut;
use pgwire::messages::PgWireBackendMessage;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{frame::Gone, spoken};
use crate::base::limits::FLUSH_BYTES;
use crate::types::Encoding;

/// How long a client may take no byte at all while bytes wait for it. Readers that pause between
/// rows (a person at a pager, a slow pipeline) are legitimate, so it is long; without it a vanished
/// machine would hold its query for ever.
const STALLED: Duration = Duration::from_secs(15 * 60);
/// How long the last words of a connection may take.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Bytes an idle connection keeps allocated.
const IDLE_BYTES_MAX: usize = 8 * 1024;

/// The writing half of a socket.
pub(super) type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;

/// The writing half and its buffer.
pub(super) struct Output {
    half: WriteHalf,
    /// What is to be written, and what was written of it.
    buffer: Vec<u8>,
    written: usize,
    complete: usize,
    /// The end of the last message, if it is too long to be copied into the buffer.
    piece: Buffer,
    /// pgwire encodes into this type.
    scratch: BytesMut,
    /// What the client reads.
    encoding: &'static Encoding,
}

impl Output {
    /// Writes to `half`.
    pub(super) fn new(half: WriteHalf) -> Self {
        Self {
            half,
            buffer: Vec::new(),
            written: 0,
            complete: 0,
            piece: Buffer::default(),
            scratch: BytesMut::new(),
            encoding: Encoding::UTF8,
        }
    }

    /// The client reads this encoding from now on.
    pub(super) fn speak(&mut self, encoding: &'static Encoding) {
        self.encoding = encoding;
    }

    /// What the client reads.
    pub(super) fn encoding(&self) -> &'static Encoding {
        self.encoding
    }

    /// Appends a control message.
    pub(super) fn message(&mut self, message: &PgWireBackendMessage) {
        self.scratch.clear();
        // pgwire refuses only secret keys of impossible lengths, and ours is one of two constants.
        if let Err(error) = message.encode(&mut self.scratch) {
            tracing::error!(%error, "message not encoded");
            return;
        }
        self.cut();
        self.take_in_piece();
        match self.encoding.is_same() || self.scratch.is_ascii() {
            true => self.buffer.extend_from_slice(&self.scratch),
            false => spoken::message(&self.scratch, self.encoding, &mut self.buffer),
        }
        self.complete = self.buffer.len();
    }

    /// The buffer, to append whole messages to; [`Output::completed`] says that they are whole.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        self.take_in_piece();
        &mut self.buffer
    }

    /// Writes all, and then a message: its head and its end, which is not copied. Cancel-safe.
    pub(super) async fn write_message(&mut self, head: &[u8], end: Buffer) -> Result<(), Gone> {
        self.take_in_piece();
        self.buffer.extend_from_slice(head);
        self.complete = self.buffer.len();
        self.piece = end;
        self.flush().await
    }

    /// Puts what is left of a piece into the buffer, if the writing of it was given up.
    fn take_in_piece(&mut self) {
        if !self.piece.is_empty() {
            self.buffer.extend_from_slice(&self.piece);
            self.piece = Buffer::default();
            self.complete = self.buffer.len();
        }
    }

    /// Everything appended so far is whole messages.
    pub(super) fn completed(&mut self) {
        self.complete = self.buffer.len();
    }

    /// Removes an unfinished message.
    pub(super) fn cut(&mut self) {
        self.buffer.truncate(self.complete);
    }

    /// Whether enough has gathered to be written.
    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() - self.written >= FLUSH_BYTES
    }

    /// Writes all. Waits as long as the client's window is closed: that is the back-pressure.
    /// Cancel-safe.
    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        while self.written < self.complete {
            self.written +=
                write(&mut self.half, &self.buffer[self.written..self.complete]).await?;
        }
        self.buffer.drain(..self.complete);
        self.written = 0;
        self.complete = 0;
        while !self.piece.is_empty() {
            let written = write(&mut self.half, &self.piece).await?;
            self.piece.advance(written);
        }
        self.piece = Buffer::default();
        tokio::time::timeout(STALLED, self.half.flush())
            .await
            .map_err(|_| Gone)??;
        Ok(())
    }

    /// Writes all and says that nothing more comes; gives up on a client that does not listen.
    pub(super) async fn finish(&mut self) {
        self.cut();
        let last = async {
            self.flush().await?;
            self.half.shutdown().await.map_err(Gone::from)
        };
        let _ = tokio::time::timeout(LAST_WORDS, last).await;
    }

    /// Gives memory of a large answer back.
    pub(super) fn shrink(&mut self) {
        if self.buffer.capacity() > IDLE_BYTES_MAX {
            self.buffer.shrink_to(IDLE_BYTES_MAX);
        }
        if self.scratch.capacity() > IDLE_BYTES_MAX {
            self.scratch = BytesMut::new();
        }
    }
}

/// Writes some of `bytes`; says how many.
async fn write(half: &mut WriteHalf, bytes: &[u8]) -> Result<usize, Gone> {
    match tokio::time::timeout(STALLED, half.write(bytes)).await {
        Ok(Ok(written)) if written > 0 => Ok(written),
        _ => Err(Gone),
    }
}
