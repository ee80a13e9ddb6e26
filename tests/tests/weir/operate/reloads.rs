//! Other policies for an agent that runs.

use std::fs;

use weir_tests::World;
use weir_tests::messages::{bind, error, execute, parse, sync, told};
use weir_tests::shop::shop;

use super::{READER, errors, events, query, session, trail, write_rules};

const SELECT: &str = "SELECT status FROM orders WHERE id = 1";
/// Its second line is wrong.
const BROKEN: &str =
    "@id(\"reader\")\npermit (principal, action == Action::\"selct\", resource);\n";
const WRONG: &str =
    "rules.cedar:2:30: unrecognized action `Action::\"selct\"`; did you mean `Action::\"select\"`?";
const CLOSED: &str = r#"
@id("closed")
@description("The shop is closed.")
forbid (principal, action, resource in Schema::"shop/app.public");
"#;

/// The hash of what lies in the directory now.
fn hash(world: &World) -> String {
    let (said, _) = world.weir(&["check"]);
    let (_, hash) = said.trim_end().rsplit_once("hash ").unwrap();
    hash.to_owned()
}

/// Reloads by command, which must succeed.
fn reload(world: &World) -> String {
    let (said, is_well) = world.weir(&["reload"]);
    assert!(is_well, "{said}");
    said
}

#[test]
fn a_bad_reload_keeps_the_old_policies_and_is_logged_and_recorded() {
    let world = shop(READER).gateway().unwrap();
    let mut wire = session(&world, "reader");
    let old = hash(&world);
    write_rules(&world, BROKEN);

    let output = world.agent().ask(&["reload"]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = errors(&output);
    assert_eq!(
        said,
        format!("weir: the old policies stay in force: {WRONG}\n")
    );
    let logged = "the new policies are not valid, and the old ones stay in force";
    let line = world.agent().wait_for(logged).unwrap();
    assert!(line.contains("ERROR"), "{line}");

    world.agent().hang_up().unwrap();
    world.agent().wait_for(logged).unwrap();
    assert_eq!(query(&mut wire, SELECT), "T D C:SELECT_1 Z:I");
    assert_eq!(
        query(&mut session(&world, "reader"), SELECT),
        "T D C:SELECT_1 Z:I"
    );
    // The command answers once its own record, and so the signal's before it, is written.
    assert!(!world.weir(&["reload"]).1);
    let rejected = events(&world, "policy_rejected");
    assert_eq!(rejected.len(), 3);
    for record in rejected {
        assert_eq!(record["weir_reason"], WRONG);
    }
    assert_eq!(events(&world, "policy_loaded").len(), 0);
    let decided = events(&world, "decided");
    assert_eq!(decided.last().unwrap()["weir_policy_hash"], old);
}

#[test]
fn a_good_reload_counts_from_the_next_statement_of_open_sessions() {
    let world = shop(READER).gateway().unwrap();
    let mut wire = session(&world, "reader");
    assert_eq!(query(&mut wire, SELECT), "T D C:SELECT_1 Z:I");
    wire.send(&[parse("kept", SELECT), sync()].concat())
        .unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "1 Z:I");
    let run = [bind("", "kept", &[], 0), execute(""), sync()].concat();
    wire.send(&run).unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "2 D C:SELECT_1 Z:I");

    write_rules(&world, CLOSED);
    let closed = hash(&world);
    assert_eq!(
        query(&mut wire, SELECT),
        "T D C:SELECT_1 Z:I",
        "written is not loaded"
    );
    assert!(reload(&world).contains(&closed));
    let answer = wire.query(SELECT).unwrap();
    assert_eq!(told(&answer), "E:42501 Z:I");
    assert_eq!(
        error(&answer).field('M'),
        "weir: denied: closed forbids select on table shop/app.public.orders: The shop is closed"
    );
    wire.send(&run).unwrap();
    assert_eq!(
        told(&wire.until_ready().unwrap()),
        "2 E:42501 Z:I",
        "what was prepared under the old policies is judged by the new ones"
    );
    let decided = events(&world, "decided");
    assert_eq!(decided.last().unwrap()["weir_policy_hash"], closed);

    write_rules(&world, READER);
    world.agent().hang_up().unwrap();
    world.agent().wait_for("new policies are in force").unwrap();
    world.agent().wait_for("new policies are in force").unwrap();
    assert_eq!(query(&mut wire, SELECT), "T D C:SELECT_1 Z:I");
    wire.send(&run).unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "2 D C:SELECT_1 Z:I");
    let loaded: Vec<_> = events(&world, "policy_loaded")
        .iter()
        .map(|record| record["weir_policy_hash"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(loaded, [closed, hash(&world)]);
}

#[test]
fn a_good_reload_counts_inside_an_open_transaction() {
    let world = shop(READER).gateway().unwrap();
    let mut wire = session(&world, "reader");
    assert_eq!(query(&mut wire, "BEGIN"), "C:BEGIN Z:T");
    assert_eq!(query(&mut wire, SELECT), "T D C:SELECT_1 Z:T");
    write_rules(&world, CLOSED);
    reload(&world);
    assert_eq!(query(&mut wire, SELECT), "E:42501 Z:E");
    assert_eq!(query(&mut wire, "ROLLBACK"), "C:ROLLBACK Z:I");
}

#[test]
fn nothing_counts_of_a_set_of_which_one_file_is_wrong() {
    let world = shop(READER).gateway().unwrap();
    let mut wire = session(&world, "reader");
    let file = |name: &str| world.folder().join("policies").join(name);
    let (closed, broken) = (file("a-closed.cedar"), file("z-broken.cedar"));
    fs::write(closed, CLOSED).unwrap();
    fs::write(&broken, BROKEN.replace("reader", "broken")).unwrap();
    assert!(!world.weir(&["reload"]).1);
    assert_eq!(
        query(&mut wire, SELECT),
        "T D C:SELECT_1 Z:I",
        "what is valid of it is not loaded alone"
    );
    fs::remove_file(broken).unwrap();
    reload(&world);
    assert_eq!(query(&mut wire, SELECT), "E:42501 Z:I");
}

#[test]
fn the_trail_says_which_set_is_in_force_and_each_decision_names_it() {
    let mut world = shop(READER)
        .config("[sessions]\nstatement_limit = 1000\n")
        .gateway()
        .unwrap();
    let long = format!("SELECT '{}'", "x".repeat(1000));
    let live = |world: &World| {
        let mut wire = session(world, "reader");
        for sql in [SELECT, SELECT, "DELETE FROM orders", &long] {
            query(&mut wire, sql);
        }
        wire.send(&[parse("", SELECT), bind("", "", &[], 0), execute(""), sync()].concat())
            .unwrap();
        wire.until_ready().unwrap();
    };
    let mut expected = vec![hash(&world)];
    live(&world);
    write_rules(&world, CLOSED);
    reload(&world);
    expected.push(hash(&world));
    live(&world);
    write_rules(&world, BROKEN);
    assert!(!world.weir(&["reload"]).1);
    live(&world);
    write_rules(&world, READER);
    world.agent_mut().stop().unwrap();
    world.restart().unwrap();
    expected.push(hash(&world));
    live(&world);

    let mut in_force = Vec::new();
    let mut decisions = 0;
    for record in trail(&world) {
        let named = record["weir_policy_hash"].as_str().map(str::to_owned);
        match record["weir_event"].as_str().unwrap() {
            "started" | "policy_loaded" => in_force.extend(named),
            "decided" => {
                assert_eq!(named.as_ref(), in_force.last(), "{record}");
                decisions += 1;
            }
            _ => {}
        }
    }
    assert_eq!(in_force, expected);
    // A login, four statements, and one that is prepared and, where that was permitted, run.
    assert_eq!(decisions, 4 * 7 - 2);
}
