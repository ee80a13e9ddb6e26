//! Why there is no TLS: of files when they are read, of handshakes when they fail.

use std::io;
use std::path::PathBuf;

use crate::Mode;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is no PEM, or lacks what it is read for.
    #[error("{} has no {what} in PEM: {reason}", file.display())]
    Lacking {
        /// Which.
        file: PathBuf,
        /// `certificate` or `unencrypted private key`.
        what: &'static str,
        /// What was found instead.
        reason: String,
    },
    /// The key can be read by others.
    #[error(
        "{} can be read or changed by others (mode {mode:o}): chmod it to 600, or to 640 where it belongs to root",
        file.display()
    )]
    OpenKey {
        /// Which.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Certificate and key cannot be used together.
    #[error("{} and {} cannot be shown to clients: {reason}", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        reason: String,
    },
    /// A root certificate cannot be one.
    #[error("{} has a certificate that cannot be a root: {reason}", file.display())]
    UnusableRoot {
        /// Which.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// The system has no roots.
    #[error(
        "the system's root certificates cannot be read ({reason}): install ca-certificates, or name a root file"
    )]
    NoSystemRoots {
        /// Why.
        reason: String,
    },
    /// A root that nothing is checked against.
    #[error(
        "mode {mode} checks no certificate, so root would mean nothing: choose verify-ca or verify-full, or remove it"
    )]
    UselessRoot {
        /// The mode.
        mode: Mode,
    },
    /// Any public certificate would do.
    #[error("mode verify-ca needs a root: with the system's, everybody's certificate would do")]
    NoRoot,
    /// The name of a server is none.
    #[error("{name:?} is neither a host name nor an address")]
    NoName {
        /// What was written.
        name: String,
    },
    /// The cryptography does not suit rustls.
    #[error("TLS cannot be set up: {reason}")]
    Unsupported {
        /// Why.
        reason: String,
    },
    /// The client's handshake failed.
    #[error("the TLS handshake with the client failed: {source}")]
    Client {
        /// Why.
        source: io::Error,
    },
    /// The client began with TLS and did not say for which protocol (RFC 7301), which the server demands as well:
    /// otherwise it could be made to take one protocol for another.
    #[error("the client began with TLS at once and did not ask for the protocol postgresql (ALPN)")]
    NoProtocol,
    /// The server's handshake failed.
    #[error("the TLS handshake with the server failed: {source}{}", advice(source))]
    Server {
        /// Why.
        source: io::Error,
    },
}

/// What somebody can do about a certificate that is not accepted.
fn advice(error: &io::Error) -> &'static str {
    use rustls::CertificateError as Certificate;
    let source = error.get_ref().and_then(|source| source.downcast_ref());
    let Some(rustls::Error::InvalidCertificate(why)) = source else {
        return "";
    };
    match why {
        // The latter where a root has the right name and another key.
        Certificate::UnknownIssuer | Certificate::BadSignature => {
            ": tls.root must have the certificate that signed the server's"
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            ": tls.name must be a subjectAltName of the server's certificate"
        }
        Certificate::Other(_) | Certificate::BadEncoding => {
            ": the server needs a certificate of X.509 version 3 that is not a CA's own"
        }
        _ => "",
    }
}
