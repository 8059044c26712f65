//! The client's end of a socket: messages from their notation to bytes, and logging in.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
    crypto,
};

/// One message of the server.
pub(super) enum Message {
    /// A typed message.
    Typed(u8, Vec<u8>),
    /// A lone byte that answers a request for encryption.
    Byte(u8),
    /// The end.
    Closed,
}

/// The channel.
enum Socket {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Socket {
    fn set_read_timeout(&self, wait: Duration) -> Result<(), String> {
        let socket = match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        };
        socket
            .set_read_timeout(Some(wait))
            .map_err(|e| e.to_string())
    }

    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(bytes),
            Self::Tls(stream) => stream.read(bytes),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }
}

/// A socket, what is to be sent on it, and what was read ahead.
pub(super) struct Connection {
    socket: Socket,
    queued: Vec<u8>,
    ahead: Vec<u8>,
    /// An encryption request was sent: its answer is one byte.
    byte_expected: bool,
    /// The channel binding flag of SCRAM: `p`, `n` or `y`.
    binding: String,
    /// BackendKeyData.
    pub(super) key: (i32, Vec<u8>),
}

impl Connection {
    /// Opens a socket.
    pub(super) fn open(address: SocketAddr) -> Result<Self, String> {
        let socket = TcpStream::connect(address).map_err(|e| format!("connect: {e}"))?;
        socket.set_nodelay(true).map_err(|e| e.to_string())?;
        Ok(Self {
            socket: Socket::Plain(socket),
            binding: "n".to_owned(),
            queued: Vec::new(),
            ahead: Vec::new(),
            byte_expected: false,
            key: (0, Vec::new()),
        })
    }

    /// Sends what is queued. A server that has hung up already has said why.
    pub(super) fn send(&mut self) -> Result<(), String> {
        let sent = self.socket.write_all(&self.queued);
        self.queued.clear();
        match sent {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
            // A fatal alert of TLS.
            Err(error) if error.kind() == ErrorKind::InvalidData => Ok(()),
            sent => sent.map_err(|e| format!("send: {e}")),
        }
    }

    /// The next message, if one comes in time.
    pub(super) fn receive(&mut self, wait: Duration) -> Result<Option<Message>, String> {
        loop {
            if let Some(message) = self.cut() {
                return Ok(Some(message));
            }
            self.socket.set_read_timeout(wait)?;
            let mut bytes = [0; 16 * 1024];
            match self.socket.read(&mut bytes) {
                Ok(0) => return Ok(Some(Message::Closed)),
                Ok(read) => self.ahead.extend_from_slice(&bytes[..read]),
                Err(e)
                    if matches!(
                        e.kind(),
                        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
                    ) =>
                {
                    return Ok(Some(Message::Closed));
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(None);
                }
                // A fatal alert of TLS.
                Err(e) if e.kind() == ErrorKind::InvalidData => return Ok(Some(Message::Closed)),
                Err(error) => return Err(format!("receive: {error}")),
            }
        }
    }

    /// Asks for encryption, and encrypts. `binding` is SCRAM's channel binding flag.
    pub(super) fn encrypt_first(&mut self, binding: &str) -> Result<(), String> {
        binding.clone_into(&mut self.binding);
        self.queue("SSLRequest", "")?;
        self.send()?;
        match self.receive(Duration::from_secs(20))? {
            Some(Message::Byte(b'S')) => self.encrypt(""),
            _ => Err("no S".to_owned()),
        }
    }

    /// Makes the TLS handshake. `alpn` is the protocol offered, if any.
    pub(super) fn encrypt(&mut self, alpn: &str) -> Result<(), String> {
        let provider = Arc::new(crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate))
            .with_no_client_auth();
        if !alpn.is_empty() {
            config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        }
        let name = ServerName::try_from("localhost").map_err(|e| e.to_string())?;
        let mut tls = ClientConnection::new(Arc::new(config), name).map_err(|e| e.to_string())?;
        let Socket::Plain(socket) = &mut self.socket else {
            return Err("encrypted already".to_owned());
        };
        // A refused handshake shows when something is read.
        let _ = tls.complete_io(socket);
        let socket = socket.try_clone().map_err(|e| e.to_string())?;
        self.socket = Socket::Tls(Box::new(StreamOwned::new(tls, socket)));
        Ok(())
    }

    /// The GS2 header, and the channel binding data that follows it in `c=`.
    fn gs2(&self) -> Result<(String, Vec<u8>), String> {
        if self.binding != "p" {
            return Ok((format!("{},,", self.binding), Vec::new()));
        }
        let Socket::Tls(stream) = &self.socket else {
            return Err("channel binding without TLS".to_owned());
        };
        let certificates = stream.conn.peer_certificates().unwrap_or_default();
        let certificate = certificates.first().ok_or("no certificate")?;
        let hash = Sha256::digest(certificate).to_vec();
        Ok(("p=tls-server-end-point,,".to_owned(), hash))
    }

    fn cut(&mut self) -> Option<Message> {
        let kind = *self.ahead.first()?;
        // An error may come in place of the byte.
        if self.byte_expected && kind != b'E' {
            self.byte_expected = false;
            self.ahead.remove(0);
            return Some(Message::Byte(kind));
        }
        let length = self.ahead.get(1..5)?;
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        if self.ahead.len() < 1 + length {
            return None;
        }
        let body = self.ahead[5..=length].to_vec();
        self.ahead.drain(..=length);
        Some(Message::Typed(kind, body))
    }

    /// Queues one message in its notation.
    pub(super) fn queue(&mut self, word: &str, rest: &str) -> Result<(), String> {
        let json = || -> Result<Value, String> {
            serde_json::from_str(rest).map_err(|e| format!("{word} {rest}: {e}"))
        };
        let mut body = Vec::new();
        let kind = match word {
            "raw" => {
                let bytes = unhex(rest)?;
                self.queued.extend_from_slice(&bytes);
                return Ok(());
            }
            "zeros" => {
                let count: usize = rest.parse().map_err(|e| format!("zeros: {e}"))?;
                self.queued.resize(self.queued.len() + count, 0);
                return Ok(());
            }
            "SSLRequest" | "GSSENCRequest" => {
                self.byte_expected = true;
                let code = if word == "SSLRequest" { 5679 } else { 5680 };
                self.packet(&((1234_u32 << 16) | code).to_be_bytes());
                return Ok(());
            }
            "Startup" => {
                self.startup(&json()?);
                return Ok(());
            }
            "Query" => {
                text(&mut body, &json()?);
                b'Q'
            }
            "QueryBytes" => {
                body.extend(unhex(rest)?);
                body.push(0);
                b'Q'
            }
            "Parse" => {
                let json = json()?;
                text(&mut body, &json["name"]);
                text(&mut body, &json["sql"]);
                let types = list(&json["types"]);
                count(&mut body, types.len());
                for oid in types {
                    body.extend((oid.as_u64().unwrap_or(0) as u32).to_be_bytes());
                }
                b'P'
            }
            "Bind" => {
                let json = json()?;
                text(&mut body, &json["portal"]);
                text(&mut body, &json["statement"]);
                formats(&mut body, &json["parameter_formats"]);
                let parameters = list(&json["parameters"]);
                count(&mut body, parameters.len());
                for parameter in parameters {
                    value(&mut body, parameter)?;
                }
                formats(&mut body, &json["result_formats"]);
                b'B'
            }
            "FunctionCall" => {
                let json = json()?;
                body.extend((json["function"].as_u64().unwrap_or(0) as u32).to_be_bytes());
                formats(&mut body, &json["formats"]);
                let arguments = list(&json["arguments"]);
                count(&mut body, arguments.len());
                for argument in arguments {
                    value(&mut body, argument)?;
                }
                let format = json["result_format"].as_u64().unwrap_or(0) as u16;
                body.extend(format.to_be_bytes());
                b'F'
            }
            "Describe" | "Close" => {
                let json = json()?;
                let (kind, name) = match &json["statement"] {
                    Value::Null => (b'P', &json["portal"]),
                    name => (b'S', name),
                };
                body.push(kind);
                text(&mut body, name);
                word.as_bytes()[0]
            }
            "Execute" => {
                let json = json()?;
                text(&mut body, &json["portal"]);
                let rows_max = json["rows_max"].as_i64().unwrap_or(0) as i32;
                body.extend(rows_max.to_be_bytes());
                b'E'
            }
            "Sync" => b'S',
            "Flush" => b'H',
            "Terminate" => b'X',
            "CopyData" => {
                body.extend(json()?.as_str().unwrap_or("").as_bytes());
                b'd'
            }
            "CopyBytes" => {
                body.extend(unhex(rest)?);
                b'd'
            }
            "CopyDone" => b'c',
            "CopyFail" => {
                text(&mut body, &json()?);
                b'f'
            }
            _ => return Err(format!("unknown command {word}")),
        };
        self.typed(kind, &body);
        Ok(())
    }

    fn typed(&mut self, kind: u8, body: &[u8]) {
        self.queued.push(kind);
        self.packet(body);
    }

    fn packet(&mut self, body: &[u8]) {
        self.queued.extend((body.len() as u32 + 4).to_be_bytes());
        self.queued.extend_from_slice(body);
    }

    /// `{"version": [3, 0], "user": …}`
    fn startup(&mut self, json: &Value) {
        let mut body = Vec::new();
        for part in 0..2 {
            let number = json["version"][part].as_u64();
            body.extend((number.unwrap_or([3, 0][part]) as u16).to_be_bytes());
        }
        for (name, value) in json.as_object().into_iter().flatten() {
            if name != "version" {
                text(&mut body, &Value::String(name.clone()));
                text(&mut body, value);
            }
        }
        body.push(0);
        self.packet(&body);
    }

    /// Logs in and reads up to ReadyForQuery. An error that refuses the login can be received
    /// again.
    pub(super) fn log_in(
        &mut self,
        settings: &[(&str, &str)],
        password: &str,
    ) -> Result<(), String> {
        let json = settings
            .iter()
            .map(|(name, value)| {
                // `version=3.2`, and `\\_` for a space.
                let value = match value.split_once('.') {
                    Some((major, minor)) if *name == "version" => {
                        serde_json::json!([major.parse::<u16>().ok(), minor.parse::<u16>().ok()])
                    }
                    _ => Value::from(value.replace("\\_", " ")),
                };
                ((*name).to_owned(), value)
            })
            .collect();
        self.startup(&Value::Object(json));
        self.send()?;
        let mut proof = String::new();
        loop {
            let Some(Message::Typed(kind, body)) = self.receive(Duration::from_secs(20))? else {
                return Err("no answer to the login".to_owned());
            };
            match (
                kind,
                body.first_chunk().map(|code| u32::from_be_bytes(*code)),
            ) {
                (b'R', Some(10)) => {
                    let first = format!("{}n=,r=transcript", self.gs2()?.0);
                    let mut body = match self.binding.as_str() {
                        "p" => b"SCRAM-SHA-256-PLUS\0".to_vec(),
                        _ => b"SCRAM-SHA-256\0".to_vec(),
                    };
                    body.extend((first.len() as u32).to_be_bytes());
                    body.extend(first.as_bytes());
                    self.typed(b'p', &body);
                    self.send()?;
                }
                (b'R', Some(11)) => {
                    let server_first = String::from_utf8_lossy(&body[4..]).into_owned();
                    proof.clear();
                    let (header, data) = self.gs2()?;
                    let bound = [header.as_bytes(), &data].concat();
                    proof.push_str(&scram_final(&server_first, password, &bound)?);
                    self.typed(b'p', proof.clone().as_bytes());
                    self.send()?;
                }
                (b'R', Some(3)) => {
                    let mut body = password.as_bytes().to_vec();
                    body.push(0);
                    self.typed(b'p', &body);
                    self.send()?;
                }
                (b'K', Some(id)) => self.key = (id as i32, body[4..].to_vec()),
                (b'Z', _) => return Ok(()),
                (b'E', _) => {
                    let length = (body.len() as u32 + 4).to_be_bytes();
                    let message = [&[kind][..], &length, &body].concat();
                    self.ahead.splice(0..0, message);
                    return Err(format!("login: {}", String::from_utf8_lossy(&body)));
                }
                _ => {}
            }
        }
    }
}

/// Sends a CancelRequest and waits until it was taken.
pub(super) fn cancel(address: SocketAddr, id: i32, secret: &[u8]) -> Result<(), String> {
    cancel_on(Connection::open(address)?, id, secret)
}

/// The same over TLS.
pub(super) fn cancel_encrypted(address: SocketAddr, id: i32, secret: &[u8]) -> Result<(), String> {
    let mut connection = Connection::open(address)?;
    connection.encrypt_first("n")?;
    cancel_on(connection, id, secret)
}

fn cancel_on(mut connection: Connection, id: i32, secret: &[u8]) -> Result<(), String> {
    let mut body = ((1234_u32 << 16) | 5678).to_be_bytes().to_vec();
    body.extend(id.to_be_bytes());
    body.extend(secret);
    connection.packet(&body);
    connection.send()?;
    match connection.receive(Duration::from_secs(20))? {
        Some(Message::Closed) => Ok(()),
        _ => Err("a CancelRequest was answered".to_owned()),
    }
}

/// The client's last message of a SCRAM exchange.
fn scram_final(server_first: &str, password: &str, bound: &[u8]) -> Result<String, String> {
    let mut fields = server_first.split(',').map(|field| &field[2..]);
    let mut field = || fields.next().ok_or("short SCRAM message");
    let nonce = field()?;
    let salt = BASE64_STANDARD
        .decode(field()?)
        .map_err(|e| e.to_string())?;
    let rounds = field()?.parse().map_err(|_| "SCRAM iterations")?;
    let mut salted = [0; 32];
    pbkdf2::pbkdf2::<Hmac<Sha256>>(password.as_bytes(), &salt, rounds, &mut salted)
        .map_err(|e| e.to_string())?;
    let client_key = sign(&salted, b"Client Key");
    let stored_key: [u8; 32] = Sha256::digest(client_key).into();
    let without_proof = format!("c={},r={nonce}", BASE64_STANDARD.encode(bound));
    let message = format!("n=,r=transcript,{server_first},{without_proof}");
    let signature = sign(&stored_key, message.as_bytes());
    let proof: Vec<u8> = client_key
        .iter()
        .zip(signature)
        .map(|(key, sign)| key ^ sign)
        .collect();
    Ok(format!(
        "{without_proof},p={}",
        BASE64_STANDARD.encode(proof)
    ))
}

fn sign(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// Takes any certificate: the tests are about what the server does with one.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn text(body: &mut Vec<u8>, value: &Value) {
    body.extend(value.as_str().unwrap_or("").as_bytes());
    body.push(0);
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn count(body: &mut Vec<u8>, count: usize) {
    body.extend((count as u16).to_be_bytes());
}

/// A value after its length; NULL has a length alone.
fn value(body: &mut Vec<u8>, value: &Value) -> Result<(), String> {
    let bytes = match value {
        Value::Null => {
            body.extend((-1_i32).to_be_bytes());
            return Ok(());
        }
        Value::Object(object) => unhex(object["hex"].as_str().unwrap_or(""))?,
        other => other.as_str().unwrap_or("").as_bytes().to_vec(),
    };
    body.extend((bytes.len() as u32).to_be_bytes());
    body.extend(bytes);
    Ok(())
}

fn formats(body: &mut Vec<u8>, value: &Value) {
    let formats = list(value);
    count(body, formats.len());
    for format in formats {
        count(body, format.as_u64().unwrap_or(0) as usize);
    }
}

/// Hexadecimal digits; a word in quotes stands for its own bytes.
fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        if let Some(word) = word.strip_prefix('\'') {
            bytes.extend(word.trim_end_matches('\'').as_bytes());
            continue;
        }
        for at in (0..word.len()).step_by(2) {
            let digits = word.get(at..at + 2).ok_or("odd number of digits")?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|e| format!("{word}: {e}"))?);
        }
    }
    Ok(bytes)
}
