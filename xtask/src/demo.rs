//! `cargo xtask demo`: the main job on one screen, with a throwaway database and the host's own psql.
//!
//! ```text
//!   psql in cgroup /weir-demo/analyst ─┐                       ┌─> throwaway PostgreSQL
//!   psql in cgroup /weir-demo/oncall  ─┴─ probes ─> agent ─────┘
//! ```
//!
//! Without root or BPF the agent is a gateway on a port of its own, and every client is one and the same subject.

mod story;
mod theatre;

use anyhow::{Result, bail};

use crate::command;
use crate::host;
use crate::setup::{self, Need};
use theatre::Theatre;

/// Sets up what the demo needs, plays it, and cleans up.
pub fn run(arguments: &[String]) -> Result<()> {
    let keep = match arguments {
        [] => false,
        [word] if word == "--keep" => true,
        _ => bail!("usage: cargo xtask demo [--keep]"),
    };
    setup::provide(&[Need::Build, Need::Database])?;
    if let Some(obstacle) = host::interception_obstacle() {
        println!(
            "{obstacle}: the demo goes on in gateway mode, where psql names the agent's port."
        );
    }
    command::run(&mut command::cargo(["build", "--package", "weir"]))?;
    let theatre = Theatre::open(host::interception_obstacle().is_none())?;
    let told = story::tell(&theatre);
    match told {
        Ok(()) => theatre.close(keep),
        Err(error) => {
            eprintln!("\nthe agent's log:\n{}", theatre.agent_log());
            Err(error)
        }
    }
}
