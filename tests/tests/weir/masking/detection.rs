//! What looks like a secret in columns of no class is found on its way out.

use weir_tests::messages::{extended, query, rows, sync};
use weir_tests::shop::{ANALYST, DOOR};
use weir_tests::{Plan, World};

use super::session;

const TABLES: &str = r#"
CREATE TABLE notes (id int, note text, tags text[], data jsonb, ssn text);
INSERT INTO notes VALUES
  (1, 'paid by 4111 1111 1111 1111', '{ok,ada@analytical.org}', '{"mail": "ada@analytical.org", "n": 1}', '536-90-4399'),
  (2, 'nothing of note', '{a}', '{"n": 2}', NULL);
"#;

const CLASSES: &str = r#"
[classes.found]
description = "Whatever looks like a secret."
mask = { detect = "mask" }
columns = ["*/*.public.*.*"]

[classes.pii]
description = "Says who a person is."
mask = { fixed = "hidden" }
columns = ["*/*.*.*.ssn"]
"#;

const COPIES: &str = r#"
@id("copies")
permit (principal, action == Action::"copy_out", resource);
"#;

fn world(policy: &str, classes: &str) -> World {
    Plan::new()
        .script(TABLES)
        .classes(classes)
        .policy("door.cedar", DOOR)
        .policy("analyst.cedar", ANALYST)
        .policy("more.cedar", policy)
        .gateway()
        .unwrap()
}

fn ask(world: &World, sql: &str) -> Vec<Vec<String>> {
    let mut wire = session(world);
    wire.send(&query(sql)).unwrap();
    rows(&wire.until_ready().unwrap())
}

#[test]
fn what_is_found_is_masked_in_every_format() {
    let world = world(COPIES, CLASSES);
    assert_eq!(
        ask(&world, "SELECT * FROM notes ORDER BY id"),
        [
            [
                "1",
                "paid by ***",
                "{ok,***}",
                r#"{"n": 1, "mail": "***"}"#,
                "hidden"
            ],
            ["2", "nothing of note", "{a}", r#"{"n": 2}"#, "NULL"],
        ]
    );
    // It may be used for anything, and what is made of it is looked through as well.
    assert_eq!(
        ask(
            &world,
            "SELECT lower(note), count(*) FROM notes WHERE note LIKE 'paid%' GROUP BY note"
        ),
        [["paid by ***", "1"]]
    );
    let mut wire = session(&world);
    wire.send(
        &[
            extended("SELECT note, data FROM notes WHERE id = 1", &[], 1),
            sync(),
        ]
        .concat(),
    )
    .unwrap();
    let shown = rows(&wire.until_ready().unwrap());
    assert_eq!(
        shown,
        [["paid by ***", "\u{1}{\"n\": 1, \"mail\": \"***\"}"]]
    );
    let copied = world.ask(
        "analyst",
        "COPY (SELECT note FROM notes ORDER BY id) TO STDOUT",
    );
    assert_eq!(copied, "paid by ***\nnothing of note\n");
}

#[test]
fn what_is_reported_passes_and_is_in_the_evidence() {
    let world = world(
        COPIES,
        &CLASSES.replace("detect = \"mask\"", "detect = \"report\""),
    );
    let clear = ask(&world, "SELECT note, tags FROM notes WHERE id = 1");
    assert_eq!(
        clear,
        [["paid by 4111 1111 1111 1111", "{ok,ada@analytical.org}"]]
    );
    let (trail, _) = world.weir(&["audit", "show", "--json"]);
    assert!(trail.contains(r#"\"masked\":2"#), "{trail}");
}

#[test]
fn who_may_unmask_the_class_sees_what_is_found() {
    let permit = "@id(\"sees\") permit (principal, action == Action::\"unmask\", resource in Class::\"shop/app.found\");";
    let permit = permit.replace("shop/app.found", "found");
    let world = world(&permit, CLASSES);
    assert_eq!(
        ask(&world, "SELECT note, ssn FROM notes WHERE id = 1"),
        [["paid by 4111 1111 1111 1111", "hidden"]]
    );
}
