//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the server's side (RFC 5802, RFC 7677; PostgreSQL's
//! `auth-scram.c`).
//!
//! ```text
//! client-first  n,,n=,r=<client nonce>         -> server-first  r=<both nonces>,s=<salt>,i=<n>
//! client-final  c=<binding>,r=<nonces>,p=<proof> -> server-final  v=<signature>
//! ```
//!
//! Pure: no socket, no store. A role that does not exist, or has no password, gets the same
//! exchange over a salt that stays the same for the same name, and fails at its end: nobody learns
//! which roles exist.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::cancel::fill_random;
use crate::base::{Error, Result, SqlState};
use crate::storage::secrets::{SCRAM_ITERATIONS, Verifier};

/// Mechanism without channel binding.
pub(super) const SCRAM_SHA_256: &str = "SCRAM-SHA-256";
/// Mechanism with channel binding.
pub(super) const SCRAM_SHA_256_PLUS: &str = "SCRAM-SHA-256-PLUS";
/// Bytes of a salt.
const SALT_BYTES: usize = 16;
/// Bytes of the server's part of the nonce.
const NONCE_BYTES: usize = 18;

/// What the proof is checked against.
pub(super) struct Secret {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: [u8; 32],
    server_key: [u8; 32],
    /// No proof is good enough: there is no such password.
    mock: bool,
}

impl Secret {
    /// Of a stored verifier; `None` if that is not for SCRAM.
    pub(super) fn of(verifier: Verifier) -> Option<Self> {
        match verifier {
            Verifier::Scram {
                iterations,
                salt,
                stored_key,
                server_key,
            } => Some(Self {
                iterations,
                salt,
                stored_key,
                server_key,
                mock: false,
            }),
            Verifier::Argon2id(_) => None,
        }
    }

    /// What a role without a verifier gets. `server` is the server's own secret: without it nobody
    /// can tell the salt from a real one.
    ///
    /// # Errors
    /// `XX000` if there is no randomness.
    pub(super) fn mock(user: &str, server: &[u8]) -> Result<Self> {
        let mut keys = [[0; 32]; 2];
        for key in &mut keys {
            fill_random(key)?;
        }
        Ok(Self {
            iterations: SCRAM_ITERATIONS,
            salt: sign(server, &[user.as_bytes()])[..SALT_BYTES].to_vec(),
            stored_key: keys[0],
            server_key: keys[1],
            mock: true,
        })
    }
}

/// How the exchange is bound to the TLS channel.
pub(super) struct Binding<'a> {
    /// The mechanism the client chose.
    pub(super) plus: bool,
    /// The `tls-server-end-point` hash; there iff [`SCRAM_SHA_256_PLUS`] was offered.
    pub(super) end_point: Option<&'a [u8]>,
}

/// An exchange that waits for client-final.
pub(super) struct Exchange {
    secret: Secret,
    client_first_bare: String,
    server_first: String,
    /// Both nonces.
    nonce: String,
    /// What `c=` must be.
    binding: String,
}

impl Exchange {
    /// Takes client-first; gives server-first.
    ///
    /// # Errors
    /// `08P01` malformed; `28000` downgraded channel binding.
    pub(super) fn begin(
        client_first: &str,
        binding: &Binding<'_>,
        secret: Secret,
    ) -> Result<(Self, String)> {
        let malformed = |detail: &str| malformed(detail);
        // gs2-header: channel binding flag, authorization identity, each ended by a comma.
        let mut parts = client_first.splitn(3, ',');
        let (Some(flag), Some(identity), Some(bare)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("The message has no complete GS2 header."));
        };
        match (flag, binding.plus, binding.end_point) {
            ("p=tls-server-end-point", true, Some(_)) | ("n", false, _) | ("y", false, None) => {}
            // The client supports binding and believes we do not, though we offered it: somebody in
            // the middle took it out of the list.
            ("y", false, Some(_)) => {
                return Err(Error::new(
                    SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
                    "SCRAM channel binding negotiation error",
                )
                .detail(
                    "The client supports SCRAM channel binding but thinks the server does not. \
                     However, this server does support channel binding.",
                ));
            }
            (flag, true, _) if !flag.starts_with("p=") => {
                return Err(malformed(
                    "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not \
                     include channel binding data.",
                ));
            }
            (flag, false, _) if flag.starts_with("p=") => {
                return Err(malformed(
                    "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM \
                     message includes channel binding data.",
                ));
            }
            (flag, ..) if flag.starts_with("p=") => {
                return Err(Error::new(
                    SqlState::PROTOCOL_VIOLATION,
                    format!(
                        "unsupported SCRAM channel-binding type \"{}\"",
                        flag["p=".len()..].escape_debug()
                    ),
                ));
            }
            _ => return Err(malformed("Unexpected channel-binding flag.")),
        }
        if !identity.is_empty() {
            return Err(Error::unsupported("a SCRAM authorization identity"));
        }
        // The user name is that of the startup packet; the one here is ignored, as PostgreSQL does.
        let mut attributes = bare.split(',');
        match attributes.next() {
            Some(user) if user.starts_with("n=") => {}
            Some(extension) if extension.starts_with("m=") => {
                return Err(Error::unsupported("a mandatory SCRAM extension"));
            }
            _ => return Err(malformed("Expected attribute \"n\".")),
        }
        let client_nonce = attributes
            .next()
            .and_then(|attribute| attribute.strip_prefix("r="))
            .filter(|nonce| !nonce.is_empty() && nonce.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or_else(|| malformed("The nonce is missing or not printable."))?;

        let mut server_nonce = [0; NONCE_BYTES];
        fill_random(&mut server_nonce)?;
        let nonce = format!("{client_nonce}{}", STANDARD.encode(server_nonce));
        let server_first = format!(
            "r={nonce},s={},i={}",
            STANDARD.encode(&secret.salt),
            secret.iterations
        );
        let mut bound = format!("{flag},{identity},").into_bytes();
        if binding.plus {
            bound.extend_from_slice(binding.end_point.unwrap_or_default());
        }
        let exchange = Self {
            secret,
            client_first_bare: bare.to_owned(),
            server_first: server_first.clone(),
            nonce,
            binding: STANDARD.encode(bound),
        };
        Ok((exchange, server_first))
    }

    /// Takes client-final; gives server-final, or `None` if the password is wrong.
    ///
    /// # Errors
    /// `08P01` malformed; `28000` wrong channel binding.
    pub(super) fn finish(self, client_final: &str) -> Result<Option<String>> {
        // Extensions may stand between nonce and proof; the proof is last.
        let (without_proof, proof) = client_final
            .rsplit_once(",p=")
            .ok_or_else(|| malformed("The message has no proof."))?;
        let mut attributes = without_proof.split(',');
        let binding = attributes
            .next()
            .and_then(|attribute| attribute.strip_prefix("c="))
            .ok_or_else(|| malformed("Expected attribute \"c\"."))?;
        if binding != self.binding {
            return Err(Error::new(
                SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
                "SCRAM channel binding check failed",
            ));
        }
        if attributes.next().and_then(|a| a.strip_prefix("r=")) != Some(self.nonce.as_str()) {
            return Err(malformed("The nonce does not match."));
        }
        let proof: [u8; 32] = STANDARD
            .decode(proof)
            .ok()
            .and_then(|proof| proof.try_into().ok())
            .ok_or_else(|| malformed("The proof is not 32 bytes of base64."))?;

        let signed: [&[u8]; 5] = [
            self.client_first_bare.as_bytes(),
            b",",
            self.server_first.as_bytes(),
            b",",
            without_proof.as_bytes(),
        ];
        // ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage), and StoredKey = H(ClientKey).
        let mut client_key = sign(&self.secret.stored_key, &signed);
        for (byte, proof) in client_key.iter_mut().zip(proof) {
            *byte ^= proof;
        }
        let matches = Sha256::digest(client_key).ct_eq(&self.secret.stored_key);
        if !bool::from(matches) || self.secret.mock {
            return Ok(None);
        }
        let signature = sign(&self.secret.server_key, &signed);
        Ok(Some(format!("v={}", STANDARD.encode(signature))))
    }
}

fn malformed(detail: &str) -> Error {
    Error::new(SqlState::PROTOCOL_VIOLATION, "malformed SCRAM message").detail(detail)
}

/// HMAC-SHA-256 over the parts.
fn sign(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_key(password: &str, salt: &[u8], iterations: u32) -> ([u8; 32], [u8; 32]) {
        let mut salted = [0; 32];
        pbkdf2::pbkdf2::<Hmac<Sha256>>(password.as_bytes(), salt, iterations, &mut salted).unwrap();
        (
            sign(&salted, &[b"Client Key"]),
            sign(&salted, &[b"Server Key"]),
        )
    }

    fn secret(password: &str) -> Secret {
        let text = crate::storage::secrets::scram_sha_256(password);
        Secret::of(Verifier::parse(&text).unwrap()).unwrap()
    }

    /// Plays the client's part; gives its final message.
    fn answer(server_first: &str, header: &[u8], password: &str) -> String {
        let mut fields = server_first.split(',').map(|field| &field[2..]);
        let nonce = fields.next().unwrap();
        let salt = STANDARD.decode(fields.next().unwrap()).unwrap();
        let iterations = fields.next().unwrap().parse().unwrap();
        let without_proof = format!("c={},r={nonce}", STANDARD.encode(header));
        let (client, _) = client_key(password, &salt, iterations);
        let stored: [u8; 32] = Sha256::digest(client).into();
        let message = format!("n=,r=abc,{server_first},{without_proof}");
        let signature = sign(&stored, &[message.as_bytes()]);
        let proof: Vec<u8> = client.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        format!("{without_proof},p={}", STANDARD.encode(proof))
    }

    const PLAIN: Binding<'static> = Binding {
        plus: false,
        end_point: None,
    };

    #[test]
    fn right_and_wrong_passwords() {
        for (given, right) in [("secret", true), ("Secret", false)] {
            let (exchange, first) =
                Exchange::begin("n,,n=,r=abc", &PLAIN, secret("secret")).unwrap();
            let last = answer(&first, b"n,,", given);
            assert_eq!(exchange.finish(&last).unwrap().is_some(), right);
        }
    }

    #[test]
    fn mock_never_succeeds_and_keeps_its_salt() {
        let salts: Vec<_> = (0..2)
            .map(|_| Secret::mock("nobody", b"server secret").unwrap().salt)
            .collect();
        assert_eq!(salts[0], salts[1]);
        let mut mock = secret("secret");
        mock.mock = true;
        let (exchange, first) = Exchange::begin("n,,n=,r=abc", &PLAIN, mock).unwrap();
        assert!(
            exchange
                .finish(&answer(&first, b"n,,", "secret"))
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn channel_binding_is_checked() {
        let bound = Binding {
            plus: true,
            end_point: Some(b"hash"),
        };
        let begin = |first: &str, binding| Exchange::begin(first, binding, secret("secret"));
        let (exchange, first) = begin("p=tls-server-end-point,,n=,r=abc", &bound).unwrap();
        let last = answer(&first, b"p=tls-server-end-point,,hash", "secret");
        assert!(exchange.finish(&last).unwrap().is_some());
        let (exchange, first) = begin("p=tls-server-end-point,,n=,r=abc", &bound).unwrap();
        let last = answer(&first, b"p=tls-server-end-point,,other", "secret");
        assert!(exchange.finish(&last).is_err());

        let offered = Binding {
            plus: false,
            end_point: Some(b"hash"),
        };
        for (first, binding) in [
            ("y,,n=,r=abc", &offered),
            ("p=tls-server-end-point,,n=,r=abc", &offered),
            ("n,,n=,r=abc", &bound),
            ("p=tls-unique,,n=,r=abc", &bound),
            ("x,,n=,r=abc", &PLAIN),
            ("n,a=other,n=,r=abc", &PLAIN),
            ("n,,m=x,n=,r=abc", &PLAIN),
            ("n,,n=", &PLAIN),
            ("n,,n=,r=", &PLAIN),
            ("", &PLAIN),
        ] {
            assert!(begin(first, binding).is_err(), "{first}");
        }
    }
}
