//! What a proxy adds to the time of one statement, while nothing else happens.

use anyhow::Result;

use super::Bench;
use super::figures::{Figures, header};
use super::load::{Load, Mode};
use super::report::{Claim, Section, table};
use super::target::{Kind, POLICIES, Target};

/// Microseconds of one run.
struct Times {
    mean: f64,
    tail: f64,
}

/// The section.
pub fn measure(bench: &Bench) -> Result<Section> {
    let targets = bench.line_up(&Kind::ALL)?;
    let mut rows = Vec::new();
    let mut claims = Vec::new();
    for mode in [Mode::Simple, Mode::Prepared] {
        let load = Load {
            clients: 1,
            mode,
            seconds: bench.seconds,
        };
        let measured = super::rounds::interleave(bench.rounds, &targets, |target| {
            target.alone(|| times(bench, load, target))
        })?;
        let means = Figures::of_each(&targets, &measured, |times| times.mean);
        let tails = Figures::of_each(&targets, &measured, |times| times.tail);
        rows.push(row(&format!("mean, {}", mode.name()), &means)?);
        rows.push(row(&format!("99th percentile, {}", mode.name()), &tails)?);
        claims.push(claim(mode, &means)?);
    }
    Ok(Section {
        title: "Latency",
        text: format!(
            "One client, in microseconds. The first column is the time of a statement, the others are what comes to it.\n\n{}",
            table(&header("", &Kind::ALL), &rows)
        ),
        claims,
    })
}

fn times(bench: &Bench, load: Load, target: &Target) -> Result<Times> {
    let (count, times) = load.run_timed(target.port, bench.stand.folder())?;
    let last = times.len().saturating_mul(99) / 100;
    Ok(Times {
        mean: 1e6 / count.rate,
        tail: times.get(last).copied().map_or(f64::NAN, f64::from),
    })
}

fn row(name: &str, times: &Figures) -> Result<Vec<String>> {
    let direct = times.of(Kind::Direct)?;
    let cells = times.cells(|kind, time| match kind {
        Kind::Direct => Ok(time.text(1)),
        _ => Ok(time.less(direct).text(1)),
    })?;
    Ok(std::iter::once(name.to_owned()).chain(cells).collect())
}

fn claim(mode: Mode, means: &Figures) -> Result<Claim> {
    let more = means
        .of(Kind::Weir(POLICIES))?
        .less(means.of(Kind::PgBouncer)?);
    Ok(Claim::at_most(
        format!(
            "latency added by Weir beyond PgBouncer's at 1 x {}, at most 5 us",
            mode.name()
        ),
        5.0,
        more.median(),
        format!("{} us", more.text(1)),
    ))
}
