//! `weir policy`: tools for people who write policies.

mod table;
mod test;

use std::path::Path;
use std::process::ExitCode;

use crate::cli::Policy;

/// Runs one of the subcommands.
pub fn policy(file: &Path, command: Policy) -> anyhow::Result<ExitCode> {
    match command {
        Policy::Test(wanted) => test::test(file, &wanted),
    }
}
