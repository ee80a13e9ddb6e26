//! What can go wrong before the first connection. Afterwards nothing does: a connection that cannot be served is
//! closed and counted.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Interception did not start, or could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum InterceptError {
    /// The embedded file is no BPF object.
    #[error(
        "the agent was built without the probes ({reason}): build them with `cargo xtask ebpf` and the agent anew, or use the gateway"
    )]
    NoObject {
        /// What the file is instead.
        reason: String,
    },
    /// The embedded object belongs to other sources.
    #[error(
        "the probes have version {found}, and the agent needs {expected}: build them with `cargo xtask ebpf`, and the agent anew"
    )]
    ForeignObject {
        /// Version in the object.
        found: u32,
        /// Version that this agent was compiled with.
        expected: u32,
    },
    /// The host mounts no cgroup v2.
    #[error("no cgroup2 file system is mounted: mount one, or use the gateway")]
    NoCgroup2,
    /// A file or directory of the kernel could not be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configured cgroup is not there.
    #[error("the cgroup {path} is not there: create it, or name another one: {source}")]
    NoSuchCgroup {
        /// As an absolute path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configured directory is no cgroup.
    #[error("{path} is no cgroup: name a directory below {mount}")]
    NotACgroup {
        /// As an absolute path.
        path: PathBuf,
        /// Where cgroup2 is mounted.
        mount: PathBuf,
    },
    /// The configured cgroup is the root.
    #[error(
        "{path} is the root cgroup, that is the whole host: name a child, or set allow_root = true"
    )]
    RootCgroup {
        /// As an absolute path.
        path: PathBuf,
    },
    /// The agent's end of a connection could not be watched.
    #[error(
        "the agent itself runs in the root cgroup, where nothing may be attached: start it in a cgroup of its own, for example a child of {cgroup}"
    )]
    AgentInRoot {
        /// The configured cgroup.
        cgroup: PathBuf,
    },
    /// The directory for pins is not on a BPF file system.
    #[error(
        "{path} is on no BPF file system, so nothing outlives the agent: run `mount -t bpf bpf /sys/fs/bpf`, or set fail = \"open\""
    )]
    NoBpffs {
        /// The configured directory.
        path: PathBuf,
    },
    /// A pin could not be made, opened or removed.
    #[error("cannot {doing} the pin {path}: {source}")]
    Pin {
        /// `make`, `open`, `list`, `detach` or `remove`.
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel refused the object.
    #[error("the kernel refused the probes' object: {}", told(.0))]
    Load(#[from] aya::EbpfError),
    /// The kernel refused one program.
    #[error("the kernel refused the probe {program} while it was to {doing}: {}", told(.source))]
    Program {
        /// Its name.
        program: &'static str,
        /// `load`, `attach` or `be replaced`.
        doing: &'static str,
        /// Why, with the verifier's words.
        source: aya::programs::ProgramError,
    },
    /// The attachment is of the old kind, which cannot be pinned.
    #[error(
        "the kernel attached the probe {program} without a link, so it cannot outlive the agent: Linux 5.7 or newer is needed, or fail = \"open\""
    )]
    NoLink {
        /// Its name.
        program: &'static str,
    },
    /// A pinned link could not be given the new program.
    #[error(
        "cannot put the new probe {program} in place of the old one: {source}; `weir release` removes the old ones"
    )]
    Replace {
        /// Its name.
        program: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The object lacks something that the loader knows.
    #[error("the probes' object has no {name}: build it with `cargo xtask ebpf`")]
    Incomplete {
        /// The map or program.
        name: &'static str,
    },
    /// A map could not be used.
    #[error("the map {name} cannot be used: {source}")]
    Map {
        /// Its name.
        name: &'static str,
        /// Why.
        source: aya::maps::MapError,
    },
    /// The agent's port could not be taken.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// An error with all its causes; a verifier's log keeps its end, where the reason stands.
fn told(error: &dyn std::error::Error) -> String {
    const LONGEST: usize = 2_000;
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    let cut = told.len().saturating_sub(LONGEST);
    match told.char_indices().find(|(at, _)| *at >= cut) {
        Some((at, _)) if at > 0 => format!("...{}", told.get(at..).unwrap_or_default()),
        _ => told,
    }
}
