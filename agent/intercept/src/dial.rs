//! Connections from the agent to servers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;

use crate::listen;
use crate::maps::Maps;

/// Connects past the probes, or plainly where there are none.
#[derive(Clone)]
pub struct Dialer(Option<Arc<Maps>>);

impl Dialer {
    /// For hosts without probes.
    pub fn plain() -> Self {
        Self(None)
    }

    pub(crate) fn exempt(maps: Arc<Maps>) -> Self {
        Self(Some(maps))
    }

    /// Connects to the server. There is no deadline here; dropping the future closes the socket.
    pub async fn dial(&self, server: SocketAddr) -> io::Result<TcpStream> {
        let socket = listen::socket(server)?;
        if let Some(maps) = &self.0 {
            maps.mark(&socket).map_err(io::Error::other)?;
        }
        socket.set_nodelay(true)?;
        socket.connect(server).await
    }
}
