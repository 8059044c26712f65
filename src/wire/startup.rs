//! From an accepted socket to a login: encryption, the startup packet, authentication.
//!
//! ```text
//! socket ── TLS ClientHello ─▶ direct TLS (ALPN postgresql) ─┐
//!        ── SSLRequest ─▶ S + TLS handshake, or N ───────────┤
//!        ── GSSENCRequest ─▶ N                               │
//!        ── CancelRequest ─▶ cancel, close without a word    ▼
//!        ── StartupMessage ─▶ [negotiate version] ─▶ authenticate ─▶ Login
//! ```
//!
//! Invariants: every error is FATAL and ends the connection; nothing received before TLS is used
//! after it; before login no message longer than [`PRE_LOGIN_FRAME_BYTES_MAX`] is taken.

use std::net::SocketAddr;

use bytes::{Buf, Bytes, BytesMut};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::startup::{Authentication, NegotiateProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::auth::authenticate;
use super::error::Failure;
use super::frame::{FrameReader, Gone, ReadHalf};
use super::message::Body;
use super::output::{Output, WriteHalf};
use super::{Options, cancel, tls};
use crate::base::limits::PRE_LOGIN_FRAME_BYTES_MAX;
use crate::base::name::truncate;
use crate::base::{Error, Oid, Result, SessionId, SqlState};
use crate::session::Shared;

/// Request codes that stand where a protocol version would.
const CANCEL_REQUEST: u32 = (1234 << 16) | 5678;
const SSL_REQUEST: u32 = (1234 << 16) | 5679;
const GSSENC_REQUEST: u32 = (1234 << 16) | 5680;
/// The newest minor version of protocol 3 spoken here.
const MINOR_MAX: u16 = 2;
/// First byte of a TLS record that carries a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// An open channel, encrypted or not, and the first packet on it that is not about encryption.
pub(super) struct Opened {
    /// For reading.
    pub(super) read: ReadHalf,
    /// For writing.
    pub(super) write: WriteHalf,
    /// Whether it is encrypted.
    pub(super) tls: bool,
    /// What was read beyond the packet.
    pub(super) rest: BytesMut,
    /// The packet, without its length, or why there is none.
    pub(super) packet: Result<Bytes>,
}

/// A peer that proved who it is.
pub(super) struct Login {
    /// Role.
    pub(super) role: Oid,
    /// Its name.
    pub(super) user: String,
    /// Database asked for.
    pub(super) database: String,
    /// Run-time settings, in order.
    pub(super) parameters: Vec<(String, String)>,
    /// Protocol 3.`minor` is spoken.
    pub(super) minor: u16,
}

/// Answers requests for encryption, as often as the protocol allows: each kind once.
pub(super) async fn open(mut socket: TcpStream, options: &Options) -> Result<Opened, Gone> {
    let mut first = [0];
    if socket.peek(&mut first).await? == 0 {
        return Err(Gone);
    }
    if first[0] == TLS_HANDSHAKE {
        let Some(config) = &options.tls else {
            return Err(Gone);
        };
        let stream = TlsAcceptor::from(config.clone()).accept(socket).await?;
        if stream.get_ref().1.alpn_protocol() != Some(tls::ALPN) {
            // Without it a browser could be made to speak to us (the ALPACA attack).
            let error = violation("received direct SSL connection request without ALPN protocol");
            return Ok(Opened::encrypted(stream, BytesMut::new(), Err(error)));
        }
        return encrypted(stream).await;
    }
    let mut buffer = BytesMut::new();
    let (mut asked_ssl, mut asked_gss) = (false, false);
    loop {
        let packet = read_packet(&mut socket, &mut buffer).await?;
        match (peek_code(&packet), &options.tls) {
            (SSL_REQUEST, Some(config)) if !asked_ssl => {
                if !buffer.is_empty() {
                    // Somebody in the middle could have put it there, to have it taken as the
                    // client's own words after the handshake (CVE-2021-23214).
                    let error = violation("received unencrypted data after SSL request").detail(
                        "This could be either a client-software bug or evidence of an attempted \
                         man-in-the-middle attack.",
                    );
                    return Ok(Opened::plain(socket, buffer, Err(error)));
                }
                socket.write_all(b"S").await?;
                let stream = TlsAcceptor::from(config.clone()).accept(socket).await?;
                return encrypted(stream).await;
            }
            (SSL_REQUEST, None) if !asked_ssl => {
                asked_ssl = true;
                socket.write_all(b"N").await?;
            }
            (GSSENC_REQUEST, _) if !asked_gss => {
                asked_gss = true;
                socket.write_all(b"N").await?;
            }
            _ => return Ok(Opened::plain(socket, buffer, Ok(packet))),
        }
    }
}

/// Reads the first packet of an encrypted channel.
async fn encrypted(mut stream: TlsStream<TcpStream>) -> Result<Opened, Gone> {
    let mut buffer = BytesMut::new();
    let packet = read_packet(&mut stream, &mut buffer).await?;
    Ok(Opened::encrypted(stream, buffer, Ok(packet)))
}

impl Opened {
    fn plain(socket: TcpStream, rest: BytesMut, packet: Result<Bytes>) -> Self {
        let (read, write) = socket.into_split();
        Self {
            read: Box::new(read),
            write: Box::new(write),
            tls: false,
            rest,
            packet,
        }
    }

    fn encrypted(stream: TlsStream<TcpStream>, rest: BytesMut, packet: Result<Bytes>) -> Self {
        let (read, write) = tokio::io::split(stream);
        Self {
            read: Box::new(read),
            write: Box::new(write),
            tls: true,
            rest,
            packet,
        }
    }
}

/// Reads one packet of the form before startup: a length, then so many bytes. A peer that sends
/// another length speaks another protocol, or hung up at once; as PostgreSQL we say nothing to it.
async fn read_packet(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> Result<Bytes, Gone> {
    loop {
        if let Some(length) = buffer.get(..4) {
            let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if !(8..=PRE_LOGIN_FRAME_BYTES_MAX).contains(&length) {
                tracing::debug!(length, "invalid length of startup packet");
                return Err(Gone);
            }
            if buffer.len() >= length {
                let mut packet = buffer.split_to(length).freeze();
                packet.advance(4);
                return Ok(packet);
            }
        }
        buffer.reserve(1024);
        if stream.read_buf(buffer).await? == 0 {
            return Err(Gone);
        }
    }
}

/// The protocol version or request code a packet begins with.
fn peek_code(packet: &[u8]) -> u32 {
    packet
        .first_chunk()
        .map_or(0, |code| u32::from_be_bytes(*code))
}

/// Takes the startup packet and has its sender prove who it is. `None`: it was a CancelRequest, and
/// is done.
pub(super) async fn login(
    shared: &Shared,
    options: &Options,
    peer: SocketAddr,
    tls: bool,
    packet: Result<Bytes>,
    reader: &mut FrameReader,
    out: &mut Output,
) -> Result<Option<Login>, Failure> {
    let packet = packet?;
    if peek_code(&packet) == CANCEL_REQUEST {
        if let Some((id, secret)) = packet[4..].split_first_chunk() {
            cancel::cancel(&shared.sessions, SessionId(i32::from_be_bytes(*id)), secret);
        }
        return Ok(None);
    }
    let packet = Packet::parse(packet)?;
    if packet.minor > MINOR_MAX || !packet.unrecognized.is_empty() {
        let newest = (3 << 16) | i32::from(packet.minor.min(MINOR_MAX));
        out.message(&PgWireBackendMessage::NegotiateProtocolVersion(
            NegotiateProtocolVersion::new(newest, packet.unrecognized),
        ));
    }
    if options.require_tls && !tls && !peer.ip().to_canonical().is_loopback() {
        return Err(Error::new(
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            format!(
                "connection from host \"{}\" for user \"{}\" is not encrypted",
                peer.ip(),
                packet.user
            ),
        )
        .hint("Connect with sslmode=require or stronger.")
        .into());
    }
    let end_point = match &options.certificate {
        Some(certificate) if tls => tls::end_point_hash(certificate),
        _ => None,
    };
    let role = authenticate(shared, &packet.user, tls, end_point.as_deref(), reader, out).await?;
    out.message(&PgWireBackendMessage::Authentication(Authentication::Ok));
    Ok(Some(Login {
        role,
        user: packet.user,
        database: packet.database,
        parameters: packet.parameters,
        minor: packet.minor.min(MINOR_MAX),
    }))
}

/// A StartupMessage.
#[derive(Debug, PartialEq, Eq)]
struct Packet {
    minor: u16,
    user: String,
    database: String,
    parameters: Vec<(String, String)>,
    /// Protocol options (`_pq_.…`) that mean nothing here.
    unrecognized: Vec<String>,
}

impl Packet {
    fn parse(packet: Bytes) -> Result<Self> {
        let mut body = Body::utf8(packet);
        let [major, minor] = [body.u16()?, body.u16()?];
        if major != 3 {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!(
                    "unsupported frontend protocol {major}.{minor}: server supports 3.0 to \
                     3.{MINOR_MAX}"
                ),
            ));
        }
        let (mut user, mut database) = (String::new(), String::new());
        let (mut settings, mut others) = (Vec::new(), Vec::new());
        let mut unrecognized = Vec::new();
        loop {
            let layout =
                |_| violation("invalid startup packet layout: expected terminator as last byte");
            let name = body.text().map_err(layout)?;
            if name.is_empty() {
                body.end().map_err(layout)?;
                break;
            }
            let value = body.text().map_err(layout)?;
            match name.as_str() {
                "user" => user = value,
                "database" => database = value,
                "options" => settings.extend(parse_options(&value)?),
                "replication" => match value.to_ascii_lowercase().as_str() {
                    "false" | "off" | "no" | "0" => {}
                    _ => return Err(Error::unsupported("a replication connection")),
                },
                _ if name.starts_with("_pq_.") => unrecognized.push(name),
                _ => others.push((name, value)),
            }
        }
        if user.is_empty() {
            return Err(Error::new(
                SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
                "no PostgreSQL user name specified in startup packet",
            ));
        }
        let user = truncate(&user).to_owned();
        if database.is_empty() {
            database.clone_from(&user);
        }
        settings.append(&mut others);
        Ok(Self {
            minor,
            user,
            database: truncate(&database).to_owned(),
            parameters: settings,
            unrecognized,
        })
    }
}

/// The settings of `options`: `-c name=value`, `-cname=value` and `--name=value`, separated by
/// spaces that a backslash takes the meaning from.
fn parse_options(text: &str) -> Result<Vec<(String, String)>> {
    let mut words = split_options(text).into_iter();
    let mut settings = Vec::new();
    let wrong = |message: String| Error::new(SqlState::SYNTAX_ERROR, message);
    while let Some(word) = words.next() {
        let (switch, setting) = if word == "-c" {
            ("-c ", words.next().unwrap_or_default())
        } else if let Some(setting) = word.strip_prefix("--") {
            ("--", setting.to_owned())
        } else if let Some(setting) = word.strip_prefix("-c") {
            ("-c ", setting.to_owned())
        } else {
            return Err(wrong(format!(
                "invalid command-line argument for server process: {word}"
            )));
        };
        let Some((name, value)) = setting.split_once('=') else {
            return Err(wrong(format!("{switch}{setting} requires a value")));
        };
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

fn split_options(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(characters.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn violation(message: &str) -> Error {
    Error::new(SqlState::PROTOCOL_VIOLATION, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(version: u32, body: &[u8]) -> Result<Packet> {
        Packet::parse([&version.to_be_bytes(), body].concat().into())
    }

    #[test]
    fn packets() {
        let packet = parse(
            0x0003_270f,
            b"user\0ann\0application_name\0psql\0options\0-c a=b\0_pq_.x\x001\0\0",
        )
        .unwrap();
        assert_eq!(
            packet,
            Packet {
                minor: 9999,
                user: "ann".to_owned(),
                database: "ann".to_owned(),
                parameters: vec![
                    ("a".to_owned(), "b".to_owned()),
                    ("application_name".to_owned(), "psql".to_owned())
                ],
                unrecognized: vec!["_pq_.x".to_owned()],
            }
        );
        for (version, body, code) in [
            (0x0002_0000, &b"user\0ann\0\0"[..], "0A000"),
            (0x0003_0000, b"user\0ann\0", "08P01"),
            (0x0003_0000, b"user\0ann\0\0x", "08P01"),
            (0x0003_0000, b"user", "08P01"),
            (0x0003_0000, b"", "08P01"),
            (0x0003_0000, b"\0", "28000"),
            (0x0003_0000, b"user\0\0\0", "28000"),
            (0x0003_0000, b"user\0ann\0replication\0true\0\0", "0A000"),
            (0x0003_0000, b"user\0ann\0options\0-x\0\0", "42601"),
            (0x0003_0000, b"user\0ann\0options\0-c x\0\0", "42601"),
        ] {
            assert_eq!(parse(version, body).unwrap_err().state().code(), code);
        }
    }

    #[test]
    fn options() {
        let settings = parse_options(r"-c a=b  -cc=d\ e --work-mem=1\\2 -c x=").unwrap();
        let expected = [("a", "b"), ("c", "d e"), ("work_mem", r"1\2"), ("x", "")];
        assert_eq!(
            settings,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
