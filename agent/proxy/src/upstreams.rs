//! Reaching servers: a socket past the probes, and TLS as the configuration demands it. Knows no session.
//!
//! ```text
//! dial ──SSLRequest──> 'S' ──handshake──> encrypted
//!   │                  'N' ──────────────> plain, where that will do
//!   └─ nothing demanded ─────────────────> plain
//! ```

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use intercept::{Dialer, Endpoint};
use postgres::{SSL_REQUEST, SslAnswer};
use tls::{Connector, Demands, Encrypted};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::error::SessionError;
use crate::wire::Stream;

/// Reaches servers. Cheap to clone.
#[derive(Clone)]
pub struct Upstreams {
    dialer: Dialer,
    demands: Arc<Demands>,
    patience: Duration,
}

/// A connection to a server that nothing of a client was sent over yet.
pub struct Reached {
    /// Carries the bytes.
    pub stream: Stream,
    /// What the server's side is encrypted with; none: it goes in plain.
    pub tls: Option<Shown>,
}

/// What a handshake showed.
pub struct Shown {
    /// Version of TLS.
    pub version: &'static str,
    /// The server's certificate, in DER.
    pub certificate: Vec<u8>,
}

impl Upstreams {
    /// Dials with this dialer, demands this, and waits so long for a server.
    pub fn new(dialer: Dialer, demands: Demands, patience: Duration) -> Self {
        Self {
            dialer,
            demands: demands.into(),
            patience,
        }
    }

    /// What is dialled for this server.
    pub fn endpoint(&self, server: SocketAddr) -> Endpoint {
        self.dialer.endpoint(server)
    }

    /// Connects to the server that clients name by this address.
    pub async fn reach(&self, server: SocketAddr) -> Result<Reached, SessionError> {
        let reached = tokio::time::timeout(self.patience, self.try_to_reach(server)).await;
        reached.unwrap_or_else(|_| Err(self.unreachable(server)(io::ErrorKind::TimedOut.into())))
    }

    async fn try_to_reach(&self, server: SocketAddr) -> Result<Reached, SessionError> {
        let unreachable = self.unreachable(server);
        let dialled = self.dialer.dial(server).await.map_err(&unreachable)?;
        let mut stream = Stream::from(dialled);
        let Endpoint::Tcp(address) = self.endpoint(server) else {
            return Ok(Reached { stream, tls: None });
        };
        let Some(connector) = self.demands.of(server, address) else {
            return Ok(Reached { stream, tls: None });
        };
        match ask(&mut stream).await.map_err(&unreachable)? {
            SslAnswer::Tls => self.encrypt(connector, address, stream).await,
            SslAnswer::Plain if !connector.insists() => Ok(Reached { stream, tls: None }),
            SslAnswer::Plain => Err(SessionError::NoServerTls {
                endpoint: Endpoint::Tcp(address),
                mode: connector.mode(),
            }),
            SslAnswer::Failed | SslAnswer::Unknown => {
                let what = "it answered neither yes nor no when it was asked for TLS";
                Err(unreachable(io::Error::other(what)))
            }
        }
    }

    async fn encrypt(
        &self,
        connector: &Connector,
        address: SocketAddr,
        stream: Stream,
    ) -> Result<Reached, SessionError> {
        let encrypted = connector.connect(address.ip(), stream).await;
        let Encrypted {
            stream,
            version,
            certificate,
        } = encrypted.map_err(|source| SessionError::ServerTls {
            endpoint: Endpoint::Tcp(address),
            source,
        })?;
        Ok(Reached {
            stream: Stream::Tls(Box::new(stream)),
            tls: Some(Shown {
                version,
                certificate: certificate.to_vec(),
            }),
        })
    }

    fn unreachable(&self, server: SocketAddr) -> impl Fn(io::Error) -> SessionError {
        let endpoint = self.endpoint(server);
        move |source| SessionError::Unreachable {
            endpoint: endpoint.clone(),
            source,
        }
    }
}

/// Asks for TLS. Reads one byte and no more: what somebody put behind it is for the handshake to choke on.
async fn ask(stream: &mut Stream) -> io::Result<SslAnswer> {
    stream.write_all(&SSL_REQUEST).await?;
    stream.read_u8().await.map(SslAnswer::from)
}
