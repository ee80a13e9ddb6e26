//! Peers that go away, and servers that are not there.

use rustix::net::sockopt::set_socket_linger;
use stage::free_port;
use std::time::Duration;
use weir_tests::messages::{error, query, rows, told};
use weir_tests::{Plan, World, startup};

use super::session;

#[test]
fn a_client_that_has_said_everything_still_reads_the_answer() {
    let world = Plan::new().gateway().unwrap();
    let mut wire = session(&world);
    let asked = query("SELECT repeat('x', 1000000)");
    wire.send(&[asked, query("SELECT 2")].concat()).unwrap();
    wire.finish().unwrap();
    let answer = wire.until_end().unwrap();
    assert_eq!(told(&answer), "T D C:SELECT_1 Z:I T D C:SELECT_1 Z:I");
    no_session_is_left(&world);
}

#[test]
fn a_client_that_is_gone_takes_its_session_on_the_server_with_it() {
    let world = Plan::new().gateway().unwrap();
    for statement in [
        None,
        Some("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)"),
    ] {
        for is_reset in [true, false] {
            let mut wire = session(&world);
            if let Some(statement) = statement {
                wire.send(&query(statement)).unwrap();
                // The result is on its way.
                wire.read().unwrap();
            }
            if is_reset {
                set_socket_linger(wire.stream(), Some(Duration::ZERO)).unwrap();
            }
            drop(wire);
            no_session_is_left(&world);
        }
    }
    assert_eq!(
        told(&session(&world).query("SELECT 1").unwrap()),
        "T D C:SELECT_1 Z:I"
    );
}

#[test]
fn a_login_may_come_byte_by_byte() {
    let world = Plan::new().gateway().unwrap();
    let mut wire = world.wire("client").unwrap();
    let bytes = [
        startup(&[("user", "postgres"), ("database", "app")]),
        query("SELECT 'slowly'"),
    ]
    .concat();
    for byte in bytes {
        wire.send(&[byte]).unwrap();
    }
    wire.until_ready().unwrap();
    assert_eq!(rows(&wire.until_ready().unwrap()), [["slowly"]]);
}

#[test]
fn a_server_that_is_not_there_is_named_as_the_reason() {
    let world = Plan::new()
        .upstream(free_port().unwrap())
        .gateway()
        .unwrap();
    let mut wire = world.wire("client").unwrap();
    let answer = wire.log_in("postgres", "app").unwrap();
    assert_eq!(told(&answer), "E:57P03");
    let refusal = error(&answer);
    assert_eq!(refusal.field('V'), "FATAL");
    assert_eq!(refusal.field('M'), "weir: the server could not be reached");
    let psql = world
        .psql("client")
        .args(["-c", "SELECT 1"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&psql.stderr);
    assert!(
        psql.status.code() == Some(2) && errors.contains("weir: the server could not be reached"),
        "{errors}"
    );
}

#[test]
fn a_server_that_goes_down_says_goodbye_itself_and_is_found_again() {
    let mut world = Plan::new().gateway().unwrap();
    let mut idle = session(&world);
    let mut busy = session(&world);
    busy.send(&query("SELECT pg_sleep(600)")).unwrap();
    until(
        &world,
        "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
    );
    world.database_mut().crash().unwrap();
    for wire in [&mut idle, &mut busy] {
        let goodbye = wire.until_end().unwrap();
        assert!(told(&goodbye).ends_with("N:57P01"), "{goodbye:?}");
    }
    assert_eq!(
        told(&session(&world).query("SELECT 1").unwrap()),
        "T D C:SELECT_1 Z:I"
    );
}

/// The server has no session of a client any more. The agent's own ones, which read the catalog, come and go.
fn no_session_is_left(world: &World) {
    until(
        world,
        "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name = '' AND pid <> pg_backend_pid()",
    );
}

/// Asks the server, past the agent, until it says yes.
fn until(world: &World, question: &str) {
    while world.database().run("app", question).unwrap().trim() != "t" {}
}
