//! Who is it: one exchange per connection, chosen by the verifier stored for the role.
//!
//! | stored | asked for |
//! | --- | --- |
//! | SCRAM-SHA-256 verifier | SASL: SCRAM-SHA-256, and -PLUS over TLS |
//! | argon2id verifier | the password itself, over TLS alone |
//! | nothing, or no such role | SASL, which fails as a wrong password does |
//!
//! Every error here is FATAL: the startup sequence ends the connection with it, so nothing of an unfinished login can
//! ever be taken for a login.

use std::sync::OnceLock;

use argon2::{Argon2, PasswordHash, PasswordVerifier};
use bytes::Bytes;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::startup::Authentication;
use tokio::sync::Semaphore;

use super::cancel::fill_random;
use super::error::Failure;
use super::frame::FrameReader;
use super::message::{Body, utf8};
use super::output::Output;
use super::scram::{Binding, Exchange, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, Verifier};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Role;
use crate::session::Shared;

/// Argon2 computations at once: each takes tens of megabytes and of milliseconds by design, which must not become a
/// way to exhaust the server before login.
static ARGON2_GATE: Semaphore = Semaphore::const_new(2);

/// Makes the peer prove that it is `user`; gives the role. Sends everything but AuthenticationOk. `end_point` is the
/// channel binding's hash, given iff the connection is encrypted and the certificate allows it.
pub(super) async fn authenticate(
    shared: &Shared,
    user: &str,
    tls: bool,
    end_point: Option<&[u8]>,
    reader: &mut FrameReader,
    out: &mut Output,
) -> Result<Oid, Failure> {
    let snapshot = shared.database.snapshot();
    let role = snapshot.role_named(user).filter(|role| !expired(role));
    let stored = match role.map(|role| role.oid) {
        Some(oid) => {
            let store = shared.database.store().clone();
            tokio::task::spawn_blocking(move || store.verifier(oid))
                .await
                .map_err(|error| Error::internal("reading a password verifier", error))??
        }
        None => None,
    };
    let proved = match &stored {
        Some(stored) if stored.starts_with("$argon2") => {
            cleartext(stored, tls, reader, out).await?
        }
        _ => {
            let verifier = match stored.as_deref().and_then(Verifier::parse) {
                Some(verifier) => verifier,
                None => Verifier::mock(user, mock_secret()?)?,
            };
            scram(verifier, end_point, reader, out).await?
        }
    };
    match role {
        Some(role) if proved => {
            if role.login {
                Ok(role.oid)
            } else {
                Err(Error::new(
                    SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
                    format!("role \"{user}\" is not permitted to log in"),
                )
                .into())
            }
        }
        _ => Err(Error::new(
            SqlState::INVALID_PASSWORD,
            format!("password authentication failed for user \"{user}\""),
        )
        .into()),
    }
}

/// VALID UNTIL has passed: no password is good any more.
fn expired(role: &Role) -> bool {
    role.valid_until
        .is_some_and(|until| until < chrono::Utc::now().timestamp_micros())
}

/// The secret behind the salts of roles that do not exist.
fn mock_secret() -> Result<&'static [u8]> {
    static SECRET: OnceLock<[u8; 32]> = OnceLock::new();
    if let Some(secret) = SECRET.get() {
        return Ok(secret);
    }
    let mut secret = [0; 32];
    fill_random(&mut secret)?;
    Ok(SECRET.get_or_init(|| secret))
}

/// Asks for the password itself.
async fn cleartext(
    stored: &str,
    tls: bool,
    reader: &mut FrameReader,
    out: &mut Output,
) -> Result<bool, Failure> {
    if !tls {
        return Err(Error::new(
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            "this role's password can only be checked over an encrypted connection",
        )
        .hint(
            "Connect with sslmode=require, or set the password again with password_encryption = \
             'scram-sha-256'.",
        )
        .into());
    }
    out.message(&PgWireBackendMessage::Authentication(
        Authentication::CleartextPassword,
    ));
    out.flush().await?;
    let mut body = Body(reader.before_login().await??.body);
    let password = body.text()?;
    body.end()?;
    if password.is_empty() {
        return Err(Error::new(
            SqlState::INVALID_PASSWORD,
            "empty password returned by client",
        )
        .into());
    }
    let stored = stored.to_owned();
    let _permit = ARGON2_GATE
        .acquire()
        .await
        .map_err(|error| Error::internal("waiting to check a password", error))?;
    let proved = tokio::task::spawn_blocking(move || {
        PasswordHash::new(&stored).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        })
    })
    .await
    .map_err(|error| Error::internal("checking a password", error))?;
    Ok(proved)
}

/// The SASL exchange.
async fn scram(
    verifier: Verifier,
    end_point: Option<&[u8]>,
    reader: &mut FrameReader,
    out: &mut Output,
) -> Result<bool, Failure> {
    let mut mechanisms = vec![SCRAM_SHA_256.to_owned()];
    if end_point.is_some() {
        mechanisms.insert(0, SCRAM_SHA_256_PLUS.to_owned());
    }
    out.message(&PgWireBackendMessage::Authentication(Authentication::SASL(
        mechanisms,
    )));
    out.flush().await?;

    let mut body = Body(reader.before_login().await??.body);
    let mechanism = body.text()?;
    let plus = match mechanism.as_str() {
        SCRAM_SHA_256 => false,
        SCRAM_SHA_256_PLUS if end_point.is_some() => true,
        _ => {
            return Err(Error::new(
                SqlState::PROTOCOL_VIOLATION,
                "client selected an invalid SASL authentication mechanism",
            )
            .into());
        }
    };
    let length = body.i32()?;
    let client_first = if length == -1 {
        // The client may wait to be asked.
        out.message(&PgWireBackendMessage::Authentication(
            Authentication::SASLContinue(Bytes::new()),
        ));
        out.flush().await?;
        reader.before_login().await??.body
    } else {
        let bytes = body.bytes(length)?;
        body.end()?;
        bytes
    };
    let binding = Binding { plus, end_point };
    let (exchange, server_first) = Exchange::begin(utf8(&client_first)?, &binding, verifier)?;
    out.message(&PgWireBackendMessage::Authentication(
        Authentication::SASLContinue(server_first.into()),
    ));
    out.flush().await?;

    let client_final = reader.before_login().await??.body;
    let Some(server_final) = exchange.finish(utf8(&client_final)?)? else {
        return Ok(false);
    };
    out.message(&PgWireBackendMessage::Authentication(
        Authentication::SASLFinal(server_final.into()),
    ));
    Ok(true)
}
