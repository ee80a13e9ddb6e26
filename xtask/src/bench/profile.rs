//! Where the agent's time goes on the hot path: a flame graph, and the functions at its top.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::command;

use super::Bench;
use super::load::{Load, Mode};
use super::stand::DATABASE;
use super::target::{Kind, POLICIES, Target};

/// Samples per second: not a multiple of the timer's rate, so that samples and ticks do not march together.
const FREQUENCY: &str = "997";
/// Functions that are printed.
const TOP: usize = 40;

/// Writes `hot-path-MODE.svg` into this directory for the simple and the prepared protocol, and prints the functions
/// that most samples were in.
pub fn draw(bench: &Bench, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    let agent = Target::start(Kind::Weir(POLICIES), &bench.programs, &bench.server())?;
    for mode in [Mode::Simple, Mode::Prepared] {
        let load = Load {
            clients: 32,
            mode,
            seconds: bench.seconds * 3,
        };
        let samples = record(bench, load, &agent)?;
        let image = directory.join(format!("hot-path-{}.svg", mode.name()));
        flame(bench, &samples, &image, mode)?;
        println!("\n{} samples most in\n{}", mode.name(), top(&samples)?);
        println!("flame graph: {}", image.display());
    }
    Ok(())
}

/// The processor's own counters are often hidden from guests, so the clock takes the samples.
fn record(bench: &Bench, load: Load, agent: &Target) -> Result<std::path::PathBuf> {
    let process = agent.process().context("the agent does not run")?;
    let samples = bench.stand.folder().join("perf.data");
    let pgbench = load.command(agent.port);
    let mut perf = Command::new("perf");
    perf.args([
        "record",
        "--quiet",
        "--event",
        "cpu-clock",
        "--freq",
        FREQUENCY,
    ])
    .args(["--call-graph", "fp", "--output"])
    .arg(&samples)
    .args(["--pid", &process.to_string(), "--"])
    .arg(pgbench.get_program())
    .args(pgbench.get_args())
    .arg(DATABASE);
    command::capture(&mut perf)?;
    Ok(samples)
}

fn flame(bench: &Bench, samples: &Path, image: &Path, mode: Mode) -> Result<()> {
    let mut script = Command::new("perf")
        .args(["script", "--input"])
        .arg(samples)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let stacks = script.stdout.take().context("perf script has no output")?;
    let drawn = Command::new(&bench.programs.flame)
        .arg(format!("weir, 32 x {}", mode.name()))
        .stdin(stacks)
        .stdout(File::create(image)?)
        .status();
    ensure!(
        script.wait()?.success() & drawn?.success(),
        "no flame graph could be drawn"
    );
    Ok(())
}

fn top(samples: &Path) -> Result<String> {
    let mut report = Command::new("perf");
    report
        .args([
            "report",
            "--stdio",
            "--no-children",
            "--call-graph=none",
            "--percent-limit=0.5",
        ])
        .args(["--sort=comm,dso,symbol", "--input"])
        .arg(samples);
    let text = command::capture(&mut report)?;
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.take(TOP).collect::<Vec<_>>().join("\n"))
}
