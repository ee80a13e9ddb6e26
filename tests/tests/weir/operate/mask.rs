//! What `weir mask plan` prints does in the database what the agent does on the wire.

use std::process::Output;

use weir_tests::shop::{ANALYST, DOOR, said};
use weir_tests::{Plan, World};

const TABLES: &str = r#"
CREATE ROLE analyst LOGIN;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;
CREATE DOMAIN address AS text;
CREATE TYPE mood AS ENUM ('sad');
CREATE TABLE people (
  id int, "Full ""Name" text, mail varchar(40), iban address, born date, seen timestamp, salary numeric(10,2), height real,
  note text, tags text[], data jsonb, mood mood, token text, gone text
);
INSERT INTO people VALUES
  (1, 'Ada L', 'ada@mail.example.org', 'DE44500105175407324931', '1984-05-17', '2024-02-29 10:11:12.5', 41999.50, 171.25,
   'it''s \ secret', '{a,b}', '{"a": 1}', 'sad', 'secret', 'x'),
  (2, 'no', 'no address', '4931', '0001-01-01', 'infinity', -0.5, -1, '', '{}', 'null', NULL, '', NULL),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
GRANT SELECT ON people TO analyst;
CREATE TABLE open (id int);
"#;

const CLASSES: &str = r#"
[classes.pii]
description = "d"
mask = "redact"
columns = [
  '*/*.*.people."Full ""Name"',
  { column = "*/*.*.people.mail", mask = "email" },
  { column = "*/*.*.people.iban", mask = { partial = { prefix = 2, pad = "'*\\", suffix = 4 } } },
  { column = "*/*.*.people.born", mask = { date = { floor = "year" } } },
  { column = "*/*.*.people.seen", mask = { date = { floor = "month" } } },
  { column = "*/*.*.people.salary", mask = { number = { bucket = 1000 } } },
  { column = "*/*.*.people.height", mask = { number = { bucket = 10 } } },
  { column = "*/*.*.people.note", mask = { fixed = "it's \\ hidden" } },
  { column = "*/*.*.people.tags", mask = "null" },
  "*/*.*.people.data",
  "*/*.*.people.mood",
  { column = "*/*.*.people.token", mask = "null" },
  { column = "*/*.*.people.gone", mask = { always = "gone" } },
]
"#;

fn plan(world: &World, words: &[&str]) -> Output {
    let words = [&["mask", "plan", "--database", "app"], words].concat();
    world.agent().ask(&words).unwrap()
}

/// As the role, past the agent.
fn ask(world: &World, sql: &str) -> String {
    let mut psql = world.psql_direct();
    let output = psql
        .args(["-U", "analyst", "-At", "-c", sql])
        .output()
        .unwrap();
    said(&output)
}

#[test]
fn the_views_show_what_the_agent_shows_and_the_role_sees_nothing_else() {
    let world = Plan::new()
        .script(TABLES)
        .classes(CLASSES)
        .policy("door.cedar", DOOR)
        .policy("analyst.cedar", ANALYST)
        .gateway()
        .unwrap();
    let output = plan(&world, &["--for", "analyst"]);
    assert!(output.status.success(), "{output:?}");
    let script = String::from_utf8(output.stdout).unwrap();
    assert!(!script.contains("\"open\""), "{script}");
    // Twice, as after a change of the classes.
    for _ in 0..2 {
        world.database().run("app", &script).unwrap();
    }
    let by_agent = world.ask("analyst", "SELECT * FROM people ORDER BY id");
    let by_view = ask(&world, "SELECT * FROM masked_public.people ORDER BY id");
    // What is infinite has no month on the wire.
    assert_eq!(by_agent.lines().count(), 3, "{by_agent}");
    assert_eq!(by_view.replace("infinity", ""), by_agent);
    assert!(ask(&world, "SELECT id FROM people").starts_with("1\n"));
    for refused in [
        "SELECT * FROM people",
        "SELECT mail FROM people",
        "TABLE people",
    ] {
        let said = ask(&world, refused);
        assert!(said.contains("permission denied"), "{refused}: {said}");
    }
}

#[test]
fn what_sql_cannot_say_is_redacted_and_told() {
    let hash = "mask = { hash = { key = \"k\" } }";
    let classes = CLASSES.replace("mask = \"redact\"", hash);
    let world = Plan::new().script(TABLES).classes(&classes).gateway();
    // The agent itself does not start without the key.
    let error = world.unwrap_err().to_string();
    assert!(error.contains("[masking.keys]"), "{error}");
}
