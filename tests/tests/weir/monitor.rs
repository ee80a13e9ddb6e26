//! A server that is only monitored: everything is decided and recorded, and nothing of it done.

use serde_json::Value;
use weir_tests::messages::{bind, execute, parse, query, rows, sync, told};
use weir_tests::shop::{ANALYST, CLASSES, TABLES};
use weir_tests::{Plan, Wire, World};

/// Permits no login, masks, holds changes, and denies the rest.
const HELD: &str = r#"
@id("held")
@approvers("dba")
permit (principal, action == Action::"update", resource in Schema::"shop/app.public")
when { context.approved };
"#;

const MONITOR: &str = "mode = \"monitor\"";

fn monitored(more: &str) -> (World, Wire) {
    let world = Plan::new()
        .script(TABLES)
        .classes(CLASSES)
        .policy("analyst.cedar", ANALYST)
        .policy("held.cedar", HELD)
        .config(&format!("{MONITOR}\n{more}"))
        .gateway()
        .unwrap();
    let mut wire = world.wire("somebody").unwrap();
    let greeting = wire.log_in("postgres", "app").unwrap();
    assert!(told(&greeting).ends_with("Z:I"), "{}", told(&greeting));
    (world, wire)
}

/// The decisions of the trail, oldest first.
fn decisions(world: &World) -> Vec<Value> {
    let (said, is_well) = world.weir(&["audit", "show", "--json", "-n", "1000"]);
    assert!(is_well, "{said}");
    said.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|record: &Value| record["weir_event"] == "decided")
        .collect()
}

#[test]
fn what_would_be_denied_held_or_masked_passes_and_the_record_says_both() {
    let (world, mut wire) = monitored("");
    let select = "SELECT ssn FROM customers WHERE id = 1";
    let update = "UPDATE orders SET status = 'late' WHERE id = 2";
    // Once as something new, and once as something known.
    for _ in 0..2 {
        assert_eq!(rows(&wire.query(select).unwrap()), [["536-90-4399"]]);
        assert_eq!(told(&wire.query(update).unwrap()), "C:UPDATE_1 Z:I");
        let answer = wire.query("DELETE FROM claims").unwrap();
        assert!(told(&answer).starts_with("C:DELETE"), "{}", told(&answer));
    }
    wire.send(&[parse("", select), bind("", "", &[], 0), execute(""), sync()].concat())
        .unwrap();
    assert_eq!(rows(&wire.until_ready().unwrap()), [["536-90-4399"]]);
    assert_eq!(told(&wire.query("DO 'BEGIN END'").unwrap()), "C:DO Z:I");

    let found: Vec<_> = decisions(&world)
        .iter()
        .map(|record| {
            let text = |column: &str| record[column].as_str().unwrap_or_default().to_owned();
            let numbers = ["action_id", "disposition_id", "weir_monitored"];
            let words = text("query_info_query_string")
                .split(' ')
                .next()
                .map(str::to_owned);
            (
                words.unwrap(),
                text("weir_effect"),
                text("weir_masks") != "[]",
                numbers.map(|column| record[column].as_i64()),
            )
        })
        .collect();
    let observed = [3, 15, 1].map(Some);
    let decided = |word: &str, effect: &str, masked| (word.into(), effect.into(), masked, observed);
    let run = [
        decided("SELECT", "allow", true),
        decided("UPDATE", "hold", false),
        decided("DELETE", "deny", false),
    ];
    let prepared = [run[0].clone(), run[0].clone()];
    let login = [decided("", "deny", false)];
    let opaque = [decided("DO", "deny", false)];
    let all = [&login[..], &run, &run, &prepared, &opaque].concat();
    assert_eq!(found, all);
    assert_eq!(
        world.weir(&["approvals", "list"]).0,
        "no statement is held\n"
    );
}

#[test]
fn it_is_said_loudly_that_a_server_is_only_monitored() {
    let (world, mut wire) = monitored("");
    wire.query("DELETE FROM claims").unwrap();
    let loud = "ONLY MONITORED";
    assert!(world.agent_log().contains(loud), "{}", world.agent_log());
    let (check, _) = world.weir(&["check"]);
    assert!(check.contains(&format!("server shop is {loud}")), "{check}");
    let (trail, _) = world.weir(&["audit", "show"]);
    let line = "run deny, forwarded because only monitored by default  DELETE FROM claims";
    assert!(trail.contains(line), "{trail}");
    let explain = [
        "explain",
        "--as",
        "gateway",
        "--database",
        "app",
        "DELETE FROM claims",
    ];
    let (explained, _) = world.weir(&explain);
    assert!(
        explained.contains("server shop is only monitored"),
        "{explained}"
    );
}

#[test]
fn what_is_not_read_is_refused_all_the_same() {
    let (world, mut wire) = monitored("[sessions]\nstatement_limit = 1000\n");
    let long = format!("SELECT '{}'", "x".repeat(1000));
    wire.send(&query(&long)).unwrap();
    let answer = wire.until_ready().unwrap();
    assert_eq!(told(&answer), "E:54000 Z:I");
    let last = decisions(&world).pop().unwrap();
    assert_eq!(
        last["weir_monitored"],
        Value::Null,
        "it was refused: {last}"
    );
}
