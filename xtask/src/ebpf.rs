//! `cargo xtask ebpf`: compiles the probes into the object that the agent embeds.
//!
//! The object is kept in the repository, so that the agent builds wherever stable Rust does. `--check` compiles
//! it again and fails unless every bit is the same: what people run is what the sources say. The bits depend
//! on the compiler, so the toolchain is written down beside the object, with a digest of the sources: where another
//! toolchain is installed, as after an update of the distribution, bits cannot be compared, and the digest is.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command;
use crate::toolchain::{self, Toolchain};

const OBJECT: &str = "agent/intercept/probes.o";
const BUILT_WITH: &str = "agent/intercept/probes.toolchain";
const TARGET: &str = "bpfel-unknown-none";

/// Builds the object, or with `--check` compares it with the kept one.
pub fn run(arguments: &[String]) -> Result<()> {
    let check = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        _ => bail!("`cargo xtask ebpf` takes nothing or --check"),
    };
    let kept = std::fs::read_to_string(command::root().join(BUILT_WITH)).unwrap_or_default();
    let toolchain = toolchain::find(|toolchain| kept.starts_with(&toolchain.describe()))?;
    let built = build(&toolchain)?;
    let made = format!("{}\nsources {}\n", toolchain.describe(), sources()?);
    if check {
        compare(&built, &kept, &made)
    } else {
        keep(&built, &made)
    }
}

fn keep(built: &Path, made: &str) -> Result<()> {
    let object = command::root().join(OBJECT);
    std::fs::copy(built, &object).with_context(|| format!("cannot write {OBJECT}"))?;
    std::fs::write(command::root().join(BUILT_WITH), made)?;
    let size = std::fs::metadata(&object)?.len();
    eprintln!("{OBJECT}: {size} bytes, built with {made}");
    Ok(())
}

fn compare(built: &Path, kept: &str, made: &str) -> Result<()> {
    let object = std::fs::read(command::root().join(OBJECT))
        .with_context(|| format!("cannot read {OBJECT}; run `cargo xtask ebpf`"))?;
    if object == std::fs::read(built)? {
        eprintln!("{OBJECT} is what the sources say");
        return Ok(());
    }
    let (here, there) = (made.lines().next(), kept.lines().next());
    if here == there || made.lines().nth(1) != kept.lines().nth(1) {
        bail!("{OBJECT} is not what the sources say; run `cargo xtask ebpf` and commit the result");
    }
    eprintln!(
        "{OBJECT} was made of these sources with {}, and here is {}: they build, and the bits cannot be compared",
        there.unwrap_or("nothing"),
        here.unwrap_or("nothing")
    );
    Ok(())
}

/// A digest of everything below `ebpf/` that git knows of, as it is in the working tree.
fn sources() -> Result<String> {
    let mut list = Command::new("git");
    list.current_dir(command::root()).args(["ls-files", "ebpf"]);
    let files = command::capture(&mut list)?;
    let mut hash = Command::new("git");
    hash.current_dir(command::root())
        .args(["hash-object", "--"])
        .args(files.lines());
    let hashes = command::capture(&mut hash)?;
    let mut tree = String::new();
    for (hash, file) in hashes.lines().zip(files.lines()) {
        tree += &format!("{hash} {file}\n");
    }
    let list = command::target_directory().join("probes/sources");
    std::fs::write(&list, tree)?;
    let mut digest = Command::new("git");
    digest.arg("hash-object").arg(&list);
    Ok(command::capture(&mut digest)?.trim().to_owned())
}

/// Compiles and strips the object; gives where it lies.
fn build(toolchain: &Toolchain) -> Result<PathBuf> {
    let directory = command::target_directory().join("probes");
    let cargo = |verb: &str| {
        let mut cargo = toolchain.cargo();
        cargo.current_dir(command::root().join("ebpf/probes"));
        cargo.args([verb, "--locked"]);
        cargo
    };
    // Where the sources of dependencies lie is known once they are there.
    command::run(&mut cargo("fetch"))?;
    let mut build = cargo("build");
    build
        .args(["--release", "-Z", "build-std=core"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&directory)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(toolchain).join("\x1f"))
        .env("PATH", path_with_linker()?);
    command::run(&mut build)?;
    let linked = directory.join(TARGET).join("release/probes");
    let stripped = directory.join("probes.o");
    let mut strip = Command::new(strip_program(toolchain.llvm));
    strip
        .arg("--strip-debug")
        .arg("-o")
        .args([&stripped, &linked]);
    command::run(&mut strip)?;
    Ok(stripped)
}

/// BTF needs debug information, and that holds paths: all are rewritten so that the object does not depend on
/// where it was built.
fn flags(toolchain: &Toolchain) -> Vec<String> {
    let mut flags = ["-C", "debuginfo=2", "-C", "link-arg=--btf"]
        .map(str::to_owned)
        .to_vec();
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    flags.push(remap(command::root(), "weir"));
    flags.push(remap(&toolchain.sources, "rust"));
    let registry = toolchain::cargo_home().join("registry/src");
    // Each registry has a directory of its own there, named by where it is reached from this machine.
    for index in std::fs::read_dir(&registry).into_iter().flatten().flatten() {
        flags.push(remap(&index.path(), "registry"));
    }
    flags
}

fn path_with_linker() -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain([toolchain::cargo_home().join("bin")]);
    Ok(std::env::join_paths(directories)?)
}

/// LLVM's strip: binutils' knows no BPF.
fn strip_program(llvm: u32) -> PathBuf {
    let packaged = PathBuf::from(format!("/usr/lib/llvm-{llvm}/bin/llvm-strip"));
    if packaged.is_file() {
        packaged
    } else {
        PathBuf::from("llvm-strip")
    }
}
