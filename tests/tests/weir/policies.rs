//! Tools for people who write policies, with real databases and trails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use weir_tests::messages::{bind, execute, parse, rows, sync, told};
use weir_tests::shop::{CLASSES, CLERK, DOOR, TABLES, said, shop};
use weir_tests::{Plan, Wire, World};

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

/// What `weir policy test` says to the shipped policies.
fn test(world: &World, more: &[&str]) {
    let policies = shipped().display().to_string();
    let words = [&["policy", "test", "--dir", &policies], more].concat();
    let (said, is_well) = world.weir(&words);
    assert!(is_well && said.ends_with(": 0 failed\n"), "{said}");
}

#[test]
fn tests_of_policies_come_out_alike_by_a_schema_a_dump_of_it_and_the_live_catalog() {
    let schema = fs::read_to_string(shipped().join("tests/shop.sql")).unwrap();
    let world = Plan::new().script(&schema).gateway().unwrap();
    test(&world, &[]);
    test(&world, &["--live"]);
    let dump = Command::new(world.database().program("pg_dump"))
        .arg("--host")
        .arg(world.database().data())
        .args(["--port", &world.database().port().to_string()])
        .args(["--username", "postgres", "--schema-only", "app"])
        .output()
        .unwrap();
    assert!(dump.status.success(), "{}", said(&dump));
    fs::write(world.folder().join("shop.sql"), dump.stdout).unwrap();
    for file in ["agent", "analyst", "application", "base", "oncall"] {
        let name = format!("{file}.toml");
        let copy = world.folder().join(&name);
        fs::copy(shipped().join("tests").join(&name), &copy).unwrap();
        test(&world, &[&copy.display().to_string()]);
    }
}

/// Writes a policy directory with the door's policies and this one.
fn write_policies(world: &World, name: &str, classes: &str, policy: &str) -> String {
    let directory = world.folder().join(name);
    fs::create_dir(&directory).unwrap();
    for (file, text) in [
        ("classes.toml", classes),
        ("door.cedar", DOOR),
        ("rules.cedar", policy),
    ] {
        fs::write(directory.join(file), text).unwrap();
    }
    directory.display().to_string()
}

/// Reads customers, sees their numbers and not where they live, is asked about changes, and may delete everything.
const OTHER: &str = r#"
@id("customers")
permit (principal, action == Action::"select", resource == Table::"shop/app.public.customers");
@id("numbers")
permit (principal, action == Action::"unmask", resource in Class::"pii");
@id("asked")
permit (principal, action == Action::"update", resource) when { context.approved };
@id("deleting")
permit (principal, action == Action::"delete", resource);
@id("few-claims-outside-of-transactions")
permit (principal, action == Action::"select", resource == Table::"shop/app.public.claims")
when { context has limit && context.limit <= 5 && !context.in_transaction };
"#;

const PLACES: &str = "[classes.place]\ndescription = \"Where somebody lives.\"\nmask = \"redact\"\ncolumns = [\"*/*.*.*.city\"]\n";

#[test]
fn replaying_the_trail_tells_each_difference_with_who_how_often_and_an_example() {
    let world = shop(CLERK)
        .config("[audit]\nsegment_seconds = 1\n")
        .gateway()
        .unwrap();
    let mut wire = session(&world);
    for sql in [
        "SELECT ssn FROM customers WHERE id = 1",
        "SELECT city FROM customers",
        "SELECT id FROM customers",
        "SELECT id FROM orders",
        "DELETE FROM orders",
        "SELECT what FROM claims LIMIT 5",
        "BEGIN",
        "SELECT what FROM claims LIMIT 5",
        "ROLLBACK",
        "SELECT what FROM claims LIMIT 6",
    ] {
        wire.query(sql).unwrap();
    }
    for n in 0..3 {
        let sql = format!("UPDATE orders SET total = {n} WHERE id = 1");
        wire.send(&[parse("", &sql), bind("", "", &[], 0), execute(""), sync()].concat())
            .unwrap();
        assert_eq!(told(&wire.until_ready().unwrap()), "1 2 C:UPDATE_1 Z:I");
    }
    let same = write_policies(&world, "same", CLASSES, CLERK);
    let replay = |words: &[&str]| {
        let words = [&["policy", "replay", "--since", "1h", "--policies"], words].concat();
        world.agent().ask(&words).unwrap()
    };
    let unchanged = replay(&[&same]);
    assert_eq!(unchanged.status.code(), Some(0), "{}", said(&unchanged));
    assert!(
        said(&unchanged).starts_with("14 requests of 1 subjects, from "),
        "{}",
        said(&unchanged)
    );
    assert!(said(&unchanged).ends_with("all of them come out as they did\n"));

    let other = write_policies(&world, "other", &format!("{CLASSES}{PLACES}"), OTHER);
    let changed = replay(&[&other, "--json"]);
    assert_eq!(changed.status.code(), Some(3), "{}", said(&changed));
    let report: Value = serde_json::from_slice(&changed.stdout).unwrap();
    let found: Vec<_> = report["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            let first = &group["examples"][0];
            (
                group["change"].as_str().unwrap(),
                group["count"].as_u64().unwrap(),
                first["statement"].as_str().unwrap(),
                first["now"]["because"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (
                "denied",
                3,
                "SELECT id FROM orders",
                "nobody permits select on table shop/app.public.orders"
            ),
            (
                "held",
                3,
                "UPDATE orders SET total = 0 WHERE id = 1",
                "update on table shop/app.public.orders needs approval"
            ),
            (
                "masked",
                1,
                "SELECT city FROM customers",
                "permitted by customers"
            ),
            (
                "unmasked",
                1,
                "SELECT ssn FROM customers WHERE id = 1",
                "permitted by customers, numbers"
            ),
            ("allowed", 1, "DELETE FROM orders", "permitted by deleting"),
        ]
    );
    // Whoever runs the tests.
    let who = report["differences"][0]["subject"]["workload"]
        .as_str()
        .unwrap();
    let held = format!("newly held: 3\n  {who} as postgres on shop/app: 3\n");
    let text = said(&replay(&[&other]));
    for line in [
        &held,
        "    1 times: UPDATE orders SET total = 0 WHERE id = 1\n",
        "      was allow: permitted by clerk-work\n      now hold: update on table shop/app.public.orders needs approval\n",
        "      now allow: permitted by customers; masked: public.customers.city\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let busy = "@id(\"busy\")\nforbid (principal, action, resource) when { context.usage.hour.rows > 1000000 };\n";
    let limited = write_policies(&world, "limited", CLASSES, &format!("{CLERK}{busy}"));
    let note = "note: they ask about time or usage: each request is judged at its own time, and as the first";
    let said = said(&replay(&[&limited]));
    assert!(said.starts_with(note), "{said}");
    let (nothing, is_well) =
        world.weir(&["policy", "replay", "--policies", &other, "--until", "1h"]);
    assert!(
        is_well && nothing == "nothing was recorded in this time\n",
        "{nothing}"
    );
}

fn session(world: &World) -> Wire {
    let mut wire = world.wire("somebody").unwrap();
    let greeting = wire.log_in("postgres", "app").unwrap();
    assert!(told(&greeting).ends_with("Z:I"), "{}", told(&greeting));
    wire
}

#[test]
fn what_a_workload_did_becomes_policies_that_permit_it_and_nothing_else() {
    let world = Plan::new()
        .script(TABLES)
        .classes(CLASSES)
        .policy("door.cedar", DOOR)
        .config("mode = \"monitor\"\n")
        .gateway()
        .unwrap();
    let mut wire = session(&world);
    let done = [
        "SELECT name, ssn FROM customers WHERE email = 'a@b'",
        "SELECT id FROM orders",
        "UPDATE orders SET status = 'late' WHERE id = 2",
        "DO 'BEGIN END'",
    ];
    for sql in done {
        wire.query(sql).unwrap();
    }
    let learn = world
        .agent()
        .ask(&["policy", "learn", "--for", "gateway"])
        .unwrap();
    assert!(learn.status.success(), "{}", said(&learn));
    let policies = String::from_utf8(learn.stdout).unwrap();
    assert!(policies.contains("// Left out: 1 that touch what cannot be known, and need `opaque`, such as: DO 'BEGIN END'"), "{policies}");
    assert!(
        policies.contains("[\"postgres\"].contains(context.db_user)"),
        "{policies}"
    );

    // Enforced, and nothing else is permitted any more.
    let directory = world.folder().join("policies");
    fs::remove_file(directory.join("door.cedar")).unwrap();
    fs::write(directory.join("learned-gateway.cedar"), &policies).unwrap();
    let config = fs::read_to_string(world.config()).unwrap();
    fs::write(world.config(), config.replace("\"monitor\"", "\"enforce\"")).unwrap();
    let mut world = world;
    world.agent_mut().stop().unwrap();
    world.restart().unwrap();
    let mut wire = session(&world);
    let answers = done.map(|sql| told(&wire.query(sql).unwrap()));
    assert_eq!(
        answers,
        [
            "T C:SELECT_0 Z:I",
            "T D D D C:SELECT_3 Z:I",
            "C:UPDATE_1 Z:I",
            "E:42501 Z:I"
        ]
    );
    for other in [
        "SELECT email FROM customers WHERE email LIKE 'a%'; DELETE FROM orders WHERE id = 1",
        "SELECT what FROM claims",
        "UPDATE orders SET status = 'late'",
        "INSERT INTO orders VALUES (9)",
        "SELECT relname FROM pg_class",
        "SET role = postgres",
        "SELECT wipe()",
    ] {
        assert_eq!(told(&wire.query(other).unwrap()), "E:42501 Z:I", "{other}");
    }
    let masked = rows(
        &wire
            .query("SELECT ssn, email FROM customers WHERE id = 1")
            .unwrap(),
    );
    assert_eq!(
        masked,
        [["536-90-4399", "c***@***.org"]],
        "an address was searched by, and not seen"
    );
}
