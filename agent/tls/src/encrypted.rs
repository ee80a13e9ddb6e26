//! A stream after its handshake, and what the handshake showed.

use rustls::pki_types::CertificateDer;
use rustls::{CommonState, ProtocolVersion};
use tokio_rustls::TlsStream;

/// A stream after its handshake.
#[derive(Debug)]
pub struct Encrypted<S> {
    /// The stream. What is written is on its way only after a flush.
    pub stream: TlsStream<S>,
    /// The version, as PostgreSQL calls it: `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The certificate that the accepting side showed, in DER. Channel binding of type `tls-server-end-point` is to a
    /// hash of it (RFC 5929, section 4).
    pub certificate: CertificateDer<'static>,
}

/// What rustls calls only by a number.
pub(crate) fn version(connection: &CommonState) -> &'static str {
    match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        // There is no other one that rustls speaks.
        _ => "TLSv1.2",
    }
}
