//! Cancel requests: exactly the statement that is meant, however many others run.

use std::collections::BTreeSet;

use weir_tests::messages::{query, terminate, told};
use weir_tests::shop::{ONCALL, shop};
use weir_tests::{Frame, Plan, Wire, World, frame};

const SESSIONS: usize = 32;
const RECONNECTS: usize = 100;

/// The request code of CancelRequest.
const CANCEL: u32 = 80_877_102;
const SLEEP: &str = "SELECT pg_sleep(600)";
const CANCELLED: &str = "T E:57014 Z:I";

#[test]
fn each_key_stops_its_own_statement_and_no_other() {
    let world = world();
    let mut sessions: Vec<(Wire, Vec<u8>)> = (0..SESSIONS).map(|_| session(&world)).collect();
    let keys: BTreeSet<&Vec<u8>> = sessions.iter().map(|(_, key)| key).collect();
    assert_eq!(keys.len(), SESSIONS);
    for (wire, _) in &mut sessions {
        wire.send(&query(SLEEP)).unwrap();
    }
    until_sleeping(&world, SESSIONS);
    // Another order than that of the logins: 7 and 32 have no common divisor.
    for done in 0..SESSIONS {
        let (wire, key) = &mut sessions[done * 7 % SESSIONS];
        cancel(&world, key);
        assert_eq!(told(&wire.until_ready().unwrap()), CANCELLED);
        until_sleeping(&world, SESSIONS - done - 1);
    }
}

#[test]
fn a_cancel_finds_its_statement_while_sessions_come_and_go() {
    let world = world();
    let (mut bystander, key) = session(&world);
    bystander.send(&query(SLEEP)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..RECONNECTS).for_each(|_| sleep_and_cancel(&world)));
        }
    });
    until_sleeping(&world, 1);
    cancel(&world, &key);
    assert_eq!(told(&bystander.until_ready().unwrap()), CANCELLED);
}

#[test]
fn a_key_of_an_ended_session_or_a_wrong_one_reaches_nobody() {
    let world = world();
    let mut ended = Vec::new();
    for _ in 0..10 {
        let (mut wire, key) = session(&world);
        wire.send(&terminate()).unwrap();
        assert_eq!(wire.until_end().unwrap(), []);
        ended.push(key);
    }
    let (mut wire, key) = session(&world);
    wire.send(&query(SLEEP)).unwrap();
    until_sleeping(&world, 1);
    let mut wrong = key.clone();
    wrong[4] ^= 1;
    for key in ended.iter().chain([&wrong]) {
        cancel(&world, key);
    }
    until_sleeping(&world, 1);
    cancel(&world, &key);
    assert_eq!(told(&wire.until_ready().unwrap()), CANCELLED);
}

#[test]
fn a_cancel_withdraws_a_statement_that_waits_for_a_person() {
    let world = shop(ONCALL).gateway().unwrap();
    let (mut wire, key) = session(&world);
    let update = "UPDATE orders SET status = 'refunded' WHERE id = 2";
    wire.send(&query(update)).unwrap();
    assert_eq!(wire.read().unwrap().tag, 'N');
    cancel(&world, &key);
    assert_eq!(told(&wire.until_ready().unwrap()), "E:57014 Z:I");
    let (list, _) = world.weir(&["approvals", "list"]);
    assert!(!list.contains("UPDATE"), "{list}");
    let (trail, _) = world.weir(&["audit", "show", "--json"]);
    assert!(trail.contains("withdrawn"), "{trail}");
    assert_eq!(told(&wire.query("SELECT 1").unwrap()), "T D C:SELECT_1 Z:I");
}

#[test]
fn a_cancel_of_an_idle_session_does_nothing() {
    let world = world();
    let (mut wire, key) = session(&world);
    cancel(&world, &key);
    assert_eq!(told(&wire.query("SELECT 1").unwrap()), "T D C:SELECT_1 Z:I");
}

fn world() -> World {
    Plan::new().gateway().unwrap()
}

/// A session, and the key that it was shown.
fn session(world: &World) -> (Wire, Vec<u8>) {
    let mut wire = world.wire("client").unwrap();
    let welcome = wire.log_in("postgres", "app").unwrap();
    assert!(told(&welcome).ends_with("Z:I"), "{}", told(&welcome));
    let key: Option<&Frame> = welcome.iter().find(|frame| frame.tag == 'K');
    let key = key.unwrap().body.clone();
    (wire, key)
}

/// Ends when the agent has passed it on: then the server has the signal, or will never have it.
fn cancel(world: &World, key: &[u8]) {
    let packet = [&CANCEL.to_be_bytes(), key].concat();
    let mut wire = world.wire("client").unwrap();
    wire.send(&frame(' ', &packet)[1..]).unwrap();
    assert_eq!(wire.until_end().unwrap(), []);
}

/// One short life. The first row comes before the statement that is cancelled, in the same request.
fn sleep_and_cancel(world: &World) {
    let (mut wire, key) = session(world);
    let rows = "SELECT repeat('x', 100000) FROM generate_series(1, 2)";
    wire.send(&query(&format!("{rows}; {SLEEP}"))).unwrap();
    while wire.read().unwrap().tag != 'D' {}
    cancel(world, &key);
    let mut rest = Vec::new();
    while rest.last().is_none_or(|frame: &Frame| frame.tag != 'Z') {
        rest.push(wire.read().unwrap());
    }
    assert!(told(&rest).ends_with("E:57014 Z:I"), "{}", told(&rest));
}

fn until_sleeping(world: &World, count: usize) {
    let sleeping = "FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    world.until(&format!("SELECT count(*) = {count} {sleeping}"));
}
