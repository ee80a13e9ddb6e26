//! What demo and tests stand on: a throwaway PostgreSQL, child cgroups, and an agent as a process.
//!
//! Everything is undone when its value is dropped. Nothing outside of what was made here is touched: no cgroup but
//! children made by the run, no process but those started here.

mod agent;
mod cgroup;
mod folder;
mod lines;
mod postgres;

pub use agent::Agent;
pub use cgroup::{Cgroup, command_in};
pub use folder::Folder;
pub use lines::Lines;
pub use postgres::{Postgres, free_port};

/// Whether this process is root, which intercepting needs.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
