//! `cargo xtask fidelity`: suites that others wrote, run past the agent and through it; the difference is the figure.
//!
//! Knows which suites there are and how results are compared, not what any suite does.
//!
//! ```text
//! target/fidelity/sources/NAME    what registries carry: source packages, sdists, crates
//! target/fidelity/...             what is built of them
//! target/fidelity/runs/SUITE/WAY  what a run said, and its outputs
//! FIDELITY.md                     the table
//! ```

pub mod facts;
mod go;
mod ground;
mod outcomes;
mod postgres;
mod programs;
mod python;
mod runs;
mod rust;
mod sources;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::command;
use crate::setup::{self, Need};
use ground::Ground;
use outcomes::Outcomes;
use runs::Comparison;

/// A test suite that somebody else wrote.
trait Suite {
    /// What it is called on the command line.
    fn name(&self) -> &'static str;

    /// Gets and builds what is not there yet; says what exactly is run, with its version.
    fn prepare(&self) -> Result<String>;

    /// Runs it against the port of this ground.
    fn run(&self, ground: &Ground) -> Result<Outcomes>;

    /// Whether its clients can be told to use TLS without changing it.
    fn can_encrypt(&self) -> bool {
        true
    }
}

fn suites() -> Vec<Box<dyn Suite>> {
    let mut suites: Vec<Box<dyn Suite>> = vec![
        Box::new(postgres::Regress),
        Box::new(postgres::Isolation),
        Box::new(postgres::Pipeline),
        Box::new(programs::Pgbench),
        Box::new(programs::Dump),
    ];
    suites.extend(python::SUITES.iter().map(boxed));
    suites.extend(go::SUITES.iter().map(boxed));
    suites.extend(rust::SUITES.iter().map(boxed));
    suites
}

fn boxed<S>(suite: &'static S) -> Box<dyn Suite>
where
    &'static S: Suite,
{
    Box::new(suite)
}

/// Asks for no run with TLS.
const PLAIN: &str = "--plain";

/// The verb.
pub fn run(arguments: &[String]) -> Result<()> {
    let names: Vec<&String> = arguments.iter().filter(|word| *word != PLAIN).collect();
    let is_plain = names.len() < arguments.len();
    let every = suites();
    let all: Vec<&str> = every.iter().map(|suite| suite.name()).collect();
    let suites = chosen(every, &names)?;
    setup::provide(&[Need::Build, Need::Database, Need::Fidelity])?;
    let agent = agent()?;
    let (mut run, mut difference) = (vec![], 0);
    for suite in &suites {
        let comparison = compare(suite.as_ref(), &agent, !is_plain)?;
        println!("{}", comparison.sentence());
        table::keep(&comparison)?;
        run.push(suite.name());
        difference += comparison.difference();
    }
    table::publish(&run, &all)?;
    match difference {
        0 => Ok(()),
        _ => bail!("{difference} tests end otherwise through the agent"),
    }
}

fn compare(suite: &dyn Suite, agent: &Path, encrypts: bool) -> Result<Comparison> {
    let name = suite.name();
    println!("{name}: preparing");
    let version = suite
        .prepare()
        .with_context(|| format!("{name} cannot be prepared"))?;
    Comparison::make(suite, version, agent, encrypts)
        .with_context(|| format!("{name} cannot be run"))
}

fn chosen(suites: Vec<Box<dyn Suite>>, names: &[&String]) -> Result<Vec<Box<dyn Suite>>> {
    let is_known = |name: &&&String| suites.iter().any(|suite| suite.name() == **name);
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        let known: Vec<&str> = suites.iter().map(|suite| suite.name()).collect();
        bail!("there is no suite `{unknown}`: write {}", known.join(", "));
    }
    let is_wanted = |name| names.is_empty() || names.iter().any(|wanted| *wanted == name);
    let chosen = suites.into_iter();
    Ok(chosen.filter(|suite| is_wanted(suite.name())).collect())
}

/// The agent as users build it. `WEIR_BINARY` names another one, such as a packaged one.
fn agent() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("WEIR_BINARY") {
        return Ok(named.into());
    }
    command::run(&mut command::cargo([
        "build",
        "--release",
        "--package",
        "weir",
    ]))?;
    Ok(command::target_directory().join("release/weir"))
}

/// Where everything of this verb lies.
fn workshop() -> PathBuf {
    command::target_directory().join("fidelity")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_that_does_not_exist_is_answered_with_those_that_do() {
        let error = chosen(suites(), &[&"regres".into()])
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.starts_with("there is no suite `regres`: write regress, isolation"),
            "{error}"
        );
    }

    #[test]
    fn no_name_means_every_suite() {
        assert_eq!(chosen(suites(), &[]).unwrap().len(), suites().len());
        assert_eq!(chosen(suites(), &[&"asyncpg".into()]).unwrap().len(), 1);
    }

    #[test]
    fn every_suite_has_a_name_of_its_own() {
        let mut names: Vec<_> = suites().iter().map(|suite| suite.name()).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
