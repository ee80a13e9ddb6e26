//! Debian packages: what is there, what could be, and installing it.
//!
//! Knows no package by name.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::command;

/// Whether the package is installed and configured.
pub fn is_installed(package: &str) -> bool {
    installed(package).is_some()
}

/// The version that is installed and configured.
pub fn installed(package: &str) -> Option<String> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status} ${Version}"]);
    query.arg(package).stderr(Stdio::null());
    let shown = command::capture(&mut query).ok()?;
    shown.strip_prefix("installed ").map(str::to_owned)
}

/// The version that apt would install; none where it knows no such package.
pub fn candidate(package: &str) -> Option<String> {
    let mut policy = Command::new("apt-cache");
    policy.args(["policy", package]).env("LC_ALL", "C");
    candidate_of(&command::capture(&mut policy).ok()?)
}

/// Reads the package lists anew.
pub fn update() -> Result<()> {
    command::run(&mut apt_get(&["update", "--quiet"]))
}

/// Installs the packages; where the lists turn out to be outdated, reads them anew and tries once more.
pub fn install(packages: &[String]) -> Result<()> {
    if let Err(first) = install_once(packages) {
        eprintln!("{first:#}; once more with fresh package lists");
        update()?;
        install_once(packages)?;
    }
    Ok(())
}

/// The command that a person would type.
pub fn install_line(packages: &[String]) -> String {
    format!(
        "apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

fn install_once(packages: &[String]) -> Result<()> {
    let mut command = apt_get(&["install", "--yes", "--quiet", "--no-install-recommends"]);
    command::run(command.args(packages))?;
    match packages.iter().find(|package| !is_installed(package)) {
        Some(package) => bail!("apt-get succeeded, and {package} is not installed"),
        None => Ok(()),
    }
}

/// Asks nothing, and waits for another apt rather than failing.
fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(["-o", "DPkg::Lock::Timeout=300"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    command
}

/// `apt-cache policy` says `  Candidate: VERSION`, or `(none)`; for an unknown package it says nothing.
fn candidate_of(policy: &str) -> Option<String> {
    policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))
        .filter(|version| *version != "(none)")
        .map(str::to_owned)
}

/// Major and minor number of a Debian version such as `1:1.96.0+dfsg1-1~deb12u2`.
pub fn major_minor(version: &str) -> Option<(u32, u32)> {
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    let mut numbers = upstream.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_candidate_is_what_apt_would_install() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n";
        assert_eq!(
            candidate_of(policy).as_deref(),
            Some("1.96.0+dfsg1-1~deb12u2")
        );
    }

    #[test]
    fn a_package_without_candidate_is_unknown() {
        assert_eq!(
            candidate_of("x:\n  Installed: (none)\n  Candidate: (none)\n"),
            None
        );
        assert_eq!(candidate_of(""), None);
    }

    #[test]
    fn versions_are_read_behind_their_epoch() {
        assert_eq!(major_minor("1.96.0+dfsg1-1~deb12u2"), Some((1, 96)));
        assert_eq!(major_minor("1:14.0-55.7~deb12u1"), Some((14, 0)));
        assert_eq!(major_minor("unknown"), None);
    }
}
