//! Processor time that a proxy itself uses for one statement.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::Bench;
use super::figures::{Figures, header};
use super::load::{Load, Mode};
use super::report::{Claim, Section, table};
use super::rounds::{Series, interleave};
use super::target::{Kind, POLICIES, Target};
use super::usage::Usage;

/// Seconds of a run, as a multiple of the others': sealed segments of the journal are to be archived while it lasts.
const LONG: u32 = 5;
/// Rounds enough for figures that a scheduler hardly moves.
const ROUNDS: usize = 2;
const WEIR: Kind = Kind::Weir(POLICIES);

/// What one run used, in microseconds per statement.
pub struct Cost {
    /// In its own code.
    pub user: f64,
    /// In the kernel on its behalf.
    pub system: f64,
    /// User time by the threads' name.
    pub threads: BTreeMap<String, f64>,
    /// Statements per second meanwhile.
    pub rate: f64,
}

/// Runs this load against a proxy, and gives what that cost the proxy.
pub fn cost(load: Load, target: &Target) -> Result<Cost> {
    let process = target
        .process()
        .context("nothing stands before the server")?;
    let before = Usage::of(process)?;
    let count = load.run(target.port)?;
    let used = Usage::of(process)?.since(&before);
    let micros = |seconds: f64| seconds * 1e6 / count.queries;
    Ok(Cost {
        user: micros(used.whole.user),
        system: micros(used.whole.system),
        threads: used
            .threads
            .into_iter()
            .map(|(name, time)| (name, micros(time.user)))
            .collect(),
        rate: count.rate,
    })
}

/// The section.
pub fn measure(bench: &Bench) -> Result<Section> {
    let mut kinds = Kind::ALL.to_vec();
    kinds.retain(|kind| *kind != Kind::Direct);
    let targets = bench.line_up(&kinds)?;
    let (mut rows, mut threads, mut claims) = (Vec::new(), Vec::new(), Vec::new());
    for (clients, mode, most) in [
        (32, Mode::Prepared, Some(3.0)),
        (32, Mode::Simple, Some(5.0)),
        (1, Mode::Prepared, None),
    ] {
        let load = Load {
            clients,
            mode,
            seconds: bench.seconds * LONG,
        };
        let name = format!("{clients} x {}", mode.name());
        let costs = interleave(bench.rounds.min(ROUNDS), &targets, |target| {
            target.alone(|| cost(load, target))
        })?;
        let user = Figures::of_each(&targets, &costs, |cost| cost.user);
        let system = Figures::of_each(&targets, &costs, |cost| cost.system);
        rows.push(row(&format!("user, {name}"), &user)?);
        rows.push(row(&format!("system, {name}"), &system)?);
        threads.push(format!("* {name}: {}\n", by_thread(&targets, &costs)));
        if let Some(most) = most {
            let own = user.of(WEIR)?;
            let target = format!("Weir's own user time per statement at {name}, at most {most} us");
            claims.push(Claim::at_most(
                target,
                most,
                own.median(),
                format!("{} us", own.text(1)),
            ));
        }
    }
    Ok(Section {
        title: "Processor time",
        text: format!(
            "Of the proxy's whole process, in microseconds per statement, all its threads included.\n\n{}\n\
             Weir's user time by threads (`session-N` are the data path, the rest works behind it):\n\n{}",
            table(&header("", &kinds), &rows),
            threads.concat()
        ),
        claims,
    })
}

fn row(name: &str, figures: &Figures) -> Result<Vec<String>> {
    let cells = figures.cells(|_, series| Ok(series.text(1)))?;
    Ok(std::iter::once(name.to_owned()).chain(cells).collect())
}

/// The agent's threads, those that cost something, most expensive first.
fn by_thread(targets: &[Target], costs: &[Vec<Cost>]) -> String {
    let agent = targets
        .iter()
        .zip(costs)
        .find(|(target, _)| target.kind == WEIR);
    let rounds = agent
        .map(|(_, rounds)| rounds.as_slice())
        .unwrap_or_default();
    let names = rounds.iter().flat_map(|cost| cost.threads.keys());
    let mut medians: Vec<(String, f64)> = names
        .map(|name| {
            let of = |cost: &Cost| cost.threads.get(name).copied().unwrap_or(0.0);
            (name.clone(), Series::new(rounds.iter().map(of)).median())
        })
        .collect();
    medians.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    medians.dedup();
    let parts = medians.iter().filter(|(_, micros)| *micros >= 0.05);
    let parts: Vec<String> = parts
        .map(|(name, micros)| format!("{name} {micros:.1}"))
        .collect();
    parts.join(", ")
}
