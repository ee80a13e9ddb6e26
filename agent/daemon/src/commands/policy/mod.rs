//! `weir policy`: tools for people who write policies.

mod differences;
mod learn;
mod recorded;
mod replay;
mod table;
mod test;

use std::path::Path;
use std::process::ExitCode;

use crate::cli::Policy;
use crate::config::Config;

/// Runs one of the subcommands.
pub fn policy(file: &Path, command: Policy) -> anyhow::Result<ExitCode> {
    match command {
        Policy::Test(wanted) => test::test(file, &wanted),
        Policy::Learn(wanted) => learn::learn(&Config::load(file)?, &wanted),
        Policy::Replay(wanted) => replay::replay(&Config::load(file)?, &wanted),
    }
}
