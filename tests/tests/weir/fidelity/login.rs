//! Logins: every way to prove who one is, what the server says where that fails, and what clients send along.

use std::process::Command;

use weir_tests::{Plan, World};

use super::{Pair, assert_same};

const ROLES: &str = "
SET password_encryption = 'md5';
CREATE ROLE by_md5 LOGIN PASSWORD 'old secret';
SET password_encryption = 'scram-sha-256';
CREATE ROLE by_scram LOGIN PASSWORD 'new secret ünïcödé';
CREATE ROLE by_password LOGIN PASSWORD 'plain secret';
CREATE ROLE by_trust LOGIN;
CREATE ROLE rejected LOGIN;
CREATE ROLE group_only;
CREATE ROLE expired LOGIN PASSWORD 'late' VALID UNTIL '2020-01-01';
CREATE ROLE crowded LOGIN CONNECTION LIMIT 0;
";

/// The agent's own role reads the catalog without a password.
const RULES: &str = "
local all postgres trust
host all postgres samehost trust
host all by_md5 samehost md5
host all by_scram samehost scram-sha-256
host all by_password samehost password
host all expired samehost scram-sha-256
host all by_trust,crowded,group_only samehost trust
host all rejected samehost reject
";

#[test]
fn every_login_ends_as_without_the_agent() {
    let pair = pair();
    for user in [
        "by_md5",
        "by_scram",
        "by_password",
        "by_trust",
        "rejected",
        "group_only",
        "expired",
        "crowded",
        "nobody",
        "postgres",
    ] {
        for password in [
            None,
            Some("old secret"),
            Some("new secret ünïcödé"),
            Some("plain secret"),
            Some("late"),
        ] {
            same(&pair, &format!("{user} with {password:?}"), |psql| {
                psql.env("PGUSER", user).arg("--no-password");
                if let Some(password) = password {
                    psql.env("PGPASSWORD", password);
                }
                psql.args(["--command", "SELECT session_user, 1"]);
            });
        }
    }
    let proven = |user, password| {
        let mut psql = pair.through.psql("client");
        psql.env("PGUSER", user).env("PGPASSWORD", password);
        let output = psql.args(["-Atc", "SELECT session_user"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim() == user
    };
    assert!(proven("by_md5", "old secret") && !proven("by_md5", "new secret"));
    assert!(proven("by_scram", "new secret ünïcödé") && !proven("by_scram", "old secret"));
    assert!(proven("by_password", "plain secret") && !proven("by_password", ""));
}

#[test]
fn what_comes_with_a_login_counts_as_without_the_agent() {
    let pair = pair();
    const SETTINGS: &str =
        "SELECT name, setting FROM pg_settings WHERE source = 'client' ORDER BY name";
    let environments: [&[(&str, &str)]; 9] = [
        &[("PGDATABASE", "missing")],
        &[("PGDATABASE", "closed")],
        &[("PGAPPNAME", "a name, with ünïcödé and 'quotes'")],
        &[("PGCLIENTENCODING", "LATIN1")],
        &[("PGCLIENTENCODING", "nonsense")],
        &[(
            "PGOPTIONS",
            "-c search_path=pg_catalog -c DateStyle=German --work-mem=8MB",
        )],
        &[("PGOPTIONS", "-c missing=1")],
        &[
            ("PGTZ", "Asia/Tokyo"),
            ("PGDATESTYLE", "SQL, DMY"),
            ("PGGEQO", "off"),
        ],
        &[("PGSSLMODE", "disable"), ("PGGSSENCMODE", "disable")],
    ];
    for environment in environments {
        same(&pair, &format!("{environment:?}"), |psql| {
            psql.envs(environment.iter().copied())
                .args(["--command", SETTINGS]);
            psql.args([
                "--command",
                "SHOW search_path",
                "--command",
                "SELECT date '2026-02-28', chr(252)",
            ]);
        });
    }
}

#[test]
fn a_client_that_may_do_without_tls_does_and_one_that_may_not_says_so() {
    let pair = pair();
    for (mode, is_served) in [
        ("disable", true),
        ("allow", true),
        ("prefer", true),
        ("require", false),
        ("verify-full", false),
    ] {
        let mut psql = pair.through.psql("client");
        psql.env("PGSSLMODE", mode)
            .args(["-Atc", "SELECT 'served'"]);
        let output = psql.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.stdout == b"served\n", is_served, "{mode}: {errors}");
        assert!(
            is_served || errors.contains("SSL") || errors.contains("certificate"),
            "{mode}: {errors}"
        );
    }
}

fn pair() -> Pair {
    let pair = Pair::of(
        &Plan::new()
            .script(ROLES)
            .script("CREATE DATABASE closed ALLOW_CONNECTIONS false"),
    );
    pair.through.database().rules(RULES).unwrap();
    pair.direct.database().rules(RULES).unwrap();
    pair
}

/// Runs psql both ways and compares what it says and how it ends.
fn same(pair: &Pair, what: &str, with: impl Fn(&mut Command)) {
    let [direct, through] = [
        said(&pair.direct, pair.direct.psql_direct(), &with),
        said(&pair.through, pair.through.psql("client"), &with),
    ];
    assert_same(&direct, &through, what);
}

fn said(world: &World, mut psql: Command, with: impl Fn(&mut Command)) -> String {
    with(&mut psql);
    let output = psql.output().unwrap();
    let said = format!(
        "{}{}{:?}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        output.status.code()
    );
    // Each world has ports of its own.
    said.replace(&world.direct_address().port().to_string(), "PORT")
        .replace(&world.address().port().to_string(), "PORT")
}
