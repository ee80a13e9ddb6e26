//! System calls for one statement, counted by the kernel's tracepoints.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command;

use super::Bench;
use super::figures::{Figures, header};
use super::load::{self, Load, Mode};
use super::report::{Claim, Section, table};
use super::rounds::interleave;
use super::stand::DATABASE;
use super::target::{Kind, POLICIES, Target};

const ALL: &str = "raw_syscalls:sys_enter";
/// What is none of [`NAMES`].
const OTHERS: &str = "others";
/// Those that a proxy lives by.
const NAMES: [&str; 12] = [
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "write",
    "writev",
    "sendto",
    "sendmsg",
    "epoll_wait",
    "epoll_pwait",
    "epoll_ctl",
    "futex",
];

/// The section.
pub fn measure(bench: &Bench) -> Result<Section> {
    let mut kinds = Kind::ALL.to_vec();
    kinds.retain(|kind| *kind != Kind::Direct);
    let targets = bench.line_up(&kinds)?;
    let load = Load {
        clients: 32,
        mode: Mode::Prepared,
        seconds: bench.seconds,
    };
    let counted = interleave(bench.rounds, &targets, |target| {
        target.alone(|| count(bench, load, target))
    })?;
    let of = |event: &str| {
        Figures::of_each(&targets, &counted, |calls| {
            calls.get(event).copied().unwrap_or(0.0)
        })
    };
    let all = of(ALL);
    let mut rows = vec![row("all", &all)?];
    for name in NAMES {
        let calls = of(&event(name));
        let is_used = |kind: &Kind| calls.of(*kind).is_ok_and(|series| series.median() >= 0.005);
        if kinds.iter().any(is_used) {
            rows.push(row(&format!("`{name}`"), &calls)?);
        }
    }
    rows.push(row(OTHERS, &of(OTHERS))?);
    let ratio = all.ratio(Kind::Weir(POLICIES), Kind::Relay)?;
    Ok(Section {
        title: "System calls",
        text: format!(
            "Per statement at 32 x prepared.\n\n{}",
            table(&header("", &kinds), &rows)
        ),
        claims: vec![Claim::at_most(
            "system calls of Weir per statement over the L4 relay's, at most 1",
            1.0,
            ratio.median(),
            ratio.text(2),
        )],
    })
}

fn row(name: &str, figures: &Figures) -> Result<Vec<String>> {
    let cells = figures.cells(|_, series| Ok(series.text(2)))?;
    Ok(std::iter::once(name.to_owned()).chain(cells).collect())
}

fn event(name: &str) -> String {
    format!("syscalls:sys_enter_{name}")
}

/// Calls per statement, by event. perf attaches before it starts pgbench.
fn count(bench: &Bench, load: Load, target: &Target) -> Result<BTreeMap<String, f64>> {
    let process = target
        .process()
        .context("nothing stands before the server")?;
    let output = bench.stand.folder().join("perf.csv");
    let events: Vec<String> = NAMES.iter().map(|name| event(name)).collect();
    let pgbench = load.command(target.port);
    let mut perf = Command::new("perf");
    perf.args(["stat", "--field-separator=,", "--output"])
        .arg(&output)
        .args(["--event", ALL, "--event", &events.join(",")])
        .args(["--pid", &process.to_string(), "--"])
        .arg(pgbench.get_program())
        .args(pgbench.get_args())
        .arg(DATABASE);
    let queries = load::read(&command::capture(&mut perf)?)?.queries;
    let mut counts = counts(&fs::read_to_string(&output)?);
    let all = counts.get(ALL).copied().unwrap_or(f64::NAN);
    let named: f64 = counts.values().sum::<f64>() - all;
    counts.insert(OTHERS.to_owned(), all - named);
    Ok(counts
        .into_iter()
        .map(|(event, count)| (event, count / queries))
        .collect())
}

/// perf's fields: value, unit, event, ... (perf-stat(1), "CSV format").
fn counts(csv: &str) -> BTreeMap<String, f64> {
    let line = |line: &str| {
        let mut fields = line.split(',');
        let value = fields.next()?.parse().ok()?;
        Some((fields.nth(1)?.to_owned(), value))
    };
    csv.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_by_event_and_what_was_not_counted_is_left_out() {
        let csv = "# started on Sat\n\n63,,raw_syscalls:sys_enter,2071,100.00,,\n\
                   <not counted>,,syscalls:sys_enter_futex,0,100.00,,\n";
        let counts = counts(csv);
        assert_eq!(counts.get(ALL), Some(&63.0));
        assert_eq!(counts.len(), 1);
    }
}
