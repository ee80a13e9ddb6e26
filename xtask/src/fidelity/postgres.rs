//! PostgreSQL's own suites, from Debian's source package of the installed version.
//!
//! The programs that test are built; server, psql and libpq are the installed ones. What pg_regress puts out is compared
//! as well: a test that fails past the agent too must fail alike.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::ground::{Ground, PORT};
use super::outcomes::{Ending, Outcome, Outcomes, of_pg_regress};
use super::{Suite, sources};
use crate::{command, host};

const PACKAGE: &str = "postgresql-15";

/// Seconds for one run of the longest.
const LIMIT: u32 = 1800;

/// `make installcheck-parallel`.
pub struct Regress;

impl Suite for Regress {
    fn name(&self) -> &'static str {
        "regress"
    }

    fn prepare(&self) -> Result<String> {
        prepare("src/test/regress")
    }

    fn run(&self, ground: &Ground) -> Result<Outcomes> {
        regress(ground, &["--host=127.0.0.1", &format!("--port={PORT}")])
    }
}

/// Runs the regression suite and leaves its database `regression` there. `server` says where, in pg_regress's words.
pub fn regress(ground: &Ground, server: &[&str]) -> Result<Outcomes> {
    let mut tester = tester(ground, "src/test/regress", "pg_regress")?;
    tester
        .args(["--dlpath=.", "--schedule=parallel_schedule"])
        .args(server);
    outcomes_with_outputs(ground, tester, "regress/results")
}

/// `src/test/isolation`: permutations of the steps of several sessions.
pub struct Isolation;

impl Suite for Isolation {
    fn name(&self) -> &'static str {
        "isolation"
    }

    fn prepare(&self) -> Result<String> {
        prepare("src/test/isolation")
    }

    fn run(&self, ground: &Ground) -> Result<Outcomes> {
        let mut tester = tester(ground, "src/test/isolation", "pg_isolation_regress")?;
        tester.args(["--schedule=isolation_schedule", "--host=127.0.0.1"]);
        tester.arg(format!("--port={PORT}"));
        outcomes_with_outputs(ground, tester, "isolation/results")
    }
}

/// `src/test/modules/libpq_pipeline`, with its traces of every message.
pub struct Pipeline;

const PIPELINE: &str = "src/test/modules/libpq_pipeline";

impl Suite for Pipeline {
    fn name(&self) -> &'static str {
        "libpq_pipeline"
    }

    fn prepare(&self) -> Result<String> {
        prepare(PIPELINE)
    }

    fn run(&self, ground: &Ground) -> Result<Outcomes> {
        let directory = source()?.join(PIPELINE);
        let program = directory.join("libpq_pipeline");
        let tests = command::capture(Command::new(&program).arg("tests"))?;
        tests
            .split_whitespace()
            .map(|test| Ok((test.to_owned(), pipeline(ground, &program, test)?)))
            .collect()
    }
}

/// One test as t/001_libpq_pipeline.pl runs it: it must succeed, and where a trace is expected that must be the trace.
fn pipeline(ground: &Ground, program: &Path, test: &str) -> Result<Outcome> {
    let trace = ground.record().join(format!("{test}.trace"));
    let mut client = Command::new(program);
    client.args(["-r", "700", "-t"]).arg(&trace);
    client.args([test, "dbname=postgres"]);
    let said = ground.watch(&client, test, 120)?;
    let traced = fs::read_to_string(&trace).unwrap_or_default();
    let expected = program
        .with_file_name("traces")
        .join(format!("{test}.trace"));
    let is_expected = fs::read_to_string(expected).is_ok_and(|expected| expected == traced);
    let has_expectation = program
        .with_file_name("traces")
        .join(format!("{test}.trace"))
        .exists();
    let passed = said.succeeded && (is_expected || !has_expectation);
    Ok(Outcome {
        ending: if passed {
            Ending::Passed
        } else {
            Ending::Failed
        },
        output: has_expectation.then(|| digest(&traced)),
    })
}

/// The source package of the server that is installed.
fn source() -> Result<PathBuf> {
    sources::debian(PACKAGE, &version()?)
}

fn version() -> Result<String> {
    command::capture(Command::new("dpkg-query").args([
        "--show",
        "--showformat=${Version}",
        PACKAGE,
    ]))
    .context("PostgreSQL's suites are taken from Debian's source package")
}

/// Configures once, and makes this directory.
fn prepare(directory: &str) -> Result<String> {
    let source = source()?;
    if !source.join("GNUmakefile").exists() {
        command::run(
            Command::new("./configure")
                .args([
                    "--quiet",
                    "--without-readline",
                    "--without-zlib",
                    "--without-icu",
                ])
                .current_dir(&source),
        )?;
    }
    make(&source, "src/backend", "generated-headers")?;
    for part in ["src/port", "src/common", "src/interfaces/libpq", directory] {
        make(&source, part, "all")?;
    }
    Ok(format!("PostgreSQL {}", version()?))
}

fn make(source: &Path, directory: &str, target: &str) -> Result<()> {
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    command::run(
        Command::new("make")
            .args(["--silent", &format!("--jobs={jobs}")])
            .args(["--directory", directory, target])
            .current_dir(source)
            .stdout(fs::File::create(source.join("make.log"))?),
    )
}

/// A copy of a suite's directory that belongs to the server's user, because its tests make the server read and write
/// there; and its tester, run by that user for the same reason.
fn tester(ground: &Ground, directory: &str, program: &str) -> Result<Command> {
    let from = source()?.join(directory);
    let to = ground.folder().join(from.file_name().unwrap_or_default());
    let data = ground.database().data();
    command::run(Command::new("cp").arg("--recursive").args([&from, &to]))?;
    let owner = fs::metadata(&data)?;
    let mut tester = match host::is_root() {
        true => {
            let reference = format!("--reference={}", data.display());
            command::run(
                Command::new("chown")
                    .args(["--recursive", &reference])
                    .arg(&to),
            )?;
            let mut setpriv = Command::new("setpriv");
            setpriv
                .arg(format!("--reuid={}", owner.uid()))
                .arg(format!("--regid={}", owner.gid()))
                .args(["--clear-groups", "--"])
                .arg(to.join(program));
            setpriv
        }
        false => Command::new(to.join(program)),
    };
    let programs = ground.database().program("");
    tester
        .args(["--inputdir=.", "--outputdir=.", "--user=postgres"])
        .arg(format!("--bindir={}", programs.display()))
        // libpq looks for certificates in a home that it can read.
        .env("HOME", &to)
        .current_dir(to);
    Ok(tester)
}

/// Runs it, and keeps what its tests put out.
fn outcomes_with_outputs(ground: &Ground, tester: Command, results: &str) -> Result<Outcomes> {
    let said = ground.watch(&tester, "tester", LIMIT)?;
    let mut outcomes = of_pg_regress(&said.text);
    let results = ground.folder().join(results);
    for (test, outcome) in &mut outcomes {
        let output = fs::read(results.join(format!("{test}.out"))).unwrap_or_default();
        outcome.output = Some(digest(&output));
    }
    command::run(
        Command::new("cp")
            .arg("--recursive")
            .args([&results, ground.record()]),
    )?;
    Ok(outcomes)
}

/// The same for what is the same.
pub fn digest(output: impl std::hash::Hash) -> String {
    let mut hasher = DefaultHasher::new();
    output.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
