//! `cargo xtask fuzz`: libFuzzer on every target of `tests/fuzz`, with the stable compiler.
//!
//! Knows no target by name: a file in `tests/fuzz/src/bin` is one. `cargo-fuzz` would want a nightly only for
//! address sanitizing, which safe code has little use for; coverage is an LLVM pass that every rustc carries.
//!
//! ```text
//! tests/corpus/NAME            kept inputs: read only, also the regressions of what was found
//! target/fuzz/corpus/NAME      what the fuzzer found interesting here
//! target/fuzz/artifacts/NAME   inputs that broke an invariant
//! ```

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};

use crate::command;
use crate::setup::{self, Need};

/// LLVM's SanitizerCoverage as libFuzzer wants it (clang's `-fsanitize=fuzzer` sets the same).
const COVERAGE: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cdebug-assertions",
    "--cfg=fuzzing",
];

/// What libFuzzer says at its start when the target was compiled with [`COVERAGE`].
const COVERED: &str = "inline 8-bit counters";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// Per target; 0 only replays the kept inputs.
    seconds: u64,
    target: Option<String>,
}

/// The verb.
pub fn run(arguments: &[String]) -> Result<()> {
    let plan = plan(arguments)?;
    let targets = chosen(targets()?, plan.target.as_deref())?;
    setup::provide(&[Need::Build, Need::Fuzz])?;
    let programs = build()?;
    for target in &targets {
        fuzz(&programs.join(target), target, plan.seconds)?;
    }
    println!("fuzz: {} held", targets.join(", "));
    Ok(())
}

fn plan(arguments: &[String]) -> Result<Plan> {
    let mut plan = Plan {
        seconds: 60,
        target: None,
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let value = words
            .next()
            .with_context(|| format!("`{word}` wants a value"));
        match word.as_str() {
            "--seconds" => plan.seconds = value?.parse().context("--seconds wants a number")?,
            "--target" => plan.target = Some(value?.clone()),
            _ => bail!("`{word}` is not known: write --seconds N or --target NAME"),
        }
    }
    Ok(plan)
}

fn targets() -> Result<Vec<String>> {
    let directory = command::root().join("tests/fuzz/src/bin");
    let entries = fs::read_dir(&directory).with_context(|| directory.display().to_string())?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn chosen(targets: Vec<String>, name: Option<&str>) -> Result<Vec<String>> {
    match name {
        None => Ok(targets),
        Some(name) if targets.iter().any(|target| target == name) => Ok(vec![name.to_owned()]),
        Some(name) => bail!(
            "there is no target `{name}`: write {}",
            targets.join(" or ")
        ),
    }
}

/// Builds all targets and says where their programs lie. The target triple is given although it is the
/// host's: only then are build scripts and macros compiled without the flags, which would not link there.
fn build() -> Result<PathBuf> {
    let host = command::capture(
        Command::new("rustc")
            .arg("-vV")
            .current_dir(command::root()),
    )?;
    let host = host
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("`rustc -vV` names no host")?;
    let directory = command::target_directory().join("fuzz");
    command::run(
        command::cargo(["build", "--release", "--bins"])
            .args(["--manifest-path", "tests/fuzz/Cargo.toml", "--target", host])
            .arg("--target-dir")
            .arg(&directory)
            .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\x1f")),
    )?;
    Ok(directory.join(host).join("release"))
}

fn fuzz(program: &Path, name: &str, seconds: u64) -> Result<()> {
    let work = command::target_directory().join("fuzz");
    let found = work.join("corpus").join(name);
    let artifacts = work.join("artifacts").join(name);
    let kept = command::root().join("tests/corpus").join(name);
    for directory in [&found, &artifacts, &kept] {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    }
    let begin = SystemTime::now();
    let mut command = Command::new(program);
    command
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/", artifacts.display()));
    match seconds {
        0 => command.arg("-runs=0").arg(&kept),
        _ => command
            .arg(format!("-max_total_time={seconds}"))
            .args([&found, &kept]),
    };
    let covered = watch(&mut command).map_err(|error| match newest(&artifacts, begin) {
        Some(input) => error.context(format!(
            "target `{name}` broke on {}; repeat it with `{} {0}`, and keep the input in tests/corpus/{name}",
            shown(&input),
            shown(program)
        )),
        None => error.context(format!("target `{name}` broke")),
    })?;
    if !covered {
        bail!(
            "target `{name}` ran without coverage: this compiler no longer takes the flags in xtask/src/fuzz.rs"
        );
    }
    Ok(())
}

/// Runs libFuzzer, shows what it says but for single finds, and tells whether it saw coverage counters.
fn watch(command: &mut Command) -> Result<bool> {
    let line = command::line(command);
    eprintln!("$ {line}");
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{line}` did not start"))?;
    let mut covered = false;
    if let Some(stderr) = child.stderr.take() {
        for said in BufReader::new(stderr).split(b'\n') {
            let said = said.context("the fuzzer's words cannot be read")?;
            let said = String::from_utf8_lossy(&said);
            covered |= said.contains(COVERED);
            if !is_noise(&said) {
                eprintln!("{said}");
            }
        }
    }
    let status = child.wait().with_context(|| format!("`{line}` got lost"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(covered)
}

/// A path as seen from the repository's root.
fn shown(path: &Path) -> std::path::Display<'_> {
    path.strip_prefix(command::root()).unwrap_or(path).display()
}

/// `#13  NEW  cov: 7 ...`, and at the end the words it would put into a dictionary: hundreds of lines that nobody
/// reads.
fn is_noise(line: &str) -> bool {
    let event = line.split_whitespace().nth(1);
    let is_find = line.starts_with('#') && matches!(event, Some("NEW" | "REDUCE" | "RELOAD"));
    let is_detail = ["\tNEW_FUNC", "\"", "######"];
    is_find || is_detail.iter().any(|start| line.starts_with(start))
}

/// The youngest file of a directory, if it was written after that moment.
fn newest(directory: &Path, after: SystemTime) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?;
    entries
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .filter(|(modified, _)| *modified >= after)
        .max()
        .map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_minute_per_target_where_nothing_is_asked_for() {
        let plan = plan(&[]).unwrap();
        assert_eq!((plan.seconds, plan.target), (60, None));
    }

    #[test]
    fn seconds_and_target_come_in_any_order() {
        let plan = plan(&words("--target sql --seconds 5")).unwrap();
        assert_eq!((plan.seconds, plan.target.as_deref()), (5, Some("sql")));
    }

    #[test]
    fn an_argument_that_is_not_understood_is_named() {
        let said = |text| plan(&words(text)).unwrap_err().to_string();
        assert_eq!(said("--seconds"), "`--seconds` wants a value");
        assert_eq!(said("--seconds x"), "--seconds wants a number");
        assert!(said("--time 5").starts_with("`--time` is not known"));
    }

    #[test]
    fn a_target_that_does_not_exist_is_answered_with_those_that_do() {
        let error = chosen(words("journal sql"), Some("mysql")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no target `mysql`: write journal or sql"
        );
    }

    #[test]
    fn finds_are_not_shown_and_everything_else_is() {
        assert!(is_noise("#13\tNEW    cov: 7 ft: 8 corp: 2/5b"));
        assert!(is_noise(r#""\001\000" # Uses: 9"#));
        assert!(!is_noise("#13\tDONE   cov: 7 ft: 8 corp: 2/5b"));
        assert!(!is_noise("thread '<unnamed>' panicked at src/engine.rs"));
    }
}
