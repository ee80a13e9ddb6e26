//! One suite's runs in every way, and what they come to.
//!
//! A test that differs may only be unsteady, so a suite with differences is run again, past the agent and through it:
//! what counts is a test that never ended through the agent as it ever did without.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::ground::{Ground, Way};
use super::outcomes::{Ending, Outcomes, count, differing};
use super::{Suite, workshop};

/// Runs of the same way before a difference is believed.
const RUNS: usize = 3;

/// What a suite came to.
pub struct Comparison {
    pub name: &'static str,
    pub version: String,
    /// The first run of each way; no TLS where the suite's clients cannot be told to use it.
    pub first: BTreeMap<Way, Outcomes>,
    /// Tests that differ in every run, by whether the clients encrypted.
    pub differing: BTreeMap<bool, BTreeSet<String>>,
    /// Tests that differed in the first runs and not in all.
    pub unsteady: BTreeSet<String>,
}

impl Comparison {
    /// Runs the suite, with TLS too where that is asked for and can be had.
    pub fn make(suite: &dyn Suite, version: String, agent: &Path, encrypts: bool) -> Result<Self> {
        let mut comparison = Self {
            name: suite.name(),
            version,
            first: BTreeMap::new(),
            differing: BTreeMap::new(),
            unsteady: BTreeSet::new(),
        };
        comparison.compare(suite, agent, false)?;
        if encrypts && suite.can_encrypt() {
            comparison.compare(suite, agent, true)?;
        }
        Ok(comparison)
    }

    fn compare(&mut self, suite: &dyn Suite, agent: &Path, encrypted: bool) -> Result<()> {
        let ways = [false, true].map(|through_agent| Way {
            through_agent,
            encrypted,
        });
        let [mut direct, mut through] = [vec![], vec![]];
        let mut suspects = None;
        for _ in 0..RUNS {
            for (way, runs) in ways.into_iter().zip([&mut direct, &mut through]) {
                runs.push(run(suite, agent, way)?);
            }
            let found = differing(&direct, &through);
            let found: BTreeSet<String> = found.into_iter().map(str::to_owned).collect();
            suspects.get_or_insert_with(|| found.clone());
            self.differing.insert(encrypted, found);
            if self.differing.values().all(BTreeSet::is_empty) {
                break;
            }
        }
        for (way, runs) in ways.into_iter().zip([direct, through]) {
            self.first
                .extend(runs.into_iter().next().map(|outcomes| (way, outcomes)));
        }
        let differing = self.differing.get(&encrypted).cloned().unwrap_or_default();
        let suspects = suspects.unwrap_or_default();
        self.unsteady
            .extend(suspects.difference(&differing).cloned());
        Ok(())
    }

    /// How many tests end otherwise through the agent.
    pub fn difference(&self) -> usize {
        self.differing.values().map(BTreeSet::len).sum()
    }

    /// What a person wants to know at once.
    pub fn sentence(&self) -> String {
        let mut sentence = format!("{}: {} differ", self.name, self.difference());
        for (encrypted, tests) in &self.differing {
            for test in tests {
                let how = if *encrypted { ", with TLS" } else { "" };
                sentence.push_str(&format!("\n  {test}{how}"));
            }
        }
        for test in &self.unsteady {
            sentence.push_str(&format!("\n  {test}: unsteady"));
        }
        sentence
    }
}

fn run(suite: &dyn Suite, agent: &Path, way: Way) -> Result<Outcomes> {
    let record = workshop().join("runs").join(suite.name()).join(way.name());
    let ground = Ground::lay(way, agent, record)?;
    let begin = Instant::now();
    let outcomes = suite.run(&ground)?;
    println!(
        "{} {}: {} passed, {} failed, {} skipped in {} s",
        suite.name(),
        way.name(),
        count(&outcomes, Ending::Passed),
        count(&outcomes, Ending::Failed),
        count(&outcomes, Ending::Skipped),
        begin.elapsed().as_secs()
    );
    // A suite that did not get as far as its tests compares equal to itself.
    ensure!(
        way.through_agent || count(&outcomes, Ending::Passed) > 0,
        "no test passed without the agent; what was said is in {}",
        ground.record().display()
    );
    Ok(outcomes)
}
