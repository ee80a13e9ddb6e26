//! Sources from registries, by their ordinary clients: Debian's source packages, PyPI's sdists, crates.io's crates.
//!
//! Each call gets one source once, and gives its directory; a directory that is there is complete.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::workshop;
use crate::command;

/// A Debian source package in this version. The system's own lists stay as they are: apt is given a copy of them that
/// speaks of sources.
pub fn debian(package: &str, version: &str) -> Result<PathBuf> {
    once(&format!("{package}-{version}"), |to| {
        let apt = workshop().join("apt");
        for directory in ["lists/partial", "archives/partial"] {
            fs::create_dir_all(apt.join(directory))?;
        }
        fs::write(apt.join("sources.list"), source_lines()?)?;
        command::run(apt_get(&apt).arg("update"))?;
        command::run(
            apt_get(&apt)
                .args(["source", "--download-only"])
                .arg(format!("{package}={version}"))
                .current_dir(apt.join("archives")),
        )?;
        let described = newest_dsc(&apt.join("archives"), package, version)?;
        command::run(
            Command::new("dpkg-source")
                .args(["--no-check", "--extract"])
                .args([&described, to]),
        )
    })
}

/// An sdist of PyPI.
pub fn sdist(pip: &Path, package: &str, version: &str) -> Result<PathBuf> {
    once(&format!("{package}-{version}"), |to| {
        let archives = workshop().join("sdists");
        command::run(
            Command::new(pip)
                .args(["download", "--quiet", "--no-deps", "--no-binary", package])
                .arg(format!("{package}=={version}"))
                .arg("--dest")
                .arg(&archives),
        )?;
        fs::create_dir_all(to)?;
        command::run(
            Command::new("tar")
                .args(["--extract", "--strip-components=1", "--file"])
                .arg(archives.join(format!("{package}-{version}.tar.gz")))
                .arg("--directory")
                .arg(to),
        )
    })
}

/// A crate of crates.io, in a workspace of its own.
pub fn crate_of(package: &str, version: &str) -> Result<PathBuf> {
    once(&format!("{package}-{version}"), |to| {
        let asking = workshop().join("crates").join(package);
        fs::create_dir_all(asking.join("src"))?;
        fs::write(asking.join("src/lib.rs"), "")?;
        fs::write(
            asking.join("Cargo.toml"),
            format!(
                "[package]\nname = \"asking\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
                 [dependencies]\n{package} = \"={version}\"\n\n[workspace]\n"
            ),
        )?;
        let manifest = asking.join("Cargo.toml");
        let metadata = command::capture(
            command::cargo(["metadata", "--format-version=1", "--manifest-path"]).arg(manifest),
        )?;
        let from = directory_of(&serde_json::from_str(&metadata)?, package)
            .with_context(|| format!("cargo knows no {package} {version}"))?;
        command::run(Command::new("cp").arg("--recursive").args([&from, to]))?;
        let manifest = to.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)?;
        fs::write(&manifest, format!("{text}\n[workspace]\n"))?;
        Ok(())
    })
}

/// Makes a directory below `sources` unless it is there; what fails half-way leaves nothing of that name.
fn once(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let directory = workshop().join("sources").join(name);
    if directory.exists() {
        return Ok(directory);
    }
    let unfinished = workshop().join("unfinished").join(name);
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    for parent in [directory.parent(), unfinished.parent()]
        .into_iter()
        .flatten()
    {
        fs::create_dir_all(parent)?;
    }
    make(&unfinished)?;
    fs::rename(&unfinished, &directory)?;
    Ok(directory)
}

/// apt with lists and archives of its own.
fn apt_get(apt: &Path) -> Command {
    let mut command = Command::new("apt-get");
    let option = |name: &str, value: &Path| format!("{name}={}", value.display());
    command.arg("--quiet").env("LC_ALL", "C");
    for option in [
        option("Dir::Etc::SourceList", &apt.join("sources.list")),
        option("Dir::Etc::SourceParts", Path::new("/dev/null")),
        option("Dir::State::Lists", &apt.join("lists")),
        option("Dir::Cache::Archives", &apt.join("archives")),
        option("Dir::Cache::srcpkgcache", Path::new("")),
        option("Dir::Cache::pkgcache", Path::new("")),
        // apt's own user cannot get into a clone that lies in somebody's home.
        "APT::Sandbox::User=root".to_owned(),
    ] {
        command.args(["-o", &option]);
    }
    command
}

/// The system's sources of packages, as sources of source packages (sources.list(5)).
fn source_lines() -> Result<String> {
    let mut lines = String::new();
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    lines.push_str(&of_lines(&read("/etc/apt/sources.list".as_ref())));
    for entry in fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
        .flatten()
    {
        let path = entry.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("list") => lines.push_str(&of_lines(&read(&path))),
            Some("sources") => lines.push_str(&of_stanzas(&read(&path))),
            _ => {}
        }
    }
    ensure!(!lines.is_empty(), "apt has no sources of packages");
    Ok(lines)
}

/// The one-line format.
fn of_lines(text: &str) -> String {
    let lines = text.lines().filter_map(|line| line.strip_prefix("deb "));
    lines.map(|rest| format!("deb-src {rest}\n")).collect()
}

/// The deb822 format.
fn of_stanzas(text: &str) -> String {
    let uncommented: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let text = uncommented.join("\n");
    text.split("\n\n").flat_map(of_stanza).collect()
}

fn of_stanza(stanza: &str) -> Vec<String> {
    let field = |name: &str| {
        let line = stanza.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.strip_prefix(':')).map(str::trim)
    };
    let (Some(places), Some(suites)) = (field("URIs"), field("Suites")) else {
        return vec![];
    };
    let key = field("Signed-By").map_or(String::new(), |key| format!("[signed-by={key}] "));
    let components = field("Components").unwrap_or_default();
    let places = places.split_whitespace();
    places
        .flat_map(|place| suites.split_whitespace().map(move |suite| (place, suite)))
        .map(|(place, suite)| format!("deb-src {key}{place} {suite} {components}\n"))
        .collect()
}

fn newest_dsc(directory: &Path, package: &str, version: &str) -> Result<PathBuf> {
    // An epoch is not part of the file's name.
    let version = version
        .split_once(':')
        .map_or(version, |(_, version)| version);
    let path = directory.join(format!("{package}_{version}.dsc"));
    match path.exists() {
        true => Ok(path),
        false => bail!("apt-get source left no {}", path.display()),
    }
}

fn directory_of(metadata: &Value, package: &str) -> Option<PathBuf> {
    let packages = metadata.get("packages")?.as_array()?;
    let found = packages
        .iter()
        .find(|p| p.get("name").and_then(Value::as_str) == Some(package))?;
    let manifest = Path::new(found.get("manifest_path")?.as_str()?);
    manifest.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_of_apts_sources_become_lines_for_sources() {
        assert_eq!(
            of_lines(
                "# deb x\ndeb [arch=amd64] https://a.example/debian bookworm main\ndeb-src y\n"
            ),
            "deb-src [arch=amd64] https://a.example/debian bookworm main\n"
        );
        let stanza = "Types: deb\n# a comment\nURIs: https://a.example/debian\nSuites: bookworm bookworm-updates\n\
                      Components: main\nSigned-By: /k.gpg\n";
        assert_eq!(
            of_stanzas(stanza),
            "deb-src [signed-by=/k.gpg] https://a.example/debian bookworm main\n\
             deb-src [signed-by=/k.gpg] https://a.example/debian bookworm-updates main\n"
        );
    }
}
