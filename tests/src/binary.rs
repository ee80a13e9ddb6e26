//! Finds the binary under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

static BINARY: OnceLock<PathBuf> = OnceLock::new();

/// The agent's program, built from what the sources say now. `WEIR_BINARY` names another one, such as a packaged one.
///
/// # Panics
///
/// If it cannot be built: then there is nothing to test.
pub fn weir() -> &'static Path {
    BINARY.get_or_init(|| match std::env::var_os("WEIR_BINARY") {
        Some(named) => named.into(),
        None => build(),
    })
}

/// `cargo test` builds no binary of another package, and an old one would test what is not there any more. Where it is
/// new enough, cargo only looks.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    // target/<profile>/deps/<test>
    let directory = test
        .ancestors()
        .nth(2)
        .expect("the directory of the profile");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--quiet", "--package", "weir", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
    if directory.ends_with("release") {
        cargo.arg("--release");
    }
    if let Some(target) = directory.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    let status = cargo.status().expect("cargo");
    assert!(status.success(), "the agent's program cannot be built");
    directory.join("weir")
}
