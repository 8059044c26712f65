//! Framing: bytes of the socket to whole messages, checked before anything is decoded.
//!
//! ```text
//! type (1 byte) | length (4 bytes, itself included) | body
//! ```
//!
//! Invariants: a frame's length lies between 4 and the limit of its type and state before one byte
//! of its body is kept; a body is cut out of the buffer as a whole, so that no decoder can read
//! past it; frames that wait to be handled hold no more bytes together than one frame may have. It
//! does not know what a body means ([`super::message`] does).

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::base::limits::PRE_LOGIN_FRAME_BYTES_MAX;
use crate::base::{Error, Result, SqlState};

/// Frames that may wait to be handled: enough that a pipelining client never waits for the reader.
pub(super) const FRAMES_WAITING_MAX: usize = 32;
/// Bytes of a message that carries no statement, parameters or data (PostgreSQL's
/// PQ_SMALL_MESSAGE_LIMIT).
const SMALL_FRAME_BYTES_MAX: usize = 10_000;
/// Bytes asked of the socket at first; a client that sends in bulk is read in larger pieces.
const READ_BYTES_MIN: usize = 4 * 1024;
/// Bytes asked of the socket at most when the length of what comes is not known.
const READ_BYTES_MAX: usize = 64 * 1024;
/// Frames up to this size wait without a permit: together they are small.
const UNCOUNTED_BYTES_MAX: usize = 1024;

/// The reading half of a socket.
pub(super) type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;

/// One message of the client, not decoded yet.
#[derive(Debug)]
pub(super) struct Frame {
    /// Type byte.
    pub(super) kind: u8,
    /// What follows the length.
    pub(super) body: Bytes,
    /// Its share of the bytes that may wait; given back when the frame has been handled.
    _waiting: Option<OwnedSemaphorePermit>,
}

impl Frame {
    /// A frame, for tests of the decoder.
    #[cfg(test)]
    pub(super) fn of(kind: u8, body: Bytes) -> Self {
        Self {
            kind,
            body,
            _waiting: None,
        }
    }
}

/// What the reader hands to the session, in the order of the socket.
#[derive(Debug)]
pub(super) enum Inbound {
    /// A message.
    Frame(Frame),
    /// The client broke the framing: nothing after this can be read.
    Violation(Error),
}

/// The peer is gone: end of file, reset, or a socket that no longer takes bytes. There is nobody to
/// tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

impl From<std::io::Error> for Gone {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

/// Cuts a socket's bytes into frames.
pub(super) struct FrameReader {
    half: ReadHalf,
    buffer: BytesMut,
    /// How much to ask for next.
    appetite: usize,
}

impl FrameReader {
    /// Reads from `half`; `buffer` has the bytes already read.
    pub(super) fn new(half: ReadHalf, buffer: BytesMut) -> Self {
        Self {
            half,
            buffer,
            appetite: READ_BYTES_MIN,
        }
    }

    /// The next frame before login: password and SASL messages alone. Cancel-safe.
    pub(super) async fn before_login(&mut self) -> Result<Result<Frame, Error>, Gone> {
        self.next(|kind| {
            (kind == b'p')
                .then_some(PRE_LOGIN_FRAME_BYTES_MAX)
                .ok_or_else(|| {
                    Error::new(
                        SqlState::PROTOCOL_VIOLATION,
                        format!("expected password response, got message type {kind}"),
                    )
                })
        })
        .await
    }

    /// Reads until the peer is gone, handing over what it says. After a violation or Terminate
    /// nothing more is handed over, but the peer's going away is still noticed. Cancel-safe in that
    /// dropping it ends the connection.
    pub(super) async fn run(
        mut self,
        frames: mpsc::Sender<Inbound>,
        frame_bytes_max: usize,
    ) -> Gone {
        let budget = Arc::new(Semaphore::new(frame_bytes_max));
        loop {
            let inbound = match self.next(|kind| limit(kind, frame_bytes_max)).await {
                Err(gone) => return gone,
                Ok(Err(error)) => Inbound::Violation(error),
                Ok(Ok(mut frame)) => {
                    let size = frame.body.len();
                    if size > UNCOUNTED_BYTES_MAX {
                        let share = u32::try_from(size.min(frame_bytes_max)).unwrap_or(u32::MAX);
                        frame._waiting = budget.clone().acquire_many_owned(share).await.ok();
                    }
                    Inbound::Frame(frame)
                }
            };
            let last = match &inbound {
                Inbound::Violation(_) => true,
                Inbound::Frame(frame) => frame.kind == b'X',
            };
            if frames.send(inbound).await.is_err() || last {
                return self.discard().await;
            }
        }
    }

    /// Reads and forgets until the peer is gone.
    async fn discard(&mut self) -> Gone {
        loop {
            self.buffer.clear();
            if let Err(gone) = self.read().await {
                return gone;
            }
        }
    }

    /// The next frame whose type `limit` admits, or what is wrong with it. Cancel-safe.
    async fn next(
        &mut self,
        limit: impl Fn(u8) -> Result<usize>,
    ) -> Result<Result<Frame, Error>, Gone> {
        loop {
            match header(&self.buffer, &limit) {
                Err(error) => return Ok(Err(error.fatal())),
                Ok(None) => {}
                Ok(Some((kind, length))) => {
                    let whole = 1 + length;
                    if self.buffer.len() >= whole {
                        self.buffer.advance(5);
                        let body = self.buffer.split_to(length - 4).freeze();
                        return Ok(Ok(Frame {
                            kind,
                            body,
                            _waiting: None,
                        }));
                    }
                    self.appetite = self
                        .appetite
                        .max((whole - self.buffer.len()).min(READ_BYTES_MAX));
                }
            }
            self.read().await?;
        }
    }

    /// Reads some bytes. Cancel-safe.
    async fn read(&mut self) -> Result<(), Gone> {
        self.buffer.reserve(self.appetite);
        let room = self.buffer.capacity() - self.buffer.len();
        let read = self.half.read_buf(&mut self.buffer).await?;
        if read == 0 {
            return Err(Gone);
        }
        // A full read means more is coming; a small one that the client is back to conversation.
        self.appetite = if read == room {
            (self.appetite * 2).min(READ_BYTES_MAX)
        } else {
            READ_BYTES_MIN
        };
        Ok(())
    }

    /// Waits until the peer hangs up, so that closing does not throw away what it has not read yet:
    /// closing a socket with unread input resets the connection.
    pub(super) async fn linger(&mut self) {
        let _ = tokio::time::timeout(std::time::Duration::from_millis(500), self.discard()).await;
    }
}

/// Type and length of the frame at the start of `buffer`, once its header is there.
fn header(buffer: &[u8], limit: impl Fn(u8) -> Result<usize>) -> Result<Option<(u8, usize)>> {
    let Some(&kind) = buffer.first() else {
        return Ok(None);
    };
    let bytes_max = limit(kind)?;
    let Some(length) = buffer.get(1..5) else {
        return Ok(None);
    };
    let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
    match usize::try_from(length) {
        Ok(length) if (4..=bytes_max.saturating_add(4)).contains(&length) => {
            Ok(Some((kind, length)))
        }
        _ => Err(
            Error::new(SqlState::PROTOCOL_VIOLATION, "invalid message length").detail(format!(
                "A message of type {} may have at most {bytes_max} bytes; this one says {length}.",
                kind.escape_ascii()
            )),
        ),
    }
}

/// Bytes the body of a message of this type may have after login.
fn limit(kind: u8, frame_bytes_max: usize) -> Result<usize> {
    match kind {
        b'Q' | b'P' | b'B' | b'F' | b'd' => Ok(frame_bytes_max),
        b'C' | b'D' | b'E' | b'H' | b'S' | b'X' | b'c' | b'f' => {
            Ok(SMALL_FRAME_BYTES_MAX.min(frame_bytes_max))
        }
        _ => Err(Error::new(
            SqlState::PROTOCOL_VIOLATION,
            format!("invalid frontend message type {kind}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(bytes: &'static [u8]) -> FrameReader {
        FrameReader::new(Box::new(bytes), BytesMut::new())
    }

    async fn next(reader: &mut FrameReader) -> Result<Result<Frame, Error>, Gone> {
        reader.next(|kind| limit(kind, 1000)).await
    }

    #[tokio::test]
    async fn cuts_frames() {
        let mut reader = reader(b"S\0\0\0\x04Q\0\0\0\x08hey\0X");
        let sync = next(&mut reader).await.unwrap().unwrap();
        assert_eq!((sync.kind, &sync.body[..]), (b'S', &b""[..]));
        let query = next(&mut reader).await.unwrap().unwrap();
        assert_eq!((query.kind, &query.body[..]), (b'Q', &b"hey\0"[..]));
        assert!(next(&mut reader).await.is_err());
    }

    #[tokio::test]
    async fn refuses_lengths_out_of_bounds_and_unknown_types() {
        for bytes in [
            &b"d\0\0\0\0"[..],
            b"d\0\0\0\x03",
            b"d\xff\xff\xff\xff",
            b"Q\x7f\xff\xff\xff",
            b"Q\0\0\x03\xed",
            b"p\0\0\0\x04",
            b"\0",
        ] {
            let error = next(&mut reader(bytes)).await.unwrap().unwrap_err();
            assert!(error.fields().fatal, "{bytes:?}");
            assert_eq!(error.state(), SqlState::PROTOCOL_VIOLATION);
        }
    }
}
