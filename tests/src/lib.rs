//! The harness: a whole world for one test (database, cgroups, policies, agent), and clients that live in it.
//!
//! ```text
//!   client in a cgroup ──probes──┐                                ┌─> a PostgreSQL of the test's own
//!   client of the gateway ───────┴─> `weir run`, the real binary ─┘
//!   client past the agent ────────────────────────────────────────┘
//! ```
//!
//! Knows nothing of the agent's inside: it writes configuration files, starts programs and speaks the wire. Every world
//! has directories, ports and cgroups of its own, so that tests run side by side, and undoes itself when it is dropped.

mod binary;
mod bucket;
mod door;
mod drivers;
pub mod messages;
mod pooler;
pub mod shop;
mod stub;
pub mod tls;
mod wire;
mod world;

pub use binary::weir;
pub use bucket::Bucket;
pub use drivers::driver;
pub use pooler::Pooler;
pub use stub::Stub;
pub use wire::{Frame, Wire, frame, startup, startup_of};
pub use world::{CLIENT, Driver, PERMIT_ALL, Plan, World};
