//! Changes in disguise: comments, constants, nesting, blocks and functions.

use weir_tests::messages::{bind, execute, parse, sync, told};
use weir_tests::shop::{ANALYST, CLERK, shop};

use super::{REFUSED, assert_refused, query, session, state};

/// Permits MERGE as well, so that what its branches do is all that counts.
const MERGE: &str = r#"
@id("clerk-merge")
permit (principal, action == Action::"merge", resource in Schema::"shop/app.public");
"#;

/// Where a DELETE with a WHERE clause is permitted, only its meaning tells these from it.
#[test]
fn a_change_of_all_rows_is_refused_however_it_is_worded() {
    let world = shop(&[CLERK, MERGE].concat()).gateway().unwrap();
    assert_refused(
        &world,
        &[
            "DELETE FROM orders",
            "SELECT 1; DELETE FROM orders",
            "DELETE FROM orders WHERE id = 1; DELETE FROM orders",
            "/*x*/ DELETE FROM orders",
            "/* /* */ WHERE */ DELETE FROM orders",
            "-- c\nDELETE FROM orders",
            "-- c\rDELETE FROM orders",
            "DELETE FROM orders -- where id = 1",
            "DELETE FROM orders /* WHERE id = 1 */",
            "DELETE/**/FROM/**/ONLY/**/orders",
            "dElEtE FROM \"public\".\"orders\"",
            r#"DELETE FROM U&"\006frders""#,
            "DELETE FROM orders \"where\"",
            "DELETE FROM orders WHERE true",
            "DELETE FROM orders WHERE 1=1",
            "DELETE FROM orders WHERE 'id' = 'id'",
            "DELETE FROM orders WHERE id = id",
            "DELETE FROM orders WHERE id = 1 OR true",
            "DELETE FROM orders WHERE NOT (id = 1 AND false)",
            "DELETE FROM orders WHERE (SELECT true)",
            "DELETE FROM orders USING customers",
            "WITH d AS (DELETE FROM orders RETURNING *) SELECT count(*) FROM d",
            "WITH d AS (DELETE FROM orders) INSERT INTO claims VALUES (NULL, 'WHERE')",
            "WITH d AS (DELETE FROM orders) DELETE FROM claims WHERE what = ''",
            "EXPLAIN ANALYZE DELETE FROM orders",
            "EXPLAIN (FORMAT json, ANALYZE on) UPDATE orders SET total = 0",
            "BEGIN; DELETE FROM orders; COMMIT",
            "MERGE INTO orders USING (SELECT 1) one ON true WHEN MATCHED THEN DELETE",
            "MERGE INTO orders USING (SELECT 1) one ON true WHEN MATCHED THEN UPDATE SET total = 0",
            "UPDATE orders SET total = 0",
            "UPDATE orders SET total = 0 FROM customers WHERE true",
            "INSERT INTO orders SELECT * FROM orders ON CONFLICT (id) DO UPDATE SET total = 0",
            "INSERT INTO orders TABLE orders ON CONFLICT (id) DO UPDATE SET total = 0 WHERE true",
            "INSERT INTO orders SELECT * FROM (SELECT * FROM orders) o ON CONFLICT (id) DO UPDATE SET total = 0",
            "TRUNCATE orders",
            "DO $$ BEGIN DELETE FROM orders; END $$",
            "DO $x$ BEGIN EXECUTE 'DEL' || 'ETE FROM orders'; END $x$",
            "PREPARE wipe AS DELETE FROM orders; EXECUTE wipe",
            "CALL clean()",
            "SELECT wipe()",
            "SELECT id FROM orders WHERE wipe() = 1",
        ],
    );
}

#[test]
fn a_definition_is_not_touched_however_it_is_worded() {
    let world = shop(ANALYST).gateway().unwrap();
    assert_refused(
        &world,
        &[
            "DROP TABLE claims",
            "DROP/**/TABLE claims",
            "DROP TABLE IF EXISTS nothing, claims",
            "DROP MATERIALIZED VIEW totals",
            "DROP VIEW people",
            "DROP FUNCTION wipe()",
            "DROP ROUTINE clean",
            "DROP SEQUENCE numbers",
            "DROP SCHEMA public CASCADE",
            "DROP OWNED BY guest",
            "DROP OWNED BY guest; DROP ROLE guest",
            "ALTER/**/TABLE orders RENAME TO o",
            "ALTER TABLE orders DROP COLUMN status",
            "ALTER ROLE guest SUPERUSER",
            "CREATE ROLE thief SUPERUSER",
            "CREATE TABLE loot AS TABLE customers",
            "SELECT * INTO loot FROM customers",
            "EXPLAIN ANALYZE CREATE TABLE loot AS SELECT * FROM customers",
            "CREATE RULE r AS ON INSERT TO claims DO ALSO DELETE FROM orders",
            "CREATE OR REPLACE FUNCTION lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
            "CREATE SCHEMA s CREATE TABLE t (a int)",
            "COMMENT ON TABLE orders IS 'x'",
            "GRANT ALL ON orders TO PUBLIC",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
            "REASSIGN OWNED BY guest TO postgres",
            "REFRESH MATERIALIZED VIEW totals WITH NO DATA",
            "DO $$ BEGIN EXECUTE 'DROP TABLE claims'; END $$",
            "SELECT nextval('numbers')",
            "SELECT setval('numbers', 7)",
            "SELECT lo_create(77)",
            "SELECT id, lo_from_bytea(78, 'loot') FROM orders WHERE id = 1",
        ],
    );
}

#[test]
fn words_in_comments_and_strings_are_only_words() {
    let world = shop(ANALYST).gateway().unwrap();
    let mut wire = session(&world);
    for sql in [
        "SELECT 'drop table orders'",
        "SELECT $$; DELETE FROM orders$$",
        "SELECT E'\\'; DELETE FROM orders --'",
        "SELECT 1 -- DROP TABLE orders",
        "SELECT /* ; TRUNCATE orders; */ 1",
        "SELECT 1 AS \"DELETE FROM orders\"",
    ] {
        assert_eq!(query(&mut wire, sql), "T D C:SELECT_1 Z:I", "{sql}");
    }
}

#[test]
fn what_was_prepared_is_judged_again_when_it_runs() {
    let world = shop(CLERK).gateway().unwrap();
    let mut wire = session(&world);
    let delete = "DELETE FROM orders WHERE id = 1";
    wire.send(&[parse("wire", delete), sync()].concat())
        .unwrap();
    assert_eq!(told(&wire.until_ready().unwrap()), "1 Z:I");
    let prepare = format!("PREPARE words AS {delete}");
    assert_eq!(query(&mut wire, &prepare), "C:PREPARE Z:I");
    let before = state(&world);

    let rules = world.folder().join("policies/rules.cedar");
    std::fs::write(rules, ANALYST).unwrap();
    let (said, is_loaded) = world.weir(&["reload"]);
    assert!(is_loaded, "{said}");

    wire.send(&[bind("", "wire", &[], 0), execute(""), sync()].concat())
        .unwrap();
    let answer = told(&wire.until_ready().unwrap());
    assert!(answer.ends_with(REFUSED), "{answer}");
    assert_eq!(query(&mut wire, "EXECUTE words"), REFUSED);
    assert_eq!(query(&mut wire, "EXPLAIN ANALYZE EXECUTE words"), REFUSED);
    assert!(state(&world) == before);
}
