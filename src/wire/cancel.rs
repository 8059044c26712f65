//! CancelRequest: a second connection that names a session and its secret, and is closed without an
//! answer.
//!
//! Nothing is ever answered, right or wrong, and the comparison takes the same time either way, so
//! nobody learns which sessions exist or how much of a secret was right.

use rand::TryRngCore;
use subtle::ConstantTimeEq;

use crate::base::{Error, Result, SessionId, SqlState};
use crate::observe::Sessions;

/// Bytes of the secret before protocol 3.2, whose field was one 32-bit number.
const SECRET_BYTES_3_0: usize = 4;
/// Bytes of the secret from protocol 3.2 on.
const SECRET_BYTES_3_2: usize = 32;

/// A fresh secret for a session that speaks protocol 3.`minor`.
///
/// # Errors
/// `XX000` if the operating system has no randomness.
pub(super) fn new_secret(minor: u16) -> Result<Vec<u8>> {
    let mut secret = vec![
        0;
        if minor >= 2 {
            SECRET_BYTES_3_2
        } else {
            SECRET_BYTES_3_0
        }
    ];
    fill_random(&mut secret)?;
    Ok(secret)
}

/// Fills `bytes` from the operating system's generator.
///
/// # Errors
/// `XX000` if it has none.
pub(super) fn fill_random(bytes: &mut [u8]) -> Result<()> {
    rand::rngs::OsRng
        .try_fill_bytes(bytes)
        .map_err(|error| Error::internal("drawing random bytes", error))
}

/// Stops the statement that session `id` runs, if `secret` is its own.
pub(super) fn cancel(sessions: &Sessions, id: SessionId, secret: &[u8]) {
    let Some(activity) = sessions.find(id) else {
        tracing::debug!(%id, "cancel request for no session");
        return;
    };
    if bool::from(activity.cancel_secret.as_slice().ct_eq(secret)) {
        activity.interrupt(Error::new(
            SqlState::QUERY_CANCELED,
            "canceling statement due to user request",
        ));
    } else {
        tracing::info!(%id, "cancel request with a wrong secret");
    }
}
