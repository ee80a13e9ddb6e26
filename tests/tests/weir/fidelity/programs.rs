//! The server's own programs: what they say and write is the same, and their load runs.

use std::process::{Command, Output};

use weir_tests::{Plan, World};

use super::{Pair, assert_same};

const SCHEMA: &str = "
CREATE TABLE parents (id int PRIMARY KEY, name text);
CREATE TABLE children (id int, parent int REFERENCES parents, born date) PARTITION BY RANGE (born);
CREATE TABLE children_2026 PARTITION OF children FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO parents SELECT n, 'parent ' || n FROM generate_series(1, 1000) n;
INSERT INTO children SELECT n, n, '2026-01-01' FROM generate_series(1, 1000) n;
CREATE VIEW families AS SELECT name, count(*) FROM parents p JOIN children c ON c.parent = p.id GROUP BY name;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
SELECT lo_from_bytea(4711, 'a large object');
";

#[test]
fn psql_says_the_same_however_it_gets_its_statements() {
    let pair = Pair::of(&Plan::new().script(SCHEMA));
    let ways: [&[&str]; 10] = [
        &["-c", "SELECT 1; SELECT 2"],
        &["-c", "SELECT 1", "-c", "SELECT 1/0", "-c", "SELECT 3"],
        &["-c", "INSERT INTO parents VALUES (0); SELECT 1/0"],
        &[
            "-1",
            "-c",
            "INSERT INTO parents VALUES (0)",
            "-c",
            "SELECT 1/0",
        ],
        &[
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            "SELECT 1/0",
            "-c",
            "SELECT 3",
        ],
        &[
            "-c",
            "SELECT count(*) FROM parents",
            "-c",
            "\\d parents",
            "-c",
            "COPY parents TO STDOUT",
        ],
        &["-AtF,", "-c", "SELECT * FROM parents ORDER BY id LIMIT 3"],
        &[
            "--csv",
            "-c",
            "SELECT * FROM families ORDER BY name LIMIT 3",
        ],
        &["-Hqc", "SELECT 'html' AS \"a < b\""],
        &["--list"],
    ];
    for way in ways {
        same(&pair, "psql", way);
    }
}

#[test]
fn a_dump_is_the_same() {
    let pair = Pair::of(&Plan::new().script(SCHEMA));
    for way in [
        &["--create"][..],
        &["--inserts", "--rows-per-insert=50"],
        &["--schema-only"],
        &["--serializable-deferrable"],
    ] {
        let dump = same(&pair, "pg_dump", way);
        assert!(dump.contains("PostgreSQL database dump complete"), "{dump}");
    }
    let all = same(&pair, "pg_dumpall", &["--globals-only"]);
    assert!(all.contains("CREATE ROLE postgres"), "{all}");
}

#[test]
fn load_runs_in_each_mode_of_the_protocol() {
    let world = Plan::new().gateway().unwrap();
    said(run(&world, "pgbench", &["--initialize", "--quiet"], true));
    for mode in ["simple", "extended", "prepared"] {
        let ways = [
            "--client=4",
            "--jobs=2",
            "--transactions=50",
            "--no-vacuum",
            "--protocol",
            mode,
        ];
        let report = said(run(&world, "pgbench", &ways, true));
        assert!(
            report.contains("200/200") && report.contains("failed transactions: 0"),
            "{mode}: {report}"
        );
    }
    assert_eq!(
        world
            .database()
            .run("app", "SELECT count(*) FROM pgbench_history")
            .unwrap()
            .trim(),
        "600"
    );
}

/// Runs a program both ways, compares, and returns what it said.
fn same(pair: &Pair, program: &str, arguments: &[&str]) -> String {
    let direct = said(run(&pair.direct, program, arguments, false));
    let through = said(run(&pair.through, program, arguments, true));
    assert_same(&direct, &through, &format!("{program} {arguments:?}"));
    direct
}

fn run(world: &World, program: &str, arguments: &[&str], is_through: bool) -> Output {
    let path = world.database().program(program);
    let (mut command, address) = if is_through {
        (
            world.program("client", &path.to_string_lossy()),
            world.address(),
        )
    } else {
        (Command::new(path), world.direct_address())
    };
    command
        .env("PGHOST", address.ip().to_string())
        .env("PGPORT", address.port().to_string())
        .env("PGUSER", "postgres")
        .env("PGDATABASE", "app")
        .env("PSQLRC", "/dev/null")
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: Output) -> String {
    let status = output.status.code();
    let said = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&said);
    // A dump begins and ends with a key that is another one each time.
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict "));
    lines
        .chain([format!("{status:?}").as_str()])
        .collect::<Vec<_>>()
        .join("\n")
}
