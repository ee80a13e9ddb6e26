//! The door without BPF: a plain listener in front of one configured server.
//!
//! Of a client only the address is known, and a client that connects to the server directly is not seen.

use std::io;
use std::net::SocketAddr;

use model::{Origin, Peer};
use tokio::net::TcpListener;

use crate::{Accepted, listen};

/// A listener, and the address of the server behind it.
pub struct Gateway {
    listener: TcpListener,
    destination: SocketAddr,
}

impl Gateway {
    /// Listens on `listen` for clients of `destination`. Port 0 lets the kernel choose.
    pub fn bind(listen: SocketAddr, destination: SocketAddr) -> io::Result<Self> {
        let listener = listen::listener(listen, |_| Ok(()))?;
        Ok(Self {
            listener,
            destination,
        })
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
            destination: self.destination,
            origin: Origin::Gateway,
        };
        Accepted { stream, peer }
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::sockopt::socket_keepalive;

    use super::*;
    use crate::{Dialer, Dialled};

    #[tokio::test]
    async fn a_client_of_the_gateway_is_known_by_its_address() {
        let server: SocketAddr = "127.0.0.1:5432".parse().unwrap();
        let gateway = Gateway::bind("127.0.0.1:0".parse().unwrap(), server).unwrap();
        let dialled = Dialer::plain()
            .dial(gateway.address().unwrap())
            .await
            .unwrap();
        let Dialled::Tcp(client) = dialled else {
            panic!("an address is dialled over TCP");
        };
        let accepted = gateway.accept().await;
        assert_eq!(accepted.peer.address, client.local_addr().unwrap());
        assert_eq!(accepted.peer.destination, server);
        assert_eq!(accepted.peer.origin, Origin::Gateway);
        for stream in [&accepted.stream, &client] {
            assert!(stream.nodelay().unwrap() && socket_keepalive(stream).unwrap());
        }
    }
}
