//! The kernel's door: loads the probes, accepts what they redirect, dials past them. Beside it the plain
//! door for hosts without BPF: the gateway.
//!
//! Knows sockets and cgroups, and neither a protocol nor a policy nor the name of a workload: what the kernel said
//! about a peer leaves as [`model::Peer`], as it was said.
//!
//! ```text
//!  Written --effective()--> Effective --Interception::start--> Interception --+
//!                                                                             +--> Door --accept--> Accepted
//!                                                  Gateway::bind --> Gateway --+        --dialer--> Dialer
//! ```
//!
//! The probes' compiled object is kept in the repository (`probes.o`, written by `cargo xtask ebpf`), so this crate
//! builds with stable Rust and no BPF toolchain. Somebody may still build it around an empty or outdated file:
//! the loader looks before it loads, and refuses in words.

#[cfg(not(target_os = "linux"))]
compile_error!("sockets are redirected by Linux alone");

mod attach;
mod btf;
mod cgroup;
mod config;
mod dial;
mod door;
mod endpoint;
mod error;
mod gateway;
pub mod host;
mod interception;
mod kernel;
mod listen;
mod logs;
mod maps;
mod object;
mod pins;
mod sys;

pub use abi::Count;
pub use cgroup::mount as cgroup_mount;
pub use config::{ConfigError, Effective, Fail, Written};
pub use dial::{Dialer, Dialled};
pub use door::{Accepted, Door};
pub use endpoint::{Endpoint, EndpointError, Endpoints};
pub use error::InterceptError;
pub use gateway::Gateway;
pub use interception::Interception;
pub use maps::Counters;
pub use pins::release;
