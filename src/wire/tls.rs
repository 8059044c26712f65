//! TLS: the server's certificate and key, and what SCRAM's channel binding needs of the
//! certificate.
//!
//! A file that cannot be used is an error at start: there is no falling back to plain text.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio_rustls::rustls::{ServerConfig, crypto};
use x509_certificate::{CapturedX509Certificate, DigestAlgorithm, SignatureAlgorithm};

use crate::base::{Error, Result, SqlState};

/// What clients of direct TLS must offer, and PostgreSQL's registered protocol name.
pub const ALPN: &[u8] = b"postgresql";

/// Reads a certificate chain and its key, both PEM. The second value is the server certificate's
/// DER, for [`super::Options::certificate`].
///
/// # Errors
/// `F0000`: a file cannot be read, holds nothing usable, or the key is not the certificate's.
pub fn load(certificate: &Path, key: &Path) -> Result<(Arc<ServerConfig>, Vec<u8>)> {
    let wrong = |path: &Path, what: &str, cause: &dyn std::fmt::Display| {
        Error::new(
            SqlState::CONFIG_FILE_ERROR,
            format!("could not load {what} file \"{}\": {cause}", path.display()),
        )
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(certificate, "server certificate", &error))?;
    let Some(first) = chain.first().map(|der| der.to_vec()) else {
        return Err(wrong(
            certificate,
            "server certificate",
            &"it has no certificate",
        ));
    };
    let secret =
        PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, "private key", &error))?;
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal("setting up TLS", error))?
            .with_no_client_auth()
            // Fails too where the key does not belong to the certificate.
            .with_single_cert(chain, secret)
            .map_err(|error| wrong(key, "private key", &error))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok((Arc::new(config), first))
}

/// The `tls-server-end-point` binding (RFC 5929): the certificate's hash under the hash of its own
/// signature, or SHA-256 where that is MD5 or SHA-1. `None` where the signature has no separate
/// hash (Ed25519), as RFC 5929 leaves that undefined: channel binding is not offered then.
pub(super) fn end_point_hash(certificate: &[u8]) -> Option<Vec<u8>> {
    let parsed = CapturedX509Certificate::from_der(certificate).ok()?;
    let digest = match parsed.signature_signature_algorithm()? {
        SignatureAlgorithm::Ed25519 => return None,
        algorithm => algorithm.digest_algorithm()?,
    };
    match digest {
        DigestAlgorithm::Sha1 | DigestAlgorithm::Sha256 => {
            Some(Sha256::digest(certificate).to_vec())
        }
        DigestAlgorithm::Sha384 => Some(Sha384::digest(certificate).to_vec()),
        DigestAlgorithm::Sha512 => Some(Sha512::digest(certificate).to_vec()),
    }
}
