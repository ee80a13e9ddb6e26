//! What is demanded of each server. Knows no name of a server, only addresses.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::{Connector, Mode, ServerSide, TlsError};

/// What is demanded of each server; none of one that is spoken to in plain. Cheap to clone but for its table.
#[derive(Clone, Debug)]
pub struct Demands {
    named: HashMap<SocketAddr, Option<Connector>>,
    others: Option<Connector>,
}

impl Demands {
    /// Of the servers that clients name by these addresses, and of all others what [`Demands::of`] says.
    pub fn new(named: HashMap<SocketAddr, Option<Connector>>) -> Result<Self, TlsError> {
        let others = Connector::load(&ServerSide {
            mode: Mode::Prefer,
            root: None,
            name: None,
        })?;
        Ok(Self { named, others })
    }

    /// What is demanded of the server that clients name by `server` and that is dialled at `dialled`.
    ///
    /// Of which nothing is said: TLS where it is offered, as a client would; and none where the bytes do not leave the
    /// host, because who could read them there could read the server itself.
    pub fn of(&self, server: SocketAddr, dialled: SocketAddr) -> Option<&Connector> {
        match self.named.get(&server) {
            Some(demand) => demand.as_ref(),
            None if dialled.ip().to_canonical().is_loopback() => None,
            None => self.others.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_which_nothing_is_said_is_asked_for_tls_unless_it_is_on_this_host() {
        let demands = Demands::new(HashMap::new()).unwrap();
        let server: SocketAddr = "10.0.0.5:5432".parse().unwrap();
        let mode = |dialled: &str| {
            let demand = demands.of(server, dialled.parse().unwrap());
            demand.map(Connector::mode)
        };
        assert_eq!(mode("10.0.0.5:5432"), Some(Mode::Prefer));
        for loopback in ["127.0.0.1:5432", "[::1]:5432", "[::ffff:127.0.0.1]:5432"] {
            assert_eq!(mode(loopback), None);
        }
    }

    #[test]
    fn what_is_said_of_a_server_counts_wherever_it_is() {
        let server: SocketAddr = "127.0.0.1:5432".parse().unwrap();
        let require = Connector::load(&ServerSide {
            mode: Mode::Require,
            root: None,
            name: None,
        });
        let demands = Demands::new(HashMap::from([(server, require.unwrap())])).unwrap();
        let demand = demands.of(server, server);
        assert_eq!(demand.map(Connector::mode), Some(Mode::Require));
    }
}
