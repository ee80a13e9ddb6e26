//! The test suites of Rust's drivers, from the crates that crates.io carries.
//!
//! They name their port, and take no word about TLS.

use std::process::Command;

use anyhow::Result;

use super::ground::Ground;
use super::outcomes::{Outcomes, of_libtest};
use super::{Suite, sources, workshop};
use crate::command;

/// A crate with its tests.
pub struct Crate {
    name: &'static str,
    version: &'static str,
}

/// The asynchronous driver, and the blocking one on top of it.
pub const SUITES: &[Crate] = &[
    Crate {
        name: "tokio-postgres",
        version: "0.7.18",
    },
    Crate {
        name: "postgres",
        version: "0.19.14",
    },
];

/// The types of other crates that they convert to and from, in their newest supported versions.
const FEATURES: &str = "array-impls,with-bit-vec-0_9,with-chrono-0_4,with-eui48-1,with-geo-types-0_7,with-jiff-0_2,\
                        with-serde_json-1,with-time-0_3,with-uuid-1";

/// What their repository's own set-up of a server says.
const ROLES: &str = "
CREATE ROLE pass_user PASSWORD 'password' LOGIN;
SET password_encryption TO 'md5';
CREATE ROLE md5_user PASSWORD 'password' LOGIN;
SET password_encryption TO 'scram-sha-256';
CREATE ROLE scram_user PASSWORD 'password' LOGIN;
CREATE ROLE ssl_user LOGIN;
";

const EXTENSIONS: &str =
    "CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree;";

const RULES: &str = "
host all pass_user all password
host all md5_user all md5
host all scram_user all scram-sha-256
";

impl Suite for &Crate {
    fn name(&self) -> &'static str {
        self.name
    }

    fn prepare(&self) -> Result<String> {
        command::run(self.cargo_test()?.arg("--no-run"))?;
        Ok(format!("{} {}", self.name, self.version))
    }

    fn run(&self, ground: &Ground) -> Result<Outcomes> {
        for script in [ROLES, EXTENSIONS] {
            ground.database().run("postgres", script)?;
        }
        ground.rules(RULES)?;
        let mut client = self.cargo_test()?;
        client.args(["--no-fail-fast", "--", "--test-threads=4"]);
        let said = ground.watch(&client, "cargo", 900)?;
        Ok(of_libtest(&said.text))
    }

    fn can_encrypt(&self) -> bool {
        false
    }
}

impl Crate {
    fn cargo_test(&self) -> Result<Command> {
        let source = sources::crate_of(self.name, self.version)?;
        let mut cargo =
            command::cargo(["test", "--tests", "--features", FEATURES, "--manifest-path"]);
        cargo
            .arg(source.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(workshop().join("cargo"));
        Ok(cargo)
    }
}
