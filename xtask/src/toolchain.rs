//! Finds what compiles the probes: a rustc that may use unstable features, with the sources of `core`, and
//! a bpf-linker that was built with the same LLVM.
//!
//! Installs nothing: it says what is missing, and set-up does the rest.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::command;

/// Debian packages with a rustc that is new enough, its cargo and the sources of `core`.
pub const RUST_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// The oldest rustc, major and minor, that compiles the probes: the first with LLVM 21, which is the oldest that
/// bpf-linker can be built with.
pub const OLDEST_RUSTC: (u32, u32) = (1, 91);

/// The version of bpf-linker that the kept object is linked with.
pub const LINKER_VERSION: &str = "0.13.0";

/// A rustc with a cargo of its own, and where its things lie.
pub struct Toolchain {
    /// `rustc -vV`, first line.
    pub version: String,
    /// Major version of its LLVM.
    pub llvm: u32,
    /// Where the sources of the standard library lie.
    pub sources: PathBuf,
    /// rustup's name of it; none for Debian's.
    rustup: Option<String>,
}

impl Toolchain {
    /// A cargo that builds with this rustc, unstable features allowed.
    pub fn cargo(&self) -> Command {
        let mut cargo = match &self.rustup {
            Some(name) => rustup_run(name, "cargo"),
            None => {
                let mut cargo = Command::new("/usr/bin/cargo");
                cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
                cargo
            }
        };
        // What the cargo that runs this program set for itself.
        for variable in [
            "RUSTUP_TOOLCHAIN",
            "CARGO",
            "RUSTFLAGS",
            "CARGO_BUILD_TARGET",
        ] {
            cargo.env_remove(variable);
        }
        cargo
    }

    /// What the bits of an object depend on, one line.
    pub fn describe(&self) -> String {
        format!(
            "{}, LLVM {}, bpf-linker {LINKER_VERSION}",
            self.version, self.llvm
        )
    }

    fn probe(rustup: Option<&str>) -> Option<Self> {
        let rustc = || {
            rustup.map_or_else(
                || Command::new(DEBIAN_RUSTC),
                |name| rustup_run(name, "rustc"),
            )
        };
        let described = command::capture(rustc().arg("-vV")).ok()?;
        let sysroot = command::capture(rustc().args(["--print", "sysroot"])).ok()?;
        let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
        let complete = sources.join("library/Cargo.lock").is_file();
        (complete && release(&described)? >= OLDEST_RUSTC).then_some(Self {
            version: described.lines().next()?.to_owned(),
            llvm: llvm_major(&described)?,
            sources,
            rustup: rustup.map(str::to_owned),
        })
    }
}

/// The toolchain to use, with its linker in place; else an error that says what to install, command by command.
///
/// Where there are several, the one that `preferred` accepts comes first.
pub fn find(preferred: impl Fn(&Toolchain) -> bool) -> Result<Toolchain> {
    let missing = missing();
    if !missing.is_empty() {
        bail!(
            "the probes cannot be compiled here; run `cargo xtask setup probes`, or by hand:\n  {}",
            missing.join("\n  ")
        );
    }
    let mut found = rustcs();
    found.sort_by_key(|toolchain| !preferred(toolchain));
    match found.into_iter().next() {
        Some(toolchain) => Ok(toolchain),
        None => bail!("no rustc for the probes was found"),
    }
}

/// The commands that install what is missing, in order; empty where nothing is.
pub fn missing() -> Vec<String> {
    let Some(toolchain) = rustcs().into_iter().next() else {
        let install = format!("apt-get install {}", RUST_PACKAGES.join(" "));
        return vec![install, "cargo xtask ebpf   # says what remains".to_owned()];
    };
    if linker().is_some_and(|linker| linker.llvm.is_none_or(|llvm| llvm == toolchain.llvm)) {
        return Vec::new();
    }
    vec![
        format!(
            "apt-get install {}",
            llvm_packages(toolchain.llvm).join(" ")
        ),
        linker_line(toolchain.llvm),
    ]
}

/// Debian packages that bpf-linker needs to be built with this LLVM.
pub fn llvm_packages(llvm: u32) -> [String; 3] {
    [
        format!("llvm-{llvm}-dev"),
        "libzstd-dev".to_owned(),
        format!("libpolly-{llvm}-dev"),
    ]
}

/// The command that builds bpf-linker with this LLVM.
pub fn linker_install(llvm: u32) -> Command {
    let mut install = Command::new("cargo");
    install
        .env("LLVM_PREFIX", format!("/usr/lib/llvm-{llvm}"))
        .args([
            "install",
            "bpf-linker",
            "--locked",
            "--force",
            "--version",
            LINKER_VERSION,
        ])
        .args(["--no-default-features", "--features"])
        .arg(format!("llvm-{llvm}"));
    install
}

/// LLVM's major version of the rustc that would be used; `None` where there is none yet.
pub fn llvm() -> Option<u32> {
    rustcs().into_iter().next().map(|toolchain| toolchain.llvm)
}

/// Where `cargo install` puts programs.
pub fn cargo_home() -> PathBuf {
    std::env::var_os("CARGO_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo"),
        PathBuf::from,
    )
}

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

fn rustcs() -> Vec<Toolchain> {
    let nightly = command::on_path("rustup").then_some(Some("nightly"));
    nightly
        .into_iter()
        .chain([None])
        .filter_map(Toolchain::probe)
        .collect()
}

fn rustup_run(toolchain: &str, program: &str) -> Command {
    let mut run = Command::new("rustup");
    run.args(["run", toolchain, program]);
    run
}

fn linker_line(llvm: u32) -> String {
    command::line(&linker_install(llvm))
}

struct Linker {
    /// Major version of the LLVM that it was built with, where cargo still knows.
    llvm: Option<u32>,
}

fn linker() -> Option<Linker> {
    let installed = cargo_home().join("bin/bpf-linker").is_file();
    let record = std::fs::read_to_string(cargo_home().join(".crates2.json")).unwrap_or_default();
    (installed || command::on_path("bpf-linker")).then(|| Linker {
        llvm: linker_llvm(&record),
    })
}

/// cargo's record of installed programs names the features that each was built with.
fn linker_llvm(record: &str) -> Option<u32> {
    let record: serde_json::Value = serde_json::from_str(record).ok()?;
    let installs = record.get("installs")?.as_object()?;
    let (_, linker) = installs
        .iter()
        .find(|(name, _)| name.starts_with("bpf-linker "))?;
    let features = linker.get("features")?.as_array()?;
    features
        .iter()
        .find_map(|feature| feature.as_str()?.strip_prefix("llvm-")?.parse().ok())
}

/// Major and minor version from `release: 1.96.0` of `rustc -vV`.
fn release(described: &str) -> Option<(u32, u32)> {
    let mut numbers = field(described, "release")?.split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Major version from `LLVM version: 22.1.8` of `rustc -vV`.
fn llvm_major(described: &str) -> Option<u32> {
    field(described, "LLVM version")?
        .split('.')
        .next()?
        .parse()
        .ok()
}

fn field<'a>(described: &'a str, name: &str) -> Option<&'a str> {
    described
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIBED: &str = "rustc 1.96.0 (ac68faa20 2026-05-25)\nbinary: rustc\nrelease: 1.96.0\nLLVM version: 22.1.8\n";

    #[test]
    fn rustc_says_its_release_and_its_llvm() {
        assert_eq!(release(DESCRIBED), Some((1, 96)));
        assert_eq!(release("release: 1.98.0-nightly\n"), Some((1, 98)));
        assert_eq!(llvm_major(DESCRIBED), Some(22));
        assert_eq!(llvm_major("rustc 1.96.0\n"), None);
    }

    #[test]
    fn cargo_remembers_which_llvm_the_linker_was_built_with() {
        let record = r#"{"installs":{"bpf-linker 0.13.0 (registry+x)":{"features":["llvm-22"]}}}"#;
        assert_eq!(linker_llvm(record), Some(22));
        assert_eq!(
            linker_llvm(r#"{"installs":{"ripgrep 14.0.0 (x)":{"features":[]}}}"#),
            None
        );
        assert_eq!(linker_llvm(""), None);
    }
}
