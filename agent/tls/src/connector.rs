//! The server's side: what the agent demands before it sends anything of a client's.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, TlsStream};

use crate::encrypted::version;
use crate::verify::{AnyName, Anybody};
use crate::{Encrypted, Mode, PROTOCOL, ServerSide, TlsError, files};

/// Demands what the configuration says. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connector {
    mode: Mode,
    name: Option<ServerName<'static>>,
    config: Arc<ClientConfig>,
}

impl Connector {
    /// Reads the roots. None where the mode is `disable`.
    pub fn load(written: &ServerSide) -> Result<Option<Self>, TlsError> {
        let name = written.name.as_deref().map(name_of).transpose()?;
        let verifier = match (written.mode, &written.root) {
            (Mode::Disable | Mode::Prefer | Mode::Require, Some(_)) => {
                return Err(TlsError::UselessRoot { mode: written.mode });
            }
            (Mode::Disable, None) => return Ok(None),
            (Mode::Prefer | Mode::Require, None) => Arc::new(Anybody::new(provider())) as _,
            (Mode::VerifyCa, None) => return Err(TlsError::NoRoot),
            (Mode::VerifyCa, Some(root)) => {
                Arc::new(AnyName::new(trusting(files::roots(root)?)?)) as _
            }
            (Mode::VerifyFull, Some(root)) => trusting(files::roots(root)?)? as _,
            (Mode::VerifyFull, None) => trusting(files::system_roots()?)? as _,
        };
        Ok(Some(Self {
            mode: written.mode,
            name,
            config: Arc::new(config(verifier)?),
        }))
    }

    /// Whether a server without TLS is not spoken to.
    pub fn insists(&self) -> bool {
        self.mode != Mode::Prefer
    }

    /// What the configuration says, for messages.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The handshake with the server at this address, from ClientHello on. There is no deadline here.
    pub async fn connect<S>(&self, address: IpAddr, stream: S) -> Result<Encrypted<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => ServerName::IpAddress(address.into()),
        };
        let connected = TlsConnector::from(self.config.clone())
            .connect(name, stream)
            .await;
        let stream = connected.map_err(|source| TlsError::Server { source })?;
        let (_, connection) = stream.get_ref();
        let shown = connection.peer_certificates().and_then(<[_]>::first);
        let certificate = shown.cloned().ok_or_else(|| TlsError::Unsupported {
            reason: "the server showed no certificate".into(),
        })?;
        Ok(Encrypted {
            version: version(connection),
            certificate: certificate.into_owned(),
            stream: TlsStream::Client(stream),
        })
    }
}

/// The cryptography of both sides.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn name_of(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::NoName { name: name.into() })
}

fn trusting(roots: rustls::RootCertStore) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| TlsError::Unsupported {
            reason: error.to_string(),
        })
}

fn config(verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, TlsError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Unsupported {
            reason: error.to_string(),
        })?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    // PostgreSQL resumes nothing.
    config.resumption = Resumption::disabled();
    Ok(config)
}
