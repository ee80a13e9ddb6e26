//! `weir policy test`: judges the requests of test files, and says which do not come out as written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use model::{MaskedColumn, Request, Target, Usage};
use policy::{Explanation, Moment, PolicySet};
use sql::Snapshot;

use super::table::{Table, Test};
use crate::cli::PolicyTest;
use crate::commands::explain;
use crate::config::Config;

/// Exits with 1 where a test fails.
pub fn test(config: &Path, wanted: &PolicyTest) -> anyhow::Result<ExitCode> {
    let directory = match &wanted.dir {
        Some(directory) => directory.clone(),
        None => Config::load(config)?.policies,
    };
    let files = match wanted.files.as_slice() {
        [] => files(&directory.join("tests"))?,
        files => files.to_vec(),
    };
    let live = wanted.live.then(|| Config::load(config)).transpose()?;
    let policies = PolicySet::load(&directory)?;
    let report = run(&policies, &files, live.as_ref())?;
    for failure in &report.failures {
        println!("{failure}");
    }
    println!(
        "{} tests in {} files: {} failed",
        report.tests,
        files.len(),
        report.failures.len()
    );
    match (report.tests, report.failures.len()) {
        (0, _) => bail!("there is no test in {}", directory.join("tests").display()),
        (_, 0) => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::FAILURE),
    }
}

/// What came of all files.
struct Report {
    tests: usize,
    /// One line each.
    failures: Vec<String>,
}

/// Every test file of a directory, in order.
fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)
        .with_context(|| format!("cannot list the tests in {}", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Judges by what the files say of their databases, or by the catalogs of this configuration's servers.
fn run(policies: &PolicySet, files: &[PathBuf], live: Option<&Config>) -> anyhow::Result<Report> {
    let mut report = Report {
        tests: 0,
        failures: Vec::new(),
    };
    for file in files {
        let table = Table::read(file)?;
        let (target, snapshot) = match live {
            Some(config) => {
                let target = explain::target(config, Some(&table.server))?;
                let snapshot = explain::snapshot(config, &target, &table.database)?;
                (target, snapshot)
            }
            None => offline(&table)?,
        };
        for (line, test) in &table.tests {
            let found = judge(policies, test, &table.database, &target, &snapshot);
            report.tests += 1;
            let differences = differences(test, &found);
            if !differences.is_empty() {
                report.failures.push(format!(
                    "{}:{line}: {}: {}: {}",
                    table.file.display(),
                    test.name,
                    differences.join("; "),
                    found.because.explanation
                ));
            }
        }
    }
    Ok(report)
}

fn offline(table: &Table) -> anyhow::Result<(Target, Arc<Snapshot>)> {
    let Some(snapshot) = table.snapshot.clone() else {
        bail!(
            "{}: there is no schema to judge by: write schema = \"file.sql\", or ask the server with --live",
            table.file.display()
        );
    };
    let target = Target {
        server: table.server.as_str().into(),
        address: ([127, 0, 0, 1], 5432).into(),
    };
    Ok((target, Arc::new(snapshot)))
}

fn judge(
    policies: &PolicySet,
    test: &Test,
    database: &str,
    target: &Target,
    snapshot: &Snapshot,
) -> Explanation {
    let login = test.login(database);
    let request = match &test.sql {
        None => Request::Connect(login.clone()),
        Some(sql) => Request::Run(explain::statement(sql, &login, snapshot)),
    };
    let mut subject = explain::subject(&test.workloads);
    subject.address = test.address();
    let moment = Moment {
        time: test.time(),
        in_transaction: test.in_transaction,
        approved: test.approved,
        usage: Usage::default(),
    };
    policies.explain(&subject, target, &login, &request, &moment)
}

/// What is not as written, each with what is there instead.
fn differences(test: &Test, found: &Explanation) -> Vec<String> {
    let mut differences = Vec::new();
    if found.effect != test.effect {
        let words = format!("{} and not {}", found.effect.name(), test.effect.name());
        differences.push(words);
    }
    let mut compare = |what: &str, found: Vec<String>, written: &[String]| {
        let mut written = written.to_vec();
        written.sort();
        if found != written {
            let (found, written) = (or_nothing(&found), or_nothing(&written));
            differences.push(format!("{what} {found} and not {written}"));
        }
    };
    compare("masked are", columns(&found.masks.shown), &test.masked);
    if let Some(withheld) = &test.withheld {
        compare("withheld are", columns(&found.masks.told), withheld);
    }
    if let Some(policies) = &test.policies {
        compare("decided by", sorted(&found.because.policies), policies);
    }
    let most = found.limit.as_ref().map(|limit| limit.rows.to_string());
    let most: Vec<String> = most.into_iter().collect();
    let written = test.max_rows.iter().map(u64::to_string);
    compare("rows at most", most, &written.collect::<Vec<_>>());
    let approvers = sorted(&found.because.approvers);
    compare("approved by", approvers, &test.approvers);
    if let Some(says) = &test.says
        && !found.because.explanation.contains(says)
    {
        differences.push(format!("does not say {says:?}"));
    }
    differences
}

fn columns(masks: &[MaskedColumn]) -> Vec<String> {
    let mut names = sorted(masks.iter().map(|mask| &mask.name));
    names.dedup();
    names
}

fn sorted<'a>(names: impl IntoIterator<Item = &'a Arc<str>>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().map(ToString::to_string).collect();
    names.sort();
    names
}

fn or_nothing(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies")
    }

    #[test]
    fn the_shipped_policies_do_what_their_tests_claim() {
        let policies = PolicySet::load(&shipped()).unwrap();
        let report = run(&policies, &files(&shipped().join("tests")).unwrap(), None).unwrap();
        assert!(report.tests > 30, "only {} tests were found", report.tests);
        assert!(report.failures.is_empty(), "{}", report.failures.join("\n"));
    }

    /// What the shipped policies come to under this test.
    fn report(test: &str) -> anyhow::Result<Report> {
        let directory = tempfile::tempdir().unwrap();
        let schema = "CREATE TABLE customers (id int, ssn text, email text);";
        fs::write(directory.path().join("shop.sql"), schema).unwrap();
        let file = directory.path().join("a.toml");
        let head = "server = \"shop\"\ndatabase = \"app\"\nschema = \"shop.sql\"\n";
        fs::write(&file, format!("{head}[[test]]\n{test}\n")).unwrap();
        run(&PolicySet::load(&shipped()).unwrap(), &[file], None)
    }

    #[test]
    fn a_test_that_fails_is_told_with_its_place_what_came_instead_and_why() {
        let analyst = "name = \"n\"\nworkloads = [\"cgroup:/weir-demo/analyst\"]\n";
        let cases = [
            (
                "sql = \"DELETE FROM customers\"\neffect = \"allow\"\n",
                "deny and not allow: no-unrestricted-writes forbids delete on table shop/app.public.customers",
            ),
            (
                "sql = \"SELECT ssn FROM customers\"\neffect = \"allow\"\nmasked = [\"public.customers.id\"]\n",
                "masked are public.customers.ssn and not public.customers.id: permitted by analyst-read",
            ),
            (
                "effect = \"allow\"\npolicies = []\n",
                "decided by analyst-connect and not nothing: permitted by analyst-connect",
            ),
            (
                "sql = \"SELECT id FROM customers\"\neffect = \"allow\"\nsays = \"sesame\"\n",
                "does not say \"sesame\": permitted by analyst-read",
            ),
        ];
        for (written, told) in cases {
            let report = report(&format!("{analyst}{written}")).unwrap();
            let [failure] = report.failures.as_slice() else {
                panic!("{written}: {:?}", report.failures);
            };
            assert!(
                failure.contains(&format!("a.toml:4: n: {told}")),
                "{failure}"
            );
        }
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_refused_with_its_line() {
        let wrong = |test: &str| report(test).err().unwrap().to_string();
        let unknown = wrong("name = \"n\"\neffect = \"allow\"\nefect = \"deny\"");
        assert!(
            unknown.contains("a.toml:7: unknown field `efect`"),
            "{unknown}"
        );
        let time = wrong("name = \"n\"\neffect = \"allow\"\ntime = \"noon\"");
        assert!(time.contains("a.toml:7: write the time like"), "{time}");
    }
}
