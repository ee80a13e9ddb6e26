//! FIDELITY.md: how it was measured, and the table.
//!
//! Knows no date and no machine: the same versions give the same page.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::ground::Way;
use super::outcomes::{Ending, count};
use super::runs::Comparison;
use super::workshop;
use crate::command;

const METHOD: &str = "\
# Fidelity

Suites that others wrote, run past the agent and through it. The figure is the difference: how many tests end otherwise
through the agent. It should be zero. `cargo xtask fidelity` writes this page; it gets the suites from the registries that
carry them and changes nothing in them.

* Each run has a fresh PostgreSQL. Clients connect to the same address and port in every run. The agent is a gateway, built
  for release, with one policy that permits everything: each statement is still read, judged and recorded. It reads texts of
  up to 64 MiB (`sessions.statement_limit`), because a suite sends such; the default is 16 MiB.
* Each row is of the suite's last run; without arguments the verb runs all of them.
* With TLS means that it is required: past the agent by the server, through the agent by the agent. Suites whose clients
  cannot be told so without being changed have no such columns.
* Tests that fail past the agent fail for reasons of their own (a server set up otherwise than they want, mostly). Where a
  suite compares outputs, they must come out alike too: of PostgreSQL's own suites each test's whole output, and of
  libpq_pipeline the trace of every message.
* A suite with differences is run three times each way. What counts is a test that in no run ended through the agent as it
  did in any run past it; one that differed in some runs only is named as unsteady.
* pg_dump: the regression database is dumped past the agent and through it, and the two must be the same byte for byte.

";

const HEAD: &str = "\
| suite | of | tests | skipped | failed: direct | agent | TLS: direct | agent | difference |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
";

/// Keeps what a suite came to for the page.
pub fn keep(comparison: &Comparison) -> Result<()> {
    let kept = kept();
    fs::create_dir_all(&kept)?;
    fs::write(kept.join(comparison.name), entry(comparison))?;
    Ok(())
}

/// Prints what the suites of this run came to, and writes the page from the last run of each of `all`.
pub fn publish(run: &[&str], all: &[&str]) -> Result<()> {
    println!("\n{}", table(&kept(), run));
    let file = command::root().join("FIDELITY.md");
    fs::write(&file, format!("{METHOD}{}", table(&kept(), all)))
        .with_context(|| file.display().to_string())
}

fn kept() -> PathBuf {
    workshop().join("table")
}

/// The suites' rows, and behind them what they name; a suite that was never run is said to be so.
fn table(kept: &Path, suites: &[&str]) -> String {
    let (mut rows, mut named) = (String::from(HEAD), String::new());
    for suite in suites {
        let entry = fs::read_to_string(kept.join(suite))
            .unwrap_or_else(|_| format!("| {suite} | not run yet | | | | | | | |\n"));
        let (row, exceptions) = entry.split_once('\n').unwrap_or((&entry, ""));
        rows.push_str(&format!("{row}\n"));
        named.push_str(exceptions);
    }
    match named.is_empty() {
        true => rows,
        false => format!("{rows}\n{named}"),
    }
}

/// A row, and a line for each test that differs or is unsteady.
fn entry(comparison: &Comparison) -> String {
    format!("{}{}", row(comparison), exceptions(comparison))
}

fn row(comparison: &Comparison) -> String {
    let cell = |through_agent, encrypted, ending| {
        let way = Way {
            through_agent,
            encrypted,
        };
        let outcomes = comparison.first.get(&way);
        outcomes.map_or("-".to_owned(), |outcomes| {
            count(outcomes, ending).to_string()
        })
    };
    let direct = Way {
        through_agent: false,
        encrypted: false,
    };
    let tests = comparison
        .first
        .get(&direct)
        .map_or(0, |outcomes| outcomes.len());
    let cells = [
        comparison.name.to_owned(),
        comparison.version.clone(),
        tests.to_string(),
        cell(false, false, Ending::Skipped),
        cell(false, false, Ending::Failed),
        cell(true, false, Ending::Failed),
        cell(false, true, Ending::Failed),
        cell(true, true, Ending::Failed),
        format!("**{}**", comparison.difference()),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn exceptions(comparison: &Comparison) -> String {
    let mut text = String::new();
    for (encrypted, tests) in &comparison.differing {
        let how = if *encrypted { ", with TLS" } else { "" };
        for test in tests {
            text.push_str(&format!("* {}{how}: `{test}` differs\n", comparison.name));
        }
    }
    for test in &comparison.unsteady {
        text.push_str(&format!("* {}: `{test}` is unsteady\n", comparison.name));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn a_suite_without_tls_has_no_figures_for_it() {
        let outcomes = [("a".to_owned(), Ending::Failed.into())].into();
        let comparison = Comparison {
            name: "suite",
            version: "suite 1".into(),
            first: BTreeMap::from([(
                Way {
                    through_agent: false,
                    encrypted: false,
                },
                outcomes,
            )]),
            differing: BTreeMap::from([(false, BTreeSet::from(["a".to_owned()]))]),
            unsteady: BTreeSet::new(),
        };
        assert_eq!(
            entry(&comparison),
            "| suite | suite 1 | 1 | 0 | 1 | - | - | - | **1** |\n* suite: `a` differs\n"
        );
    }
}
