//! Who is at the other end of a connection, as far as the kernel vouches for it.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One accepted connection: where it came from, where it wanted to go, and how it came here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's own address.
    pub address: SocketAddr,
    /// Where the client wanted to go: the destination before redirection.
    pub destination: SocketAddr,
    /// How the connection reached the agent.
    pub origin: Origin,
}

/// How a connection reached the agent, and what the kernel said about the process behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Redirected by the connect hook; the identity was taken inside the client's own `connect(2)`.
    Redirected(Process),
    /// Connected to the gateway port: only the address is known.
    Gateway,
}

/// A process as the connect hook saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// cgroup v2 id (the kernfs id of the cgroup's directory).
    pub cgroup: u64,
    /// Process id (the kernel's tgid) in the initial pid namespace.
    pub pid: u32,
    /// Effective uid in the initial user namespace.
    pub uid: u32,
    /// Effective gid in the initial user namespace.
    pub gid: u32,
    /// Audit login uid; `u32::MAX` when the process belongs to no login.
    pub login_uid: u32,
    /// Start of the thread group leader, nanoseconds of CLOCK_BOOTTIME: with `pid`, unique per boot.
    pub started: u64,
    /// Inode of the executable.
    pub exe_inode: u64,
    /// Device of the executable, in the kernel's encoding (major << 20 | minor).
    pub exe_device: u32,
    /// The thread's command name, cut to 15 bytes by the kernel and freely set by the process.
    pub comm: String,
}
