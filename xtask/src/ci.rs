//! `cargo xtask ci`: everything that must hold before a change is merged, in the order of how fast it fails.
//!
//! Knows no check itself: every step is a command that can be repeated by hand.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::command;

/// Packages with a workspace of their own: other targets, other flags.
const APART: [&str; 2] = ["ebpf/probes/Cargo.toml", "tests/fuzz/Cargo.toml"];

/// What the README tells people to run, and so what must pass here.
const TEST_COMMAND: &str = "cargo xtask test";

/// One step: what it shows, and the command that shows it.
struct Step {
    name: &'static str,
    command: Command,
}

/// The verb.
pub fn run(arguments: &[String]) -> Result<()> {
    if let Some(first) = arguments.first() {
        bail!("`ci` takes no arguments, and got `{first}`");
    }
    readme_says(TEST_COMMAND)?;
    let start = Instant::now();
    let mut summary = String::new();
    for Step { name, mut command } in steps() {
        let begin = Instant::now();
        eprintln!("== {name}");
        let outcome = command::run(&mut command);
        outcome.with_context(|| failure(name, begin.elapsed(), &command))?;
        summary.push_str(&format!("  {:>6}  {name}\n", seconds(begin.elapsed())));
    }
    println!(
        "ci: everything holds\n{summary}  {:>6}  in all",
        seconds(start.elapsed())
    );
    Ok(())
}

fn steps() -> Vec<Step> {
    let mut steps = vec![
        step("set-up", command::cargo(["xtask", "setup"])),
        step("format", command::cargo(["fmt", "--all", "--check"])),
    ];
    for manifest in APART {
        let format = ["fmt", "--manifest-path", manifest, "--check"];
        steps.push(step("format of a workspace apart", command::cargo(format)));
    }
    steps.extend([
        step("layers", command::cargo(["xtask", "layers"])),
        step(
            "the kept probes are what their source gives",
            command::cargo(["xtask", "ebpf", "--check"]),
        ),
        step("lints", clippy(&["--workspace", "--all-targets"])),
        step(
            "lints of the fuzz targets",
            clippy(&["--manifest-path", "tests/fuzz/Cargo.toml", "--all-targets"]),
        ),
        step(
            "the README's test command",
            command::cargo(["xtask", "test"]),
        ),
    ]);
    steps
}

fn step(name: &'static str, command: Command) -> Step {
    Step { name, command }
}

fn clippy(selection: &[&str]) -> Command {
    let mut command = command::cargo(["clippy"]);
    command.args(selection).args(["--", "-D", "warnings"]);
    command
}

fn failure(name: &str, after: Duration, command: &Command) -> String {
    let line = command::line(command);
    format!(
        "`{name}` failed after {}; repeat it with `{line}`",
        seconds(after)
    )
}

fn seconds(duration: Duration) -> String {
    format!("{:.0} s", duration.as_secs_f64())
}

fn readme_says(line: &str) -> Result<()> {
    let readme = command::root().join("README.md");
    let text = fs::read_to_string(&readme).context("README.md cannot be read")?;
    if !commands(&text).any(|command| command == line) {
        bail!(
            "no code block of README.md has the line `{line}`, which is what ci runs: write it there"
        );
    }
    Ok(())
}

/// The lines of the fenced code blocks.
fn commands(markdown: &str) -> impl Iterator<Item = &str> {
    let blocks = markdown.split("```").skip(1).step_by(2);
    blocks
        .flat_map(|block| block.lines().skip(1))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_counts_only_inside_a_code_block() {
        let readme = "Run cargo xtask test\n```sh\ncargo xtask demo\n```\ncargo xtask test\n";
        let found: Vec<&str> = commands(readme).collect();
        assert_eq!(found, ["cargo xtask demo"]);
    }

    #[test]
    fn a_failed_step_says_how_to_repeat_it() {
        let command = command::cargo(["fmt", "--check"]);
        let said = failure("format", Duration::from_millis(1900), &command);
        assert_eq!(
            said,
            "`format` failed after 2 s; repeat it with `cargo fmt --check`"
        );
    }
}
