//! The two ways in which clients reach the agent, as one.

use model::Peer;
use tokio::net::TcpStream;

use crate::{Dialer, Gateway, Interception};

/// A connection, and what the kernel vouches for.
#[derive(Debug)]
pub struct Accepted {
    /// The client's connection; Nagle's algorithm is off, keepalive is on.
    pub stream: TcpStream,
    /// Who is at its other end, and where it wanted to go.
    pub peer: Peer,
}

/// Where clients come in.
pub enum Door {
    /// The probes redirect them.
    Kernel(Box<Interception>),
    /// They name the agent as their server.
    Gateway(Gateway),
}

impl Door {
    /// The next client. Never fails: what concerns one connection is counted or said, and the next is waited for.
    pub async fn accept(&self) -> Accepted {
        match self {
            Self::Kernel(interception) => interception.accept().await,
            Self::Gateway(gateway) => gateway.accept().await,
        }
    }

    /// How the agent reaches servers when clients come in this way.
    pub fn dialer(&self) -> Dialer {
        match self {
            Self::Kernel(interception) => interception.dialer(),
            Self::Gateway(_) => Dialer::plain(),
        }
    }
}
