//! What is in the trail after the agent was killed.

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use weir_tests::{Plan, Wire, World};

/// Sessions that insert at the same time.
const SESSIONS: usize = 8;
/// How often the agent is killed with each durability; `WEIR_KILLS` says another number.
const ROUNDS: usize = 5;
/// Statements of one round that are acknowledged before the kill, at most.
const MOST: u32 = 600;

/// Inserts a token per statement until the connection breaks, and tells of each that was acknowledged.
fn load(mut wire: Wire, session: String, acknowledged: &Sender<String>) {
    for number in 0.. {
        let token = format!("{session}-{number:06}");
        let Ok(answer) = wire.query(&format!("INSERT INTO tokens VALUES ('{token}')")) else {
            return;
        };
        if answer.is_empty() || acknowledged.send(token).is_err() {
            return;
        }
    }
}

/// Lets sessions insert, and kills the agent after this many acknowledgements. Gives what was acknowledged.
fn kill_under_load(world: &mut World, round: usize, after: u32) -> Vec<String> {
    let (sender, receiver): (Sender<String>, Receiver<String>) = channel();
    let mut sessions = Vec::new();
    for number in 0..SESSIONS {
        let mut wire = world.wire("load").unwrap();
        wire.log_in("postgres", "app").unwrap();
        let sender = sender.clone();
        let name = format!("r{round}-s{number}");
        sessions.push(thread::spawn(move || load(wire, name, &sender)));
    }
    drop(sender);
    let mut acknowledged: Vec<_> = receiver.iter().take(after as usize).collect();
    world.agent_mut().kill().unwrap();
    acknowledged.extend(receiver);
    for session in sessions {
        session.join().unwrap();
    }
    acknowledged
}

/// The tokens in the table, once the server has noticed that all sessions are gone.
fn executed(world: &World) -> HashSet<String> {
    let deadline = Instant::now() + Duration::from_secs(30);
    let others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    while world.database().run("app", others).unwrap().trim() != "0" {
        assert!(
            Instant::now() < deadline,
            "the server still has sessions of a killed agent"
        );
    }
    let tokens = world
        .database()
        .run("app", "SELECT token FROM tokens")
        .unwrap();
    tokens.lines().map(str::to_owned).collect()
}

/// The tokens in statements that the trail says were allowed.
fn recorded(world: &World) -> HashSet<String> {
    let shown = world
        .agent()
        .ask(&["audit", "show", "--json", "-n", "10000000"])
        .unwrap();
    assert!(
        shown.status.success(),
        "{}",
        String::from_utf8_lossy(&shown.stderr)
    );
    String::from_utf8(shown.stdout)
        .unwrap()
        .lines()
        .filter(|line| line.contains(r#""weir_effect":"allow""#))
        .filter_map(|line| {
            let (_, after) = line.split_once("INSERT INTO tokens VALUES ('")?;
            Some(after.split_once('\'')?.0.to_owned())
        })
        .collect()
}

#[test]
fn what_the_server_executed_is_in_the_trail_of_an_agent_that_was_killed() {
    survive("process");
}

#[test]
fn what_the_server_executed_is_in_the_trail_of_a_strict_agent_that_was_killed() {
    survive("strict");
}

#[test]
fn what_the_server_executed_is_in_the_trail_of_an_agent_that_was_killed_while_replies_waited() {
    survive("release");
}

fn rounds() -> usize {
    let written = std::env::var("WEIR_KILLS").ok();
    written.map_or(ROUNDS, |kills| {
        kills.parse().expect("WEIR_KILLS is a number")
    })
}

fn survive(durability: &str) {
    let mut world = Plan::new()
        .config(&format!("[audit]\ndurability = \"{durability}\"\n"))
        .script("CREATE TABLE tokens (token text PRIMARY KEY)")
        .gateway()
        .unwrap();
    let seed = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .subsec_nanos();
    let mut acknowledged = Vec::new();
    for round in 0..rounds() {
        let after = seed.rotate_right(u32::try_from(round).expect("few")) % MOST + 1;
        eprintln!("round {round}: the agent is killed after {after} acknowledged statements");
        acknowledged.extend(kill_under_load(&mut world, round, after));
        let executed = executed(&world);
        // The recovered journal: what the killed agent had written is all that there is.
        world.restart().unwrap();
        let recorded = recorded(&world);
        let lost: Vec<_> = executed.difference(&recorded).collect();
        assert!(lost.is_empty(), "executed and not recorded: {lost:?}");
        let unknown: Vec<_> = acknowledged
            .iter()
            .filter(|token| !executed.contains(*token))
            .collect();
        assert!(
            unknown.is_empty(),
            "acknowledged and not executed: {unknown:?}"
        );
        let verified = world.agent().ask(&["audit", "verify"]).unwrap();
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stdout)
        );
    }
}
