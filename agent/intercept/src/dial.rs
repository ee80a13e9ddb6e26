//! Connections from the agent to servers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};

use crate::endpoint::{Endpoint, Endpoints};
use crate::listen;
use crate::maps::Maps;

/// Connects past the probes, or plainly where there are none. Cheap to clone.
#[derive(Clone)]
pub struct Dialer {
    maps: Option<Arc<Maps>>,
    endpoints: Arc<Endpoints>,
}

/// A connection to a server.
#[derive(Debug)]
pub enum Dialled {
    /// Over TCP; Nagle's algorithm is off, keepalive is on.
    Tcp(TcpStream),
    /// Over a socket of this host.
    Unix(UnixStream),
}

impl Dialer {
    /// For hosts without probes.
    pub fn plain() -> Self {
        Self {
            maps: None,
            endpoints: Arc::default(),
        }
    }

    pub(crate) fn exempt(maps: Arc<Maps>) -> Self {
        Self {
            maps: Some(maps),
            endpoints: Arc::default(),
        }
    }

    /// The same, which dials these endpoints in place of the addresses that clients name.
    pub fn with(self, endpoints: Endpoints) -> Self {
        Self {
            endpoints: endpoints.into(),
            ..self
        }
    }

    /// What is dialled for this server.
    pub fn endpoint(&self, server: SocketAddr) -> Endpoint {
        let found = self.endpoints.get(&server).cloned();
        found.unwrap_or(Endpoint::Tcp(server))
    }

    /// Connects to the server. There is no deadline here; dropping the future closes the socket.
    pub async fn dial(&self, server: SocketAddr) -> io::Result<Dialled> {
        match self.endpoints.get(&server) {
            Some(Endpoint::Unix(path)) => UnixStream::connect(path).await.map(Dialled::Unix),
            Some(Endpoint::Tcp(other)) => self.dial_tcp(*other).await.map(Dialled::Tcp),
            None => self.dial_tcp(server).await.map(Dialled::Tcp),
        }
    }

    async fn dial_tcp(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = listen::socket(address)?;
        if let Some(maps) = &self.maps {
            maps.mark(&socket).map_err(io::Error::other)?;
        }
        socket.set_nodelay(true)?;
        socket.set_keepalive(true)?;
        listen::bound(&socket, address)?;
        socket.connect(address).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tokio::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn an_address_is_dialled_where_its_server_listens() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let named: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let dialer = Dialer::plain().with(HashMap::from([(named, Endpoint::Unix(path.clone()))]));
        assert!(matches!(
            dialer.dial(named).await.unwrap(),
            Dialled::Unix(_)
        ));
        listener.accept().await.unwrap();
        assert_eq!(dialer.endpoint(named), Endpoint::Unix(path));
    }
}
