//! Who is it: one exchange per connection, chosen by the verifier stored for the role.
//!
//! | stored | asked for |
//! | --- | --- |
//! | SCRAM-SHA-256 verifier | SASL: SCRAM-SHA-256, and -PLUS over TLS |
//! | argon2id verifier | the password itself, over TLS alone |
//! | nothing, or no such role | SASL, which fails as a wrong password does |
//!
//! Every error here is FATAL: the startup sequence ends the connection with it, so nothing of an
//! unfinished login can ever be taken for a login.

use bytes::Bytes;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::startup::Authentication;
use tokio::sync::Semaphore;

use super::error::Failure;
use super::frame::FrameReader;
use super::message::Body;
use super::output::Output;
use super::scram::{Binding, Exchange, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, Secret};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Role;
use crate::session::Shared;
use crate::storage::secrets::{Verifier, check_cleartext};
use crate::types::binary::utf8;

/// Argon2 computations at once: each takes tens of megabytes and of milliseconds by design, which
/// must not become a way to exhaust the server before login.
static ARGON2_GATE: Semaphore = Semaphore::const_new(2);

/// Makes the peer prove that it is `user`; gives the role. Sends everything but AuthenticationOk.
/// `end_point` is the channel binding's hash, given iff the connection is encrypted and the
/// certificate allows it.
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
    let (verifier, mock_secret) = {
        let store = shared.database.store().clone();
        let oid = role.map(|role| role.oid);
        // Read for every name, so that unknown ones take as long.
        tokio::task::spawn_blocking(move || {
            let stored = oid.map(|oid| store.verifier(oid)).transpose()?.flatten();
            Ok::<_, Error>((stored, store.mock_secret()?))
        })
        .await
        .map_err(|error| Error::internal("reading a password verifier", error))??
    };
    let proved = match verifier.as_deref().and_then(Verifier::parse) {
        Some(verifier @ Verifier::Argon2id(_)) => cleartext(verifier, tls, reader, out).await?,
        verifier => {
            let secret = match verifier.and_then(Secret::of) {
                Some(secret) => secret,
                None => Secret::mock(user, &mock_secret)?,
            };
            scram(secret, end_point, reader, out).await?
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

/// Asks for the password itself.
async fn cleartext(
    verifier: Verifier,
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
    let mut body = Body::utf8(reader.before_login().await??.body);
    let password = body.text()?;
    body.end()?;
    if password.is_empty() {
        return Err(Error::new(
            SqlState::INVALID_PASSWORD,
            "empty password returned by client",
        )
        .into());
    }
    let _permit = ARGON2_GATE
        .acquire()
        .await
        .map_err(|error| Error::internal("waiting to check a password", error))?;
    let proved = tokio::task::spawn_blocking(move || check_cleartext(&password, &verifier))
        .await
        .map_err(|error| Error::internal("checking a password", error))?;
    Ok(proved)
}

/// The SASL exchange.
async fn scram(
    secret: Secret,
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

    let mut body = Body::utf8(reader.before_login().await??.body);
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
    let (exchange, server_first) = Exchange::begin(utf8(&client_first)?, &binding, secret)?;
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
