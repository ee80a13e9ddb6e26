//! The client's side: a certificate that is shown, and handshakes with those who ask for it.
//!
//! Nothing is resumed: a session that was, would go on showing the certificate of its first connection.

use std::path::Path;
use std::sync::Arc;

use bytes::BytesMut;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::NoServerSessionStorage;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_rustls::{TlsAcceptor, TlsStream};

use crate::encrypted::version;
use crate::{ClientSide, Encrypted, PROTOCOL, Rewound, TlsError, connector, files};

/// Shows a certificate to clients. Clones show the same one.
#[derive(Clone, Debug)]
pub struct Acceptor {
    files: Arc<ClientSide>,
    shown: Arc<watch::Sender<Arc<Shown>>>,
}

/// What is shown from one load of the files to the next.
#[derive(Debug)]
struct Shown {
    config: Arc<ServerConfig>,
    certificate: CertificateDer<'static>,
}

/// How a client came to its ClientHello.
#[derive(Debug)]
pub enum Hello {
    /// It asked in its own protocol whether it may.
    Asked,
    /// It began with it (PostgreSQL 17's `sslnegotiation=direct`), and must say in ALPN what it will speak. This much
    /// of it was read before it was known for what it is.
    Direct(BytesMut),
}

impl Acceptor {
    /// Reads the files.
    pub fn load(files: ClientSide) -> Result<Self, TlsError> {
        let shown = Arc::new(Shown::load(&files.certificate, &files.key)?);
        Ok(Self {
            files: Arc::new(files),
            shown: Arc::new(watch::Sender::new(shown)),
        })
    }

    /// Reads the files again, for connections from now on. Where they are not well, what was shown before stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let shown = Shown::load(&self.files.certificate, &self.files.key)?;
        self.shown.send_replace(Arc::new(shown));
        Ok(())
    }

    /// Whether clients without TLS are refused.
    pub fn is_required(&self) -> bool {
        self.files.require
    }

    /// The handshake, from ClientHello on. There is no deadline here. Where it fails, the client was told in TLS's own
    /// words, and the stream is given back.
    pub async fn accept<S>(
        &self,
        stream: S,
        hello: Hello,
    ) -> Result<Encrypted<Rewound<S>>, (TlsError, S)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let shown = self.shown.borrow().clone();
        let (first, must_name_protocol) = match hello {
            Hello::Asked => (BytesMut::new(), false),
            Hello::Direct(first) => (first, true),
        };
        let accepted = TlsAcceptor::from(shown.config.clone())
            .accept(Rewound::new(first, stream))
            .into_fallible()
            .await;
        let stream = accepted
            .map_err(|(source, stream)| (TlsError::Client { source }, stream.into_inner()))?;
        let (_, connection) = stream.get_ref();
        if must_name_protocol && connection.alpn_protocol() != Some(PROTOCOL) {
            return Err((TlsError::NoProtocol, stream.into_inner().0.into_inner()));
        }
        Ok(Encrypted {
            version: version(connection),
            certificate: shown.certificate.clone(),
            stream: TlsStream::Server(stream),
        })
    }
}

impl Shown {
    fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = files::certificates(certificate)?;
        let unusable = |reason: String| TlsError::Unusable {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            reason,
        };
        let first = chain.first().cloned();
        let first = first.ok_or_else(|| unusable("there is no certificate".into()))?;
        let mut config = ServerConfig::builder_with_provider(connector::provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(chain, files::key(key)?)
            .map_err(|error| unusable(error.to_string()))?;
        // A client that names protocols must name this one; one that names none is taken at its SSLRequest.
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self {
            config: Arc::new(config),
            certificate: first,
        })
    }
}
