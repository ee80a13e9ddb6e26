//! `cargo xtask ebpf`: compiles the probes into the object that the agent embeds.
//!
//! The object is kept in the repository, so that the agent builds wherever stable Rust does. `--check` compiles
//! it again and fails unless every bit is the same: what people run is what the sources say. The bits depend
//! on the compiler, so the toolchain is written down beside the object.

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
    let toolchain = toolchain::find(|toolchain| toolchain.describe() == kept.trim())?;
    let built = build(&toolchain)?;
    if check {
        compare(&built, kept.trim(), &toolchain)
    } else {
        keep(&built, &toolchain)
    }
}

fn keep(built: &Path, toolchain: &Toolchain) -> Result<()> {
    let object = command::root().join(OBJECT);
    std::fs::copy(built, &object).with_context(|| format!("cannot write {OBJECT}"))?;
    std::fs::write(
        command::root().join(BUILT_WITH),
        toolchain.describe() + "\n",
    )?;
    let size = std::fs::metadata(&object)?.len();
    eprintln!(
        "{OBJECT}: {size} bytes, built with {}",
        toolchain.describe()
    );
    Ok(())
}

fn compare(built: &Path, kept: &str, toolchain: &Toolchain) -> Result<()> {
    let object = std::fs::read(command::root().join(OBJECT))
        .with_context(|| format!("cannot read {OBJECT}; run `cargo xtask ebpf`"))?;
    if object == std::fs::read(built)? {
        eprintln!("{OBJECT} is what the sources say");
        return Ok(());
    }
    let here = toolchain.describe();
    if here == kept {
        bail!("{OBJECT} is not what the sources say; run `cargo xtask ebpf` and commit the result");
    }
    bail!(
        "{OBJECT} was built with {kept}, and here is {here}: the bits differ, for that reason or another; \
         run `cargo xtask ebpf` and commit the result, or check where the first toolchain is"
    );
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
