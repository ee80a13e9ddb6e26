//! Classified values do not reach whoever may not see them.

use tokio_postgres::SimpleQueryMessage;
use weir_tests::messages::{
    bind, close, describe, execute, execute_rows, extended, parse, query, rows, sync, told,
};
use weir_tests::shop::{ANALYST, CANARIES, CLERK, shop};
use weir_tests::{Frame, Plan, Wire, World};

mod detection;
mod functions;
mod lineage;
mod roundabout;

/// May do nearly everything, but see and search by classified columns.
const POWERFUL: &str = r#"
@id("rows-and-settings")
permit (principal, action in [Action::"read", Action::"write", Action::"set", Action::"lock"], resource);
@id("tables")
permit (principal, action in Action::"define", resource is Table);
"#;

/// May see classified columns, and search by them.
const ENTITLED: &str = r#"
@id("entitled")
permit (principal, action in [Action::"read", Action::"unmask", Action::"filter"], resource);
"#;

fn world(policy: &str) -> (World, Wire) {
    let world = shop(policy).gateway().unwrap();
    let wire = session(&world);
    (world, wire)
}

fn session(world: &World) -> Wire {
    let mut wire = world.wire("somebody").unwrap();
    wire.log_in("postgres", "app").unwrap();
    wire
}

/// Looks through every byte that came, whatever it is.
fn assert_nothing_leaks(frames: &[Frame], sql: &str) {
    for frame in frames {
        let text = String::from_utf8_lossy(&frame.body);
        for canary in CANARIES {
            assert!(
                !text.contains(canary),
                "{sql}\nshows {canary} in {}: {text}",
                frame.tag
            );
        }
    }
}

/// Sends it as a Query, and as Parse to Execute with results in text and in binary. All answers.
fn in_every_way(wire: &mut Wire, sql: &str) -> [Vec<Frame>; 3] {
    let ways = [
        query(sql),
        [extended(sql, &[], 0), sync()].concat(),
        [extended(sql, &[], 1), sync()].concat(),
    ];
    ways.map(|bytes| {
        wire.send(&bytes).unwrap();
        let answer = wire.until_ready().unwrap();
        assert_nothing_leaks(&answer, sql);
        answer
    })
}

#[test]
fn a_column_that_is_selected_as_it_is_comes_back_masked() {
    let (_world, mut wire) = world(ANALYST);
    const ADA: &str = "***-**-4399";
    for (sql, first) in [
        ("SELECT ssn FROM customers WHERE id = 1", vec![ADA]),
        ("SELECT (ssn) FROM customers WHERE id = 1", vec![ADA]),
        (
            "SELECT ssn AS name, name AS ssn FROM customers WHERE id = 1",
            vec![ADA, "Ada"],
        ),
        (
            "SELECT ssn, ssn FROM customers WHERE id = 1",
            vec![ADA, ADA],
        ),
        ("SELECT \"ssn\" FROM \"customers\" WHERE id = 1", vec![ADA]),
        (
            "SELECT U&\"\\0073sn\" FROM customers WHERE id = 1",
            vec![ADA],
        ),
        ("SELECT SSN FROM Public.Customers WHERE id = 1", vec![ADA]),
        (
            "SELECT app.public.customers.ssn FROM customers WHERE id = 1",
            vec![ADA],
        ),
        (
            "SELECT c.ssn FROM ONLY customers c WHERE c.id = 1",
            vec![ADA],
        ),
        (
            "SELECT x.d FROM customers AS x (a, b, c, d) WHERE x.a = 1",
            vec![ADA],
        ),
        (
            "SELECT o.id, c.email, c.ssn FROM orders o JOIN customers c ON c.id = o.customer WHERE o.id = 1",
            vec!["1", "c***@***.org", ADA],
        ),
        (
            "SELECT a.ssn, b.ssn FROM customers a, customers b WHERE a.id = 1 AND b.id = 2",
            vec![ADA, "***-**-9999"],
        ),
        (
            "SELECT now() IS NULL, ssn FROM customers WHERE id = 1",
            vec!["f", ADA],
        ),
        ("SELECT ssn FROM customers WHERE id = 1 LIMIT 1", vec![ADA]),
    ] {
        let [simple, text, binary] = in_every_way(&mut wire, sql);
        for answer in [&simple, &text, &binary] {
            assert!(
                told(answer).ends_with("C:SELECT_1 Z:I"),
                "{sql}: {}",
                told(answer)
            );
        }
        // Text is the same in binary; the last of these columns is text.
        let last = rows(&binary)[0].last().cloned();
        assert_eq!(last.as_deref(), first.last().copied(), "{sql}");
        for answer in [simple, text] {
            assert_eq!(rows(&answer)[0], first, "{sql}");
        }
    }
}

#[test]
fn all_columns_at_once_are_masked_one_by_one() {
    let (_world, mut wire) = world(ANALYST);
    for sql in [
        "SELECT * FROM customers",
        "SELECT/**/*FROM customers",
        "SELECT customers.* FROM customers",
        "TABLE customers",
        "SELECT * FROM customers AS x (a, b, c, ssn2)",
    ] {
        let [simple, text, _] = in_every_way(&mut wire, sql);
        for answer in [simple, text] {
            assert_eq!(
                rows(&answer),
                [
                    ["1", "Ada", "c***@***.org", "***-**-4399", "London", "3"],
                    ["2", "Grace", "c***@***.mil", "***-**-9999", "New York", "5"],
                    ["3", "Nobody", "NULL", "NULL", "NULL", "0"],
                ],
                "{sql}"
            );
        }
    }
}

#[test]
fn a_statement_is_masked_each_time_it_runs() {
    let (_world, mut wire) = world(ANALYST);
    let sql = "SELECT ssn, name FROM customers WHERE id < $1";
    wire.send(&[parse("s", sql), describe('S', "s"), sync()].concat())
        .unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "1 t T Z:I");
    for (format, limit) in [(0, "3"), (1, "3"), (0, "3"), (1, "2")] {
        wire.send(&[bind("", "s", &[limit], format), execute(""), sync()].concat())
            .unwrap();
        let answer = wire.until_ready().unwrap();
        assert_nothing_leaks(&answer, sql);
        assert_eq!(rows(&answer)[0], ["***-**-4399", "Ada"]);
    }
    // Nothing was ever described.
    wire.send(
        &[
            parse("t", "TABLE customers"),
            bind("p", "t", &[], 0),
            sync(),
        ]
        .concat(),
    )
    .unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "1 2 Z:I");
    wire.send(
        &[
            bind("p", "t", &[], 0),
            execute_rows("p", 1),
            execute_rows("p", 1),
            sync(),
        ]
        .concat(),
    )
    .unwrap();
    let answer = wire.until_ready().unwrap();
    assert_nothing_leaks(&answer, sql);
    assert_eq!(told(&answer), "2 D s D s Z:I");
}

#[tokio::test]
async fn a_driver_sees_masked_values_each_time() {
    let world = shop(ANALYST).gateway().unwrap();
    let (client, driver) = world.connect("somebody").await.unwrap();
    let driver = tokio::spawn(driver);
    let sql = "SELECT ssn, email FROM customers WHERE id = $1";
    let statement = client.prepare(sql).await.unwrap();
    for _ in 0..2 {
        let row = client.query_one(&statement, &[&1]).await.unwrap();
        assert_eq!(
            (row.get::<_, &str>(0), row.get::<_, &str>(1)),
            ("***-**-4399", "c***@***.org")
        );
        let row = client.query_one(&statement, &[&3]).await.unwrap();
        assert_eq!(row.get::<_, Option<&str>>(0), None);
    }
    let simple = client
        .simple_query("SELECT ssn FROM customers WHERE id = 2")
        .await
        .unwrap();
    let shown: Vec<_> = simple
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        })
        .collect();
    assert_eq!(shown, ["***-**-9999"]);
    drop(client);
    driver.await.unwrap().unwrap();
}

#[test]
fn what_a_change_returns_is_masked() {
    let (_world, mut wire) = world(CLERK);
    for sql in [
        "UPDATE customers SET visits = visits + 1 WHERE id = 1 RETURNING name, ssn",
        "UPDATE customers SET visits = 0 FROM orders o WHERE o.id = customers.id AND o.id = 1 \
         RETURNING customers.*",
        "INSERT INTO customers (id, name) VALUES (1, 'x') \
         ON CONFLICT (id) DO UPDATE SET visits = 7 RETURNING ssn",
    ] {
        for answer in in_every_way(&mut wire, sql) {
            assert!(told(&answer).contains(" D "), "{sql}: {}", told(&answer));
        }
    }
    for sql in [
        "UPDATE customers SET visits = 1 WHERE id = 1 RETURNING upper(ssn)",
        "UPDATE customers SET visits = 1 WHERE id = 1 RETURNING customers",
        "WITH d AS (UPDATE customers SET visits = 1 WHERE id = 1 RETURNING ssn) SELECT * FROM d",
    ] {
        for answer in in_every_way(&mut wire, sql) {
            assert!(told(&answer).contains(" D "), "{sql}: {}", told(&answer));
        }
    }
    for sql in [
        "UPDATE customers SET city = ssn WHERE id = 1 RETURNING city",
        "INSERT INTO orders (id, status) SELECT 99, ssn FROM customers WHERE id = 1 RETURNING status",
    ] {
        for answer in in_every_way(&mut wire, sql) {
            assert_eq!(told(&answer), "E:42501 Z:I", "{sql}");
        }
    }
}

#[test]
fn psql_shows_nothing_that_is_masked() {
    let (world, _) = world(ANALYST);
    let script = "\\d customers\n\\d+ people\nSELECT * FROM customers;\n\\x\nSELECT ssn FROM customers;\n\
                  \\gdesc\n\\copy customers TO STDOUT\n\\copy (SELECT ssn FROM customers) TO STDOUT\n\
                  SELECT ssn FROM customers \\gset\n\\echo :ssn\nSELECT * FROM people;\n\\df\n\\dt+\n\\l\n\
                  SELECT * FROM customers \\crosstabview\nSELECT ssn FROM customers \n";
    let file = world.folder().join("script.sql");
    std::fs::write(&file, script).unwrap();
    let output = world
        .psql("somebody")
        .arg("-f")
        .arg(&file)
        .output()
        .unwrap();
    let said = weir_tests::shop::said(&output);
    for canary in CANARIES {
        assert!(!said.contains(canary), "{canary} in {said}");
    }
    assert!(said.contains("***-**-4399"), "{said}");
}

#[test]
fn the_entitled_get_clear_values_byte_for_byte() {
    let (world, mut through) = world(ENTITLED);
    let mut direct = world.wire_direct().unwrap();
    direct.log_in("postgres", "app").unwrap();
    for sql in [
        "SELECT * FROM customers ORDER BY id",
        "SELECT ssn AS x FROM customers ORDER BY ssn",
        "SELECT upper(ssn), row_to_json(c) FROM customers c WHERE ssn = '536-90-4399'",
        "SELECT * FROM people",
        "WITH x AS (SELECT ssn FROM customers) SELECT string_agg(ssn, ',') FROM x",
        "COPY customers TO STDOUT",
        "COPY (SELECT ssn FROM customers) TO STDOUT (FORMAT csv, HEADER)",
    ] {
        for format in [0, 1] {
            for bytes in [query(sql), [extended(sql, &[], format), sync()].concat()] {
                through.send(&bytes).unwrap();
                direct.send(&bytes).unwrap();
                let (through, direct) = (
                    through.until_ready().unwrap(),
                    direct.until_ready().unwrap(),
                );
                assert_eq!(through, direct, "{sql}");
                assert!(
                    through.iter().any(|frame| {
                        String::from_utf8_lossy(&frame.body).contains("536-90-4399")
                    })
                );
            }
        }
    }
}

#[test]
fn an_error_of_the_server_tells_no_classified_value() {
    let deferred = "
        CREATE TABLE badges (ssn text UNIQUE, id int);
        INSERT INTO badges VALUES ('536-90-4399', 1), ('219-09-9999', 2);
        CREATE TABLE holders (ssn text REFERENCES badges (ssn) DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO holders VALUES ('536-90-4399');
        CREATE VIEW visitors AS SELECT id, name FROM customers;";
    let world = shop(POWERFUL).script(deferred).gateway().unwrap();
    let mut wire = session(&world);
    for (sql, code) in [
        // Failing row contains (...).
        ("UPDATE customers SET name = NULL WHERE id = 1", "23502"),
        ("UPDATE customers SET visits = -1 WHERE id = 1", "23514"),
        (
            "UPDATE customers SET id = NULL WHERE id = 1 RETURNING ssn",
            "23502",
        ),
        (
            "INSERT INTO customers (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = NULL",
            "23502",
        ),
        (
            "MERGE INTO customers c USING orders o ON o.customer = c.id AND o.id = 1 \
             WHEN MATCHED THEN UPDATE SET name = NULL",
            "23502",
        ),
        (
            "WITH x AS (UPDATE customers SET name = NULL WHERE id = 1 RETURNING 1) SELECT 1",
            "23502",
        ),
        // Key (ssn)=(...) is still referenced from table "claims".
        (
            "DELETE FROM customers WHERE id = 1 AND name = 'Ada'",
            "23503",
        ),
        // Through a view that does not show what the error tells.
        ("UPDATE visitors SET name = NULL WHERE id = 1", "23502"),
    ] {
        for answer in in_every_way(&mut wire, sql) {
            assert!(
                told(&answer).contains(&format!("E:{code}")),
                "{sql}: {}",
                told(&answer)
            );
        }
    }
    // A deferred constraint fails at the end of its transaction, which is another statement.
    let delete = "DELETE FROM badges WHERE id = 1";
    let ends = [
        query(&format!("BEGIN; {delete}; COMMIT")),
        [query("BEGIN"), query(delete), query("COMMIT")].concat(),
        [extended(delete, &[], 0), sync()].concat(),
        [
            query("BEGIN"),
            extended(delete, &[], 0),
            extended("COMMIT", &[], 0),
            sync(),
        ]
        .concat(),
    ];
    for end in ends {
        let mut wire = session(&world);
        wire.send(&end).unwrap();
        wire.finish().unwrap();
        let answer = wire.until_end().unwrap();
        assert!(told(&answer).contains("E:23503"), "{}", told(&answer));
        assert_nothing_leaks(&answer, delete);
    }
}
