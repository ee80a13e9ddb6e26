//! How tests ended, read from what their runners say.
//!
//! Knows the runners' formats, and no suite.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// How one test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// As its suite expects.
    Passed,
    /// Otherwise.
    Failed,
    /// It did not run, by its own choice.
    Skipped,
}

/// An ending, and what was put out on the way where a suite compares that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    pub ending: Ending,
    /// Two runs that fail alike have the same.
    pub output: Option<String>,
}

impl From<Ending> for Outcome {
    fn from(ending: Ending) -> Self {
        Self {
            ending,
            output: None,
        }
    }
}

/// Outcomes by test.
pub type Outcomes = BTreeMap<String, Outcome>;

/// How many tests ended like this.
pub fn count(outcomes: &Outcomes, ending: Ending) -> usize {
    outcomes
        .values()
        .filter(|outcome| outcome.ending == ending)
        .count()
}

/// The tests that end otherwise on the second side than in any run of the first; one that a side never had counts.
pub fn differing<'a>(first: &'a [Outcomes], second: &'a [Outcomes]) -> BTreeSet<&'a str> {
    let names = first
        .iter()
        .chain(second)
        .flat_map(|outcomes| outcomes.keys());
    let seen = |runs: &'a [Outcomes], name: &str| -> BTreeSet<Option<&'a Outcome>> {
        runs.iter().map(|outcomes| outcomes.get(name)).collect()
    };
    names
        .filter(|name| seen(first, name).is_disjoint(&seen(second, name)))
        .map(String::as_str)
        .collect()
}

/// pg_regress of PostgreSQL 15: `test NAME  ... ok  7 ms`, in parallel groups without the first word.
pub fn of_pg_regress(said: &str) -> Outcomes {
    let outcome = |line: &str| {
        let (name, rest) = line.split_once(" ... ")?;
        let name = name.trim().trim_start_matches("test ").trim();
        let ending = match rest.split_whitespace().next()? {
            "ok" => Ending::Passed,
            "FAILED" | "failed" => Ending::Failed,
            _ => return None,
        };
        Some((name.to_owned(), ending.into()))
    };
    said.lines().filter_map(outcome).collect()
}

/// Rust's libtest: `test NAME ... ok`.
pub fn of_libtest(said: &str) -> Outcomes {
    let outcome = |line: &str| {
        let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let ending = match rest.split([' ', ',']).next()? {
            "ok" => Ending::Passed,
            "FAILED" => Ending::Failed,
            "ignored" => Ending::Skipped,
            _ => return None,
        };
        Some((name.to_owned(), ending.into()))
    };
    said.lines().filter_map(outcome).collect()
}

/// pytest-reportlog: a JSON value per line, one each for a test's set-up, call and tear-down.
pub fn of_pytest(log: &str) -> Result<Outcomes> {
    let mut outcomes = Outcomes::new();
    for line in log.lines() {
        let report: Value = serde_json::from_str(line).context("a torn line in pytest's report")?;
        let text = |field: &str| report.get(field).and_then(Value::as_str);
        let (Some(name), Some(ending)) = (text("nodeid"), text("outcome")) else {
            continue;
        };
        if text("$report_type") == Some("TestReport") {
            let ending = match ending {
                "passed" => Ending::Passed,
                "skipped" => Ending::Skipped,
                _ => Ending::Failed,
            };
            worsen(&mut outcomes, name, ending);
        }
    }
    Ok(outcomes)
}

/// `go test -json`: a JSON value per line; subtests are tests.
pub fn of_go(said: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for event in said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        let text = |field: &str| event.get(field).and_then(Value::as_str);
        let ending = match text("Action") {
            Some("pass") => Ending::Passed,
            Some("fail") => Ending::Failed,
            Some("skip") => Ending::Skipped,
            _ => continue,
        };
        if let Some(test) = text("Test") {
            let package = text("Package").unwrap_or_default();
            outcomes.insert(format!("{package}.{test}"), ending.into());
        }
    }
    outcomes
}

/// A test is skipped if any of its parts is, and failed if any is.
fn worsen(outcomes: &mut Outcomes, name: &str, ending: Ending) {
    let known = outcomes
        .entry(name.to_owned())
        .or_insert_with(|| Ending::Passed.into());
    if ending == Ending::Failed || known.ending == Ending::Passed {
        known.ending = ending;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endings(outcomes: &Outcomes) -> Vec<(&str, Ending)> {
        outcomes
            .iter()
            .map(|(name, outcome)| (name.as_str(), outcome.ending))
            .collect()
    }

    #[test]
    fn pg_regress_is_read_in_and_out_of_groups() {
        let said = "test tablespace                   ... ok           52 ms\n\
                    parallel group (2 tests):  char boolean\n     \
                    boolean                      ... FAILED       11 ms\n     \
                    char                         ... ok            9 ms\n";
        let outcomes = of_pg_regress(said);
        assert_eq!(
            endings(&outcomes),
            [
                ("boolean", Ending::Failed),
                ("char", Ending::Passed),
                ("tablespace", Ending::Passed)
            ]
        );
    }

    #[test]
    fn libtest_is_read_with_reasons_for_ignoring() {
        let outcomes =
            of_libtest("test a::b ... ok\ntest c ... ignored, slow\ntest d ... FAILED\n");
        assert_eq!(
            endings(&outcomes),
            [
                ("a::b", Ending::Passed),
                ("c", Ending::Skipped),
                ("d", Ending::Failed)
            ]
        );
    }

    #[test]
    fn a_tear_down_that_fails_fails_its_test() {
        let log = r#"{"$report_type":"TestReport","nodeid":"a","when":"call","outcome":"passed"}
{"$report_type":"TestReport","nodeid":"a","when":"teardown","outcome":"failed"}
{"$report_type":"TestReport","nodeid":"b","when":"setup","outcome":"skipped"}
{"$report_type":"TestReport","nodeid":"b","when":"teardown","outcome":"passed"}"#;
        assert_eq!(
            endings(&of_pytest(log).unwrap()),
            [("a", Ending::Failed), ("b", Ending::Skipped)]
        );
    }

    #[test]
    fn go_names_its_package() {
        let said = "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}\n\
                    {\"Action\":\"fail\",\"Package\":\"p\",\"Test\":\"T\"}\n\
                    {\"Action\":\"fail\",\"Package\":\"p\"}\nno json\n";
        assert_eq!(endings(&of_go(said)), [("p.T", Ending::Failed)]);
    }

    #[test]
    fn a_test_differs_only_where_no_run_ended_like_any_other() {
        let run = |ending: Ending| Outcomes::from([("a".to_owned(), ending.into())]);
        let (passed, failed) = (run(Ending::Passed), run(Ending::Failed));
        let direct = [passed.clone(), passed.clone()];
        assert_eq!(
            differing(&direct, &[failed.clone(), failed.clone()]).len(),
            1
        );
        assert_eq!(differing(&direct, &[failed.clone(), passed]).len(), 0);
        assert_eq!(differing(&direct, &[Outcomes::new()]).len(), 1);
    }

    #[test]
    fn tests_that_fail_alike_do_not_differ_and_those_that_fail_otherwise_do() {
        let run = |output: &str| {
            let outcome = Outcome {
                ending: Ending::Failed,
                output: Some(output.into()),
            };
            Outcomes::from([("a".to_owned(), outcome)])
        };
        assert_eq!(differing(&[run("x")], &[run("x")]).len(), 0);
        assert_eq!(differing(&[run("x")], &[run("y")]).len(), 1);
    }
}
