//! TLS on either side of the agent: what clients are shown, and what servers must show.
//!
//! Hides rustls. Knows streams, certificates and files, and of PostgreSQL only the name that its protocol has in ALPN:
//! who asks for TLS when, and in which words, is the business of the engine and of the proxy.
//!
//! ```text
//!   client ──ClientHello──> Acceptor           Connector ──ClientHello──> server
//!          <─[certificate]─     │                   │    <─its certificate─
//!                               └──> Encrypted <────┘
//! ```

mod acceptor;
mod config;
mod connector;
mod demands;
mod encrypted;
mod error;
mod files;
mod rewound;
mod verify;

pub use acceptor::{Acceptor, Hello};
pub use config::{ClientSide, Mode, ServerSide};
pub use connector::Connector;
pub use demands::Demands;
pub use encrypted::Encrypted;
pub use error::TlsError;
pub use rewound::Rewound;

/// PostgreSQL's protocol in ALPN (RFC 7301), as registered with IANA.
const PROTOCOL: &[u8] = b"postgresql";

#[cfg(test)]
mod tests;
