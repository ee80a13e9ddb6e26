//! Held statements: who is told, who may release, and what ends the waiting.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use weir_tests::messages::{
    bind, error, execute, extended, parse, query, rows, sync, terminate, told,
};
use weir_tests::shop::{ONCALL, shop};
use weir_tests::{CLIENT, Frame, Plan, Wire, World};

/// Uid of whoever runs the tests of interception, and answers.
const ROOT: u32 = 0;

const REPAIR: &str = "UPDATE orders SET status = 'refunded' WHERE id = 2";

fn plan() -> Plan {
    shop(ONCALL).config("[approvals.approvers]\ndba = [\"root\"]\n")
}

/// A world where clients are other users than the approver.
fn two_people() -> Option<World> {
    plan().intercepted(&["oncall"]).unwrap()
}

fn session(world: &World, user: u32) -> Wire {
    let mut wire = world.wire_of("oncall", user).unwrap();
    let greeting = wire.log_in("postgres", "app").unwrap();
    assert!(told(&greeting).ends_with("Z:I"), "{}", told(&greeting));
    wire
}

/// Sends it, waits for the notice that it is held, and returns the notice's words and the id in them.
fn hold(wire: &mut Wire, bytes: &[u8]) -> (Frame, String) {
    wire.send(bytes).unwrap();
    loop {
        let frame = wire.read().unwrap();
        if frame.tag == 'N' {
            let words = frame.field('M');
            let id = words.strip_prefix("weir: the statement is held as ");
            let id = id.and_then(|rest| rest.split(' ').next()).expect("an id");
            return (frame.clone(), id.to_owned());
        }
        assert!(
            !['C', 'E', 'Z'].contains(&frame.tag),
            "not held: {}",
            told(&[frame])
        );
    }
}

fn status(world: &World) -> String {
    let sql = "SELECT status FROM orders WHERE id = 2";
    world.database().run("app", sql).unwrap().trim().to_owned()
}

/// Looks at the list until it is so, or too late.
fn until_list(world: &World, is_so: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let (list, _) = world.weir(&["approvals", "list"]);
        if is_so(&list) {
            return list;
        }
        assert!(Instant::now() < deadline, "the list stays: {list}");
    }
}

/// The trail's records of this event, as JSON.
fn trail(world: &World, event: &str) -> Vec<String> {
    let (said, _) = world.weir(&["audit", "show", "--json", "-n", "1000"]);
    let event = format!("\"weir_event\":\"{event}\"");
    let records = said.lines().filter(|line| line.contains(&event));
    records.map(str::to_owned).collect()
}

#[test]
fn a_held_statement_runs_when_somebody_else_approves_it() {
    let Some(world) = two_people() else { return };
    let mut wire = session(&world, CLIENT);
    let (notice, id) = hold(&mut wire, &query(REPAIR));
    assert_eq!(
        (notice.field('S'), notice.field('C')),
        ("NOTICE".into(), "00000".into())
    );
    assert!(
        notice.field('M').ends_with(&format!(
            "held as {id} until dba approves it: update on table shop/app.public.orders needs approval"
        )),
        "{}",
        notice.field('M')
    );
    assert_eq!(
        notice.field('H'),
        format!("Approve with: weir approvals approve {id}")
    );
    assert_eq!(status(&world), "open");

    let (list, _) = world.weir(&["approvals", "list"]);
    assert!(
        list.starts_with(&id) && list.contains("shop/app") && list.contains(REPAIR),
        "{list}"
    );
    let (shown, _) = world.weir(&["approvals", "show", &id]);
    for part in [
        REPAIR,
        "held by     oncall-write",
        "approvers   dba",
        "shop/app as postgres",
        "nobody in cgroup:/",
    ] {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    let answer = world.weir(&["approvals", "approve", &id, "--reason", "ticket 4711"]);
    assert_eq!(answer, (format!("{id} approved\n"), true));
    assert_eq!(told(&wire.until_ready().unwrap()), "C:UPDATE_1 Z:I");
    assert_eq!(status(&world), "refunded");

    let settled = trail(&world, "settled");
    assert_eq!(settled.len(), 1);
    for part in [
        "\"weir_approval\":\"approved\"",
        "\"weir_approval_by\":\"root\"",
        "ticket 4711",
    ] {
        assert!(settled[0].contains(part), "no {part} in {}", settled[0]);
    }
    let (said, done) = world.weir(&["approvals", "approve", &id]);
    assert!(
        !done && said.contains(&format!("no request {id} is waiting")),
        "{said}"
    );
    let (said, done) = world.weir(&["approvals", "show", &id]);
    assert!(!done && said.contains("no statement is held as"), "{said}");
}

#[test]
fn psql_tells_its_user_that_the_statement_waits_and_then_why_not() {
    let Some(world) = two_people() else { return };
    let mut psql = world
        .psql("oncall")
        .args(["-c", REPAIR])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = BufReader::new(psql.stderr.take().unwrap());
    let mut notice = String::new();
    words.read_line(&mut notice).unwrap();
    assert!(
        notice.starts_with("NOTICE:  weir: the statement is held as "),
        "{notice}"
    );
    let id = notice.split(' ').nth(8).unwrap();
    let (said, done) = world.weir(&["approvals", "deny", id, "--reason", "not on a Friday"]);
    assert!(done, "{said}");
    let mut rest = String::new();
    words.read_to_string(&mut rest).unwrap();
    assert!(
        rest.contains("ERROR:  weir: root did not approve the statement: not on a Friday"),
        "{rest}"
    );
    assert!(!psql.wait().unwrap().success());
    assert_eq!(status(&world), "open");
}

#[test]
fn nobody_approves_their_own_request() {
    let Some(world) = two_people() else { return };
    let mut wire = session(&world, ROOT);
    let (_, id) = hold(&mut wire, &query(REPAIR));
    let (said, done) = world.weir(&["approvals", "approve", &id]);
    assert!(!done);
    assert!(
        said.contains(&format!(
            "request {id} was made by root (uid 0); somebody else must approve it"
        )),
        "{said}"
    );
    assert_eq!(status(&world), "open");
    // It is held as before; to take it back is their own business.
    let (said, done) = world.weir(&["approvals", "deny", &id]);
    assert!(done, "{said}");
    let answer = wire.until_ready().unwrap();
    assert_eq!(told(&answer), "E:42501 Z:I");
    assert_eq!(
        error(&answer).field('M'),
        "weir: root did not approve the statement"
    );
    assert_eq!(status(&world), "open");
}

#[test]
fn who_may_not_approve_is_told_who_may() {
    let config = "[approvals.approvers]\ndba = [\"daemon\"]\nothers = [\"root\"]\n";
    let Some(world) = shop(ONCALL)
        .config(config)
        .intercepted(&["oncall"])
        .unwrap()
    else {
        return;
    };
    let mut wire = session(&world, CLIENT);
    let (_, id) = hold(&mut wire, &query(REPAIR));
    for verb in ["approve", "deny"] {
        let (said, done) = world.weir(&["approvals", verb, &id]);
        assert!(!done);
        assert!(
            said.contains(&format!(
                "request {id} may be settled by dba; root is none of them"
            )),
            "{said}"
        );
    }
    assert_eq!(status(&world), "open");
    let socket = fs::metadata(world.folder().join("run/control.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_statement_that_nobody_answers_for_is_refused_in_time() {
    let world = plan()
        .config("[sessions]\napproval_timeout = 1\n")
        .gateway()
        .unwrap();
    let mut wire = session(&world, CLIENT);
    hold(&mut wire, &query(REPAIR));
    let answer = wire.until_ready().unwrap();
    assert_eq!(told(&answer), "E:42501 Z:I");
    assert_eq!(
        error(&answer).field('M'),
        "weir: nobody approved the statement in time"
    );
    assert_eq!(
        world.weir(&["approvals", "list"]).0,
        "no statement is held\n"
    );
    assert_eq!(status(&world), "open");
    assert!(trail(&world, "settled")[0].contains("\"weir_approval\":\"expired\""));
    assert_eq!(
        rows(&wire.query("SELECT id FROM orders WHERE id = 1").unwrap()),
        [["1"]]
    );
}

#[test]
fn a_client_that_leaves_withdraws_its_question() {
    let world = plan().gateway().unwrap();
    for goodbye in [None, Some(terminate()), Some(query("SELECT 1"))] {
        let mut wire = session(&world, CLIENT);
        let (_, id) = hold(&mut wire, &query(REPAIR));
        if let Some(goodbye) = &goodbye {
            wire.send(goodbye).unwrap();
        }
        drop(wire);
        until_list(&world, |list| list == "no statement is held\n");
        let (said, done) = world.weir(&["approvals", "deny", &id]);
        assert!(!done && said.contains("withdrawn"), "{said}");
    }
    assert_eq!(status(&world), "open");
    let deadline = Instant::now() + Duration::from_secs(10);
    while trail(&world, "closed").len() < 3 {
        assert!(Instant::now() < deadline, "the sessions are not closed");
    }
    let settled = trail(&world, "settled");
    assert_eq!(settled.len(), 3);
    assert!(
        settled
            .iter()
            .all(|record| record.contains("\"weir_approval\":\"withdrawn\""))
    );
}

#[test]
fn held_statements_are_settled_one_by_one() {
    let Some(world) = two_people() else { return };
    let (mut first, mut second) = (session(&world, CLIENT), session(&world, CLIENT));
    let (_, refused) = hold(&mut first, &query("DELETE FROM orders WHERE id = 1"));
    let (_, released) = hold(&mut second, &query(REPAIR));
    assert_ne!(refused, released);
    let (list, _) = world.weir(&["approvals", "list"]);
    let listed: Vec<_> = list
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(listed, [&refused, &released], "oldest first");
    assert!(world.weir(&["approvals", "deny", &refused]).1);
    assert_eq!(told(&first.until_ready().unwrap()), "E:42501 Z:I");
    assert_eq!(status(&world), "open");
    until_list(&world, |list| {
        list.starts_with(&released) && list.lines().count() == 1
    });
    assert!(
        world
            .weir(&["approvals", "approve", &released.to_uppercase()])
            .1
    );
    assert_eq!(told(&second.until_ready().unwrap()), "C:UPDATE_1 Z:I");
    let left = world
        .database()
        .run("app", "SELECT count(*) FROM orders")
        .unwrap();
    assert_eq!(left, "3\n");
}

#[test]
fn a_prepared_statement_is_held_each_time_it_runs_with_its_values() {
    let Some(world) = two_people() else { return };
    let mut wire = session(&world, CLIENT);
    wire.send(
        &[
            parse("s", "UPDATE orders SET status = $1 WHERE id = $2"),
            sync(),
        ]
        .concat(),
    )
    .unwrap();
    assert_eq!(
        told(&wire.until_ready().unwrap()),
        "1 Z:I",
        "to prepare holds nothing"
    );
    for (values, verb, answer) in [
        (["refunded", "2"], "approve", "C:UPDATE_1 Z:I"),
        (["stolen", "2"], "deny", "E:42501 Z:I"),
    ] {
        let run = [bind("", "s", &values, 0), execute(""), sync()].concat();
        let (_, id) = hold(&mut wire, &run);
        let (shown, _) = world.weir(&["approvals", "show", &id]);
        assert!(
            shown.contains(&format!("$1          {}", values[0]))
                && shown.contains(&format!("$2          {}", values[1])),
            "{shown}"
        );
        assert!(world.weir(&["approvals", verb, &id]).1);
        // When the BindComplete came is the server's own affair.
        let told = told(&wire.until_ready().unwrap());
        assert_eq!(told.trim_start_matches("2 "), answer);
    }
    assert_eq!(status(&world), "refunded");
}

#[test]
fn what_was_sent_behind_a_held_statement_waits_with_it() {
    let Some(world) = two_people() else { return };
    let mut wire = session(&world, CLIENT);
    let batch = [
        query(REPAIR),
        query("SELECT status FROM orders WHERE id = 2"),
        extended("SELECT count(*) FROM orders", &[], 0),
        sync(),
    ]
    .concat();
    let (_, id) = hold(&mut wire, &batch);
    let decided = trail(&world, "decided");
    assert!(
        decided.last().unwrap().contains("\"weir_effect\":\"hold\""),
        "{decided:?}"
    );
    assert!(world.weir(&["approvals", "approve", &id]).1);
    assert_eq!(told(&wire.until_ready().unwrap()), "C:UPDATE_1 Z:I");
    assert_eq!(rows(&wire.until_ready().unwrap()), [["refunded"]]);
    assert_eq!(rows(&wire.until_ready().unwrap()), [["3"]]);
}

#[test]
fn a_statement_that_is_not_released_fails_its_transaction() {
    let world = plan().gateway().unwrap();
    let mut wire = session(&world, CLIENT);
    assert_eq!(told(&wire.query("BEGIN").unwrap()), "C:BEGIN Z:T");
    let (_, id) = hold(&mut wire, &query(REPAIR));
    assert!(world.weir(&["approvals", "deny", &id]).1);
    assert_eq!(told(&wire.until_ready().unwrap()), "E:42501 Z:E");
    assert_eq!(told(&wire.query("COMMIT").unwrap()), "C:ROLLBACK Z:I");
}

#[test]
fn an_approved_statement_is_judged_by_the_policies_of_that_moment() {
    let Some(world) = two_people() else { return };
    let mut wire = session(&world, CLIENT);
    let (_, id) = hold(&mut wire, &query(REPAIR));
    let rules = world.folder().join("policies/rules.cedar");
    let frozen = "\n@id(\"frozen\")\n@description(\"Nothing is changed during the audit.\")\n\
                  forbid (principal, action in Action::\"write\", resource);\n";
    fs::write(&rules, format!("{ONCALL}{frozen}")).unwrap();
    let (said, done) = world.weir(&["reload"]);
    assert!(done, "{said}");
    assert!(world.weir(&["approvals", "approve", &id]).1);
    let answer = wire.until_ready().unwrap();
    assert_eq!(told(&answer), "E:42501 Z:I");
    assert!(
        error(&answer).field('M').contains("frozen forbids update"),
        "{}",
        error(&answer).field('M')
    );
    assert_eq!(status(&world), "open");
    let decisions = trail(&world, "decided");
    let last = decisions.last().unwrap();
    assert!(
        last.contains("\"weir_effect\":\"deny\"") && last.contains("frozen"),
        "{last}"
    );
}

#[test]
fn a_statement_cannot_dress_up_for_its_approver() {
    let world = plan().gateway().unwrap();
    let mut wire = session(&world, CLIENT);
    let dressed = format!("{REPAIR} /* \x1b[2J\x1b[1;1H harmless \u{202e} */");
    let (_, id) = hold(&mut wire, &query(&dressed));
    for words in [vec!["approvals", "list"], vec!["approvals", "show", &id]] {
        let (said, _) = world.weir(&words);
        assert!(said.contains("harmless"), "{said:?}");
        assert!(
            !said.contains('\x1b') && !said.contains('\u{202e}'),
            "{said:?}"
        );
    }
}
