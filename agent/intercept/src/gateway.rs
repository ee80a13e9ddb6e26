//! The door without BPF: a plain listener in front of one configured server.
//!
//! Of a client only the address is known, and a client that connects to the server directly is not seen.

use std::io;
use std::net::SocketAddr;

use model::{Origin, Peer};
use tokio::net::TcpListener;

use crate::{Accepted, listen};

/// A listener, and the server behind it.
pub struct Gateway {
    listener: TcpListener,
    upstream: SocketAddr,
}

impl Gateway {
    /// Listens on `listen` for clients of `upstream`. Port 0 lets the kernel choose.
    pub fn bind(listen: SocketAddr, upstream: SocketAddr) -> io::Result<Self> {
        let listener = listen::listener(listen, |_| Ok(()))?;
        Ok(Self { listener, upstream })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The next client.
    pub async fn accept(&self) -> Accepted {
        let (stream, address) = listen::accept(&self.listener).await;
        let peer = Peer {
            address,
            destination: self.upstream,
            origin: Origin::Gateway,
        };
        Accepted { stream, peer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialer;

    #[tokio::test]
    async fn a_client_of_the_gateway_is_known_by_its_address() {
        let upstream: SocketAddr = "127.0.0.1:5432".parse().unwrap();
        let gateway = Gateway::bind("127.0.0.1:0".parse().unwrap(), upstream).unwrap();
        let client = Dialer::plain()
            .dial(gateway.address().unwrap())
            .await
            .unwrap();
        let accepted = gateway.accept().await;
        assert_eq!(accepted.peer.address, client.local_addr().unwrap());
        assert_eq!(accepted.peer.destination, upstream);
        assert_eq!(accepted.peer.origin, Origin::Gateway);
        assert!(accepted.stream.nodelay().unwrap() && client.nodelay().unwrap());
    }
}
