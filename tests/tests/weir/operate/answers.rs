//! `weir explain` and the running agent give the same answers.

use std::collections::BTreeSet;

use serde_json::Value;
use weir_tests::messages::error;
use weir_tests::shop::shop;
use weir_tests::{Frame, World};

use super::{events, parsed, session, write_rules};

const RULES: &str = r#"
@id("work")
permit (
  principal in Workload::"gateway",
  action in [Action::"select", Action::"insert", Action::"delete"],
  resource in Schema::"shop/app.public"
);

@id("changes")
@description("A change waits for a DBA.")
@approvers("dba")
permit (principal, action == Action::"update", resource in Schema::"shop/app.public")
when { context.approved };

@id("no-unrestricted-deletes")
@description("DELETE needs a WHERE clause.")
@hint("add a WHERE clause that names the rows")
forbid (principal, action == Action::"delete", resource)
unless { context.has_where };
"#;

/// Each with its effect and how many columns are masked.
const STATEMENTS: [(&str, &str, usize); 16] = [
    ("SELECT id, total FROM orders", "allow", 0),
    ("SELECT * FROM customers", "allow", 2),
    ("SELECT ssn FROM customers", "allow", 1),
    ("SELECT 1 FROM customers WHERE ssn = '1'", "deny", 0),
    ("SELECT upper(email) FROM customers", "allow", 1),
    ("INSERT INTO orders VALUES (4, 1, 1, 'open')", "allow", 0),
    ("DELETE FROM orders WHERE id = 4", "allow", 0),
    ("DELETE FROM orders", "deny", 0),
    ("UPDATE orders SET status = 'paid' WHERE id = 2", "hold", 0),
    ("UPDATE orders SET status = 'paid'", "hold", 0),
    ("TRUNCATE orders", "deny", 0),
    ("DROP TABLE orders", "deny", 0),
    ("SELECT wipe()", "deny", 0),
    ("SET search_path = public", "allow", 0),
    ("SELEC 1", "deny", 0),
    ("SELECT 1 FROM orders; DELETE FROM orders", "deny", 0),
];

/// What `weir explain` says to it, as text and as JSON, after both were held against each other.
fn explain(world: &World, sql: &str) -> Value {
    let words = ["explain", "--as", "gateway", "--database", "app", sql];
    let text = world.agent().ask(&words).unwrap();
    let json = world
        .agent()
        .ask(&[&words[..], &["--json"]].concat())
        .unwrap();
    let explanation: Value = serde_json::from_slice(&json.stdout)
        .unwrap_or_else(|error| panic!("{sql}: {error}: {json:?}"));
    let effect = explanation["effect"].as_str().unwrap();
    let code = match effect {
        "allow" => 0,
        "hold" => 3,
        _ => 4,
    };
    assert_eq!(text.status.code(), Some(code), "{sql}");
    assert_eq!(json.status.code(), Some(code), "{sql}");
    let text = String::from_utf8(text.stdout).unwrap();
    let because = explanation["because"]["explanation"].as_str().unwrap();
    assert_eq!(text.lines().next(), Some(&*format!("{effect}: {because}")));
    let masks = text
        .lines()
        .filter(|line| line.contains("masked: ") || line.contains("withheld from errors: "))
        .count();
    assert_eq!(
        masks,
        explanation["masks"].as_array().unwrap().len(),
        "{text}"
    );
    explanation
}

/// What the agent answers; of a held statement, the notice.
fn run(world: &World, sql: &str) -> Frame {
    let mut wire = session(world, "somebody");
    wire.send(&weir_tests::messages::query(sql)).unwrap();
    loop {
        let frame = wire.read().unwrap();
        if matches!(frame.tag, 'C' | 'E' | 'N') {
            return frame;
        }
    }
}

fn assert_answer(explanation: &Value, answer: &Frame, sql: &str) {
    let because = explanation["because"]["explanation"].as_str().unwrap();
    match explanation["effect"].as_str().unwrap() {
        "allow" => assert_eq!(answer.tag, 'C', "{sql}: {:?}", answer.fields()),
        "hold" => {
            assert_eq!(answer.tag, 'N', "{sql}");
            let notice = answer.field('M');
            assert!(notice.contains("until dba approves it: "), "{notice}");
            assert!(notice.ends_with(because), "{notice}");
        }
        _ => {
            let error = error(std::slice::from_ref(answer));
            assert_eq!(error.field('C'), "42501", "{sql}");
            assert_eq!(error.field('M'), format!("weir: denied: {because}"));
            let hint = explanation["because"]["hint"].as_str().unwrap_or_default();
            assert_eq!(error.field('H'), hint, "{sql}");
        }
    }
}

/// Class and name of each masked column.
fn masks(list: &Value, name: &str) -> BTreeSet<(String, String)> {
    let text = |mask: &Value, key| mask[key].as_str().unwrap().to_owned();
    list.as_array()
        .unwrap()
        .iter()
        .map(|mask| (text(mask, "class"), text(mask, name)))
        .collect()
}

#[test]
fn explain_says_what_the_running_agent_does() {
    let world = shop(RULES).gateway().unwrap();
    for (sql, effect, masked) in STATEMENTS {
        let explanation = explain(&world, sql);
        assert_eq!(explanation["effect"], effect, "{sql}");
        assert_eq!(
            explanation["masks"].as_array().unwrap().len(),
            masked,
            "{sql}"
        );
        assert_answer(&explanation, &run(&world, sql), sql);

        let decided = events(&world, "decided");
        let record = decided.last().unwrap();
        assert_eq!(record["query_info_query_string"], sql);
        assert_eq!(record["weir_effect"], effect, "{sql}");
        assert_eq!(
            record["weir_reason"], explanation["because"]["explanation"],
            "{sql}"
        );
        assert_eq!(
            parsed(record, "weir_policies"),
            explanation["because"]["policies"],
            "{sql}"
        );
        assert_eq!(record["weir_policy_hash"], explanation["policy"], "{sql}");
        let recorded = masks(&parsed(record, "weir_masks"), "column");
        assert_eq!(recorded, masks(&explanation["masks"], "name"), "{sql}");
    }
}

#[test]
fn explain_answers_for_the_workload_that_it_is_asked_about() {
    let world = shop(RULES).gateway().unwrap();
    let sql = "SELECT id FROM orders";
    let ask = |who: &[&str]| {
        let words = [who, &["--database", "app", sql]].concat();
        world
            .agent()
            .ask(&[&["explain"], &words[..]].concat())
            .unwrap()
            .status
            .code()
    };
    assert_eq!(ask(&["--as", "systemd:other.service"]), Some(4));
    assert_eq!(
        ask(&["--as", "systemd:other.service", "--as", "gateway"]),
        Some(0)
    );
    assert_eq!(ask(&["--as", "gateway", "--server", "nowhere"]), Some(1));
}

#[test]
fn explain_names_objects_and_rules_and_the_permits_that_are_missing() {
    let world = shop(RULES).gateway().unwrap();
    let sql = "TRUNCATE claims; SELECT name FROM customers WHERE ssn LIKE '5%'";
    let explanation = explain(&world, sql);
    let asked: Vec<_> = explanation["asked"].as_array().unwrap().iter().collect();
    let about = |resource: &str, action: &str| {
        let is_it = |asked: &&&Value| asked["resource"] == resource && asked["action"] == action;
        asked
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("{resource}: {asked:?}"))["answer"]
            .clone()
    };
    let [claims, customers] =
        ["claims", "customers"].map(|name| format!("Table::\"shop/app.public.{name}\""));
    let number = "Column::\"shop/app.public.customers.ssn\"";
    assert_eq!(about(&claims, "truncate"), "nobody_permits");
    assert_eq!(about(number, "filter"), "nobody_permits");
    assert_eq!(about(&customers, "select")["permitted_by"][0], "work");
    assert_eq!(
        explanation["verbs"],
        serde_json::json!(["truncate", "select"])
    );

    // What is said to be missing is all that is missing.
    let missing = explanation["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 2, "{missing:?}");
    let mut permits = String::new();
    for (number, permit) in missing.iter().enumerate() {
        permits += &format!("@id(\"missing-{number}\")\n{}\n", permit.as_str().unwrap());
    }
    let (text, _) = world.weir(&["explain", "--as", "gateway", "--database", "app", sql]);
    for permit in missing {
        assert!(
            text.contains(&format!("  missing: {}\n", permit.as_str().unwrap())),
            "{text}"
        );
    }
    write_rules(&world, &format!("{RULES}\n{permits}"));
    let explanation = explain(&world, sql);
    assert_eq!(explanation["effect"], "allow", "{explanation}");
    assert_eq!(explanation["missing"], serde_json::json!([]));
}
