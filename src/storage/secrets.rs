//! Password verifiers: made, stored and checked apart from the catalog, so that no snapshot holds a
//! secret.
//!
//! They are in a file of their own, because whoever may attach `lake.sqlite` must not read them.
//! Two files cannot commit as one, so a verifier is stored under the catalog version that will make
//! it valid, before that version is durable; rows of versions that never came are removed.

use std::path::Path;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac};
use rand::RngCore;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{CommitRecord, files};
use crate::base::{Error, Oid, Result, SqlState, Version};
use crate::catalog::Snapshot;

/// Iterations of new SCRAM verifiers (PostgreSQL's default, `scram_iterations`).
pub const SCRAM_ITERATIONS: u32 = 4096;
/// Bytes of the salt of new SCRAM verifiers (PostgreSQL's).
const SALT_BYTES: usize = 16;
/// Iterations above which a verifier given ready-made is refused: every login would pay for them.
const SCRAM_ITERATIONS_MAX: u32 = 1_000_000;

/// What a password is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verifier {
    /// `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`
    Scram {
        /// Rounds of PBKDF2.
        iterations: u32,
        /// Salt.
        salt: Vec<u8>,
        /// H(ClientKey).
        stored_key: [u8; 32],
        /// ServerKey.
        server_key: [u8; 32],
    },
    /// `$argon2id$…`, a PHC string.
    Argon2id(String),
}

/// How new passwords are stored (`password_encryption`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `scram-sha-256`
    ScramSha256,
    /// `argon2id`
    Argon2id,
}

impl Verifier {
    /// Reads a verifier; `None` if `text` is not one (it is a password then).
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with("$argon2id$") {
            PasswordHash::new(text).ok()?.hash?;
            return Some(Self::Argon2id(text.to_owned()));
        }
        let (head, keys) = text.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
        let (iterations, salt) = head.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let key = |text: &str| BASE64_STANDARD.decode(text).ok()?.try_into().ok();
        let iterations = iterations.parse().ok()?;
        (1..=SCRAM_ITERATIONS_MAX)
            .contains(&iterations)
            .then_some(())?;
        Some(Self::Scram {
            iterations,
            salt: BASE64_STANDARD.decode(salt).ok()?,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }
}

/// The verifier to store for what the user wrote after PASSWORD: itself if it is one already, as in
/// PostgreSQL.
///
/// # Errors
/// `0A000` for an MD5 hash, with which nobody could log in.
pub fn verifier_for(password: &str, method: Method) -> Result<String> {
    if Verifier::parse(password).is_some() {
        return Ok(password.to_owned());
    }
    let is_md5 = password.strip_prefix("md5").is_some_and(|digest| {
        digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    if is_md5 {
        return Err(Error::unsupported("an MD5 password hash")
            .hint("Give the password itself, or a SCRAM-SHA-256 verifier."));
    }
    match method {
        Method::ScramSha256 => Ok(scram_sha_256(password)),
        Method::Argon2id => argon2id(password),
    }
}

/// A new SCRAM-SHA-256 verifier in PostgreSQL's text form.
pub fn scram_sha_256(password: &str) -> String {
    let mut salt = [0; SALT_BYTES];
    rand::rng().fill_bytes(&mut salt);
    let (stored_key, server_key) = scram_keys(password, &salt, SCRAM_ITERATIONS);
    format!(
        "SCRAM-SHA-256${SCRAM_ITERATIONS}:{}${}:{}",
        BASE64_STANDARD.encode(salt),
        BASE64_STANDARD.encode(stored_key),
        BASE64_STANDARD.encode(server_key),
    )
}

/// A new argon2id verifier as a PHC string, with the crate's recommended cost (19 MiB, two passes).
/// Slow by design.
///
/// # Errors
/// `XX000`, or `22023` for a password longer than argon2 takes.
pub fn argon2id(password: &str) -> Result<String> {
    let mut bytes = [0; SALT_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let failed = |error| Error::internal("making a password verifier", error);
    let salt = SaltString::encode_b64(&bytes).map_err(failed)?;
    Argon2::default()
        .hash_password(prepared(password).as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(failed)
}

/// Whether `password` is the one behind `verifier`. Takes the same time however much of it is
/// right.
pub fn check_cleartext(password: &str, verifier: &Verifier) -> bool {
    match verifier {
        Verifier::Scram {
            iterations,
            salt,
            stored_key,
            server_key: _,
        } => {
            let (computed, _) = scram_keys(password, salt, *iterations);
            computed.ct_eq(stored_key).into()
        }
        Verifier::Argon2id(phc) => PasswordHash::new(phc).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(prepared(password).as_bytes(), &hash)
                .is_ok()
        }),
    }
}

/// The password as SASLprep wants it; as it is where SASLprep refuses it, as in PostgreSQL.
fn prepared(password: &str) -> std::borrow::Cow<'_, str> {
    stringprep::saslprep(password).unwrap_or(password.into())
}

/// StoredKey and ServerKey (RFC 5802).
fn scram_keys(password: &str, salt: &[u8], iterations: u32) -> ([u8; 32], [u8; 32]) {
    let salted: [u8; 32] =
        pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(prepared(password).as_bytes(), salt, iterations);
    let client_key = hmac(&salted, b"Client Key");
    (
        Sha256::digest(client_key).into(),
        hmac(&salted, b"Server Key"),
    )
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// `secrets.sqlite`.
#[derive(Debug)]
pub(super) struct Vault {
    connection: Connection,
}

impl Vault {
    /// Opens the file, making it if it is not there, and removes verifiers of commits after
    /// `version`: they never came.
    pub(super) fn open(root: &Path, version: Version) -> Result<Self> {
        let path = root.join("secrets.sqlite");
        let connection = Connection::open(&path).map_err(failed)?;
        files::restrict(&path, 0o600)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;
                 CREATE TABLE IF NOT EXISTS verifier(
                    role INTEGER NOT NULL, version INTEGER NOT NULL, verifier TEXT,
                    PRIMARY KEY (role, version)) WITHOUT ROWID;
                 CREATE TABLE IF NOT EXISTS mock(secret BLOB NOT NULL);",
            )
            .map_err(failed)?;
        let mut secret = [0; 32];
        rand::rng().fill_bytes(&mut secret);
        connection
            .execute(
                "INSERT INTO mock SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM mock)",
                [secret],
            )
            .map_err(failed)?;
        let vault = Self { connection };
        vault.withdraw(version)?;
        Ok(vault)
    }

    /// Stores the verifiers of commits that are about to be made.
    pub(super) fn store(&mut self, records: &[CommitRecord<'_>]) -> Result<()> {
        let transaction = self.connection.transaction().map_err(failed)?;
        for record in records {
            for (role, verifier) in record.passwords {
                transaction
                    .execute(
                        "INSERT OR REPLACE INTO verifier VALUES (?1, ?2, ?3)",
                        params![role.0, number(record.after.version()), verifier],
                    )
                    .map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)
    }

    /// Removes the verifiers of commits after `version`.
    pub(super) fn withdraw(&self, version: Version) -> Result<()> {
        self.connection
            .execute("DELETE FROM verifier WHERE version > ?1", [number(version)])
            .map(drop)
            .map_err(failed)
    }

    /// Removes what the catalog, durable by now, has no use for. Left over rows do no harm, so
    /// trouble is only logged.
    pub(super) fn settle(&self, snapshot: &Snapshot) {
        let outcome = self
            .connection
            .execute(
                "DELETE FROM verifier WHERE EXISTS (
                    SELECT 1 FROM verifier newer
                    WHERE newer.role = verifier.role AND newer.version > verifier.version)",
                [],
            )
            .and_then(|_| {
                let mut statement = self.connection.prepare("SELECT role FROM verifier")?;
                let roles = statement.query_map([], |row| row.get(0))?;
                roles.collect::<rusqlite::Result<Vec<u32>>>()
            })
            .and_then(|roles| {
                for role in roles
                    .into_iter()
                    .filter(|r| snapshot.role(Oid(*r)).is_none())
                {
                    self.connection
                        .execute("DELETE FROM verifier WHERE role = ?1", [role])?;
                }
                Ok(())
            });
        if let Err(error) = outcome {
            tracing::warn!(%error, "could not remove old password verifiers");
        }
    }

    pub(super) fn mock_secret(&self) -> Result<Vec<u8>> {
        self.connection
            .query_row("SELECT secret FROM mock", [], |row| row.get(0))
            .map_err(failed)
    }

    pub(super) fn verifier(&self, role: Oid) -> Result<Option<String>> {
        self.connection
            .query_row(
                "SELECT verifier FROM verifier WHERE role = ?1 ORDER BY version DESC LIMIT 1",
                [role.0],
                |row| row.get(0),
            )
            .optional()
            .map(Option::flatten)
            .map_err(failed)
    }
}

fn number(version: Version) -> i64 {
    i64::try_from(version.0).unwrap_or(i64::MAX)
}

/// Says nothing of the content.
fn failed(error: rusqlite::Error) -> Error {
    let state = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => SqlState::DISK_FULL,
        _ => SqlState::IO_ERROR,
    };
    Error::new(state, "could not access the password store").detail(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifies_the_standard_s_example() {
        // The example of RFC 7677, in PostgreSQL's form.
        let text = concat!(
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==",
            "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
            ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        );
        let verifier = Verifier::parse(text).expect("a verifier");
        assert!(check_cleartext("pencil", &verifier));
        assert!(!check_cleartext("Pencil", &verifier));
    }

    #[test]
    fn both_methods_verify_their_own() {
        for method in [Method::ScramSha256, Method::Argon2id] {
            // SASLprep: U+2168 is prepared to "IX".
            let text = verifier_for("pass\u{2168}", method).expect("made");
            assert_eq!(verifier_for(&text, method).expect("kept"), text);
            let verifier = Verifier::parse(&text).expect("a verifier");
            assert!(check_cleartext("passIX", &verifier));
            assert!(!check_cleartext("passix", &verifier));
        }
    }

    #[test]
    fn what_is_no_verifier_is_a_password() {
        for text in [
            "",
            "SCRAM-SHA-256$4096:x$y",
            "SCRAM-SHA-256$0:YQ==$YQ==:YQ==",
            "$argon2id$",
        ] {
            assert_eq!(Verifier::parse(text), None, "{text}");
        }
        let md5 = format!("md5{}", "0".repeat(32));
        let error = verifier_for(&md5, Method::ScramSha256).expect_err("refused");
        assert_eq!(error.state(), SqlState::FEATURE_NOT_SUPPORTED);
    }
}
