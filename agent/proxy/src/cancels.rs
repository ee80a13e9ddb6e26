//! Which cancel key belongs to which live session.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use model::SessionId;
use protocol::CancelKey;

/// The keys of live sessions. A cancel with any other key is not forwarded.
#[derive(Clone, Debug, Default)]
pub struct Cancels(Arc<Mutex<HashMap<Name, SessionId>>>);

/// A key counts only for the server that gave it.
type Name = (SocketAddr, CancelKey);

/// Keeps one key known as long as it lives.
#[derive(Debug)]
pub struct Known {
    cancels: Cancels,
    name: Name,
}

impl Cancels {
    /// Makes a key known.
    pub fn register(&self, server: SocketAddr, key: CancelKey, session: SessionId) -> Known {
        let name = (server, key);
        self.keys().insert(name.clone(), session);
        Known {
            cancels: self.clone(),
            name,
        }
    }

    /// The session that the key belongs to.
    pub fn find(&self, server: SocketAddr, key: &CancelKey) -> Option<SessionId> {
        self.keys().get(&(server, key.clone())).copied()
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, HashMap<Name, SessionId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        self.cancels.keys().remove(&self.name);
    }
}
