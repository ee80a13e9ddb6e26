//! The trail in other people's hands: what reads it, and what the views answer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};
use weir_tests::messages::{query, terminate, told};
use weir_tests::shop::{ONCALL, shop};
use weir_tests::{CLIENT, Wire, World, driver};

const REPAIR: &str = "UPDATE orders SET status = 'refunded' WHERE id = 2";

/// What auditors ask, in SQL, and what the answer is of [`day_at_the_shop`].
fn questions() -> [(&'static str, Value); 12] {
    [
        // Who touched the customers, and how much of it did they see?
        (
            "SELECT \"user\", os_user, verbs, outcome, \"rows\", certain FROM who_touched('public.customers')",
            json!([["postgres", "nobody", ["select"], "allowed", 2, true]]),
        ),
        // What was refused, and for whom?
        (
            "SELECT os_user, statement, verbs, outcome FROM denied ORDER BY sequence",
            json!([["nobody", "DROP TABLE claims", ["drop"], "denied"]]),
        ),
        // What was held, who released it and why?
        (
            "SELECT os_user, statement, outcome, approved_by, approval_reason, own_approval, waited > INTERVAL 0 SECOND FROM approvals",
            json!([[
                "nobody",
                REPAIR,
                "approved",
                "root",
                "ticket 4711",
                false,
                true
            ]]),
        ),
        // Which classified columns did people read, and were they masked?
        (
            "SELECT \"column\", class, \"rows\", masked_values FROM masked ORDER BY 1",
            json!([
                ["public.customers.email", "contact", 2, 4],
                ["public.customers.ssn", "pii", 2, 4]
            ]),
        ),
        // Who was there, from where, with which program, and what did they take with them?
        (
            "SELECT \"user\", os_user, database, source, proven, requests, denied, held, \"rows\" FROM sessions ORDER BY opened_at",
            json!([["postgres", "nobody", "app", "127.0.0.1", true, 3, 1, 1, 2]]),
        ),
        // Whose identity is not proven?
        ("SELECT session FROM sessions WHERE NOT proven", json!([])),
        // Which sessions went in plain?
        (
            "SELECT count(*) FROM sessions WHERE client_tls IS NULL",
            json!([[1]]),
        ),
        // Who changed structure or rights?
        (
            "SELECT os_user, statement, outcome FROM changes",
            json!([["nobody", "DROP TABLE claims", "denied"]]),
        ),
        // By which policies was each request decided, and were they in force then?
        (
            "SELECT count(*) FROM requests r WHERE NOT EXISTS (SELECT 1 FROM policies p WHERE p.hash = r.policy_hash AND p.since <= r.asked_at)",
            json!([[0]]),
        ),
        // Is a record missing?
        ("SELECT \"first\", missing FROM gaps", json!([[1, 0]])),
        // Of which requests is it not known what they touched?
        (
            "SELECT statement, opaque FROM touched WHERE object IS NULL",
            json!([]),
        ),
        // And as OCSF: does every event say who, what and where?
        (
            "SELECT count(*) FROM ocsf_6005 WHERE actor.session.uid IS NOT NULL AND (src_endpoint.ip IS NULL OR metadata.version <> '1.8.0' OR type_uid <> class_uid * 100 + activity_id)",
            json!([[0]]),
        ),
    ]
}

/// One session reads, is refused, and waits for an approval; then the agent stops, and so everything is archived.
fn day_at_the_shop() -> Option<World> {
    let plan = shop(ONCALL).config("[approvals.approvers]\ndba = [\"root\"]\n");
    let mut world = plan.intercepted(&["oncall"]).unwrap()?;
    let mut wire = world.wire_of("oncall", CLIENT).unwrap();
    wire.log_in("postgres", "app").unwrap();
    let read = "SELECT name, email, ssn FROM customers WHERE id < 3";
    assert!(answer(&mut wire, read).ends_with("C:SELECT_2 Z:I"));
    assert!(answer(&mut wire, "DROP TABLE claims").contains("42501"));
    wire.send(&query(REPAIR)).unwrap();
    approve(&world);
    assert!(told(&wire.until_ready().unwrap()).ends_with("C:UPDATE_1 Z:I"));
    wire.send(&terminate()).unwrap();
    wire.until_end().unwrap();
    world.agent_mut().stop().unwrap();
    Some(world)
}

fn answer(wire: &mut Wire, sql: &str) -> String {
    wire.send(&query(sql)).unwrap();
    told(&wire.until_ready().unwrap())
}

/// Approves the statement that is held, as soon as it is.
fn approve(world: &World) {
    let id = loop {
        let (list, _) = world.weir(&["approvals", "list"]);
        if list.contains(REPAIR) {
            break list.split_whitespace().next().expect("an id").to_owned();
        }
    };
    let (said, done) = world.weir(&["approvals", "approve", &id, "--reason", "ticket 4711"]);
    assert!(done, "{said}");
}

/// What the readers say: how many records of each event, and the answers.
fn read(world: &World, questions: &[&str]) -> Value {
    let (views, done) = world.weir(&["audit", "sql"]);
    assert!(done, "{views}");
    let mut reader: Command = driver("read_trail.py");
    let archive = world.folder().join("state/archive");
    let reader = reader
        .arg(archive)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut reader = reader.spawn().unwrap();
    let script = format!("{views}\n----\n{}\n", questions.join("\n"));
    let mut input = reader.stdin.take().unwrap();
    input.write_all(script.as_bytes()).unwrap();
    drop(input);
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success(), "the readers failed: see above");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_reader_finds_the_same_records_and_the_views_answer_what_auditors_ask() {
    let Some(world) = day_at_the_shop() else {
        return;
    };
    let questions = questions();
    let asked: Vec<&str> = questions.iter().map(|(question, _)| *question).collect();
    let found = read(&world, &asked);
    let by_duckdb = &found["readers"]["duckdb"];
    assert_eq!(by_duckdb["settled"], 1, "{by_duckdb}");
    assert_eq!(by_duckdb["stopped"], 1, "{by_duckdb}");
    for (reader, counts) in found["readers"].as_object().unwrap() {
        assert_eq!(counts, by_duckdb, "{reader}");
    }
    let asked: Vec<_> = questions
        .iter()
        .map(|(question, answer)| json!([question, answer]))
        .collect();
    let answers = questions.iter().zip(found["answers"].as_array().unwrap());
    let answered: Vec<_> = answers
        .map(|((question, _), answer)| json!([question, answer]))
        .collect();
    assert_eq!(answered, asked);
}

/// Reads the shop, classified columns masked, and leaves what it saw in the evidence.
const RECORDED: &str = r#"
@id("analyst-read")
@record("full")
permit (principal, action == Action::"select", resource in Schema::"shop/app.public");
"#;

/// A world where somebody read two customers, and the id of the session.
fn a_recorded_read() -> (World, String) {
    let world = shop(RECORDED).gateway().unwrap();
    let read = "SELECT id, name, ssn FROM customers WHERE id < 3 ORDER BY id";
    assert!(world.ask("anybody", read).starts_with("1|Ada|***-**-4399"));
    let (list, done) = world.weir(&["sessions", "list"]);
    assert!(done && list.contains("app as postgres"), "{list}");
    let session = list.lines().nth(1).and_then(|line| line.split(' ').next());
    let session = session.expect("a session").to_owned();
    (world, session)
}

#[test]
fn a_session_is_shown_again_as_its_client_saw_it() {
    let (world, session) = a_recorded_read();
    let (replay, done) = world.weir(&["sessions", "replay", &session, "--fast"]);
    assert!(done, "{replay}");
    for part in [
        "app=> SELECT id, name, ssn FROM customers",
        " id | name  | ssn\n----+-------+-------------\n 1  | Ada   | ***-**-4399\n 2  | Grace | ***-**-9999\n",
        "SELECT 2\n-- 2 rows",
    ] {
        assert!(replay.contains(part), "no {part} in {replay}");
    }
    assert!(!replay.contains("536-90"), "{replay}");

    let (cast, _) = world.weir(&["sessions", "replay", &session, "--asciicast"]);
    let mut lines = cast
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(lines.next().unwrap()["version"], 2);
    let moments: Vec<f64> = lines.map(|line| line[0].as_f64().unwrap()).collect();
    assert!(moments.len() > 3 && moments.is_sorted(), "{moments:?}");

    let (shown, _) = world.weir(&["sessions", "show", &session]);
    assert!(
        shown.contains("workloads") && shown.contains("gateway"),
        "{shown}"
    );
    let (said, done) = world.weir(&["sessions", "show", "nobody"]);
    assert!(!done && said.contains("weir sessions list"), "{said}");
}

#[test]
fn records_leave_for_other_programs() {
    let (world, session) = a_recorded_read();
    let export = |format: &str| {
        let wanted = [
            "audit",
            "export",
            "--format",
            format,
            "--where",
            "weir_stage=run",
        ];
        let (said, done) = world.weir(&wanted);
        assert!(done, "{said}");
        said
    };
    let json: Value = serde_json::from_str(&export("json")).unwrap();
    assert_eq!(json["actor_session_uid"], session);
    let ocsf: Value = serde_json::from_str(&export("ocsf")).unwrap();
    assert_eq!(ocsf["actor"]["session"]["uid"], session);
    assert_eq!(ocsf["type_uid"], 600_504);
    let csv = export("csv");
    assert!(
        csv.starts_with("weir_sequence,time,") && csv.lines().count() == 2,
        "{csv}"
    );
    let (said, done) = world.weir(&["audit", "export", "--format", "parquet"]);
    assert!(!done && said.contains("--output"), "{said}");
    let (said, done) = world.weir(&["audit", "export", "--where", "rows=7"]);
    assert!(!done && said.contains("no column rows"), "{said}");
}

#[test]
fn records_are_seen_as_they_come() {
    let (world, _) = a_recorded_read();
    let mut tail = world
        .agent()
        .command(&["audit", "tail", "--follow", "-n", "0"]);
    let mut tail = tail.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let seen = thread::scope(|scope| {
        let seen = scope.spawn(|| {
            let mut lines = lines.map(|line| line.expect("a line"));
            lines.find(|line| line.contains("SELECT 4711")).is_some()
        });
        // It may look for the first time only now: whatever comes later is seen.
        while !seen.is_finished() {
            world.ask("anybody", "SELECT 4711 FROM customers");
        }
        seen.join().unwrap()
    });
    tail.kill().unwrap();
    tail.wait().unwrap();
    assert!(seen);
}
