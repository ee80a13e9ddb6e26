//! Go's drivers, from Debian's packages of their sources, which hold their tests.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::ground::{Ground, PORT};
use super::outcomes::{Outcomes, of_go};
use super::{Suite, workshop};
use crate::command;

/// Debian's tree of Go's sources.
const GOPATH: &str = "/usr/share/gocode";

/// A driver.
pub struct Driver {
    name: &'static str,
    /// Debian's package.
    package: &'static str,
    /// What of it is tested, in go's words.
    tested: &'static [&'static str],
    /// The database that the suite wants.
    database: &'static str,
    /// What the suite wants to be in it.
    script: &'static str,
    /// How the suite is told about the server, beside libpq's variables.
    variables: &'static [&'static str],
}

pub const SUITES: &[Driver] = &[
    Driver {
        name: "lib-pq",
        package: "golang-github-lib-pq-dev",
        tested: &["github.com/lib/pq/..."],
        database: "pqgotest",
        script: "CREATE EXTENSION hstore",
        variables: &[],
    },
    Driver {
        name: "pgx",
        package: "golang-github-jackc-pgx-v4-dev",
        tested: &["github.com/jackc/pgx/v4/...", "github.com/jackc/pgconn/..."],
        database: "pgx_test",
        script: "CREATE DOMAIN uint64 AS numeric(20,0); CREATE EXTENSION hstore; CREATE EXTENSION ltree",
        variables: &[
            "PGX_TEST_DATABASE",
            "PGX_TEST_CONN_STRING",
            "PGX_TEST_TCP_CONN_STRING",
        ],
    },
];

impl Suite for &Driver {
    fn name(&self) -> &'static str {
        self.name
    }

    fn prepare(&self) -> Result<String> {
        let version = command::capture(Command::new("dpkg-query").args([
            "--show",
            "--showformat=${Version}",
            self.package,
        ]))
        .context("Go's drivers are taken from Debian's packages")?;
        Ok(format!("{} {version}", self.package))
    }

    fn run(&self, ground: &Ground) -> Result<Outcomes> {
        let create = format!("CREATE DATABASE {}", self.database);
        ground.database().run("postgres", &create)?;
        ground.database().run(self.database, self.script)?;
        let url = format!(
            "postgres://postgres@127.0.0.1:{PORT}/{}?sslmode={}",
            self.database,
            ground.sslmode()
        );
        let mut go = Command::new("go");
        // One package after the other: they share a database.
        go.args(["test", "-json", "-p=1", "-count=1", "-timeout=600s"])
            .args(self.tested)
            .env("GO111MODULE", "off")
            .env("GOPATH", GOPATH)
            .env("GOCACHE", workshop().join("go"))
            .env("PGDATABASE", self.database)
            .envs(self.variables.iter().map(|name| (name, &url)))
            .current_dir(GOPATH);
        let said = ground.watch(&go, "go", 1200)?;
        Ok(of_go(&said.text))
    }
}
