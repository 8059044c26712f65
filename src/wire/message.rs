//! Frames to messages: a checked decoder for what a client may say after login.
//!
//! Every read is bounded by the frame, every text is converted from the client's encoding, every
//! count is checked against the bytes that are there, so no frame can panic or reserve memory
//! beyond its own size. Wordings and codes are those of PostgreSQL's `pqformat.c`. A body that does
//! not decode is an ordinary error: the framing is intact, the connection goes on.

use std::borrow::Cow;

use bytes::{Buf, Bytes};

use super::frame::Frame;
use crate::base::{Error, Oid, Result, SqlState};
use crate::types::Encoding;

/// A message of the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// `Q`
    Query(String),
    /// `P`
    Parse {
        /// Prepared statement's name.
        name: String,
        /// Query string.
        sql: String,
        /// Declared parameter types; 0 is unspecified.
        types: Vec<Oid>,
    },
    /// `B`
    Bind(Bind),
    /// `D`
    Describe(Target),
    /// `E`
    Execute {
        /// Portal.
        portal: String,
        /// Rows wanted; 0 is all.
        rows_max: usize,
    },
    /// `C`
    Close(Target),
    /// `H`
    Flush,
    /// `S`
    Sync,
    /// `F`: decoded no further, as it is not supported.
    FunctionCall(FunctionCall),
    /// `d`
    CopyData(Bytes),
    /// `c`
    CopyDone,
    /// `f`
    CopyFail(String),
    /// `X`
    Terminate,
}

/// `B`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bind {
    /// Portal.
    pub(super) portal: String,
    /// Prepared statement.
    pub(super) statement: String,
    /// Parameters; `None` is NULL.
    pub(super) parameters: Vec<Option<Bytes>>,
    /// Formats of the parameters: true is binary.
    pub(super) parameter_formats: Vec<bool>,
    /// Formats of the result's columns: true is binary.
    pub(super) result_formats: Vec<bool>,
}

/// FunctionCall, as libpq's fast path sends it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FunctionCall {
    /// Which function.
    pub(super) function: Oid,
    /// Formats of the arguments: true is binary.
    pub(super) formats: Vec<bool>,
    /// Arguments; `None` is NULL.
    pub(super) arguments: Vec<Option<Bytes>>,
    /// Format of the result.
    pub(super) binary: bool,
}

/// What Describe and Close are about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A prepared statement.
    Statement(String),
    /// A portal.
    Portal(String),
}

impl Message {
    /// Decodes a frame, whose texts are in the client's encoding.
    ///
    /// # Errors
    /// `08P01` malformed, `22021` not of the encoding, `22P05` characters that UTF-8 does not have,
    /// `22023` unsupported format code.
    pub(super) fn decode(frame: Frame, encoding: &'static Encoding) -> Result<Self> {
        let mut body = Body {
            bytes: frame.body,
            encoding,
        };
        let message = match frame.kind {
            b'Q' => Self::Query(body.text()?),
            b'P' => {
                let name = body.text()?;
                let sql = body.text()?;
                let count = body.count(4)?;
                let types = (0..count)
                    .map(|_| body.u32().map(Oid))
                    .collect::<Result<_>>()?;
                Self::Parse { name, sql, types }
            }
            b'B' => Self::Bind(body.bind()?),
            b'D' => Self::Describe(body.target("DESCRIBE")?),
            b'C' => Self::Close(body.target("CLOSE")?),
            b'E' => {
                let portal = body.text()?;
                // PostgreSQL takes zero and less as "all".
                let rows_max = usize::try_from(body.i32()?).unwrap_or(0);
                Self::Execute { portal, rows_max }
            }
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'F' => Self::FunctionCall(body.function_call()?),
            b'd' => return Ok(Self::CopyData(body.bytes)),
            b'c' => Self::CopyDone,
            b'f' => Self::CopyFail(body.text()?),
            b'X' => return Ok(Self::Terminate),
            kind => {
                // Unreachable by way of the reader, which admits these types alone.
                return Err(violation(format!("invalid frontend message type {kind}")).fatal());
            }
        };
        body.end()?;
        Ok(message)
    }
}

/// The rest of a frame's body.
pub(super) struct Body {
    /// What is left.
    pub(super) bytes: Bytes,
    /// What texts are in.
    pub(super) encoding: &'static Encoding,
}

impl Body {
    /// Before the client has said what it speaks.
    pub(super) fn utf8(bytes: Bytes) -> Self {
        Self {
            bytes,
            encoding: Encoding::UTF8,
        }
    }

    /// A string up to its NUL.
    pub(super) fn text(&mut self) -> Result<String> {
        let length = memchr::memchr(0, &self.bytes)
            .ok_or_else(|| violation("invalid string in message".to_owned()))?;
        let bytes = self.bytes.split_to(length);
        self.bytes.advance(1);
        self.encoding.decode(&bytes).map(Cow::into_owned)
    }

    fn need(&self, bytes: usize) -> Result<()> {
        if self.bytes.len() < bytes {
            return Err(violation("insufficient data left in message".to_owned()));
        }
        Ok(())
    }

    fn u8(&mut self) -> Result<u8> {
        self.need(1)?;
        Ok(self.bytes.get_u8())
    }

    /// An unsigned 16-bit number.
    pub(super) fn u16(&mut self) -> Result<u16> {
        self.need(2)?;
        Ok(self.bytes.get_u16())
    }

    fn u32(&mut self) -> Result<u32> {
        self.need(4)?;
        Ok(self.bytes.get_u32())
    }

    /// A signed 32-bit number.
    pub(super) fn i32(&mut self) -> Result<i32> {
        self.need(4)?;
        Ok(self.bytes.get_i32())
    }

    /// `length` bytes.
    pub(super) fn bytes(&mut self, length: i32) -> Result<Bytes> {
        // A negative length cannot be satisfied by any message.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.need(length)?;
        Ok(self.bytes.split_to(length))
    }

    /// A count of things of at least `bytes` bytes each.
    fn count(&mut self, bytes: usize) -> Result<usize> {
        let count = usize::from(self.u16()?);
        self.need(count * bytes)?;
        Ok(count)
    }

    fn formats(&mut self) -> Result<Vec<bool>> {
        let count = self.count(2)?;
        (0..count).map(|_| self.format()).collect()
    }

    fn format(&mut self) -> Result<bool> {
        match self.u16()? {
            0 => Ok(false),
            1 => Ok(true),
            code => Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("unsupported format code: {code}"),
            )),
        }
    }

    fn bind(&mut self) -> Result<Bind> {
        let portal = self.text()?;
        let statement = self.text()?;
        let parameter_formats = self.formats()?;
        let count = self.count(4)?;
        let parameters = (0..count)
            .map(|_| match self.i32()? {
                -1 => Ok(None),
                length => self.bytes(length).map(Some),
            })
            .collect::<Result<_>>()?;
        Ok(Bind {
            portal,
            statement,
            parameters,
            parameter_formats,
            result_formats: self.formats()?,
        })
    }

    fn function_call(&mut self) -> Result<FunctionCall> {
        let function = Oid(self.u32()?);
        let formats = self.formats()?;
        let count = self.count(4)?;
        let arguments = (0..count)
            .map(|_| match self.i32()? {
                -1 => Ok(None),
                length if length < -1 => Err(violation(format!(
                    "invalid argument size {length} in function call message"
                ))),
                length => self.bytes(length).map(Some),
            })
            .collect::<Result<_>>()?;
        Ok(FunctionCall {
            function,
            formats,
            arguments,
            binary: self.format()?,
        })
    }

    fn target(&mut self, word: &str) -> Result<Target> {
        let kind = self.u8()?;
        let name = self.text()?;
        match kind {
            b'S' => Ok(Target::Statement(name)),
            b'P' => Ok(Target::Portal(name)),
            kind => Err(violation(format!(
                "invalid {word} message subtype {}",
                kind as i8
            ))),
        }
    }

    /// Checks that nothing is left.
    pub(super) fn end(&self) -> Result<()> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(violation("invalid message format".to_owned()))
        }
    }
}

fn violation(message: String) -> Error {
    Error::new(SqlState::PROTOCOL_VIOLATION, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(kind: u8, body: &'static [u8]) -> Result<Message> {
        Message::decode(Frame::of(kind, Bytes::from_static(body)), Encoding::UTF8)
    }

    #[test]
    fn decodes_bind() {
        let message = decode(
            b'B',
            b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\x01\0\0",
        );
        assert_eq!(
            message.unwrap(),
            Message::Bind(Bind {
                portal: "p".to_owned(),
                statement: "s".to_owned(),
                parameters: vec![Some(Bytes::from_static(b"x")), None],
                parameter_formats: vec![true],
                result_formats: vec![false],
            })
        );
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bodies: [(u8, &'static [u8]); 6] = [
            (b'Q', b"select 1\0"),
            (b'P', b"s\0select $1\0\0\x01\0\0\0\x17"),
            (
                b'B',
                b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\x01\0\0",
            ),
            (b'D', b"Sx\0"),
            (b'E', b"p\0\0\0\0\x01"),
            (b'f', b"why\0"),
        ];
        for (kind, body) in bodies {
            assert!(decode(kind, body).is_ok());
            for length in 0..body.len() {
                let error = decode(kind, &body[..length]).unwrap_err();
                assert_eq!(error.state(), SqlState::PROTOCOL_VIOLATION);
            }
            let longer: &'static [u8] = Box::leak([body, b"x"].concat().into_boxed_slice());
            assert_eq!(
                decode(kind, longer).unwrap_err().message(),
                "invalid message format"
            );
        }
    }

    #[test]
    fn text_must_be_utf8() {
        for (body, shown) in [
            (&b"a\xff\0"[..], "0xff"),
            (b"\xc3(\0", "0xc3 0x28"),
            (b"\xe2\x82\0", "0xe2 0x82"),
        ] {
            let error = decode(b'Q', body).unwrap_err();
            assert_eq!(error.state(), SqlState::CHARACTER_NOT_IN_REPERTOIRE);
            assert!(error.message().ends_with(shown), "{error}");
        }
    }

    #[test]
    fn execute_takes_any_row_count() {
        for (bytes, rows_max) in [
            (&b"\0\x7f\xff\xff\xff"[..], 0x7fff_ffff),
            (b"\0\xff\xff\xff\xff", 0),
        ] {
            assert_eq!(
                decode(b'E', bytes).unwrap(),
                Message::Execute {
                    portal: String::new(),
                    rows_max
                }
            );
        }
    }
}
