//! The values that the probes and the agent share, with asserted layout.
//!
//! Knows neither aya nor the standard library. Every struct is `repr(C)` without holes: a hole would be
//! uninitialised bytes in a map, which the verifier refuses and user space could not compare. Any change of
//! a layout or of a map's meaning raises [`ABI_VERSION`], because pinned maps outlive the agent that made them.

#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use core::mem::{offset_of, size_of};

/// Version of everything in this file and of the maps. The probes' object carries it, and the pin
/// directory is named by it, so that an agent never reads another version's maps.
pub const ABI_VERSION: u32 = 1;

/// Name of the probes' symbol that holds [`ABI_VERSION`], as a `u32` in `.rodata`.
pub const ABI_SYMBOL: &str = "ABI_VERSION";

/// Most ports that can be intercepted.
pub const MAX_PORTS: u32 = 256;

/// Most connections between the client's SYN and the agent's handshake at one moment.
pub const MAX_PENDING: u32 = 65_536;

/// Where a client wanted to go and who it was, taken inside its own `connect(2)`.
///
/// A task that cannot be read (lockdown, unknown offsets) leaves `started`, `exe_inode` and `exe_device` 0 and
/// `login_uid` `u32::MAX`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Original {
    /// Destination address in network order, IPv4 as `::ffff:a.b.c.d`.
    pub ip: [u32; 4],
    /// cgroup v2 id of the task.
    pub cgroup: u64,
    /// Start of the thread group leader, nanoseconds of CLOCK_BOOTTIME.
    pub started: u64,
    /// Inode of the executable.
    pub exe_inode: u64,
    /// Command name of the thread, NUL padded.
    pub comm: [u8; 16],
    /// Thread group id in the initial pid namespace.
    pub pid: u32,
    /// Uid in the initial user namespace.
    pub uid: u32,
    /// Gid in the initial user namespace.
    pub gid: u32,
    /// Audit login uid, `u32::MAX` where there is none.
    pub login_uid: u32,
    /// Device of the executable, major << 20 | minor.
    pub exe_device: u32,
    /// Destination port in host order.
    pub port: u16,
    /// Family of the client's socket: 2 (AF_INET) or 10 (AF_INET6).
    pub family: u16,
}

/// A connection as its client sees it: the key under which an [`Original`] waits for the agent's end.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// Cookie of the network namespace.
    pub netns: u64,
    /// Local address in network order, IPv4 as `::ffff:a.b.c.d`.
    pub local_ip: [u32; 4],
    /// Remote address, likewise.
    pub remote_ip: [u32; 4],
    /// Local port in host order.
    pub local_port: u32,
    /// Remote port in host order.
    pub remote_port: u32,
}

impl Tuple {
    /// The same connection as its other end sees it.
    #[must_use]
    #[inline(always)]
    pub const fn mirrored(self) -> Self {
        Self {
            netns: self.netns,
            local_ip: self.remote_ip,
            remote_ip: self.local_ip,
            local_port: self.remote_port,
            remote_port: self.local_port,
        }
    }
}

/// What the agent tells the probes; the only element of its map. All zero until the agent is ready.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Cookie of the agent's network namespace: its loopback is the only one that redirection can use. 0 where
    /// the kernel does not tell it (before Linux 5.14).
    pub netns: u64,
    /// The agent's port in host order; 0 while there is none.
    pub port: u32,
    /// Zero.
    pub reserved: u32,
}

/// What a probe may rely on, as bits of the `FEATURES` global that the loader sets.
///
/// The global is frozen before the programs are verified, so the verifier prunes the code behind a missing
/// bit, and a helper that the kernel does not know does not matter there.
pub mod feature {
    /// `bpf_set_retval` in cgroup hooks (Linux 5.18).
    pub const SET_RETVAL: u32 = 1;
    /// `bpf_get_netns_cookie` in sockops (Linux 5.15).
    pub const SOCKOPS_NETNS: u32 = 2;
    /// `bpf_probe_read_kernel` is allowed (no lockdown for confidentiality) and the offsets are known.
    pub const TASK: u32 = 4;
}

/// Names of the globals that the loader fills with byte offsets from the running kernel's BTF.
pub mod offset {
    /// `task_struct.group_leader`.
    pub const TASK_LEADER: &str = "TASK_LEADER";
    /// `task_struct.start_boottime`.
    pub const TASK_STARTED: &str = "TASK_STARTED";
    /// `task_struct.loginuid`; [`ABSENT`] on a kernel without audit.
    pub const TASK_LOGIN_UID: &str = "TASK_LOGIN_UID";
    /// `task_struct.mm`.
    pub const TASK_MM: &str = "TASK_MM";
    /// `mm_struct.exe_file`.
    pub const MM_EXE: &str = "MM_EXE";
    /// `file.f_inode`.
    pub const FILE_INODE: &str = "FILE_INODE";
    /// `inode.i_ino`.
    pub const INODE_NUMBER: &str = "INODE_NUMBER";
    /// `inode.i_sb`.
    pub const INODE_SUPER: &str = "INODE_SUPER";
    /// `super_block.s_dev`.
    pub const SUPER_DEVICE: &str = "SUPER_DEVICE";
    /// The kernel has no such member.
    pub const ABSENT: u32 = u32::MAX;
}

/// What became of a socket operation: index into the probes' per-CPU counters, which only ever grow.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Count {
    /// A connect was redirected to the agent.
    Redirected,
    /// A connect of the agent's own marked socket passed.
    Exempt,
    /// A connect was refused because it came from another network namespace.
    ForeignNetns,
    /// A connect was refused because no socket of the agent listens.
    AgentAbsent,
    /// A connect was refused because the kernel gave no memory for the socket's storage.
    NoStorage,
    /// A connect was refused because the socket is bound to a device and could not be unbound.
    DeviceBound,
    /// The agent's end of a redirected connection received its original destination.
    HandedOver,
    /// The handover failed for want of memory; the agent refuses the connection.
    HandoverFailed,
    /// A connection to the agent's port that was not redirected; the agent refuses it.
    Direct,
    /// A bind of the agent's port by somebody else was refused.
    Squatter,
}

impl Count {
    /// Every count, in the order of its index.
    pub const ALL: [Self; 10] = [
        Self::Redirected,
        Self::Exempt,
        Self::ForeignNetns,
        Self::AgentAbsent,
        Self::NoStorage,
        Self::DeviceBound,
        Self::HandedOver,
        Self::HandoverFailed,
        Self::Direct,
        Self::Squatter,
    ];
}

/// The mark that the agent puts on its own sockets, through the map and in no other way: a connect of a marked
/// socket is not redirected, a bind of a marked socket may take the agent's port, and a marked listener is alive.
pub const OWN: u32 = 1;

const _: () = {
    assert!(size_of::<Original>() == 80);
    assert!(offset_of!(Original, cgroup) == 16);
    assert!(offset_of!(Original, comm) == 40);
    assert!(offset_of!(Original, pid) == 56);
    assert!(offset_of!(Original, port) == 76);
    assert!(size_of::<Tuple>() == 48);
    assert!(offset_of!(Tuple, local_port) == 40);
    assert!(size_of::<Settings>() == 16);
};
