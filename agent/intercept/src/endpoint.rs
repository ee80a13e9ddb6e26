//! Where a server is reached: an address, or the path of its unix socket on this host.
//!
//! Clients name a server by its address, whatever the agent dials in its place; the table between the two is
//! [`Endpoints`].

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// What a unix socket's path starts with in the configuration.
const UNIX: &str = "unix:";

/// Bytes of a socket's path, with the zero at its end: `sun_path` of unix(7).
const PATH: usize = 108;

/// Where a server listens: `10.0.0.5:5432`, or `unix:/var/run/postgresql/.s.PGSQL.5432`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Endpoint {
    /// On an address.
    Tcp(SocketAddr),
    /// On a socket of this host; an absolute path.
    Unix(PathBuf),
}

/// What is dialled in place of the addresses that clients name. An address that is not there is dialled itself.
pub type Endpoints = HashMap<SocketAddr, Endpoint>;

/// A text names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Neither an address nor a path.
    #[error(
        "{text:?} is neither an address and port nor the path of a socket: write \"127.0.0.1:5432\" or \"unix:/var/run/postgresql/.s.PGSQL.5432\""
    )]
    Unreadable {
        /// What stands there.
        text: String,
    },
    /// A relative path, which would mean something else in another directory.
    #[error("{path:?} is not absolute: write the socket's whole path behind \"unix:\"")]
    Relative {
        /// The path.
        path: String,
    },
    /// A path that the kernel cannot take.
    #[error("{path:?} has {} bytes: the path of a socket has at most {}", path.len(), PATH - 1)]
    TooLong {
        /// The path.
        path: String,
    },
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let Some(path) = text.strip_prefix(UNIX) else {
            let text = text.to_owned();
            return text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| EndpointError::Unreadable { text });
        };
        let path = path.to_owned();
        if !path.starts_with('/') {
            return Err(EndpointError::Relative { path });
        }
        if path.len() >= PATH {
            return Err(EndpointError::TooLong { path });
        }
        Ok(Self::Unix(path.into()))
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        text.parse()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_reads_as_it_is_written() {
        for text in ["127.0.0.1:5432", "[::1]:5432", "unix:/run/.s.PGSQL.5432"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        let refused = |text: &str| text.parse::<Endpoint>().unwrap_err();
        assert!(matches!(
            refused("localhost"),
            EndpointError::Unreadable { .. }
        ));
        assert!(matches!(
            refused("unix:run/s"),
            EndpointError::Relative { .. }
        ));
        let long = format!("unix:/{}", "x".repeat(PATH));
        assert!(matches!(refused(&long), EndpointError::TooLong { .. }));
    }
}
