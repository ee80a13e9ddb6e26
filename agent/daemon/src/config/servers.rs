//! `[[server]]` and `[gateway]`: the names of servers, and what is dialled for the addresses that clients name.
//!
//! ```text
//!   a client names an address ──addresses──> a server's name ──upstream──> what the agent dials
//! ```

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use intercept::{Endpoint, Endpoints};
use serde::Deserialize;
use toml::Spanned;

use super::Contradiction;

/// `[gateway]`: a port that clients name as their server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenGateway {
    listen: SocketAddr,
    upstream: Endpoint,
}

/// A port that clients name as their server.
#[derive(Clone, Copy, Debug)]
pub struct Gateway {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// The address that their sessions are for.
    pub destination: SocketAddr,
}

/// `[[server]]`: a database server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    name: String,
    /// What clients name. May be left out for the server behind a gateway.
    #[serde(default)]
    addresses: Vec<Spanned<SocketAddr>>,
    /// What the agent dials in place of any of them.
    upstream: Option<Endpoint>,
    /// What is demanded of its side.
    tls: Option<Spanned<tls::ServerSide>>,
    catalog: Option<Spanned<catalog::Written>>,
    /// False: its catalog is not read, and every statement is opaque.
    read_catalog: Option<bool>,
    #[serde(default)]
    mode: Mode,
}

/// What becomes of what the policies say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// It is done.
    #[default]
    Enforce,
    /// It is recorded, and every request forwarded.
    Monitor,
}

/// Everything that is known of servers.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Names, by address.
    pub names: proxy::Servers,
    pub endpoints: Endpoints,
    /// What is demanded, by address, with the server's name.
    pub demands: HashMap<SocketAddr, (Arc<str>, tls::ServerSide)>,
    pub catalogs: HashMap<Arc<str>, catalog::Access>,
    /// Addresses of servers that are only monitored.
    pub monitored: HashSet<SocketAddr>,
}

impl Known {
    /// From the servers as written. Paths are relative to `base`.
    pub fn of(
        servers: Vec<Server>,
        gateway: Option<&Spanned<WrittenGateway>>,
        base: &Path,
    ) -> Result<Self, Contradiction> {
        let mut known = Self::default();
        for server in servers {
            known.add(server, gateway.map(Spanned::get_ref), base)?;
        }
        if let Some(gateway) = gateway {
            known.add_gateway(gateway)?;
        }
        Ok(known)
    }

    /// The gateway as it is meant.
    pub fn gateway(&self, written: &WrittenGateway) -> Gateway {
        Gateway {
            listen: written.listen,
            destination: self.destination(written),
        }
    }

    /// Where clients of the gateway want to go: the address of its upstream. A socket has none, so that it is an
    /// address of the server with this socket, or else the gateway's own.
    fn destination(&self, gateway: &WrittenGateway) -> SocketAddr {
        let same = |(_, endpoint): &(&SocketAddr, &Endpoint)| **endpoint == gateway.upstream;
        match &gateway.upstream {
            Endpoint::Tcp(address) => *address,
            Endpoint::Unix(_) => {
                let found = self
                    .endpoints
                    .iter()
                    .filter(same)
                    .map(|(address, _)| address);
                found.min().copied().unwrap_or(gateway.listen)
            }
        }
    }

    fn add(
        &mut self,
        server: Server,
        gateway: Option<&WrittenGateway>,
        base: &Path,
    ) -> Result<(), Contradiction> {
        let name: Arc<str> = server.name.into();
        for address in &server.addresses {
            if let Some(other) = self.names.insert(*address.get_ref(), name.clone()) {
                let twice = format!(
                    "address {} belongs to server {other:?} and to server {name:?}: keep one of them",
                    address.get_ref()
                );
                return Err(Contradiction::at(address, twice));
            }
        }
        let mut addresses: Vec<_> = server
            .addresses
            .into_iter()
            .map(Spanned::into_inner)
            .collect();
        if let Some(gateway) = gateway
            && addresses.is_empty()
            && server.upstream.as_ref() == Some(&gateway.upstream)
        {
            self.names.insert(gateway.listen, name.clone());
            addresses.push(gateway.listen);
        }
        if server.mode == Mode::Monitor {
            self.monitored.extend(&addresses);
        }
        if let Some(written) = server.tls {
            let demanded = written.get_ref().clone().below(base);
            if let Some(Endpoint::Unix(_)) = server.upstream
                && demanded.mode != tls::Mode::Disable
            {
                let message = format!(
                    "the upstream of server {name:?} is a unix socket, which carries no TLS: remove one of them"
                );
                return Err(Contradiction::at(&written, message));
            }
            let demands = addresses
                .iter()
                .map(|address| (*address, (name.clone(), demanded.clone())));
            self.demands.extend(demands);
        }
        if let Some(upstream) = server.upstream {
            let dialled = addresses
                .into_iter()
                .map(|address| (address, upstream.clone()));
            self.endpoints.extend(dialled);
        }
        if server.read_catalog == Some(false) {
            self.catalogs.insert(name, catalog::Access::Nobody);
        } else if let Some(written) = server.catalog {
            let mut catalog = written.get_ref().clone();
            catalog.password_file = catalog.password_file.map(|file| base.join(file));
            let credentials = catalog.credentials().map_err(|error| {
                Contradiction::at(&written, format!("catalog of server {name:?}: {error}"))
            })?;
            self.catalogs
                .insert(name, catalog::Access::Role(credentials));
        }
        Ok(())
    }

    fn add_gateway(&mut self, gateway: &Spanned<WrittenGateway>) -> Result<(), Contradiction> {
        let written = gateway.get_ref();
        let Endpoint::Unix(_) = written.upstream else {
            return Ok(());
        };
        let destination = self.destination(written);
        let dialled = self
            .endpoints
            .entry(destination)
            .or_insert_with(|| written.upstream.clone());
        if *dialled != written.upstream {
            let message = format!(
                "the gateway's upstream is {}, and {destination} has a [[server]] with upstream {dialled}: keep one of them",
                written.upstream
            );
            return Err(Contradiction::at(gateway, message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, ConfigError, Entrance};
    use super::*;

    const SOCKET: &str = "unix:/run/postgresql/.s.PGSQL.5432";

    fn load(upstream: &str, servers: &str) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("weir.toml");
        let gateway =
            format!("[gateway]\nlisten = \"127.0.0.1:6432\"\nupstream = \"{upstream}\"\n");
        std::fs::write(&file, format!("{gateway}{servers}")).unwrap();
        Config::load(&file)
    }

    /// Name of the server behind the gateway, the address that its sessions are for, and what is dialled.
    fn behind(config: &Config) -> (Option<&str>, String, Option<String>) {
        let Entrance::Gateway(gateway) = &config.entrance else {
            panic!("a gateway is configured");
        };
        let name = config.servers.get(&gateway.destination);
        let dialled = config.endpoints.get(&gateway.destination);
        (
            name.map(|name| &**name),
            gateway.destination.to_string(),
            dialled.map(Endpoint::to_string),
        )
    }

    #[test]
    fn a_gateway_dials_the_address_that_it_names() {
        let config = load("10.0.0.5:5432", "").unwrap();
        assert_eq!(behind(&config), (None, "10.0.0.5:5432".into(), None));
    }

    #[test]
    fn a_gateway_to_a_socket_stands_for_the_server_that_has_it() {
        let dialled = || Some(SOCKET.to_owned());
        let alone = load(SOCKET, "").unwrap();
        assert_eq!(behind(&alone), (None, "127.0.0.1:6432".into(), dialled()));
        let nameless = format!("[[server]]\nname = \"shop\"\nupstream = \"{SOCKET}\"\n");
        let config = load(SOCKET, &nameless).unwrap();
        let shop = Some("shop");
        assert_eq!(behind(&config), (shop, "127.0.0.1:6432".into(), dialled()));
        let addressed = format!("{nameless}addresses = [\"10.0.0.5:5432\"]\n");
        let config = load(SOCKET, &addressed).unwrap();
        assert_eq!(behind(&config), (shop, "10.0.0.5:5432".into(), dialled()));
    }

    #[test]
    fn an_upstream_stands_for_every_address_of_its_server() {
        let server = format!(
            "[[server]]\nname = \"shop\"\nupstream = \"{SOCKET}\"\naddresses = [\"127.0.0.1:5432\", \"[::1]:5432\"]\n"
        );
        let config = load("127.0.0.1:5432", &server).unwrap();
        assert_eq!(config.endpoints.len(), 2);
        let dialled = Some(SOCKET.to_owned());
        assert_eq!(
            behind(&config),
            (Some("shop"), "127.0.0.1:5432".into(), dialled)
        );
    }

    #[test]
    fn a_server_is_monitored_where_that_is_said_and_enforced_otherwise() {
        let server = |mode: &str| {
            let server = format!("[[server]]\nname = \"shop\"\nupstream = \"{SOCKET}\"\n{mode}\n");
            load(SOCKET, &server)
        };
        let monitored = |mode| server(mode).unwrap().monitored_servers();
        assert_eq!(monitored("mode = \"monitor\""), ["shop".into()]);
        assert_eq!(monitored("mode = \"enforce\""), []);
        assert_eq!(monitored(""), []);
        let wrong = server("mode = \"watch\"").unwrap_err().to_string();
        assert!(wrong.contains("expected `enforce` or `monitor`"), "{wrong}");
    }

    #[test]
    fn two_ways_to_one_server_are_refused() {
        let other = "[[server]]\nname = \"shop\"\nupstream = \"unix:/other\"\naddresses = [\"127.0.0.1:6432\"]\n";
        let error = load(SOCKET, other).unwrap_err().to_string();
        assert!(
            error.contains("weir.toml:1:1: the gateway's upstream is unix:/run")
                && error.contains("unix:/other"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_upstream_is_refused_with_what_to_write() {
        let error = load("localhost", "").unwrap_err().to_string();
        assert!(
            error.contains("weir.toml:3:12:")
                && error.contains("write \"127.0.0.1:5432\" or \"unix:"),
            "{error}"
        );
    }
}
