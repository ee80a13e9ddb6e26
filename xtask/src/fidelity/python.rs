//! Python's drivers: their suites from PyPI's sdists, run by pytest in an environment of their own.
//!
//! Knows each suite's way to be told about the server, and nothing of how results are compared.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::ground::{Ground, PORT};
use super::outcomes::{Outcomes, of_pytest};
use super::{Suite, sources, workshop};
use crate::command;

/// What runs the suites, and what these want beside their driver.
const REQUIREMENTS: &[&str] = &[
    "pytest==8.4.2",
    "pytest-benchmark==5.1.0",
    "pytest-mock==3.15.1",
    "pytest-reportlog==0.4.0",
    "pytest-timeout==2.4.0",
    "distro==1.9.0",
    "python-dateutil==2.9.0.post0",
    "pytz==2025.2",
];

/// A driver, or what sits on one.
pub struct Driver {
    name: &'static str,
    /// The sdist that carries the tests.
    package: &'static str,
    version: &'static str,
    /// What to install.
    wheels: &'static [&'static str],
    /// What of the sdist they need; a driver with compiled parts is not among it, or it would be imported uncompiled.
    beside: &'static [&'static str],
    /// Arguments for pytest.
    tests: &'static [&'static str],
    /// Database and script before the suite.
    scripts: &'static [(&'static str, &'static str)],
    /// Further lines of pg_hba.conf.
    rules: &'static str,
    environment: &'static [(&'static str, &'static str)],
    /// The URL that the suite is given, but for its parameters.
    url: Option<&'static str>,
    can_encrypt: bool,
}

pub const SUITES: &[Driver] = &[
    Driver {
        name: "asyncpg",
        package: "asyncpg",
        version: "0.32.0",
        wheels: &["asyncpg==0.32.0"],
        beside: &["tests"],
        tests: &["tests"],
        scripts: &[],
        rules: "",
        environment: &[],
        url: None,
        can_encrypt: true,
    },
    Driver {
        name: "psycopg2",
        package: "psycopg2",
        version: "2.9.13",
        wheels: &["psycopg2-binary==2.9.13"],
        beside: &["tests"],
        tests: &["tests"],
        scripts: &[
            ("postgres", "CREATE DATABASE psycopg2_test"),
            ("psycopg2_test", "CREATE EXTENSION hstore"),
        ],
        rules: "",
        environment: &[],
        url: None,
        can_encrypt: true,
    },
    Driver {
        name: "pg8000",
        package: "pg8000",
        version: "1.31.6",
        wheels: &["pg8000==1.31.6"],
        beside: &["test", "README.md"],
        tests: &[
            "test",
            "--ignore=test/test_readme.py",
            "--benchmark-disable",
        ],
        scripts: &[(
            "postgres",
            "CREATE EXTENSION hstore; ALTER USER postgres PASSWORD 'pw'",
        )],
        rules: "host pg8000_md5 all 127.0.0.1/32 md5\n\
                host pg8000_password all 127.0.0.1/32 password\n\
                host pg8000_scram_sha_256 all 127.0.0.1/32 scram-sha-256\n",
        environment: &[("PGPASSWORD", "pw")],
        url: None,
        can_encrypt: false,
    },
    Driver {
        name: "sqlalchemy-psycopg",
        url: Some("postgresql+psycopg"),
        ..SQLALCHEMY
    },
    Driver {
        name: "sqlalchemy-asyncpg",
        url: Some("postgresql+asyncpg"),
        can_encrypt: false,
        ..SQLALCHEMY
    },
];

/// SQLAlchemy's tests of PostgreSQL's dialect and of every dialect: psycopg 3 carries no tests to PyPI.
const SQLALCHEMY: Driver = Driver {
    name: "sqlalchemy",
    package: "sqlalchemy",
    version: "2.1.9",
    wheels: &[
        "sqlalchemy[asyncio]==2.1.9",
        "psycopg[binary]==3.3.9",
        "asyncpg==0.32.0",
    ],
    beside: &["test", "lib", "setup.cfg", "pyproject.toml"],
    tests: &[
        "test/dialect/postgresql",
        "test/dialect/test_suite.py",
        "test/engine",
    ],
    scripts: &[
        ("postgres", "CREATE DATABASE test"),
        (
            "test",
            "CREATE SCHEMA test_schema; CREATE SCHEMA test_schema_2; CREATE EXTENSION hstore; CREATE EXTENSION citext; \
             ALTER DATABASE test SET default_text_search_config = 'pg_catalog.english'",
        ),
        (
            "postgres",
            "ALTER SYSTEM SET max_prepared_transactions = 100",
        ),
    ],
    rules: "",
    environment: &[],
    url: None,
    can_encrypt: true,
};

impl Suite for &Driver {
    fn name(&self) -> &'static str {
        self.name
    }

    fn prepare(&self) -> Result<String> {
        let environment = self.environment()?;
        let source = sources::sdist(&environment.join("bin/pip"), self.package, self.version)?;
        let directory = self.directory();
        if !directory.exists() {
            fs::create_dir_all(&directory)?;
            let parts = self.beside.iter().map(|part| source.join(part));
            let parts: Vec<PathBuf> = parts.filter(|part| part.exists()).collect();
            command::run(
                Command::new("cp")
                    .arg("--recursive")
                    .args(parts)
                    .arg(&directory),
            )?;
        }
        Ok(self.wheels.join(", ").replace("==", " "))
    }

    fn run(&self, ground: &Ground) -> Result<Outcomes> {
        for (database, script) in self.scripts {
            ground.database().run(database, script)?;
        }
        ground.rules(self.rules)?;
        let report = ground.record().join("report.jsonl");
        let mut pytest = Command::new(self.environment()?.join("bin/python"));
        pytest
            .args([
                "-m",
                "pytest",
                "-q",
                "--timeout=120",
                "-p",
                "no:cacheprovider",
                "--report-log",
            ])
            .arg(&report)
            .args(self.tests)
            .args(
                self.url
                    .map(|url| format!("--dburi={}", with_parameters(url, ground))),
            )
            .envs(self.environment.iter().copied())
            .current_dir(self.directory());
        ground.watch(&pytest, "pytest", 1800)?;
        of_pytest(&fs::read_to_string(report).context("pytest wrote no report")?)
    }

    fn can_encrypt(&self) -> bool {
        self.can_encrypt
    }
}

impl Driver {
    /// Where its tests lie, without the driver.
    fn directory(&self) -> PathBuf {
        workshop().join("python/tests").join(self.name)
    }

    /// The virtual environment, made once for a list of packages.
    fn environment(&self) -> Result<PathBuf> {
        let wanted = [REQUIREMENTS, self.wheels].concat().join("\n");
        let directory = workshop().join("python").join(self.package);
        let list = directory.join("installed.txt");
        if fs::read_to_string(&list).is_ok_and(|installed| installed == wanted) {
            return Ok(directory);
        }
        command::run(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&directory),
        )?;
        command::run(
            Command::new(directory.join("bin/pip"))
                .args(["install", "--quiet"])
                .args(wanted.lines()),
        )?;
        fs::write(list, wanted)?;
        Ok(directory)
    }
}

fn with_parameters(url: &str, ground: &Ground) -> String {
    format!(
        "{url}://postgres@127.0.0.1:{PORT}/test?sslmode={}",
        ground.sslmode()
    )
}
