//! A small shop with secrets in it, and the people who work there: what tests of policy stand on.
//!
//! Workload of everybody here is the gateway, unless a test intercepts.

use std::process::Output;

use stage::Postgres;

use crate::world::{Plan, World};

/// What must never reach anybody who may not see it: parts of these are in every classified value.
pub const CANARIES: [&str; 4] = ["canary-ada", "canary-grace", "536-90-4399", "219-09-9999"];

/// The shop's tables.
pub const TABLES: &str = "
CREATE TABLE customers (
  id int PRIMARY KEY, name text NOT NULL, email text, ssn text UNIQUE, city text, visits int CHECK (visits >= 0)
);
INSERT INTO customers VALUES
  (1, 'Ada', 'canary-ada@analytical.org', '536-90-4399', 'London', 3),
  (2, 'Grace', 'canary-grace@navy.mil', '219-09-9999', 'New York', 5),
  (3, 'Nobody', NULL, NULL, NULL, 0);
CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, total numeric, status text);
INSERT INTO orders VALUES (1, 1, 120.00, 'paid'), (2, 2, 80.50, 'open'), (3, 1, 17.25, 'open');
CREATE TABLE claims (ssn text REFERENCES customers (ssn), what text);
INSERT INTO claims VALUES ('536-90-4399', 'a lost parcel');
CREATE VIEW people AS SELECT id, name, ssn AS number FROM customers;
CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM orders; SELECT 1';
CREATE FUNCTION tell() RETURNS text LANGUAGE sql AS 'SELECT string_agg(ssn, '','') FROM customers';
CREATE PROCEDURE clean() LANGUAGE sql AS 'DELETE FROM orders';
";

/// Which columns are classified, and how they are shown.
pub const CLASSES: &str = r#"
[classes.contact]
description = "Reaches a person."
mask = "email"
columns = ["*/*.*.*.email"]

[classes.pii]
description = "Says who a person is."
mask = { partial = { prefix = 0, pad = "***-**-", suffix = 4 } }
columns = ["*/*.*.*.ssn"]
"#;

/// Everybody logs in, and looks into the catalogs.
pub const DOOR: &str = r#"
@id("door")
permit (principal, action == Action::"connect", resource == Database::"shop/app");

@id("catalogs")
permit (principal, action == Action::"select", resource is Table)
when { resource.schema == "pg_catalog" || resource.schema == "information_schema" };

@id("harmless-settings")
permit (principal, action == Action::"set", resource is Setting)
when { ["client_encoding", "search_path", "application_name"].contains(resource.name) };
"#;

/// Reads the shop, classified columns masked.
pub const ANALYST: &str = r#"
@id("analyst-read")
@description("Analysts read the shop.")
permit (
  principal in Workload::"gateway", action == Action::"select", resource in Schema::"shop/app.public"
);
"#;

/// Reads and changes the shop's rows, but never all rows at once; classified columns masked.
pub const CLERK: &str = r#"
@id("clerk-work")
permit (
  principal in Workload::"gateway",
  action in [Action::"select", Action::"insert", Action::"update", Action::"delete"],
  resource in Schema::"shop/app.public"
);

@id("no-unrestricted-writes")
@description("UPDATE and DELETE need a WHERE clause.")
@hint("add a WHERE clause that names the rows")
forbid (principal, action in [Action::"update", Action::"delete"], resource)
unless { context.has_where };
"#;

/// Reads the shop; each change waits for one of the DBAs.
pub const ONCALL: &str = r#"
@id("oncall-read")
permit (principal, action == Action::"select", resource in Schema::"shop/app.public");

@id("oncall-write")
@description("A change by people on call waits for a DBA.")
@approvers("dba")
permit (
  principal, action in [Action::"insert", Action::"update", Action::"delete"], resource in Schema::"shop/app.public"
)
when { context.approved };
"#;

/// The shop, with this policy beside [`DOOR`].
pub fn shop(policy: &str) -> Plan {
    Plan::new()
        .script(TABLES)
        .classes(CLASSES)
        .policy("door.cedar", DOOR)
        .policy("rules.cedar", policy)
}

impl World {
    /// What psql says to this, through the agent: its output, then its errors.
    pub fn ask(&self, role: &str, sql: &str) -> String {
        let output = self.psql(role).args(["-At", "-c", sql]).output();
        said(&output.expect("psql runs"))
    }

    /// What one of the agent's commands says, and whether it ended well.
    pub fn weir(&self, words: &[&str]) -> (String, bool) {
        let output = self.agent().ask(words).expect("weir runs");
        (said(&output), output.status.success())
    }

    /// Everything that is stored in the database, and how: two of these are equal if nothing was changed in between.
    pub fn contents(&self) -> String {
        contents(self.database())
    }
}

/// Standard output, then standard error.
pub fn said(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    format!("{out}{err}")
}

fn contents(database: &Postgres) -> String {
    let output = std::process::Command::new(database.program("pg_dump"))
        .arg("--host")
        .arg(database.data())
        .args(["--port", &database.port().to_string()])
        .args(["--username", "postgres", "app"])
        .output()
        .expect("pg_dump runs");
    assert!(output.status.success(), "{}", said(&output));
    // pg_dump frames its output with a word by chance.
    let is_content =
        |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
    let dump = String::from_utf8_lossy(&output.stdout);
    dump.lines()
        .filter(is_content)
        .collect::<Vec<_>>()
        .join("\n")
}
