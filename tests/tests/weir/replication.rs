//! PostgreSQL's own programs for replication, through the agent: permitted, refused and recorded.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use weir_tests::messages::{error, told};
use weir_tests::{Plan, Wire, World, startup};

const SCHEMA: &str = "
CREATE TABLE people (id int PRIMARY KEY, ssn text);
INSERT INTO people VALUES (1, '123-45-6789');
";

/// Everything but one statement on one table.
const NO_DELETES: &str = r#"
@id("all") permit (principal, action, resource);
@id("no-deletes") forbid (principal, action == Action::"delete", resource);
"#;

/// Everything but replication.
const NO_COPIES: &str = r#"
@id("all") permit (principal, action, resource);
@id("no-copies") forbid (principal, action == Action::"replicate", resource);
"#;

/// Everything but to see a class.
const MASKED: &str = r#"
@id("all") permit (principal, action, resource);
@id("masked") forbid (principal, action == Action::"unmask", resource);
"#;

const PII: &str = r#"
[classes.pii]
description = "who somebody is"
mask = "redact"
columns = ["*/*.*.*.ssn"]
"#;

fn world(policy: &str) -> World {
    let plan = Plan::new().script(SCHEMA).policy("test.cedar", policy);
    plan.gateway().unwrap()
}

/// One of the server's own programs as a client of the agent.
fn program(world: &World, name: &str) -> Command {
    let mut command = Command::new(world.database().program(name));
    let address = world.address();
    command
        .args(["--host", &address.ip().to_string()])
        .args(["--port", &address.port().to_string()])
        .args(["--username", "postgres", "--no-password"])
        .env_remove("PGOPTIONS")
        .env("LC_ALL", "C");
    command
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{output:?}");
    output
}

fn base_backup(world: &World, to: &Path) -> Command {
    let mut command = program(world, "pg_basebackup");
    command
        .args(["--checkpoint", "fast", "--wal-method", "stream"])
        .args(["--no-sync", "--pgdata"])
        .arg(to);
    command
}

/// The database `app`, with `replication=database`.
fn logical(world: &World) -> Wire {
    let mut wire = world.wire("client").unwrap();
    let settings = [
        ("user", "postgres"),
        ("database", "app"),
        ("replication", "database"),
    ];
    wire.send(&startup(&settings)).unwrap();
    let welcome = told(&wire.until_ready().unwrap());
    assert!(welcome.ends_with("Z:I"), "{welcome}");
    wire
}

/// Where the server's log ends.
fn end_of_log(world: &World) -> String {
    let database = world.database();
    let end = database.run("app", "SELECT pg_current_wal_flush_lsn()");
    end.unwrap().trim().to_owned()
}

/// The texts that the trail says were judged, each with what they did and what came of it.
fn trail(world: &World) -> String {
    let shown = world
        .agent()
        .ask(&["audit", "show", "--json", "-n", "100000"])
        .unwrap();
    assert!(shown.status.success(), "{shown:?}");
    String::from_utf8(shown.stdout).unwrap()
}

#[test]
fn pg_basebackup_copies_the_server() {
    let world = world(NO_DELETES);
    let copy = world.folder().join("copy");
    run(&mut base_backup(&world, &copy));
    run(Command::new(world.database().program("pg_verifybackup")).arg(&copy));
    let trail = trail(&world);
    for text in ["BASE_BACKUP", "START_REPLICATION", "IDENTIFY_SYSTEM"] {
        assert!(trail.contains(text), "{text} is not in {trail}");
    }
    assert!(trail.contains(r#"\"replicate\""#), "{trail}");
}

#[test]
fn pg_receivewal_copies_the_log() {
    let world = world(NO_DELETES);
    let database = world.database();
    let to = world.folder().join("log");
    fs::create_dir(&to).unwrap();
    let receive = || {
        let mut command = program(&world, "pg_receivewal");
        command.args(["--slot", "receiver", "--no-sync"]);
        command
    };
    let until = |end: &str| {
        // It stops behind the position that it is to end at.
        let more = "INSERT INTO people SELECT max(id) + 1 FROM people";
        database.run("app", more).unwrap();
        run(receive()
            .args(["--no-loop", "--endpos", end, "--directory"])
            .arg(&to));
    };
    run(receive().arg("--create-slot"));
    let file = database.run("app", "SELECT pg_walfile_name(pg_current_wal_lsn())");
    let file = file.unwrap().trim().to_owned();
    until(&end_of_log(&world));
    let rest =
        "INSERT INTO people SELECT n FROM generate_series(100, 999) n; SELECT pg_switch_wal()";
    database.run("app", rest).unwrap();
    until(&end_of_log(&world));
    assert_eq!(
        fs::read(to.join(&file)).unwrap(),
        fs::read(database.data().join("pg_wal").join(&file)).unwrap()
    );
    run(receive().arg("--drop-slot"));
    let slots = database.run("app", "SELECT count(*) FROM pg_replication_slots");
    assert_eq!(slots.unwrap(), "0\n");
}

#[test]
fn pg_recvlogical_decodes_the_changes_of_a_database() {
    let world = world(NO_DELETES);
    let receive = || {
        let mut command = program(&world, "pg_recvlogical");
        command.args(["--dbname", "app", "--slot", "decoder"]);
        command
    };
    run(receive().args(["--create-slot", "--plugin", "test_decoding"]));
    let inserts = "INSERT INTO people SELECT n, repeat('x', 1000) FROM generate_series(2, 5000) n";
    world.database().run("app", inserts).unwrap();
    let changes = run(receive().args([
        "--start",
        "--no-loop",
        "--endpos",
        &end_of_log(&world),
        "--file",
        "-",
    ]));
    let changes = String::from_utf8(changes.stdout).unwrap();
    assert_eq!(
        changes.matches("table public.people: INSERT:").count(),
        4999
    );
    run(receive().arg("--drop-slot"));
}

#[test]
fn replication_that_nobody_permits_is_refused_in_words_and_recorded() {
    for (world, words) in [
        (
            world(NO_COPIES),
            "weir: denied: no-copies forbids replicate on server shop",
        ),
        (
            Plan::new()
                .policy("test.cedar", MASKED)
                .classes(PII)
                .gateway()
                .unwrap(),
            "weir: denied: masked forbids unmask on class pii: what is replicated cannot be masked",
        ),
    ] {
        let copy = world.folder().join("copy");
        let output = base_backup(&world, &copy).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(said.contains(words), "{said}");
        let reason = words.trim_start_matches("weir: denied: ");
        assert!(trail(&world).contains(reason), "{reason}");
        let log = fs::read_to_string(world.database().log()).unwrap();
        assert!(!log.contains("BASE_BACKUP"), "{log}");
    }
}

#[test]
fn sql_in_a_session_for_replication_is_judged_as_sql() {
    let world = world(NO_DELETES);
    let mut wire = logical(&world);
    let system = told(&wire.query("IDENTIFY_SYSTEM").unwrap());
    assert_eq!(system, "T D C:IDENTIFY_SYSTEM Z:I");
    let refused = wire.query("DELETE FROM people").unwrap();
    assert_eq!(told(&refused), "E:42501 Z:I", "{}", trail(&world));
    assert!(error(&refused).field('M').contains("no-deletes"));
    // Behind a word of replication the server runs no SQL.
    let smuggled = told(&wire.query("SHOW port; DELETE FROM people").unwrap());
    assert_eq!(smuggled, "E:42601 Z:I");
    let read = told(&wire.query("SELECT id FROM people").unwrap());
    assert_eq!(read, "T D C:SELECT_1 Z:I");
}

#[test]
fn a_session_for_physical_replication_takes_no_sql() {
    let world = world(NO_DELETES);
    let mut wire = world.wire("client").unwrap();
    let settings = [("user", "postgres"), ("replication", "true")];
    wire.send(&startup(&settings)).unwrap();
    wire.until_ready().unwrap();
    for (sql, answer) in [
        ("SHOW port", "T D C:SHOW Z:I"),
        ("DELETE FROM people", "E:0A000 Z:I"),
    ] {
        assert_eq!(told(&wire.query(sql).unwrap()), answer, "{sql}");
    }
    let people = world.database().run("app", "SELECT count(*) FROM people");
    assert_eq!(people.unwrap(), "1\n");
}
