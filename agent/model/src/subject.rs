//! The subject of a session and the target that it wants to reach.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Process;

/// A session's name in the evidence: a UUIDv7, so it sorts by time and cannot be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(uuid::Uuid);

impl SessionId {
    /// A new id, of now.
    pub fn now() -> Self {
        Self(uuid::Uuid::now_v7())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who asks. Immutable for the life of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The session; also the id of the policy's principal.
    pub session: SessionId,
    /// Everything that the session's process (or address) is a member of, most telling first.
    /// The first is what `weir explain --as` takes and what reports group by.
    pub workloads: Vec<Workload>,
    /// Unix user of the client process, by name where the host knows it, else the number.
    pub os_user: Option<String>,
    /// Path of the client's executable, where it could be proven to be the one that connected.
    pub executable: Option<String>,
    /// What the kernel said, where it said anything.
    pub process: Option<Process>,
    /// The client's address.
    pub address: SocketAddr,
}

/// A name that policies can speak of, such as `systemd:billing.service`.
///
/// Kinds: `systemd:UNIT`, `container:ID` (64 hex digits), `slice:user-1000.slice`, `cgroup:/PATH`, `user:NAME`,
/// `uid:NUMBER`, `exe:/PATH`, `address:IP`, `gateway`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Workload(pub String);

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The database server that a session wants to reach.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// Name from the configuration, or the address where the configuration names none.
    pub server: Arc<str>,
    /// Where the agent dials.
    pub address: SocketAddr,
}
