//! Classes beside the columns that there are.

use std::fs;
use std::process::Output;

use serde_json::Value;
use weir_tests::{PERMIT_ALL, Plan, World};

use super::errors;

const TABLES: &str = r#"
CREATE TABLE people (id int, work_mail text, "Passwort" text, note text, ref text, email text, seen timestamptz);
INSERT INTO people SELECT n, 'x', 'y', 'p' || n || '@example.org',
  (ARRAY['4111111111111111', '5500000000000004', '340000000000009'])[n] FROM generate_series(1, 3) n;
CREATE TABLE moved (at date, ip inet) PARTITION BY RANGE (at);
CREATE TABLE moved_1 PARTITION OF moved FOR VALUES FROM ('2020-01-01') TO ('2030-01-01');
"#;

const CLASSES: &str = r#"
[classes.contact]
description = "Reaches a person."
mask = "email"
columns = [
  "*/*.*.*.email",
  "shop/app.public.people.emial", "shop/other.*.*.x",
]
"#;

fn world() -> World {
    let plan = Plan::new().script(TABLES).classes(CLASSES);
    plan.policy("all.cedar", PERMIT_ALL).gateway().unwrap()
}

fn say(world: &World, words: &[&str]) -> Output {
    let words = [&["classes"], words, &["--database", "app"]].concat();
    world.agent().ask(&words).unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_pattern_that_fits_no_column_is_told_with_its_place() {
    let world = world();
    let output = say(&world, &["check"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(
        text(&output),
        "classes.toml:7:3: \"shop/app.public.people.emial\" of class \"contact\" fits no column of app; correct or remove it\n"
    );
    let output = say(&world, &["check", "--json"]);
    let told: Value = serde_json::from_str(&text(&output)).unwrap();
    assert_eq!(
        (&told[0]["line"], &told[0]["column"]),
        (&7.into(), &3.into())
    );
    let right = CLASSES.replace("emial", "note");
    fs::write(world.folder().join("policies/classes.toml"), right).unwrap();
    let output = say(&world, &["check"]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_mask_that_is_not_for_its_columns_type_is_told() {
    let world = world();
    let classes = CLASSES
        .replace("emial", "note")
        .replace("\"*/*.*.*.email\"", "\"*/*.*.*.seen\"");
    fs::write(world.folder().join("policies/classes.toml"), classes).unwrap();
    let output = say(&world, &["check"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        text(&output),
        "classes.toml:6:3: the mask of class \"contact\" is not for shop/app.public.people.seen, which is of type \
         timestamptz: it is shown as \"redact\" shows it; give it a mask of its own\n\
         classes.toml: ok, every pattern fits a column of app\n"
    );
}

#[test]
fn what_is_suggested_can_be_pasted_as_it_is_and_then_nothing_is_left_to_suggest() {
    let world = world();
    let named = text(&say(&world, &["suggest"]));
    assert!(
        !named.contains("people.note") && !named.contains("people.ref"),
        "only by name: {named}"
    );
    let sampled = text(&say(&world, &["suggest", "--sample", "100"]));
    for line in [
        r#"column = "shop/app.public.people.work_mail", mask = "email" }, # its name has "mail" in it"#,
        r#"column = 'shop/app.public.people."Passwort"', mask = "null" }, # its name has "passwort" in it"#,
        r#"column = "shop/app.public.people.note", mask = "email" }, # 3 of 3 sampled values are e-mail addresses"#,
        r#"column = "shop/app.public.people.ref""#,
        "# 3 of 3 sampled values are payment card numbers",
        r#"column = "shop/app.public.moved.ip""#,
        "[classes.contact-more]",
    ] {
        assert!(sampled.contains(line), "{line}\n{sampled}");
    }
    for absent in [
        "people.email",
        "people.id",
        "moved_1",
        "example.org",
        "4111",
    ] {
        assert!(!sampled.contains(absent), "{absent}\n{sampled}");
    }
    let pasted = format!("{CLASSES}\n{sampled}");
    fs::write(world.folder().join("policies/classes.toml"), pasted).unwrap();
    let check = world.agent().ask(&["check"]).unwrap();
    assert!(check.status.success(), "{}", errors(&check));
    let left = say(&world, &["suggest", "--sample", "100", "--json"]);
    assert_eq!(text(&left).trim(), "[]");
}

#[test]
fn a_database_that_cannot_be_read_is_named() {
    let world = world();
    let words = ["classes", "check", "--database", "nowhere"];
    let output = world.agent().ask(&words).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = errors(&output);
    assert!(
        errors.contains("shop/nowhere") && errors.contains("does not exist"),
        "{errors}"
    );
}
