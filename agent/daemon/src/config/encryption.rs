//! What the configuration says about TLS, and the files that it names: read when they are used and not before, so that
//! commands that need none of them work while they are replaced.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tls::{Acceptor, ClientSide, Connector, Demands, ServerSide};

use super::ConfigError;

/// What the file says. Paths are whole.
#[derive(Clone, Debug)]
pub struct Written {
    pub(super) file: PathBuf,
    /// `[tls]`.
    pub(super) clients: Option<ClientSide>,
    /// `tls` of each `[[server]]`, by its addresses and with its name.
    pub(super) servers: HashMap<SocketAddr, (Arc<str>, ServerSide)>,
}

/// What is meant.
pub struct Encryption {
    /// What clients are shown; none: there is no TLS for them.
    pub acceptor: Option<Acceptor>,
    /// What is demanded of servers.
    pub demands: Demands,
}

impl Written {
    /// Reads certificates, key and roots.
    pub fn read(&self) -> Result<Encryption, ConfigError> {
        let wrong = |table: String| {
            move |source| ConfigError::Tls {
                file: self.file.clone(),
                table,
                source,
            }
        };
        let clients = self.clients.clone().map(Acceptor::load);
        let acceptor = clients.transpose().map_err(wrong("[tls]".into()))?;
        let mut demanded = HashMap::new();
        for (address, (name, written)) in &self.servers {
            let connector = Connector::load(written);
            let connector = connector.map_err(wrong(format!("tls of server {name:?}:")))?;
            demanded.insert(*address, connector);
        }
        let demands = Demands::new(demanded).map_err(wrong("tls:".into()))?;
        Ok(Encryption { acceptor, demands })
    }
}
