//! A peer that does not read stops the other one: the agent's memory does not grow with what is under way.

use std::fs;
use std::io::{self, Write as _};
use std::time::Duration;

use weir_tests::messages::{query, told};
use weir_tests::{Plan, Wire, World, frame};

use super::session;

/// What the agent may need for a session more than it has, in KiB; each of these talks moves 300 MB or more.
const ROOM: u64 = 12 << 10;

#[test]
fn a_client_that_does_not_read_stops_the_server() {
    let world = Plan::new().gateway().unwrap();
    let mut wire = session(&world);
    wire.query("SELECT 1").unwrap();
    let before = peak(&world);
    wire.send(&query(
        "SELECT repeat('x', 30000) FROM generate_series(1, 10000)",
    ))
    .unwrap();
    // The server says when it can write no more.
    let question = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'ClientWrite'";
    while world.database().run("app", question).unwrap().trim() != "t" {}
    let answer = wire.until_ready().unwrap();
    let bytes: usize = answer.iter().map(|frame| frame.body.len()).sum();
    assert!(bytes > 300_000_000, "{bytes} bytes came");
    within_bounds(&world, before);
}

#[test]
fn a_server_that_does_not_read_stops_the_client() {
    const SLOW: &str = "
CREATE TABLE slow (x text);
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
CREATE TRIGGER wait BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION wait();
";
    let world = Plan::new().script(SLOW).gateway().unwrap();
    let mut lock = world.wire_direct().unwrap();
    lock.log_in("postgres", "app").unwrap();
    lock.query("SELECT pg_advisory_lock(1)").unwrap();
    let mut wire = session(&world);
    wire.send(&query("COPY slow FROM STDIN")).unwrap();
    assert_eq!(wire.read().unwrap().tag, 'G');
    let before = peak(&world);
    let row = frame('d', format!("{}\n", "x".repeat(1_000_000)).as_bytes());
    let all = row.repeat(300);
    let stream = wire.stream();
    stream
        .set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let mut sent = 0;
    // Ends when nothing was taken for a second.
    let stalled = loop {
        match stream.write(&all[sent..]) {
            Ok(taken) => sent += taken,
            Err(error) => break error,
        }
    };
    assert_eq!(stalled.kind(), io::ErrorKind::WouldBlock);
    assert!(sent < all.len() / 2, "{sent} bytes were taken");
    lock.query("SELECT pg_advisory_unlock(1)").unwrap();
    stream.set_write_timeout(None).unwrap();
    wire.send(&all[sent..]).unwrap();
    wire.send(&frame('c', b"")).unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "C:COPY_0 Z:I");
    within_bounds(&world, before);
}

#[test]
fn a_client_that_asks_on_and_on_without_reading_is_stopped() {
    let world = Plan::new()
        .config("[audit]\nsegment_seconds = 1")
        .gateway()
        .unwrap();
    let mut wire = session(&world);
    archive_as_many(&world, &mut wire);
    let before = peak(&world);
    let asked = query("SELECT repeat('x', 30000)");
    let mut stream = wire.stream().try_clone().unwrap();
    let sender = std::thread::spawn(move || (0..10_000).try_for_each(|_| stream.write_all(&asked)));
    let question = "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'ClientWrite'";
    while world.database().run("app", question).unwrap().trim() != "t" {}
    for _ in 0..10_000 {
        assert_eq!(told(&wire.until_ready().unwrap()), "T D C:SELECT_1 Z:I");
    }
    sender.join().unwrap().unwrap();
    within_bounds(&world, before);
}

/// Lets the archive have what it needs for so many records, which is no session's: it works on them at the same time.
fn archive_as_many(world: &World, wire: &mut Wire) {
    let asked = query("SELECT 1").repeat(100);
    for _ in 0..100 {
        wire.send(&asked).unwrap();
        for _ in 0..100 {
            assert_eq!(told(&wire.until_ready().unwrap()), "T D C:SELECT_1 Z:I");
        }
    }
    let mut archived = 0;
    while archived < 20_000 {
        let line = world.agent().wait_for(" archived ").unwrap();
        let (_, rows) = line.split_once("rows=").unwrap();
        archived += rows.parse::<u64>().unwrap();
    }
}

fn within_bounds(world: &World, before: u64) {
    let grown = peak(world) - before;
    assert!(grown < ROOM, "the agent's memory grew by {grown} KiB");
}

/// The most memory that the agent had so far, in KiB (proc_pid_status(5)).
fn peak(world: &World) -> u64 {
    let status =
        fs::read_to_string(format!("/proc/{}/status", world.agent().id().unwrap())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
