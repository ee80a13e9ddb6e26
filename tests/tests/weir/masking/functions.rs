//! What every function shows of every type is a value of that type, in both formats, and says the same in both.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use stage::Folder;
use weir_tests::messages::{bind_binary, describe, execute, extended, parse, query, rows, sync};
use weir_tests::shop::{ANALYST, DOOR};
use weir_tests::{Plan, World};

use super::session;

/// A column's type and value, its mask, and what is shown; nothing where it only has to be of the type and another value.
const COLUMNS: [(&str, &str, &str, &str); 40] = [
    ("text", "secret", r#""redact""#, "***"),
    ("text", "secret", r#""null""#, "NULL"),
    (
        "text",
        "4012888888881881",
        r#"{ partial = { prefix = 0, pad = "X", suffix = 4 } }"#,
        "X1881",
    ),
    (
        "varchar(20)",
        "ada@example.org",
        r#""email""#,
        "a***@***.org",
    ),
    ("text", "secret", r#"{ hash = { key = "k" } }"#, ""),
    (
        "text",
        "4012-8888-8888-1881",
        r#"{ tokenize = { key = "k" } }"#,
        "",
    ),
    ("char(8)", "secret", r#"{ fixed = "hidden" }"#, "hidden"),
    ("mood", "sad", r#""redact""#, "NULL"),
    ("address", "secret", r#""redact""#, "***"),
    ("pair", "(1,secret)", r#""redact""#, "NULL"),
    ("int4range", "[1,5)", r#""redact""#, "NULL"),
    (
        "smallint",
        "1234",
        r#"{ number = { bucket = 1000 } }"#,
        "1000",
    ),
    ("int", "41999", r#"{ number = { bucket = 1000 } }"#, "41000"),
    ("int", "41999", r#"{ fixed = "0" }"#, "0"),
    (
        "int",
        "41999",
        r#"{ noise = { key = "k", percent = 10 } }"#,
        "",
    ),
    ("int", "4199999", r#"{ hash = { key = "k" } }"#, ""),
    ("int", "4199999", r#"{ tokenize = { key = "k" } }"#, ""),
    (
        "bigint",
        "4012888888881881",
        r#"{ hash = { key = "k", joinable = true } }"#,
        "",
    ),
    (
        "bigint",
        "4012888888881881",
        r#"{ tokenize = { key = "k" } }"#,
        "",
    ),
    (
        "numeric(12,2)",
        "41999.99",
        r#"{ number = { bucket = 1000 } }"#,
        "41000",
    ),
    (
        "numeric(12,2)",
        "41999.99",
        r#"{ noise = { key = "k", percent = 10 } }"#,
        "",
    ),
    ("numeric", "0.000123", r#"{ fixed = "-0.50" }"#, "-0.50"),
    ("real", "1999.5", r#"{ number = { bucket = 100 } }"#, "1900"),
    (
        "double precision",
        "1999.5",
        r#"{ noise = { key = "k", percent = 10 } }"#,
        "",
    ),
    (
        "date",
        "1984-05-17",
        r#"{ date = { floor = "year" } }"#,
        "1984-01-01",
    ),
    (
        "date",
        "1984-05-17",
        r#"{ noise = { key = "k", days = 10 } }"#,
        "",
    ),
    (
        "timestamp",
        "1984-05-17 10:11:12.5",
        r#"{ date = { floor = "quarter" } }"#,
        "1984-04-01 00:00:00",
    ),
    (
        "timestamptz",
        "1984-05-17 10:11:12.5+00",
        r#"{ date = { floor = "day" } }"#,
        "1984-05-17 00:00:00+00",
    ),
    (
        "timestamptz",
        "1984-05-17 10:11:12.5+00",
        r#"{ noise = { key = "k", days = 10 } }"#,
        "",
    ),
    (
        "timestamptz",
        "1984-05-17 10:11:12.5+00",
        r#"{ fixed = "1900-01-01 00:00:00+00" }"#,
        "1900-01-01 00:00:00+00",
    ),
    (
        "uuid",
        "00112233-4455-6677-8899-aabbccddeeff",
        r#"{ hash = { key = "k" } }"#,
        "",
    ),
    (
        "uuid",
        "00112233-4455-6677-8899-aabbccddeeff",
        r#"{ tokenize = { key = "k" } }"#,
        "",
    ),
    (
        "inet",
        "10.1.2.3",
        r#"{ fixed = "10.0.0.0/8" }"#,
        "10.0.0.0/8",
    ),
    (
        "bytea",
        r"\x736563726574",
        r#"{ hash = { key = "k" } }"#,
        "",
    ),
    (
        "json",
        r#"{"a": 1, "ssn": "secret"}"#,
        r#"{ json = { ssn = "redact" } }"#,
        r#"{"a": 1, "ssn": "***"}"#,
    ),
    (
        "jsonb",
        r#"{"a": 1, "ssn": "secret"}"#,
        r#"{ json = { ssn = "redact" } }"#,
        r#"{"a": 1, "ssn": "***"}"#,
    ),
    ("jsonb", r#"{"ssn": "secret"}"#, r#""redact""#, "null"),
    (
        "text[]",
        r#"{"a secret",NULL,b}"#,
        r#""redact""#,
        "{***,NULL,***}",
    ),
    (
        "int[]",
        "{{1999,2},{3,4}}",
        r#"{ number = { bucket = 1000 } }"#,
        "{{1000,0},{0,0}}",
    ),
    (
        "date[]",
        "[0:1]={1984-05-17,NULL}",
        r#"{ date = { floor = "year" } }"#,
        "[0:1]={1984-01-01,NULL}",
    ),
];

/// A file with one key, for nobody else to read.
fn key(folder: &Folder, key: &str) -> String {
    let path = folder.path().join("k.key");
    fs::write(&path, key.repeat(32)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    format!("[masking.keys]\nk = {{ file = \"{}\" }}\n", path.display())
}

fn world(folder: &Folder) -> World {
    let mut classes =
        String::from("[classes.c]\ndescription = \"d\"\nmask = \"null\"\ncolumns = [\n");
    let mut tables = String::from(
        "ALTER DATABASE app SET timezone = 'UTC';
        CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN address AS text; CREATE TYPE pair AS (a int, b text);\n",
    );
    for (number, (kind, value, mask, _)) in COLUMNS.iter().enumerate() {
        classes += &format!("{{ column = \"*/*.*.t{number}.v\", mask = {mask} }},\n");
        tables += &format!(
            "CREATE TABLE t{number} (v {kind}); INSERT INTO t{number} VALUES ('{value}'), (NULL);\n"
        );
    }
    Plan::new()
        .policy("door.cedar", DOOR)
        .policy("analyst.cedar", ANALYST)
        .classes(&(classes + "]\n"))
        .config(&key(folder, "5a"))
        .script(&tables)
        .gateway()
        .unwrap()
}

#[test]
fn what_is_shown_is_of_the_columns_type_in_both_formats() {
    let folder = Folder::new("weir-keys").unwrap();
    let world = world(&folder);
    let mut through = session(&world);
    let mut direct = world.wire_direct().unwrap();
    direct.log_in("postgres", "app").unwrap();
    for (number, (kind, clear, mask, expected)) in COLUMNS.iter().enumerate() {
        let sql = format!("SELECT v FROM t{number}");
        through.send(&query(&sql)).unwrap();
        let shown = rows(&through.until_ready().unwrap());
        assert_eq!(shown[1], ["NULL"], "{kind} {mask}");
        let shown = &shown[0][0];
        assert!(
            shown != clear && !shown.contains("secret"),
            "{kind} {mask}: {shown}"
        );
        assert!(
            expected.is_empty() || shown == expected,
            "{kind} {mask}: {shown}"
        );
        through
            .send(&[extended(&sql, &[], 1), sync()].concat())
            .unwrap();
        let frames = through.until_ready().unwrap();
        let binary = frames
            .iter()
            .find(|frame| frame.tag == 'D')
            .unwrap()
            .columns()
            .remove(0);
        let Some(binary) = binary else {
            assert_eq!(shown, "NULL", "{kind} {mask}");
            continue;
        };
        // The server itself reads what was shown in binary, and says it is what was shown in text.
        let same = format!("SELECT $1::{kind}::text, $${shown}$$::{kind}::text");
        let asked = [
            parse("", &same),
            bind_binary(&[&binary]),
            describe('P', ""),
            execute(""),
            sync(),
        ];
        direct.send(&asked.concat()).unwrap();
        let frames = direct.until_ready().unwrap();
        let read = rows(&frames);
        assert_eq!(read.len(), 1, "{kind} {mask}: {shown} {frames:?}");
        assert_eq!(read[0][0], read[0][1], "{kind} {mask}");
    }
}

#[test]
fn another_key_shows_other_values_once_it_is_reloaded() {
    let folder = Folder::new("weir-keys").unwrap();
    let world = world(&folder);
    let mut wire = session(&world);
    let mut hash = || {
        wire.send(&query("SELECT v FROM t4 LIMIT 1")).unwrap();
        rows(&wire.until_ready().unwrap())
    };
    let before = hash();
    assert_eq!(before, hash());
    key(&folder, "a5");
    let output = world.agent().ask(&["reload"]).unwrap();
    assert!(output.status.success(), "{output:?}");
    let after = hash();
    assert_ne!(before, after);
    key(&folder, "zz");
    let output = world.agent().ask(&["reload"]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("the old keys stay") && !said.contains("zzzz"),
        "{said}"
    );
    assert_eq!(after, hash());
    let output = world.agent().ask(&["check"]).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}
