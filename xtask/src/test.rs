//! `cargo xtask test`: sets up what the tests need, says what this machine keeps them from, and runs them all.
//!
//! Skips nothing by itself: a test that cannot run here says so, and fails where `CI=true`.

use anyhow::Result;

use crate::setup::{self, Need};
use crate::{command, host};

/// The verb. Arguments go to `cargo test`.
pub fn run(arguments: &[String]) -> Result<()> {
    setup::provide(&[Need::Build, Need::Database, Need::Poolers, Need::Drivers])?;
    if let Some(sentence) = limits(host::interception_obstacle(), host::is_ci()) {
        eprintln!("{sentence}");
    }
    // The tests run the real binary, which `cargo test` of another package does not build.
    command::run(&mut command::cargo(["build", "--package", "weir"]))?;
    command::run(command::cargo(["test", "--workspace"]).args(arguments))
}

fn limits(obstacle: Option<&str>, is_ci: bool) -> Option<String> {
    let consequence = if is_ci {
        "the tests of interception will fail, because CI=true skips nothing"
    } else {
        "the tests run the agent as a gateway, and those of interception step aside"
    };
    obstacle.map(|obstacle| format!("no interception here: {obstacle}; {consequence}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_obstacle_is_said_in_one_sentence() {
        let sentence = limits(Some("no cgroup v2 hierarchy is mounted"), false).unwrap();
        assert_eq!(
            sentence,
            "no interception here: no cgroup v2 hierarchy is mounted; \
             the tests run the agent as a gateway, and those of interception step aside"
        );
    }

    #[test]
    fn nothing_is_said_where_nothing_is_missing() {
        assert_eq!(limits(None, true), None);
    }
}
