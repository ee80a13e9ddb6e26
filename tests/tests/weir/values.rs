//! Bind values: what is in the evidence of them, and what policies that ask about them make of each.

use std::net::IpAddr;

use serde_json::{Value, json};
use tokio_postgres::types::Type;
use weir_tests::messages::{
    bind, execute, execute_rows, extended, function_call, parse, rows, sync, told,
};
use weir_tests::shop::DOOR;
use weir_tests::{Plan, Wire, World, frame};

const TYPES: &str = "
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE kept (
  id positive, feels mood, tags text[], at timestamptz, price numeric, who inet, raw bytea, moods mood[], flag bool
);
CREATE FUNCTION double(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
";

fn world() -> World {
    Plan::new().script(TYPES).gateway().unwrap()
}

fn session(world: &World) -> Wire {
    let mut wire = world.wire("anybody").unwrap();
    wire.log_in("postgres", "app").unwrap();
    wire
}

/// The values of every decided statement whose text has this in it, oldest first.
fn values(world: &World, text: &str) -> Vec<Value> {
    let (said, _) = world.weir(&["audit", "show", "--json", "-n", "1000"]);
    let rows = said
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let column = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let rows = rows.filter(|row| {
        column(row, "weir_event") == "decided"
            && column(row, "weir_stage") == "run"
            && column(row, "query_info_query_string").contains(text)
    });
    rows.map(|row| serde_json::from_str(&column(&row, "weir_values")).expect("JSON"))
        .collect()
}

/// Parse with the types of its parameters.
fn parse_typed(name: &str, sql: &str, types: &[u32]) -> Vec<u8> {
    let mut body = [name.as_bytes(), b"\0", sql.as_bytes(), b"\0"].concat();
    body.extend(u16::try_from(types.len()).unwrap().to_be_bytes());
    types.iter().for_each(|oid| body.extend(oid.to_be_bytes()));
    frame('P', &body)
}

/// Bind of one value in binary format.
fn bind_binary(statement: &str, value: &[u8]) -> Vec<u8> {
    let mut body = [b"\0", statement.as_bytes(), b"\0\0\x01\0\x01\0\x01"].concat();
    body.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
    body.extend(value);
    body.extend([0, 0]);
    frame('B', &body)
}

#[tokio::test]
async fn evidence_shows_binary_values_as_the_server_prints_them() {
    let world = world();
    let (client, driver) = world.connect("anybody").await.unwrap();
    tokio::spawn(driver);
    let insert = client
        .prepare("INSERT INTO kept (tags, at, who, raw, flag) VALUES ($1, $2::text::timestamptz, $3, $4, $5)")
        .await
        .unwrap();
    let who: IpAddr = "10.0.0.7".parse().unwrap();
    let tags = vec![Some("a b"), None, Some("NULL")];
    let at = "2026-07-01 12:00:00+00";
    for _ in 0..2 {
        client
            .execute(&insert, &[&tags, &at, &who, &&b"\x00'"[..], &true])
            .await
            .unwrap();
    }
    let number = client
        .prepare_typed("SELECT id FROM kept WHERE id = $1", &[Type::INT4])
        .await
        .unwrap();
    client.query(&number, &[&-7_i32]).await.unwrap();
    drop(client);
    let value = |name, text| json!({"type": name, "format": "binary", "value": text});
    let inserted = json!([
        value("text[]", "{\"a b\",NULL,\"NULL\"}"),
        value("text", at),
        value("inet", "10.0.0.7"),
        value("bytea", "\\x0027"),
        value("bool", "t"),
    ]);
    assert_eq!(
        values(&world, "INSERT INTO kept"),
        [inserted.clone(), inserted]
    );
    assert_eq!(
        values(&world, "SELECT id FROM kept"),
        [json!([value("int4", "-7")])]
    );
}

#[test]
fn evidence_knows_domains_enums_and_their_arrays_by_the_catalog() {
    let world = world();
    let oid = |name: &str| -> u32 {
        let oid = world
            .database()
            .run("app", &format!("SELECT '{name}'::regtype::oid"));
        oid.unwrap().trim().parse().unwrap()
    };
    let mut wire = session(&world);
    let array = [
        &1_u32.to_be_bytes()[..],
        &0_u32.to_be_bytes(),
        &oid("mood").to_be_bytes(),
        &1_u32.to_be_bytes(),
        &1_u32.to_be_bytes(),
        &3_u32.to_be_bytes(),
        b"sad",
    ]
    .concat();
    for (name, value, shown) in [
        ("positive", &7_u32.to_be_bytes()[..], "7"),
        ("mood", b"glad", "glad"),
        ("mood[]", &array, "{sad}"),
    ] {
        let sql = format!("SELECT $1 /* {name} */");
        let batch = [
            parse_typed("", &sql, &[oid(name)]),
            bind_binary("", value),
            execute(""),
            sync(),
        ];
        wire.send(&batch.concat()).unwrap();
        assert_eq!(told(&wire.until_ready().unwrap()), "1 2 D C:SELECT_1 Z:I");
        let name = format!("public.{name}");
        let expected = json!([{"type": name, "format": "binary", "value": shown}]);
        assert_eq!(values(&world, &sql), [expected]);
    }
}

#[test]
fn evidence_says_where_a_value_cannot_be_read() {
    let world = world();
    let mut wire = session(&world);
    let batch = [
        parse("", "SELECT $1::money"),
        bind_binary("", &[0, 0, 0, 0, 0, 0, 0, 100]),
        execute(""),
        sync(),
    ];
    wire.send(&batch.concat()).unwrap();
    wire.until_ready().unwrap();
    let why = "its type, or that type's binary format, is not known";
    let expected =
        json!([{"type": null, "format": "binary", "hex": "0000000000000064", "why": why}]);
    assert_eq!(values(&world, "money"), [expected]);
}

#[test]
fn evidence_of_a_function_call_has_the_types_of_its_signature() {
    let world = world();
    let oid = world
        .database()
        .run("app", "SELECT 'double'::regproc::oid")
        .unwrap();
    let oid: u32 = oid.trim().parse().unwrap();
    let mut body = oid.to_be_bytes().to_vec();
    body.extend([0, 1, 0, 1, 0, 1, 0, 0, 0, 4, 0, 0, 0, 21, 0, 0]);
    let mut wire = session(&world);
    wire.send(&frame('F', &body)).unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "V Z:I");
    let expected = json!([{"type": "int4", "format": "binary", "value": "21"}]);
    assert_eq!(values(&world, "FunctionCall"), [expected]);
}

#[test]
fn people_read_the_values_beside_the_statement() {
    let world = world();
    let mut wire = session(&world);
    let batch = [
        parse_typed("", "SELECT $1, 'x' AS y", &[23]),
        bind_binary("", &[0, 0, 0, 42]),
        execute(""),
        bind("", "", &["43"], 0),
        execute(""),
        sync(),
    ];
    wire.send(&batch.concat()).unwrap();
    wire.until_ready().unwrap();
    let (said, _) = world.weir(&["audit", "show", "-n", "100"]);
    assert!(said.contains("SELECT $1, 'x' AS y  $1 = 42"), "{said}");
    assert!(said.contains("SELECT $1, 'x' AS y  $1 = 43"), "{said}");
}

/// Everybody works on the orders of tenant 42, and doubles anything but 7.
const TENANT: &str = r#"
@id("own-orders")
permit (
  principal, action in [Action::"select", Action::"update", Action::"delete"], resource == Table::"shop/app.public.orders"
)
when { context.equals.contains({ column: "tenant", value: "42" }) };

@id("double")
permit (principal, action == Action::"call", resource == Function::"shop/app.public.double")
when { context.values_known && !context.parameters.contains({ number: 1, value: "7" }) };
"#;

const ORDERS: &str = "
CREATE TABLE orders (id int, tenant bigint, total numeric);
INSERT INTO orders VALUES (1, 42, 10), (2, 42, 20), (3, 43, 30);
CREATE FUNCTION double(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
";

fn tenants() -> (World, Wire) {
    let world = Plan::new()
        .script(ORDERS)
        .policy("door.cedar", DOOR)
        .policy("rules.cedar", TENANT)
        .gateway()
        .unwrap();
    let wire = session(&world);
    (world, wire)
}

const OWN: &str = "SELECT id FROM orders WHERE tenant = $1 ORDER BY id";

fn answer(wire: &mut Wire, messages: &[Vec<u8>]) -> String {
    wire.send(&messages.concat()).unwrap();
    told(&wire.until_ready().unwrap())
}

#[test]
fn every_execute_is_judged_with_its_own_values() {
    let (_world, mut wire) = tenants();
    assert_eq!(answer(&mut wire, &[parse("s", OWN), sync()]), "1 Z:I");
    for _ in 0..2 {
        for (value, expected) in [
            ("42", "2 D D C:SELECT_2 Z:I"),
            ("43", "2 E:42501 Z:I"),
            ("042", "2 D D C:SELECT_2 Z:I"),
            ("+43", "2 E:42501 Z:I"),
        ] {
            let messages = [bind("", "s", &[value], 0), execute(""), sync()];
            assert_eq!(answer(&mut wire, &messages), expected, "{value}");
        }
    }
}

#[test]
fn a_portal_keeps_the_values_that_it_was_bound_with() {
    let (_world, mut wire) = tenants();
    answer(&mut wire, &[parse("s", OWN), sync()]);
    let messages = [
        bind("own", "s", &["42"], 0),
        bind("", "s", &["43"], 0),
        execute_rows("own", 1),
        execute_rows("own", 1),
        execute(""),
        execute("own"),
        sync(),
    ];
    assert_eq!(answer(&mut wire, &messages), "2 2 D s D s E:42501 Z:I");
}

#[test]
fn texts_that_differ_in_a_value_are_judged_each_with_its_own() {
    let (_world, mut wire) = tenants();
    for _ in 0..2 {
        for (sql, expected) in [
            (
                "SELECT id FROM orders WHERE tenant = 42",
                "T D D C:SELECT_2 Z:I",
            ),
            ("SELECT id FROM orders WHERE tenant = 43", "E:42501 Z:I"),
            (
                "UPDATE orders SET total = 1 WHERE tenant = 43",
                "E:42501 Z:I",
            ),
            (
                "UPDATE orders SET total = 1 WHERE tenant = 42",
                "C:UPDATE_2 Z:I",
            ),
            (
                "DELETE FROM orders WHERE tenant = 42 OR id = 3",
                "E:42501 Z:I",
            ),
            (
                "SELECT id FROM orders a WHERE tenant = 42 AND EXISTS (SELECT 1 FROM orders)",
                "E:42501 Z:I",
            ),
        ] {
            assert_eq!(told(&wire.query(sql).unwrap()), expected, "{sql}");
        }
    }
}

#[test]
fn what_no_value_would_permit_cannot_be_prepared() {
    let (_world, mut wire) = tenants();
    for sql in [
        "INSERT INTO orders VALUES ($1)",
        "SELECT id FROM orders WHERE tenant = 43",
        "SELECT relname FROM pg_class WHERE oid = $1 AND pg_sleep(1) IS NULL",
    ] {
        assert_eq!(
            answer(&mut wire, &[parse("", sql), sync()]),
            "E:42501 Z:I",
            "{sql}"
        );
    }
}

#[tokio::test]
async fn binary_values_are_judged_like_their_text() {
    let (world, _wire) = tenants();
    let (client, driver) = world.connect("anybody").await.unwrap();
    tokio::spawn(driver);
    let own = client.prepare(OWN).await.unwrap();
    for _ in 0..2 {
        assert_eq!(client.query(&own, &[&42_i64]).await.unwrap().len(), 2);
        let refused = client.query(&own, &[&43_i64]).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501");
    }
}

#[test]
fn a_statement_that_is_prepared_by_sql_does_not_run_with_values_that_nobody_judged() {
    let (world, mut wire) = tenants();
    let prepare = format!("PREPARE own (bigint) AS {OWN}");
    assert_eq!(told(&wire.query(&prepare).unwrap()), "E:42501 Z:I");
    let harmless = "PREPARE one AS SELECT 1";
    assert_eq!(told(&wire.query(harmless).unwrap()), "C:PREPARE Z:I");
    assert_eq!(
        told(&wire.query("EXECUTE one").unwrap()),
        "T D C:SELECT_1 Z:I"
    );
    for sql in ["EXECUTE own (42)", "EXECUTE own (43)"] {
        assert_eq!(told(&wire.query(sql).unwrap()), "E:42501 Z:I", "{sql}");
    }
    let (said, _) = world.weir(&["audit", "show", "-n", "100"]);
    assert!(said.contains("EXECUTE own (43)"), "{said}");
}

#[test]
fn every_function_call_is_judged_with_its_own_arguments() {
    let (world, mut wire) = tenants();
    let oid = world
        .database()
        .run("app", "SELECT 'double'::regproc::oid")
        .unwrap();
    let oid = oid.trim().parse().unwrap();
    for _ in 0..2 {
        for (argument, expected) in [("6", "V Z:I"), ("7", "E:42501 Z:I"), ("07", "E:42501 Z:I")] {
            let call = function_call(oid, &[argument]);
            assert_eq!(answer(&mut wire, &[call]), expected, "{argument}");
        }
    }
    // A function in SQL may have changed the search_path, for all that is known.
    let mut wire = session(&world);
    let call = |value| extended("SELECT double($1)", &[value], 0);
    // What the argument's type is, the text does not say: not knowing is not permitted.
    assert_eq!(answer(&mut wire, &[call("6"), sync()]), "1 2 T E:42501 Z:I");
    let typed = |value| extended("SELECT public.double($1::int)", &[value], 0);
    let answered = answer(&mut wire, &[typed("6"), sync()]);
    assert_eq!(answered, "1 2 T D C:SELECT_1 Z:I");
    assert_eq!(
        answer(&mut wire, &[typed("7"), sync()]),
        "1 2 T E:42501 Z:I"
    );
}

#[test]
fn policies_that_begin_to_ask_about_values_judge_open_sessions_by_them() {
    let (world, mut wire) = tenants();
    let rules = world.folder().join("policies/rules.cedar");
    let all = "@id(\"all-orders\")\npermit (principal, action == Action::\"select\", resource in Schema::\"shop/app.public\");\n";
    let reload = |text: &str| {
        std::fs::write(&rules, text).unwrap();
        let (said, is_well) = world.weir(&["reload"]);
        assert!(is_well, "{said}");
    };
    let sql = |tenant: u8| format!("SELECT id FROM orders WHERE tenant = {tenant}");
    reload(all);
    for tenant in [42, 43, 43] {
        let answer = wire.query(&sql(tenant)).unwrap();
        assert!(!rows(&answer).is_empty(), "{}", told(&answer));
    }
    reload(TENANT);
    for (tenant, expected) in [
        (43, "E:42501 Z:I"),
        (42, "T D D C:SELECT_2 Z:I"),
        (43, "E:42501 Z:I"),
    ] {
        assert_eq!(
            told(&wire.query(&sql(tenant)).unwrap()),
            expected,
            "{tenant}"
        );
    }
}
