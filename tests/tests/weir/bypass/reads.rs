//! Reads in disguise: more rows than may be read, and values that may not be seen.

use weir_tests::messages::{bind, execute, extended, parse, rows, sync, told};
use weir_tests::shop::{ANALYST, CANARIES, shop};
use weir_tests::{Frame, Wire};

use super::{REFUSED, in_every_way, past, query, session};

/// Two rows are all that anybody may ask for.
const FEW: &str = r#"
@id("few-rows")
forbid (principal, action in Action::"read", resource in Schema::"shop/app.public")
unless { context.statements == 1 && context has limit && context.limit <= 2 };
"#;

fn count(frames: &[Frame]) -> usize {
    let is_row = |frame: &&Frame| matches!(frame.tag, 'D' | 'd');
    frames.iter().filter(is_row).count()
}

fn canary(frames: &[Frame]) -> Option<&'static str> {
    let is_in = |canary: &&str, frame: &Frame| {
        let mut parts = frame.body.windows(canary.len());
        parts.any(|part| part == canary.as_bytes())
    };
    let mut canaries = CANARIES.into_iter();
    canaries.find(|canary| frames.iter().any(|frame| is_in(canary, frame)))
}

#[test]
fn a_limit_is_understood_and_not_looked_for() {
    let world = shop(&[ANALYST, FEW].concat()).gateway().unwrap();
    let mut wire = session(&world);
    let mut past = past(&world);
    for sql in [
        "SELECT id FROM orders LIMIT 2",
        "SELECT id FROM orders FETCH FIRST 2 ROWS ONLY",
        "(SELECT id FROM orders) LIMIT 2",
        "SELECT id FROM orders UNION ALL SELECT id FROM orders LIMIT 2",
    ] {
        for answer in in_every_way(&mut wire, sql) {
            assert_eq!(count(&answer), 2, "{sql}: {}", told(&answer));
        }
    }
    for sql in [
        "SELECT id FROM orders",
        "SELECT id FROM orders LIMIT 100000000",
        "SELECT id FROM orders LIMIT 3",
        "SELECT id FROM orders LIMIT ALL",
        "SELECT id FROM orders LIMIT NULL",
        "SELECT id FROM orders LIMIT 1 + 2",
        "SELECT id FROM orders LIMIT 1e9",
        "SELECT id FROM orders LIMIT '3'",
        "SELECT id FROM orders LIMIT (SELECT 3)",
        "SELECT id FROM orders OFFSET 0",
        "SELECT id FROM orders FETCH FIRST 3 ROWS ONLY",
        "SELECT id FROM orders ORDER BY id > 0 FETCH FIRST 1 ROW WITH TIES",
        "SELECT id FROM orders -- limit 1",
        "SELECT id FROM orders /* LIMIT 1 */",
        "SELECT id AS \"limit\" FROM orders",
        "TABLE orders",
        "(SELECT id FROM orders)",
        "SELECT id FROM orders UNION ALL (SELECT id FROM orders LIMIT 1)",
        "WITH o AS (SELECT id FROM orders LIMIT 1) SELECT orders.id FROM orders, o",
        "SELECT orders.id FROM orders, (SELECT 1 LIMIT 1) one",
        "SELECT id FROM orders WHERE EXISTS (SELECT FROM orders LIMIT 1)",
        "COPY orders TO STDOUT",
        "COPY (SELECT id FROM orders) TO STDOUT",
        "COPY (SELECT id FROM orders LIMIT 3) TO STDOUT",
        "SELECT 1 LIMIT 1; SELECT id FROM orders",
        "SELECT id FROM orders LIMIT 1; SELECT id FROM orders LIMIT 2",
        "SELECT id FROM orders; SELECT 1 LIMIT 1",
        "BEGIN; DECLARE c CURSOR FOR SELECT id FROM orders; FETCH ALL c; COMMIT",
        "PREPARE all_of_it AS SELECT id FROM orders; EXECUTE all_of_it; DEALLOCATE all_of_it",
    ] {
        for answer in in_every_way(&mut wire, sql) {
            assert_eq!(told(&answer), REFUSED, "{sql}");
        }
        let answer = past.query(sql).unwrap();
        assert!(count(&answer) > 2, "{sql}: {}", told(&answer));
    }
    // The number comes with the bind values, after the statement was judged.
    let bound = extended("SELECT id FROM orders LIMIT $1", &["3"], 0);
    wire.send(&[bound, sync()].concat()).unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), REFUSED);
}

#[test]
fn no_wording_of_a_query_shows_a_classified_value() {
    let world = shop(ANALYST)
        .script("CREATE VIEW deeper AS SELECT p.number AS city FROM people p")
        .gateway()
        .unwrap();
    let mut wire = session(&world);
    let mut past = past(&world);
    for sql in [
        "SELECT * FROM customers",
        "SELECT customers.* FROM customers",
        "SELECT *, 1 FROM customers",
        "SELECT/**/*/**/FROM/**/customers",
        "TABLE customers",
        "SELECT name, ssn FROM customers",
        "SELECT ssn AS city FROM customers",
        "SELECT city FROM customers c (a, b, ssn, city, e)",
        "SELECT c.ssn FROM orders o JOIN customers c ON c.id = o.customer",
        "SELECT * FROM orders JOIN customers ON true",
        "SELECT (c).ssn FROM customers c",
        "SELECT c FROM customers c",
        "SELECT (SELECT ssn FROM customers WHERE id = 1)",
        "SELECT number FROM people",
        "SELECT city FROM deeper",
        "SELECT ssn || '' FROM customers",
        "SELECT array_agg(ssn) FROM customers",
        "SELECT row_to_json(c) FROM customers c",
        "SELECT ssn FROM customers UNION SELECT what FROM claims",
        "WITH RECURSIVE r AS (SELECT ssn FROM customers) SELECT * FROM r",
        "SELECT x FROM customers, LATERAL (SELECT ssn AS x) l",
        "SELECT ssn::int FROM customers",
        "SELECT CAST(email AS date) FROM customers",
        "SELECT tell()",
        "SELECT * FROM tell()",
        "SELECT query_to_xml('SELECT * FROM customers', true, true, '')",
        "SELECT table_to_xml('customers', true, true, '')",
        "SELECT schema_to_xml('public', true, true, '')",
        "SELECT database_to_xml(true, true, '')",
        "COPY customers TO STDOUT",
        "COPY customers (ssn) TO STDOUT WITH (FORMAT binary)",
        "COPY (SELECT ssn FROM customers) TO STDOUT",
        "BEGIN; DECLARE c CURSOR FOR SELECT ssn || '' FROM customers; FETCH ALL c; COMMIT",
        "PREPARE p AS SELECT ssn || '' FROM customers; EXECUTE p; DEALLOCATE p",
        "INSERT INTO claims SELECT ssn, email FROM customers WHERE id = 1 RETURNING what",
        "DO $$ BEGIN RAISE NOTICE '%', (SELECT string_agg(ssn, ' ') FROM customers); END $$",
        "DO $$ BEGIN RAISE '%', (SELECT string_agg(ssn, ' ') FROM customers); END $$",
    ] {
        for answer in in_every_way(&mut wire, sql) {
            assert_eq!(canary(&answer), None, "{sql}: {}", told(&answer));
        }
        // Where only a part of it was refused, the rest must not stand open.
        query(&mut wire, "ROLLBACK");
        let shown = past.query(sql).unwrap();
        query(&mut past, "ROLLBACK");
        assert!(canary(&shown).is_some(), "{sql}: {}", told(&shown));
    }
}

#[test]
fn a_statement_that_runs_again_without_a_description_is_masked_again() {
    let world = shop(ANALYST).gateway().unwrap();
    let run = |wire: &mut Wire, format| {
        let again = [bind("", "again", &["1"], format), execute(""), sync()];
        wire.send(&again.concat()).unwrap();
        wire.until_ready().unwrap()
    };
    let mut wires = [session(&world), past(&world)];
    for wire in &mut wires {
        let sql = "SELECT ssn AS city FROM customers WHERE id = $1";
        wire.send(&[parse("again", sql), sync()].concat()).unwrap();
        assert_eq!(told(&wire.until_ready().unwrap()), "1 Z:I");
    }
    let [wire, past] = &mut wires;
    for format in [0, 1, 0] {
        let answer = run(wire, format);
        assert_eq!(rows(&answer), [["***-**-4399"]]);
        assert_eq!(rows(&run(past, format)), [["536-90-4399"]]);
    }
}
