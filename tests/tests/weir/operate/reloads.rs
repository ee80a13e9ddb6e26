//! Other policies for an agent that runs.

use weir_tests::World;
use weir_tests::messages::{bind, error, execute, parse, sync, told};
use weir_tests::shop::shop;

use super::{READER, errors, events, query, session, write_rules};

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
