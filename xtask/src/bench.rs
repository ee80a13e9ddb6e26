//! `cargo xtask bench`: the agent beside proxies that enforce nothing, and what was to be reached.
//!
//! ```text
//! pgbench, psql, bare sockets ──> nothing, L4 relay, PgBouncer, HAProxy or Weir ──> throwaway PostgreSQL
//! ```
//!
//! A run of everything at its default length writes `BENCHMARKS.md`; any other only prints.

mod agent;
mod bulk;
mod calls;
mod churn;
mod figures;
mod latency;
mod linearity;
mod load;
mod machine;
mod masking;
mod memory;
mod processor;
mod profile;
mod report;
mod rounds;
mod stand;
mod target;
mod throughput;
mod usage;
mod wire;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::command;
use crate::setup::{self, Need};
use report::Section;
use stand::Stand;
use target::{Kind, Server, Target};

/// Sessions of the largest crowd, where the limit of open files allows it.
const CROWD: usize = 10_000;
/// Open files of a proxy that are not a session's.
const OTHER_FILES: usize = 500;

/// One measurement: its name on the command line, and what does it.
type Measurement = (&'static str, fn(&Bench) -> Result<Section>);

const MEASUREMENTS: [Measurement; 9] = [
    ("throughput", throughput::measure),
    ("latency", latency::measure),
    ("processor", processor::measure),
    ("calls", calls::measure),
    ("bulk", bulk::measure),
    ("masking", masking::measure),
    ("churn", churn::measure),
    ("memory", memory::measure),
    ("linearity", linearity::measure),
];

/// What was built for the run.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The agent.
    pub weir: PathBuf,
    /// The yardstick.
    pub relay: PathBuf,
    /// What draws flame graphs.
    pub flame: PathBuf,
}

/// Everything that measurements share.
#[derive(Debug)]
pub struct Bench {
    /// What is measured against.
    pub stand: Stand,
    /// What was built.
    pub programs: Programs,
    /// Length of one pgbench run.
    pub seconds: u32,
    /// Rounds of each measurement.
    pub rounds: usize,
    /// Sessions of the largest crowd.
    pub crowd: usize,
}

impl Bench {
    fn set_up(programs: Programs, wish: &Wish) -> Result<Self> {
        Ok(Self {
            stand: Stand::set_up()?,
            programs,
            seconds: wish.seconds,
            rounds: wish.rounds,
            crowd: crowd(allow_files()?),
        })
    }

    /// The server that targets are put before.
    pub fn server(&self) -> Server {
        Server {
            port: self.stand.port(),
            socket: Some(self.stand.socket()),
        }
    }

    /// Starts all of these before the server, and lets them rest.
    pub fn line_up(&self, kinds: &[Kind]) -> Result<Vec<Target>> {
        target::line_up(kinds, &self.programs, &self.server())
    }
}

/// What the command line asks for.
#[derive(Debug, PartialEq)]
struct Wish {
    seconds: u32,
    rounds: usize,
    profile: bool,
    /// All of them where none is named.
    names: Vec<String>,
}

impl Wish {
    const DEFAULT: Self = Self {
        seconds: 3,
        rounds: 3,
        profile: false,
        names: Vec::new(),
    };

    fn read(arguments: &[String]) -> Result<Self> {
        let mut wish = Self::DEFAULT;
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut number = || -> Result<u32> {
                let value = words
                    .next()
                    .with_context(|| format!("{word} needs a number"))?;
                let number = value.parse().ok().filter(|number| *number > 0);
                number.with_context(|| format!("{word} {value}: not a number from 1 on"))
            };
            match word.as_str() {
                "--quick" => (wish.seconds, wish.rounds) = (1, 1),
                "--seconds" => wish.seconds = number()?,
                "--rounds" => wish.rounds = usize::try_from(number()?)?,
                "--profile" => wish.profile = true,
                name if MEASUREMENTS.iter().any(|(known, _)| *known == name) => {
                    wish.names.push(name.to_owned());
                }
                unknown => bail!(
                    "there is no `{unknown}`: write --quick, --seconds N, --rounds N, --profile, or one of {}",
                    MEASUREMENTS.map(|(name, _)| name).join(", ")
                ),
            }
        }
        Ok(wish)
    }

    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }
}

/// The verb.
pub fn run(arguments: &[String]) -> Result<()> {
    let wish = Wish::read(arguments)?;
    setup::provide(&[Need::Build, Need::Database, Need::Bench])?;
    let programs = build(wish.profile)?;
    let start = Instant::now();
    let bench = Bench::set_up(programs, &wish)?;
    if wish.profile {
        return profile::draw(&bench, &command::target_directory().join("bench"));
    }
    let sections = measure(&bench, &wish)?;
    let about = format!(
        "This run: {} rounds of {} s for each figure, {} minutes in all.\n",
        wish.rounds,
        wish.seconds,
        start.elapsed().as_secs() / 60
    );
    let text = report::text(&sections, &about);
    println!("{text}");
    if wish == Wish::DEFAULT {
        report::keep(&text)?;
        println!("BENCHMARKS.md is written.");
    }
    Ok(())
}

fn measure(bench: &Bench, wish: &Wish) -> Result<Vec<Section>> {
    let wanted = MEASUREMENTS.iter().filter(|(name, _)| wish.wants(name));
    let section = |(name, measure): &Measurement| {
        eprintln!("bench: {name}");
        measure(bench).with_context(|| format!("{name} could not be measured"))
    };
    wanted.map(section).collect()
}

/// `WEIR_BINARY` names an agent that is there already.
fn build(profile: bool) -> Result<Programs> {
    let target = command::target_directory();
    let release = target.join("release");
    command::run(&mut command::cargo([
        "build",
        "--release",
        "--package",
        "xtask",
        "--examples",
    ]))?;
    let weir = match (std::env::var_os("WEIR_BINARY"), profile) {
        (Some(named), _) => named.into(),
        (None, false) => {
            command::run(&mut command::cargo([
                "build",
                "--release",
                "--package",
                "weir",
            ]))?;
            release.join("weir")
        }
        (None, true) => {
            // Kept apart, so that neither build undoes the other.
            let apart = target.join("bench");
            let mut cargo = command::cargo(["build", "--release", "--package", "weir"]);
            cargo
                .arg("--target-dir")
                .arg(&apart)
                .env("CARGO_PROFILE_RELEASE_DEBUG", "1")
                .env("RUSTFLAGS", "-Cforce-frame-pointers=yes");
            command::run(&mut cargo)?;
            apart.join("release/weir")
        }
    };
    Ok(Programs {
        weir,
        relay: release.join("examples/relay"),
        flame: release.join("examples/flame"),
    })
}

/// Lets this process and those that it starts have as many open files as a crowd needs, or as many as they may.
fn allow_files() -> Result<u64> {
    let wanted = u64::try_from(2 * CROWD + OTHER_FILES)?;
    let limit = getrlimit(Resource::Nofile);
    let allowed = [
        limit.maximum.map_or(wanted, |most| most.max(wanted)),
        limit.maximum.unwrap_or(wanted),
    ];
    for files in allowed {
        let limit = Rlimit {
            current: Some(files),
            maximum: Some(files),
        };
        if setrlimit(Resource::Nofile, limit).is_ok() {
            return Ok(files);
        }
    }
    bail!("the limit of open files (RLIMIT_NOFILE) can neither be raised nor used up")
}

/// A session of a crowd takes two of a proxy's open files.
fn crowd(files: u64) -> usize {
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    CROWD.min(files.saturating_sub(OTHER_FILES) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Wish> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Wish::read(&words)
    }

    #[test]
    fn without_words_everything_is_measured_and_kept() {
        let wish = read(&[]).unwrap();
        assert_eq!(wish, Wish::DEFAULT);
        assert!(MEASUREMENTS.iter().all(|(name, _)| wish.wants(name)));
    }

    #[test]
    fn a_named_measurement_is_the_only_one() {
        let wish = read(&["bulk", "--seconds", "7", "--rounds", "2"]).unwrap();
        assert!(wish.wants("bulk") && !wish.wants("churn"));
        assert_eq!((wish.seconds, wish.rounds), (7, 2));
    }

    #[test]
    fn a_crowd_is_no_larger_than_the_open_files_allow() {
        assert_eq!(crowd(1 << 20), CROWD);
        assert_eq!(crowd(20_000), 9_750);
        assert_eq!(crowd(256), 0);
    }

    #[test]
    fn what_is_not_known_is_named() {
        let error = |words: &[&str]| read(words).unwrap_err().to_string();
        assert!(error(&["speed"]).contains("there is no `speed`"));
        assert!(error(&["--seconds", "0"]).contains("--seconds 0"));
        assert!(error(&["--rounds"]).contains("needs a number"));
    }
}
