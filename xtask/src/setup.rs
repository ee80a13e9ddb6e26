//! `cargo xtask setup`: installs what this machine lacks for building, testing, the probes or fuzzing.
//!
//! Says what it installs and what for before it does it, skips what is there, and leaves every database server
//! of the machine alone. Knows Debian 12; elsewhere, or without root, it says what to install by hand and
//! carries on: what is missing then fails by its own name.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::quiet::Quiet;
use crate::{apt, command, drivers, host, toolchain};

/// What a verb is about to do with this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Compile the agent: bindgen reads PostgreSQL's parser through libclang, and make builds jemalloc.
    Build,
    /// Run throwaway PostgreSQL servers and the host's clients, in namespaces of their own.
    Database,
    /// Run poolers and balancers before and behind the agent.
    Poolers,
    /// Connect with drivers of other languages.
    Drivers,
    /// Compile the probes. Their object is kept in the repository, so only its makers need this.
    Probes,
    /// Link libFuzzer, which is C++.
    Fuzz,
    /// Measure the agent beside other proxies.
    Bench,
    /// Build and run the suites of others.
    Fidelity,
}

const NEEDS: [(&str, Need); 8] = [
    ("build", Need::Build),
    ("database", Need::Database),
    ("poolers", Need::Poolers),
    ("drivers", Need::Drivers),
    ("probes", Need::Probes),
    ("fuzz", Need::Fuzz),
    ("bench", Need::Bench),
    ("fidelity", Need::Fidelity),
];

/// A Debian package and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Want {
    package: String,
    purpose: &'static str,
}

/// The verb.
pub fn run(arguments: &[String]) -> Result<()> {
    provide(&named(arguments)?)?;
    println!("set-up: done");
    Ok(())
}

/// Sees to it that these needs are met, as far as this machine and this user allow.
pub fn provide(needs: &[Need]) -> Result<()> {
    if !host::is_debian() {
        eprintln!(
            "set-up: this is not Debian; see to it by hand that there is {}",
            by_hand(needs)
        );
        return Ok(());
    }
    install(needs.iter().flat_map(|need| lacking(*need)).collect())?;
    if needs.contains(&Need::Probes) {
        provide_linker()?;
    }
    if needs.contains(&Need::Drivers) {
        drivers::provide()?;
    }
    Ok(())
}

fn named(arguments: &[String]) -> Result<Vec<Need>> {
    if arguments.is_empty() {
        return Ok(NEEDS.iter().map(|(_, need)| *need).collect());
    }
    let find = |argument: &String| {
        let found = NEEDS.iter().find(|(name, _)| name == argument);
        found.map(|(_, need)| *need).with_context(|| {
            format!("there is no need `{argument}`: write build, database, poolers, drivers, probes, fuzz, bench or fidelity")
        })
    };
    arguments.iter().map(find).collect()
}

/// The packages of a need that are not there, or too old.
fn lacking(need: Need) -> Vec<Want> {
    let wants: &[(&str, &'static str)] = match need {
        Need::Build => &[
            ("libclang-dev", "bindings of PostgreSQL's parser"),
            ("make", "the memory allocator"),
        ],
        Need::Database if has_server() => &[("iproute2", "network namespaces of the tests")],
        Need::Database => &[
            ("postgresql-15", "throwaway database servers, and psql"),
            ("iproute2", "network namespaces of the tests"),
        ],
        Need::Poolers => &[
            ("pgbouncer", "sessions through a pool"),
            ("haproxy", "sessions through a balancer"),
        ],
        Need::Drivers => &drivers::lacking(),
        Need::Probes if toolchain::llvm().is_some() => &[],
        Need::Probes => &toolchain::RUST_PACKAGES.map(|package| (package, "compiling the probes")),
        Need::Fuzz => &[("g++", "libFuzzer")],
        Need::Bench => &[
            ("pgbouncer", "measuring beside it"),
            ("haproxy", "measuring beside it"),
            ("linux-perf", "counting system calls, and profiles"),
        ],
        Need::Fidelity => &[
            ("dpkg-dev", "unpacking source packages"),
            ("make", "building PostgreSQL's suites"),
            ("gcc", "building PostgreSQL's suites"),
            ("libc6-dev", "building PostgreSQL's suites"),
            (
                "postgresql-15",
                "the server that PostgreSQL's suites are of",
            ),
            ("openssl", "certificates"),
            ("python3-venv", "suites of Python's drivers"),
            ("golang-go", "suites of Go's drivers"),
            ("golang-github-lib-pq-dev", "its suite"),
            ("golang-github-jackc-pgx-v4-dev", "its suite"),
        ],
    };
    absent(wants.iter().copied())
}

fn absent<'a>(wants: impl Iterator<Item = (&'a str, &'static str)>) -> Vec<Want> {
    wants
        .filter(|(package, _)| {
            !apt::installed(package).is_some_and(|version| is_usable(package, &version))
        })
        .map(|(package, purpose)| Want {
            package: package.to_owned(),
            purpose,
        })
        .collect()
}

/// Whether some PostgreSQL's server programs are where Debian puts them.
fn has_server() -> bool {
    fs::read_dir("/usr/lib/postgresql").is_ok_and(|versions| {
        versions
            .flatten()
            .any(|version| version.path().join("bin/initdb").exists())
    })
}

fn install(wants: Vec<Want>) -> Result<()> {
    if wants.is_empty() {
        return Ok(());
    }
    let packages: Vec<String> = wants.iter().map(|want| want.package.clone()).collect();
    if !host::is_root() {
        eprintln!(
            "set-up: not root, so please run `{}` ({}); carrying on without",
            apt::install_line(&packages),
            purposes(&wants)
        );
        return Ok(());
    }
    for want in &wants {
        eprintln!("set-up: installs {} for {}", want.package, want.purpose);
    }
    if first_unknown(&packages).is_some() {
        apt::update()?;
    }
    if let Some(unknown) = first_unknown(&packages) {
        bail!(
            "apt knows no usable {unknown}; Debian 12 (bookworm) with its security archive has it"
        );
    }
    let _quiet = Quiet::below("/".as_ref())?;
    apt::install(&packages)
}

fn first_unknown(packages: &[String]) -> Option<&String> {
    let usable = |package: &String| {
        apt::candidate(package).is_some_and(|version| is_usable(package, &version))
    };
    packages.iter().find(|package| !usable(package))
}

fn is_usable(package: &str, version: &str) -> bool {
    let is_compiler = toolchain::RUST_PACKAGES.contains(&package);
    !is_compiler || apt::major_minor(version) >= Some(toolchain::OLDEST_RUSTC)
}

/// bpf-linker reads what the probes' compiler writes, so it is built against that compiler's major of LLVM.
fn provide_linker() -> Result<()> {
    if toolchain::missing().is_empty() {
        return Ok(());
    }
    let Some(llvm) = toolchain::llvm() else {
        eprintln!(
            "set-up: no rustc for the probes yet, so no bpf-linker for it; carrying on without"
        );
        return Ok(());
    };
    let libraries = toolchain::llvm_packages(llvm);
    let wants = libraries
        .iter()
        .map(|package| (package.as_str(), "building bpf-linker"));
    install(absent(wants))?;
    if !libraries.iter().all(|package| apt::is_installed(package)) {
        return Ok(());
    }
    let version = toolchain::LINKER_VERSION;
    eprintln!("set-up: installs bpf-linker {version} with cargo, for linking the probes");
    command::run(&mut toolchain::linker_install(llvm))
}

fn purposes(wants: &[Want]) -> String {
    let mut purposes: Vec<&str> = wants.iter().map(|want| want.purpose).collect();
    purposes.dedup();
    purposes.join("; ")
}

fn by_hand(needs: &[Need]) -> String {
    let names = needs.iter().map(|need| match need {
        Need::Build => "libclang with its headers, and make",
        Need::Database => "PostgreSQL 15 (initdb, postgres, psql) and iproute2",
        Need::Poolers => "PgBouncer and HAProxy",
        Need::Drivers => "the drivers of tests/drivers",
        Need::Probes => "a Rust nightly with rust-src, and bpf-linker built with its LLVM",
        Need::Fuzz => "a C++ compiler",
        Need::Bench => "PgBouncer, HAProxy and perf",
        Need::Fidelity => {
            "PostgreSQL 15 with Debian's source packages, make, gcc, openssl, python3 with venv, Go with lib/pq and pgx"
        }
    });
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_called_by_name_and_no_name_means_all() {
        let name = |text: &str| named(&[text.to_owned()]);
        assert_eq!(name("fuzz").unwrap(), [Need::Fuzz]);
        assert_eq!(named(&[]).unwrap().len(), NEEDS.len());
        assert!(name("demo").unwrap_err().to_string().contains("`demo`"));
    }

    #[test]
    fn a_compiler_that_is_too_old_counts_as_unknown() {
        assert!(!is_usable("rustc-web", "1.85.0+dfsg3-1~deb12u3"));
        assert!(is_usable("rustc-web", "1.96.0+dfsg1-1~deb12u2"));
        assert!(is_usable("g++", "4:12.2.0-3"));
    }

    #[test]
    fn what_is_there_is_not_wanted() {
        assert_eq!(absent([("dpkg", "itself")].into_iter()), []);
    }
}
